/*
 * issuer: certificates, CRLs and OCSP responses in memory, made by whom and for
 * when a test says: the wrong signer and the wrong hour as easily as the right
 * ones. Aborts when it cannot.
 */
#ifndef TESTS_LIB_ISSUER_H
#define TESTS_LIB_ISSUER_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* A key and a certificate for it. */
struct issuer {
	EVP_PKEY *key;
	X509 *cert;
};
void issuer_cleanup(struct issuer *i);

struct issuer_cert {
	const char *cn;          /* subject */
	const struct issuer *by; /* NULL: self-signed */
	EVP_PKEY *key;           /* a reference is taken; NULL: a new one */
	long serial;
	time_t from, to;
	const char *constraints;        /* NULL: basicConstraints absent */
	const char *usage;              /* NULL: keyUsage absent */
	const char *purposes;           /* NULL: extKeyUsage absent */
	const char *crl_url, *ocsp_url; /* NULL: absent; '|' between several */
	const char *crl_url2;           /* of a second point, or NULL */
	const EVP_MD *md;               /* signed with; NULL: SHA-256 */
};
/* issuer_init makes the certificate, and its key unless one is given. */
void issuer_init(struct issuer *out, const struct issuer_cert *how);

struct issuer_crl {
	const struct issuer *by;
	const char *cn;      /* issuer instead of by's subject, or NULL */
	long number;         /* 0: no CRLNumber */
	long base;           /* 0: complete; deltaCRLIndicator otherwise */
	const char *point;   /* URI of its issuingDistributionPoint, or NULL */
	const char *only;    /* "user" or "CA", instead of point; or NULL */
	const char *deltas;  /* URL of its freshestCRL, or NULL */
	time_t from, next;   /* next 0: no nextUpdate */
	const long *serials; /* 0-terminated, or NULL */
	int reason;          /* of all of them; 0: none given */
	int version1;        /* says it has no extensions: a flaw of form */
	int names_key;       /* by's key is named (authorityKeyIdentifier) */
};
void issuer_write_crl(const char *path, const struct issuer_crl *how);

struct issuer_response {
	const struct issuer *by; /* its certificate goes along */
	const X509 *issuer, *cert;
	int status;        /* V_OCSP_CERTSTATUS_* */
	const char *nonce; /* NULL: none */
	int critical;      /* an extension that nobody knows, critical */
	time_t from, next;
};
/* producedAt is the system's time. */
void issuer_write_response(const char *path, const struct issuer_response *how);

/* Makes dir with that many CRLs in it: one, under other names. */
void issuer_write_links(const char *dir, int num);

#endif
