/*
 * tls_count: instructions a handshake, by callgrind: what no other process on
 * the machine can disturb. Start-up and end cancel out: the same server runs
 * for NUM handshakes and for NUM more, and the difference counts.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/cost.h"

#define VALGRIND "/usr/bin/valgrind"
#define NUM      20
/* Caches, evidence, and the tables that a first handshake fills. */
#define WARM_UP 10

/* Instructions of a run of handshakes: num_once of new peers, then others. */
static double
run_counted(
    struct setting *s, const char *server, size_t num_once, size_t num_again)
{
	const char *const wrap[] = {VALGRIND, "--tool=callgrind",
	    "--callgrind-out-file=callgrind.out", NULL};
	const struct rig_want want = {.tls_version = s->version, .wrap = wrap};
	size_t first = client_fresh(s, WARM_UP + num_once);
	struct rig_server srv;

	if (!rig_start(&s->rig, &srv, server, &want))
		exit(1);
	client_prove_echo(s, srv.port);
	for (size_t i = 0; i < WARM_UP + num_once; i++)
		client_handshake(s, srv.port, first + i);
	for (size_t i = 0; i < num_again; i++)
		client_handshake(s, srv.port, 0);
	rig_stop(&srv);
	return cost_collected(srv.log);
}

void
count_handshakes(
    struct setting *s, const char *server, double *once, double *again)
{
	double base = run_counted(s, server, NUM, 0);

	*once = (run_counted(s, server, 2 * NUM, 0) - base) / NUM;
	*again = (run_counted(s, server, NUM, NUM) - base) / NUM;
}

void
bench_count(struct setting *s)
{
	static const char *const names[] = {"bare", "gateway"};
	struct column once[2] = {0}, again[2] = {0};
	char title[128];

	if (access(VALGRIND, X_OK) != 0) {
		fprintf(stderr, "bench: valgrind is not installed\n");
		return;
	}
	for (int i = 0; i < 2; i++) {
		double first, next;

		count_handshakes(s, names[i], &first, &next);
		once[i].name = again[i].name = names[i];
		column_add(&once[i], first / 1e3);
		column_add(&again[i], next / 1e3);
	}
	once[1].goal = 0.75;
	again[1].goal = 0.50;
	snprintf(title, sizeof(title),
	    "instructions a handshake, %s: peers never seen before",
	    s->version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2");
	columns_print(title, "thousand", once, 2);
	columns_print("the same: a peer seen before", "thousand", again, 2);
}
