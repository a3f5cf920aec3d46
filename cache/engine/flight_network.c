/*
 * flight_network: the part of a flight that fetches: one attempt of its plan
 * after the other until what came answers all who wait. Service thread only.
 */
#include <string.h>

#include "cache/base/text.h"
#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/source_book.h"
#include "cache/evidence/evidence.h"

void
flight_save(struct flight *f, struct evidence *e, const char *url)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct store_meta meta = {.key = r->key,
	    .kind = e->kind,
	    .origin = e->origin,
	    .fetched_at = e->fetched_at};

	if (a->disk == NULL)
		return;
	memcpy(meta.owner, f->job->owner, sizeof(meta.owner));
	/* A URL too long for the file is left out. */
	if (strlen(url) < sizeof(meta.url))
		text_copy(meta.url, sizeof(meta.url), url);
	text_copy(meta.etag, sizeof(meta.etag), r->etag);
	text_copy(
	    meta.last_modified, sizeof(meta.last_modified), r->last_modified);
	a->disk->save(a->disk, &meta, e);
}

/* Tells who watches how the exchange goes. */
static void
tell_exchange(struct flight *f, enum archive_exchange_event event)
{
	struct archive *a = f->archive;

	f->exchange.event = event;
	f->exchange.ms = (uint32_t)(clock_mono_ms() - f->exchange_mono_ms);
	if (a->exchange != NULL)
		a->exchange(a->exchange_arg, &f->exchange);
}

static void
exchange_begin(struct flight *f, const struct fetch_order *ask)
{
	f->exchange =
	    (struct archive_exchange){.id = ++f->archive->num_exchanges,
		.kind = ask->kind,
		.url = ask->url,
		.post = ask->post,
		.request = ask->request};
	f->exchange_mono_ms = clock_mono_ms();
	tell_exchange(f, ARCHIVE_EXCHANGE_BEGUN);
}

static void
exchange_progress(void *arg, uint64_t bytes, uint64_t total)
{
	struct flight *f = arg;

	f->exchange.bytes = bytes;
	f->exchange.total = total;
	tell_exchange(f, ARCHIVE_EXCHANGE_BYTES);
}

/* failure NULL: what came is authentic. */
static void
exchange_end(struct flight *f, const struct evidence_failure *failure)
{
	f->exchange.failure = failure;
	tell_exchange(f, ARCHIVE_EXCHANGE_ENDED);
	f->exchange.failure = NULL;
	source_book_note(f->archive->book, f->exchange.kind, f->exchange.url,
	    failure, archive_now(f->archive), f->exchange.bytes,
	    f->exchange.ms);
}

/* A flight may last as long as so many exchanges that fail by their time. */
#define FLIGHT_EXCHANGES 3

static void flight_ask(struct flight *f);
static void flight_next_attempt(struct flight *f, enum fetch_ended before);

/* The document whose validators were sent, if it is still held. */
static struct evidence *
validated_of(const struct flight *f)
{
	struct documents *held =
	    f->resource != NULL ? atomic_load(&f->resource->held) : NULL;

	for (size_t i = 0; held != NULL && i < held->num; i++)
		if (held->v[i] == f->resource->validated)
			return held->v[i];
	return NULL;
}

static void
flight_not_modified(struct flight *f, const struct fetch_result *res)
{
	struct evidence *e = validated_of(f);
	struct evidence_failure failure;

	if (e == NULL) {
		/* Flushed meanwhile: ask again, without validators. */
		flight_ask(f);
		return;
	}
	atomic_fetch_add(&f->archive->count.fetches_304, 1);
	if (f->archive->disk != NULL)
		f->archive->disk->touch(f->archive->disk, &f->resource->key);
	/* As if it had come again. */
	atomic_store(&e->fetched_at, archive_now(f->archive));
	e = flight_take(f, e, &failure);
	exchange_end(f, e != NULL ? NULL : &failure);
	if (e != NULL)
		flight_publish(f, e);
	if (e == NULL || !flight_answered(f, e, res->max_age_sec))
		flight_next_attempt(f, FETCH_ENDED_USELESS);
}

static void
flight_evidence(
    struct flight *f, struct evidence *e, const struct fetch_result *res)
{
	struct resource *r = f->resource;
	struct evidence_failure failure;
	bool post = f->attempt->post;

	e = flight_take(f, e, &failure);
	if (e == NULL)
		failure.http_status = res->http_status;
	exchange_end(f, e != NULL ? NULL : &failure);
	if (e == NULL) {
		flight_note_failure(f, &failure);
		flight_next_attempt(f, FETCH_ENDED_USELESS);
		return;
	}
	if (r != NULL && documents_same(atomic_load(&r->held), e) == e) {
		pthread_mutex_lock(&f->archive->table.lock);
		r->has_sha256 = r->has_sha256 && r->validated == e;
		r->validated = e;
		r->validated_url = f->attempt->url;
		text_copy(r->etag, sizeof(r->etag), post ? "" : res->etag);
		text_copy(r->last_modified, sizeof(r->last_modified),
		    post ? "" : res->last_modified);
		pthread_mutex_unlock(&f->archive->table.lock);
		flight_save(f, e, f->job->urls[f->attempt->url]);
		flight_publish(f, e);
	}
	if (!flight_answered(f, e, res->max_age_sec))
		flight_next_attempt(f, FETCH_ENDED_USELESS);
}

