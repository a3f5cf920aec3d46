/*
 * known_revoked and issuer_heard: what was found revoked is remembered until it
 * is forgotten; when an issuer was heard of last.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/engine/issuer_heard.h"
#include "revcheck/engine/known_revoked.h"

#define HOLD REVCHECK_REASON_CERTIFICATE_HOLD

static struct known_revocation
known(uint8_t id, int reason, time_t this_update)
{
	struct known_revocation k = {.identity = {id},
	    .owner = {9},
	    .serial = {1, id},
	    .serial_len = 2,
	    .reason = reason,
	    .revoked_at = 1000,
	    .this_update = this_update,
	    .first_seen = this_update + 1,
	    .url = "http://crl.example/x"};

	return k;
}

static void
remembers_until_it_is_told_to_forget(void **state)
{
	struct known_revoked *m = known_revoked_new();
	struct known_revocation a = known(1, 1, 2000), b = known(2, 1, 2000), k;
	struct revcheck_result res = {.status = REVCHECK_UNKNOWN};

	(void)state;
	assert_non_null(m);
	assert_false(known_revoked_get(m, a.identity, &k));
	assert_true(known_revoked_put(m, &a));
	assert_false(known_revoked_get(m, b.identity, &k));
	assert_true(known_revoked_get(m, a.identity, &k));
	known_revoked_tell(&k, false, &res);
	assert_int_equal(res.status, REVCHECK_REVOKED);
	assert_int_equal(res.method, REVCHECK_METHOD_MEMORY);
	assert_int_equal(res.reason, REVCHECK_REASON_KEY_COMPROMISE);
	assert_int_equal(res.revoked_at, 1000);
	assert_string_equal(res.url, a.url);
	assert_null(strstr(res.text, "by hand"));
	known_revoked_tell(&k, true, &res);
	assert_non_null(strstr(res.text, "by hand"));
	assert_true(known_revoked_forget(m, a.identity));
	assert_false(known_revoked_forget(m, a.identity));
	assert_false(known_revoked_get(m, a.identity, &k));
	known_revoked_free(m);
}

/* What is said again is no news; what says more is. */
static void
only_what_says_more_is_news(void **state)
{
	static const struct {
		int was, is;
		time_t later;
		bool news;
		int then;
	} rows[] = {
	    {1, 1, 0, false, 1},
	    {1, 1, 100, false, 1},
	    {1, 4, 100, true, 4},
	    {1, HOLD, 100, false, 1},
	    {HOLD, HOLD, 0, false, HOLD},
	    {HOLD, HOLD, -1, false, HOLD},
	    {HOLD, HOLD, 1, true, HOLD},
	    {HOLD, 1, -100, true, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct known_revoked *m = known_revoked_new();
		struct known_revocation a = known(1, rows[i].was, 2000);
		struct known_revocation b = known(1, rows[i].is,
					    2000 + rows[i].later),
					k;

		assert_true(known_revoked_put(m, &a));
		assert_int_equal(known_revoked_put(m, &b), rows[i].news);
		assert_true(known_revoked_get(m, a.identity, &k));
		assert_int_equal(k.reason, rows[i].then);
		assert_int_equal(k.this_update,
		    rows[i].news ? b.this_update : a.this_update);
		/* Since when stays what it was at first. */
		assert_int_equal(k.first_seen,
		    a.first_seen < b.first_seen ? a.first_seen
						: k.this_update + 1);
		known_revoked_free(m);
	}
}

static bool
count(void *arg, const struct known_revocation *k)
{
	*(size_t *)arg += 1;
	return true;
}

static void
forgets_a_serial_under_every_anchor(void **state)
{
	struct known_revoked *m = known_revoked_new();
	struct known_revocation a = known(1, 1, 2000), same = a,
				other = known(3, 1, 2000), longer = a;
	size_t num = 0;

	(void)state;
	same.identity[0] = 2;
	longer.identity[0] = 4;
	longer.serial_len = 3;
	assert_true(known_revoked_put(m, &a));
	assert_true(known_revoked_put(m, &same));
	assert_true(known_revoked_put(m, &other));
	assert_true(known_revoked_put(m, &longer));
	assert_int_equal(
	    known_revoked_forget_serial(m, a.owner, a.serial, 2), 2);
	known_revoked_each(m, count, &num);
	assert_int_equal(num, 2);
	assert_int_equal(known_revoked_num(m), 2);
	/* Of another issuer. */
	other.owner[0]++;
	assert_int_equal(
	    known_revoked_forget_serial(m, other.owner, other.serial, 2), 0);
	known_revoked_free(m);
}

/* One shard is filled: the longest known gives way, the others stay. */
static void
a_full_shard_loses_what_it_knew_longest(void **state)
{
	struct known_revoked *m = known_revoked_new();
	struct known_revocation k = known(1, 1, 2000), out;
	unsigned i, max = 2 * KNOWN_REVOKED_MAX / 64;

	(void)state;
	for (i = 0; i <= max; i++) {
		memcpy(k.identity + 3, &i, sizeof(i));
		assert_true(known_revoked_put(m, &k));
	}
	i = 0;
	memcpy(k.identity + 3, &i, sizeof(i));
	assert_false(known_revoked_get(m, k.identity, &out));
	for (i = 1; i <= max; i += 97) {
		memcpy(k.identity + 3, &i, sizeof(i));
		assert_true(known_revoked_get(m, k.identity, &out));
	}
	known_revoked_free(m);
}

static void
tells_when_an_issuer_was_heard_of(void **state)
{
	struct issuer_heard *h = issuer_heard_new();
	uint8_t a[32] = {1}, b[32] = {2}, same_set[32] = {1};

	(void)state;
	assert_int_equal(issuer_heard_last(h, a), 0);
	issuer_heard_note(h, a, 100);
	issuer_heard_note(h, a, 200);
	assert_int_equal(issuer_heard_last(h, a), 200);
	assert_int_equal(issuer_heard_last(h, b), 0);
	/* Four more in its set: the longest silent is forgotten. */
	for (uint8_t i = 1; i <= 4; i++) {
		same_set[31] = i;
		issuer_heard_note(h, same_set, 200 + i);
	}
	assert_int_equal(issuer_heard_last(h, a), 0);
	assert_int_equal(issuer_heard_last(h, same_set), 204);
	issuer_heard_free(h);
}

/*
 * A word counts where there is nothing, and against older good news; it never
 * makes anything good, and a fellow's clock or number buys it no time.
 */
static void
a_word_yields_to_what_is_as_new(void **state)
{
	static const struct {
		enum revcheck_status found;
		time_t found_at;
		const char *found_number;
		bool counts;
	} rows[] = {
	    {REVCHECK_UNKNOWN, 0, "", true},
	    {REVCHECK_UNKNOWN, 9999, "FF", true},
	    {REVCHECK_GOOD, 1999, "FF", true},
	    {REVCHECK_GOOD, 2001, "01", false},
	    {REVCHECK_GOOD, 2000, "07", false},
	    {REVCHECK_GOOD, 2000, "08", false},
	    {REVCHECK_GOOD, 2000, "06", true},
	    {REVCHECK_GOOD, 2000, "", false},
	    {REVCHECK_REVOKED, 1, "", false},
	    {REVCHECK_PATH_INVALID, 0, "", false},
	    {REVCHECK_NOT_ASKED, 0, "", false},
	};
	struct known_revocation k = known(1, 1, 2000);

	(void)state;
	k.number_len = known_revoked_number(k.number, "0007");
	assert_int_equal(k.number_len, 1);
	snprintf(k.by, sizeof(k.by), "gw-2");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_result res = {
		    .status = rows[i].found, .this_update = rows[i].found_at};

		snprintf(res.crl_number, sizeof(res.crl_number), "%s",
		    rows[i].found_number);
		if (known_revoked_word_counts(&k, &res) != rows[i].counts)
			fail_msg("row %zu", i);
		if (!rows[i].counts)
			continue;
		known_revoked_tell_word(&k, &res);
		assert_int_equal(res.status, REVCHECK_REVOKED);
		assert_int_equal(res.method, REVCHECK_METHOD_FLEET);
		assert_string_equal(res.crl_number, "07");
		assert_non_null(strstr(res.text, "'gw-2'"));
		assert_non_null(strstr(res.text, k.url));
	}
}

