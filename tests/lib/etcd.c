/*
 * etcd: see etcd.h.
 */
#include "tests/lib/etcd.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures/lib/port.h"

#define MAX_ARGS 64

/* build/unpacked/usr/bin/WHAT, or an installed one; NULL without. */
static char *
program(const char *what)
{
	const char *top = getenv("TOP");
	char *path = xasprintf(
	    "%s/build/unpacked/usr/bin/%s", top != NULL ? top : ".", what);

	if (access(path, X_OK) == 0)
		return path;
	free(path);
	path = xasprintf("/usr/bin/%s", what);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

bool
etcd_have(void)
{
	char *server = program("etcd"), *client = program("etcdctl");
	bool there = server != NULL && client != NULL;

	free(server);
	free(client);
	return there;
}

bool
etcd_missing(void)
{
	if (etcd_have())
		return false;
	puts("1..1\nok 1 - etcd # SKIP not there: make deps-test");
	return true;
}

char *
etcd_path(const struct etcd *e, const char *what)
{
	return xasprintf("%s/%s", e->dir, what);
}

/* Certificates: the recipe is the scripts'. */
static void
make_pki(const struct etcd *e)
{
	const char *argv[] = {"/bin/sh", "-c",
	    ". \"$TOP/tests/lib/etcd.sh\"; etcd_pki \"$1\"", "sh", e->dir,
	    NULL};
	char *log = etcd_path(e, "pki.log"), *out = NULL;

	if (proc_run(argv, log, WAIT_MS, &out) != 0)
		fail_msg("etcd_pki: %s", out);
	free(out);
	free(log);
}

/* "a=http://127.0.0.1:1,b=..." */
static char *
cluster_text(const struct etcd *e)
{
	char *all = xstrdup(""), *more;

	for (int i = 0; i < e->num; i++) {
		more = xasprintf("%s%s%s=http://127.0.0.1:%d", all,
		    i > 0 ? "," : "", e->node[i].name, e->node[i].peer_port);
		free(all);
		all = more;
	}
	return all;
}

/* Arguments that are freed with free_args, but for literals. */
struct args {
	const char *v[MAX_ARGS];
	char *mine[MAX_ARGS];
	int num, num_mine;
};

static void
add(struct args *a, const char *name, char *value)
{
	assert_true(a->num + 2 < MAX_ARGS);
	a->v[a->num++] = name;
	if (value == NULL)
		return;
	a->v[a->num++] = value;
	a->mine[a->num_mine++] = value;
}

static void
free_args(struct args *a)
{
	while (a->num_mine > 0)
		free(a->mine[--a->num_mine]);
}

static void
add_tls(struct args *a, const struct etcd *e)
{
	const char *server =
	    e->options.server != NULL ? e->options.server : "server";

	if (!e->options.tls)
		return;
	add(a, "--cert-file", xasprintf("%s/%s.pem", e->dir, server));
	add(a, "--key-file", xasprintf("%s/%s.key", e->dir, server));
	add(a, "--trusted-ca-file", etcd_path(e, "etcd-ca.pem"));
	add(a, "--client-cert-auth", NULL);
}

void
etcd_launch(struct etcd *e, int i)
{
	struct etcd_node *n = &e->node[i];
	char *peer = xasprintf("http://127.0.0.1:%d", n->peer_port);
	char *log = xasprintf("%s/%s.log", e->dir, n->name);
	struct args a = {.num = 0};

	add(&a, program("etcd"), NULL);
	add(&a, "--name", xstrdup(n->name));
	add(&a, "--data-dir", xstrdup(n->data));
	add(&a, "--listen-client-urls", xstrdup(n->url));
	add(&a, "--advertise-client-urls", xstrdup(n->url));
	add(&a, "--listen-peer-urls", xstrdup(peer));
	add(&a, "--initial-advertise-peer-urls", xstrdup(peer));
	add(&a, "--initial-cluster", cluster_text(e));
	add(&a, "--logger", xstrdup("zap"));
	add(&a, "--log-outputs", xstrdup("stderr"));
	add_tls(&a, e);
	for (int k = 0; e->options.extra != NULL && e->options.extra[k] != NULL;
	     k++)
		add(&a, e->options.extra[k], NULL);
	if (n->proc.name != NULL)
		proc_cleanup(&n->proc);
	proc_start(&n->proc, n->name, log, a.v);
	free((char *)a.v[0]);
	free_args(&a);
	free(log);
	free(peer);
}

void
etcd_await(struct etcd *e, int i)
{
	/* In its own words: there is a leader, and clients are served. */
	char *line =
	    proc_await(&e->node[i].proc, "serving client traffic", 2 * WAIT_MS);

	if (line == NULL)
		fail_msg(
		    "etcd does not serve: %s", proc_log_end(&e->node[i].proc));
	free(line);
}

void
etcd_kill(struct etcd *e, int i)
{
	proc_signal(&e->node[i].proc, SIGKILL);
	assert_int_equal(proc_wait(&e->node[i].proc, WAIT_MS), 128 + SIGKILL);
}

void
etcd_freeze(struct etcd *e, int i)
{
	e->node[i].frozen = true;
	proc_signal(&e->node[i].proc, SIGSTOP);
}

void
etcd_thaw(struct etcd *e, int i)
{
	e->node[i].frozen = false;
	proc_signal(&e->node[i].proc, SIGCONT);
}

static void
remove_tree(const char *path)
{
	const char *argv[] = {"/bin/rm", "-rf", path, NULL};

	assert_int_equal(proc_run(argv, "rm.log", WAIT_MS, NULL), 0);
}

void
etcd_wipe(struct etcd *e, int i)
{
	remove_tree(e->node[i].data);
}

/* With users, only root may: who he is goes by name and password. */
static int
ctl(struct etcd *e, const char *const *args, char **out)
{
	struct args a = {.num = 0};
	int i = 0, rc;

	while (
	    i < e->num - 1 && (e->node[i].proc.pid == 0 || e->node[i].frozen))
		i++;
	add(&a, program("etcdctl"), NULL);
	add(&a, "--endpoints", xstrdup(e->node[i].url));
	add(&a, "--command-timeout", xstrdup("20s"));
	if (e->options.tls) {
		add(&a, "--cacert", etcd_path(e, "etcd-ca.pem"));
		add(&a, "--cert", etcd_path(e, "member.pem"));
		add(&a, "--key", etcd_path(e, "member.key"));
	}
	if (e->options.users != NULL)
		add(&a, "--user", xstrdup("root:root-password"));
	for (i = 0; args[i] != NULL; i++)
		add(&a, args[i], NULL);
	rc = proc_run(a.v, "etcdctl.log", WAIT_MS, out);
	free((char *)a.v[0]);
	free_args(&a);
	return rc;
}

char *
etcd_ctl_args(struct etcd *e, const char *const *args)
{
	char *out = NULL;

	if (ctl(e, args, &out) != 0)
		fail_msg("etcdctl %s: %s", args[0], out);
	return out;
}

char *
etcd_ctl_try(struct etcd *e, const char *const *args)
{
	char *out = NULL;

	(void)ctl(e, args, &out);
	return out;
}

static void
add_users(struct etcd *e)
{
	const char *fleet = e->options.users;
	char *prefix = xasprintf("/p2p-gateway/%s/", fleet);
	char *file = etcd_path(e, "fleet.password");

	/* Not yet with a name: there are no users. */
	e->options.users = NULL;
	etcd_do(e, "user", "add", "root:root-password", NULL);
	etcd_do(e, "user", "grant-role", "root", "root", NULL);
	etcd_do(e, "role", "add", "fleet", NULL);
	etcd_do(e, "role", "grant-permission", "fleet", "--prefix=true",
	    "readwrite", prefix, NULL);
	etcd_do(e, "user", "add", ETCD_USER ":" ETCD_PASSWORD, NULL);
	etcd_do(e, "user", "grant-role", ETCD_USER, "fleet", NULL);
	etcd_do(e, "auth", "enable", NULL);
	e->options.users = fleet;
	file_write(file, ETCD_PASSWORD "\n", strlen(ETCD_PASSWORD "\n"));
	free(file);
	free(prefix);
}

void
etcd_start(struct etcd *e, const char *dir, const struct etcd_options *o)
{
	memset(e, 0, sizeof(*e));
	e->dir = xstrdup(dir);
	e->options = *o;
	e->num = o->nodes > 0 ? o->nodes : 1;
	assert_true(e->num <= ETCD_MAX_NODES);
	dir_make(dir);
	if (o->tls)
		make_pki(e);
	for (int i = 0; i < e->num; i++) {
		struct etcd_node *n = &e->node[i];

		n->name = xasprintf("etcd-%d", i + 1);
		n->data = xasprintf("%s/%s.data", dir, n->name);
		n->port = port_hold(&n->held[0]);
		n->peer_port = port_hold(&n->held[1]);
		n->url = xasprintf(
		    "http%s://127.0.0.1:%d", o->tls ? "s" : "", n->port);
		e->urls[i] = n->url;
	}
	for (int i = 0; i < e->num; i++)
		etcd_launch(e, i);
	for (int i = 0; i < e->num; i++)
		etcd_await(e, i);
	if (o->users != NULL)
		add_users(e);
}

void
etcd_stop(struct etcd *e)
{
	for (int i = 0; i < e->num; i++) {
		struct etcd_node *n = &e->node[i];

		/* It may be frozen, and has nothing to keep. */
		if (n->proc.pid != 0)
			proc_signal(&n->proc, SIGKILL);
		proc_cleanup(&n->proc);
		close(n->held[0]);
		close(n->held[1]);
		free(n->name);
		free(n->url);
		free(n->data);
	}
	if (e->dir != NULL)
		remove_tree(e->dir);
	free(e->dir);
	memset(e, 0, sizeof(*e));
}
