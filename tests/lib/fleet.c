/* fleet: see the header. */
#include "tests/lib/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECTION "corda.p2p.linkManager"

bool
machine_runs(const struct gateway *g)
{
	return g->proc.pid != 0;
}

int
machine_command(
    struct gateway *g, const char *option, const char *arg, char **out)
{
	char *path = bin_path("p2p-gateway");
	char *file = xasprintf("%s.json", g->name);
	char *log = xasprintf("%s.command.log", g->name), *said;
	const char *argv[] = {path, "--config", file, option, arg, NULL};
	int status;

	gateway_write(g);
	(void)remove(log);
	status = proc_run(argv, log, WAIT_MS, &said);
	if (out != NULL)
		*out = said;
	else if (status != 0)
		fail_msg("%s %s: %s", g->name, option, said);
	else
		free(said);
	free(log);
	free(file);
	free(path);
	return status;
}

static void
set_text(struct gateway *g, const char *place, const char *text)
{
	char *json = xasprintf("\"%s\"", text);

	gateway_set(g, place, json);
	free(json);
}

static void
set_endpoints(struct gateway *g, const struct etcd *e)
{
	char *json = xstrdup("["), *more;

	for (int i = 0; i < e->num; i++) {
		more =
		    xasprintf("%s%s\"%s\"", json, i > 0 ? "," : "", e->urls[i]);
		free(json);
		json = more;
	}
	more = xasprintf("%s]", json);
	gateway_set(g, "fleet.endpoints", more);
	free(more);
	free(json);
}

int
machine_prepare(struct machines *m)
{
	struct gateway *g = &m->g[m->num];
	const char *secret = "0123456789abcdef0123456789abcdef\n";
	char *name = xasprintf("%c%d", 'a' + m->num, m->row);

	assert_true(m->num < FLEET_MAX_MACHINES);
	file_write("fleet.secret", secret, strlen(secret));
	(void)chmod("fleet.secret", 0600);
	gateway_prepare(g, name, &town);
	gateway_set(g, "rest.users", REST_CHEAP_USERS);
	set_text(g, "fleet.name", FLEET_OF_TESTS);
	set_text(g, "fleet.member", name);
	set_text(g, "fleet.secret_file", "fleet.secret");
	gateway_set(g, "fleet.heartbeat_ms", "500");
	set_endpoints(g, &m->etcd);
	free(name);
	return m->num++;
}

void
machine_peer(const char *name)
{
	char *what = xasprintf("peers/%s", name);

	town_ca(&town, "leaf", "doorman", what, "--ocsp-url", "none", NULL);
	free(what);
}

void
machines_up(struct machines *m, int num, const struct etcd_options *etcd)
{
	struct tls alice[FLEET_MAX_MACHINES], soft[FLEET_MAX_MACHINES];
	static int row;

	*m = (struct machines){.row = ++row};
	machine_peer("alice");
	machine_peer("bob");
	machine_peer("carol");
	etcd_start(
	    &m->etcd, "etcd", etcd != NULL ? etcd : &(struct etcd_options){0});
	for (int i = 0; i < num; i++)
		machine_prepare(m);
	machine_command(&m->g[0], "--fleet-create", NULL, NULL);
	for (int i = 0; i < num; i++)
		gateway_start(&m->g[i]);
	for (int i = 1; i < num; i++) {
		machine_let_in(&m->g[i], &alice[i], "alice");
		machine_let_in(&m->g[i], &soft[i], "nosource");
	}
	assert_int_equal(machine_mode(&m->g[0], "HARD_FAIL"), 202);
	assert_int_equal(machine_deny(&m->g[0], "alice"), 201);
	for (int i = 1; i < num; i++) {
		machine_awaits_cut(&alice[i]);
		machine_awaits_cut(&soft[i]);
	}
	machines_guard(m);
}

void
machines_down(struct machines *m)
{
	for (int i = 0; i < m->num; i++)
		gateway_free(&m->g[i]);
	etcd_stop(&m->etcd);
	*m = (struct machines){0};
}

