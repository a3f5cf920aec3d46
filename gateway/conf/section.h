/*
 * section: the sections of configuration that are pushed, by the table of
 * keys. Validation, defaults, the published JSON Schema and what a key does to
 * a snapshot are walks over the same rows, so that they cannot disagree. Pure;
 * any thread.
 */
#ifndef GATEWAY_CONF_SECTION_H
#define GATEWAY_CONF_SECTION_H

#include <cjson/cJSON.h>

#include "cache/base/error.h"

struct conf;

enum section_id {
	SECTION_LINK_MANAGER = 0,
	SECTION_GATEWAY,
	SECTION_REVCHECK,
	SECTION_NUM
};

/* "corda.p2p.linkManager". */
const char *section_name(enum section_id id);
/* What it is for, in a line. */
const char *section_help(enum section_id id);
/* Exact name; SECTION_NUM when there is none. Case counts. */
enum section_id section_find(const char *name);

/*
 * section_validate: 0, or E_PARSE naming the path, the value and what was
 * expected. Loose in types, as Corda is: "8080" passes for an integer, "true"
 * for a boolean, a number for a string.
 */
int section_validate(
    enum section_id id, const cJSON *config, struct err *err) MUST_USE;

/*
 * Writes the numbers, flags and words of a validated section into a snapshot
 * that is being made. Lists are left to the caller.
 */
int section_apply(struct conf *values, enum section_id id, const cJSON *config,
    struct err *err) MUST_USE;

/*
 * A copy of config (may be NULL) with every default filled in. What acts while
 * a key is not set is what `base` has; without a base, what the table has.
 * NULL when out of memory.
 */
cJSON *section_with_defaults(
    enum section_id id, const cJSON *config, const struct conf *base);

#endif
