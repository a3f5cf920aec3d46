/*
 * gateway: the real p2p-gateway as a child process, configured in front of a
 * town, and its REST listener. State, log and configuration are files in the
 * test's directory, named after the gateway.
 */
#ifndef TESTS_LIB_GATEWAY_H
#define TESTS_LIB_GATEWAY_H

#include "tests/lib/net.h"

#define REST_USER "operator:demo-password"
/* For "rest.users": the same at the lowest cost, where starts are many. */
#define REST_CHEAP_USERS                                                     \
	"[{\"name\":\"operator\",\"roles\":[\"operate\"],\"password_hash\":" \
	"\"pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$idk+Ho"               \
	"nwau7RH6S7FOePRKUp08rV9hLtCrgSlTQXdHc=\"}]"

struct gateway {
	struct proc proc;
	char *name;
	cJSON *config; /* what gateway_start will write */
	char *shell;   /* NULL, or a script that ends with: exec "$@" */
	int port;
	int rest_port;
};

/* Prepares a configuration in front of the town's node. */
void gateway_prepare(struct gateway *g, const char *name, const struct town *t);
/*
 * It shows a certificate that nobody vouches for, so that it asks nothing about
 * its own: every question that sources see is a peer's. After _prepare.
 */
void gateway_as_stranger(struct gateway *g, const struct town *t);
/*
 * Sets a value by its place: gateway_set(g, "revocation.mode", "\"OFF\"").
 * value is JSON; NULL removes. Missing objects are made.
 */
void gateway_set(struct gateway *g, const char *place, const char *value);
/* Writes the configuration to where a start or a reload reads it. */
void gateway_write(const struct gateway *g);
/* Writes the configuration, starts, waits for the ready line. */
void gateway_start(struct gateway *g);
/* Starts what must not start: returns the exit status; *out what it said. */
int gateway_refuses(struct gateway *g, char **out);
/* The same, and it must be with status 1 and say text. */
void gateway_must_refuse(struct gateway *g, const char *text);
/*
 * SIGTERM, and the exit status must be 0 (a sanitizer's complaint is not).
 * The configuration stays, so that it can be started again.
 */
void gateway_stop(struct gateway *g);
/* SIGKILL, and it has ended by it. */
void gateway_kill(struct gateway *g);
void gateway_free(struct gateway *g);

/*
 * Waits until a line of its log contains text, wherever in it; the mark is
 * behind that line then. Fails the test after WAIT_MS.
 */
void gateway_must_say(struct gateway *g, const char *text);
/* The same from the mark on: only what it says next counts. */
void gateway_must_say_next(struct gateway *g, const char *text);

/* prepare and start with defaults. */
void gateway_run(struct gateway *g, const char *name, const struct town *t);

/* GET/PUT/POST BASE/path with the operator's credentials. */
void rest(struct gateway *g, struct web *w, const char *method,
    const char *path, const char *body);
/*
 * The same when only the status matters: fails the test unless it is status.
 * PUT and POST have an empty body.
 */
void rest_expect(
    struct gateway *g, const char *method, const char *path, long status);
/*
 * Everything that the gateway has said before this call is in its log: lines
 * are written by a thread of their own, in order. Needs REST.
 */
void gateway_settle_log(struct gateway *g);
/* Processor time of all its threads so far. */
double gateway_cpu_ms(const struct gateway *g);
/* A counter of the door, as /status shows it. */
unsigned workers_counted(struct gateway *g, const char *name);
/* Waits until it is n or more; fails the test after WAIT_MS. */
void workers_await(struct gateway *g, const char *name, unsigned n);
/*
 * The counter comes to n: a refused peer knows of the refusal before the
 * gateway counts it. Fails the test if it is not n after WAIT_MS.
 */
void workers_must_count(struct gateway *g, const char *name, unsigned n);
/* Version of a section as GET shows it. */
int rest_version(struct gateway *g, const char *section);
/* PUT of a section, the next version of what it is; the answer is w's. */
void rest_put(
    struct gateway *g, struct web *w, const char *section, const char *config);
/* The same when only the status matters: fails the test unless it is status. */
void rest_push(
    struct gateway *g, const char *section, const char *config, long status);
/* Switches corda.p2p.linkManager's mode; fails the test unless 202. */
void rest_mode(struct gateway *g, const char *mode);

#endif
