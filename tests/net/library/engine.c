/*
 * The engine through its public header, against the real town: what is asked,
 * in which order, how often, and what a caller on an event loop sees.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <event2/thread.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "revcheck/revcheck.h"
#include "tests/lib/net.h"

#define CRL_PATH  "/certificate-revocation-list/doorman"
#define ROOT_PATH "/certificate-revocation-list/root"
#define OCSP_ALL  "/doorman*"

static struct town town;
static struct revcheck_trust *trust;
static const char *const loopback[] = {"127.0.0.0/8", NULL};

static struct revcheck *
engine_of(const struct revcheck_options *more)
{
	struct revcheck_options o = {0};
	struct revcheck_error err;
	struct revcheck *rc;

	if (more != NULL)
		o = *more;
	o.size = sizeof(o);
	o.allow_addresses = loopback;
	o.any_port = 1;
	if (revcheck_new(&rc, &o, &err) != 0)
		fail_msg("no engine: %s", err.msg);
	return rc;
}

static void
set_policy(struct revcheck *rc, struct revcheck_policy p)
{
	p.size = sizeof(p);
	if (p.deadline_ms == 0)
		p.deadline_ms = 20000;
	assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
}

static struct revcheck_certs *
certs_of(const char *what)
{
	char *path = xasprintf("%s/%s.pem", town.dir, what);
	struct revcheck_certs *c;
	struct revcheck_error err;

	if (revcheck_certs_load(&c, path, &err) != 0)
		fail_msg("%s", err.msg);
	free(path);
	return c;
}

/* Leaf first, anchor last. */
static struct revcheck_certs *
path_of(const char *what)
{
	struct revcheck_certs *chain = certs_of(what), *path;
	const struct revcheck_path_query q = {
	    .size = sizeof(q), .chain = chain};

	assert_int_equal(
	    revcheck_trust_verify(trust, &path, &q, NULL, NULL), 1);
	revcheck_certs_free(chain);
	return path;
}

static struct revcheck_report *
check_query(struct revcheck *rc, const char *what, struct revcheck_query q)
{
	struct revcheck_certs *chain = certs_of(what);
	struct revcheck_report *rep = NULL;
	struct revcheck_error err;

	q.size = sizeof(q);
	q.chain = chain;
	q.trust = trust;
	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s: %s", what, err.msg);
	revcheck_certs_free(chain);
	return rep;
}

static struct revcheck_report *
check(struct revcheck *rc, const char *what)
{
	return check_query(rc, what, (struct revcheck_query){0});
}

/* Checks and compares; prints the sentence when they differ. */
static void
expect(struct revcheck *rc, const char *what, enum revcheck_status status,
    int allows)
{
	struct revcheck_report *rep = check(rc, what);

	if (revcheck_report_status(rep) != status ||
	    revcheck_report_allows(rep) != allows)
		fail_msg("%s: %s, why=%s: %s", what,
		    revcheck_status_name(revcheck_report_status(rep)),
		    revcheck_why_name(revcheck_report_why(rep)),
		    revcheck_report_text(rep));
	revcheck_report_free(rep);
}

static unsigned long
all_hits(void)
{
	return hits(&town.web, "") + hits(&town.ocsp, "");
}

static void
good_and_revoked_and_on_hold(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_report *rep;
	const struct revcheck_result *r;

	set_policy(
	    rc, (struct revcheck_policy){.mode = REVCHECK_MODE_HARD_FAIL});
	rep = check(rc, "peers/good");
	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	assert_int_equal(revcheck_report_allows(rep), 1);
	r = revcheck_report_get0(rep, 0);
	assert_int_equal(r->method, REVCHECK_METHOD_OCSP);
	assert_int_equal(r->source, REVCHECK_SOURCE_NETWORK);
	assert_true(r->this_update > 0);
	assert_non_null(strstr(r->url, "http://127.0.0.1:"));
	/* The anchor is there, named, and was not asked about. */
	r = revcheck_report_get0(rep, revcheck_report_num(rep) - 1);
	assert_int_equal(r->status, REVCHECK_NOT_ASKED);
	revcheck_report_free(rep);
	rep = check(rc, "peers/revoked");
	assert_int_equal(revcheck_report_status(rep), REVCHECK_REVOKED);
	assert_int_equal(revcheck_report_index(rep), 0);
	assert_int_equal(
	    revcheck_report_x509_error(rep), X509_V_ERR_CERT_REVOKED);
	r = revcheck_report_get0(rep, 0);
	assert_int_equal(r->reason, REVCHECK_REASON_KEY_COMPROMISE);
	assert_true(r->revoked_at > 0);
	revcheck_report_free(rep);
	expect(rc, "peers/onhold", REVCHECK_REVOKED, 0);
	expect(rc, "peers/expired", REVCHECK_PATH_INVALID, 0);
	expect(rc, "peers/nosource", REVCHECK_UNKNOWN, 0);
	revcheck_free(rc);
}

