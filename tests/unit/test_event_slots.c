/* event_slots: what is small lies side by side, all else is malloc's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <pthread.h>
#include <unistd.h>

#include "gateway/base/event_slots.h"

#define THREADS 4
#define ROUNDS  20000

static int
setup(void **state)
{
	(void)state;
	event_slots_init();
	return 0;
}

static void
small_ones_lie_side_by_side(void **state)
{
	char *a = event_slots_malloc(EVENT_SLOT_BYTES);
	char *b = event_slots_malloc(1);
	char *c = event_slots_malloc(EVENT_SLOT_BYTES + 1);

	(void)state;
	assert_true(event_slots_has(a));
	assert_true(event_slots_has(b));
	assert_int_equal(labs(b - a), EVENT_SLOT_BYTES);
	assert_int_equal((uintptr_t)a % EVENT_SLOT_BYTES, 0);
	assert_non_null(c);
	assert_false(event_slots_has(c));
	event_slots_free(a);
	/* One that was given back is the next. */
	assert_ptr_equal(event_slots_malloc(2), a);
	event_slots_free(a);
	event_slots_free(b);
	event_slots_free(c);
	event_slots_free(NULL);
}

static void
what_grows_moves_out_whole(void **state)
{
	char *a = event_slots_realloc(NULL, 8), *b;

	(void)state;
	assert_non_null(a);
	event_slots_free(a);
	a = event_slots_malloc(8);
	memcpy(a, "1234567", 8);
	assert_ptr_equal(event_slots_realloc(a, EVENT_SLOT_BYTES), a);
	b = event_slots_realloc(a, 1000);
	assert_false(event_slots_has(b));
	assert_string_equal(b, "1234567");
	b = event_slots_realloc(b, 8);
	assert_string_equal(b, "1234567");
	event_slots_free(b);
}

static void
malloc_has_what_does_not_fit(void **state)
{
	void **all = calloc(EVENT_SLOTS_MAX + 1, sizeof(*all));
	size_t num = 0;

	(void)state;
	assert_non_null(all);
	do {
		all[num] = event_slots_malloc(EVENT_SLOT_BYTES);
		assert_non_null(all[num]);
		memset(all[num], 0xff, EVENT_SLOT_BYTES);
	} while (event_slots_has(all[num++]));
	assert_in_range(num, EVENT_SLOTS_MAX / 2, EVENT_SLOTS_MAX + 1);
	while (num > 0)
		event_slots_free(all[--num]);
	free(all);
}

static void *
take_and_give_back(void *arg)
{
	for (uintptr_t i = 0; i < ROUNDS; i++) {
		uintptr_t *p = event_slots_malloc(sizeof(*p));
		uintptr_t mine = (uintptr_t)arg + i;

		*p = mine;
		if (*p != mine)
			return arg;
		event_slots_free(p);
	}
	return NULL;
}

static void
no_two_threads_have_the_same(void **state)
{
	pthread_t t[THREADS];
	void *bad;

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, take_and_give_back,
				     (void *)((i + 1) << 32)),
		    0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
}

static void
nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* What libevent keeps of a descriptor is of the size that is kept here. */
static void
libevent_uses_it(void **state)
{
	struct event_base *base = event_base_new();
	char *a = event_slots_malloc(1), *b;
	struct event *ev;
	int fds[2];

	(void)state;
	event_slots_free(a);
	assert_int_equal(pipe(fds), 0);
	ev = event_new(base, fds[0], EV_READ, nothing, NULL);
	assert_int_equal(event_add(ev, NULL), 0);
	b = event_slots_malloc(1);
	assert_ptr_not_equal(a, b);
	event_slots_free(b);
	event_free(ev);
	event_base_free(base);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(small_ones_lie_side_by_side),
	    cmocka_unit_test(what_grows_moves_out_whole),
	    cmocka_unit_test(libevent_uses_it),
	    cmocka_unit_test(no_two_threads_have_the_same),
	    cmocka_unit_test(malloc_has_what_does_not_fit),
	};

	return cmocka_run_group_tests_name("event_slots", tests, setup, NULL);
}
