/* xfcc: see the header. */
#include "gateway/authorize/xfcc.h"

#include <stdbool.h>
#include <string.h>

/* What is left of the header. */
struct cursor {
	const char *p, *end;
};

static bool
at(const struct cursor *c, char x)
{
	return c->p < c->end && *c->p == x;
}

/* Between quotes, the first of which is next. */
static bool
read_quoted(struct cursor *c, struct http_text *out)
{
	out->p = ++c->p;
	while (c->p < c->end && *c->p != '"')
		c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
	if (c->p >= c->end)
		return false;
	out->len = (size_t)(c->p++ - out->p);
	return true;
}

/* Up to one of stop, which must come before a quote does. */
static bool
read_bare(struct cursor *c, const char *stop, struct http_text *out)
{
	out->p = c->p;
	while (c->p < c->end && strchr(stop, *c->p) == NULL)
		if (*c->p++ == '"')
			return false;
	out->len = (size_t)(c->p - out->p);
	return true;
}

/* Key=value, and what it means. NULL, or what is wrong. */
static const char *
read_pair(struct cursor *c, struct xfcc_element *e)
{
	struct http_text key, value, *to = NULL;

	if (!read_bare(c, "=;,", &key) || key.len == 0 || !at(c, '='))
		return "has something that is not Key=value";
	c->p++;
	if (at(c, '"') ? !read_quoted(c, &value) : !read_bare(c, ";,", &value))
		return "has a quote that does not end, or in the middle";
	if (c->p < c->end && *c->p != ';' && *c->p != ',')
		return "has something behind a quoted value";
	if (http_text_is(&key, "cert"))
		to = &e->cert;
	else if (http_text_is(&key, "chain"))
		to = &e->chain;
	if (to == NULL)
		return NULL;
	if (to->p != NULL)
		return "has Cert or Chain twice in one element";
	*to = value;
	return NULL;
}

static void
skip_blanks(struct cursor *c)
{
	while (at(c, ' ') || at(c, '\t'))
		c->p++;
}

static const char *
read_element(struct cursor *c, struct xfcc_element *e)
{
	const char *bad;

	*e = (struct xfcc_element){{NULL, 0}, {NULL, 0}};
	skip_blanks(c);
	do {
		bad = read_pair(c, e);
	} while (bad == NULL && at(c, ';') && ++c->p != NULL);
	return bad;
}

/* Twice over the text: first to count, then to find it. */
int
xfcc_read(struct xfcc_element *out, const struct http_text *text, uint32_t hop,
    struct err *err)
{
	size_t num = 0, want = 0;

	for (int turn = 0; turn < 2; turn++) {
		struct cursor c = {text->p, text->p + text->len};
		struct xfcc_element e;

		num = 0;
		do {
			const char *bad = read_element(&c, &e);

			if (bad != NULL)
				return err_set(err, E_PARSE, "%s", bad);
			if (turn == 1 && ++num == want) {
				*out = e;
				return 0;
			}
			num += turn == 0;
		} while (at(&c, ',') && ++c.p != NULL);
		if (num < hop)
			return err_set(err, E_PARSE,
			    "has %zu elements, and hop %u is asked for", num,
			    hop);
		want = num - hop + 1;
	}
	return err_set(err, E_PARSE, "cannot be read");
}
