/*
 * tls_relay: what a megabyte, a round trip and an idle connection cost the
 * server.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <stdlib.h>

static double
run_up(struct setting *s, struct rig_server *srv)
{
	static uint8_t block[16384];
	SSL *ssl = client_open(s, srv->port, 0);
	uint64_t before = rig_cpu_ns(srv);
	char buf[16];

	for (size_t i = 0; i < s->megabytes * 64; i++)
		if (SSL_write(ssl, block, sizeof(block)) <= 0)
			exit(1);
	SSL_shutdown(ssl);
	while (SSL_read(ssl, buf, sizeof(buf)) > 0)
		;
	before = rig_cpu_ns(srv) - before;
	client_close(ssl);
	return (double)s->megabytes / ((double)before / 1e9);
}

static double
run_down(struct setting *s, struct rig_server *srv)
{
	static uint8_t block[16384];
	SSL *ssl = client_open(s, srv->port, 0);
	uint64_t before = rig_cpu_ns(srv);
	size_t got = 0;
	int n;

	while (got < s->megabytes << 20) {
		n = SSL_read(ssl, block, sizeof(block));
		if (n <= 0)
			exit(1);
		got += (size_t)n;
	}
	before = rig_cpu_ns(srv) - before;
	client_close(ssl);
	return (double)s->megabytes / ((double)before / 1e9);
}

static void
bench_bulk(struct setting *s, enum rig_backend backend, double goal,
    const char *title, double (*run)(struct setting *, struct rig_server *))
{
	const char *const *names = s->names;
	size_t num = s->num_names;
	struct rig_server srv[MAX_SERVERS] = {0};
	struct column c[MAX_SERVERS] = {0};
	const struct rig_want want = {
	    .tls_version = s->version, .backend = backend, .bare_relays = true};

	for (size_t i = 0; i < num; i++) {
		c[i].name = names[i];
		if (!rig_start(&s->rig, &srv[i], names[i], &want))
			continue;
		run(s, &srv[i]);
	}
	for (int r = 0; r < s->runs; r++)
		for (size_t i = 0; i < num; i++)
			if (srv[i].pid > 0)
				column_add(&c[i], run(s, &srv[i]));
	for (size_t i = 0; i < num; i++)
		rig_stop(&srv[i]);
	columns_print(title, "MB per CPU-second", c, num);
	columns_print_best(c + 1, num - 1, "gateway", COLUMN_MORE, goal);
}

void
bench_up(struct setting *s)
{
	bench_bulk(
	    s, RIG_SINK, 1.5, "relay from peer to node, 16 KiB writes", run_up);
}

void
bench_down(struct setting *s)
{
	bench_bulk(s, RIG_SOURCE, 1.7, "relay from node to peer", run_down);
}

/* num connections; one message under way on each. */
static double
run_ping_pong(struct setting *s, struct rig_server *srv, size_t num,
    double *p50, double *p99)
{
	SSL *ssl[64];
	struct sample took = {0};
	double sent[64];
	char block[1024] = {0};
	uint64_t before;

	if (num == 0 || num > 64)
		exit(1);
	for (size_t i = 0; i < num; i++) {
		ssl[i] = client_open(s, srv->port, 0);
		if (SSL_write(ssl[i], block, 1) != 1 ||
		    SSL_read(ssl[i], block, sizeof(block)) != 1)
			exit(1);
	}
	before = rig_cpu_ns(srv);
	for (size_t i = 0; i < s->trips + num; i++) {
		SSL *c = ssl[i % num];
		size_t got = 0;

		if (i >= num) {
			while (got < sizeof(block)) {
				int n = SSL_read(
				    c, block, (int)(sizeof(block) - got));

				if (n <= 0)
					exit(1);
				got += (size_t)n;
			}
			sample_add(&took, now_sec() - sent[i % num]);
		}
		sent[i % num] = now_sec();
		if (i < s->trips &&
		    SSL_write(c, block, sizeof(block)) != sizeof(block))
			exit(1);
	}
	before = rig_cpu_ns(srv) - before;
	for (size_t i = 0; i < num; i++)
		client_close(ssl[i]);
	*p50 = sample_at(&took, 50) * 1e6;
	*p99 = sample_at(&took, 99) * 1e6;
	sample_free(&took);
	return (double)before / 1e3 / (double)s->trips;
}

static void
bench_ping_pong(struct setting *s, size_t conns)
{
	const char *const *names = s->names;
	size_t num = s->num_names;
	struct rig_server srv[MAX_SERVERS] = {0};
	struct column c[MAX_SERVERS] = {0}, p50[MAX_SERVERS] = {0},
		      p99[MAX_SERVERS] = {0};
	const struct rig_want want = {
	    .tls_version = s->version, .bare_relays = true};
	char title[128];

	for (size_t i = 0; i < num; i++) {
		c[i].name = p50[i].name = p99[i].name = names[i];
		(void)rig_start(&s->rig, &srv[i], names[i], &want);
	}
	for (int r = 0; r < s->runs; r++)
		for (size_t i = 0; i < num; i++) {
			double half, most;

			if (srv[i].pid <= 0)
				continue;
			column_add(&c[i],
			    run_ping_pong(s, &srv[i], conns, &half, &most));
			column_add(&p50[i], half);
			column_add(&p99[i], most);
		}
	for (size_t i = 0; i < num; i++)
		rig_stop(&srv[i]);
	snprintf(title, sizeof(title),
	    "1 KiB there and back on %zu connection%s", conns,
	    conns == 1 ? "" : "s");
	columns_print(title, "us CPU a round trip", c, num);
	columns_print("  p50", "us", p50, num);
	columns_print("  p99", "us", p99, num);
	columns_print_best(c + 1, num - 1, "gateway", COLUMN_LESS, 0.80);
	columns_print_best(p99 + 1, num - 1, "gateway", COLUMN_LESS, 0.80);
}

void
bench_ping(struct setting *s)
{
	bench_ping_pong(s, 1);
	bench_ping_pong(s, 32);
}

/* The same gateway with its node at a port and at a Unix socket. */
void
bench_node(struct setting *s)
{
	static const char *const names[] = {"at a port", "at a Unix socket"};
	struct rig_server srv[2] = {0};
	struct column shake[2] = {0}, trip[2] = {0};

	for (int i = 0; i < 2; i++) {
		const struct rig_want want = {
		    .tls_version = s->version, .unix_node = i == 1};

		shake[i].name = trip[i].name = names[i];
		if (!rig_start(&s->rig, &srv[i], "gateway", &want))
			exit(1);
		client_prove_echo(s, srv[i].port);
	}
	for (int r = 0; r < s->runs; r++)
		for (int i = 0; i < 2; i++) {
			double p50, p99;

			column_add(&shake[i],
			    run_handshakes(s, &srv[i], s->handshakes, false));
			column_add(&trip[i],
			    run_ping_pong(s, &srv[i], 32, &p50, &p99));
		}
	for (int i = 0; i < 2; i++)
		rig_stop(&srv[i]);
	columns_print(
	    "a handshake of a peer seen before, the node", "us CPU", shake, 2);
	columns_print("1 KiB there and back on 32 connections, the node",
	    "us CPU", trip, 2);
}
