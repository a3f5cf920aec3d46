/* name_pattern: see the header. */
#include "gateway/base/name_pattern.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cache/base/text.h"

#define DNS_MAX           253
#define LABEL_MAX         63
#define SERIAL_MAX_DIGITS 128

/* A text and where it ends. */
struct span {
	const char *p;
	size_t len;
};

static struct span
span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

/* Takes what is before the next `stop` off s, and stop too; false: the last. */
static bool
cut(struct span *s, char stop, struct span *out)
{
	const char *at = s->len > 0 ? memchr(s->p, stop, s->len) : NULL;

	*out = *s;
	if (at == NULL)
		return false;
	out->len = (size_t)(at - s->p);
	s->p = at + 1;
	s->len -= out->len + 1;
	return true;
}

static bool
is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool
same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static bool
same_any_case(struct span a, struct span b)
{
	return a.len == b.len &&
	    (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* Visible ASCII. */
static bool
is_visible(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
			return false;
	return s.len > 0;
}

/* DNS. */

static bool
is_label(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.len > 0 && s.len <= LABEL_MAX;
}

static bool
is_dns(struct span s)
{
	struct span label;
	bool more, ok = s.len <= DNS_MAX;

	do {
		more = cut(&s, '.', &label);
		ok = ok && is_label(label);
	} while (ok && more);
	return ok;
}

bool
name_pattern_dns_valid(const char *pattern)
{
	struct span s = span_of(pattern);

	if (s.len > 2 && memcmp(s.p, "*.", 2) == 0)
		s = span_of(pattern + 2);
	return is_dns(s);
}

bool
name_pattern_dns(const char *pattern, const char *name, size_t len)
{
	struct span p = span_of(pattern), n = {name, len}, label;

	if (!is_dns(n))
		return false;
	if (p.len > 2 && memcmp(p.p, "*.", 2) == 0) {
		if (!cut(&n, '.', &label))
			return false;
		p = span_of(pattern + 2);
	}
	return same_any_case(p, n);
}

/* URIs. */

/* "scheme://authority" and the path behind, its first slash included. */
struct uri {
	struct span scheme, authority, rest;
	bool slashes; /* it has an authority */
};

static bool
is_scheme(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) &&
		    (i == 0 || strchr("+-.", s.p[i]) == NULL))
			return false;
	return s.len > 0 && (s.p[0] < '0' || s.p[0] > '9');
}

static bool
read_uri(struct uri *u, struct span s)
{
	size_t n;

	*u = (struct uri){.rest = s};
	if (!is_visible(s) || !cut(&u->rest, ':', &u->scheme) ||
	    !is_scheme(u->scheme) || u->rest.len == 0)
		return false;
	if (u->rest.len < 2 || memcmp(u->rest.p, "//", 2) != 0)
		return true;
	u->slashes = true;
	u->authority = (struct span){u->rest.p + 2, u->rest.len - 2};
	for (n = 0; n < u->authority.len; n++)
		if (strchr("/?#", u->authority.p[n]) != NULL)
			break;
	u->rest = (struct span){u->authority.p + n, u->authority.len - n};
	u->authority.len = n;
	return n > 0 && memchr(u->authority.p, '@', n) == NULL;
}

/* What a wildcard may stand for: one that no reader takes for another place. */
static bool
is_plain_segment(struct span s)
{
	return s.len > 0 && !is(s, ".") && !is(s, "..") &&
	    memchr(s.p, '?', s.len) == NULL &&
	    memchr(s.p, '#', s.len) == NULL && memchr(s.p, '%', s.len) == NULL;
}

static bool
are_plain_segments(struct span s)
{
	struct span one;
	bool more, ok = true;

	do {
		more = cut(&s, '/', &one);
		ok = is_plain_segment(one);
	} while (ok && more);
	return ok;
}

static bool
paths_match(struct span p, struct span n)
{
	struct span want, have;
	bool more_p, more_n;

	do {
		more_p = cut(&p, '/', &want);
		if (!more_p && is(want, "**"))
			return are_plain_segments(n);
		more_n = cut(&n, '/', &have);
		if (is(want, "*") ? !is_plain_segment(have) : !same(want, have))
			return false;
	} while (more_p && more_n);
	return more_p == more_n;
}

/* "*" alone between slashes, "**" alone behind the last. */
static bool
wildcards_stand_alone(struct span s)
{
	struct span one;
	bool more;

	do {
		more = cut(&s, '/', &one);
		if (one.len > 0 && memchr(one.p, '*', one.len) != NULL &&
		    !is(one, "*") && (more || !is(one, "**")))
			return false;
	} while (more);
	return true;
}

bool
name_pattern_uri_valid(const char *pattern)
{
	struct uri u;

	if (!read_uri(&u, span_of(pattern)))
		return false;
	if (!u.slashes)
		return strchr(pattern, '*') == NULL;
	return memchr(u.authority.p, '*', u.authority.len) == NULL &&
	    wildcards_stand_alone(u.rest);
}

bool
name_pattern_uri(const char *pattern, const char *name, size_t len)
{
	struct span s = {name, len};
	struct uri p, n;

	return read_uri(&p, span_of(pattern)) && read_uri(&n, s) &&
	    p.slashes == n.slashes && same_any_case(p.scheme, n.scheme) &&
	    same_any_case(p.authority, n.authority) &&
	    (p.slashes ? paths_match(p.rest, n.rest) : same(p.rest, n.rest));
}

/* E-mail. */

/* At the last "@": a quoted user may have others. */
static bool
read_email(struct span s, struct span *user, struct span *host)
{
	const char *at = s.len > 0 ? memrchr(s.p, '@', s.len) : NULL;

	if (at == NULL || !is_visible(s))
		return false;
	*user = (struct span){s.p, (size_t)(at - s.p)};
	*host = (struct span){at + 1, s.len - user->len - 1};
	return user->len > 0 && is_dns(*host);
}

bool
name_pattern_email_valid(const char *pattern)
{
	struct span user, host;

	return read_email(span_of(pattern), &user, &host) &&
	    (is(user, "*") || memchr(user.p, '*', user.len) == NULL);
}

bool
name_pattern_email(const char *pattern, const char *name, size_t len)
{
	struct span want, have, at, host, s = {name, len};

	return read_email(span_of(pattern), &want, &at) &&
	    read_email(s, &have, &host) && same_any_case(at, host) &&
	    (is(want, "*") || same(want, have));
}

/* Paths and numbers. */

bool
name_pattern_path(const char *prefix, const char *path, size_t len)
{
	size_t n = strlen(prefix);

	if (len < n || memcmp(prefix, path, n) != 0)
		return false;
	return len == n || (n > 0 && prefix[n - 1] == '/') || path[n] == '/';
}

char *
name_pattern_serial(const char *text)
{
	char digits[SERIAL_MAX_DIGITS + 1];
	size_t n = 0;

	for (const char *p = text; *p != '\0'; p++) {
		/* Between two pairs of digits. */
		if (*p == ':' && p > text && text_hex_value(p[-1]) >= 0 &&
		    text_hex_value(p[1]) >= 0)
			continue;
		if (text_hex_value(*p) < 0 || n == SERIAL_MAX_DIGITS)
			return NULL;
		if (n == 1 && digits[0] == '0')
			n = 0;
		digits[n++] = *p >= 'a' ? (char)(*p - 'a' + 'A') : *p;
	}
	digits[n] = '\0';
	return n > 0 ? strdup(digits) : NULL;
}
