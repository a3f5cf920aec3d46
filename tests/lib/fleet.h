/*
 * fleet: gateways of one fleet before the town of the scene, at a real etcd,
 * and the one question that is asked of them whatever has happened.
 */
#ifndef TESTS_LIB_FLEET_H
#define TESTS_LIB_FLEET_H

#include "tests/lib/etcd.h"
#include "tests/lib/scene.h"

#define FLEET_MAX_MACHINES 4
#define FLEET_OF_TESTS     "test"

struct machines {
	struct etcd etcd;
	struct gateway g[FLEET_MAX_MACHINES];
	int num; /* prepared */
	int row; /* how often machines_up was called: names differ by it */
};

/*
 * An etcd, and so many machines that are members, with this in force on all
 * before it returns: HARD_FAIL by a pushed section; peers/alice on the
 * denylist; the CA has revoked peers/revoked. peers/bob and peers/carol are
 * good and nobody has asked about them. The town must be there.
 */
void machines_up(struct machines *m, int num, const struct etcd_options *etcd);
void machines_down(struct machines *m);

/* One more, with a state of its own; not started. Returns its number. */
int machine_prepare(struct machines *m);
/* p2p-gateway --config FILE OPTION [ARG]: exit status; *out what it said, or
 * NULL: it must end with 0. */
int machine_command(
    struct gateway *g, const char *option, const char *arg, char **out);
bool machine_runs(const struct gateway *g);

/*
 * The sentence: whoever was refused still is, on every machine that runs, and
 * the good get in.
 */
void machines_guard(struct machines *m);

/* Makes peers/NAME, whom only a CRL speaks for. */
void machine_peer(const char *name);
/* Status of: an entry for that peer; taking that away; the mode, from the
 * version that is held. */
long machine_deny(struct gateway *g, const char *peer);
long machine_allow(struct gateway *g, const char *peer);
long machine_mode(struct gateway *g, const char *mode);

/*
 * In while nothing is wrong with them, and how tests wait without a clock:
 * machine_awaits_cut returns when the gateway has ended it.
 */
void machine_let_in(struct gateway *g, struct tls *t, const char *peer);
void machine_awaits_cut(struct tls *t);
/* An entry for peers/NAME on `by`, made for this, bites on `at`: so everything
 * that the engine was told before is known there. */
void machine_hears(struct gateway *at, struct gateway *by, const char *name);
/* Until it is in step with the engine. */
void machine_awaits_up(struct gateway *g);
/* Until the answer to GET path has this text in it, or has it not. */
void machine_awaits(
    struct gateway *g, const char *path, const char *text, bool wanted);
/* Until the list there has so many. */
void machine_awaits_num(struct gateway *g, const char *path, int num);

#endif
