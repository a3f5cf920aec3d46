/*
 * fleet_write: ordered changes, one at a time:
 *
 *   WAIT ──► LEASE ──► SENT ── done ──► next hundred, or the end
 *    ▲  ▲      (tombstones)  │
 *    │  └── lost: until head or the record has moved
 *    │                       └ no answer ──► FENCE ── done ──► not written:
 *    └──────────────────────────────────────────┼──────────────── again
 *    └── not ours ◄── READ ◄── lost: head moved ┘
 *                      └ ours: done
 *
 * FENCE writes head as it was by the compare that the change had: whoever of
 * the two comes second loses, also if it is on its way for minutes.
 */
#ifndef GATEWAY_FLEET_FLEET_WRITE_H
#define GATEWAY_FLEET_FLEET_WRITE_H

#include "gateway/fleet/fleet_core.h"

int fleet_write_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_write_cleanup(struct fleet *f);
void fleet_write_moved(struct fleet *f);

/* As fleet_write; `waiting`: what waited in the outbox, which others must not
 * overtake. */
int fleet_write_add(struct fleet *f, const struct fleet_change *v, size_t num,
    bool waiting, fleet_done_fn *done, void *arg, struct err *err) MUST_USE;

#endif
