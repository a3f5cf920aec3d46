/* tls_context: what cannot be shown or spoken is refused when it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "gateway/conf/conf.h"
#include "gateway/tls/tls_context.h"
#include "tests/lib/selfcert.h"
#include "tests/lib/ssl_join.h"

static const char *const subject[] = {"O", "Test", NULL};
static char strong_name[] = "strong", weak_name[] = "weak";
static char suite[] = "TLS_AES_128_GCM_SHA256";
static char suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";

static struct conf conf;
static struct conf_identity ids[2];
static X509 *certs[2];
static EVP_PKEY *keys[2];

static int
setup(void **state)
{
	EVP_PKEY *p256;

	(void)state;
	certs[0] = selfcert_new(&p256, subject);
	EVP_PKEY_free(p256);
	keys[0] = EVP_EC_gen("P-521");
	assert_true(X509_set_pubkey(certs[0], keys[0]));
	assert_true(X509_sign(certs[0], keys[0], EVP_sha512()) > 0);
	certs[1] = selfcert_new(&keys[1], subject);
	for (int i = 0; i < 2; i++)
		ids[i] = (struct conf_identity){
		    .chain = &certs[i], .num_chain = 1, .key = keys[i]};
	ids[0].name = strong_name;
	ids[1].name = weak_name;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		X509_free(certs[i]);
		EVP_PKEY_free(keys[i]);
	}
	return 0;
}

/* After old, if not NULL; the outcome is freed. "": it could be made. */
static const char *
made_at(int level, const char *ciphersuites, size_t num_ids, size_t num_own,
    struct tls_server *old)
{
	static struct err err;
	struct tls_server *s;

	memset(&conf, 0, sizeof(conf));
	ref_init(&conf.ref);
	conf.policy.security_level = level;
	conf.tls.min_version = conf.tls.max_version = TLS1_3_VERSION;
	conf.tls.ciphersuites = (char *)(uintptr_t)ciphersuites;
	conf.identities = ids;
	conf.num_identities = num_ids;
	conf.num_own_identities = num_own;
	err = (struct err){0};
	if (tls_server_new(&s, &conf, old, &err) != 0) {
		assert_int_equal(err.code, E_ARG);
		return err.msg;
	}
	tls_server_free(s);
	return "";
}

static void
must_refuse(const char *said, const char *level, const char *expected)
{
	if (strstr(said, "securityLevel") == NULL ||
	    strstr(said, level) == NULL || strstr(said, expected) == NULL)
		fail_msg("'%s': '%s' and '%s'", said, level, expected);
}

static void
every_identity_of_the_file_is_strong_enough(void **state)
{
	(void)state;
	assert_string_equal(made_at(5, suites, 1, 0, NULL), "");
	assert_string_equal(made_at(3, suites, 2, 0, NULL), "");
	must_refuse(made_at(4, suites, 2, 0, NULL), "is 4: expected at most 3",
	    "'weak'");
}

/* A member's stops nobody, unless it is the level that changes. */
static void
members_count_when_the_level_rises(void **state)
{
	static struct conf before;
	struct tls_server *old;
	struct err err;

	(void)state;
	assert_string_equal(made_at(5, suites, 2, 1, NULL), "");
	before = conf;
	ref_init(&before.ref);
	before.policy.security_level = 3;
	assert_int_equal(tls_server_new(&old, &before, NULL, &err), 0);
	must_refuse(made_at(4, suites, 2, 1, old), "is 4: expected at most 3",
	    "'weak'");
	assert_string_equal(made_at(3, suite, 2, 1, old), "");
	tls_server_free(old);
}

static void
a_cipher_is_left(void **state)
{
	(void)state;
	assert_string_equal(made_at(3, suite, 1, 0, NULL), "");
	must_refuse(made_at(4, suite, 1, 0, NULL), "is 4: expected less",
	    "ciphersuites");
}

