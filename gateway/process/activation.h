/*
 * activation: listening sockets that a service manager made and passed on, by
 * the protocol of sd_listen_fds(3): two numbers and a list of names in the
 * environment, descriptors from 3 on. It is spoken here rather than by
 * libsystemd, which would bring a library for one loop. The sockets belong to
 * the service manager, which goes on queueing connections while no gateway
 * runs: they are never closed before the end, shut down or unlinked.
 *
 * Main's thread only.
 */
#ifndef GATEWAY_PROCESS_ACTIVATION_H
#define GATEWAY_PROCESS_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/base/error.h"

struct activation;
struct address;

/*
 * activation_new takes what was passed to this process, which may be nothing,
 * and removes it from the environment. A descriptor that is no listening
 * stream socket is an error.
 */
int activation_new(struct activation **out, struct err *err) MUST_USE;
void activation_free(struct activation *a);

/* How many there are; a may be NULL. */
size_t activation_num(const struct activation *a);

#define ACTIVATION_NONE ((size_t)-1)

/*
 * The socket of a listener: the one that bears its name (FileDescriptorName=),
 * else the one bound to its address; or ACTIVATION_NONE. a may be NULL.
 */
size_t activation_find(const struct activation *a, const char *name,
    const struct address *address);
int activation_fd(const struct activation *a, size_t i);

/* Nobody else's for good: what the REST server listens on. */
void activation_reserve(struct activation *a, size_t i);

/*
 * E_ARG when a socket is neither used nor reserved: peers would connect to
 * it, and wait. used has activation_num elements.
 */
int activation_check(
    const struct activation *a, const bool *used, struct err *err) MUST_USE;

#endif
