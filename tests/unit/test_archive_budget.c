/*
 * archive_budget: what of memory's evidence goes when there is too much of it,
 * and what is held all the same.
 */
#include "tests/unit/archive_help.h"

/* 64 KiB for evidence, and a CRL to fill them with. */
static void
budget_open(struct world *w)
{
	world_init(w, NULL);
	w->options.memory_bytes = 64 * 1024;
	world_crl(w, "a.crl", &(struct crlmake){.number = 5});
	world_open(w);
}

/* One CA that floods cannot push out another's. */
static void
test_eviction_is_the_owners_affair(void **state)
{
	struct archive_stats s;
	struct world w;
	char key[32];

	budget_open(&w);
	ask_ok(&w, "small", "/a.crl", false);
	w.owner[0] = 1;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "flood%d", i);
		ask_ok(&w, key, "/a.crl", false);
		s = stats(&w);
		assert_true(s.bytes <= 64 * 1024);
	}
	assert_true(s.evictions > 20);
	assert_true(s.entries < 80);
	assert_int_equal(held_number(&w, "small"), 5);
	assert_int_equal(held_number(&w, "flood99"), 5);
	assert_int_equal(held_number(&w, "flood0"), -1);
	world_cleanup(&w);
}

/* What is asked for stays, what nobody asks for goes. */
static void
test_eviction_spares_what_is_asked_for(void **state)
{
	struct world w;
	char key[32];

	budget_open(&w);
	ask_ok(&w, "wanted", "/a.crl", false);
	for (int i = 0; i < 150; i++) {
		snprintf(key, sizeof(key), "other%d", i);
		ask_ok(&w, key, "/a.crl", false);
		assert_int_equal(held_number(&w, "wanted"), 5);
	}
	assert_true(stats(&w).evictions > 50);
	world_cleanup(&w);
}

/* What does not fit alone is told of and not kept, by one byte. */
static void
test_budget_to_the_byte(void **state)
{
	uint64_t all = 0;
	struct world w;

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	for (int less = -1; less < 2; less++) {
		if (less >= 0)
			w.options.memory_bytes = all - (uint64_t)less;
		world_open(&w);
		ask_ok(&w, "a", "/a.crl", false);
		if (less < 0)
			all = stats(&w).bytes;
		else
			assert_true(stats(&w).bytes <= w.options.memory_bytes);
		assert_int_equal(held_number(&w, "a"), less < 1 ? 5 : -1);
		assert_int_equal(stats(&w).evictions, less == 1);
		world_close(&w);
	}
	assert_int_equal(world_logged(&w, "do not fit"), 1);
	world_cleanup(&w);
}

/* What "not modified" was said of is gone by then: asked for whole. */
static void
test_not_modified_after_a_flush(void **state)
{
	struct evidence_key k = key_named("a");
	struct asking q = {.want_newer = true};
	struct world w;
	char url[128];
	const char *urls[] = {url};

	world_init(&w, "/a.crl origin ; gate=g ; origin");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	atomic_fetch_add(&w.now, 10);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	asking_start(&q, &w, "a", urls, 1);
	hits_await(&w.http, 2, "/a.crl");
	assert_int_equal(archive_flush(w.archive, &k), 0);
	assert_int_equal(held_number(&w, "a"), -1);
	control(&w.http, "/_release/g", NULL);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	assert_int_equal(hits(&w.http, "/a.crl"), 3);
	assert_int_equal(stats(&w).fetches_304, 0);
	assert_int_equal(held_number(&w, "a"), 5);
	world_cleanup(&w);
}

/* While a fetch hangs, its CA's other evidence fills the budget. */
static void
test_eviction_spares_what_is_in_flight(void **state)
{
	struct asking first = {0}, again = {.want_newer = true};
	struct world w;
	char key[32], url[2][128];
	const char *urls[2][1] = {{url[0]}, {url[1]}};

	world_init(&w, "/held.crl origin ; gate=g\n/new.crl gate=g");
	w.options.memory_bytes = 64 * 1024;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_crl(&w, "held.crl", &(struct crlmake){.number = 6});
	world_crl(&w, "new.crl", &(struct crlmake){.number = 7});
	world_open(&w);
	ask_ok(&w, "held", "/held.crl", false);
	atomic_fetch_add(&w.now, 10);
	snprintf(url[0], 128, "http://127.0.0.1:%d/held.crl", w.http.port);
	snprintf(url[1], 128, "http://127.0.0.1:%d/new.crl", w.http.port);
	asking_start(&again, &w, "held", urls[0], 1);
	asking_start(&first, &w, "new", urls[1], 1);
	hits_await(&w.http, 2, "/held.crl");
	hits_await(&w.http, 1, "/new.crl");
	for (int i = 0; i < 150; i++) {
		snprintf(key, sizeof(key), "other%d", i);
		ask_ok(&w, key, "/a.crl", false);
	}
	assert_true(stats(&w).evictions > 50);
	control(&w.http, "/_release/g", NULL);
	asking_wait(&again);
	asking_wait(&first);
	assert_non_null(again.got.e);
	assert_non_null(first.got.e);
	evidence_free(again.got.e);
	evidence_free(first.got.e);
	/* The one it was for is the last to have to go. */
	assert_int_equal(held_number(&w, "new"), 7);
	assert_int_equal(held_number(&w, "held"), 6);
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_eviction_is_the_owners_affair),
	    cmocka_unit_test(test_eviction_spares_what_is_asked_for),
	    cmocka_unit_test(test_budget_to_the_byte),
	    cmocka_unit_test(test_not_modified_after_a_flush),
	    cmocka_unit_test(test_eviction_spares_what_is_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
