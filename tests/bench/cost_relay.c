/*
 * cost_relay: what it costs the gateway to pass bytes on, there and back: a
 * message of 1 KiB, and a megabyte, 64 KiB under way at a time. Of the latter
 * only instructions count: in how many pieces it arrives is chance.
 */
#include "tests/bench/cost.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/tls_bench.h"

#define SMALL 1024
#define LARGE 65536
#define TRIPS 1000
#define MOVED 8 /* megabytes */

enum {
	A_MEG = (1 << 20) / LARGE
};

static const char *const callgrind[] = {"/usr/bin/valgrind", "--tool=callgrind",
    "--callgrind-out-file=callgrind.out", NULL};

static void
trip(SSL *ssl, size_t bytes)
{
	static char block[LARGE];
	size_t got, n;

	if (SSL_write(ssl, block, (int)bytes) <= 0)
		exit(2);
	for (got = 0; got < bytes; got += n)
		if (!SSL_read_ex(ssl, block, bytes - got, &n))
			exit(2);
}

/* Of all the process. */
static double
run_trips(struct setting *s, const char *const *wrap, size_t bytes, size_t num)
{
	const struct rig_want want = {.tls_version = s->version, .wrap = wrap};
	struct rig_server srv;
	double each;
	SSL *ssl;

	if (!rig_start(&s->rig, &srv, "gateway", &want))
		exit(2);
	ssl = client_open(s, srv.port, 0);
	for (size_t i = 0; i < num; i++)
		trip(ssl, bytes);
	client_close(ssl);
	rig_stop(&srv);
	return wrap == callgrind ? cost_collected(srv.log)
				 : cost_calls(s->rig.dir, &each);
}

/* A trip of so many bytes; start and end cancel out. */
static double
of_a_trip(struct setting *s, const char *const *wrap, size_t bytes, size_t num)
{
	double base = run_trips(s, wrap, bytes, num);

	return (run_trips(s, wrap, bytes, 2 * num) - base) / (double)num;
}

void
cost_relay(struct cost *c, const char *fixtures)
{
	static struct setting s;

	rig_init(&s.rig, fixtures);
	(void)client_fresh(&s, 1);
	s.version = TLS1_3_VERSION;
	s.ctx = rig_client_ctx(&s.rig, s.version);
	cost_figure(
	    c, "round-trip-calls", of_a_trip(&s, cost_strace, SMALL, TRIPS));
	cost_figure(c, "round-trip-instructions",
	    of_a_trip(&s, callgrind, SMALL, TRIPS));
	cost_figure(c, "megabyte-instructions",
	    A_MEG * of_a_trip(&s, callgrind, LARGE, A_MEG * MOVED));
	SSL_CTX_free(s.ctx);
	rig_cleanup(&s.rig);
}
