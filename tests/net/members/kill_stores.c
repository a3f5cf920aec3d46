/*
 * kill -9 while keys are made, chains uploaded and setups changed over REST:
 * after each start, which never fails, everything is as it was acknowledged,
 * but for the one change that was under way: it is there whole, or not at all.
 * (test_kill does it to the stores alone, many times as often.)
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "tests/lib/enrol.h"
#include "tests/lib/scene.h"

#define LIMIT_SEC 8
#define MIN_KILLS 3
#define ID        "00000000000A"
#define HOST      "member.example"
/* demo-password at the lowest cost: starts are what is many here. */
#define CHEAP_USER                                                           \
	"[{\"name\":\"operator\",\"roles\":[\"operate\"],\"password_hash\":" \
	"\"pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$idk+Ho"               \
	"nwau7RH6S7FOePRKUp08rV9hLtCrgSlTQXdHc=\"}]"

enum kind {
	KIND_KEY = 0, /* one more */
	KIND_CHAIN,   /* the other one of two */
	KIND_SETUP,   /* likewise */
	NUM_KINDS
};

static struct pki_ca root;
static char *leaf[2]; /* for one key; as PEM */
static char *session;

static int
setup(void **state)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	pki_ca_init(&root, "root");
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "killed", &town);
	gateway_set(&gw, "workers", "1");
	gateway_set(&gw, "rest.users", CHEAP_USER);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	town_stop(&town);
	pki_ca_cleanup(&root);
	curl_global_cleanup();
	for (size_t i = 0; i < 2; i++)
		free(leaf[i]);
	free(session);
	return 0;
}

/* A member. */

#define CHAIN_PATH "/certificates/vnode/" ID "/p2p-tls"

static char *
setup_body(int which)
{
	return xasprintf("{\"p2pTlsCertificateChainAlias\":\"%c\","
			 "\"sessionKeyId\":\"%s\"}",
	    'a' + which, session);
}

static void
must(const char *method, const char *path, const char *body, long status)
{
	struct web w;

	rest(&gw, &w, method, path, body);
	if (w.status != status)
		fail_msg("%s %s: %ld %s", method, path, w.status, w.body);
	web_free(&w);
}

static void
enrol(void)
{
	char *key = enrol_key(&gw, ID, "tls", "TLS", ENROL_P256);
	X509_REQ *req = enrol_csr(&gw, ID, key,
	    "{\"x500Name\":\"CN=member\",\"subjectAlternativeNames\":"
	    "[\"" HOST "\"]}");
	char *pem = enrol_pem(root.cert), *body;
	cJSON *o = cJSON_CreateObject(), *context;

	for (int i = 0; i < 2; i++) {
		char alias[] = {(char)('a' + i), '\0'};

		leaf[i] = enrol_issue(&root, req, 300);
		enrol_upload_ok(&gw, CHAIN_PATH, alias, leaf[i], NULL);
	}
	enrol_upload_ok(&gw, CHAIN_PATH, "turn", leaf[0], NULL);
	session = enrol_key(&gw, ID, "session", "SESSION_INIT", ENROL_P256);
	context = cJSON_AddObjectToObject(o, "context");
	cJSON_AddStringToObject(context, "corda.group.trustroot.tls.0", pem);
	cJSON_AddStringToObject(context, "corda.group.pki.session", "NoPKI");
	body = cJSON_PrintUnformatted(o);
	must("POST", "/membership/" ID, body, 200);
	free(body);
	body = setup_body(0);
	must("PUT", "/network/setup/" ID, body, 204);
	free(body);
	cJSON_Delete(o);
	X509_REQ_free(req);
	free(pem);
	free(key);
}

/* The writer. */

struct writer {
	pthread_t thread;
	char *base;
	int done[NUM_KINDS]; /* acknowledged, in all */
	enum kind doing;
	atomic_bool begun;
};

