/*
 * The link against real etcd nodes: the whole at the start, then what changes;
 * and each way in which an engine leaves, freezes, forgets or lies.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "gateway/fleet/link.h"
#include "tests/lib/etcd.h"

#define MAX_RECORDS 4096

static struct event_base *base;

/* What a machine knows of the fleet, as a mirror would keep it. */
struct machine {
	struct fleet_link *link;
	struct {
		char key[64], value[64];
	} record[MAX_RECORDS];
	size_t num;
	char *fresh; /* keys of the whole being read */
	bool fleet_first, loading;
	unsigned loads, ups, downs;
	enum fleet_link_state state;
	char why[256];
	/* The last request. */
	unsigned answered;
	enum engine_result result;
	int64_t revision, lease;
	size_t num_kv;
	char value[64];
	char said[256];
	unsigned lines; /* of the log, above debug */
	struct log log;
};

static int
find(const struct machine *m, const char *key)
{
	for (size_t i = 0; i < m->num; i++)
		if (strcmp(m->record[i].key, key) == 0)
			return (int)i;
	return -1;
}

/* "" when it is not there. */
static const char *
held(const struct machine *m, const char *key)
{
	int i = find(m, key);

	return i < 0 ? "" : m->record[i].value;
}

static void
on_loading(void *arg)
{
	struct machine *m = arg;

	m->loading = true;
	m->fleet_first = false;
	m->num = 0;
}

static void
on_records(void *arg, const struct fleet_kv *kv, size_t num, bool whole)
{
	struct machine *m = arg;

	assert_int_equal(whole, m->loading);
	if (whole && !m->fleet_first) {
		assert_int_equal(num, 1);
		assert_string_equal(kv->key, "fleet");
		m->fleet_first = true;
	}
	for (size_t i = 0; i < num; i++) {
		int at = find(m, kv[i].key);

		if (at < 0) {
			assert_true(m->num < MAX_RECORDS);
			at = (int)m->num++;
		}
		snprintf(m->record[at].key, sizeof(m->record[at].key), "%s",
		    kv[i].key);
		snprintf(m->record[at].value, sizeof(m->record[at].value),
		    "%.*s", kv[i].value != NULL ? (int)kv[i].len : 4,
		    kv[i].value != NULL ? (const char *)kv[i].value : "gone");
	}
}

static void
on_loaded(void *arg, int64_t revision)
{
	struct machine *m = arg;

	assert_true(m->loading);
	assert_int_equal(revision, fleet_link_revision(m->link));
	m->loading = false;
	m->loads++;
}

static void
on_state(void *arg, enum fleet_link_state state, const char *why)
{
	struct machine *m = arg;

	m->state = state;
	m->ups += state == FLEET_LINK_UP;
	if (state == FLEET_LINK_DOWN) {
		m->downs++;
		snprintf(m->why, sizeof(m->why), "%s", why);
	}
}

static void
on_line(void *arg, enum log_level level, const char *line)
{
	struct machine *m = arg;

	printf("# %s\n", line);
	m->lines++;
}

static void
answered(void *arg, const struct engine_answer *a)
{
	struct machine *m = arg;

	m->answered++;
	m->result = a->result;
	m->revision = a->revision;
	m->lease = a->lease;
	m->num_kv = a->num;
	snprintf(m->value, sizeof(m->value), "%.*s",
	    a->num > 0 ? (int)a->kv[0].len : 0,
	    a->num > 0 ? (const char *)a->kv[0].value : "");
	snprintf(m->said, sizeof(m->said), "%s", a->why);
}

static void
ring(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("%s has not happened in %d ms", (const char *)arg, WAIT_MS);
}

