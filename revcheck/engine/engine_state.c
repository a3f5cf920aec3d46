/*
 * engine_state: the public calls that change what all questions share, the
 * watcher and the counters. Any thread; the lock covers the configuration and
 * nothing slow.
 */
#include "revcheck/engine/engine_state.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/stripe.h"
#include "revcheck/engine/report.h"
#include "revcheck/x509/certs.h"

/* Configuration. */

int
engine_post(struct revcheck *rc, void (*fn)(void *arg), void *arg)
{
	return archive_post(rc->archive, fn, arg);
}

void
engine_locks_init(struct revcheck *rc)
{
	for (size_t i = 0; i < ENGINE_STRIPES; i++)
		pthread_mutex_init(&rc->lock[i].mutex, NULL);
}

void
engine_locks_destroy(struct revcheck *rc)
{
	for (size_t i = 0; i < ENGINE_STRIPES; i++)
		pthread_mutex_destroy(&rc->lock[i].mutex);
}

void
engine_lock(struct revcheck *rc)
{
	for (size_t i = 0; i < ENGINE_STRIPES; i++)
		pthread_mutex_lock(&rc->lock[i].mutex);
}

void
engine_unlock(struct revcheck *rc)
{
	for (size_t i = ENGINE_STRIPES; i-- > 0;)
		pthread_mutex_unlock(&rc->lock[i].mutex);
}

void
engine_snapshot(struct revcheck *rc, struct snapshot *out)
{
	struct engine_lock *mine = &rc->lock[stripe_of_thread(ENGINE_STRIPES)];

	pthread_mutex_lock(&mine->mutex);
	*out = rc->now;
	if (out->rules != NULL)
		issuer_rules_up_ref(out->rules);
	if (out->deny != NULL)
		denylist_up_ref(out->deny);
	if (out->local != NULL)
		evidence_set_up_ref(out->local);
	pthread_mutex_unlock(&mine->mutex);
}

void
snapshot_cleanup(struct snapshot *s)
{
	issuer_rules_free(s->rules);
	denylist_free(s->deny);
	revcheck_evidence_free(s->local);
	*s = (struct snapshot){0};
}

void
engine_notify_watcher(struct revcheck *rc, const struct evidence_key *source)
{
	uint64_t change = atomic_fetch_add(&rc->changes, 1) + 1;

	pthread_mutex_lock(&rc->watch_lock);
	if (rc->watch != NULL)
		rc->watch(
		    rc->watch_arg, source != NULL ? source->id : NULL, change);
	pthread_mutex_unlock(&rc->watch_lock);
}

static void
notify_cb(void *arg)
{
	engine_notify_watcher(arg, NULL);
}

void
engine_changed(struct revcheck *rc)
{
	if (archive_post(rc->archive, notify_cb, rc) != 0)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "cannot tell the watcher of a change: shutting down");
}

struct change {
	struct revcheck *rc;
	struct evidence_key source;
};

static void
notify_of_cb(void *arg)
{
	struct change *c = arg;

	engine_notify_watcher(c->rc, &c->source);
	free(c);
}

void
engine_changed_of(struct revcheck *rc, const uint8_t id[32])
{
	struct change *c = malloc(sizeof(*c));

	if (c == NULL) {
		engine_changed(rc);
		return;
	}
	c->rc = rc;
	memcpy(c->source.id, id, sizeof(c->source.id));
	if (archive_post(rc->archive, notify_of_cb, c) == 0)
		return;
	free(c);
	engine_changed(rc);
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
	engine_lock(rc);
	rc->now.policy = resolved;
	engine_unlock(rc);
	engine_changed(rc);
	return 0;
}

void
revcheck_get_policy(struct revcheck *rc, struct revcheck_policy *out)
{
	engine_lock(rc);
	*out = rc->now.policy;
	engine_unlock(rc);
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
	engine_lock(rc);
	old = rc->now.deny;
	rc->now.deny = fresh;
	engine_unlock(rc);
	denylist_free(old);
	engine_changed(rc);
	return 0;
}

