/*
 * http_rules: see the header. First what makes a request ambiguous (400),
 * then Corda's list: path 404, version 505, method 501, length 411 and 413,
 * type 415; and 417 for an expectation nobody knows. Of any other request
 * version, method, path, body and expectation are asked in this order.
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
	case 403:
		return "Forbidden";
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
check_path(struct http_order *out, struct http_text path,
    const struct http_rules *rules, const char **why)
{
	out->path = path;
	*why = "no such path is configured";
	return http_routes_serve(rules->routes, rules->port, path.p, path.len)
	    ? 0
	    : 404;
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
	return check_path(out, path, rules, why);
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

/* What Corda's gateway takes. */
static unsigned
check_corda(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	unsigned status = check_target(out, h, rules, why);

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

/* Any request: its target. */

/* Takes what ends at one of `stops`, or all there is, off t. */
static struct http_text
cut_at(struct http_text *t, const char *stops)
{
	struct http_text out = {t->p, 0};

	while (out.len < t->len && strchr(stops, t->p[out.len]) == NULL)
		out.len++;
	t->p += out.len;
	t->len -= out.len;
	return out;
}

/* RFC 3986 3.2.2, 3.2.3: a host, perhaps a port; nobody's name before it. */
static bool
is_authority(const struct http_text *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (strchr("-._~%!$&'()*+,;=:[]", t->p[i]) == NULL &&
		    !(t->p[i] >= '0' && t->p[i] <= '9') &&
		    !(t->p[i] >= 'a' && t->p[i] <= 'z') &&
		    !(t->p[i] >= 'A' && t->p[i] <= 'Z'))
			return false;
	return t->len > 0;
}

/* One character of a path as a server might read it: %2e is a dot. */
static char
read_char(const struct http_text *t, size_t *at)
{
	size_t i = (*at)++;

	if (t->p[i] != '%' || t->len - i < 3)
		return t->p[i];
	*at += 2;
	return (char)(text_hex_value(t->p[i + 1]) << 4 |
	    text_hex_value(t->p[i + 2]));
}

/*
 * A segment of dots leads elsewhere, and so it may where what a server cuts
 * off comes behind them: parameters (";..."), what it takes for the end of the
 * path once it is decoded (%00, %3f, %23), blanks.
 */
static bool
has_dot_segment(const struct http_text *path)
{
	size_t dots = 0, others = 0, at = 0;
	bool parameters = false;

	for (;;) {
		char c = at < path->len ? read_char(path, &at) : '\0';
		bool over = at >= path->len;

		if (c == '/' || c == '\\') {
			if (others == 0 && (dots == 1 || dots == 2))
				return true;
			dots = others = 0;
			parameters = false;
		} else if (c == ';' || c == '?' || c == '#') {
			parameters = true;
		} else if (!parameters && (unsigned char)c > 0x20) {
			dots += c == '.';
			others += c != '.';
		}
		if (over)
			return others == 0 && (dots == 1 || dots == 2);
	}
}

/* "scheme://authority" off an absolute target. */
static unsigned
take_authority(struct http_order *out, struct http_text *t, const char **why)
{
	static const char *const schemes[] = {"https://", "http://"};

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (t->len < n || strncasecmp(t->p, schemes[i], n) != 0)
			continue;
		t->p += n;
		t->len -= n;
		out->authority = cut_at(t, "/?#");
		*why = "the target has no valid host";
		return is_authority(&out->authority) ? 0 : 400;
	}
	*why = "the target is neither a path nor an http URI";
	return 400;
}

static unsigned
check_any_target(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	static const struct http_text root = {"/", 1}, all = {"*", 1};
	struct http_text t = h->target;
	bool options = http_text_is(&h->method, "OPTIONS");
	unsigned status;

	if (options && http_text_is(&t, "*")) {
		out->target = all;
		return check_path(out, root, rules, why);
	}
	status = t.p[0] == '/' ? 0 : take_authority(out, &t, why);
	if (status != 0)
		return status;
	/* RFC 9112 3.2.4, and 3.2.1: a path must not be empty. */
	out->target = t.len > 0 ? t : options ? all : root;
	*why = "the path of the target is missing";
	if (t.len > 0 && t.p[0] != '/')
		return 400;
	t = t.len > 0 ? cut_at(&t, "?") : root;
	*why = "not a valid URI";
	if (!is_valid_uri(&t) ||
	    memchr(out->target.p, '#', out->target.len) != NULL)
		return 400;
	*why = "a path with segments of dots";
	if (has_dot_segment(&t))
		return 400;
	return check_path(out, t, rules, why);
}

