/* mailbox: bits join, the newest setup wins, the earliest deadline stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/mailbox.h"
#include "gateway/dataplane/worker_setup.h"

static int
rings(const struct mailbox *m)
{
	struct pollfd p = {.fd = m->fd, .events = POLLIN};

	return poll(&p, 1, 0);
}

static void
bits_join_and_are_taken_once(void **state)
{
	struct mailbox m;
	struct mail_batch l;

	(void)state;
	assert_int_equal(mailbox_init(&m, NULL), 0);
	assert_int_equal(rings(&m), 0);
	mailbox_post(&m, MAIL_RECHECK);
	mailbox_post(&m, MAIL_RECHECK);
	mailbox_post(&m, MAIL_STOP);
	assert_int_equal(rings(&m), 1);
	l = mailbox_take(&m);
	assert_int_equal(l.bits, MAIL_RECHECK | MAIL_STOP);
	assert_null(l.setup);
	assert_int_equal(rings(&m), 0);
	assert_int_equal(mailbox_take(&m).bits, 0);
	mailbox_cleanup(&m);
}

static void
a_deadline_is_only_shortened(void **state)
{
	struct mailbox m;
	struct mail_batch l;

	(void)state;
	assert_int_equal(mailbox_init(&m, NULL), 0);
	mailbox_post_drain(&m, 5000);
	mailbox_post_drain(&m, 3000);
	mailbox_post_drain(&m, 4000);
	l = mailbox_take(&m);
	assert_int_equal(l.bits, MAIL_DRAIN);
	assert_int_equal(l.drain_at_mono_ms, 3000);
	mailbox_cleanup(&m);
}

/* With nothing in it but a runtime that has a configuration only. */
static struct worker_setup *
empty_setup(struct conf *conf)
{
	struct worker_setup *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->runtime = calloc(1, sizeof(*s->runtime));
	assert_non_null(s->runtime);
	ref_init(&s->runtime->ref);
	s->runtime->conf = conf_up_ref(conf);
	return s;
}

static void
the_newest_setup_wins(void **state)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct worker_setup *first, *second;
	struct runtime *kept;
	struct mailbox m;
	struct mail_batch l;

	(void)state;
	assert_non_null(conf);
	ref_init(&conf->ref);
	first = empty_setup(conf);
	second = empty_setup(conf);
	kept = runtime_up_ref(first->runtime);
	assert_int_equal(mailbox_init(&m, NULL), 0);
	mailbox_post_setup(&m, first);
	mailbox_post_setup(&m, second);
	/* Ours is the last reference to what the first had. */
	assert_true(ref_down(&kept->ref));
	ref_init(&kept->ref);
	runtime_free(kept);
	l = mailbox_take(&m);
	assert_int_equal(l.bits, MAIL_SETUP);
	assert_ptr_equal(l.setup, second);
	worker_setup_free(l.setup);
	/* One that is never taken is freed with the box. */
	mailbox_post_setup(&m, empty_setup(conf));
	mailbox_cleanup(&m);
	free(conf);
}

#define POSTS 20000

static void *
poster(void *arg)
{
	for (int i = 0; i < POSTS; i++)
		mailbox_post(arg, MAIL_RECHECK);
	mailbox_post(arg, MAIL_STOP);
	return NULL;
}

static void
no_post_is_lost_between_threads(void **state)
{
	struct mailbox m;
	pthread_t thread;
	unsigned seen = 0;

	(void)state;
	assert_int_equal(mailbox_init(&m, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, poster, &m), 0);
	while (!(seen & MAIL_STOP)) {
		struct pollfd p = {.fd = m.fd, .events = POLLIN};

		assert_int_equal(poll(&p, 1, 30000), 1);
		seen |= mailbox_take(&m).bits;
	}
	pthread_join(thread, NULL);
	assert_int_equal(seen, MAIL_RECHECK | MAIL_STOP);
	assert_int_equal(mailbox_take(&m).bits, 0);
	mailbox_cleanup(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bits_join_and_are_taken_once),
	    cmocka_unit_test(a_deadline_is_only_shortened),
	    cmocka_unit_test(the_newest_setup_wins),
	    cmocka_unit_test(no_post_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