#define UNTIL(condition)                                                     \
	do {                                                                 \
		struct event *bell_ =                                        \
		    evtimer_new(base, ring, (void *)(uintptr_t) #condition); \
		struct timeval tv_ = {.tv_sec = WAIT_MS / 1000};             \
                                                                             \
		evtimer_add(bell_, &tv_);                                    \
		while (!(condition))                                         \
			event_base_loop(base, EVLOOP_ONCE);                  \
		event_free(bell_);                                           \
	} while (0)

/* An engine is given up after 5/8 of a beat. */
#define BEAT_MS 1000
/* Of those that must not give it up, however busy it is. */
#define PATIENT_MS 4000

/* urls: NULL for all nodes. */
static void
machine_start_beating(struct machine *m, const struct etcd *e,
    const char *const *urls, unsigned beat_ms)
{
	struct fleet_link_options o = {.base = base,
	    .log = &m->log,
	    .name = "eu",
	    .endpoints = urls != NULL ? urls : e->urls,
	    .heartbeat_ms = beat_ms,
	    .request_timeout_ms = 3 * beat_ms};
	struct fleet_link_calls calls = {
	    m, on_loading, on_records, on_loaded, on_state};
	char *ca = etcd_path(e, "etcd-ca.pem");
	char *cert = etcd_path(e, "member.pem");
	char *key = etcd_path(e, "member.key");
	char *password = etcd_path(e, "fleet.password");
	struct err err;

	memset(m, 0, sizeof(*m));
	m->log = (struct log){.level = LOG_LEVEL_INFO, .fn = on_line, .arg = m};
	if (e->options.tls) {
		o.ca_file = ca;
		o.certificate = cert;
		o.key = key;
	}
	if (e->options.users != NULL) {
		o.user = ETCD_USER;
		o.password_file = password;
	}
	if (fleet_link_new(&m->link, &o, &calls, &err) != 0)
		fail_msg("%s", err.msg);
	free(ca);
	free(cert);
	free(key);
	free(password);
}

static void
machine_start(struct machine *m, const struct etcd *e, const char *const *urls)
{
	machine_start_beating(m, e, urls, BEAT_MS);
}

static void
machine_start_patient(struct machine *m, const struct etcd *e)
{
	machine_start_beating(m, e, NULL, PATIENT_MS);
}

static void
put_async(struct machine *m, const char *key, const char *value)
{
	struct fleet_op op = {.kind = FLEET_OP_PUT,
	    .key = key,
	    .value = (const uint8_t *)value,
	    .len = strlen(value)};

	fleet_link_txn(m->link, NULL, 0, &op, 1, answered, m);
}

static void
put(struct machine *m, const char *key, const char *value)
{
	unsigned before = m->answered;

	put_async(m, key, value);
	assert_int_equal(m->answered, before);
	UNTIL(m->answered == before + 1);
}

static void
must_put(struct machine *m, const char *key, const char *value)
{
	put(m, key, value);
	if (m->result != ENGINE_DONE)
		fail_msg("put: %s %s", engine_result_text(m->result), m->said);
}

/* By somebody else, below the prefix; without a leader it waits for one. */
static void
foreign_put(struct etcd *e, const char *key, const char *value)
{
	char *full = xasprintf("/p2p-gateway/eu/%s", key), *out = NULL;
	const char *args[] = {"put", full, value, NULL};
	long long until = mono_ms() + WAIT_MS;

	do {
		free(out);
		out = etcd_ctl_try(e, args);
		if (mono_ms() > until)
			fail_msg("put %s: %s", key, out);
	} while (strstr(out, "OK\n") == NULL);
	free(out);
	free(full);
}

static struct fleet_link_stats
stats(const struct machine *m)
{
	struct fleet_link_stats s;

	fleet_link_stats(m->link, &s);
	return s;
}

/* Tests. */

static void
options(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const plain[] = {"http://10.1.1.1:2379", NULL};
	static const char *const good[] = {"http://127.0.0.1:1", NULL};
	struct fleet_link_options o = {.base = base, .name = "eu"};
	struct fleet_link_calls calls = {.arg = NULL};
	struct fleet_link *l;
	struct err err;

	o.endpoints = none;
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), E_ARG);
	o.endpoints = plain;
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), E_ARG);
	o.endpoints = good;
	o.user = "u";
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), E_ARG);
	o.user = NULL;
	o.certificate = "c";
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), E_ARG);
	o.certificate = NULL;
	o.name = "a/b";
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), E_ARG);
	o.name = "";
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), E_ARG);
	o.name = "eu";
	assert_int_equal(fleet_link_new(&l, &o, &calls, &err), 0);
	fleet_link_free(l);
}

