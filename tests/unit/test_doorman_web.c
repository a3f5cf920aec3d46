/* Heads, bodies and addresses: what is read, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "fixtures/doorman/service/web/chunks.h"
#include "fixtures/doorman/service/web/expiry.h"
#include "fixtures/doorman/service/web/head.h"
#include "fixtures/doorman/service/web/rate.h"
#include "fixtures/doorman/service/web/seldom.h"
#include "fixtures/doorman/service/conf/peer.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define HOST      "Host: x\r\n"

/* Text stays valid until the next call. */
static int
parse(struct head *h, const char *text)
{
	static char copy[HEAD_MAX];
	const char *why;

	snprintf(copy, sizeof(copy), "%s", text);
	return head_parse(h, copy, strlen(copy), &why);
}

static void
heads_are_read(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(parse(&h,
			     "POST /a/b?c=d HTTP/1.1\r\nhost: x\r\n"
			     "Content-Length:  12 \r\nExpect: 100-Continue\r\n"
			     "X: a:b\r\n\r\n"),
	    0);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.path, "/a/b");
	assert_string_equal(h.query, "c=d");
	assert_string_equal(head_field(&h, "x"), "a:b");
	assert_null(head_field(&h, "y"));
	assert_int_equal(h.length, 12);
	assert_true(h.expects);
	assert_false(h.close);
	assert_int_equal(parse(&h, "GET http://h:80/p HTTP/1.0\r\n\r\n"), 0);
	assert_string_equal(h.path, "/p");
	assert_true(h.close);
	assert_int_equal(parse(&h, "GET http://h HTTP/1.0\r\n\r\n"), 0);
	assert_string_equal(h.path, "/");
	assert_int_equal(
	    parse(&h,
		"OPTIONS * HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n"),
	    0);
	assert_true(h.close);
	assert_int_equal(
	    parse(&h, "CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"), 0);
	assert_int_equal(parse(&h,
			     "POST / HTTP/1.1\r\n" HOST
			     "Transfer-Encoding: Chunked\r\n\r\n"),
	    0);
	assert_true(h.chunked);
	assert_int_equal(
	    parse(&h,
		"POST / HTTP/1.1\r\n" HOST
		"Content-Length: 99999999999999999999999999\r\n\r\n"),
	    0);
	assert_true(h.length > 1UL << 60);
}

