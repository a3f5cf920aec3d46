/*
 * flight: one getting of one resource for everybody who waits: disk, then the
 * URLs in order, then the acceptor, then the memory. Service thread only. A
 * flight is never a verdict: it ends in evidence or in a named failure, and
 * what was held before is there after any failure. DISK and SCAN are in
 * flight_disk.c.
 *
 *	DISK -> SCAN (a large CRL, in steps) -+-> over, when fresh
 *	  |                                   |
 *	  +-----------------------------------+-> NETWORK (URL by URL) -> over
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/evidence/evidence.h"
#include "cache/engine/flight_internal.h"
#include "cache/der/text.h"
#include "cache/engine/refresh_schedule.h"

/* Failures. */

static void
flight_log_failure(struct flight *f, const struct evidence_failure *x)
{
	struct resource *r = f->resource;
	/* Once a row: the first is news, the others are detail. */
	bool news = r == NULL || r->failures == 0;

	log_line(f->archive->log, news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
	    "cannot fetch '%s': %s (why=%s http=%d row=%u)", x->url, x->msg,
	    evidence_fail_name(x->fail), x->http_status,
	    r != NULL ? r->failures + 1 : 1);
}

/* Keeps the failure that says most; the enum is in that order. */
static void
flight_note_failure(struct flight *f, const struct evidence_failure *x)
{
	atomic_fetch_add(&f->archive->count.fail[x->fail], 1);
	flight_log_failure(f, x);
	if (f->failure.fail == EVIDENCE_FAIL_NONE || x->fail >= f->failure.fail)
		f->failure = *x;
}

/* Who waits. */

void
flight_join(struct flight *f, struct archive_wait *w)
{
	/* Newest first costs nothing; order among waiters means nothing. */
	w->next = f->waits;
	w->prev = &f->waits;
	if (w->next != NULL)
		w->next->prev = &w->next;
	f->waits = w;
}

bool
flight_has_waiters(const struct flight *f)
{
	return f->waits != NULL;
}

/* The end. */

static void
flight_free(struct flight *f)
{
	if (f->resource != NULL)
		f->resource->flight = NULL;
	*f->prev = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	if (f->loading != NULL)
		f->archive->disk->cancel(f->loading);
	fetch_cancel(f->fetch);
	crl_builder_free(f->builder);
	store_record_cleanup(&f->record);
	if (f->step != NULL)
		event_free(f->step);
	fetch_job_free(f->order);
	free(f);
}

void
flight_over(struct flight *f, struct evidence *e)
{
	struct archive_wait *w = f->waits, *all = w;
	struct evidence_failure failure = f->failure;

	if (e != NULL)
		evidence_up_ref(e);
	if (all != NULL)
		all->prev = &all;
	f->waits = NULL;
	flight_free(f);
	/* One may cancel another: the list is read anew each time. */
	while ((w = all) != NULL)
		archive_wait_tell(w, e, &failure);
	evidence_free(e);
}

void
flight_abort(struct flight *f, enum evidence_fail fail)
{
	evidence_failure_set(&f->failure, fail, NULL, "%s",
	    fail == EVIDENCE_FAIL_CLOSED ? "the archive is closing"
					 : "given up");
	flight_over(f, NULL);
}

static void
resource_retry_later(struct archive *a, struct resource *r, unsigned row)
{
	r->retry_mono_ms = clock_mono_ms() +
	    refresh_schedule_retry_ms(
		row, a->retry_first_ms, a->retry_max_ms, archive_random(a));
}

/* Every way was tried. */
static void
flight_failed(struct flight *f)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	uint64_t wait_ms;

	if (f->failure.fail == EVIDENCE_FAIL_NONE) {
		evidence_failure_set(&f->failure, EVIDENCE_FAIL_NO_SOURCE, NULL,
		    "no URL is known");
		atomic_fetch_add(&a->count.fail[EVIDENCE_FAIL_NO_SOURCE], 1);
	}
	if (r != NULL && f->failure.fail != EVIDENCE_FAIL_OFFLINE) {
		pthread_mutex_lock(&a->table.lock);
		r->failures++;
		resource_retry_later(a, r, r->failures);
		wait_ms = r->retry_mono_ms - clock_mono_ms();
		/* What nobody holds is tried again when somebody asks. */
		r->next_refresh_at = atomic_load(&r->evidence) != NULL
		    ? archive_now(a) + (time_t)(wait_ms / 1000) + 1
		    : 0;
		pthread_mutex_unlock(&a->table.lock);
		resource_schedule(r);
	}
	flight_over(f, NULL);
}

