/*
 * What a ticket says: strangers' text cannot be taken for anything else, and
 * what does not fit is cut at a whole character and said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fixtures/doorman/service/tickets/ticket_text.h"
#include "fixtures/doorman/service/tickets/ticket_trouble.h"
#include "tests/doorman/test_store.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
markup_is_escaped(void **state)
{
	static const char *const rows[][2] = {
	    {"O=Alice, C=GB", "O=Alice, C=GB"},
	    {"{noformat}", "\\u{7B}noformat\\u{7D}"},
	    {"\\u{noformat}", "\\u\\u{7B}noformat\\u{7D}"},
	    {"[x|http://y]", "\\u{5B}x\\u{7C}http://y\\u{5D}"},
	    {"[~admin]", "\\u{5B}\\u{7E}admin\\u{5D}"},
	    {"!http://x/y.png!", "\\u{21}http://x/y.png\\u{21}"},
	    {"@here a@b.example @all", "\\u{40}here a@b.example \\u{40}all"},
	    {"a\nb\x1b[2J", "a\\u{0A}b\\u{1B}\\u{5B}2J"},
	    {"\xe2\x80\xaegpj", "\\u{202E}gpj"},
	    {"\xff", "\\xFF"},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct buf b;

		buf_init(&b, 1000);
		ticket_plain(&b, rows[i][0]);
		assert_string_equal(buf_str(&b), rows[i][1]);
		buf_free(&b);
	}
}

static void
cut_at_whole_characters(void **state)
{
	/* 1, 2, 3 and 4 bytes: 1, 1, 1 and 2 units. */
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91z";
	static const size_t fits[] = {0, 1, 3, 6, 6, 10, 11, 11};

	(void)state;
	assert_int_equal(ticket_units(text, strlen(text)), 6);
	for (size_t i = 0; i < NUM(fits); i++)
		assert_int_equal(ticket_fit(text, strlen(text), i), fits[i]);
}

static void
fill(struct ticket_text *t, const char *name, int times)
{
	memset(t, 0, sizeof(*t));
	snprintf(t->id, sizeof(t->id), "ABC");
	buf_init(&t->head, 100);
	buf_init(&t->name, 100000);
	buf_init(&t->tail, 100);
	buf_init(&t->facts, 100000);
	buf_printf(&t->head, "Issue to ");
	for (int i = 0; i < times; i++) {
		buf_printf(&t->name, "%s", name);
		buf_printf(&t->facts, "Name: %s\n", name);
	}
	buf_printf(&t->tail, ", 9 names");
}

static void
a_summary_fits(void **state)
{
	static const char *const names[] = {
	    "x", "\xc3\xa9", "\xf0\x9f\x94\x91"};
	struct ticket_text t;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < NUM(names); i++) {
		for (int times = 0; times < 300; times++) {
			const char *s;

			fill(&t, names[i], times);
			buf_init(&out, 10000);
			ticket_summary(&out, &t, 254);
			s = buf_str(&out);
			assert_true(ticket_units(s, strlen(s)) <= 254);
			assert_non_null(strstr(s, ", 9 names"));
			assert_int_equal(strstr(s, "tickets show ABC") != NULL,
			    9 + 9 + (i == 2 ? 2 : 1) * times > 254);
			buf_free(&out);
			ticket_text_free(&t);
		}
	}
}

static void
a_description_fits(void **state)
{
	struct ticket_text t;
	struct buf out;

	(void)state;
	for (size_t units = 100; units < 400; units++) {
		const char *s;

		fill(&t, "\xf0\x9f\x94\x91", 24);
		buf_init(&out, 10000);
		ticket_description(&out, &t, units);
		s = buf_str(&out);
		assert_true(ticket_units(s, strlen(s)) <= units);
		assert_int_equal(strstr(s, "CUT HERE") != NULL, units < 24 * 9);
		buf_free(&out);
		ticket_text_free(&t);
	}
}

static void
facts_of_a_request(void **state)
{
	struct ticket_text t;
	struct fault f = {""};
	test_id id;
	const char *s;

	(void)state;
	test_put_revocation(id, "doorman", "1F", 1, 77);
	assert_int_equal(
	    store_run(&test_store, &f,
		"INSERT INTO report(request, reporter, reason, origin, proof,"
		" at) VALUES(?,'troll {x}, from 10.0.0.1',0,'192.0.2.7','',1),"
		"(?,'ann',1,'','officer ann',2)",
		"tt", id, id),
	    0);
	if (ticket_text_read(&t, &test_store, id, &f) != 0)
		fail_msg("%s", f.msg);
	s = buf_str(&t.facts);
	assert_non_null(strstr(s, "Serial number: 0x1F\n"));
	assert_non_null(strstr(s, "Reason: KEY_COMPROMISE\n"));
	assert_non_null(strstr(s,
	    "Reported: UNSPECIFIED, anonymous, from 192.0.2.7, by troll "
	    "\\u{7B}x\\u{7D}, from 10.0.0.1\n"));
	assert_non_null(strstr(
	    s, "Reported: KEY_COMPROMISE, proven by officer ann, by ann\n"));
	ticket_text_free(&t);
	assert_int_equal(ticket_text_read(&t, &test_store, "X", &f), -1);
	ticket_text_free(&t);
}

/* Each pause is as long as the trouble has lasted. */
static void
pauses_grow(void **state)
{
	static const time_t at[][2] = {{100, 1}, {101, 1}, {102, 2}, {104, 4},
	    {1000, 900}, {5000, 900}, {50, 1}};
	struct fault f;
	bool news;
	test_id id;

	(void)state;
	test_put_revocation(id, "doorman", "1F", 1, 77);
	for (size_t i = 0; i < NUM(at); i++) {
		assert_int_equal(
		    ticket_trouble_set(&test_store, id,
			i < 2 ? "first" : "second", at[i][0], &news, &f),
		    0);
		assert_int_equal(news, i == 0 || i == 2);
		assert_int_equal(
		    store_number(&test_store, 0,
			"SELECT retry_at FROM request WHERE trouble_at=100",
			""),
		    at[i][0] + at[i][1]);
	}
	assert_int_equal(ticket_trouble_clear(&test_store, id, &f), 0);
	assert_int_equal(test_count("request WHERE trouble IS NULL AND "
				    "retry_at IS NULL"),
	    1);
}

static void
attempts_leave_a_mark(void **state)
{
	struct fault f;
	test_id id;

	(void)state;
	test_put_revocation(id, "doorman", "1F", 1, 77);
	assert_int_equal(ticket_attempt_since(&test_store, id), 0);
	assert_int_equal(ticket_attempt_set(&test_store, id, 5, &f), 0);
	assert_int_equal(ticket_attempt_set(&test_store, id, 9, &f), 0);
	assert_int_equal(ticket_attempt_since(&test_store, id), 9);
	assert_int_equal(ticket_attempt_clear(&test_store, id, &f), 0);
	assert_int_equal(ticket_attempt_since(&test_store, id), 0);
}

#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(markup_is_escaped),
	    cmocka_unit_test(cut_at_whole_characters),
	    cmocka_unit_test(a_summary_fits),
	    cmocka_unit_test(a_description_fits),
	    WITH_STORE(facts_of_a_request),
	    WITH_STORE(pauses_grow),
	    WITH_STORE(attempts_leave_a_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
