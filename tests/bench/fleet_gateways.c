/*
 * fleet_gateways: the same of three whole gateways: how long until an entry
 * made on one has cut a peer that is connected to another; whether handshakes
 * notice that the engine is frozen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/fleet_rig.h"
#include "tests/lib/fleet.h"

#define ROUNDS     40
#define TURNS      6
#define HANDSHAKES 100

/* Peers of their own each: nobody is let in again. */
static void
bites(struct machines *m, struct sample *ms)
{
	char name[24];

	for (int i = 0; i < ROUNDS; i++) {
		struct tls there[2];
		double began;

		snprintf(name, sizeof(name), "bite%d", i);
		machine_peer(name);
		for (int k = 0; k < 2; k++)
			machine_let_in(&m->g[k + 1], &there[k], name);
		began = now_sec();
		machine_deny(&m->g[0], name);
		for (int k = 0; k < 2; k++)
			machine_awaits_cut(&there[k]);
		sample_add(ms, (now_sec() - began) * 1000);
	}
}

static void
handshakes(struct machines *m, struct sample *ms)
{
	for (int i = 0; i < HANDSHAKES; i++) {
		double began = now_sec();

		if (tls_try(&town, "good", m->g[0].port, 0) != TLS_IN)
			rig_die("a good peer did not get in");
		sample_add(ms, (now_sec() - began) * 1000);
	}
}

/* In turns: what else goes on meets both alike. */
static void
freezes(struct machines *m)
{
	struct sample well = {0}, frozen = {0};

	for (int i = 0; i < TURNS; i++) {
		handshakes(m, &well);
		etcd_freeze(&m->etcd, 0);
		handshakes(m, &frozen);
		etcd_thaw(&m->etcd, 0);
	}
	rig_line("a handshake in a fleet", &well, "");
	rig_line("a handshake, the engine frozen", &frozen, "as before");
	sample_free(&well);
	sample_free(&frozen);
}

void
bench_gateways(void)
{
	struct sample ms = {0};
	struct machines m;

	town_start(&town, "gateways-net", NULL);
	machines_up(&m, 3, NULL);
	bites(&m, &ms);
	rig_line("3 gateways: an entry, both others have cut", &ms, "15 / 100");
	freezes(&m);
	machines_down(&m);
	town_stop(&town);
	sample_free(&ms);
}
