/*
 * session_check: turns PEM into a question for revcheck and its report into
 * the shape that nodes know, where everything that is not accepted is
 * "Revoked", with the true reason in words and our own details beside it.
 */
#include "gateway/sessions/session_check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sessions/chain_cache.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/base/json.h"
#include "gateway/base/services.h"
#include "gateway/sessions/session_watch.h"
#include "revcheck/revcheck.h"

struct session_check {
	const struct session_checker *checker;
	struct chain *chain;
	enum revcheck_mode mode;
	struct revcheck_request *request;
	session_check_fn *fn;
	void *arg;
	char from[64];
};

static void
session_check_free(struct session_check *s)
{
	if (s == NULL)
		return;
	revcheck_request_free(s->request);
	chain_free(s->chain);
	free(s);
}

/* The request. */

static int
read_mode(enum revcheck_mode *out, const cJSON *request, struct err *err)
{
	const char *word = json_get_string(request, "mode");

	if (word != NULL && revcheck_mode_parse(out, word) == 0 &&
	    *out != REVCHECK_MODE_OFF)
		return 0;
	return err_set(
	    err, E_PARSE, "mode: expected \"SOFT_FAIL\" or \"HARD_FAIL\"");
}

/* The answer. */

/* Where in the submitted chain certificate i of a report is, or -1. */
static int
submitted_index(const struct revcheck_report *report, size_t i)
{
	const struct revcheck_result *r = revcheck_report_get0(report, i);

	return r != NULL && r->submitted_index <= INT_MAX
	    ? (int)r->submitted_index
	    : -1;
}

static int
refused_index(const struct revcheck_report *report)
{
	int i = revcheck_report_index(report);

	return i >= 0 ? submitted_index(report, (size_t)i) : -1;
}

/*
 * The report's own words about certificate i, with its place as the first
 * member. NULL when out of memory.
 */
static cJSON *
detail_make(const struct revcheck_report *report, size_t i)
{
	char *text = revcheck_report_certificate_json(report, i);
	char *with = NULL;
	cJSON *detail = NULL;

	if (text != NULL &&
	    asprintf(&with, "{\"certificateIndex\":%d,%s",
		submitted_index(report, i), text + 1) >= 0) {
		detail = cJSON_CreateRaw(with);
		free(with);
	}
	free(text);
	return detail;
}

static cJSON *
details_make(const struct revcheck_report *report)
{
	cJSON *details = cJSON_CreateArray();

	for (size_t i = 0; i < revcheck_report_num(report); i++)
		cJSON_AddItemToArray(details, detail_make(report, i));
	return details;
}

static cJSON *
status_json(bool allowed, const char *reason, int index)
{
	cJSON *status = cJSON_CreateObject(), *revoked;

	if (allowed) {
		cJSON_AddObjectToObject(status, "Active");
		return status;
	}
	revoked = cJSON_AddObjectToObject(status, "Revoked");
	cJSON_AddStringToObject(revoked, "reason", reason);
	cJSON_AddNumberToObject(revoked, "certificateIndex", index);
	return status;
}

static cJSON *
answer_make(const struct revcheck_report *report)
{
	bool allowed = revcheck_report_allows(report) == 1;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "status",
	    status_json(
		allowed, revcheck_report_text(report), refused_index(report)));
	cJSON_AddItemToObject(o, "details", details_make(report));
	return o;
}

static void
record(const struct session_check *s, struct revcheck_report *report)
{
	const struct session_checker *c = s->checker;
	const struct log *log = c->services->log;
	struct decision d = {.way = DECISION_SESSION,
	    .at = wall_clock_now(c->services->clock),
	    .report = report,
	    .leaf = revcheck_certs_get0(s->chain->certs, 0),
	    .allowed = revcheck_report_allows(report) == 1};
	const struct log_field fields[] = {LOG_FIELD_BOOL("allowed", d.allowed),
	    LOG_FIELD_TEXT(
		"status", revcheck_status_name(revcheck_report_status(report))),
	    LOG_FIELD_TEXT(
		"why", revcheck_why_name(revcheck_report_why(report))),
	    LOG_FIELD_TEXT("evidence", revcheck_report_text(report))};

	snprintf(d.peer, sizeof(d.peer), "%s", s->from);
	decision_ring_add(c->decisions, &d);
	if (d.allowed)
		session_watch_remember(c->watch, s->chain->certs,
		    s->chain->trust, s->mode, report);
	log_event(log, LOG_LEVEL_INFO, "session-check", fields, LOG_NUM(fields),
	    "session check: %s (from='%s' mode=%s)",
	    revcheck_report_text(report), s->from,
	    revcheck_mode_name(revcheck_report_mode(report)));
	if (d.allowed && revcheck_report_shadow_refuses(report))
		log_line(log, LOG_LEVEL_WARN,
		    "HARD_FAIL would refuse a session: %s (from='%s')",
		    revcheck_report_text(report), s->from);
}

static void
on_done(struct revcheck_report *report, void *arg)
{
	struct session_check *s = arg;
	session_check_fn *fn = s->fn;
	void *fn_arg = s->arg;
	cJSON *answer;

	record(s, report);
	answer = answer_make(report);
	session_check_free(s);
	fn(fn_arg, answer);
}

/* Asking. */

/*
 * With the switch at OFF nothing is looked up, whatever mode the caller asks
 * for; path and denylist still count.
 */
static enum revcheck_mode
mode_of(const struct session_check *s)
{
	struct revcheck_policy p = {.size = sizeof(p)};

	revcheck_get_policy(s->checker->services->engine, &p);
	return p.mode == REVCHECK_MODE_OFF ? REVCHECK_MODE_OFF : s->mode;
}

int
session_check_start(struct session_check **out, cJSON **answer,
    const struct session_checker *checker, const cJSON *request,
    const char *from, uint32_t patience_ms, session_check_fn *fn, void *arg,
    struct err *err)
{
	struct session_check *s = calloc(1, sizeof(*s));
	struct revcheck_query query = {.size = sizeof(query)};
	struct revcheck_report *report = NULL;
	struct revcheck_error why;
	int rc;

	*out = NULL;
	*answer = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->checker = checker;
	s->fn = fn;
	s->arg = arg;
	snprintf(s->from, sizeof(s->from), "%s", from);
	rc = read_mode(&s->mode, request, err);
	if (rc == 0)
		rc = chain_cache_get(checker->chains, &s->chain, request, err);
	if (rc != 0) {
		session_check_free(s);
		return rc;
	}
	query.chain = s->chain->certs;
	query.trust = s->chain->trust;
	query.mode = mode_of(s);
	query.deadline_ms = patience_ms;
	rc = revcheck_submit(checker->services->engine, &s->request, &report,
	    &query, checker->services->base, on_done, s, &why);
	if (rc == REVCHECK_PENDING) {
		*out = s;
		return 1;
	}
	if (rc == REVCHECK_DONE) {
		record(s, report);
		*answer = answer_make(report);
		revcheck_report_free(report);
		rc = 0;
	} else {
		err_set(
		    err, rc == REVCHECK_E_PARSE ? E_PARSE : rc, "%s", why.msg);
	}
	session_check_free(s);
	return rc;
}

void
session_check_cancel(struct session_check *s)
{
	if (s == NULL)
		return;
	revcheck_request_cancel(s->request);
	session_check_free(s);
}
