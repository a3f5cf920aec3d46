/*
 * tls_certs: what it hands out is what OpenSSL reads in the same bytes,
 * whatever came before; only of who was let in, and bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "gateway/conf/conf.h"
#include "gateway/tls/handshake.h"
#include "gateway/tls/tls_certs.h"
#include "gateway/tls/tls_lib_ctx.h"
#include "tests/lib/issuer.h"
#include "tests/lib/ssl_join.h"

#define DER_MAX 4096
#define SERIAL  0x5eed5eed5eed5eed

static struct issuer root, ca, leaf, stranger, impostor;
static struct revcheck *rc;
static struct revcheck_trust *trust;
static struct conf conf;
static struct event_base *base;
static struct counters counters;

static void
make(struct issuer *out, const char *cn, const struct issuer *by,
    const char *constraints)
{
	const struct issuer_cert how = {.cn = cn,
	    .by = by,
	    .serial = SERIAL,
	    .from = time(NULL) - 3600,
	    .to = time(NULL) + 3600,
	    .constraints = constraints,
	    .usage = constraints != NULL ? "critical,keyCertSign"
					 : "digitalSignature"};

	issuer_init(out, &how);
}

static int
setup(void **state)
{
	static const char is_ca[] = "critical,CA:TRUE";
	const struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1};

	(void)state;
	make(&root, "root", NULL, is_ca);
	make(&ca, "ca", &root, is_ca);
	make(&leaf, "leaf", &ca, NULL);
	/* Says it is of ca, which never saw it. */
	make(&impostor, "ca", NULL, is_ca);
	make(&stranger, "leaf", &impostor, NULL);
	assert_int_equal(revcheck_new(&rc, &options, NULL), 0);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	conf =
	    (struct conf){.limits.max_chain = 4, .tls.mode = REVCHECK_MODE_OFF};
	base = event_base_new();
	assert_non_null(base);
	return 0;
}

static int
teardown(void **state)
{
	struct issuer *all[] = {&root, &ca, &leaf, &stranger, &impostor};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		issuer_cleanup(all[i]);
	revcheck_trust_free(trust);
	revcheck_free(rc);
	event_base_free(base);
	return 0;
}

static struct tls_certs_stats
stats(void)
{
	struct tls_certs_stats s;

	tls_certs_stats(&s);
	return s;
}

/* Bytes of a certificate. */

struct der {
	uint8_t v[DER_MAX];
	long len;
};

static struct der
der_of(X509 *cert)
{
	struct der d = {.len = i2d_X509(cert, NULL)};
	unsigned char *p = d.v;

	assert_in_range(d.len, 1, DER_MAX - 64);
	assert_int_equal(i2d_X509(cert, &p), d.len);
	return d;
}

/* Another certificate, as long: only its serial number differs. */
static struct der
der_numbered(struct der d, uint32_t n)
{
	static const uint8_t serial[] = {
	    2, 8, 0x5e, 0xed, 0x5e, 0xed, 0x5e, 0xed, 0x5e, 0xed};
	uint8_t *at = memmem(d.v, (size_t)d.len, serial, sizeof(serial));

	assert_non_null(at);
	memcpy(at + 4, &n, sizeof(n));
	return d;
}

/* As libssl reads it; a reference, or NULL. What is left of it in *rest. */
static X509 *
read_der(const struct der *d, long *rest)
{
	X509 *x = X509_new_ex(tls_lib_ctx(), NULL);
	const unsigned char *p = d->v;

	assert_non_null(x);
	if (d2i_X509(&x, &p, d->len) == NULL)
		assert_null(x);
	*rest = d->v + d->len - p;
	ERR_clear_error();
	return x;
}

/* In a handshake, whose peer is let in or not. */
static X509 *
read_sent(const struct der *d, long *rest, bool let_in)
{
	struct tls_certs sent = {.num = 0};
	X509 *x;

	tls_certs_enter(&sent);
	x = read_der(d, rest);
	tls_certs_leave();
	if (let_in)
		tls_certs_keep(&sent);
	else
		tls_certs_drop(&sent);
	assert_int_equal(sent.num, 0);
	return x;
}

