/*
 * What the status page is made of: what is set since when and by whom, who is
 * in and how he came in, what was decided of whom, and all of it in one answer.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/scene.h"

#define GATEWAY "corda.p2p.gateway"

static int
setup(void **state)
{
	(void)state;
	scene_prepare();
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	gateway_start(&gw);
	return 0;
}

static void
put(const char *section, const char *config)
{
	rest_push(&gw, section, config, 202);
}

/* A JSON answer; web_free it. */
static void
get(struct web *w, const char *path)
{
	rest(&gw, w, "GET", path, NULL);
	if (w->status != 200 || w->json == NULL)
		fail_msg("%s: %ld %s", path, w->status, w->body);
}

static int
num_of(const char *path)
{
	struct web w;
	int num;

	get(&w, path);
	num = cJSON_GetArraySize(w.json);
	web_free(&w);
	return num;
}

static void
says(const cJSON *json, const char *path, const char *text)
{
	const char *is = json_text(json, path);

	if (is == NULL || strcmp(is, text) != 0)
		fail_msg("%s is '%s', not '%s'", path, is, text);
}

static void
counts(const cJSON *json, const char *path, double num)
{
	if (json_at(json, path) == NULL || json_number(json, path) != num)
		fail_msg(
		    "%s is %g, not %g", path, json_number(json, path), num);
}

/* Since when is not when its section was pushed last. */
static void
modes_have_an_origin(void **state)
{
	struct web w;
	char *first;

	get(&w, "/status");
	says(w.json, "tls.type", "MUTUAL");
	says(w.json, "tls.mode", "SOFT_FAIL");
	says(w.json, "tls.by", "start");
	assert_true(cJSON_IsNull(json_at(w.json, "tls.section")));
	says(w.json, "sessions.mode", "SOFT_FAIL");
	assert_non_null(json_text(w.json, "version"));
	assert_non_null(json_text(w.json, "libraries.openssl"));
	assert_non_null(json_text(w.json, "startedAt"));
	assert_non_null(json_text(w.json, "host"));
	counts(w.json, "pid", gw.proc.pid);
	assert_non_null(strstr(json_text(w.json, "rest"), "127.0.0.1:"));
	assert_non_null(
	    strstr(json_text(w.json, "listeners.0.address"), "127.0.0.1:"));
	assert_true(cJSON_IsTrue(json_at(w.json, "ready")));
	web_free(&w);

	put(GATEWAY,
	    "{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"OFF\"}}}");
	get(&w, "/status");
	says(w.json, "tls.mode", "OFF");
	says(w.json, "tls.section", GATEWAY);
	counts(w.json, "tls.version", 1);
	says(w.json, "tls.by", "operator");
	says(w.json, "sessions.mode", "SOFT_FAIL");
	assert_true(cJSON_IsNull(json_at(w.json, "sessions.section")));
	first = xstrdup(json_text(w.json, "tls.since"));
	web_free(&w);

	/* Another key: the mode is as it was. */
	put(GATEWAY,
	    "{\"maxRequestSize\":20000000,"
	    "\"sslConfig\":{\"revocationCheck\":{\"mode\":\"OFF\"}}}");
	rest_mode(&gw, "HARD_FAIL");
	get(&w, "/status");
	counts(w.json, "tls.version", 1);
	says(w.json, "tls.since", first);
	says(w.json, "sessions.mode", "HARD_FAIL");
	says(w.json, "sessions.section", "corda.p2p.linkManager");
	counts(w.json, "configuration.1.version", 2);
	says(w.json, "configuration.1.who", "operator");
	web_free(&w);
	free(first);

	/* Taken away again, which is a change of version 3. */
	put(GATEWAY, "{\"maxRequestSize\":20000000}");
	get(&w, "/status");
	says(w.json, "tls.mode", "HARD_FAIL");
	counts(w.json, "tls.version", 3);
	web_free(&w);
}

static void
enter(struct tls *t, const char *peer)
{
	tls_enter(t, &town, peer, gw.port, 0);
}

/* Waits until a list is so long: the workers learn of an end by themselves. */
static void
await_num(const char *path, int num)
{
	long long end = mono_ms() + WAIT_MS;

	while (num_of(path) != num)
		if (mono_ms() > end)
			fail_msg("%s: %d, not %d", path, num_of(path), num);
}

