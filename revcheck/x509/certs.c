/* certs: see the header. Any thread. */
#include "revcheck/x509/certs.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "revcheck/x509/path_memory.h"

struct revcheck_certs *
certs_adopt(X509 **v, size_t num)
{
	struct revcheck_certs *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->v = v;
		c->num = num;
	}
	return c;
}

int
revcheck_certs_from_x509(struct revcheck_certs **out, X509 *const *certs,
    size_t num, struct revcheck_error *err)
{
	struct revcheck_certs *c;
	struct err e = {0};

	*out = NULL;
	if (num > CERTS_MAX)
		return error_publish(err, &e,
		    err_set(
			&e, E_LIMIT, "more than %d certificates", CERTS_MAX));
	c = calloc(1, sizeof(*c));
	if (c == NULL || (c->v = calloc(num + 1, sizeof(*c->v))) == NULL) {
		free(c);
		return error_publish(err, NULL, E_NOMEM);
	}
	for (; c->num < num; c->num++) {
		X509_up_ref(certs[c->num]);
		c->v[c->num] = certs[c->num];
	}
	*out = c;
	return 0;
}

size_t
revcheck_certs_num(const struct revcheck_certs *certs)
{
	return certs->num;
}

X509 *
revcheck_certs_get0(const struct revcheck_certs *certs, size_t i)
{
	return i < certs->num ? certs->v[i] : NULL;
}

void
revcheck_certs_free(struct revcheck_certs *certs)
{
	if (certs == NULL)
		return;
	for (size_t i = 0; i < certs->num; i++)
		X509_free(certs->v[i]);
	free(certs->v);
	path_memory_free(atomic_load(&certs->path));
	free(certs);
}

bool
certs_spki_sha256(uint8_t out[32], X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool ok;

	ok = len > 0 &&
	    EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok;
}
