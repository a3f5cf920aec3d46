/*
 * The engine's seam against real etcd nodes: what a transaction, a watch and a
 * lease promise; TLS and users; what dies, freezes, fills up or is compacted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "gateway/fleet/engine.h"
#include "tests/lib/etcd.h"

static struct event_base *base;

/* An engine on a node, and what it answered last. */
struct asker {
	struct engine *engine;
	int asked, answered;
	enum engine_result result;
	int64_t revision, lease, ttl_sec;
	size_t num;
	bool more;
	char why[256];
	char first[1024];    /* "key=value" of each record, one a line */
	struct asker *never; /* is asked for, and not told */
	/* The watch. */
	bool created, ended;
	enum engine_result end;
	char told[4096]; /* "key=value@revision" or "key gone@revision" */
	int64_t told_revision;
	unsigned damaged;
	char token[ENGINE_MAX_TOKEN + 1];
};

static void
show(char *out, size_t room, const struct fleet_kv *kv, bool revision)
{
	size_t at = strlen(out);

	if (kv->value != NULL)
		at += (size_t)snprintf(out + at, room - at, "%s=%.*s", kv->key,
		    kv->len < 20 ? (int)kv->len : 20, (const char *)kv->value);
	else
		at += (size_t)snprintf(out + at, room - at, "%s gone", kv->key);
	if (revision)
		at += (size_t)snprintf(
		    out + at, room - at, "@%d", (int)kv->revision);
	snprintf(out + at, room - at, "\n");
}

static void
answered(void *arg, const struct engine_answer *a)
{
	struct asker *k = arg;

	k->answered++;
	k->result = a->result;
	k->revision = a->revision;
	k->lease = a->lease;
	k->ttl_sec = a->ttl_sec;
	k->num = a->num;
	k->more = a->more;
	snprintf(k->why, sizeof(k->why), "%s", a->why);
	k->first[0] = '\0';
	for (size_t i = 0; i < a->num && i < 8; i++)
		show(k->first, sizeof(k->first), &a->kv[i], false);
}

static void
watch_created(void *arg, int64_t revision)
{
	struct asker *k = arg;

	k->created = true;
}

static void
watch_events(void *arg, const struct fleet_kv *kv, size_t num, int64_t revision,
    unsigned damaged)
{
	struct asker *k = arg;

	for (size_t i = 0; i < num; i++)
		show(k->told, sizeof(k->told), &kv[i], true);
	if (revision != 0)
		k->told_revision = revision;
	k->damaged += damaged;
}

static void
watch_ended(void *arg, enum engine_result result, const char *why)
{
	struct asker *k = arg;

	k->ended = true;
	k->end = result;
	snprintf(k->why, sizeof(k->why), "%s", why);
}

static void
ring(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("nothing has come in %d ms", WAIT_MS);
}

/* Turns the loop until *flag is set, or n answers have come. */
#define UNTIL(condition)                                             \
	do {                                                         \
		struct event *bell_ = evtimer_new(base, ring, NULL); \
		struct timeval tv_ = {.tv_sec = WAIT_MS / 1000};     \
                                                                     \
		evtimer_add(bell_, &tv_);                            \
		while (!(condition))                                 \
			event_base_loop(base, EVLOOP_ONCE);          \
		event_free(bell_);                                   \
	} while (0)

static void
asker_wait(struct asker *k)
{
	k->asked++;
	/* Never from inside the call. */
	assert_int_equal(k->answered, k->asked - 1);
	UNTIL(k->answered == k->asked);
}

static void
asker_open(struct asker *k, const struct etcd *e, int node)
{
	struct engine_options o = {.base = base,
	    .endpoint = e->node[node].url,
	    .prefix = "/p2p-gateway/eu/",
	    .timeout_ms = 10000};
	char *ca = etcd_path(e, "etcd-ca.pem");
	char *cert = etcd_path(e, "member.pem"),
	     *key = etcd_path(e, "member.key");
	struct err err;

	/* All but what a login gave. */
	memset(k, 0, offsetof(struct asker, token));
	if (e->options.tls) {
		o.ca_file = ca;
		o.certificate = cert;
		o.key = key;
	}
	o.token = k->token;
	if (e->options.users != NULL) {
		o.user = ETCD_USER;
		o.password = ETCD_PASSWORD;
	}
	if (engine_open(&k->engine, &o, &err) != 0)
		fail_msg("%s", err.msg);
	free(ca);
	free(cert);
	free(key);
}