/* Those of one certificate; leading zeros and case are no difference. */
static void
by_serial(struct web *w)
{
	static const char *const bad[] = {"", "xyz", "0x4d", "4d%20", "-1"};
	char *path, *serial;

	get(w, "/connections?status=unknown");
	serial = xstrdup(json_text(w->json, "0.leaf.serial"));
	web_free(w);
	path = xasprintf("/connections?serial=%s", serial);
	get(w, path);
	assert_int_equal(cJSON_GetArraySize(w->json), 1);
	assert_non_null(strstr(json_text(w->json, "0.subject"), "O=nosource"));
	web_free(w);
	free(path);
	path = xasprintf("/connections?serial=000%s&status=unknown", serial);
	assert_int_equal(num_of(path), 1);
	free(path);
	path = xasprintf("/connections?serial=1%s", serial);
	assert_int_equal(num_of(path), 0);
	free(path);
	path = xasprintf("/connections?serial=%0200d", 1);
	assert_int_equal(num_of(path), 0);
	free(path);
	path = xasprintf("/connections?serial=1%0200d", 1);
	rest_expect(&gw, "GET", path, 400);
	free(path);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		path = xasprintf("/connections?serial=%s", bad[i]);
		rest_expect(&gw, "GET", path, 400);
		free(path);
	}
	free(serial);
}

static void
who_is_in(void **state)
{
	struct tls good = {0}, soft = {0};
	char *path;
	struct web w;

	assert_int_equal(num_of("/connections"), 0);
	enter(&good, "good");
	enter(&soft, "nosource");
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	get(&w, "/connections?status=unknown");
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	assert_non_null(strstr(json_text(w.json, "0.subject"), "O=nosource"));
	says(w.json, "0.way", "inbound");
	says(w.json, "0.status", "unknown");
	says(w.json, "0.why", "no-source");
	says(w.json, "0.mode", "SOFT_FAIL");
	says(w.json, "0.tlsVersion", "TLSv1.3");
	assert_non_null(json_text(w.json, "0.since"));
	assert_int_equal(strlen(json_text(w.json, "0.certificateSha256")), 64);
	assert_true(json_number(w.json, "0.bytesIn") > 0);
	assert_true(json_number(w.json, "0.bytesOut") > 0);
	path = xasprintf("/connections/%.0f", json_number(w.json, "0.id"));
	web_free(&w);
	assert_int_equal(num_of("/connections"), 2);
	assert_int_equal(num_of("/connections?status=good&way=inbound"), 1);
	assert_int_equal(num_of("/connections?way=outbound"), 0);
	assert_int_equal(num_of("/connections?status=revoked"), 0);
	assert_int_equal(num_of("/connections?limit=1"), 1);
	by_serial(&w);

	rest_expect(&gw, "DELETE", path, 204);
	assert_int_equal(tls_echo(&soft), 0);
	await_num("/connections", 1);
	rest_expect(&gw, "DELETE", path, 404);
	rest_expect(&gw, "DELETE", "/connections/1x", 400);
	rest_expect(&gw, "DELETE", "/connections/0", 400);
	assert_int_equal(tls_echo(&good), 1);
	get(&w, "/decisions?outcome=cut");
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	says(w.json, "0.note", "cut by 'operator'");
	says(w.json, "0.status", "unknown");
	says(w.json, "0.outcome", "cut");
	web_free(&w);
	free(path);
	tls_free(&good);
	tls_free(&soft);
	await_num("/connections", 0);
}

/* Page after page, everybody once. */
static void
pages_of_connections(void **state)
{
	enum {
		NUM = 7
	};
	struct tls t[NUM] = {{0}};
	uint64_t after = 0;
	int seen = 0;

	for (int i = 0; i < NUM; i++)
		enter(&t[i], "good");
	for (;;) {
		char *path = xasprintf("/connections?limit=2&after=%llu",
		    (unsigned long long)after);
		const cJSON *o;
		struct web w;

		get(&w, path);
		cJSON_ArrayForEach(o, w.json)
		{
			uint64_t id = (uint64_t)json_number(o, "id");

			assert_true(after == 0 || id < after);
			after = id;
			seen++;
		}
		free(path);
		if (cJSON_GetArraySize(w.json) == 0) {
			web_free(&w);
			break;
		}
		web_free(&w);
	}
	assert_int_equal(seen, NUM);
	for (int i = 0; i < NUM; i++)
		tls_free(&t[i]);
}

