/*
 * tls_lib: the context that TLS runs in knows every kind of key that a
 * certificate can hold, and gives way to what openssl.cnf asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/tls/tls_lib_ctx.h"
#include "tests/lib/ssl_join.h"

static const struct kind {
	const char *name, *curve;
	unsigned bits;
	bool tls; /* can sign a handshake */
} kinds[] = {
    {"EC", "P-256", 0, true},
    {"EC", "P-384", 0, true},
    {"EC", "P-521", 0, true},
    {"EC", "brainpoolP256r1", 0, false},
    {"RSA", NULL, 2048, true},
    {"RSA-PSS", NULL, 2048, true},
    {"ED25519", NULL, 0, true},
    {"ED448", NULL, 0, true},
    {"DSA", NULL, 1024, false},
    {"SM2", NULL, 0, false},
};
#define NUM_KINDS (sizeof(kinds) / sizeof(*kinds))

static EVP_PKEY *
dsa_key(unsigned bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL, *key = NULL;

	assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, (int)bits), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &params), 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(params, NULL);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(params);
	return key;
}

static EVP_PKEY *
key_of(const struct kind *k)
{
	if (k->curve != NULL)
		return EVP_EC_gen(k->curve);
	if (strcmp(k->name, "DSA") == 0)
		return dsa_key(k->bits);
	if (strcmp(k->name, "RSA-PSS") == 0) {
		EVP_PKEY_CTX *ctx =
		    EVP_PKEY_CTX_new_from_name(NULL, k->name, NULL);
		EVP_PKEY *key = NULL;

		assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
		assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
		EVP_PKEY_CTX_free(ctx);
		return key;
	}
	if (k->bits != 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, k->name, (size_t)k->bits);
	return EVP_PKEY_Q_keygen(NULL, NULL, k->name);
}

static X509 *
cert_of(EVP_PKEY *key)
{
	static const char *const eddsa[] = {"ED25519", "ED448"};
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	const EVP_MD *md = EVP_sha256();

	for (size_t i = 0; i < 2; i++)
		if (EVP_PKEY_is_a(key, eddsa[i]))
			md = NULL;
	if (EVP_PKEY_is_a(key, "SM2"))
		md = EVP_sm3();
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const unsigned char *)"kind", -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, md) > 0);
	return x;
}

/* The same certificate read in the other context. */
static X509 *
read_there(X509 *x)
{
	X509 *there = X509_new_ex(tls_lib_ctx(), NULL);
	unsigned char *der = NULL;
	const unsigned char *p;
	int len = i2d_X509(x, &der);

	assert_true(len > 0);
	p = der;
	assert_non_null(d2i_X509(&there, &p, len));
	OPENSSL_free(der);
	return there;
}

static void
it_is_another_context(void **state)
{
	(void)state;
	assert_non_null(tls_lib_ctx());
	assert_ptr_equal(tls_lib_ctx(), tls_lib_ctx());
}

static void
every_kind_of_key_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_KINDS; i++) {
		EVP_PKEY *key = key_of(&kinds[i]);
		X509 *x, *there;

		assert_non_null(key);
		x = cert_of(key);
		there = read_there(x);
		assert_non_null(X509_get0_pubkey(there));
		assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(there), key), 1);
		assert_true(EVP_PKEY_is_a(
		    X509_get0_pubkey(there), EVP_PKEY_get0_type_name(key)));
		/* Keys of either context verify what came in the other. */
		assert_int_equal(X509_verify(there, key), 1);
		assert_int_equal(X509_verify(x, X509_get0_pubkey(there)), 1);
		X509_free(there);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

/* Handshakes. */

static int
accept_all(X509_STORE_CTX *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return 1;
}

/* What a handshake is to be. */
struct wish {
	int version;
	const char *group, *cipher; /* cipher: NULL for the usual ones */
};

static void
set_cipher(SSL_CTX *ctx, const struct wish *w)
{
	char text[128];

	if (w->cipher == NULL)
		return;
	if (w->version == TLS1_3_VERSION) {
		assert_int_equal(SSL_CTX_set_ciphersuites(ctx, w->cipher), 1);
		return;
	}
	snprintf(text, sizeof(text), "%s:@SECLEVEL=0", w->cipher);
	assert_int_equal(SSL_CTX_set_cipher_list(ctx, text), 1);
}

static SSL *
end_of(OSSL_LIB_CTX *lib, const SSL_METHOD *method, const struct wish *w,
    X509 *cert, EVP_PKEY *key)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(lib, NULL, method);
	SSL *ssl;

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, w->version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, w->version), 1);
	set_cipher(ctx, w);
	/* The signature algorithms of Ed448 and P-521 are on by default. */
	assert_int_equal(SSL_CTX_set1_groups_list(ctx, w->group), 1);
	assert_int_equal(SSL_CTX_use_cert_and_key(ctx, cert, key, NULL, 1), 1);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_non_null(ssl);
	return ssl;
}

