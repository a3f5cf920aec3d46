/*
 * sd_listen: listening sockets that a service manager made and passed on, by
 * the protocol of sd_listen_fds(3): two numbers and a list of names in the
 * environment, descriptors from 3 on. It is spoken here rather than by
 * libsystemd, which would bring a library for one loop. The sockets belong to
 * the service manager, which goes on queueing connections while no gateway
 * runs: they are never closed before the end, shut down or unlinked.
 *
 * Main's thread only.
 */
#ifndef GATEWAY_PROCESS_SD_LISTEN_H
#define GATEWAY_PROCESS_SD_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

struct sd_listen;
struct address;

/*
 * sd_listen_new takes what was passed to this process, which may be nothing,
 * and removes it from the environment. A descriptor that is no listening
 * stream socket is an error.
 */
int sd_listen_new(struct sd_listen **out, struct err *err) MUST_USE;
void sd_listen_free(struct sd_listen *a);

/* How many there are; a may be NULL. */
size_t sd_listen_num(const struct sd_listen *a);

#define SD_LISTEN_NONE ((size_t)-1)

/*
 * The socket of a listener: the one that bears its name (FileDescriptorName=),
 * else the one bound to its address; or SD_LISTEN_NONE. a may be NULL.
 */
size_t sd_listen_find(
    const struct sd_listen *a, const char *name, const struct address *address);
int sd_listen_fd(const struct sd_listen *a, size_t i);

/* Nobody else's for good: what the REST server listens on. */
void sd_listen_reserve(struct sd_listen *a, size_t i);

/*
 * E_ARG when a socket is neither used nor reserved: peers would connect to
 * it, and wait. used has sd_listen_num elements.
 */
int sd_listen_check(
    const struct sd_listen *a, const bool *used, struct err *err) MUST_USE;

#endif
