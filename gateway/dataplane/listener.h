/*
 * listener: `struct bound`, the sockets of one listening address, one a
 * worker (SO_REUSEPORT; a Unix socket, or a passed one, is shared), and `struct
 * listener`, one worker's accept loop on its socket.
 */
#ifndef GATEWAY_DATAPLANE_LISTENER_H
#define GATEWAY_DATAPLANE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"

struct address;
struct worker;

/* Counted, immutable. The last reference closes the sockets. */
struct bound {
	struct ref ref;
	char *text;        /* as configured: the key across reloads */
	char address[128]; /* as bound, with the kernel's port */
	char *unlink_path; /* Unix socket made by us, or NULL */
	bool passed; /* the service manager's: neither closed nor shut down */
	int *fds;
	size_t num_fds; /* workers, or 1 when shared */
};

int bound_new(struct bound **out, const struct address *address,
    size_t num_workers, struct err *err) MUST_USE;
/*
 * bound_new_passed is for a socket of the service manager's, borrowed; every
 * worker accepts on it.
 */
int bound_new_passed(struct bound **out, const struct address *address, int fd,
    struct err *err) MUST_USE;
struct bound *bound_up_ref(struct bound *b);
void bound_free(struct bound *b);

/* "127.0.0.1:80", "[::1]:80", "unix:/path" */
void bound_address(char *buf, size_t size, const struct sockaddr_storage *sa);

enum listener_kind {
	LISTENER_PEERS = 0, /* TLS from peers */
	LISTENER_LINK,      /* plain from the node, to one peer */
	LISTENER_CONNECT    /* HTTP CONNECT from the node */
};

/* What a front listens on. */
struct listen_port {
	struct bound *bound;
	enum listener_kind kind;
	size_t link; /* index into conf->links */
	bool http;   /* PEERS: requests are read */
	char name[64];
};

struct listener;

/* Starts accepting. port is borrowed and must outlive the listener. */
int listener_new(struct listener **out, struct worker *w,
    const struct listen_port *port, struct err *err) MUST_USE;
void listener_free(struct listener *l);

/* For good: who dials from now on is refused by the kernel. */
void listener_shut(struct listener *l);

#endif
