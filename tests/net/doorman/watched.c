/*
 * What the service says of itself to those who watch it, and how loudly a
 * list that has expired is said.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "fixtures/doorman/base/crl.h"
#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/base/key.h"
#include "fixtures/doorman/service/store/store.h"
#include "tests/doorman/doorman_net.h"

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_conf(&net, "max_open_requests = 5\n");
	doorman_net_start(&net);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

static void
get(const char *base, const char *path, struct web *w)
{
	char *url = xasprintf("%s%s", base, path);

	web_request(w, "GET", url, NULL, NULL, NULL);
	free(url);
}

/* A sample's value; fails when it is not there. */
static double
value(const char *metrics, const char *sample)
{
	size_t len = strlen(sample);

	for (const char *p = metrics; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, sample, len) == 0 && p[len] == ' ')
			return strtod(p + len, NULL);
	}
	fail_msg("no %s in\n%s", sample, metrics);
	return 0;
}

static double
value_now(const char *sample)
{
	struct web w;
	double v;

	get(net.url, "/metrics", &w);
	assert_int_equal(w.status, 200);
	v = value(w.body, sample);
	web_free(&w);
	return v;
}

/* The text format 0.0.4, taken strictly. */

static const char *
take_name(const char *p)
{
	const char *from = p;

	while (isalnum((unsigned char)*p) || *p == '_' || *p == ':')
		p++;
	return p > from && !isdigit((unsigned char)*from) ? p : NULL;
}

static const char *
take_labels(const char *p)
{
	do {
		p = take_name(p + 1);
		if (p == NULL || strncmp(p, "=\"", 2) != 0)
			return NULL;
		for (p += 2; *p != '"'; p++)
			if (*p == '\0' || *p == '\\')
				return NULL;
		p++;
	} while (*p == ',');
	return *p == '}' ? p + 1 : NULL;
}

static void
check_sample(const char *line, const char *family, const char *type)
{
	const char *p = take_name(line);
	char *end;

	if (p == NULL || (size_t)(p - line) != strlen(family) ||
	    strncmp(line, family, strlen(family)) != 0)
		fail_msg("'%s' is not of '%s'", line, family);
	if (*p == '{')
		p = take_labels(p);
	if (p == NULL || *p != ' ')
		fail_msg("labels of '%s'", line);
	strtod(p + 1, &end);
	if (end == p + 1 || *end != '\0')
		fail_msg("value of '%s'", line);
}

static void
check_format(const char *body)
{
	char *copy = xstrdup(body), *save = NULL, *line;
	char family[100] = "", type[16] = "", seen[8192] = " ";
	int helped = 0, num = 0;

	assert_int_equal(body[strlen(body) - 1], '\n');
	for (line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "# HELP %99s %*s", family) == 1) {
			char *needle = xasprintf(" %s ", family);

			assert_null(strstr(seen, needle));
			strcat(seen, needle + 1);
			free(needle);
			helped = 1;
		} else if (line[0] == '#') {
			char name[100];

			assert_int_equal(
			    sscanf(line, "# TYPE %99s %15s", name, type), 2);
			assert_string_equal(name, family);
			assert_true(helped &&
			    (strcmp(type, "gauge") == 0 ||
				strcmp(type, "counter") == 0));
			if (strcmp(type, "counter") == 0)
				assert_non_null(strstr(name, "_total"));
			helped = 0;
		} else {
			check_sample(line, family, type);
			num++;
		}
	}
	assert_true(num > 40);
	free(copy);
}

