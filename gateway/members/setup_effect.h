/*
 * setup_effect: what the registrations and setups of all members mean for the
 * door: whom it can be, and whom it trusts. Made anew by the control thread
 * whenever one of them changes; nothing in it refers to where it came from.
 */
#ifndef GATEWAY_MEMBERS_SETUP_EFFECT_H
#define GATEWAY_MEMBERS_SETUP_EFFECT_H

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/members/holding.h"
#include "gateway/members/keystore.h"

/* Identities and groups for the door, of all that are registered. */
struct setup_effect {
	struct conf_identity *identities;
	size_t num_identities;
	struct conf_trust *trusts;
	size_t num_trusts;
	struct revcheck_trust *session; /* all session roots; may be NULL */
};
int setup_effect_make(struct setup_effect *out, const struct holdings *holdings,
    const struct keystore *keys, struct err *err) MUST_USE;
void setup_effect_cleanup(struct setup_effect *e);

#endif
