/*
 * Who may sign over TLS: the one name of the internal CA, shown in a
 * certificate of this connection. All others are refused before they say a
 * word, in the alert that says why where TLS has one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/base/wire.h"
#include "tests/doorman/doorman_net.h"
#include "tests/doorman/test_ca.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct doorman_net net;
static struct test_ca stranger;
static X509 *ca;
static struct signing_key *ca_seal;
static EVP_PKEY *key;
static int port;

static int
setup(void **state)
{
	struct secret none = {.fd = 0};
	struct fault f = {""};
	char *log, *at;

	(void)state;
	doorman_net_init(&net, "dm", NULL,
	    (const char *const[]){"--sign-listen", "127.0.0.1:0", NULL});
	doorman_net_start(&net);
	log = proc_log(&net.serve);
	at = strstr(log, "sign-tls=127.0.0.1:");
	assert_non_null(at);
	port = atoi(at + strlen("sign-tls=127.0.0.1:"));
	free(log);
	ca = cert_read_file("dm/internal/ca.pem", &f);
	assert_non_null(ca);
	assert_int_equal(
	    signing_key_open(&ca_seal, "file:dm/internal/ca-key.pem",
		X509_get0_pubkey(ca), &none, &f),
	    0);
	/* Its name is the internal CA's, its key is not. */
	test_ca_make(&stranger, "Doorman internal CA", NULL, time(NULL));
	key = EVP_EC_gen("P-256");
	assert_non_null(key);
	/* Who is refused may write to a closed connection. */
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&stranger);
	EVP_PKEY_free(key);
	signing_key_free(ca_seal);
	X509_free(ca);
	doorman_net_free(&net);
	return 0;
}

/* What a would-be signer shows; subject NULL: nothing. */
struct guest {
	const char *subject;
	enum issue_kind kind;
	bool of_stranger;
	long age_days;   /* issued so long ago, for one day */
	int version;     /* the highest it speaks, 0: any */
	const char *log; /* what the doorman says of it */
	int alert;       /* what TLS says to it, 0: nothing */
};

static SSL *
dial(const struct guest *g)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct timeval limit = {WAIT_MS / 1000, 0};
	struct issue_order o = {.kind = g->kind,
	    .subject = g->subject,
	    .public_key = key,
	    .issuer = g->of_stranger ? stranger.cert : ca,
	    .now = time(NULL) - 86400 * g->age_days,
	    .days = 1};
	struct fault f = {""};
	int fd = tcp_dial(port);
	SSL *ssl;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (g->version != 0)
		SSL_CTX_set_max_proto_version(ctx, g->version);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (g->subject != NULL) {
		X509 *cert = issue_certificate(
		    &o, g->of_stranger ? stranger.seal : ca_seal, &f);

		assert_non_null(cert);
		assert_int_equal(SSL_use_certificate(ssl, cert), 1);
		assert_int_equal(SSL_use_PrivateKey(ssl, key), 1);
		X509_free(cert);
	}
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	return ssl;
}

static void
hang_up(SSL *ssl)
{
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	ERR_clear_error();
}

static void
hello(SSL *ssl)
{
	struct buf ask;

	buf_init(&ask, WIRE_MAX_FIRST);
	wire_begin(&ask, WIRE_HELLO);
	wire_u8(&ask, WIRE_VERSION);
	wire_u8(&ask, WIRE_VERSION);
	wire_text(&ask, "a test");
	wire_end(&ask, 0);
	/* Who is refused already may find the connection closed. */
	(void)SSL_write(ssl, ask.p, (int)ask.len);
	buf_free(&ask);
}