static void
decisions_by_word(void **state)
{
	static const char *const bad[] = {"outcome=softly", "status=fine",
	    "why=because", "way=sideways", "since=yesterday", "before=2x",
	    "since=2026-02-30T00:00:00Z", "limit=-1", "after=x", "outcom=soft",
	    "outcome="};
	struct web w;

	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(tls_try(&town, "nosource", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	/* Who is refused knows it first. */
	await_num("/decisions?outcome=refused", 1);
	assert_int_equal(num_of("/decisions?outcome=soft"), 1);
	assert_int_equal(num_of("/decisions?outcome=accepted"), 2);
	assert_int_equal(num_of("/decisions?outcome=cut"), 0);
	assert_int_equal(num_of("/decisions?status=revoked"), 1);
	assert_int_equal(num_of("/decisions?why=no-source"), 1);
	assert_int_equal(num_of("/decisions?way=inbound"), 3);
	assert_int_equal(num_of("/decisions?way=session"), 0);
	assert_int_equal(num_of("/decisions?since=2020-01-01T00:00:00Z"), 3);
	assert_int_equal(num_of("/decisions?before=2020-01-01T00:00:00Z"), 0);
	assert_int_equal(num_of("/decisions?before=1577836800"), 0);
	assert_int_equal(num_of("/decisions?status=GOOD&way=inbound"), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *path = xasprintf("/decisions?%s", bad[i]);

		rest(&gw, &w, "GET", path, NULL);
		if (w.status != 400)
			fail_msg("%s: %ld %s", path, w.status, w.body);
		web_free(&w);
		free(path);
	}
	rest(&gw, &w, "GET", "/decisions?outcome=softly", NULL);
	assert_non_null(strstr(w.body, "'soft'"));
	web_free(&w);
	rest_expect(&gw, "GET", "/connections?status=fine", 400);
	rest_expect(&gw, "GET", "/connections?way=session", 400);
	rest_expect(&gw, "GET", "/connections?state=good", 400);
	rest_expect(&gw, "GET", "/ui/state?after=x", 400);
	rest_expect(&gw, "GET", "/ui/state?since=5", 400);
}

/* The sum of a row of sixty numbers. */
static double
sum_of(const cJSON *json, const char *path)
{
	const cJSON *row = json_at(json, path), *n;
	double sum = 0;

	assert_int_equal(cJSON_GetArraySize(row), 60);
	cJSON_ArrayForEach(n, row) sum += n->valuedouble;
	return sum;
}

static void
everything_in_one_answer(void **state)
{
	struct tls soft = {0};
	double last;
	char *path;
	struct web w;

	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	enter(&soft, "nosource");
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	get(&w, "/ui/state");
	says(w.json, "user.name", "operator");
	assert_non_null(json_text(w.json, "process.version"));
	says(w.json, "tls.mode", "SOFT_FAIL");
	assert_true(cJSON_IsFalse(json_at(w.json, "shadow.on")));
	counts(w.json, "issuers.exempt", 0);
	assert_true(cJSON_IsNull(json_at(w.json, "warmUp")));
	counts(w.json, "summary.accepted", 2);
	counts(w.json, "summary.soft", 1);
	counts(w.json, "summary.refused.revoked", 1);
	counts(w.json, "summary.cut", 0);
	assert_true(sum_of(w.json, "minutes.peers.good") == 1);
	assert_true(sum_of(w.json, "minutes.peers.soft") == 1);
	assert_true(sum_of(w.json, "minutes.peers.refused.revoked") == 1);
	assert_true(sum_of(w.json, "minutes.sessions.refused") == 0);
	counts(w.json, "connections.notGood", 1);
	counts(w.json, "connections.byStatus.unknown", 1);
	assert_non_null(strstr(
	    json_text(w.json, "connections.rows.0.subject"), "O=nosource"));
	assert_int_equal(
	    cJSON_GetArraySize(json_at(w.json, "decisions.rows")), 3);
	last = json_number(w.json, "decisions.last");
	assert_true(json_number(w.json, "decisions.rows.0.sequence") == last);
	counts(w.json, "denylist.num", 0);
	assert_non_null(json_at(w.json, "identities.0"));
	web_free(&w);

	/* However much there is to tell. */
	for (int i = 0; i < 60; i++)
		assert_int_equal(tls_try(&town, "revoked", gw.port, 0),
		    ALERT_CERTIFICATE_REVOKED);
	get(&w, "/ui/state");
	assert_true(w.len < 100 * 1024);
	assert_int_equal(
	    cJSON_GetArraySize(json_at(w.json, "decisions.rows")), 50);
	assert_non_null(json_at(w.json, "decisions.rows.0.report"));
	assert_null(json_at(w.json, "decisions.rows.49.report"));
	assert_non_null(strstr(
	    json_text(w.json, "decisions.rows.49.subject"), "O=revoked"));
	path = xasprintf("/decisions?sequence=%.0f",
	    json_number(w.json, "decisions.rows.49.sequence"));
	last = json_number(w.json, "decisions.last");
	web_free(&w);
	get(&w, path);
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	assert_non_null(json_at(w.json, "0.report"));
	web_free(&w);
	free(path);

	/* What was seen is not told again. */
	path = xasprintf("/ui/state?after=%.0f", last);
	get(&w, path);
	assert_int_equal(
	    cJSON_GetArraySize(json_at(w.json, "decisions.rows")), 0);
	counts(w.json, "decisions.last", last);
	web_free(&w);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "rest GET '/api/v1/ui/state"));
	free(path);
	tls_free(&soft);
}

