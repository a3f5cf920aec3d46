/*
 * conf_pki: reads certificates and keys named in the configuration while the
 * snapshot is built, so that a bad file refuses the configuration and not a
 * handshake. An encrypted key is an error: nobody is there to type.
 */
#include "gateway/conf/conf_pki.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

int
conf_pki_load_chain(X509 ***out, size_t *num, const char *path, struct err *err)
{
	struct revcheck_certs *certs = NULL;
	struct revcheck_error rerr;
	X509 **chain;
	size_t n;
	int rc;

	rc = revcheck_certs_load(&certs, path, &rerr);
	if (rc != 0)
		return err_set(err, rc, "%s", rerr.msg);
	n = revcheck_certs_num(certs);
	chain = calloc(n, sizeof(*chain));
	if (chain == NULL) {
		revcheck_certs_free(certs);
		return err_set(err, E_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		chain[i] = revcheck_certs_get0(certs, i);
		X509_up_ref(chain[i]);
	}
	revcheck_certs_free(certs);
	*out = chain;
	*num = n;
	return 0;
}

void
conf_pki_free_chain(X509 **chain, size_t num)
{
	for (size_t i = 0; i < num; i++)
		X509_free(chain[i]);
	free(chain);
}

/* buf is not const: this is OpenSSL's pem_password_cb. */
static int /* NOLINTNEXTLINE(readability-non-const-parameter) */
no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

int
conf_pki_load_key(EVP_PKEY **out, const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return err_sys(err, "cannot open key '%s'", path);
	*out = PEM_read_PrivateKey(f, NULL, no_password, NULL);
	fclose(f);
	if (*out == NULL)
		return err_ossl(err, E_PARSE,
		    "'%s' is not an unencrypted private key in PEM", path);
	return 0;
}

int
conf_pki_check_pair(X509 *const *chain, size_t num, EVP_PKEY *key,
    const char *chain_file, const char *key_file, struct err *err)
{
	if (EVP_PKEY_eq(X509_get0_pubkey(chain[0]), key) != 1)
		return err_ossl(err, E_PARSE,
		    "the key of '%s' is not the one certified by the first "
		    "certificate of '%s'",
		    key_file, chain_file);
	for (size_t i = 1; i < num; i++)
		if (X509_check_issued(chain[i], chain[i - 1]) != X509_V_OK)
			return err_set(err, E_PARSE,
			    "certificate %zu of '%s' did not issue the one "
			    "before it: expected leaf first",
			    i + 1, chain_file);
	return 0;
}

int
conf_pki_load_trust(
    struct revcheck_trust **out, size_t *num, const char *path, struct err *err)
{
	struct revcheck_error rerr;
	STACK_OF(X509_OBJECT) * objects;
	int rc = revcheck_trust_load(out, path, &rerr);

	if (rc != 0)
		return err_set(err, rc, "%s", rerr.msg);
	objects = X509_STORE_get0_objects(revcheck_trust_get0_store(*out));
	*num = (size_t)sk_X509_OBJECT_num(objects);
	return 0;
}

/* Takes *trust over, whatever comes of it; given may be NULL. */
static int
with_intermediates(struct revcheck_trust **trust,
    const struct revcheck_certs *given, struct err *err)
{
	struct revcheck_trust *plain = *trust;
	struct revcheck_error rerr;
	int rc;

	if (given == NULL || revcheck_certs_num(given) == 0)
		return 0;
	rc = revcheck_trust_with_intermediates(trust, plain, given, &rerr);
	revcheck_trust_free(plain);
	return rc == 0 ? 0 : err_set(err, rc, "%s", rerr.msg);
}

int
conf_pki_add_intermediates(
    struct revcheck_trust **trust, const char *path, struct err *err)
{
	struct revcheck_certs *given = NULL;
	struct revcheck_error rerr;
	int rc = revcheck_certs_load(&given, path, &rerr);

	if (rc != 0)
		return err_set(err, rc, "%s", rerr.msg);
	rc = with_intermediates(trust, given, err);
	revcheck_certs_free(given);
	return rc;
}

/* Those of all groups; NULL when there are none. */
static int
union_of_intermediates(struct revcheck_certs **out,
    const struct conf_trust *trusts, size_t num, struct err *err)
{
	struct revcheck_error rerr;
	X509 *all[100];
	size_t n = 0;
	int rc;

	*out = NULL;
	for (size_t i = 0; i < num; i++) {
		const struct revcheck_trust *t = trusts[i].trust;

		for (size_t k = 0; k < revcheck_trust_num_intermediates(t);
		     k++) {
			if (n == sizeof(all) / sizeof(all[0]))
				return err_set(err, E_LIMIT,
				    "more than %zu intermediates", n);
			all[n++] = revcheck_trust_get0_intermediate(t, k);
		}
	}
	if (n == 0)
		return 0;
	rc = revcheck_certs_from_x509(out, all, n, &rerr);
	return rc == 0 ? 0 : err_set(err, rc, "%s", rerr.msg);
}

int
conf_pki_union(struct revcheck_trust **out, const struct conf_trust *trusts,
    size_t num, struct err *err)
{
	struct revcheck_certs *given = NULL;
	struct revcheck_error rerr;
	X509 **all = NULL;
	size_t n = 0, max = 0;
	int rc;

	if (num == 1) {
		*out = revcheck_trust_up_ref(trusts[0].trust);
		return 0;
	}
	for (size_t i = 0; i < num; i++)
		max += trusts[i].num_anchors;
	all = calloc(max > 0 ? max : 1, sizeof(*all));
	if (all == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < num; i++) {
		STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(
		    revcheck_trust_get0_store(trusts[i].trust));

		for (int j = 0; j < sk_X509_OBJECT_num(objects); j++) {
			X509 *x = X509_OBJECT_get0_X509(
			    sk_X509_OBJECT_value(objects, j));

			if (x != NULL && n < max)
				all[n++] = x;
		}
	}
	rc = revcheck_trust_new(out, all, n, &rerr);
	free(all);
	if (rc != 0)
		return err_set(err, rc, "%s", rerr.msg);
	rc = union_of_intermediates(&given, trusts, num, err);
	if (rc == 0)
		rc = with_intermediates(out, given, err);
	revcheck_certs_free(given);
	return rc;
}
