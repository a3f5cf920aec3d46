/*
 * pki: a CA and some certificates of it, made once per process, as the ground
 * that hostile CRLs and extensions fall on. Included by fuzz targets only.
 */
#ifndef TESTS_FUZZ_PKI_H
#define TESTS_FUZZ_PKI_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "revcheck/crl/crl.h"

#define FUZZ_NOW ((time_t)1768478400) /* the clock of the vectors */

static struct {
	X509 *ca, *certs[4];
	EVP_PKEY *key;
	struct crl_subject *subjects[4];
	size_t num;
} fuzz_pki;

/* The subject that the vectors' CRLs are issued by: O=Test, CN=ca. */
static void
fuzz_name(X509_NAME *n, const char *cn)
{
	X509_NAME_add_entry_by_txt(n, "O", V_ASN1_PRINTABLESTRING,
	    (const unsigned char *)"Test", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", V_ASN1_PRINTABLESTRING,
	    (const unsigned char *)cn, -1, -1, 0);
}

static X509 *
fuzz_cert(const char *cn, long serial, const char *points)
{
	X509 *x = X509_new();
	X509_EXTENSION *e = NULL;

	if (x == NULL)
		abort();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	fuzz_name(X509_get_subject_name(x), cn);
	fuzz_name(X509_get_issuer_name(x), "ca");
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, fuzz_pki.key);
	if (points != NULL)
		e = X509V3_EXT_conf_nid(
		    NULL, NULL, NID_crl_distribution_points, points);
	if (e != NULL)
		X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	if (X509_sign(x, fuzz_pki.key, EVP_sha256()) == 0)
		abort();
	return x;
}

static void
fuzz_pki_make(void)
{
	static const char *const points[] = {NULL, "URI:http://127.0.0.1/a",
	    "URI:http://127.0.0.1/b,URI:http://127.0.0.1/a", NULL};

	fuzz_pki.key = EVP_EC_gen("P-256");
	if (fuzz_pki.key == NULL)
		abort();
	fuzz_pki.ca = fuzz_cert("ca", 1, NULL);
	for (fuzz_pki.num = 0; fuzz_pki.num < 4; fuzz_pki.num++) {
		size_t i = fuzz_pki.num;

		/* Serials as the vectors number their certificates. */
		fuzz_pki.certs[i] =
		    fuzz_cert("ee", 0x1001 + (long)i, points[i]);
		if (crl_subject_new(&fuzz_pki.subjects[i], fuzz_pki.certs[i],
			fuzz_pki.ca, NULL) != 0)
			abort();
	}
}

static inline size_t
fuzz_num_subjects(void)
{
	if (fuzz_pki.ca == NULL)
		fuzz_pki_make();
	return fuzz_pki.num;
}

static inline const struct crl_subject *
fuzz_subject(size_t i)
{
	(void)fuzz_num_subjects();
	return fuzz_pki.subjects[i];
}

static inline X509 *
fuzz_ca(void)
{
	(void)fuzz_num_subjects();
	return fuzz_pki.ca;
}

static inline struct crl_signers
fuzz_signers(void)
{
	static X509 *chain[2];

	(void)fuzz_num_subjects();
	chain[0] = fuzz_pki.certs[0];
	chain[1] = fuzz_pki.ca;
	return (struct crl_signers){.chain = chain, .num_chain = 2};
}

#endif
