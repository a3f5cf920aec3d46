/*
 * What a proxy asks over a Unix socket: every kind of peer, of request and of
 * connection. Who waits for evidence holds up nobody; who may not ask is told
 * nothing about anybody.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "tests/lib/issuer.h"
#include "tests/lib/pkimake.h"
#include "tests/lib/scene.h"

#define SOCKET      "authorize.sock"
#define CRL_PATH    "/certificate-revocation-list/doorman"
#define ANSWER_ROOM 65536

/* A connection as a proxy keeps it. */
struct asker {
	int fd;
	char in[ANSWER_ROOM]; /* the answer, NUL-terminated */
	char rest[ANSWER_ROOM];
	size_t rest_len;
};

static void
dial(struct asker *a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = SOCKET};
	const struct timeval tv = {.tv_sec = WAIT_MS / 1000};

	memset(a, 0, sizeof(*a));
	a->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(a->fd >= 0);
	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(connect(a->fd, (struct sockaddr *)&un, sizeof(un)), 0);
}

static void
put(struct asker *a, const char *text)
{
	size_t len = strlen(text), n = 0;

	while (n < len) {
		ssize_t w = send(a->fd, text + n, len - n, MSG_NOSIGNAL);

		if (w <= 0)
			return; /* the answer says why */
		n += (size_t)w;
	}
}

/* Bytes of the body, as its head says. */
static size_t
length_of(const char *head, const char *end)
{
	const char *at = strstr(head, "Content-Length: ");

	return at != NULL && at < end ? strtoul(at + 16, NULL, 10) : 0;
}

/* One answer; its status. 0: the end of the connection. */
static int
hear(struct asker *a, bool head_only)
{
	for (;;) {
		char *end;
		ssize_t n;

		a->rest[a->rest_len] = '\0';
		end = strstr(a->rest, "\r\n\r\n");
		if (end != NULL) {
			size_t head = (size_t)(end + 4 - a->rest);
			size_t all =
			    head + (head_only ? 0 : length_of(a->rest, end));

			if (a->rest_len >= all) {
				memcpy(a->in, a->rest, all);
				a->in[all] = '\0';
				memmove(
				    a->rest, a->rest + all, a->rest_len - all);
				a->rest_len -= all;
				return atoi(a->in + 9);
			}
		}
		assert_true(a->rest_len + 1 < ANSWER_ROOM);
		n = recv(a->fd, a->rest + a->rest_len,
		    ANSWER_ROOM - 1 - a->rest_len, 0);
		if (n <= 0)
			return 0;
		a->rest_len += (size_t)n;
	}
}

static void
hang_up(struct asker *a)
{
	close(a->fd);
	a->fd = -1;
}

/*
 * ":base64:" of the n-th certificate in a file of the town, NULL where there
 * are fewer; free it.
 */
static char *
sequence(const char *what, int n)
{
	char *path = town_path(&town, what), *out, *base64;
	BIO *in = BIO_new_file(path, "r");
	unsigned char *der = NULL;
	X509 *x = NULL;
	int len;

	for (int i = 0; i <= n; i++) {
		X509_free(x);
		x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	}
	BIO_free(in);
	free(path);
	if (x == NULL)
		return NULL;
	len = i2d_X509(x, &der);
	base64 = calloc(1, (size_t)len * 2);
	assert_non_null(base64);
	EVP_EncodeBlock((unsigned char *)base64, der, len);
	out = xasprintf(":%s:", base64);
	free(base64);
	OPENSSL_free(der);
	X509_free(x);
	return out;
}

/* The two headers of a peer of the town; free it. */
static char *
headers_of(const char *peer)
{
	char *file = xasprintf("peers/%s.pem", peer);
	char *leaf = sequence(file, 0), *issuer = sequence(file, 1);
	char *out = xasprintf("Client-Cert: %s\r\n%s%s%s", leaf,
	    issuer != NULL ? "Client-Cert-Chain: " : "",
	    issuer != NULL ? issuer : "", issuer != NULL ? "\r\n" : "");

	free(file);
	free(leaf);
	free(issuer);
	return out;
}

/* Asks about a peer of the town on a connection that stays. */
static int
ask(struct asker *a, const char *peer)
{
	char *headers = headers_of(peer);
	char *request =
	    xasprintf("GET /auth HTTP/1.1\r\nHost: h\r\n%s\r\n", headers);

	put(a, request);
	free(headers);
	free(request);
	return hear(a, false);
}

