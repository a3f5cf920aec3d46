/*
 * flight_others: what a flight has of others, and how long it waits for them:
 * what the other parts of a flight use. Service thread only.
 */
#include <event2/event.h>

#include "cache/engine/fetch_job.h"
#include "cache/base/clock.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/shared_tier.h"

static const struct archive_shared *
fn_of(const struct flight *f)
{
	return shared_tier_get0(f->archive->shared);
}

bool
flight_shares(const struct flight *f)
{
	const struct archive *a = f->archive;

	return a->shared != NULL && f->resource != NULL &&
	    f->job->kind == EVIDENCE_CRL && !a->offline && !a->always_fetch &&
	    !a->closing;
}

/* Patience: how long others may keep this flight from the network. */

static uint64_t
patience_ms(const struct flight *f)
{
	uint64_t now = clock_mono_ms(), ms = fn_of(f)->claim_wait_ms, half;

	for (const struct archive_wait *w = f->waits; w != NULL; w = w->next) {
		half = w->deadline_mono_ms > now
		    ? (w->deadline_mono_ms - now) / 2
		    : 0;
		if (half < ms)
			ms = half;
	}
	return ms;
}

bool
flight_be_patient(struct flight *f)
{
	uint64_t now = clock_mono_ms(), until = now + patience_ms(f), ms;
	struct timeval tv;

	if (f->patience_mono_ms != 0 && f->patience_mono_ms < until)
		until = f->patience_mono_ms;
	f->patience_mono_ms = until;
	if (f->patience == NULL)
		f->patience =
		    evtimer_new(archive_base(f->archive), f->impatient, f);
	ms = until > now ? until - now : 0;
	tv = clock_timeval(ms);
	return f->patience != NULL && evtimer_add(f->patience, &tv) == 0;
}

void
flight_patience_end(struct flight *f)
{
	if (f->patience != NULL)
		evtimer_del(f->patience);
}

/* What came of it. */

/* The source gave e, or said that it is the newest still. */
void
flight_publish(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;

	if (!flight_shares(f))
		return;
	f->resource->put_off = 0;
	shared_tier_publish(
	    a->shared, f->resource, e, f->claim == FLIGHT_CLAIM_WON);
	if (f->claim == FLIGHT_CLAIM_WON)
		f->claim = FLIGHT_CLAIM_NONE;
}

/* Whether others would fare alike: not where it is our own settings. */
static const char *
failed_for_all(const struct flight *f)
{
	switch (f->failure.fail) {
	case EVIDENCE_FAIL_UNREACHABLE:
	case EVIDENCE_FAIL_DEADLINE:
	case EVIDENCE_FAIL_HTTP:
	case EVIDENCE_FAIL_MALFORMED:
		return evidence_fail_name(f->failure.fail);
	default:
		return NULL;
	}
}

void
flight_release(struct flight *f)
{
	struct archive *a = f->archive;
	const char *failed;

	if (f->patience != NULL)
		event_free(f->patience);
	f->patience = NULL;
	if (f->claim != FLIGHT_CLAIM_WON || a->shared == NULL)
		return;
	failed = f->failed_until_at != 0 ? failed_for_all(f) : NULL;
	f->claim = FLIGHT_CLAIM_NONE;
	fn_of(f)->released(fn_of(f)->arg, &f->resource->key, failed,
	    failed != NULL ? f->failed_until_at : 0);
}

void
flight_stop_loading(struct flight *f)
{
	struct archive *a = f->archive;

	if (f->loading == NULL)
		return;
	if (f->tier == TIER_DISK)
		a->disk->cancel(f->loading);
	else
		shared_tier_get0_store(a->shared)->cancel(f->loading);
	f->loading = NULL;
}
