/*
 * chain_poll: asks about many chains, a few each turn of the loop and not too
 * many at once, so that whatever else the loop carries goes on. Who has the
 * chains says which is next. One thread, that of the loop.
 */
#ifndef GATEWAY_BASE_CHAIN_POLL_H
#define GATEWAY_BASE_CHAIN_POLL_H

#include <stdbool.h>

#include "cache/base/error.h"
#include "gateway/base/pending_check.h"

struct event;
struct event_base;

struct chain_poll_calls {
	/*
	 * Looks at the next chain and asks about it with chain_poll_ask, or
	 * passes it over. False: there is none left.
	 */
	bool (*next)(void *arg);
	/* None is left, and no question waits for its answer. May be NULL. */
	void (*idle)(void *arg);
};

struct chain_poll_bounds {
	unsigned batch;   /* chains looked at a turn of the loop */
	unsigned waiting; /* questions that wait for answers at once */
};

/* Embedded; zero is cleanable. */
struct chain_poll {
	const struct chain_poll_calls *calls;
	void *arg;
	struct chain_poll_bounds bounds;
	struct revcheck *engine;
	struct event_base *base;
	struct event *turn;
	unsigned num_waiting;
	bool running; /* next has not said false yet */
};

/* One question about one chain, embedded in whoever it is about. Zero: none. */
struct chain_poll_item {
	struct chain_poll *poll;
	struct pending_check *wait; /* NULL: nothing is asked */
	pending_check_fn *fn;
	void *asker;
};

/* calls, engine and base must outlive it. E_NOMEM. */
int chain_poll_init(struct chain_poll *p, const struct chain_poll_calls *calls,
    void *arg, struct chain_poll_bounds bounds, struct revcheck *engine,
    struct event_base *base, struct err *err) MUST_USE;
/* After every item has been dropped. */
void chain_poll_cleanup(struct chain_poll *p);

/* Begins, or goes on, with the next turn of the loop. */
void chain_poll_start(struct chain_poll *p);
/* Looks at no further chain; what is asked already is answered. */
void chain_poll_stop(struct chain_poll *p);

/*
 * As pending_check_ask. item asks nothing while fn(asker, report) runs and may
 * be used again there.
 */
REVCHECK_MUST_USE int
chain_poll_ask(struct chain_poll *p, struct chain_poll_item *item,
    struct revcheck_report **report, const struct revcheck_query *query,
    pending_check_fn *fn, void *asker, struct revcheck_error *err);

/* Whether an answer is awaited. */
bool chain_poll_is_asking(const struct chain_poll_item *item);

/* The answer is awaited no more; fn does not run. Fine when nothing is asked.
 */
void chain_poll_drop(struct chain_poll_item *item);

#endif
