/*
 * rest_tls: TLS of the REST server. A gateway that was given no certificate
 * makes its own, so that passwords never cross a network in the clear.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "gateway/conf/conf_pki.h"
#include "gateway/rest/rest_internal.h"

#define SELF_MADE_DAYS 3650

static int
add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e != NULL && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *host)
{
	X509 *x = X509_new();
	BIGNUM *serial = BN_new();
	X509_NAME *name;
	char san[320];
	int ok;

	/* The address is numeric (address.h), so it is an IP here. */
	snprintf(san, sizeof(san), "DNS:localhost,IP:127.0.0.1,IP:%s", host);
	ok = x != NULL && serial != NULL && X509_set_version(x, 2) == 1 &&
	    BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) != NULL &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(x), SELF_MADE_DAYS, 0, NULL) !=
		NULL &&
	    X509_set_pubkey(x, key) == 1 &&
	    (name = X509_get_subject_name(x)) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)"p2p-gateway", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 &&
	    add_extension(x, NID_subject_alt_name, san) &&
	    add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(x, NID_ext_key_usage, "serverAuth") &&
	    X509_sign(x, key, EVP_sha256()) > 0;
	BN_free(serial);
	if (!ok) {
		X509_free(x);
		return NULL;
	}
	return x;
}

/* Only the owner may read what is written. */
static FILE *
create_private(const char *path)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 ? fdopen(fd, "w") : NULL;
}

/* A name is on disk when its directory is. */
static bool
sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash != NULL ? strndup(path, (size_t)(slash - path) + 1)
				  : strdup(".");
	int fd =
	    dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(dir);
	return ok;
}

/* Key and certificate in one file, so that they cannot come apart. */
static int
save_pair(const char *path, X509 *x, EVP_PKEY *key, struct err *err)
{
	char *fresh;
	FILE *f;
	int ok;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	f = create_private(fresh);
	ok = f != NULL &&
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_X509(f, x) == 1;
	ok = ok && fflush(f) == 0 && fsync(fileno(f)) == 0;
	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	ok = ok && rename(fresh, path) == 0 && sync_directory_of(path);
	free(fresh);
	return ok ? 0 : err_sys(err, "cannot write '%s'", path);
}

static int
load_pair(const char *path, X509 **x, EVP_PKEY **key)
{
	FILE *f = fopen(path, "re");

	*x = NULL;
	*key = NULL;
	if (f == NULL)
		return E_IO;
	*key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	if (*key != NULL)
		*x = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ERR_clear_error();
	if (*x != NULL && X509_cmp_current_time(X509_get0_notAfter(*x)) > 0 &&
	    EVP_PKEY_eq(X509_get0_pubkey(*x), *key) == 1)
		return 0;
	X509_free(*x);
	EVP_PKEY_free(*key);
	*x = NULL;
	*key = NULL;
	return E_PARSE;
}

static int
self_made(SSL_CTX *ctx, const struct conf *conf, const char *state_dir,
    struct err *err)
{
	const char *host = conf->rest.listen.host;
	char *path = NULL;
	X509 *x = NULL;
	EVP_PKEY *key = NULL;
	int rc = 0;

	if (state_dir != NULL && asprintf(&path, "%s/rest.pem", state_dir) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	if (path == NULL || load_pair(path, &x, &key) != 0) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		x = key != NULL ? make_certificate(key, host) : NULL;
		if (x == NULL)
			rc = err_ossl(err, E_INTERNAL,
			    "cannot make a certificate for the REST server");
		else if (path != NULL)
			rc = save_pair(path, x, key, err);
	}
	if (rc == 0 &&
	    (SSL_CTX_use_certificate(ctx, x) != 1 ||
		SSL_CTX_use_PrivateKey(ctx, key) != 1))
		rc = err_ossl(
		    err, E_INTERNAL, "cannot use the self-made certificate");
	X509_free(x);
	EVP_PKEY_free(key);
	free(path);
	return rc;
}

static int
configured(SSL_CTX *ctx, const struct conf_rest *rest, struct err *err)
{
	if (SSL_CTX_use_certificate(ctx, rest->chain[0]) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, rest->key) != 1)
		return err_ossl(
		    err, E_PARSE, "cannot use '%s'", rest->certificate_file);
	for (size_t i = 1; i < rest->num_chain; i++)
		if (SSL_CTX_add1_chain_cert(ctx, rest->chain[i]) != 1)
			return err_ossl(err, E_PARSE, "cannot use '%s'",
			    rest->certificate_file);
	return 0;
}

/* As browsers and openssl x509 -fingerprint write it. */
void
rest_fingerprint_text(char out[REST_FINGERPRINT_TEXT], const X509 *x)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	unsigned len = 0;

	out[0] = '\0';
	if (x == NULL || X509_digest(x, EVP_sha256(), hash, &len) != 1)
		return;
	for (unsigned i = 0; i < len; i++)
		snprintf(
		    out + 3 * i, 4, "%02X%s", hash[i], i + 1 < len ? ":" : "");
}

int
rest_fingerprint(
    char out[REST_FINGERPRINT_TEXT], const struct conf *conf, struct err *err)
{
	char *path = NULL;
	X509 *x = NULL;
	EVP_PKEY *key = NULL;
	int rc = 0;

	if (conf->rest.chain != NULL) {
		rest_fingerprint_text(out, conf->rest.chain[0]);
		return 0;
	}
	if (conf->state_dir == NULL)
		return err_set(err, E_PARSE,
		    "REST has a certificate that is made anew at each start: "
		    "its log line says which; expected rest.certificate or a "
		    "state_dir");
	if (asprintf(&path, "%s/rest.pem", conf->state_dir) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	if (load_pair(path, &x, &key) == 0)
		rest_fingerprint_text(out, x);
	else
		rc = err_set(err, E_IO,
		    "there is no certificate in '%s' yet: it is made when the "
		    "gateway first starts",
		    path);
	X509_free(x);
	EVP_PKEY_free(key);
	free(path);
	return rc;
}

int
rest_tls_new(SSL_CTX **out, const struct conf *conf, const char *state_dir,
    struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int rc;

	*out = NULL;
	if (ctx == NULL)
		return err_ossl(err, E_NOMEM, "out of memory");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* A resumed session would carry no client certificate to look at. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	rc = conf->rest.chain != NULL ? configured(ctx, &conf->rest, err)
				      : self_made(ctx, conf, state_dir, err);
	if (rc != 0) {
		SSL_CTX_free(ctx);
		return rc;
	}
	if (conf->rest.client_trust != NULL) {
		SSL_CTX_set1_verify_cert_store(
		    ctx, revcheck_trust_get0_store(conf->rest.client_trust));
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	*out = ctx;
	return 0;
}
