/*
 * tls_arrival: a new CRL reaches a gateway: how long peers take while one of
 * 40 MB arrives, and how long a peer that it lists stays connected. A listed
 * peer's connection is also the clock: when it ends, the CRL is in force.
 *
 * What is not the gateway's is kept out of the figure, as far as it is known: a
 * handshake after 15 ms of something else takes 2 ms and not 1.1, the next two
 * 1.4 and 1.25 (caches of client and worker), so the client shakes hands before
 * it is timed; and the kernel's work for 40 MB of somebody else on the client's
 * core, 3 to 15 ms at a time, is done before or after. What remains are threads
 * of the machine itself (kdamond: 2 ms at a time), which about 1 % of all
 * handshakes meet, at rest as well: of p95 and p99 the first is free of them.
 * A fetch lasts 110 ms, or 300 where the host of a virtual machine has taken
 * back the pages that the old CRL left: to clear 60 MB takes 2 ms, or 120.
 */
#include "tests/bench/tls_bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixtures/lib/fixture.h"

#define NUM_ENTRIES 1000000
#define NUM_CONNS   10
/* In a run: one is over after 80 to 300 handshakes. */
#define ARRIVALS 8
/* The town's server says max-age=0: the gateway asks again every second. */
#define EVERY_SECOND "\"min_refresh_sec\":1,\"order\":\"CRL\""
#define CRL_PATH     "/certificate-revocation-list/doorman"

struct arrival {
	struct setting *s;
	struct rig_server srv;
	struct octets list; /* what has been listed so far */
	char file[200];     /* watched; empty: it is fetched */
};

