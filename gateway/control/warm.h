/*
 * warm: the warm-up before HARD_FAIL bites. For a bounded time evidence is
 * fetched for the chains of live connections and remembered sessions, and for
 * whatever the archive knows and does not hold fresh; so long SOFT_FAIL is
 * enforced in the place of a HARD_FAIL that is new. It ends early when every
 * chain has been answered. Decides nothing and applies nothing: control does.
 * Control thread.
 */
#ifndef GATEWAY_CONTROL_WARM_H
#define GATEWAY_CONTROL_WARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "gateway/control/warm_chains.h"
#include "revcheck/revcheck.h"

struct control;
struct warm;

/* What a mode can become HARD_FAIL for; or'ed. */
enum warm_part {
	WARM_SESSIONS = 1 << 0, /* corda.p2p.linkManager's */
	WARM_TLS = 1 << 1       /* that of TLS peers, its own or the same */
};

/*
 * Called from the loop when a warm-up is over by itself: HARD_FAIL is to bite
 * now. Anything but 0: it could not, and is called again in a second.
 */
typedef int warm_over_fn(void *arg);

int warm_new(struct warm **out, struct control *control, warm_over_fn *over,
    void *arg, struct err *err) MUST_USE;
void warm_free(struct warm *w);

/* Of these parts, those for which there is somebody to ask about. */
unsigned warm_needed(const struct warm *w, unsigned parts);

/* Begins, or begins anew when one is running. */
void warm_begin(struct warm *w, unsigned parts, uint32_t bound_ms);
/* Ends it without a call of over. Nothing happens when none is running. */
void warm_give_up(struct warm *w);

enum warm_outcome {
	WARM_NONE = 0, /* there was none yet */
	WARM_RUNNING,
	WARM_COMPLETE,  /* every chain was answered */
	WARM_TIMED_OUT, /* the bound was reached */
	WARM_GIVEN_UP   /* the mode was changed back */
};

/* The running one, or the last. */
struct warm_state {
	enum warm_outcome outcome;
	unsigned parts;
	time_t begun_at;
	uint32_t bound_ms, elapsed_ms;
	uint64_t num;      /* warm-ups so far */
	size_t chains;     /* asked about */
	size_t determined; /* of these */
	size_t refused;    /* of those that are determined */
	/* The others by reason; NONE: not answered yet. HARD_FAIL refuses. */
	size_t unknown[REVCHECK_WHY_INTERNAL + 1];
};
void warm_get(const struct warm *w, struct warm_state *out);

/* How long the running one may still take; 0 when none is running. */
uint32_t warm_left_ms(const struct warm *w);

#endif
