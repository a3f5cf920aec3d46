/*
 * bench_tls: what a TLS handshake, a megabyte, a round trip and an idle
 * connection cost the server, in CPU time of its processes: the gateway with
 * revocation in force beside a bare OpenSSL server and beside proxies that
 * check no revocation. Runs are interleaved; medians are printed with the
 * smallest and largest run. Servers on one core, everything else on another.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "tests/bench/tls_rig.h"

#define MAX_RUNS    32
#define MAX_SERVERS 8

struct setting {
	struct rig rig;
	SSL_CTX *ctx;
	int version;
	int runs;
	size_t handshakes; /* a run */
	size_t next_client;
	size_t megabytes;
	size_t trips;
	size_t idle;
};

struct column {
	const char *name;
	double run[MAX_RUNS];
	int num;
};

static double
now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(const struct column *c)
{
	double v[MAX_RUNS];

	if (c->num == 0)
		return 0;
	memcpy(v, c->run, sizeof(v));
	qsort(v, (size_t)c->num, sizeof(*v), by_value);
	return v[c->num / 2];
}

static void
print_columns(
    const char *title, const char *unit, const struct column *c, size_t num)
{
	double base = 0;

	printf("\n%s\n", title);
	for (size_t i = 0; i < num; i++) {
		double min = 1e300, max = 0;

		if (c[i].num == 0)
			continue;
		for (int k = 0; k < c[i].num; k++) {
			min = c[i].run[k] < min ? c[i].run[k] : min;
			max = c[i].run[k] > max ? c[i].run[k] : max;
		}
		if (base == 0)
			base = median(&c[i]);
		printf("  %-18s %10.1f %s  (%.1f .. %.1f)  %.2f x\n", c[i].name,
		    median(&c[i]), unit, min, max, median(&c[i]) / base);
	}
	fflush(stdout);
}

/* ---- one client connection, blocking
 * --------------------------------------------- */

static SSL *
client_open(struct setting *s, int port, size_t client)
{
	int fd = rig_dial(port);
	SSL *ssl = SSL_new(s->ctx);

	if (fd < 0 || ssl == NULL)
		exit(1);
	rig_use_client(&s->rig, ssl, client);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1) {
		fprintf(stderr, "bench: handshake failed\n");
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	return ssl;
}

