/*
 * floors: the highest CRL of each scope that was accepted, though its document
 * may be gone by now: what comes below it while it is in date proves nothing by
 * its silence. In memory bounded (of a full set the longest unseen goes), and
 * in the store, where there is one. Service thread only.
 */
#ifndef CACHE_ENGINE_FLOORS_H
#define CACHE_ENGINE_FLOORS_H

#include "cache/evidence/evidence.h"

struct floors;

struct store;

/* NULL: out of memory. */
struct floors *floors_new(void);
/* The store that knows them, too: from then on; outlives f. */
void floors_set_store(struct floors *f, struct store *disk);
void floors_free(struct floors *f);

enum floor_change {
	FLOOR_STAYS = 0,
	FLOOR_RAISED,
	/* e is below one that is out of date, and the new floor. */
	FLOOR_RESTARTED,
};

/*
 * floors_apply looks e, a described CRL not yet published, up against the floor
 * of its scope (owner: SHA-256 of the issuer's key): sets e->below_floor_until
 * where that is higher and in date, and makes e the floor otherwise. One that
 * is not valid yet is no floor.
 */
enum floor_change floors_apply(struct floors *f, struct evidence *e,
    const uint8_t owner[32], time_t now, uint32_t skew_sec);

#endif
