/*
 * fleet_check: tries out what is configured for a fleet, as `p2p-gateway
 * --fleet-check` does: each endpoint, and at the first that answers a record is
 * written, seen by a watch, read and deleted. What goes wrong is said in a
 * sentence that names what to do.
 */
#ifndef GATEWAY_FLEET_FLEET_CHECK_H
#define GATEWAY_FLEET_FLEET_CHECK_H

#include "gateway/fleet/link.h"

/*
 * The record that is tried lies below it, for a moment, and ends with its lease
 * if the check does not: whoever follows the fleet ignores it.
 */
#define FLEET_KEY_CHECK "check/"

/*
 * fleet_check runs a loop of its own until it is done, at most a few deadlines
 * an endpoint; base and log of the options are not used. say is told one
 * sentence after the other; good: it is none of a fault. Returns 0, or E_* with
 * the first fault in err.
 */
int fleet_check(const struct fleet_link_options *o,
    void (*say)(void *arg, bool good, const char *sentence), void *arg,
    struct err *err) MUST_USE;

/*
 * fleet_check_explain writes what an answer that is none of ENGINE_DONE means
 * for who has configured this, and what to do. room: at least 1.
 */
void fleet_check_explain(char *out, size_t room, const struct engine_answer *a,
    const struct fleet_link_options *o, const char *endpoint);

#endif
