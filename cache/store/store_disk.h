/*
 * store_disk: the tier on disk: evidence.db and the files beside it (store_db),
 * read and written by a thread of its own, so that a slow disk delays no one.
 * What a reader waits for goes first; writes are gathered into one transaction.
 * Their queue is bounded.
 *
 * A disk that is full or read-only, or a database that another process has
 * locked: it is said once, writes are given up and counted, and tried again
 * every ten seconds. Floors and known revocations are not given up: they wait,
 * and floors are answered from memory meanwhile.
 */
#ifndef CACHE_STORE_STORE_DISK_H
#define CACHE_STORE_STORE_DISK_H

#include "cache/base/clock.h"
#include "cache/base/log.h"
#include "cache/store/store.h"

struct event_base;

struct store_options {
	const char *dir;
	uint64_t max_bytes;       /* of documents */
	uint64_t max_owner_bytes; /* of one issuer; 0: half of max_bytes */
	uint32_t max_ocsp_bytes;
	struct wall_clock clock;
	const struct log *log; /* outlives the store */
	/* Where loads are answered; NULL: they are waited for. */
	struct event_base *base;
};

/*
 * Makes what is missing of the directories (0700). E_ARG, E_IO, E_NOMEM;
 * E_PARSE: the database is of something else or of a newer version.
 */
int store_new(struct store **out, const struct store_options *o,
    struct err *err) MUST_USE;

#endif
