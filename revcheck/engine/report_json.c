/*
 * report_json: a report as JSON. Text from certificates was escaped to ASCII
 * when the result was made. Any thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cache/base/text.h"
#include "revcheck/engine/report.h"

/* Octets of the UTF-8 character (RFC 3629) at p, 0 if it is none. */
static size_t
utf8_len(const unsigned char *p)
{
	size_t n;
	unsigned v;

	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	v = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3fu);
	}
	if ((n == 3 && (v < 0x800 || (v >= 0xd800 && v < 0xe000))) ||
	    (n == 4 && (v < 0x10000 || v > 0x10ffff)))
		return 0;
	return n;
}

/*
 * What is written so far. Written as it goes, without a tree: three
 * certificates took three times as long as all that was asked about them.
 */
struct out {
	char *p;
	size_t len, cap;
	bool failed;
};

#define FIRST_BYTES 1024

/* Where num octets and a NUL can be written, or NULL. */
static char *
out_room(struct out *o, size_t num)
{
	size_t cap = o->cap > 0 ? o->cap : FIRST_BYTES;
	char *p;

	while (cap - o->len <= num)
		cap *= 2;
	if (!o->failed && cap > o->cap) {
		p = realloc(o->p, cap);
		o->failed = p == NULL;
		if (p != NULL) {
			o->p = p;
			o->cap = cap;
		}
	}
	return o->failed ? NULL : o->p + o->len;
}

/* The text, the caller's; NULL when memory was short. */
static char *
out_end(struct out *o)
{
	if (!o->failed)
		return o->p;
	free(o->p);
	return NULL;
}

static void
put(struct out *o, const char *text)
{
	size_t len = strlen(text);
	char *p = out_room(o, len);

	if (p == NULL)
		return;
	memcpy(p, text, len + 1);
	o->len += len;
}

/* The next member; names are ours and need no escapes. */
static void
put_name(struct out *o, const char *name)
{
	if (o->len > 0 && !o->failed && o->p[o->len - 1] != '{')
		put(o, ",");
	put(o, "\"");
	put(o, name);
	put(o, "\":");
}

static char *
escape(char *p, char c)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *at = strchr(from, c);

	*p++ = '\\';
	if (at != NULL)
		*p++ = to[at - from];
	else
		p += sprintf(p, "u%04x", (unsigned char)c);
	return p;
}

/*
 * JSON is UTF-8 and file names are octets: what is not a character becomes '?'.
 * An octet takes six at most.
 */
static void
put_string(struct out *o, const char *value)
{
	char *p = out_room(o, 6 * strlen(value) + 2);
	size_t n;

	if (p == NULL)
		return;
	*p++ = '"';
	for (; *value != '\0'; value += n > 0 ? n : 1) {
		n = utf8_len((const unsigned char *)value);
		if (n == 0)
			*p++ = '?';
		else if (n == 1 &&
		    ((unsigned char)*value < 0x20 || *value == '"' ||
			*value == '\\'))
			p = escape(p, *value);
		else
			for (size_t i = 0; i < n; i++)
				*p++ = value[i];
	}
	*p++ = '"';
	*p = '\0';
	o->len = (size_t)(p - o->p);
}

static void
add_string(struct out *o, const char *name, const char *value)
{
	put_name(o, name);
	put_string(o, value);
}

/* null where unknown, so that every key is always there. */
static void
add_string_or_null(struct out *o, const char *name, const char *value)
{
	put_name(o, name);
	if (value == NULL || value[0] == '\0')
		put(o, "null");
	else
		put_string(o, value);
}

static void
add_time(struct out *o, const char *name, time_t t)
{
	char buf[TEXT_TIME_LEN] = "";

	if (t != 0)
		text_time(buf, t);
	add_string_or_null(o, name, buf);
}

static void
add_number_or_null(struct out *o, const char *name, bool known, long long v)
{
	char text[24] = "null";

	if (known)
		snprintf(text, sizeof(text), "%lld", v);
	put_name(o, name);
	put(o, text);
}

