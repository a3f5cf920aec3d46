/*
 * flight_shared: the part of a flight between disk and network where several
 * archives share: one of them fetches, the others wait a moment for what it
 * brings. Only CRLs are shared. Service thread only.
 *
 *	tiers -> claim -+- won ------> NETWORK, then the others are told
 *	  ^             +- taken ----> waits for the pointer, then tiers again
 *	  |             +- away -----> NETWORK, as if alone
 *	  +-------------+- patience is at its end: likewise
 *
 * A claim spares work and guards nothing: whoever is in doubt fetches. Where
 * nobody waits, there is no hurry: the refresh is put off until the others had
 * their time.
 */
#include <event2/event.h>

#include "cache/engine/fetch_job.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/shared_tier.h"

/* A fetch of another is given so long before it is looked at again. */
#define OTHERS_SEC 15
/* So often in a row; then somebody holds claims and does not fetch. */
#define PUT_OFF_MAX 4
/* Claims of one flight. */
#define CLAIMS_MAX 2
/* Of what another says of its failure. */
#define BACKOFF_MAX_SEC 300

static const struct archive_shared *
fn_of(const struct flight *f)
{
	return shared_tier_get0(f->archive->shared);
}

static void
count(const struct flight *f, enum archive_shared_count what)
{
	atomic_fetch_add(&f->archive->count.shared[what], 1);
}

/* Somebody waits, or asked for it by hand. */
static bool
in_haste(const struct flight *f)
{
	return f->waits != NULL || f->hurry;
}

/* Its patience with others is at an end. */
static void
patience_over(evutil_socket_t fd, short what, void *arg)
{
	struct flight *f = arg;

	if (f->loading != NULL)
		shared_tier_was_slow(f->archive->shared);
	flight_stop_loading(f);
	if (f->claim == FLIGHT_CLAIM_ASKED)
		count(f, SHARED_CLAIMS_AWAY);
	flight_network(f);
}

/* Putting off. */

static time_t
others_done_at(struct archive *a)
{
	/* Not all of them at once. */
	return archive_now(a) + OTHERS_SEC +
	    (time_t)(archive_random(a) % OTHERS_SEC);
}

static bool
may_put_off(const struct flight *f)
{
	return !in_haste(f) && f->resource->put_off < PUT_OFF_MAX;
}

static void
put_off(struct flight *f, time_t at)
{
	f->resource->put_off++;
	flight_put_off(f, at);
}

/* Fetched a moment ago: a pointer that leads nowhere is no reason to again. */
static bool
was_just_tried(const struct flight *f, time_t *again_at)
{
	struct archive *a = f->archive;
	uint64_t next =
	    f->resource->tried_mono_ms + (uint64_t)a->min_refresh_sec * 1000;
	uint64_t now = clock_mono_ms();

	if (f->resource->tried_mono_ms == 0 || now >= next ||
	    !documents_fresh(
		atomic_load(&f->resource->held), archive_now(a), a->skew_sec))
		return false;
	*again_at = archive_now(a) + (time_t)((next - now) / 1000) + 1;
	return true;
}

/* Claims. */

/*
 * Another asked within the time in which this one would not ask twice: as if it
 * had been answered "not modified". True: f is gone.
 */
static bool
was_checked(struct flight *f)
{
	struct archive *a = f->archive;
	struct evidence_failure failure;
	time_t checked_at;
	struct evidence *e =
	    shared_tier_checked(a->shared, f->resource, &checked_at);

	if (e == NULL ||
	    checked_at + (time_t)a->min_refresh_sec < archive_now(a))
		return false;
	count(f, SHARED_POINTERS);
	atomic_store(&e->fetched_at, checked_at);
	e = flight_take(f, e, &failure);
	return e != NULL && flight_answered(f, e, -1);
}

