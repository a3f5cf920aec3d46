/*
 * link: what a beat means, with an engine that says what the test wants, when
 * it wants. (The real one is in net/fleet/link.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "gateway/fleet/link.h"

/* The engine: one question and one watch at a time. */

struct engine {
	int opened;
};

static struct engine engine;
static engine_done_fn *asked;
static void *asked_arg;
static bool listing;
static struct engine_watch_calls watch;
static int64_t watched_from, listed_at;
static char listed_after[64];
static unsigned listed_limit;

int
engine_endpoint_check(const char *endpoint, struct err *err)
{
	return 0;
}

int
engine_open(
    struct engine **out, const struct engine_options *o, struct err *err)
{
	engine.opened++;
	*out = &engine;
	return 0;
}

void
engine_close(struct engine *e)
{
	asked = NULL;
	watch.arg = NULL;
}

static void
ask(engine_done_fn *done, void *arg, bool list)
{
	assert_null(asked);
	asked = done;
	asked_arg = arg;
	listing = list;
}

void
engine_txn(struct engine *e, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op,
    unsigned timeout_ms, engine_done_fn *done, void *arg)
{
	ask(done, arg, false);
}

void
engine_list(struct engine *e, const char *below, const char *after,
    int64_t revision, unsigned limit, engine_done_fn *done, void *arg)
{
	snprintf(listed_after, sizeof(listed_after), "%s",
	    after != NULL ? after : "");
	listed_at = revision;
	listed_limit = limit;
	ask(done, arg, true);
}

void
engine_watch(struct engine *e, int64_t from_revision,
    const struct engine_watch_calls *calls)
{
	watch = *calls;
	watched_from = from_revision;
}

/* Of no use here. */
void
engine_get(struct engine *e, const char *key, bool linearizable,
    engine_done_fn *done, void *arg)
{
}

void
engine_lease(
    struct engine *e, unsigned ttl_sec, engine_done_fn *done, void *arg)
{
}

void
engine_keepalive(
    struct engine *e, int64_t lease, engine_done_fn *done, void *arg)
{
}

void
engine_revoke(struct engine *e, int64_t lease, engine_done_fn *done, void *arg)
{
}

/* The machine. */

static struct event_base *base;
static struct fleet_link *link_;
static enum fleet_link_state state_now;
static int downs, loads, begun;

static void
on_loading(void *arg)
{
	begun++;
}

static void
on_records(void *arg, const struct fleet_kv *kv, size_t num, bool whole)
{
}

static void
on_loaded(void *arg, int64_t revision)
{
	loads++;
}

static void
on_state(void *arg, enum fleet_link_state state, const char *why)
{
	state_now = state;
	downs += state == FLEET_LINK_DOWN;
}

/* Turns until something was asked, or the watch is made. */
static void
turn_to(bool list)
{
	while (asked == NULL)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(listing, list);
}

/* Answers what was asked: revision of the store, of `head`; `fleet`'s bytes. */
static void
answer(int64_t revision, int64_t head, const char *fleet)
{
	struct fleet_kv kv[2] = {{.key = "fleet",
				     .value = (const uint8_t *)fleet,
				     .len = strlen(fleet),
				     .revision = 2,
				     .create_revision = 2},
	    {.key = "head",
		.value = (const uint8_t *)"",
		.revision = head,
		.create_revision = 3}};
	struct engine_answer a = {.result = ENGINE_DONE,
	    .revision = revision,
	    .kv = kv,
	    .num = head > 0 ? 2 : 1,
	    .why = ""};
	engine_done_fn *done = asked;

	asked = NULL;
	done(asked_arg, &a);
}

/* A page of more. */
static void
answer_page(const char *last)
{
	struct engine_answer a = {.result = ENGINE_DONE,
	    .revision = 5,
	    .more = true,
	    .last = last,
	    .why = ""};
	engine_done_fn *done = asked;

	asked = NULL;
	done(asked_arg, &a);
}

static void
fail_it(void)
{
	struct engine_answer a = {.result = ENGINE_UNKNOWN, .why = "no answer"};
	engine_done_fn *done = asked;

	asked = NULL;
	done(asked_arg, &a);
}

/* The watch tells of a change of `head`. */
static void
tell(int64_t revision)
{
	struct fleet_kv kv = {.key = "head",
	    .value = (const uint8_t *)"",
	    .revision = revision,
	    .create_revision = 3};

	assert_non_null(watch.arg);
	watch.events(watch.arg, &kv, 1, revision, 0);
}

