/*
 * fleet_evidence: what the engine that checks revocation shares with those of
 * the other members: which CRLs are the newest, who fetches, and who was found
 * revoked. The engine asks on a thread of its own and is answered from memory;
 * what has to go to the fleet goes by a queue to the control thread, which is
 * whose all else here is.
 */
#ifndef GATEWAY_CONTROL_FLEET_EVIDENCE_H
#define GATEWAY_CONTROL_FLEET_EVIDENCE_H

#include "cache/base/error.h"
#include "gateway/base/services.h"
#include "gateway/conf/conf.h"
#include "gateway/fleet/fleet.h"

struct fleet_evidence;

/* services and fleet must outlive it. */
int fleet_evidence_new(struct fleet_evidence **out,
    const struct services *services, struct fleet *fleet,
    const struct conf_fleet *conf, struct err *err) MUST_USE;
/* The engine is alone from then on. Before the fleet is freed. */
void fleet_evidence_free(struct fleet_evidence *e);
/* Another store, other credentials, other patience. */
int fleet_evidence_set(struct fleet_evidence *e, const struct conf_fleet *conf,
    struct err *err) MUST_USE;
/* How many members there are: decides over what time they spread. */
void fleet_evidence_members(struct fleet_evidence *e, size_t num);

/* EVIDENCE, REVOKED and CLAIM; others are no affair of it. */
void
fleet_evidence_take(struct fleet_evidence *e, const struct fleet_record *r);

#endif