void
flight_claim(struct flight *f)
{
	time_t again_at;

	if (!flight_shares(f)) {
		flight_network(f);
		return;
	}
	f->state = FLIGHT_SHARED;
	f->impatient = patience_over;
	/* Who asks by hand has heard of something that is not known yet. */
	if (!f->hurry && was_checked(f))
		return;
	if (!in_haste(f) && was_just_tried(f, &again_at)) {
		flight_put_off(f, again_at);
		return;
	}
	/* Without a store there is nothing that another could bring. */
	if (f->claim == FLIGHT_CLAIM_WON || f->num_claims == CLAIMS_MAX ||
	    (!shared_tier_has_store(f->archive->shared) &&
		shared_tier_news(f->archive->shared, f->resource)) ||
	    !flight_be_patient(f)) {
		flight_network(f);
		return;
	}
	f->num_claims++;
	f->was_told = false;
	f->claim = FLIGHT_CLAIM_ASKED;
	f->ticket = ++f->archive->num_tickets;
	fn_of(f)->claim(fn_of(f)->arg, &f->resource->key, f->ticket);
}

/* There is something to look at: once more from the shared tier on. */
static void
look_again(struct flight *f)
{
	flight_patience_end(f);
	/* Not by two at once: what is told from now on finds it on its way. */
	if (f->claim == FLIGHT_CLAIM_TAKEN)
		f->claim = FLIGHT_CLAIM_NONE;
	if (!shared_tier_news(f->archive->shared, f->resource)) {
		flight_claim(f);
		return;
	}
	f->tier = TIER_SHARED;
	f->step = evtimer_new(archive_base(f->archive), f->again, f);
	if (f->step == NULL)
		flight_network(f);
	else
		event_active(f->step, 0, 0);
}

static void
claimed(struct flight *f, enum archive_claim answer, time_t until)
{
	struct archive *a = f->archive;
	time_t latest = archive_now(a) + BACKOFF_MAX_SEC;

	switch (answer) {
	case ARCHIVE_CLAIM_WON:
		f->claim = FLIGHT_CLAIM_WON;
		look_again(f);
		break;
	case ARCHIVE_CLAIM_TAKEN:
		f->claim = FLIGHT_CLAIM_TAKEN;
		/* What is waited for may have come before this answer. */
		if (f->was_told)
			look_again(f);
		else if (may_put_off(f))
			put_off(f, others_done_at(a));
		break;
	case ARCHIVE_CLAIM_BACKOFF:
		f->claim = FLIGHT_CLAIM_NONE;
		if (may_put_off(f) && until > archive_now(a))
			put_off(f, until < latest ? until : latest);
		else
			flight_network(f);
		break;
	case ARCHIVE_CLAIM_AWAY:
		f->claim = FLIGHT_CLAIM_NONE;
		flight_network(f);
		break;
	}
}

void
flight_look_at_others(struct flight *f)
{
	f->impatient = patience_over;
}

void
flight_claimed(struct archive *a, const struct evidence_key *source,
    uint64_t ticket, enum archive_claim answer, time_t until)
{
	struct flight *f = a->flights;

	if (a->shared == NULL)
		return;
	if (answer > ARCHIVE_CLAIM_BACKOFF)
		answer = ARCHIVE_CLAIM_AWAY;
	while (f != NULL &&
	    (f->ticket != ticket || f->claim != FLIGHT_CLAIM_ASKED))
		f = f->next;
	if (f != NULL && f->state == FLIGHT_SHARED) {
		count(
		    f, SHARED_CLAIMS_AWAY + (enum archive_shared_count)answer);
		claimed(f, answer, until);
	} else if (f != NULL && answer == ARCHIVE_CLAIM_WON) {
		/* It fetches already. */
		f->claim = FLIGHT_CLAIM_WON;
	} else if (answer == ARCHIVE_CLAIM_WON) {
		shared_tier_get0(a->shared)->released(
		    shared_tier_get0(a->shared)->arg, source, NULL, 0);
	}
}

void
flight_shared_told(struct flight *f)
{
	f->was_told = true;
	if (f->state == FLIGHT_SHARED && f->claim == FLIGHT_CLAIM_TAKEN)
		look_again(f);
}

/* What is shared goes away, or is replaced: each goes on alone. */
void
flights_stop_sharing(struct archive *a)
{
	struct flight *f, *next;

	for (f = a->flights; f != NULL; f = next) {
		next = f->next;
		flight_release(f);
		f->claim = FLIGHT_CLAIM_NONE;
		if (f->state != FLIGHT_SHARED)
			continue;
		flight_stop_loading(f);
		flight_network(f);
	}
}
