/*
 * What is decided about a peer is one line, as text or as JSON, and whoever
 * chose a name in it cannot make two lines, another field or no JSON of it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/gateway.h"
#include "tests/lib/peer.h"
#include "tests/lib/pkimake.h"

static struct town town;
static EVP_PKEY *key;

/* As a certificate may have it. */
static const char evil[] =
    "x' status=good\",\"decision\":\"allowed\"}\n{\"level\":\"error\"} \x1b[2J"
    "\xc3\xa9 \\";

static int
setup(void **state)
{
	X509 *x;

	(void)state;
	town_start(&town, "net", NULL);
	key = EVP_EC_gen("P-256");
	x = pki_named(key, evil, "evil CA");
	pki_write("net/peers/evil.pem", x, NULL);
	X509_free(x);
	x = pki_named(key, "evil CA", "evil CA");
	pki_write("evil.pem", x, NULL);
	X509_free(x);
	pki_write("net/peers/evil.key", NULL, key);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	town_stop(&town);
	return 0;
}

static void
start(struct gateway *gw, const char *name, const char *format)
{
	char *trust = xasprintf("[{\"group\":\"town\",\"anchors\":"
				"\"%s/trust.pem\"},{\"group\":\"evil\","
				"\"anchors\":\"evil.pem\"}]",
	    town.dir);

	gateway_prepare(gw, name, &town);
	gateway_set(gw, "log.format", format);
	/* A sanitizer may have something of its own to say on stderr. */
	gateway_set(gw, "log.stdout", "true");
	gw->shell = xstrdup("exec \"$@\" 2>stderr");
	gateway_set(gw, "trust", trust);
	gateway_set(gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_start(gw);
	free(trust);
}

/* What it has said by its end. */
static char *
end(struct gateway *gw, const char *name)
{
	char *file = xasprintf("%s.log", name), *log;

	gateway_free(gw);
	log = file_need(file, NULL);
	free(file);
	return log;
}

/* A good one, a revoked one, and one that is refused for want of evidence. */
static char *
three_visits(const char *name, const char *format)
{
	struct gateway gw;

	start(&gw, name, format);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(
	    tls_try(&town, "evil", gw.port, 0), ALERT_CERTIFICATE_UNKNOWN);
	return end(&gw, name);
}

/* The schema of p2p-gateway(8), LOG. */

static bool
is_event(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && s[len] == '\0' && s[0] != '-' && s[len - 1] != '-' &&
	    strstr(s, "--") == NULL;
}

/* "2026-11-30T09:00:00.123Z" */
static bool
is_time(const char *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	size_t i = 0;

	for (; form[i] != '\0'; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	return s[i] == '\0';
}

static bool
is_level(const char *s)
{
	return strcmp(s, "error") == 0 || strcmp(s, "warn") == 0 ||
	    strcmp(s, "info") == 0 || strcmp(s, "debug") == 0;
}

/* A number is one; what only looks like one is named here. */
static bool
is_value(const cJSON *m)
{
	static const char *const texts[] = {"serial", "issuer_key", "key",
	    "leaf_sha256", "id", "before", "now", "file_mode"};
	const char *s = m->valuestring;
	const cJSON *item;

	if (cJSON_IsArray(m)) {
		cJSON_ArrayForEach(
		    item, m) if (!cJSON_IsString(item)) return false;
		return true;
	}
	if (!cJSON_IsString(m))
		return cJSON_IsNumber(m) || cJSON_IsBool(m);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(m->string, texts[i]) == 0)
			return true;
	return s[0] == '\0' || s[strspn(s, "0123456789")] != '\0';
}

/* ts, level, event and msg first, in this order; each name once. */
static bool
has_schema(const cJSON *o)
{
	static const char *const first[] = {"ts", "level", "event", "msg"};
	const cJSON *m = cJSON_IsObject(o) ? o->child : NULL, *other;

	for (size_t i = 0; i < 4; i++, m = m->next)
		if (m == NULL || strcmp(m->string, first[i]) != 0 ||
		    !cJSON_IsString(m))
			return false;
	for (; m != NULL; m = m->next) {
		size_t len =
		    strspn(m->string, "abcdefghijklmnopqrstuvwxyz0123456789_");

		if (m->string[len] != '\0' || !is_value(m))
			return false;
		cJSON_ArrayForEach(other, o) if (other != m &&
		    strcmp(other->string, m->string) == 0) return false;
	}
	return is_time(json_text(o, "ts")) && is_level(json_text(o, "level")) &&
	    is_event(json_text(o, "event")) && json_text(o, "msg")[0] != '\0';
}

/* The next line, but for the one on which it says that it is ready. */
static cJSON *
next_record(char **save, char *log)
{
	char *line = strtok_r(log, "\n", save);
	cJSON *o;

	if (line != NULL && strncmp(line, "ready ", 6) == 0)
		line = strtok_r(NULL, "\n", save);
	if (line == NULL)
		return NULL;
	o = cJSON_ParseWithOpts(line, NULL, true);
	if (!has_schema(o))
		fail_msg("no such line: %s", line);
	return o;
}

static const char *const keys[] = {"decision", "occasion", "direction", "peer",
    "from", "tls", "status", "why", "mode", "evidence"};

static void
decisions_as_json(void **state)
{
	static const char *const expected[][3] = {
	    {"allowed", "good", "O=good"},
	    {"refused", "revoked", "O=revoked"},
	    {"refused", "unknown", "CN=x"},
	};
	char *log = three_visits("json", "\"json\""), *save = NULL;
	size_t found = 0;
	cJSON *o;

	(void)state;
	for (o = next_record(&save, log); o != NULL;
	     cJSON_Delete(o), o = next_record(&save, NULL)) {
		assert_string_not_equal(json_text(o, "level"), "error");
		if (strcmp(json_text(o, "event"), "decision") != 0)
			continue;
		assert_true(found < 3);
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (json_text(o, keys[i]) == NULL)
				fail_msg("no %s", keys[i]);
		assert_string_equal(
		    json_text(o, "decision"), expected[found][0]);
		assert_string_equal(json_text(o, "status"), expected[found][1]);
		assert_non_null(
		    strstr(json_text(o, "peer"), expected[found][2]));
		assert_true(strlen(json_text(o, "evidence")) > 0);
		assert_true(cJSON_IsNumber(json_at(o, "conn")));
		assert_true(cJSON_IsNumber(json_at(o, "waited_ms")));
		assert_true(cJSON_IsFalse(json_at(o, "soft")));
		assert_non_null(
		    strstr(json_text(o, "chain.0"), expected[found][2]));
		found++;
	}
	assert_int_equal(found, 3);
	free(log);
}

static void
decisions_as_text(void **state)
{
	char *log = three_visits("text", "\"text\"");

	(void)state;
	/* Nothing but printable ASCII, each line with its time in front. */
	for (const char *p = log; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
	for (char *line = log; *line != '\0'; line = strchr(line, '\n') + 1)
		if (strncmp(line, "ready ", 6) != 0 &&
		    (line[4] != '-' || line[23] != 'Z'))
			fail_msg("no such line: %s", line);
	assert_non_null(strstr(log,
	    "allowed inbound peer 'C=GB,L=London,"
	    "O=good': "));
	assert_non_null(strstr(log, "status=revoked"));
	assert_non_null(strstr(log, "refused inbound peer 'CN=x"));
	assert_non_null(strstr(log, "(conn="));
	free(log);
}

/* Everything that says a line, as people and machines cause it. */
static void
be_busy(struct gateway *gw)
{
	static const char deny[] = "{\"issuer\":\"CN=nobody\",\"serial\":"
				   "\"0A\",\"reason\":\"\\\"quoted\\\"\"}";
	struct web w;

	assert_int_equal(tls_try(&town, "good", gw->port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw->port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(
	    tls_try(&town, "evil", gw->port, 0), ALERT_CERTIFICATE_UNKNOWN);
	for (int i = 0; i < 5; i++) {
		int fd = tcp_dial(gw->port);

		assert_int_equal(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
		while (read(fd, (char[64]){0}, 64) > 0)
			;
		close(fd);
	}
	rest_mode(gw, "SOFT_FAIL");
	assert_int_equal(tls_try(&town, "evil", gw->port, 0), TLS_IN);
	rest_mode(gw, "OFF");
	rest_mode(gw, "HARD_FAIL");
	rest(gw, &w, "POST", "/denylist", deny);
	web_free(&w);
	rest(gw, &w, "POST", "/cache/refresh", "");
	web_free(&w);
	rest(gw, &w, "GET", "/no'such\"path", NULL);
	web_free(&w);
	rest(gw, &w, "POST", "/reload", "");
	web_free(&w);
}

/* As load balancers, orchestrators and Prometheus do it. */
static void
probe(struct gateway *gw)
{
	static const char *const paths[] = {"/healthz", "/readyz", "/metrics"};
	struct web w;

	for (int i = 0; i < 10; i++) {
		close(tcp_dial(gw->port));
		close(tcp_dial(gw->rest_port));
		for (size_t k = 0; k < 3; k++) {
			rest(gw, &w, "GET", paths[k], NULL);
			assert_int_equal(w.status, 200);
			web_free(&w);
		}
	}
	workers_await(gw, "connections_silent", 10);
}

static void
every_line_has_the_schema(void **state)
{
	static const char *const events[] = {"started", "decision", "request",
	    "configuration-changed", "lets-in-unasked", "stopped",
	    "soft-failure" /* the engine's */};
	struct gateway gw;
	char *log, *save = NULL;
	unsigned seen[sizeof(events) / sizeof(events[0])] = {0}, num = 0,
				       soft = 0;
	cJSON *o;

	(void)state;
	start(&gw, "busy", "\"json\"");
	be_busy(&gw);
	log = end(&gw, "busy");
	for (o = next_record(&save, log); o != NULL;
	     cJSON_Delete(o), o = next_record(&save, NULL)) {
		num++;
		for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
			seen[i] +=
			    strcmp(json_text(o, "event"), events[i]) == 0;
		if (strcmp(json_text(o, "event"), "request") == 0) {
			assert_true(json_number(o, "status") >= 200);
			assert_true(cJSON_IsNumber(json_at(o, "ms")));
		}
		if (strcmp(json_text(o, "event"), "started") == 0)
			assert_true(
			    cJSON_GetArraySize(json_at(o, "listeners")) == 1);
		soft += cJSON_IsTrue(json_at(o, "soft"));
	}
	assert_true(num > 15);
	assert_int_equal(soft, 1);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (seen[i] == 0)
			fail_msg("no '%s'", events[i]);
	free(log);
}

/* One start and one stop, and silence between them. */
static void
probes_say_nothing(void **state)
{
	struct gateway gw;
	char *log, *save = NULL;
	cJSON *o;

	(void)state;
	start(&gw, "probes", "\"json\"");
	probe(&gw);
	log = end(&gw, "probes");
	for (o = next_record(&save, log); o != NULL;
	     cJSON_Delete(o), o = next_record(&save, NULL)) {
		const char *event = json_text(o, "event");
		const char *path = json_text(o, "path");

		assert_string_not_equal(event, "decision");
		/* That by which the test itself looks. */
		if (strcmp(event, "request") == 0 &&
		    strcmp(path, "/api/v1/status") != 0)
			fail_msg("%s", path);
	}
	free(log);
}

/* Who may not, or does not know the password, is told of all the same. */
static void
a_failed_probe_is_said(void **state)
{
	struct gateway gw;
	struct web w;
	char *url, *log;

	(void)state;
	start(&gw, "failed", "\"json\"");
	url = xasprintf("https://127.0.0.1:%d/api/v1/metrics", gw.rest_port);
	web_request(&w, "GET", url, "guess:ed", NULL, NULL);
	assert_int_equal(w.status, 401);
	web_free(&w);
	free(url);
	log = end(&gw, "failed");
	assert_non_null(strstr(log, "\"event\":\"failed-login\""));
	assert_non_null(
	    strstr(log, "\"path\":\"/api/v1/metrics\",\"status\":401"));
	free(log);
}

/* Refused before anybody listens: still a record. */
static void
a_start_that_fails_is_a_record(void **state)
{
	struct gateway gw;
	char *out, *save = NULL;
	cJSON *o = NULL, *last = NULL;

	(void)state;
	gateway_prepare(&gw, "refused", &town);
	gateway_set(&gw, "log.format", "\"json\"");
	gateway_set(&gw, "listen", "\"192.0.2.1:1\"");
	assert_int_equal(gateway_refuses(&gw, &out), 1);
	for (o = next_record(&save, out); o != NULL;
	     o = next_record(&save, NULL)) {
		cJSON_Delete(last);
		last = o;
	}
	assert_string_equal(json_text(last, "event"), "cannot-start");
	assert_string_equal(json_text(last, "level"), "error");
	assert_non_null(strstr(json_text(last, "msg"), "192.0.2.1"));
	cJSON_Delete(last);
	free(out);
	gateway_free(&gw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decisions_as_json),
	    cmocka_unit_test(decisions_as_text),
	    cmocka_unit_test(every_line_has_the_schema),
	    cmocka_unit_test(probes_say_nothing),
	    cmocka_unit_test(a_failed_probe_is_said),
	    cmocka_unit_test(a_start_that_fails_is_a_record),
	};

	return cmocka_run_group_tests_name("logs", tests, setup, teardown);
}
