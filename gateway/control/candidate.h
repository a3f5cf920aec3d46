/*
 * candidate: everything that a change puts in force, built whole before
 * anything is touched. Control thread.
 */
#ifndef GATEWAY_CONTROL_CANDIDATE_H
#define GATEWAY_CONTROL_CANDIDATE_H

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/control/effective.h"
#include "gateway/certwatch/certwatch.h"
#include "revcheck/revcheck.h"

struct control;

struct candidate {
	struct revcheck_policy set; /* what is asked for */
	unsigned hard;              /* enum warmup_part that HARD_FAIL is for */
	unsigned warming;           /* of these, SOFT_FAIL for the time being */
	uint32_t warm_up_ms;
	/* What is enforced. */
	struct revcheck_policy policy;
	struct effective_rules rules; /* strings lent by the sections */
	struct conf *conf;
	struct revcheck_trust *session; /* groups' roots; may be NULL */
	struct certwatch_list own;      /* what we show ourselves */
};

/*
 * From the file and the sections of in, and what else c keeps. Whatever
 * becomes HARD_FAIL by this warms up first, where there is somebody to lose.
 */
int
candidate_make(struct candidate *p, const struct control *c, struct conf *base,
    const struct effective_input *in, struct err *err) MUST_USE;
void candidate_cleanup(struct candidate *p);

#endif
