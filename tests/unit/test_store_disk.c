/*
 * store_disk: what waits for the disk. The thread that writes begins when the
 * test says so: until then everything that is saved waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "cache/store/store_disk.h"
#include "tests/unit/store_help.h"

/* The linker sends calls of pthread_create here (tests.mk). */
int __wrap_pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __real_pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool open;
	void *(*fn)(void *arg);
	void *arg;
} gate = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, NULL, NULL};

static void *
behind_gate(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&gate.lock);
	while (!gate.open)
		pthread_cond_wait(&gate.cond, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	return gate.fn(gate.arg);
}

int
__wrap_pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	gate.fn = fn;
	gate.arg = arg;
	return __real_pthread_create(t, attr, behind_gate, NULL);
}

static struct store *
store_waiting(void)
{
	struct store_options o = {
	    .dir = "state", .max_bytes = 1 << 30, .max_ocsp_bytes = 1000};
	struct store *s = NULL;
	struct err err = {0};

	assert_int_equal(system("rm -rf state"), 0);
	gate.open = false;
	if (store_new(&s, &o, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

/* Lets the writer go, and waits until it has written what waits. */
static void
store_written(struct store *s)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_signal(&gate.cond);
	pthread_mutex_unlock(&gate.lock);
	s->free(s);
}

static struct evidence_key
key_of(uint8_t n)
{
	struct span part = span_of(&n, 1);

	return evidence_key_of(&part, 1);
}

static void
save(struct store *s, uint8_t n, const char *text)
{
	struct store_meta m = {
	    .key = key_of(n), .kind = EVIDENCE_OCSP, .url = "http://x/"};
	struct evidence *e = evidence_new_ocsp(
	    span_of(text, strlen(text)), ORIGIN_NETWORK, m.url, 1);

	assert_non_null(e);
	s->save(s, &m, e);
	evidence_free(e);
}

static void
drop(struct store *s, uint8_t n, const char *text)
{
	struct evidence_key key = key_of(n);
	struct evidence *e = evidence_new_ocsp(
	    span_of(text, strlen(text)), ORIGIN_NETWORK, "http://x/", 1);

	assert_non_null(e);
	s->drop(s, &key, e);
	evidence_free(e);
}

static void
forget(struct store *s, uint8_t n)
{
	struct evidence_key key = key_of(n);

	s->forget(s, &key);
}

struct found {
	const char *text[3]; /* by key */
	char got[3][64];
};

static bool
record_take(void *arg, struct store_record *r)
{
	struct found *f = arg;
	struct evidence_key key;

	for (uint8_t n = 0; n < 3; n++) {
		key = key_of(n);
		if (memcmp(&key, &r->meta.key, sizeof(key)) != 0)
			continue;
		assert_string_equal(r->error, "");
		snprintf(f->got[n] + strlen(f->got[n]),
		    sizeof(f->got[n]) - strlen(f->got[n]), "%s%.*s",
		    f->got[n][0] != '\0' ? "," : "", (int)r->len, r->der);
	}
	return true;
}

/* These are on the disk, by key, the newest first, and no others. */
static void
expect(const char *zero, const char *one, const char *two)
{
	struct found f = {.text = {zero, one, two}};
	struct store_db *db = db_open("state", STORE_DB_LOOK);
	struct err err;

	assert_int_equal(store_db_each(db, 1000, record_take, &f, &err), 0);
	store_db_close(db);
	for (int n = 0; n < 3; n++)
		assert_string_equal(
		    f.got[n], f.text[n] != NULL ? f.text[n] : "");
}

static void
what_is_saved_is_written(void **state)
{
	struct store *s = store_waiting();

	(void)state;
	save(s, 0, "a");
	save(s, 1, "b");
	expect(NULL, NULL, NULL);
	store_written(s);
	expect("a", "b", NULL);
}

/* In every place of the queue, and with the others behind it. */
static void
what_is_forgotten_while_it_waits_is_not_written(void **state)
{
	static const char *const text[] = {"a", "b", "c"};

	(void)state;
	for (uint8_t gone = 0; gone < 3; gone++) {
		struct store *s = store_waiting();

		for (uint8_t n = 0; n < 3; n++)
			save(s, n, text[n]);
		forget(s, gone);
		store_written(s);
		expect(gone == 0 ? NULL : "a", gone == 1 ? NULL : "b",
		    gone == 2 ? NULL : "c");
	}
}

static void
all_that_waits_can_be_forgotten(void **state)
{
	struct store *s = store_waiting();

	(void)state;
	for (uint8_t n = 0; n < 3; n++)
		save(s, n, "a");
	s->forget(s, NULL);
	store_written(s);
	expect(NULL, NULL, NULL);
}

/* What is saved after the queue was emptied is not lost with it. */
static void
saved_again_after_it_was_forgotten(void **state)
{
	struct store *s = store_waiting();

	(void)state;
	save(s, 0, "old");
	save(s, 1, "b");
	forget(s, 1);
	save(s, 1, "new b");
	s->forget(s, NULL);
	save(s, 0, "new");
	save(s, 2, "c");
	store_written(s);
	expect("new", NULL, "c");
}

/* As many as it may have, though more wait for the disk than may wait. */
static void
the_newest_of_one_source_are_what_is_written(void **state)
{
	struct store *s = store_waiting();

	(void)state;
	save(s, 0, "first");
	save(s, 1, "b");
	for (int i = 0; i < 5000; i++)
		save(s, 0, "second");
	for (char text[] = "1"; text[0] <= '8'; text[0]++)
		save(s, 0, text);
	save(s, 2, "c");
	store_written(s);
	expect("8,7,6,5,4,3,2,1", "b", "c");
}

/* What is dropped after it was saved is not there; the same bytes elsewhere
 * are. */
static void
a_document_that_is_dropped_is_gone_from_its_source(void **state)
{
	struct store *s = store_waiting();

	(void)state;
	save(s, 0, "old");
	save(s, 0, "new");
	save(s, 1, "old");
	drop(s, 0, "old");
	store_written(s);
	expect("new", "old", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_saved_is_written),
	    cmocka_unit_test(what_is_forgotten_while_it_waits_is_not_written),
	    cmocka_unit_test(all_that_waits_can_be_forgotten),
	    cmocka_unit_test(saved_again_after_it_was_forgotten),
	    cmocka_unit_test(the_newest_of_one_source_are_what_is_written),
	    cmocka_unit_test(
		a_document_that_is_dropped_is_gone_from_its_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
