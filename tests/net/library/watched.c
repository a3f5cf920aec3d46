/*
 * Watching an engine at work: each exchange with a source, what was looked at
 * on the way to an answer, and its rules for addresses, for who fetches
 * himself.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "revcheck/revcheck.h"
#include "tests/lib/net.h"

static struct town town;
static struct revcheck_trust *trust;

#define SEEN_MAX 64

/* What was heard; the lock is for the service thread. */
static struct {
	pthread_mutex_t lock;
	size_t num;
	struct heard {
		enum revcheck_exchange_event event;
		uint64_t id;
		enum revcheck_evidence_kind kind;
		char url[256], text[256];
		size_t request_len;
		uint64_t bytes;
		int http_status;
		enum revcheck_why why;
	} v[SEEN_MAX];
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
hear(void *arg, const struct revcheck_exchange *x)
{
	struct heard *h;

	assert_ptr_equal(arg, &seen);
	assert_int_equal(x->size, sizeof(*x));
	pthread_mutex_lock(&seen.lock);
	if (seen.num < SEEN_MAX) {
		h = &seen.v[seen.num++];
		*h = (struct heard){.event = x->event,
		    .id = x->id,
		    .kind = x->kind,
		    .request_len = x->request_len,
		    .bytes = x->bytes,
		    .http_status = x->http_status,
		    .why = x->why};
		snprintf(h->url, sizeof(h->url), "%s", x->url);
		snprintf(h->text, sizeof(h->text), "%s", x->text);
	}
	pthread_mutex_unlock(&seen.lock);
}

static int
setup(void **state)
{
	struct revcheck_error err;
	char *anchors;

	town_start(&town, "net", NULL);
	anchors = town_path(&town, "trust.pem");
	if (revcheck_trust_load(&trust, anchors, &err) != 0)
		fail_msg("%s", err.msg);
	free(anchors);
	return 0;
}

static int
teardown(void **state)
{
	revcheck_trust_free(trust);
	town_stop(&town);
	return 0;
}

/* By an engine of its own, which remembers nothing. */
static struct revcheck_report *
ask(const char *what, unsigned flags, enum revcheck_order order)
{
	static const char *const loopback[] = {"127.0.0.0/8", NULL};
	struct revcheck_options o = {.size = sizeof(o),
	    .allow_addresses = loopback,
	    .any_port = 1,
	    .exchange = hear,
	    .exchange_arg = &seen};
	struct revcheck_policy p = {
	    .size = sizeof(p), .order = order, .deadline_ms = WAIT_MS};
	struct revcheck_query q = {
	    .size = sizeof(q), .trust = trust, .flags = flags, .policy = &p};
	char *path = town_path(&town, what);
	struct revcheck_report *rep;
	struct revcheck_certs *chain;
	struct revcheck_error err;
	struct revcheck *rc;

	seen.num = 0;
	if (revcheck_new(&rc, &o, &err) != 0 ||
	    revcheck_certs_load(&chain, path, &err) != 0)
		fail_msg("%s", err.msg);
	q.chain = chain;
	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s: %s", what, err.msg);
	revcheck_certs_free(chain);
	revcheck_free(rc);
	free(path);
	return rep;
}

/* How one exchange ended, and that it began before; the first of that kind. */
static const struct heard *
ended(enum revcheck_evidence_kind kind)
{
	const struct heard *end = NULL;
	bool began = false;

	for (size_t i = 0; i < seen.num && end == NULL; i++)
		if (seen.v[i].kind == kind &&
		    seen.v[i].event == REVCHECK_EXCHANGE_ENDED)
			end = &seen.v[i];
	assert_non_null(end);
	for (const struct heard *h = seen.v; h < end; h++)
		if (h->id == end->id) {
			assert_string_equal(h->url, end->url);
			began = began || h->event == REVCHECK_EXCHANGE_BEGUN;
		}
	assert_true(began);
	return end;
}

static void
each_exchange_is_told(void **state)
{
	struct revcheck_report *rep =
	    ask("peers/good.pem", 0, REVCHECK_ORDER_OCSP);
	const struct heard *h = ended(REVCHECK_EVIDENCE_OCSP);

	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	assert_int_equal(h->http_status, 200);
	assert_int_equal(h->why, REVCHECK_WHY_NONE);
	assert_string_equal(h->text, "");
	assert_true(h->bytes > 100);
	assert_true(h->request_len > 40);
	assert_int_equal(revcheck_report_num_tries(rep, 0), 0);
	assert_null(revcheck_report_get0_try(rep, 0, 0));
	revcheck_report_free(rep);
}

static void
octets_are_told_as_they_come(void **state)
{
	struct revcheck_report *rep =
	    ask("peers/good.pem", 0, REVCHECK_ORDER_CRL);
	const struct heard *h = ended(REVCHECK_EVIDENCE_CRL);
	uint64_t so_far = 0;

	assert_int_equal(h->request_len, 0);
	for (size_t i = 0; i < seen.num; i++)
		if (seen.v[i].id == h->id &&
		    seen.v[i].event == REVCHECK_EXCHANGE_BYTES)
			so_far = seen.v[i].bytes;
	assert_int_equal(so_far, h->bytes);
	revcheck_report_free(rep);
}

static void
a_failure_says_why(void **state)
{
	struct revcheck_report *rep;
	const struct heard *h;

	control(&town.web, "/_script",
	    "/certificate-revocation-list/* garbage=100");
	rep = ask(
	    "peers/good.pem", REVCHECK_QUERY_KEEP_TRIES, REVCHECK_ORDER_CRL);
	h = ended(REVCHECK_EVIDENCE_CRL);
	assert_int_equal(h->http_status, 200);
	assert_int_equal(h->why, REVCHECK_WHY_MALFORMED);
	assert_true(h->text[0] != '\0');
	control(&town.web, "/_script", "/certificate-revocation-list/* origin");
	revcheck_report_free(rep);
}

/* OCSP says nothing, the CRL says good: both are on the way. */
static void
what_was_looked_at_is_kept(void **state)
{
	const struct revcheck_result *first, *last;
	struct revcheck_report *rep;
	size_t num;

	control(&town.ocsp, "/_script", "/* 500");
	rep = ask("peers/good.pem", REVCHECK_QUERY_KEEP_TRIES,
	    REVCHECK_ORDER_OCSP_CRL);
	control(&town.ocsp, "/_script", "/* origin");
	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	num = revcheck_report_num_tries(rep, 0);
	assert_int_equal(num, 2);
	first = revcheck_report_get0_try(rep, 0, 0);
	assert_int_equal(first->method, REVCHECK_METHOD_NONE);
	assert_int_equal(first->why, REVCHECK_WHY_HTTP_ERROR);
	assert_int_equal(first->http_status, 500);
	last = revcheck_report_get0_try(rep, 0, 1);
	assert_int_equal(last->method, REVCHECK_METHOD_CRL);
	assert_int_equal(last->status, REVCHECK_GOOD);
	assert_null(revcheck_report_get0_try(rep, 0, num));
	/* The anchor, and beyond. */
	assert_int_equal(
	    revcheck_report_num_tries(rep, revcheck_report_num(rep) - 1), 0);
	assert_int_equal(revcheck_report_num_tries(rep, 100), 0);
	revcheck_report_free(rep);
}

/* Addresses. */

static const char *
refused_at(const struct revcheck_addresses *a, const char *host, const char *ip)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};

	assert_int_equal(inet_pton(AF_INET, ip, &sa.sin_addr), 1);
	return revcheck_addresses_refused(a, host, (struct sockaddr *)&sa);
}

