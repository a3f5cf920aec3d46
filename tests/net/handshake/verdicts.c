/*
 * Who gets in: one gateway before one node, every kind of peer, TLS 1.3 and
 * 1.2. What a refused peer sent must never reach the node.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "tests/lib/issuer.h"
#include "tests/lib/pkimake.h"
#include "tests/lib/scene.h"

static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

static int
setup(void **state)
{
	scene_up("revocation.mode", "\"HARD_FAIL\"");
	return 0;
}

static void
expect(const char *peer, int outcome)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    tls_try(&town, peer, gw.port, versions[i]), outcome);
}

/* The same, and the node has not heard of it. */
static void
expect_refused(const char *peer, int alert)
{
	unsigned long long connections = node_stat(&town.node, "connections");
	unsigned long long received = node_stat(&town.node, "received");

	expect(peer, alert);
	assert_int_equal(node_stat(&town.node, "connections"), connections);
	assert_int_equal(node_stat(&town.node, "received"), received);
}

static void
good_gets_in(void **state)
{
	expect("good", TLS_IN);
}

/* As o, but it signs with another key than the certificate's. */
static void
steal(SSL_CTX *ctx, const char *peer)
{
	char *file = xasprintf("%s/peers/%s.pem", town.dir, peer);
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY *own, *key = NULL;
	unsigned char point[133];
	char group[64];
	OSSL_PARAM *params;
	BIGNUM *n = NULL;
	size_t len;

	assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, file), 1);
	own = X509_get0_pubkey(SSL_CTX_get0_certificate(ctx));
	assert_int_equal(
	    EVP_PKEY_get_group_name(own, group, sizeof(group), NULL), 1);
	assert_int_equal(
	    EVP_PKEY_get_octet_string_param(
		own, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
	    1);
	assert_true(BN_set_word(n = BN_new(), 4711) == 1);
	OSSL_PARAM_BLD_push_utf8_string(
	    b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	OSSL_PARAM_BLD_push_octet_string(
	    b, OSSL_PKEY_PARAM_PUB_KEY, point, len);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, n);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(make), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(make, &key, EVP_PKEY_KEYPAIR, params), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(make);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	free(file);
}

/* It is good, but who shows it is somebody else: an attack, told as one. */
static void
a_certificate_without_its_key(void **state)
{
	unsigned long long connections = node_stat(&town.node, "connections");
	struct web w;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		int fd = tcp_dial(gw.port);
		char byte;
		SSL *ssl;

		SSL_CTX_set_min_proto_version(ctx, versions[i]);
		SSL_CTX_set_max_proto_version(ctx, versions[i]);
		steal(ctx, "good");
		ssl = SSL_new(ctx);
		assert_int_equal(SSL_set_fd(ssl, fd), 1);
		if (SSL_connect(ssl) == 1)
			assert_true(SSL_read(ssl, &byte, 1) <= 0);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
		close(fd);
		gateway_must_say_next(
		    &gw, "certificate shown without its key (bad signature)");
	}
	assert_int_equal(node_stat(&town.node, "connections"), connections);
	rest(&gw, &w, "GET", "/decisions?outcome=refused&limit=1", NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body, "certificate shown without its key"));
	web_free(&w);
}

/* Legal, and what some CAs give: the alternative name says who it is. */
static void
a_peer_without_subject_gets_in_by_its_other_name(void **state)
{
	static const struct {
		const char *peer, *subject, *san, *said;
	} rows[] = {
	    {"nameless", "", "DNS:nameless.example",
		"peer 'DNS:nameless.example'"},
	    {"quoted", "", "URI:x://a' b (conn=1)",
		"peer 'URI:x://a\\27\\20b\\20(conn=1)'"},
	};
	struct web w;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *what = xasprintf("peers/%s", rows[i].peer);

		town_ca(&town, "leaf", "doorman", what, "--subject",
		    rows[i].subject, "--san", rows[i].san, NULL);
		expect(rows[i].peer, TLS_IN);
		free(what);
	}
	gateway_must_say(&gw, rows[0].said);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "peer ''"));
	rest(&gw, &w, "GET", "/decisions?peer=nameless.example", NULL);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body, "DNS:nameless.example"));
	web_free(&w);
}

static void
crl_alone_is_enough(void **state)
{
	expect("crlonly", TLS_IN);
}

static void
responder_alone_is_enough(void **state)
{
	expect("ocsponly", TLS_IN);
}

static void
revoked_gets_certificate_revoked(void **state)
{
	expect_refused("revoked", ALERT_CERTIFICATE_REVOKED);
	assert_true(proc_says(&gw.proc, "status=revoked"));
}

static void
on_hold_is_revoked(void **state)
{
	expect_refused("onhold", ALERT_CERTIFICATE_REVOKED);
	assert_true(proc_says(&gw.proc, "certificateHold"));
}

static void
revoked_intermediate_refuses_its_leafs(void **state)
{
	unsigned long before = hits(&town.ocsp, "/retired*");

	expect_refused("orphan", ALERT_CERTIFICATE_REVOKED);
	/* Root first: nothing is asked of a CA that is itself revoked. */
	assert_int_equal(hits(&town.ocsp, "/retired*"), before);
}

