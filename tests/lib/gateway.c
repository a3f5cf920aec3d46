/*
 * gateway: see gateway.h.
 */
#include "tests/lib/gateway.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
set_string(struct gateway *g, const char *place, char *text)
{
	cJSON *s = cJSON_CreateString(text);
	char *json = cJSON_PrintUnformatted(s);

	gateway_set(g, place, json);
	free(json);
	free(text);
	cJSON_Delete(s);
}

static void
set_identity(struct gateway *g, const struct town *t, const char *what)
{
	char *identity =
	    xasprintf("[{\"name\":\"gateway\",\"certificate\":\"%s/%s.pem\","
		      "\"key\":\"%s/%s.key\"}]",
		t->dir, what, t->dir, what);

	gateway_set(g, "identities", identity);
	free(identity);
}

void
gateway_as_stranger(struct gateway *g, const struct town *t)
{
	set_identity(g, t, "peers/stranger");
}

void
gateway_prepare(struct gateway *g, const char *name, const struct town *t)
{
	char *node = xasprintf("[\"127.0.0.1:%d\"]", t->node.port);
	char *trust = xasprintf(
	    "[{\"group\":\"town\",\"anchors\":\"%s/trust.pem\"}]", t->dir);

	memset(g, 0, sizeof(*g));
	g->name = xstrdup(name);
	g->config = cJSON_CreateObject();
	set_string(g, "listen", xstrdup("127.0.0.1:0"));
	gateway_set(g, "node.addresses", node);
	set_identity(g, t, "gateway");
	gateway_set(g, "trust", trust);
	gateway_set(g, "workers", "2");
	gateway_set(g, "tls.min_version", "\"1.2\"");
	/* A test may leave connections that never end by themselves. */
	gateway_set(g, "limits.drain_timeout_ms", "1000");
	set_string(g, "state_dir", xasprintf("%s.state", name));
	set_string(g, "rest.listen", xstrdup("127.0.0.1:0"));
	gateway_set(g, "rest.users",
	    "[{\"name\":\"operator\",\"password\":\"demo-password\","
	    "\"roles\":[\"operate\",\"check\"]},"
	    "{\"name\":\"reader\",\"password\":\"reader-password\","
	    "\"roles\":[\"read\"]}]");
	/* HARD_FAIL bites at once, but in tests of the warm-up. */
	gateway_set(g, "revocation.warm_up_ms", "0");
	gateway_set(g, "revocation.any_port", "true");
	gateway_set(g, "revocation.allow_addresses", "[\"127.0.0.1\"]");
	gateway_set(g, "log.level", "\"info\"");
	free(node);
	free(trust);
}

void
gateway_set(struct gateway *g, const char *place, const char *value)
{
	char *copy = xstrdup(place), *save = NULL, *key, *next;
	cJSON *o = g->config, *below, *v = NULL;

	if (value != NULL && (v = cJSON_Parse(value)) == NULL)
		fail_msg("not JSON: %s", value);
	key = strtok_r(copy, ".", &save);
	while ((next = strtok_r(NULL, ".", &save)) != NULL) {
		below = cJSON_GetObjectItemCaseSensitive(o, key);
		if (below == NULL)
			below = cJSON_AddObjectToObject(o, key);
		o = below;
		key = next;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(o, key);
	if (v != NULL)
		cJSON_AddItemToObject(o, key, v);
	free(copy);
}

void
gateway_write(const struct gateway *g)
{
	char *file = xasprintf("%s.json", g->name);
	char *text = cJSON_Print(g->config);

	file_write(file, text, strlen(text));
	free(file);
	free(text);
}

static char *
spawn(struct gateway *g)
{
	char *path = bin_path("p2p-gateway");
	char *file = xasprintf("%s.json", g->name);
	char *log = xasprintf("%s.log", g->name);
	const char *argv[] = {
	    "/bin/sh", "-c", g->shell, "sh", path, "--config", file, NULL};

	gateway_write(g);
	proc_start(&g->proc, g->name, log, g->shell != NULL ? argv : argv + 4);
	free(path);
	free(file);
	return log;
}

void
gateway_start(struct gateway *g)
{
	char *log = spawn(g), *line, *value, *colon;

	line = proc_await(&g->proc, " rest=https://", WAIT_MS);
	if (line == NULL)
		fail_msg(
		    "%s did not start: %s", g->name, proc_log_end(&g->proc));
	value = line_value(line, "listen");
	colon = value ? strrchr(value, ':') : NULL;
	g->port = colon ? atoi(colon + 1) : 0;
	free(value);
	value = line_value(line, "rest");
	colon = value ? strrchr(value, ':') : NULL;
	g->rest_port = colon ? atoi(colon + 1) : 0;
	free(value);
	free(line);
	free(log);
}

int
gateway_refuses(struct gateway *g, char **out)
{
	char *log = spawn(g);
	int rc = proc_wait(&g->proc, WAIT_MS);

	*out = proc_log(&g->proc);
	proc_cleanup(&g->proc);
	(void)remove(log);
	free(log);
	return rc;
}

void
gateway_must_refuse(struct gateway *g, const char *text)
{
	char *out;

	if (gateway_refuses(g, &out) != 1 || strstr(out, text) == NULL)
		fail_msg("%s: expected '%s' in: %s", g->name, text, out);
	free(out);
}

void
gateway_stop(struct gateway *g)
{
	int rc;

	if (g->proc.name == NULL)
		return;
	rc = proc_stop(&g->proc, WAIT_MS);
	if (rc != 0)
		print_error("%s", proc_log(&g->proc));
	assert_int_equal(rc, 0);
	proc_cleanup(&g->proc);
}

void
gateway_kill(struct gateway *g)
{
	proc_signal(&g->proc, SIGKILL);
	assert_int_equal(proc_wait(&g->proc, WAIT_MS), 128 + SIGKILL);
	proc_cleanup(&g->proc);
}

void
gateway_free(struct gateway *g)
{
	gateway_stop(g);
	cJSON_Delete(g->config);
	free(g->name);
	free(g->shell);
	memset(g, 0, sizeof(*g));
}

void
gateway_must_say_next(struct gateway *g, const char *text)
{
	char *line = proc_await(&g->proc, text, WAIT_MS);

	if (line == NULL)
		fail_msg("%s does not say '%s': %s", g->name, text,
		    proc_log_end(&g->proc));
	free(line);
}

void
gateway_must_say(struct gateway *g, const char *text)
{
	g->proc.mark = 0;
	gateway_must_say_next(g, text);
}

void
gateway_run(struct gateway *g, const char *name, const struct town *t)
{
	gateway_prepare(g, name, t);
	gateway_start(g);
}

void
rest(struct gateway *g, struct web *w, const char *method, const char *path,
    const char *body)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", g->rest_port, path);

	web_request(w, method, url, REST_USER, body, NULL);
	free(url);
}

