/* selfcert: see the header. */
#include "tests/lib/selfcert.h"

#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/rand.h>

static void
must(int ok)
{
	if (!ok)
		abort();
}

X509 *
selfcert_new(EVP_PKEY **key, const char *const *subject)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	uint32_t serial = 0;

	*key = EVP_EC_gen("P-256");
	must(cert != NULL && name != NULL && *key != NULL);
	must(RAND_bytes((unsigned char *)&serial, sizeof(serial)));
	for (; subject[0] != NULL; subject += 2)
		must(X509_NAME_add_entry_by_txt(name, subject[0], MBSTRING_UTF8,
		    (const unsigned char *)subject[1], -1, -1, 0));
	must(X509_set_version(cert, X509_VERSION_3) &&
	    ASN1_INTEGER_set(
		X509_get_serialNumber(cert), (long)(serial >> 1) + 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
	    X509_set_subject_name(cert, name) &&
	    X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, *key) &&
	    X509_sign(cert, *key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return cert;
}
