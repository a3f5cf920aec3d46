/*
 * handshake: OpenSSL is content, and that is not enough: a session that was
 * resumed, a peer that nobody asked about, and a second chain after one that
 * was let in, are turned away also behind contexts that would have let them
 * through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "gateway/conf/conf.h"
#include "gateway/tls/handshake.h"
#include "tests/lib/selfcert.h"
#include "tests/lib/ssl_join.h"

static const char *const who[] = {"O", "Gateway", NULL};
static SSL_CTX *server_ctx, *client_ctx;
static struct event_base *base;
static struct counters counters;
static struct conf conf;

/* A server that resumes sessions and asks for no certificate. */
static int
setup(void **state)
{
	static const unsigned char sid[] = "test";
	EVP_PKEY *key;
	X509 *cert = selfcert_new(&key, who);

	(void)state;
	base = event_base_new();
	server_ctx = SSL_CTX_new(TLS_server_method());
	client_ctx = SSL_CTX_new(TLS_client_method());
	assert_true(base != NULL && server_ctx != NULL && client_ctx != NULL);
	SSL_CTX_set_session_cache_mode(server_ctx, SSL_SESS_CACHE_SERVER);
	SSL_CTX_set_session_id_context(server_ctx, sid, sizeof(sid) - 1);
	SSL_CTX_set_max_proto_version(server_ctx, TLS1_2_VERSION);
	SSL_CTX_set_cert_verify_callback(server_ctx, handshake_verify_cb, NULL);
	assert_int_equal(
	    SSL_CTX_use_cert_and_key(server_ctx, cert, key, NULL, 1), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	event_base_free(base);
	return 0;
}

/* Offers *session if there is one, and puts the new one there. */
static enum handshake_result
shake(enum conf_tls_type type, SSL_SESSION **session, bool *resumed)
{
	struct handshake_env env = {.base = base, .counters = &counters};
	struct admission_terms terms = {.conf = &conf, .inbound = true};
	SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
	enum handshake_result result = HANDSHAKE_WANT_READ;
	struct handshake h;

	conf.tls.type = type;
	assert_true(server != NULL && client != NULL);
	ssl_join(server, client, 0);
	if (*session != NULL)
		assert_int_equal(SSL_set_session(client, *session), 1);
	handshake_init(&h, &env, &terms, server);
	for (int i = 0; i < 20 && result == HANDSHAKE_WANT_READ; i++) {
		(void)SSL_do_handshake(client);
		ERR_clear_error();
		result = handshake_step(&h);
	}
	(void)SSL_do_handshake(client);
	*resumed = SSL_session_reused(server) == 1;
	if (result != HANDSHAKE_DONE) {
		assert_int_not_equal(h.admission.why, ADMISSION_ALLOWED);
		assert_string_equal(handshake_error(&h),
		    "handshake completed without a verdict");
	}
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(client);
	handshake_cleanup(&h);
	/* In good order, or the session would not be kept. */
	SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(server);
	SSL_free(client);
	return result;
}

static void
a_resumed_session_is_not_let_in(void **state)
{
	SSL_SESSION *session = NULL;
	bool resumed;

	(void)state;
	assert_int_equal(
	    shake(CONF_TLS_ONE_WAY, &session, &resumed), HANDSHAKE_DONE);
	assert_false(resumed);
	assert_int_equal(
	    shake(CONF_TLS_ONE_WAY, &session, &resumed), HANDSHAKE_FAILED);
	assert_true(resumed);
	SSL_SESSION_free(session);
}

static void
nobody_asked_about_is_not_let_in(void **state)
{
	SSL_SESSION *session = NULL;
	bool resumed;

	(void)state;
	assert_int_equal(
	    shake(CONF_TLS_MUTUAL, &session, &resumed), HANDSHAKE_FAILED);
	assert_false(resumed);
	SSL_SESSION_free(session);
}

/* Reads until nothing is left to do. False: the server broke off. */
static bool
pump(SSL *server, SSL *client)
{
	char c;

	for (int i = 0; i < 20; i++) {
		int rc;

		(void)SSL_read(client, &c, 1);
		ERR_clear_error();
		rc = SSL_read(server, &c, 1);
		if (SSL_get_error(server, rc) != SSL_ERROR_WANT_READ)
			return false;
	}
	return true;
}

/* Renegotiation, which no context of the gateway allows (RFC 5246 7.4.1.1). */
static void
a_second_chain_is_not_let_in(void **state)
{
	struct handshake h = {
	    .ready = true, .admission.why = ADMISSION_ALLOWED};
	SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
	EVP_PKEY *key;
	X509 *cert = selfcert_new(&key, who);

	(void)state;
	assert_true(server != NULL && client != NULL);
	assert_int_equal(SSL_use_cert_and_key(client, cert, key, NULL, 1), 1);
	SSL_set_verify(
	    server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	ssl_join(server, client, 1 << 16);
	SSL_set_app_data(server, &h);
	SSL_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
	assert_true(pump(server, client));
	assert_true(SSL_is_init_finished(server));
	assert_int_equal(SSL_get_verify_result(server), X509_V_OK);
	h.asked = true;
	assert_int_equal(SSL_renegotiate(server), 1);
	assert_int_equal(SSL_do_handshake(server), 1);
	assert_false(pump(server, client));
	assert_int_equal(
	    SSL_get_verify_result(server), X509_V_ERR_APPLICATION_VERIFICATION);
	ERR_clear_error();
	SSL_free(server);
	SSL_free(client);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_resumed_session_is_not_let_in),
	    cmocka_unit_test(nobody_asked_about_is_not_let_in),
	    cmocka_unit_test(a_second_chain_is_not_let_in),
	};

	return cmocka_run_group_tests_name(
	    "handshake_end", tests, setup, teardown);
}
