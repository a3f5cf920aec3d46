/*
 * recheck: live connections answer again when what is known has changed.
 */
#ifndef GATEWAY_DATAPLANE_RECHECK_H
#define GATEWAY_DATAPLANE_RECHECK_H

#include "cache/base/error.h"

struct conn;
struct worker;

/* Begins a round over all of a worker's connections, or one more. */
void recheck_begin(struct worker *w);

/* After the worker's loop and engine are known. E_NOMEM. */
int recheck_init(struct worker *w, struct err *err) MUST_USE;

/* One connection. It may be doomed by this, not freed. */
void recheck_ask(struct conn *c);

#endif
