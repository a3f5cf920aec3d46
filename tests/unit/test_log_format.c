/* log_format: a format says which fields there are, and of what type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>

#include <cmocka.h>

#include "cache/base/log.h"
#include "cache/base/log_format.h"

/* The last record, as text: event|message|key=value of a letter for its kind */
static char seen[4096];

static void
keep(void *arg, const struct log_record *r)
{
	size_t n;

	(void)arg;
	n = (size_t)snprintf(seen, sizeof(seen), "%s|%s", r->event, r->message);
	for (size_t i = 0; i < r->num; i++) {
		const struct log_field *f = &r->fields[i];
		char *at = seen + n;
		size_t room = sizeof(seen) - n;

		switch (f->kind) {
		case LOG_TEXT:
			n += (size_t)snprintf(
			    at, room, "|%s=t:%s", f->key, f->text);
			break;
		case LOG_INTEGER:
			n += (size_t)snprintf(at, room, "|%s=i:%lld", f->key,
			    (long long)f->integer);
			break;
		case LOG_UNSIGNED:
			n += (size_t)snprintf(at, room, "|%s=u:%llu", f->key,
			    (unsigned long long)f->number);
			break;
		case LOG_REAL:
			n += (size_t)snprintf(
			    at, room, "|%s=r:%g", f->key, f->real);
			break;
		case LOG_BOOL:
			n += (size_t)snprintf(
			    at, room, "|%s=b:%d", f->key, f->flag);
			break;
		case LOG_LIST:
			n += (size_t)snprintf(at, room, "|%s=l", f->key);
			break;
		}
	}
}

static const struct log all = {.level = LOG_LEVEL_DEBUG, .record = keep};

#define SAYS(expected, ...)                                  \
	do {                                                 \
		log_line(&all, LOG_LEVEL_INFO, __VA_ARGS__); \
		assert_string_equal(seen, expected);         \
	} while (0)

static void
types_are_those_of_the_arguments(void **state)
{
	(void)state;
	SAYS("cannot-fetch|cannot fetch 'http://x/': too late|why=t:deadline|"
	     "http=i:-200|row=u:4000000000",
	    "cannot fetch '%s': %s (why=%s http=%d row=%u)", "http://x/",
	    "too late", "deadline", -200, 4000000000U);
	SAYS("n|n|a=u:18446744073709551615|b=i:-9223372036854775807|c=u:7|"
	     "d=i:-3|e=u:5|f=r:0.5",
	    "n (a=%llu b=%lld c=%zu d=%ld e=%" PRIu64 " f=%.1f)",
	    18446744073709551615ULL, -9223372036854775807LL, (size_t)7, -3L,
	    (uint64_t)5, 0.5);
	/* Another base is text, as it reads. */
	SAYS("m|m|mode=t:0644|x=t:ff|c=t:y", "m (mode=%04o x=%llx c=%c)", 0644U,
	    255ULL, 'y');
	SAYS("p|p|key=t:abc", "p (key=%.3s)", "abcdef");
	SAYS("q|q|who=t:it's (a=b)", "q (who='%s')", "it's (a=b)");
}

static void
texts_make_no_fields(void **state)
{
	const char *volatile none = NULL;

	(void)state;
	SAYS("from|from 'x (why=good) y=1'|conn=i:1", "from '%s' (conn=%d)",
	    "x (why=good) y=1", 1);
	SAYS("from|from x (status=good)|", "from %s", "x (status=good)|");
	/* Nor do they change what is a key. */
	SAYS("a|a key|b=i:2", "a %s (b=%d)", "key", 2);
	/* NULL is none. */
	SAYS("s|s|b=i:2", "s (a=%s b=%d)", none, 2);
}

static void
only_fields_leave_the_sentence(void **state)
{
	(void)state;
	SAYS("node-does-not-answer|node 'n' does not answer (refused)",
	    "node '%s' does not answer (%s)", "n", "refused");
	SAYS("lost|lost (token='t', not tried again)|token=t:t",
	    "lost (token='%s'%s)", "t", ", not tried again");
	SAYS("up|up (n=1) or so|n=i:1", "up (n=%d) or so", 1);
	SAYS("half|half (a=1 and b=2)|a=i:1|b=i:2", "half (a=%d and b=%d)", 1,
	    2);
	SAYS("100|100% (sure)", "100%% (sure)");
	SAYS("100|100 (of=% n=1)|n=i:1", "100 (of=%% n=%d)", 1);
}

static void
events_are_the_words_that_do_not_vary(void **state)
{
	static const char *const rows[][2] = {
	    {"fetched '%s' again after %u failures",
		"fetched-again-after-failures"},
	    {"%s (from='%s')", "message"},
	    {"HARD_FAIL would refuse %s peer '%s': %s",
		"hard-fail-would-refuse-peer"},
	    {"everybody on this host may read the secret in '%s' (mode=%03o)",
		"everybody-on-this-host-may-read"},
	    {"a peer's name, %s", "a-peers-name"},
	    {"'%s' has %llu known revocations", "has-known-revocations"},
	    {"stopped", "stopped"},
	    {"cut '%s off", "cut"},
	    {"", "message"},
	};
	char event[LOG_FORMAT_EVENT_SIZE], longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_format_event(event, rows[i][0]);
		assert_string_equal(event, rows[i][1]);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_format_event(event, longest);
	assert_true(strlen(event) > 40);
	assert_true(strlen(event) < sizeof(event));
}

static void
what_is_given_comes_first(void **state)
{
	const struct log_field fields[] = {
	    LOG_FIELD_NUMBER("ms", 5), LOG_FIELD_BOOL("ok", true)};

	(void)state;
	log_event(&all, LOG_LEVEL_INFO, "request", fields, LOG_NUM(fields),
	    "rest (ms=%d user='%s')", 9, "u");
	assert_string_equal(seen, "request|rest|ms=u:5|ok=b:1|user=t:u");
}

/* More than there is room for is left out, whole. */
static void
too_much_is_left_out(void **state)
{
	char big[1500];

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_line(
	    &all, LOG_LEVEL_INFO, "x (a=%.1400s b=%.1400s c=%d)", big, big, 3);
	assert_non_null(strstr(seen, "|a=t:bbb"));
	assert_null(strstr(seen, "|b="));
	assert_non_null(strstr(seen, "|c=i:3"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_are_those_of_the_arguments),
	    cmocka_unit_test(texts_make_no_fields),
	    cmocka_unit_test(only_fields_leave_the_sentence),
	    cmocka_unit_test(events_are_the_words_that_do_not_vary),
	    cmocka_unit_test(what_is_given_comes_first),
	    cmocka_unit_test(too_much_is_left_out),
	};

	return cmocka_run_group_tests_name("log format", tests, NULL, NULL);
}
