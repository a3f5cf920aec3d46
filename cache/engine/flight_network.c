/*
 * flight_network: the part of a flight that fetches: one attempt of its plan
 * after the other until the acceptor accepts what came. Service thread only.
 */
#include <string.h>

#include "cache/base/text.h"
#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/news.h"
#include "cache/evidence/evidence.h"

int
flight_accept(
    struct flight *f, struct evidence *e, struct evidence_failure *failure)
{
	struct archive_acceptor *by = f->job->acceptor;
	struct err err = {0};
	int code = 0;

	if (by->accept(by, e, archive_now(f->archive), &code, &err) == 0)
		return 0;
	evidence_failure_set(
	    failure, EVIDENCE_FAIL_REJECTED, e->url, "%s", err.msg);
	failure->reject_code = code;
	return -1;
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
	memcpy(meta.owner, f->job->owner, sizeof(meta.owner));
	/* A URL too long for the file is left out. */
	if (strlen(e->url) < sizeof(meta.url))
		text_copy(meta.url, sizeof(meta.url), e->url);
	text_copy(meta.etag, sizeof(meta.etag), r->etag);
	text_copy(
	    meta.last_modified, sizeof(meta.last_modified), r->last_modified);
	a->disk->save(a->disk, &meta, e);
}

void
flight_hold(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct evidence *held = atomic_load(&r->evidence);
	bool news = news_add(a->news, &r->key, e);

	/* Whoever found that there was nothing was told so. */
	if (held == NULL)
		news = news || r->failures > 0;
	else
		news = !span_equal(evidence_der(held), evidence_der(e));
	memory_table_keep(&a->table, r, e);
	if (news && a->changed != NULL)
		a->changed(a->changed_arg, &r->key);
}

/*
 * Holds accepted evidence. False when it is older than what is held, which
 * stays.
 */
static bool
flight_keep(struct flight *f, struct evidence *e)
{
	struct evidence *held = atomic_load(&f->resource->evidence);

	if (held != NULL && evidence_older(e, held) &&
	    !span_equal(evidence_der(held), evidence_der(e)))
		return false;
	flight_hold(f, e);
	return true;
}

/* A flight may last as long as so many exchanges that fail by their time. */
#define FLIGHT_EXCHANGES 3

static void flight_ask(struct flight *f);
static void flight_next_attempt(struct flight *f, enum fetch_ended before);

static void
flight_not_modified(struct flight *f, const struct fetch_result *res)
{
	struct archive *a = f->archive;
	struct evidence *held = atomic_load(&f->resource->evidence);

	if (held == NULL) {
		/* Flushed meanwhile: ask again, without validators. */
		flight_ask(f);
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
		flight_next_attempt(f, FETCH_ENDED_USELESS);
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
		flight_next_attempt(f, FETCH_ENDED_USELESS);
		return;
	}
	pthread_mutex_lock(&a->table.lock);
	text_copy(r->etag, sizeof(r->etag), f->attempt->post ? "" : res->etag);
	text_copy(r->last_modified, sizeof(r->last_modified),
	    f->attempt->post ? "" : res->last_modified);
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
	const char *url = f->job->urls[f->attempt->url];
	struct evidence_failure failure;
	struct evidence *e;

	f->fetch = NULL;
	atomic_fetch_add(&a->count.fetched_bytes, res->num_bytes);
	if (res->fail != EVIDENCE_FAIL_NONE) {
		evidence_failure_set(&failure, res->fail, url, "%s", res->msg);
		failure.http_status = res->http_status;
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
		flight_note_failure(f, &failure);
		flight_failed(f);
		return;
	}
	flight_evidence(f, e, res);
	evidence_free(e);
}

/* Validators are valid for the URL that they came from, and for GET. */
static bool
may_ask_conditionally(struct flight *f, const char *url)
{
	struct evidence *held;

	if (f->resource == NULL || f->attempt->post)
		return false;
	held = atomic_load(&f->resource->evidence);
	return held != NULL && strcmp(held->url, url) == 0;
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
	    .until_mono_ms = f->until_mono_ms};

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
	fetch_plan_make(&f->plan, f->job);
	f->until_mono_ms = clock_mono_ms() +
	    FLIGHT_EXCHANGES *
		(uint64_t)fetch_timeout_ms(f->archive->fetcher, f->job->kind);
	flight_next_attempt(f, FETCH_ENDED_USELESS);
}
