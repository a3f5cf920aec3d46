/*
 * tls_crl: what a CRL of a million entries costs each handshake: the gateway
 * with it beside the gateway with an empty one, and proxies with the same.
 */
#include "tests/bench/tls_bench.h"

#include <stdio.h>
#include <stdlib.h>

#define NUM_ENTRIES 1000000
/* A fifth of a second each, where the whole CRL is hashed again. */
#define FEW 5

enum {
	GATEWAY_EMPTY,
	GATEWAY,
	NGINX,
	HAPROXY,
	NUM
};

static const struct {
	const char *server, *label;
} entrants[NUM] = {
    {"gateway", "gateway, empty CRL"},
    {"gateway", "gateway, 1,000,000"},
    {"nginx", "nginx, 1,000,000"},
    {"haproxy", "haproxy, 1,000,000"},
};

static void
publish(struct setting *s, size_t num, size_t listed, const char *pem)
{
	struct octets list = {0};

	if (num > 0) {
		crlmake_entries(&list, num);
		rig_list_client(&s->rig, &list, listed);
	}
	rig_publish(&s->rig, &list);
	rig_write_pem(&s->rig, pem);
	octets_free(&list);
}

/* False when it is not there. Exits when its CRL is not in force. */
static bool
start(struct setting *s, struct rig_server *srv, int which, const char *pem,
    size_t listed)
{
	const struct rig_want want = {
	    .tls_version = s->version, .crl_file = pem};

	if (!rig_start(&s->rig, srv, entrants[which].server, &want))
		return false;
	client_prove_echo(s, srv->port);
	if (which != GATEWAY_EMPTY &&
	    !client_is_refused(s, srv->port, listed)) {
		fprintf(stderr, "bench: %s lets a listed client in\n",
		    entrants[which].label);
		exit(1);
	}
	return true;
}

void
bench_crl(struct setting *s)
{
	struct rig_server srv[NUM] = {0};
	struct column once[NUM] = {0}, again[NUM] = {0};
	size_t listed = client_fresh(s, 1);
	char pem[200];

	snprintf(pem, sizeof(pem), "%s/crls.pem", s->rig.dir);
	for (int i = 0; i < NUM; i++) {
		once[i].name = again[i].name = entrants[i].label;
		/* The gateway fetches what is published when it is asked. */
		if (i <= GATEWAY)
			publish(s, i == GATEWAY ? NUM_ENTRIES : 0, listed, pem);
		(void)start(s, &srv[i], i, pem, listed);
	}
	for (int r = 0; r < s->runs; r++)
		for (int i = 0; i < NUM; i++) {
			size_t n = i <= GATEWAY ? s->handshakes : FEW;

			if (srv[i].pid <= 0)
				continue;
			column_add(
			    &once[i], run_handshakes(s, &srv[i], n, true));
			column_add(
			    &again[i], run_handshakes(s, &srv[i], n, false));
		}
	for (int i = 0; i < NUM; i++)
		rig_stop(&srv[i]);
	publish(s, 0, listed, pem);
	columns_print("handshake with a CRL in force, TLS 1.3: peers never "
		      "seen before",
	    "us CPU", once, NUM);
	columns_print("the same: a peer seen before", "us CPU", again, NUM);
}