static bool
has_ended(SSL *ssl)
{
	char byte;

	/* Nothing is said on it: an octet is a goodbye. */
	return recv(SSL_get_fd(ssl), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static SSL *
connected(struct setting *s, int port, size_t client)
{
	SSL *ssl = client_open(s, port, client);
	char byte = 'x';

	if (SSL_write(ssl, &byte, 1) != 1 || SSL_read(ssl, &byte, 1) != 1)
		exit(1);
	return ssl;
}

/* Open at first. */
static void
gate_make(struct arrival *a)
{
	(void)rig_control(
	    a->s->rig.web_control, "/_script", CRL_PATH " gate=arrival");
	(void)rig_control(a->s->rig.web_control, "/_release/arrival", "");
}

/* From now on the server lets whoever asks for the CRL wait. */
static long
gate_close(struct arrival *a)
{
	(void)rig_control(a->s->rig.web_control, "/_gate/arrival", "");
	return rig_control(a->s->rig.web_control, "/_hits" CRL_PATH, NULL);
}

static void
gate_open(struct arrival *a)
{
	(void)rig_control(a->s->rig.web_control, "/_release/arrival", "");
}

/*
 * Makes a CRL that lists one client more. When this returns, the gateway has
 * asked for it and waits, or the file is ready to be put in place.
 */
static void
prepare(struct arrival *a, size_t client)
{
	char path[300];
	long asked;

	rig_list_client(&a->s->rig, &a->list, client);
	if (a->file[0] != '\0') {
		snprintf(path, sizeof(path), "%s.staged", a->file);
		rig_write_crl(&a->s->rig, &a->list, path);
		return;
	}
	asked = gate_close(a);
	rig_publish(&a->s->rig, &a->list);
	snprintf(path, sizeof(path), "/_await/%ld" CRL_PATH, asked + 1);
	(void)rig_control(a->s->rig.web_control, path, NULL);
}

/*
 * Returns the file that was there before, to be closed when its pages may be
 * freed; -1: none. The server takes 60 ms to read its own before it answers.
 */
static int
go_live(struct arrival *a)
{
	char path[300];
	int fd;

	if (a->file[0] == '\0') {
		gate_open(a);
		return -1;
	}
	snprintf(path, sizeof(path), "%s.staged", a->file);
	fd = open(a->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || rename(path, a->file) != 0)
		exit(1);
	return fd;
}

/* ---- 40 MB under load */

#define NUM_WARM 4

static void
warm(struct arrival *a)
{
	for (int i = 0; i < NUM_WARM; i++)
		client_handshake(a->s, a->srv.port, 0);
}

/* Handshakes from its publication until it is in force: how long that was. */
static double
run_arrival(struct arrival *a, struct sample *took)
{
	size_t client = client_fresh(a->s, 1);
	SSL *listed = connected(a->s, a->srv.port, client);
	double since;
	int old;

	prepare(a, client);
	warm(a);
	since = now_sec();
	old = go_live(a);
	if (old < 0)
		warm(a);
	while (!has_ended(listed)) {
		client_time(a->s, took, a->srv.port, 0);
		if (now_sec() - since > 60) {
			fprintf(stderr, "bench: the CRL never arrived\n");
			exit(1);
		}
	}
	since = now_sec() - since;
	if (old >= 0)
		close(old);
	else
		(void)gate_close(a); /* nothing arrives meanwhile */
	client_close(listed);
	return since * 1e3;
}

static void
measure_arrival(struct arrival *a, struct calm *c, struct column *until)
{
	struct sample first = {0};

	/* From nothing to a million: memory that is there from then on. */
	(void)run_arrival(a, &first);
	sample_free(&first);
	for (int r = 0; r < a->s->runs; r++) {
		struct sample with = {0}, without = {0};

		for (int k = 0; k < ARRIVALS; k++) {
			size_t had = with.num;

			column_add(until, run_arrival(a, &with));
			warm(a);
			/* As many again: the load is the same. */
			for (; had < with.num; had++)
				client_time(a->s, &without, a->srv.port, 0);
		}
		calm_add(c, 0, &without);
		calm_add(c, 1, &with);
	}
}

static void
arrive(struct setting *s, const char *file, const char *title)
{
	struct arrival a = {.s = s};
	struct column until = {.name = "publication to cut"};
	struct calm c = {0};
	char paths[300];
	struct rig_want want = {
	    .tls_version = s->version, .revocation = EVERY_SECOND};

	rig_publish(&s->rig, &a.list);
	if (file != NULL) {
		snprintf(a.file, sizeof(a.file), "%s", file);
		rig_write_crl(&s->rig, &a.list, a.file);
		snprintf(paths, sizeof(paths),
		    EVERY_SECOND ",\"crl_paths\":[\"%s\"]", file);
		want.revocation = paths;
	}
	gate_make(&a);
	crlmake_entries(&a.list, NUM_ENTRIES);
	if (!rig_start(&s->rig, &a.srv, "gateway", &want))
		exit(1);
	client_prove_echo(s, a.srv.port);
	measure_arrival(&a, &c, &until);
	rig_stop(&a.srv);
	gate_open(&a);
	octets_free(&a.list);
	rig_publish(&s->rig, &a.list);
	calm_print(&c, title, "nothing arrives", "40 MB arrive");
	columns_print("  until it is in force", "ms", &until, 1);
}

void
bench_arrival(struct setting *s)
{
	char *file = xasprintf("%s/watched/doorman.crl", s->rig.dir);
	char *dir = xasprintf("%s/watched", s->rig.dir);

	dir_make(dir);
	rig_yield_web(&s->rig);
	arrive(s, NULL,
	    "from dialling to the end, while a CRL of 1,000,000 entries is "
	    "fetched (goal: p99 1.1 x)");
	arrive(s, file,
	    "the same, while it is read from a watched file (goal: 1.1 x)");
	free(dir);
	free(file);
}

/* ---- from refresh to cut */

/* Milliseconds until all connections of the listed client have ended. */
static double
run_cut(struct arrival *a)
{
	size_t client = client_fresh(a->s, 1);
	SSL *listed[NUM_CONNS], *other[NUM_CONNS];
	char byte = 'x';
	double since;

	for (int i = 0; i < NUM_CONNS; i++) {
		listed[i] = connected(a->s, a->srv.port, client);
		other[i] = connected(a->s, a->srv.port, 0);
	}
	prepare(a, client);
	since = now_sec();
	(void)go_live(a);
	for (int i = 0; i < NUM_CONNS; i++)
		(void)recv(SSL_get_fd(listed[i]), &byte, 1, MSG_PEEK);
	since = now_sec() - since;
	for (int i = 0; i < NUM_CONNS; i++) {
		if (SSL_write(other[i], &byte, 1) != 1 ||
		    SSL_read(other[i], &byte, 1) != 1) {
			fprintf(stderr, "bench: another peer was cut\n");
			exit(1);
		}
		client_close(listed[i]);
		client_close(other[i]);
	}
	return since * 1e3;
}

void
bench_cut(struct setting *s)
{
	struct arrival a = {.s = s};
	struct column c = {.name = "gateway"};
	const struct rig_want want = {
	    .tls_version = s->version, .revocation = EVERY_SECOND};

	rig_publish(&s->rig, &a.list);
	gate_make(&a);
	if (!rig_start(&s->rig, &a.srv, "gateway", &want))
		exit(1);
	for (int r = 0; r < s->runs; r++)
		column_add(&c, run_cut(&a));
	rig_stop(&a.srv);
	gate_open(&a);
	octets_free(&a.list);
	rig_publish(&s->rig, &a.list);
	columns_print("from a refresh, answered with a CRL that lists a "
		      "connected peer, until its 10 connections are cut",
	    "ms", &c, 1);
}
