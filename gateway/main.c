/*
 * p2p-gateway: the process. Builds everything in order (configuration, log,
 * passed sockets, privileges, stores, engine, what is in force, workers, REST),
 * lends each what it works with, says where it
 * listens, and takes it down in the opposite order. The main thread is the
 * control thread: signals, REST and every change of configuration are events of
 * its one loop.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "gateway/base/event_slots.h"
#include "gateway/base/password_hash.h"
#include "gateway/base/services.h"
#include "gateway/certwatch/certwatch.h"
#include "gateway/command/init.h"
#include "gateway/command/options.h"
#include "gateway/conf/conf.h"
#include "gateway/conf/conf_schema.h"
#include "gateway/conf/conf_warn.h"
#include "gateway/control/control.h"
#include "gateway/control/engine_start.h"
#include "gateway/control/fleet_join.h"
#include "gateway/control/section_files.h"
#include "gateway/control/start_check.h"
#include "gateway/control/stores.h"
#include "gateway/dataplane/workers.h"
#include "gateway/doorman/doorman_watch.h"
#include "gateway/fleet_command.h"
#include "gateway/gateway.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/process/descriptors.h"
#include "gateway/process/key_files.h"
#include "gateway/process/log_sink.h"
#include "gateway/process/password_prompt.h"
#include "gateway/process/privileges.h"
#include "gateway/process/sd_listen.h"
#include "gateway/process/sd_notify.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/rest_authorize.h"
#include "gateway/rest/rest_hasher.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/sessions/chain_cache.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/state/state_db.h"
#include "gateway/tls/staple.h"
#include "revcheck/revcheck.h"

#define EXIT_USAGE 2

static int
fail(const struct err *err)
{
	fprintf(stderr, "p2p-gateway: %s\n", err->msg);
	return 1;
}

static int
hash_password(void)
{
	char line[PASSWORD_MAX_LEN + 2], hash[PASSWORD_HASH_SIZE];
	struct err err;

	if (!password_prompt(line, sizeof(line)))
		return EXIT_USAGE;
	if (password_hash(hash, line, PASSWORD_COST, &err) != 0)
		return fail(&err);
	puts(hash);
	return 0;
}

static void
print_warning(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "p2p-gateway: warning: %s\n", line);
}

static int
check_config(struct conf *conf)
{
	struct err err;

	if (start_check(conf, NULL, &err) != 0 ||
	    workers_check(conf, &err) != 0 || rest_check(conf, &err) != 0)
		return fail(&err);
	conf_warn(conf, time(NULL), print_warning, NULL);
	printf("%s: ok\n", conf->file);
	return 0;
}

static int
print_fingerprint(const struct conf *conf)
{
	char text[REST_FINGERPRINT_TEXT];
	struct err err;

	if (rest_fingerprint(text, conf, &err) != 0)
		return fail(&err);
	puts(text);
	return 0;
}

static int
check_state(const char *path)
{
	struct err err;

	if (state_db_check(path, &err) != 0)
		return fail(&err);
	printf("%s: ok\n", path);
	return 0;
}

/* Events. */

static void
on_drained(evutil_socket_t fd, short what, void *arg)
{
	struct gateway *g = arg;

	(void)fd, (void)what;
	event_base_loopbreak(g->base);
}

/* On a worker's thread. */
static void
drained(void *arg)
{
	struct gateway *g = arg;

	event_active(g->drained, EV_READ, 0);
}

static void
on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct gateway *g = arg;

	(void)what;
	if (g->draining || g->workers == NULL) {
		log_line(g->log, LOG_LEVEL_WARN, "stopping at once (signal=%d)",
		    (int)sig);
		event_base_loopbreak(g->base);
		return;
	}
	g->draining = true;
	log_line(g->log, LOG_LEVEL_INFO,
	    "draining connections (signal=%d deadline_ms=%u)", (int)sig,
	    control_conf(g->control)->limits.drain_timeout_ms);
	sd_notify_stopping(
	    g->log, control_conf(g->control)->limits.drain_timeout_ms);
	workers_drain(g->workers,
	    control_conf(g->control)->limits.drain_timeout_ms, drained, g);
}

