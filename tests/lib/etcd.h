/*
 * etcd: the real engine of a fleet, as one node or three, each a process on
 * loopback with ports that nobody else gets. Needs no installed service: the
 * package is unpacked (make deps-test).
 */
#ifndef TESTS_LIB_ETCD_H
#define TESTS_LIB_ETCD_H

#include <stdbool.h>

#include "tests/lib/net.h"

#define ETCD_MAX_NODES 3
#define ETCD_USER      "gateway"
#define ETCD_PASSWORD  "gateway-password"

struct etcd_options {
	int nodes; /* 0: one */
	bool tls;  /* both ways, with the certificates of etcd.sh */
	/* ETCD_USER with a role on /p2p-gateway/FLEET/; root's is
	 * "root-password" */
	const char *users;
	const char *server;       /* certificate; NULL: "server" */
	const char *const *extra; /* more options of each, NULL-terminated */
};

struct etcd_node {
	struct proc proc;
	bool frozen;
	int port, peer_port;
	int held[2]; /* sockets bound to them: while they are, they are ours */
	char *name, *url, *data;
};

struct etcd {
	char *dir; /* certificates, fleet.password */
	struct etcd_options options;
	struct etcd_node node[ETCD_MAX_NODES];
	int num;
	const char *urls[ETCD_MAX_NODES + 1]; /* NULL ends them */
};

bool etcd_have(void);
/* It is not there, and the test that needs it has been told as skipped. */
bool etcd_missing(void);

/* Starts all nodes, and waits until they serve. dir is made. */
void etcd_start(struct etcd *e, const char *dir, const struct etcd_options *o);
void etcd_stop(struct etcd *e);
/* "DIR/what": free it. */
char *etcd_path(const struct etcd *e, const char *what);

/* SIGKILL, and it has ended. */
void etcd_kill(struct etcd *e, int i);
/* Starts it with what it has; a node of three serves when two are there. */
void etcd_launch(struct etcd *e, int i);
void etcd_await(struct etcd *e, int i);
/* SIGSTOP and SIGCONT. */
void etcd_freeze(struct etcd *e, int i);
void etcd_thaw(struct etcd *e, int i);
/* What a killed node has kept is gone. */
void etcd_wipe(struct etcd *e, int i);

/*
 * etcdctl with the rights of root, at the first node that runs and is not
 * frozen. Fails the test
 * when it fails; what it wrote (free it).
 */
#define etcd_ctl(e, ...) etcd_ctl_args(e, (const char *const[]){__VA_ARGS__})
char *etcd_ctl_args(struct etcd *e, const char *const *args);
/* It may fail. */
char *etcd_ctl_try(struct etcd *e, const char *const *args);
/* The same, and nobody wants to know what it wrote. */
#define etcd_do(e, ...) free(etcd_ctl(e, __VA_ARGS__))

#endif