static void
add_bool(struct out *o, const char *name, bool v)
{
	put_name(o, name);
	put(o, v ? "true" : "false");
}

static const char *
why_or_null(enum revcheck_why why)
{
	return why == REVCHECK_WHY_NONE ? NULL : revcheck_why_name(why);
}

/*
 * The evidence of one certificate; age is that of thisUpdate at the time asked
 * about.
 */
static void
add_evidence(struct out *o, const struct revcheck_result *r, time_t at)
{
	add_string_or_null(o, "method",
	    r->method == REVCHECK_METHOD_NONE
		? NULL
		: revcheck_method_name(r->method));
	add_string_or_null(o, "source",
	    r->source == REVCHECK_SOURCE_NONE
		? NULL
		: revcheck_source_name(r->source));
	add_string_or_null(o, "url", r->url);
	add_number_or_null(
	    o, "httpStatus", r->http_status != 0, r->http_status);
	add_string_or_null(o, "crlNumber", r->crl_number);
	add_time(o, "producedAt", r->produced_at);
	add_time(o, "thisUpdate", r->this_update);
	add_time(o, "nextUpdate", r->next_update);
	add_time(o, "fetchedAt", r->fetched_at);
	add_number_or_null(o, "ageSeconds", r->this_update != 0 && at != 0,
	    (long long)difftime(at, r->this_update));
	add_bool(o, "stale", r->stale);
	add_string_or_null(o, "signer", r->signer);
}

static void
put_result(
    struct out *o, const struct revcheck_result *r, size_t index, time_t at)
{
	put(o, "{");
	add_number_or_null(o, "index", true, (long long)index);
	add_string(o, "status", revcheck_status_name(r->status));
	add_string_or_null(o, "why", why_or_null(r->why));
	add_string_or_null(o, "reason",
	    r->status == REVCHECK_REVOKED && r->reason != REVCHECK_REASON_NONE
		? revcheck_reason_name(r->reason)
		: NULL);
	add_time(o, "revocationDate", r->revoked_at);
	add_string(o, "subject", r->subject);
	add_string(o, "issuer", r->issuer);
	add_string(o, "serial", r->serial);
	add_evidence(o, r, at);
	add_bool(o, "softAccepted", r->soft_accepted);
	add_string_or_null(o, "text", r->text);
	put(o, "}");
}

char *
revcheck_report_certificate_json(const struct revcheck_report *r, size_t i)
{
	struct out o = {0};

	if (i >= r->num)
		return NULL;
	put_result(&o, &r->results[i], i, r->at);
	return out_end(&o);
}

/* With line ends and tabs, for people. text is freed. */
static char *
prettier(char *text)
{
	cJSON *o = text != NULL ? cJSON_Parse(text) : NULL;
	char *pretty = o != NULL ? cJSON_Print(o) : NULL;

	cJSON_Delete(o);
	free(text);
	return pretty;
}

char *
revcheck_report_json(const struct revcheck_report *r, int pretty)
{
	struct out o = {0};

	put(&o, "{");
	add_string(&o, "decision", r->allow ? "accept" : "refuse");
	add_string(&o, "status", revcheck_status_name(r->status));
	add_string(&o, "mode", revcheck_mode_name(r->mode));
	add_string_or_null(&o, "why", why_or_null(r->why));
	add_number_or_null(&o, "index", r->index >= 0, r->index);
	add_time(&o, "at", r->at);
	add_string_or_null(&o, "pathError",
	    r->path_error == X509_V_OK
		? NULL
		: X509_verify_cert_error_string(r->path_error));
	add_bool(&o, "shadowRefuses", r->shadow_refuses);
	add_bool(&o, "cached", r->cached);
	add_string(&o, "text", r->text);
	add_string_or_null(&o, "notes", r->notes);
	put_name(&o, "certificates");
	put(&o, "[");
	for (size_t i = 0; i < r->num; i++) {
		if (i > 0)
			put(&o, ",");
		put_result(&o, &r->results[i], i, r->at);
	}
	put(&o, "]}");
	return pretty ? prettier(out_end(&o)) : out_end(&o);
}
