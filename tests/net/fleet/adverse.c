/*
 * What operators and disks do to whole gateways of a fleet: files of a fleet
 * that are damaged or another's, a wrong command, a full disk, one name twice,
 * an end in the middle. Nobody gets in who was refused, and no secret is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/fleet.h"

#define SECTION "corda.p2p.linkManager"
#define SECRET  "0123456789abcdef0123456789abcdef"

static struct machines m;

static int
down(void **state)
{
	(void)state;
	machines_down(&m);
	return 0;
}

static char *
readyz(struct gateway *g)
{
	struct web w;
	char *text;

	rest(g, &w, "GET", "/readyz", NULL);
	text = xstrdup(w.body);
	web_free(&w);
	return text;
}

/* Both are told, and a machine that was started again is no other one. */
static void
one_name_twice(void **state)
{
	char *name, *text;

	(void)state;
	machines_up(&m, 2, NULL);
	gateway_stop(&m.g[0]);
	gateway_start(&m.g[0]);
	machine_hears(&m.g[1], &m.g[0], "t1");
	text = readyz(&m.g[0]);
	assert_null(strstr(text, "another machine"));
	free(text);
	gateway_stop(&m.g[1]);
	name = xasprintf("\"%s\"", m.g[0].name);
	gateway_set(&m.g[1], "fleet.member", name);
	free(name);
	gateway_start(&m.g[1]);
	name =
	    xasprintf("another machine is the member '%s', too", m.g[0].name);
	for (int i = 0; i < 2; i++) {
		gateway_must_say(&m.g[i], name);
		machine_awaits(
		    &m.g[i], "/readyz", "another machine of the fleet", true);
	}
	free(name);
	machines_guard(&m);
}

/* Files of a fleet. */

static char *export;
static size_t export_len;

static void
put_octets(const char *path, size_t len, size_t at, uint8_t bits)
{
	char *copy = xrealloc(NULL, len + 1);

	memcpy(copy, export, len);
	if (at < len)
		copy[at] ^= (char)bits;
	file_write(path, copy, len);
	free(copy);
}

static void
must_not_import(struct gateway *g, const char *what, size_t at)
{
	char *said;

	if (machine_command(g, "--fleet-import", "bad.copy", &said) == 0)
		fail_msg("%s at %zu was taken: %s", what, at, said);
	assert_null(strstr(said, SECRET));
	free(said);
}

/* None of a file that was changed anywhere is used, on a fresh machine or on
 * one that holds more than the file. */
static void
a_file_that_is_not_whole(void **state)
{
	struct gateway *fresh;
	char *twice, *said;
	size_t step;

	(void)state;
	machines_up(&m, 2, NULL);
	machine_command(&m.g[0], "--fleet-export", "fleet.copy", NULL);
	export = file_need("fleet.copy", &export_len);
	fresh = &m.g[machine_prepare(&m)];
	gateway_set(fresh, "fleet.required", "true");
	/* Cut: at each place of the first record, and then at some. */
	step = 1 + export_len / 30;
	for (size_t len = 0; len < export_len; len += len < 24 ? 4 : step) {
		put_octets("bad.copy", len, len, 0);
		must_not_import(fresh, "a cut", len);
	}
	for (size_t at = 0; at < export_len; at += at < 24 ? 3 : step) {
		put_octets("bad.copy", export_len, at, 0x81);
		must_not_import(fresh, "a change", at);
	}
	/* What is there twice, and more than is there. */
	twice = xrealloc(NULL, 2 * export_len);
	memcpy(twice, export, export_len);
	memcpy(twice + export_len, export, export_len);
	file_write("bad.copy", twice, 2 * export_len);
	free(twice);
	must_not_import(fresh, "a second file", export_len);
	machines_guard(&m);
	/* An older one loosens nothing on a machine that has gone on. */
	assert_int_equal(machine_deny(&m.g[0], "bob"), 201);
	gateway_stop(&m.g[0]);
	(void)machine_command(&m.g[0], "--fleet-import", "fleet.copy", &said);
	assert_non_null(strstr(said, "has state of fleet"));
	free(said);
	gateway_start(&m.g[0]);
	machines_guard(&m);
	assert_int_equal(
	    tls_try(&town, "bob", m.g[0].port, 0), ALERT_CERTIFICATE_REVOKED);
	free(export);
}