static void
nothing_is_fetched_for_an_unverified_chain(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	unsigned long before = all_hits();

	expect(rc, "peers/stranger", REVCHECK_PATH_INVALID, 0);
	expect(rc, "peers/expired", REVCHECK_PATH_INVALID, 0);
	assert_int_equal(all_hits(), before);
	revcheck_free(rc);
}

static void
a_second_check_makes_no_request_and_does_not_suspend(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *chain = certs_of("peers/good");
	struct revcheck_query q = {
	    .size = sizeof(q), .chain = chain, .trust = trust};
	struct revcheck_stats stats = {.size = sizeof(stats)};
	struct revcheck_request *req;
	struct revcheck_report *rep;
	unsigned long before;

	expect(rc, "peers/good", REVCHECK_GOOD, 1);
	before = all_hits();
	for (int i = 0; i < 100; i++) {
		assert_int_equal(
		    revcheck_submit(rc, &req, &rep, &q, NULL, NULL, NULL, NULL),
		    REVCHECK_DONE);
		assert_null(req);
		assert_int_equal(revcheck_report_allows(rep), 1);
		assert_int_equal(revcheck_report_get0(rep, 0)->source,
		    REVCHECK_SOURCE_CACHE);
		revcheck_report_free(rep);
	}
	assert_int_equal(all_hits(), before);
	revcheck_get_stats(rc, &stats);
	assert_int_equal(stats.checks, 101);
	assert_int_equal(stats.checks_cached, 100);
	revcheck_certs_free(chain);
	revcheck_free(rc);
}

static void
crl_answers_when_ocsp_does_not(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_report *rep;

	set_policy(
	    rc, (struct revcheck_policy){.mode = REVCHECK_MODE_HARD_FAIL});
	control(&town.ocsp, "/_script", "/* 500");
	rep = check(rc, "peers/good");
	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->method, REVCHECK_METHOD_CRL);
	revcheck_report_free(rep);
	expect(rc, "peers/revoked", REVCHECK_REVOKED, 0);
	expect(rc, "peers/crlonly", REVCHECK_GOOD, 1);
	/* No CRL named and the responder is ill: undetermined. */
	expect(rc, "peers/ocsponly", REVCHECK_UNKNOWN, 0);
	set_policy(
	    rc, (struct revcheck_policy){.mode = REVCHECK_MODE_SOFT_FAIL});
	expect(rc, "peers/ocsponly", REVCHECK_UNKNOWN, 1);
	/* Whoever was not asked about is let in, and not called good. */
	set_policy(rc, (struct revcheck_policy){.mode = REVCHECK_MODE_OFF});
	expect(rc, "peers/revoked", REVCHECK_NOT_ASKED, 1);
	control(&town.ocsp, "/_script", "/* origin");
	revcheck_free(rc);
}

static void
the_order_is_the_policy(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	unsigned long ocsp = hits(&town.ocsp, OCSP_ALL);
	struct revcheck_report *rep;

	set_policy(
	    rc, (struct revcheck_policy){.order = REVCHECK_ORDER_CRL_OCSP});
	rep = check(rc, "peers/good");
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->method, REVCHECK_METHOD_CRL);
	revcheck_report_free(rep);
	assert_int_equal(hits(&town.ocsp, OCSP_ALL), ocsp);
	set_policy(rc, (struct revcheck_policy){.order = REVCHECK_ORDER_ALL});
	expect(rc, "peers/good", REVCHECK_GOOD, 1);
	assert_true(hits(&town.ocsp, OCSP_ALL) > ocsp);
	revcheck_free(rc);
}

