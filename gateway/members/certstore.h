/*
 * certstore: certificate chains uploaded over REST, each under an alias, for
 * one use, of a holding identity or of the whole cluster. Kept in the state
 * directory. Control thread only.
 */
#ifndef GATEWAY_MEMBERS_CERTSTORE_H
#define GATEWAY_MEMBERS_CERTSTORE_H

#include <stddef.h>

#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/members/keystore.h"

#define CERTSTORE_MAX       10000
#define CERTSTORE_MAX_CHAIN 10
#define CERTSTORE_MAX_ALIAS 100

enum certstore_usage {
	CERTSTORE_TLS = 0, /* "p2p-tls" */
	CERTSTORE_SESSION,
	CERTSTORE_REST,
	CERTSTORE_CODE,
	CERTSTORE_NUM_USAGES
};

/* Owned by its store; lent until the next put. */
struct certstore_chain {
	char holder[KEYSTORE_ID_SIZE]; /* "": the cluster */
	enum certstore_usage usage;
	char *alias;
	char *pem; /* leaf first */
};

struct certstore;

int certstore_open(struct certstore **out, const char *dir,
    const struct log *log, struct err *err) MUST_USE;
void certstore_close(struct certstore *s);

/* CERTSTORE_NUM_USAGES for a word that is none. */
enum certstore_usage certstore_usage_parse(const char *word);

/*
 * Certificates from PEM (any number) or DER (one). E_PARSE names what is
 * wrong. Free each, and the list.
 */
struct certstore_list {
	X509 *v[CERTSTORE_MAX_CHAIN];
	size_t num;
};
int certstore_read(struct certstore_list *list, const char *data, size_t len,
    struct err *err) MUST_USE;
void certstore_list_cleanup(struct certstore_list *list);

/* Each was issued by the next, none comes twice; else E_PARSE. */
int certstore_check_order(
    const struct certstore_list *list, struct err *err) MUST_USE;

/* Puts a chain there, in place of the one with that alias. On disk after. */
int certstore_put(struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias,
    const struct certstore_list *list, struct err *err) MUST_USE;

/* NULL when there is none. */
const struct certstore_chain *certstore_find(const struct certstore *s,
    const char *holder, enum certstore_usage usage, const char *alias);
/* Array of aliases. */
cJSON *certstore_aliases(
    const struct certstore *s, const char *holder, enum certstore_usage usage);

#endif