/* The row of a URL that has this part; sources are tried soon, not at once. */
static bool
has_row(struct web *w, const char *query, const char *state)
{
	char *path = xasprintf("/sources?%s", query);
	const char *is;

	get(w, path);
	free(path);
	is = json_text(w->json, "0.state");
	return is != NULL && strcmp(is, state) == 0;
}

static void
await_row(struct web *w, const char *query, const char *state)
{
	long long end = mono_ms() + WAIT_MS;

	while (!has_row(w, query, state)) {
		if (mono_ms() > end)
			fail_msg("%s is not %s: %s", query, state, w->body);
		web_free(w);
	}
}

#define CRL "url=certificate-revocation-list/doorman"

static void
sources_tell_their_state(void **state)
{
	struct web w;

	assert_int_equal(num_of("/sources"), 0);
	control(&town.ocsp, "/_listen/off", NULL);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	await_row(&w, CRL, "ok");
	says(w.json, "0.kind", "crl");
	assert_non_null(json_text(w.json, "0.issuer"));
	counts(w.json, "0.kept", 1);
	assert_true(json_number(w.json, "0.keptBytes") > 0);
	assert_true(json_number(w.json, "0.lastBytes") > 0);
	assert_non_null(json_text(w.json, "0.soonestEnd"));
	assert_non_null(json_text(w.json, "0.lastSuccess"));
	assert_non_null(json_text(w.json, "0.nextTry"));
	assert_true(cJSON_IsNull(json_at(w.json, "0.error")));
	counts(w.json, "0.failures", 0);
	web_free(&w);

	/* It never answered, and there is a row of it; the first of all. */
	await_row(&w, "kind=ocsp", "failing");
	counts(w.json, "0.kept", 0);
	says(w.json, "0.error.why", "unreachable");
	assert_non_null(json_text(w.json, "0.error.text"));
	assert_true(cJSON_IsNull(json_at(w.json, "0.lastSuccess")));
	assert_non_null(json_text(w.json, "0.lastTry"));
	assert_true(json_number(w.json, "0.failures") >= 1);
	web_free(&w);
	get(&w, "/sources?limit=1");
	assert_int_equal(cJSON_GetArraySize(w.json), 1);
	says(w.json, "0.kind", "ocsp");
	web_free(&w);
	get(&w, "/ui/state");
	says(w.json, "sources.rows.0.state", "failing");
	assert_true(json_number(w.json, "sources.num") >= 2);
	assert_true(json_number(w.json, "sources.byState.ok") >= 1);
	web_free(&w);

	/* The CRL keeps what it said, and says that refreshing fails. */
	control(&town.web, "/_script",
	    "/certificate-revocation-list/doorman 503\n");
	/* Not within a second of the last time. */
	for (long long end = mono_ms() + WAIT_MS;;) {
		rest_expect(&gw, "POST", "/cache/refresh", 202);
		if (has_row(&w, CRL, "failing"))
			break;
		if (mono_ms() > end)
			fail_msg("still %s", w.body);
		web_free(&w);
	}
	says(w.json, "0.error.why", "http-error");
	counts(w.json, "0.error.httpStatus", 503);
	counts(w.json, "0.kept", 1);
	assert_non_null(json_text(w.json, "0.lastSuccess"));
	web_free(&w);
	control(&town.web, "/_script",
	    "/certificate-revocation-list/doorman origin\n");
	control(&town.ocsp, "/_listen/on", NULL);
	rest_expect(&gw, "GET", "/sources?state=bad", 400);
	rest_expect(&gw, "GET", "/sources?kind=arl", 400);
	rest_expect(&gw, "GET", "/sources?filter=x", 400);
}

