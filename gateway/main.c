/*
 * p2p-gateway: the process. Builds everything in order (configuration, log,
 * passed sockets, privileges, engine and sections, door, REST), says where it
 * listens, and takes it down in the opposite order. The main thread is the
 * control thread: signals, REST and every change of configuration are events of
 * its one loop.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "gateway/process/sd_listen.h"
#include "gateway/conf/conf.h"
#include "gateway/control/control.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/dataplane/workers.h"
#include "gateway/process/log_sink.h"
#include "gateway/process/sd_notify.h"
#include "gateway/base/password_hash.h"
#include "gateway/process/privileges.h"
#include "gateway/rest/rest.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/control/section_files.h"
#include "revcheck/revcheck.h"

#define EXIT_USAGE 2

static const char usage[] =
    "usage: p2p-gateway --config FILE [--check-config]\n"
    "       p2p-gateway --hash-password\n"
    "       p2p-gateway --version\n"
    "A TLS front for a peer-to-peer node that checks every certificate for\n"
    "revocation. --hash-password reads a password from standard input and\n"
    "prints what goes into password_hash. See p2p-gateway(8).\n";

struct gateway {
	struct conf *conf;
	struct log_sink *sink;
	const struct log *log;
	struct sd_listen *activation; /* sockets passed by a manager */
	struct event_base *base;
	struct control *control;
	struct workers *door;
	struct rest *rest;
	struct section_files *watch; /* NULL: nothing is watched */
	struct watchdog *watchdog;
	struct event *signals[4];
	struct event *drained; /* activated by the last worker */
	bool draining;
};

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

	if (fgets(line, sizeof(line), stdin) == NULL) {
		fprintf(stderr, "p2p-gateway: no password on standard input\n");
		return EXIT_USAGE;
	}
	line[strcspn(line, "\r\n")] = '\0';
	if (password_hash(hash, line, &err) != 0)
		return fail(&err);
	puts(hash);
	return 0;
}

static int
check_config(struct conf *conf)
{
	struct err err;

	if (workers_check(conf, &err) != 0)
		return fail(&err);
	printf("%s: ok\n", conf->file);
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
	if (g->draining) {
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
	workers_drain(g->door,
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
	if (g->watch != NULL)
		section_files_scan(g->watch);
}

/* On a worker's thread. */
static void
on_decision(void *arg, const struct workers_decision *d)
{
	struct gateway *g = arg;
	struct decision x = {.way = d->occasion == DECISION_AT_RECHECK
		? DECISION_RECHECK
		: d->inbound ? DECISION_INBOUND
			     : DECISION_OUTBOUND,
	    .connection = d->conn,
	    .at = time(NULL),
	    .waited_ms = d->waited_ms,
	    .report = d->report,
	    .allowed = d->allowed};

	snprintf(x.peer, sizeof(x.peer), "%s", d->address);
	snprintf(x.note, sizeof(x.note), "%s", d->error);
	decision_ring_add(control_decisions(g->control), &x);
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

static void
say_ready(struct gateway *g)
{
	struct listen_bound bound[64];
	size_t num = workers_get_bound(g->door, bound, 64);

	printf("ready");
	for (size_t i = 0; i < num && i < 64; i++) {
		const char *name = bound[i].name;
		bool peers = strncmp(name, "peers", 5) == 0;

		/* The first listener for peers is `listen`. */
		printf(" %s%s=%s", peers ? "listen" : "",
		    peers ? name + 5 : name, bound[i].address);
	}
	printf(" rest=https://%s\n", rest_address(g->rest));
	fflush(stdout);
	sd_notify_send(g->log, "READY=1\nSTATUS=serving");
}

static bool
is_alive(void *arg)
{
	struct gateway *g = arg;

	return workers_answers(g->door);
}

/* Listeners' sockets, the REST server's among them, that are made already. */
static int
take_passed(struct gateway *g, int *rest_fd, struct err *err)
{
	size_t i;
	int rc = sd_listen_new(&g->activation, err);

	*rest_fd = -1;
	if (rc != 0)
		return rc;
	i = sd_listen_find(g->activation, "rest", &g->conf->rest.listen);
	if (i == SD_LISTEN_NONE)
		return 0;
	sd_listen_reserve(g->activation, i);
	*rest_fd = sd_listen_fd(g->activation, i);
	return 0;
}

static int
start(struct gateway *g, struct err *err)
{
	int rc, rest_fd;

	/* First: a number that was not passed must not become ours. */
	rc = take_passed(g, &rest_fd, err);
	/* Second: what is made from here on is made by whom it is for. */
	if (rc == 0)
		rc = privileges_drop(g->conf, err);
	if (rc != 0)
		return rc;
	g->base = event_base_new();
	if (g->base == NULL)
		return err_set(err, E_NOMEM, "cannot make an event loop");
	rc = watch_signals(g, err);
	if (rc == 0)
		rc = control_new(&g->control, g->conf, g->base, g->log, err);
	if (rc == 0)
		rc = workers_new(&g->door, control_conf(g->control),
		    control_engine(g->control), g->activation, g->log, err);
	if (rc != 0)
		return rc;
	workers_observe(g->door, on_decision, g);
	control_set_door(g->control, g->door);
	rc = rest_new(&g->rest, g->base, g->control, rest_fd, err);
	if (rc != 0)
		return rc;
	control_set_rest(g->control, g->rest);
	if (g->conf->watch.path != NULL)
		rc = section_files_new(
		    &g->watch, g->base, g->control, g->conf->watch.path, err);
	if (rc == 0)
		rc = watchdog_new(
		    &g->watchdog, g->base, g->log, is_alive, g, err);
	return rc;
}

static void
stop(struct gateway *g)
{
	watchdog_free(g->watchdog);
	section_files_free(g->watch);
	rest_free(g->rest);
	if (g->control != NULL)
		control_set_door(g->control, NULL);
	workers_free(g->door);
	sd_listen_free(g->activation);
	control_free(g->control);
	for (size_t i = 0; i < 3; i++)
		if (g->signals[i] != NULL)
			event_free(g->signals[i]);
	if (g->drained != NULL)
		event_free(g->drained);
	if (g->base != NULL)
		event_base_free(g->base);
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
	} else {
		fail(&err);
	}
	stop(g);
	return rc == 0 ? 0 : 1;
}

static int
run_config(const char *path, bool check_only)
{
	struct gateway g = {.conf = NULL};
	struct err err;
	int rc;

	if (conf_load(&g.conf, path, NULL, &err) != 0) {
		rc = fail(&err);
	} else if (check_only) {
		rc = check_config(g.conf);
	} else if (log_sink_new(&g.sink, &g.conf->log, &err) != 0) {
		rc = fail(&err);
	} else {
		g.log = log_sink_get0_log(g.sink);
		pkcs11_set_log(g.log);
		process_prepare(g.log);
		rc = run(&g);
	}
	conf_free(g.conf);
	if (!pkcs11_close()) {
		fflush(NULL);
		_exit(rc);
	}
	pkcs11_set_log(NULL);
	log_sink_free(g.sink);
	libevent_global_shutdown();
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, 'k'},
	    {"hash-password", no_argument, NULL, 'p'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
	const char *path = NULL;
	bool check_only = false, hash = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check_only = true;
			break;
		case 'p':
			hash = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("p2p-gateway " REVCHECK_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	if (hash && optind == argc)
		return hash_password();
	if (path == NULL || optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (evthread_use_pthreads() != 0) {
		fprintf(stderr, "p2p-gateway: libevent has no threads\n");
		return 1;
	}
	return run_config(path, check_only);
}
