/*
 * store_rules: what is kept when there is too much of it, how long floors and
 * known revocations last, what an older version left, and loads that are
 * answered from a loop.
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
#include <event2/thread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/store/store_disk.h"
#include "tests/unit/store_help.h"

static _Atomic time_t now;

static time_t
clock_read(void *arg)
{
	(void)arg;
	return now;
}

static struct store *
store_with(uint64_t max_bytes, uint64_t max_owner_bytes, struct event_base *b)
{
	struct store_options o = {.dir = "state",
	    .max_bytes = max_bytes,
	    .max_owner_bytes = max_owner_bytes,
	    .max_ocsp_bytes = 100000,
	    .clock = {clock_read, NULL},
	    .base = b};
	struct store *s;
	struct err err;

	if (store_new(&s, &o, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

static struct store *
store_plain(void)
{
	return store_with(1 << 30, 0, NULL);
}

static int
begin(void **state)
{
	(void)state;
	now = 1000000;
	return system("rm -rf state");
}

static struct evidence_key
key_of(unsigned n)
{
	struct span part = span_of(&n, sizeof(n));

	return evidence_key_of(&part, 1);
}

/* An answer of 488 bytes counts as 1000. */
static void
save(struct store *s, unsigned n, uint8_t owner)
{
	struct store_meta m = {.key = key_of(n),
	    .kind = EVIDENCE_OCSP,
	    .owner = {owner},
	    .url = "http://x/"};
	struct evidence *e;
	char text[488];

	memset(text, 'x', sizeof(text));
	memcpy(text, &n, sizeof(n));
	e = evidence_new_ocsp(
	    span_of(text, sizeof(text)), ORIGIN_NETWORK, m.url, 1);
	assert_non_null(e);
	s->save(s, &m, e);
	evidence_free(e);
}

static bool
has(unsigned n)
{
	return kept_has("state", key_of(n));
}

static unsigned
have(unsigned from, unsigned to)
{
	unsigned num = 0;

	for (unsigned n = from; n < to; n++)
		num += has(n);
	return num;
}

/* Budgets. */

static void
the_least_used_gives_way(void **state)
{
	struct evidence_key key;
	struct store_stats x;
	struct store *s;

	(void)state;
	s = store_with(20000, 20000, NULL);
	for (unsigned n = 0; n < 20; n++) {
		now++;
		save(s, n, 1);
	}
	s->free(s);
	assert_int_equal(have(0, 20), 20);
	/* Written first, and used since. */
	s = store_with(20000, 20000, NULL);
	now += 100;
	for (unsigned n = 0; n < 5; n++) {
		key = key_of(n);
		s->touch(s, &key);
	}
	s->free(s);
	s = store_with(20000, 20000, NULL);
	now += 100;
	save(s, 20, 1);
	s->free(s);
	/* To nine tenths: 18. */
	assert_int_equal(have(0, 21), 18);
	assert_int_equal(have(0, 5), 5);
	assert_int_equal(have(5, 8), 0);
	assert_true(has(20));
	s = store_with(20000, 20000, NULL);
	now += 100;
	save(s, 21, 1);
	save(s, 22, 1);
	save(s, 23, 1);
	key = key_of(23);
	while (s->stats(s, &x), x.evictions == 0)
		usleep(1000);
	assert_int_equal(x.evictions, 3);
	assert_int_equal(x.documents, 18);
	assert_int_equal(x.bytes, 18000);
	s->free(s);
}

static void
an_issuer_pushes_out_its_own(void **state)
{
	struct store *s = store_with(20000, 20000, NULL);

	(void)state;
	for (unsigned n = 0; n < 5; n++)
		save(s, n, 1);
	s->free(s);
	s = store_with(20000, 20000, NULL);
	now += 100;
	for (unsigned n = 100; n < 200; n++)
		save(s, n, 2);
	s->free(s);
	/* Older, and of somebody who holds less. */
	assert_int_equal(have(0, 5), 5);
	assert_in_range(have(100, 200), 10, 15);
	assert_true(has(199));
}

static void
an_issuer_has_its_share_at_most(void **state)
{
	struct store *s = store_with(100000, 0, NULL);

	(void)state;
	for (unsigned n = 0; n < 60; n++)
		save(s, n, 1);
	save(s, 100, 2);
	s->free(s);
	/* Half, and then nine tenths of that. */
	assert_in_range(have(0, 60), 45, 50);
	assert_true(has(59) && has(100));
}

/* Floors and known revocations. */

static void
put(struct store *s, uint8_t scope, const char *number, size_t len, time_t at,
    bool restart)
{
	struct store_floor f = {.scope = {scope},
	    .owner = {7},
	    .number_len = len,
	    .this_update = at,
	    .next_update = at + 10,
	    .seen_at = at};

	memcpy(f.number, number, len);
	s->floor_put(s, &f, restart);
}