void
rest_expect(
    struct gateway *g, const char *method, const char *path, long status)
{
	struct web w;

	rest(g, &w, method, path, *method == 'P' ? "" : NULL);
	if (w.status != status)
		fail_msg("%s %s: %ld %s", method, path, w.status, w.body);
	web_free(&w);
}

unsigned
workers_counted(struct gateway *g, const char *name)
{
	char *path = xasprintf("door.%s", name);
	struct web w;
	double n;

	rest(g, &w, "GET", "/status", NULL);
	if (w.status != 200 || json_at(w.json, path) == NULL)
		fail_msg("no %s in /status: %ld %s", path, w.status, w.body);
	n = json_number(w.json, path);
	web_free(&w);
	free(path);
	return (unsigned)n;
}

void
workers_await(struct gateway *g, const char *name, unsigned n)
{
	long long until = mono_ms() + WAIT_MS;

	while (workers_counted(g, name) < n)
		if (mono_ms() > until)
			fail_msg("%s does not come to %u", name, n);
}

void
workers_must_count(struct gateway *g, const char *name, unsigned n)
{
	long long until = mono_ms() + WAIT_MS;
	unsigned counted;

	do
		counted = workers_counted(g, name);
	while (counted != n && mono_ms() < until);
	if (counted != n)
		fail_msg("%s is %u, not %u", name, counted, n);
}

int
rest_version(struct gateway *g, const char *section)
{
	char *path = xasprintf("/config/%s", section);
	struct web w;
	int version;

	rest(g, &w, "GET", path, NULL);
	if (w.status != 200)
		fail_msg("GET %s: status %ld: %s %s", path, w.status, w.body,
		    w.error);
	version = (int)json_number(w.json, "version");
	web_free(&w);
	free(path);
	return version;
}

void
rest_put(
    struct gateway *g, struct web *w, const char *section, const char *config)
{
	char *body =
	    xasprintf("{\"section\":\"%s\",\"version\":%d,\"config\":%s,"
		      "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		section, rest_version(g, section), config);

	rest(g, w, "PUT", "/config", body);
	free(body);
}

void
rest_push(
    struct gateway *g, const char *section, const char *config, long status)
{
	struct web w;

	rest_put(g, &w, section, config);
	if (w.status != status)
		fail_msg("%s %s: status %ld: %s %s", section, config, w.status,
		    w.body, w.error);
	web_free(&w);
}

void
rest_mode(struct gateway *g, const char *mode)
{
	char *config =
	    xasprintf("{\"revocationCheck\":{\"mode\":\"%s\"}}", mode);

	rest_push(g, "corda.p2p.linkManager", config, 202);
	free(config);
}

void
gateway_settle_log(struct gateway *g)
{
	/* A probe would be silent. */
	static const char line[] = "'/api/v1/settled' 404";
	size_t mark = g->proc.mark;
	size_t n = proc_count(&g->proc, line) + 1;
	char *said;

	rest_expect(g, "GET", "/settled", 404);
	g->proc.mark = 0;
	for (size_t i = 0; i < n; i++) {
		said = proc_await(&g->proc, line, WAIT_MS);
		assert_non_null(said);
		free(said);
	}
	g->proc.mark = mark;
}

double
gateway_cpu_ms(const struct gateway *g)
{
	struct timespec ts;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(g->proc.pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &ts), 0);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}
