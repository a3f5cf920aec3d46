/*
 * fleet_join: this machine's stores joined to its fleet. What is set here goes
 * to the fleet first and is put in force when it has been written there; what
 * others set is put in force as it comes. What tightens is in force at once and
 * goes out when the engine can be had. No peer ever waits for any of it.
 * Control thread.
 */
#ifndef GATEWAY_CONTROL_FLEET_JOIN_H
#define GATEWAY_CONTROL_FLEET_JOIN_H

#include <stdio.h>

#include "cache/base/error.h"
#include "gateway/base/services.h"
#include "gateway/conf/conf.h"
#include "gateway/control/control.h"
#include "gateway/fleet/fleet.h"

struct fleet_join;
struct session_watch;

enum fleet_join_how {
	FLEET_JOIN = 0,
	FLEET_JOIN_CREATE, /* where there is none: of what is stored here */
	FLEET_JOIN_ADOPT   /* whatever is there, in place of the one known */
};

/* Borrowed, and must outlive it; conf is up-ref'd, and has a fleet. */
struct fleet_join_parts {
	const struct services *services;
	struct control *control;
	struct stores *stores;
	struct session_watch *sessions;
	struct conf *conf;
	enum fleet_join_how how;
};

/* Begins to connect, and keeps control's changes from then on. */
int fleet_join_new(struct fleet_join **out,
    const struct fleet_join_parts *parts, struct err *err) MUST_USE;
/* A start without a fleet: what is set from now on is this machine's alone. */
int fleet_join_none(struct stores *stores, struct err *err) MUST_USE;
/* Who waits for an answer is told that there is none. NULL is fine. */
void fleet_join_free(struct fleet_join *j);

/*
 * Endpoints, secrets and credentials of a bootstrap file that was read again;
 * an error leaves them as they were.
 */
int fleet_join_reload(
    struct fleet_join *j, struct conf *conf, struct err *err) MUST_USE;

/* A key was made here: the others get it where keys are shared, and a setup
 * that waited for it is tried again. */
void fleet_join_key_made(struct fleet_join *j);

/* This machine has what its fleet had when it was asked, or had it before. */
bool fleet_join_has_state(const struct fleet_join *j);
/* In step with the fleet now. */
bool fleet_join_is_up(const struct fleet_join *j);
/* FLEET_JOIN_CREATE is not through yet. */
bool fleet_join_is_seeding(const struct fleet_join *j);

/* fleet_check of what conf says. */
int fleet_join_check(const struct conf *conf,
    void (*say)(void *arg, bool good, const char *sentence), void *arg,
    struct err *err) MUST_USE;
/* How often the fleet was filled again: its numbers began anew. */
int64_t fleet_join_filled(const struct fleet_join *j);
/* Entries that wait to be sent. */
size_t fleet_join_outbox(const struct fleet_join *j);
/* For commands: whether waiting is in vain, with err; why it is not up. */
bool fleet_join_is_hopeless(const struct fleet_join *j, struct err *err);
int fleet_join_why(const struct fleet_join *j, struct err *err);
void fleet_join_print(const struct fleet_join *j, FILE *out);

/* For reports. Lends. */
const struct fleet *fleet_join_fleet(const struct fleet_join *j);
const struct conf_fleet *fleet_join_conf(const struct fleet_join *j);
/* Milliseconds since the last beat that agreed, or since the start. */
int64_t fleet_join_lag_ms(const struct fleet_join *j);
#endif