/* In memory now, and on the disk afterwards. */
static void
floor_is(struct store **s, uint8_t scope, const char *number, size_t len,
    time_t this_update)
{
	uint8_t id[32] = {scope};
	struct store_floor f;

	for (int again = 0; again < 2; again++) {
		assert_true((*s)->floor_get(*s, id, &f));
		assert_int_equal(f.number_len, len);
		assert_memory_equal(f.number, number, len);
		assert_int_equal(f.this_update, this_update);
		assert_int_equal(f.next_update, this_update + 10);
		assert_int_equal(f.owner[0], 7);
		if (again == 0) {
			(*s)->free(*s);
			*s = store_plain();
		}
	}
}

static void
a_floor_rises_and_does_not_sink(void **state)
{
	struct store *s = store_plain();
	uint8_t none[32] = {9};
	struct store_floor f;

	(void)state;
	assert_false(s->floor_get(s, none, &f));
	put(s, 1, "\x05", 1, 100, false);
	floor_is(&s, 1, "\x05", 1, 100);
	put(s, 1, "\x04", 1, 200, false);
	floor_is(&s, 1, "\x05", 1, 100);
	put(s, 1, "\x00\x05", 2, 300, false);
	floor_is(&s, 1, "\x05", 1, 100);
	put(s, 1, "\x01\x00", 2, 90, false);
	floor_is(&s, 1, "\x01\x00", 2, 90);
	/* The CA counts anew. */
	put(s, 1, "\x01", 1, 400, true);
	floor_is(&s, 1, "\x01", 1, 400);
	/* Without numbers, by date. */
	put(s, 2, "", 0, 100, false);
	put(s, 2, "", 0, 99, false);
	floor_is(&s, 2, "", 0, 100);
	put(s, 2, "\x01", 1, 101, false);
	floor_is(&s, 2, "\x01", 1, 101);
	/* What is flushed is evidence. */
	s->forget(s, NULL);
	floor_is(&s, 2, "\x01", 1, 101);
	s->free(s);
}

static void
known_put(struct store *s, unsigned n, uint8_t owner, int reason, time_t seen)
{
	struct store_known k = {.owner = {owner},
	    .reason = reason,
	    .first_seen = seen,
	    .serial = {0, 0x80, (uint8_t)n},
	    .serial_len = 3};

	memcpy(k.identity, &n, sizeof(n));
	s->known_put(s, &k);
}

struct all_known {
	unsigned num;
	struct store_known last;
};

static bool
take_known(void *arg, const struct store_known *k)
{
	struct all_known *a = arg;

	a->num++;
	a->last = *k;
	return true;
}

/* What is on the disk, with the store closed and opened again. */
static struct all_known
known(struct store **s)
{
	struct all_known a = {0};
	struct err err;

	(*s)->free(*s);
	*s = store_plain();
	assert_int_equal((*s)->known_each(*s, take_known, &a, &err), 0);
	return a;
}

static void
a_known_revocation_stays_until_it_is_forgotten(void **state)
{
	struct store *s = store_plain();
	uint8_t id[32] = {1}, owner[32] = {7};
	struct all_known a;

	(void)state;
	known_put(s, 1, 7, 6, 100);
	known_put(s, 2, 7, 1, 200);
	known_put(s, 2, 7, 4, 300);
	a = known(&s);
	assert_int_equal(a.num, 2);
	/* In the order in which they were found; the first time counts. */
	assert_int_equal(a.last.first_seen, 200);
	assert_int_equal(a.last.reason, 4);
	/* Without leading zeros. */
	assert_int_equal(a.last.serial_len, 2);
	s->forget(s, NULL);
	assert_int_equal(known(&s).num, 2);
	s->known_forget(s, id);
	assert_int_equal(known(&s).num, 1);
	s->known_forget_serial(s, owner, (const uint8_t *)"\x80\x03", 2);
	assert_int_equal(known(&s).num, 1);
	s->known_forget_serial(s, owner, (const uint8_t *)"\x80\x02", 2);
	assert_int_equal(known(&s).num, 0);
	s->free(s);
}

static void
fill_facts(struct store_db *db, unsigned from, unsigned num, uint8_t owner)
{
	struct store_known k = {.owner = {owner}};
	struct store_floor f = {.owner = {owner}};
	struct err err;

	assert_int_equal(store_db_begin(db, &err), 0);
	for (unsigned n = from; n < from + num; n++) {
		memcpy(k.identity, &n, sizeof(n));
		memcpy(f.scope, &n, sizeof(n));
		k.first_seen = f.seen_at = n;
		if (n < from + STORE_FLOORS_OWNER_MAX + 5)
			assert_int_equal(store_db_floor_put(db, &f, &err), 0);
		assert_int_equal(store_db_known_put(db, &k, &err), 0);
	}
	assert_int_equal(store_db_trim(db, &err), 0);
	assert_int_equal(store_db_end(db, 0, &err), 0);
}

