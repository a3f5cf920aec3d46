/*
 * recheck: asks revcheck about the chains of live connections, a few each
 * turn of the loop, so that traffic goes on. First from the archive alone; a
 * peer that is not known to be bad, only not known any more, is asked about
 * once more with fetching allowed before it is cut off. Runs on the worker's
 * thread; closes nothing itself, it dooms.
 */
#include "gateway/dataplane/recheck.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/outbound.h"
#include "gateway/base/dn.h"
#include "gateway/base/pending_check.h"
#include "gateway/dataplane/worker.h"

#define RECHECK_BATCH       32 /* connections a turn of the loop */
#define RECHECK_WAITING_MAX 64 /* questions at their sources at once */

static void
recheck_submit(struct conn *c, unsigned flags, pending_check_fn *fn);
static void recheck_on_online(void *asker, struct revcheck_report *report);
static void recheck_on_offline(void *asker, struct revcheck_report *report);

static void
recheck_doom(struct conn *c, struct revcheck_report *report, const char *why)
{
	const struct conf_recheck *conf = &c->worker->runtime->conf->recheck;
	uint32_t delay = conf->grace_ms, dice = 0;

	if (c->doomed)
		return;
	if (conf->jitter_ms != 0 &&
	    RAND_bytes((unsigned char *)&dice, sizeof(dice)) == 1)
		delay += dice % conf->jitter_ms;
	decision_log_record(c, DECISION_AT_RECHECK, false, report, why);
	conn_doom(c, delay);
}

static void
recheck_judge(struct conn *c, struct revcheck_report *report, bool offline)
{
	/*
	 * What the archive does not know, soft-accepted or not, may be known
	 * to its source: a peer that came in while the mode was OFF was never
	 * asked about.
	 */
	if (offline && revcheck_report_status(report) == REVCHECK_UNKNOWN) {
		recheck_submit(c, 0, recheck_on_online);
		return;
	}
	if (revcheck_report_allows(report) != 1)
		recheck_doom(c, report, "");
}

/* Whatever is waited for is waited for no more; a round may go on. */
void
recheck_drop(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->recheck == NULL)
		return;
	pending_check_drop(c->recheck);
	c->recheck = NULL;
	if (w->recheck_waiting-- == RECHECK_WAITING_MAX && w->recheck_running)
		event_active(w->ev_recheck, EV_TIMEOUT, 0);
}

static void
recheck_answered(struct conn *c, struct revcheck_report *report, bool offline)
{
	recheck_drop(c);
	recheck_judge(c, report, offline);
}

static void
recheck_on_online(void *asker, struct revcheck_report *report)
{
	recheck_answered(asker, report, false);
}

static void
recheck_on_offline(void *asker, struct revcheck_report *report)
{
	recheck_answered(asker, report, true);
}

static void
recheck_submit(struct conn *c, unsigned flags, pending_check_fn *fn)
{
	struct worker *w = c->worker;
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {0};
	struct revcheck_query query = {
	    .size = sizeof(query),
	    .chain = c->certs,
	    .trust = c->trust,
	    .mode = c->runtime->conf->tls.mode,
	    .flags = flags | REVCHECK_QUERY_PATH_VERIFIED,
	};
	int rc;

	pending_check_drop(c->recheck);
	c->recheck = NULL;
	rc = pending_check_ask(
	    &c->recheck, &report, w->rc, &query, w->base, fn, c, &err);
	if (rc == REVCHECK_DONE) {
		recheck_judge(c, report, (flags & REVCHECK_QUERY_OFFLINE) != 0);
		revcheck_report_free(report);
	} else if (rc == REVCHECK_PENDING) {
		w->recheck_waiting++;
	} else {
		recheck_doom(c, NULL, err.msg);
	}
}

