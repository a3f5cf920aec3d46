/*
 * tls_rig: what the TLS measurements share: a town's certificates and many
 * clients minted beside them, a node and a bare OpenSSL server as child
 * processes, the servers to compare with, and what a process has spent.
 */
#ifndef TESTS_BENCH_TLS_RIG_H
#define TESTS_BENCH_TLS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#include "tests/lib/crlmake.h"

struct rig_client {
	X509 *leaf;
	EVP_PKEY *key;
};

struct rig {
	char dir[128]; /* everything is in here */
	char net[160]; /* the town's network */
	pid_t town, node;
	int backends[3]; /* the node's ports, by enum rig_backend */
	X509 *issuer;
	EVP_PKEY *issuer_key;
	X509 *model; /* a client of the town's: its extensions are copied */
	struct rig_client *clients;
	size_t num_clients;
	unsigned num_started;
	char self[200];  /* this program: it is the bare server, too */
	long crl_number; /* of the last one that was published */
	int ocsp_control, web_control; /* ports of the town's servers */
	pid_t web;                     /* the town's CRL server */
};

/* tools: directory of the fixture programs. Exits when it cannot. */
void rig_init(struct rig *r, const char *tools);
/* There are num clients at the least from now on. */
void rig_mint(struct rig *r, size_t num);
void rig_cleanup(struct rig *r);

enum rig_backend {
	RIG_ECHO,
	RIG_SINK,
	RIG_SOURCE
};

/* What a server is started with; zeroed members mean the usual. */
struct rig_want {
	enum rig_backend backend;
	int tls_version;
	const char *revocation; /* gateway: JSON members, for "order":"CRL" */
	int workers;            /* gateway; the usual: one */
	const char *crl_file;   /* nginx, HAProxy: PEM, one for every CA */
	const char *const
	    *wrap; /* at most four words in front of it, or NULL */
	bool both_cores;
	bool unix_node;   /* gateway: RIG_ECHO at a Unix socket */
	bool bare_relays; /* to the backend, where it would answer itself */
};

/* A server under test, accepting on port, forwarding to backend. */
struct rig_server {
	const char *name;
	char log[200];
	pid_t pid;
	int port;
};

/* false when it is not installed or does not start; says so on stderr. */
bool rig_start(struct rig *r, struct rig_server *s, const char *name,
    const struct rig_want *w);
void rig_stop(struct rig_server *s);

/* Nanoseconds of CPU of the server's processes, and their memory. */
uint64_t rig_cpu_ns(const struct rig_server *s);
size_t rig_rss(const struct rig_server *s);

/* ---- evidence of the clients' issuer */

/* Appends an entry for a client to what a CRL will list. */
void rig_list_client(struct rig *r, struct octets *list, size_t client);
/* The server of the CRLs yields to the client from now on. */
void rig_yield_web(struct rig *r);
/* A new CRL of those entries, where the clients' certificates say it is. */
void rig_publish(struct rig *r, const struct octets *list);
/* The same as a file, replaced at once. */
void rig_write_crl(struct rig *r, const struct octets *list, const char *path);
/* What was published last, and the root's CRL, in one file of PEM. */
void rig_write_pem(struct rig *r, const char *path);
/* Makes clients known to the OCSP responder. */
void rig_enrol(struct rig *r, size_t first, size_t num);
/*
 * A command to a control port of the town's (fixtures/lib/script.h), POST
 * when there is a body: the number in the answer, or 0.
 */
long rig_control(int port, const char *path, const char *body);

/* A client context for clients[i], TLS version fixed. */
SSL_CTX *rig_client_ctx(struct rig *r, int tls_version);
void rig_use_client(struct rig *r, SSL *ssl, size_t i);
int rig_dial(int port);

/* This process and its children measure on one core, servers run on core 0. */
#define RIG_BOTH_CORES -1
void rig_pin(int core);

/* The body of the bare server's process: bench_tls --bare FILE. */
void rig_bare_main(const char *conf) __attribute__((noreturn));

#endif
