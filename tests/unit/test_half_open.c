/*
 * half_open: who gives way when there is no room for another handshake: the
 * one that has waited longest, and only if it is slow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/half_open.h"

#define AT 100000

static void
only_the_slow_give_way(void **state)
{
	struct half_open list = {0};
	struct conn slow = {.active_mono_ms = AT};
	struct conn quick = {.active_mono_ms = AT + HALF_OPEN_SLOW_MS};

	(void)state;
	assert_null(half_open_slow(&list, AT));
	half_open_add(&list, &slow);
	half_open_add(&list, &quick);
	assert_null(half_open_slow(&list, AT));
	assert_null(half_open_slow(&list, AT + HALF_OPEN_SLOW_MS - 1));
	assert_ptr_equal(half_open_slow(&list, AT + HALF_OPEN_SLOW_MS), &slow);
	/* It stays in there until its connection takes it out. */
	assert_ptr_equal(half_open_slow(&list, AT + HALF_OPEN_SLOW_MS), &slow);
	half_open_remove(&list, &slow);
	half_open_remove(&list, &slow);
	assert_null(half_open_slow(&list, AT + 2 * HALF_OPEN_SLOW_MS - 1));
	assert_ptr_equal(
	    half_open_slow(&list, AT + 2 * HALF_OPEN_SLOW_MS), &quick);
	half_open_remove(&list, &quick);
	assert_null(half_open_slow(&list, AT + 9 * HALF_OPEN_SLOW_MS));
}

/* Who is heard of again goes to the end. */
static void
oldest_first_whoever_leaves(void **state)
{
	struct half_open list = {0};
	struct conn c[4] = {0};
	uint64_t late = AT + 9 * HALF_OPEN_SLOW_MS;

	(void)state;
	for (int i = 0; i < 4; i++) {
		c[i].active_mono_ms = AT + (uint64_t)i;
		half_open_add(&list, &c[i]);
	}
	half_open_remove(&list, &c[1]);
	assert_ptr_equal(half_open_slow(&list, late), &c[0]);
	half_open_remove(&list, &c[0]);
	assert_ptr_equal(half_open_slow(&list, late), &c[2]);
	half_open_remove(&list, &c[2]);
	half_open_add(&list, &c[2]);
	assert_ptr_equal(half_open_slow(&list, late), &c[3]);
	half_open_remove(&list, &c[3]);
	assert_ptr_equal(half_open_slow(&list, late), &c[2]);
	half_open_remove(&list, &c[2]);
	assert_null(half_open_slow(&list, late));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_slow_give_way),
	    cmocka_unit_test(oldest_first_whoever_leaves),
	};

	return cmocka_run_group_tests_name("half_open", tests, NULL, NULL);
}
