/*
 * flight_disk: the part of a flight before the network: what its tiers have,
 * the disk first, read again (a large CRL in steps) and accepted again before
 * it is used. Service thread only. After any failure the flight goes on.
 */
#include <string.h>

#include <event2/event.h>

#include "cache/evidence/evidence.h"
#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/shared_tier.h"
#include "cache/base/text.h"

/* Bytes scanned before the loop may run other events. */
#define SCAN_STEP_BYTES ((size_t)1 << 20)
/* A thread aside is looked at so often. */
#define SCAN_TEND_US 1000

static size_t
url_index(const struct fetch_job *job, const char *url)
{
	size_t i = 0;

	while (i < job->num_urls && strcmp(job->urls[i], url) != 0)
		i++;
	return i;
}

static void flight_next_found(struct flight *f);

/* NULL: there is none, or not for this flight. */
static struct store *
tier_of(const struct flight *f)
{
	const struct archive *a = f->archive;

	if (f->tier == TIER_DISK)
		return a->disk;
	return flight_shares(f) ? shared_tier_get0_store(a->shared) : NULL;
}

static void
flight_tier_bad(struct flight *f, const char *why)
{
	struct store *t = tier_of(f);

	if (t != NULL)
		t->reject(t, f->record->sha256, why);
	flight_next_found(f);
}

/* Others gave it: the disk has it not, and it must be what they said it is. */
static void
flight_from_others(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;

	atomic_fetch_add(&a->count.shared[SHARED_BLOBS], 1);
	f->resource->put_off = 0;
	flight_save(f, e, f->record->meta.url);
	if (a->shared != NULL && shared_tier_news(a->shared, f->resource))
		flight_tier_bad(f, "it is older than what was said of it");
	else
		flight_next_found(f);
}

/* A document from a tier, accepted again. */
static void
flight_from_tier(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct evidence_failure failure, before = f->failure;

	e = flight_take(f, e, &failure);
	/* What a tier has says nothing of the source. */
	if (f->tier != TIER_DISK)
		f->failure = before;
	if (e == NULL) {
		flight_tier_bad(f, failure.msg);
		return;
	}
	if (f->tier != TIER_DISK &&
	    documents_same(atomic_load(&r->held), e) != e) {
		flight_tier_bad(f, "what is held is newer");
		return;
	}
	pthread_mutex_lock(&a->table.lock);
	r->validated = e;
	r->validated_url = url_index(f->job, f->record->meta.url);
	text_copy(r->etag, sizeof(r->etag), f->record->meta.etag);
	text_copy(r->last_modified, sizeof(r->last_modified),
	    f->record->meta.last_modified);
	memcpy(r->sha256, f->record->sha256, sizeof(r->sha256));
	r->has_sha256 = true;
	pthread_mutex_unlock(&a->table.lock);
	evidence_free(f->loaded);
	f->loaded = evidence_up_ref(e);
	if (f->tier != TIER_DISK) {
		flight_from_others(f, e);
		return;
	}
	atomic_fetch_add(&a->count.disk_hits, 1);
	flight_next_found(f);
}

static void
flight_scanned(struct flight *f)
{
	struct evidence *e = NULL;
	struct crl *crl;
	struct err err;
	int rc = crl_builder_finish(f->builder, &crl, NULL, &err);

	crl_builder_free(f->builder);
	f->builder = NULL;
	event_free(f->step);
	f->step = NULL;
	if (rc != 0) {
		flight_tier_bad(f, err.msg);
		return;
	}
	e = evidence_new_crl(crl,
	    f->tier == TIER_DISK ? ORIGIN_DISK : ORIGIN_NETWORK,
	    f->record->meta.url, f->record->meta.fetched_at);
	if (e == NULL)
		flight_network(f);
	else
		flight_from_tier(f, e);
	evidence_free(e);
}

static void
flight_step(evutil_socket_t fd, short what, void *arg)
{
	struct flight *f = arg;

	if (crl_builder_step(f->builder, SCAN_STEP_BYTES))
		event_active(f->step, 0, 0);
	else
		flight_scanned(f);
}

/* Whoever has come to wait for it lends a hand. */
static void
flight_tend(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = {.tv_usec = SCAN_TEND_US};
	struct flight *f = arg;

	if (crl_builder_tend(f->builder, flight_has_waiters(f)) ||
	    event_add(f->step, &soon) != 0)
		flight_scanned(f);
}

static void
flight_found_crl(struct flight *f)
{
	struct archive *a = f->archive;
	struct store_record *rec = f->record;
	struct err err = {0};
	bool aside;

	f->state = FLIGHT_SCAN;
	if (rec->fd >= 0)
		f->builder = crl_builder_new_map(
		    rec->fd, rec->offset, &a->crl_limits, NULL, &err);
	else
		f->builder = crl_builder_new_take(
		    rec->der, rec->len, &a->crl_limits, NULL, &err);
	rec->der = NULL;
	if (f->builder == NULL) {
		flight_tier_bad(f, err.msg);
		return;
	}
	aside = rec->len > CRL_ASIDE_FROM && !flight_has_waiters(f) &&
	    crl_builder_aside(f->builder, 0);
	f->step =
	    evtimer_new(archive_base(a), aside ? flight_tend : flight_step, f);
	if (f->step == NULL)
		flight_network(f);
	else
		event_active(f->step, 0, 0);
}

static void
flight_found_ocsp(struct flight *f)
{
	struct store_record *rec = f->record;
	struct evidence *e = NULL;
	struct span der = span_of(rec->der, rec->len);

	if (rec->der != NULL)
		e = evidence_new_ocsp(
		    der, ORIGIN_DISK, rec->meta.url, rec->meta.fetched_at);
	if (e == NULL)
		flight_network(f);
	else
		flight_from_tier(f, e);
	evidence_free(e);
}

/* All of them are weighed, the newest last; is that enough? */
static void
flight_next_found(struct flight *f)
{
	if (f->num_found == 0) {
		if (f->loaded != NULL && !f->archive->always_fetch &&
		    flight_answered(f, f->loaded, -1))
			return;
		f->tier++;
		flight_tiers(f);
		return;
	}
	f->record = &f->found->record[--f->num_found];
	if (f->record->meta.kind != f->job->kind)
		flight_tier_bad(f, "another kind of evidence");
	else if (f->job->kind == EVIDENCE_CRL)
		flight_found_crl(f);
	else
		flight_found_ocsp(f);
}

static void
flight_tier_done(void *arg, struct store_found *found)
{
	struct flight *f = arg;

	f->loading = NULL;
	flight_patience_end(f);
	store_found_free(f->found);
	f->found = found;
	f->num_found = found != NULL ? found->num : 0;
	evidence_free(f->loaded);
	f->loaded = NULL;
	flight_next_found(f);
}

void
flight_tiers(struct flight *f)
{
	struct store_found *found = NULL;
	struct store *t = NULL;

	for (; t == NULL && f->tier < NUM_TIERS; f->tier += t == NULL)
		t = tier_of(f);
	if (t == NULL) {
		flight_claim(f);
		return;
	}
	f->state = f->tier == TIER_DISK ? FLIGHT_DISK : FLIGHT_SHARED;
	flight_look_at_others(f);
	if (t->load(t, &f->resource->key, &found, flight_tier_done, f,
		&f->loading) != STORE_LATER)
		flight_tier_done(f, found);
	else if (f->state == FLIGHT_SHARED && flight_has_waiters(f))
		(void)!flight_be_patient(f);
}
