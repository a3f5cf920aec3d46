/* certwatch_report: see the header. Keeps nothing. */
#include "gateway/certwatch/certwatch_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "gateway/base/json.h"

#define MAX_REASONS 100 /* sentences in all */

static const char *
status_word(const struct certwatch_fact *f)
{
	return f->answered ? revcheck_status_name(f->status) : "pending";
}

/* Metrics. */

/* 0 where the date is none that the system knows. */
static double
unix_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (double)timegm(&tm) : 0;
}

static void
put_not_after(
    struct prometheus *t, const struct certwatch_fact *f, const char *name)
{
	for (size_t i = 0; i < revcheck_certs_num(f->chain); i++)
		prometheus_put(t,
		    "p2p_gateway_certificate_not_after_timestamp_seconds{"
		    "identity=\"%s\",index=\"%zu\"} %.0f\n",
		    name, i,
		    unix_time(
			X509_get0_notAfter(revcheck_certs_get0(f->chain, i))));
}

static void
put_status(
    struct prometheus *t, const struct certwatch_fact *f, const char *name)
{
	prometheus_put(t,
	    "p2p_gateway_certificate_status{identity=\"%s\",status=\"%s\"} 1\n",
	    name, status_word(f));
}

static void
put_known_good(
    struct prometheus *t, const struct certwatch_fact *f, const char *name)
{
	if (f->known_good_at != 0)
		prometheus_put(t,
		    "p2p_gateway_certificate_known_good_timestamp_seconds{"
		    "identity=\"%s\"} %.0f\n",
		    name, (double)f->known_good_at);
}

static void
put_staple(
    struct prometheus *t, const struct certwatch_fact *f, const char *name)
{
	if (f->staple_until != 0)
		prometheus_put(t,
		    "p2p_gateway_certificate_staple_until_timestamp_seconds{"
		    "identity=\"%s\"} %.0f\n",
		    name, (double)f->staple_until);
}

void
certwatch_report_metrics(const struct certwatch *w, struct prometheus *t)
{
	static const struct {
		const char *name, *help;
		void (*put)(struct prometheus *t,
		    const struct certwatch_fact *f, const char *name);
	} rows[] = {
	    {"p2p_gateway_certificate_not_after_timestamp_seconds",
		"When an own certificate expires, seconds since 1970.",
		put_not_after},
	    {"p2p_gateway_certificate_status",
		"1 for the revocation status of an own chain.", put_status},
	    {"p2p_gateway_certificate_known_good_timestamp_seconds",
		"When an own chain was last found good, seconds since 1970.",
		put_known_good},
	    {"p2p_gateway_certificate_staple_until_timestamp_seconds",
		"Until when the OCSP response at hand is stapled, seconds "
		"since 1970.",
		put_staple},
	};
	struct certwatch_fact f;
	char name[160];

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		prometheus_head(t, rows[r].name, "gauge", rows[r].help);
		for (size_t i = 0; i < certwatch_num(w); i++) {
			certwatch_get(w, i, &f);
			prometheus_label(name, sizeof(name), f.name);
			rows[r].put(t, &f, name);
		}
	}
}

/* JSON. */

cJSON *
certwatch_report_json(const struct certwatch *w)
{
	static const char *const expiry_words[] = {
	    "far", "warn", "error", "expired"};
	cJSON *list = cJSON_CreateArray();
	struct certwatch_fact f;

	for (size_t i = 0; i < certwatch_num(w); i++) {
		cJSON *x = cJSON_CreateObject();

		certwatch_get(w, i, &f);
		cJSON_AddStringToObject(x, "name", f.name);
		cJSON_AddStringToObject(
		    x, "use", f.use == CERTWATCH_TLS ? "tls" : "session");
		cJSON_AddStringToObject(x, "status", status_word(&f));
		cJSON_AddStringToObject(x, "text", f.text);
		json_add_time(x, "knownGoodAt", f.known_good_at);
		json_add_time(x, "notAfter", f.not_after);
		cJSON_AddNumberToObject(
		    x, "daysLeft", difftime(f.not_after, time(NULL)) / 86400);
		cJSON_AddStringToObject(x, "expiry", expiry_words[f.expiry]);
		json_add_time(x, "stapleUntil", f.staple_until);
		cJSON_AddBoolToObject(x, "mustStaple", f.must_staple);
		cJSON_AddItemToArray(list, x);
	}
	return list;
}

/* Readiness. */

static void add_reason(cJSON *list, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
add_reason(cJSON *list, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (cJSON_GetArraySize(list) < MAX_REASONS)
		cJSON_AddItemToArray(list, cJSON_CreateString(line));
}

bool
certwatch_report_reasons(const struct certwatch *w, cJSON *reasons)
{
	size_t in_date = 0;
	struct certwatch_fact f;

	for (size_t i = 0; i < certwatch_num(w); i++) {
		certwatch_get(w, i, &f);
		in_date +=
		    f.use == CERTWATCH_TLS && f.expiry != CERTWATCH_EXPIRED;
		if (f.expiry == CERTWATCH_EXPIRED) {
			add_reason(reasons,
			    "the certificate of identity '%.100s' has expired",
			    f.name);
		} else if (f.expiry != CERTWATCH_EXPIRY_FAR) {
			add_reason(reasons,
			    "the certificate of identity '%.100s' expires in "
			    "%.1f days",
			    f.name, difftime(f.not_after, time(NULL)) / 86400);
		}
		if (f.answered && f.status == REVCHECK_REVOKED)
			add_reason(reasons,
			    "the certificate of identity '%.100s' is revoked: "
			    "%.200s",
			    f.name, f.text);
		if (f.must_staple && f.answered && f.staple_until == 0)
			add_reason(reasons,
			    "the certificate of identity '%.100s' must be "
			    "stapled, and there is no staple",
			    f.name);
	}
	return in_date > 0;
}
