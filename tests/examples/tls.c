/*
 * tls PORT ANCHORS: connects to a TLS server on loopback and asks, inside the
 * handshake, whether its chain is still good. Refuses it with the right alert
 * otherwise. Exit status 0 when the handshake went through.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <revcheck.h>

struct judge {
	struct revcheck *rc;
	struct revcheck_trust *trust;
};

/* Asks about a path that X509_verify_cert has just verified. */
static struct revcheck_report *
ask(const struct judge *j, X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
	int num = sk_X509_num(path);
	struct revcheck_certs *chain = NULL;
	struct revcheck_report *report = NULL;
	struct revcheck_query query = {.size = sizeof(query),
	    .trust = j->trust,
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED};
	X509 **certs = calloc((size_t)num + 1, sizeof(*certs));

	if (certs == NULL)
		return NULL;
	for (int i = 0; i < num; i++)
		certs[i] = sk_X509_value(path, i);
	if (revcheck_certs_from_x509(&chain, certs, (size_t)num, NULL) == 0) {
		query.chain = chain;
		if (revcheck_check(j->rc, &report, &query, NULL) < 0)
			report = NULL;
	}
	revcheck_certs_free(chain);
	free(certs);
	return report;
}

/* Instead of OpenSSL's own: the path first, then revocation. */
static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	struct revcheck_report *report;
	int allowed;

	if (X509_verify_cert(ctx) != 1)
		return 0;
	report = ask(arg, ctx);
	if (report == NULL) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	puts(revcheck_report_text(report));
	allowed = revcheck_report_allows(report);
	/* From this error OpenSSL makes the alert. */
	X509_STORE_CTX_set_error(ctx, revcheck_report_x509_error(report));
	revcheck_report_free(report);
	if (!allowed)
		return 0;
	return 1;
}

static int
connect_to(const char *port, struct judge *j)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	BIO *bio = NULL;
	char target[32];
	int ok = 0;

	snprintf(target, sizeof(target), "127.0.0.1:%s", port);
	if (ctx == NULL)
		return 0;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set1_verify_cert_store(
	    ctx, revcheck_trust_get0_store(j->trust));
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, j);
	/* Resumption would skip the callback. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	bio = BIO_new_ssl_connect(ctx);
	if (bio != NULL && BIO_get_ssl(bio, &ssl) == 1) {
		BIO_set_conn_hostname(bio, target);
		ok = BIO_do_handshake(bio) == 1;
		if (!ok)
			fprintf(stderr, "tls: %s\n",
			    X509_verify_cert_error_string(
				SSL_get_verify_result(ssl)));
	}
	BIO_free_all(bio);
	SSL_CTX_free(ctx);
	return ok;
}

int
main(int argc, char **argv)
{
	static const char *const local[] = {"127.0.0.1", NULL};
	struct revcheck_options options = {
	    .size = sizeof(options), .allow_addresses = local, .any_port = 1};
	struct revcheck_error err = {0};
	struct judge j = {NULL, NULL};
	int ok = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: tls PORT ANCHORS\n");
		return 2;
	}
	if (revcheck_new(&j.rc, &options, &err) != 0 ||
	    revcheck_trust_load(&j.trust, argv[2], &err) != 0)
		fprintf(stderr, "tls: %s\n", err.msg);
	else
		ok = connect_to(argv[1], &j);
	revcheck_trust_free(j.trust);
	revcheck_free(j.rc);
	return ok ? 0 : 1;
}
