/*
 * enrol: an identity made over REST, as operators make it: keys, signing
 * requests, certificates of a CA in memory, uploads. What fails fails the test.
 */
#ifndef TESTS_LIB_ENROL_H
#define TESTS_LIB_ENROL_H

#include "tests/lib/gateway.h"
#include "tests/lib/pkimake.h"

#define ENROL_P256 "CORDA.ECDSA.SECP256R1"

/* The id of a key that is made now; free() it. */
char *enrol_key(struct gateway *g, const char *tenant, const char *alias,
    const char *category, const char *scheme);
X509_REQ *enrol_csr(
    struct gateway *g, const char *tenant, const char *key, const char *body);
/* free() these. */
char *enrol_pem(X509 *x);
char *enrol_issue(const struct pki_ca *ca, X509_REQ *req, long days);
/* A key of that category, and a certificate of ca for it. key may be NULL. */
char *enrol_identity(struct gateway *g, const struct pki_ca *ca,
    const char *holder, const char *alias, const char *category,
    const char *name, const char *san, char **key);
/* PUT of a form: NULL alias leaves it out, likewise certificates. */
void enrol_upload(struct gateway *g, struct web *w, const char *path,
    const char *alias, const char *one, const char *two);
void enrol_upload_ok(struct gateway *g, const char *path, const char *alias,
    const char *one, const char *two);

#endif
