/*
 * resource_timer: when a resource is fetched again, and its timer. Service
 * thread only. The times are computed in refresh_schedule.c.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "cache/engine/archive_internal.h"
#include "cache/engine/refresh_schedule.h"

/* A timer never sleeps longer, because the wall clock may be set. */
#define MAX_TIMER_SEC 600

uint32_t
archive_random(struct archive *a)
{
	a->random = a->random * 1664525u + 1013904223u;
	return a->random >> 8;
}

void
resource_schedule(struct resource *r)
{
	struct archive *a = r->archive;
	struct timeval tv = {0};
	time_t now = archive_now(a), wait;

	if (r->next_refresh_at == 0 || a->offline)
		return;
	if (r->refresh == NULL)
		r->refresh = evtimer_new(archive_base(a), a->refresh_due, r);
	if (r->refresh == NULL)
		return;
	wait = r->next_refresh_at > now ? r->next_refresh_at - now : 0;
	tv.tv_sec = wait < MAX_TIMER_SEC ? wait : MAX_TIMER_SEC;
	/* Refreshes due in the same second are spread over it. */
	tv.tv_usec = (suseconds_t)(archive_random(a) % 1000000);
	evtimer_add(r->refresh, &tv);
}

void
resource_due_soon(struct resource *r)
{
	r->next_refresh_at = archive_now(r->archive);
	resource_schedule(r);
}

static void
leave_alone(
    struct archive *a, struct resource *r, unsigned row, uint32_t max_ms)
{
	r->retry_mono_ms = clock_mono_ms() +
	    refresh_schedule_retry_ms(
		row, a->retry_first_ms, max_ms, archive_random(a));
}

void
resource_failed(struct archive *a, struct resource *r, bool talks)
{
	r->failures++;
	leave_alone(a, r, r->failures,
	    talks ? refresh_schedule_fruitless_max_ms(
			a->retry_max_ms, a->min_refresh_sec)
		  : a->retry_max_ms);
}

void
resource_fruitless(struct archive *a, struct resource *r)
{
	r->failures = 0;
	r->fruitless++;
	leave_alone(a, r, r->fruitless,
	    refresh_schedule_fruitless_max_ms(
		a->retry_max_ms, a->min_refresh_sec));
}

bool
resource_refused(const struct resource *r)
{
	const struct evidence_failure *x = r->last;

	return x != NULL && x->http_status == 0 &&
	    (x->fail == EVIDENCE_FAIL_SCHEME ||
		x->fail == EVIDENCE_FAIL_REFUSED);
}

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

	const struct log_field fields[] = {LOG_FIELD_TEXT("url", e->url),
	    LOG_FIELD_NUMBER("failures", r->failures)};

	pthread_mutex_lock(&a->table.lock);
	if (r->failures > 0)
		log_event(a->log, LOG_LEVEL_INFO, "fetched-again", fields,
		    LOG_NUM(fields), "fetched '%s' again after %u failures",
		    e->url, r->failures);
	r->failures = 0;
	free(r->last);
	r->last = NULL;
	if (evidence_fresh(e, now, a->skew_sec)) {
		r->fruitless = 0;
		r->retry_mono_ms = 0;
	} else {
		/* The source has nothing newer: ask less often. */
		resource_fruitless(a, r);
	}
	r->next_refresh_at = refresh_schedule_at(&t);
	pthread_mutex_unlock(&a->table.lock);
	resource_schedule(r);
}
