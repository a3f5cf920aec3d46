/*
 * warm_chains: the certificate chains that a warm-up asks about, each once,
 * and what came of it. Control thread, but for warm_chain_new.
 */
#ifndef GATEWAY_CONTROL_WARM_CHAINS_H
#define GATEWAY_CONTROL_WARM_CHAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "revcheck/revcheck.h"

#define WARM_CHAINS_MAX 65536
#define WARM_ID_BYTES   32

struct pending_check;

enum warm_answer {
	WARM_UNASKED = 0,
	WARM_ASKING,
	WARM_ALLOWED, /* HARD_FAIL lets it in */
	WARM_REFUSED, /* known to be bad: refused in SOFT_FAIL, too */
	WARM_AGAIN,   /* not determined, and asking again may help */
	WARM_UNKNOWN, /* not determined, whoever asks */
	WARM_NUM_ANSWERS
};

struct warm_chain {
	struct warm_chain *next;         /* of all */
	struct warm_chain *bucket;       /* of those with a like id */
	unsigned char id[WARM_ID_BYTES]; /* SHA-256 of the leaf */
	struct revcheck_certs *certs;
	struct revcheck_trust *trust;
	unsigned flags; /* REVCHECK_QUERY_* */
	enum warm_answer answer;
	enum revcheck_why why;
	void *asker;                /* the warm-up's */
	struct pending_check *wait; /* while asking */
};

/* Copies and references. NULL when out of memory. Thread-safe. */
struct warm_chain *warm_chain_new(const struct revcheck_certs *certs,
    struct revcheck_trust *trust, unsigned flags);
void warm_chain_free(struct warm_chain *c);

struct warm_chains {
	struct warm_chain *first;
	struct warm_chain **buckets; /* NULL while it is empty */
	size_t num;
	size_t answers[WARM_NUM_ANSWERS]; /* how many have which */
};

/* Takes c over: adds it, or frees it when it is there, or there is no room. */
void warm_chains_add(struct warm_chains *s, struct warm_chain *c);
void warm_chains_cleanup(struct warm_chains *s);

void warm_chains_set(
    struct warm_chains *s, struct warm_chain *c, enum warm_answer answer);

#endif
