/*
 * The public side's manners: methods, types and sizes that it does not
 * take, how many requests an address may send, and who it is behind a proxy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "tests/doorman/doorman_net.h"

#define ID                                 \
	"00000000000000000000000000000000" \
	"00000000000000000000000000000000"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct doorman_net net;
static char *request; /* of Alice, open */

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_conf(&net,
	    "max_requests_per_minute = 20\ntrusted_proxies = 127.0.0.0/8\n");
	doorman_net_start(&net);
	request = doorman_net_csr(&net, "alice", "/O=Alice/L=Paris/C=FR");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	free(request);
	return 0;
}

/* curl -i with more arguments; the whole answer, free it. */
static char *
curl(const char *path, const char *const *more)
{
	char *url = xasprintf("%s%s", net.url, path), *out;
	const char *argv[16] = {"/usr/bin/curl", "-s", "-i", "--raw", url};
	int n = 5;

	while (*more != NULL)
		argv[n++] = *more++;
	if (proc_run(argv, "curl.log", WAIT_MS, &out) != 0)
		fail_msg("curl %s: %s", path, out);
	free(url);
	return out;
}

#define CURL(path, ...) curl(path, (const char *const[]){__VA_ARGS__, NULL})

/* Checks the form of every error, and frees it. */
static void
is_error(char *answer, int status, const char *says)
{
	if (strtol(answer + strlen("HTTP/1.1 "), NULL, 10) != status ||
	    strstr(answer, says) == NULL ||
	    strstr(answer, "\r\nContent-Type: text/plain; charset=utf-8\r\n") ==
		NULL ||
	    strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n") == NULL ||
	    strchr(answer, '<') != NULL)
		fail_msg("not %d '%s': %s", status, says, answer);
	free(answer);
}

