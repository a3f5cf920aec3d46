/*
 * member_identities: what the registrations and setups of all members mean for
 * the data plane: whom it can be, and whom it trusts. Made anew by the control
 * thread whenever one of them changes; nothing in it refers to where it came
 * from.
 */
#ifndef GATEWAY_MEMBERS_MEMBER_IDENTITIES_H
#define GATEWAY_MEMBERS_MEMBER_IDENTITIES_H

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/members/members.h"
#include "gateway/members/keystore.h"

/* Identities and groups for the workers, of all that are registered. */
struct member_identities {
	struct conf_identity *identities;
	size_t num_identities;
	struct conf_trust *trusts;
	size_t num_trusts;
	struct revcheck_trust *session; /* all session roots; may be NULL */
};
int member_identities_make(struct member_identities *out,
    const struct members *holdings, const struct keystore *keys,
    struct err *err) MUST_USE;
void member_identities_cleanup(struct member_identities *e);

#endif