static void
check_same(const struct der *d, bool let_in)
{
	long rest, rest_there;
	X509 *x = read_der(d, &rest);
	X509 *there = read_sent(d, &rest_there, let_in);

	assert_int_equal(x != NULL, there != NULL);
	assert_int_equal(rest, rest_there);
	if (x != NULL) {
		struct der want = der_of(x), got = der_of(there);

		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.v, want.v, (size_t)want.len);
		assert_int_equal(X509_get_extension_flags(x),
		    X509_get_extension_flags(there));
	}
	X509_free(x);
	X509_free(there);
}

/* Handshakes. */

static SSL *
end_of(const SSL_METHOD *method, int version, const struct issuer *shows,
    const struct issuer *above)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(tls_lib_ctx(), NULL, method);
	SSL *ssl;

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_cert_verify_callback(ctx, handshake_verify_cb, NULL);
	assert_int_equal(
	    SSL_CTX_use_cert_and_key(ctx, shows->cert, shows->key, NULL, 1), 1);
	if (above != NULL)
		assert_int_equal(SSL_CTX_add1_chain_cert(ctx, above->cert), 1);
	ssl = SSL_new(ctx);
	assert_non_null(ssl);
	SSL_CTX_free(ctx);
	return ssl;
}

/* What a peer comes to who shows that; *seen is its certificate, as read. */
static enum handshake_result
shake(int version, const struct issuer *shows, const struct issuer *above,
    X509 **seen)
{
	struct handshake_env env = {
	    .base = base, .counters = &counters, .rc = rc};
	struct admission_terms terms = {
	    .conf = &conf, .inbound = true, .trust = trust};
	SSL *server = end_of(TLS_server_method(), version, &leaf, NULL);
	SSL *client = end_of(TLS_client_method(), version, shows, above);
	enum handshake_result result = HANDSHAKE_WANT_READ;
	struct handshake h;

	SSL_clear_mode(client, SSL_MODE_ASYNC);
	SSL_set_verify(client, SSL_VERIFY_NONE, NULL);
	SSL_set_verify(
	    server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	ssl_join(server, client, 1 << 16);
	handshake_init(&h, &env, &terms, server);
	for (int i = 0; i < 20 && result == HANDSHAKE_WANT_READ; i++) {
		(void)SSL_do_handshake(client);
		ERR_clear_error();
		result = handshake_step(&h);
	}
	*seen = SSL_get1_peer_certificate(server);
	handshake_cleanup(&h);
	SSL_free(server);
	SSL_free(client);
	return result;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void
who_is_turned_away_is_not_remembered(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct tls_certs_stats before = stats();
		X509 *seen;

		assert_int_equal(
		    shake(versions[i % 2], &stranger, &impostor, &seen),
		    HANDSHAKE_FAILED);
		X509_free(seen);
		/* libssl asks here, and nothing has come of it. */
		assert_int_equal(stats().missed, before.missed + 2);
		assert_int_equal(stats().found, before.found);
		assert_int_equal(stats().kept, before.kept);
	}
}

static void
who_was_let_in_is_known_again(void **state)
{
	struct tls_certs_stats before = stats();
	X509 *first, *seen;

	(void)state;
	assert_int_equal(
	    shake(TLS1_3_VERSION, &leaf, &ca, &first), HANDSHAKE_DONE);
	assert_non_null(first);
	assert_int_equal(stats().kept, before.kept + 2);
	assert_int_equal(stats().found, before.found);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    shake(versions[i], &leaf, &ca, &seen), HANDSHAKE_DONE);
		assert_ptr_equal(seen, first);
		X509_free(seen);
	}
	assert_int_equal(stats().kept, before.kept + 2);
	assert_int_equal(stats().found, before.found + 4);
	X509_free(first);
}

/* A certificate is no verdict. */
static void
who_is_known_is_asked_about_as_ever(void **state)
{
	struct tls_certs_stats before = stats();
	struct revcheck_trust *was = trust;
	X509 *seen;

	(void)state;
	trust = NULL;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    shake(versions[i], &leaf, &ca, &seen), HANDSHAKE_FAILED);
		X509_free(seen);
	}
	trust = was;
	assert_int_equal(stats().found, before.found + 4);
	/* Nor does it speak for who only says that it is of ca. */
	assert_int_equal(
	    shake(TLS1_3_VERSION, &stranger, &ca, &seen), HANDSHAKE_FAILED);
	X509_free(seen);
	assert_int_equal(stats().found, before.found + 5);
	assert_int_equal(stats().kept, before.kept);
}