static void
methods_are_allowed_or_not(void **state)
{
	static const char *const methods[] = {"PUT", "DELETE", "OPTIONS",
	    "PATCH", "TRACE", "CONNECT", "PROPFIND", "FROBNICATE", "get"};
	static const struct {
		const char *path, *allow, *other;
	} rows[] = {
	    {"/certificate-revocation-request", "\r\nAllow: POST\r\n", "GET"},
	    {"/certificate", "\r\nAllow: POST\r\n", "HEAD"},
	    {"/certificate-revocation-request/" ID, "\r\nAllow: GET, HEAD\r\n",
		"POST"},
	    {"/certificate-request/" ID, "\r\nAllow: GET, HEAD\r\n", "POST"},
	    {"/certificate/" ID, "\r\nAllow: GET, HEAD\r\n", "POST"},
	    {"/certificate-revocation-list/root", "\r\nAllow: GET, HEAD\r\n",
		"POST"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		for (size_t k = 0; k < NUM(methods); k++)
			is_error(CURL(rows[i].path, "-X", methods[k]), 405,
			    rows[i].allow);
		if (strcmp(rows[i].other, "HEAD") == 0)
			is_error(CURL(rows[i].path, "-I"), 405, rows[i].allow);
		else
			is_error(CURL(rows[i].path, "-X", rows[i].other), 405,
			    rows[i].allow);
	}
	is_error(CURL("/nothing", "-X", "PATCH"), 404, "nothing here");
}

static void
accept_is_heeded(void **state)
{
	char *chain = xasprintf("/certificate-request/%s", request), *out;

	(void)state;
	is_error(CURL("/certificate-revocation-list/root", "-H",
		     "Accept: text/html"),
	    406, "application/pkix-crl");
	is_error(CURL(chain, "-H", "Accept: application/xml"), 406,
	    "application/json");
	out = CURL(chain, "-H", "Accept: application/xml", "-H",
	    "Accept: application/*;q=0.1");
	assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
	free(out);
	out = CURL("/certificate-revocation-list/root", "-I");
	assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
	assert_non_null(strstr(out, "\r\nContent-Length: "));
	assert_string_equal(strstr(out, "\r\n\r\n"), "\r\n\r\n");
	free(out);
	free(chain);
}

static void
bodies_have_a_size(void **state)
{
	char *big = xcalloc(1, 70000);

	(void)state;
	memset(big, 'x', 69999);
	file_write("big", big, 69999);
	free(big);
	is_error(CURL("/certificate", "--data-binary", "@big"), 413, "larger");
	is_error(CURL("/certificate", "--data-binary", "@big", "-H", "Expect:"),
	    413, "larger");
	is_error(CURL("/certificate", "--data-binary", "@big", "-H",
		     "Transfer-Encoding: chunked"),
	    413, "larger");
	is_error(CURL("/certificate", "-d", "x", "-H", "Content-Length: 1",
		     "-H", "Transfer-Encoding: chunked"),
	    400, "once");
	is_error(CURL("/certificate-revocation-request", "-d", "x", "-H",
		     "Content-Type: text/xml"),
	    415, "application/json");
}

static char *
post_as(const char *path, const char *who)
{
	char *line = xasprintf("X-Forwarded-For: %s", who);
	char *out = CURL(path, "-d", "{}", "-H", line);

	free(line);
	return out;
}

#define CERTIFICATE "/certificate"
#define REVOCATION  "/certificate-revocation-request"

/*
 * Posts until that is refused. So many are looked at before, and one more for
 * each three seconds that pass: twenty a minute.
 */
static void
is_refused_after(int left, const char *path, const char *who, const char *says)
{
	long long began = mono_ms();
	int looked_at = 0;
	char *out;

	for (;;) {
		out = post_as(path, who);
		if (strncmp(out, "HTTP/1.1 429 ", 13) == 0)
			break;
		assert_int_equal(strncmp(out, "HTTP/1.1 400 ", 13), 0);
		free(out);
		looked_at++;
		assert_true(looked_at <= left + 1 + (mono_ms() - began) / 3000);
	}
	is_error(out, 429, says);
	assert_true(looked_at >= left);
}

static void
an_address_has_a_rate(void **state)
{
	long long began = mono_ms();
	char *out;

	(void)state;
	is_error(post_as(REVOCATION, "6.6.6.6, 192.0.2.66"), 400, "which");
	is_refused_after(
	    19, REVOCATION, "6.6.6.6, 192.0.2.66", "too many requests");
	is_refused_after(
	    0, REVOCATION, "6.6.6.7, 192.0.2.66", "too many requests");
	is_refused_after(0, REVOCATION, "192.0.2.66", "\r\nRetry-After: ");
	is_error(post_as(REVOCATION, "192.0.2.67"), 400, "which");
	is_error(post_as(REVOCATION, "2001:db8::1, 127.0.0.5"), 400, "which");
	/* Certificates are asked for from another pot, and proofs from none. */
	is_error(post_as(CERTIFICATE, "192.0.2.66"), 400, "PKCS#10");
	is_error(
	    CURL(REVOCATION, "-d", "x", "-H", "X-Forwarded-For: 192.0.2.66",
		"-H", "Content-Type: application/pkcs7-mime"),
	    400, "");
	is_refused_after(20, CERTIFICATE, "192.0.2.68", "too many requests");
	is_error(post_as(REVOCATION, "192.0.2.68"), 400, "which");
	/* Each is not a line in the log: one in ten seconds is. */
	assert_in_range(proc_count(&net.serve, "event=429"), 1,
	    1 + (mono_ms() - began) / 10000);
	assert_true(proc_says(&net.serve, "origin=192.0.2.66"));
	/* Lists are for all, however often. */
	for (int i = 0; i < 25; i++) {
		out = CURL("/certificate-revocation-list/root", "-H",
		    "X-Forwarded-For: 192.0.2.66");
		assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
		free(out);
	}
}

static void
where_it_came_from_is_kept(void **state)
{
	char *csr = xasprintf("@%s/alice.csr", net.dir), *out;

	(void)state;
	/* The helper has no proxy before it. */
	out = doorman_net_column(&net, request, "origin");
	assert_string_equal(out, "127.0.0.1");
	free(out);
	doorman_net_do(&net, "tickets", "reject", request);
	out = CURL("/certificate", "--data-binary", csr, "-H",
	    "X-Forwarded-For: 10.1.1.1, 2001:db8::7");
	assert_int_equal(strncmp(out, "HTTP/1.1 200 ", 13), 0);
	free(request);
	request = xstrdup(strstr(out, "\r\n\r\n") + 4);
	free(out);
	out = doorman_net_column(&net, request, "origin");
	assert_string_equal(out, "2001:db8::7");
	free(out);
	out = doorman_net_column(&net, request,
	    "(SELECT origin FROM transition t WHERE t.request=request.id)");
	assert_string_equal(out, "2001:db8::7");
	free(out);
	free(csr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(methods_are_allowed_or_not),
	    cmocka_unit_test(accept_is_heeded),
	    cmocka_unit_test(bodies_have_a_size),
	    cmocka_unit_test(an_address_has_a_rate),
	    cmocka_unit_test(where_it_came_from_is_kept),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
