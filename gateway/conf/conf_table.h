/*
 * conf_table: JSON objects into structures by a table of keys. A key that the
 * table does not have, a wrong type or a value out of range is an error of
 * conf_place.h.
 */
#ifndef GATEWAY_CONF_CONF_TABLE_H
#define GATEWAY_CONF_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/conf/conf_key.h"
#include "gateway/conf/conf_place.h"

struct address;

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
