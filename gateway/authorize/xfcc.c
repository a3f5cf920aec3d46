/* xfcc: see the header. */
#include "gateway/authorize/xfcc.h"

#include <stdbool.h>
#include <string.h>

/* What is left of the header. */
struct cursor {
	const char *p, *end;
	bool unsafe; /* there was a value that may have made up what follows */
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

/*
 * Envoy quotes the subject of a peer's certificate, and not its URIs and names,
 * in which a comma and "Cert=" may stand: whoever may write a certificate of
 * his own, self-signed perhaps, could add an element.
 */
static bool
is_peers_own(const struct http_text *key)
{
	static const char *const others[] = {"by", "hash", "cert", "chain"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (http_text_is(key, others[i]))
			return false;
	return true;
}

/* Key=value, and what it means. NULL, or what is wrong. */
static const char *
read_pair(struct cursor *c, struct xfcc_element *e)
{
	struct http_text key, value, *to = NULL;
	bool quoted;

	if (!read_bare(c, "=;,", &key) || key.len == 0 || !at(c, '='))
		return "has something that is not Key=value";
	c->p++;
	quoted = at(c, '"');
	if (quoted ? !read_quoted(c, &value) : !read_bare(c, ";,", &value))
		return "has a quote that does not end, or in the middle";
	if (c->p < c->end && *c->p != ';' && *c->p != ',')
		return "has something behind a quoted value";
	c->unsafe = c->unsafe || (!quoted && is_peers_own(&key));
	if (http_text_is(&key, "cert"))
		to = &e->cert;
	else if (http_text_is(&key, "chain"))
		to = &e->chain;
	if (to == NULL)
		return NULL;
	if (to->p != NULL)
		return "has Cert or Chain twice in one element";
	*to = value;
	e->unsafe = c->unsafe;
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

	*e = (struct xfcc_element){.unsafe = false};
	skip_blanks(c);
	do {
		bad = read_pair(c, e);
	} while (bad == NULL && at(c, ';') && ++c->p != NULL);
	return bad;
}

static int
check_safe(const struct xfcc_element *e, struct err *err)
{
	if (!e->unsafe)
		return 0;
	return err_set(err, E_PARSE,
	    "has URI, DNS or the like before Cert, by which a peer could write "
	    "it: leave them out of set_current_client_cert_details");
}

/* Twice over the text: first to count, then to find it. */
int
xfcc_read(struct xfcc_element *out, const struct http_text *text, uint32_t hop,
    struct err *err)
{
	size_t num = 0, want = 0;

	for (int turn = 0; turn < 2; turn++) {
		struct cursor c = {text->p, text->p + text->len, false};
		struct xfcc_element e;

		num = 0;
		do {
			const char *bad = read_element(&c, &e);

			if (bad != NULL)
				return err_set(err, E_PARSE, "%s", bad);
			if (turn == 1 && ++num == want) {
				*out = e;
				return check_safe(&e, err);
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
