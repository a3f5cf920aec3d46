/* paths: finds what was added, under the whole chain as sent, and forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/tls/path_cache.h"
#include "tests/lib/net.h"
#include "tests/lib/pkimake.h"
#include "tests/lib/selfcert.h"

static const char *const who[] = {"O", "Somebody", NULL};

static X509 *
cert(void)
{
	EVP_PKEY *key;
	X509 *x = selfcert_new(&key, who);

	EVP_PKEY_free(key);
	return x;
}

static STACK_OF(X509) * chain_of(X509 *a, X509 *b)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	assert_true(sk_X509_push(sk, a) > 0);
	if (b != NULL)
		assert_true(sk_X509_push(sk, b) > 0);
	return sk;
}

static void
found_under_the_whole_chain(void **state)
{
	X509 *a = cert(), *b = cert();
	STACK_OF(X509) *ab = chain_of(a, b), *ba = chain_of(b, a);
	STACK_OF(X509) *only = chain_of(a, NULL), *got;
	struct path_cache_key kab, kba, konly;
	struct path_cache *p;

	(void)state;
	assert_int_equal(path_cache_new(&p, 1000, NULL), 0);
	assert_int_equal(path_cache_key_of(&kab, ab), 0);
	assert_int_equal(path_cache_key_of(&kba, ba), 0);
	assert_int_equal(path_cache_key_of(&konly, only), 0);
	assert_memory_not_equal(&kab, &kba, sizeof(kab));
	assert_memory_not_equal(&kab, &konly, sizeof(kab));
	sk_X509_pop_free(path_cache_add(p, &kab, ab), X509_free);
	assert_null(path_cache_find(p, &kba, b));
	assert_null(path_cache_find(p, &konly, a));
	got = path_cache_find(p, &kab, a);
	assert_non_null(got);
	assert_int_equal(sk_X509_num(got), 2);
	assert_ptr_equal(sk_X509_value(got, 0), a);
	/* What was found lives on when it is forgotten. */
	path_cache_free(p);
	assert_int_equal(X509_cmp(sk_X509_value(got, 1), b), 0);
	sk_X509_pop_free(got, X509_free);
	sk_X509_free(ab);
	sk_X509_free(ba);
	sk_X509_free(only);
	X509_free(a);
	X509_free(b);
}

static void
bounded_and_the_used_stay(void **state)
{
	X509 *a = cert();
	STACK_OF(X509) *sk = chain_of(a, NULL), *got;
	struct path_cache_key favourite, key;
	struct path_cache *p;
	size_t kept = 0;

	(void)state;
	assert_int_equal(path_cache_new(&p, 256, NULL), 0);
	memset(&favourite, 0, sizeof(favourite));
	sk_X509_pop_free(path_cache_add(p, &favourite, sk), X509_free);
	for (uint32_t i = 1; i <= 10000; i++) {
		memset(&key, 0, sizeof(key));
		memcpy(key.md, &i, sizeof(i));
		memcpy(key.md + 8, &i, sizeof(i));
		sk_X509_pop_free(path_cache_add(p, &key, sk), X509_free);
		got = path_cache_find(p, &favourite, a);
		assert_non_null(got);
		sk_X509_pop_free(got, X509_free);
	}
	for (uint32_t i = 0; i <= 10000; i++) {
		memset(&key, 0, sizeof(key));
		memcpy(key.md, &i, sizeof(i));
		memcpy(key.md + 8, &i, sizeof(i));
		got = path_cache_find(p, &key, a);
		kept += got != NULL;
		sk_X509_pop_free(got, X509_free);
	}
	assert_in_range(kept, 64, 256);
	path_cache_free(p);
	sk_X509_free(sk);
	X509_free(a);
}

/* Two peers of one CA, each with a copy of the CA's certificate of its own. */
static void
what_is_above_is_shared(void **state)
{
	X509 *a = cert(), *b = cert(), *ca = cert(), *copy = X509_dup(ca);
	STACK_OF(X509) *one = chain_of(a, ca), *two = chain_of(b, copy);
	STACK_OF(X509) * got_one, *got_two, *again;
	struct path_cache_key k1, k2;
	struct path_cache *p;

	(void)state;
	assert_int_equal(path_cache_new(&p, 1000, NULL), 0);
	assert_int_equal(path_cache_key_of(&k1, one), 0);
	assert_int_equal(path_cache_key_of(&k2, two), 0);
	got_one = path_cache_add(p, &k1, one);
	got_two = path_cache_add(p, &k2, two);
	assert_ptr_equal(sk_X509_value(got_one, 0), a);
	assert_ptr_equal(sk_X509_value(got_one, 1), ca);
	assert_ptr_equal(sk_X509_value(got_two, 0), b);
	assert_ptr_equal(sk_X509_value(got_two, 1), ca);
	again = path_cache_find(p, &k2, b);
	assert_ptr_equal(sk_X509_value(again, 1), ca);
	sk_X509_pop_free(again, X509_free);
	sk_X509_pop_free(got_one, X509_free);
	sk_X509_pop_free(got_two, X509_free);
	sk_X509_free(one);
	sk_X509_free(two);
	path_cache_free(p);
	X509_free(a);
	X509_free(b);
	X509_free(ca);
	X509_free(copy);
}

