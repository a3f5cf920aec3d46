/*
 * conf_place: a place in what is read, and what is wrong there: one sentence
 * with place, value and expectation; for the bootstrap file, also with file
 * and line. What may be a secret is not in it.
 */
#ifndef GATEWAY_CONF_CONF_PLACE_H
#define GATEWAY_CONF_CONF_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/conf/conf_key.h"

struct conf;
struct conf_sources;
struct conf_graft;

/* A place in the document; built on the stack, root first. */
struct conf_place {
	const struct conf_place *up; /* NULL at the root */
	const char *key;             /* NULL for an array element */
	size_t index;
	const cJSON *item;
	bool type_only; /* of the value nothing else is said */
};

/* What one reading shares. */
struct conf_reader {
	const char *file; /* as shown in errors; NULL: a pushed section */
	const char *text; /* of the file, for the lines that errors name */
	size_t len;
	const char *dir;                    /* relative paths start here */
	const struct conf_sources *sources; /* NULL: one file */
	const struct conf_graft *graft;     /* what of which it reads */
	const struct conf *before;          /* may be NULL; see conf_load */
	bool names_only;                    /* no file is opened */
	enum section_id section;            /* of what is pushed */
	struct err *err;
};

static inline bool
conf_is_pushed(const struct conf_reader *r)
{
	return r->file == NULL;
}

/* E_PARSE with file, line, path and value in front of "expected ...". */
int conf_read_fail(struct conf_reader *r, const struct conf_place *place,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * The same for a path known beforehand; the text begins with a verb:
 * conf_fail(r, "$.links", "is []: expected ...").
 */
int conf_fail(struct conf_reader *r, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Of a value in place of many the type is enough. */
int conf_read_not_a(
    struct conf_reader *r, const struct conf_place *place, const char *what);

/*
 * The key of that name elsewhere in the table, or else one below prefix that is
 * written much like it; NULL: none.
 */
const char *conf_meant_key(const struct conf_key *table,
    const struct conf_names *names, const char *prefix, const char *name);

/* The place's key is not in the table; says what may be meant. */
int conf_no_such_key(struct conf_reader *r, struct conf_place *place,
    const struct conf_key *table, const char *prefix);

/* A required key that is not there. */
int conf_missing(struct conf_reader *r, const struct conf_place *place);

int conf_no_memory(struct conf_reader *r);

#endif
