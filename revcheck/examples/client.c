/*
 * client PORT ANCHORS: connects to a TLS server on loopback, takes its staple
 * where it has one, and asks inside the handshake whether its certificate is
 * still good. Prints what was decided, and by what. Exit status 0 when the
 * handshake went through.
 */
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <revcheck.h>

static void
on_decided(void *arg, SSL *ssl, const struct revcheck_report *report)
{
	(void)arg;
	(void)ssl;
	if (report == NULL) {
		puts("refused: the path does not verify");
		return;
	}
	printf("%s (leaf: %s, from %s)\n", revcheck_report_text(report),
	    revcheck_status_name(revcheck_report_get0(report, 0)->status),
	    revcheck_source_name(revcheck_report_get0(report, 0)->source));
}

static int
connect_to(const char *port, SSL_CTX *ctx)
{
	SSL *ssl = NULL;
	BIO *bio = BIO_new_ssl_connect(ctx);
	char target[32];
	int ok = 0;

	snprintf(target, sizeof(target), "127.0.0.1:%s", port);
	if (bio != NULL && BIO_get_ssl(bio, &ssl) == 1) {
		BIO_set_conn_hostname(bio, target);
		ok = BIO_do_handshake(bio) == 1;
		if (!ok)
			fprintf(stderr, "client: %s\n",
			    X509_verify_cert_error_string(
				SSL_get_verify_result(ssl)));
	}
	BIO_free_all(bio);
	return ok;
}

int
main(int argc, char **argv)
{
	static const char *const local[] = {"127.0.0.1", NULL};
	struct revcheck_options options = {
	    .size = sizeof(options), .allow_addresses = local, .any_port = 1};
	struct revcheck_ssl_options how = {.size = sizeof(how),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .decided = on_decided};
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int ok = 0;

	if (argc != 3 || ctx == NULL) {
		fprintf(stderr, "usage: client PORT ANCHORS\n");
		return 2;
	}
	if (revcheck_new(&rc, &options, &err) != 0 ||
	    revcheck_trust_load(&how.trust, argv[2], &err) != 0 ||
	    revcheck_ssl_ctx_attach(ctx, rc, &how, &err) != 0)
		fprintf(stderr, "client: %s\n", err.msg);
	else
		ok = connect_to(argv[1], ctx);
	SSL_CTX_free(ctx);
	revcheck_trust_free(how.trust);
	revcheck_free(rc);
	return ok ? 0 : 1;
}