/*
 * One entry more or less. Made under the lock, so that no other change is lost:
 * it is a few small allocations.
 */
static int
denylist_change(struct revcheck *rc, const struct revcheck_deny *entry,
    int (*make)(struct denylist **, const struct denylist *,
	const struct revcheck_deny *, struct err *),
    struct revcheck_error *err)
{
	struct denylist *fresh, *old = NULL;
	struct err e = {0};
	int code;

	engine_lock(rc);
	code = make(&fresh, rc->now.deny, entry, &e);
	if (code >= 0) {
		old = rc->now.deny;
		rc->now.deny = fresh;
	}
	engine_unlock(rc);
	if (code < 0)
		return error_publish(err, &e, code);
	denylist_free(old);
	engine_changed(rc);
	return code;
}

int
revcheck_denylist_add(struct revcheck *rc, const struct revcheck_deny *entry,
    struct revcheck_error *err)
{
	return denylist_change(rc, entry, denylist_with, err);
}

int
revcheck_denylist_remove(struct revcheck *rc, const struct revcheck_deny *entry,
    struct revcheck_error *err)
{
	return denylist_change(rc, entry, denylist_without, err);
}

void
revcheck_trim(struct revcheck *rc, time_t since)
{
	cert_sources_memo_trim(rc->memo, since);
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
	engine_lock(rc);
	old = rc->now.rules;
	rc->now.rules = fresh;
	engine_unlock(rc);
	issuer_rules_free(old);
	cert_sources_memo_clear(rc->memo);
	engine_changed(rc);
	return 0;
}

void
revcheck_set_local_evidence(struct revcheck *rc, struct revcheck_evidence *e)
{
	struct revcheck_evidence *old;

	if (e != NULL) {
		evidence_set_up_ref(e);
		evidence_set_close(e);
	}
	engine_lock(rc);
	old = rc->now.local;
	rc->now.local = e;
	engine_unlock(rc);
	revcheck_evidence_free(old);
	engine_changed(rc);
}

void
revcheck_watch(struct revcheck *rc, revcheck_watch_fn *fn, void *arg)
{
	pthread_mutex_lock(&rc->watch_lock);
	rc->watch = fn;
	rc->watch_arg = arg;
	pthread_mutex_unlock(&rc->watch_lock);
}

/* Counters. */

static void
count(atomic_uint_fast64_t *which)
{
	atomic_fetch_add_explicit(which, 1, memory_order_relaxed);
}

/* Who is in already is not let in once more. */
static void
count_soft(struct revcheck *rc, const struct revcheck_report *r, unsigned flags)
{
	bool kept = (flags & REVCHECK_QUERY_RECHECK) != 0;

	struct engine_counts *c = &rc->counts[stripe_of_thread(ENGINE_STRIPES)];

	count(kept ? &c->soft_kept : &c->soft_accepts);
	log_line(&rc->log, kept ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
	    "soft failure: %s (why=%s)", r->text, revcheck_why_name(r->why));
}

void
engine_count(
    struct revcheck *rc, const struct revcheck_report *r, unsigned flags)
{
	struct engine_counts *c = &rc->counts[stripe_of_thread(ENGINE_STRIPES)];

	count(&c->checks);
	if (r->cached)
		count(&c->checks_cached);
	if (r->shadow_refuses)
		count(&c->shadow_refusals);
	switch (r->status) {
	case REVCHECK_GOOD:
		count(&c->good);
		break;
	case REVCHECK_REVOKED:
		count(&c->revoked);
		break;
	case REVCHECK_PATH_INVALID:
		count(&c->path_invalid);
		break;
	case REVCHECK_NOT_ASKED:
		count(&c->not_asked);
		break;
	default:
		count(&c->unknown);
		if (r->allow)
			count_soft(rc, r, flags);
		break;
	}
}

