/*
 * Who may ask what: every path with every role, without and with wrong
 * credentials; client certificates; throttling; what must not get into the
 * log.
 */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lib/scene.h"

#define TRIES 20000 /* a bound; each is a request */
#define KEYS  "/keys/0123456789AB"
#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"

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
	scene_up("rest.users", users, "rest.max_login_failures", "20");
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

/* What each role gets. Of a path with parameters one form stands for all. */
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
    {"POST", KEYS "/alias/a/category/NONE/scheme/x", "", 401, 403, 400, 403},
    {"POST", "/key/p2p/alias/a/category/NONE/scheme/x", "", 401, 403, 400, 403},
    {"GET", "/keys/zz", NULL, 401, 400, 400, 403},
    {"GET", KEYS "/000000000000", NULL, 401, 404, 404, 403},
    {"GET", "/key/p2p/000000000000", NULL, 401, 404, 404, 403},
    {"POST", "/certificates/0123456789AB/000000000000",
	"{\"x500Name\":\"O=A,L=B,C=GB\"}", 401, 403, 404, 403},
    {"PUT", "/certificates/vnode/xyz/p2p-tls", "", 401, 403, 400, 403},
    {"PUT", "/certificates/cluster/p2p-tls", "", 401, 403, 400, 403},
    {"PUT", "/certificate/cluster/p2p-tls", "", 401, 403, 400, 403},
    {"GET", "/certificates/vnode/xyz/p2p-tls", NULL, 401, 400, 400, 403},
    {"GET", "/certificates/vnode/xyz/p2p-tls/a", NULL, 401, 400, 400, 403},
    {"GET", "/certificates/cluster/p2p-tls", NULL, 401, 200, 200, 403},
    {"GET", "/certificates/cluster/p2p-tls/a", NULL, 401, 404, 404, 403},
    {"POST", "/membership/xyz", "{}", 401, 403, 400, 403},
    {"PUT", "/network/setup/xyz", "{}", 401, 403, 400, 403},
    {"GET", "/no/such/path", NULL, 401, 404, 404, 404},
};

