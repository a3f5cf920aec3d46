/*
 * Who may ask what: every path with every role, without and with wrong
 * credentials; client certificates; throttling; what must not get into the
 * log.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/gateway.h"

#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"

static struct town town;
static struct gateway gw;

static const char users[] =
    "[{\"name\":\"operator\",\"password\":\"demo-password\","
    "\"roles\":[\"operate\",\"check\"]},"
    "{\"name\":\"writer\",\"password\":\"writer-password\","
    "\"roles\":[\"operate\"]},"
    "{\"name\":\"reader\",\"password\":\"reader-password\","
    "\"roles\":[\"read\"]},"
    "{\"name\":\"node\",\"password\":\"node:password\","
    "\"roles\":[\"check\"]}]";

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	gateway_prepare(&gw, "gateway", &town);
	gateway_set(&gw, "rest.users", users);
	gateway_set(&gw, "rest.max_login_failures", "3");
	gateway_start(&gw);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	town_stop(&town);
	return 0;
}

static void
ask(struct web *w, const char *method, const char *path, const char *user,
    const char *body)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", gw.rest_port, path);

	web_request(w, method, url, user, body, NULL);
	free(url);
}

static long
status_of(
    const char *method, const char *path, const char *user, const char *body)
{
	struct web w;
	long status;

	ask(&w, method, path, user, body);
	status = w.status;
	web_free(&w);
	return status;
}

/* What each role gets; 0: whatever it is, not 401 and not 403. */
struct row {
	const char *method, *path, *body;
	long anybody, reader, writer, node;
};

static const struct row rows[] = {
    {"GET", "/healthz", NULL, 200, 200, 200, 200},
    {"GET", "/readyz", NULL, 200, 200, 200, 200},
    {"GET", "/metrics", NULL, 401, 200, 200, 403},
    {"GET", "/status", NULL, 401, 200, 200, 403},
    {"GET", "/decisions", NULL, 401, 200, 200, 403},
    {"GET", "/denylist", NULL, 401, 200, 200, 403},
    {"POST", "/denylist", "{}", 401, 403, 400, 403},
    {"DELETE", "/denylist/0123456789abcdef", NULL, 401, 403, 404, 403},
    {"GET", "/config/revcheck", NULL, 401, 200, 200, 403},
    {"GET", "/config/schema/revcheck", NULL, 401, 200, 200, 403},
    {"GET", "/config/revcheck/history", NULL, 401, 200, 200, 403},
    {"POST", "/config/revcheck/history/1/restore", "", 401, 403, 404, 403},
    {"PUT", "/config", "{}", 401, 403, 400, 403},
    {"POST", "/revocation/check", "{}", 401, 403, 400, 400},
    {"POST", "/revocation/check/batch", "{}", 401, 403, 400, 400},
    {"GET", "/revocation/events?timeoutMs=0", NULL, 401, 200, 200, 200},
    {"GET", "/cache", NULL, 401, 200, 200, 403},
    {"POST", "/cache/refresh", "", 401, 403, 202, 403},
    {"POST", "/cache/x/refresh", "", 401, 403, 400, 403},
    {"DELETE", "/cache", NULL, 401, 403, 204, 403},
    {"DELETE", "/cache/x", NULL, 401, 403, 400, 403},
    {"GET", SUBJECTS, NULL, 401, 200, 200, 403},
    {"PUT", SUBJECTS "/nonsense", "", 401, 403, 400, 403},
    {"DELETE", SUBJECTS "/nonsense", NULL, 401, 403, 400, 403},
    {"GET", "/no/such/path", NULL, 401, 404, 404, 404},
};

static void
every_path_and_every_role(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const struct {
			const char *user;
			long expected;
		} cases[] = {{NULL, r->anybody},
		    {"reader:reader-password", r->reader},
		    {"writer:writer-password", r->writer},
		    {"node:node:password", r->node}};

		for (size_t j = 0; j < 4; j++) {
			long got = status_of(
			    r->method, r->path, cases[j].user, r->body);

			if (got != cases[j].expected)
				fail_msg("%s %s as %s: %ld, expected %ld",
				    r->method, r->path,
				    cases[j].user != NULL ? cases[j].user
							  : "nobody",
				    got, cases[j].expected);
		}
	}
}

static void
missing_credentials_are_asked_for(void **state)
{
	struct web w;
	char *value;

	ask(&w, "GET", "/config/revcheck", NULL, NULL);
	assert_int_equal(w.status, 401);
	value = web_header(&w, "WWW-Authenticate");
	assert_non_null(value);
	assert_true(strncmp(value, "Basic", 5) == 0);
	free(value);
	assert_int_equal(json_number(w.json, "status"), 401);
	web_free(&w);
}

static void
wrong_credentials_are_401_then_429(void **state)
{
	static const char *const wrong = "reader:wrong";
	char *value;
	struct web w;

	for (int i = 0; i < 3; i++)
		assert_int_equal(status_of("GET", "/status", wrong, NULL), 401);
	ask(&w, "GET", "/status", wrong, NULL);
	assert_int_equal(w.status, 429);
	value = web_header(&w, "Retry-After");
	assert_non_null(value);
	free(value);
	web_free(&w);
	/* The right password does not help the one who guessed. */
	assert_int_equal(
	    status_of("GET", "/status", "reader:reader-password", NULL), 429);
	/* Nor does it hurt anybody else. */
	assert_int_equal(
	    status_of("GET", "/status", "writer:writer-password", NULL), 200);
	assert_int_equal(status_of("GET", "/status", "nobody:x", NULL), 401);
}

static void
secrets_and_newlines_stay_out_of_the_log(void **state)
{
	char *log;

	assert_int_equal(
	    status_of("GET", "/config/x%0a%0d2026-01-01%20error%20forged",
		"writer:writer-password", NULL),
	    404);
	assert_int_equal(status_of("GET", "/x'%20user='root",
			     "writer:writer-password", NULL),
	    404);
	log = proc_log(&gw.proc);
	assert_null(strstr(log, "writer-password"));
	assert_null(strstr(log, "\n2026-01-01 error forged"));
	assert_null(strstr(log, "user='root"));
	assert_null(strstr(log, "d3JpdGVyOn"));
	free(log);
}

static void
plain_text_is_not_answered(void **state)
{
	char *url =
	    xasprintf("http://127.0.0.1:%d/api/v1/healthz", gw.rest_port);
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 0);
	web_free(&w);
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_path_and_every_role),
	    cmocka_unit_test(missing_credentials_are_asked_for),
	    cmocka_unit_test(wrong_credentials_are_401_then_429),
	    cmocka_unit_test(secrets_and_newlines_stay_out_of_the_log),
	    cmocka_unit_test(plain_text_is_not_answered),
	};

	return cmocka_run_group_tests_name(
	    "REST authorisation", tests, setup, teardown);
}
