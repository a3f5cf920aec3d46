/*
 * worker_setup: what one worker needs for a runtime: its listeners, and the
 * health of the node's addresses. Made on main's thread before anything is
 * posted, so that a worker that takes it over cannot fail. Owned by the
 * mailbox, then by the worker.
 */
#ifndef GATEWAY_DATAPLANE_WORKER_SETUP_H
#define GATEWAY_DATAPLANE_WORKER_SETUP_H

#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/dataplane/dial.h"

struct listener;
struct runtime;
struct worker;

struct worker_setup {
	struct runtime *runtime; /* a reference */
	struct listener **listeners;
	size_t num_listeners;
	struct node_health health; /* of the runtime's node addresses */
};

/* Takes a reference to runtime. The listeners do not accept yet. */
int worker_setup_new(struct worker_setup **out, struct worker *w,
    struct runtime *runtime, struct err *err) MUST_USE;
/* Listeners are freed, too: on the worker's thread once they accept. */
void worker_setup_free(struct worker_setup *s);

/* The worker's: begins to accept, ends it. */
void worker_setup_listen(struct worker_setup *s);
void worker_setup_end_listen(struct worker_setup *s);

#endif
