/*
 * OCSP over HTTP as RFC 5019 has it: what may be kept says for how long, and
 * what may not says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/evp.h>

#include "tests/doorman/doorman_net.h"

static struct doorman_net net;
static struct proc responder;
static char *base;

static int
setup(void **state)
{
	char *path = fixture_path("doorman"), *line, *where;
	const char *argv[] = {path, "ocsp", "-c", "dm/doorman.conf", NULL};

	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_start(&net);
	free(doorman_net_enrol(&net, "alice", "/O=Alice/L=Paris/C=FR", ""));
	proc_start(&responder, "ocsp", "ocsp.log", argv);
	line = proc_await(&responder, "ready ocsp=", WAIT_MS);
	assert_non_null(line);
	where = line_value(line, "ocsp");
	base = xasprintf("http://%s", where);
	free(where);
	free(line);
	free(path);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_stop(&responder, WAIT_MS);
	proc_cleanup(&responder);
	doorman_net_free(&net);
	free(base);
	return 0;
}

/* A request about Alice in a file; its URL as GET has it, free it. */
static char *
question(const char *nonce)
{
	const char *argv[] = {"/usr/bin/openssl", "ocsp", "-issuer",
	    "dm/ca/doorman.pem", "-cert", "dm/alice.pem", nonce, "-reqout",
	    "ask.der", NULL};
	char *der, *text, *escaped, *url;
	CURL *c = curl_easy_init();
	size_t len;

	assert_int_equal(proc_run(argv, "ask.log", WAIT_MS, NULL), 0);
	der = file_need("ask.der", &len);
	text = xcalloc(1, 4 * len);
	EVP_EncodeBlock((unsigned char *)text, (unsigned char *)der, (int)len);
	escaped = curl_easy_escape(c, text, 0);
	url = xasprintf("%s/%s", base, escaped);
	curl_free(escaped);
	curl_easy_cleanup(c);
	free(text);
	free(der);
	return url;
}

/* curl with the head in "head" and the body in "body": the status. */
static long
curl(const char *url, const char *const *more, struct web *w)
{
	const char *argv[16] = {
	    "/usr/bin/curl", "-s", "-D", "head", "-o", "body", url};
	int n = 7;

	remove("body");
	while (*more != NULL)
		argv[n++] = *more++;
	assert_int_equal(proc_run(argv, "curl.log", WAIT_MS, NULL), 0);
	memset(w, 0, sizeof(*w));
	w->head = file_need("head", NULL);
	w->body = file_read("body", &w->len);
	w->status = strtol(strchr(w->head, ' '), NULL, 10);
	return w->status;
}

#define CURL(url, w, ...) curl(url, (const char *const[]){__VA_ARGS__, NULL}, w)

static void
is_header(const struct web *w, const char *name, const char *value)
{
	char *have = web_header(w, name);

	if (have == NULL || strcmp(have, value) != 0)
		fail_msg("%s: '%s'", name, have != NULL ? have : "none");
	free(have);
}

static time_t
date_header(const struct web *w, const char *name)
{
	char *have = web_header(w, name);
	time_t t;

	assert_non_null(have);
	t = curl_getdate(have, NULL);
	free(have);
	return t;
}