static void
a_newer_word_is_news(void **state)
{
	struct known_revoked *m = known_revoked_new();
	struct known_revocation k = known(1, 1, 2000), got;

	(void)state;
	assert_true(known_revoked_put_newer(m, &k));
	assert_false(known_revoked_put_newer(m, &k));
	k.this_update = 1999;
	k.reason = 4;
	assert_false(known_revoked_put_newer(m, &k));
	assert_true(known_revoked_get(m, k.identity, &got));
	assert_int_equal(got.reason, 1);
	k.this_update = 2000;
	k.number_len = known_revoked_number(k.number, "a0");
	assert_true(known_revoked_put_newer(m, &k));
	k.number_len = known_revoked_number(k.number, "100");
	assert_int_equal(k.number_len, 2);
	assert_true(known_revoked_put_newer(m, &k));
	assert_int_equal(known_revoked_number(k.number, "xyz"), 0);
	assert_int_equal(known_revoked_number(k.number, "000"), 0);
	assert_int_equal(known_revoked_num(m), 1);
	known_revoked_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(remembers_until_it_is_told_to_forget),
	    cmocka_unit_test(only_what_says_more_is_news),
	    cmocka_unit_test(forgets_a_serial_under_every_anchor),
	    cmocka_unit_test(a_full_shard_loses_what_it_knew_longest),
	    cmocka_unit_test(tells_when_an_issuer_was_heard_of),
	    cmocka_unit_test(a_word_yields_to_what_is_as_new),
	    cmocka_unit_test(a_newer_word_is_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