/* Server in our context, client in the default one; both show cert. */
static void
shake(const struct wish *w, X509 *cert, EVP_PKEY *key)
{
	SSL *server = end_of(tls_lib_ctx(), TLS_server_method(), w, cert, key);
	SSL *client = end_of(NULL, TLS_client_method(), w, cert, key);
	char byte = 'x';
	int s = 0, c = 0;

	ssl_join(server, client, 65536);
	for (int turn = 0; turn < 10 && (s != 1 || c != 1); turn++) {
		c = SSL_do_handshake(client);
		s = SSL_do_handshake(server);
	}
	if (s != 1 || c != 1)
		ERR_print_errors_fp(stderr);
	assert_int_equal(s, 1);
	assert_int_equal(c, 1);
	assert_int_equal(X509_cmp(SSL_get0_peer_certificate(server), cert), 0);
	assert_int_equal(SSL_write(client, &byte, 1), 1);
	assert_int_equal(SSL_read(server, &byte, 1), 1);
	SSL_free(server);
	SSL_free(client);
}

static void
handshakes_with_every_kind(void **state)
{
	const struct wish with_13 = {TLS1_3_VERSION, "X25519", NULL};
	const struct wish with_12 = {TLS1_2_VERSION, "P-256:P-384:P-521", NULL};

	(void)state;
	for (size_t i = 0; i < NUM_KINDS; i++) {
		EVP_PKEY *key;
		X509 *x;

		if (!kinds[i].tls)
			continue;
		key = key_of(&kinds[i]);
		x = cert_of(key);
		shake(&with_13, x, key);
		shake(&with_12, x, key);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

static void
handshakes_with_every_group(void **state)
{
	static const char *const groups[] = {
	    "X25519", "P-256", "P-384", "P-521", "X448", "ffdhe2048"};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = cert_of(key);

	(void)state;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		shake(&(struct wish){TLS1_3_VERSION, groups[i], NULL}, x, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* Every one that OpenSSL has. */
static STACK_OF(SSL_CIPHER) * ciphers_of(OSSL_LIB_CTX *lib)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(lib, NULL, TLS_server_method());
	STACK_OF(SSL_CIPHER) * all;
	SSL *ssl;

	assert_non_null(ctx);
	assert_int_equal(
	    SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL:@SECLEVEL=0"), 1);
	assert_int_equal(SSL_CTX_set_ciphersuites(ctx,
			     "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
			     "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_"
			     "SHA256:TLS_AES_128_CCM_8_SHA256"),
	    1);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_non_null(ssl);
	all = SSL_get1_supported_ciphers(ssl);
	assert_non_null(all);
	SSL_free(ssl);
	return all;
}

static void
no_cipher_is_missing(void **state)
{
	STACK_OF(SSL_CIPHER) *usual = ciphers_of(NULL);
	STACK_OF(SSL_CIPHER) *ours = ciphers_of(tls_lib_ctx());

	(void)state;
	assert_true(sk_SSL_CIPHER_num(usual) > 50);
	assert_int_equal(sk_SSL_CIPHER_num(ours), sk_SSL_CIPHER_num(usual));
	for (int i = 0; i < sk_SSL_CIPHER_num(usual); i++)
		assert_string_equal(
		    SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ours, i)),
		    SSL_CIPHER_get_name(sk_SSL_CIPHER_value(usual, i)));
	sk_SSL_CIPHER_free(usual);
	sk_SSL_CIPHER_free(ours);
}

static void
handshakes_with_every_cipher(void **state)
{
	STACK_OF(SSL_CIPHER) *all = ciphers_of(NULL);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = cert_of(key);
	int num = 0;

	(void)state;
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		int auth = SSL_CIPHER_get_auth_nid(c);
		const struct wish w = {
		    auth == NID_auth_any ? TLS1_3_VERSION : TLS1_2_VERSION,
		    "P-256", SSL_CIPHER_get_name(c)};

		if (auth != NID_auth_any && auth != NID_auth_ecdsa)
			continue;
		shake(&w, x, key);
		num++;
	}
	assert_true(num > 15);
	sk_SSL_CIPHER_free(all);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* Other providers. */

/* 0: a context of our own, 1: the default one, in a new process. */
static int
verdict_under(const char *cnf)
{
	char path[] = "/tmp/tls-lib.XXXXXX";
	int fd = mkstemp(path), status;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, cnf, strlen(cnf)), (ssize_t)strlen(cnf));
	close(fd);
	pid = fork();
	if (pid == 0) {
		setenv("OPENSSL_CONF", path, 1);
		execl(
		    "/proc/self/exe", "test_tls_lib", "--child", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(path);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
providers_asked_for_are_used(void **state)
{
	(void)state;
	assert_int_equal(verdict_under("openssl_conf = i\n[i]\n"), 0);
	assert_int_equal(verdict_under("openssl_conf = i\n[i]\nproviders = p\n"
				       "[p]\ndefault = on\nbase = on\n"
				       "[on]\nactivate = 1\n"),
	    1);
	/* A default provider that was not asked for is none. */
	assert_int_equal(verdict_under("openssl_conf = i\n[i]\nproviders = p\n"
				       "[p]\nbase = on\n[on]\nactivate = 1\n"),
	    1);
	assert_int_equal(
	    verdict_under("openssl_conf = i\n[i]\nalg_section = a\n"
			  "[a]\ndefault_properties = fips=yes\n"),
	    1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_another_context),
	    cmocka_unit_test(every_kind_of_key_is_read),
	    cmocka_unit_test(handshakes_with_every_kind),
	    cmocka_unit_test(handshakes_with_every_group),
	    cmocka_unit_test(no_cipher_is_missing),
	    cmocka_unit_test(handshakes_with_every_cipher),
	    cmocka_unit_test(providers_asked_for_are_used),
	};

	if (argc == 2 && strcmp(argv[1], "--child") == 0)
		return tls_lib_ctx() == NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
