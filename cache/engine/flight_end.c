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
	const struct log_field fields[] = {LOG_FIELD_TEXT("url", x->url),
	    LOG_FIELD_TEXT(
		"kind", f->job->kind == EVIDENCE_CRL ? "crl" : "ocsp")};

	log_event(f->archive->log, news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
	    "fetch-failed", fields, LOG_NUM(fields),
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
	/* He may have less time than those before. */
	if (f->state == FLIGHT_SHARED)
		(void)!flight_be_patient(f);
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
	flight_release(f);
	if (f->resource != NULL)
		f->resource->flight = NULL;
	f->archive->num_retries -= f->retry;
	*f->prev = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	flight_stop_loading(f);
	fetch_cancel(f->fetch);
	crl_builder_free(f->builder);
	store_found_free(f->found);
	evidence_free(f->loaded);
	if (f->step != NULL)
		event_free(f->step);
	documents_free(f->seen);
	fetch_job_free(f->job);
	free(f);
}

/* held, then seen; NULL where there is neither, or no memory. */
static struct documents *
all_of(const struct flight *f)
{
	struct documents *held = NULL, *all, *more;

	if (f->resource != NULL)
		held = atomic_load(&f->resource->held);
	all = held != NULL ? documents_up_ref(held) : NULL;
	for (size_t i = 0; f->seen != NULL && i < f->seen->num; i++) {
		if (documents_same(all, f->seen->v[i]) != NULL)
			continue;
		more = documents_add(all, f->seen->v[i]);
		if (more == NULL)
			break;
		documents_free(all);
		all = more;
	}
	return all;
}

/* A callback may cancel another: the list is read anew each time. */
static void
tell_all(struct archive_wait *all)
{
	struct archive_wait *w;

	if (all != NULL)
		all->prev = &all;
	while ((w = all) != NULL)
		archive_wait_tell(w);
}

void
flight_over(struct flight *f)
{
	struct documents *d = all_of(f);
	struct archive_wait *all = f->waits;

	for (struct archive_wait *w = all; w != NULL; w = w->next) {
		w->failure = f->failure;
		if (d != NULL)
			w->documents = documents_up_ref(d);
	}
	f->waits = NULL;
	documents_free(d);
	flight_free(f);
	tell_all(all);
}

/*
 * Tells each who is answered, one by one, so that what was looked at for him is
 * at hand when he looks; the others wait on. A callback may cancel another, or
 * ask again and join.
 */
static void
tell_answered(struct flight *f, const struct documents *held)
{
	struct archive_wait *all = f->waits, *w;
	struct documents *d = all != NULL ? all_of(f) : NULL;

	if (all != NULL)
		all->prev = &all;
	f->waits = NULL;
	while ((w = all) != NULL) {
		all = w->next;
		if (all != NULL)
			all->prev = &all;
		w->prev = NULL;
		if (!acceptor_answered(
			w->acceptor, held, f->seen, f->archive)) {
			flight_join(f, w);
			continue;
		}
		w->answered = d != NULL;
		if (d != NULL)
			w->documents = documents_up_ref(d);
		else
			evidence_failure_set(&w->failure, EVIDENCE_FAIL_NOMEM,
			    NULL, "out of memory");
		archive_wait_tell(w);
	}
	documents_free(d);
}

bool
flight_answered(struct flight *f, const struct evidence *e, int64_t max_age_sec)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct documents *held = r != NULL ? atomic_load(&r->held) : NULL;
	bool enough = acceptor_answered(f->job->acceptor, held, f->seen, a);

	/* Before anybody goes on: it is of this moment. */
	if (enough && r != NULL)
		resource_plan(a, r, e, max_age_sec);
	/* It may be flushed by who is told. */
	if (held != NULL)
		documents_up_ref(held);
	tell_answered(f, held);
	documents_free(held);
	if (!enough || f->waits != NULL)
		return false;
	flight_free(f);
	return true;
}

void
flight_put_off(struct flight *f, time_t at)
{
	struct resource *r = f->resource;
	struct archive *a = f->archive;

	pthread_mutex_lock(&a->table.lock);
	r->next_refresh_at = at;
	pthread_mutex_unlock(&a->table.lock);
	resource_schedule(r);
	flight_free(f);
}

void
flight_abort(struct flight *f, enum evidence_fail fail)
{
	evidence_failure_set(&f->failure, fail, NULL, "%s",
	    fail == EVIDENCE_FAIL_CLOSED ? "the archive is closing"
					 : "given up");
	flight_over(f);
}

/* For those who ask while the source is left alone. */
static void
remember_failure(struct resource *r, const struct evidence_failure *x)
{
	if (x->fail == EVIDENCE_FAIL_NONE) {
		free(r->last);
		r->last = NULL;
		return;
	}
	if (r->last == NULL)
		r->last = malloc(sizeof(*r->last));
	if (r->last != NULL)
		*r->last = *x;
}

/* Every way was tried, and not every question is answered. */
static void
source_failed(struct flight *f)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	uint64_t now, wait_ms;

	pthread_mutex_lock(&a->table.lock);
	remember_failure(r, &f->failure);
	if (f->replied)
		/* It answers, and has nothing better: ask less often. */
		resource_fruitless(a, r);
	else
		resource_failed(a, r,
		    f->job->kind == EVIDENCE_OCSP &&
			f->failure.fail == EVIDENCE_FAIL_REJECTED);
	/* A machine that stood still meanwhile is beyond it already. */
	now = clock_mono_ms();
	wait_ms = r->retry_mono_ms > now ? r->retry_mono_ms - now : 0;
	r->next_refresh_at = archive_now(a) + (time_t)(wait_ms / 1000) + 1;
	f->failed_until_at = r->next_refresh_at;
	if (resource_refused(r))
		r->retry_mono_ms = 0;
	pthread_mutex_unlock(&a->table.lock);
	resource_schedule(r);
}

void
flight_failed(struct flight *f)
{
	if (f->failure.fail == EVIDENCE_FAIL_NONE && !f->replied) {
		evidence_failure_set(&f->failure, EVIDENCE_FAIL_NO_SOURCE, NULL,
		    "no URL is known");
		atomic_fetch_add(
		    &f->archive->count.fail[EVIDENCE_FAIL_NO_SOURCE], 1);
	}
	if (f->resource != NULL && f->failure.fail != EVIDENCE_FAIL_OFFLINE)
		source_failed(f);
	flight_over(f);
}
