/*
 * tls_bench: what the rows of bench_tls share: the setting they run in, the
 * client, and the rows themselves.
 */
#ifndef TESTS_BENCH_TLS_BENCH_H
#define TESTS_BENCH_TLS_BENCH_H

#include "tests/bench/tls_figures.h"
#include "tests/bench/tls_rig.h"

#define MAX_SERVERS 8

struct setting {
	struct rig rig;
	SSL_CTX *ctx; /* of the version that is measured now */
	int version;
	const char *const *names; /* the servers; the first is the bare one */
	size_t num_names;
	int runs;
	size_t handshakes;  /* a run */
	size_t next_client; /* 0 is the one that comes again and again */
	size_t megabytes;
	size_t trips;
	size_t idle;
};

/* ---- the client */

/* The first of num clients that nobody has seen. */
size_t client_fresh(struct setting *s, size_t num);

SSL *client_open(struct setting *s, int port, size_t client);
void client_close(SSL *ssl);
/* Shakes hands, ends, and waits until the server has ended, too. */
void client_handshake(struct setting *s, int port, size_t client);
/* A server that refuses everybody would be fast. */
void client_prove_echo(struct setting *s, int port);
bool client_is_refused(struct setting *s, int port, size_t client);

/*
 * Microseconds of the server's CPU a handshake. once: each client comes once
 * and no more, so nothing of it is remembered.
 */
double run_handshakes(
    struct setting *s, struct rig_server *srv, size_t num, bool once);

/*
 * Instructions a handshake, exact: of peers that nobody has seen, and of one
 * that comes again.
 */
void count_handshakes(
    struct setting *s, const char *server, double *once, double *again);

/* The same in seconds, from dialling to the end, added to *took. */
void
client_time(struct setting *s, struct sample *took, int port, size_t client);

/* Runs without (0) and with (1) a disturbance: the median and the tail. */
struct calm {
	struct column p50[2], p95[2], p99[2];
};

/* Frees what took holds. */
void calm_add(struct calm *c, int which, struct sample *took);
void calm_print(
    struct calm *c, const char *title, const char *without, const char *with);

/* ---- the rows: each prints */

void bench_handshakes(struct setting *s);
void bench_up(struct setting *s);
void bench_down(struct setting *s);
void bench_ping(struct setting *s);
void bench_node(struct setting *s);
void bench_idle(struct setting *s);
void bench_floods(struct setting *s);
void bench_crl(struct setting *s);
void bench_count(struct setting *s);
void bench_hang(struct setting *s);
void bench_arrival(struct setting *s);
void bench_cut(struct setting *s);
void bench_workers(struct setting *s);

#endif
