/*
 * crl_build: the builder from the inside, and how it fails. For crl_build.c,
 * crl_builder.c and crl_scan.c only. One thread at a time.
 */
#ifndef CACHE_CRL_CRL_BUILD_H
#define CACHE_CRL_CRL_BUILD_H

#include <stdatomic.h>

#include "cache/crl/crl.h"
#include "cache/crl/crl_aside.h"
#include "cache/crl/crl_hash.h"
#include "cache/crl/crl_parts.h"
#include "cache/der/pem.h"

enum build_state {
	BUILD_SNIFF = 0, /* nothing has arrived */
	BUILD_HEAD,      /* up to the first entry */
	BUILD_ENTRIES,
	BUILD_TAIL, /* gathered, read by finish */
	BUILD_FAILED,
	BUILD_SPENT,
};

/* Owned by who builds; the crl is its until finish gives it away. */
struct crl_builder {
	enum build_state state;
	struct crl_limits limits;
	struct crl *crl;
	struct crl_head head;
	bool fixed; /* der was there from the start and does not grow */
	bool is_pem;
	struct pem pem;
	size_t num_raw; /* PEM characters that arrived */
	size_t avail;   /* bytes of der that have arrived */
	size_t scanned; /* offset of the next entry */
	struct crl_hash hash;
	struct crl_aside *aside; /* does it; NULL: its owner does */
	bool alone;              /* so: no thread beside it to hash */
	unsigned wait_ms;        /* see crl_builder_aside */
	void (*told)(void *arg); /* see crl_builder_tell; or NULL */
	void *told_arg;
	atomic_bool failed; /* there; state and err can be read */
	size_t cap_marks;
	size_t num_entries;
	size_t trailing; /* bytes behind the CRL, not kept */
	unsigned flaws;
	size_t flawed_entry;
	bool entry_extensions;
	enum crl_fault fault;
	struct err err;
};

/*
 * The work itself, on whatever thread: 0, or the code that is in b->err.
 * crl_build_step returns whether there is more.
 */
int crl_build_feed(struct crl_builder *b, struct span in);
bool crl_build_step(struct crl_builder *b, size_t max_bytes);
int crl_build_finish(struct crl_builder *b);

/*
 * Failing is final: each of these returns the code that it leaves in b->err
 * (E_PARSE, E_NOMEM, E_LIMIT). crl_build_fail finds b->err filled; the others
 * fill it. offset is into the DER; the sentence names it for an entry.
 */
int crl_build_fail(struct crl_builder *b, enum crl_fault fault);
int crl_build_bad(struct crl_builder *b, const char *what, size_t offset);
int crl_build_nomem(struct crl_builder *b);
int crl_build_too_large(struct crl_builder *b, size_t bytes);
/* What is too many, where a limit of ours is reached. */
int crl_build_too_many(struct crl_builder *b, const char *what);

/* Copies the fault and b->err to the caller, at every call; returns rc. */
int crl_build_tell(const struct crl_builder *b, int rc, enum crl_fault *fault,
    struct err *err);

#endif