/* Page after page, then what changes, and only what is below the prefix. */
static void
follows(void **state)
{
	struct machine m;
	struct etcd e;
	char key[32];

	etcd_start(&e, "follows", &(struct etcd_options){.nodes = 1});
	machine_start_patient(&m, &e);
	/* Asked before there is a connection. */
	must_put(&m, "fleet", "id-1");
	for (int i = 0; i < 1203; i++) {
		snprintf(key, sizeof(key), "deny/%04d", i);
		put_async(&m, key, "x");
		if (i % 100 == 99)
			UNTIL(m.answered == (unsigned)i + 2);
	}
	UNTIL(m.answered == 1204);
	assert_int_equal(stats(&m).requests[FLEET_ASK_TXN][ENGINE_DONE], 1204);
	UNTIL(m.num == 1204);
	fleet_link_free(m.link);
	etcd_do(&e, "put", "/p2p-gateway/eu0", "outside", NULL);
	etcd_do(&e, "put", "/p2p-gateway/e", "outside", NULL);
	etcd_do(&e, "put", "/p2p-gateway/eu/a key", "none of ours", NULL);
	machine_start_patient(&m, &e);
	UNTIL(m.state == FLEET_LINK_UP);
	assert_int_equal(m.loads, 1);
	assert_int_equal(m.num, 1204);
	assert_int_equal(stats(&m).damaged, 1);
	assert_string_equal(held(&m, "fleet"), "id-1");
	assert_string_equal(held(&m, "deny/1202"), "x");
	foreign_put(&e, "deny/0007", "y");
	etcd_do(&e, "del", "/p2p-gateway/eu/deny/0008", NULL);
	etcd_do(&e, "put", "/p2p-gateway/eu0", "again", NULL);
	foreign_put(&e, "head", "1");
	UNTIL(strcmp(held(&m, "head"), "1") == 0);
	assert_string_equal(held(&m, "deny/0007"), "y");
	assert_string_equal(held(&m, "deny/0008"), "gone");
	assert_int_equal(m.num, 1205);
	/* Beats agree, and lag is their age. */
	UNTIL(stats(&m).beats >= 2);
	assert_true(fleet_link_lag_ms(m.link) < WAIT_MS);
	assert_int_equal(m.loads, 1);
	assert_int_equal(m.downs, 0);
	fleet_link_free(m.link);
	etcd_stop(&e);
}

/* `head`, over and over: the next is asked for when one is answered. */
static void
write_on(void *arg, const struct engine_answer *a)
{
	struct machine *m = arg;
	struct fleet_op op = {.kind = FLEET_OP_PUT, .key = "head"};

	m->answered++;
	if (a->result == ENGINE_DONE)
		fleet_link_txn(m->link, NULL, 0, &op, 1, write_on, m);
}

/* Beats that see what the watch is about to tell do not end it. */
static void
busy(void **state)
{
	static const struct engine_answer go = {.result = ENGINE_DONE};
	struct machine m, writer[8];
	struct etcd e;

	etcd_start(&e, "busy", &(struct etcd_options){.nodes = 1});
	machine_start_patient(&m, &e);
	for (int i = 0; i < 8; i++) {
		machine_start_patient(&writer[i], &e);
		write_on(&writer[i], &go);
	}
	UNTIL(m.state == FLEET_LINK_UP);
	UNTIL(stats(&m).beats >= 5);
	assert_int_equal(m.downs, 0);
	assert_int_equal(m.loads, 1);
	for (int i = 0; i < 8; i++)
		fleet_link_free(writer[i].link);
	fleet_link_free(m.link);
	etcd_stop(&e);
}

/* Records so large that few have room in an answer. */
static void
large(void **state)
{
	size_t len = 700000;
	char *much = xcalloc(1, len + 1), key[32];
	struct machine m;
	struct etcd e;

	etcd_start(&e, "large", &(struct etcd_options){.nodes = 1});
	memset(much, 'x', len);
	machine_start_patient(&m, &e);
	for (int i = 0; i < 12; i++) {
		snprintf(key, sizeof(key), "config/%02d", i);
		must_put(&m, key, much);
	}
	fleet_link_free(m.link);
	machine_start_patient(&m, &e);
	UNTIL(m.state == FLEET_LINK_UP);
	assert_int_equal(m.loads, 1);
	assert_int_equal(m.downs, 0);
	assert_int_equal(m.num, 13);
	fleet_link_free(m.link);
	free(much);
	etcd_stop(&e);
}

/* The leader dies, one after the other: somebody else is asked, and knows. */
static void
nodes_die(void **state)
{
	struct machine m;
	struct etcd e;

	etcd_start(&e, "nodes",
	    &(struct etcd_options){.nodes = 3, .tls = true, .users = "eu"});
	machine_start(&m, &e, NULL);
	UNTIL(m.state == FLEET_LINK_UP);
	must_put(&m, "fleet", "id-1");
	must_put(&m, "head", "1");
	UNTIL(strcmp(held(&m, "head"), "1") == 0);
	etcd_kill(&e, 0);
	UNTIL(m.downs > 0 && m.state == FLEET_LINK_UP);
	must_put(&m, "head", "2");
	UNTIL(strcmp(held(&m, "head"), "2") == 0);
	/* Nothing was read twice. */
	assert_int_equal(m.loads, 1);
	assert_true(stats(&m).reconnects > 0);
	/* Two of three dead: nobody is up, and writes are not acknowledged. */
	etcd_kill(&e, 1);
	UNTIL(m.state != FLEET_LINK_UP);
	put(&m, "head", "3");
	assert_true(m.result == ENGINE_AWAY || m.result == ENGINE_UNKNOWN);
	etcd_launch(&e, 0);
	etcd_await(&e, 0);
	UNTIL(m.state == FLEET_LINK_UP);
	foreign_put(&e, "deny/x", "1");
	UNTIL(strcmp(held(&m, "deny/x"), "1") == 0);
	assert_int_equal(m.loads, 1);
	fleet_link_free(m.link);
	etcd_stop(&e);
}

