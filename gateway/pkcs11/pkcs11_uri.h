/*
 * pkcs11_uri: names of tokens and objects in PKCS#11 (RFC 7512), as far as
 * they say which. Pure.
 */
#ifndef GATEWAY_PKCS11_PKCS11_URI_H
#define GATEWAY_PKCS11_PKCS11_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

#define PKCS11_URI_SCHEME "pkcs11:"
#define PKCS11_ID_MAX     64
/* The longest label; a token's own has 32 characters. */
#define PKCS11_LABEL_MAX 128

/* An empty text and a zero length match everything. */
struct pkcs11_uri {
	char token[33]; /* label */
	char manufacturer[33];
	char model[17];
	char serial[17];
	char object[PKCS11_LABEL_MAX + 1]; /* label */
	unsigned char id[PKCS11_ID_MAX];
	size_t id_len;
};

/*
 * Attributes of the path are read, percent-encoding undone. E_PARSE: an
 * attribute that is unknown, twice, too long or a query (the module and the
 * PIN are named in the configuration, once).
 */
int pkcs11_uri_parse(
    struct pkcs11_uri *out, const char *text, struct err *err) MUST_USE;

/* Every text of a that is not empty is the same in b. */
bool
pkcs11_uri_same_token(const struct pkcs11_uri *a, const struct pkcs11_uri *b);

#endif