static void
every_path_and_every_role(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		/* Each guesses once: none is shut out for it. */
		char *guest = xasprintf("guest%zu:reader-password", i);
		const struct {
			const char *user;
			long expected;
		} cases[] = {{NULL, r->anybody}, {guest, r->anybody},
		    {"reader:reader-password", r->reader},
		    {"writer:writer-password", r->writer},
		    {"node:node:password", r->node}};

		for (size_t j = 0; j < 5; j++) {
			long got = status_of(
			    r->method, r->path, cases[j].user, r->body);

			if (got != cases[j].expected)
				fail_msg("%s %s as %s: %ld, expected %ld",
				    r->method, r->path,
				    cases[j].user != NULL ? cases[j].user
							  : "nobody",
				    got, cases[j].expected);
		}
		free(guest);
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

/* From this host a wrong password waits for its answer, a right one never. */
static void
wrong_credentials_wait_and_lock_nobody_out(void **state)
{
	static const char *const wrong = "reader:wrong";
	long long before, ms;

	for (int i = 0; i < 22; i++)
		assert_int_equal(status_of("GET", "/status", wrong, NULL), 401);
	before = mono_ms();
	assert_int_equal(status_of("GET", "/status", wrong, NULL), 401);
	ms = mono_ms() - before;
	assert_true(ms >= 1000);
	assert_int_equal(
	    status_of("GET", "/status", "reader:reader-password", NULL), 200);
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

/*
 * Nothing that a stranger writes becomes a file's name, a header or a line of
 * the log of its own.
 */
static void
parameters_are_names_and_nothing_else(void **state)
{
	static const char *const paths[] = {
	    "/config/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
	    "/config/schema/..%2fgateway.json",
	    "/config/revcheck/history/..%2f1/restore",
	    "/cache/..%2f..%2fstate.db",
	    "/denylist/..%2fstate.db",
	    "/keys/..%2f..%2f..%2fetc",
	    (KEYS "/..%2fkeys.secret"),
	    "/certificates/cluster/p2p-tls/..%2f..%2fkeys.secret",
	    "/certificates/cluster/..%2fp2p-tls",
	    "/certificates/vnode/..%2f..%2f..%2f/p2p-tls",
	    "/../../gateway.json",
	    "/%2e%2e/%2e%2e/gateway.json",
	    "/config/x%0d%0aSet-Cookie:%20a=b",
	    "/certificates/cluster/p2p-tls/x%0d%0aSet-Cookie:%20a=b",
	    "/decisions?peer=%0d%0aSet-Cookie:%20a=b&limit=%0d%0a",
	};
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (size_t m = 0; m < 4; m++) {
			struct web w;

			ask(&w, methods[m], paths[i], "writer:writer-password",
			    "{}");
			if (w.status < 400 || w.status >= 500)
				fail_msg("%s %s: %ld %s", methods[m], paths[i],
				    w.status, w.body);
			/* Errors are ours, and whole. */
			assert_int_equal(
			    json_number(w.json, "status"), w.status);
			assert_null(strstr(w.head, "Set-Cookie"));
			assert_null(strstr(w.body, "PRIVATE KEY"));
			web_free(&w);
		}
}

static void
every_request_is_logged(void **state)
{
	char *line;

	proc_mark(&gw.proc);
	assert_int_equal(
	    status_of("GET", "/status", "writer:writer-password", NULL), 200);
	line = proc_await(&gw.proc, "/status' 200 (user='writer'", WAIT_MS);
	assert_non_null(line);
	assert_non_null(strstr(line, "GET"));
	assert_non_null(strstr(line, "/status"));
	assert_non_null(strstr(line, "200"));
	assert_non_null(strstr(line, "127.0.0.1"));
	free(line);
}

/* Over one connection, and with a certificate. */

static size_t
drop(const void *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static CURL *
handle(const char *path, const char *peer)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", gw.rest_port, path);
	char *cert = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *key = xasprintf("%s/peers/%s.key", town.dir, peer);
	CURL *c = curl_easy_init();

	assert_non_null(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(c, CURLOPT_SSLCERT, cert);
	curl_easy_setopt(c, CURLOPT_SSLKEY, key);
	free(url);
	free(cert);
	free(key);
	return c;
}

/* The status, 0 when there was none; the handle goes. */
static long
perform(CURL *c)
{
	long status = 0;

	if (curl_easy_perform(c) == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(c);
	return status;
}

static void
a_connection_is_kept(void **state)
{
	CURL *c = handle("/config/revcheck", "good");
	long made = 0, all = 0;

	curl_easy_setopt(c, CURLOPT_USERPWD, "writer:writer-password");
	for (int i = 0; i < 50; i++) {
		assert_int_equal(curl_easy_perform(c), CURLE_OK);
		curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &made);
		all += made;
	}
	curl_easy_cleanup(c);
	assert_int_equal(all, 1);
}

static void
deny_good(void)
{
	char *path = town_path(&town, "peers/good.pem");
	char *pem = file_need(path, NULL), *body;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "certificate", pem);
	body = cJSON_PrintUnformatted(o);
	assert_int_equal(
	    status_of("POST", "/denylist", "writer:writer-password", body),
	    201);
	cJSON_Delete(o);
	free(body);
	free(pem);
	free(path);
}

static void
a_certificate_stands_for_a_user(void **state)
{
	char *anchors = xasprintf("\"%s/trust.pem\"", town.dir);
	long status = 0;
	CURL *c;

	gateway_stop(&gw);
	gateway_set(&gw, "rest.client_anchors", anchors);
	gateway_set(&gw, "rest.clients",
	    "[{\"subject\":\"C=GB,L=London,O=good\",\"roles\":[\"read\"]},"
	    "{\"subject\":\"C=GB,L=London,O=revoked\","
	    "\"roles\":[\"operate\"]}]");
	gateway_start(&gw);
	free(anchors);
	/* Its roles, without a password. */
	assert_int_equal(perform(handle("/status", "good")), 200);
	c = handle("/cache", "good");
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, "DELETE");
	assert_int_equal(perform(c), 403);
	/* Nor do they help a password that is wrong. */
	c = handle("/status", "good");
	curl_easy_setopt(c, CURLOPT_USERPWD, "writer:wrong");
	assert_int_equal(perform(c), 401);
	/* Vouched for, but nobody here. */
	assert_int_equal(perform(handle("/status", "fresh")), 401);
	/* Not in date, or not vouched for: no TLS. */
	assert_int_equal(perform(handle("/status", "expired")), 0);
	assert_int_equal(perform(handle("/status", "stranger")), 0);
	/* Asked about at the first request, refused when it is known. */
	for (int i = 0; i < TRIES && status != 401; i++)
		status = perform(handle("/status", "revoked"));
	assert_int_equal(status, 401);
	gateway_must_say(&gw, "a certificate for REST is refused");
	/* Over a connection that is there, too. */
	c = handle("/status", "good");
	assert_int_equal(curl_easy_perform(c), CURLE_OK);
	deny_good();
	assert_int_equal(perform(c), 401);
	/* Others still come with passwords. */
	assert_int_equal(
	    status_of("GET", "/status", "writer:writer-password", NULL), 200);
	assert_int_equal(status_of("GET", "/status", NULL, NULL), 401);
}

/* The certificate that the REST server shows; X509_free it. */
static X509 *
shown(void)
{
	struct tls_options none = {0};
	struct tls t;
	X509 *x;

	assert_int_equal(tls_connect(&t, gw.rest_port, &none), 1);
	x = SSL_get1_peer_certificate(t.ssl);
	tls_free(&t);
	assert_non_null(x);
	return x;
}

/* Its own making until it is given one, and the same after a restart. */
static void
the_certificate_is_self_made_until_one_is_given(void **state)
{
	char *given = xasprintf("\"%s/gateway.pem\"", town.dir);
	char *key = xasprintf("\"%s/gateway.key\"", town.dir);
	char *path = town_path(&town, "gateway.pem");
	X509 *own = shown(), *now, *want;
	BIO *in;

	assert_int_equal(X509_self_signed(own, 1), 1);
	gateway_stop(&gw);
	gateway_start(&gw);
	now = shown();
	assert_int_equal(X509_cmp(own, now), 0);
	X509_free(now);
	gateway_stop(&gw);
	gateway_set(&gw, "rest.certificate", given);
	gateway_set(&gw, "rest.key", key);
	gateway_start(&gw);
	in = BIO_new_file(path, "r");
	want = PEM_read_bio_X509(in, NULL, NULL, NULL);
	now = shown();
	assert_int_equal(X509_cmp(want, now), 0);
	X509_free(now);
	X509_free(want);
	X509_free(own);
	BIO_free(in);
	free(given);
	free(key);
	free(path);
}

/* A page of another site has the browser send what the operator may. */
static void
cross_site_requests_are_refused(void **state)
{
	static const char *const fields[] = {
	    "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"};
	static const char *const methods[] = {"POST", "PUT", "DELETE", "GET"};
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1/status", gw.rest_port);
	struct web w;

	for (size_t i = 0; i < 2; i++)
		for (size_t m = 0; m < 4; m++) {
			struct curl_slist *list =
			    curl_slist_append(NULL, fields[i]);
			CURL *c = handle("/cache", "good");

			curl_easy_setopt(
			    c, CURLOPT_USERPWD, "writer:writer-password");
			curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
			curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, methods[m]);
			assert_int_equal(perform(c), m < 3 ? 403 : 200);
			curl_slist_free_all(list);
		}
	gateway_must_say(&gw, "that a browser sends for another site");
	web_request(&w, "GET", url, "reader:reader-password", NULL, NULL);
	assert_int_equal(json_number(w.json, "summary.crossSiteRefused"), 6);
	web_free(&w);
	web_request(&w, "OPTIONS", url, "reader:reader-password", NULL, NULL);
	assert_int_equal(w.status, 405);
	assert_null(strcasestr(w.head, "access-control-"));
	web_free(&w);
	free(url);
	assert_int_equal(
	    status_of("DELETE", "/cache", "writer:writer-password", NULL), 204);
}