static void
a_revoked_intermediate_stops_the_fetches_below(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	unsigned long before = hits(&town.ocsp, OCSP_ALL);
	struct revcheck_report *rep;

	rep = check(rc, "peers/orphan");
	assert_int_equal(revcheck_report_status(rep), REVCHECK_REVOKED);
	assert_int_equal(revcheck_report_index(rep), 1);
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->status, REVCHECK_NOT_ASKED);
	assert_int_equal(hits(&town.ocsp, OCSP_ALL), before);
	revcheck_report_free(rep);
	revcheck_free(rc);
}

static void
a_silent_source_costs_the_deadline_and_no_more(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_report *rep;

	control(&town.ocsp, "/_script", "/* never");
	control(&town.web, "/_script", "/* never");
	set_policy(rc,
	    (struct revcheck_policy){
		.mode = REVCHECK_MODE_HARD_FAIL, .deadline_ms = 300});
	rep = check(rc, "peers/good");
	assert_int_equal(revcheck_report_status(rep), REVCHECK_UNKNOWN);
	assert_int_equal(revcheck_report_why(rep), REVCHECK_WHY_DEADLINE);
	assert_int_equal(revcheck_report_allows(rep), 0);
	assert_int_equal(
	    revcheck_report_x509_error(rep), X509_V_ERR_OCSP_CERT_UNKNOWN);
	revcheck_report_free(rep);
	control(&town.ocsp, "/_script", "/* origin");
	control(&town.web, "/_script", "/* origin");
	revcheck_free(rc);
}

/* On an event loop. */

struct asked {
	struct event_base *base;
	struct revcheck_report *report;
	pthread_t thread;
	int calls;
};

static void
answered(struct revcheck_report *report, void *arg)
{
	struct asked *a = arg;

	a->calls++;
	a->thread = pthread_self();
	a->report = revcheck_report_up_ref(report);
	event_base_loopbreak(a->base);
}

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static void
pending_calls_back_once_on_the_callers_base(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *chain = certs_of("peers/good");
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = trust,
	    .deadline_ms = 20000};
	struct asked a = {.base = event_base_new()};
	struct timeval bound = {30, 0};
	struct revcheck_request *req;
	struct revcheck_report *rep;

	event_base_once(a.base, -1, EV_TIMEOUT, give_up, a.base, &bound);
	assert_int_equal(
	    revcheck_submit(rc, &req, &rep, &q, a.base, answered, &a, NULL),
	    REVCHECK_PENDING);
	assert_null(rep);
	assert_int_equal(a.calls, 0);
	event_base_dispatch(a.base);
	assert_int_equal(a.calls, 1);
	assert_true(pthread_equal(a.thread, pthread_self()));
	assert_int_equal(revcheck_report_allows(a.report), 1);
	revcheck_report_free(a.report);
	revcheck_request_free(req);
	event_base_free(a.base);
	revcheck_certs_free(chain);
	revcheck_free(rc);
}

static void
a_cancelled_request_never_calls_back(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *chain = certs_of("peers/good");
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = trust,
	    .deadline_ms = 20000};
	struct asked a = {0};
	struct revcheck_request *req;
	struct revcheck_report *rep;
	char body[32];

	for (int i = 0; i < 20; i++) {
		/* Some while it waits, some while the answer is on its way. */
		snprintf(body, sizeof(body), "/* gate=g%d", i);
		control(&town.ocsp, "/_script", body);
		a.base = event_base_new();
		assert_int_equal(revcheck_submit(rc, &req, &rep, &q, a.base,
				     answered, &a, NULL),
		    REVCHECK_PENDING);
		snprintf(body, sizeof(body), "/_release/g%d", i);
		if (i % 2 == 0)
			control(&town.ocsp, body, "");
		revcheck_request_cancel(req);
		revcheck_request_free(req);
		event_base_loop(a.base, EVLOOP_NONBLOCK);
		event_base_free(a.base);
		assert_int_equal(a.calls, 0);
		control(&town.ocsp, body, "");
		revcheck_free(rc);
		rc = engine_of(NULL);
	}
	control(&town.ocsp, "/_script", "/* origin");
	revcheck_certs_free(chain);
	revcheck_free(rc);
}