/* It says nothing at all: only the heartbeat notices. */
static void
frozen(void **state)
{
	struct machine m;
	struct etcd e;
	long long began;

	etcd_start(&e, "frozen", &(struct etcd_options){.nodes = 3});
	machine_start(&m, &e, NULL);
	UNTIL(m.state == FLEET_LINK_UP);
	must_put(&m, "fleet", "id-1");
	/* Another than was heard of would be another store. */
	UNTIL(strcmp(held(&m, "fleet"), "id-1") == 0);
	etcd_freeze(&e, 0);
	began = mono_ms();
	foreign_put(&e, "head", "7");
	UNTIL(strcmp(held(&m, "head"), "7") == 0);
	printf("# heard of it after %lld ms\n", mono_ms() - began);
	assert_true(m.downs > 0);
	assert_int_equal(m.loads, 1);
	etcd_thaw(&e, 0);
	fleet_link_free(m.link);
	etcd_stop(&e);
}

/* What was changed meanwhile is no longer kept: everything is read again. */
static void
compacted(void **state)
{
	struct machine m;
	struct etcd e;
	char revision[24];

	etcd_start(&e, "compacted", &(struct etcd_options){.nodes = 1});
	machine_start(&m, &e, NULL);
	UNTIL(m.state == FLEET_LINK_UP);
	must_put(&m, "fleet", "id-1");
	must_put(&m, "deny/1", "x");
	UNTIL(strcmp(held(&m, "deny/1"), "x") == 0);
	etcd_kill(&e, 0);
	UNTIL(m.downs > 0);
	etcd_launch(&e, 0);
	/* The link must not be there first: it is not run meanwhile. */
	etcd_await(&e, 0);
	foreign_put(&e, "deny/2", "y");
	etcd_do(&e, "del", "/p2p-gateway/eu/deny/1", NULL);
	foreign_put(&e, "deny/3", "z");
	snprintf(revision, sizeof(revision), "%" PRId64,
	    fleet_link_revision(m.link) + 3);
	etcd_do(&e, "compact", revision, NULL);
	UNTIL(m.loads == 2 && m.state == FLEET_LINK_UP);
	assert_string_equal(held(&m, "deny/1"), "");
	assert_string_equal(held(&m, "deny/2"), "y");
	assert_string_equal(held(&m, "deny/3"), "z");
	assert_int_equal(stats(&m).resyncs, 1);
	fleet_link_free(m.link);
	etcd_stop(&e);
}

/* Its disk is gone, and then somebody has filled it again, further than it was.
 */
static void
wiped(void **state)
{
	struct machine m;
	struct etcd e;

	etcd_start(&e, "wiped", &(struct etcd_options){.nodes = 1});
	machine_start(&m, &e, NULL);
	UNTIL(m.state == FLEET_LINK_UP);
	must_put(&m, "fleet", "id-1");
	must_put(&m, "deny/1", "x");
	UNTIL(strcmp(held(&m, "deny/1"), "x") == 0);
	etcd_kill(&e, 0);
	UNTIL(m.downs > 0);
	etcd_wipe(&e, 0);
	etcd_launch(&e, 0);
	etcd_await(&e, 0);
	UNTIL(m.loads == 2 && m.state == FLEET_LINK_UP);
	assert_string_equal(held(&m, "fleet"), "gone");
	assert_string_equal(held(&m, "deny/1"), "");
	must_put(&m, "fleet", "id-1 filled");
	UNTIL(strcmp(held(&m, "fleet"), "id-1 filled") == 0);
	/* Once more, and this time it is further when it is seen again. */
	etcd_kill(&e, 0);
	UNTIL(m.state != FLEET_LINK_UP);
	etcd_wipe(&e, 0);
	etcd_launch(&e, 0);
	etcd_await(&e, 0);
	foreign_put(&e, "fleet", "id-1 again");
	for (int i = 0; i < 5; i++)
		foreign_put(&e, "deny/2", "y");
	UNTIL(m.loads == 3 && m.state == FLEET_LINK_UP);
	assert_string_equal(held(&m, "deny/2"), "y");
	fleet_link_free(m.link);
	etcd_stop(&e);
}

