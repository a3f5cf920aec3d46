/*
 * A large CA moves in: its list of a million entries (a tenth of that under
 * sanitizers) is imported, one more is revoked, through database, protocol,
 * signer and HTTP. Times are told, not judged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/doorman_net.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ENTRIES 100000
#else
#define ENTRIES 1000000
#endif

static struct doorman_net net;

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

/* The list that the CA had signed before there was a doorman. */
static void
old_list(const char *path, uint64_t number, const char *url)
{
	struct crl_add *add = xcalloc(ENTRIES, sizeof(*add));
	struct secret none = {.fd = 0};
	struct signing_key *key;
	struct crl_plan plan = {.number = number,
	    .url = url,
	    .this_update = time(NULL) - 60,
	    .next_update = time(NULL) + 86400,
	    .add = add,
	    .num_add = ENTRIES};
	struct fault f;
	struct buf der;
	char hex[40];

	for (size_t i = 0; i < ENTRIES; i++) {
		snprintf(hex, sizeof(hex), "5A%06zX%024zX", i * 16777 % 999983,
		    i + 1);
		assert_int_equal(serial_from_hex(&add[i], hex), 0);
		add[i].revoked_at = 1700000000;
		add[i].reason = 1;
	}
	plan.ca = cert_read_file("dm/ca/doorman.pem", &f);
	assert_non_null(plan.ca);
	assert_int_equal(signing_key_open(&key, "file:dm/ca/doorman-key.pem",
			     X509_get0_pubkey(plan.ca), &none, &f),
	    0);
	buf_init(&der, CRL_MAX_BYTES);
	if (crl_build(&der, &plan, key, &f) != 0)
		fail_msg("%s", f.msg);
	file_write(path, der.p, der.len);
	buf_free(&der);
	signing_key_free(key);
	X509_free(plan.ca);
	free(add);
}

static void
one_more_after_a_million(void **state)
{
	char *url =
	    xasprintf("%s/certificate-revocation-list/doorman", net.url);
	const char *again[] = {
	    "import-crl", "doorman", "old.der", "-c", net.conf, NULL};
	char *id, *out, want[64];
	struct web w;
	double t0, t1, t2;

	(void)state;
	old_list("old.der", 41, url);
	t0 = seconds();
	doorman_net_do(&net, "import-crl", "doorman", "old.der");
	t1 = seconds();
	fprintf(stderr, "%d entries imported in %.2f s\n", ENTRIES, t1 - t0);
	doorman_net_says_args(&net, 1, "is at number 41 already", again);
	doorman_net_start(&net);
	free(doorman_net_enrol(&net, "alice", "/O=Alice", ""));
	assert_int_equal(
	    doorman_net_post(&net,
		"{\"legalName\":\"O=Alice\",\"reason\":\"SUPERSEDED\","
		"\"reporter\":\"ann\"}",
		&id),
	    200);
	doorman_net_do(&net, "tickets", "approve", id);
	t0 = seconds();
	if (doorman_net_sign(&net, "sign doorman 42 +1\n", &out, "crl") != 0)
		fail_msg("%s", out);
	t1 = seconds();
	snprintf(want, sizeof(want), "number 42, %d entries", ENTRIES + 1);
	assert_non_null(strstr(out, want));
	free(out);
	web_request(&w, "GET", url, NULL, NULL, NULL);
	t2 = seconds();
	assert_int_equal(w.status, 200);
	assert_true(w.len > (size_t)ENTRIES * 30);
	fprintf(stderr,
	    "one more signed, judged and published in %.2f s, fetched in "
	    "%.2f s (%zu bytes)\n",
	    t1 - t0, t2 - t1, w.len);
	web_free(&w);
	free(id);
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_more_after_a_million),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
