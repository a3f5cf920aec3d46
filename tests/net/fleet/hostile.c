/*
 * An endpoint that is no engine, before one that is: it refuses, drips, cuts,
 * garbles, answers without end or sends elsewhere, in each of the calls that a
 * link makes. The link ends at the real one with what is there, whatever the
 * first has told it before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "gateway/fleet/link.h"
#include "tests/lib/etcd.h"

#define PASSWORD "hunter2-and-more"

static struct event_base *base;
static struct etcd etcd;
static struct proc bad_proc;
static struct server bad;
static char *bad_url;

/* What was told last. */
static struct machine {
	struct fleet_link *link;
	bool real, fake; /* records of the one and of the other are held */
	enum fleet_link_state state;
	char log[65536];
	struct log lines;
} m;

static void
on_loading(void *arg)
{
	m.real = m.fake = false;
}

static void
on_records(void *arg, const struct fleet_kv *kv, size_t num, bool whole)
{
	for (size_t i = 0; i < num; i++) {
		m.real = m.real || strcmp(kv[i].key, "deny/real") == 0;
		m.fake = m.fake || strcmp(kv[i].key, "deny/fake") == 0;
	}
}

static void
on_loaded(void *arg, int64_t revision)
{
}

static void
on_state(void *arg, enum fleet_link_state state, const char *why)
{
	m.state = state;
	snprintf(
	    m.log + strlen(m.log), sizeof(m.log) - strlen(m.log), "%s\n", why);
}

static void
on_line(void *arg, enum log_level level, const char *line)
{
	snprintf(
	    m.log + strlen(m.log), sizeof(m.log) - strlen(m.log), "%s\n", line);
}

static void
ring(evutil_socket_t fd, short what, void *arg)
{
	*(bool *)arg = true;
	event_base_loopbreak(base);
}

static bool
settled(void)
{
	struct fleet_link_stats s;

	fleet_link_stats(m.link, &s);
	return m.state == FLEET_LINK_UP && m.real &&
	    strcmp(s.endpoint, etcd.urls[0]) == 0;
}

/* False: it has not come to that. */
static bool
becomes(bool (*what)(void))
{
	bool late = false;
	struct event *bell = evtimer_new(base, ring, &late);
	struct timeval tv = {.tv_sec = WAIT_MS / 1000};

	evtimer_add(bell, &tv);
	while (!late && !what())
		event_base_loop(base, EVLOOP_ONCE);
	event_free(bell);
	return !late;
}

static bool
settles(void)
{
	return becomes(settled);
}

/* Beats, in ms: of who shall give a bad engine up soon, and of who must not. */
#define HASTY   1000
#define PATIENT 4000

static void
machine_at(const char *const *urls, const char *user, const char *password_file,
    unsigned beat_ms)
{
	struct fleet_link_options o = {.base = base,
	    .log = &m.lines,
	    .name = "eu",
	    .endpoints = urls,
	    .user = user,
	    .password_file = password_file,
	    .heartbeat_ms = beat_ms,
	    .request_timeout_ms = beat_ms * 6 / 10};
	struct fleet_link_calls calls = {
	    NULL, on_loading, on_records, on_loaded, on_state};
	struct err err;

	memset(&m, 0, sizeof(m));
	m.lines = (struct log){.level = LOG_LEVEL_DEBUG, .fn = on_line};
	if (fleet_link_new(&m.link, &o, &calls, &err) != 0)
		fail_msg("%s", err.msg);
}

static void
machine_start(const char *user, const char *password_file)
{
	const char *urls[] = {bad_url, etcd.urls[0], NULL};

	machine_at(urls, user, password_file, HASTY);
}

/* What an engine would say: a fleet of another, with one record. */

#define HEADER "\"header\":{\"revision\":\"7\"}"
#define KV(key)                                           \
	"{\"key\":\"" key "\",\"create_revision\":\"2\"," \
	"\"mod_revision\":\"2\",\"value\":\"AAAA\"}"
#define FLEET "L3AycC1nYXRld2F5L2V1L2ZsZWV0"
#define HEAD  "L3AycC1nYXRld2F5L2V1L2hlYWQ="
#define FAKE  "L3AycC1nYXRld2F5L2V1L2RlbnkvZmFrZQ=="

