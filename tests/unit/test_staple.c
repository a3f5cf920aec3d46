/* staple: what may be stapled, for how long, and for which certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "gateway/tls/staple.h"
#include "tests/lib/pkimake.h"

#define T0  1800000000
#define NUM 300

static struct pki_ca ca;

static int
setup(void **state)
{
	(void)state;
	pki_ca_init(&ca, "ca");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pki_ca_cleanup(&ca);
	return 0;
}

static X509 *
leaf(uint16_t number)
{
	uint8_t serial[] = {1, (uint8_t)(number >> 8), (uint8_t)number};

	return pki_leaf(&ca, serial, sizeof(serial), "http://a.example/");
}

static void
until_next_update_to_the_second(void **state)
{
	const struct revcheck_policy plain = {.no_next_update_sec = 100};
	const struct revcheck_policy aged = {
	    .no_next_update_sec = 100, .max_age_sec = 50};
	struct revcheck_result r = {.status = REVCHECK_GOOD,
	    .method = REVCHECK_METHOD_OCSP,
	    .this_update = T0,
	    .next_update = T0 + 1000};

	(void)state;
	assert_int_equal(staple_until(&r, &plain), T0 + 1000);
	assert_int_equal(staple_until(&r, &aged), T0 + 50);
	r.next_update = 0;
	assert_int_equal(staple_until(&r, &plain), T0 + 100);
	assert_int_equal(staple_until(&r, &aged), T0 + 50);
	r.next_update = T0 + 20;
	assert_int_equal(staple_until(&r, &aged), T0 + 20);
}

static void
only_what_is_good_by_ocsp(void **state)
{
	const struct revcheck_policy p = {.no_next_update_sec = 100};
	struct revcheck_result r = {.method = REVCHECK_METHOD_OCSP,
	    .this_update = T0,
	    .next_update = T0 + 1000};

	(void)state;
	for (int s = REVCHECK_UNKNOWN; s <= REVCHECK_NOT_ASKED; s++) {
		r.status = (enum revcheck_status)s;
		assert_int_equal(staple_until(&r, &p) != 0, s == REVCHECK_GOOD);
	}
	r.status = REVCHECK_GOOD;
	r.method = REVCHECK_METHOD_CRL;
	assert_int_equal(staple_until(&r, &p), 0);
}

/* Each certificate has its own, as long as it may be sent and no longer. */
static void
found_by_certificate_while_current(void **state)
{
	struct staple *list[NUM + 1] = {NULL};
	struct staples *all;
	X509 *certs[NUM], *again, *other = leaf(NUM);
	char der[16];

	(void)state;
	for (uint16_t i = 0; i < NUM; i++) {
		certs[i] = leaf(i);
		snprintf(der, sizeof(der), "%u", i);
		/* A hole in the list is no staple. */
		if (i != 7)
			list[i] =
			    staple_new(certs[i], der, strlen(der), T0 + 10 + i);
	}
	assert_int_equal(staples_new(&all, list, NUM + 1, NULL), 0);
	/* The snapshot holds what it needs. */
	for (size_t i = 0; i < NUM; i++)
		staple_free(list[i]);
	for (uint16_t i = 0; i < NUM; i++) {
		const struct staple *s = staples_find(all, certs[i], T0 + 9);

		snprintf(der, sizeof(der), "%u", i);
		if (i == 7) {
			assert_null(s);
			continue;
		}
		assert_non_null(s);
		assert_int_equal(s->len, strlen(der));
		assert_memory_equal(s->der, der, s->len);
		assert_non_null(staples_find(all, certs[i], T0 + 9 + i));
		assert_null(staples_find(all, certs[i], T0 + 10 + i));
	}
	assert_null(staples_find(all, other, T0));
	assert_null(staples_find(NULL, other, T0));
	/* Parsed again, as after a reload, it is the same certificate. */
	again = X509_dup(certs[3]);
	assert_non_null(staples_find(all, again, T0));
	X509_free(again);
	X509_free(other);
	for (size_t i = 0; i < NUM; i++)
		X509_free(certs[i]);
	staples_free(staples_up_ref(all));
	staples_free(all);
}

/* The same serial of another issuer's, or twice in the list. */
static void
collisions_are_told_apart(void **state)
{
	struct pki_ca second = {.key = NULL};
	struct staple *list[3];
	struct staples *all;
	X509 *a = leaf(1), *b;
	uint8_t serial[] = {1, 0, 1};

	(void)state;
	pki_ca_init(&second, "second");
	b = pki_leaf(&second, serial, sizeof(serial), "http://b.example/");
	list[0] = staple_new(a, "old", 3, T0 + 10);
	list[1] = staple_new(b, "other", 5, T0 + 10);
	list[2] = staple_new(a, "newer", 5, T0 + 10);
	assert_int_equal(staples_new(&all, list, 3, NULL), 0);
	assert_memory_equal(staples_find(all, a, T0)->der, "newer", 5);
	assert_memory_equal(staples_find(all, b, T0)->der, "other", 5);
	for (size_t i = 0; i < 3; i++)
		staple_free(list[i]);
	staples_free(all);
	X509_free(a);
	X509_free(b);
	pki_ca_cleanup(&second);
}

static void
none_at_all_is_fine(void **state)
{
	struct staples *all;
	X509 *x = leaf(1);

	(void)state;
	assert_int_equal(staples_new(&all, NULL, 0, NULL), 0);
	assert_null(staples_find(all, x, T0));
	staples_free(all);
	X509_free(x);
}

/* RFC 7633: status_request is feature 5. */
static void
must_staple_is_read(void **state)
{
	static const struct {
		const char *features;
		bool must;
	} rows[] = {{"status_request", true}, {"status_request_v2", false},
	    {"17, 5", true}, {"1", false}};
	X509 *x = leaf(1);

	(void)state;
	assert_false(staple_is_a_must(x));
	X509_free(x);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(
		    NULL, NULL, NID_tlsfeature, rows[i].features);

		x = leaf(1);
		assert_non_null(e);
		assert_int_equal(X509_add_ext(x, e, -1), 1);
		assert_int_equal(staple_is_a_must(x), rows[i].must);
		X509_EXTENSION_free(e);
		X509_free(x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(until_next_update_to_the_second),
	    cmocka_unit_test(only_what_is_good_by_ocsp),
	    cmocka_unit_test(found_by_certificate_while_current),
	    cmocka_unit_test(collisions_are_told_apart),
	    cmocka_unit_test(none_at_all_is_fine),
	    cmocka_unit_test(must_staple_is_read),
	};

	return cmocka_run_group_tests_name("staple", tests, setup, teardown);
}
