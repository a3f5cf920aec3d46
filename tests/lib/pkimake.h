/*
 * pkimake: CAs and leaf certificates in memory, for benches and soaks: as many
 * as needed, no files. Aborts when it cannot.
 */
#ifndef TESTS_LIB_PKIMAKE_H
#define TESTS_LIB_PKIMAKE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct pki_ca {
	EVP_PKEY *key;
	X509 *cert; /* self-signed, CN=cn */
	char cn[64];
	const char *crl_url; /* NULL; for enrol_issue, borrowed */
};
void pki_ca_init(struct pki_ca *ca, const char *cn);
void pki_ca_cleanup(struct pki_ca *ca);

/* A leaf of ca with this serial and one CRL distribution point. */
X509 *pki_leaf(const struct pki_ca *ca, const uint8_t *serial, size_t len,
    const char *crl_url);

/*
 * CN=cn of CN=issuer, for the one key that both have: who has it is everybody.
 * Names no source of evidence.
 */
X509 *pki_named(EVP_PKEY *key, const char *cn, const char *issuer);
/* As PEM, either or both (the other NULL), in this order. */
void pki_write(const char *path, X509 *x, EVP_PKEY *key);

/* "YYYYMMDDhhmmssZ" for crlmake. */
void pki_time(char out[16], long long t);

#endif
