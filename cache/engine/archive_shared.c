/*
 * archive_shared: what is shared with other archives comes, goes, and is told
 * of, from any thread; done on the service thread.
 */
#include <pthread.h>
#include <stdlib.h>

#include "cache/engine/archive_internal.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/shared_tier.h"

/* Another tier on its way to the service thread; its caller waits. */
struct replacing {
	struct archive *archive;
	struct shared_tier *tier;
	bool done;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static void
replace(struct archive *a, struct shared_tier *tier)
{
	struct shared_tier *old = a->shared;

	if (old != NULL)
		flights_stop_sharing(a);
	a->shared = tier;
	shared_tier_free(old);
}

static void
replace_arrived(void *arg)
{
	struct replacing *r = arg;

	replace(r->archive, r->tier);
	pthread_mutex_lock(&r->lock);
	r->done = true;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

int
archive_set_shared(
    struct archive *a, const struct archive_shared *shared, struct err *err)
{
	struct replacing r = {.archive = a,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	int rc = 0;

	if (shared != NULL)
		rc = shared_tier_new(&r.tier, a, shared, err);
	if (rc != 0)
		return rc;
	if (service_is_self(a->service)) {
		replace(a, r.tier);
		return 0;
	}
	rc = service_post(a->service, replace_arrived, &r);
	if (rc != 0) {
		shared_tier_discard(r.tier);
		return err_set(err, rc, "what is shared stays as it was: %s",
		    rc == E_CLOSED ? "shutting down" : "out of memory");
	}
	pthread_mutex_lock(&r.lock);
	while (!r.done)
		pthread_cond_wait(&r.cond, &r.lock);
	pthread_mutex_unlock(&r.lock);
	return 0;
}

int
archive_check_shared(const struct archive_shared *shared, struct err *err)
{
	struct object_store *objects = NULL;
	int rc = 0;

	if (shared->store.url != NULL)
		rc = object_store_new(&objects, &shared->store, err);
	object_store_free(objects);
	return rc;
}

void *
archive_get0_shared(struct archive *a)
{
	return a->shared != NULL ? shared_tier_get0(a->shared)->arg : NULL;
}

/* Messages. */

enum message_kind {
	MESSAGE_TOLD,
	MESSAGE_ANSWER,
	MESSAGE_SPREAD,
};
struct message {
	struct archive *archive;
	enum message_kind kind;
	struct evidence_key source;
	uint32_t spread_ms;
	uint64_t ticket;
	enum archive_claim answer;
	time_t until;
};

/* Something newer is there: got soon, each at a moment of its own. */
static void
news_arrived(struct archive *a, struct resource *r)
{
	uint32_t spread_ms = shared_tier_get0(a->shared)->spread_ms;

	pthread_mutex_lock(&a->table.lock);
	r->put_off = 0;
	r->next_refresh_at = archive_now(a) +
	    (time_t)(archive_random(a) % (spread_ms / 1000 + 1));
	pthread_mutex_unlock(&a->table.lock);
	resource_schedule(r);
}

static void
told(struct archive *a, const struct evidence_key *source)
{
	struct resource *r;
	struct evidence *e;
	time_t checked_at;

	r = a->shared != NULL && !a->closing && !a->offline
	    ? memory_table_find(&a->table, source)
	    : NULL;
	if (r == NULL || r->job == NULL || r->job->kind != EVIDENCE_CRL)
		return;
	if (r->flight != NULL) {
		flight_shared_told(r->flight);
		return;
	}
	e = shared_tier_checked(a->shared, r, &checked_at);
	if (e != NULL && evidence_fresh(e, archive_now(a), a->skew_sec)) {
		atomic_fetch_add(&a->count.shared[SHARED_POINTERS], 1);
		atomic_store(&e->fetched_at, checked_at);
		r->put_off = 0;
		resource_plan(a, r, e, -1);
	} else if (shared_tier_news(a->shared, r)) {
		news_arrived(a, r);
	}
}

static void
message_arrived(void *arg)
{
	struct message *m = arg;

	switch (m->kind) {
	case MESSAGE_TOLD:
		told(m->archive, &m->source);
		break;
	case MESSAGE_ANSWER:
		flight_claimed(
		    m->archive, &m->source, m->ticket, m->answer, m->until);
		break;
	case MESSAGE_SPREAD:
		if (m->archive->shared != NULL)
			shared_tier_spread(m->archive->shared, m->spread_ms);
		break;
	}
	free(m);
}

/* Without memory it is lost: a claim is waited for in vain, news come later. */
static void
message_post(const struct message *what)
{
	struct message *m = malloc(sizeof(*m));

	if (m == NULL)
		return;
	*m = *what;
	if (service_post(m->archive->service, message_arrived, m) != 0)
		free(m);
}

void
archive_shared_claimed(struct archive *a, const struct evidence_key *source,
    uint64_t ticket, enum archive_claim answer, time_t until)
{
	message_post(&(struct message){.archive = a,
	    .kind = MESSAGE_ANSWER,
	    .source = *source,
	    .ticket = ticket,
	    .answer = answer,
	    .until = until});
}

void
archive_shared_spread(struct archive *a, uint32_t spread_ms)
{
	message_post(&(struct message){
	    .archive = a, .kind = MESSAGE_SPREAD, .spread_ms = spread_ms});
}

void
archive_shared_told(struct archive *a, const struct evidence_key *source)
{
	message_post(&(struct message){.archive = a, .source = *source});
}
