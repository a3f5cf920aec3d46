/*
 * tls_memory: what connections that do nothing take, and what is left of a
 * flood once it is over.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FLOODS 5
/* Memory that goes back is on its way for a moment. */
#define CALM_SECONDS 5

/* All of them at once, each client another one; they stay. */
static void
open_all(struct setting *s, int port, SSL **ssl)
{
	char b = 0;

	for (size_t k = 0; k < s->idle; k++) {
		ssl[k] = client_open(s, port, k);
		if (SSL_write(ssl[k], &b, 1) != 1 ||
		    SSL_read(ssl[k], &b, 1) != 1)
			exit(1);
	}
}

static void
close_all(struct setting *s, SSL **ssl)
{
	for (size_t k = 0; k < s->idle; k++)
		client_close(ssl[k]);
}

static SSL **
room_for_all(struct setting *s)
{
	SSL **ssl = calloc(s->idle, sizeof(*ssl));

	if (ssl == NULL)
		exit(1);
	rig_mint(&s->rig, s->idle);
	return ssl;
}

/* Starts one, and has it meet some of them; its memory then. */
static bool
start_warm(
    struct setting *s, struct rig_server *srv, const char *name, double *before)
{
	const struct rig_want want = {.tls_version = s->version};

	if (!rig_start(&s->rig, srv, name, &want))
		return false;
	for (size_t k = 0; k < 50; k++)
		client_handshake(s, srv->port, k);
	*before = (double)rig_rss(srv);
	return true;
}

void
bench_idle(struct setting *s)
{
	struct column c[MAX_SERVERS] = {0};
	SSL **ssl = room_for_all(s);

	for (size_t i = 0; i < s->num_names; i++) {
		struct rig_server srv;
		double before;

		c[i].name = s->names[i];
		if (!start_warm(s, &srv, s->names[i], &before))
			continue;
		open_all(s, srv.port, ssl);
		column_add(
		    &c[i], ((double)rig_rss(&srv) - before) / (double)s->idle);
		close_all(s, ssl);
		rig_stop(&srv);
	}
	free(ssl);
	columns_print("memory of an idle connection", "bytes", c, s->num_names);
}

void
bench_floods(struct setting *s)
{
	struct column c[MAX_SERVERS] = {0};
	SSL **ssl = room_for_all(s);
	char title[128];

	for (size_t i = 0; i < s->num_names; i++) {
		struct rig_server srv;
		double before;

		c[i].name = s->names[i];
		if (!start_warm(s, &srv, s->names[i], &before))
			continue;
		for (int k = 0; k < FLOODS; k++) {
			open_all(s, srv.port, ssl);
			close_all(s, ssl);
		}
		sleep(CALM_SECONDS);
		column_add(&c[i], (double)rig_rss(&srv) / before);
		rig_stop(&srv);
	}
	free(ssl);
	snprintf(title, sizeof(title),
	    "memory after %d floods of %zu connections (goal: 1.3)", FLOODS,
	    s->idle);
	columns_print(title, "of what it was", c, s->num_names);
}
