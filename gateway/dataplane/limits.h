/*
 * limits: how many connections, handshakes and pauses there may be at once,
 * in all and from one address, and how many handshakes a second. Shared by
 * all workers.
 */
#ifndef GATEWAY_DATAPLANE_LIMITS_H
#define GATEWAY_DATAPLANE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#include "cache/base/error.h"

struct conf_limits;
struct limits;

/*
 * One address as limits see it: an IPv4 address, or the /64 of an IPv6
 * address, since a whole /64 is what one subscriber is given. Unix sockets
 * have no address and are not counted.
 */
struct limits_peer {
	uint8_t family;   /* 0: not counted */
	uint8_t outbound; /* 1: by limits_enter_outbound */
	uint8_t octets[8];
};

enum limits_answer {
	LIMITS_FULL = 0,   /* connections in all */
	LIMITS_ADDRESS,    /* connections from this address */
	LIMITS_HANDSHAKES, /* handshakes in progress */
	LIMITS_RATE,       /* handshakes a second */
	LIMITS_PASS
};

/* For tables by address; seeded, so that nobody can aim at one bucket. */
uint64_t limits_peer_hash(const struct limits_peer *peer, uint64_t seed);

int limits_new(struct limits **out, struct err *err) MUST_USE;
void limits_free(struct limits *l);

/*
 * limits_enter asks for one connection and one handshake. LIMITS_PASS must be
 * paired with one limits_leave; anything else counts nothing. Thread-safe.
 */
enum limits_answer
limits_enter(struct limits *l, const struct conf_limits *conf,
    const struct sockaddr *sa, struct limits_peer *peer, uint64_t now_mono_ms);
/*
 * The same for one that the node wants to dial out: its handshakes are counted
 * apart, to the same maximum, so that nobody outside can use them up; there is
 * no limit for its address, nor for how many a second.
 */
enum limits_answer
limits_enter_outbound(struct limits *l, const struct conf_limits *conf,
    const struct sockaddr *sa, struct limits_peer *peer);
/* The handshake is over; once a limits_enter, before limits_leave. */
void limits_end_handshake(struct limits *l, const struct limits_peer *peer);
void limits_leave(struct limits *l, const struct limits_peer *peer);

/* A pause: false when there are max_paused already. */
bool limits_pause(struct limits *l, const struct conf_limits *conf);
void limits_resume(struct limits *l);

#endif
