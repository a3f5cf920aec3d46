/*
 * fleet_rig: members of a fleet in this process, as light as can be: the code
 * of gateway/fleet and what it keeps in state.db, without doors, on one event
 * base, with the real etcd beside it. Times are those of this process: it
 * stands for all members at once, and shares the machine's cores with the
 * engine.
 */
#ifndef TESTS_BENCH_FLEET_RIG_H
#define TESTS_BENCH_FLEET_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "gateway/fleet/fleet.h"
#include "gateway/state/fleet_state.h"
#include "tests/bench/tls_figures.h"

struct rig;

/* Owned by its rig. */
struct member {
	struct rig *rig;
	struct fleet *f;
	struct state_db *db;
	struct fleet_state *state;
	char name[24];
	double began; /* now_sec() of its fleet_new */
	bool up;
	void *own; /* of who measures */
};

/* What a member was told and has kept. */
typedef void
rig_heard_fn(void *arg, struct member *m, const struct fleet_record *v);

struct rig {
	struct event_base *base;
	const char *endpoint;
	char fleet[32];
	struct member *members;
	size_t num, num_up;
	rig_heard_fn *heard; /* NULL: nobody listens */
	void *heard_arg;
	struct sample joined; /* ms from fleet_new until it follows */
};

/* A fleet of its own at that etcd (http://127.0.0.1:PORT), without members. */
void rig_init(struct rig *r, const char *endpoint, const char *fleet);
/*
 * num more members, and until all of them follow; the first of all makes the
 * fleet. dir: state.db there, each in a folder of its own; NULL: in memory.
 */
void rig_join(struct rig *r, size_t num, const char *dir);
void rig_end(struct rig *r);

/* Runs the loop until *count is at least want; ends the program after a minute
 * without. */
void rig_await(struct rig *r, const size_t *count, size_t want);
/* And for so long. */
void rig_run(struct rig *r, double seconds);

/* Ends the program: a bench whose rig does not work has no figures. */
void rig_die(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* One line of a table: what, figures in ms, the goal in words. */
void rig_line(const char *what, struct sample *ms, const char *goal);

/* Rows of the bench. Each prints lines of its own. */
void bench_bite(const char *endpoint, size_t members, size_t changes);
void bench_claims(
    const char *endpoint, size_t members, size_t sources, unsigned spread_ms);
void bench_writers(const char *endpoint, size_t writers, double seconds);
void bench_join(const char *endpoint, size_t denied);

void bench_gateways(void);
void bench_start(size_t denied, size_t subjects);

#endif
