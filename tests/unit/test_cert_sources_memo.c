/*
 * cert_sources_memo: who came with a crowd goes with it, others stay; who looks
 * like another is not taken for him.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "revcheck/engine/cert_sources.h"
#include "tests/lib/pkimake.h"

#define PEERS 40

static struct pki_ca root;
static X509 *leaves[PEERS];
static struct cert_sources_memo *memo;

static int
setup(void **state)
{
	(void)state;
	pki_ca_init(&root, "root");
	for (uint8_t i = 0; i < PEERS; i++) {
		const uint8_t serial[] = {0x12, i + 1};

		leaves[i] = pki_leaf(
		    &root, serial, sizeof(serial), "http://127.0.0.1/x");
	}
	memo = cert_sources_memo_new();
	return memo != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	cert_sources_memo_free(memo);
	for (size_t i = 0; i < PEERS; i++)
		X509_free(leaves[i]);
	pki_ca_cleanup(&root);
	return 0;
}

/* A reference. */
static struct cert_sources *
get_of(X509 *cert)
{
	const struct cert_sources_context ctx = {.anchor = root.cert};
	struct cert_sources *s = NULL;

	assert_int_equal(
	    cert_sources_memo_get(memo, &s, cert, root.cert, &ctx, NULL), 0);
	return s;
}

static struct cert_sources *
get(size_t i)
{
	return get_of(leaves[i]);
}

/* Another serial under the same signature, read as a peer's would be. */
static X509 *
look_alike(X509 *cert)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	X509 *made = X509_dup(cert), *read;
	const unsigned char *p;
	unsigned char *der = NULL;
	int len;

	assert_int_equal(ASN1_INTEGER_set(serial, 77), 1);
	assert_int_equal(X509_set_serialNumber(made, serial), 1);
	/* The encoding that was read is kept otherwise. */
	assert_true(i2d_re_X509_tbs(made, NULL) > 0);
	len = i2d_X509(made, &der);
	p = der;
	read = d2i_X509(NULL, &p, len);
	assert_non_null(read);
	OPENSSL_free(der);
	ASN1_INTEGER_free(serial);
	X509_free(made);
	return read;
}

static void
who_ends_alike_is_another(void **state)
{
	X509 *other = look_alike(leaves[0]);
	struct cert_sources *a = get(0), *b = get_of(other);

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_memory_not_equal(a->identity, b->identity, sizeof(a->identity));
	assert_int_equal(X509_cmp(b->cert, other), 0);
	cert_sources_free(a);
	cert_sources_free(b);
	X509_free(other);
}

static void
who_came_with_a_crowd_goes_with_it(void **state)
{
	struct cert_sources *was[PEERS], *now;
	time_t began = time(NULL);

	(void)state;
	for (size_t i = 0; i < PEERS; i++) {
		was[i] = get(i);
		assert_true(was[i]->met >= began);
		/* The first half was there before. */
		if (i < PEERS / 2)
			was[i]->met = began - 1;
	}
	cert_sources_memo_trim(memo, began + 3600);
	for (size_t i = 0; i < PEERS; i++) {
		now = get(i);
		assert_ptr_equal(now, was[i]);
		cert_sources_free(now);
	}
	cert_sources_memo_trim(memo, began);
	for (size_t i = 0; i < PEERS; i++) {
		now = get(i);
		if (i < PEERS / 2)
			assert_ptr_equal(now, was[i]);
		else
			assert_ptr_not_equal(now, was[i]);
		/* What is held meanwhile stays whole. */
		assert_memory_equal(
		    now->identity, was[i]->identity, sizeof(now->identity));
		cert_sources_free(now);
		cert_sources_free(was[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_ends_alike_is_another),
	    cmocka_unit_test(who_came_with_a_crowd_goes_with_it),
	};

	return cmocka_run_group_tests_name(
	    "cert_sources_memo", tests, setup, teardown);
}