/* Each bit of one that is known, changed; each length. */
static void
what_is_like_a_known_one_is_read_anew(void **state)
{
	struct der d = der_of(leaf.cert), bad;
	unsigned long found;

	(void)state;
	check_same(&d, true);
	found = stats().found;
	for (long i = 0; i < d.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			bad = d;
			bad.v[i] ^= (uint8_t)(1 << bit);
			check_same(&bad, false);
		}
	for (bad = d, bad.len--; bad.len > 0; bad.len--)
		check_same(&bad, false);
	/* What is behind one is no part of it, and stays. */
	for (bad = d, bad.len++; bad.len < d.len + 20; bad.len++) {
		bad.v[bad.len - 1] = 0;
		check_same(&bad, true);
		check_same(&bad, true);
	}
	assert_int_equal(stats().found, found);
	check_same(&d, true);
	assert_int_equal(stats().found, found + 1);
}

static void
only_what_a_handshake_reads_is_looked_up(void **state)
{
	struct der d = der_of(leaf.cert);
	struct tls_certs sent = {.num = 0};
	struct tls_certs_stats before;
	const unsigned char *p = d.v;
	X509 *x = NULL, *y;
	long rest;

	(void)state;
	check_same(&d, true);
	before = stats();
	X509_free(read_der(&d, &rest));
	tls_certs_enter(&sent);
	y = d2i_X509(NULL, &p, d.len);
	assert_non_null(y);
	X509_free(y);
	p = d.v;
	assert_non_null(d2i_X509(&x, &p, d.len));
	X509_free(x);
	tls_certs_leave();
	assert_int_equal(sent.num, 0);
	assert_int_equal(stats().found, before.found);
	assert_int_equal(stats().missed, before.missed);
}

/*
 * Who brings an OpenSSL of another version along, as a module may, asks for
 * that version's.
 */
static void
only_libssl_of_this_version_is_answered(void **state)
{
	void *ours = dlvsym(RTLD_DEFAULT, "d2i_X509", "OPENSSL_3.0.0");
	Dl_info where, here;

	(void)state;
	assert_non_null(ours);
	assert_true(dladdr(ours, &where) != 0);
	assert_true(dladdr(&versions, &here) != 0);
	assert_ptr_equal(where.dli_fbase, here.dli_fbase);
}

/* Of many that are let in; *in_use comes all the time. */
static void
let_in_many(uint32_t from, uint32_t num, const struct der *in_use)
{
	struct der d = der_of(leaf.cert), each;
	long rest;

	for (uint32_t i = from; i < from + num; i++) {
		each = der_numbered(d, i);
		X509_free(read_sent(&each, &rest, true));
		if (in_use != NULL)
			X509_free(read_sent(in_use, &rest, true));
	}
}

static void
memory_is_bounded(void **state)
{
	struct der in_use = der_of(ca.cert), d;
	unsigned long found;
	X509 *held;
	long rest;

	(void)state;
	X509_free(read_sent(&in_use, &rest, true));
	held = read_sent(&in_use, &rest, true);
	found = stats().found;
	let_in_many(0, 8 * TLS_CERTS_MAX, &in_use);
	assert_int_equal(stats().kept, TLS_CERTS_MAX);
	/* What all come with stays, in spite of so many who come once. */
	assert_int_equal(stats().found, found + 8 * TLS_CERTS_MAX);
	/* Nor does a certificate end with its place. */
	let_in_many(1 << 20, 8 * TLS_CERTS_MAX, NULL);
	found = stats().found;
	X509_free(read_sent(&in_use, &rest, false));
	assert_int_equal(stats().found, found);
	d = der_of(held);
	assert_int_equal(d.len, in_use.len);
	assert_memory_equal(d.v, in_use.v, (size_t)d.len);
	X509_free(held);
}

/* A crowd goes; who came again stays. */
static void
who_came_once_is_forgotten(void **state)
{
	struct der base_der = der_of(leaf.cert);
	struct der once = der_numbered(base_der, 0x70000001);
	struct der twice = der_numbered(base_der, 0x70000002);
	unsigned long before;
	size_t kept;

	(void)state;
	tls_certs_trim();
	kept = stats().kept;
	check_same(&once, true);
	check_same(&twice, true);
	check_same(&twice, true);
	assert_int_equal(stats().kept, kept + 2);
	tls_certs_trim();
	assert_int_equal(stats().kept, kept + 1);
	before = stats().found;
	check_same(&twice, true);
	assert_int_equal(stats().found, before + 1);
	check_same(&once, true);
	assert_int_equal(stats().found, before + 1);
	check_same(&once, true);
	assert_int_equal(stats().found, before + 2);
	tls_certs_trim();
	check_same(&once, true);
	assert_int_equal(stats().found, before + 3);
}