static void
metrics_are_told(void **state)
{
	struct web w;
	char *id, *type;
	double before;

	(void)state;
	get(net.url, "/metrics", &w);
	assert_int_equal(w.status, 200);
	type = web_header(&w, "Content-Type");
	assert_string_equal(type, "text/plain; version=0.0.4; charset=utf-8");
	free(type);
	check_format(w.body);
	assert_true(
	    value(w.body, "doorman_build_info{version=\"0.1.0\"}") == 1);
	assert_true(value(w.body, "doorman_crl_number{list=\"root\"}") == 1);
	assert_true(value(w.body, "doorman_crl_entries{list=\"empty\"}") == 0);
	before = value(
	    w.body, "doorman_crl_seconds_to_next_update{list=\"doorman\"}");
	assert_true(before > 80000 && before <= 86400);
	assert_true(value(w.body,
			"doorman_certificate_seconds_to_end{certificate="
			"\"root\"}") > 86400);
	assert_true(value(w.body, "doorman_ticket_tool_up") == 1);
	assert_true(
	    value(w.body, "doorman_open_room{pot=\"revocation\"}") == 5);
	assert_true(value(w.body, "doorman_http_connections") >= 1);
	web_free(&w);
	id = doorman_net_enrol(&net, "alice", "/O=Alice/L=Paris/C=FR", "");
	free(id);
	assert_true(
	    value_now(
		"doorman_requests{kind=\"certificate\",state=\"DONE\"}") == 1);
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"O=Alice, L=Paris, C=FR\",\"reason\":"
		"\"KEY_COMPROMISE\",\"reporter\":\"x\"}",
		&id),
	    200);
	assert_true(value_now("doorman_open_room{pot=\"revocation\"}") == 4);
	doorman_net_do(&net, "tickets", "approve", id);
	assert_true(value_now("doorman_requests{kind=\"revocation\",state="
			      "\"APPROVED\"}") == 1);
	assert_true(value_now("doorman_oldest_request_seconds{kind="
			      "\"revocation\",state=\"APPROVED\"}") >= 0);
	assert_true(
	    value_now("doorman_http_answers_total{status=\"200\"}") > 1);
	free(id);
}

static void
metrics_are_for_this_machine(void **state)
{
	static const char *const lines[] = {"X-Forwarded-For: 127.0.0.1",
	    "Via: 1.1 proxy", "Forwarded: for=127.0.0.1"};
	char *url = xasprintf("%s/metrics", net.url), *out;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char *argv[] = {
		    "/usr/bin/curl", "-s", "-i", "-H", lines[i], url, NULL};

		assert_int_equal(proc_run(argv, "c.log", WAIT_MS, &out), 0);
		assert_non_null(strstr(out, "HTTP/1.1 403 "));
		assert_non_null(strstr(out, "status_listen"));
		free(out);
	}
	free(url);
}

static void
healthy_is_ok(void **state)
{
	struct web w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		get(net.url, i == 0 ? "/healthz" : "/readyz", &w);
		assert_int_equal(w.status, 200);
		assert_string_equal(w.body, "ok\n");
		web_free(&w);
	}
}

/* Puts a list into the database that has had its time. */
static void
publish_expired(void)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/doorman", net.url);
	time_t now = time(NULL);
	struct secret none = {.fd = -1};
	struct fault f = {""};
	X509 *ca = cert_read_file("dm/ca/doorman.pem", &f);
	struct crl_plan plan = {.ca = ca,
	    .number = 2,
	    .url = url,
	    .this_update = now - 7200,
	    .next_update = now - 3600};
	struct signing_key *key;
	struct store st;
	struct buf der;

	assert_non_null(ca);
	if (signing_key_open(&key, "file:dm/ca/doorman-key.pem",
		X509_get0_pubkey(ca), &none, &f) != 0)
		fail_msg("%s", f.msg);
	buf_init(&der, 65536);
	if (crl_build(&der, &plan, key, &f) != 0 ||
	    store_open(&st, "dm/doorman.sqlite", false, &f) != 0 ||
	    store_run(&st, &f,
		"INSERT INTO crl(list, number, this_update, next_update,"
		" published_at, published_by, full_der)"
		" VALUES('doorman', 2, ?, ?, ?, 'test', ?)",
		"iiib", (int64_t)plan.this_update, (int64_t)plan.next_update,
		(int64_t)plan.this_update, buf_view(&der)) != 0)
		fail_msg("%s", f.msg);
	store_close(&st);
	buf_free(&der);
	signing_key_free(key);
	X509_free(ca);
	free(url);
}

