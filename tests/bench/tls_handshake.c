/*
 * tls_handshake: what a full mutual-TLS handshake costs the server, of peers
 * never seen before and of one that comes again.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <string.h>

double
run_handshakes(struct setting *s, struct rig_server *srv, size_t num, bool once)
{
	size_t first = once ? client_fresh(s, num) : 0;
	uint64_t before = rig_cpu_ns(srv);

	for (size_t i = 0; i < num; i++)
		client_handshake(s, srv->port, once ? first + i : 0);
	return (double)(rig_cpu_ns(srv) - before) / 1e3 / (double)num;
}

void
bench_handshakes(struct setting *s)
{
	size_t num = s->num_names;
	struct rig_server srv[MAX_SERVERS] = {0};
	struct column once[MAX_SERVERS] = {0}, again[MAX_SERVERS] = {0};
	const struct rig_want want = {.tls_version = s->version};
	size_t n = s->handshakes;
	char title[128];

	for (size_t i = 0; i < num; i++) {
		once[i].name = again[i].name = s->names[i];
		if (strcmp(s->names[i], "gateway") == 0) {
			once[i].goal = 1.00;
			again[i].goal = 0.75;
		}
		if (!rig_start(&s->rig, &srv[i], s->names[i], &want))
			continue;
		client_prove_echo(s, srv[i].port);
		for (int k = 0; k < 50; k++) /* caches, evidence */
			client_handshake(s, srv[i].port, 0);
	}
	for (int r = 0; r < s->runs; r++)
		for (size_t i = 0; i < num; i++) {
			if (srv[i].pid <= 0)
				continue;
			column_add(
			    &once[i], run_handshakes(s, &srv[i], n, true));
			column_add(
			    &again[i], run_handshakes(s, &srv[i], n, false));
		}
	for (size_t i = 0; i < num; i++)
		rig_stop(&srv[i]);
	snprintf(title, sizeof(title),
	    "handshake, %s, mutual, P-256, leaf + intermediate: peers never "
	    "seen before",
	    s->version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2");
	columns_print(title, "us CPU", once, num);
	columns_print("the same: a peer seen before", "us CPU", again, num);
}
