/*
 * decision_log: words for what was decided about a peer. Logs it
 * and keeps it in the ring; decides nothing. log_line escapes what strangers
 * chose.
 */
#include "gateway/dataplane/decision_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "cache/base/subject.h"
#include "gateway/base/address.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/tls/handshake.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/base/dn.h"
#include "gateway/dataplane/worker.h"

#define MAX_CHAIN 8 /* subjects that a record names */

/* What the ring does not keep. error says why where there is no report. */
struct decision_texts {
	const char *subject; /* RFC 2253, or "" when there was none */
	const char *tls;     /* "TLSv1.3" */
	const char *error;
};

static void
decision_log(const struct conn *c, const struct decision *d,
    const struct decision_texts *t)
{
	const struct revcheck_report *r = d->report;
	const char *verb = d->allowed ? "allowed" : "refused";
	const char *way = c->inbound ? "inbound" : "outbound";
	const char *text = r != NULL ? revcheck_report_text(r) : t->error;
	const char *status = decision_status_name(d->found.status);
	const char *why = revcheck_why_name(d->found.why);
	const char *mode = revcheck_mode_name(d->found.mode);
	bool recheck = d->way == DECISION_RECHECK;
	enum log_level level = LOG_LEVEL_WARN;
	/* Whoever finds the port can cause as many of these as he likes. */
	const struct log *log = d->way == DECISION_INBOUND && !d->allowed
	    ? c->worker->strangers
	    : c->worker->log;
	const char *chain[MAX_CHAIN + 1] = {NULL};
	const struct log_field fields[] = {LOG_FIELD_TEXT("decision", verb),
	    LOG_FIELD_TEXT("occasion", recheck ? "recheck" : "handshake"),
	    LOG_FIELD_TEXT("direction", way),
	    LOG_FIELD_NUMBER("conn", d->connection),
	    LOG_FIELD_TEXT("peer", t->subject), LOG_FIELD_TEXT("from", d->peer),
	    LOG_FIELD_TEXT("tls", t->tls), LOG_FIELD_TEXT("status", status),
	    LOG_FIELD_TEXT("why", why), LOG_FIELD_TEXT("mode", mode),
	    LOG_FIELD_BOOL(
		"soft", d->allowed && r != NULL && decision_is_soft(r)),
	    LOG_FIELD_NUMBER("waited_ms", d->waited_ms),
	    LOG_FIELD_TEXT("evidence", text), LOG_FIELD_LIST("chain", chain)};

	for (size_t i = 0;
	     r != NULL && i < MAX_CHAIN && i < revcheck_report_num(r); i++)
		chain[i] = revcheck_report_get0(r, i)->subject;
	if (recheck)
		verb = d->allowed ? "kept" : "cutting off";
	/* Let in, but somebody is at work. */
	if (d->allowed && d->found.why != REVCHECK_WHY_FORGED)
		level = LOG_LEVEL_INFO;
	log_event(log, level, "decision", fields, LOG_NUM(fields),
	    "%s %s peer '%s': %s (conn=%" PRIu64 " from=%s tls=%s status=%s "
	    "why=%s mode=%s)",
	    verb, way, t->subject, text, d->connection, d->peer, t->tls, status,
	    why, mode);
	if (d->allowed && r != NULL && revcheck_report_shadow_refuses(r))
		log_event(c->worker->log, LOG_LEVEL_WARN, "shadow-refusal",
		    fields, LOG_NUM(fields),
		    "HARD_FAIL would refuse %s peer '%s': %s (conn=%" PRIu64
		    " from=%s)",
		    way, t->subject, text, d->connection, d->peer);
}

static enum revcheck_mode
mode_in_force(const struct conn *c)
{
	struct revcheck_policy policy = {.size = sizeof(policy)};
	const struct conf *conf =
	    c->handshake != NULL ? c->handshake->terms.conf : c->runtime->conf;

	if (conf->tls.mode != REVCHECK_MODE_DEFAULT)
		return conf->tls.mode;
	revcheck_get_policy(c->worker->env.rc, &policy);
	return policy.mode;
}

bool
decision_is_soft(const struct revcheck_report *report)
{
	if (revcheck_report_allows(report) != 1)
		return false;
	for (size_t i = 0; i < revcheck_report_num(report); i++)
		if (revcheck_report_get0(report, i)->soft_accepted)
			return true;
	return false;
}

/* d: what the occasion alone knows. */
static void
decision_say(struct conn *c, struct decision *d, const char *error)
{
	char subject[DN_MAX] = "";
	X509 *leaf = NULL;
	const struct decision_texts texts = {
	    .subject = subject,
	    .tls = c->ssl == NULL ? "-" : SSL_get_version(c->ssl),
	    .error = error == NULL ? "" : error,
	};

	d->connection = c->id;
	d->at = time(NULL);
	address_text(d->peer, c->remote);
	snprintf(d->note, sizeof(d->note), "%s", texts.error);
	if (c->handshake != NULL) {
		leaf = c->handshake->leaf;
		d->waited_ms = handshake_waited_ms(c->handshake);
	} else if (c->certs != NULL) {
		leaf = revcheck_certs_get0(c->certs, 0);
	}
	if (leaf != NULL)
		subject_show(subject, sizeof(subject), leaf);
	d->leaf = leaf;
	decision_log(c, d, &texts);
	decision_ring_add(c->worker->decisions, d);
}

void
decision_log_record(struct conn *c, bool allowed,
    struct revcheck_report *report, const char *error)
{
	const struct handshake *h = c->handshake;
	struct decision d = {
	    .way = c->inbound ? DECISION_INBOUND : DECISION_OUTBOUND,
	    .report = report,
	    .allowed = allowed,
	};

	/* What is known of it counts, although the handshake ended badly. */
	d.found = admission_finding(
	    h != NULL ? h->admission.why : ADMISSION_UNDECIDED,
	    h != NULL ? h->report : report, mode_in_force(c));
	decision_say(c, &d, error);
	if (allowed) {
		c->found = d.found;
		c->let_in_at = d.at;
	}
}

void
decision_log_cut(struct conn *c, struct revcheck_report *report,
    enum admission_why why, const char *error)
{
	struct decision d = {.way = DECISION_RECHECK, .report = report};

	d.found = admission_finding(why, report, mode_in_force(c));
	decision_say(c, &d, error);
	c->found = d.found;
}

void
decision_log_cut_off(struct conn *c, const char *text)
{
	struct decision d = {.way = DECISION_RECHECK, .found = c->found};

	decision_say(c, &d, text);
}
