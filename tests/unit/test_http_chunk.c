/* http_chunk: bodies whole and in pieces, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http1/http_chunk.h"

/* Decodes text, at most `step` bytes at a time; *rest is what it left. */
static enum http_chunk_result
decode(const char *text, size_t step, char *out, size_t *rest)
{
	enum http_chunk_result result = HTTP_CHUNK_MORE;
	struct http_chunk c = {0};
	size_t len = strlen(text), at = 0;

	out[0] = '\0';
	while (result == HTTP_CHUNK_MORE && at < len) {
		size_t n = len - at < step ? len - at : step, data, used;
		uint8_t piece[256];

		memcpy(piece, text + at, n);
		result = http_chunk_decode(&c, piece, n, &data, &used);
		assert_true(data <= used && used <= n);
		strncat(out, (char *)piece, data);
		at += used;
	}
	*rest = len - at;
	return result;
}

static void
whole_and_in_pieces(void **state)
{
	static const struct {
		const char *text, *data;
		size_t rest;
	} good[] = {
	    {"0\r\n\r\n", "", 0},
	    {"5\r\nhello\r\n0\r\n\r\nHTTP", "hello", 4},
	    {"2\r\nhe\r\n003\r\nllo\r\n000\r\n\r\n", "hello", 0},
	    {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
		"01234567890123456789", 0},
	    {"1;x=\"y\"\r\na\r\n1 ; z\r\nb\r\n0;w\r\nT: 1\r\nU: 2\r\n\r\n",
		"ab", 0},
	    {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0},
	};
	char out[256];
	size_t rest;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t step = 1; step < 70; step++) {
			assert_int_equal(decode(good[i].text, step, out, &rest),
			    HTTP_CHUNK_END);
			assert_string_equal(out, good[i].data);
			assert_int_equal(rest, good[i].rest);
		}
}

static void
what_is_none(void **state)
{
	static const char *const bad[] = {"\r\n", "x\r\n", "-1\r\n",
	    "5\nhello\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
	    "5\r\nhello\r\n\r\n", "5\r5", "0\r\n\n", "0\r\nT: 1\n\r\n",
	    "1000000000000000\r\n", "0x5\r\nhello\r\n", "5\rx\nhello\r\n",
	    "1;a\nb\r\n"};
	char out[256];
	size_t rest;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t step = 1; step < 30; step += 7)
			if (decode(bad[i], step, out, &rest) != HTTP_CHUNK_BAD)
				fail_msg("taken: %s", bad[i]);
}

/* An extension that has no end has one. */
static void
skipping_is_bounded(void **state)
{
	struct http_chunk c = {0};
	uint8_t piece[1024] = "1;";
	size_t data, used, total = 0;

	(void)state;
	memset(piece + 2, 'x', sizeof(piece) - 2);
	while (http_chunk_decode(&c, piece, sizeof(piece), &data, &used) ==
	    HTTP_CHUNK_MORE) {
		memset(piece, 'x', sizeof(piece));
		total += used;
		assert_true(total < 32 * 1024);
	}
	assert_true(total > 8 * 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_and_in_pieces),
	    cmocka_unit_test(what_is_none),
	    cmocka_unit_test(skipping_is_bounded),
	};

	return cmocka_run_group_tests_name("http_chunk", tests, NULL, NULL);
}
