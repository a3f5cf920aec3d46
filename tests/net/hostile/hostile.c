/*
 * Peers that mean harm, one way after the other: they stop in the middle,
 * change a byte, send too much, ask for new keys for ever. They do not get in,
 * nothing of them stays, and who means no harm is served meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tests/lib/scene.h"

#define CRL_PATH "/certificate-revocation-list/doorman"
#define STORM    3000 /* key updates */

static void
prepare(void)
{
	scene_prepare();
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "workers", "1");
}

/* A handshake in slices. */

/* A client whose bytes pass through our hands. */
struct tls_bio {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	int fd;
	size_t sent;
	unsigned char head[5]; /* of the record being sent */
	size_t head_len, body_left;
	/* What is done to them. */
	size_t limit;   /* nothing is sent from here on */
	size_t flip_at; /* the first octet of a body from here on is changed */
	bool flipped;
};

static void
wire_open(struct tls_bio *w, const char *peer, int version)
{
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town.dir, peer);

	memset(w, 0, sizeof(*w));
	w->limit = w->flip_at = SIZE_MAX;
	w->ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_set_min_proto_version(w->ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(w->ctx, version), 1);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(w->ctx, cert), 1);
	assert_int_equal(
	    SSL_CTX_use_PrivateKey_file(w->ctx, key, SSL_FILETYPE_PEM), 1);
	w->ssl = SSL_new(w->ctx);
	w->in = BIO_new(BIO_s_mem());
	w->out = BIO_new(BIO_s_mem());
	SSL_set_bio(w->ssl, w->in, w->out);
	SSL_set_connect_state(w->ssl);
	w->fd = tcp_dial(gw.port);
	free(cert);
	free(key);
}

static void
wire_close(struct tls_bio *w, bool reset)
{
	struct linger hard = {.l_onoff = 1};

	if (reset)
		setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(w->fd);
	SSL_free(w->ssl);
	SSL_CTX_free(w->ctx);
	ERR_clear_error();
}

static void
wire_flip(struct tls_bio *w, unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (w->body_left > 0) {
			if (w->sent + i >= w->flip_at && !w->flipped) {
				p[i] ^= 0x41;
				w->flipped = true;
			}
			w->body_left--;
			continue;
		}
		w->head[w->head_len++] = p[i];
		if (w->head_len < sizeof(w->head))
			continue;
		w->head_len = 0;
		w->body_left = (size_t)w->head[3] << 8 | w->head[4];
	}
}

/* Sends what the client has to say; false when the limit has been reached. */
static bool
wire_flush(struct tls_bio *w)
{
	unsigned char buf[16384];
	int n;

	while ((n = BIO_read(w->out, buf, sizeof(buf))) > 0) {
		size_t len = (size_t)n;

		wire_flip(w, buf, len);
		if (len > w->limit - w->sent)
			len = w->limit - w->sent;
		(void)!send(w->fd, buf, len, MSG_NOSIGNAL);
		w->sent += len;
		if (w->sent == w->limit)
			return false;
	}
	return true;
}

/* More from the gateway, or false when there is no more. */
static bool
wire_fill(struct tls_bio *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	unsigned char buf[16384];
	ssize_t n;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	n = recv(w->fd, buf, sizeof(buf), 0);
	if (n <= 0)
		return false;
	assert_int_equal(BIO_write(w->in, buf, (int)n), n);
	return true;
}

/*
 * As far as it goes: to the limit, to an error, or until the client has said
 * all it has to say before it must hear the verdict.
 */
static void
wire_shake(struct tls_bio *w)
{
	for (;;) {
		int rc = SSL_do_handshake(w->ssl);
		int why = SSL_get_error(w->ssl, rc);

		ERR_clear_error();
		if (!wire_flush(w) || rc == 1 ||
		    (rc < 0 && why != SSL_ERROR_WANT_READ) ||
		    SSL_get_state(w->ssl) == TLS_ST_CW_FINISHED)
			return;
		if (!wire_fill(w))
			return;
	}
}

/* The octets that a client sends in a handshake, give or take two. */
static size_t
wire_length(int version)
{
	struct tls_bio w;
	size_t len;

	/* One that does not get in: the node hears of nothing. */
	wire_open(&w, "revoked", version);
	wire_shake(&w);
	len = w.sent;
	assert_true(len > 500);
	wire_close(&w, false);
	return len;
}

/*
 * Every step is a number of octets sent; the last one is all of them, so that
 * the verdict is awaited. The responder is silent: nobody is ever let in.
 */
