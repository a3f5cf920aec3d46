/*
 * fleet_tally: whether the engine has all of the records that the fleet has,
 * and these. Its head, which is sealed, says how many there are, and the sum
 * (exclusive or) of HMAC-SHA-256, cut to 16 octets, of each: of its text's
 * digest, its n and its key, with a key that the head has beside it. Who owns
 * the engine sees neither; whatever he leaves out, puts back as it was, or
 * takes from another head is found out but for one try in 2^128.
 *
 *   counted      ordered records; no tombstones of the denylist, which end by
 *                themselves and whose place may be empty as well
 *   a change     takes out what it replaces and adds what it writes, in its own
 *                transaction: what was wrong before stays wrong by as much
 *   put back     changes nothing, where the engine has lost what was counted;
 *                where it had all that its head says, and this machine knows
 *                more, it is a change
 *   counted      anew, with a new key: a fleet that has none (made by a program
 *                before this one) by the first who writes, and where somebody
 *                who knew it all sees such a program write past it; and when
 *                the operator says so (--fleet-adopt)
 *
 * A fleet without it is believed as it is. Who has seen one believes no head
 * without.
 */
#ifndef GATEWAY_FLEET_FLEET_TALLY_H
#define GATEWAY_FLEET_FLEET_TALLY_H

#include "gateway/fleet/fleet_core.h"

int fleet_tally_init(struct fleet *f, struct err *err) MUST_USE;
void fleet_tally_cleanup(struct fleet *f);
/* Looks whether all is there, and says when it has not been for a while. */
void fleet_tally_moved(struct fleet *f);

/* What the engine was seen to have is no more what is counted. */
void fleet_tally_forget(struct fleet *f);
/* Around every change of what the engine has of an entry. */
void fleet_tally_leave(struct fleet *f, const struct mirror_entry *e);
void fleet_tally_enter(struct fleet *f, const struct mirror_entry *e);

/* All that the engine's head says was seen there. */
bool fleet_tally_agrees(struct fleet *f);
/* It has not for so long that it was said. */
bool fleet_tally_is_said(const struct fleet *f);
/* It has not, since a moment ago: somebody may put back what is missing, and
 * who changes it now may not know what goes. */
bool fleet_tally_may_mend(const struct fleet *f);
/* Why it did not agree. */
void fleet_tally_why(const struct fleet *f, char *out, size_t room);

/* Tallies of what would be written. All of them: E_INTERNAL, E_NOMEM. */

/* Of what is known, before a change. */
int fleet_tally_before(
    struct fleet *f, struct fleet_tally *out, struct err *err) MUST_USE;
/* json NULL: there is no such record, or none that counts, any more. */
int fleet_tally_change(struct fleet *f, struct fleet_tally *t, const char *key,
    int64_t n, const char *json, struct err *err) MUST_USE;
/* What is held takes the place of what the engine shows. */
int fleet_tally_put_back(struct fleet *f, struct fleet_tally *t,
    const struct mirror_entry *e, struct err *err) MUST_USE;
/* Of a head that is written without a change; *n is its number. */
int fleet_tally_head(struct fleet *f, int64_t *n, struct fleet_tally *out,
    struct err *err) MUST_USE;

#endif