static void
put(struct asker *k, const char *key, const char *value)
{
	struct fleet_op op = {.kind = FLEET_OP_PUT,
	    .key = key,
	    .value = (const uint8_t *)value,
	    .len = strlen(value)};

	engine_txn(k->engine, NULL, 0, &op, 1, 0, answered, k);
	asker_wait(k);
}

static void
must_put(struct asker *k, const char *key, const char *value)
{
	put(k, key, value);
	if (k->result != ENGINE_DONE)
		fail_msg("put: %d %s", k->result, k->why);
}

static void
get(struct asker *k, const char *key)
{
	engine_get(k->engine, key, true, answered, k);
	asker_wait(k);
}

static void
watch_from(struct asker *k, int64_t revision)
{
	struct engine_watch_calls calls = {
	    k, watch_created, watch_events, watch_ended};

	k->created = k->ended = false;
	k->told_revision = 0;
	k->told[0] = '\0';
	engine_watch(k->engine, revision, &calls);
}

/* Tests. */

static void
endpoints(void **state)
{
	static const char *const good[] = {"https://etcd-1.example:2379",
	    "https://10.0.0.1:2379/", "http://127.0.0.1:2379",
	    "http://localhost:2379", "http://[::1]:2379"};
	static const char *const bad[] = {"", "etcd:2379", "http://10.0.0.1:1",
	    "http://example.com:2379", "ftp://127.0.0.1:1",
	    "https://u:p@host:1", "https://host:1/path", "https://host:1?a",
	    "http://127.0.0.1.example:1", "http://localhost.example:1",
	    "https://host:99999"};
	struct err err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (engine_endpoint_check(good[i], &err) != 0)
			fail_msg("'%s': %s", good[i], err.msg);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (engine_endpoint_check(bad[i], &err) != E_ARG)
			fail_msg("'%s' passes", bad[i]);
}

