/*
 * net: what network tests share. A test runs in an empty directory of its
 * own; programs come from $BIN (the product) and $FIXTURES (the town). Every
 * wait has a bound, none is a sleep. Failing helpers fail the test (cmocka's
 * fail_msg), except where an outcome is returned.
 */
#ifndef TESTS_LIB_NET_H
#define TESTS_LIB_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "fixtures/lib/fixture.h"
#include "fixtures/lib/proc.h"

/* Generous: two shared cores, sanitizers. */
#define WAIT_MS 30000

/* Milliseconds that have passed, since nobody knows when. */
long long mono_ms(void);
/* A plain TCP connection to a port of 127.0.0.1: close it. */
int tcp_dial(int port);

/* "$BIN/name", "$FIXTURES/name": free it. */
char *bin_path(const char *name);
char *fixture_path(const char *name);

/* The town. */

struct server {
	int port;
	int control;
	int pid;
};

/* A running town: CRL server, OCSP responder, node, minted certificates. */
struct town {
	struct proc proc;
	char *dir;
	struct server web, ocsp, node;
};

/* extra: more options for the town, NULL-terminated, or NULL. */
void town_start(struct town *t, const char *dir, const char *const *extra);
void town_stop(struct town *t);
/* "DIR/what": free it. */
char *town_path(const struct town *t, const char *what);

/* town_ca(t, "revoke", "peers/good", NULL): ca COMMAND DIR ARGUMENTS. */
#define town_ca(t, ...) town_ca_args(t, (const char *const[]){__VA_ARGS__})
void town_ca_args(const struct town *t, const char *const *args);

/* Control of fixtures. */

/* Hits of a path ("" or "/": all; "/doorman*": all that begin so). */
unsigned long hits(const struct server *s, const char *path);
/* Waits until path has had at least n hits; fails after WAIT_MS. */
void hits_await(const struct server *s, unsigned long n, const char *path);
/* control(&t.web, "/_release/NAME", NULL), control(&s, "/_script", lines) */
void control(const struct server *s, const char *path, const char *body);
/* A number of the node's /_stats: connections, open, received, sent, ... */
unsigned long long node_stat(const struct server *node, const char *name);
void
node_await(const struct server *node, const char *name, unsigned long long n);

/* badhttp_start(p, s, log, "--root", dir, NULL): a badhttp of its own. */
#define badhttp_start(p, s, log, ...) \
	badhttp_args(p, s, log, (const char *const[]){__VA_ARGS__})
void badhttp_args(
    struct proc *p, struct server *s, const char *log, const char *const *args);

/* An HTTP client. */

struct web {
	long status; /* 0: no answer */
	char *body;  /* NUL-terminated */
	size_t len;
	char *head; /* all header lines */
	char error[256];
	cJSON *json; /* of the body, or NULL */
};

/*
 * web_request sends one request (certificates are not checked). user is
 * "name:password" or NULL, body NULL for none, type NULL for curl's own.
 */
void web_request(struct web *w, const char *method, const char *url,
    const char *user, const char *body, const char *type);
/* Value of a response header, copied (free it), or NULL. */
char *web_header(const struct web *w, const char *name);
void web_free(struct web *w);

/* String or number at a path such as "status.Revoked.reason"; or NULL, 0. */
const char *json_text(const cJSON *o, const char *path);
double json_number(const cJSON *o, const char *path);
const cJSON *json_at(const cJSON *o, const char *path);

/* The process table. */

size_t pid_rss_bytes(int pid);
size_t pid_num_fds(int pid);
size_t pid_num_threads(int pid);

#endif
