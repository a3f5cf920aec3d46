/*
 * warmup: the warm-up before HARD_FAIL bites. For a bounded time evidence is
 * fetched for the chains of live connections and remembered sessions, and for
 * whatever the archive knows and does not hold fresh; so long SOFT_FAIL is
 * enforced in the place of a HARD_FAIL that is new. It ends early when every
 * chain has been answered. Decides nothing and applies nothing: control does.
 * Control thread.
 */
#ifndef GATEWAY_CONTROL_WARMUP_H
#define GATEWAY_CONTROL_WARMUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "gateway/control/warmup_chains.h"
#include "revcheck/revcheck.h"

struct services;
struct session_watch;
struct warmup;
struct workers;

/* What a mode can become HARD_FAIL for; or'ed. */
enum warmup_part {
	WARMUP_SESSIONS = 1 << 0, /* corda.p2p.linkManager's */
	WARMUP_TLS = 1 << 1       /* that of TLS peers, its own or the same */
};

/* Called from the loop. */
struct warmup_calls {
	/*
	 * A warm-up is over by itself: HARD_FAIL is to bite now. Anything but
	 * 0: it could not, and is called again in a second.
	 */
	int (*over)(void *arg);
	/* A chain is known to be bad: refused in SOFT_FAIL, too. */
	void (*refused)(void *arg);
	void *arg;
};

/* services and sessions must outlive it. */
int warmup_new(struct warmup **out, const struct services *services,
    const struct session_watch *sessions, const struct warmup_calls *calls,
    struct err *err) MUST_USE;
void warmup_free(struct warmup *w);

/* Borrowed; NULL: there are no live connections. */
void warmup_set_workers(struct warmup *w, struct workers *workers);

/* The parts for which there is somebody to ask about. */
unsigned warmup_live(const struct warmup *w);

/* Begins, or begins anew when one is running. */
void warmup_begin(struct warmup *w, unsigned parts, uint32_t bound_ms);
/* Ends it without a call of over. Nothing happens when none is running. */
void warmup_give_up(struct warmup *w);

enum warmup_outcome {
	WARMUP_NONE = 0, /* there was none yet */
	WARMUP_RUNNING,
	WARMUP_COMPLETE,  /* every chain was answered */
	WARMUP_TIMED_OUT, /* the bound was reached */
	WARMUP_GIVEN_UP   /* the mode was changed back */
};

/* The running one, or the last. */
struct warmup_state {
	enum warmup_outcome outcome;
	unsigned parts;
	time_t begun_at;
	uint32_t bound_ms, elapsed_ms;
	uint64_t num;      /* warm-ups so far */
	size_t chains;     /* asked about */
	size_t determined; /* of these */
	size_t refused;    /* of those that are determined */
	/* The others by reason; NONE: not answered yet. HARD_FAIL refuses. */
	size_t unknown[REVCHECK_NUM_WHY];
};
void warmup_get(const struct warmup *w, struct warmup_state *out);

/* How long the running one may still take; 0 when none is running. */
uint32_t warmup_left_ms(const struct warmup *w);

#endif
