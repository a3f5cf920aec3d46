/*
 * effect: what pushed sections mean for the engine and the door. Pure: from
 * configurations to values, nothing is applied here.
 */
#ifndef GATEWAY_CONTROL_EFFECT_H
#define GATEWAY_CONTROL_EFFECT_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/state/section_store.h"
#include "revcheck/revcheck.h"

/* The stored configurations (NULL: none) over the bootstrap file. */
struct effect_input {
	const struct conf *base;
	const cJSON *sections[SECTION_NUM];
};

/* The policy that the sections ask for. E_PARSE when they contradict. */
int effect_policy(struct revcheck_policy *out, const struct effect_input *in,
    struct err *err) MUST_USE;

/* How long a warm-up before HARD_FAIL may take; 0: there is none. */
uint32_t effect_warm_up_ms(const struct effect_input *in);

/* How the engine is to be made: acts at the next start. */
struct effect_options {
	struct revcheck_options options;
	const char **allow; /* heap, with the strings in the sections */
	uint16_t *ports;
};
int effect_options(struct effect_options *out, const struct effect_input *in,
    struct err *err) MUST_USE;
void effect_options_cleanup(struct effect_options *o);

/* Per-issuer rules; strings are lent by the sections. */
struct effect_rules {
	struct revcheck_issuer_rule *rules;
	size_t num;
};
int effect_rules(struct effect_rules *out, const struct effect_input *in,
    struct err *err) MUST_USE;
void effect_rules_cleanup(struct effect_rules *r);

/*
 * Fills what the door has to know. paths (heap; strings lent by the sections)
 * is what overlay points at.
 */
struct effect_overlay {
	struct conf_overlay overlay;
	struct conf_http_path *paths;
};
int effect_overlay(struct effect_overlay *out, const struct effect_input *in,
    struct err *err) MUST_USE;
void effect_overlay_cleanup(struct effect_overlay *o);

/*
 * Defaults of a section that are not the schema's, because the bootstrap file
 * or another section says otherwise. NULL when there are none.
 */
cJSON *effect_defaults(enum section_id id, const struct effect_input *in);

#endif