/* The same on one of its own; says: part of the answer, or NULL. */
static void
must_be(const char *peer, int status, const char *says)
{
	struct asker *a = malloc(sizeof(*a));
	int got;

	assert_non_null(a);
	dial(a);
	got = ask(a, peer);
	if (got != status || (says != NULL && strstr(a->in, says) == NULL))
		fail_msg("%s: %d (%s): %s", peer, got, says, a->in);
	hang_up(a);
	free(a);
}

static void
prepare(void)
{
	unlink(SOCKET);
	scene_prepare();
	gateway_set(&gw, "authorize.listen", "\"unix:" SOCKET "\"");
	gateway_set(&gw, "authorize.format", "\"rfc9440\"");
	gateway_set(&gw, "authorize.deadline_ms", "5000");
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
}

static void
every_kind_of_peer(void **state)
{
	struct web w;

	(void)state;
	prepare();
	gateway_start(&gw);
	must_be("good", 204, "\r\nP2P-Gateway-Status: good\r\n");
	must_be(
	    "good", 204, "\r\nP2P-Gateway-Subject: C=GB,L=London,O=good\r\n");
	must_be("good", 204, "\r\nP2P-Gateway-Leaf-SHA256: ");
	must_be("revoked", 403, "\r\nP2P-Gateway-Status: revoked\r\n");
	must_be("revoked", 403, "\r\nP2P-Gateway-Reason: refused: certificate");
	must_be("revoked", 403, "(keyCompromise) according to OCSP");
	must_be("stranger", 403, "\r\nP2P-Gateway-Status: path-invalid\r\n");
	must_be("nosource", 403, "\r\nP2P-Gateway-Status: unknown\r\n");
	rest(&gw, &w, "GET", "/metrics", NULL);
	if (strstr(w.body,
		"verdicts_total{way=\"authorize\",mode=\"HARD_FAIL\","
		"status=\"revoked\",why=\"none\",outcome=\"refuse\"} 3\n") ==
		NULL &&
	    strstr(w.body,
		"way=\"authorize\",mode=\"HARD_FAIL\",status="
		"\"revoked\"") == NULL)
		fail_msg("%s", w.body);
	web_free(&w);
	rest(&gw, &w, "GET", "/decisions", NULL);
	assert_non_null(strstr(w.body, "\"way\":\"authorize\""));
	web_free(&w);
	gateway_must_say(&gw, "authorize: refused 'C=GB,L=London,O=revoked'");
}

/* It may be all that the gateway is for. */
static void
without_a_door(void **state)
{
	struct web w;

	(void)state;
	prepare();
	gateway_set(&gw, "listen", "[]");
	gateway_set(&gw, "node.addresses", "[]");
	gateway_set(&gw, "authorize.listen", NULL);
	gateway_set(&gw, "authorize", NULL);
	gateway_must_refuse(&gw, "$.listen is []");
	gateway_set(&gw, "authorize.listen", "\"unix:" SOCKET "\"");
	gateway_set(&gw, "authorize.format", "\"rfc9440\"");
	gateway_set(&gw, "listen", "\"127.0.0.1:0\"");
	gateway_must_refuse(&gw, "$.node.addresses is []");
	gateway_set(&gw, "listen", "[]");
	gateway_start(&gw);
	must_be("good", 204, NULL);
	must_be("revoked", 403, NULL);
	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 200);
	web_free(&w);
	rest_expect(&gw, "POST", "/reload", 204);
	must_be("good", 204, NULL);
}

static void
soft_fail_lets_the_undetermined_in(void **state)
{
	(void)state;
	prepare();
	gateway_set(&gw, "revocation.mode", "\"SOFT_FAIL\"");
	gateway_start(&gw);
	must_be("nosource", 204, "\r\nP2P-Gateway-Status: unknown\r\n");
	must_be("revoked", 403, "revoked");
	rest_mode(&gw, "HARD_FAIL");
	must_be("nosource", 403, "\r\nP2P-Gateway-Status: unknown\r\n");
	rest_mode(&gw, "OFF");
	must_be("revoked", 204, "\r\nP2P-Gateway-Status: not-asked\r\n");
	must_be("stranger", 403, "path-invalid");
}

