/*
 * Who may ask over TLS: a certificate with the role, from this host a password
 * with it. Nobody is let in by what a proxy passes on from its peer. What would
 * be open to everybody does not start.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "tests/lib/scene.h"

/* operator, proxy and checker, all with the password demo-password. */
#define USERS                                                     \
	"[{\"name\":\"operator\",\"password\":\"demo-password\"," \
	"\"roles\":[\"operate\",\"check\"]},"                     \
	"{\"name\":\"proxy\",\"password\":\"demo-password\","     \
	"\"roles\":[\"authorize\"]}]"
#define BASIC_PROXY "Authorization: Basic cHJveHk6ZGVtby1wYXNzd29yZA==\r\n"
#define BASIC_OPERATOR \
	"Authorization: Basic b3BlcmF0b3I6ZGVtby1wYXNzd29yZA==\r\n"
#define BASIC_WRONG "Authorization: Basic cHJveHk6YW5vdGhlci1wYXNzd29yZA==\r\n"

static int port;

static void
start(const char *listen)
{
	char *line, *log, *value;

	scene_prepare();
	gateway_set(&gw, "authorize.listen", listen);
	gateway_set(&gw, "authorize.format", "\"traefik\"");
	gateway_set(&gw, "authorize.deadline_ms", "20000");
	gateway_set(&gw, "rest.users", USERS);
	gateway_set(&gw, "rest.client_anchors", "\"net/trust.pem\"");
	gateway_set(&gw, "rest.clients",
	    "[{\"subject\":\"C=GB,L=London,O=fresh\","
	    "\"roles\":[\"authorize\"]},"
	    "{\"subject\":\"C=GB,L=London,O=unseen\","
	    "\"roles\":[\"operate\"]},"
	    "{\"subject\":\"C=GB,L=London,O=revoked\","
	    "\"roles\":[\"authorize\"]}]");
	gateway_start(&gw);
	log = proc_log(&gw.proc);
	line = strstr(log, "ready listen=");
	assert_non_null(line);
	value = line_value(line, "authorize");
	assert_non_null(value);
	port = atoi(strrchr(value, ':') + 1);
	free(value);
	free(log);
}

/* Traefik's header about a peer, with its issuer; free it. */
static char *
header_of(const char *peer)
{
	char *file = xasprintf("peers/%s.pem", peer), *out;
	char *path = town_path(&town, file);
	BIO *in = BIO_new_file(path, "r");
	X509 *x;

	out = xasprintf("X-Forwarded-Tls-Client-Cert: ");
	while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		unsigned char *der = NULL, base64[8192];
		int len = i2d_X509(x, &der);
		char *more;

		assert_true(len > 0 && len < 6000);
		EVP_EncodeBlock(base64, der, len);
		more = xasprintf("%s%s%s", out,
		    strchr(out, ' ')[1] != '\0' ? "," : "", base64);
		free(out);
		out = more;
		OPENSSL_free(der);
		X509_free(x);
	}
	BIO_free(in);
	free(path);
	free(file);
	return out;
}

/* The status of a question about a peer; answer has room for 4096. */
static int
ask_on(struct tls *t, const char *peer, const char *more, char *answer)
{
	char *header = header_of(peer);
	char *request = xasprintf(
	    "GET /a/b HTTP/1.1\r\nHost: h\r\n%s%s\r\n\r\n", more, header);
	size_t len = 0;
	int n;

	assert_int_equal(tls_write(t, request, strlen(request)), 1);
	answer[0] = '\0';
	while (strstr(answer, "\r\n\r\n") == NULL &&
	    (n = tls_read(t, answer + len, 4095 - len)) > 0) {
		len += (size_t)n;
		answer[len] = '\0';
	}
	free(header);
	free(request);
	return len > 9 ? atoi(answer + 9) : 0;
}

/* caller: a peer of the town whose certificate is shown, or NULL. */
static int
ask(const char *caller, const char *peer, const char *more, char *answer)
{
	char *cert = xasprintf("net/peers/%s.pem", caller);
	char *key = xasprintf("net/peers/%s.key", caller);
	struct tls_options o = {.cert = cert, .key = key};
	struct tls t;
	int status = 0;

	if (caller == NULL)
		o.cert = o.key = NULL;
	answer[0] = '\0';
	if (tls_connect(&t, port, &o))
		status = ask_on(&t, peer, more, answer);
	tls_free(&t);
	free(cert);
	free(key);
	return status;
}

