/*
 * Bytes as a peer sends them, and as a node answers. A head is the same in one
 * piece and in two; what is written for the node reads back as one request of
 * the length it had and nobody's claims but the gateway's; a chunked body is
 * the same whole and in pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http1/http_chunk.h"
#include "gateway/http1/http_fields.h"

/* From tests/fuzz/seeds. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".http";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int ok)
{
	if (!ok)
		abort();
}

/* Found at the same place, whatever came first. */
static size_t
scan(const char *p, size_t size)
{
	size_t whole = 0, halves = 0;
	const char *why;
	enum http_scan a = http_head_scan(p, size, &whole, &why);
	enum http_scan b = http_head_scan(p, size / 2, &halves, &why);

	if (b == HTTP_SCAN_MORE)
		b = http_head_scan(p, size, &halves, &why);
	must(a == b);
	must(a != HTTP_SCAN_END || (whole == halves && whole <= size));
	return a == HTTP_SCAN_END ? whole : 0;
}

/* The node must read what the gateway meant. */
static void
read_back(const struct http_head *h, const struct http_order *order)
{
	const struct http_peer who = {.tls = "TLSv1.3", .address = "a"};
	const struct http_field *f;
	struct http_head again;
	const char *why;
	struct bytes b;
	uint64_t n;

	bytes_init(&b, 1024 * 1024);
	must(http_put_request(&b, h, order, &who) == 0);
	must(scan((char *)b.p, b.len) == b.len);
	/* It may have one field more than it may come with. */
	if (http_parse_request(&again, (char *)b.p, b.len, &why) == 0) {
		f = http_head_find(&again, "content-length");
		must(http_head_count(&again, "content-length") ==
		    (order->body == HTTP_BODY_LENGTH));
		must(f == NULL ||
		    (http_length(&f->value, &n) && n == order->body_bytes));
		must(http_head_count(&again, "transfer-encoding") ==
		    (order->body == HTTP_BODY_CHUNKED));
		must(http_head_count(&again, "expect") == order->asks_node);
		must(http_head_count(&again, "upgrade") == 0);
		must(http_head_count(&again, "connection") == 0);
		must(http_head_count(&again, "host") == 1);
		must(http_head_count(&again, "p2p-gateway-status") == 1);
		must(http_head_count(&again, "client-cert") == 0);
	}
	bytes_cleanup(&b);
}

static void
request_by(bool any, const char *p, size_t len)
{
	static struct http_route list[] = {{"/", 0}, {"/gateway/send", 0}};
	const struct http_routes routes = {
	    .list = list, .num = 2, .below = any};
	const struct http_rules rules = {
	    .routes = &routes, .max_request_bytes = 1000, .any = any};
	struct http_order order;
	struct http_head h;
	const char *why = NULL;

	if (http_parse_request(&h, p, len, &why) != 0) {
		must(why != NULL);
		return;
	}
	if (http_rules_check(&order, &h, &rules, &why) == 0)
		read_back(&h, &order);
	else
		must(why != NULL);
}

static void
request(const char *p, size_t len)
{
	request_by(false, p, len);
	request_by(true, p, len);
}

static void
answer(const char *p, size_t len)
{
	struct http_head h;
	const char *why;
	struct bytes b;

	if (http_parse_answer(&h, p, len, &why) != 0)
		return;
	must(h.status >= 100 && h.status <= 999);
	bytes_init(&b, 1024 * 1024);
	must(http_put_answer(&b, &h, HTTP_FRAMING_LENGTH, 1, true) == 0);
	must(scan((char *)b.p, b.len) == b.len);
	b.len = 0;
	must(http_put_interim(&b, &h) == 0);
	must(scan((char *)b.p, b.len) == b.len);
	bytes_cleanup(&b);
}

/* Data of p[0..size), step bytes at a time. */
static size_t
decode(const uint8_t *p, size_t size, size_t step, uint8_t *out)
{
	enum http_chunk_result result = HTTP_CHUNK_MORE;
	struct http_chunk c = {0};
	size_t at = 0, total = 0;

	while (result == HTTP_CHUNK_MORE && at < size) {
		size_t n = size - at < step ? size - at : step, got, used;

		memcpy(out + total, p + at, n);
		result = http_chunk_decode(&c, out + total, n, &got, &used);
		must(got <= used && used <= n);
		total += got;
		at += used;
	}
	return total;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *a = malloc(size + 1), *b = malloc(size + 1);
	size_t len, n;

	if (a == NULL || b == NULL)
		abort();
	memcpy(a, data, size);
	len = scan((char *)a, size);
	request((char *)a, len > 0 ? len : size);
	answer((char *)a, len > 0 ? len : size);
	n = decode(data, size, size > 0 ? size : 1, a);
	must(decode(data, size, 3, b) == n);
	must(memcmp(a, b, n) == 0);
	free(a);
	free(b);
	return 0;
}