static void
leaving_at_every_step(void **state)
{
	static const int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	unsigned long long connections;
	size_t fds;

	(void)state;
	prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "revocation.deadline_ms", "240000");
	gateway_set(&gw, "revocation.fetch_timeout_ms", "240000");
	gateway_set(&gw, "limits.handshake_timeout_ms", "280000");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	control(&town.ocsp, "/_script", "/doorman* gate=hang\n");
	control(&town.web, "/_script", CRL_PATH " gate=hang\n");
	fds = pid_num_fds(gw.proc.pid);
	for (int v = 0; v < 2; v++) {
		size_t all = wire_length(version[v]);

		connections = node_stat(&town.node, "connections");
		for (size_t at = 0; at <= all + 17; at += 17) {
			struct tls_bio w;

			wire_open(&w, "unseen", version[v]);
			if (at < all)
				w.limit = at;
			wire_shake(&w);
			wire_close(&w, at % 2);
		}
		assert_int_equal(
		    node_stat(&town.node, "connections"), connections);
	}
	hits_await(&town.ocsp, 1, "/doorman*");
	scene_await_fds(fds + 4);
	assert_true(proc_says(&gw.proc, "left while its verdict"));
	control(&town.ocsp, "/_release/hang", NULL);
	control(&town.web, "/_release/hang", NULL);
	assert_int_equal(tls_try(&town, "unseen", gw.port, 0), TLS_IN);
	control(&town.ocsp, "/_script", "");
	control(&town.web, "/_script", "");
}

/*
 * Any octet of what a peer sends is changed, the content of records in TLS 1.2
 * (Certificate and its proof among it) as well as ciphertext. Never is anybody
 * let in. Headers of records stay: their version is nobody's proof.
 */
