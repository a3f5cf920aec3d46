/*
 * documents: which of the documents of a source are held, and whose silence is
 * below the floor. Rows of arrivals against what is held after each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cache/evidence/documents.h"

#define NOW  1000000
#define HOUR 3600

/* One arrival: scope a letter, number, dates in hours from now. */
struct arrival {
	char scope;
	uint8_t number; /* 0: none */
	int from, until;
	enum documents_change change;
	/* Held afterwards, "a5 b1"; in brackets where below the floor. */
	const char *held;
	bool passing;
};

static struct evidence *
document(const struct arrival *a, unsigned nth)
{
	uint8_t der[8] = {(uint8_t)a->scope, a->number, (uint8_t)a->from,
	    (uint8_t)a->until, (uint8_t)nth};
	struct evidence *e = evidence_new_ocsp(
	    span_of(der, sizeof(der)), ORIGIN_NETWORK, "", NOW);

	assert_non_null(e);
	memset(e->scope, a->scope, sizeof(e->scope));
	if (a->number != 0)
		evidence_set_number(e, span_of(&a->number, 1));
	e->this_update = NOW + a->from * HOUR;
	e->next_update = NOW + a->until * HOUR;
	e->passing = a->passing;
	e->described = true;
	return e;
}

static void
show(char *out, size_t cap, const struct documents *d)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; d != NULL && i < d->num; i++) {
		const struct evidence *e = d->v[i];
		bool below = documents_below_floor(d, e, NOW, 0);

		len += (size_t)snprintf(out + len, cap - len, "%s%s%c%d%s",
		    i > 0 ? " " : "", below ? "(" : "", e->scope[0],
		    e->number.len > 0 ? e->number.p[0] : 0, below ? ")" : "");
	}
}

static void
play(const char *name, const struct arrival *rows)
{
	struct documents *held = NULL, *next;
	enum documents_change c;
	char text[256];

	for (unsigned i = 0; rows[i].scope != '\0'; i++) {
		struct evidence *e = document(&rows[i], i);

		c = documents_with(&next, held, e, NOW, 0);
		documents_free(held);
		held = next;
		evidence_free(e);
		show(text, sizeof(text), held);
		if (c != rows[i].change || strcmp(text, rows[i].held) != 0)
			fail_msg("%s, %u: %d, held '%s', not %d, '%s'", name, i,
			    (int)c, text, (int)rows[i].change, rows[i].held);
	}
	documents_free(held);
}

