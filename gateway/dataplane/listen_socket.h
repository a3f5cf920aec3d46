/*
 * listen_socket: the sockets of one listening address, one a worker
 * (SO_REUSEPORT; a Unix socket, or a passed one, is shared). Main's thread, but
 * for the count.
 */
#ifndef GATEWAY_DATAPLANE_LISTEN_SOCKET_H
#define GATEWAY_DATAPLANE_LISTEN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "gateway/base/address.h"

/* Counted, immutable. The last reference closes the sockets. */
struct listen_socket {
	struct ref ref;
	char *text;                 /* as configured: the key across reloads */
	struct sockaddr_storage sa; /* as bound */
	char address[ADDRESS_TEXT_MAX]; /* as bound, with the kernel's port */
	char *unlink_path;              /* Unix socket made by us, or NULL */
	dev_t dev;                      /* and what is there then */
	ino_t ino;
	bool passed; /* the service manager's: neither closed nor shut down */
	int *fds;
	size_t num_fds; /* workers, or 1 when shared */
};

/*
 * listen_socket_new binds it for this process alone: where another one
 * listens, it is an error (address in use) that names the address. beside_ours:
 * sockets of this process are no obstacle, as when 127.0.0.1 becomes 0.0.0.0.
 */
int listen_socket_new(struct listen_socket **out, const struct address *address,
    size_t num_workers, bool beside_ours, struct err *err) MUST_USE;
/*
 * listen_socket_new_passed is for a socket of the service manager's, borrowed;
 * every worker accepts on it.
 */
int listen_socket_new_passed(struct listen_socket **out,
    const struct address *address, int fd, struct err *err) MUST_USE;
struct listen_socket *listen_socket_up_ref(struct listen_socket *b);
void listen_socket_free(struct listen_socket *b);

#endif
