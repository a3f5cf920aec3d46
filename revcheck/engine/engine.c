/*
 * engine: makes and ends what questions share, and is the public door to it.
 * Any thread; the lock covers the three parts of the configuration, the
 * watcher and nothing slow.
 */
#include "revcheck/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include <event2/thread.h>

#include "revcheck/x509/certs.h"
#include "revcheck/engine/local_crls.h"
#include "revcheck/engine/request.h"

#define ENGINE_CONNECT_TIMEOUT_MS 2000
#define ENGINE_FETCH_TIMEOUT_MS   4000
#define ENGINE_CRL_TIMEOUT_MS     60000
#define ENGINE_MAX_CRL_BYTES      ((uint64_t)128 << 20)
#define ENGINE_MAX_OCSP_BYTES     65536
#define ENGINE_MEMORY_BYTES       ((uint64_t)512 << 20)
#define ENGINE_MAX_REQUESTS       10000

/* Configuration. */

void
engine_snapshot(struct revcheck *rc, struct snapshot *out)
{
	pthread_mutex_lock(&rc->lock);
	*out = rc->now;
	if (out->rules != NULL)
		issuer_rules_up_ref(out->rules);
	if (out->deny != NULL)
		denylist_up_ref(out->deny);
	if (out->local != NULL)
		evidence_set_up_ref(out->local);
	pthread_mutex_unlock(&rc->lock);
}

void
snapshot_cleanup(struct snapshot *s)
{
	issuer_rules_free(s->rules);
	denylist_free(s->deny);
	revcheck_evidence_free(s->local);
	*s = (struct snapshot){0};
}

/*
 * Called with its own lock held, so that whoever takes the watcher away knows
 * that it is not running any more.
 */
static void
notify_watcher(void *arg)
{
	struct revcheck *rc = arg;

	pthread_mutex_lock(&rc->watch_lock);
	if (rc->watch != NULL)
		rc->watch(rc->watch_arg);
	pthread_mutex_unlock(&rc->watch_lock);
}

/* The watcher hears of it on the service thread, never inside the call. */
static void
engine_changed(struct revcheck *rc)
{
	if (archive_post(rc->archive, notify_watcher, rc) != 0)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "cannot tell the watcher of a change: shutting down");
}

static void
evidence_changed(void *arg, const struct evidence_key *key)
{
	(void)key;
	notify_watcher(arg);
}

int
revcheck_set_policy(struct revcheck *rc, const struct revcheck_policy *policy,
    struct revcheck_error *err)
{
	struct revcheck_policy resolved;
	struct err e = {0};
	int code = policy_resolve(&resolved, policy, &e);

	if (code != 0)
		return error_publish(err, &e, code);
	pthread_mutex_lock(&rc->lock);
	rc->now.policy = resolved;
	pthread_mutex_unlock(&rc->lock);
	engine_changed(rc);
	return 0;
}

void
revcheck_get_policy(struct revcheck *rc, struct revcheck_policy *out)
{
	pthread_mutex_lock(&rc->lock);
	*out = rc->now.policy;
	pthread_mutex_unlock(&rc->lock);
}

int
revcheck_set_denylist(struct revcheck *rc, const struct revcheck_deny *list,
    size_t num, struct revcheck_error *err)
{
	struct denylist *fresh, *old;
	struct err e = {0};
	int code = denylist_new(&fresh, list, num, &e);

	if (code != 0)
		return error_publish(err, &e, code);
	pthread_mutex_lock(&rc->lock);
	old = rc->now.deny;
	rc->now.deny = fresh;
	pthread_mutex_unlock(&rc->lock);
	denylist_free(old);
	engine_changed(rc);
	return 0;
}

int
revcheck_set_issuer_rules(struct revcheck *rc,
    const struct revcheck_issuer_rule *rules, size_t num,
    struct revcheck_error *err)
{
	struct issuer_rules *fresh = NULL, *old;
	struct err e = {0};
	int code = num == 0 ? 0 : issuer_rules_new(&fresh, rules, num, &e);

