/*
 * tls_rig_parts: what the rig's own files share. Everything exits when it
 * cannot.
 */
#ifndef TESTS_BENCH_TLS_RIG_PARTS_H
#define TESTS_BENCH_TLS_RIG_PARTS_H

#include <stdio.h>

#include "tests/bench/tls_rig.h"

void rig_give_up(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* A non-blocking listener on a loopback port of the kernel's choice, or on
 * *port when that is not 0. */
int rig_listen(int *port);
/* fork; the child is pinned and ends with its parent. */
pid_t rig_fork(int core);

/* The node, as the body of a child process. */
void rig_node_main(const int fds[4]) __attribute__((noreturn));

/* ---- kinds of servers */

#define RIG_SELF    "self"
#define RIG_GATEWAY "gateway"

struct rig_kind {
	const char *name;
	const char *program; /* a path, RIG_SELF or RIG_GATEWAY */
	const char *args[4]; /* "%" is the configuration file */
	void (*write)(struct rig *r, FILE *f, const struct rig_server *s,
	    const struct rig_want *w);
};

extern const struct rig_kind rig_kinds[]; /* the last has no name */

#endif
