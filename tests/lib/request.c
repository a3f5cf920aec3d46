/*
 * request: see request.h.
 */
#include "tests/lib/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
client_enter(struct client *c, const struct town *town, const char *peer,
    int port, int version)
{
	char *cert = NULL, *key = NULL;
	struct tls_options o = {.version = version};

	memset(c, 0, sizeof(*c));
	if (peer != NULL) {
		o.cert = cert = xasprintf("%s/peers/%s.pem", town->dir, peer);
		o.key = key = xasprintf("%s/peers/%s.key", town->dir, peer);
	}
	if (!tls_connect(&c->t, port, &o))
		fail_msg("no handshake: %s", c->t.error);
	free(cert);
	free(key);
}

void
client_leave(struct client *c)
{
	tls_free(&c->t);
	free(c->buf);
	memset(c, 0, sizeof(*c));
}

void
client_send(struct client *c, const char *text)
{
	if (!tls_write(&c->t, text, strlen(text)))
		fail_msg("cannot send: %s", c->t.error);
}

/* One read more; 0 when there is no more. */
static int
more(struct client *c)
{
	char piece[16384];
	int n = tls_read(&c->t, piece, sizeof(piece));

	if (n <= 0)
		return 0;
	c->buf = realloc(c->buf, c->len + (size_t)n + 1);
	assert_non_null(c->buf);
	memcpy(c->buf + c->len, piece, (size_t)n);
	c->len += (size_t)n;
	c->buf[c->len] = '\0';
	return 1;
}

static void
use(struct client *c, size_t n)
{
	memmove(c->buf, c->buf + n, c->len - n + 1);
	c->len -= n;
}

/* Moves n bytes of what is read to the end of the body; 0: they ended. */
static int
take(struct client *c, struct answer *a, size_t n)
{
	while (c->len < n)
		if (!more(c))
			return 0;
	a->body = realloc(a->body, a->len + n + 1);
	assert_non_null(a->body);
	if (n > 0)
		memcpy(a->body + a->len, c->buf, n);
	a->len += n;
	a->body[a->len] = '\0';
	if (n > 0)
		use(c, n);
	return 1;
}

/* Until text is in what is read; its place, or NULL. */
static char *
until(struct client *c, const char *text)
{
	char *at;

	while (c->buf == NULL || (at = strstr(c->buf, text)) == NULL)
		if (!more(c))
			return NULL;
	return at;
}

static int
take_chunks(struct client *c, struct answer *a)
{
	unsigned long n;
	char *end;

	do {
		end = until(c, "\r\n");
		if (end == NULL)
			return 0;
		n = strtoul(c->buf, NULL, 16);
		use(c, (size_t)(end - c->buf) + 2);
		if (!take(c, a, n))
			return 0;
		while (c->len < 2)
			if (!more(c))
				return 0;
		assert_memory_equal(c->buf, "\r\n", 2);
		use(c, 2);
	} while (n > 0);
	return 1;
}

char *
answer_header(const struct answer *a, const char *name)
{
	char *mark = xasprintf("\r\n%s: ", name);
	const char *at = a->head ? strcasestr(a->head, mark) : NULL;
	char *value = NULL;

	if (at != NULL) {
		at += strlen(mark);
		value = strndup(at, strcspn(at, "\r"));
	}
	free(mark);
	return value;
}

void
client_read_head(struct client *c, struct answer *a)
{
	char *end = until(c, "\r\n\r\n");

	memset(a, 0, sizeof(*a));
	if (end == NULL)
		return;
	a->head = strndup(c->buf, (size_t)(end - c->buf) + 4);
	use(c, strlen(a->head));
	if (strncmp(a->head, "HTTP/1.1 ", 9) != 0)
		fail_msg("not an answer: %s", a->head);
	a->status = atoi(a->head + 9);
}

int
client_read_rest(struct client *c)
{
	char piece[16384];
	int n;

	while ((n = tls_read(&c->t, piece, sizeof(piece))) > 0) {
		c->buf = realloc(c->buf, c->len + (size_t)n + 1);
		assert_non_null(c->buf);
		memcpy(c->buf + c->len, piece, (size_t)n);
		c->len += (size_t)n;
		c->buf[c->len] = '\0';
	}
	return n == 0;
}

void
client_read(struct client *c, struct answer *a)
{
	char *length, *chunked;

	client_read_head(c, a);
	if (a->head == NULL)
		return;
	length = answer_header(a, "Content-Length");
	chunked = answer_header(a, "Transfer-Encoding");
	if (length != NULL && chunked != NULL)
		fail_msg("two framings: %s", a->head);
	a->whole = take(c, a, 0);
	if (chunked != NULL)
		a->whole = take_chunks(c, a);
	else if (length != NULL)
		a->whole = take(c, a, strtoul(length, NULL, 10));
	free(length);
	free(chunked);
}

void
answer_free(struct answer *a)
{
	free(a->head);
	free(a->body);
	memset(a, 0, sizeof(*a));
}

int
client_ask(struct client *c, const char *text)
{
	struct answer a;
	int status;

	client_send(c, text);
	client_read(c, &a);
	status = a.status;
	answer_free(&a);
	return status;
}

int
client_ended(struct client *c)
{
	char byte;

	return c->len == 0 && tls_read(&c->t, &byte, 1) == 0;
}

char *
request_text(const char *target, const char *fields, size_t body)
{
	char *text,
	    *head =
		xasprintf("POST %s HTTP/1.1\r\nHost: gateway\r\n"
			  "Content-Type: application/json\r\nContent-Length: "
			  "%zu\r\n%s\r\n",
		    target, body, fields);
	size_t len = strlen(head);

	text = realloc(head, len + body + 1);
	assert_non_null(text);
	memset(text + len, 'b', body);
	text[len + body] = '\0';
	return text;
}
