/* decision_ring: what one kind of peer does erases nothing of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "gateway/observe/decision_ring.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bare_connects_erase_nothing_else),
	    cmocka_unit_test(what_is_looked_for_stays),
	    cmocka_unit_test(an_hour_in_minutes),
	    cmocka_unit_test(who_looks_holds_up_nobody),
	};

	return cmocka_run_group_tests_name("decisions", tests, NULL, NULL);
}
