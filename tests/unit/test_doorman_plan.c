/* What a person is about to sign: numbers, dates, addresses, the delta. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/sign/plan.h"
#include "tests/doorman/test_ca.h"

#define NOW       1800000000
#define BASE      "http://pki.example/certificate-revocation-list/"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca ca;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&ca, "Doorman", NULL, NOW);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&ca);
	return 0;
}

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
		struct plan p = {.list = rows[i].list, .ca = ca.cert};

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

/*
 * A clock that is a little behind makes no list older than the one in force;
 * one that was wrong then stops nobody for long, but a person has to say so.
 */
static void
time_does_not_go_back(void **state)
{
	static const struct {
		long old; /* from now */
		bool wrong;
		long want;
		const char *says;
	} rows[] = {
	    {-86400, false, 0, NULL},
	    {-1, false, 0, NULL},
	    {0, false, 0, NULL},
	    {1, false, 1, NULL},
	    {CRL_SKEW_SEC, false, CRL_SKEW_SEC, NULL},
	    {CRL_SKEW_SEC + 1, false, 0, "CRL number 5 in force lies 301 s in"},
	    {86400, false, 0, "sign with --clock-was-wrong"},
	    {-86400, true, 0, "there is nothing to override"},
	    {0, true, 0, "there is nothing to override"},
	    {1, true, 0, NULL},
	    {86400, true, 0, NULL},
	    {86400L * 3650, true, 0, NULL},
	};
	struct sign_config c = config();

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct plan p = {.list = "doorman",
		    .ca = ca.cert,
		    .has_old = true,
		    .clock_was_wrong = rows[i].wrong,
		    .old = {.number = 5, .this_update = NOW + rows[i].old}};
		struct fault f = {""};
		int rc = plan_make(&p, &c, NOW, &f);

		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		if (rc != 0)
			continue;
		assert_int_equal(p.this_update, NOW + rows[i].want);
		assert_int_equal(p.next_update, p.this_update + 600);
	}
}

/* Before the first list no clock can have been wrong. */
static void
the_first_list_overrides_nothing(void **state)
{
	struct sign_config c = config();
	struct plan p = {
	    .list = "doorman", .ca = ca.cert, .clock_was_wrong = true};
	struct fault f;

	(void)state;
	assert_int_equal(plan_make(&p, &c, NOW, &f), -1);
}

static void
numbers_go_up_to_the_last(void **state)
{
	struct sign_config c = config();
	struct plan p = {.list = "doorman", .ca = ca.cert, .has_old = true};
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

static struct crl
old_list(const char *list, bool critical, unsigned scope)
{
	struct crl old = {
	    .number = 9, .idp_critical = critical, .idp_scope = scope};

	snprintf(old.idp_url, sizeof(old.idp_url), BASE "%s", list);
	return old;
}

/* RFC 5280 5.2.4: a base of another scope has no delta of ours. */
static void
a_delta_has_the_scope_of_its_base(void **state)
{
	static const struct {
		const char *list;
		bool indirect; /* as configured */
		bool critical;
		unsigned scope;
		const char *url; /* NULL: as it should be */
		bool with;
	} rows[] = {
	    {"doorman", false, true, 0, NULL, true},
	    {"doorman", true, true, 0, NULL, true},
	    {"doorman", false, false, 0, NULL, false},
	    {"doorman", false, true, CRL_USER_ONLY, NULL, false},
	    {"doorman", false, true, 0, "http://old.example/crl", false},
	    {"doorman", false, true, CRL_OTHER_NAME, "", false},
	    {"empty", false, true, 0, NULL, true},
	    {"empty", true, true, 0, NULL, false},
	    {"empty", true, true, CRL_INDIRECT, NULL, true},
	    {"empty", false, true, CRL_INDIRECT, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct sign_config c = config();
		struct plan p = {.list = rows[i].list,
		    .ca = ca.cert,
		    .has_old = true,
		    .old = old_list(
			rows[i].list, rows[i].critical, rows[i].scope)};
		struct fault f;

		c.empty_indirect = rows[i].indirect;
		if (rows[i].url != NULL)
			snprintf(p.old.idp_url, sizeof(p.old.idp_url), "%s",
			    rows[i].url);
		assert_int_equal(plan_make(&p, &c, NOW, &f), 0);
		if (p.with_delta != rows[i].with)
			fail_msg("row %zu: %d", i, p.with_delta);
	}
}

/* The CA of these tests has 100 days. */
static void
no_list_outlives_its_ca(void **state)
{
	time_t end = cert_not_after(ca.cert);
	static const struct {
		long before; /* the CA's end, in seconds */
		int rc;
		bool cut;
	} rows[] = {{601, 0, false}, {600, 0, false}, {599, 0, true},
	    {1, 0, true}, {0, -1, false}, {-1, -1, false}};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct sign_config c = config();
		struct plan p = {.list = "doorman", .ca = ca.cert};
		struct fault f = {""};

		if (plan_make(&p, &c, end - rows[i].before, &f) != rows[i].rc)
			fail_msg("row %zu: %s", i, f.msg);
		if (rows[i].rc != 0) {
			assert_non_null(strstr(f.msg, "has ended"));
			continue;
		}
		assert_int_equal(p.cut, rows[i].cut);
		assert_true(p.next_update <= end);
	}
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
		    .ca = ca.cert,
		    .has_old = rows[i].old,
		    .has_old_delta = rows[i].old_delta,
		    .num_add = rows[i].add};
		struct fault f;

		c.delta = rows[i].wanted;
		if (p.has_old) {
			p.old = old_list("doorman", true, 0);
			p.old.number = 9;
		}
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
	struct fault f = {""};
	bool had_delta = false;

	(void)state;
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
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_list_has_its_own),
	    cmocka_unit_test(time_does_not_go_back),
	    cmocka_unit_test(the_first_list_overrides_nothing),
	    cmocka_unit_test(numbers_go_up_to_the_last),
	    cmocka_unit_test(a_delta_has_the_scope_of_its_base),
	    cmocka_unit_test(no_list_outlives_its_ca),
	    cmocka_unit_test(a_delta_goes_on_until_it_is_large),
	    cmocka_unit_test(what_is_signed_may_follow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