/* What is kept of one source, who is listed in it, and its bytes. */
static void
one_source(void **state)
{
	char *key, *path, *serial;
	struct web w;

	control(&town.ocsp, "/_listen/off", NULL);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	control(&town.ocsp, "/_listen/on", NULL);
	await_row(&w, CRL, "ok");
	key = xstrdup(json_text(w.json, "0.key"));
	web_free(&w);
	await_num("/decisions?outcome=refused", 1);
	get(&w, "/decisions?outcome=refused");
	serial = xstrdup(json_text(w.json, "0.report.certificates.0.serial"));
	web_free(&w);

	path = xasprintf("/cache/%s", key);
	get(&w, path);
	says(w.json, "key", key);
	says(w.json, "pieces.0.kind", "crl");
	assert_non_null(json_text(w.json, "pieces.0.issuer"));
	assert_null(json_at(w.json, "listed"));
	web_free(&w);
	free(path);
	path = xasprintf("/cache/%s?serial=%s", key, serial);
	get(&w, path);
	assert_true(cJSON_IsTrue(json_at(w.json, "listed")));
	assert_non_null(json_text(w.json, "entry.revokedAt"));
	assert_non_null(json_text(w.json, "entry.reason"));
	web_free(&w);
	free(path);
	path = xasprintf("/cache/%s?serial=1f1f1f", key);
	get(&w, path);
	assert_true(cJSON_IsFalse(json_at(w.json, "listed")));
	assert_true(cJSON_IsNull(json_at(w.json, "entry")));
	web_free(&w);
	free(path);
	path = xasprintf("/cache/%s?serial=xyz", key);
	rest_expect(&gw, "GET", path, 400);
	free(path);
	rest_expect(&gw, "GET", "/cache/00", 400);
	key[0] = key[0] == '0' ? '1' : '0';
	path = xasprintf("/cache/%s", key);
	rest_expect(&gw, "GET", path, 404);
	free(path);
	free(key);
	free(serial);
}

/* With OFF nobody is good: nobody was asked about. */
static void
off_is_not_good(void **state)
{
	struct tls t = {0};
	struct web w;

	rest_mode(&gw, "OFF");
	enter(&t, "revoked");
	get(&w, "/ui/state");
	counts(w.json, "connections.byStatus.not-asked", 1);
	counts(w.json, "summary.notAsked", 1);
	counts(w.json, "summary.good", 0);
	assert_true(cJSON_IsTrue(json_at(w.json, "degraded")));
	assert_non_null(json_text(w.json, "reasons.0"));
	assert_non_null(json_text(w.json, "loose.0"));
	web_free(&w);
	assert_int_equal(num_of("/connections?status=not-asked"), 1);
	tls_free(&t);
}

/* Which holdings there are, registered or not. */
static void
holdings(void **state)
{
	struct web w;

	assert_int_equal(num_of("/network/setup"), 0);
	assert_int_equal(num_of("/membership"), 0);
	rest(&gw, &w, "POST",
	    "/keys/58B6030FABDD/alias/tls/category/TLS/scheme/"
	    "CORDA.ECDSA.SECP256R1",
	    "");
	assert_int_equal(w.status, 200);
	web_free(&w);
	get(&w, "/network/setup");
	says(w.json, "0.holdingIdentity", "58B6030FABDD");
	assert_true(cJSON_IsFalse(json_at(w.json, "0.registered")));
	assert_true(cJSON_IsFalse(json_at(w.json, "0.inEffect")));
	assert_true(cJSON_IsNull(json_at(w.json, "0.setup")));
	web_free(&w);
	get(&w, "/membership/58B6030FABDD");
	assert_true(cJSON_IsNull(json_at(w.json, "registration")));
	web_free(&w);
	rest_expect(&gw, "GET", "/network/setup/58B6030FABDE", 404);
	rest_expect(&gw, "GET", "/membership/xyz", 400);
}

