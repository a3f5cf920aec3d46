/*
 * http_rules: see http_check.h. First what makes a request ambiguous (400),
 * then Corda's list: path 404, version 505, method 501, length 411 and 413,
 * type 415; and 417 for an expectation nobody knows.
 */
#include "gateway/http1/http_rules.h"

#include <string.h>
#include <strings.h>

#include "cache/base/text.h"

const char *
http_status_words(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 408:
		return "Request Timeout";
	case 411:
		return "Length Required";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 417:
		return "Expectation Failed";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Error";
	}
}

/* One that two servers could read in two ways. */
static const char *
find_ambiguity(const struct http_head *h)
{
	if (http_head_count(h, "content-length") > 1)
		return "more than one Content-Length";
	if (http_head_count(h, "content-length") > 0 &&
	    http_head_count(h, "transfer-encoding") > 0)
		return "both Content-Length and Transfer-Encoding";
	if (http_head_count(h, "host") > 1)
		return "more than one Host";
	if (http_head_count(h, "host") == 0 && h->major == 1 && h->minor == 1)
		return "no Host";
	if (http_head_count(h, "content-type") > 1)
		return "more than one Content-Type";
	return NULL;
}

/* The target. */

/* Only what RFC 3986 allows in path and query. */
static bool
is_valid_uri(const struct http_text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (strchr("\"#<>[\\]^`{|}", t->p[i]) != NULL)
			return false;
		if (t->p[i] != '%')
			continue;
		if (t->len - i < 3 || text_hex_value(t->p[i + 1]) < 0 ||
		    text_hex_value(t->p[i + 2]) < 0)
			return false;
	}
	return true;
}

/* "http://host/path?query" means the same as "/path?query". */
static struct http_text
origin_form(struct http_text t)
{
	static const char *const schemes[] = {"https://", "http://"};
	const char *slash;

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (t.len < n || strncasecmp(t.p, schemes[i], n) != 0)
			continue;
		t.p += n;
		t.len -= n;
		slash = memchr(t.p, '/', t.len);
		if (slash == NULL)
			return (struct http_text){"/", 1};
		t.len -= (size_t)(slash - t.p);
		t.p = slash;
		break;
	}
	return t;
}

static unsigned
check_target(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	struct http_text path = origin_form(h->target);
	const char *query;

	*why = "not a valid URI";
	if (!is_valid_uri(&path))
		return 400;
	out->target = path;
	query = memchr(path.p, '?', path.len);
	if (query != NULL)
		path.len = (size_t)(query - path.p);
	*why = "no such path is configured";
	if (!http_routes_serve(rules->routes, rules->port, path.p, path.len))
		return 404;
	return 0;
}

/* The body. */

static unsigned
check_length(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	const struct http_field *f = http_head_find(h, "content-length");

	*why = "Transfer-Encoding is not taken, a Content-Length is";
	if (http_head_find(h, "transfer-encoding") != NULL)
		return 411;
	*why = "no valid Content-Length";
	if (f == NULL || !http_length(&f->value, &out->body_bytes))
		return 411;
	*why = "the body is larger than is taken";
	return out->body_bytes > rules->max_request_bytes ? 413 : 0;
}

/* Parameters aside. */
static bool
is_json(const struct http_field *type)
{
	struct http_text t;
	const char *end;

	if (type == NULL)
		return false;
	t = type->value;
	end = memchr(t.p, ';', t.len);
	if (end != NULL)
		t.len = (size_t)(end - t.p);
	while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
		t.len--;
	return http_text_is(&t, "application/json");
}

static unsigned
check_expectation(
    struct http_order *out, const struct http_head *h, const char **why)
{
	const struct http_field *f = http_head_find(h, "expect");

	if (f == NULL)
		return 0;
	*why = "an expectation that is not 100-continue";
	if (http_head_count(h, "expect") > 1 ||
	    !http_text_is(&f->value, "100-continue"))
		return 417;
	out->expects_continue = true;
	return 0;
}

unsigned
http_rules_check(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	unsigned status;

	*out = (struct http_order){0};
	*why = find_ambiguity(h);
	if (*why != NULL)
		return 400;
	status = check_target(out, h, rules, why);
	if (status != 0)
		return status;
	*why = "HTTP/1.1 was expected";
	if (h->major != 1 || h->minor != 1)
		return 505;
	*why = "POST was expected";
	if (h->method.len != 4 || memcmp(h->method.p, "POST", 4) != 0)
		return 501;
	status = check_length(out, h, rules, why);
	if (status != 0)
		return status;
	*why = "Content-Type application/json was expected";
	if (!is_json(http_head_find(h, "content-type")))
		return 415;
	out->keep_alive = !http_head_has(h, "connection", "close");
	return check_expectation(out, h, why);
}