/* What is pushed is in force: no context of before is taken over. */
static void
what_changes_is_made_anew(void **state)
{
	static struct conf before;
	struct tls_server *old, *fresh;
	struct err err;

	(void)state;
	assert_string_equal(made_at(3, suites, 1, 0, NULL), "");
	conf.tls.min_version = TLS1_2_VERSION;
	before = conf;
	ref_init(&before.ref);
	assert_int_equal(tls_server_new(&old, &before, NULL, &err), 0);
	assert_int_equal(tls_server_new(&fresh, &conf, old, &err), 0);
	assert_ptr_equal(fresh, old);
	tls_server_free(fresh);
	assert_true(tls_client_same(&before, &conf, 0));
	conf.tls.min_version = TLS1_3_VERSION;
	assert_int_equal(tls_server_new(&fresh, &conf, old, &err), 0);
	assert_ptr_not_equal(fresh, old);
	assert_int_equal(
	    SSL_CTX_get_min_proto_version(tls_server_get0_ctx(fresh)),
	    TLS1_3_VERSION);
	tls_server_free(fresh);
	assert_false(tls_client_same(&before, &conf, 0));
	conf.tls.min_version = before.tls.min_version;
	conf.tls.ciphersuites = suite;
	assert_int_equal(tls_server_new(&fresh, &conf, old, &err), 0);
	assert_ptr_not_equal(fresh, old);
	tls_server_free(fresh);
	assert_false(tls_client_same(&before, &conf, 0));
	tls_server_free(old);
}

/* A peer's flood of key updates must not keep SSL_read for itself. */
static void
reading_gives_others_their_turn(void **state)
{
	struct tls_server *server;
	SSL_CTX *client;
	struct err err;

	(void)state;
	assert_string_equal(made_at(3, suites, 1, 0, NULL), "");
	assert_int_equal(tls_server_new(&server, &conf, NULL, &err), 0);
	assert_int_equal(tls_client_ctx_new(&client, &conf, 0, &err), 0);
	assert_false(SSL_CTX_get_mode(tls_server_get0_ctx(server)) &
	    SSL_MODE_AUTO_RETRY);
	assert_false(SSL_CTX_get_mode(client) & SSL_MODE_AUTO_RETRY);
	SSL_CTX_free(client);
	tls_server_free(server);
}

/* What who asks for this name sees, or NULL: it is shown nothing. */
static X509 *
shown_to(struct tls_server *s, const char *name, const char *sigalgs)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(ctx), *server = SSL_new(tls_server_get0_ctx(s));
	X509 *shown;
	int a = 0;

	assert_int_equal(SSL_set_tlsext_host_name(client, name), 1);
	assert_int_equal(SSL_set1_sigalgs_list(client, sigalgs), 1);
	ssl_join(server, client, 0);
	for (int i = 0; i < 10 && a != 1; i++) {
		a = SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	shown = SSL_get1_peer_certificate(client);
	assert_int_equal(a == 1, shown != NULL);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return shown;
}

/* Not the first one, though it has a kind of key that the peer likes better. */
static void
another_name_is_shown_its_own(void **state)
{
	static char name[] = "rsa.example", *names[] = {name};
	static const char any[] = "ECDSA+SHA256:RSA-PSS+SHA256";
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	struct conf_identity first = ids[1], second = ids[1];
	X509 *cert = X509_dup(certs[1]), *shown;
	struct conf_identity both[2];
	struct tls_server *s;
	struct err err;

	(void)state;
	assert_true(X509_set_pubkey(cert, rsa));
	assert_true(X509_sign(cert, rsa, EVP_sha256()) > 0);
	second.chain = &cert;
	second.key = rsa;
	second.server_names = names;
	second.num_server_names = 1;
	both[0] = first;
	both[1] = second;
	assert_string_equal(made_at(2, suites, 1, 0, NULL), "");
	conf.identities = both;
	conf.num_identities = 2;
	conf.tls.type = CONF_TLS_ONE_WAY;
	assert_int_equal(tls_server_new(&s, &conf, NULL, &err), 0);
	shown = shown_to(s, "other.example", any);
	assert_int_equal(X509_cmp(shown, certs[1]), 0);
	X509_free(shown);
	shown = shown_to(s, name, any);
	assert_int_equal(X509_cmp(shown, cert), 0);
	X509_free(shown);
	assert_null(shown_to(s, name, "ECDSA+SHA256"));
	tls_server_free(s);
	X509_free(cert);
	EVP_PKEY_free(rsa);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_identity_of_the_file_is_strong_enough),
	    cmocka_unit_test(members_count_when_the_level_rises),
	    cmocka_unit_test(a_cipher_is_left),
	    cmocka_unit_test(what_changes_is_made_anew),
	    cmocka_unit_test(another_name_is_shown_its_own),
	    cmocka_unit_test(reading_gives_others_their_turn),
	};

	return cmocka_run_group_tests_name(
	    "tls_context", tests, setup, teardown);
}