static void
heads_are_refused(void **state)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
	    {400, "\r\n"},
	    {400, "GET /\r\n\r\n"},
	    {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
	    {505, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
	    {400, "G(T / HTTP/1.1\r\n" HOST "\r\n"},
	    {400, " / HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET a HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"},
	    {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
	    {505, "GET / HTTP/1.10\r\n" HOST "\r\n"},
	    {400, "GET / HTTX/1.1\r\n" HOST "\r\n"},
	    {400, "GET / HTTP/1.1\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
	    {400, "GET / HTTP/1.1\n" HOST "\r\n"},
	    {400, "GET / HTTP/1.1\r\nHost: x\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\n" HOST "A: b\r\n"},
	    {400,
		"POST / HTTP/1.1\r\n" HOST
		"Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
	    {400,
		"POST / HTTP/1.1\r\n" HOST
		"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"},
	    {501,
		"POST / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: gzip, chunked\r\n\r\n"},
	    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {417, "POST / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n"},
	};
	char many[2048] = "GET / HTTP/1.1\r\n" HOST;
	struct head h;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		if (parse(&h, rows[i].text) != rows[i].status)
			fail_msg("%s", rows[i].text);
	for (int i = 0; i < HEAD_FIELDS_MAX; i++)
		strcat(many, "A: b\r\n");
	strcat(many, "\r\n");
	assert_int_equal(parse(&h, many), 431);
}

/* The same in one piece and byte by byte. */
static enum chunks_state
chunked(const char *text, size_t max, char got[64], size_t *left, bool slowly)
{
	struct evbuffer *in = evbuffer_new();
	enum chunks_state rc = CHUNKS_MORE;
	size_t len = strlen(text), at = 0;
	struct chunks c = {0};
	struct buf body;

	buf_init(&body, max);
	while (rc == CHUNKS_MORE && at < len) {
		size_t n = slowly ? 1 : len;

		evbuffer_add(in, text + at, n);
		at += n;
		rc = chunks_take(&c, in, &body);
	}
	snprintf(got, 64, "%.*s", (int)body.len, (char *)body.p);
	*left = evbuffer_get_length(in) + len - at;
	buf_free(&body);
	evbuffer_free(in);
	return rc;
}

static void
chunks_are_joined(void **state)
{
	static const struct {
		const char *text;
		enum chunks_state rc;
		const char *body;
		size_t left;
	} rows[] = {
	    {"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET", CHUNKS_DONE, "abcde",
		3},
	    {"0\r\n\r\n", CHUNKS_DONE, "", 0},
	    {"1\r\na\r\n00\r\nT: x\r\n\r\n", CHUNKS_DONE, "a", 0},
	    {"8\r\n12345678\r\n0\r\n\r\n", CHUNKS_DONE, "12345678", 0},
	    {"9\r\n", CHUNKS_TOO_LARGE, "", 0},
	    {"5\r\n12345\r\n4\r\n", CHUNKS_TOO_LARGE, "12345", 0},
	    {"3\r\nab", CHUNKS_MORE, "ab", 0},
	    {"g\r\n", CHUNKS_BAD, "", 0},
	    {"-1\r\n", CHUNKS_BAD, "", 0},
	    {"\r\n", CHUNKS_BAD, "", 0},
	    {"000000001\r\n", CHUNKS_BAD, "", 0},
	    {"1\na", CHUNKS_BAD, "", 1},
	    {"1\r\nab\r\n", CHUNKS_BAD, "a", 0},
	};
	char got[64];
	size_t left;

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		for (int slowly = 0; slowly < 2; slowly++) {
			assert_int_equal(
			    chunked(rows[i].text, 8, got, &left, slowly),
			    rows[i].rc);
			assert_string_equal(got, rows[i].body);
			if (rows[i].rc == CHUNKS_DONE)
				assert_int_equal(left, rows[i].left);
		}
}

static void
addresses_are_known_by_their_holder(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1", true},
	    {"192.0.2.1", "192.0.2.2", false},
	    {"192.0.2.1", "::ffff:192.0.2.1", true},
	    {"2001:db8::1", "2001:db8::ffff:1", true},
	    {"2001:db8::1", "2001:db8:0:1::1", false},
	    {"::1", "127.0.0.1", false},
	};
	struct peer a, b;
	char text[PEER_TEXT];

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		assert_true(peer_parse(&a, rows[i].a));
		assert_true(peer_parse(&b, rows[i].b));
		assert_int_equal(peer_same_holder(&a, &b), rows[i].same);
	}
	assert_false(peer_parse(&a, "192.0.2.1:80"));
	assert_false(peer_parse(&a, ""));
	assert_true(peer_parse(&a, "::ffff:192.0.2.1"));
	peer_text(text, &a);
	assert_string_equal(text, "192.0.2.1");
	assert_false(peer_is_loopback(&a));
	assert_true(peer_parse(&a, "127.3.0.1") && peer_is_loopback(&a));
	assert_true(peer_parse(&a, "::1") && peer_is_loopback(&a));
}

static void
ranges_have_addresses(void **state)
{
	static const char *const bad[] = {"x", "10.0.0.0/0", "10.0.0.0/33",
	    "10.0.0.0/", "10.0.0.0/8x", "::/129", "10.0.0.1:80", "/8",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	static const struct {
		const char *address;
		bool in;
	} rows[] = {{"10.9.8.7", true}, {"11.0.0.0", false},
	    {"192.0.2.1", true}, {"192.0.2.2", false}, {"2001:db8:7::1", true},
	    {"2001:db9::1", false}, {"172.31.255.255", true},
	    {"172.32.0.0", false}, {"::a09:807", false}};
	struct peer_ranges r;
	struct fault f;
	struct peer p;

	(void)state;
	assert_int_equal(
	    peer_ranges_parse(
		&r, "10.0.0.0/8, 192.0.2.1 2001:db8::/32,172.16.0.0/12", &f),
	    0);
	for (size_t i = 0; i < NUM(rows); i++) {
		assert_true(peer_parse(&p, rows[i].address));
		if (peer_ranges_have(&r, &p) != rows[i].in)
			fail_msg("%s", rows[i].address);
	}
	for (size_t i = 0; i < NUM(bad); i++)
		assert_int_equal(peer_ranges_parse(&r, bad[i], &f), -1);
	assert_int_equal(peer_ranges_parse(&r, "", &f), 0);
	assert_false(peer_ranges_have(&r, &p));
}

static void
proxies_say_who_asks(void **state)
{
	static const struct {
		const char *peer, *field, *asks;
	} rows[] = {
	    {"192.0.2.9", "10.1.1.1", "192.0.2.9"},
	    {"10.0.0.1", NULL, "10.0.0.1"},
	    {"10.0.0.1", "192.0.2.1", "192.0.2.1"},
	    {"10.0.0.1", "198.51.100.7, 192.0.2.1", "192.0.2.1"},
	    {"10.0.0.1", "198.51.100.7, 192.0.2.1 ,10.2.0.1", "192.0.2.1"},
	    {"10.0.0.1", "10.3.0.1, 10.2.0.1", "10.3.0.1"},
	    {"10.0.0.1", "2001:db8::7", "2001:db8::7"},
	    {"10.0.0.1", "192.0.2.1, unknown", "10.0.0.1"},
	    {"10.0.0.1", "192.0.2.1, _x, 10.2.0.1", "10.2.0.1"},
	    {"10.0.0.1", "192.0.2.1,", "10.0.0.1"},
	    {"10.0.0.1", "", "10.0.0.1"},
	    {"10.0.0.1", "192.0.2.1:80", "192.0.2.1"},
	    {"10.0.0.1", "9.9.9.9, 192.0.2.1:80, 10.2.0.1:9", "192.0.2.1"},
	    {"10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"},
	    {"10.0.0.1", "[2001:db8::7]", "2001:db8::7"},
	    {"10.0.0.1", "192.0.2.1:", "10.0.0.1"},
	    {"10.0.0.1", "192.0.2.1:8x", "10.0.0.1"},
	    {"10.0.0.1", "[2001:db8::7", "10.0.0.1"},
	    {"10.0.0.1", "[2001:db8::7]x:1", "10.0.0.1"},
	    {"10.0.0.1", "[192.0.2.1]:80", "10.0.0.1"},
	    {"10.0.0.1", "[", "10.0.0.1"},
	    {"10.0.0.1", "[]:1", "10.0.0.1"},
	};
	struct peer_ranges r;
	struct fault f;
	struct peer p;
	char text[PEER_TEXT];

	(void)state;
	assert_int_equal(peer_ranges_parse(&r, "10.0.0.0/8", &f), 0);
	for (size_t i = 0; i < NUM(rows); i++) {
		assert_true(peer_parse(&p, rows[i].peer));
		peer_forwarded(&p, &r, rows[i].field);
		peer_text(text, &p);
		assert_string_equal(text, rows[i].asks);
	}
}

static void
a_list_may_come_in_parts(void **state)
{
	struct head h;
	char out[8];

	(void)state;
	assert_int_equal(
	    parse(&h, "GET / HTTP/1.1\r\n" HOST "A: a\r\na: b\r\n\r\n"), 0);
	assert_int_equal(head_list(out, sizeof(out), &h, "A"), 1);
	assert_string_equal(out, "a,b");
	assert_int_equal(head_list(out, 3, &h, "A"), -1);
	assert_int_equal(head_list(out, sizeof(out), &h, "B"), 0);
}

static void
rates_are_of_a_minute(void **state)
{
	struct rate *r = rate_new(3);
	struct peer a, b;

	(void)state;
	assert_true(peer_parse(&a, "192.0.2.1") && peer_parse(&b, "::1"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(rate_take(r, &a, 5000), 0);
	assert_int_equal(rate_take(r, &a, 5000), 21);
	assert_int_equal(rate_take(r, &b, 5000), 0);
	/* A third of a minute is worth one. */
	assert_int_equal(rate_take(r, &a, 24999), 1);
	assert_int_equal(rate_take(r, &a, 25000), 0);
	assert_true(rate_take(r, &a, 25001) > 0);
	/* Others without number do not make the table larger. */
	for (unsigned i = 0; i < 100000; i++) {
		memcpy(b.addr + 4, &i, sizeof(i));
		assert_int_equal(rate_take(r, &b, 25001), 0);
	}
	rate_free(r);
}

/* Lines that the log has by now. */
static int
lines(int fd)
{
	char text[8192];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	int num = 0;

	for (ssize_t i = 0; i < n; i++)
		num += text[i] == '\n';
	return num;
}

static void
an_expired_list_is_said_hourly(void **state)
{
	static const struct {
		int64_t number;
		time_t end, now;
		int lines;
	} rows[] = {
	    {1, 1000, 999, 0},
	    {1, 1000, 1000, 1},
	    {1, 1000, 1001, 1},
	    {1, 1000, 4599, 1},
	    {1, 1000, 4600, 2},
	    /* A clock that was set back. */
	    {1, 1000, 4000, 3},
	    /* Another list, as expired as the one before. */
	    {2, 2000, 4001, 4},
	    {2, 2000, 4002, 4},
	    {3, 9000, 4003, 5},
	    {3, 9000, 4004, 5},
	    {3, 9000, 9000, 6},
	};
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct expiry e = {0};

	(void)state;
	log_to(fd);
	for (size_t i = 0; i < NUM(rows); i++) {
		assert_int_equal(expiry_look(&e, "doorman", rows[i].number,
				     rows[i].end, rows[i].now),
		    rows[i].now >= rows[i].end);
		assert_int_equal(lines(fd), rows[i].lines);
	}
	log_to(STDERR_FILENO);
	close(fd);
}

static void
what_is_frequent_is_said_seldom(void **state)
{
	struct seldom s = {0};
	uint64_t times = 0;

	(void)state;
	assert_true(seldom_due(&s, 1, &times));
	assert_int_equal(times, 1);
	for (int i = 0; i < 9; i++)
		assert_false(seldom_due(&s, SELDOM_MS, &times));
	assert_true(seldom_due(&s, SELDOM_MS + 1, &times));
	assert_int_equal(times, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads_are_read),
	    cmocka_unit_test(heads_are_refused),
	    cmocka_unit_test(chunks_are_joined),
	    cmocka_unit_test(addresses_are_known_by_their_holder),
	    cmocka_unit_test(ranges_have_addresses),
	    cmocka_unit_test(proxies_say_who_asks),
	    cmocka_unit_test(a_list_may_come_in_parts),
	    cmocka_unit_test(rates_are_of_a_minute),
	    cmocka_unit_test(an_expired_list_is_said_hourly),
	    cmocka_unit_test(what_is_frequent_is_said_seldom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
