/*
 * listen_set: everything a runtime listens on. Sockets come from the service
 * manager, from the runtime before, or are bound anew, in this order.
 */
#ifndef GATEWAY_DATAPLANE_LISTEN_SET_H
#define GATEWAY_DATAPLANE_LISTEN_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/dataplane/listen_socket.h"

struct sd_listen;
struct conf;

enum listener_kind {
	LISTENER_PEERS = 0, /* TLS from peers */
	LISTENER_LINK,      /* plain from the node, to one peer */
	LISTENER_CONNECT    /* HTTP CONNECT from the node */
};

/* One of them. */
struct listen_port {
	struct listen_socket *bound;
	enum listener_kind kind;
	size_t link; /* index into conf->links */
	bool http;   /* PEERS: requests are read */
	char name[64];
};

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
