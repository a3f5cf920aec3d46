/*
 * A large CRL read by a thread of its own says what it says read in place,
 * whoever lends a hand, fails with the same words, and is given up at any
 * point.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "cache/crl/crl.h"
#include "cache/crl/crl_aside.h"
#include "cache/evidence/evidence_file.h"
#include "tests/lib/crlmake.h"

#define NUM 60000 /* more than the ring holds */

static uint8_t *der;
static size_t len;

static int
setup(void **state)
{
	(void)state;
	der = crlmake_many(NUM, NULL, &len);
	assert_true(len > CRL_ASIDE_FROM + ((size_t)1 << 20));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(der);
	return 0;
}

static void
check_crl(const struct crl *c)
{
	const struct crl_info *info = crl_get0_info(c);
	struct crl_entry e;
	uint8_t serial[16];
	struct crl *same;

	assert_int_equal(
	    crl_parse(span_of(der, len), NULL, &same, NULL, NULL), 0);
	assert_int_equal(info->num_entries, NUM);
	assert_int_equal(info->flaws, crl_get0_info(same)->flaws);
	assert_int_equal(info->digest_len, 32);
	assert_memory_equal(info->digest, crl_get0_info(same)->digest, 32);
	assert_int_equal(info->der.len, len);
	assert_memory_equal(info->der.p, der, len);
	for (size_t i = 0; i < NUM; i += 97) {
		crlmake_serial(i, serial);
		assert_true(crl_find(
		    c, span_of(serial, 16), span_of(NULL, 0), NULL, NULL, &e));
	}
	crlmake_serial(NUM + 1, serial);
	assert_false(
	    crl_find(c, span_of(serial, 16), span_of(NULL, 0), NULL, NULL, &e));
	crl_free(same);
}

static int
feed(struct crl_builder *b, size_t from, size_t to, size_t piece,
    enum crl_fault *fault, struct err *err)
{
	int rc = 0;

	for (size_t n; rc == 0 && from < to; from += n) {
		n = to - from < piece ? to - from : piece;
		rc = crl_builder_feed(b, span_of(der + from, n), fault, err);
	}
	return rc;
}

static void
test_pieces(void **state)
{
	static const size_t pieces[] = {1000, 65536, 65537, 300000, SIZE_MAX};
	enum crl_fault fault;
	struct crl_builder *b;
	struct crl *c;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		b = crl_builder_new(NULL);
		/* From the middle on, as a length becomes known late. */
		assert_int_equal(feed(b, 0, i * 5000, 5000, &fault, NULL), 0);
		assert_true(crl_builder_aside(b, i % 2 == 0 ? 0 : 5));
		assert_true(crl_builder_aside(b, 0));
		assert_int_equal(
		    feed(b, i * 5000, len, pieces[i], &fault, NULL), 0);
		crl_builder_end(b);
		/* With its help, and without. */
		while (i > 1 && !crl_builder_tend(b, i == 2))
			usleep(100);
		assert_int_equal(crl_builder_finish(b, &c, &fault, NULL), 0);
		assert_int_equal(fault, CRL_FAULT_NONE);
		check_crl(c);
		crl_free(c);
		crl_builder_free(b);
	}
}

/* Who may not wait asks first; a piece for which there is room is no work. */
static void
test_room(void **state)
{
	struct crl_builder *b = crl_builder_new(NULL);
	struct crl *c;

	(void)state;
	assert_true(crl_builder_room(b, SIZE_MAX));
	assert_true(crl_builder_aside(b, 0));
	assert_true(crl_builder_room(b, 400000));
	assert_false(crl_builder_room(b, len));
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < 16384 ? len - at : 16384;
		while (!crl_builder_room(b, n))
			sched_yield();
		assert_int_equal(feed(b, at, at + n, n, NULL, NULL), 0);
	}
	assert_int_equal(crl_builder_finish(b, &c, NULL, NULL), 0);
	check_crl(c);
	crl_free(c);
	crl_builder_free(b);
}

static void
post(void *arg)
{
	(void)sem_post(arg);
}

static void
await_post(sem_t *s)
{
	while (sem_wait(s) != 0)
		assert_int_equal(errno, EINTR);
}

/* Until it is so: what is told late of a former wait is no answer. */
static void
await(struct crl_builder *b, size_t bytes, sem_t *told)
{
	while (!crl_builder_await(b, bytes))
		await_post(told);
}

