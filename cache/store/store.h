/*
 * store: signed evidence outside of memory: the disk, or another tier between
 * memory and network; and what must be remembered longer than any evidence: how
 * high the numbers of CRLs were (floors), and which certificates were found
 * revoked. Nothing that a tier gives is authentic, digests and dates included:
 * it is parsed and accepted again like an answer from the network.
 *
 * All calls are made on the service thread, but for those that say otherwise.
 * None waits for a disk.
 */
#ifndef CACHE_STORE_STORE_H
#define CACHE_STORE_STORE_H

#include "cache/base/error.h"
#include "cache/evidence/evidence.h"
#include "cache/fetch/fetch.h"

/* A source has at most so many documents: the newest fetched are kept. */
#define STORE_DOCUMENTS 8

#define STORE_URL_MAX    1024
#define STORE_SERIAL_MAX 64 /* octets of numbers and serials */

/* What is stored beside the signed bytes. It is not authenticated. */
struct store_meta {
	struct evidence_key key; /* of the source */
	enum evidence_kind kind;
	uint8_t owner[32]; /* whose budget: SHA-256 of the issuer's key */
	enum evidence_origin origin; /* where the bytes came from at first */
	time_t fetched_at;
	char url[STORE_URL_MAX];
	char etag[FETCH_MAX_VALIDATOR];
	char last_modified[FETCH_MAX_VALIDATOR];
};

/* A document that was found: bytes in a file at an offset, or on the heap. */
struct store_record {
	uint8_t sha256[32]; /* its name here */
	struct store_meta meta;
	int fd; /* -1: der */
	size_t offset;
	uint8_t *der;
	size_t len;
	char error[160]; /* for tools: why it cannot be read; else empty */
};

void store_record_cleanup(struct store_record *r);

/* What a source has, the newest fetched first. */
struct store_found {
	size_t num;
	struct store_record record[STORE_DOCUMENTS];
};

/* NULL is nothing. */
void store_found_free(struct store_found *f);

enum store_answer {
	STORE_NONE = 0, /* it has nothing of that source */
	STORE_NOW,      /* *out is filled; its caller frees it */
	STORE_LATER,    /* done will be called, from the loop, once */
};

struct store_load; /* a load under way, made by the tier */

/* found: NULL for nothing; the callee takes it over. */
typedef void store_done_fn(void *arg, struct store_found *found);

/*
 * The highest of the CRLs of one scope that was ever accepted. It outlives the
 * document.
 */
struct store_floor {
	uint8_t scope[32];
	uint8_t owner[32];
	uint8_t number[STORE_SERIAL_MAX]; /* big-endian */
	size_t number_len;                /* 0: it had none */
	time_t this_update;
	time_t next_update; /* 0: none given */
	time_t seen_at;
};

/* A certificate that was found revoked. */
struct store_known {
	uint8_t identity[32]; /* issuer key, serial, and what else is asked */
	uint8_t owner[32];
	int reason; /* CRLReason, or -1 */
	time_t revoked_at;
	time_t this_update;      /* of the document */
	time_t first_seen;       /* stays what it was at first */
	uint8_t document[32];    /* SHA-256 */
	char url[STORE_URL_MAX]; /* where the document came from */
	/* Without leading zeros; issuer is for people. */
	uint8_t serial[STORE_SERIAL_MAX];
	size_t serial_len;
	char issuer[256];
};

/* Returns false to stop. */
typedef bool store_known_fn(void *arg, const struct store_known *k);

struct store_stats {
	uint64_t bytes; /* of documents, as the budget counts them */
	uint64_t documents;
	uint64_t floors, known;
	uint64_t evictions; /* documents that made room */
	uint64_t lost; /* writes that were given up: disk full, locked, ... */
};

struct store {
	const char *name;
	enum store_answer (*load)(struct store *t,
	    const struct evidence_key *source, struct store_found **out,
	    store_done_fn *done, void *arg, struct store_load **pending);
	/* done will not be called. */
	void (*cancel)(struct store_load *pending);
	/*
	 * Keeps a copy, in its own time, as one more document of the source (or
	 * the same again with what is new beside it); e is referenced if need
	 * be.
	 */
	void (*save)(
	    struct store *t, const struct store_meta *meta, struct evidence *e);
	/*
	 * The source has that document no more; it goes when no other source
	 * has it. e is referenced if need be.
	 */
	void (*drop)(struct store *t, const struct evidence_key *source,
	    struct evidence *e);
	/*
	 * What it gave is not what it says, whoever asks: it must not give it
	 * again.
	 */
	void (*reject)(
	    struct store *t, const uint8_t sha256[32], const char *why);
	/* The source is in use: what it has is the last to make room. */
	void (*touch)(struct store *t, const struct evidence_key *source);
	/*
	 * The documents of the source (NULL: of all). No load that begins later
	 * finds them. Floors and known revocations stay.
	 */
	void (*forget)(struct store *t, const struct evidence_key *source);

	/* False: there is none of that scope. */
	bool (*floor_get)(
	    struct store *t, const uint8_t scope[32], struct store_floor *out);
	/*
	 * Raises the floor of its scope, or sets it when there is none; a lower
	 * one changes nothing, unless `restart`: the CA counts anew.
	 */
	void (*floor_put)(
	    struct store *t, const struct store_floor *f, bool restart);

	/*
	 * Shows every known revocation. Any thread but the service thread's
	 * when its loop runs: it waits for the disk. E_IO: they cannot be read
	 * now.
	 */
	int (*known_each)(
	    struct store *t, store_known_fn *fn, void *arg, struct err *err);
	/* One that is known already takes what is new, but for first_seen. */
	void (*known_put)(struct store *t, const struct store_known *k);
	void (*known_forget)(struct store *t, const uint8_t identity[32]);
	/* All of an issuer's key and a serial without leading zeros. */
	void (*known_forget_serial)(struct store *t, const uint8_t owner[32],
	    const uint8_t *serial, size_t serial_len);

	/* Any thread. */
	void (*stats)(struct store *t, struct store_stats *out);
	/* Writes what waits. */
	void (*free)(struct store *t);
};

#endif