static void
one_peer_is_remembered_in_part(void **state)
{
	struct der d = der_of(leaf.cert), each;
	struct tls_certs sent = {.num = 0};
	struct tls_certs_stats before = stats();
	long rest;

	(void)state;
	tls_certs_enter(&sent);
	for (uint32_t i = 0; i < 2 * TLS_CERTS_EACH; i++) {
		each = der_numbered(d, (2u << 20) + i / 2);
		X509_free(read_der(&each, &rest));
	}
	tls_certs_leave();
	assert_int_equal(sent.num, TLS_CERTS_EACH);
	tls_certs_keep(&sent);
	assert_int_equal(stats().missed, before.missed + 2 * TLS_CERTS_EACH);
	/* Each of them came twice in it, and is there once. */
	for (uint32_t i = 0; i < TLS_CERTS_EACH; i++) {
		each = der_numbered(d, (2u << 20) + i);
		X509_free(read_sent(&each, &rest, false));
	}
	assert_int_equal(stats().found, before.found + TLS_CERTS_EACH / 2);
}

static void
a_long_one_is_read_each_time(void **state)
{
	char url[TLS_CERTS_DER_MAX + 1];
	struct tls_certs_stats before = stats();
	struct issuer_cert how = {.cn = "long",
	    .by = &ca,
	    .serial = SERIAL,
	    .from = time(NULL) - 3600,
	    .to = time(NULL) + 3600,
	    .crl_url = url};
	struct issuer i;
	struct der d;

	(void)state;
	memset(url, 'x', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	memcpy(url, "http://", 7);
	issuer_init(&i, &how);
	d = der_of(i.cert);
	assert_true(d.len > TLS_CERTS_DER_MAX);
	check_same(&d, true);
	check_same(&d, true);
	assert_int_equal(stats().found, before.found);
	assert_int_equal(stats().missed, before.missed);
	issuer_cleanup(&i);
}

/* Threads. */

#define THREADS 4
#define SHARED  8

static struct der shared[SHARED];
static X509 *passed[THREADS][SHARED];

static void *
reader(void *arg)
{
	X509 **out = arg;
	long rest;

	for (int turn = 0; turn < 50; turn++)
		for (int i = 0; i < SHARED; i++) {
			X509_free(out[i]);
			out[i] = read_sent(&shared[i], &rest, true);
			if (out[i] == NULL)
				return NULL;
		}
	return stats().found == 49 * SHARED ? out : NULL;
}

/* What one thread has read, another has and frees when that one is gone. */
static void
threads_have_their_own(void **state)
{
	struct der d = der_of(leaf.cert);
	pthread_t t[THREADS];
	void *done;

	(void)state;
	for (uint32_t i = 0; i < SHARED; i++)
		shared[i] = der_numbered(d, (3u << 20) + i);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, reader, passed[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_non_null(done);
	}
	for (int k = 0; k < SHARED; k++)
		for (int i = THREADS; i-- > 0;) {
			d = der_of(passed[i][k]);
			assert_memory_equal(d.v, shared[k].v, (size_t)d.len);
			X509_free(passed[i][k]);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_turned_away_is_not_remembered),
	    cmocka_unit_test(who_was_let_in_is_known_again),
	    cmocka_unit_test(who_is_known_is_asked_about_as_ever),
	    cmocka_unit_test(what_is_like_a_known_one_is_read_anew),
	    cmocka_unit_test(only_what_a_handshake_reads_is_looked_up),
	    cmocka_unit_test(only_libssl_of_this_version_is_answered),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(who_came_once_is_forgotten),
	    cmocka_unit_test(one_peer_is_remembered_in_part),
	    cmocka_unit_test(a_long_one_is_read_each_time),
	    cmocka_unit_test(threads_have_their_own),
	};

	return cmocka_run_group_tests_name("tls_certs", tests, setup, teardown);
}
