/*
 * fleet_evidence_text: pointers to CRLs and found revocations as the records of
 * a fleet, and back. Pure.
 */
#ifndef GATEWAY_CONTROL_FLEET_EVIDENCE_TEXT_H
#define GATEWAY_CONTROL_FLEET_EVIDENCE_TEXT_H

#include <stdbool.h>

#include "cache/base/digest_map.h"
#include "revcheck/revcheck.h"

/* To be freed; NULL: out of memory. by: this member. */
char *
fleet_evidence_pointer_text(const struct revcheck_pointer *p, const char *by);
char *
fleet_evidence_told_text(const struct revcheck_told *told, const char *by);

/* False: it says nothing that can be used. */
bool
fleet_evidence_pointer_read(struct revcheck_pointer *out, const char *json);
bool fleet_evidence_told_read(struct revcheck_told *out, const char *json);

/* The name of what was found revoked, in buf, which is returned. */
const char *
fleet_evidence_identity(char buf[65], const struct revcheck_told *told);

void fleet_evidence_item_free(struct digest_item *item);

#endif