static void
a_changed_byte(void **state)
{
	static const int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	unsigned long long connections;

	(void)state;
	prepare();
	gateway_start(&gw);
	for (int v = 0; v < 2; v++) {
		size_t all = wire_length(version[v]);

		connections = node_stat(&town.node, "connections");
		for (size_t at = 5; at < all - 8; at += 13) {
			struct tls_bio w;

			wire_open(&w, "good", version[v]);
			w.flip_at = at;
			wire_shake(&w);
			assert_true(w.flipped);
			shutdown(w.fd, SHUT_WR);
			while (wire_fill(&w))
				continue;
			wire_close(&w, false);
		}
		assert_int_equal(
		    node_stat(&town.node, "connections"), connections);
	}
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

/* Too much. */

/* A peer that sends num certificates: its own, then its issuer's, always. */
static void
make_long_peer(const char *name, int num)
{
	char *path = xasprintf("%s/peers/%s.pem", town.dir, name);
	char *key = xasprintf("%s/peers/%s.key", town.dir, name);
	char *from[] = {town_path(&town, "peers/good.key"),
	    town_path(&town, "peers/good.pem"),
	    town_path(&town, "doorman/ca.pem")};
	char *text[3];
	size_t len[3];

	for (int i = 0; i < 3; i++) {
		text[i] = file_need(from[i], &len[i]);
		free(from[i]);
	}
	file_write(key, text[0], len[0]);
	file_write(path, text[1], len[1]);
	/* The peer's file has its issuer's once. */
	for (int i = 2; i < num; i++)
		file_append(path, text[2]);
	for (int i = 0; i < 3; i++)
		free(text[i]);
	free(path);
	free(key);
}

static void
chains_too_long_or_too_large(void **state)
{
	static const int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	make_long_peer("hundred", 100);
	make_long_peer("large", 1500);
	prepare();
	/* The client has to read them all first. */
	gateway_set(&gw, "limits.handshake_timeout_ms", "60000");
	gateway_start(&gw);
	for (int v = 0; v < 2; v++) {
		/* Told why, since the handshake got that far. */
		assert_true(tls_try(&town, "hundred", gw.port, version[v]) > 0);
		assert_int_not_equal(
		    tls_try(&town, "large", gw.port, version[v]), TLS_IN);
		assert_int_equal(
		    tls_try(&town, "good", gw.port, version[v]), TLS_IN);
	}
	assert_int_equal(
	    proc_count(&gw.proc, "100 certificates sent, at most 10"), 2);
	assert_int_equal(proc_count(&gw.proc, "excessive message size"), 2);
	gateway_stop(&gw);
	/* It is a limit, not a law. */
	gateway_set(&gw, "limits.max_chain", "100");
	gateway_start(&gw);
	for (int v = 0; v < 2; v++) {
		assert_int_equal(
		    tls_try(&town, "hundred", gw.port, version[v]), TLS_IN);
		assert_int_not_equal(
		    tls_try(&town, "large", gw.port, version[v]), TLS_IN);
	}
}

/* After the handshake. */

struct storm {
	struct tls t;
	pthread_t thread;
	atomic_bool end;
	atomic_int rounds;
	bool ok;
};

/* New keys, asked for and given, as fast as it goes. */
static void *
storm_main(void *arg)
{
	struct storm *s = arg;

	s->ok = true;
	while (s->ok && !atomic_load(&s->end)) {
		for (int i = 0; s->ok && i < 100; i++)
			s->ok =
			    SSL_key_update(s->t.ssl,
				i % 2 ? SSL_KEY_UPDATE_REQUESTED
				      : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
			    SSL_do_handshake(s->t.ssl) == 1;
		/* Reads what the other side sends, its own updates included. */
		s->ok = s->ok && tls_echo(&s->t);
		atomic_fetch_add(&s->rounds, 1);
	}
	return NULL;
}

static void
a_storm_of_key_updates(void **state)
{
	const char *build;
	struct storm s = {.ok = true};
	size_t rss, grown;
	long long from;

	(void)state;
	prepare();
	gateway_start(&gw);
	tls_enter(&s.t, &town, "good", gw.port, TLS1_3_VERSION);
	rss = pid_rss_bytes(gw.proc.pid);
	assert_int_equal(pthread_create(&s.thread, NULL, storm_main, &s), 0);
	from = mono_ms();
	do
		assert_int_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
	while (
	    atomic_load(&s.rounds) < STORM / 100 && mono_ms() - from < WAIT_MS);
	atomic_store(&s.end, true);
	assert_int_equal(pthread_join(s.thread, NULL), 0);
	grown = pid_rss_bytes(gw.proc.pid);
	grown = grown > rss ? grown - rss : 0;
	assert_true(s.ok);
	assert_true(atomic_load(&s.rounds) >= STORM / 100);
	build = getenv("BUILD");
	if (build == NULL || strstr(build, "/asan") == NULL)
		assert_true(grown < 8UL * 1024 * 1024);
	tls_free(&s.t);
}

/* Asked for without ever reading the answers: they do not pile up. */
static void
key_updates_never_read(void **state)
{
	const char *build;
	struct tls t;
	size_t rss, grown;

	(void)state;
	prepare();
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, TLS1_3_VERSION);
	rss = pid_rss_bytes(gw.proc.pid);
	for (int i = 0; i < STORM; i++)
		if (SSL_key_update(t.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
		    SSL_do_handshake(t.ssl) != 1)
			fail_msg("key update %d", i);
	assert_int_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
	assert_int_equal(tls_echo(&t), 1);
	grown = pid_rss_bytes(gw.proc.pid);
	grown = grown > rss ? grown - rss : 0;
	build = getenv("BUILD");
	if (build == NULL || strstr(build, "/asan") == NULL)
		assert_true(grown < 8UL * 1024 * 1024);
	tls_free(&t);
}

/* A second handshake could bring a second certificate: there is none. */
static void
no_renegotiation(void **state)
{
	unsigned long long connections;
	struct tls t;

	(void)state;
	prepare();
	gateway_start(&gw);
	tls_enter(&t, &town, "good", gw.port, TLS1_2_VERSION);
	connections = node_stat(&town.node, "connections");
	assert_int_equal(SSL_renegotiate(t.ssl), 1);
	ERR_clear_error();
	assert_int_not_equal(SSL_do_handshake(t.ssl), 1);
	assert_int_equal(
	    ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	tls_free(&t);
	assert_int_equal(node_stat(&town.node, "connections"), connections);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

/*
 * Many at once ask for one, and go on asking on connection after connection.
 * (More than one on one connection OpenSSL's client does not ask for.)
 */
static void
a_storm_of_renegotiations(void **state)
{
	struct tls t[20];
	size_t fds;

	(void)state;
	prepare();
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	fds = pid_num_fds(gw.proc.pid);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 20; i++) {
			tls_enter(
			    &t[i], &town, "good", gw.port, TLS1_2_VERSION);
			assert_int_equal(SSL_renegotiate(t[i].ssl), 1);
		}
		assert_int_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
		for (int i = 0; i < 20; i++) {
			assert_int_not_equal(SSL_do_handshake(t[i].ssl), 1);
			ERR_clear_error();
			tls_free(&t[i]);
		}
	}
	scene_await_fds(fds + 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(leaving_at_every_step),
	    SCENE(a_changed_byte),
	    SCENE(chains_too_long_or_too_large),
	    SCENE(a_storm_of_key_updates),
	    SCENE(key_updates_never_read),
	    SCENE(no_renegotiation),
	    SCENE(a_storm_of_renegotiations),
	};

	return cmocka_run_group_tests_name(
	    "hostile", tests, scene_setup, scene_teardown);
}
