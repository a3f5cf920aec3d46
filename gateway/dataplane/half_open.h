/*
 * half_open: inbound handshakes that wait for the peer, of all workers, by the
 * address they came from. When there is no room for another, the address that
 * has most of them makes room first, with its oldest; where that would have
 * no more than the newcomer's, only one that has taken too long does. So
 * whoever opens connections and says nothing keeps himself out, and a crowd of
 * honest peers is not cut off in the middle of the work done for it.
 * Thread-safe.
 */
#ifndef GATEWAY_DATAPLANE_HALF_OPEN_H
#define GATEWAY_DATAPLANE_HALF_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/dataplane/limits.h"

/* Two round trips around the planet, and a lost packet. */
#define HALF_OPEN_SLOW_MS 1000

struct half_open;
struct half_open_address;

/* A connection's place in it, a part of the connection; zero is none. */
struct half_open_place {
	struct half_open_address *address;     /* NULL: not in there */
	struct half_open_place *older, *newer; /* of the address */
	uint64_t since_mono_ms;
	int fd;    /* its socket, open for as long as it is in there */
	bool shed; /* it has made room; for its owner after _remove */
};

int half_open_new(struct half_open **out, struct err *err) MUST_USE;
void half_open_free(struct half_open *h);

/*
 * half_open_add: it waits since now. Nothing when it has been shed, or memory
 * is out (it makes no room then).
 */
void half_open_add(struct half_open *h, struct half_open_place *p,
    const struct limits_peer *peer, int fd, uint64_t now_mono_ms);
/* Before its socket is closed. Nothing when it is not in there. */
void half_open_remove(struct half_open *h, struct half_open_place *p);

/*
 * Makes room for somebody from this address: takes one out, marks it as shed
 * and shuts its socket down, which its owner's loop notices. True: what the
 * limits counted for it (*gone) is the caller's to give back, not its owner's.
 */
bool half_open_make_room(struct half_open *h, const struct limits_peer *peer,
    uint64_t now_mono_ms, struct limits_peer *gone);
/*
 * The same, and gives it back. peer is NULL for one who is in already, or whom
 * nobody knows yet.
 */
bool half_open_relieve(struct half_open *h, struct limits *l,
    const struct limits_peer *peer, uint64_t now_mono_ms);

#endif