static void
who_may_ask(void **state)
{
	static const struct {
		const char *caller, *more;
		int status;
		const char *says;
	} rows[] = {
	    {NULL, "", 403, "neither a certificate"},
	    {NULL, BASIC_PROXY, 204, "P2P-Gateway-Status: good"},
	    {NULL, BASIC_OPERATOR, 403, "has not the role"},
	    {NULL, BASIC_WRONG, 403, "not right"},
	    {NULL, "Authorization: Basic x\r\n", 403, "not right"},
	    {NULL, "Authorization: Bearer x\r\n", 403, "not right"},
	    {"fresh", "", 204, "P2P-Gateway-Status: good"},
	    /* What the proxy's peer has sent is no matter. */
	    {"fresh", BASIC_WRONG, 204, "P2P-Gateway-Status: good"},
	    {"unseen", "", 403, "neither a certificate"},
	    {"good", "", 403, "neither a certificate"},
	};
	char answer[4096];

	(void)state;
	start("\"127.0.0.1:0\"");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = ask(rows[i].caller, "good", rows[i].more, answer);

		if (got != rows[i].status ||
		    strstr(answer, rows[i].says) == NULL)
			fail_msg("%zu: %d: %s", i, got, answer);
	}
	assert_int_equal(ask(NULL, "revoked", BASIC_PROXY, answer), 403);
	assert_non_null(strstr(answer, "P2P-Gateway-Status: revoked"));
	/* The caller's own certificate is asked about, too, a moment later. */
	for (long long end = mono_ms() + WAIT_MS;
	     ask("revoked", "good", "", answer) != 403;)
		assert_true(mono_ms() < end);
	/* The role is for this alone. */
	rest_expect(&gw, "GET", "/decisions", 200);
}

static void
many_on_one_connection(void **state)
{
	char answer[4096];
	struct tls_options o = {
	    .cert = "net/peers/fresh.pem", .key = "net/peers/fresh.key"};
	struct tls t;

	(void)state;
	start("\"[::1]:0\"");
	gateway_free(&gw);
	start("\"127.0.0.1:0\"");
	assert_true(tls_connect(&t, port, &o));
	for (int i = 0; i < 50; i++)
		assert_int_equal(
		    ask_on(&t, i % 2 ? "good" : "unseen", "", answer), 204);
	tls_free(&t);
	/* The certificate loses its role: from the next request on. */
	assert_true(tls_connect(&t, port, &o));
	assert_int_equal(ask_on(&t, "good", "", answer), 204);
	gateway_set(&gw, "rest.clients", NULL);
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
	assert_int_equal(ask_on(&t, "good", "", answer), 403);
	tls_free(&t);
}

static void
what_does_not_start(void **state)
{
	(void)state;
	scene_prepare();
	gateway_set(&gw, "authorize.listen", "\"127.0.0.1:0\"");
	gateway_must_refuse(&gw, "$.authorize.format is nothing");
	gateway_set(&gw, "authorize.format", "\"guess\"");
	gateway_must_refuse(&gw, "$.authorize.format");
	gateway_set(&gw, "authorize.format", "\"envoy\"");
	gateway_must_refuse(&gw,
	    "expected somebody with the role \"authorize\" in $.rest.clients "
	    "or $.rest.users");
	gateway_set(&gw, "rest.users", USERS);
	/* From elsewhere a password is not enough. */
	gateway_set(&gw, "authorize.listen", "\"0.0.0.0:0\"");
	gateway_must_refuse(&gw,
	    "expected somebody with the role \"authorize\" in $.rest.clients, "
	    "or a Unix socket");
	gateway_set(&gw, "authorize.listen", "\"127.0.0.1:0\"");
	gateway_set(&gw, "authorize.users", "[\"0\"]");
	gateway_must_refuse(&gw, "$.authorize.users");
	gateway_set(&gw, "authorize.users", NULL);
	gateway_set(&gw, "authorize.header", "\"a b\"");
	gateway_must_refuse(&gw, "the name of a header");
	gateway_set(&gw, "authorize.header", NULL);
	gateway_set(&gw, "authorize.hop", "0");
	gateway_must_refuse(&gw, "$.authorize.hop");
	gateway_set(&gw, "authorize.hop", NULL);
	gateway_start(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(who_may_ask),
	    SCENE(many_on_one_connection),
	    SCENE(what_does_not_start),
	};

	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
