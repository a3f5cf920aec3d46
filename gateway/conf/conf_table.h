/*
 * conf_table: JSON objects into structures by a table of keys. A key that the
 * table does not have, a wrong type or a value out of range is one sentence
 * with place, value and expectation; for the bootstrap file, also with file
 * and line.
 */
#ifndef GATEWAY_CONF_CONF_TABLE_H
#define GATEWAY_CONF_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/conf/conf_key.h"

struct address;
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
	enum section_id section;            /* of what is pushed */
	struct err *err;
};

/*
 * Reads place's object into base; absent members stay as they are. Of a pushed
 * section only numbers, flags and words are stored, and nothing if base is
 * NULL.
 */
int conf_read_object(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, void *base) MUST_USE;

/* Writes the defaults of a table's keys into base, which is zeroed. */
int conf_read_defaults(
    const struct conf_key *table, void *base, struct err *err) MUST_USE;

/* E_PARSE with file, line, path and value in front of "expected ...". */
int conf_read_fail(struct conf_reader *r, const struct conf_place *place,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * The same for a path known beforehand; the text begins with a verb:
 * conf_fail(r, "$.links", "is []: expected ..."). OpenSSL's queue is emptied.
 */
int conf_fail(struct conf_reader *r, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

int conf_no_memory(struct conf_reader *r);

/* The string at place, or NULL after conf_read_fail. */
const char *
conf_read_string(struct conf_reader *r, const struct conf_place *place);

/* Absolute form of a path of the file; NULL when out of memory. */
char *conf_read_path(struct conf_reader *r, const char *path);

/* A key by file or, "pkcs11:...", in the token; base is char *. */
int conf_read_key(
    struct conf_reader *r, const struct conf_place *place, void *base);
bool conf_key_in_token(const char *key_file);

/*
 * An address to listen on; base is struct address. A port alone is one of
 * loopback, and of `host` with _on.
 */
int conf_read_listen(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_listen_on(struct conf_reader *r, const struct conf_place *place,
    const char *host, struct address *out);

/* An array at place, element by element. max bounds their number. */
int conf_read_array(struct conf_reader *r, const struct conf_place *place,
    size_t max,
    int (*fn)(struct conf_reader *, const struct conf_place *, void *),
    void *base) MUST_USE;

#endif
