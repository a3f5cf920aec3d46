/*
 * net: see net.h. The town, its control ports and the process table.
 */
#include "tests/lib/net.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

long long
mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int
tcp_dial(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static char *
from_env(const char *variable, const char *name)
{
	const char *dir = getenv(variable);

	if (dir == NULL)
		die("$%s is not set: run by tests/run", variable);
	return xasprintf("%s/%s", dir, name);
}

char *
bin_path(const char *name)
{
	return from_env("BIN", name);
}

char *
fixture_path(const char *name)
{
	return from_env("FIXTURES", name);
}

static void
server_read(struct server *s, const cJSON *json, const char *key)
{
	const cJSON *o = json_at(json, key);

	assert_non_null(o);
	s->port = (int)json_number(o, "port");
	s->control = (int)json_number(o, "control");
	s->pid = (int)json_number(o, "pid");
}

void
town_start(struct town *t, const char *dir, const char *const *extra)
{
	char *path = fixture_path("town"), *line;
	char *log = xasprintf("%s.log", dir);
	const char *argv[16] = {path, "--dir", dir};
	cJSON *json;
	int i;

	memset(t, 0, sizeof(*t));
	for (i = 0; extra != NULL && extra[i] != NULL && i < 12; i++)
		argv[i + 3] = extra[i];
	proc_start(&t->proc, "town", log, argv);
	line = proc_await(&t->proc, "{", WAIT_MS);
	if (line == NULL)
		fail_msg("the town did not start: %s", proc_log_end(&t->proc));
	json = cJSON_Parse(line);
	assert_non_null(json);
	t->dir = xstrdup(json_text(json, "dir"));
	server_read(&t->web, json, "web");
	server_read(&t->ocsp, json, "ocsp");
	server_read(&t->node, json, "node");
	cJSON_Delete(json);
	free(line);
	free(log);
	free(path);
}

void
town_stop(struct town *t)
{
	proc_cleanup(&t->proc);
	free(t->dir);
	memset(t, 0, sizeof(*t));
}

char *
town_path(const struct town *t, const char *what)
{
	return xasprintf("%s/%s", t->dir, what);
}

#define MAX_ARGS 40

/* Appends args (NULL-terminated) from place `at` on. */
static void
append_args(const char *argv[MAX_ARGS], int at, const char *const *args)
{
	while (at < MAX_ARGS - 1 && *args != NULL)
		argv[at++] = *args++;
	argv[at] = NULL;
}

void
town_ca_args(const struct town *t, const char *const *args)
{
	char *path = fixture_path("ca"), *out;
	const char *argv[MAX_ARGS] = {path, args[0], t->dir};

	append_args(argv, 3, args + 1);
	if (proc_run(argv, "ca.log", WAIT_MS, &out) != 0)
		fail_msg("ca %s: %s", args[0], out);
	free(out);
	free(path);
}

static void
ask(struct web *w, const char *method, int port, const char *path,
    const char *body)
{
	char *url = xasprintf("http://127.0.0.1:%d%s", port, path);

	web_request(w, method, url, NULL, body, "text/plain");
	if (w->status != 200)
		fail_msg("%s %s: status %ld: %s %s", method, url, w->status,
		    w->body, w->error);
	free(url);
}

unsigned long
hits(const struct server *s, const char *path)
{
	char *p = xasprintf("/_hits/%s", *path == '/' ? path + 1 : path);
	struct web w;
	unsigned long n;

	ask(&w, "GET", s->control, p, NULL);
	n = strtoul(w.body, NULL, 10);
	web_free(&w);
	free(p);
	return n;
}

void
hits_await(const struct server *s, unsigned long n, const char *path)
{
	char *p = xasprintf("/_await/%lu%s", n, path);
	struct web w;

	ask(&w, "GET", s->control, p, NULL);
	web_free(&w);
	free(p);
}

void
control(const struct server *s, const char *path, const char *body)
{
	struct web w;

	ask(&w, "POST", s->control, path, body ? body : "");
	web_free(&w);
}

unsigned long long
node_stat(const struct server *node, const char *name)
{
	struct web w;
	double n;

	ask(&w, "GET", node->control, "/_stats", NULL);
	assert_non_null(json_at(w.json, name));
	n = json_number(w.json, name);
	web_free(&w);
	return (unsigned long long)n;
}

void
node_await(const struct server *node, const char *name, unsigned long long n)
{
	char *p = xasprintf("/_await/%s/%llu", name, n);
	struct web w;

	ask(&w, "GET", node->control, p, NULL);
	web_free(&w);
	free(p);
}

void
badhttp_args(
    struct proc *p, struct server *s, const char *log, const char *const *args)
{
	char *path = fixture_path("badhttp"), *line, *value;
	const char *argv[MAX_ARGS] = {path};

	append_args(argv, 1, args);
	proc_start(p, "badhttp", log, argv);
	line = proc_await(p, "ready ", WAIT_MS);
	if (line == NULL)
		fail_msg("badhttp did not start: %s", proc_log_end(p));
	value = line_value(line, "port");
	s->port = atoi(value);
	free(value);
	value = line_value(line, "control");
	s->control = atoi(value);
	free(value);
	s->pid = p->pid;
	free(line);
	free(path);
}

/* The process table. */

static size_t
status_number(int pid, const char *key)
{
	char *path = xasprintf("/proc/%d/status", pid);
	char *text = file_need(path, NULL), *p = strstr(text, key);
	size_t n;

	assert_non_null(p);
	n = strtoul(p + strlen(key), NULL, 10);
	free(text);
	free(path);
	return n;
}

size_t
pid_rss_bytes(int pid)
{
	return status_number(pid, "VmRSS:") * 1024;
}

size_t
pid_num_threads(int pid)
{
	return status_number(pid, "Threads:");
}

size_t
pid_num_fds(int pid)
{
	char *path = xasprintf("/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	free(path);
	return n - 2; /* . and .. */
}
