/*
 * conf_pki: reads certificates and keys named in the configuration while the
 * snapshot is built, so that a bad file refuses the configuration and not a
 * handshake. Nobody is there to type: the password of a key is in a file.
 */
#include "gateway/conf/conf_pki.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "gateway/conf/conf_secret.h"

/* Whether an object of a combined file is passed over. */
static bool
beside_chain(const char *label)
{
	size_t len = strlen(label), key = strlen("PRIVATE KEY");

	return (len >= key && strcmp(label + len - key, "PRIVATE KEY") == 0) ||
	    strcmp(label, PEM_STRING_ECPARAMETERS) == 0 ||
	    strcmp(label, PEM_STRING_DHPARAMS) == 0;
}

/* What of a combined file is the chain's, as PEM. */
static int
copy_chain(BIO *to, BIO *from, const char *path, struct err *err)
{
	char *label, *header;
	unsigned char *der;
	long len;
	int rc = 0;

	ERR_clear_error();
	while (
	    rc == 0 && PEM_read_bio(from, &label, &header, &der, &len) == 1) {
		if (!beside_chain(label) &&
		    PEM_write_bio(to, label, header, der, len) <= 0)
			rc = err_set(err, E_NOMEM, "out of memory");
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	if (rc == 0 &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		rc = err_ossl(err, E_PARSE, "'%s' has broken PEM", path);
	ERR_clear_error();
	return rc;
}

static int
load_combined(struct revcheck_certs **out, const char *path, struct err *err)
{
	BIO *from = BIO_new_file(path, "r"), *to = BIO_new(BIO_s_mem());
	struct revcheck_error rerr;
	char *data;
	long len;
	int rc;

	if (from == NULL)
		rc = err_sys(err, "cannot open '%s'", path);
	else if (to == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	else
		rc = copy_chain(to, from, path, err);
	if (rc == 0) {
		len = BIO_get_mem_data(to, &data);
		rc = revcheck_certs_parse(
		    out, len > 0 ? data : "", (size_t)len, path, &rerr);
		if (rc != 0)
			err_set(err, rc, "%s", rerr.msg);
	}
	BIO_free(from);
	BIO_free(to);
	ERR_clear_error();
	return rc;
}

static int
load_certs(struct revcheck_certs **out, const char *path, struct err *err)
{
	struct revcheck_error rerr;
	int rc = revcheck_certs_load(out, path, &rerr);

	return rc == 0 ? 0 : err_set(err, rc, "%s", rerr.msg);
}

int
conf_pki_load_chain(
    X509 ***out, size_t *num, const char *path, bool with_key, struct err *err)
{
	struct revcheck_certs *certs = NULL;
	X509 **chain;
	size_t n;
	int rc = with_key ? load_combined(&certs, path, err)
			  : load_certs(&certs, path, err);

	if (rc != 0)
		return rc;
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

/* How the password of a key is come by. */
struct key_password {
	const char *file; /* NULL: nowhere */
	bool asked;       /* the key is encrypted */
	struct err why;   /* what is wrong with the file; msg "" if nothing */
};

/* OpenSSL's pem_password_cb. */
static int
password_of(char *buf, int size, int rwflag, void *arg)
{
	struct key_password *p = arg;

	(void)rwflag;
	p->asked = true;
	if (p->file == NULL ||
	    conf_secret_read(buf, (size_t)size, p->file, &p->why) != 0)
		return -1;
	return (int)strlen(buf);
}

static int
key_fail(const char *path, const struct key_password *p, struct err *err)
{
	if (!p->asked)
		return err_ossl(
		    err, E_PARSE, "'%s' holds no private key in PEM", path);
	ERR_clear_error();
	if (p->file == NULL)
		return err_set(err, E_PARSE,
		    "the key in '%s' is encrypted: expected its password in a "
		    "password_file",
		    path);
	if (p->why.msg[0] != '\0')
		return err_set(err, E_PARSE,
		    "the password_file '%.80s' cannot be used: %.100s", p->file,
		    p->why.msg);
	return err_set(err, E_PARSE,
	    "the key in '%s' does not open with the password in '%s'", path,
	    p->file);
}

int
conf_pki_load_key(EVP_PKEY **out, const char *path, const char *password_file,
    struct err *err)
{
	struct key_password password = {.file = password_file};
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return err_sys(err, "cannot open key '%s'", path);
	*out = PEM_read_PrivateKey(f, NULL, password_of, &password);
	fclose(f);
	return *out != NULL ? 0 : key_fail(path, &password, err);
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
	int rc = load_certs(&given, path, err);

	if (rc != 0)
		return rc;
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