/* Success. */

void
resource_plan(struct archive *a, struct resource *r, const struct evidence *e,
    int64_t max_age_sec)
{
	time_t now = archive_now(a);
	struct refresh_schedule_facts t = {
	    .now = now,
	    .this_update = e->this_update,
	    .next_update = e->next_update,
	    .max_age_sec = max_age_sec,
	    .floor_sec = a->min_refresh_sec,
	    .random = archive_random(a),
	};

	pthread_mutex_lock(&a->table.lock);
	if (r->failures > 0)
		log_line(a->log, LOG_LEVEL_INFO,
		    "fetched '%s' again after %u failures", e->url,
		    r->failures);
	r->failures = 0;
	if (evidence_fresh(e, now, a->skew_sec)) {
		r->fruitless = 0;
		r->retry_mono_ms = 0;
	} else {
		/* The source has nothing better: asking harder won't help. */
		r->fruitless++;
		resource_retry_later(a, r, r->fruitless);
	}
	r->next_refresh_at = refresh_schedule_at(&t);
	pthread_mutex_unlock(&a->table.lock);
	resource_schedule(r);
}

static void
flight_save(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct store_meta meta = {
	    .key = r->key, .kind = e->kind, .fetched_at = e->fetched_at};

	if (a->disk == NULL)
		return;
	memcpy(meta.owner, f->order->owner, sizeof(meta.owner));
	/* A URL too long to be written is one we do without. */
	if (strlen(e->url) < sizeof(meta.url))
		text_copy(meta.url, sizeof(meta.url), e->url);
	text_copy(meta.etag, sizeof(meta.etag), r->etag);
	text_copy(
	    meta.last_modified, sizeof(meta.last_modified), r->last_modified);
	a->disk->save(a->disk, &meta, e);
}

/*
 * Puts accepted evidence in its place. False when it is older than what is
 * there, which stays.
 */
static bool
flight_keep(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct evidence *held = atomic_load(&r->evidence);
	bool differs =
	    held != NULL && !span_equal(evidence_der(held), evidence_der(e));

	if (held != NULL && differs && evidence_older(e, held))
		return false;
	memory_table_keep(&a->table, r, e);
	if (differs && a->changed != NULL)
		a->changed(a->changed_arg, &r->key);
	return true;
}

int
flight_accept(
    struct flight *f, struct evidence *e, struct evidence_failure *failure)
{
	struct archive_acceptor *by = f->order->acceptor;
	struct err err = {0};
	int code = 0;

	if (by->accept(by, e, archive_now(f->archive), &code, &err) == 0)
		return 0;
	evidence_failure_set(
	    failure, EVIDENCE_FAIL_REJECTED, e->url, "%s", err.msg);
	failure->reject_code = code;
	return -1;
}

/* The network. */

static void flight_next_url(struct flight *f);

static void
flight_not_modified(struct flight *f, const struct fetch_result *res)
{
	struct archive *a = f->archive;
	struct evidence *held = atomic_load(&f->resource->evidence);

	if (held == NULL) {
		/* Flushed meanwhile: asked again, for the whole of it. */
		f->next_url--;
		flight_next_url(f);
		return;
	}
	atomic_fetch_add(&a->count.fetches_304, 1);
	resource_plan(a, f->resource, held, res->max_age_sec);
	flight_over(f, held);
}

static void
flight_evidence(
    struct flight *f, struct evidence *e, const struct fetch_result *res)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct evidence_failure failure;

	if (flight_accept(f, e, &failure) != 0) {
		failure.http_status = res->http_status;
		flight_note_failure(f, &failure);
		flight_next_url(f);
		return;
	}
	if (r == NULL) {
		flight_over(f, e);
		return;
	}
	if (!flight_keep(f, e)) {
		evidence_failure_set(&failure, EVIDENCE_FAIL_OLDER, e->url,
		    "older than what is held, which stays");
		failure.http_status = res->http_status;
		flight_note_failure(f, &failure);
		flight_next_url(f);
		return;
	}
	pthread_mutex_lock(&a->table.lock);
	text_copy(r->etag, sizeof(r->etag), res->etag);
	text_copy(
	    r->last_modified, sizeof(r->last_modified), res->last_modified);
	pthread_mutex_unlock(&a->table.lock);
	flight_save(f, e);
	resource_plan(a, r, e, res->max_age_sec);
	flight_over(f, e);
}

