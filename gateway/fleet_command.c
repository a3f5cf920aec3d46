/*
 * fleet_command: runs what of the process a command needs, without peers and
 * without REST, until it is done.
 */
#include "gateway/fleet_command.h"

#include <stdio.h>

#include <event2/event.h>

#include "gateway/control/fleet_files.h"
#include "gateway/process/log_sink.h"
#include "gateway/process/privileges.h"

#define COMMAND_SEC 60

static int
fail(const struct err *err)
{
	fprintf(stderr, "p2p-gateway: %s\n", err->msg);
	return 1;
}

/* What a command waits for; then it ends. */
static bool
fleet_is_done(const struct gateway *g)
{
	return fleet_join_is_up(g->fleet) && !fleet_join_is_seeding(g->fleet) &&
	    fleet_join_outbox(g->fleet) == 0;
}

static void
on_too_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

/* What a command needs of the process. */
static int
start(struct gateway *g, struct err *err)
{
	int rc;

	g->base = event_base_new();
	if (g->base == NULL)
		return err_set(err, E_NOMEM, "cannot make an event loop");
	rc = gateway_start_state(g, err);
	return rc == 0 ? gateway_start_control(g, err) : rc;
}

/* Joins as `how` says, without peers and without REST, until it is in step. */
static int
await_step(struct gateway *g, enum fleet_join_how how, struct err *err)
{
	const struct timeval limit = {.tv_sec = COMMAND_SEC};
	struct event *timer;
	bool late = false, vain = false;
	int rc = start(g, err);

	if (rc == 0)
		rc = gateway_start_fleet(g, how, err);
	if (rc != 0)
		return rc;
	timer = evtimer_new(g->base, on_too_late, &late);
	if (timer == NULL || evtimer_add(timer, &limit) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	while (!late && !vain && !fleet_is_done(g)) {
		event_base_loop(g->base, EVLOOP_ONCE);
		vain = fleet_join_is_hopeless(g->fleet, err);
	}
	event_free(timer);
	if (vain)
		return E_ARG;
	return late ? fleet_join_why(g->fleet, err) : 0;
}

static void
say_checked(void *arg, bool good, const char *sentence)
{
	(void)arg;
	printf("%s %s\n", good ? "ok  " : "FAIL", sentence);
}

int
fleet_command_check(const struct conf *conf)
{
	struct err err;

	return fleet_join_check(conf, say_checked, NULL, &err) == 0
	    ? 0
	    : fail(&err);
}

int
fleet_command_export(const struct conf *conf, const char *path)
{
	struct err err;
	size_t num;

	if (fleet_files_export(conf, path, &num, &err) != 0)
		return fail(&err);
	printf("%s: ok (records=%zu)\n", path, num);
	return 0;
}

static int
import_fleet(struct gateway *g, const char *path, struct err *err)
{
	size_t num = 0;
	int rc = start(g, err);

	if (rc == 0)
		rc = fleet_files_import(g->control, &g->stores, &g->services,
		    g->conf, path, &num, err);
	if (rc == 0)
		printf("%s: ok (records=%zu)\n", path, num);
	return rc;
}

/* As whom the gateway runs. */
int
fleet_command_run(struct gateway *g, const struct options *o)
{
	enum fleet_join_how how = o->action == OPTIONS_FLEET_CREATE
	    ? FLEET_JOIN_CREATE
	    : FLEET_JOIN_ADOPT;
	struct err err;
	int rc = privileges_drop(g->conf, &err);

	if (rc == 0)
		rc = log_sink_start(g->sink, &err);
	if (rc == 0)
		rc = o->action == OPTIONS_FLEET_IMPORT
		    ? import_fleet(g, o->fleet_file, &err)
		    : await_step(g, how, &err);
	if (rc != 0)
		fail(&err);
	else if (g->fleet != NULL)
		fleet_join_print(g->fleet, stdout);
	gateway_stop(g);
	return rc == 0 ? 0 : 1;
}