static void
who_fetches_himself_has_the_same_rules(void **state)
{
	static const char *const allow[] = {"127.0.0.9", "known.example", NULL};
	static const uint16_t ports[] = {8080, 0};
	static const struct {
		const char *url, *asked; /* NULL: it may not be */
	} rows[] = {
	    {"http://ca.example:8080/a b", "http://ca.example:8080/a%20b"},
	    {"HTTP://CA.example:8080/", "http://ca.example:8080/"},
	    {"http://ca.example/", NULL},
	    {"http://127.0.0.9:8080/", "http://127.0.0.9:8080/"},
	    {"http://127.0.0.8:8080/", NULL},
	    {"http://169.254.169.254:8080/", NULL},
	    {"http://[::1]:8080/", NULL},
	    {"ldap://ca.example:8080/", NULL},
	    {"file:///etc/passwd", NULL},
	    {"http://me:secret@ca.example:8080/", NULL},
	    {"", NULL},
	};
	struct revcheck_options o = {
	    .size = sizeof(o), .allow_addresses = allow, .ports = ports};
	struct revcheck_addresses *a;
	struct revcheck_error err;
	char *url;

	assert_int_equal(revcheck_addresses_new(&a, &o, &err), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = revcheck_addresses_url(&url, a, rows[i].url, &err);

		if (rows[i].asked == NULL) {
			assert_int_equal(rc, REVCHECK_E_ARG);
			assert_null(url);
			assert_true(err.msg[0] != '\0');
			assert_null(strstr(err.msg, "secret"));
			continue;
		}
		assert_int_equal(rc, 0);
		assert_string_equal(url, rows[i].asked);
		free(url);
	}
	assert_null(refused_at(a, "x.example", "192.0.3.1"));
	assert_null(refused_at(a, "known.example", "127.0.0.1"));
	assert_string_equal(
	    refused_at(a, "x.example", "127.0.0.1"), "loopback");
	revcheck_addresses_free(a);
	revcheck_addresses_free(NULL);
	assert_int_equal(revcheck_addresses_new(&a, NULL, &err), 0);
	assert_int_equal(
	    revcheck_addresses_url(&url, a, "http://ca.example/", &err), 0);
	free(url);
	revcheck_addresses_free(a);
	o.allow_addresses = (const char *const[]){"10.0.0.0/99", NULL};
	assert_int_equal(revcheck_addresses_new(&a, &o, &err), REVCHECK_E_ARG);
	assert_null(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_exchange_is_told),
	    cmocka_unit_test(octets_are_told_as_they_come),
	    cmocka_unit_test(a_failure_says_why),
	    cmocka_unit_test(what_was_looked_at_is_kept),
	    cmocka_unit_test(who_fetches_himself_has_the_same_rules),
	};

	return cmocka_run_group_tests_name("watched", tests, setup, teardown);
}