static void
flight_fetched(void *arg, struct fetch_result *res)
{
	struct flight *f = arg;
	struct archive *a = f->archive;
	const char *url = f->order->urls[f->next_url - 1];
	struct evidence_failure failure;
	struct evidence *e;

	f->fetch = NULL;
	atomic_fetch_add(&a->count.fetched_bytes, res->num_bytes);
	if (res->fail != EVIDENCE_FAIL_NONE) {
		evidence_failure_set(&failure, res->fail, url, "%s", res->msg);
		failure.http_status = res->http_status;
		flight_note_failure(f, &failure);
		flight_next_url(f);
		return;
	}
	if (res->not_modified) {
		flight_not_modified(f, res);
		return;
	}
	if (f->order->kind == EVIDENCE_CRL) {
		e = evidence_new_crl(
		    res->crl, ORIGIN_NETWORK, url, archive_now(a));
		res->crl = NULL;
	} else {
		e = evidence_new_ocsp(bytes_span(&res->body), ORIGIN_NETWORK,
		    url, archive_now(a));
	}
	if (e == NULL) {
		evidence_failure_set(
		    &failure, EVIDENCE_FAIL_NOMEM, url, "out of memory");
		flight_note_failure(f, &failure);
		flight_failed(f);
		return;
	}
	flight_evidence(f, e, res);
	evidence_free(e);
}

/* The validators of what is held count for the URL it came from. */
static bool
may_ask_conditionally(struct flight *f, const char *url)
{
	struct evidence *held;

	if (f->resource == NULL)
		return false;
	held = atomic_load(&f->resource->evidence);
	return held != NULL && strcmp(held->url, url) == 0;
}

static void
flight_next_url(struct flight *f)
{
	struct archive *a = f->archive;
	struct fetch_job *o = f->order;
	struct fetch_order ask = {.kind = o->kind,
	    .request = span_of(o->request, o->request_len),
	    .force_post = o->force_post};

	if (f->next_url == o->num_urls) {
		flight_failed(f);
		return;
	}
	ask.url = o->urls[f->next_url++];
	if (may_ask_conditionally(f, ask.url)) {
		ask.etag = f->resource->etag;
		ask.last_modified = f->resource->last_modified;
	}
	atomic_fetch_add(&a->count.fetches, 1);
	if (fetch_start(a->fetcher, &ask, flight_fetched, f, &f->fetch) == 0)
		return;
	evidence_failure_set(
	    &f->failure, EVIDENCE_FAIL_NOMEM, ask.url, "out of memory");
	flight_failed(f);
}

void
flight_network(struct flight *f)
{
	f->state = FLIGHT_NETWORK;
	if (f->archive->offline) {
		evidence_failure_set(&f->failure, EVIDENCE_FAIL_OFFLINE, NULL,
		    "fetching is switched off");
		atomic_fetch_add(
		    &f->archive->count.fail[EVIDENCE_FAIL_OFFLINE], 1);
		flight_failed(f);
		return;
	}
	if (f->resource != NULL)
		f->resource->tried_mono_ms = clock_mono_ms();
	flight_next_url(f);
}

/* The start. */

/* First step, from the loop: nobody is told from inside flight_start. */
static void
flight_begin(evutil_socket_t fd, short what, void *arg)
{
	struct flight *f = arg;
	struct archive *a = f->archive;
	struct resource *r = f->resource;

	event_free(f->step);
	f->step = NULL;
	if (r == NULL || a->disk == NULL || atomic_load(&r->evidence) != NULL) {
		flight_network(f);
		return;
	}
	flight_disk(f);
}

struct flight *
flight_start(struct archive *a, struct resource *r, struct fetch_job *order)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->step = evtimer_new(archive_base(a), flight_begin, f);
	if (f->step == NULL) {
		free(f);
		return NULL;
	}
	f->archive = a;
	f->resource = r;
	f->order = fetch_job_up_ref(order);
	f->record.fd = -1;
	f->next = a->flights;
	f->prev = &a->flights;
	if (f->next != NULL)
		f->next->prev = &f->next;
	a->flights = f;
	if (r != NULL)
		r->flight = f;
	event_active(f->step, 0, 0);
	return f;
}