	if (code != 0)
		return error_publish(err, &e, code);
	pthread_mutex_lock(&rc->lock);
	old = rc->now.rules;
	rc->now.rules = fresh;
	pthread_mutex_unlock(&rc->lock);
	issuer_rules_free(old);
	cert_sources_memo_clear(rc->memo);
	engine_changed(rc);
	return 0;
}

void
revcheck_set_local_evidence(struct revcheck *rc, struct revcheck_evidence *e)
{
	struct revcheck_evidence *old;

	if (e != NULL)
		evidence_set_up_ref(e);
	pthread_mutex_lock(&rc->lock);
	old = rc->now.local;
	rc->now.local = e;
	pthread_mutex_unlock(&rc->lock);
	revcheck_evidence_free(old);
	engine_changed(rc);
}

void
revcheck_watch(struct revcheck *rc, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&rc->watch_lock);
	rc->watch = fn;
	rc->watch_arg = arg;
	pthread_mutex_unlock(&rc->watch_lock);
}

/* Life. */

static void
log_out(void *arg, enum log_level level, const char *line)
{
	struct revcheck *rc = arg;

	rc->log_fn(rc->log_arg, (int)level, line);
}

static uint32_t
or32(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static int
open_archive(
    struct revcheck *rc, const struct revcheck_options *o, struct err *err)
{
	struct archive_options a = {
	    .state_dir = o->state_dir,
	    .offline = o->offline != 0,
	    .connect_timeout_ms =
		or32(o->connect_timeout_ms, ENGINE_CONNECT_TIMEOUT_MS),
	    .fetch_timeout_ms =
		or32(o->fetch_timeout_ms, ENGINE_FETCH_TIMEOUT_MS),
	    .crl_timeout_ms = or32(o->crl_timeout_ms, ENGINE_CRL_TIMEOUT_MS),
	    .max_ocsp_bytes = or32(o->max_ocsp_bytes, ENGINE_MAX_OCSP_BYTES),
	    .crl = {.max_bytes = o->max_crl_bytes != 0 ? o->max_crl_bytes
						       : ENGINE_MAX_CRL_BYTES,
		.max_entries = o->max_crl_entries},
	    .memory_bytes =
		o->memory_bytes != 0 ? o->memory_bytes : ENGINE_MEMORY_BYTES,
	    .allow_addresses = o->allow_addresses,
	    .refuse_private = o->refuse_private != 0,
	    .ports = o->ports,
	    .any_port = o->any_port != 0,
	    .proxy = o->proxy,
	    .https_ca_file = o->https_ca_file,
	    .user_agent = o->user_agent != NULL ? o->user_agent
						: "revcheck/" REVCHECK_VERSION,
	    .min_refresh_sec = o->min_refresh_sec,
	    .skew_sec = POLICY_SKEW_SEC,
	    .clock = rc->clock,
	    .log = &rc->log,
	    .changed = evidence_changed,
	    .changed_arg = rc,
	};

	return archive_new(&rc->archive, &a, err);
}

static void
local_stop_cb(void *arg)
{
	local_crls_stop(arg);
}

int
revcheck_new(struct revcheck **out, const struct revcheck_options *options,
    struct revcheck_error *err)
{
	struct revcheck_options o = {0};
	struct revcheck_policy defaults = {0};
	struct revcheck *rc;
	struct err e = {0};
	int code;

	*out = NULL;
	if (options != NULL)
		memcpy(&o, options,
		    options->size != 0 && options->size < sizeof(o)
			? options->size
			: sizeof(o));
	evthread_use_pthreads();
	rc = calloc(1, sizeof(*rc));
	if (rc == NULL)
		return error_publish(err, NULL, E_NOMEM);
	pthread_mutex_init(&rc->lock, NULL);
	pthread_mutex_init(&rc->watch_lock, NULL);
	rc->clock = (struct wall_clock){o.now, o.now_arg};
	rc->started_at = wall_clock_now(&rc->clock);
	rc->offline = o.offline != 0;
	rc->has_disk = o.state_dir != NULL;
	rc->prefetch = o.prefetch_crls != 0;
	rc->max_requests = or32(o.max_requests, ENGINE_MAX_REQUESTS);
	if (o.log != NULL) {
		rc->log_fn = o.log;
		rc->log_arg = o.log_arg;
		rc->log = (struct log){.level = (enum log_level)o.log_level,
		    .fn = log_out,
		    .arg = rc};
	}
	code = policy_resolve(&rc->now.policy, &defaults, &e);
	rc->memo = cert_sources_memo_new();
	rc->memory = revoked_memory_new();
	if (code == 0 && (rc->memo == NULL || rc->memory == NULL))
		code = err_set(&e, E_NOMEM, "out of memory");
	if (code == 0)
		code = open_archive(rc, &o, &e);
	if (code == 0 && o.crl_paths != NULL && o.crl_paths[0] != NULL)
		code = local_crls_new(&rc->local, rc, o.crl_paths, &e);
	if (code != 0) {
		revcheck_free(rc);
		return error_publish(err, &e, code);
	}
	*out = rc;
	return 0;
}

static void
cancel_cb(void *arg)
{
	requests_cancel_all(arg);
}

void
revcheck_free(struct revcheck *rc)
{
	if (rc == NULL)
		return;
	revcheck_watch(rc, NULL, NULL);
	if (rc->archive != NULL) {
		/* Runs before the service thread stops: posts keep order. */
		if (archive_post(rc->archive, cancel_cb, rc) != 0 ||
		    (rc->local != NULL &&
			archive_post(rc->archive, local_stop_cb, rc->local) !=
			    0))
			log_line(&rc->log, LOG_LEVEL_WARN,
			    "the service thread is gone already");
		archive_free(rc->archive);
	}
	local_crls_free(rc->local);
	cert_sources_memo_free(rc->memo);
	revoked_memory_free(rc->memory);
	snapshot_cleanup(&rc->now);
	pthread_mutex_destroy(&rc->watch_lock);
	pthread_mutex_destroy(&rc->lock);
	free(rc);
}

/* Asking. */

int
revcheck_submit(struct revcheck *rc, struct revcheck_request **req,
    struct revcheck_report **report, const struct revcheck_query *query,
    struct event_base *base, revcheck_done_fn *done, void *arg,
    struct revcheck_error *err)
{
	struct revcheck_query q = {0};
	struct revcheck_request *r;
	struct err e = {0};
	int code;

	*req = NULL;
	*report = NULL;
	memcpy(&q, query,
	    query->size != 0 && query->size < sizeof(q) ? query->size
							: sizeof(q));
	code = request_new(&r, rc, &q, &e);
	if (code != 0)
		return error_publish(err, &e, code);
	switch (request_try(r)) {
	case ANSWER_FINAL:
		*report = revcheck_report_up_ref(r->report);
		revcheck_request_free(r);
		return REVCHECK_DONE;
	case ANSWER_FETCH:
		break;
	case ANSWER_NOMEM:
		revcheck_request_free(r);
		return error_publish(err, NULL, E_NOMEM);
	}
	code = request_begin(r, base, done, arg, &e);
	if (code != 0) {
		revcheck_request_free(r);
		return error_publish(err, &e, code);
	}
	*req = r;
	return REVCHECK_PENDING;
}

struct rendezvous {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	struct revcheck_report *report;
};

static void
rendezvous_done(struct revcheck_report *report, void *arg)
{
	struct rendezvous *v = arg;

	pthread_mutex_lock(&v->lock);
	v->done = true;
	if (report != NULL)
		v->report = revcheck_report_up_ref(report);
	pthread_cond_signal(&v->cond);
	pthread_mutex_unlock(&v->lock);
}

int
revcheck_check(struct revcheck *rc, struct revcheck_report **report,
    const struct revcheck_query *query, struct revcheck_error *err)
{
	struct rendezvous v = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	struct revcheck_request *req;
	int code;

	code = revcheck_submit(
	    rc, &req, report, query, NULL, rendezvous_done, &v, err);
	if (code != REVCHECK_PENDING)
		return code == REVCHECK_DONE ? 0 : code;
	pthread_mutex_lock(&v.lock);
	while (!v.done)
		pthread_cond_wait(&v.cond, &v.lock);
	pthread_mutex_unlock(&v.lock);
	revcheck_request_free(req);
	*report = v.report;
	return v.report != NULL ? 0 : error_publish(err, NULL, E_NOMEM);
}

/* Counters. */

void
engine_count(struct revcheck *rc, const struct revcheck_report *r)
{
	struct engine_counts *c = &rc->counts;

	atomic_fetch_add_explicit(&c->checks, 1, memory_order_relaxed);
	if (r->cached)
		atomic_fetch_add_explicit(
		    &c->checks_cached, 1, memory_order_relaxed);
	if (r->shadow_refuses)
		atomic_fetch_add_explicit(
		    &c->shadow_refusals, 1, memory_order_relaxed);
	switch (r->status) {
	case REVCHECK_GOOD:
		atomic_fetch_add_explicit(&c->good, 1, memory_order_relaxed);
		break;
	case REVCHECK_REVOKED:
		atomic_fetch_add_explicit(&c->revoked, 1, memory_order_relaxed);
		break;
	case REVCHECK_PATH_INVALID:
		atomic_fetch_add_explicit(
		    &c->path_invalid, 1, memory_order_relaxed);
		break;
	default:
		atomic_fetch_add_explicit(&c->unknown, 1, memory_order_relaxed);
		if (r->allow)
			atomic_fetch_add_explicit(
			    &c->soft_accepts, 1, memory_order_relaxed);
		break;
	}
	if (r->status == REVCHECK_UNKNOWN && r->allow)
		log_line(&rc->log, LOG_LEVEL_WARN, "soft failure: %s (why=%s)",
		    r->text, revcheck_why_name(r->why));
}

void
revcheck_get_stats(struct revcheck *rc, struct revcheck_stats *out)
{
	struct engine_counts *c = &rc->counts;
	struct revcheck_stats s = {.size = sizeof(s)};
	size_t size = out->size;
	struct archive_stats a;

	archive_stats_get(rc->archive, &a);
	s.checks = atomic_load(&c->checks);
	s.checks_cached = atomic_load(&c->checks_cached);
	s.pending = atomic_load(&c->pending);
	s.soft_accepts = atomic_load(&c->soft_accepts);
	s.shadow_refusals = atomic_load(&c->shadow_refusals);
	s.good = atomic_load(&c->good);
	s.revoked = atomic_load(&c->revoked);
	s.unknown = atomic_load(&c->unknown);
	s.path_invalid = atomic_load(&c->path_invalid);
	s.hits = a.hits;
	s.misses = a.misses;
	s.disk_hits = a.disk_hits;
	s.fetches = a.fetches;
	s.fetches_304 = a.fetches_304;
	s.fetched_bytes = a.fetched_bytes;
	s.joins = a.joins;
	s.refreshes = a.refreshes;
	s.evictions = a.evictions;
	s.entries = a.entries;
	s.bytes = a.bytes;
	s.fail_unreachable = a.fail[EVIDENCE_FAIL_UNREACHABLE];
	s.fail_deadline = a.fail[EVIDENCE_FAIL_DEADLINE];
	s.fail_http = a.fail[EVIDENCE_FAIL_HTTP];
	s.fail_malformed = a.fail[EVIDENCE_FAIL_MALFORMED];
	s.fail_forged = a.fail[EVIDENCE_FAIL_REJECTED];
	s.fail_older = a.fail[EVIDENCE_FAIL_OLDER];
	s.fail_too_large = a.fail[EVIDENCE_FAIL_TOO_LARGE];
	s.fail_refused =
	    a.fail[EVIDENCE_FAIL_REFUSED] + a.fail[EVIDENCE_FAIL_SCHEME];
	s.fail_backoff = a.fail[EVIDENCE_FAIL_BACKOFF];
	if (size == 0 || size > sizeof(s))
		size = sizeof(s);
	memcpy(out, &s, size);
	out->size = size;
}
