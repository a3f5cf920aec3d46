/* url_text: see the header. */
#include "cache/base/url_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS       "0123456789"
#define SCHEME_CHARS LETTERS DIGITS "+-."
#define HOST_CHARS   LETTERS DIGITS "-._"
#define IPV6_CHARS   "0123456789abcdefABCDEF:."
/* RFC 3986 3.3 and 3.4: pchar, "/" and "?"; "%" begins an octet. */
#define PATH_CHARS LETTERS DIGITS "-._~!$&'()*+,;=:@/?"

/* What is left to read, and what is written; `to` has room for all of it. */
struct url_text {
	struct span in;
	char *to;
	size_t len;
};

static bool
is_blank(uint8_t c)
{
	return c <= 0x20 || c == 0x7f;
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && is_blank(s.p[0]))
		s = span_of(s.p + 1, s.len - 1);
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* How many octets at the front are of these. */
static size_t
run_of(struct span s, const char *chars)
{
	size_t n = 0;

	while (n < s.len && s.p[n] != '\0' && strchr(chars, s.p[n]) != NULL)
		n++;
	return n;
}

/* How many are before the first of these. */
static size_t
run_until(struct span s, const char *ends)
{
	size_t n = 0;

	while (n < s.len && (s.p[n] == '\0' || strchr(ends, s.p[n]) == NULL))
		n++;
	return n;
}

static struct span
take(struct url_text *t, size_t n)
{
	struct span s = span_of(t->in.p, n);

	t->in = span_of(t->in.p + n, t->in.len - n);
	return s;
}

static void
put(struct url_text *t, const void *p, size_t n)
{
	if (n > 0)
		memcpy(t->to + t->len, p, n);
	t->len += n;
	t->to[t->len] = '\0';
}

static void
put_lower(struct url_text *t, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = (char)s.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		put(t, &c, 1);
	}
}

static bool
is_octet(struct span s, size_t at)
{
	return s.len - at >= 3 && text_hex_value((char)s.p[at + 1]) >= 0 &&
	    text_hex_value((char)s.p[at + 2]) >= 0;
}

static void
put_escaped(struct url_text *t, struct span s, const char *plain)
{
	char hex[4] = "%";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if ((c != '\0' && strchr(plain, c) != NULL) ||
		    (c == '%' && is_octet(s, i))) {
			put(t, &c, 1);
			continue;
		}
		text_hex_upper(hex + 1, &c, 1);
		put(t, hex, 3);
	}
}

/* RFC 3986 5.2.4 on the path that begins at `from` and ends the text. */
static void
remove_dots(struct url_text *t, size_t from)
{
	char *path = t->to + from, *out = path, *in = path, *end;
	size_t n;

	while (*in == '/') {
		end = in + 1 + strcspn(in + 1, "/");
		n = (size_t)(end - in);
		if (n == 2 && in[1] == '.') {
			/* "/." at the end leaves its slash. */
			if (*end == '\0')
				*out++ = '/';
		} else if (n == 3 && in[1] == '.' && in[2] == '.') {
			while (out > path && *--out != '/')
				continue;
			if (*end == '\0')
				*out++ = '/';
		} else {
			memmove(out, in, n);
			out += n;
		}
		in = end;
	}
	*out = '\0';
	t->len = from + (size_t)(out - path);
}

static int
read_scheme(struct url_text *t, bool *tls, struct err *err)
{
	size_t n = run_of(t->in, SCHEME_CHARS);
	struct span s;

	if (n == 0 || n == t->in.len || t->in.p[n] != ':' ||
	    run_of(t->in, LETTERS) == 0)
		return err_set(err, E_PARSE,
		    "not a URL: http:// or https:// is expected in front");
	s = take(t, n + 1);
	put_lower(t, s);
	*tls = strcmp(t->to, "https:") == 0;
	if (!*tls && strcmp(t->to, "http:") != 0)
		return err_set(err, E_PARSE,
		    "scheme '%.*s' is not supported: http or https is expected",
		    n < 16 ? (int)n : 16, t->to);
	if (run_of(t->in, "/") < 2)
		return err_set(err, E_PARSE,
		    "not a URL: '//' is expected behind '%s'", t->to);
	put(t, "//", 2);
	(void)take(t, 2);
	return 0;
}