static void
a_memory_of_nothing(void **state)
{
	X509 *a = cert();
	STACK_OF(X509) *sk = chain_of(a, NULL);
	struct path_cache_key key;
	struct path_cache *p;

	(void)state;
	assert_int_equal(path_cache_new(&p, 0, NULL), 0);
	assert_int_equal(path_cache_key_of(&key, sk), 0);
	assert_null(path_cache_add(p, &key, sk));
	assert_null(path_cache_find(p, &key, a));
	path_cache_free(p);
	sk_X509_free(sk);
	X509_free(a);
}

/* The leaf is part of what was sent, whatever it is sent with. */
static void
two_leaves_over_one_issuer(void **state)
{
	X509 *a = cert(), *b = cert(), *issuer = cert();
	STACK_OF(X509) *ai = chain_of(a, issuer), *bi = chain_of(b, issuer);
	struct path_cache_key ka, kb;
	struct path_cache *p;

	(void)state;
	assert_int_equal(path_cache_new(&p, 1000, NULL), 0);
	assert_int_equal(path_cache_key_of(&ka, ai), 0);
	assert_int_equal(path_cache_key_of(&kb, bi), 0);
	assert_memory_not_equal(&ka, &kb, sizeof(ka));
	sk_X509_pop_free(path_cache_add(p, &ka, ai), X509_free);
	assert_null(path_cache_find(p, &kb, b));
	path_cache_free(p);
	sk_X509_free(ai);
	sk_X509_free(bi);
	X509_free(a);
	X509_free(b);
	X509_free(issuer);
}

/* More of them than there are places to find one again. */
#define ISSUERS 1100

/* A path goes on with its own issuers, not with others in their place. */
static void
every_path_has_its_own_issuers(void **state)
{
	X509 *leaf = cert();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct path_cache *p;

	(void)state;
	assert_int_equal(path_cache_new(&p, 10 * ISSUERS, NULL), 0);
	for (int i = 0; i < ISSUERS; i++) {
		char name[16];
		X509 *issuer;
		STACK_OF(X509) * chain, *got;
		struct path_cache_key k;

		snprintf(name, sizeof(name), "ca %d", i);
		issuer = pki_named(key, name, name);
		chain = chain_of(leaf, issuer);
		assert_int_equal(path_cache_key_of(&k, chain), 0);
		got = path_cache_add(p, &k, chain);
		assert_non_null(got);
		assert_int_equal(X509_cmp(sk_X509_value(got, 1), issuer), 0);
		sk_X509_pop_free(got, X509_free);
		got = path_cache_find(p, &k, leaf);
		assert_non_null(got);
		assert_int_equal(X509_cmp(sk_X509_value(got, 1), issuer), 0);
		sk_X509_pop_free(got, X509_free);
		sk_X509_free(chain);
		X509_free(issuer);
	}
	path_cache_free(p);
	EVP_PKEY_free(key);
	X509_free(leaf);
}

/* A table for 65,536 of them has 3 MB; a few do not use all of its pages. */
static void
few_take_little(void **state)
{
	enum {
		FEW = 1000
	};
	const char *build = getenv("BUILD");
	STACK_OF(X509) * sk;
	struct path_cache_key key;
	struct path_cache *p;
	size_t before;
	X509 *a;

	(void)state;
	if (build == NULL || strstr(build, "/debug") == NULL)
		skip();
	a = cert();
	sk = chain_of(a, NULL);
	assert_int_equal(path_cache_new(&p, 65536, NULL), 0);
	before = pid_rss_bytes(getpid());
	for (uint32_t i = 0; i < FEW; i++) {
		memset(&key, 0, sizeof(key));
		memcpy(key.md, &(uint32_t){i * 2654435761u}, sizeof(i));
		sk_X509_pop_free(path_cache_add(p, &key, sk), X509_free);
	}
	assert_true(pid_rss_bytes(getpid()) - before < 1024 * 1024);
	path_cache_free(p);
	sk_X509_free(sk);
	X509_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_leaves_over_one_issuer),
	    cmocka_unit_test(every_path_has_its_own_issuers),
	    cmocka_unit_test(found_under_the_whole_chain),
	    cmocka_unit_test(bounded_and_the_used_stay),
	    cmocka_unit_test(what_is_above_is_shared),
	    cmocka_unit_test(few_take_little),
	    cmocka_unit_test(a_memory_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
