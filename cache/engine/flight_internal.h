/*
 * flight_internal: struct flight from the inside; for flight*.c only. Service
 * thread.
 */
#ifndef CACHE_ENGINE_FLIGHT_INTERNAL_H
#define CACHE_ENGINE_FLIGHT_INTERNAL_H

#include "cache/engine/archive_internal.h"
#include "cache/engine/fetch_plan.h"

enum flight_state {
	FLIGHT_DISK = 0,
	FLIGHT_SCAN,
	FLIGHT_SHARED, /* waits for others, or for what they have */
	FLIGHT_NETWORK,
};

/* The right to fetch for all. */
enum flight_claim {
	FLIGHT_CLAIM_NONE = 0,
	FLIGHT_CLAIM_ASKED,
	FLIGHT_CLAIM_TAKEN,
	FLIGHT_CLAIM_WON, /* to be given back */
};

/* Where it looks before the network, in turn. */
enum flight_tier {
	TIER_DISK = 0,
	TIER_SHARED,
	NUM_TIERS,
};

/* Owned by its archive; freed by flight_over only. */
struct flight {
	struct flight *next, **prev;
	struct archive *archive;
	struct resource *resource; /* NULL: the answer is not held */
	/* What came and was authentic, kept or not; reference or NULL. */
	struct documents *seen;
	bool replied; /* one of them over the network */
	struct fetch_job *job;
	enum flight_state state;
	struct archive_wait *waits;
	bool retry; /* counted by the archive */
	struct fetch_plan plan;
	const struct fetch_attempt *attempt; /* in plan; NULL: none yet */
	uint64_t until_mono_ms;              /* no attempt begins after it */
	struct fetch *fetch;
	/* Of the exchange under way, for who watches it. */
	struct archive_exchange exchange;
	uint64_t exchange_mono_ms;
	enum flight_tier tier;
	struct store_load *loading;  /* by it */
	struct store_found *found;   /* there */
	size_t num_found;            /* of these, not looked at yet */
	struct evidence *loaded;     /* the last of them; reference or NULL */
	struct store_record *record; /* one of these, looked at now */
	struct crl_builder *builder;
	struct event *step;
	struct evidence_failure failure; /* the most telling so far */
	/* What is shared with others. */
	enum flight_claim claim;
	uint64_t ticket; /* of the claim */
	unsigned num_claims;
	bool was_told;               /* of news, since it was asked for */
	bool hurry;                  /* not put off, though nobody waits */
	event_callback_fn again;     /* looks into its tiers, from f->tier on */
	event_callback_fn impatient; /* of patience */
	struct event *patience;      /* with others */
	uint64_t patience_mono_ms;   /* its end; 0: it has not begun */
	time_t failed_until_at; /* it failed, and is asked again then; or 0 */
};

/*
 * A document came, from disk or network: proven by one of those who ask, it is
 * weighed and, where it is the newest of its scope, held. Returns it, lent, or
 * the one held that has the same bytes. NULL, with the reason in failure, when
 * nobody accepts it.
 */
struct evidence *flight_take(
    struct flight *f, struct evidence *e, struct evidence_failure *failure);

/* Puts what r holds on the disk, where there is one; url: it came from. */
void flight_save(struct flight *f, struct evidence *e, const char *url);

/* The next step. f may be freed when one of these returns. */

/*
 * Tells those whose question is answered by now. True: that was all, and f is
 * gone; e is what came last and max_age_sec what HTTP said of it (-1: nothing).
 */
bool flight_answered(
    struct flight *f, const struct evidence *e, int64_t max_age_sec);

/*
 * Looks into the tiers from f->tier on, then claims the right to fetch, then
 * goes on to the network, unless something of that is enough.
 */
void flight_tiers(struct flight *f);
/* Its tier is not waited for any more. */
void flight_stop_loading(struct flight *f);
void flight_claim(struct flight *f);
void flight_network(struct flight *f);

/* Sharing; see flight_shared.c and flight_others.c. */

/* Whether it asks others at all. */
bool flight_shares(const struct flight *f);
/*
 * From now on it waits for others, but no longer than it was said before, and
 * than those who wait for it can. False: out of memory, and it may wait longer.
 */
bool flight_be_patient(struct flight *f);
void flight_patience_end(struct flight *f);
/* From now on it may be waited for. */
void flight_look_at_others(struct flight *f);
void flight_claimed(struct archive *a, const struct evidence_key *source,
    uint64_t ticket, enum archive_claim answer, time_t until);
void flight_shared_told(struct flight *f);
void flight_publish(struct flight *f, struct evidence *e);
/* Gives back what it has of others; before it is freed. */
void flight_release(struct flight *f);
void flights_stop_sharing(struct archive *a);
/* Nobody waits, nothing failed: it is looked at again at `at`. Frees f. */
void flight_put_off(struct flight *f, time_t at);

/* Counts and logs a failure; keeps it if it says more than the one before. */
void flight_note_failure(struct flight *f, const struct evidence_failure *x);
/* Every way was tried. */
void flight_failed(struct flight *f);

/*
 * Calls all who wait, then frees the flight. The resource has let go of it
 * before: a callback that asks again starts a new flight.
 */
void flight_over(struct flight *f);

#endif