/* Whose certificate it was is remembered, also by the next process. */
static void
denials_have_a_name(void **state)
{
	char *path = town_path(&town, "peers/unseen.pem"), *body, *quoted;
	char *pem, *id;
	cJSON *text;
	size_t len;
	struct web w;

	pem = file_read(path, &len);
	text = cJSON_CreateString(pem);
	quoted = cJSON_PrintUnformatted(text);
	body = xasprintf("{\"certificate\":%s}", quoted);
	rest(&gw, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 201);
	id = xasprintf("/denylist/%s", json_text(w.json, "id"));
	web_free(&w);
	rest(&gw, &w, "POST", "/denylist",
	    "{\"spkiSha256\":\"00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff\"}");
	assert_int_equal(w.status, 201);
	web_free(&w);
	gateway_stop(&gw);
	gateway_start(&gw);
	get(&w, "/denylist");
	assert_non_null(strstr(json_text(w.json, "0.subject"), "O=unseen"));
	assert_null(json_at(w.json, "1.subject"));
	web_free(&w);
	rest_expect(&gw, "DELETE", id, 204);
	assert_int_equal(num_of("/denylist"), 1);
	rest(&gw, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 201);
	web_free(&w);
	get(&w, "/ui/state");
	assert_non_null(
	    strstr(json_text(w.json, "denylist.rows.0.subject"), "O=unseen"));
	counts(w.json, "denylist.num", 2);
	web_free(&w);
	free(id);
	free(body);
	cJSON_free(quoted);
	cJSON_Delete(text);
	free(pem);
	free(path);
}

static void
node_is(const char *addresses)
{
	gateway_set(&gw, "node.addresses", addresses);
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
}

/* Nobody who is let in gets anywhere: said until one does. */
static void
a_silent_node_is_a_reason(void **state)
{
	struct web w;
	char *node;

	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	get(&w, "/readyz");
	assert_true(cJSON_IsFalse(json_at(w.json, "degraded")));
	web_free(&w);
	/* Nobody listens there. */
	node_is("[\"127.0.0.1:1\"]");
	(void)tls_try(&town, "good", gw.port, 0);
	gateway_must_say(&gw, "no node reachable");
	get(&w, "/status");
	assert_non_null(
	    strstr(json_text(w.json, "reasons.0"), "no node can be reached"));
	web_free(&w);
	node = xasprintf("[\"127.0.0.1:%d\"]", town.node.port);
	node_is(node);
	free(node);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	get(&w, "/readyz");
	assert_true(cJSON_IsFalse(json_at(w.json, "degraded")));
	web_free(&w);
}

/* Switched off it is as if it were not there. */
static void
no_page(void **state)
{
	gateway_stop(&gw);
	gateway_set(&gw, "rest.ui", "false");
	gateway_start(&gw);
	rest_expect(&gw, "GET", "/ui/state", 404);
	rest_expect(&gw, "GET", "/UI/state", 404);
	rest_expect(&gw, "PUT", "/ui/state", 404);
	rest_expect(&gw, "GET", "/status", 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		modes_have_an_origin, setup, scene_end),
	    cmocka_unit_test_setup_teardown(who_is_in, setup, scene_end),
	    cmocka_unit_test_setup_teardown(
		pages_of_connections, setup, scene_end),
	    cmocka_unit_test_setup_teardown(
		decisions_by_word, setup, scene_end),
	    cmocka_unit_test_setup_teardown(
		everything_in_one_answer, setup, scene_end),
	    cmocka_unit_test_setup_teardown(
		sources_tell_their_state, setup, scene_end),
	    cmocka_unit_test_setup_teardown(one_source, setup, scene_end),
	    cmocka_unit_test_setup_teardown(holdings, setup, scene_end),
	    cmocka_unit_test_setup_teardown(
		denials_have_a_name, setup, scene_end),
	    cmocka_unit_test_setup_teardown(
		a_silent_node_is_a_reason, setup, scene_end),
	    cmocka_unit_test_setup_teardown(no_page, setup, scene_end),
	    cmocka_unit_test_setup_teardown(off_is_not_good, setup, scene_end),
	};

	return cmocka_run_group_tests_name(
	    "page data", tests, scene_setup, scene_teardown);
}
