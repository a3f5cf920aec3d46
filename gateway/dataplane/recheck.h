/*
 * recheck: live connections answer again when what is known has changed.
 */
#ifndef GATEWAY_DATAPLANE_RECHECK_H
#define GATEWAY_DATAPLANE_RECHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"

struct conn;
struct worker;

/*
 * Begins a round over all of a worker's connections, those included that are
 * being asked about. When a source changes, w->sources begins one over those
 * that rest on it, and when their evidence runs out.
 */
void recheck_begin(struct worker *w);

/* After the worker's loop and engine are known. E_NOMEM. */
int recheck_init(struct worker *w, struct err *err) MUST_USE;
/* After its last connection. Fine where recheck_init failed. */
void recheck_cleanup(struct worker *w);

/* One connection. It may be doomed by this, not freed. */
void recheck_ask(struct conn *c);

/*
 * A live connection's end: when a certificate of its path, the anchor included
 * (verification demands it of all of them), is past its notAfter, it is asked
 * about anew, and doomed unless there is another path. True when a doomed one's
 * grace is over: close it.
 */
bool recheck_is_over(struct conn *c, uint64_t now_mono_ms, time_t now);
/*
 * When to ask that again; 0: never. At most RECHECK_LOOK_MS ahead: the wall
 * clock may be set, and is compared with by nobody else.
 */
#define RECHECK_LOOK_MS 600000
uint64_t
recheck_due_mono_ms(const struct conn *c, uint64_t now_mono_ms, time_t now);

#endif
