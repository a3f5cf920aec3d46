/*
 * slack: what is given back after a crowd, once, and since when; one crowd
 * after another is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <event2/event.h>

#include "gateway/dataplane/slack.h"
#include "gateway/tls/tls_certs.h"
#include "revcheck/revcheck.h"

static time_t now;
static char done[80]; /* what was given back, in order */
static time_t since;

time_t __wrap_time(time_t *out);
time_t
__wrap_time(time_t *out)
{
	if (out != NULL)
		*out = now;
	return now;
}

void __wrap_revcheck_trim(struct revcheck *rc, time_t at);
void
__wrap_revcheck_trim(struct revcheck *rc, time_t at)
{
	assert_ptr_equal(rc, &now);
	since = at;
	strcat(done, "read ");
}

void __wrap_tls_certs_trim(void);
void
__wrap_tls_certs_trim(void)
{
	strcat(done, "sent ");
}

int __wrap_malloc_trim(size_t pad);
int
__wrap_malloc_trim(size_t pad)
{
	assert_int_equal(pad, 0);
	strcat(done, "pages ");
	return 1;
}

static struct event_base *base;
static struct slack s;

static int
setup(void **state)
{
	(void)state;
	now = 1000;
	done[0] = '\0';
	base = event_base_new();
	return slack_init(&s, base, (struct revcheck *)(void *)&now, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	slack_cleanup(&s);
	event_base_free(base);
	return 0;
}

static void
join(size_t num)
{
	while (num-- > 0)
		slack_join(&s);
}

static void
leave(size_t num)
{
	while (num-- > 0)
		slack_leave(&s);
}

/* It has come, if it is waited for at all. */
static void
moment(void)
{
	if (evtimer_pending(s.ev, NULL)) {
		event_del(s.ev);
		event_active(s.ev, EV_TIMEOUT, 0);
	}
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
a_few_are_no_crowd(void **state)
{
	(void)state;
	join(SLACK_CROWD - 1);
	leave(SLACK_CROWD - 1);
	moment();
	assert_string_equal(done, "");
}

static void
once_three_quarters_have_gone(void **state)
{
	(void)state;
	join(10); /* who are always there */
	now = 2000;
	join(400);
	now = 3000;
	leave(308);
	moment();
	assert_string_equal(done, "");
	leave(1);
	/* Not before the moment. */
	assert_string_equal(done, "");
	moment();
	assert_string_equal(done, "read sent pages ");
	assert_int_equal(since, 2000);
	leave(101);
	moment();
	assert_string_equal(done, "read sent pages ");
}

static void
who_comes_back_is_waited_for(void **state)
{
	(void)state;
	join(400);
	leave(400);
	join(400);
	moment();
	assert_string_equal(done, "");
}

/* It began before the pages of the one before had gone back. */
static void
one_crowd_after_another_is_one(void **state)
{
	(void)state;
	join(400);
	now = 2000;
	leave(400);
	join(300);
	now = 3000;
	leave(300);
	moment();
	assert_string_equal(done, "read sent pages ");
	assert_int_equal(since, 1000);
	/* And the next one is another. */
	now = 4000;
	join(SLACK_CALM - 1);
	now = 5000;
	join(400);
	leave(400 + SLACK_CALM - 1);
	moment();
	assert_string_equal(done, "read sent pages read sent pages ");
	assert_int_equal(since, 5000);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_few_are_no_crowd),
	    EACH(once_three_quarters_have_gone),
	    EACH(who_comes_back_is_waited_for),
	    EACH(one_crowd_after_another_is_one),
	};

	return cmocka_run_group_tests_name("slack", tests, NULL, NULL);
}