static void
add_counts(struct revcheck_stats *s, struct engine_counts *c)
{
	s->checks += atomic_load(&c->checks);
	s->checks_cached += atomic_load(&c->checks_cached);
	s->soft_accepts += atomic_load(&c->soft_accepts);
	s->shadow_refusals += atomic_load(&c->shadow_refusals);
	s->good += atomic_load(&c->good);
	s->revoked += atomic_load(&c->revoked);
	s->unknown += atomic_load(&c->unknown);
	s->path_invalid += atomic_load(&c->path_invalid);
	s->not_asked += atomic_load(&c->not_asked);
	s->soft_kept += atomic_load(&c->soft_kept);
}

_Static_assert(REVCHECK_NUM_FETCH_TIMES == ARCHIVE_NUM_FETCH_TIMES,
    "the engine shows what the archive counts");

void
revcheck_get_stats(struct revcheck *rc, struct revcheck_stats *out)
{
	struct revcheck_stats s = {.size = sizeof(s)};
	size_t size = out->size;
	struct archive_stats a;

	archive_stats_get(rc->archive, &a);
	s.pending = atomic_load(&rc->pending);
	for (size_t i = 0; i < ENGINE_STRIPES; i++)
		add_counts(&s, &rc->counts[i]);
	s.hits = a.hits;
	s.misses = a.misses;
	s.disk_hits = a.disk_hits;
	s.fetches = a.fetches;
	s.fetches_304 = a.fetches_304;
	s.fetched_bytes = a.fetched_bytes;
	s.joins = a.joins;
	s.refreshes = a.refreshes;
	s.disk_bytes = a.disk_bytes;
	s.disk_lost = a.disk_lost;
	s.number_restarts = a.restarts;
	s.known_revoked = known_revoked_num(rc->known);
	memcpy(s.crl_fetch_times, a.crl_fetches.num, sizeof(s.crl_fetch_times));
	s.crl_fetch_ms = a.crl_fetches.ms;
	memcpy(
	    s.ocsp_fetch_times, a.ocsp_fetches.num, sizeof(s.ocsp_fetch_times));
	s.ocsp_fetch_ms = a.ocsp_fetches.ms;
	s.evictions = a.evictions;
	s.entries = a.entries;
	s.bytes = a.bytes;
	s.fail_unreachable = a.fail[EVIDENCE_FAIL_UNREACHABLE];
	s.fail_deadline = a.fail[EVIDENCE_FAIL_DEADLINE];
	s.fail_http = a.fail[EVIDENCE_FAIL_HTTP];
	s.fail_malformed = a.fail[EVIDENCE_FAIL_MALFORMED];
	s.fail_forged = a.fail[EVIDENCE_FAIL_REJECTED];
	s.fail_older = a.fail[EVIDENCE_FAIL_OLDER];
	s.shared_pointers = a.shared[SHARED_POINTERS];
	s.shared_blobs = a.shared[SHARED_BLOBS];
	s.shared_missing = a.shared[SHARED_MISSING];
	s.shared_refused = a.shared[SHARED_REFUSED];
	s.shared_puts = a.shared[SHARED_PUTS];
	s.shared_puts_failed = a.shared[SHARED_PUTS_FAILED];
	s.claims_won = a.shared[SHARED_CLAIMS_WON];
	s.claims_taken = a.shared[SHARED_CLAIMS_TAKEN];
	s.claims_backoff = a.shared[SHARED_CLAIMS_BACKOFF];
	s.claims_away = a.shared[SHARED_CLAIMS_AWAY];
	if (atomic_load(&rc->told) != NULL)
		s.told_revoked = known_revoked_num(atomic_load(&rc->told));
	s.fail_too_large = a.fail[EVIDENCE_FAIL_TOO_LARGE];
	s.fail_refused =
	    a.fail[EVIDENCE_FAIL_REFUSED] + a.fail[EVIDENCE_FAIL_SCHEME];
	s.fail_backoff = a.fail[EVIDENCE_FAIL_BACKOFF];
	if (size == 0 || size > sizeof(s))
		size = sizeof(s);
	memcpy(out, &s, size);
	out->size = size;
}