static void
write_answers(void)
{
	static const struct {
		const char *file, *text;
	} all[] = {
	    {"txn.json",
		"{" HEADER ",\"succeeded\":true,\"responses\":["
		"{\"response_range\":{\"kvs\":[" KV(FLEET) "]}}]}"},
	    {"range.json", "{" HEADER ",\"kvs\":[" KV(FLEET) "," KV(FAKE) "]}"},
	    {"watch.json",
		"{\"result\":{" HEADER ",\"created\":true}}\n"
		"{\"result\":{" HEADER
		",\"events\":[{\"kv\":" KV(FAKE) "}]}}\n"},
	    {"login.json", "{" HEADER ",\"token\":\"fake.1\"}"},
	    {"more.json", "{" HEADER ",\"more\":true}"},
	    {"echo.json", "{\"code\":3,\"message\":\"you said " PASSWORD "\"}"},
	    /* `head` was changed at 6, and the watch tells nothing of it. */
	    {"ahead.json",
		"{" HEADER ",\"succeeded\":true,\"responses\":["
		"{\"response_range\":{\"kvs\":[" KV(
		    FLEET) ",{\"key\":\"" HEAD "\",\"create_revision\":\"6\","
			   "\"mod_revision\":\"6\"}]}}]}"},
	    {"token.json", "{" HEADER ",\"token\":\"a\\r\\nX-Evil: 1\"}"},
	};

	const char *created = "{\"result\":{" HEADER ",\"created\":true}}";
	char *silent;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		file_write(all[i].file, all[i].text, strlen(all[i].text));
	/* A watch that stays, and is silent: it is sent byte by byte. */
	silent = xasprintf("%s%100000s", created, "");
	for (char *blank = silent; (blank = strchr(blank, ' ')) != NULL;)
		*blank = '\n';
	file_write("silent.json", silent, strlen(silent));
	free(silent);
}

/* step: NULL for what an engine would say. */
static void
script(const char *path, const char *step)
{
	static const char *const files[][2] = {{"/v3/kv/txn", "txn.json"},
	    {"/v3/kv/range", "range.json"}, {"/v3/watch", "watch.json"},
	    {"/v3/auth/authenticate", "login.json"}};
	char *cwd = realpath(".", NULL), *line;

	for (size_t i = 0; i < 4; i++) {
		bool this = strcmp(path, files[i][0]) == 0 && step != NULL;

		if (this && strncmp(step, "file=", 5) == 0)
			line = xasprintf(
			    "%s file=%s/%s\n", files[i][0], cwd, step + 5);
		else if (this)
			line = xasprintf("%s file=%s/%s %s\n", files[i][0], cwd,
			    files[i][1], step);
		else
			line = xasprintf(
			    "%s file=%s/%s\n", files[i][0], cwd, files[i][1]);
		control(&bad, "/_script", line);
		free(line);
	}
	free(cwd);
}

static void
each_call(void **state)
{
	static const char *const paths[] = {
	    "/v3/kv/txn", "/v3/kv/range", "/v3/watch"};
	static const char *const steps[] = {"404", "500", "503", "204",
	    "garbage=5000", "text=null", "text={}", "endless", "endless-head",
	    "never", "close", "reset", "truncate=40", "length=100000",
	    "drip=200", "drip-all=200", "big-head=400000", "status=404",
	    "status=429", "redirect=/stolen", "file=more.json"};
	size_t rss = 0;

	for (size_t p = 0; p < 3; p++) {
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			unsigned long met = hits(&bad, paths[p]);

			script(paths[p], steps[s]);
			machine_start(NULL, NULL);
			if (!settles())
				fail_msg(
				    "%s %s: %s", paths[p], steps[s], m.log);
			assert_true(hits(&bad, paths[p]) > met);
			/* Of what the first has told nothing is left. */
			assert_false(m.fake);
			fleet_link_free(m.link);
			if (p == 0 && s == 9)
				rss = pid_rss_bytes(getpid());
		}
	}
	/* Nobody was sent elsewhere, and nothing has grown. */
	assert_int_equal(hits(&bad, "/stolen"), 0);
	/* A sanitizer keeps what was freed. */
	if (strstr(getenv("BUILD"), "/asan") == NULL)
		assert_true(pid_rss_bytes(getpid()) < rss + (64U << 20));
}

/* Refused before anything is sent. */
static void
nobody_listens(void **state)
{
	script("", NULL);
	control(&bad, "/_listen/off", NULL);
	machine_start(NULL, NULL);
	assert_true(settles());
	fleet_link_free(m.link);
	control(&bad, "/_listen/on", NULL);
	control(&bad, "/_accept/silent", NULL);
	machine_start(NULL, NULL);
	assert_true(settles());
	fleet_link_free(m.link);
	control(&bad, "/_accept/normal", NULL);
}