/* One fetch for all who wait. */

#define WAITERS 32

struct crowd {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int answers, good;
};

static void
crowd_answer(struct revcheck_report *report, void *arg)
{
	struct crowd *c = arg;

	pthread_mutex_lock(&c->lock);
	c->answers++;
	c->good += revcheck_report_allows(report);
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

static void
many_waiters_share_one_fetch(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *chain = certs_of("peers/crlonly");
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = trust,
	    .deadline_ms = 25000};
	struct crowd c = {
	    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
	struct revcheck_request *req[WAITERS];
	struct revcheck_report *rep;
	unsigned long before = hits(&town.web, CRL_PATH);

	set_policy(
	    rc, (struct revcheck_policy){.mode = REVCHECK_MODE_HARD_FAIL});
	control(&town.web, "/_script", CRL_PATH " gate=crowd");
	for (int i = 0; i < WAITERS; i++)
		assert_int_equal(revcheck_submit(rc, &req[i], &rep, &q, NULL,
				     crowd_answer, &c, NULL),
		    REVCHECK_PENDING);
	hits_await(&town.web, before + 1, CRL_PATH);
	control(&town.web, "/_release/crowd", "");
	pthread_mutex_lock(&c.lock);
	while (c.answers < WAITERS)
		pthread_cond_wait(&c.cond, &c.lock);
	pthread_mutex_unlock(&c.lock);
	assert_int_equal(c.good, WAITERS);
	assert_int_equal(hits(&town.web, CRL_PATH), before + 1);
	for (int i = 0; i < WAITERS; i++)
		revcheck_request_free(req[i]);
	control(&town.web, "/_script", CRL_PATH " origin");
	revcheck_certs_free(chain);
	revcheck_free(rc);
}

/* Local rules. */

/* Denies it by its serial or by its key, and nobody else. */
static void
deny_cert(struct revcheck *rc, X509 *cert, int by_key)
{
	struct revcheck_deny deny = {.note = "stolen"};
	unsigned char *der = NULL, *serial = NULL;
	uint8_t spki[32];
	int len;

	len = by_key ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der)
		     : i2d_X509_NAME(X509_get_issuer_name(cert), &der);
	assert_true(len > 0);
	if (by_key) {
		EVP_Digest(der, (size_t)len, spki, NULL, EVP_sha256(), NULL);
		deny.spki_sha256 = spki;
	} else {
		deny.issuer_der = der;
		deny.issuer_len = (size_t)len;
		len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
		assert_true(len > 2);
		/* Its content: serial numbers are shorter than 128 octets. */
		deny.serial = serial + 2;
		deny.serial_len = (size_t)len - 2;
	}
	assert_int_equal(revcheck_set_denylist(rc, &deny, 1, NULL), 0);
	OPENSSL_free(serial);
	OPENSSL_free(der);
}

/* Refused for certificate index of the path, by the list and nothing else. */
static void
expect_denied(struct revcheck *rc, const char *what,
    const struct revcheck_query *q, int index)
{
	struct revcheck_report *rep = check_query(rc, what, *q);
	const struct revcheck_result *r =
	    revcheck_report_get0(rep, (size_t)index);

	if (revcheck_report_allows(rep) != 0 ||
	    revcheck_report_index(rep) != index)
		fail_msg("%s, certificate %d, mode %d, flags %u: %s", what,
		    index, (int)q->mode, q->flags, revcheck_report_text(rep));
	assert_int_equal(revcheck_report_status(rep), REVCHECK_REVOKED);
	assert_int_equal(revcheck_report_why(rep), REVCHECK_WHY_DENYLISTED);
	assert_int_equal(
	    revcheck_report_x509_error(rep), X509_V_ERR_CERT_REVOKED);
	assert_non_null(strstr(revcheck_report_text(rep), "stolen"));
	assert_int_equal(r->method, REVCHECK_METHOD_DENYLIST);
	assert_true(r->subject[0] != '\0' && r->issuer[0] != '\0' &&
	    r->serial[0] != '\0');
	revcheck_report_free(rep);
}