/* Its path was verified once; does it still end in the trust in force? */
static bool
recheck_path_holds(struct conn *c, struct revcheck_trust *trust)
{
	size_t num = revcheck_certs_num(c->certs);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	bool ok = ctx != NULL && others != NULL && num > 0;

	for (size_t i = 1; ok && i < num; i++)
		ok = sk_X509_push(others, revcheck_certs_get0(c->certs, i)) > 0;
	ok = ok &&
	    X509_STORE_CTX_init(ctx, revcheck_trust_get0_store(trust),
		revcheck_certs_get0(c->certs, 0), others) == 1 &&
	    X509_STORE_CTX_set_default(
		ctx, c->inbound ? "ssl_client" : "ssl_server") == 1;
	if (ok) {
		X509_STORE_CTX_set_flags(
		    ctx, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
		ok = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_free(others);
	return ok;
}

static bool
recheck_dates_hold(const struct conn *c)
{
	time_t now = time(NULL);

	for (size_t i = 0; i < revcheck_certs_num(c->certs); i++) {
		X509 *cert = revcheck_certs_get0(c->certs, i);

		if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0 ||
		    X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0)
			return false;
	}
	return true;
}

static bool
recheck_subject_allowed(const struct conn *c, const struct conf *conf)
{
	char text[DN_MAX];

	if (!c->inbound || !conf->tls.allowed_subjects_enforced)
		return true;
	return dn_text(text, revcheck_certs_get0(c->certs, 0)) &&
	    name_set_has(conf->tls.allowed_subjects, text);
}

/* Moves a live connection to the configuration in force; NULL, or why not. */
static const char *
recheck_adopt_front(struct conn *c)
{
	struct runtime *runtime = c->worker->runtime;
	struct revcheck_trust *trust = runtime->conf->trust;

	if (c->runtime == runtime)
		return NULL;
	if (!c->inbound && !outbound_find_again(c, runtime, &trust))
		return "its link is not configured any more";
	if (c->certs != NULL) {
		if (trust == NULL ||
		    (trust != c->trust && !recheck_path_holds(c, trust)))
			return "its path ends in no anchor in force";
		if (!recheck_subject_allowed(c, runtime->conf))
			return "subject is not on the list of allowed subjects";
	} else if (runtime->conf->tls.type != CONF_TLS_ONE_WAY) {
		return "a client certificate is asked for now";
	}
	runtime_up_ref(runtime);
	runtime_free(c->runtime);
	c->runtime = runtime;
	c->trust = trust;
	return NULL;
}

void
recheck_ask(struct conn *c)
{
	const char *why;

	/* Before traffic the state machine compares rounds itself. */
	c->round = c->worker->recheck_round;
	counters_inc(&c->worker->counters, COUNTER_RECHECKS);
	why = recheck_adopt_front(c);
	if (why == NULL && c->certs != NULL && !recheck_dates_hold(c))
		why = "a certificate of its chain has expired";
	if (why != NULL)
		recheck_doom(c, NULL, why);
	else if (c->certs != NULL)
		recheck_submit(c, REVCHECK_QUERY_OFFLINE, recheck_on_offline);
}

void
recheck_begin(struct worker *w)
{
	if (w->recheck_running) {
		w->recheck_wanted = true;
		return;
	}
	w->recheck_round++;
	w->recheck_wanted = false;
	w->recheck_running = true;
	w->recheck_next = w->conns;
	event_active(w->ev_recheck, EV_TIMEOUT, 0);
}

void
recheck_continue(struct worker *w)
{
	for (int i = 0; i < RECHECK_BATCH && w->recheck_next != NULL &&
	     w->recheck_waiting < RECHECK_WAITING_MAX;
	     i++) {
		struct conn *c = w->recheck_next;

		w->recheck_next = c->next;
		if (conn_is_live(c) && !c->doomed)
			recheck_ask(c);
	}
	/* The first answer goes on with it. */
	if (w->recheck_next != NULL &&
	    w->recheck_waiting >= RECHECK_WAITING_MAX)
		return;
	if (w->recheck_next != NULL) {
		/* Through the loop's timers, so that sockets come first. */
		const struct timeval soon = {0, 0};

		event_add(w->ev_recheck, &soon);
		return;
	}
	w->recheck_running = false;
	if (w->recheck_wanted)
		recheck_begin(w);
}