/* A disk that is full. */

static void
may_grow_to(struct gateway *g, rlim_t octets)
{
	const struct rlimit limit = {octets, RLIM_INFINITY};

	assert_int_equal(prlimit(g->proc.pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static rlim_t
journal_size(const struct gateway *g)
{
	char *file = xasprintf("%s.state/state.db-wal", g->name);
	struct stat sb;

	assert_int_equal(stat(file, &sb), 0);
	free(file);
	return (rlim_t)sb.st_size;
}

/* What came and cannot be kept is said, is tried again, and is in force when it
 * could be; nobody gets in meanwhile who was refused. */
static void
a_full_disk(void **state)
{
	struct gateway *g;
	struct tls bob;

	(void)state;
	machines_up(&m, 2, NULL);
	g = &m.g[1];
	machine_hears(g, &m.g[0], "d1");
	machine_let_in(g, &bob, "bob");
	may_grow_to(g, journal_size(g) + 10);
	assert_int_equal(machine_deny(&m.g[0], "bob"), 201);
	assert_int_equal(machine_allow(&m.g[0], "alice"), 204);
	gateway_must_say(g, "what came cannot be put in force");
	assert_int_equal(
	    tls_try(&town, "alice", g->port, 0), ALERT_CERTIFICATE_REVOKED);
	machine_awaits(g, "/readyz", "changes cannot be kept", true);
	may_grow_to(g, RLIM_INFINITY);
	machine_awaits_cut(&bob);
	while (tls_try(&town, "alice", g->port, 0) != TLS_IN)
		continue;
	assert_int_equal(
	    tls_try(&town, "bob", g->port, 0), ALERT_CERTIFICATE_REVOKED);
}

/* A wrong command. */

static void
adopted_by_mistake(void **state)
{
	struct gateway *other;

	(void)state;
	machines_up(&m, 1, NULL);
	gateway_stop(&m.g[0]);
	etcd_kill(&m.etcd, 0);
	etcd_wipe(&m.etcd, 0);
	etcd_launch(&m.etcd, 0);
	etcd_await(&m.etcd, 0);
	other = &m.g[machine_prepare(&m)];
	machine_command(other, "--fleet-create", NULL, NULL);
	machine_command(&m.g[0], "--fleet-adopt", NULL, NULL);
	gateway_start(&m.g[0]);
	machines_guard(&m);
}

/* Ended again and again while it sends what it has kept: all of it arrives. */
static void
half_an_outbox(void **state)
{
	const int num = 240;
	struct web w;
	long there;

	(void)state;
	machines_up(&m, 2, NULL);
	etcd_kill(&m.etcd, 0);
	for (int i = 0; i < num; i++) {
		char *body = xasprintf("{\"spkiSha256\":\"%064d\"}", i + 1);

		rest(&m.g[0], &w, "POST", "/denylist", body);
		if (w.status != 202)
			fail_msg("%ld %s", w.status, w.body);
		web_free(&w);
		free(body);
	}
	etcd_launch(&m.etcd, 0);
	for (int i = 0; i < 6; i++) {
		gateway_kill(&m.g[0]);
		gateway_start(&m.g[0]);
		usleep((useconds_t)i * 20000);
	}
	do {
		rest(&m.g[1], &w, "GET", "/denylist", NULL);
		there = cJSON_GetArraySize(w.json);
		web_free(&w);
	} while (there < num + 1);
	assert_int_equal(there, num + 1);
	machines_guard(&m);
}

/* One starts while the other changes a section: it has the last in the end. */
static void
pushed_while_one_starts(void **state)
{
	(void)state;
	machines_up(&m, 2, NULL);
	for (int i = 0; i < 6; i++) {
		gateway_stop(&m.g[1]);
		assert_int_equal(
		    machine_mode(&m.g[0], i % 2 ? "HARD_FAIL" : "SOFT_FAIL"),
		    202);
		gateway_start(&m.g[1]);
		assert_int_equal(
		    machine_mode(&m.g[0], i % 2 ? "SOFT_FAIL" : "HARD_FAIL"),
		    202);
		while (rest_version(&m.g[1], SECTION) !=
		    rest_version(&m.g[0], SECTION))
			continue;
		if (i % 2 == 0)
			machines_guard(&m);
	}
}

/* Secrets. */

static const char *const secrets[] = {
    SECRET, ETCD_PASSWORD, "wrong-password", "Authorization", "store-secret"};

static void
must_not_say(const char *where, const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
		if (memmem(text, len, secrets[i], strlen(secrets[i])) != NULL)
			fail_msg("%s says %s", where, secrets[i]);
}

static void
file_must_not_say(const char *path)
{
	size_t len;
	char *text = file_need(path, &len);

	must_not_say(path, text, len);
	free(text);
}

static void
gateway_must_not_say(struct gateway *g)
{
	static const char *const asked[] = {
	    "/fleet", "/status", "/metrics", "/readyz", "/state"};
	char *path = xasprintf("/proc/%d/cmdline", (int)g->proc.pid);
	struct web w;

	gateway_settle_log(g);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		rest(g, &w, "GET", asked[i], NULL);
		must_not_say(asked[i], w.body, strlen(w.body));
		web_free(&w);
	}
	file_must_not_say(path);
	free(path);
	path = xasprintf("%s.log", g->name);
	file_must_not_say(path);
	free(path);
}

static void
set_file(struct gateway *g, const char *place, const char *path)
{
	char *json = xasprintf("\"%s\"", path);

	gateway_set(g, place, json);
	free(json);
}

static void
prepare_user(struct gateway *g)
{
	static const char *const files[][2] = {{"fleet.ca_file", "etcd-ca.pem"},
	    {"fleet.certificate", "member.pem"}, {"fleet.key", "member.key"},
	    {"fleet.password_file", "fleet.password"}};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *path = etcd_path(&m.etcd, files[i][1]);

		set_file(g, files[i][0], path);
		free(path);
	}
	gateway_set(g, "fleet.user", "\"" ETCD_USER "\"");
	gateway_set(g, "log.level", "\"debug\"");
	file_write("store.key", "key:store-secret\n", 17);
	(void)chmod("store.key", 0600);
	gateway_set(g, "fleet.evidence_store",
	    "{\"url\":\"http://127.0.0.1:1/x/\",\"credentials_file\":"
	    "\"store.key\"}");
}

static void
no_secret_is_said(void **state)
{
	struct gateway *g;
	char *said;

	(void)state;
	m = (struct machines){.row = 77};
	machine_peer("bob");
	etcd_start(&m.etcd, "etcd-tls",
	    &(struct etcd_options){.tls = true, .users = FLEET_OF_TESTS});
	g = &m.g[machine_prepare(&m)];
	prepare_user(g);
	machine_command(g, "--fleet-create", NULL, &said);
	must_not_say("--fleet-create", said, strlen(said));
	free(said);
	machine_command(g, "--fleet-check", NULL, &said);
	must_not_say("--fleet-check", said, strlen(said));
	free(said);
	gateway_start(g);
	assert_in_range(machine_deny(g, "bob"), 201, 202);
	gateway_must_not_say(g);
	/* With another password it is not let in, and says so. */
	file_write("wrong", "wrong-password\n", 15);
	(void)chmod("wrong", 0600);
	set_file(g, "fleet.password_file", "wrong");
	gateway_stop(g);
	(void)machine_command(g, "--fleet-check", NULL, &said);
	must_not_say("--fleet-check", said, strlen(said));
	free(said);
	gateway_start(g);
	gateway_must_say(g, "the fleet 'test' is lost");
	gateway_must_not_say(g);
}

int
main(void)
{
#define T(t) cmocka_unit_test_teardown(t, down)
	const struct CMUnitTest tests[] = {
	    T(no_secret_is_said),
	    T(one_name_twice),
	    T(a_file_that_is_not_whole),
	    T(a_full_disk),
	    T(adopted_by_mistake),
	    T(half_an_outbox),
	    T(pushed_while_one_starts),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, scene_setup, scene_teardown);
}
