/*
 * cost_tls: what a connection costs the gateway: instructions of its
 * handshake, and system calls from its beginning to its end.
 */
#include "tests/bench/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/tls_bench.h"

#define CONNECTIONS 40
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

/* The median of the system calls of a connection from its beginning on. */
static double
run_traced(struct setting *s)
{
	const struct rig_want want = {
	    .tls_version = s->version, .wrap = cost_strace};
	struct rig_server srv;
	double each;

	if (!rig_start(&s->rig, &srv, "gateway", &want))
		exit(2);
	client_prove_echo(s, srv.port);
	for (size_t i = 0; i < CONNECTIONS; i++)
		connect_from_afar(s, srv.port);
	client_close(client_open(s, srv.port, 0));
	rig_stop(&srv);
	(void)cost_calls(s->rig.dir, &each);
	return each;
}

static void
count_connections(struct cost *c, struct setting *s, const char *version)
{
	double once, again;
	char name[64];

	count_handshakes(s, "gateway", &once, &again);
	snprintf(name, sizeof(name), "handshake-%s-new-instructions", version);
	cost_figure(c, name, once);
	snprintf(
	    name, sizeof(name), "handshake-%s-again-instructions", version);
	cost_figure(c, name, again);
	snprintf(name, sizeof(name), "connection-%s-calls", version);
	cost_figure(c, name, run_traced(s));
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
		count_connections(c, &s, names[i]);
		SSL_CTX_free(s.ctx);
	}
	rig_cleanup(&s.rig);
}
