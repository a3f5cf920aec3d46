/*
 * recheck: live connections answer again when what is known has changed.
 */
#ifndef GATEWAY_DATAPLANE_RECHECK_H
#define GATEWAY_DATAPLANE_RECHECK_H

struct conn;
struct worker;

/* Begins a round over all of a worker's connections, or one more. */
void recheck_begin(struct worker *w);

/* The next few of the round; for the worker's ev_recheck. */
void recheck_continue(struct worker *w);

/* One connection. It may be doomed by this, not freed. */
void recheck_ask(struct conn *c);

/* The connection ends, or asks anew. */
void recheck_drop(struct conn *c);

#endif