/* At revision 5, where `head` was changed last, and followed from there. */
static int
begin(void **state)
{
	static const char *const urls[] = {"https://a:1", "https://b:1", NULL};
	struct fleet_link_options o = {.name = "eu",
	    .endpoints = urls,
	    .heartbeat_ms = 1,
	    .request_timeout_ms = 60000};
	struct fleet_link_calls calls = {
	    NULL, on_loading, on_records, on_loaded, on_state};
	struct err err;

	base = o.base = event_base_new();
	engine.opened = downs = loads = begun = 0;
	assert_int_equal(fleet_link_new(&link_, &o, &calls, &err), 0);
	turn_to(false);
	answer(5, 5, "one");
	turn_to(true);
	answer(5, 5, "one");
	assert_int_equal(watched_from, 6);
	watch.created(watch.arg, 5);
	assert_int_equal(state_now, FLEET_LINK_UP);
	assert_int_equal(loads, 1);
	turn_to(false);
	return 0;
}

static int
end(void **state)
{
	fleet_link_free(link_);
	event_base_free(base);
	return 0;
}

/* Each beat is ahead of the watch, which comes after: both are alive. */
static void
watch_comes_after(void **state)
{
	for (int64_t r = 6; r < 20; r++) {
		answer(r, r, "one");
		tell(r);
		turn_to(false);
	}
	assert_int_equal(downs, 0);
	assert_int_equal(engine.opened, 1);
}

/* What the watch told meanwhile, the answer does not know yet. */
static void
watch_comes_first(void **state)
{
	for (int64_t r = 6; r < 20; r++) {
		tell(r);
		answer(r - 1, r - 1, "one");
		turn_to(false);
	}
	assert_int_equal(downs, 0);
	assert_int_equal(engine.opened, 1);
}

/* It is not told by the next beat: somewhere else, from where it was. */
static void
watch_is_silent(void **state)
{
	answer(6, 6, "one");
	assert_int_equal(downs, 0);
	turn_to(false);
	answer(7, 7, "one");
	assert_int_equal(downs, 1);
	turn_to(false);
	answer(7, 7, "one");
	assert_int_equal(watched_from, 6);
	assert_int_equal(engine.opened, 2);
	/* There it is told. */
	watch.created(watch.arg, 7);
	tell(6);
	tell(7);
	turn_to(false);
	answer(7, 7, "one");
	turn_to(false);
	assert_int_equal(loads, 1);
	/* And once more, and there it is not: all of it is read. */
	answer(8, 8, "one");
	turn_to(false);
	answer(8, 8, "one");
	turn_to(false);
	answer(8, 8, "one");
	watch.created(watch.arg, 8);
	turn_to(false);
	answer(8, 8, "one");
	turn_to(false);
	answer(8, 8, "one");
	turn_to(false);
	answer(8, 8, "one");
	turn_to(true);
	answer(8, 8, "one");
	assert_int_equal(watched_from, 9);
	assert_int_equal(loads, 2);
}

/* Two beats in silence, and not one. */
static void
no_answer(void **state)
{
	fail_it();
	assert_int_equal(downs, 0);
	turn_to(false);
	answer(5, 5, "one");
	turn_to(false);
	fail_it();
	turn_to(false);
	fail_it();
	assert_int_equal(downs, 1);
	turn_to(false);
	answer(5, 5, "one");
	assert_int_equal(watched_from, 6);
	assert_int_equal(loads, 1);
}

