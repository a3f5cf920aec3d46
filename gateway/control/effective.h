/*
 * effective: what pushed sections mean for the engine and the door. Pure: from
 * configurations to values, nothing is applied here.
 */
#ifndef GATEWAY_CONTROL_EFFECTIVE_H
#define GATEWAY_CONTROL_EFFECTIVE_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/state/section_store.h"
#include "revcheck/revcheck.h"

/* The stored configurations (NULL: none) over the bootstrap file. */
struct effective_input {
	const struct conf *base;
	const cJSON *sections[SECTION_NUM];
};

void effective_input_of(struct effective_input *out, const struct conf *base,
    const struct section_store *sections);

/* The policy that the sections ask for. E_PARSE when they contradict. */
int effective_policy(struct revcheck_policy *out,
    const struct effective_input *in, struct err *err) MUST_USE;

/* How long a warm-up before HARD_FAIL may take; 0: there is none. */
uint32_t effective_warm_up_ms(const struct effective_input *in);

/* How the engine is to be made: acts at the next start. */
struct effective_options {
	struct revcheck_options options;
	const char **allow; /* heap, with the strings in the sections */
	uint16_t *ports;
};
int effective_options(struct effective_options *out,
    const struct effective_input *in, struct err *err) MUST_USE;
void effective_options_cleanup(struct effective_options *o);

/* Per-issuer rules; strings are lent by the sections. */
struct effective_rules {
	struct revcheck_issuer_rule *rules;
	size_t num;
};
int effective_rules(struct effective_rules *out,
    const struct effective_input *in, struct err *err) MUST_USE;
void effective_rules_cleanup(struct effective_rules *r);

/*
 * Fills what the door has to know. paths (heap; strings lent by the sections)
 * is what overlay points at.
 */
struct effective_overlay {
	struct conf_overlay overlay;
	struct conf_http_path *paths;
};
int effective_overlay(struct effective_overlay *out,
    const struct effective_input *in, struct err *err) MUST_USE;
void effective_overlay_cleanup(struct effective_overlay *o);

/*
 * Defaults of a section that are not the schema's, because the bootstrap file
 * or another section says otherwise. NULL when there are none.
 */
cJSON *effective_defaults(enum section_id id, const struct effective_input *in);

#endif
