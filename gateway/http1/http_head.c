/*
 * http_head: see http_head.h. Written here because what Debian has is either
 * lenient by design (libhtp reads like the servers it watches) or no longer
 * kept up (http-parser takes bare LF and folded lines).
 */
#include "gateway/http1/http_head.h"

#include <string.h>
#include <strings.h>

#define LENGTH_MAX (1ULL << 58) /* ten times it still fits */

/* What is left of the head. */
struct cursor {
	const char *p, *end;
};

/* RFC 9110 section 5.6.2. */
static bool
is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Of a field value or a reason: RFC 9110 section 5.5. */
static bool
is_text_char(unsigned char c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The end of it. */

enum http_scan
http_head_scan(const char *p, size_t len, size_t *seen, const char **why)
{
	for (size_t i = *seen; i < len; i++) {
		bool after_cr = i > 0 && p[i - 1] == '\r';

		if (after_cr != (p[i] == '\n')) {
			*why = after_cr ? "a bare CR" : "a bare LF";
			return HTTP_SCAN_BAD;
		}
		if (p[i] == '\n' && i >= 2 && p[i - 2] == '\n') {
			*seen = i + 1;
			return HTTP_SCAN_END;
		}
		if (p[i] != '\r' && p[i] != '\n' &&
		    !is_text_char((unsigned char)p[i])) {
			*why = "a control character";
			return HTTP_SCAN_BAD;
		}
	}
	*seen = len;
	return HTTP_SCAN_MORE;
}

/* Lines. */

/* The next line without its CRLF. */
static bool
next_line(struct cursor *c, struct http_text *out)
{
	const char *lf = memchr(c->p, '\n', (size_t)(c->end - c->p));

	if (lf == NULL || lf == c->p || lf[-1] != '\r')
		return false;
	*out = (struct http_text){c->p, (size_t)(lf - 1 - c->p)};
	c->p = lf + 1;
	return true;
}

/* Takes what is before the next `stop` off t, and stop too. */
static bool
cut_word(struct http_text *t, char stop, struct http_text *out)
{
	const char *at = memchr(t->p, stop, t->len);

	if (at == NULL || at == t->p)
		return false;
	*out = (struct http_text){t->p, (size_t)(at - t->p)};
	t->len -= out->len + 1;
	t->p = at + 1;
	return true;
}

static bool
is_token(const struct http_text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (!is_token_char((unsigned char)t->p[i]))
			return false;
	return t->len > 0;
}

static bool
is_text(const struct http_text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (!is_text_char((unsigned char)t->p[i]))
			return false;
	return true;
}

/* "HTTP/1.1" and nothing else. */
static bool
read_version(struct http_head *h, const struct http_text *t)
{
	if (t->len != 8 || memcmp(t->p, "HTTP/", 5) != 0 ||
	    !is_digit(t->p[5]) || t->p[6] != '.' || !is_digit(t->p[7]))
		return false;
	h->major = (unsigned)(t->p[5] - '0');
	h->minor = (unsigned)(t->p[7] - '0');
	return true;
}

static void
trim(struct http_text *t)
{
	while (t->len > 0 && (*t->p == ' ' || *t->p == '\t'))
		t->p++, t->len--;
	while (
	    t->len > 0 && (t->p[t->len - 1] == ' ' || t->p[t->len - 1] == '\t'))
		t->len--;
}

static int
read_field(struct http_head *h, struct http_text line, const char **why)
{
	struct http_field *f;

	if (h->num_fields == HTTP_MAX_FIELDS) {
		*why = "too many header fields";
		return E_LIMIT;
	}
	f = &h->fields[h->num_fields];
	*why = "a header field that is not NAME: VALUE";
	if (*line.p == ' ' || *line.p == '\t')
		*why = "a folded header line";
	if (!cut_word(&line, ':', &f->name) || !is_token(&f->name) ||
	    !is_text(&line))
		return E_PARSE;
	f->value = line;
	trim(&f->value);
	h->num_fields++;
	return 0;
}

static int
read_fields(struct http_head *h, struct cursor *c, const char **why)
{
	struct http_text line;
	int rc;

	while (next_line(c, &line)) {
		if (line.len == 0) {
			if (c->p == c->end)
				return 0;
			break;
		}
		rc = read_field(h, line, why);
		if (rc != 0)
			return rc;
	}
	*why = "a head without its empty line";
	return E_PARSE;
}

/* Heads. */

int
http_parse_request(
    struct http_head *out, const char *p, size_t len, const char **why)
{
	struct cursor c = {p, p + len};
	struct http_text line;

	memset(out, 0, offsetof(struct http_head, fields));
	out->num_fields = 0;
	*why = "not a request line";
	if (!next_line(&c, &line) || !cut_word(&line, ' ', &out->method) ||
	    !is_token(&out->method) || !cut_word(&line, ' ', &out->target) ||
	    !read_version(out, &line))
		return E_PARSE;
	for (size_t i = 0; i < out->target.len; i++)
		if (out->target.p[i] <= 0x20 || out->target.p[i] >= 0x7f)
			return E_PARSE;
	return read_fields(out, &c, why);
}

int
http_parse_answer(
    struct http_head *out, const char *p, size_t len, const char **why)
{
	struct cursor c = {p, p + len};
	struct http_text line, version;
	const char *s;

	memset(out, 0, offsetof(struct http_head, fields));
	out->num_fields = 0;
	*why = "not a status line";
	if (!next_line(&c, &line) || !cut_word(&line, ' ', &version) ||
	    !read_version(out, &version))
		return E_PARSE;
	/* Some leave the reason out, and the space before it. */
	s = line.p;
	if (line.len < 3 || s[0] < '1' || s[0] > '9' || !is_digit(s[1]) ||
	    !is_digit(s[2]) || (line.len > 3 && s[3] != ' '))
		return E_PARSE;
	out->status = (unsigned)(s[0] - '0') * 100 +
	    (unsigned)(s[1] - '0') * 10 + (unsigned)(s[2] - '0');
	if (line.len > 4)
		out->reason = (struct http_text){s + 4, line.len - 4};
	if (!is_text(&out->reason))
		return E_PARSE;
	return read_fields(out, &c, why);
}

/* Looking at one. */

bool
http_text_is(const struct http_text *t, const char *word)
{
	return strlen(word) == t->len && strncasecmp(t->p, word, t->len) == 0;
}

const struct http_field *
http_head_find(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->num_fields; i++)
		if (http_text_is(&h->fields[i].name, name))
			return &h->fields[i];
	return NULL;
}

