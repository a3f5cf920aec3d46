/*
 * How strong keys and signatures must be: 112 bits unless the file says less,
 * for peers and for the CAs of their paths. What is pushed goes before it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/lib/issuer.h"
#include "tests/lib/pkimake.h"
#include "tests/lib/scene.h"

#define CA "critical,CA:TRUE"

/* A peer where tls_try looks: its path is by, or mid below by. */
static void
peer_write(const char *name, const struct issuer *by, const struct issuer *mid,
    EVP_PKEY *key, const EVP_MD *md)
{
	char *pem = xasprintf("peers/%s.pem", name);
	char *cert = town_path(&town, pem);
	char *pem_key = xasprintf("peers/%s.key", name);
	char *key_path = town_path(&town, pem_key);
	const struct issuer_cert how = {.cn = name,
	    .by = mid != NULL ? mid : by,
	    .key = key,
	    .serial = 77,
	    .from = time(NULL) - 60,
	    .to = time(NULL) + 3600,
	    .md = md};
	struct issuer peer;
	FILE *f;

	issuer_init(&peer, &how);
	pki_write(cert, peer.cert, NULL);
	pki_write(key_path, NULL, peer.key);
	f = fopen(cert, "a");
	assert_non_null(f);
	if (mid != NULL)
		assert_int_equal(PEM_write_X509(f, mid->cert), 1);
	assert_int_equal(PEM_write_X509(f, by->cert), 1);
	assert_int_equal(fclose(f), 0);
	issuer_cleanup(&peer);
	free(key_path);
	free(pem_key);
	free(cert);
	free(pem);
}

static int
setup(void **state)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024), *fine = EVP_RSA_gen(2048);
	struct issuer_cert how_ca = {.cn = "weak ca",
	    .key = weak,
	    .serial = 78,
	    .from = time(NULL) - 60,
	    .to = time(NULL) + 3600,
	    .constraints = CA};
	struct issuer root, weak_ca;
	struct issuer_cert how_root = {.cn = "root",
	    .serial = 1,
	    .from = time(NULL) - 60,
	    .to = time(NULL) + 3600,
	    .constraints = CA};

	scene_setup(state);
	issuer_init(&root, &how_root);
	how_ca.by = &root;
	issuer_init(&weak_ca, &how_ca);
	pki_write("anchor.pem", root.cert, NULL);
	peer_write("fine", &root, NULL, fine, NULL);
	peer_write("weak", &root, NULL, weak, NULL);
	peer_write("of-weak-ca", &root, &weak_ca, fine, NULL);
	peer_write("sha1", &root, NULL, fine, EVP_sha1());
	issuer_cleanup(&weak_ca);
	issuer_cleanup(&root);
	EVP_PKEY_free(fine);
	EVP_PKEY_free(weak);
	return 0;
}

/* Whether it gets in, by both versions. */
static bool
gets_in(const char *peer)
{
	bool in = tls_try(&town, peer, gw.port, TLS1_3_VERSION) == TLS_IN;

	assert_int_equal(
	    tls_try(&town, peer, gw.port, TLS1_2_VERSION) == TLS_IN, in);
	return in;
}

static void
start(const char *level)
{
	scene_prepare();
	gateway_set(
	    &gw, "trust", "[{\"group\":\"test\",\"anchors\":\"anchor.pem\"}]");
	gateway_set(&gw, "revocation.mode", "\"OFF\"");
	if (level != NULL)
		gateway_set(&gw, "tls.security_level", level);
	gateway_start(&gw);
}

static void
expect(bool fine, bool weak, bool of_weak_ca, bool sha1)
{
	assert_int_equal(gets_in("fine"), fine);
	assert_int_equal(gets_in("weak"), weak);
	assert_int_equal(gets_in("of-weak-ca"), of_weak_ca);
	assert_int_equal(gets_in("sha1"), sha1);
}

static void
by_default(void **state)
{
	(void)state;
	start(NULL);
	expect(true, false, false, false);
}

static void
as_the_file_says(void **state)
{
	static const struct {
		const char *level;
		bool fine, weak, sha1;
	} rows[] = {
	    {"0", true, true, true},
	    {"1", true, true, false}, /* OpenSSL: 63 bits */
	    {"2", true, false, false},
	    {"3", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(rows[i].level);
		expect(rows[i].fine, rows[i].weak, rows[i].weak, rows[i].sha1);
		gateway_stop(&gw);
		gateway_free(&gw);
	}
}

/* Must be answered with status, and say `says` (NULL: anything). */
static void
push_level(const char *config, long status, const char *says)
{
	struct web w;

	rest_put(&gw, &w, "revcheck", config);
	if (w.status != status || (says != NULL && !strstr(w.body, says)))
		fail_msg("%s: %ld %s", config, w.status, w.body);
	web_free(&w);
}

static void
put_level(const char *config)
{
	push_level(config, 202, NULL);
}

/* Absent in the section is as the file says, and never less. */
static void
what_is_pushed(void **state)
{
	(void)state;
	start("1");
	expect(true, true, true, false);
	put_level("{\"securityLevel\":2}");
	expect(true, false, false, false);
	put_level("{}");
	expect(true, true, true, false);
}

/* Nobody could be shown a certificate: refused, and nothing has changed. */
static void
a_level_above_our_own_certificate(void **state)
{
	int before;

	(void)state;
	start("1");
	before = rest_version(&gw, "revcheck");
	push_level("{\"securityLevel\":5}", 400,
	    "securityLevel (tls.security_level in the file) is 5: expected at "
	    "most 3");
	assert_int_equal(rest_version(&gw, "revcheck"), before);
	expect(true, true, true, false);
	put_level("{\"securityLevel\":3}");
	expect(false, false, false, false);
	gateway_stop(&gw);
	gateway_set(&gw, "tls.security_level", "4");
	gateway_set(&gw, "state_dir", NULL);
	gateway_must_refuse(&gw,
	    "securityLevel (tls.security_level in the "
	    "file) is 4: expected at most 3");
}

static void
a_level_that_is_none(void **state)
{
	(void)state;
	scene_prepare();
	gateway_set(&gw, "tls.security_level", "6");
	gateway_must_refuse(&gw, "$.tls.security_level");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(by_default),
	    SCENE(as_the_file_says),
	    SCENE(what_is_pushed),
	    SCENE(a_level_above_our_own_certificate),
	    SCENE(a_level_that_is_none),
	};

	return cmocka_run_group_tests_name(
	    "strength", tests, setup, scene_teardown);
}