/* The whole path, the anchor too, whatever else is asked about it. */
static void
the_denylist_bites_in_every_mode(void **state)
{
	static const unsigned flags[] = {
	    0, REVCHECK_QUERY_LEAF_ONLY, REVCHECK_QUERY_STATUS_ONLY};
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *path = path_of("peers/good");
	unsigned long before = all_hits();

	assert_int_equal(revcheck_certs_num(path), 3);
	for (int i = 0; i < 3 * 2; i++) {
		deny_cert(rc, revcheck_certs_get0(path, (size_t)i / 2), i % 2);
		for (size_t f = 0; f < 3; f++)
			for (int m = REVCHECK_MODE_OFF;
			     m <= REVCHECK_MODE_HARD_FAIL; m++) {
				struct revcheck_query q = {
				    .mode = (enum revcheck_mode)m,
				    .flags = flags[f]};

				/* Of a pair there is no anchor. */
				if (f != 2 || i / 2 < 2)
					expect_denied(
					    rc, "peers/good", &q, i / 2);
			}
	}
	assert_int_equal(all_hits(), before);
	assert_int_equal(revcheck_set_denylist(rc, NULL, 0, NULL), 0);
	expect(rc, "peers/good", REVCHECK_GOOD, 1);
	revcheck_certs_free(path);
	revcheck_free(rc);
}

/* A leaf that is itself an anchor, sent alone: nobody is above it. */
static void
the_denylist_bites_a_pinned_leaf(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *sent = certs_of("peers/good"), *chain;
	X509 *leaf = revcheck_certs_get0(sent, 0);
	struct revcheck_trust *pinned;
	struct revcheck_report *rep;

	assert_int_equal(revcheck_trust_new(&pinned, &leaf, 1, NULL), 0);
	assert_int_equal(revcheck_certs_from_x509(&chain, &leaf, 1, NULL), 0);
	for (int i = 0; i < 3 * 3; i++) {
		struct revcheck_query q = {.size = sizeof(q),
		    .chain = chain,
		    .trust = pinned,
		    .mode = (enum revcheck_mode)(REVCHECK_MODE_OFF + i % 3)};

		assert_int_equal(revcheck_set_denylist(rc, NULL, 0, NULL), 0);
		if (i / 3 > 0)
			deny_cert(rc, leaf, i / 3 - 1);
		assert_int_equal(revcheck_check(rc, &rep, &q, NULL), 0);
		assert_int_equal(revcheck_report_allows(rep), i / 3 == 0);
		assert_int_equal(revcheck_report_status(rep),
		    i / 3 == 0 ? REVCHECK_NOT_ASKED : REVCHECK_REVOKED);
		assert_int_equal(
		    revcheck_report_index(rep), i / 3 == 0 ? -1 : 0);
		revcheck_report_free(rep);
	}
	revcheck_trust_free(pinned);
	revcheck_certs_free(chain);
	revcheck_certs_free(sent);
	revcheck_free(rc);
}

static void
an_issuer_can_be_exempt_or_harder(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_certs *chain = certs_of("peers/nosource");
	const ASN1_OCTET_STRING *ski =
	    X509_get0_subject_key_id(revcheck_certs_get0(chain, 1));
	struct revcheck_issuer_rule rule = {.ski = ASN1_STRING_get0_data(ski),
	    .ski_len = (size_t)ASN1_STRING_length(ski),
	    .mode = REVCHECK_MODE_HARD_FAIL};

	expect(rc, "peers/nosource", REVCHECK_UNKNOWN, 1);
	assert_int_equal(revcheck_set_issuer_rules(rc, &rule, 1, NULL), 0);
	expect(rc, "peers/nosource", REVCHECK_UNKNOWN, 0);
	rule.exempt = 1;
	assert_int_equal(revcheck_set_issuer_rules(rc, &rule, 1, NULL), 0);
	expect(rc, "peers/nosource", REVCHECK_GOOD, 1); /* its CA is asked */
	/* Nobody is exempt from the operator's own list. */
	for (int i = 0; i < 2; i++) {
		deny_cert(rc, revcheck_certs_get0(chain, (size_t)i), i);
		expect(rc, "peers/nosource", REVCHECK_REVOKED, 0);
	}
	revcheck_certs_free(chain);
	revcheck_free(rc);
}