static int
read_host(struct url_text *t, struct span *auth, struct err *err)
{
	struct span s = *auth;
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '@')
			return err_set(err, E_PARSE,
			    "not a usable URL: it has a user's name");
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] >= 0x80 ||
		    (s.p[i] == '%' && is_octet(s, i) &&
			text_hex_value((char)s.p[i + 1]) >= 8))
			return err_set(err, E_PARSE,
			    "not a usable URL: the host is not written in "
			    "ASCII; its form with xn-- is expected");
	if (s.len > 0 && s.p[0] == '[') {
		n = 1 + run_of(span_of(s.p + 1, s.len - 1), IPV6_CHARS);
		n = n > 1 && n < s.len && s.p[n] == ']' ? n + 1 : 0;
	} else {
		n = run_of(s, HOST_CHARS);
	}
	if (s.len == 0 || s.p[0] == ':')
		return err_set(
		    err, E_PARSE, "not a usable URL: it names no host");
	if (n == 0 || n > 253 || (n < s.len && s.p[n] != ':'))
		return err_set(
		    err, E_PARSE, "not a usable URL: no host has such a name");
	put_lower(t, span_of(s.p, n));
	*auth = span_of(s.p + n, s.len - n);
	return 0;
}

/* ":" and digits, or nothing. */
static int
read_port(struct url_text *t, struct span s, bool tls, struct err *err)
{
	unsigned long port = 0;
	char text[8];

	if (s.len > 0)
		s = span_of(s.p + 1, s.len - 1);
	if (s.len == 0)
		return 0;
	for (size_t i = 0; i < s.len && port <= 65535; i++)
		port = s.p[i] >= '0' && s.p[i] <= '9'
		    ? port * 10 + (s.p[i] - '0')
		    : 65536;
	if (port == 0 || port > 65535)
		return err_set(err, E_PARSE,
		    "not a usable URL: its port is none of 1 to 65535");
	if (port != (tls ? 443 : 80))
		put(t, text,
		    (size_t)snprintf(text, sizeof(text), ":%lu", port));
	return 0;
}

static int
read_url(struct url_text *t, struct err *err)
{
	struct span auth;
	size_t path;
	bool tls = false;
	int rc = read_scheme(t, &tls, err);

	if (rc != 0)
		return rc;
	auth = take(t, run_until(t->in, "/?#"));
	rc = read_host(t, &auth, err);
	if (rc == 0)
		rc = read_port(t, auth, tls, err);
	if (rc != 0)
		return rc;
	path = t->len;
	if (t->in.len == 0 || t->in.p[0] != '/')
		put(t, "/", 1);
	put_escaped(t, take(t, run_until(t->in, "?#")), PATH_CHARS);
	remove_dots(t, path);
	put_escaped(t, take(t, run_until(t->in, "#")), PATH_CHARS);
	if (t->len > URL_TEXT_MAX)
		return err_set(err, E_PARSE,
		    "not a usable URL: longer than %d characters",
		    URL_TEXT_MAX);
	return 0;
}

int
url_normalise(char **out, struct span in, struct err *err)
{
	struct url_text t = {.in = trim(in)};
	struct span whole = t.in;
	int rc;

	/* Each octet becomes three at most, and a slash may be added. */
	*out = t.to = malloc(3 * whole.len + 2);
	if (t.to == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	t.to[0] = '\0';
	rc = read_url(&t, err);
	if (rc != 0) {
		t.len = 0;
		t.to[0] = '\0';
		put_escaped(&t, whole, PATH_CHARS "#[]");
	}
	return rc;
}
