/*
 * half_open: a worker's inbound handshakes that wait for the peer, oldest
 * first. When there is no room for another, one that has taken too long makes
 * room: whoever opens connections and says nothing cannot keep others out.
 * One that is young goes on, so that a crowd of honest peers is not cut off
 * in the middle of the work done for it.
 */
#ifndef GATEWAY_DATAPLANE_HALF_OPEN_H
#define GATEWAY_DATAPLANE_HALF_OPEN_H

#include <stdint.h>

/* Two round trips around the planet, and a lost packet. */
#define HALF_OPEN_SLOW_MS 1000

struct conn;

struct half_open {
	struct conn *oldest, *newest;
};

/* At the end; since its active_mono_ms it waits. */
void half_open_add(struct half_open *h, struct conn *c);
/* Nothing when it is not in there. */
void half_open_remove(struct half_open *h, struct conn *c);
/* The oldest if it is slow, or NULL. Stays in there. */
struct conn *half_open_slow(const struct half_open *h, uint64_t now_mono_ms);

#endif
