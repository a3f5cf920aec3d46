/*
 * candidate: everything that a change puts in force, built whole before
 * anything is touched. Control thread.
 */
#ifndef GATEWAY_CONTROL_CANDIDATE_H
#define GATEWAY_CONTROL_CANDIDATE_H

#include "cache/base/error.h"
#include "gateway/certwatch/certwatch_list.h"
#include "gateway/conf/conf.h"
#include "gateway/control/effective.h"
#include "gateway/control/loose.h"
#include "revcheck/revcheck.h"

struct allowed_subjects;
struct keystore;
struct members;

/* What it is made from; all lent. */
struct candidate_input {
	struct conf *base; /* the bootstrap file's */
	struct effective_input effective;
	struct allowed_subjects *subjects;
	struct members *members;
	struct keystore *keys;
	/* enum warmup_part: as it is now. */
	unsigned hard, warming;
	unsigned live; /* there is somebody that HARD_FAIL could lose */
};

struct candidate {
	struct revcheck_policy set; /* what is asked for */
	unsigned hard;              /* enum warmup_part that HARD_FAIL is for */
	unsigned warming;           /* of these, SOFT_FAIL for the time being */
	uint32_t warm_up_ms;
	struct loose loose; /* of what is asked for */
	/* What is enforced. */
	struct revcheck_policy policy;
	struct effective_options options; /* of which the addresses count */
	char *addresses; /* these as text, to see whether they are others */
	struct effective_rules rules; /* strings lent by the sections */
	struct conf *conf;
	struct revcheck_trust *session; /* groups' roots; may be NULL */
	struct certwatch_list watched;  /* the certificates that we present */
};

/*
 * Whatever becomes HARD_FAIL by this warms up first, where there is somebody
 * to lose.
 */
int candidate_make(struct candidate *p, const struct candidate_input *in,
    struct err *err) MUST_USE;
void candidate_cleanup(struct candidate *p);

#endif
