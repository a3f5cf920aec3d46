/*
 * warmup_report: see the header. Texts and counts come from warmup_get.
 */
#include "gateway/control/warmup_report.h"

#include <stdio.h>
#include <time.h>

#include "gateway/base/json.h"

static const char *
parts_text(unsigned parts)
{
	return parts == (WARMUP_SESSIONS | WARMUP_TLS) ? "TLS and sessions"
	    : parts == WARMUP_TLS                      ? "TLS"
						       : "sessions";
}

static const char *
outcome_text(enum warmup_outcome outcome)
{
	switch (outcome) {
	case WARMUP_RUNNING:
		return "running";
	case WARMUP_COMPLETE:
		return "complete";
	case WARMUP_TIMED_OUT:
		return "out of time";
	case WARMUP_GIVEN_UP:
		return "given up";
	case WARMUP_NONE:
		break;
	}
	return "none";
}

/* "2 unreachable, 1 no-source"; empty when there are none. Their sum. */
static size_t
unknown_text(char *out, size_t size, const struct warmup_state *s)
{
	size_t sum = 0, len = 0;

	out[0] = '\0';
	for (int why = 1; why <= REVCHECK_WHY_INTERNAL; why++) {
		int n;

		if (s->unknown[why] == 0)
			continue;
		n = snprintf(out + len, size - len, "%s%zu %s",
		    len > 0 ? ", " : "", s->unknown[why],
		    revcheck_why_name((enum revcheck_why)why));
		sum += s->unknown[why];
		len += n > 0 && (size_t)n < size - len ? (size_t)n : 0;
	}
	return sum;
}

void
warmup_report_begin(const struct log *log, const struct warmup_state *s)
{
	log_event(log, LOG_LEVEL_WARN, "warm-up-begun", NULL, 0,
	    "warming up before HARD_FAIL: evidence is fetched for at most %u "
	    "ms, and so long what is not determined is let in (for='%s')",
	    s->bound_ms, parts_text(s->parts));
}

void
warmup_report_end(const struct log *log, const struct warmup_state *s)
{
	char why[400];
	size_t unknown = unknown_text(why, sizeof(why), s);

	if (s->outcome == WARMUP_GIVEN_UP) {
		log_event(log, LOG_LEVEL_WARN, "warm-up-given-up", NULL, 0,
		    "the warm-up before HARD_FAIL is given up after %u ms: the "
		    "mode is another now (determined=%zu of=%zu)",
		    s->elapsed_ms, s->determined, s->chains);
		return;
	}
	log_event(log, LOG_LEVEL_WARN, "warm-up-over", NULL, 0,
	    "the warm-up before HARD_FAIL is over after %u ms (%s): %zu of %zu "
	    "chains are determined, %zu of them refused; %zu are not and will "
	    "be refused now%s%s (for='%s')",
	    s->elapsed_ms, outcome_text(s->outcome), s->determined, s->chains,
	    s->refused, unknown, unknown > 0 ? ": " : "", why,
	    parts_text(s->parts));
}

cJSON *
warmup_report_json(const struct warmup_state *s)
{
	bool active = s->outcome == WARMUP_RUNNING;
	cJSON *o, *list;
	char text[80];

	if (s->outcome == WARMUP_NONE)
		return NULL;
	o = cJSON_CreateObject();
	snprintf(text, sizeof(text), "%s, %zu of %zu",
	    active ? "warming up" : outcome_text(s->outcome), s->determined,
	    s->chains);
	cJSON_AddBoolToObject(o, "active", active);
	cJSON_AddStringToObject(o, "text", text);
	cJSON_AddStringToObject(o, "outcome", outcome_text(s->outcome));
	list = cJSON_AddArrayToObject(o, "for");
	if (s->parts & WARMUP_SESSIONS)
		cJSON_AddItemToArray(list, cJSON_CreateString("sessions"));
	if (s->parts & WARMUP_TLS)
		cJSON_AddItemToArray(list, cJSON_CreateString("tls"));
	json_add_time(o, "startedAt", s->begun_at);
	cJSON_AddNumberToObject(o, "boundMs", s->bound_ms);
	cJSON_AddNumberToObject(o, "elapsedMs", s->elapsed_ms);
	cJSON_AddNumberToObject(o, "chains", (double)s->chains);
	cJSON_AddNumberToObject(o, "determined", (double)s->determined);
	cJSON_AddNumberToObject(o, "refused", (double)s->refused);
	list = cJSON_AddObjectToObject(o, "undetermined");
	for (int why = 1; why <= REVCHECK_WHY_INTERNAL; why++)
		if (s->unknown[why] > 0)
			cJSON_AddNumberToObject(list,
			    revcheck_why_name((enum revcheck_why)why),
			    (double)s->unknown[why]);
	return o;
}