static int watched;
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t watch_cond = PTHREAD_COND_INITIALIZER;

static void
on_change(void *arg, const unsigned char *source, uint64_t change)
{
	pthread_mutex_lock(&watch_lock);
	watched++;
	pthread_cond_signal(&watch_cond);
	pthread_mutex_unlock(&watch_lock);
}

static void
the_watcher_hears_of_a_change(void **state)
{
	struct revcheck *rc = engine_of(NULL);

	watched = 0;
	revcheck_watch(rc, on_change, NULL);
	set_policy(
	    rc, (struct revcheck_policy){.mode = REVCHECK_MODE_HARD_FAIL});
	pthread_mutex_lock(&watch_lock);
	while (watched == 0)
		pthread_cond_wait(&watch_cond, &watch_lock);
	pthread_mutex_unlock(&watch_lock);
	revcheck_watch(rc, NULL, NULL);
	revcheck_free(rc);
}

static void
await_changes(int n)
{
	pthread_mutex_lock(&watch_lock);
	while (watched < n)
		pthread_cond_wait(&watch_cond, &watch_lock);
	watched = 0;
	pthread_mutex_unlock(&watch_lock);
}

static void
local_crl_files_are_watched(void **state)
{
	char *file = town_path(&town, "local/doorman.crl"),
	     *dir = town_path(&town, "local"),
	     *part = town_path(&town, "local/.part");
	const char *paths[] = {dir, NULL};
	struct revcheck_options o = {.offline = 1, .crl_paths = paths};
	struct revcheck_report *rep;
	struct revcheck *rc;
	FILE *f;

	assert_int_equal(mkdir(dir, 0700), 0);
	town_ca(&town, "leaf", "doorman", "peers/local", NULL);
	town_ca(&town, "crl", "doorman", "--out", part, NULL);
	assert_int_equal(rename(part, file), 0);
	rc = engine_of(&o);
	watched = 0;
	revcheck_watch(rc, on_change, NULL);
	rep = check_query(rc, "peers/local",
	    (struct revcheck_query){.flags = REVCHECK_QUERY_LEAF_ONLY});
	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->source, REVCHECK_SOURCE_FILE);
	revcheck_report_free(rep);
	town_ca(&town, "revoke", "peers/local", "--crl", "no", NULL);
	town_ca(&town, "crl", "doorman", "--out", part, NULL);
	assert_int_equal(rename(part, file), 0);
	do {
		await_changes(1);
		rep = check_query(rc, "peers/local",
		    (struct revcheck_query){.flags = REVCHECK_QUERY_LEAF_ONLY});
		if (revcheck_report_status(rep) == REVCHECK_REVOKED)
			break;
		revcheck_report_free(rep);
	} while (1);
	revcheck_report_free(rep);
	/* Rubbish in its place: what it held before stays in force. */
	f = fopen(part, "w");
	fputs("no CRL", f);
	fclose(f);
	assert_int_equal(rename(part, file), 0);
	await_changes(1);
	rep = check_query(rc, "peers/local",
	    (struct revcheck_query){.flags = REVCHECK_QUERY_LEAF_ONLY});
	assert_int_equal(revcheck_report_status(rep), REVCHECK_REVOKED);
	revcheck_report_free(rep);
	revcheck_watch(rc, NULL, NULL);
	revcheck_free(rc);
	free(part);
	free(dir);
	free(file);
}

static void
crls_of_a_ca_that_was_seen_are_fetched_ahead(void **state)
{
	struct revcheck_options o = {.prefetch_crls = 1};
	struct revcheck *rc = engine_of(&o);
	unsigned long before = hits(&town.web, CRL_PATH);
	struct revcheck_report *rep;

	set_policy(
	    rc, (struct revcheck_policy){.mode = REVCHECK_MODE_HARD_FAIL});
	rep = check(rc, "peers/good");
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->method, REVCHECK_METHOD_OCSP);
	revcheck_report_free(rep);
	hits_await(&town.web, before + 1, CRL_PATH);
	/* Another of that CA, and nobody there to ask: the CRL is at hand. */
	control(&town.ocsp, "/_script", "/* 500");
	do {
		rep = check(rc, "peers/fresh");
		if (revcheck_report_status(rep) == REVCHECK_GOOD)
			break;
		revcheck_report_free(rep);
	} while (1);
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->method, REVCHECK_METHOD_CRL);
	revcheck_report_free(rep);
	assert_int_equal(hits(&town.web, CRL_PATH), before + 1);
	control(&town.ocsp, "/_script", "/* origin");
	revcheck_free(rc);
}