static void
records(struct asker *k)
{
	struct fleet_compare absent = {"config/a", 0}, stale;
	struct fleet_op two[2] = {
	    {FLEET_OP_PUT, "config/a", (const uint8_t *)"1", 1, 0},
	    {FLEET_OP_PUT, "head", (const uint8_t *)"\0\xff\"", 3, 0}};
	struct fleet_op reads[3] = {{.kind = FLEET_OP_GET, .key = "head"},
	    {.kind = FLEET_OP_GET, .key = "news"},
	    {.kind = FLEET_OP_GET, .key = "config/a"}};
	struct fleet_op gone = {.kind = FLEET_OP_DELETE, .key = "config/a"};
	int64_t first;

	engine_txn(k->engine, &absent, 1, two, 2, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	first = k->revision;
	/* The same again: it is there now. */
	engine_txn(k->engine, &absent, 1, two, 2, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_LOST);
	engine_txn(k->engine, NULL, 0, reads, 3, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	assert_int_equal(k->num, 2);
	assert_int_equal(k->revision, first);
	must_put(k, "config/b", "2");
	must_put(k, "news", "");
	stale = (struct fleet_compare){"config/a", first};
	engine_txn(k->engine, &stale, 1, &gone, 1, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	get(k, "config/a");
	assert_int_equal(k->result, ENGINE_DONE);
	assert_int_equal(k->num, 0);
	/* As it was. */
	engine_list(k->engine, "", NULL, first, 1, answered, k);
	asker_wait(k);
	assert_true(k->more);
	assert_string_equal(k->first, "config/a=1\n");
	engine_list(k->engine, "config/", "config/a", 0, 10, answered, k);
	asker_wait(k);
	assert_false(k->more);
	assert_string_equal(k->first, "config/b=2\n");
	/* All that changed, in order. */
	watch_from(k, first);
	UNTIL(k->told_revision >= first + 3);
	assert_non_null(strstr(k->told, "config/a=1@"));
	assert_non_null(strstr(k->told, "news=@"));
	assert_non_null(strstr(k->told, "config/a gone@"));
	assert_true(strstr(k->told, "config/b") > strstr(k->told, "config/a"));
	assert_int_equal(k->damaged, 0);
}

static void
leases(struct asker *k)
{
	struct fleet_op op = {FLEET_OP_PUT, "fetch/x", NULL, 0, 0};
	int64_t lease;

	engine_lease(k->engine, 60, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	assert_int_equal(k->ttl_sec, 60);
	lease = op.lease = k->lease;
	engine_txn(k->engine, NULL, 0, &op, 1, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	engine_keepalive(k->engine, lease, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	engine_revoke(k->engine, lease, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_DONE);
	UNTIL(strstr(k->told, "fetch/x gone@") != NULL);
	engine_keepalive(k->engine, lease, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_NO_LEASE);
	engine_txn(k->engine, NULL, 0, &op, 1, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_NO_LEASE);
}

/* What is asked wrongly never leaves the machine. */
static void
refusals(struct asker *k)
{
	struct fleet_op twice[2] = {
	    {FLEET_OP_PUT, "a", NULL, 0, 0}, {FLEET_OP_PUT, "a", NULL, 0, 0}};

	get(k, "a b");
	assert_int_equal(k->result, ENGINE_REFUSED);
	get(k, "");
	assert_int_equal(k->result, ENGINE_REFUSED);
	engine_txn(k->engine, NULL, 0, twice, 2, 0, answered, k);
	asker_wait(k);
	assert_int_equal(k->result, ENGINE_REFUSED);
	assert_non_null(strstr(k->why, "duplicate key"));
}

static void
one_node(void **state)
{
	struct asker k = {.asked = 0};
	struct etcd e;

	etcd_start(&e, "one", &(struct etcd_options){.nodes = 1});
	asker_open(&k, &e, 0);
	records(&k);
	leases(&k);
	refusals(&k);
	engine_close(k.engine);
	etcd_stop(&e);
}

/* With three nodes, TLS both ways and users; a token is had without asking. */
static void
three_nodes(void **state)
{
	struct asker k = {.asked = 0}, other = {.asked = 0};
	char token[ENGINE_MAX_TOKEN + 1];
	struct etcd e;

	etcd_start(&e, "three",
	    &(struct etcd_options){.nodes = 3, .tls = true, .users = "eu"});
	asker_open(&k, &e, 0);
	asker_open(&other, &e, 2);
	records(&k);
	leases(&k);
	/* Users were changed: the token is older than they are. */
	must_put(&other, "x", "1");
	etcd_do(&e, "user", "add", "somebody:else", NULL);
	etcd_do(&e, "role", "grant-permission", "fleet", "read", "/else", NULL);
	must_put(&other, "x", "2");
	must_put(&k, "x", "3");
	get(&other, "x");
	assert_string_equal(k.why, "");
	assert_string_equal(other.first, "x=3\n");
	/* A token holds at another node, and for another engine. */
	memcpy(token, k.token, sizeof(token));
	assert_true(strlen(token) > 10);
	engine_close(k.engine);
	asker_open(&k, &e, 1);
	must_put(&k, "x", "4");
	assert_string_equal(k.token, token);
	engine_close(k.engine);
	engine_close(other.engine);
	etcd_stop(&e);
}

/*
 * What was acknowledged is there, and the watch goes on where it was. The node
 * has forgotten the token.
 */
static void
killed_after_a_put(void **state)
{
	struct asker k = {.asked = 0};
	struct etcd e;
	int64_t last;

	etcd_start(&e, "killed",
	    &(struct etcd_options){.nodes = 1, .tls = true, .users = "eu"});
	asker_open(&k, &e, 0);
	must_put(&k, "a", "1");
	last = k.revision;
	watch_from(&k, last);
	UNTIL(k.told_revision == last);
	must_put(&k, "b", "2");
	etcd_kill(&e, 0);
	UNTIL(k.ended);
	assert_int_equal(k.end, ENGINE_UNKNOWN);
	/* Of a connection that seemed to be there nobody knows. */
	get(&k, "a");
	assert_true(k.result == ENGINE_AWAY || k.result == ENGINE_UNKNOWN);
	put(&k, "c", "3");
	assert_int_equal(k.result, ENGINE_AWAY);
	etcd_launch(&e, 0);
	etcd_await(&e, 0);
	get(&k, "b");
	assert_string_equal(k.first, "b=2\n");
	watch_from(&k, last + 1);
	UNTIL(k.told_revision > last);
	assert_non_null(strstr(k.told, "b=2@"));
	assert_null(strstr(k.told, "a=1@"));
	engine_close(k.engine);
	etcd_stop(&e);
}

/* A write whose answer does not come may have got through. */
static void
frozen(void **state)
{
	struct fleet_op op = {FLEET_OP_PUT, "b", (const uint8_t *)"2", 1, 0};
	struct asker k = {.asked = 0};
	struct etcd e;

	etcd_start(&e, "frozen", &(struct etcd_options){.nodes = 1});
	asker_open(&k, &e, 0);
	must_put(&k, "a", "1");
	etcd_freeze(&e, 0);
	/* AWAY: this machine had no time to send it. */
	do {
		engine_txn(k.engine, NULL, 0, &op, 1, 300, answered, &k);
		asker_wait(&k);
	} while (k.result == ENGINE_AWAY);
	assert_int_equal(k.result, ENGINE_UNKNOWN);
	etcd_thaw(&e, 0);
	/* It has, or it has not; what follows does. */
	must_put(&k, "c", "3");
	engine_close(k.engine);
	etcd_stop(&e);
}

static void
minority(void **state)
{
	struct asker k = {.asked = 0};
	struct etcd e;

	etcd_start(&e, "minority", &(struct etcd_options){.nodes = 3});
	asker_open(&k, &e, 0);
	must_put(&k, "a", "1");
	UNTIL((engine_get(k.engine, "a", false, answered, &k), asker_wait(&k),
	    k.num == 1));
	etcd_kill(&e, 1);
	etcd_kill(&e, 2);
	/* Nothing is acknowledged, and what this node has can be read. */
	put(&k, "a", "2");
	assert_int_equal(k.result, ENGINE_UNKNOWN);
	engine_get(k.engine, "a", false, answered, &k);
	asker_wait(&k);
	assert_string_equal(k.first, "a=1\n");
	engine_close(k.engine);
	etcd_stop(&e);
}

static void
compacted(void **state)
{
	struct asker k = {.asked = 0};
	struct etcd e;

	etcd_start(&e, "compacted", &(struct etcd_options){.nodes = 1});
	asker_open(&k, &e, 0);
	must_put(&k, "a", "1");
	must_put(&k, "a", "2");
	must_put(&k, "a", "3");
	etcd_do(&e, "compact", "4", NULL);
	watch_from(&k, 2);
	UNTIL(k.ended);
	assert_int_equal(k.end, ENGINE_COMPACTED);
	engine_list(k.engine, "", NULL, 2, 10, answered, &k);
	asker_wait(&k);
	assert_int_equal(k.result, ENGINE_COMPACTED);
	engine_close(k.engine);
	etcd_stop(&e);
}

static void
full(void **state)
{
	static const char *const quota[] = {
	    "--quota-backend-bytes", "4194304", NULL};
	size_t len = 700000;
	char *much = calloc(1, len + 1);
	struct asker k = {.asked = 0};
	struct etcd e;
	int n;

	etcd_start(
	    &e, "full", &(struct etcd_options){.nodes = 1, .extra = quota});
	asker_open(&k, &e, 0);
	must_put(&k, "a", "1");
	memset(much, 'x', len);
	for (n = 0; n < 20 && k.result == ENGINE_DONE; n++)
		put(&k, "much", much);
	assert_int_equal(k.result, ENGINE_FULL);
	/* The least write, too; what is there is read. */
	put(&k, "a", "2");
	assert_int_equal(k.result, ENGINE_FULL);
	assert_non_null(strstr(k.why, "space exceeded"));
	get(&k, "a");
	assert_string_equal(k.first, "a=1\n");
	engine_close(k.engine);
	free(much);
	etcd_stop(&e);
}

/* More than a line may have is asked for in parts, and a watch sends parts. */
static void
large(void **state)
{
	size_t len = 700000;
	char *much = calloc(1, len + 1), key[32];
	struct asker k = {.asked = 0};
	struct etcd e;
	int64_t last;

	etcd_start(&e, "large", &(struct etcd_options){.tls = true});
	asker_open(&k, &e, 0);
	memset(much, 'x', len);
	for (int i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "config/%d", i);
		must_put(&k, key, much);
	}
	last = k.revision;
	engine_list(k.engine, "", NULL, 0, 100, answered, &k);
	asker_wait(&k);
	assert_int_equal(k.result, ENGINE_TOO_LONG);
	engine_list(k.engine, "", NULL, 0, 4, answered, &k);
	asker_wait(&k);
	assert_int_equal(k.result, ENGINE_DONE);
	assert_int_equal(k.num, 4);
	assert_true(k.more);
	watch_from(&k, last - 7);
	UNTIL(k.told_revision == last);
	assert_non_null(strstr(k.told, "config/0=x"));
	assert_non_null(strstr(k.told, "config/7=x"));
	assert_false(k.ended);
	/* What etcd does not take is refused, and nothing else is disturbed. */
	much = xrealloc(much, 3 * len + 1);
	memset(much, 'x', 3 * len);
	much[3 * len] = '\0';
	put(&k, "config/8", much);
	assert_int_equal(k.result, ENGINE_REFUSED);
	must_put(&k, "config/8", "small");
	engine_close(k.engine);
	free(much);
	etcd_stop(&e);
}

/* From inside an answer, and with questions under way. */
static void
close_inside(void *arg, const struct engine_answer *a)
{
	struct asker *k = arg;

	k->answered++;
	engine_get(k->engine, "b", true, answered, k->never);
	engine_close(k->engine);
	k->engine = NULL;
}

static void
closed(void **state)
{
	struct asker k = {.asked = 0}, never = {.asked = 0};
	struct etcd e;

	etcd_start(&e, "closed", &(struct etcd_options){.nodes = 1});
	asker_open(&never, &e, 0);
	engine_get(never.engine, "a", true, answered, &never);
	engine_close(never.engine);
	asker_open(&k, &e, 0);
	watch_from(&k, 1);
	UNTIL(k.created);
	k.never = &never;
	engine_get(k.engine, "a", true, close_inside, &k);
	UNTIL(k.answered == 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(never.answered, 0);
	assert_false(k.ended);
	etcd_stop(&e);
}

/* With TLS a watch and any number of questions share one connection. */
static void
one_connection(void **state)
{
	struct asker k = {.asked = 0};
	struct etcd e;
	size_t fds;

	etcd_start(&e, "shared", &(struct etcd_options){.tls = true});
	asker_open(&k, &e, 0);
	must_put(&k, "a", "1");
	fds = pid_num_fds(getpid());
	watch_from(&k, 1);
	for (int i = 0; i < 20; i++)
		engine_get(k.engine, "a", true, answered, &k);
	k.asked += 20;
	UNTIL(k.answered == k.asked && k.created);
	assert_int_equal(pid_num_fds(getpid()), fds);
	engine_close(k.engine);
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
	    cmocka_unit_test_setup_teardown(endpoints, begin, finish),
	    cmocka_unit_test_setup_teardown(one_node, begin, finish),
	    cmocka_unit_test_setup_teardown(three_nodes, begin, finish),
	    cmocka_unit_test_setup_teardown(killed_after_a_put, begin, finish),
	    cmocka_unit_test_setup_teardown(frozen, begin, finish),
	    cmocka_unit_test_setup_teardown(minority, begin, finish),
	    cmocka_unit_test_setup_teardown(compacted, begin, finish),
	    cmocka_unit_test_setup_teardown(full, begin, finish),
	    cmocka_unit_test_setup_teardown(large, begin, finish),
	    cmocka_unit_test_setup_teardown(closed, begin, finish),
	    cmocka_unit_test_setup_teardown(one_connection, begin, finish),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