const uint32_t archive_fetch_bounds_ms[ARCHIVE_NUM_FETCH_TIMES - 1] = {
    10, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

static void
count_time(const struct flight *f)
{
	struct archive_counters *count = &f->archive->count;
	struct archive_fetch_counters *c = f->job->kind == EVIDENCE_CRL
	    ? &count->crl_fetches
	    : &count->ocsp_fetches;
	uint64_t ms = clock_mono_ms() - f->exchange_mono_ms;
	size_t i = 0;

	while (
	    i < ARCHIVE_NUM_FETCH_TIMES - 1 && ms > archive_fetch_bounds_ms[i])
		i++;
	atomic_fetch_add(&c->num[i], 1);
	atomic_fetch_add(&c->ms, ms);
}

static void
flight_fetched(void *arg, struct fetch_result *res)
{
	struct flight *f = arg;
	struct archive *a = f->archive;
	const char *url = f->job->urls[f->attempt->url];
	struct evidence_failure failure;
	struct evidence *e;

	f->fetch = NULL;
	count_time(f);
	atomic_fetch_add(&a->count.fetched_bytes, res->num_bytes);
	f->exchange.bytes = res->num_bytes;
	f->exchange.http_status = res->http_status;
	f->exchange.not_modified = res->not_modified;
	if (res->fail != EVIDENCE_FAIL_NONE) {
		evidence_failure_set(&failure, res->fail, url, "%s", res->msg);
		failure.http_status = res->http_status;
		exchange_end(f, &failure);
		flight_note_failure(f, &failure);
		flight_next_attempt(f,
		    res->dead ? FETCH_ENDED_DEAD
			: res->fail == EVIDENCE_FAIL_DEADLINE
			? FETCH_ENDED_LATE
			: FETCH_ENDED_USELESS);
		return;
	}
	if (res->not_modified) {
		flight_not_modified(f, res);
		return;
	}
	if (f->job->kind == EVIDENCE_CRL) {
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
		exchange_end(f, &failure);
		flight_note_failure(f, &failure);
		flight_failed(f);
		return;
	}
	flight_evidence(f, e, res);
	evidence_free(e);
}

/* Validators are valid for the URL that they came from, and for GET. */
static bool
may_ask_conditionally(const struct flight *f)
{
	return !f->attempt->post && validated_of(f) != NULL &&
	    f->resource->validated_url == f->attempt->url;
}

/* Makes the attempt. */
static void
flight_ask(struct flight *f)
{
	struct archive *a = f->archive;
	struct fetch_job *o = f->job;
	const struct fetch_attempt *by = f->attempt;
	struct fetch_order ask = {.kind = o->kind,
	    .url = o->urls[by->url],
	    .request = by->plain
		? span_of(o->request_plain, o->request_plain_len)
		: span_of(o->request, o->request_len),
	    .post = by->post,
	    .until_mono_ms = f->until_mono_ms,
	    .progress = a->exchange != NULL ? exchange_progress : NULL};

	if (may_ask_conditionally(f)) {
		ask.etag = f->resource->etag;
		ask.last_modified = f->resource->last_modified;
	}
	atomic_fetch_add(&a->count.fetches, 1);
	exchange_begin(f, &ask);
	if (fetch_start(a->fetcher, &ask, flight_fetched, f, &f->fetch) == 0)
		return;
	evidence_failure_set(
	    &f->failure, EVIDENCE_FAIL_NOMEM, ask.url, "out of memory");
	exchange_end(f, &f->failure);
	flight_failed(f);
}

static void
flight_next_attempt(struct flight *f, enum fetch_ended before)
{
	f->attempt = fetch_plan_next(&f->plan, before);
	if (f->attempt == NULL || clock_mono_ms() >= f->until_mono_ms)
		flight_failed(f);
	else
		flight_ask(f);
}

void
flight_network(struct flight *f)
{
	f->state = FLIGHT_NETWORK;
	flight_patience_end(f);
	if (f->archive->offline) {
		evidence_failure_set(&f->failure, EVIDENCE_FAIL_OFFLINE, NULL,
		    "fetching is switched off (revocation.offline)");
		atomic_fetch_add(
		    &f->archive->count.fail[EVIDENCE_FAIL_OFFLINE], 1);
		flight_failed(f);
		return;
	}
	if (f->resource != NULL)
		f->resource->tried_mono_ms = clock_mono_ms();
	fetch_plan_make(&f->plan, f->job);
	f->until_mono_ms = clock_mono_ms() +
	    FLIGHT_EXCHANGES *
		(uint64_t)fetch_timeout_ms(f->archive->fetcher, f->job->kind);
	flight_next_attempt(f, FETCH_ENDED_USELESS);
}