static void
client_close(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

/* Shakes hands, ends, and waits until the server has ended, too. */
static void
client_handshake(struct setting *s, int port, size_t client)
{
	SSL *ssl = client_open(s, port, client);
	char buf[64];
	int n;

	SSL_shutdown(ssl);
	n = SSL_read(ssl, buf, sizeof(buf));
	if (n > 0 || SSL_get_error(ssl, n) == SSL_ERROR_SSL) {
		fprintf(stderr, "bench: refused\n");
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	ERR_clear_error();
	client_close(ssl);
}

/* ---- handshakes
 * -------------------------------------------------------------------- */

/* A server that refuses everybody would be fast. */
static void
prove_echo(struct setting *s, int port)
{
	SSL *ssl = client_open(s, port, 0);
	char buf[8] = "";

	if (SSL_write(ssl, "echo", 4) != 4 ||
	    SSL_read(ssl, buf, sizeof(buf)) != 4 ||
	    memcmp(buf, "echo", 4) != 0) {
		fprintf(stderr, "bench: no echo\n");
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	client_close(ssl);
}

/* once: each client comes once and no more, so nothing of it is remembered. */
static double
run_handshakes(struct setting *s, struct rig_server *srv, bool once)
{
	uint64_t before = rig_cpu_ns(srv);

	for (size_t i = 0; i < s->handshakes; i++)
		client_handshake(s, srv->port, once ? s->next_client++ : 0);
	return (double)(rig_cpu_ns(srv) - before) / 1e3 / (double)s->handshakes;
}

static void
bench_handshakes(struct setting *s, const char *const *names, size_t num)
{
	struct rig_server srv[MAX_SERVERS] = {0};
	struct column once[MAX_SERVERS] = {0}, again[MAX_SERVERS] = {0};
	char title[128];

	for (size_t i = 0; i < num; i++) {
		once[i].name = again[i].name = names[i];
		if (!rig_start(
			&s->rig, &srv[i], names[i], RIG_ECHO, s->version))
			continue;
		prove_echo(s, srv[i].port);
		for (int k = 0; k < 50; k++) /* caches, evidence */
			client_handshake(s, srv[i].port, 0);
	}
	for (int r = 0; r < s->runs; r++)
		for (size_t i = 0; i < num; i++) {
			if (srv[i].pid <= 0)
				continue;
			once[i].run[once[i].num++] =
			    run_handshakes(s, &srv[i], true);
			again[i].run[again[i].num++] =
			    run_handshakes(s, &srv[i], false);
		}
	for (size_t i = 0; i < num; i++)
		rig_stop(&srv[i]);
	snprintf(title, sizeof(title),
	    "handshake, %s, mutual, P-256, leaf + intermediate: peers never "
	    "seen before",
	    s->version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2");
	print_columns(title, "us CPU", once, num);
	print_columns("the same: a peer seen before", "us CPU", again, num);
}

/* ---- relay
 * ----------------------------------------------------------------------- */

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
bench_bulk(struct setting *s, const char *const *names, size_t num,
    enum rig_backend backend, const char *title,
    double (*run)(struct setting *, struct rig_server *))
{
	struct rig_server srv[MAX_SERVERS] = {0};
	struct column c[MAX_SERVERS] = {0};

	for (size_t i = 0; i < num; i++) {
		c[i].name = names[i];
		if (!rig_start(&s->rig, &srv[i], names[i], backend, s->version))
			continue;
		run(s, &srv[i]);
	}
	for (int r = 0; r < s->runs; r++)
		for (size_t i = 0; i < num; i++)
			if (srv[i].pid > 0)
				c[i].run[c[i].num++] = run(s, &srv[i]);
	for (size_t i = 0; i < num; i++)
		rig_stop(&srv[i]);
	print_columns(title, "MB per CPU-second", c, num);
}

/* num connections; one message under way on each. */
static double
run_ping_pong(struct setting *s, struct rig_server *srv, size_t num,
    double *p50, double *p99)
{
	SSL *ssl[64];
	double *took = calloc(s->trips, sizeof(*took));
	double sent[64];
	char block[1024] = {0};
	uint64_t before;

	if (took == NULL || num == 0 || num > 64)
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
			took[i - num] = now_sec() - sent[i % num];
		}
		sent[i % num] = now_sec();
		if (i < s->trips &&
		    SSL_write(c, block, sizeof(block)) != sizeof(block))
			exit(1);
	}
	before = rig_cpu_ns(srv) - before;
	for (size_t i = 0; i < num; i++)
		client_close(ssl[i]);
	qsort(took, s->trips, sizeof(*took), by_value);
	*p50 = took[s->trips / 2] * 1e6;
	*p99 = took[s->trips * 99 / 100] * 1e6;
	free(took);
	return (double)before / 1e3 / (double)s->trips;
}

static void
bench_ping_pong(
    struct setting *s, const char *const *names, size_t num, size_t conns)
{
	struct rig_server srv[MAX_SERVERS] = {0};
	struct column c[MAX_SERVERS] = {0}, p50[MAX_SERVERS] = {0},
		      p99[MAX_SERVERS] = {0};
	char title[128];

	for (size_t i = 0; i < num; i++) {
		c[i].name = p50[i].name = p99[i].name = names[i];
		(void)rig_start(
		    &s->rig, &srv[i], names[i], RIG_ECHO, s->version);
	}
	for (int r = 0; r < s->runs; r++)
		for (size_t i = 0; i < num; i++) {
			int k = c[i].num;

			if (srv[i].pid <= 0)
				continue;
			c[i].run[k] = run_ping_pong(
			    s, &srv[i], conns, &p50[i].run[k], &p99[i].run[k]);
			c[i].num = p50[i].num = p99[i].num = k + 1;
		}
	for (size_t i = 0; i < num; i++)
		rig_stop(&srv[i]);
	snprintf(title, sizeof(title),
	    "1 KiB there and back on %zu connection%s", conns,
	    conns == 1 ? "" : "s");
	print_columns(title, "us CPU a round trip", c, num);
	print_columns("  p50", "us", p50, num);
	print_columns("  p99", "us", p99, num);
}

/* ---- memory
 * ------------------------------------------------------------------------ */

static void
bench_idle(struct setting *s, const char *const *names, size_t num)
{
	struct column c[MAX_SERVERS] = {0};
	SSL **ssl = calloc(s->idle, sizeof(*ssl));

	if (ssl == NULL)
		exit(1);
	for (size_t i = 0; i < num; i++) {
		struct rig_server srv;
		size_t before;
		char b = 0;

		c[i].name = names[i];
		if (!rig_start(&s->rig, &srv, names[i], RIG_ECHO, s->version))
			continue;
		for (int k = 0; k < 50; k++)
			client_handshake(s, srv.port, (size_t)k);
		before = rig_rss(&srv);
		for (size_t k = 0; k < s->idle; k++) {
			ssl[k] = client_open(s, srv.port, k);
			if (SSL_write(ssl[k], &b, 1) != 1 ||
			    SSL_read(ssl[k], &b, 1) != 1)
				exit(1);
		}
		c[i].run[c[i].num++] =
		    (double)(rig_rss(&srv) - before) / (double)s->idle;
		for (size_t k = 0; k < s->idle; k++)
			client_close(ssl[k]);
		rig_stop(&srv);
	}
	free(ssl);
	print_columns("memory of an idle connection", "bytes", c, num);
}

/* ---- main
 * ------------------------------------------------------------------------- */

static size_t
number(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

static bool
chosen(const char *what)
{
	const char *only = getenv("BENCH_ONLY");

	return only == NULL || strstr(only, what) != NULL;
}

int
main(int argc, char **argv)
{
	static const char *const all[] = {
	    "bare", "gateway", "nginx", "haproxy", "hitch", "stunnel"};
	static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
	const char *const *proxies = all + 1;
	size_t num_all = number("BENCH_SERVERS", 6), num_proxies = num_all - 1;
	static struct setting s;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_tls FIXTURES-DIRECTORY\n");
		return 2;
	}
	s.runs = (int)number("BENCH_RUNS", 5);
	s.runs = s.runs > MAX_RUNS ? MAX_RUNS : s.runs;
	s.handshakes = number("BENCH_HANDSHAKES", 200);
	s.megabytes = number("BENCH_MEGABYTES", 256);
	s.trips = number("BENCH_TRIPS", 5000);
	s.idle = number("BENCH_IDLE", 5000);
	rig_pin(1);
	rig_init(
	    &s.rig, argv[1], s.handshakes * (size_t)s.runs * num_all * 2 + 1);
	for (int v = 0; v < 2; v++) {
		s.version = versions[v];
		s.ctx = rig_client_ctx(&s.rig, s.version);
		if (chosen("handshake"))
			bench_handshakes(&s, all, num_all);
		if (v == 0 && chosen("up"))
			bench_bulk(&s, proxies, num_proxies, RIG_SINK,
			    "relay from peer to node, 16 KiB writes", run_up);
		if (v == 0 && chosen("down"))
			bench_bulk(&s, proxies, num_proxies, RIG_SOURCE,
			    "relay from node to peer", run_down);
		if (v == 0 && chosen("ping")) {
			bench_ping_pong(&s, proxies, num_proxies, 1);
			bench_ping_pong(&s, proxies, num_proxies, 32);
		}
		if (v == 0 && chosen("idle"))
			bench_idle(&s, all, num_all);
		SSL_CTX_free(s.ctx);
	}
	rig_cleanup(&s.rig);
	return 0;
}
