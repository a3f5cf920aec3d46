/* decision_ring: what one kind of peer does erases nothing of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/observe/decision_ring.h"

static struct decision_ring *ring;

static void
add(enum decision_way way, bool allowed, const char *peer)
{
	struct decision d = {.way = way, .allowed = allowed};

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
	assert_int_equal(num_of(&all), 20);
	decision_ring_free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bare_connects_erase_nothing_else),
	};

	return cmocka_run_group_tests_name("decisions", tests, NULL, NULL);
}