static long
write_one(struct writer *wr)
{
	int n = wr->done[wr->doing] + 1;
	char *url = NULL, *body = NULL;
	struct web w;
	long status;

	switch (wr->doing) {
	case KIND_KEY:
		url = xasprintf("%s/keys/" ID
				"/alias/k%d/category/TLS/scheme/" ENROL_P256,
		    wr->base, n);
		web_request(&w, "POST", url, REST_USER, "", NULL);
		break;
	case KIND_CHAIN:
		enrol_upload(&gw, &w, CHAIN_PATH, "turn", leaf[n % 2], NULL);
		break;
	default:
		url = xasprintf("%s/network/setup/" ID, wr->base);
		body = setup_body(n % 2);
		web_request(&w, "PUT", url, REST_USER, body, NULL);
		break;
	}
	status = w.status;
	web_free(&w);
	free(body);
	free(url);
	return status;
}

/* Writes as fast as it can until the gateway is gone. */
static void *
writer_main(void *arg)
{
	struct writer *wr = arg;
	long status = 0;

	for (unsigned i = 0;; i++) {
		wr->doing = (enum kind)(i % NUM_KINDS);
		atomic_store(&wr->begun, true);
		status = write_one(wr);
		if (status != 200 && status != 204)
			return NULL;
		wr->done[wr->doing]++;
	}
}

/* What is found. */

static int
found_keys(void)
{
	struct web w;
	int num;

	rest(&gw, &w, "GET", "/keys/" ID, NULL);
	num = cJSON_GetArraySize(w.json) - 2; /* tls, session */
	web_free(&w);
	return num;
}

/* Which of the two a PEM is; fails for anything else. */
static int
which_of(const char *pem)
{
	int which = strcmp(pem, leaf[1]) == 0;

	assert_string_equal(pem, leaf[which]);
	return which;
}

static int
found_chain(void)
{
	struct web w;
	int which;

	rest(&gw, &w, "GET", CHAIN_PATH "/turn", NULL);
	assert_int_equal(w.status, 200);
	which = which_of(w.body);
	web_free(&w);
	return which;
}

/* What the door shows is what the setup says. */
static int
found_setup(void)
{
	struct tls_options o = {.name = HOST};
	char *cert = town_path(&town, "peers/good.pem"), *pem;
	char *key = town_path(&town, "peers/good.key");
	struct tls t;
	int which;

	o.cert = cert;
	o.key = key;
	(void)tls_connect(&t, gw.port, &o);
	assert_non_null(SSL_get0_peer_certificate(t.ssl));
	pem = enrol_pem(SSL_get0_peer_certificate(t.ssl));
	which = which_of(pem);
	tls_free(&t);
	free(pem);
	free(cert);
	free(key);
	return which;
}

/* Numbers of what is there; only the change under way may be one ahead. */
static void
check(struct writer *wr)
{
	int found[NUM_KINDS] = {found_keys(), found_chain(), found_setup()};

	for (int k = 0; k < NUM_KINDS; k++) {
		int done = wr->done[k], next = done + 1;

		if (k != KIND_KEY) {
			done %= 2;
			next %= 2;
		}
		if (found[k] == next && (int)wr->doing == k)
			wr->done[k]++;
		else
			assert_int_equal(found[k], done);
	}
}

static void
one_life(struct writer *wr)
{
	wr->base = xasprintf("https://127.0.0.1:%d/api/v1", gw.rest_port);
	atomic_store(&wr->begun, false);
	assert_int_equal(pthread_create(&wr->thread, NULL, writer_main, wr), 0);
	while (!atomic_load(&wr->begun))
		sched_yield();
	/* Some moment of one of the next changes. */
	for (long spin = random() % 30000; spin > 0; spin--)
		sched_yield();
	gateway_kill(&gw);
	pthread_join(wr->thread, NULL);
	free(wr->base);
}

static void
what_was_acknowledged_is_there(void **state)
{
	time_t end = time(NULL) + LIMIT_SEC;
	struct writer wr = {.doing = NUM_KINDS};
	int kills = 0;

	gateway_start(&gw);
	enrol();
	srandom(4711);
	while (time(NULL) < end || kills < MIN_KILLS) {
		one_life(&wr);
		gateway_start(&gw);
		check(&wr);
		kills++;
	}
	print_message("# %d kills, %d keys, %d chains, %d setups\n", kills,
	    wr.done[KIND_KEY], wr.done[KIND_CHAIN], wr.done[KIND_SETUP]);
	gateway_stop(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_acknowledged_is_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
