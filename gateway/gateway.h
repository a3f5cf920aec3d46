/*
 * gateway: the parts of the process, and how they are made and taken down: for
 * main and for the commands that need some of them.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <time.h>

#include "gateway/base/services.h"
#include "gateway/conf/conf.h"
#include "gateway/control/fleet_join.h"
#include "gateway/control/stores.h"
#include "gateway/rest/rest.h"

struct gateway {
	struct conf *conf; /* the bootstrap file as it was at the start */
	struct log_sink *sink;
	const struct log *log;
	struct sd_listen *passed; /* sockets passed by a manager */
	struct event_base *base;
	struct stores stores;
	struct revcheck *engine;
	struct services services;
	struct decision_ring *decisions;
	struct chain_cache *chains;
	struct session_watch *sessions;
	struct certwatch *certwatch;
	struct control *control;
	struct fleet_join *fleet; /* NULL: there is none */
	struct workers *workers;
	struct staples *staples; /* the last that were made; may be NULL */
	struct rest_services rest_services;
	struct doorman_watch *doorman; /* NULL: none is watched */
	struct rest *rest;
	struct rest_authorize *authorize; /* NULL: nobody asks */
	struct section_files *files;      /* NULL: nothing is watched */
	struct watchdog *watchdog;
	time_t started_at;
	struct event *signals[4];
	struct event *drained; /* activated by the last worker */
	bool draining;
};

/* In this order; then gateway_stop, also after an error. */
int gateway_start_state(struct gateway *g, struct err *err) MUST_USE;
int gateway_start_control(struct gateway *g, struct err *err) MUST_USE;
/* 0 also where there is no fleet. */
int gateway_start_fleet(
    struct gateway *g, enum fleet_join_how how, struct err *err) MUST_USE;
void gateway_stop(struct gateway *g);

#endif
