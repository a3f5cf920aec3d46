/*
 * archive_news: what the archive tells its watcher, and what it tries again
 * without being asked.
 */
#include "tests/unit/archive_help.h"

static void
test_changed_is_told_for_other_bytes_only(void **state)
{
	struct world w;

	/* Without validators every answer is a whole one. */
	world_init(&w, "/one file=/dev/null");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(atomic_load(&w.num_changed), 1);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	atomic_fetch_add(&w.now, 10);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(held_number(&w, "a"), 6);
	assert_int_equal(atomic_load(&w.num_changed), 2);
	world_cleanup(&w);
}

/*
 * What the budget drops and a question brings back is no news, however often,
 * or else it would be asked about for ever; after a flush it is.
 */
static void
test_what_comes_back_is_no_news(void **state)
{
	uint64_t one;
	struct world w;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	one = stats(&w).bytes;
	world_close(&w);
	atomic_store(&w.num_changed, 0);
	w.options.memory_bytes = one + one / 2;
	world_open(&w);
	for (int i = 0; i < 3; i++) {
		ask_ok(&w, "a", "/a.crl", false);
		ask_ok(&w, "b", "/a.crl", false);
		assert_int_equal(held_number(&w, "a"), -1);
	}
	assert_int_equal(stats(&w).evictions, 5);
	assert_int_equal(atomic_load(&w.num_changed), 2);
	assert_int_equal(archive_flush(w.archive, NULL), 0);
	ask_ok(&w, "b", "/a.crl", false);
	assert_int_equal(atomic_load(&w.num_changed), 3);
	world_cleanup(&w);
}

/* What a question lacked is got and told without a further question. */
static void
test_what_was_lacked_is_tried_again(void **state)
{
	struct world w;

	world_init(&w, NULL);
	w.options.clock = (struct wall_clock){0};
	w.options.min_refresh_sec = 3600; /* what is held is not asked for */
	world_open(&w);
	ask_fails(&w, "a", "/lacked.crl", EVIDENCE_FAIL_HTTP);
	hits_await(&w.http, 3, "/lacked.crl");
	assert_int_equal(atomic_load(&w.num_changed), 0);
	world_crl(&w, "lacked.crl", &(struct crlmake){.number = 5});
	for (int i = 0; i < 3000 && atomic_load(&w.num_changed) == 0; i++)
		wait_ms(10);
	assert_int_equal(atomic_load(&w.num_changed), 1);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(stats(&w).refreshes, 0);
	world_cleanup(&w);
}

/* Time that is lost between two looks at the clock, as on a busy machine. */
static atomic_ullong lost_ms;
static atomic_uint lose_ms;

uint64_t __real_clock_mono_ms(void);
uint64_t __wrap_clock_mono_ms(void);
uint64_t
__wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() +
	    atomic_fetch_add(&lost_ms, atomic_load(&lose_ms));
}

/* Longer than a source is left alone: it is asked again all the same. */
static void
test_lost_time_loses_no_source(void **state)
{
	struct world w;

	world_init(&w, NULL);
	w.options.clock = (struct wall_clock){0};
	world_open(&w);
	atomic_store(&lose_ms, w.options.retry_max_ms + 50);
	ask_fails(&w, "a", "/lost.crl", EVIDENCE_FAIL_HTTP);
	hits_await(&w.http, 2, "/lost.crl");
	atomic_store(&lose_ms, 0);
	world_cleanup(&w);
}

/* Flushed, failed, and come back as it was: those who lacked it hear. */
static void
test_the_same_is_news_to_who_lacked_it(void **state)
{
	uint64_t one;
	struct world w;

	world_init(&w, NULL);
	w.options.clock = (struct wall_clock){0};
	/* What is in flight is not evicted: "b" must not be, when "a" comes. */
	w.options.min_refresh_sec = 3600;
	world_crl(&w, "a.crl",
	    &(struct crlmake){.number = 5, .next_update = "20990101000000Z"});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	one = stats(&w).bytes;
	world_close(&w);
	w.options.memory_bytes = one + one / 2;
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	ask_ok(&w, "b", "/a.crl", false);
	control(&w.http, "/_script", "/a.crl 500");
	ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_HTTP);
	atomic_store(&w.num_changed, 0);
	control(&w.http, "/_script", "/a.crl origin");
	for (int i = 0; i < 3000 && atomic_load(&w.num_changed) == 0; i++)
		wait_ms(10);
	assert_int_equal(atomic_load(&w.num_changed), 1);
	assert_int_equal(held_number(&w, "a"), 5);
	world_cleanup(&w);
}

/* Where it may be fetched from now what could not be before: at once. */
static void
test_other_addresses_are_tried_without_a_question(void **state)
{
	static const char *const none[] = {NULL};
	const char *const *allow;
	struct err err = {0};
	struct world w;

	world_init(&w, NULL);
	w.options.clock = (struct wall_clock){0};
	w.options.retry_first_ms = w.options.retry_max_ms = 3600000;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	allow = w.options.allow_addresses;
	w.options.allow_addresses = none;
	w.options.refuse_private = true;
	world_open(&w);
	ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_REFUSED);
	w.options.allow_addresses = allow;
	assert_int_equal(archive_set_addresses(w.archive, &w.options, &err), 0);
	for (int i = 0; i < 3000 && atomic_load(&w.num_changed) == 0; i++)
		wait_ms(10);
	assert_int_equal(atomic_load(&w.num_changed), 1);
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_changed_is_told_for_other_bytes_only),
	    cmocka_unit_test(test_what_comes_back_is_no_news),
	    cmocka_unit_test(test_what_was_lacked_is_tried_again),
	    cmocka_unit_test(test_lost_time_loses_no_source),
	    cmocka_unit_test(test_the_same_is_news_to_who_lacked_it),
	    cmocka_unit_test(test_other_addresses_are_tried_without_a_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
