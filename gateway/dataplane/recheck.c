/*
 * recheck: asks revcheck about the chains of live connections, a few each
 * turn of the loop, so that traffic goes on. First from the archive alone; a
 * peer that is not known to be bad, only not known any more, is asked about
 * once more with fetching allowed before it is cut off. Runs on the worker's
 * thread; closes nothing itself, it dooms.
 */
#include "gateway/base/chain_end.h"
#include "gateway/dataplane/recheck.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <openssl/rand.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/conn_terms.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/worker.h"

#define RECHECK_BATCH       32 /* connections a turn of the loop */
#define RECHECK_WAITING_MAX 64 /* questions at their sources at once */

static void
recheck_submit(struct conn *c, unsigned flags, pending_check_fn *fn);
static void recheck_on_online(void *asker, struct revcheck_report *report);
static void recheck_on_offline(void *asker, struct revcheck_report *report);

static void
recheck_doom(struct conn *c, struct revcheck_report *report,
    enum admission_why why, const char *error)
{
	const struct conf_recheck *conf = &c->worker->runtime->conf->recheck;
	uint32_t delay = conf->grace_ms, dice = 0;

	if (c->doomed)
		return;
	if (conf->jitter_ms != 0 &&
	    RAND_bytes((unsigned char *)&dice, sizeof(dice)) == 1)
		delay += dice % conf->jitter_ms;
	decision_log_cut(c, report, why, error);
	conn_doom(c, delay);
}

static void
recheck_kept(struct conn *c, struct revcheck_report *report)
{
	c->found =
	    (struct decision_finding){.mode = revcheck_report_mode(report),
		.status = revcheck_report_status(report),
		.why = revcheck_report_why(report)};
	if (decision_is_soft(report))
		counters_inc(&c->worker->counters, COUNTER_SOFT_KEPT);
}

static void
recheck_hear(struct conn *c, struct revcheck_report *report, bool offline)
{
	struct admission a = {.path = c->certs};

	/*
	 * What the archive does not know, soft-accepted or not, may be known
	 * to its source: a peer that came in while the mode was OFF was never
	 * asked about.
	 */
	if (offline && revcheck_report_status(report) == REVCHECK_UNKNOWN) {
		recheck_submit(c, 0, recheck_on_online);
		return;
	}
	admission_hear(&a, report);
	if (a.why != ADMISSION_ALLOWED)
		recheck_doom(c, report, a.why, "");
	else
		recheck_kept(c, report);
	if (!c->doomed)
		source_index_rest(c->worker->sources, &c->answer, report, 0);
}

static void
recheck_on_online(void *asker, struct revcheck_report *report)
{
	recheck_hear(asker, report, false);
}

static void
recheck_on_offline(void *asker, struct revcheck_report *report)
{
	recheck_hear(asker, report, true);
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
	    .flags =
		flags | REVCHECK_QUERY_PATH_VERIFIED | REVCHECK_QUERY_RECHECK,
	};
	int rc;

	rc = chain_poll_ask(
	    &w->recheck, &c->recheck, &report, &query, fn, c, &err);
	if (rc == REVCHECK_DONE) {
		recheck_hear(c, report, (flags & REVCHECK_QUERY_OFFLINE) != 0);
		revcheck_report_free(report);
	} else if (rc != REVCHECK_PENDING) {
		recheck_doom(c, NULL, ADMISSION_ERROR, err.msg);
	}
}

/*
 * Moves a live connection to the configuration in force, under whose terms it
 * is admitted anew but for revocation. NULL, or why not, in *a or as it is.
 */
static const char *
recheck_adopt(struct conn *c, struct admission *a)
{
	struct runtime *runtime = c->worker->runtime;
	struct admission_terms before, terms;
	struct admission_peer peer = {.certs = c->certs};
	size_t link, old;

	if (!conn_get_terms(c, runtime, &terms, &link))
		return "its link is not configured any more";
	peer.verified = conn_get_terms(c, c->runtime, &before, &old) &&
	    admission_same_path(&before, &terms);
	if (!admission_check(a, &terms, &peer) && a->why != ADMISSION_ALLOWED)
		return a->error;
	if (a->found != NULL) {
		revcheck_certs_free(c->certs);
		c->certs = a->found;
		c->ends_at = chain_ends_at(c->certs);
		a->found = NULL;
	}
	c->link = link;
	c->trust = terms.trust;
	runtime_up_ref(runtime);
	runtime_free(c->runtime);
	c->runtime = runtime;
	return NULL;
}

void
recheck_ask(struct conn *c)
{
	struct admission a = {0};
	const char *why;

	/* Before traffic the state machine compares rounds itself. */
	c->round = c->worker->recheck_round;
	counters_inc(&c->worker->counters, COUNTER_RECHECKS);
	/* A question under way is about the old path. */
	chain_poll_drop(&c->recheck);
	why = recheck_adopt(c, &a);
	if (why != NULL)
		recheck_doom(c, NULL, a.why, why);
	else if (c->certs != NULL)
		recheck_submit(c, REVCHECK_QUERY_OFFLINE, recheck_on_offline);
	admission_cleanup(&a);
}

bool
recheck_is_over(struct conn *c, uint64_t now_mono_ms, time_t now)
{
	if (!c->doomed && c->ends_at != 0 && now >= c->ends_at)
		recheck_ask(c);
	return c->doomed && now_mono_ms >= c->close_at_mono_ms;
}

uint64_t
recheck_due_mono_ms(const struct conn *c, uint64_t now_mono_ms, time_t now)
{
	uint64_t ms = RECHECK_LOOK_MS;

	if (c->doomed)
		return c->close_at_mono_ms;
	if (c->ends_at == 0)
		return 0;
	if (now >= c->ends_at)
		ms = 0;
	else if ((uint64_t)(c->ends_at - now) < ms / 1000)
		ms = (uint64_t)(c->ends_at - now) * 1000;
	return now_mono_ms + ms;
}

void
recheck_begin(struct worker *w)
{
	w->recheck_round++;
	source_index_all_due(w->sources);
}

static void
recheck_due(void *arg)
{
	struct worker *w = arg;

	chain_poll_start(&w->recheck);
}

/*
 * Of a source that changes while it is asked about the answer says whether it
 * has the change in it; dropped, it could lose its turn at a slow source.
 */
static bool
recheck_will_know(const struct conn *c)
{
	return chain_poll_is_asking(&c->recheck) &&
	    c->round == c->worker->recheck_round;
}

static bool
recheck_next(void *arg)
{
	struct worker *w = arg;
	struct source_asker *a = source_index_take(w->sources);
	struct conn *c;

	if (a == NULL)
		return false;
	c = (struct conn *)((char *)a - offsetof(struct conn, answer));
	if (!conn_is_live(c))
		c->missed = true;
	else if (!c->doomed && !recheck_will_know(c))
		recheck_ask(c);
	return true;
}

int
recheck_init(struct worker *w, struct err *err)
{
	static const struct chain_poll_calls calls = {.next = recheck_next};
	const struct chain_poll_bounds bounds = {
	    RECHECK_BATCH, RECHECK_WAITING_MAX};

	int rc = chain_poll_init(
	    &w->recheck, &calls, w, bounds, w->env.rc, w->base, err);

	return rc != 0
	    ? rc
	    : source_index_new(&w->sources, w->base, NULL, recheck_due, w, err);
}

void
recheck_cleanup(struct worker *w)
{
	source_index_free(w->sources);
	w->sources = NULL;
	chain_poll_cleanup(&w->recheck);
}