static void
an_answer_to_get_may_be_kept(void **state)
{
	char *url = question("-no_nonce"), *etag, *line, *have;
	struct web w, again;
	long age;

	(void)state;
	assert_int_equal(CURL(url, &w, "-H", "X: y"), 200);
	is_header(&w, "Content-Type", "application/ocsp-response");
	have = web_header(&w, "Cache-Control");
	assert_int_equal(sscanf(have,
			     "max-age=%ld, public, no-transform, "
			     "must-revalidate",
			     &age),
	    1);
	free(have);
	assert_int_equal(
	    date_header(&w, "Expires") - date_header(&w, "Last-Modified"), 300);
	assert_int_equal(
	    age, date_header(&w, "Expires") - date_header(&w, "Date"));
	/* The same bytes, and not even those for who has them. */
	assert_int_equal(CURL(url, &again, "-H", "X: y"), 200);
	assert_int_equal(w.len, again.len);
	assert_memory_equal(w.body, again.body, w.len);
	web_free(&again);
	etag = web_header(&w, "ETag");
	line = xasprintf("If-None-Match: %s", etag);
	assert_int_equal(CURL(url, &again, "-H", line), 304);
	assert_null(again.body);
	is_header(&again, "ETag", etag);
	web_free(&again);
	free(line);
	have = web_header(&w, "Last-Modified");
	line = xasprintf("If-Modified-Since: %s", have);
	assert_int_equal(CURL(url, &again, "-H", line), 304);
	web_free(&again);
	assert_int_equal(
	    CURL(url, &again, "-H", line, "-H", "If-None-Match: \"x\""), 200);
	web_free(&again);
	assert_int_equal(CURL(url, &again, "-I"), 200);
	is_header(&again, "ETag", etag);
	web_free(&again);
	/* POST has the same answer, and nobody keeps it. */
	assert_int_equal(CURL(base, &again, "--data-binary", "@ask.der", "-H",
			     "Content-Type: application/ocsp-request"),
	    200);
	assert_memory_equal(w.body, again.body, w.len);
	is_header(&again, "Cache-Control", "no-store");
	assert_null(web_header(&again, "ETag"));
	web_free(&again);
	web_free(&w);
	free(have);
	free(line);
	free(etag);
	free(url);
}

static void
an_answer_to_one_is_for_one(void **state)
{
	char *url = question("-nonce");
	struct web w;

	(void)state;
	assert_int_equal(CURL(url, &w, "-H", "X: y"), 200);
	is_header(&w, "Cache-Control", "no-store");
	web_free(&w);
	free(url);
	url = xasprintf("%s/AAAA", base);
	assert_int_equal(CURL(url, &w, "-H", "X: y"), 200);
	assert_int_equal(w.len, 5);
	is_header(&w, "Cache-Control", "no-store");
	web_free(&w);
	free(url);
}

static void
what_is_no_question_is_refused(void **state)
{
	static char big[17000];
	char *url;
	struct web w;

	(void)state;
	assert_int_equal(CURL(base, &w, "-X", "PUT", "-d", "x"), 405);
	is_header(&w, "Allow", "GET, HEAD, POST");
	is_header(&w, "Content-Type", "text/plain; charset=utf-8");
	web_free(&w);
	assert_int_equal(CURL(base, &w, "-d", "x"), 415);
	web_free(&w);
	memset(big, 'A', sizeof(big) - 1);
	file_write("big", big, sizeof(big) - 1);
	assert_int_equal(CURL(base, &w, "--data-binary", "@big"), 413);
	web_free(&w);
	big[9000] = '\0';
	url = xasprintf("%s/%s", base, big);
	assert_int_equal(CURL(url, &w, "-H", "X: y"), 414);
	web_free(&w);
	free(url);
}

static void
a_revocation_is_another_answer(void **state)
{
	char *url = question("-no_nonce"), *id, *out, *etag, *line;
	struct web w, again;

	(void)state;
	assert_int_equal(CURL(url, &w, "-H", "X: y"), 200);
	etag = web_header(&w, "ETag");
	line = xasprintf("If-None-Match: %s", etag);
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"O=Alice, L=Paris, C=FR\",\"reason\":"
		"\"KEY_COMPROMISE\",\"reporter\":\"x\"}",
		&id),
	    200);
	doorman_net_do(&net, "tickets", "approve", id);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 2 +1\n", &out, "crl"), 0);
	assert_int_equal(CURL(url, &again, "-H", line), 200);
	assert_false(
	    w.len == again.len && memcmp(w.body, again.body, w.len) == 0);
	web_free(&again);
	web_free(&w);
	free(line);
	free(etag);
	free(out);
	free(id);
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_to_get_may_be_kept),
	    cmocka_unit_test(an_answer_to_one_is_for_one),
	    cmocka_unit_test(what_is_no_question_is_refused),
	    cmocka_unit_test(a_revocation_is_another_answer),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
