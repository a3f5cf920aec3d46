/*
 * cost_tls: what a connection costs the gateway: instructions of its
 * handshake, and system calls from its beginning to its end and for a round
 * trip of 1 KiB in between.
 */
#include "tests/bench/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/tls_bench.h"

#define CONNECTIONS 40
#define TRIPS       1000
/* A peer's answer takes a moment; the gateway does not find it there. */
#define AWAY_US 10000

/* Sends what is in the buffer, and reads what comes, both after a while. */
static void
exchange(SSL *ssl, int fd)
{
	BIO *in = SSL_get_rbio(ssl), *out = SSL_get_wbio(ssl);
	char block[16384];
	ssize_t n;

	usleep(AWAY_US);
	while ((n = BIO_read(out, block, sizeof(block))) > 0)
		if (send(fd, block, (size_t)n, MSG_NOSIGNAL) != n)
			exit(2);
	if (!SSL_want_read(ssl))
		return;
	n = recv(fd, block, sizeof(block), 0);
	if (n <= 0 || BIO_write(in, block, (int)n) != n)
		exit(2);
}

/* A connection of a peer that is away: a handshake, and its end. */
static void
connect_from_afar(struct setting *s, int port)
{
	int fd = rig_dial(port);
	SSL *ssl = SSL_new(s->ctx);
	char rest[64];

	if (fd < 0 || ssl == NULL)
		exit(2);
	rig_use_client(&s->rig, ssl, 0);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	while (SSL_do_handshake(ssl) != 1)
		exchange(ssl, fd);
	exchange(ssl, fd);
	usleep(AWAY_US);
	SSL_shutdown(ssl);
	exchange(ssl, fd);
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
	SSL_free(ssl);
	close(fd);
}

static void
trip(SSL *ssl)
{
	char block[1024] = "";
	size_t got, n;

	if (SSL_write(ssl, block, sizeof(block)) <= 0)
		exit(2);
	for (got = 0; got < sizeof(block); got += n)
		if (!SSL_read_ex(ssl, block, sizeof(block), &n))
			exit(2);
}

/* All system calls; in *each those of a connection. */
static double
run_traced(struct setting *s, size_t connections, size_t trips, double *each)
{
	const char *const wrap[] = {
	    "/usr/bin/strace", "-f", "-I2", "-ostrace.out", NULL};
	const struct rig_want want = {.tls_version = s->version, .wrap = wrap};
	struct rig_server srv;
	char log[300];
	SSL *ssl;

	if (!rig_start(&s->rig, &srv, "gateway", &want))
		exit(2);
	client_prove_echo(s, srv.port);
	for (size_t i = 0; i < connections; i++)
		connect_from_afar(s, srv.port);
	ssl = client_open(s, srv.port, 0);
	for (size_t i = 0; i < trips; i++)
		trip(ssl);
	client_close(ssl);
	rig_stop(&srv);
	snprintf(log, sizeof(log), "%s/strace.out", s->rig.dir);
	return cost_calls(log, each);
}

static void
count_calls(struct cost *c, struct setting *s, const char *version)
{
	double each, none, base;
	char name[64];

	(void)run_traced(s, CONNECTIONS, 1, &each);
	snprintf(name, sizeof(name), "connection-%s-calls", version);
	cost_figure(c, name, each);
	if (s->version != TLS1_3_VERSION)
		return;
	base = run_traced(s, 0, TRIPS, &none);
	cost_figure(c, "round-trip-calls",
	    (run_traced(s, 0, 2 * TRIPS, &none) - base) / TRIPS);
}

static void
count_instructions(struct cost *c, struct setting *s, const char *version)
{
	double once, again;
	char name[64];

	count_handshakes(s, "gateway", &once, &again);
	snprintf(name, sizeof(name), "handshake-%s-new-instructions", version);
	cost_figure(c, name, once);
	snprintf(
	    name, sizeof(name), "handshake-%s-again-instructions", version);
	cost_figure(c, name, again);
}

void
cost_handshakes(struct cost *c, const char *fixtures)
{
	static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
	static const char *const names[] = {"1.3", "1.2"};
	static struct setting s;

	rig_init(&s.rig, fixtures);
	(void)client_fresh(&s, 1);
	for (int i = 0; i < 2; i++) {
		s.version = versions[i];
		s.ctx = rig_client_ctx(&s.rig, s.version);
		count_instructions(c, &s, names[i]);
		count_calls(c, &s, names[i]);
		SSL_CTX_free(s.ctx);
	}
	rig_cleanup(&s.rig);
}
