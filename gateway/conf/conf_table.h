/*
 * conf_table: JSON objects into structures by table. A table names every key
 * an object may have; any other key, a wrong type or a value out of range is
 * one sentence with file, line, JSON path, value and expectation.
 */
#ifndef GATEWAY_CONF_CONF_TABLE_H
#define GATEWAY_CONF_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"

struct conf;

/* A place in the document; built on the stack, root first. */
struct conf_place {
	const struct conf_place *up; /* NULL at the root */
	const char *key;             /* NULL for an array element */
	size_t index;
	const cJSON *item;
};

/* What one reading shares. */
struct conf_reader {
	const char *file; /* as shown in errors */
	const char *text; /* of the file, for the lines that errors name */
	size_t len;
	char *dir;                 /* relative paths start here */
	const struct conf *before; /* may be NULL; see conf_load */
	struct err *err;
};

enum conf_kind {
	CONF_KIND_U32,     /* uint32_t */
	CONF_KIND_U64,     /* uint64_t, up to 2^53 */
	CONF_KIND_BOOL,    /* bool */
	CONF_KIND_FLAG,    /* int, 0 or 1 */
	CONF_KIND_STRING,  /* char * */
	CONF_KIND_PATH,    /* char *, made absolute by the reader's dir */
	CONF_KIND_STRINGS, /* char ** and size_t after it */
	CONF_KIND_ENUM,    /* unsigned int: index into words */
	CONF_KIND_OBJECT,  /* another table, same base */
	CONF_KIND_CUSTOM   /* fn */
};

struct conf_field {
	const char *key;
	enum conf_kind kind;
	size_t offset;
	uint64_t min, max;        /* numbers; items of STRINGS */
	const char *const *words; /* ENUM, NULL-terminated */
	const struct conf_field *table;
	int (*fn)(
	    struct conf_reader *r, const struct conf_place *place, void *base);
	bool required;
};

/* Table entries; what follows the named arguments are more initialisers. */
#define CONF_NUMBER(k, kd, t, m, lo, hi, ...)                               \
	{                                                                   \
		.key = k, .kind = CONF_KIND_##kd, .offset = offsetof(t, m), \
		.min = lo, .max = hi, ##__VA_ARGS__                         \
	}
#define CONF_VALUE(k, kd, t, m, ...)                                        \
	{                                                                   \
		.key = k, .kind = CONF_KIND_##kd, .offset = offsetof(t, m), \
		.max = 10000, ##__VA_ARGS__                                 \
	}
#define CONF_CALL(k, off, f, ...)                                           \
	{                                                                   \
		.key = k, .kind = CONF_KIND_CUSTOM, .offset = off, .fn = f, \
		##__VA_ARGS__                                               \
	}
#define CONF_FIELD_END      \
	{                   \
		.key = NULL \
	}

/* Reads place's object into base; absent members stay as they are. */
int conf_read_object(struct conf_reader *r, const struct conf_place *place,
    const struct conf_field *table, void *base) MUST_USE;

/* E_PARSE with file, line, path and value in front of "expected ...". */
int conf_read_fail(struct conf_reader *r, const struct conf_place *place,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * The same for a path known beforehand; the text begins with a verb:
 * conf_fail(r, "$.links", "is []: expected ..."). OpenSSL's queue is emptied.
 */
int conf_fail(struct conf_reader *r, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The string at place, or NULL after conf_read_fail. */
const char *
conf_read_string(struct conf_reader *r, const struct conf_place *place);

/* Absolute form of a path of the file; NULL when out of memory. */
char *conf_read_path(struct conf_reader *r, const char *path);

/* An array of strings that are not empty, appended to a heap list. */
int conf_read_strings(struct conf_reader *r, const struct conf_place *place,
    size_t max, char ***list, size_t *num) MUST_USE;

/* An array at place, element by element. max bounds their number. */
int conf_read_array(struct conf_reader *r, const struct conf_place *place,
    size_t max,
    int (*fn)(struct conf_reader *, const struct conf_place *, void *),
    void *base) MUST_USE;

/*
 * Appends a zeroed element of `size` to a heap array; NULL when out of
 * memory. The caller fills it in place.
 */
void *conf_grow(void *array_ptr, size_t *num, size_t size);

#endif
