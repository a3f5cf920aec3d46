/*
 * decision_ring: what one kind of peer does erases nothing of another, and what
 * is kept is told as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "gateway/observe/decision_ring.h"
#include "revcheck/engine/report.h"
#include "tests/lib/selfcert.h"

static struct decision_ring *ring;

static void
add(enum decision_way way, bool allowed, const char *peer)
{
	struct decision d = {
	    .way = way, .allowed = allowed, .found.status = REVCHECK_GOOD};

	snprintf(d.peer, sizeof(d.peer), "%s", peer);
	decision_ring_add(ring, &d);
}

static int
num_of(const struct decision_filter *f)
{
	cJSON *list = decision_ring_json(ring, f);
	double before = 1e9;
	const cJSON *o;
	int num = 0;

	assert_non_null(list);
	cJSON_ArrayForEach(o, list)
	{
		double now = cJSON_GetObjectItem(o, "sequence")->valuedouble;

		assert_true(now < before);
		before = now;
		num++;
	}
	cJSON_Delete(list);
	return num;
}

static void
bare_connects_erase_nothing_else(void **state)
{
	const struct decision_filter all = {0}, let_in = {.peer = "good"},
				     some = {.max = 3};

	assert_int_equal(decision_ring_new(&ring, 10, NULL), 0);
	add(DECISION_INBOUND, true, "good-1");
	add(DECISION_OUTBOUND, false, "good-2");
	add(DECISION_SESSION, false, "good-3");
	for (int i = 0; i < 1100; i++)
		add(DECISION_INBOUND, false, "stranger");
	add(DECISION_RECHECK, false, "good-4");
	assert_int_equal(num_of(&let_in), 4);
	assert_int_equal(num_of(&all), 14);
	assert_int_equal(num_of(&some), 3);
	for (int i = 0; i < 1100; i++)
		add(DECISION_INBOUND, true, "good");
	assert_int_equal(num_of(&all), 23);
	decision_ring_free(ring);
}

static void
put(enum decision_way way, bool allowed, unsigned status, enum revcheck_why why,
    time_t at)
{
	struct decision d = {.way = way,
	    .allowed = allowed,
	    .at = at,
	    .found = {
		.mode = REVCHECK_MODE_SOFT_FAIL, .status = status, .why = why}};

	decision_ring_add(ring, &d);
}

#define NOW 1800000030

static void
put_one_of_each(void)
{
	put(DECISION_INBOUND, true, REVCHECK_UNKNOWN, REVCHECK_WHY_UNREACHABLE,
	    NOW - 100);
	put(DECISION_SESSION, true, REVCHECK_UNKNOWN, REVCHECK_WHY_STALE,
	    NOW - 100);
	put(DECISION_SESSION, false, REVCHECK_REVOKED, REVCHECK_WHY_NONE,
	    NOW - 90);
	put(DECISION_RECHECK, false, REVCHECK_REVOKED, REVCHECK_WHY_DENYLISTED,
	    NOW - 80);
	put(DECISION_INBOUND, false, REVCHECK_REVOKED, REVCHECK_WHY_DENYLISTED,
	    NOW - 70);
	put(DECISION_INBOUND, false, DECISION_NO_CERTIFICATE, REVCHECK_WHY_NONE,
	    NOW - 70);
}

/* A thousand good peers push out none of those. */
static void
what_is_looked_for_stays(void **state)
{
	const struct decision_filter soft = {.choice = DECISION_SOFT},
				     cut = {.choice = DECISION_CUT},
				     refused = {.choice = DECISION_REFUSED},
				     denied = {.whys = 1ULL
					     << REVCHECK_WHY_DENYLISTED},
				     bare = {.statuses = 1U
					     << DECISION_NO_CERTIFICATE},
				     session = {.choice = DECISION_REFUSED,
					 .ways = 1U << DECISION_SESSION},
				     between = {.since = NOW - 90,
					 .before = NOW - 70},
				     accepted = {.choice = DECISION_ACCEPTED};

	(void)state;
	assert_int_equal(decision_ring_new(&ring, 10, NULL), 0);
	put_one_of_each();
	for (int i = 0; i < 1000; i++) {
		put(DECISION_INBOUND, true, REVCHECK_GOOD, REVCHECK_WHY_NONE,
		    NOW);
		put(DECISION_SESSION, true, REVCHECK_GOOD, REVCHECK_WHY_NONE,
		    NOW);
	}
	assert_int_equal(num_of(&soft), 2);
	assert_int_equal(num_of(&cut), 1);
	assert_int_equal(num_of(&refused), 4);
	assert_int_equal(num_of(&denied), 2);
	assert_int_equal(num_of(&bare), 1);
	assert_int_equal(num_of(&session), 1);
	assert_int_equal(num_of(&between), 2);
	assert_int_equal(num_of(&accepted), 12);
	assert_int_equal(decision_ring_last(ring), 2006);
	decision_ring_free(ring);
}