/* Nobody is there: said once, asked in turn, requests end by themselves. */
static void
nobody(void **state)
{
	struct machine m;
	struct etcd e;
	unsigned lines;

	etcd_start(&e, "nobody", &(struct etcd_options){.nodes = 1});
	etcd_kill(&e, 0);
	machine_start(&m, &e, NULL);
	put(&m, "a", "1");
	assert_int_equal(m.result, ENGINE_AWAY);
	assert_true(stats(&m).reconnects > 2);
	assert_int_equal(m.ups, 0);
	assert_int_equal(m.lines, 1);
	/* As many as may wait, and one more. */
	lines = m.answered;
	for (int i = 0; i < FLEET_LINK_MAX_WAITING; i++)
		put_async(&m, "a", "1");
	assert_int_equal(m.answered, lines);
	put_async(&m, "a", "1");
	assert_int_equal(m.answered, lines + 1);
	assert_int_equal(m.result, ENGINE_AWAY);
	/* None of them is told any more. */
	fleet_link_free(m.link);
	assert_int_equal(m.answered, lines + 1);
	etcd_stop(&e);
}

/* A read waits for who comes; other endpoints and a new password are taken. */
static void
configured(void **state)
{
	static const char *const wrong[] = {"http://127.0.0.1:1", NULL};
	static const char *const bad[] = {"http://10.0.0.1:1", NULL};
	struct fleet_link_options o = {
	    .base = base, .name = "eu", .endpoints = bad};
	struct machine m;
	struct etcd e;
	struct err err;

	etcd_start(&e, "configured", &(struct etcd_options){.nodes = 1});
	machine_start(&m, &e, wrong);
	UNTIL(m.downs > 0);
	fleet_link_get(m.link, "fleet", true, answered, &m);
	assert_int_equal(fleet_link_configure(m.link, &o, &err), E_ARG);
	o.endpoints = e.urls;
	assert_int_equal(fleet_link_configure(m.link, &o, &err), 0);
	UNTIL(m.answered == 1);
	assert_int_equal(m.result, ENGINE_DONE);
	UNTIL(m.state == FLEET_LINK_UP);
	fleet_link_free(m.link);
	etcd_stop(&e);
}

static void
free_inside(void *arg, enum fleet_link_state state, const char *why)
{
	struct machine *m = arg;

	if (state != m->state)
		return;
	fleet_link_free(m->link);
	m->link = NULL;
}

/* From inside each state that it tells. */
static void
freed(void **state)
{
	struct fleet_link_options o = {.base = base, .name = "eu"};
	struct fleet_link_calls calls = {
	    NULL, on_loading, on_records, on_loaded, free_inside};
	struct machine m = {.num = 0};
	struct err err;
	struct etcd e;

	etcd_start(&e, "freed", &(struct etcd_options){.nodes = 1});
	o.endpoints = e.urls;
	calls.arg = &m;
	for (int s = FLEET_LINK_CONNECTING; s <= FLEET_LINK_UP; s++) {
		m.state = (enum fleet_link_state)s;
		assert_int_equal(fleet_link_new(&m.link, &o, &calls, &err), 0);
		UNTIL(m.link == NULL);
		m.loading = false;
	}
	etcd_stop(&e);
}

/* A base each: a test that fails leaves its loop in the middle. */
static int
begin(void **state)
{
	base = event_base_new();
	return base == NULL;
}

static int
finish(void **state)
{
	event_base_free(base);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(options, begin, finish),
	    cmocka_unit_test_setup_teardown(follows, begin, finish),
	    cmocka_unit_test_setup_teardown(busy, begin, finish),
	    cmocka_unit_test_setup_teardown(large, begin, finish),
	    cmocka_unit_test_setup_teardown(nodes_die, begin, finish),
	    cmocka_unit_test_setup_teardown(frozen, begin, finish),
	    cmocka_unit_test_setup_teardown(compacted, begin, finish),
	    cmocka_unit_test_setup_teardown(wiped, begin, finish),
	    cmocka_unit_test_setup_teardown(nobody, begin, finish),
	    cmocka_unit_test_setup_teardown(configured, begin, finish),
	    cmocka_unit_test_setup_teardown(freed, begin, finish),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
