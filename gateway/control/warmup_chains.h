/*
 * warmup_chains: the certificate chains that a warm-up asks about, each once,
 * and what came of it. Control thread, but for warmup_chain_new.
 */
#ifndef GATEWAY_CONTROL_WARMUP_CHAINS_H
#define GATEWAY_CONTROL_WARMUP_CHAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/chain_poll.h"
#include "revcheck/revcheck.h"

#define WARMUP_CHAINS_MAX 65536
#define WARMUP_ID_BYTES   32

enum warmup_answer {
	WARMUP_UNASKED = 0,
	WARMUP_ASKING,
	WARMUP_ALLOWED, /* HARD_FAIL lets it in */
	WARMUP_REFUSED, /* known to be bad: refused in SOFT_FAIL, too */
	WARMUP_AGAIN,   /* not determined, and asking again may help */
	WARMUP_UNKNOWN, /* not determined, whoever asks */
	WARMUP_NUM_ANSWERS
};

struct warmup_chain {
	struct warmup_chain *next;         /* of all */
	struct warmup_chain *bucket;       /* of those with a like id */
	unsigned char id[WARMUP_ID_BYTES]; /* SHA-256 of the leaf */
	struct revcheck_certs *certs;
	struct revcheck_trust *trust;
	unsigned flags; /* REVCHECK_QUERY_* */
	enum warmup_answer answer;
	enum revcheck_why why;
	void *asker;                 /* the warm-up's */
	struct chain_poll_item item; /* while asking */
};

/* Copies and references. NULL when out of memory. Thread-safe. */
struct warmup_chain *warmup_chain_new(const struct revcheck_certs *certs,
    struct revcheck_trust *trust, unsigned flags);
void warmup_chain_free(struct warmup_chain *c);

struct warmup_chains {
	struct warmup_chain *first;
	struct warmup_chain **buckets; /* NULL while it is empty */
	size_t num;
	size_t answers[WARMUP_NUM_ANSWERS]; /* how many have which */
};

/* Takes c over: adds it, or frees it when it is there, or there is no room. */
void warmup_chains_add(struct warmup_chains *s, struct warmup_chain *c);
void warmup_chains_cleanup(struct warmup_chains *s);

void warmup_chains_set(
    struct warmup_chains *s, struct warmup_chain *c, enum warmup_answer answer);

#endif