/* Where TLS needs no certificate, the question still does. */
static void
without_a_certificate_nobody_is_let_in(void **state)
{
	static const char *const requests[] = {
	    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: h\r\nClient-Cert:\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: h\r\nX-SSL-Client-Cert: :AAAA:\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: h\r\nClient-Cert: :AAAA:\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: h\r\nClient_Cert: :AAAA:\r\n\r\n"};
	struct asker *a = malloc(sizeof(*a));
	char *headers = headers_of("good"), *request;

	(void)state;
	assert_non_null(a);
	prepare();
	gateway_set(&gw, "tls.type", "\"ONE_WAY\"");
	gateway_set(&gw, "revocation.mode", "\"OFF\"");
	gateway_start(&gw);
	dial(a);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		put(a, requests[i]);
		assert_int_equal(hear(a, false), 403);
		assert_non_null(
		    strstr(a->in, "\r\nP2P-Gateway-Status: no-certificate"));
	}
	request = xasprintf("GET / HTTP/1.1\r\n%s%s\r\n", headers, headers);
	put(a, request);
	assert_int_equal(hear(a, false), 403);
	assert_non_null(strstr(a->in, "more than once"));
	assert_int_equal(ask(a, "good"), 204);
	hang_up(a);
	free(request);
	free(headers);
	free(a);
}

/* A request of that line and those headers about the good peer. */
static void
send_good(struct asker *a, const char *line, const char *more)
{
	char *headers = headers_of("good");
	char *request = xasprintf("%s\r\nHost: h\r\n%s%s", line, headers, more);

	put(a, request);
	free(request);
	free(headers);
}