static void
expired_is_a_path_error(void **state)
{
	unsigned long before = hits(&town.ocsp, "/doorman*");

	expect_refused("expired", ALERT_CERTIFICATE_EXPIRED);
	assert_int_equal(hits(&town.ocsp, "/doorman*"), before);
}

static void
foreign_anchor_is_refused_before_any_fetch(void **state)
{
	unsigned long ocsp = hits(&town.ocsp, ""), crl = hits(&town.web, "");

	expect_refused("stranger", ALERT_UNKNOWN_CA);
	assert_int_equal(hits(&town.ocsp, ""), ocsp);
	assert_int_equal(hits(&town.web, ""), crl);
}

static void
no_source_is_unknown_under_hard_fail(void **state)
{
	expect_refused("nosource", ALERT_CERTIFICATE_UNKNOWN);
}

static void
no_certificate_is_refused(void **state)
{
	unsigned long long connections = node_stat(&town.node, "connections");
	struct tls t;

	for (size_t i = 0; i < 2; i++) {
		struct tls_options o = {.version = versions[i]};

		(void)tls_connect(&t, gw.port, &o);
		assert_false(tls_echo(&t));
		assert_true(t.alert >= 0);
		tls_free(&t);
	}
	assert_int_equal(node_stat(&town.node, "connections"), connections);
}

static void
gateway_proves_itself(void **state)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	char *ca = town_path(&town, "trust.pem");
	struct tls_options o = {
	    .cert = cert, .key = key, .ca = ca, .name = "localhost"};
	struct tls t;

	assert_true(tls_connect(&t, gw.port, &o));
	assert_true(tls_echo(&t));
	tls_free(&t);
	free(cert);
	free(key);
	free(ca);
}

/* A revocation published after a peer was let in counts for the next one. */
static void
new_revocation_is_seen_once_evidence_is_fetched(void **state)
{
	town_ca(&town, "leaf", "doorman", "peers/shortlived", NULL);
	town_ca(&town, "revoke", "peers/shortlived", "--reason", "superseded",
	    NULL);
	expect_refused("shortlived", ALERT_CERTIFICATE_REVOKED);
	assert_true(proc_says(&gw.proc, "superseded"));
}

/*
 * The doorman's name as issuer, somebody else's signature, and the doorman's
 * genuine certificates, byte for byte as a good peer sends them.
 */
static void
stranger_under_known_issuers_is_refused(void **state)
{
	char *good = town_path(&town, "peers/good.pem");
	char *doorman = town_path(&town, "doorman/ca.pem");
	char *pem = file_need(good, NULL), *rest;
	FILE *f = fopen(doorman, "r");
	struct issuer by = {.key = EVP_EC_gen("P-256"),
	    .cert = PEM_read_X509(f, NULL, NULL, NULL)};
	struct issuer stranger;
	const struct issuer_cert how = {.cn = "stranger",
	    .by = &by,
	    .serial = 7,
	    .from = time(NULL) - 60,
	    .to = time(NULL) + 3600};
	struct tls_options o = {.cert = "stranger.pem", .key = "stranger.key"};
	struct tls t;

	fclose(f);
	assert_non_null(by.cert);
	issuer_init(&stranger, &how);
	pki_write("stranger.pem", stranger.cert, NULL);
	pki_write("stranger.key", NULL, stranger.key);
	rest = strstr(pem + 1, "-----BEGIN");
	assert_non_null(rest);
	f = fopen("stranger.pem", "a");
	assert_true(fputs(rest, f) >= 0 && fclose(f) == 0);
	expect("good", TLS_IN);
	for (size_t i = 0; i < 4; i++) {
		o.version = versions[i % 2];
		(void)tls_connect(&t, gw.port, &o);
		assert_int_equal(tls_echo(&t), 0);
		assert_int_not_equal(t.alert, -1);
		tls_free(&t);
	}
	expect("good", TLS_IN);
	issuer_cleanup(&stranger);
	issuer_cleanup(&by);
	free(pem);
	free(good);
	free(doorman);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_gets_in),
	    cmocka_unit_test(a_certificate_without_its_key),
	    cmocka_unit_test(a_peer_without_subject_gets_in_by_its_other_name),
	    cmocka_unit_test(crl_alone_is_enough),
	    cmocka_unit_test(responder_alone_is_enough),
	    cmocka_unit_test(revoked_gets_certificate_revoked),
	    cmocka_unit_test(on_hold_is_revoked),
	    cmocka_unit_test(revoked_intermediate_refuses_its_leafs),
	    cmocka_unit_test(expired_is_a_path_error),
	    cmocka_unit_test(foreign_anchor_is_refused_before_any_fetch),
	    cmocka_unit_test(no_source_is_unknown_under_hard_fail),
	    cmocka_unit_test(stranger_under_known_issuers_is_refused),
	    cmocka_unit_test(no_certificate_is_refused),
	    cmocka_unit_test(gateway_proves_itself),
	    cmocka_unit_test(new_revocation_is_seen_once_evidence_is_fetched),
	};

	return cmocka_run_group_tests_name(
	    "verdicts", tests, setup, scene_teardown);
}
