/*
 * control_internal: what the files of control share: what is in force, and how
 * it is put there. Control thread.
 */
#ifndef GATEWAY_CONTROL_CONTROL_INTERNAL_H
#define GATEWAY_CONTROL_CONTROL_INTERNAL_H

#include <stdatomic.h>

#include "gateway/control/candidate.h"
#include "gateway/control/control.h"

struct control {
	const struct services *services;
	struct stores *stores;
	struct chain_cache *chains;
	struct session_watch *sessions;
	struct certwatch *certwatch;
	struct conf *started; /* the bootstrap file of the start */
	struct conf *base;    /* as it was read last */
	struct conf *conf;    /* in force: base with the sections */
	_Atomic(struct workers *) workers;
	control_reload_fn *agrees; /* to a new bootstrap file */
	void *agrees_arg;
	struct warmup *warmup;
	struct loose_watch *loose;
	char *addresses;               /* in force; see struct candidate */
	struct revcheck_policy policy; /* as it is set */
	unsigned hard, warming;        /* enum warmup_part */
	struct change_origins origins;
	struct control_keeper keeper; /* of no kind: none */
};

/* What there is now, over the bootstrap file base. */
void control_input_of(
    const struct control *c, struct conf *base, struct candidate_input *in);

/* All of it, or nothing has changed. E_ARG: workers or the engine refuse it. */
int
control_apply(struct control *c, struct candidate *p, struct err *err) MUST_USE;
/* What is stored now. */
int control_apply_stored(struct control *c, struct err *err) MUST_USE;

#endif