static void
what_is_remembered_has_limits(void **state)
{
	struct store_db *db = db_open("state", STORE_DB_MAKE);
	uint8_t oldest[32] = {0};
	uint64_t floors, num;
	struct err err;

	(void)state;
	fill_facts(db, 0, 3, 1);
	fill_facts(db, 1000000, STORE_KNOWN_OWNER_MAX + 5, 2);
	assert_int_equal(store_db_counts(db, &floors, &num, &err), 0);
	assert_int_equal(floors, STORE_FLOORS_OWNER_MAX + 3);
	assert_int_equal(num, STORE_KNOWN_OWNER_MAX + 3);
	/* The oldest of the one with too many; not another's, older still. */
	assert_int_equal(store_db_known_forget(db, oldest, &err), 1);
	memcpy(oldest, &(unsigned){1000004}, sizeof(unsigned));
	assert_int_equal(store_db_known_forget(db, oldest, &err), 0);
	memcpy(oldest, &(unsigned){1000005}, sizeof(unsigned));
	assert_int_equal(store_db_known_forget(db, oldest, &err), 1);
	/* Of all together. */
	fill_facts(db, 2000000, STORE_KNOWN_OWNER_MAX, 3);
	assert_int_equal(store_db_counts(db, &floors, &num, &err), 0);
	assert_int_equal(floors, STORE_FLOORS_MAX);
	assert_int_equal(num, STORE_KNOWN_MAX);
	store_db_close(db);
}

/* What an older version left. */

static void
make(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

#define HEX62 "abababababababababababababababababababababababababababababababa"

static void
what_version_1_kept_is_removed(void **state)
{
	struct store *s;
	struct stat st;

	(void)state;
	assert_int_equal(
	    system("rm -rf elsewhere; mkdir -p state/v1/ab state/v1/aside "
		   "state/v1/cd elsewhere"),
	    0);
	make("state/v1/ab/a" HEX62, "old");
	make("state/v1/ab/b" HEX62 ".tmp.1.2", "old");
	make("state/v1/aside/c" HEX62, "old");
	make("state/v1/cd/notes", "somebody's");
	make("elsewhere/a" HEX62, "not ours");
	assert_int_equal(
	    symlink("../../elsewhere/a" HEX62, "state/v1/ab/e" HEX62), 0);
	/* A directory that leads elsewhere. */
	assert_int_equal(symlink("../../elsewhere", "state/v1/ef"), 0);
	s = store_plain();
	for (int i = 0; stat("state/v1/aside", &st) == 0 && i < 20000; i++)
		usleep(1000);
	s->free(s);
	assert_int_equal(stat("state/v1/ab", &st), -1);
	assert_int_equal(stat("state/v1/aside", &st), -1);
	assert_int_equal(stat("state/v1/cd/notes", &st), 0);
	assert_int_equal(stat("elsewhere/a" HEX62, &st), 0);
}

/* A loop. */

struct waiting {
	struct event_base *base;
	unsigned num, found;
};

static void
loaded(void *arg, struct store_found *f)
{
	struct waiting *w = arg;

	w->num++;
	w->found += f != NULL;
	store_found_free(f);
	event_base_loopbreak(w->base);
}

static void
loads_are_answered_from_the_loop(void **state)
{
	struct waiting w = {.num = 0};
	struct store_load *pending;
	struct store_found *found;
	struct evidence_key key;
	struct store *s;

	(void)state;
	s = store_plain();
	save(s, 1, 1);
	s->free(s);
	w.base = event_base_new();
	assert_non_null(w.base);
	s = store_with(1 << 30, 0, w.base);
	for (unsigned n = 1; n <= 2; n++) {
		key = key_of(n);
		assert_int_equal(s->load(s, &key, &found, loaded, &w, &pending),
		    STORE_LATER);
		assert_int_equal(w.num, n - 1);
		while (w.num < n)
			event_base_loop(w.base, EVLOOP_NO_EXIT_ON_EMPTY);
		assert_int_equal(w.found, 1);
	}
	/* At any moment, and with others behind it. */
	for (unsigned i = 0; i < 500; i++) {
		key = key_of(1);
		assert_int_equal(s->load(s, &key, &found, loaded, &w, &pending),
		    STORE_LATER);
		if (i % 5 == 1)
			usleep(i);
		s->cancel(pending);
	}
	assert_int_equal(
	    s->load(s, &key, &found, loaded, &w, &pending), STORE_LATER);
	while (w.num < 3)
		event_base_loop(w.base, EVLOOP_NO_EXIT_ON_EMPTY);
	assert_int_equal(w.num, 3);
	assert_int_equal(w.found, 2);
	/* Nobody waits any more. */
	(void)s->load(s, &key, &found, loaded, &w, &pending);
	s->cancel(pending);
	(void)s->load(s, &key, &found, loaded, &w, &pending);
	s->free(s);
	event_base_free(w.base);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_least_used_gives_way),
	    TEST(an_issuer_pushes_out_its_own),
	    TEST(an_issuer_has_its_share_at_most),
	    TEST(a_floor_rises_and_does_not_sink),
	    TEST(a_known_revocation_stays_until_it_is_forgotten),
	    TEST(what_is_remembered_has_limits),
	    TEST(what_version_1_kept_is_removed),
	    TEST(loads_are_answered_from_the_loop),
	};

	evthread_use_pthreads();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