/* Who waits for room, and then for the end, sleeps until he is told. */
static void
test_told(void **state)
{
	struct crl_builder *b = crl_builder_new(NULL);
	struct crl *c;
	sem_t told;

	(void)state;
	assert_int_equal(sem_init(&told, 0, 0), 0);
	crl_builder_tell(b, post, &told);
	assert_true(crl_builder_await(b, SIZE_MAX)); /* nothing is aside */
	assert_true(crl_builder_aside(b, 0));
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < 16384 ? len - at : 16384;
		if (!crl_builder_room(b, n)) {
			await(b, 262144, &told);
			assert_true(crl_builder_room(b, 262144));
		}
		assert_int_equal(feed(b, at, at + n, n, NULL, NULL), 0);
	}
	crl_builder_end(b);
	await(b, 1, &told);
	assert_true(crl_builder_tend(b, false));
	assert_int_equal(crl_builder_finish(b, &c, NULL, NULL), 0);
	check_crl(c);
	crl_free(c);
	crl_builder_free(b);
	(void)sem_destroy(&told);
}

static void
test_all_there(void **state)
{
	struct crl_builder *b;
	uint8_t *copy;
	struct crl *c;

	(void)state;
	for (int help = 0; help < 2; help++) {
		copy = malloc(len);
		memcpy(copy, der, len);
		b = crl_builder_new_take(copy, len, NULL, NULL, NULL);
		assert_true(crl_builder_aside(b, 0));
		while (help && !crl_builder_tend(b, true))
			continue;
		assert_int_equal(crl_builder_finish(b, &c, NULL, NULL), 0);
		check_crl(c);
		crl_free(c);
		crl_builder_free(b);
	}
}

/* Also where it is noticed after all was fed. */
static void
test_same_words(void **state)
{
	struct err here = {0}, there = {0};
	enum crl_fault fault;
	struct crl_builder *b;
	size_t at = len - 3000;
	uint8_t was = der[at];
	struct crl *c;
	int rc;

	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		size_t to = cut ? len - 1 : len;

		if (!cut)
			memset(der + at, 0xff, 200);
		assert_int_equal(
		    crl_parse(span_of(der, to), NULL, &c, NULL, &here),
		    E_PARSE);
		b = crl_builder_new(NULL);
		assert_true(crl_builder_aside(b, 0));
		rc = feed(b, 0, to, 65536, &fault, &there);
		while (!cut && rc == 0)
			rc = crl_builder_feed(
			    b, span_of(NULL, 0), &fault, &there);
		crl_builder_end(b);
		assert_int_equal(
		    crl_builder_finish(b, &c, &fault, &there), E_PARSE);
		assert_null(c);
		assert_int_equal(fault, CRL_FAULT_MALFORMED);
		assert_string_equal(there.msg, here.msg);
		/* It stays so. */
		assert_int_equal(
		    crl_builder_feed(b, span_of(der, 1), &fault, &there),
		    E_PARSE);
		crl_builder_free(b);
		if (!cut) {
			free(der);
			der = crlmake_many(NUM, NULL, &len);
			assert_int_equal(der[at], was);
		}
	}
}

static void
test_given_up(void **state)
{
	enum crl_fault fault;
	struct crl_builder *b;

	(void)state;
	for (size_t part = 0; part <= 16; part++) {
		b = crl_builder_new(NULL);
		assert_true(crl_builder_aside(b, 0));
		assert_int_equal(
		    feed(b, 0, len / 16 * part, 65536, &fault, NULL), 0);
		if (part % 2 == 0)
			crl_builder_end(b);
		crl_builder_free(b);
	}
}

static bool
runs_when_idle(pid_t thread)
{
	return sched_getscheduler(thread) == SCHED_IDLE ||
	    getpriority(PRIO_PROCESS, (id_t)thread) == 19;
}

static size_t
num_idle(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	size_t num = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		num += e->d_name[0] != '.' && runs_when_idle(atoi(e->d_name));
	closedir(d);
	return num;
}

static void
test_gives_way(void **state)
{
	struct crl_builder *b = crl_builder_new(NULL);
	size_t before = num_idle();

	(void)state;
	assert_true(crl_builder_aside(b, 0));
	while (num_idle() == before)
		sched_yield();
	crl_builder_free(b);
	while (num_idle() != before)
		sched_yield();
}

static int
take_file(
    void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	bool *taken = arg;

	assert_non_null(e);
	assert_int_equal(crl_get0_info(e->crl)->num_entries, NUM);
	*taken = true;
	return 0;
}

/* One that is known to be large is not begun at the reader's priority. */
static void
test_large_file(void **state)
{
	const size_t first = 1000;
	struct evidence_file *f;
	bool taken = false;
	struct err err;

	(void)state;
	while (num_idle() != 0)
		sched_yield(); /* those of before end */
	f = evidence_file_new(
	    EVIDENCE_CRL, "large.crl", 1, NULL, take_file, &taken);
	evidence_file_aside(f, len);
	assert_int_equal(evidence_file_feed(f, span_of(der, first), &err), 0);
	while (num_idle() == 0)
		sched_yield();
	assert_int_equal(
	    evidence_file_feed(f, span_of(der + first, len - first), &err), 0);
	assert_int_equal(evidence_file_finish(f, &err), 0);
	assert_true(taken);
	evidence_file_free(f);
}