/* A store that has forgotten is another one, at once. */
static void
store_goes_back(void **state)
{
	static const struct {
		int64_t revision, head;
		const char *fleet;
	} rows[] = {{4, 4, "one"}, {4, 5, "one"}, {9, 4, "one"}, {9, 0, "one"},
	    {5, 5, "two"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(rows[i].revision, rows[i].head, rows[i].fleet);
		assert_int_equal(downs, i + 1);
		turn_to(false);
		answer(5, 5, "one");
		turn_to(true);
		answer(5, 5, "one");
		assert_int_equal(loads, i + 2);
		watch.created(watch.arg, 5);
		turn_to(false);
		answer(5, 5, "one");
		turn_to(false);
	}
}

static uint64_t
pause_ms(void)
{
	struct fleet_link_stats s;

	fleet_link_stats(link_, &s);
	return s.pause_ms;
}

/* An engine that answers reads and spoils watches: ever longer pauses,
 * whichever end a watch comes to, until a beat has agreed. */
static void
spoiled_watches(void **state)
{
	static const enum engine_result ends[] = {
	    ENGINE_UNKNOWN, ENGINE_COMPACTED};

	for (size_t i = 0; i < 2; i++) {
		answer(5, 5, "one");
		turn_to(false);
		for (uint64_t ms = 100; ms < 1000; ms *= 2) {
			watch.ended(watch.arg, ends[i], "spoiled");
			assert_in_range(pause_ms(), ms * 8 / 10, ms * 12 / 10);
			turn_to(false);
			answer(5, 5, "one");
			if (ends[i] == ENGINE_COMPACTED) {
				turn_to(true);
				answer(5, 5, "one");
			}
			watch.created(watch.arg, 5);
			assert_int_equal(state_now, FLEET_LINK_UP);
			turn_to(false);
		}
	}
}

/* It is read anew, and the connection ends behind a page. */
static void
break_a_reading(void)
{
	fleet_link_read_anew(link_, "for a test");
	turn_to(false);
	answer(5, 5, "one");
	turn_to(true);
	assert_string_equal(listed_after, "");
	answer_page("deny/k");
	turn_to(true);
	assert_string_equal(listed_after, "deny/k");
	fail_it();
	assert_int_equal(state_now, FLEET_LINK_DOWN);
	turn_to(false);
}

static void
a_reading_goes_on(void **state)
{
	unsigned limit;

	break_a_reading();
	limit = listed_limit;
	/* Somebody has written: that comes by the watch. */
	answer(7, 7, "one");
	turn_to(true);
	assert_string_equal(listed_after, "deny/k");
	assert_int_equal(listed_at, 5);
	assert_true(listed_limit < limit);
	assert_int_equal(begun, 2);
	assert_int_equal(loads, 1);
	answer(7, 7, "one");
	assert_int_equal(loads, 2);
	assert_int_equal(watched_from, 6);
}

/* Not at a store that is another, or behind. */
static void
a_reading_begins_anew(void **state)
{
	static const struct {
		int64_t revision, head;
		const char *fleet;
	} rows[] = {{4, 4, "one"}, {9, 4, "one"}, {9, 9, "two"}, {9, 0, "one"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		break_a_reading();
		answer(rows[i].revision, rows[i].head, rows[i].fleet);
		turn_to(true);
		assert_string_equal(listed_after, "");
		assert_int_equal(begun, 3);
		end(state);
		begin(state);
	}
	/* Nor where somebody says that it is to be read anew. */
	break_a_reading();
	fleet_link_read_anew(link_, "for a test");
	turn_to(false);
	answer(5, 5, "one");
	turn_to(true);
	assert_string_equal(listed_after, "");
}

/* Of ten thousand who lose an engine not all come back at once. */
static void
many_come_back_one_by_one(void **state)
{
	uint64_t most = 0;

	for (int i = 0; i < 8; i++) {
		fleet_link_set_members(link_, 10000);
		watch.ended(watch.arg, ENGINE_UNKNOWN, "cut");
		assert_in_range(pause_ms(), 80, 120 + 10000);
		most = pause_ms() > most ? pause_ms() : most;
		end(state);
		begin(state);
	}
	assert_true(most > 120);
}

/* Found out where it is joined again. */
static void
another_store(void **state)
{
	watch.ended(watch.arg, ENGINE_UNKNOWN, "cut");
	turn_to(false);
	answer(9, 9, "two");
	turn_to(true);
	answer(9, 9, "two");
	assert_int_equal(watched_from, 10);
	assert_int_equal(loads, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(watch_comes_after, begin, end),
	    cmocka_unit_test_setup_teardown(watch_comes_first, begin, end),
	    cmocka_unit_test_setup_teardown(watch_is_silent, begin, end),
	    cmocka_unit_test_setup_teardown(no_answer, begin, end),
	    cmocka_unit_test_setup_teardown(store_goes_back, begin, end),
	    cmocka_unit_test_setup_teardown(another_store, begin, end),
	    cmocka_unit_test_setup_teardown(a_reading_goes_on, begin, end),
	    cmocka_unit_test_setup_teardown(a_reading_begins_anew, begin, end),
	    cmocka_unit_test_setup_teardown(
		many_come_back_one_by_one, begin, end),
	    cmocka_unit_test_setup_teardown(spoiled_watches, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
