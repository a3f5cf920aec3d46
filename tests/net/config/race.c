/*
 * Many writers of one section, and a writer that is killed: for each version
 * exactly one change, nothing lost, never a mixture.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "tests/lib/scene.h"

#define NUM_CLIENTS    50
#define NUM_ROUNDS     4
#define NUM_KILLS      300
#define MAX_WRITES     4   /* acknowledged before a kill */
#define MAX_SPIN       400 /* then so many turns into the next one */
#define KILL_LIMIT_SEC 25  /* but not before MIN_KILLS */
#define MIN_KILLS      10

static int
setup(void **state)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	town_start(&town, "net", NULL);
	return 0;
}

static int
teardown(void **state)
{
	town_stop(&town);
	curl_global_cleanup();
	return 0;
}

/* Fifty clients. */

struct client {
	pthread_t thread;
	pthread_barrier_t *go;
	const char *url;
	int number;
	long status[NUM_ROUNDS];
};

static void *
client_main(void *arg)
{
	struct client *c = arg;

	for (int round = 0; round < NUM_ROUNDS; round++) {
		char *body = xasprintf(
		    "{\"section\":\"corda.p2p.linkManager\",\"version\":%d,"
		    "\"config\":{\"maxMessageSize\":%d},"
		    "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		    round, 1000 + round * NUM_CLIENTS + c->number);
		struct web w;

		pthread_barrier_wait(c->go);
		web_request(&w, "PUT", c->url, REST_USER, body, NULL);
		c->status[round] = w.status;
		web_free(&w);
		free(body);
		/* Nobody begins with the next version before all are done. */
		pthread_barrier_wait(c->go);
	}
	return NULL;
}

static void
one_change_for_each_version(void **state)
{
	struct client clients[NUM_CLIENTS];
	pthread_barrier_t go;
	struct web w;
	char *url;

	gateway_run(&gw, "race", &town);
	url = xasprintf("https://127.0.0.1:%d/api/v1/config", gw.rest_port);
	pthread_barrier_init(&go, NULL, NUM_CLIENTS);
	for (int i = 0; i < NUM_CLIENTS; i++) {
		clients[i] =
		    (struct client){.go = &go, .url = url, .number = i};
		assert_int_equal(pthread_create(&clients[i].thread, NULL,
				     client_main, &clients[i]),
		    0);
	}
	for (int i = 0; i < NUM_CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
	pthread_barrier_destroy(&go);
	rest(&gw, &w, "GET", "/config/corda.p2p.linkManager/history", NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), NUM_ROUNDS);
	for (int round = 0; round < NUM_ROUNDS; round++) {
		const cJSON *change = cJSON_GetArrayItem(w.json, round);
		int won = -1, num = 0;
		char *expected;

		for (int i = 0; i < NUM_CLIENTS; i++) {
			if (clients[i].status[round] == 202) {
				won = i;
				num++;
			} else {
				assert_int_equal(clients[i].status[round], 409);
			}
		}
		assert_int_equal(num, 1);
		assert_int_equal(json_number(change, "version"), round + 1);
		/* What is kept is the winner's. */
		expected = xasprintf("{\"maxMessageSize\":%d}",
		    1000 + round * NUM_CLIENTS + won);
		assert_string_equal(json_text(change, "config"), expected);
		free(expected);
	}
	web_free(&w);
	free(url);
	gateway_free(&gw);
}

/* Kill -9. */

struct writer {
	pthread_t thread;
	char *url;
	int version;      /* last that was acknowledged, set by the writer */
	atomic_int begun; /* writes */
	atomic_bool over;
};

/* Writes as fast as it can until the gateway is gone. */
static void *
writer_main(void *arg)
{
	struct writer *wr = arg;
	struct web w;
	long status;

	do {
		char *body = xasprintf(
		    "{\"section\":\"corda.p2p.linkManager\",\"version\":%d,"
		    "\"config\":{\"maxMessageSize\":%d},"
		    "\"schemaVersion\":{\"major\":1,\"minor\":0}}",
		    wr->version, 1000 + wr->version + 1);

		atomic_fetch_add(&wr->begun, 1);
		web_request(&w, "PUT", wr->url, REST_USER, body, NULL);
		status = w.status;
		if (status == 202)
			wr->version++;
		web_free(&w);
		free(body);
	} while (status == 202);
	atomic_store(&wr->over, true);
	return NULL;
}

/*
 * The version that is there after a restart: what was acknowledged, or one
 * more that was written but not told; and its value is whole.
 */
static int
check_after_kill(int acknowledged)
{
	int version = rest_version(&gw, "corda.p2p.linkManager");
	char *expected;
	struct web w;

	if (version < 0)
		version = 0;
	if (version != acknowledged && version != acknowledged + 1)
		fail_msg("version %d after %d was acknowledged", version,
		    acknowledged);
	rest(&gw, &w, "GET", "/config/corda.p2p.linkManager", NULL);
	expected = version == 0
	    ? xstrdup("{}")
	    : xasprintf("{\"maxMessageSize\":%d}", 1000 + version);
	assert_string_equal(json_text(w.json, "sourceConfig"), expected);
	free(expected);
	web_free(&w);
	return version;
}

static void
kill_leaves_the_old_or_the_new(void **state)
{
	time_t end = time(NULL) + KILL_LIMIT_SEC;
	int version = 0, kills = 0;

	gateway_prepare(&gw, "killed", &town);
	gateway_set(&gw, "workers", "1");
	/* demo-password at the lowest cost: starts are what is many here. */
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	srandom(4711);
	while (kills < MIN_KILLS || (kills < NUM_KILLS && time(NULL) < end)) {
		struct writer wr = {.version = version};

		gateway_start(&gw);
		version = check_after_kill(version);
		wr.version = version;
		wr.url = xasprintf(
		    "https://127.0.0.1:%d/api/v1/config", gw.rest_port);
		assert_int_equal(
		    pthread_create(&wr.thread, NULL, writer_main, &wr), 0);
		/* Some moment of one of the next changes. */
		for (int n = 1 + (int)(random() % MAX_WRITES);
		     atomic_load(&wr.begun) < n && !atomic_load(&wr.over);)
			sched_yield();
		for (long spin = random() % MAX_SPIN; spin > 0; spin--)
			sched_yield();
		gateway_kill(&gw);
		pthread_join(wr.thread, NULL);
		free(wr.url);
		version = wr.version;
		kills++;
	}
	print_message("# %d kills, %d versions\n", kills, version);
	gateway_start(&gw);
	version = check_after_kill(version);
	/* No version was lost on the way. */
	if (version > 0) {
		struct web w;

		rest(&gw, &w, "GET", "/config/corda.p2p.linkManager/history",
		    NULL);
		assert_int_equal(cJSON_GetArraySize(w.json),
		    version < 1000 ? version : 1000);
		web_free(&w);
	}
	gateway_free(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_change_for_each_version),
	    cmocka_unit_test(kill_leaves_the_old_or_the_new),
	};

	return cmocka_run_group_tests_name(
	    "racing and dying writers", tests, setup, teardown);
}