/* Of each minute of the last hour, and nothing of the hours before. */
static void
an_hour_in_minutes(void **state)
{
	struct outcome_counts c;

	(void)state;
	assert_int_equal(decision_ring_new(&ring, 10, NULL), 0);
	put(DECISION_INBOUND, true, REVCHECK_GOOD, 0, NOW - 3600);
	put(DECISION_INBOUND, true, REVCHECK_GOOD, 0, NOW - 3540);
	put_one_of_each();
	for (int i = 0; i < 3; i++)
		put(DECISION_OUTBOUND, true, REVCHECK_GOOD, 0, NOW);
	decision_ring_get_outcomes(ring, &c);
	assert_int_equal(outcome_in_minute(&c, OUTCOME_GOOD, NOW, 0), 3);
	assert_int_equal(outcome_in_minute(&c, OUTCOME_GOOD, NOW, 1), 0);
	assert_int_equal(outcome_in_minute(&c, OUTCOME_GOOD, NOW, 59), 1);
	assert_int_equal(outcome_in_minute(&c, OUTCOME_SOFT, NOW, 2), 1);
	assert_int_equal(outcome_in_minute(&c, OUTCOME_CUT, NOW, 1), 1);
	assert_int_equal(outcome_in_minute(&c, OUTCOME_DENYLISTED, NOW, 1), 1);
	assert_int_equal(
	    outcome_in_minute(&c, OUTCOME_NO_CERTIFICATE, NOW, 1), 1);
	assert_int_equal(
	    outcome_in_minute(&c, OUTCOME_SESSION_REFUSED, NOW, 1), 1);
	/* An hour without anybody. */
	assert_int_equal(outcome_in_minute(&c, OUTCOME_GOOD, NOW + 3600, 0), 0);
	assert_int_equal(c.total[OUTCOME_GOOD], 5);
	assert_int_equal(c.total[OUTCOME_SESSION_SOFT], 1);
	decision_ring_free(ring);
}

/* Counts how often the lock is taken. */
static size_t num_locks;

int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int
__wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	num_locks++;
	return __real_pthread_mutex_lock(lock);
}

/*
 * A handshake adds its own while somebody looks through all of them: the lock
 * is given back in between, and what is found is the same.
 */
static void
who_looks_holds_up_nobody(void **state)
{
	enum {
		EACH = 1000
	};
	const struct decision_filter nobody = {.peer = "nobody"}, all = {0},
				     every_third = {.peer = "-3"},
				     last = {.max = 5, .peer = "first"},
				     refused = {.choice = DECISION_REFUSED};

	assert_int_equal(decision_ring_new(&ring, EACH, NULL), 0);
	add(DECISION_SESSION, false, "first");
	for (int i = 0; i < EACH; i++) {
		add(DECISION_INBOUND, true, i % 3 == 0 ? "good-3" : "good");
		add(DECISION_INBOUND, false, "stranger");
		add(DECISION_RECHECK, false, i % 3 == 0 ? "cut-3" : "cut");
	}
	num_locks = 0;
	assert_int_equal(num_of(&nobody), 0);
	assert_true(num_locks >= 3 * EACH / 300);
	assert_int_equal(num_of(&all), 3 * EACH + 1);
	assert_int_equal(num_of(&every_third), 2 * ((EACH + 2) / 3));
	assert_int_equal(num_of(&last), 1);
	assert_int_equal(num_of(&refused), 2 * EACH + 1);
	decision_ring_free(ring);
}

/* About so many certificates, and full of text where long. */
static struct revcheck_report *
report_about(size_t num, int which, bool is_long)
{
	struct revcheck_report *r = report_new(num);

	assert_non_null(r);
	r->status = REVCHECK_REVOKED;
	r->at = NOW;
	snprintf(r->text, sizeof(r->text), "decision %d", which);
	for (size_t i = 0; i < num; i++) {
		struct revcheck_result *x = &r->results[i];

		snprintf(x->subject, sizeof(x->subject), "CN=peer %d \"%zu\"",
		    which, i);
		if (is_long)
			memset(x->text, 'x', sizeof(x->text) - 1);
	}
	return r;
}

/* Row i is about the report of that number, and says what that says. */
static void
tells(const cJSON *list, int i, size_t num, int which, bool is_long)
{
	struct revcheck_report *r = report_about(num, which, is_long);
	char *want = revcheck_report_json(r, 0);
	const cJSON *row = cJSON_GetArrayItem(list, i);

	assert_non_null(row);
	assert_string_equal(
	    cJSON_GetObjectItem(row, "report")->valuestring, want);
	assert_string_equal(cJSON_GetObjectItem(row, "subject")->valuestring,
	    r->results[0].subject);
	assert_non_null(cJSON_GetObjectItem(row, "leaf"));
	free(want);
	revcheck_report_free(r);
}

