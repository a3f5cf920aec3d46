/*
 * flight: one asking of one source for all who wait: disk, what other archives
 * share, then the URLs in order, until every question is answered. Service
 * thread only. It ends in documents or in a named failure, and never decides
 * what documents mean.
 *
 *	DISK -> SCAN (a large CRL, in steps) -+-> over, when all are answered
 *	  |                                   |
 *	  +-> SHARED -> SCAN -> SHARED -------+-> NETWORK (URL by URL) -> over
 *
 * DISK and SCAN are in flight_disk.c, SHARED in flight_shared.c, NETWORK in
 * flight_network.c, what becomes of a document in flight_take.c, the end in
 * flight_end.c.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"

/*
 * What nobody waits for leaves room for what is waited for: a responder that
 * is gone may be lacked by thousands, each with an answer of its own.
 */
#define RETRIES_MAX 32

/*
 * The first step runs from the loop: done is never called from inside
 * flight_start.
 */
static void
flight_begin(evutil_socket_t fd, short what, void *arg)
{
	struct flight *f = arg;
	struct resource *r = f->resource;

	event_free(f->step);
	f->step = NULL;
	if (r == NULL) {
		flight_network(f);
		return;
	}
	/* The disk has nothing that memory has not; others may. */
	f->tier = atomic_load(&r->held) != NULL ? TIER_SHARED : TIER_DISK;
	flight_tiers(f);
}

static void
flight_again(evutil_socket_t fd, short what, void *arg)
{
	struct flight *f = arg;

	event_free(f->step);
	f->step = NULL;
	if (f->state == FLIGHT_SHARED)
		flight_tiers(f);
}

struct flight *
flight_start(struct archive *a, struct resource *r, struct fetch_job *job)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->step = evtimer_new(archive_base(a), flight_begin, f);
	if (f->step == NULL) {
		free(f);
		return NULL;
	}
	f->again = flight_again;
	f->archive = a;
	f->resource = r;
	f->job = fetch_job_up_ref(job);
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

void
flight_hurry(struct flight *f)
{
	f->hurry = true;
}

bool
flight_retry(struct archive *a, struct resource *r)
{
	struct flight *f = NULL;

	if (a->num_retries < RETRIES_MAX)
		f = flight_start(a, r, r->job);
	if (f == NULL)
		return false;
	f->retry = true;
	a->num_retries++;
	return true;
}
