/*
 * tls_calm: how long a peer with cached answers takes from dialling to the
 * end, with and without something that keeps the gateway busy. Wall-clock
 * time of one client, one connection after another.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>

void
client_time(struct setting *s, struct sample *took, int port, size_t client)
{
	double since = now_sec();

	client_handshake(s, port, client);
	sample_add(took, now_sec() - since);
}

void
calm_add(struct calm *c, int which, struct sample *took)
{
	column_add(&c->p50[which], sample_at(took, 50) * 1e6);
	column_add(&c->p95[which], sample_at(took, 95) * 1e6);
	column_add(&c->p99[which], sample_at(took, 99) * 1e6);
	sample_free(took);
}

void
calm_print(
    struct calm *c, const char *title, const char *without, const char *with)
{
	c->p50[0].name = c->p95[0].name = c->p99[0].name = without;
	c->p50[1].name = c->p95[1].name = c->p99[1].name = with;
	printf("\n%s", title);
	columns_print("  p50", "us", c->p50, 2);
	columns_print("  p95", "us", c->p95, 2);
	columns_print("  p99", "us", c->p99, 2);
}
