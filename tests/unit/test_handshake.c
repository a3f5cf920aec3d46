/*
 * handshake: how deep its job goes, in handshakes of every kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "gateway/tls/handshake.h"
#include "tests/lib/stack_depth.h"

/* Two ends. */

struct face {
	EVP_PKEY *key;
	X509 *cert;
};

/* A certificate with much in it: a long name, many alternative ones. */
static void
face_init(struct face *f, EVP_PKEY *key)
{
	X509V3_CTX v3;
	X509_NAME *name = X509_NAME_new();
	char *san = calloc(1, 8192);
	X509_EXTENSION *ext;

	assert_non_null(key);
	f->key = key;
	f->cert = X509_new();
	for (int i = 0; i < 40; i++)
		X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC,
		    (const unsigned char *)"a unit", -1, -1, 0);
	for (int i = 0; i < 200; i++)
		strcat(san, i ? ",DNS:peer.example" : "DNS:peer.example");
	assert_true(X509_set_version(f->cert, 2) &&
	    ASN1_INTEGER_set(X509_get_serialNumber(f->cert), 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(f->cert), -60) &&
	    X509_gmtime_adj(X509_getm_notAfter(f->cert), 3600) &&
	    X509_set_subject_name(f->cert, name) &&
	    X509_set_issuer_name(f->cert, name) &&
	    X509_set_pubkey(f->cert, key));
	X509V3_set_ctx(&v3, f->cert, f->cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &v3, NID_subject_alt_name, san);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(f->cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(
	    X509_sign(f->cert, key,
		EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 ? NULL
							 : EVP_sha256()) > 0);
	X509_NAME_free(name);
	free(san);
}

static void
face_cleanup(struct face *f)
{
	X509_free(f->cert);
	EVP_PKEY_free(f->key);
}

/* As the identity is chosen by SNI: on the job. Notes where that is. */
static int
on_cert(SSL *ssl, void *arg)
{
	const struct face *f = arg;

	stack_depth_here();
	return SSL_use_cert_and_key(ssl, f->cert, f->key, NULL, 1);
}

static SSL *
server_new(SSL_CTX **ctx, const struct face *f, struct handshake *h)
{
	SSL *ssl;

	*ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_mode(*ctx, SSL_MODE_ASYNC);
	SSL_CTX_set_num_tickets(*ctx, 0);
	SSL_CTX_set_dh_auto(*ctx, 1);
	SSL_CTX_set_cert_cb(*ctx, on_cert, (void *)(uintptr_t)f);
	SSL_CTX_set_verify(
	    *ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(*ctx, handshake_verify_cb, NULL);
	ssl = SSL_new(*ctx);
	assert_non_null(ssl);
	SSL_set_accept_state(ssl);
	SSL_set_app_data(ssl, h);
	return ssl;
}

static SSL *
client_new(SSL_CTX **ctx, const struct face *f, int version)
{
	SSL *ssl;

	*ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_set_min_proto_version(*ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(*ctx, version), 1);
	assert_int_equal(
	    SSL_CTX_use_cert_and_key(*ctx, f->cert, f->key, NULL, 1), 1);
	/* The chain is parsed on the job, too. */
	for (int i = 0; i < 9; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(*ctx, f->cert), 1);
	ssl = SSL_new(*ctx);
	assert_non_null(ssl);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* Drives both; the verdict is said once it is asked for. True: let in. */
static bool
shake(const struct face *f, int version, const char *ciphers, bool allow)
{
	struct handshake h = {.admission.x509_error = X509_V_ERR_CERT_REVOKED};
	SSL_CTX *sctx, *cctx;
	SSL *server = server_new(&sctx, f, &h);
	SSL *client = client_new(&cctx, f, version);
	BIO *a, *b;
	int rc = 0, asked = 0;

	if (ciphers != NULL) {
		assert_int_equal(SSL_set_cipher_list(server, ciphers), 1);
		assert_int_equal(SSL_set_cipher_list(client, ciphers), 1);
	}
	assert_int_equal(BIO_new_bio_pair(&a, 1 << 18, &b, 1 << 18), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	for (int i = 0; i < 50 && rc != 1; i++) {
		int why;

		(void)SSL_do_handshake(client);
		ERR_clear_error();
		h.turn++;
		rc = SSL_do_handshake(server);
		why = SSL_get_error(server, rc);
		ERR_clear_error();
		if (rc != 1 && why == SSL_ERROR_SSL)
			break;
		if (why == SSL_ERROR_WANT_ASYNC && h.asking != NULL) {
			asked++;
			h.admission.why =
			    allow ? ADMISSION_ALLOWED : ADMISSION_UNDECIDED;
			h.ready = h.asked = true;
		}
	}
	assert_int_equal(asked, 1);
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(sctx);
	SSL_CTX_free(cctx);
	return rc == 1;
}

static void
its_job_is_shallow(void **state)
{
	struct face face[5];
	size_t used;

	(void)state;
	face_init(&face[0], EVP_EC_gen("P-256"));
	face_init(&face[1], EVP_EC_gen("P-384"));
	face_init(&face[2], EVP_RSA_gen(2048));
	face_init(&face[3], EVP_RSA_gen(3072));
	face_init(&face[4], EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	assert_int_equal(ASYNC_init_thread(4, 0), 1);
	for (int i = 0; i < 5; i++) {
		for (int allow = 0; allow < 2; allow++) {
			assert_int_equal(
			    shake(&face[i], TLS1_2_VERSION, NULL, allow),
			    allow);
			assert_int_equal(
			    shake(&face[i], TLS1_3_VERSION, NULL, allow),
			    allow);
		}
		used = stack_depth_used();
		print_message("# deepest so far: %zu of %d octets\n", used,
		    STACK_DEPTH_BYTES);
		assert_true(used > 1024); /* it did run there */
		assert_true(used <= STACK_DEPTH_LIMIT);
	}
	/* Finite fields are the other long computation. */
	assert_true(
	    shake(&face[2], TLS1_2_VERSION, "DHE-RSA-AES128-GCM-SHA256", true));
	used = stack_depth_used();
	print_message("# with finite fields: %zu octets\n", used);
	assert_true(used <= STACK_DEPTH_LIMIT);
	ASYNC_cleanup_thread();
	for (int i = 0; i < 5; i++)
		face_cleanup(&face[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(its_job_is_shallow),
	};

	if (stack_depth_begin() != 1)
		return 1;
	return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
