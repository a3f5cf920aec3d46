/*
 * print: text for people. Plain text with aligned columns; colour as --color
 * says, by default on a terminal only, and not where NO_COLOR is set.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/asn1.h>

#include "revcheck/cli/cli.h"

static enum color tint_choice = COLOR_AUTO;

void
tint_choose(enum color c)
{
	tint_choice = c;
}

static bool
tint_wanted(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (tint_choice != COLOR_AUTO)
		return tint_choice == COLOR_ALWAYS;
	return isatty(fileno(f)) && (no == NULL || no[0] == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
}

const char *
tint_on(FILE *f, enum tint t)
{
	static const char *const codes[] = {
	    [TINT_NONE] = "",
	    [TINT_GOOD] = "\033[32m",
	    [TINT_BAD] = "\033[1;31m",
	    [TINT_WARN] = "\033[33m",
	    [TINT_DIM] = "\033[2m",
	    [TINT_BOLD] = "\033[1m",
	};

	return tint_wanted(f) ? codes[t] : "";
}

const char *
tint_off(FILE *f)
{
	return tint_wanted(f) ? "\033[0m" : "";
}

void
print_field(FILE *f, const char *name, enum tint t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (text[0] == '\0')
		return;
	print_plain(text);
	fprintf(f, "  %-12s %s%s%s\n", name, tint_on(f, t), text,
	    t != TINT_NONE ? tint_off(f) : "");
}

/* "3 h ago", "in 2 d": one unit, for orientation. */
static void
print_distance(char *buf, size_t cap, time_t t, time_t now)
{
	long long d = (long long)t - (long long)now;
	unsigned long long n = (unsigned long long)(d < 0 ? -d : d);
	const char *unit = "s";

	if (n >= 2 * 86400) {
		n /= 86400;
		unit = "d";
	} else if (n >= 2 * 3600) {
		n /= 3600;
		unit = "h";
	} else if (n >= 2 * 60) {
		n /= 60;
		unit = "min";
	}
	if (d == 0)
		snprintf(buf, cap, "now");
	else if (d < 0)
		snprintf(buf, cap, "%llu %s ago", n, unit);
	else
		snprintf(buf, cap, "in %llu %s", n, unit);
}

bool
print_utc(char out[PRINT_UTC_LEN], time_t t)
{
	struct tm tm;

	return gmtime_r(&t, &tm) != NULL &&
	    strftime(out, PRINT_UTC_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
}

void
print_json_octets(cJSON *o, const char *name, const char *octets)
{
	char *text = strdup(octets);
	unsigned char *p = (unsigned char *)text;
	size_t left = text != NULL ? strlen(text) : 0;
	unsigned long c;
	int n;

	while (left > 0) {
		n = UTF8_getc(p, left > 6 ? 6 : (int)left, &c);
		if (n <= 0) {
			*p = '?';
			n = 1;
		}
		p += n;
		left -= (size_t)n;
	}
	if (text != NULL)
		cJSON_AddStringToObject(o, name, text);
	free(text);
}

void
print_json_text(cJSON *o, const char *name, const char *text)
{
	if (text[0] == '\0')
		cJSON_AddNullToObject(o, name);
	else
		cJSON_AddStringToObject(o, name, text);
}

void
print_json_time(cJSON *o, const char *name, time_t t)
{
	char when[PRINT_UTC_LEN];

	if (t == 0 || !print_utc(when, t))
		cJSON_AddNullToObject(o, name);
	else
		cJSON_AddStringToObject(o, name, when);
}

const char *
print_time(char buf[PRINT_TIME_LEN], time_t t, time_t now)
{
	char when[PRINT_UTC_LEN] = "", distance[40];

	if (t == 0 || !print_utc(when, t)) {
		snprintf(buf, PRINT_TIME_LEN, "-");
		return buf;
	}
	print_distance(distance, sizeof(distance), t, now);
	snprintf(buf, PRINT_TIME_LEN, "%s (%s)", when, distance);
	return buf;
}

enum tint
print_status_tint(enum revcheck_status s)
{
	switch (s) {
	case REVCHECK_GOOD:
		return TINT_GOOD;
	case REVCHECK_NOT_ASKED:
		return TINT_DIM;
	case REVCHECK_UNKNOWN:
		return TINT_WARN;
	default:
		return TINT_BAD;
	}
}

static void
print_evidence(FILE *f, const struct revcheck_result *r, time_t now)
{
	char buf[PRINT_TIME_LEN];

	if (r->method != REVCHECK_METHOD_NONE)
		print_field(f, "evidence", TINT_NONE, "%s from %s%s%s",
		    revcheck_method_name(r->method),
		    revcheck_source_name(r->source),
		    r->url[0] != '\0' ? " " : "", r->url);
	else if (r->url[0] != '\0')
		print_field(f, "tried", TINT_NONE, "%s", r->url);
	if (r->http_status != 0 && r->http_status != 200)
		print_field(f, "HTTP status", TINT_NONE, "%d", r->http_status);
	print_field(f, "CRL number", TINT_NONE, "%s", r->crl_number);
	if (r->produced_at != 0)
		print_field(f, "producedAt", TINT_NONE, "%s",
		    print_time(buf, r->produced_at, now));
	if (r->this_update != 0)
		print_field(f, "thisUpdate", TINT_NONE, "%s",
		    print_time(buf, r->this_update, now));
	if (r->next_update != 0)
		print_field(f, "nextUpdate",
		    r->next_update < now ? TINT_WARN : TINT_NONE, "%s",
		    print_time(buf, r->next_update, now));
	print_field(f, "signed by", TINT_NONE, "%s", r->signer);
}

void
print_result(
    FILE *f, const struct revcheck_result *r, time_t now, const char *title)
{
	char buf[PRINT_TIME_LEN];
	bool named = r->why != REVCHECK_WHY_NONE;

	fprintf(f, "%s%s%s\n", tint_on(f, TINT_BOLD), title, tint_off(f));
	print_field(f, "subject", TINT_NONE, "%s", r->subject);
	print_field(f, "issuer", TINT_NONE, "%s", r->issuer);
	print_field(f, "serial", TINT_NONE, "%s", r->serial);
	print_field(f, "status", print_status_tint(r->status), "%s%s%s%s",
	    revcheck_status_name(r->status), named ? ", " : "",
	    named ? revcheck_why_name(r->why) : "",
	    r->soft_accepted ? " (let in by SOFT_FAIL)" : "");
	if (r->status == REVCHECK_REVOKED) {
		if (r->reason != REVCHECK_REASON_NONE)
			print_field(f, "reason", TINT_NONE, "%s",
			    revcheck_reason_name(r->reason));
		if (r->revoked_at != 0)
			print_field(f, "since", TINT_NONE, "%s",
			    print_time(buf, r->revoked_at, now));
	}
	print_evidence(f, r, now);
	print_field(f, "because", TINT_NONE, "%s", r->text);
}

void
print_notes(FILE *f, const char *notes)
{
	size_t n;

	for (; *notes != '\0'; notes += n + (notes[n] == '\n')) {
		n = strcspn(notes, "\n");
		if (n > 0)
			print_field(
			    f, "note", TINT_WARN, "%.*s", (int)n, notes);
	}
}

static int
put_json(const cJSON *json, bool pretty)
{
	char *text = pretty ? cJSON_Print(json) : cJSON_PrintUnformatted(json);

	if (text == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	puts(text);
	free(text);
	return 0;
}

int
print_document(const cJSON *json)
{
	return put_json(json, isatty(STDOUT_FILENO));
}

int
print_line(const cJSON *json)
{
	return put_json(json, false);
}