size_t
http_head_count(const struct http_head *h, const char *name)
{
	size_t num = 0;

	for (size_t i = 0; i < h->num_fields; i++)
		num += http_text_is(&h->fields[i].name, name);
	return num;
}

static bool
list_has(struct http_text list, const struct http_text *word)
{
	while (list.len > 0) {
		const char *comma = memchr(list.p, ',', list.len);
		struct http_text item = list;

		if (comma != NULL)
			item.len = (size_t)(comma - list.p);
		list.p += item.len;
		list.len -= item.len;
		if (comma != NULL)
			list.p++, list.len--;
		trim(&item);
		if (item.len == word->len &&
		    strncasecmp(item.p, word->p, item.len) == 0)
			return true;
	}
	return false;
}

bool
http_head_lists(
    const struct http_head *h, const char *name, const struct http_text *word)
{
	for (size_t i = 0; i < h->num_fields; i++)
		if (http_text_is(&h->fields[i].name, name) &&
		    list_has(h->fields[i].value, word))
			return true;
	return false;
}

bool
http_head_has(const struct http_head *h, const char *name, const char *word)
{
	const struct http_text w = {word, strlen(word)};

	return http_head_lists(h, name, &w);
}

bool
http_length(const struct http_text *t, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < t->len; i++) {
		if (!is_digit(t->p[i]))
			return false;
		v = v * 10 + (uint64_t)(t->p[i] - '0');
		if (v > LENGTH_MAX)
			v = LENGTH_MAX;
	}
	*out = v;
	return t->len > 0;
}
