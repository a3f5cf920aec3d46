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

/*
 * The file's values with those of the sections over them: numbers, flags,
 * words, and the paths of HTTP mode. What a section does not say is as the
 * file says. E_PARSE when they contradict. `conf` is a view: it borrows from
 * base and from the two members after it.
 */
struct effective_values {
	struct conf conf;
	struct conf_http_path *paths;
	cJSON *gateway;
};
int effective_values(struct effective_values *out,
    const struct effective_input *in, struct err *err) MUST_USE;
void effective_values_cleanup(struct effective_values *v);

/*
 * A section as stored, with what acts where it says nothing. NULL: out of
 * memory.
 */
cJSON *
effective_with_defaults(enum section_id id, const struct effective_input *in);

/*
 * How the engine is to be made. Where may be fetched from acts at once, all
 * else at the next start.
 */
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

#endif
