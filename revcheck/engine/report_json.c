/*
 * report_json: a report as JSON. Text from certificates was escaped to ASCII
 * when the result was made. Any thread.
 */
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
 * JSON is UTF-8 and file names are octets: what is not a character becomes '?'.
 * Texts of a report are shorter than the buffer.
 */
static bool
add_string(cJSON *o, const char *name, const char *value)
{
	char text[1024];
	size_t len = 0, n;

	while (*value != '\0' && len + 4 < sizeof(text)) {
		n = utf8_len((const unsigned char *)value);
		if (n == 0)
			text[len++] = '?';
		else
			memcpy(text + len, value, n);
		len += n;
		value += n > 0 ? n : 1;
	}
	text[len] = '\0';
	return cJSON_AddStringToObject(o, name, text) != NULL;
}

/* null where unknown, so that every key is always there. */
static bool
add_string_or_null(cJSON *o, const char *name, const char *value)
{
	return value == NULL || value[0] == '\0'
	    ? cJSON_AddNullToObject(o, name) != NULL
	    : add_string(o, name, value);
}

static bool
add_time(cJSON *o, const char *name, time_t t)
{
	char buf[TEXT_TIME_LEN];

	if (t == 0)
		return cJSON_AddNullToObject(o, name) != NULL;
	text_time(buf, t);
	return add_string(o, name, buf);
}

static bool
add_number_or_null(cJSON *o, const char *name, bool known, double v)
{
	return known ? cJSON_AddNumberToObject(o, name, v) != NULL
		     : cJSON_AddNullToObject(o, name) != NULL;
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
static bool
add_evidence(cJSON *o, const struct revcheck_result *r, time_t at)
{
	return add_string_or_null(o, "method",
		   r->method == REVCHECK_METHOD_NONE
		       ? NULL
		       : revcheck_method_name(r->method)) &&
	    add_string_or_null(o, "source",
		r->source == REVCHECK_SOURCE_NONE
		    ? NULL
		    : revcheck_source_name(r->source)) &&
	    add_string_or_null(o, "url", r->url) &&
	    add_number_or_null(
		o, "httpStatus", r->http_status != 0, r->http_status) &&
	    add_string_or_null(o, "crlNumber", r->crl_number) &&
	    add_time(o, "producedAt", r->produced_at) &&
	    add_time(o, "thisUpdate", r->this_update) &&
	    add_time(o, "nextUpdate", r->next_update) &&
	    add_time(o, "fetchedAt", r->fetched_at) &&
	    add_number_or_null(o, "ageSeconds", r->this_update != 0 && at != 0,
		difftime(at, r->this_update)) &&
	    cJSON_AddBoolToObject(o, "stale", r->stale) != NULL &&
	    add_string_or_null(o, "signer", r->signer);
}

static cJSON *
result_json(const struct revcheck_result *r, size_t index, time_t at)
{
	cJSON *o = cJSON_CreateObject();

	if (o == NULL)
		return NULL;
	if (cJSON_AddNumberToObject(o, "index", (double)index) != NULL &&
	    add_string(o, "status", revcheck_status_name(r->status)) &&
	    add_string_or_null(o, "why", why_or_null(r->why)) &&
	    add_string_or_null(o, "reason",
		r->status == REVCHECK_REVOKED &&
			r->reason != REVCHECK_REASON_NONE
		    ? revcheck_reason_name(r->reason)
		    : NULL) &&
	    add_time(o, "revocationDate", r->revoked_at) &&
	    add_string(o, "subject", r->subject) &&
	    add_string(o, "issuer", r->issuer) &&
	    add_string(o, "serial", r->serial) && add_evidence(o, r, at) &&
	    cJSON_AddBoolToObject(o, "softAccepted", r->soft_accepted) !=
		NULL &&
	    add_string_or_null(o, "text", r->text))
		return o;
	cJSON_Delete(o);
	return NULL;
}

static bool
add_results(cJSON *o, const struct revcheck_report *r)
{
	cJSON *list = cJSON_AddArrayToObject(o, "certificates"), *item;

	if (list == NULL)
		return false;
	for (size_t i = 0; i < r->num; i++) {
		item = result_json(&r->results[i], i, r->at);
		if (item == NULL || !cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return false;
		}
	}
	return true;
}

char *
revcheck_report_certificate_json(const struct revcheck_report *r, size_t i)
{
	cJSON *o = i < r->num ? result_json(&r->results[i], i, r->at) : NULL;
	char *text = o != NULL ? cJSON_PrintUnformatted(o) : NULL;

	cJSON_Delete(o);
	return text;
}

char *
revcheck_report_json(const struct revcheck_report *r, int pretty)
{
	cJSON *o = cJSON_CreateObject();
	char *text = NULL;

	if (o != NULL &&
	    add_string(o, "decision", r->allow ? "accept" : "refuse") &&
	    add_string(o, "status", revcheck_status_name(r->status)) &&
	    add_string(o, "mode", revcheck_mode_name(r->mode)) &&
	    add_string_or_null(o, "why", why_or_null(r->why)) &&
	    add_number_or_null(o, "index", r->index >= 0, r->index) &&
	    add_time(o, "at", r->at) &&
	    add_string_or_null(o, "pathError",
		r->path_error == X509_V_OK
		    ? NULL
		    : X509_verify_cert_error_string(r->path_error)) &&
	    cJSON_AddBoolToObject(o, "shadowRefuses", r->shadow_refuses) !=
		NULL &&
	    cJSON_AddBoolToObject(o, "cached", r->cached) != NULL &&
	    add_string(o, "text", r->text) &&
	    add_string_or_null(o, "notes", r->notes) && add_results(o, r))
		text = pretty ? cJSON_Print(o) : cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}
