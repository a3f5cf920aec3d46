/*
 * ports: everything a front listens on. Sockets come from the service manager,
 * from the front before, or are bound anew, in this order.
 */
#ifndef GATEWAY_DATAPLANE_PORTS_H
#define GATEWAY_DATAPLANE_PORTS_H

#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/dataplane/listener.h"

struct sd_listen;
struct conf;

struct ports {
	struct door_port *p;
	size_t num;
};

/*
 * ports_new is all of them or nothing. old (may be empty) keeps its own
 * references; activation may be NULL and must outlive the ports. A socket of
 * the service manager that no port uses is an error.
 */
int ports_new(struct ports *out, const struct conf *conf,
    const struct ports *old, size_t num_workers,
    const struct sd_listen *activation, struct err *err) MUST_USE;
void ports_cleanup(struct ports *ports);

#endif
