/*
 * What is decided about a peer is one line, as text or as JSON, and whoever
 * chose a name in it cannot make two lines, another field or no JSON of it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

/* A good one, a revoked one, and one that is refused for want of evidence. */
static char *
three_visits(const char *name, const char *format)
{
	char *trust = xasprintf("[{\"group\":\"town\",\"anchors\":"
				"\"%s/trust.pem\"},{\"group\":\"evil\","
				"\"anchors\":\"evil.pem\"}]",
	    town.dir);
	struct gateway gw;
	char *log, *file;

	gateway_prepare(&gw, name, &town);
	gateway_set(&gw, "log.format", format);
	/* A sanitizer may have something of its own to say on stderr. */
	gateway_set(&gw, "log.stdout", "true");
	gw.shell = xstrdup("exec \"$@\" 2>stderr");
	gateway_set(&gw, "trust", trust);
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(
	    tls_try(&town, "evil", gw.port, 0), ALERT_CERTIFICATE_UNKNOWN);
	gateway_free(&gw);
	file = xasprintf("%s.log", name);
	log = file_need(file, NULL);
	free(file);
	free(trust);
	return log;
}

static const char *const keys[] = {"decision", "occasion", "direction", "conn",
    "peer", "from", "tls", "status", "why", "mode", "waited_ms", "evidence"};

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

	(void)state;
	for (char *line = strtok_r(log, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		cJSON *o;

		if (strncmp(line, "ready ", 6) == 0)
			continue;
		o = cJSON_Parse(line);
		if (!cJSON_IsObject(o) || json_text(o, "time") == NULL ||
		    json_text(o, "level") == NULL ||
		    json_text(o, "message") == NULL)
			fail_msg("no such line: %s", line);
		assert_string_not_equal(json_text(o, "level"), "error");
		if (json_text(o, "decision") != NULL) {
			assert_true(found < 3);
			for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]);
			     i++)
				if (json_text(o, keys[i]) == NULL)
					fail_msg("no %s: %s", keys[i], line);
			assert_string_equal(
			    json_text(o, "decision"), expected[found][0]);
			assert_string_equal(
			    json_text(o, "status"), expected[found][1]);
			assert_non_null(
			    strstr(json_text(o, "peer"), expected[found][2]));
			assert_true(strlen(json_text(o, "evidence")) > 0);
			found++;
		}
		cJSON_Delete(o);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decisions_as_json),
	    cmocka_unit_test(decisions_as_text),
	};

	return cmocka_run_group_tests_name("logs", tests, setup, teardown);
}
