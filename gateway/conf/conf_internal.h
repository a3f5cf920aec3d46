/* conf_internal: what the files of conf share with each other only. */
#ifndef GATEWAY_CONF_CONF_INTERNAL_H
#define GATEWAY_CONF_CONF_INTERNAL_H

#include "gateway/conf/conf.h"
#include "gateway/conf/conf_table.h"

/* The table of the whole bootstrap file; base is struct conf. */
extern const struct conf_field conf_file_table[];

extern const struct conf_field conf_rest_table[]; /* base: struct conf_rest */

extern const struct conf_field conf_pkcs11_table[]; /* struct conf_pkcs11 */

/* A key by file or, "pkcs11:...", in the token; base is char *. */
int conf_read_key(
    struct conf_reader *r, const struct conf_place *place, void *base);
bool conf_key_in_token(const char *key_file);
/* Opens the token, finds the keys of identities that are in it. */
int conf_resolve_token(struct conf *c, struct conf_reader *r) MUST_USE;
/* The "http" object; base is struct conf. */
int conf_read_http(
    struct conf_reader *r, const struct conf_place *place, void *base);

int conf_no_memory(struct conf_reader *r);
/* An address to listen on; base is struct address. */
int conf_read_listen(
    struct conf_reader *r, const struct conf_place *place, void *base);

/* A snapshot with every default in place. */
struct conf *conf_new_default(struct err *err);

/* Resolves what the file left open and checks what concerns several keys. */
int conf_finish(struct conf *c, struct conf_reader *r) MUST_USE;

/* What a derived snapshot has and its parent has not. */
void conf_free_derived(struct conf *c);

void conf_free_strings(char **list, size_t num);
void conf_free_paths(struct conf_http_path *list, size_t num);
void conf_identity_cleanup(struct conf_identity *id);
void conf_trust_cleanup(struct conf_trust *t);

#endif
