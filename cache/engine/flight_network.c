/*
 * flight_network: the part of a flight that fetches: one URL after the other
 * until the acceptor accepts what came. Service thread only.
 */
#include <string.h>

#include "cache/base/text.h"
#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"
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

/*
 * Holds accepted evidence. False when it is older than what is held, which
 * stays.
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

static void flight_next_url(struct flight *f);

static void
flight_not_modified(struct flight *f, const struct fetch_result *res)
{
	struct archive *a = f->archive;
	struct evidence *held = atomic_load(&f->resource->evidence);

	if (held == NULL) {
		/* Flushed meanwhile: ask again, without validators. */
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
	const char *url = f->job->urls[f->next_url - 1];
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

/* Validators are valid for the URL that they came from. */
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
	struct fetch_job *o = f->job;
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
