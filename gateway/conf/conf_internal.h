/* conf_internal: what the files of conf share with each other only. */
#ifndef GATEWAY_CONF_CONF_INTERNAL_H
#define GATEWAY_CONF_CONF_INTERNAL_H

#include "gateway/conf/conf.h"
#include "gateway/conf/conf_key.h"
#include "gateway/conf/conf_table.h"

/* What keys of the table need beside their row; see conf_key.fn. */
int conf_read_schema(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_include(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_listeners(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_identity_read(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_trust_read(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_allow_read(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_link_read(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_subjects(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_http_present(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_http_listeners(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_http_paths(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_password(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_password_hash(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_read_header_name(
    struct conf_reader *r, const struct conf_place *place, void *base);
int conf_user_read(
    struct conf_reader *r, const struct conf_place *place, void *base);

/* Opens the token, finds the keys of identities that are in it. */
int conf_resolve_token(struct conf *c, struct conf_reader *r) MUST_USE;

/*
 * A URL without user, query and fragment; with_path: one that ends with '/' may
 * be there, else none but "/".
 */
bool conf_url_fits(const char *url, bool with_path);
/*
 * Whether what goes there can be read on the way: no https, and not to this
 * host by an address, which no name server has a say in.
 */
bool conf_url_is_open(const char *url);
/* What concerns several keys of `doorman`. */
int conf_resolve_doorman(struct conf *c, struct conf_reader *r) MUST_USE;
/* Names and group of `authorize`, and that somebody may call it. */
int conf_resolve_authorize(struct conf *c, struct conf_reader *r) MUST_USE;

/* Name of the member of `fleet`, and that nothing secret goes in clear. */
int conf_resolve_fleet(struct conf *c, struct conf_reader *r) MUST_USE;

/* A snapshot with every default in place. */
struct conf *conf_new_default(struct err *err);

/* The i-th of all that is listened on, and its place; false: no more. */
bool conf_nth_listen(const struct conf *c, size_t i, const struct address **out,
    char *path, size_t size);

/* Resolves what the file left open and checks what concerns several keys. */
int conf_finish(struct conf *c, struct conf_reader *r) MUST_USE;

/* conf_allow.c: what rules say of listeners, once those are known. */
int conf_resolve_allow(struct conf *c, struct conf_reader *r) MUST_USE;

/* conf_free.c */
void conf_identity_cleanup(struct conf_identity *id);
void conf_trust_cleanup(struct conf_trust *t);

#endif
