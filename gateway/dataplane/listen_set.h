/*
 * listen_set: everything a front listens on. Sockets come from the service
 * manager, from the front before, or are bound anew, in this order.
 */
#ifndef GATEWAY_DATAPLANE_LISTEN_SET_H
#define GATEWAY_DATAPLANE_LISTEN_SET_H

#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/dataplane/listener.h"

struct sd_listen;
struct conf;

struct listen_set {
	struct listen_port *p;
	size_t num;
};

/*
 * listen_set_new is all of them or nothing. old (may be empty) keeps its own
 * references; activation may be NULL and must outlive the ports. A socket of
 * the service manager that no port uses is an error.
 */
int listen_set_new(struct listen_set *out, const struct conf *conf,
    const struct listen_set *old, size_t num_workers,
    const struct sd_listen *activation, struct err *err) MUST_USE;
void listen_set_cleanup(struct listen_set *ports);

#endif
