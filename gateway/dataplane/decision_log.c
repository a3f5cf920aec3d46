/*
 * decision_log: words for what was decided about a peer. Logs and tells;
 * decides nothing. log_line escapes what strangers chose.
 */
#include "gateway/dataplane/decision_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/address.h"
#include "gateway/dataplane/conn.h"
#include "gateway/tls/handshake.h"
#include "gateway/dataplane/observer.h"
#include "gateway/base/dn.h"
#include "gateway/dataplane/worker.h"

static void
decision_log(const struct conn *c, const struct workers_decision *d)
{
	const struct revcheck_report *r = d->report;
	const char *verb = d->allowed ? "allowed" : "refused";
	const char *way = d->inbound ? "inbound" : "outbound";
	const char *text = r != NULL ? revcheck_report_text(r) : d->error;
	const char *status =
	    r != NULL ? revcheck_status_name(revcheck_report_status(r)) : "-";
	const char *why =
	    r != NULL ? revcheck_why_name(revcheck_report_why(r)) : "-";
	const char *mode =
	    r != NULL ? revcheck_mode_name(revcheck_report_mode(r)) : "-";
	char conn[24], waited[16];
	const struct log_field fields[] = {{"decision", verb},
	    {"occasion",
		d->occasion == DECISION_AT_RECHECK ? "recheck" : "handshake"},
	    {"direction", way}, {"conn", conn}, {"peer", d->subject},
	    {"from", d->address}, {"tls", d->tls}, {"status", status},
	    {"why", why}, {"mode", mode}, {"waited_ms", waited},
	    {"evidence", text}};

	snprintf(conn, sizeof(conn), "%" PRIu64, d->conn);
	snprintf(waited, sizeof(waited), "%u", d->waited_ms);
	if (d->occasion == DECISION_AT_RECHECK)
		verb = d->allowed ? "kept" : "cutting off";
	log_event(c->worker->log, d->allowed ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    fields, sizeof(fields) / sizeof(fields[0]),
	    "%s %s peer '%s': %s (conn=%s from=%s tls=%s status=%s why=%s "
	    "mode=%s)",
	    verb, way, d->subject, text, conn, d->address, d->tls, status, why,
	    mode);
	if (d->allowed && r != NULL && revcheck_report_shadow_refuses(r))
		log_line(c->worker->log, LOG_LEVEL_WARN,
		    "HARD_FAIL would refuse %s peer '%s': %s (conn=%s from=%s)",
		    way, d->subject, text, conn, d->address);
}

void
decision_log_record(struct conn *c, enum workers_occasion occasion,
    bool allowed, struct revcheck_report *report, const char *error)
{
	struct observer *o = c->worker->observer;
	char address[ADDRESS_TEXT_MAX], subject[DN_MAX] = "";
	X509 *leaf = NULL;
	struct workers_decision d = {
	    .occasion = occasion,
	    .inbound = c->inbound,
	    .allowed = allowed,
	    .conn = c->id,
	    .address = address,
	    .subject = subject,
	    .tls = c->ssl == NULL ? "-" : SSL_get_version(c->ssl),
	    .error = error == NULL ? "" : error,
	    .report = report,
	};

	address_text(address, c->remote);
	if (c->handshake != NULL) {
		leaf = c->handshake->leaf;
		d.waited_ms = handshake_waited_ms(c->handshake);
	} else if (c->certs != NULL) {
		leaf = revcheck_certs_get0(c->certs, 0);
	}
	if (leaf != NULL)
		dn_text(subject, leaf);
	decision_log(c, &d);
	pthread_mutex_lock(&o->lock);
	if (o->fn != NULL)
		o->fn(o->arg, &d);
	pthread_mutex_unlock(&o->lock);
}