static void
test_newer_takes_the_place_in_its_scope(void **state)
{
	play("newer",
	    (const struct arrival[]){
		{'a', 5, -2, 2, DOCUMENTS_KEPT, "a5", false},
		{'a', 6, -1, 2, DOCUMENTS_KEPT, "a6", false},
		{'b', 1, -9, 2, DOCUMENTS_KEPT, "a6 b1", false},
		{'a', 6, 0, 2, DOCUMENTS_KEPT, "b1 a6", false},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
	play("no numbers",
	    (const struct arrival[]){
		{'a', 0, -2, 2, DOCUMENTS_KEPT, "a0", false},
		{'a', 0, -3, 2, DOCUMENTS_OLDER, "a0", false},
		{'a', 0, -1, 2, DOCUMENTS_KEPT, "a0", false},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
}

static void
test_older_waits_until_the_newest_is_out_of_date(void **state)
{
	play("in date",
	    (const struct arrival[]){
		{'a', 9, -2, 2, DOCUMENTS_KEPT, "a9", false},
		{'a', 5, -1, 2, DOCUMENTS_OLDER, "a9", false},
		{'b', 5, -1, 2, DOCUMENTS_KEPT, "a9 b5", false},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
	play("out of date",
	    (const struct arrival[]){
		{'a', 9, -5, -1, DOCUMENTS_KEPT, "a9", false},
		/* Out of date itself: no better. */
		{'a', 4, -5, -1, DOCUMENTS_OLDER, "a9", false},
		{'a', 1, -1, 2, DOCUMENTS_RESTARTED, "a9 a1", false},
		{'a', 2, 0, 2, DOCUMENTS_KEPT, "a9 a2", false},
		/* Below what is in date by now. */
		{'a', 1, 0, 3, DOCUMENTS_OLDER, "a9 a2", false},
		{'a', 10, 0, 2, DOCUMENTS_KEPT, "a10", false},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
}

static void
test_out_of_date_does_not_push_out_what_is_in_date(void **state)
{
	play("newer, out of date",
	    (const struct arrival[]){
		{'a', 5, -5, 2, DOCUMENTS_KEPT, "a5", false},
		{'a', 9, -4, -1, DOCUMENTS_KEPT, "a5 a9", false},
		{'a', 4, -4, 2, DOCUMENTS_OLDER, "a5 a9", false},
		{'a', 10, -4, -1, DOCUMENTS_KEPT, "a5 a10", false},
		{'a', 6, -4, 2, DOCUMENTS_KEPT, "a10 a6", false},
		{'a', 11, -4, 2, DOCUMENTS_KEPT, "a11", false},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
}

static void
test_what_is_early_or_no_answer_does_not_stay(void **state)
{
	play("early",
	    (const struct arrival[]){
		{'a', 5, -2, 2, DOCUMENTS_KEPT, "a5", false},
		{'a', 6, 1, 9, DOCUMENTS_EARLY, "a5", false},
		/* Alone in its scope it may list. */
		{'b', 6, 1, 9, DOCUMENTS_KEPT, "a5 b6", false},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
	play("passing",
	    (const struct arrival[]){
		{'a', 0, -2, 2, DOCUMENTS_PASSED, "", true},
		{'a', 5, -2, 2, DOCUMENTS_KEPT, "a5", false},
		{'a', 6, -1, 2, DOCUMENTS_PASSED, "a5", true},
		{'\0', 0, 0, 0, 0, NULL, false},
	    });
}

/* Eight scopes fill it: what never answered makes room, not what did. */
static void
test_room_for_so_many_scopes(void **state)
{
	struct documents *held = NULL, *next;
	struct arrival a = {'a', 1, -1, 2, DOCUMENTS_KEPT, NULL, false};
	struct evidence *e;

	for (unsigned i = 0; i < DOCUMENTS_MAX; i++) {
		a.scope = (char)('a' + i);
		e = document(&a, i);
		atomic_store(&e->answered, i != 3);
		assert_int_equal(
		    documents_with(&next, held, e, NOW, 0), DOCUMENTS_KEPT);
		documents_free(held);
		held = next;
		evidence_free(e);
	}
	a.scope = 'z';
	e = document(&a, 99);
	/* No better than the least of them. */
	assert_int_equal(
	    documents_with(&next, held, e, NOW, 0), DOCUMENTS_PASSED);
	documents_free(next);
	atomic_store(&e->answered, true);
	assert_int_equal(
	    documents_with(&next, held, e, NOW, 0), DOCUMENTS_KEPT);
	assert_int_equal(next->num, DOCUMENTS_MAX);
	for (size_t i = 0; i < next->num; i++)
		assert_int_not_equal(next->v[i]->scope[0], 'd');
	assert_int_equal(
	    next->cost_bytes, DOCUMENTS_MAX * held->v[0]->cost_bytes);
	documents_free(next);
	evidence_free(e);
	documents_free(held);
}

static void
test_the_same_bytes_are_held_once(void **state)
{
	struct arrival a = {'a', 1, -1, 2, DOCUMENTS_KEPT, NULL, false};
	struct evidence *one = document(&a, 1), *again = document(&a, 1);
	struct documents *held, *next;

	assert_int_equal(
	    documents_with(&held, NULL, one, NOW, 0), DOCUMENTS_KEPT);
	assert_int_equal(
	    documents_with(&next, held, again, NOW, 0), DOCUMENTS_SAME);
	assert_ptr_equal(next, held);
	assert_ptr_equal(documents_same(held, again), one);
	documents_free(next);
	documents_free(held);
	evidence_free(again);
	evidence_free(one);
}

/* A floor that outlived its document voids silence until its date ends. */
static void
test_a_floor_seen_before(void **state)
{
	struct arrival a = {'a', 1, -1, 2, DOCUMENTS_KEPT, NULL, false};
	struct evidence *e = document(&a, 1);

	assert_false(documents_below_floor(NULL, e, NOW, 0));
	e->below_floor_until = NOW;
	assert_true(documents_below_floor(NULL, e, NOW, 0));
	assert_false(documents_below_floor(NULL, e, NOW + 1, 0));
	assert_true(documents_below_floor(NULL, e, NOW + 1, 1));
	evidence_free(e);
}

static unsigned num_freed;

static void
note_free(void *p)
{
	num_freed += *(unsigned *)p;
}

static void
test_notes_are_kept_once_a_context(void **state)
{
	struct arrival a = {'a', 1, -1, 2, DOCUMENTS_KEPT, NULL, false};
	struct evidence *e = document(&a, 1);
	static unsigned one = 1, ten = 10, many[EVIDENCE_NOTES_MAX];
	struct evidence_key k = {{0}}, other = {{1}};

	num_freed = 0;
	assert_null(evidence_note_get0(e, &k));
	assert_ptr_equal(evidence_note_put0(e, &k, &one, note_free), &one);
	assert_null(evidence_note_get0(e, &other));
	/* The first stays; what came second is freed. */
	assert_ptr_equal(evidence_note_put0(e, &k, &ten, note_free), &one);
	assert_int_equal(num_freed, 10);
	assert_ptr_equal(evidence_note_get0(e, &k), &one);
	for (unsigned i = 1; i < EVIDENCE_NOTES_MAX; i++) {
		k.id[1] = (uint8_t)i;
		assert_ptr_equal(
		    evidence_note_put0(e, &k, &many[i], note_free), &many[i]);
	}
	k.id[2] = 1;
	assert_null(evidence_note_put0(e, &k, &ten, note_free));
	assert_int_equal(num_freed, 10);
	evidence_free(e);
	assert_int_equal(num_freed, 11);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_newer_takes_the_place_in_its_scope),
	    cmocka_unit_test(test_older_waits_until_the_newest_is_out_of_date),
	    cmocka_unit_test(
		test_out_of_date_does_not_push_out_what_is_in_date),
	    cmocka_unit_test(test_what_is_early_or_no_answer_does_not_stay),
	    cmocka_unit_test(test_room_for_so_many_scopes),
	    cmocka_unit_test(test_the_same_bytes_are_held_once),
	    cmocka_unit_test(test_a_floor_seen_before),
	    cmocka_unit_test(test_notes_are_kept_once_a_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
