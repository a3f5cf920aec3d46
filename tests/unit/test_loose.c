/* loose: what lets somebody in unasked is said at once and daily. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "gateway/base/services.h"
#include "gateway/control/loose.h"

#define DAY 86400

static struct loose_watch *watch;
static struct services services;
static struct wall_clock moved;
static struct log to;
static time_t now;
static unsigned lines;
static char last[200];

static time_t
clock_now(void *arg)
{
	return now;
}

static void
on_line(void *arg, enum log_level level, const char *line)
{
	assert_int_equal(level, LOG_LEVEL_WARN);
	lines++;
	strncpy(last, line, sizeof(last) - 1);
}

static int
setup(void **state)
{
	struct err err;

	now = 1800000000;
	lines = 0;
	moved.fn = clock_now;
	to.fn = on_line;
	to.level = LOG_LEVEL_DEBUG;
	services.base = event_base_new();
	services.log = &to;
	services.clock = &moved;
	return loose_watch_new(&watch, &services, &err);
}

static int
teardown(void **state)
{
	loose_watch_free(watch);
	event_base_free(services.base);
	return 0;
}

/* How many lines a look says at a time. */
static unsigned
said_at(time_t at)
{
	now = at;
	lines = 0;
	loose_watch_look(watch);
	return lines;
}

static void
each_is_said_at_once_and_daily(void **state)
{
	static const struct {
		struct loose loose;
		const char *words;
	} rows[] = {
	    {{.tls = REVCHECK_MODE_OFF, .sessions = REVCHECK_MODE_HARD_FAIL},
		"mode of TLS peers is OFF"},
	    {{.tls = REVCHECK_MODE_HARD_FAIL, .sessions = REVCHECK_MODE_OFF},
		"mode of session checks is OFF"},
	    {{.tls = REVCHECK_MODE_SOFT_FAIL,
		 .sessions = REVCHECK_MODE_SOFT_FAIL,
		 .one_way = true},
		"tlsType is ONE_WAY"},
	    {{.tls = REVCHECK_MODE_SOFT_FAIL,
		 .sessions = REVCHECK_MODE_SOFT_FAIL,
		 .exempt = 3},
		"nobody asks about: 3"},
	};
	const struct loose none = {.tls = REVCHECK_MODE_HARD_FAIL,
	    .sessions = REVCHECK_MODE_SOFT_FAIL};

	assert_int_equal(said_at(now + DAY), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		time_t t0 = now;

		lines = 0;
		loose_watch_set(watch, &rows[i].loose);
		assert_int_equal(lines, 1);
		assert_non_null(strstr(last, rows[i].words));
		assert_int_equal(said_at(t0 + DAY - 1), 0);
		assert_int_equal(said_at(t0 + DAY), 1);
		assert_int_equal(said_at(t0 + DAY + 60), 0);
		assert_int_equal(said_at(t0 + 2 * DAY), 1);
		/* The same again is no news. */
		loose_watch_set(watch, &rows[i].loose);
		assert_int_equal(said_at(now), 0);
		loose_watch_set(watch, &none);
		assert_int_equal(said_at(now + 2 * DAY), 0);
	}
}

static void
another_number_is_news(void **state)
{
	struct loose l = {.tls = REVCHECK_MODE_SOFT_FAIL,
	    .sessions = REVCHECK_MODE_SOFT_FAIL,
	    .exempt = 1};

	loose_watch_set(watch, &l);
	assert_int_equal(lines, 1);
	l.exempt = 2;
	loose_watch_set(watch, &l);
	assert_int_equal(lines, 2);
}

static void
the_laxer_mode_is_the_one(void **state)
{
	const struct loose a = {
	    .tls = REVCHECK_MODE_OFF, .sessions = REVCHECK_MODE_HARD_FAIL};
	const struct loose b = {.tls = REVCHECK_MODE_HARD_FAIL,
	    .sessions = REVCHECK_MODE_SOFT_FAIL};

	assert_int_equal(loose_mode(&a), REVCHECK_MODE_OFF);
	assert_int_equal(loose_mode(&b), REVCHECK_MODE_SOFT_FAIL);
}

int
main(void)
{
#define EACH(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    EACH(each_is_said_at_once_and_daily),
	    EACH(another_number_is_news),
	    cmocka_unit_test(the_laxer_mode_is_the_one),
	};
#undef EACH

	return cmocka_run_group_tests_name("loose", tests, NULL, NULL);
}