static void
evidence_is_told_as_it_was(void **state)
{
	static const char *const who[] = {"O", "Somebody", NULL};
	const struct decision_filter all = {0}, one = {.peer = "peer 24 \"2"},
				     none = {.peer = "peer 14 "};
	EVP_PKEY *key;
	X509 *leaf = selfcert_new(&key, who);
	cJSON *list;

	(void)state;
	assert_int_equal(decision_ring_new(&ring, 10, NULL), 0);
	for (int i = 0; i < 25; i++) {
		struct decision d = {.leaf = leaf};

		/* Up to more than is packed in place. */
		d.report = report_about(1 + (size_t)i % 20, i, i % 2 == 0);
		decision_ring_add(ring, &d);
		/* It is nobody else's: none lies between other memory. */
		assert_int_equal(atomic_load(&d.report->ref.count), 1);
		revcheck_report_free(d.report);
	}
	X509_free(leaf);
	EVP_PKEY_free(key);
	list = decision_ring_json(ring, &all);
	assert_int_equal(cJSON_GetArraySize(list), 10);
	for (int i = 24; i >= 15; i--)
		tells(list, 24 - i, 1 + (size_t)i % 20, i, i % 2 == 0);
	cJSON_Delete(list);
	assert_int_equal(num_of(&one), 1);
	assert_int_equal(num_of(&none), 0);
	decision_ring_free(ring);
}

/* A leaf alone, and neither, behind decisions that have both. */
static void
nobody_elses_evidence_is_told(void **state)
{
	static const char *const who[] = {"O", "Somebody", NULL};
	EVP_PKEY *key;
	X509 *leaf = selfcert_new(&key, who);
	struct decision both = {.leaf = leaf,
			    .report = report_about(2, 1, false)},
			bare = {0}, only = {.leaf = leaf};
	const struct decision_filter all = {0};
	cJSON *list;

	(void)state;
	assert_int_equal(decision_ring_new(&ring, 2, NULL), 0);
	for (int i = 0; i < 5; i++) {
		decision_ring_add(ring, &both);
		decision_ring_add(ring, i % 2 == 0 ? &only : &bare);
	}
	list = decision_ring_json(ring, &all);
	assert_int_equal(cJSON_GetArraySize(list), 4);
	tells(list, 1, 2, 1, false);
	tells(list, 3, 2, 1, false);
	for (int i = 0; i < 4; i += 2) {
		const cJSON *row = cJSON_GetArrayItem(list, i);

		assert_null(cJSON_GetObjectItem(row, "report"));
		assert_null(cJSON_GetObjectItem(row, "subject"));
		assert_int_equal(
		    cJSON_GetObjectItem(row, "leaf") != NULL, i == 0);
	}
	cJSON_Delete(list);
	revcheck_report_free(both.report);
	X509_free(leaf);
	EVP_PKEY_free(key);
	decision_ring_free(ring);
}

/* Who is refused may have shown anything. */
static void
a_name_without_end_is_not_kept(void **state)
{
	static const char *const who[] = {"O", "Somebody", NULL};
	static const char unit[] =
	    "123456789 123456789 123456789 123456789 1234567890";
	const struct decision_filter all = {0};
	EVP_PKEY *key;
	X509 *leaf = selfcert_new(&key, who);
	struct decision d = {.leaf = leaf};
	const cJSON *row;
	cJSON *list;

	(void)state;
	assert_int_equal(decision_ring_new(&ring, 2, NULL), 0);
	for (int units = 60; units <= 120; units += 60) {
		for (int i = 0; i < 60; i++)
			assert_int_equal(
			    X509_NAME_add_entry_by_txt(
				X509_get_issuer_name(leaf), "OU", MBSTRING_ASC,
				(const unsigned char *)unit, -1, -1, 0),
			    1);
		decision_ring_add(ring, &d);
		list = decision_ring_json(ring, &all);
		row = cJSON_GetArrayItem(list, 0);
		assert_int_equal(
		    cJSON_GetObjectItem(row, "leaf") != NULL, units == 60);
		cJSON_Delete(list);
	}
	X509_free(leaf);
	EVP_PKEY_free(key);
	decision_ring_free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bare_connects_erase_nothing_else),
	    cmocka_unit_test(what_is_looked_for_stays),
	    cmocka_unit_test(an_hour_in_minutes),
	    cmocka_unit_test(who_looks_holds_up_nobody),
	    cmocka_unit_test(evidence_is_told_as_it_was),
	    cmocka_unit_test(nobody_elses_evidence_is_told),
	    cmocka_unit_test(a_name_without_end_is_not_kept),
	};

	return cmocka_run_group_tests_name("decisions", tests, NULL, NULL);
}
