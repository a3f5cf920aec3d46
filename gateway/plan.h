/*
 * plan: everything that a change puts in force, built whole before anything is
 * touched. Control thread.
 */
#ifndef GATEWAY_PLAN_H
#define GATEWAY_PLAN_H

#include "cache/base/error.h"
#include "gateway/conf.h"
#include "gateway/effect.h"
#include "revcheck/revcheck.h"

struct control;

struct plan {
	struct revcheck_policy policy;
	struct effect_rules rules; /* strings lent by the sections */
	struct conf *conf;
	struct revcheck_trust *session; /* groups' roots; may be NULL */
};

/* From the file and the sections of in, and what else c keeps. */
int plan_make(struct plan *p, const struct control *c, struct conf *base,
    const struct effect_input *in, struct err *err) MUST_USE;
void plan_cleanup(struct plan *p);

#endif
