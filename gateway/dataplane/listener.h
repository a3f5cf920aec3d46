/*
 * listener: one worker's accept loop on one of its sockets. Worker's thread.
 */
#ifndef GATEWAY_DATAPLANE_LISTENER_H
#define GATEWAY_DATAPLANE_LISTENER_H

#include "cache/base/error.h"
#include "gateway/dataplane/listen_set.h"

struct runtime;
struct worker;

struct listener;

/*
 * port, of runtime, is borrowed and must outlive the listener. Any thread: it
 * does not accept yet.
 */
int listener_new(struct listener **out, struct worker *w,
    const struct runtime *runtime, const struct listen_port *port,
    struct err *err) MUST_USE;
void listener_free(struct listener *l);

/* Accepts from now on; where memory is short, after a pause, as ever. */
void listener_start(struct listener *l);

/* For good: who dials from now on is refused by the kernel. */
void listener_shut(struct listener *l);

#endif
