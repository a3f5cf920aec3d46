/* source_book: what became of each URL, bounded, and told with what is held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cache/engine/source_book.h"

static struct source_book *book;

static int
setup(void **state)
{
	(void)state;
	book = source_book_new();
	assert_non_null(book);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	source_book_free(book);
	return 0;
}

static void
failures_are_counted_until_one_succeeds(void **state)
{
	struct evidence_failure f;
	struct source_row *row;

	(void)state;
	source_book_add(book, EVIDENCE_CRL, "http://a/");
	evidence_failure_set(
	    &f, EVIDENCE_FAIL_UNREACHABLE, "http://a/", "nobody there");
	source_book_note(book, EVIDENCE_CRL, "http://a/", &f, 100, 0, 7);
	source_book_note(book, EVIDENCE_CRL, "http://a/", &f, 110, 0, 8);
	source_book_lock(book);
	row = source_book_find(book, EVIDENCE_CRL, "http://a/");
	assert_non_null(row);
	assert_int_equal(row->failures, 2);
	assert_int_equal(row->tried_at, 110);
	assert_int_equal(row->succeeded_at, 0);
	assert_int_equal(row->ms, 8);
	assert_string_equal(row->failure->msg, "nobody there");
	/* A responder at the same URL is another. */
	assert_null(source_book_find(book, EVIDENCE_OCSP, "http://a/"));
	source_book_unlock(book);
	source_book_note(book, EVIDENCE_CRL, "http://a/", NULL, 120, 55, 9);
	source_book_lock(book);
	row = source_book_find(book, EVIDENCE_CRL, "http://a/");
	assert_int_equal(row->failures, 0);
	assert_null(row->failure);
	assert_int_equal(row->succeeded_at, 120);
	assert_int_equal(row->bytes, 55);
	source_book_unlock(book);
}

static bool
count(void *arg, const struct source_row *row)
{
	size_t *num = arg;

	assert_int_equal(row->kept.num, 0);
	++*num;
	return true;
}

/* Whoever names URLs cannot make it grow, nor what is tried go. */
static void
it_is_bounded(void **state)
{
	size_t num = 0;
	char url[64];

	(void)state;
	source_book_note(
	    book, EVIDENCE_OCSP, "http://live/", NULL, 1000, 10, 1);
	for (int i = 0; i < SOURCE_BOOK_MAX + 50; i++) {
		snprintf(url, sizeof(url), "http://host-%d/crl", i);
		source_book_add(book, EVIDENCE_CRL, url);
	}
	source_book_lock(book);
	source_book_each(book, count, &num);
	assert_int_equal(num, SOURCE_BOOK_MAX);
	assert_non_null(source_book_find(book, EVIDENCE_OCSP, "http://live/"));
	assert_non_null(source_book_find(book, EVIDENCE_CRL, url));
	source_book_unlock(book);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		failures_are_counted_until_one_succeeds, setup, teardown),
	    cmocka_unit_test_setup_teardown(it_is_bounded, setup, teardown),
	};

	return cmocka_run_group_tests_name("source book", tests, NULL, NULL);
}