/* What is sent to log in is repeated nowhere, and a token is only a token. */
static void
logins(void **state)
{
	static const char *const steps[] = {"file=echo.json",
	    "file=echo.json status=400", ("status=400 text=" PASSWORD),
	    "file=token.json", "garbage=100", "redirect=/stolen", "never",
	    "endless"};

	file_write("password", PASSWORD "\n", strlen(PASSWORD "\n"));
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		script("/v3/auth/authenticate", steps[s]);
		/* There are no users at the real one: it says so. */
		machine_start("somebody", "password");
		if (!settles())
			fail_msg("%s: %s", steps[s], m.log);
		assert_null(strstr(m.log, PASSWORD));
		fleet_link_free(m.link);
	}
	assert_int_equal(hits(&bad, "/stolen"), 0);
}

static bool
read_anew(void)
{
	struct fleet_link_stats s;

	fleet_link_stats(m.link, &s);
	return s.resyncs > 0 && m.state == FLEET_LINK_UP;
}

/* The beats know of a change that the watch never tells. */
static void
silent_watch(void **state)
{
	const char *both[] = {bad_url, etcd.urls[0], NULL};
	const char *alone[] = {bad_url, NULL};
	char *cwd = realpath(".", NULL);
	char *lines = xasprintf("/v3/watch file=%s/silent.json drip=1\n"
				"/v3/kv/txn file=%s/txn.json ; "
				"file=%s/ahead.json\n",
	    cwd, cwd, cwd);

	script("", NULL);
	control(&bad, "/_script", lines);
	machine_at(both, NULL, NULL, PATIENT);
	assert_true(settles());
	assert_non_null(strstr(m.log, "has missed a change"));
	fleet_link_free(m.link);
	/* With nobody else to ask, everything is read again. */
	control(&bad, "/_script", lines);
	machine_at(alone, NULL, NULL, PATIENT);
	assert_true(becomes(read_anew));
	assert_non_null(strstr(m.log, "a change was never told"));
	fleet_link_free(m.link);
	free(lines);
	free(cwd);
}

static void
answered(void *arg, const struct engine_answer *a)
{
	*(enum engine_result *)arg = a->result;
	event_base_loopbreak(base);
}

/* A kept connection ends under a write: it is not sent again. */
static void
write_once(void **state)
{
	struct fleet_op get = {.kind = FLEET_OP_GET, .key = "head"};
	struct fleet_op put = {.kind = FLEET_OP_PUT, .key = "head"};
	struct engine_options o = {
	    .base = base, .endpoint = bad_url, .prefix = "/p2p-gateway/eu/"};
	enum engine_result result = ENGINE_NUM_RESULTS;
	struct engine *e;
	struct err err;
	unsigned long met;

	script("", NULL);
	assert_int_equal(engine_open(&e, &o, &err), 0);
	engine_txn(e, NULL, 0, &get, 1, WAIT_MS, answered, &result);
	event_base_dispatch(base);
	assert_int_equal(result, ENGINE_DONE);
	control(&bad, "/_script", "/v3/kv/txn close\n");
	met = hits(&bad, "/v3/kv/txn");
	engine_txn(e, NULL, 0, &put, 1, WAIT_MS, answered, &result);
	event_base_dispatch(base);
	assert_int_equal(result, ENGINE_UNKNOWN);
	assert_int_equal(hits(&bad, "/v3/kv/txn"), met + 1);
	engine_close(e);
}

static int
begin(void **state)
{
	base = event_base_new();
	write_answers();
	etcd_start(&etcd, "etcd", &(struct etcd_options){.nodes = 1});
	etcd_do(&etcd, "put", "/p2p-gateway/eu/fleet", "real", NULL);
	etcd_do(&etcd, "put", "/p2p-gateway/eu/deny/real", "1", NULL);
	badhttp_start(&bad_proc, &bad, "bad.log", NULL);
	bad_url = xasprintf("http://127.0.0.1:%d", bad.port);
	return base == NULL;
}

static int
finish(void **state)
{
	proc_cleanup(&bad_proc);
	etcd_stop(&etcd);
	event_base_free(base);
	free(bad_url);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_call),
	    cmocka_unit_test(nobody_listens),
	    cmocka_unit_test(logins),
	    cmocka_unit_test(silent_watch),
	    cmocka_unit_test(write_once),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, begin, finish);
}