void
machines_guard(struct machines *m)
{
	for (int i = 0; i < m->num; i++) {
		int port = m->g[i].port;

		if (!machine_runs(&m->g[i]))
			continue;
		assert_int_equal(tls_try(&town, "alice", port, 0),
		    ALERT_CERTIFICATE_REVOKED);
		assert_int_equal(tls_try(&town, "revoked", port, 0),
		    ALERT_CERTIFICATE_REVOKED);
		assert_int_equal(tls_try(&town, "nosource", port, 0),
		    ALERT_CERTIFICATE_UNKNOWN);
		assert_int_equal(tls_try(&town, "good", port, 0), TLS_IN);
	}
}

long
machine_deny(struct gateway *g, const char *peer)
{
	char *what = xasprintf("peers/%s.pem", peer);
	char *path = town_path(&town, what), *pem = file_need(path, NULL);
	cJSON *o = cJSON_CreateObject();
	struct web w;
	char *body;
	long status;

	cJSON_AddStringToObject(o, "certificate", pem);
	cJSON_AddStringToObject(o, "reason", "stolen");
	body = cJSON_PrintUnformatted(o);
	rest(g, &w, "POST", "/denylist", body);
	status = w.status;
	web_free(&w);
	free(body);
	cJSON_Delete(o);
	free(pem);
	free(path);
	free(what);
	return status;
}

long
machine_allow(struct gateway *g, const char *peer)
{
	const cJSON *e;
	char *path = NULL;
	struct web w;
	long status;

	rest(g, &w, "GET", "/denylist", NULL);
	cJSON_ArrayForEach(e, w.json)
	{
		const char *subject = json_text(e, "subject");

		if (subject != NULL && strstr(subject, peer) != NULL)
			path = xasprintf("/denylist/%s", json_text(e, "id"));
	}
	web_free(&w);
	assert_non_null(path);
	rest(g, &w, "DELETE", path, NULL);
	status = w.status;
	web_free(&w);
	free(path);
	return status;
}

long
machine_mode(struct gateway *g, const char *mode)
{
	char *config =
	    xasprintf("{\"revocationCheck\":{\"mode\":\"%s\"}}", mode);
	struct web w;
	long status;

	rest_put(g, &w, SECTION, config);
	status = w.status;
	web_free(&w);
	free(config);
	return status;
}

void
machine_let_in(struct gateway *g, struct tls *t, const char *peer)
{
	tls_enter(t, &town, peer, g->port, 0);
}

void
machine_awaits_cut(struct tls *t)
{
	long long until = mono_ms() + WAIT_MS - 1000;
	char c[64];

	while (tls_read(t, c, sizeof(c)) > 0)
		continue;
	/* A read that gives up looks like an end. */
	if (mono_ms() >= until)
		fail_msg("nobody has ended the connection");
	tls_free(t);
}

void
machine_hears(struct gateway *at, struct gateway *by, const char *name)
{
	struct tls t;

	machine_peer(name);
	machine_let_in(at, &t, name);
	/* Written, or on its way. */
	assert_in_range(machine_deny(by, name), 201, 202);
	machine_awaits_cut(&t);
}

void
machine_awaits_up(struct gateway *g)
{
	long long until = mono_ms() + WAIT_MS;
	struct web w;
	bool up;

	do {
		rest(g, &w, "GET", "/fleet", NULL);
		up = strcmp(json_text(w.json, "state"), "up") == 0;
		if (!up && mono_ms() > until)
			fail_msg("%s", w.body);
		web_free(&w);
	} while (!up);
}

void
machine_awaits(
    struct gateway *g, const char *path, const char *text, bool wanted)
{
	long long until = mono_ms() + WAIT_MS;
	struct web w;
	bool there;

	do {
		rest(g, &w, "GET", path, NULL);
		there = w.body != NULL && strstr(w.body, text) != NULL;
		if (there != wanted && mono_ms() > until)
			fail_msg("%s: %s", path, w.body);
		web_free(&w);
	} while (there != wanted);
}

void
machine_awaits_num(struct gateway *g, const char *path, int num)
{
	long long until = mono_ms() + WAIT_MS;
	struct web w;
	int there;

	do {
		rest(g, &w, "GET", path, NULL);
		there = cJSON_GetArraySize(w.json);
		if (there != num && mono_ms() > until)
			fail_msg("%s: %s", path, w.body);
		web_free(&w);
	} while (there != num);
}