/* What was right is remembered, but not beyond a change of the file. */
static void
a_password_of_before_is_wrong(void **state)
{
	assert_int_equal(
	    status_of("GET", "/status", "writer:writer-password", NULL), 200);
	gateway_set(&gw, "rest.users",
	    "[{\"name\":\"writer\",\"password\":\"another-password\","
	    "\"roles\":[\"operate\"]}]");
	gateway_write(&gw);
	assert_int_equal(
	    status_of("POST", "/reload", "writer:writer-password", ""), 204);
	assert_int_equal(
	    status_of("GET", "/status", "writer:writer-password", NULL), 401);
	assert_int_equal(
	    status_of("GET", "/status", "writer:another-password", NULL), 200);
	assert_int_equal(
	    status_of("GET", "/status", "reader:reader-password", NULL), 401);
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
	    cmocka_unit_test(wrong_credentials_wait_and_lock_nobody_out),
	    cmocka_unit_test(secrets_and_newlines_stay_out_of_the_log),
	    cmocka_unit_test(parameters_are_names_and_nothing_else),
	    cmocka_unit_test(every_request_is_logged),
	    cmocka_unit_test(a_connection_is_kept),
	    cmocka_unit_test(a_certificate_stands_for_a_user),
	    cmocka_unit_test(the_certificate_is_self_made_until_one_is_given),
	    cmocka_unit_test(plain_text_is_not_answered),
	    cmocka_unit_test(cross_site_requests_are_refused),
	    cmocka_unit_test(a_password_of_before_is_wrong),
	};

	return cmocka_run_group_tests_name(
	    "REST authorisation", tests, setup, scene_teardown);
}