static void
the_signer_is_let_in(void **state)
{
	static const struct guest g = {
	    .subject = "CN=doorman-signer", .kind = ISSUE_TLS_CLIENT};
	uint8_t answer[256];
	SSL *ssl = dial(&g);
	int n;

	(void)state;
	assert_int_equal(SSL_connect(ssl), 1);
	assert_int_equal(SSL_version(ssl), TLS1_3_VERSION);
	hello(ssl);
	n = SSL_read(ssl, answer, sizeof(answer));
	assert_true(n > WIRE_HEAD + 2);
	assert_int_equal(answer[WIRE_HEAD + 1], WIRE_HELLO | WIRE_ANSWER);
	/* Nobody comes back with a ticket instead of a certificate. */
	assert_false(SSL_SESSION_has_ticket(SSL_get0_session(ssl)));
	assert_false(SSL_SESSION_is_resumable(SSL_get0_session(ssl)));
	hang_up(ssl);
}

#define NOT_NAMED "signer refused: its certificate is not 'CN=doorman-signer'"

static const struct guest strangers[] = {
    /* No certificate: TLS itself says so. */
    {.log = "signer refused: TLS",
	.alert = SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED},
    {.subject = "CN=doorman-signer2",
	.kind = ISSUE_TLS_CLIENT,
	.log = NOT_NAMED},
    {.subject = "CN=doorman-service",
	.kind = ISSUE_TLS_CLIENT,
	.log = NOT_NAMED},
    {.subject = "CN=Doorman-Signer",
	.kind = ISSUE_TLS_CLIENT,
	.log = NOT_NAMED},
    {.subject = "CN=doorman-signe", .kind = ISSUE_TLS_CLIENT, .log = NOT_NAMED},
    {.subject = "CN=doorman-signer, O=Elsewhere",
	.kind = ISSUE_TLS_CLIENT,
	.log = NOT_NAMED},
    {.subject = "O=doorman-signer", .kind = ISSUE_TLS_CLIENT, .log = NOT_NAMED},
    /* The name and another CA; a server's certificate; an old one. */
    {.subject = "CN=doorman-signer",
	.kind = ISSUE_TLS_CLIENT,
	.of_stranger = true,
	.log = "signer refused: TLS",
	.alert = SSL_R_TLSV1_ALERT_UNKNOWN_CA},
    {.subject = "CN=doorman-signer",
	.kind = ISSUE_TLS_SERVER,
	.log = "signer refused: TLS",
	.alert = SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE},
    {.subject = "CN=doorman-signer",
	.kind = ISSUE_TLS_CLIENT,
	.age_days = 2,
	.log = "signer refused: TLS",
	.alert = SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED},
    {.subject = "CN=doorman-signer",
	.kind = ISSUE_TLS_CLIENT,
	.version = TLS1_2_VERSION,
	.log = "signer refused: TLS",
	.alert = SSL_R_TLSV1_ALERT_PROTOCOL_VERSION},
};

static void
all_others_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * NUM(strangers); i++) {
		const struct guest *g = &strangers[i / 2];
		bool silent = i % 2 != 0;
		uint8_t byte;
		char *line;
		SSL *ssl;

		proc_mark(&net.serve);
		ssl = dial(g);
		if (SSL_connect(ssl) == 1) {
			/* TLS 1.3: this side is ready before it is judged. */
			if (!silent)
				hello(ssl);
			assert_true(SSL_read(ssl, &byte, 1) <= 0);
		}
		/* Who wrote meanwhile may find a reset instead. */
		if (g->alert != 0 && silent &&
		    ERR_GET_REASON(ERR_peek_error()) != g->alert)
			fail_msg("row %zu: %s and not alert %d", i / 2,
			    ERR_reason_error_string(ERR_peek_error()),
			    g->alert);
		line = proc_await(&net.serve, "signer refused", WAIT_MS);
		if (line == NULL || strstr(line, g->log) == NULL)
			fail_msg("row %zu: %s", i / 2, line);
		free(line);
		hang_up(ssl);
	}
	/* At once, not when they were too long silent. */
	assert_false(proc_said(&net.serve, "no HELLO in time"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_signer_is_let_in),
	    cmocka_unit_test(all_others_are_refused),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
