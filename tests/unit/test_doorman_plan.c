/* What a person is about to sign: numbers, dates, addresses, the delta. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/sign/plan.h"
#include "tests/doorman/test_ca.h"

#define NOW       1800000000
#define BASE      "http://pki.example/certificate-revocation-list/"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct sign_config
config(void)
{
	return (struct sign_config){.public_url = "http://pki.example",
	    .doorman_key = "file:doorman",
	    .root_key = "file:root",
	    .doorman_next_update_min = 10,
	    .root_next_update_min = 20,
	    .empty_next_update_min = 30,
	    .delta = 1,
	    .delta_max_entries = 3};
}

static void
each_list_has_its_own(void **state)
{
	static const struct {
		const char *list, *key, *url, *delta_url;
		long minutes;
	} rows[] = {
	    {"doorman", "file:doorman", BASE "doorman", BASE "doorman/delta",
		10},
	    {"root", "file:root", BASE "root", BASE "root/delta", 20},
	    {"empty", "file:root", BASE "empty", BASE "empty/delta", 30},
	};
	struct sign_config c = config();
	struct fault f;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct plan p = {.list = rows[i].list};

		assert_int_equal(plan_make(&p, &c, NOW, &f), 0);
		assert_string_equal(p.key, rows[i].key);
		assert_string_equal(p.url, rows[i].url);
		assert_string_equal(p.delta_url, rows[i].delta_url);
		assert_int_equal(p.number, 1);
		assert_int_equal(p.this_update, NOW);
		assert_int_equal(p.next_update, NOW + 60 * rows[i].minutes);
		assert_false(p.with_delta);
	}
}

/* A clock that was set back makes no list older than the one in force. */
static void
time_does_not_go_back(void **state)
{
	static const struct {
		long old, want; /* from now */
	} rows[] = {{-86400, 0}, {-1, 0}, {0, 0}, {1, 1}, {86400, 86400}};
	struct sign_config c = config();
	struct fault f;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct plan p = {.list = "doorman",
		    .has_old = true,
		    .old = {.number = 5, .this_update = NOW + rows[i].old}};

		assert_int_equal(plan_make(&p, &c, NOW, &f), 0);
		assert_int_equal(p.this_update, NOW + rows[i].want);
		assert_int_equal(p.next_update, p.this_update + 600);
	}
}

static void
numbers_go_up_to_the_last(void **state)
{
	struct sign_config c = config();
	struct plan p = {.list = "doorman", .has_old = true};
	struct fault f;

	(void)state;
	p.old.number = 41;
	assert_int_equal(plan_make(&p, &c, NOW, &f), 0);
	assert_int_equal(p.number, 42);
	p.old.number = INT64_MAX - 1;
	assert_int_equal(plan_make(&p, &c, NOW, &f), 0);
	assert_true(p.number == INT64_MAX);
	p.old.number = INT64_MAX;
	assert_int_equal(plan_make(&p, &c, NOW, &f), -1);
	p.old.number = UINT64_MAX;
	assert_int_equal(plan_make(&p, &c, NOW, &f), -1);
}

static void
a_delta_goes_on_until_it_is_large(void **state)
{
	static const struct {
		bool wanted, old, old_delta;
		size_t had, add;
		bool with, goes_on;
		uint64_t base;
	} rows[] = {
	    {false, true, true, 0, 0, false, false, 9},
	    {true, false, false, 0, 0, false, false, 0},
	    {true, true, false, 0, 1, true, false, 9},
	    {true, true, true, 2, 1, true, true, 7},
	    {true, true, true, 2, 2, true, false, 9},
	    {true, true, true, 3, 0, true, true, 7},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct sign_config c = config();
		struct plan p = {.list = "doorman",
		    .has_old = rows[i].old,
		    .has_old_delta = rows[i].old_delta,
		    .num_add = rows[i].add};
		struct fault f;

		c.delta = rows[i].wanted;
		if (p.has_old)
			p.old.number = 9;
		if (p.has_old_delta) {
			p.old_delta.base_number = 7;
			p.old_delta.num_entries = rows[i].had;
		}
		assert_int_equal(plan_make(&p, &c, NOW, &f), 0);
		assert_int_equal(p.with_delta, rows[i].with);
		assert_int_equal(p.delta_continues, rows[i].goes_on);
		assert_int_equal(p.delta_base, rows[i].base);
	}
}

/* What is planned and signed is what the service takes, time and again. */
static void
what_is_signed_may_follow(void **state)
{
	struct sign_config c = config();
	struct test_crl full = {0}, delta = {0}, next, part;
	struct crl_add add;
	struct crl_law law = {
	    .url = BASE "doorman", .delta_url = BASE "doorman/delta"};
	struct test_ca ca;
	struct fault f = {""};
	bool had_delta = false;

	(void)state;
	test_ca_make(&ca, "Doorman", NULL, NOW);
	law.ca = ca.cert;
	for (unsigned i = 0; i < 8; i++) {
		char serial[8];
		struct plan p = {.list = "doorman",
		    .ca = ca.cert,
		    .has_old = i > 0,
		    .has_old_delta = had_delta,
		    .old = full.crl,
		    .old_delta = delta.crl,
		    .add = &add,
		    .num_add = 1};

		snprintf(serial, sizeof(serial), "%u", 1000 + i);
		add = test_crl_add(serial, 1, NOW + i);
		law.now = NOW + i;
		assert_int_equal(plan_make(&p, &c, law.now, &f), 0);
		buf_init(&next.der, 1 << 20);
		buf_init(&part.der, 1 << 20);
		assert_int_equal(
		    plan_sign(&p, ca.seal, &next.der, &part.der, &f), 0);
		assert_int_equal(
		    crl_parse(&next.crl, buf_view(&next.der), &f), 0);
		if (crl_succeeds(&law, i > 0 ? &full.crl : NULL, &next.crl,
			&add, 1, &f) != 0)
			fail_msg("list %u: %s", i, f.msg);
		assert_int_equal(part.der.len > 0, i > 0);
		if (i > 0) {
			assert_int_equal(
			    crl_parse(&part.crl, buf_view(&part.der), &f), 0);
			if (crl_delta_fits(&law, &full.crl,
				had_delta ? &delta.crl : NULL, &next.crl,
				&part.crl, &add, 1, &f) != 0)
				fail_msg("delta %u: %s", i, f.msg);
			buf_free(&delta.der);
			delta = part;
			had_delta = true;
		} else {
			buf_free(&part.der);
		}
		if (i > 0)
			buf_free(&full.der);
		full = next;
	}
	buf_free(&full.der);
	buf_free(&delta.der);
	test_ca_free(&ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_list_has_its_own),
	    cmocka_unit_test(time_does_not_go_back),
	    cmocka_unit_test(numbers_go_up_to_the_last),
	    cmocka_unit_test(a_delta_goes_on_until_it_is_large),
	    cmocka_unit_test(what_is_signed_may_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
