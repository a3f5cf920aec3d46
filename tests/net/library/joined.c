/*
 * One source and many who ask: of two shards, of two CAs, under two anchors,
 * with forty trust sets. What came for one is held for all, and answers those
 * for whom it is proven.
 *
 *	root, other -> ca (a certificate by each) -> a, b; ca -> sub
 */
#include <pthread.h>

#include "tests/net/library/asking.h"

#define TRUSTS 40

static struct issuer root, other, ca, ca_by_other, namesake, signer;
static char cwd[256];

static void
list_at(const char *name, struct issuer_crl how)
{
	char path[64];

	if (how.number == 0)
		how.number = 5;
	how.from = t0 - HOUR;
	how.next = t0 + DAY;
	snprintf(path, sizeof(path), "www/%s", name);
	issuer_write_crl(path, &how);
}

static void
cert_of(struct issuer *out, const struct issuer *by, const char *cn,
    long serial, const char *constraints, const char *urls)
{
	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = by,
		.serial = serial,
		.from = t0 - DAY,
		.to = t0 + 300 * DAY,
		.constraints = constraints,
		.usage = constraints != NULL ? ISSUES : NULL,
		.crl_url = urls});
}

static int
allows(struct revcheck *rc, const struct issuer *who, enum revcheck_mode mode)
{
	X509 *x[] = {who->cert, ca.cert};
	struct revcheck_query q = {.size = sizeof(q),
	    .trust = trust,
	    .flags = REVCHECK_QUERY_LEAF_ONLY,
	    .mode = mode};
	struct revcheck_report *rep;
	int yes;

	assert_int_equal(revcheck_certs_from_x509(
			     (struct revcheck_certs **)&q.chain, x, 2, NULL),
	    0);
	assert_int_equal(revcheck_check(rc, &rep, &q, NULL), 0);
	yes = revcheck_report_allows(rep);
	revcheck_report_free(rep);
	revcheck_certs_free((struct revcheck_certs *)q.chain);
	return yes;
}

/* ---- two shards under one URL, in turn */

static void
shards_in_turn(void **state)
{
	static const long lists[] = {21, 31, 0};
	struct revcheck *rc = engine_new();
	struct {
		struct issuer cert;
		long serial;
		const char *constraints;
		int good;
	} rows[] = {
	    {.serial = 20, .good = 1},
	    {.serial = 21},
	    {.serial = 30, .constraints = CA, .good = 1},
	    {.serial = 31, .constraints = CA},
	};
	const size_t num = sizeof(rows) / sizeof(rows[0]);
	long long until = mono_ms() + WAIT_MS;
	char script[9000];
	size_t len, right = 0;

	(void)state;
	/* The numbers have nothing to do with each other. */
	list_at("user",
	    (struct issuer_crl){
		.by = &ca, .only = "user", .number = 900, .serials = lists});
	list_at("cas",
	    (struct issuer_crl){
		.by = &ca, .only = "CA", .number = 3, .serials = lists});
	len = (size_t)snprintf(script, sizeof(script), "/turns ");
	for (int i = 0; i < 32; i++)
		len += (size_t)snprintf(script + len, sizeof(script) - len,
		    "%sfile=%s/www/%s", i > 0 ? " ; " : "", cwd,
		    i % 2 == 0 ? "user" : "cas");
	control(&http, "/_script", script);
	for (size_t i = 0; i < num; i++)
		cert_of(&rows[i].cert, &ca, "sharded", rows[i].serial,
		    rows[i].constraints, url("turns"));
	while (right < num && mono_ms() < until) {
		right = 0;
		for (size_t i = 0; i < num; i++) {
			int soft = allows(
				rc, &rows[i].cert, REVCHECK_MODE_SOFT_FAIL),
			    hard = allows(
				rc, &rows[i].cert, REVCHECK_MODE_HARD_FAIL);

			/* Soft is laxer until it is known, never the other. */
			assert_true(soft >= hard);
			assert_true(hard <= rows[i].good);
			right += soft == rows[i].good && hard == rows[i].good;
		}
		usleep(20000);
	}
	assert_int_equal(right, num);
	/* Whichever comes next, both are there. */
	for (int k = 0; k < 2; k++) {
		unsigned long before = hits(&http, "/turns");

		while (hits(&http, "/turns") == before && mono_ms() < until) {
			assert_int_equal(
			    revcheck_archive_refresh(rc, NULL, NULL), 0);
			usleep(20000);
		}
		for (size_t i = 0; i < num; i++)
			assert_int_equal(
			    allows(rc, &rows[i].cert, REVCHECK_MODE_HARD_FAIL),
			    rows[i].good);
	}
	for (size_t i = 0; i < num; i++)
		issuer_cleanup(&rows[i].cert);
	revcheck_free(rc);
}