static void
on_reload(evutil_socket_t sig, short what, void *arg)
{
	const struct control_actor actor = {
	    .who = "signal", .from = "SIGHUP", .action = "reload"};
	struct gateway *g = arg;
	struct err err;

	(void)sig, (void)what;
	if (g->draining)
		return;
	/* What it says it has said. */
	(void)!control_reload(g->control, &actor, &err);
	if (g->files != NULL)
		section_files_scan(g->files);
}

static int
on_new_conf(void *arg, struct conf *conf, struct err *err)
{
	struct gateway *g = arg;

	int rc;

	key_files_check(g->log, conf);
	rc = rest_apply(g->rest, conf, err);
	if (rc == 0 && g->fleet != NULL)
		rc = fleet_join_reload(g->fleet, conf, err);
	return rc;
}

static void
on_still_waiting(evutil_socket_t fd, short what, void *arg)
{
	const struct gateway *g = arg;

	(void)fd, (void)what;
	log_line(g->log, LOG_LEVEL_ERROR,
	    "nothing is known of the fleet '%s' yet, and fleet.required is "
	    "set: peers are not served before",
	    g->conf->fleet.name);
}

static int
watch_signals(struct gateway *g, struct err *err)
{
	const int stops[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < 2; i++)
		g->signals[i] = evsignal_new(g->base, stops[i], on_stop, g);
	g->signals[2] = evsignal_new(g->base, SIGHUP, on_reload, g);
	g->drained = event_new(g->base, -1, EV_PERSIST, on_drained, g);
	for (size_t i = 0; i < 3; i++)
		if (g->signals[i] == NULL ||
		    event_add(g->signals[i], NULL) != 0)
			return err_set(err, E_NOMEM, "cannot watch signals");
	return g->drained != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

/* Life. */

#define MAX_BOUND 64

/* What the ready line says, for who reads the log. */
static void
log_started(
    const struct gateway *g, const struct listen_bound *bound, size_t num)
{
	const char *addresses[MAX_BOUND + 1] = {NULL};
	const struct log_field fields[] = {
	    LOG_FIELD_LIST("listeners", addresses)};

	for (size_t i = 0; i < num && i < MAX_BOUND; i++)
		addresses[i] = bound[i].address;
	log_event(g->log, LOG_LEVEL_INFO, "started", fields, LOG_NUM(fields),
	    "started (version=%s pid=%d rest='%s')", REVCHECK_VERSION,
	    (int)getpid(), rest_address(g->rest));
}

static void
say_ready(struct gateway *g)
{
	struct listen_bound bound[MAX_BOUND];
	size_t num = workers_get_bound(g->workers, bound, MAX_BOUND);

	log_started(g, bound, num);
	printf("ready");
	for (size_t i = 0; i < num && i < MAX_BOUND; i++) {
		const char *name = bound[i].name;
		bool peers = strncmp(name, "peers", 5) == 0;

		/* The first listener for peers is `listen`. */
		printf(" %s%s=%s", peers ? "listen" : "",
		    peers ? name + 5 : name, bound[i].address);
	}
	if (g->authorize != NULL)
		printf(" authorize=%s", rest_authorize_address(g->authorize));
	printf(" rest=https://%s\n", rest_address(g->rest));
	fflush(stdout);
	sd_notify_send(g->log, "READY=1\nSTATUS=serving");
}

static bool
is_alive(void *arg)
{
	struct gateway *g = arg;

	return workers_answers(g->workers);
}

/* Listeners' sockets, the REST server's among them, that are made already. */
static int
take_passed(struct gateway *g, int *rest_fd, struct err *err)
{
	size_t i;
	int rc = sd_listen_new(&g->passed, err);

	*rest_fd = -1;
	if (rc != 0)
		return rc;
	i = sd_listen_find(g->passed, "rest", &g->conf->rest.listen);
	if (i == SD_LISTEN_NONE)
		return 0;
	sd_listen_reserve(g->passed, i);
	*rest_fd = sd_listen_fd(g->passed, i);
	return 0;
}

/*
 * A machine that has nothing of its fleet yet, and must: peers are not served
 * before. 0 also when it was told to stop meanwhile.
 */
static int
await_fleet(struct gateway *g, struct err *err)
{
	const struct timeval minute = {.tv_sec = 60};
	struct event *timer;

	if (g->fleet == NULL || !g->conf->fleet.required)
		return 0;
	timer = event_new(g->base, -1, EV_PERSIST, on_still_waiting, g);
	if (timer == NULL || event_add(timer, &minute) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	if (!fleet_join_has_state(g->fleet))
		on_still_waiting(-1, 0, g);
	while (
	    !fleet_join_has_state(g->fleet) && !event_base_got_break(g->base))
		event_base_loop(g->base, EVLOOP_ONCE);
	event_free(timer);
	return event_base_got_break(g->base)
	    ? err_set(err, E_CLOSED, "stopped while waiting for the fleet")
	    : 0;
}

static int
start_workers(struct gateway *g, struct err *err)
{
	int rc = workers_new(&g->workers, control_conf(g->control), g->engine,
	    g->decisions, g->passed, g->log, log_sink_get0_strangers(g->sink),
	    err);

	if (rc != 0)
		return rc;
	control_set_workers(g->control, g->workers);
	if (g->staples != NULL)
		workers_staple(g->workers, g->staples);
	return 0;
}

static int
start_rest(struct gateway *g, int fd, struct err *err)
{
	int rc = 0;

	if (g->conf->doorman.status_url != NULL)
		rc = doorman_watch_new(
		    &g->doorman, &g->conf->doorman, g->log, err);
	if (rc != 0)
		return rc;
	g->rest_services = (struct rest_services){.control = g->control,
	    .workers = g->workers,
	    .checker = {.services = &g->services,
		.chains = g->chains,
		.decisions = g->decisions,
		.watch = g->sessions},
	    .certwatch = g->certwatch,
	    .state = g->stores.db,
	    .sections = g->stores.sections,
	    .denylist = g->stores.denylist,
	    .subjects = g->stores.subjects,
	    .keys = g->stores.keys,
	    .certs = g->stores.certs,
	    .members = g->stores.members,
	    .fleet = g->fleet,
	    .sink = g->sink,
	    .doorman = g->doorman,
	    .started_at = g->started_at};
	rc = rest_new(&g->rest, &g->services, &g->rest_services, rest_routes,
	    control_conf(g->control), fd, err);
	if (rc == 0)
		rc = rest_authorize_new(
		    &g->authorize, g->rest, g->decisions, err);
	if (rc == 0)
		control_on_reload(g->control, on_new_conf, g);
	return rc;
}

static int
start(struct gateway *g, struct err *err)
{
	int rc, rest_fd;

	g->started_at = time(NULL);
	/* First: a number that was not passed must not become ours. */
	rc = take_passed(g, &rest_fd, err);
	/* Second: what is made from here on is made by whom it is for. */
	if (rc == 0)
		rc = privileges_drop(g->conf, err);
	if (rc == 0)
		rc = log_sink_start(g->sink, err);
	if (rc != 0)
		return rc;
	g->base = event_base_new();
	if (g->base == NULL)
		return err_set(err, E_NOMEM, "cannot make an event loop");
	rc = watch_signals(g, err);
	if (rc == 0)
		rc = gateway_start_state(g, err);
	if (rc == 0)
		rc = gateway_start_control(g, err);
	if (rc == 0)
		rc = gateway_start_fleet(g, FLEET_JOIN, err);
	if (rc == 0)
		rc = await_fleet(g, err);
	if (rc == 0)
		rc = start_workers(g, err);
	if (rc == 0)
		rc = start_rest(g, rest_fd, err);
	if (rc == 0 && g->conf->watch.path != NULL)
		rc = section_files_new(&g->files, &g->services, g->control,
		    g->stores.sections, g->conf->watch.path, err);
	if (rc == 0)
		rc = watchdog_new(
		    &g->watchdog, g->base, g->log, is_alive, g, err);
	return rc;
}

static int
run(struct gateway *g)
{
	struct err err;
	int rc = start(g, &err);

	if (rc == 0) {
		say_ready(g);
		event_base_dispatch(g->base);
		log_line(g->log, LOG_LEVEL_INFO, "stopped");
	} else if (g->conf->log.format == CONF_LOG_JSON) {
		log_line(g->log, LOG_LEVEL_ERROR, "cannot start: %s", err.msg);
	} else {
		fail(&err);
	}
	gateway_stop(g);
	return rc == 0 ? 0 : 1;
}

/* The file, or what flags say in place of one. */
static int
load(struct conf **out, const struct options *o, struct err *err)
{
	char *text;
	int rc;

	if (o->path != NULL)
		return conf_load(out, o->path, NULL, err);
	*out = NULL;
	text = quick_conf_text(&o->quick);
	rc = text != NULL ? conf_given(out, text, "command line", NULL, err)
			  : err_set(err, E_NOMEM, "out of memory");
	free(text);
	return rc;
}

static int
run_config(const struct options *o)
{
	struct gateway g = {.conf = NULL};
	struct err err;
	int rc;

	event_slots_init();
	if (evthread_use_pthreads() != 0) {
		fprintf(stderr, "p2p-gateway: libevent has no threads\n");
		return 1;
	}
	if (load(&g.conf, o, &err) != 0) {
		rc = fail(&err);
	} else if (o->action >= OPTIONS_FLEET_CHECK &&
	    o->action <= OPTIONS_FLEET_IMPORT && g.conf->fleet.name == NULL) {
		fprintf(stderr, "p2p-gateway: '%s' has no key fleet\n",
		    g.conf->file);
		rc = 1;
	} else if (o->action == OPTIONS_FLEET_CHECK) {
		rc = fleet_command_check(g.conf);
	} else if (o->action == OPTIONS_FLEET_EXPORT) {
		rc = fleet_command_export(g.conf, o->fleet_file);
	} else if (o->action == OPTIONS_REST_FINGERPRINT) {
		rc = print_fingerprint(g.conf);
	} else if (o->action == OPTIONS_CHECK_CONFIG) {
		rc = check_config(g.conf);
	} else if (log_sink_new(&g.sink, &g.conf->log, &err) != 0) {
		rc = fail(&err);
	} else {
		g.log = log_sink_get0_log(g.sink);
		pkcs11_set_log(g.log);
		process_prepare(g.log);
		descriptors_raise(g.log);
		descriptors_check(g.log, g.conf);
		key_files_check(g.log, g.conf);
		rc = o->action >= OPTIONS_FLEET_CREATE &&
			o->action <= OPTIONS_FLEET_IMPORT
		    ? fleet_command_run(&g, o)
		    : run(&g);
	}
	conf_free(g.conf);
	if (!pkcs11_close() || !rest_hasher_all_ended()) {
		if (g.sink != NULL)
			log_sink_flush(g.sink, 2000);
		fflush(NULL);
		_exit(rc);
	}
	pkcs11_set_log(NULL);
	log_sink_free(g.sink);
	libevent_global_shutdown();
	return rc;
}

static int
print_schema(void)
{
	cJSON *schema = conf_schema_file();
	char *text = cJSON_Print(schema);

	if (text != NULL)
		puts(text);
	cJSON_free(text);
	cJSON_Delete(schema);
	return text != NULL ? 0 : 1;
}

static int
init(const struct options *o)
{
	struct err err;

	return init_directory(o, conf_check_words, time(NULL), &err) == 0
	    ? 0
	    : fail(&err);
}

int
main(int argc, char **argv)
{
	struct options o;

	process_keep_memory_private();
	if (!options_parse(&o, argc, argv))
		return EXIT_USAGE;
	switch (o.action) {
	case OPTIONS_HELP:
		options_usage(stdout);
		return 0;
	case OPTIONS_VERSION:
		options_version(stdout);
		return 0;
	case OPTIONS_CONFIG_SCHEMA:
		return print_schema();
	case OPTIONS_HASH_PASSWORD:
		return hash_password();
	case OPTIONS_CHECK_STATE:
		return check_state(o.path);
	case OPTIONS_INIT:
		return init(&o);
	default:
		return run_config(&o);
	}
}
