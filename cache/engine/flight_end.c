/*
 * flight_end: who waits for a flight, and how it ends. Service thread only.
 * Evidence held before is still there after any failure.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"

static void
flight_log_failure(struct flight *f, const struct evidence_failure *x)
{
	struct resource *r = f->resource;
	/* The first failure in a row is a warning, the others are details. */
	bool news = r == NULL || r->failures == 0;

	log_line(f->archive->log, news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
	    "cannot fetch '%s': %s (why=%s http=%d row=%u)", x->url, x->msg,
	    evidence_fail_name(x->fail), x->http_status,
	    r != NULL ? r->failures + 1 : 1);
}

/* Keeps the most telling failure; the enum is in that order. */
void
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
	/* The order of those who wait has no meaning. */
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
	f->archive->num_retries -= f->retry;
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
	fetch_job_free(f->job);
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
	/* A callback may cancel another: read the list anew each time. */
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

/* Every way was tried. */
void
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
		r->next_refresh_at =
		    archive_now(a) + (time_t)(wait_ms / 1000) + 1;
		pthread_mutex_unlock(&a->table.lock);
		resource_schedule(r);
	}
	flight_over(f, NULL);
}