/* Any request: the rest of it. */

static unsigned
check_method(
    struct http_order *out, const struct http_head *h, const char **why)
{
	static const char *const repeatable[] = {
	    "GET", "HEAD", "OPTIONS", "PUT", "DELETE"};

	*why = "CONNECT and TRACE are not taken";
	if (http_text_is(&h->method, "CONNECT") ||
	    http_text_is(&h->method, "TRACE"))
		return 501;
	*why = "Upgrade is not taken; a listener that relays bytes would";
	if (http_head_find(h, "upgrade") != NULL)
		return 501;
	/* RFC 9110 9.2.2; methods have case. */
	for (size_t i = 0; i < sizeof(repeatable) / sizeof(repeatable[0]); i++)
		out->repeatable |= h->method.len == strlen(repeatable[i]) &&
		    memcmp(h->method.p, repeatable[i], h->method.len) == 0;
	out->head = h->method.len == 4 && memcmp(h->method.p, "HEAD", 4) == 0;
	return 0;
}

static unsigned
check_any_body(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	const struct http_field *te = http_head_find(h, "transfer-encoding");
	const struct http_field *cl = http_head_find(h, "content-length");

	if (te != NULL) {
		*why = "Transfer-Encoding in HTTP/1.0";
		if (out->old)
			return 400;
		*why = "a Transfer-Encoding that is not chunked";
		out->body = HTTP_BODY_CHUNKED;
		return http_text_is(&te->value, "chunked") ? 0 : 501;
	}
	if (cl == NULL)
		return 0;
	*why = "no valid Content-Length";
	out->body = HTTP_BODY_LENGTH;
	if (!http_length(&cl->value, &out->body_bytes))
		return 400;
	*why = "the body is larger than is taken";
	return out->body_bytes > rules->max_request_bytes ? 413 : 0;
}

static bool
has_body(const struct http_order *o)
{
	return o->body == HTTP_BODY_CHUNKED ||
	    (o->body == HTTP_BODY_LENGTH && o->body_bytes > 0);
}

static unsigned
check_any(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	unsigned status;

	*why = "HTTP/1.1 or 1.0 was expected";
	if (h->major != 1 || h->minor > 1)
		return 505;
	out->old = h->minor == 0;
	status = check_method(out, h, why);
	if (status == 0)
		status = check_any_target(out, h, rules, why);
	if (status == 0)
		status = check_any_body(out, h, rules, why);
	/* RFC 9110 10.1.1: of HTTP/1.0 an expectation is not heard. */
	if (status == 0 && !out->old)
		status = check_expectation(out, h, why);
	if (status != 0)
		return status;
	out->expects_continue = out->expects_continue && has_body(out);
	out->asks_node = out->expects_continue;
	out->repeatable = out->repeatable && !has_body(out);
	out->keep_alive = !out->old && !http_head_has(h, "connection", "close");
	return 0;
}

/* One Host, whoever reads it: RFC 9112 3.2. */
static const char *
find_bad_host(const struct http_head *h)
{
	const struct http_field *host = http_head_find(h, "host");

	if (host == NULL)
		return "no Host";
	return is_authority(&host->value) ? NULL : "not a valid Host";
}

static const char *
find_more(const struct http_head *h)
{
	if (http_head_count(h, "transfer-encoding") > 1)
		return "more than one Transfer-Encoding";
	return find_bad_host(h);
}

unsigned
http_rules_check(struct http_order *out, const struct http_head *h,
    const struct http_rules *rules, const char **why)
{
	*out = (struct http_order){.body = HTTP_BODY_LENGTH};
	*why = find_ambiguity(h);
	if (*why == NULL && rules->any)
		*why = find_more(h);
	if (*why != NULL)
		return 400;
	if (!rules->any)
		return check_corda(out, h, rules, why);
	out->any = true;
	out->body = HTTP_BODY_NONE;
	return check_any(out, h, rules, why);
}