static void
a_missing_local_path_is_refused_by_name(void **state)
{
	const char *paths[] = {"no/such/place", NULL};
	struct revcheck_options o = {.size = sizeof(o), .crl_paths = paths};
	struct revcheck_error err;
	struct revcheck *rc;

	assert_int_equal(revcheck_new(&rc, &o, &err), REVCHECK_E_IO);
	assert_non_null(strstr(err.msg, "no/such/place"));
}

static void
a_known_revocation_outlives_its_source(void **state)
{
	struct revcheck *rc = engine_of(NULL);

	/* Evidence with a nonce is not kept: the second answer has none. */
	set_policy(rc,
	    (struct revcheck_policy){.mode = REVCHECK_MODE_SOFT_FAIL,
		.order = REVCHECK_ORDER_OCSP,
		.nonce = REVCHECK_NONCE_OPTIONAL});
	expect(rc, "peers/revoked", REVCHECK_REVOKED, 0);
	control(&town.ocsp, "/_script", "/* 500");
	expect(rc, "peers/revoked", REVCHECK_REVOKED, 0);
	control(&town.ocsp, "/_script", "/* origin");
	revcheck_free(rc);
}

static void
wrong_queries_are_errors_with_a_sentence(void **state)
{
	struct revcheck *rc = engine_of(NULL);
	struct revcheck_query q = {.size = sizeof(q)};
	struct revcheck_report *rep;
	struct revcheck_error err;

	assert_int_equal(revcheck_check(rc, &rep, &q, &err), REVCHECK_E_ARG);
	assert_string_equal(err.msg, "query.chain is empty");
	revcheck_free(rc);
	revcheck_free(NULL);
	revcheck_report_free(NULL);
	revcheck_request_free(NULL);
	revcheck_request_cancel(NULL);
}

static int
setup(void **state)
{
	char *path;

	evthread_use_pthreads();
	town_start(&town, "net", NULL);
	path = town_path(&town, "trust.pem");
	if (revcheck_trust_load(&trust, path, NULL) != 0)
		fail_msg("no trust in '%s'", path);
	free(path);
	return 0;
}

static int
teardown(void **state)
{
	revcheck_trust_free(trust);
	town_stop(&town);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_and_revoked_and_on_hold),
	    cmocka_unit_test(nothing_is_fetched_for_an_unverified_chain),
	    cmocka_unit_test(
		a_second_check_makes_no_request_and_does_not_suspend),
	    cmocka_unit_test(crl_answers_when_ocsp_does_not),
	    cmocka_unit_test(the_order_is_the_policy),
	    cmocka_unit_test(a_revoked_intermediate_stops_the_fetches_below),
	    cmocka_unit_test(a_silent_source_costs_the_deadline_and_no_more),
	    cmocka_unit_test(pending_calls_back_once_on_the_callers_base),
	    cmocka_unit_test(a_cancelled_request_never_calls_back),
	    cmocka_unit_test(many_waiters_share_one_fetch),
	    cmocka_unit_test(the_denylist_bites_in_every_mode),
	    cmocka_unit_test(the_denylist_bites_a_pinned_leaf),
	    cmocka_unit_test(an_issuer_can_be_exempt_or_harder),
	    cmocka_unit_test(the_watcher_hears_of_a_change),
	    cmocka_unit_test(local_crl_files_are_watched),
	    cmocka_unit_test(crls_of_a_ca_that_was_seen_are_fetched_ahead),
	    cmocka_unit_test(a_missing_local_path_is_refused_by_name),
	    cmocka_unit_test(a_known_revocation_outlives_its_source),
	    cmocka_unit_test(wrong_queries_are_errors_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