static void
any_method_path_and_body(void **state)
{
	static const char *const lines[] = {"GET / HTTP/1.1",
	    "POST /auth/a/b?c=d%20e HTTP/1.1", "PUT // HTTP/1.1",
	    "DELETE /..%2f HTTP/1.1", "OPTIONS * HTTP/1.1",
	    "PATCH http://h/x HTTP/1.1", "PROPFIND /p HTTP/1.1",
	    "BREW /pot HTTP/1.1"};
	static const char *const bodies[] = {"\r\n",
	    "Content-Length: 5\r\n\r\nhello",
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n"};
	struct asker *a = malloc(sizeof(*a));

	(void)state;
	assert_non_null(a);
	prepare();
	gateway_start(&gw);
	dial(a);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			send_good(a, lines[i], bodies[k]);
			if (hear(a, false) != 204)
				fail_msg("%s: %s", lines[i], a->in);
		}
	/* To HEAD there is a length and no body, and the next answer fits. */
	put(a, "HEAD / HTTP/1.1\r\n\r\n");
	assert_int_equal(hear(a, true), 403);
	assert_non_null(strstr(a->in, "Content-Length: "));
	/* Two at once are answered in order. */
	send_good(a, "GET /1 HTTP/1.1", "\r\n");
	put(a, "GET /2 HTTP/1.1\r\n\r\n");
	send_good(a, "GET /3 HTTP/1.1", "\r\n");
	assert_int_equal(hear(a, false), 204);
	assert_int_equal(hear(a, false), 403);
	assert_int_equal(hear(a, false), 204);
	send_good(a, "POST / HTTP/1.1",
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(hear(a, false), 100);
	put(a, "ab");
	assert_int_equal(hear(a, false), 204);
	/* HTTP/1.0 and who says so are alone on their connection. */
	send_good(a, "GET / HTTP/1.1", "Connection: close\r\n\r\n");
	assert_int_equal(hear(a, false), 204);
	assert_int_equal(hear(a, false), 0);
	hang_up(a);
	dial(a);
	send_good(a, "GET / HTTP/1.0", "\r\n");
	assert_int_equal(hear(a, false), 204);
	assert_int_equal(hear(a, false), 0);
	hang_up(a);
	/* socat and nc end their side first. */
	dial(a);
	send_good(a, "GET / HTTP/1.1", "\r\n");
	assert_int_equal(shutdown(a->fd, SHUT_WR), 0);
	assert_int_equal(hear(a, false), 204);
	assert_int_equal(hear(a, false), 0);
	hang_up(a);
	free(a);
}

/* Answers to what is no request that can be judged, and the end. */
static void
refused(const char *request, int status, const char *says)
{
	struct asker *a = malloc(sizeof(*a));
	int got;

	assert_non_null(a);
	dial(a);
	put(a, request);
	got = hear(a, false);
	if (got != status || strstr(a->in, says) == NULL)
		fail_msg("%.60s: %d (%s): %s", request, got, says, a->in);
	assert_int_equal(hear(a, false), 0);
	hang_up(a);
	free(a);
}

static void
what_is_no_request_is_refused(void **state)
{
	const size_t most = 200000;
	char *big = malloc(most + 1), *long_one;

	(void)state;
	assert_non_null(big);
	prepare();
	gateway_set(&gw, "authorize.format", "\"nginx\"");
	gateway_start(&gw);
	/* $ssl_client_cert, as nginx writes it. */
	refused("GET / HTTP/1.1\r\nX-SSL-Client-Cert: -----BEGIN "
		"CERTIFICATE-----\n\tMIIB\n\t-----END "
		"CERTIFICATE-----\r\n\r\n",
	    400, "$ssl_client_escaped_cert");
	refused("GET / HTTP/1.1\r\nX-SSL-Client-Cert: -----BEGIN "
		"CERTIFICATE-----\r\n\tMIIB\r\n\r\n",
	    400, "$ssl_client_escaped_cert");
	refused("GET / HTTP/1.1\r\nA\r\n\r\n", 400, "NAME: VALUE");
	refused("GET / HTTP/2.0\r\n\r\n", 505, "HTTP/1.1");
	refused("hello\r\n\r\n", 400, "request line");
	refused("GET / HTTP/1.1\r\nContent-Length: 1\r\n"
		"Content-Length: 1\r\n\r\n",
	    400, "length");
	refused("GET / HTTP/1.1\r\nContent-Length: 1\r\n"
		"Transfer-Encoding: chunked\r\n\r\n",
	    400, "length");
	refused("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
	    "chunked");
	refused("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
	    400, "chunks");
	refused(
	    "GET / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413, "1 MiB");
	memset(big, 'a', most);
	big[most] = '\0';
	long_one =
	    xasprintf("GET / HTTP/1.1\r\nX-SSL-Client-Cert: %s\r\n\r\n", big);
	refused(long_one, 431, "max_head_bytes");
	free(long_one);
	free(big);
}

static void
revoked_meanwhile(void **state)
{
	struct asker *a = malloc(sizeof(*a));

	(void)state;
	assert_non_null(a);
	prepare();
	gateway_start(&gw);
	dial(a);
	assert_int_equal(ask(a, "unseen"), 204);
	assert_int_equal(ask(a, "unseen"), 204);
	town_ca(&town, "revoke", "peers/unseen", NULL);
	rest_expect(&gw, "DELETE", "/cache", 204);
	for (long long end = mono_ms() + WAIT_MS; ask(a, "unseen") != 403;)
		assert_true(mono_ms() < end);
	assert_non_null(strstr(a->in, "P2P-Gateway-Status: revoked"));
	hang_up(a);
	free(a);
}

/* Who waits is answered at the deadline; others at once, meanwhile. */
static void
silence_holds_up_nobody(void **state)
{
	struct asker *slow = malloc(sizeof(*slow)), *quick;
	char *headers = headers_of("fresh");
	char *request = xasprintf("GET / HTTP/1.1\r\n%s\r\n", headers);
	long long since;

	(void)state;
	quick = malloc(sizeof(*quick));
	assert_non_null(slow);
	assert_non_null(quick);
	prepare();
	gateway_start(&gw);
	dial(quick);
	assert_int_equal(ask(quick, "good"), 204);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	control(&town.web, "/_script", CRL_PATH " gate=hang\n");
	rest_expect(&gw, "DELETE", "/cache", 204);
	since = mono_ms();
	dial(slow);
	put(slow, request);
	hits_await(&town.ocsp, 1, "/doorman*");
	/* It has no evidence either, but a certificate that needs none. */
	assert_int_equal(ask(quick, "stranger"), 403);
	assert_int_equal(ask(quick, "stranger"), 403);
	assert_true(mono_ms() - since < 5000);
	assert_int_equal(hear(slow, false), 403);
	assert_true(mono_ms() - since >= 4900);
	assert_non_null(strstr(slow->in, "P2P-Gateway-Status: unknown"));
	/* Who leaves while it waits is forgotten. */
	put(slow, request);
	hang_up(slow);
	rest_mode(&gw, "SOFT_FAIL");
	dial(slow);
	put(slow, request);
	assert_int_equal(hear(slow, false), 204);
	control(&town.ocsp, "/_release/hang", NULL);
	control(&town.web, "/_release/hang", NULL);
	hang_up(slow);
	hang_up(quick);
	free(request);
	free(headers);
	free(slow);
	free(quick);
}

static void
reload(void)
{
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
}

static void
denylist_subjects_and_group(void **state)
{
	char *anchors = town_path(&town, "trust.pem"), *other, *trust;
	char *path, *pem, *deny;
	cJSON *entry;
	size_t len;
	struct web w;

	(void)state;
	prepare();
	gateway_set(&gw, "tls.allowed_subjects", "[\"C=GB,L=London,O=good\"]");
	gateway_set(&gw, "revocation.mode", "\"OFF\"");
	gateway_start(&gw);
	must_be("good", 204, NULL);
	must_be("fresh", 403, "P2P-Gateway-Status: subject-refused");
	path = town_path(&town, "peers/good.pem");
	pem = file_read(path, &len);
	entry = cJSON_CreateObject();
	cJSON_AddStringToObject(entry, "certificate", pem);
	deny = cJSON_PrintUnformatted(entry);
	rest(&gw, &w, "POST", "/denylist", deny);
	if (w.status != 201 && w.status != 200)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	must_be("good", 403, "P2P-Gateway-Status: revoked");
	cJSON_Delete(entry);
	free(deny);
	free(path);
	free(pem);
	gateway_stop(&gw);
	/* The group that is named vouches, and no other. */
	other = town_path(&town, "foreign/ca.pem");
	trust = xasprintf("[{\"group\":\"town\",\"anchors\":\"%s\"},"
			  "{\"group\":\"other\",\"anchors\":\"%s\"}]",
	    anchors, other);
	gateway_set(&gw, "tls.allowed_subjects", NULL);
	gateway_set(&gw, "state_dir", NULL); /* has the denylist */
	gateway_set(&gw, "trust", trust);
	gateway_set(&gw, "authorize.trust_group", "\"other\"");
	gateway_start(&gw);
	must_be("good", 403, "P2P-Gateway-Status: path-invalid");
	gateway_set(&gw, "authorize.trust_group", "\"town\"");
	reload();
	must_be("good", 204, NULL);
	must_be("good", 204, NULL);
	/* Who is remembered is not under another trust, nor off a list. */
	gateway_set(&gw, "authorize.trust_group", "\"other\"");
	reload();
	must_be("good", 403, "P2P-Gateway-Status: path-invalid");
	gateway_set(&gw, "authorize.trust_group", "\"town\"");
	reload();
	must_be("good", 204, NULL);
	gateway_set(&gw, "tls.allowed_subjects", "[]");
	reload();
	must_be("good", 403, "P2P-Gateway-Status: subject-refused");
	gateway_set(&gw, "tls.allowed_subjects", NULL);
	gateway_set(&gw, "authorize.format", "\"traefik\"");
	reload();
	must_be("good", 403, "P2P-Gateway-Status: no-certificate");
	gateway_stop(&gw);
	gateway_set(&gw, "authorize.format", "\"rfc9440\"");
	gateway_set(&gw, "authorize.trust_group", "\"nobody\"");
	gateway_must_refuse(&gw, "expected one of the groups of $.trust");
	gateway_set(&gw, "authorize.trust_group", NULL);
	gateway_start(&gw);
	free(anchors);
	free(other);
	free(trust);
}

/* What verified is remembered for one strength. */
static void
by_the_strength_in_force(void **state)
{
	const struct issuer_cert how = {.cn = "strong",
	    .key = EVP_EC_gen("P-521"),
	    .serial = 1,
	    .from = time(NULL) - 60,
	    .to = time(NULL) + 3600,
	    .md = EVP_sha512()};
	struct issuer strong;

	(void)state;
	issuer_init(&strong, &how);
	pki_write("strong.pem", strong.cert, strong.key);
	prepare();
	gateway_set(&gw, "identities",
	    "[{\"name\":\"strong\",\"certificate\":\"strong.pem\"}]");
	gateway_start(&gw);
	must_be("good", 204, NULL);
	must_be("good", 204, NULL);
	/* 192 bits: P-256 has 128. */
	gateway_set(&gw, "tls.security_level", "4");
	reload();
	must_be("good", 403, "P2P-Gateway-Status: path-invalid");
	gateway_set(&gw, "tls.security_level", NULL);
	reload();
	must_be("good", 204, NULL);
	EVP_PKEY_free(how.key);
	issuer_cleanup(&strong);
}

/* The mode of TLS peers, where it is another than that of all. */
static void
by_the_mode_of_tls(void **state)
{
	(void)state;
	prepare();
	gateway_set(&gw, "revocation.mode", "\"SOFT_FAIL\"");
	gateway_start(&gw);
	must_be("nosource", 204, "P2P-Gateway-Status: unknown");
	rest_push(&gw, "corda.p2p.gateway",
	    "{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"HARD_FAIL\"}}}",
	    202);
	must_be("nosource", 403, "P2P-Gateway-Status: unknown");
	must_be("good", 204, "P2P-Gateway-Status: good");
}

/* As in a handshake; no listener and no path of the gateway's is asked for. */
static void
by_rules(void **state)
{
	(void)state;
	prepare();
	gateway_set(&gw, "http.profile", "\"any\"");
	gateway_set(&gw, "allow",
	    "[{\"o\":\"good\"},{\"o\":\"fresh\",\"listen\":\"listen\"},"
	    "{\"o\":\"unseen\",\"path\":\"/\"}]");
	gateway_start(&gw);
	must_be("good", 204, NULL);
	must_be("fresh", 403, "P2P-Gateway-Status: not-allowed");
	must_be("fresh", 403, "no rule of allow");
	must_be("unseen", 403, "P2P-Gateway-Status: not-allowed");
}

/* The status of one request as another user of this system. */
static int
status_as(uid_t uid)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct asker *a = malloc(sizeof(*a));

		if (a == NULL || setgid(uid) != 0 || setuid(uid) != 0)
			_exit(200);
		dial(a);
		put(a, "GET / HTTP/1.1\r\n\r\n");
		hear(a, false);
		_exit(strstr(a->in, "authorize.users") != NULL    ? 1
			: strstr(a->in, "no-certificate") != NULL ? 2
								  : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
users_of_this_system(void **state)
{
	const struct passwd *pw = getpwnam("nobody");
	struct stat st;
	uid_t uid;

	(void)state;
	if (geteuid() != 0 || pw == NULL) {
		skip();
		return;
	}
	uid = pw->pw_uid;
	prepare();
	gateway_start(&gw);
	assert_int_equal(stat(SOCKET, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	/* Where the file is open to all, the kernel still tells them apart. */
	assert_int_equal(chmod(SOCKET, 0666), 0);
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(status_as(uid), 1);
	must_be("good", 204, NULL);
	gateway_set(&gw, "authorize.users", "[\"nobody\"]");
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
	assert_int_equal(status_as(uid), 2);
	/* Root is no exception. */
	must_be("good", 403, "authorize.users");
	gateway_stop(&gw);
	gateway_set(&gw, "authorize.users", "[]");
	gateway_must_refuse(&gw, "$.authorize.users is []: expected an array");
	gateway_set(&gw, "authorize.users", "[\"no such user\"]");
	gateway_must_refuse(&gw,
	    "$.authorize.users[0] is 'no such user': expected a user of this "
	    "system");
	gateway_set(&gw, "authorize.users", "[\"0\"]");
	gateway_set(&gw, "authorize.socket_group", "\"no such group\"");
	gateway_must_refuse(&gw, "expected a group of this system");
	gateway_set(&gw, "authorize.socket_group", "\"nogroup\"");
	gateway_start(&gw);
	assert_int_equal(stat(SOCKET, &st), 0);
	assert_int_not_equal(st.st_gid, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(every_kind_of_peer),
	    SCENE(without_a_door),
	    SCENE(soft_fail_lets_the_undetermined_in),
	    SCENE(without_a_certificate_nobody_is_let_in),
	    SCENE(any_method_path_and_body),
	    SCENE(what_is_no_request_is_refused),
	    SCENE(revoked_meanwhile),
	    SCENE(silence_holds_up_nobody),
	    SCENE(denylist_subjects_and_group),
	    SCENE(by_rules),
	    SCENE(by_the_mode_of_tls),
	    SCENE(by_the_strength_in_force),
	    SCENE(users_of_this_system),
	};

	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
