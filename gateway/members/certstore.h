/*
 * certstore: certificate chains uploaded over REST, each under an alias, for
 * one use, of a holding identity or of the whole cluster. They are in the
 * database, and nowhere else. Control thread only.
 */
#ifndef GATEWAY_MEMBERS_CERTSTORE_H
#define GATEWAY_MEMBERS_CERTSTORE_H

#include <stddef.h>

#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/members/keystore.h"
#include "gateway/state/state_db.h"

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

struct certstore;

/*
 * Reads every chain once: one that cannot be read is E_PARSE naming table and
 * alias. db is borrowed and must outlive it.
 */
int certstore_open(
    struct certstore **out, struct state_db *db, struct err *err) MUST_USE;
void certstore_close(struct certstore *s);

/* CERTSTORE_NUM_USAGES for a word that is none. */
enum certstore_usage certstore_usage_parse(const char *word);
const char *certstore_usage_word(enum certstore_usage usage);

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
/* As PEM, to be freed; NULL: out of memory. */
char *certstore_list_pem(const struct certstore_list *list);

/* Each was issued by the next, none comes twice; else E_PARSE. */
int certstore_check_order(
    const struct certstore_list *list, struct err *err) MUST_USE;

/*
 * Within a transaction: puts a chain there, in place of the one with that
 * alias. holder is a known holding identity, or "": the cluster. E_PARSE when
 * the alias is none (1 to CERTSTORE_MAX_ALIAS bytes of printable UTF-8),
 * E_LIMIT when there are too many.
 */
int certstore_put(struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias,
    const struct certstore_list *list, struct err *err) MUST_USE;

/* The chain as PEM, leaf first, to be freed. E_ARG when there is none. */
int certstore_get(const struct certstore *s, const char *holder,
    enum certstore_usage usage, const char *alias, char **pem,
    struct err *err) MUST_USE;
/* Every chain, in the order they came; PEM is lent. Ends at anything but 0. */
typedef int
certstore_fn(void *arg, const char *holder, enum certstore_usage usage,
    const char *alias, const char *pem, struct err *err);
int certstore_each(const struct certstore *s, certstore_fn *fn, void *arg,
    struct err *err) MUST_USE;
/* Array of aliases; NULL when it fails. */
cJSON *certstore_aliases(
    const struct certstore *s, const char *holder, enum certstore_usage usage);

#endif
