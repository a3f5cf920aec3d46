/* http_head: what is a head, what is none, and that it may come in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http1/http_head.h"

#define REQUEST                                                   \
	"POST /a?b=c HTTP/1.1\r\nHost: x\r\nEmpty:\r\nA:b \t\r\n" \
	"A:  c, d\r\n\r\n"

static int
is(const struct http_text *t, const char *text)
{
	return t->len == strlen(text) && memcmp(t->p, text, t->len) == 0;
}

static void
a_request(void **state)
{
	struct http_head h;
	const char *why;

	(void)state;
	assert_int_equal(
	    http_parse_request(&h, REQUEST, strlen(REQUEST), &why), 0);
	assert_true(is(&h.method, "POST"));
	assert_true(is(&h.target, "/a?b=c"));
	assert_int_equal(h.major, 1);
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.num_fields, 4);
	assert_true(is(&h.fields[1].name, "Empty"));
	assert_int_equal(h.fields[1].value.len, 0);
	assert_true(is(&h.fields[2].value, "b"));
	assert_true(is(&http_head_find(&h, "a")->value, "b"));
	assert_int_equal(http_head_count(&h, "a"), 2);
	assert_true(http_head_has(&h, "a", "D"));
	assert_true(http_head_has(&h, "a", "b"));
	assert_false(http_head_has(&h, "a", "c, d"));
	assert_null(http_head_find(&h, "b"));
}

static void
an_answer(void **state)
{
	static const char *const good[] = {"HTTP/1.1 200 OK\r\n\r\n",
	    "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n",
	    "HTTP/1.0 404 not \xe4 found\r\nX: y\r\n\r\n"};
	static const char *const bad[] = {"HTTP/1.1 20 OK\r\n\r\n",
	    "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 012 OK\r\n\r\n",
	    "HTTP/1.1  200 OK\r\n\r\n", "HTTP 200 OK\r\n\r\n",
	    "HTTP/1.1 2x0 OK\r\n\r\n", "200 OK\r\n\r\n", "\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n", ""};
	struct http_head h;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(
		    http_parse_answer(&h, good[i], strlen(good[i]), &why), 0);
	assert_int_equal(h.status, 404);
	assert_int_equal(h.minor, 0);
	assert_true(is(&h.reason, "not \xe4 found"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http_parse_answer(&h, bad[i], strlen(bad[i]), &why) == 0)
			fail_msg("taken: %s", bad[i]);
}

/* Wherever it is cut, the end is found where it is. */
static void
in_pieces(void **state)
{
	static const char text[] = REQUEST "more\r\n\r\n";
	const char *why = NULL;

	(void)state;
	for (size_t cut = 0; cut < strlen(REQUEST); cut++) {
		size_t seen = 0;

		assert_int_equal(
		    http_head_scan(text, cut, &seen, &why), HTTP_SCAN_MORE);
		assert_int_equal(seen, cut);
		assert_int_equal(
		    http_head_scan(text, strlen(text), &seen, &why),
		    HTTP_SCAN_END);
		assert_int_equal(seen, strlen(REQUEST));
	}
	assert_null(why);
}

/* What can never become a head is known at its first wrong byte. */
static void
at_the_first_wrong_byte(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"\n", 1}, {"A\n", 2}, {"A\r\nB\n", 5}, {"A\rB", 3},
	    {"A\r\r", 3}, {"A\0", 2}, {"A\x1f", 2}, {"A\x7f", 2},
	    {"\x16\x03\x01", 3}};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t seen = 0;

		assert_int_equal(http_head_scan(bad[i].text, bad[i].len - 1,
				     &seen, &why) != HTTP_SCAN_END,
		    1);
		seen = 0;
		why = NULL;
		assert_int_equal(
		    http_head_scan(bad[i].text, bad[i].len, &seen, &why),
		    HTTP_SCAN_BAD);
		assert_non_null(why);
	}
}

static void
a_length(void **state)
{
	static const char *const bad[] = {
	    "", "+1", "-1", " 1", "1 ", "0x1", "1,1", "1.0", "\xb2"};
	struct http_text t = {"18446744073709551617", 20};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct http_text b = {bad[i], strlen(bad[i])};

		assert_false(http_length(&b, &n));
	}
	/* Too large is large, never small. */
	assert_true(http_length(&t, &n));
	assert_int_equal(n, 1ULL << 58);
	t = (struct http_text){"0070", 4};
	assert_true(http_length(&t, &n));
	assert_int_equal(n, 70);
}

/* Ends the head at len; its length. */
static size_t
end_head(char *text, size_t size, size_t len)
{
	return len + (size_t)snprintf(text + len, size - len, "\r\n");
}

static void
too_many_fields(void **state)
{
	static const char line[] = "POST / HTTP/1.1\r\n", field[] = "A: b\r\n";
	char text[2048];
	size_t len = 0;
	struct http_head h;
	const char *why;

	(void)state;
	len += (size_t)snprintf(text, sizeof(text), "%s", line);
	for (int i = 0; i <= HTTP_MAX_FIELDS; i++) {
		assert_int_equal(http_parse_request(&h, text,
				     end_head(text, sizeof(text), len), &why),
		    0);
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s", field);
	}
	assert_int_equal(http_parse_request(
			     &h, text, end_head(text, sizeof(text), len), &why),
	    E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request),
	    cmocka_unit_test(an_answer),
	    cmocka_unit_test(in_pieces),
	    cmocka_unit_test(at_the_first_wrong_byte),
	    cmocka_unit_test(a_length),
	    cmocka_unit_test(too_many_fields),
	};

	return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
