/*
 * tls_rig_parts: what the rig's own files share. Everything exits when it
 * cannot.
 */
#ifndef TESTS_BENCH_TLS_RIG_PARTS_H
#define TESTS_BENCH_TLS_RIG_PARTS_H

#include "tests/bench/tls_rig.h"

void rig_give_up(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* A non-blocking listener on a loopback port of the kernel's choice. */
int rig_listen_any(int *port);
/* fork; the child is pinned and ends with its parent. */
pid_t rig_fork(int core);

/* The two servers of our own, as bodies of child processes. */
void rig_node_main(const int fds[3]) __attribute__((noreturn));
void rig_bare_main(struct rig *r, int listen_fd, int tls_version)
    __attribute__((noreturn));

#endif
