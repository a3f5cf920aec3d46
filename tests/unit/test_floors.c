/*
 * floors: what comes below the highest seen of its scope, while that is in
 * date, is marked; once it is not, it is the new floor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cache/engine/floors.h"

#define NOW  1000000
#define HOUR 3600

static const uint8_t owner[32];

struct coming {
	const char *name;
	uint8_t scope;
	const char *number; /* octets */
	int from, until;    /* hours from NOW; until 0: no nextUpdate */
	enum floor_change change;
	int below; /* hours from NOW, 0: not below */
};

static void
play(const struct coming *rows, size_t num)
{
	struct floors *f = floors_new();

	assert_non_null(f);
	for (size_t i = 0; i < num; i++) {
		const struct coming *c = &rows[i];
		struct evidence e = {.kind = EVIDENCE_CRL,
		    .scope = {c->scope},
		    .number = span_of(c->number, strlen(c->number)),
		    .this_update = NOW + c->from * HOUR,
		    .next_update = c->until != 0 ? NOW + c->until * HOUR : 0,
		    .fetched_at = NOW};
		enum floor_change got = floors_apply(f, &e, owner, NOW, 0);
		time_t below = c->below != 0 ? NOW + c->below * HOUR : 0;

		if (got != c->change || e.below_floor_until != below)
			fail_msg("%s: %d, below until %lld", c->name, (int)got,
			    (long long)e.below_floor_until);
	}
	floors_free(f);
}

static void
test_below_while_it_is_in_date(void **state)
{
	static const struct coming rows[] = {
	    {"first", 1, "\x05", -2, 2, FLOOR_RAISED, 0},
	    {"below", 1, "\x04", -1, 9, FLOOR_STAYS, 2},
	    {"another scope", 2, "\x04", -1, 9, FLOOR_RAISED, 0},
	    {"again", 1, "\x05", -2, 2, FLOOR_RAISED, 0},
	    {"higher", 1, "\x01\x01", -3, 3, FLOOR_RAISED, 0},
	    {"of one octet", 1, "\xff", -1, 9, FLOOR_STAYS, 3},
	    {"without number, later", 1, "", -1, 9, FLOOR_RAISED, 0},
	    {"without number, earlier", 1, "", -2, 9, FLOOR_STAYS, 9},
	};

	play(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_counting_anew(void **state)
{
	static const struct coming rows[] = {
	    {"out of date", 1, "\x09", -5, -1, FLOOR_RAISED, 0},
	    {"as old, lower", 1, "\x03", -5, -1, FLOOR_STAYS, 0},
	    {"in date, lower", 1, "\x01", -1, 2, FLOOR_RESTARTED, 0},
	    {"and on", 1, "\x02", 0, 2, FLOOR_RAISED, 0},
	    {"below by now", 1, "\x01", 0, 2, FLOOR_STAYS, 2},
	};

	play(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
test_dates_that_are_odd(void **state)
{
	static const struct coming rows[] = {
	    {"not valid yet", 1, "\x09", 1, 2, FLOOR_STAYS, 0},
	    {"no nextUpdate", 1, "\x05", -1, 0, FLOOR_RAISED, 0},
	    {"below for a day", 1, "\x04", -1, 9, FLOOR_STAYS, 24},
	};

	play(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Five scopes of one set: the longest unseen is forgotten, and no other. */
static void
test_a_full_set(void **state)
{
	struct floors *f = floors_new();
	struct evidence e = {.kind = EVIDENCE_CRL,
	    .number = span_of("\x05", 1),
	    .this_update = NOW,
	    .next_update = NOW + HOUR};

	for (uint8_t i = 0; i < 5; i++) {
		e.scope[31] = i;
		assert_int_equal(
		    floors_apply(f, &e, owner, NOW, 0), FLOOR_RAISED);
	}
	e.number = span_of("\x04", 1);
	for (uint8_t i = 1; i < 5; i++) {
		e.scope[31] = i;
		e.below_floor_until = 0;
		assert_int_equal(
		    floors_apply(f, &e, owner, NOW, 0), FLOOR_STAYS);
		assert_int_equal(e.below_floor_until, NOW + HOUR);
	}
	e.scope[31] = 0;
	assert_int_equal(floors_apply(f, &e, owner, NOW, 0), FLOOR_RAISED);
	floors_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_below_while_it_is_in_date),
	    cmocka_unit_test(test_counting_anew),
	    cmocka_unit_test(test_dates_that_are_odd),
	    cmocka_unit_test(test_a_full_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