/* ---- on one flight */

struct asker {
	struct revcheck_certs *chain, *beside;
	struct revcheck_request *req;
	enum revcheck_status status;
	char text[512];
	int answered;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void
hear(struct revcheck_report *rep, void *arg)
{
	struct asker *q = arg;

	pthread_mutex_lock(&lock);
	q->status = revcheck_report_status(rep);
	snprintf(q->text, sizeof(q->text), "%s", revcheck_report_text(rep));
	q->answered = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

static void
submit(struct revcheck *rc, struct asker *q, const struct issuer *who,
    const struct issuer *by)
{
	X509 *x[] = {who->cert, by->cert}, *beside[] = {signer.cert};
	struct revcheck_query how = {.size = sizeof(how),
	    .trust = trust,
	    .flags = REVCHECK_QUERY_LEAF_ONLY};
	struct revcheck_report *rep;

	*q = (struct asker){.answered = 0};
	assert_int_equal(revcheck_certs_from_x509(&q->chain, x, 2, NULL), 0);
	assert_int_equal(
	    revcheck_certs_from_x509(&q->beside, beside, 1, NULL), 0);
	how.chain = q->chain;
	how.untrusted = q->beside;
	assert_int_equal(
	    revcheck_submit(rc, &q->req, &rep, &how, NULL, hear, q, NULL),
	    REVCHECK_PENDING);
}

static void
await_answer(struct asker *q)
{
	pthread_mutex_lock(&lock);
	while (!q->answered)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	revcheck_request_free(q->req);
	revcheck_certs_free(q->chain);
	revcheck_certs_free(q->beside);
}

/*
 * The first URL has what answers one of them, the second what answers the
 * other; the first waits until both have asked.
 */
static void
both_on_one_flight(const char *name, const struct issuer *who[2],
    const struct issuer *by[2], struct issuer_crl first,
    struct issuer_crl second)
{
	char line[700];

	list_at("first", first);
	list_at("second", second);
	for (size_t i = 0; i < 2; i++) {
		struct revcheck *rc = engine_new();
		struct revcheck_stats s = {.size = sizeof(s)};
		struct asker q[2];

		snprintf(line, sizeof(line),
		    "/one gate=both file=%s/www/first\n/two file=%s/www/second",
		    cwd, cwd);
		control(&http, "/_script", line);
		control(&http, "/_gate/both", NULL);
		control(&http, "/_reset", NULL);
		submit(rc, &q[0], who[i], by[i]);
		hits_await(&http, 1, "/one");
		submit(rc, &q[1], who[1 - i], by[1 - i]);
		while (s.joins == 0)
			revcheck_get_stats(rc, &s);
		control(&http, "/_release/both", NULL);
		for (size_t k = 0; k < 2; k++) {
			await_answer(&q[k]);
			if (q[k].status != REVCHECK_GOOD)
				fail_msg(
				    "%s, %zu, %zu: %s", name, i, k, q[k].text);
		}
		assert_int_equal(hits(&http, "/one"), 1);
		assert_int_equal(hits(&http, "/two"), 1);
		revcheck_free(rc);
	}
}

static const char *
two_urls(void)
{
	static char both[300];

	snprintf(both, sizeof(both), "%s|%s", url("one"), url("two"));
	return both;
}

/* The separate signer has a path to one of the anchors. */
static void
under_two_anchors(void **state)
{
	struct issuer a;
	const struct issuer *who[] = {&a, &a}, *by[] = {&ca, &ca_by_other};

	(void)state;
	cert_of(&a, &ca, "a", 10, NULL, two_urls());
	both_on_one_flight("anchors", who, by,
	    (struct issuer_crl){.by = &signer, .names_key = 1},
	    (struct issuer_crl){.by = &ca, .names_key = 1});
	issuer_cleanup(&a);
}

/* One key, two names: a CRL is of the CA that it names. */
static void
of_two_names(void **state)
{
	struct issuer a, b;
	const struct issuer *who[] = {&a, &b}, *by[] = {&ca, &namesake};

	(void)state;
	cert_of(&a, &ca, "a", 10, NULL, two_urls());
	cert_of(&b, &namesake, "b", 10, NULL, two_urls());
	both_on_one_flight("names", who, by, (struct issuer_crl){.by = &ca},
	    (struct issuer_crl){.by = &namesake});
	issuer_cleanup(&a);
	issuer_cleanup(&b);
}

/* ---- trust sets */

/* One anchor more than the others, which has nothing to do with it. */
static void
many_trust_sets(void **state)
{
	struct revcheck *rc = engine_new();
	struct revcheck_stats one = {.size = sizeof(one)}, all = one;
	long *many = calloc(2001, sizeof(long));
	struct issuer a;

	(void)state;
	for (size_t i = 0; i < 2000; i++)
		many[i] = (long)i + 1000;
	cert_of(&a, &ca, "a", 10, NULL, url("many"));
	list_at("many", (struct issuer_crl){.by = &ca, .serials = many});
	for (long i = 0; i < TRUSTS; i++) {
		struct revcheck_trust *t;
		struct revcheck_result r;
		struct issuer unrelated;
		X509 *anchors[2];

		cert_of(&unrelated, NULL, "unrelated", 50 + i, CA, NULL);
		anchors[0] = root.cert;
		anchors[1] = unrelated.cert;
		assert_int_equal(revcheck_trust_new(&t, anchors, 2, NULL), 0);
		r = ask_query(rc, OF(&a, &ca), NULL,
		    (struct revcheck_query){
			.trust = t, .flags = REVCHECK_QUERY_LEAF_ONLY});
		expect("a trust set", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		revcheck_trust_free(t);
		issuer_cleanup(&unrelated);
		if (i == 0)
			revcheck_get_stats(rc, &one);
	}
	revcheck_get_stats(rc, &all);
	assert_int_equal(all.fetches, 1);
	assert_int_equal(all.entries, 1);
	assert_int_equal(all.bytes, one.bytes);
	assert_int_equal(all.fetched_bytes, one.fetched_bytes);
	issuer_cleanup(&a);
	revcheck_free(rc);
	free(many);
}

/* ---- the scene */

static int
setup(void **state)
{
	X509 *anchors[2];

	(void)state;
	scene_start();
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	cert_by(&other, NULL, NULL, "other", 1, ISSUES, NULL);
	cert_by(&ca, &root, NULL, "ca", 2, ISSUES, NULL);
	cert_by(&ca_by_other, &other, ca.key, "ca", 2, ISSUES, NULL);
	cert_by(&namesake, &root, ca.key, "another name", 3, ISSUES, NULL);
	cert_by(&signer, &root, NULL, "ca", 4, LISTS, url("root.crl"));
	list_at("root.crl", (struct issuer_crl){.by = &root});
	anchors[0] = root.cert;
	anchors[1] = other.cert;
	return revcheck_trust_new(&trust, anchors, 2, NULL);
}

static int
teardown(void **state)
{
	struct issuer *made[] = {
	    &root, &other, &ca, &ca_by_other, &namesake, &signer, NULL};

	(void)state;
	return scene_stop_with(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shards_in_turn),
	    cmocka_unit_test(under_two_anchors),
	    cmocka_unit_test(of_two_names),
	    cmocka_unit_test(many_trust_sets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
