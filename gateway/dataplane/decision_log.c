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
#include "gateway/dataplane/conn.h"
#include "gateway/tls/handshake.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/base/dn.h"
#include "gateway/dataplane/worker.h"

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
	const char *status =
	    r != NULL ? revcheck_status_name(revcheck_report_status(r)) : "-";
	const char *why =
	    r != NULL ? revcheck_why_name(revcheck_report_why(r)) : "-";
	const char *mode =
	    r != NULL ? revcheck_mode_name(revcheck_report_mode(r)) : "-";
	bool recheck = d->way == DECISION_RECHECK;
	char conn[24], waited[16];
	const struct log_field fields[] = {{"decision", verb},
	    {"occasion", recheck ? "recheck" : "handshake"}, {"direction", way},
	    {"conn", conn}, {"peer", t->subject}, {"from", d->peer},
	    {"tls", t->tls}, {"status", status}, {"why", why}, {"mode", mode},
	    {"waited_ms", waited}, {"evidence", text}};

	snprintf(conn, sizeof(conn), "%" PRIu64, d->connection);
	snprintf(waited, sizeof(waited), "%u", d->waited_ms);
	if (recheck)
		verb = d->allowed ? "kept" : "cutting off";
	log_event(c->worker->log, d->allowed ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    fields, sizeof(fields) / sizeof(fields[0]),
	    "%s %s peer '%s': %s (conn=%s from=%s tls=%s status=%s why=%s "
	    "mode=%s)",
	    verb, way, t->subject, text, conn, d->peer, t->tls, status, why,
	    mode);
	if (d->allowed && r != NULL && revcheck_report_shadow_refuses(r))
		log_line(c->worker->log, LOG_LEVEL_WARN,
		    "HARD_FAIL would refuse %s peer '%s': %s (conn=%s from=%s)",
		    way, t->subject, text, conn, d->peer);
}

void
decision_log_record(struct conn *c, enum decision_occasion occasion,
    bool allowed, struct revcheck_report *report, const char *error)
{
	char subject[DN_MAX] = "";
	X509 *leaf = NULL;
	const struct decision_texts texts = {
	    .subject = subject,
	    .tls = c->ssl == NULL ? "-" : SSL_get_version(c->ssl),
	    .error = error == NULL ? "" : error,
	};
	struct decision d = {
	    .way = occasion == DECISION_AT_RECHECK ? DECISION_RECHECK
		: c->inbound                       ? DECISION_INBOUND
						   : DECISION_OUTBOUND,
	    .connection = c->id,
	    .at = time(NULL),
	    .report = report,
	    .allowed = allowed,
	};

	address_text(d.peer, c->remote);
	snprintf(d.note, sizeof(d.note), "%s", texts.error);
	if (c->handshake != NULL) {
		leaf = c->handshake->leaf;
		d.waited_ms = handshake_waited_ms(c->handshake);
	} else if (c->certs != NULL) {
		leaf = revcheck_certs_get0(c->certs, 0);
	}
	if (leaf != NULL)
		subject_show(subject, sizeof(subject), leaf);
	decision_log(c, &d, &texts);
	decision_ring_add(c->worker->decisions, &d);
}