/* Who sends many large ones has a few threads, and no more. */
static void
test_few_at_once(void **state)
{
	struct crl_builder *b[40];
	size_t aside = 0;
	struct crl *c;

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		b[i] = crl_builder_new(NULL);
		aside += crl_builder_aside(b[i], 0);
	}
	assert_in_range(aside, 1, 8);
	for (size_t i = 0; i < 40; i += 13) {
		assert_int_equal(feed(b[i], 0, len, 16384, NULL, NULL), 0);
		assert_int_equal(crl_builder_finish(b[i], &c, NULL, NULL), 0);
		check_crl(c);
		crl_free(c);
	}
	for (size_t i = 0; i < 40; i++)
		crl_builder_free(b[i]);
	/* Their places are free again. */
	b[0] = crl_builder_new(NULL);
	assert_true(crl_builder_aside(b[0], 0));
	crl_builder_free(b[0]);
}

/* A clock that stands still but for this. */
static uint64_t now_ms = 1;

uint64_t __wrap_clock_mono_ms(void);
uint64_t
__wrap_clock_mono_ms(void)
{
	return now_ms;
}

/* A thread that is in the middle of each of its parts until it may go on. */
struct stuck {
	pthread_t owner;
	sem_t begun, go;
	atomic_uint by_owner, by_thread;
};

static bool
stuck_part(void *arg, struct span piece)
{
	struct stuck *s = arg;

	if (pthread_equal(pthread_self(), s->owner)) {
		atomic_fetch_add(&s->by_owner, 1);
		return piece.len > 0;
	}
	atomic_fetch_add(&s->by_thread, 1);
	(void)sem_post(&s->begun);
	await_post(&s->go);
	return piece.len > 0;
}

static struct crl_aside *
stuck_new(struct stuck *s)
{
	struct crl_aside *a;

	*s = (struct stuck){.owner = pthread_self()};
	assert_int_equal(sem_init(&s->begun, 0, 0), 0);
	assert_int_equal(sem_init(&s->go, 0, 0), 0);
	a = crl_aside_new(stuck_part, s, true, NULL, NULL);
	assert_non_null(a);
	return a;
}

static void
stuck_free(struct crl_aside *a, struct stuck *s)
{
	crl_aside_free(a);
	(void)sem_destroy(&s->begun);
	(void)sem_destroy(&s->go);
}

/* Who gets no processor in the middle of a part does that one, and no more. */
static void
test_taken_back(void **state)
{
	static const uint8_t piece[1000];
	struct stuck s;
	struct crl_aside *a = stuck_new(&s);

	(void)state;
	crl_aside_feed(a, span_of(piece, sizeof(piece)), 0);
	await_post(&s.begun);
	crl_aside_help(a);
	now_ms += 99;
	crl_aside_help(a);
	now_ms += 1;
	crl_aside_help(a);
	assert_int_equal(atomic_load(&s.by_owner), 0);
	assert_false(crl_aside_room(a, SIZE_MAX));
	assert_int_equal(sem_post(&s.go), 0);
	while (!crl_aside_room(a, SIZE_MAX)) {
		crl_aside_help(a);
		sched_yield();
	}
	/* More than the ring holds, and nobody waits. */
	for (size_t i = 0; i < 1000; i++)
		crl_aside_feed(a, span_of(piece, sizeof(piece)), i % 2);
	crl_aside_end(a);
	while (!crl_aside_done(a))
		crl_aside_wait(a, 1000000);
	assert_int_equal(atomic_load(&s.by_thread), 1);
	assert_int_equal(atomic_load(&s.by_owner), 1001);
	stuck_free(a, &s);
}

/* Who comes to the end of each part keeps it, however long it takes in all. */
static void
test_not_taken_back(void **state)
{
	static const uint8_t piece[1000];
	struct stuck s;
	struct crl_aside *a = stuck_new(&s);

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		crl_aside_feed(a, span_of(piece, sizeof(piece)), 0);
		await_post(&s.begun);
		now_ms += 50;
		crl_aside_help(a);
		now_ms += 50;
		crl_aside_help(a);
		assert_int_equal(sem_post(&s.go), 0);
	}
	crl_aside_end(a);
	await_post(&s.begun);
	assert_int_equal(sem_post(&s.go), 0);
	crl_aside_wait(a, 1000000);
	assert_true(crl_aside_done(a));
	assert_int_equal(atomic_load(&s.by_thread), 11);
	assert_int_equal(atomic_load(&s.by_owner), 0);
	stuck_free(a, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test(test_told),
	    cmocka_unit_test(test_all_there),
	    cmocka_unit_test(test_same_words),
	    cmocka_unit_test(test_given_up),
	    cmocka_unit_test(test_gives_way),
	    cmocka_unit_test(test_taken_back),
	    cmocka_unit_test(test_not_taken_back),
	    cmocka_unit_test(test_large_file),
	    cmocka_unit_test(test_few_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