static void
the_responder_says_it(void)
{
	char *path = fixture_path("doorman"), *line, *at, *base;
	const char *argv[] = {path, "ocsp", "-c", net.conf, NULL};
	struct proc p;
	struct web w;

	proc_start(&p, "ocsp", "ocsp.log", argv);
	line = proc_await(&p, "ready ocsp=", WAIT_MS);
	assert_non_null(line);
	at = line_value(line, "ocsp");
	base = xasprintf("http://%s", at);
	assert_true(proc_says(&p, "event=EXPIRED list=doorman number=2"));
	get(base, "/healthz", &w);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body, "THE LIST doorman EXPIRED AT 20"));
	assert_null(strstr(w.body, "root"));
	web_free(&w);
	assert_int_equal(proc_stop(&p, WAIT_MS), 0);
	proc_cleanup(&p);
	free(base);
	free(at);
	free(line);
	free(path);
}

static void
an_expired_list_is_loud(void **state)
{
	struct web w;
	char *line, *out;

	(void)state;
	doorman_net_stop(&net);
	publish_expired();
	doorman_net_start(&net);
	assert_true(
	    proc_says(&net.serve, "event=EXPIRED list=doorman number=2"));
	get(net.url, "/healthz", &w);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.body, "THE LIST doorman EXPIRED AT 20"));
	web_free(&w);
	get(net.url, "/readyz", &w);
	assert_int_equal(w.status, 503);
	web_free(&w);
	assert_true(value_now("doorman_crl_seconds_to_next_update{list="
			      "\"doorman\"}") <= -3600);
	get(net.url, "/certificate-revocation-list/doorman", &w);
	assert_int_equal(w.status, 200);
	line = web_header(&w, "Warning");
	assert_string_equal(line, "110 - \"this list has expired\"");
	free(line);
	line = web_header(&w, "Cache-Control");
	assert_non_null(strstr(line, "max-age=0,"));
	free(line);
	web_free(&w);
	the_responder_says_it();
	/* Signed by nobody: there is something to do, and it is seen. */
	(void)doorman_net_sign(&net, "", &out, "show");
	if (strstr(out, "0 entries, until ") == NULL ||
	    strstr(out, ": IT HAS EXPIRED\n") == NULL)
		fail_msg("%s", out);
	free(out);
	/* Said once, however often it is asked for. */
	assert_int_equal(proc_count(&net.serve, "event=EXPIRED"), 1);
	if (doorman_net_sign(&net, "sign doorman 3 +1\n", &out, "crl") != 0)
		fail_msg("%s", out);
	free(out);
	get(net.url, "/readyz", &w);
	assert_int_equal(w.status, 200);
	web_free(&w);
}

static void
it_may_have_a_door_of_its_own(void **state)
{
	char *path = fixture_path("doorman"), *line, *at, *base;
	const char *argv[] = {path, "serve", "-c", net.conf, NULL};
	struct web w;

	(void)state;
	doorman_net_stop(&net);
	doorman_net_conf(&net, "status_listen = 127.0.0.1:0\n");
	proc_start(&net.serve, "doorman", "own.log", argv);
	line = proc_await(&net.serve, "ready http=", WAIT_MS);
	assert_non_null(line);
	at = line_value(line, "status");
	base = xasprintf("http://%s", at);
	get(base, "/metrics", &w);
	assert_int_equal(w.status, 200);
	check_format(w.body);
	web_free(&w);
	get(base, "/healthz", &w);
	assert_int_equal(w.status, 200);
	web_free(&w);
	get(base, "/certificate-revocation-list/root", &w);
	assert_int_equal(w.status, 404);
	web_free(&w);
	get(net.url, "/metrics", &w);
	assert_int_equal(w.status, 404);
	web_free(&w);
	free(base);
	free(at);
	free(line);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(healthy_is_ok),
	    cmocka_unit_test(metrics_are_told),
	    cmocka_unit_test(metrics_are_for_this_machine),
	    cmocka_unit_test(an_expired_list_is_loud),
	    cmocka_unit_test(it_may_have_a_door_of_its_own),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
