/*
 * What a report rests on, by source, and what is told of a source: the first
 * evidence included, and to nobody who has it in his answer.
 *
 *	root -> ca -> a, b;  root -> far -> c
 */
#include <pthread.h>
#include <stdbool.h>

#include "tests/net/library/asking.h"

#define CHANGES_MAX 100

static struct issuer root, ca, far, a, b, c;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct {
	unsigned char source[32];
	bool all;
	uint64_t change;
} changes[CHANGES_MAX];
static size_t num_changes;

static void
on_change(void *arg, const unsigned char *source, uint64_t change)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	if (num_changes == CHANGES_MAX)
		abort();
	changes[num_changes].all = source == NULL;
	changes[num_changes].change = change;
	if (source != NULL)
		memcpy(changes[num_changes].source, source, 32);
	num_changes++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

static struct revcheck *
watched_engine(void)
{
	struct revcheck *rc = engine_new();

	/* Behind it in the queue: the policy has been told of. */
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	num_changes = 0;
	revcheck_watch(rc, on_change, NULL);
	return rc;
}

static void
engine_free(struct revcheck *rc)
{
	revcheck_watch(rc, NULL, NULL);
	revcheck_free(rc);
}

static struct revcheck_report *
report_about(struct revcheck *rc, const struct issuer *who,
    const struct issuer *by, unsigned flags)
{
	X509 *list[] = {who->cert, by->cert, root.cert};
	struct revcheck_report *rep = NULL;
	struct revcheck_certs *chain;
	struct revcheck_error err;
	struct revcheck_query q = {
	    .size = sizeof(q), .trust = trust, .flags = flags};

	assert_int_equal(revcheck_certs_from_x509(&chain, list, 3, NULL), 0);
	q.chain = chain;
	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s", err.msg);
	revcheck_certs_free(chain);
	return rep;
}

static bool
names(const struct revcheck_report *rep, const unsigned char source[32])
{
	const unsigned char(*ids)[32];
	size_t num = revcheck_report_sources(rep, &ids);

	for (size_t i = 0; i < num; i++)
		if (memcmp(ids[i], source, 32) == 0)
			return true;
	return false;
}

static size_t
num_sources(const struct revcheck_report *rep)
{
	const unsigned char(*ids)[32];

	return revcheck_report_sources(rep, &ids);
}

/* Whether one of the changes so far is a reason to ask again. */
static bool
is_told_of(const struct revcheck_report *rep)
{
	bool told = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < num_changes; i++)
		told = told ||
		    (!changes[i].all && names(rep, changes[i].source) &&
			changes[i].change > revcheck_report_changes(rep));
	pthread_mutex_unlock(&lock);
	return told;
}

static void
await_told(const struct revcheck_report *rep)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	while (!is_told_of(rep) && rc == 0) {
		pthread_mutex_lock(&lock);
		rc = pthread_cond_timedwait(&cond, &lock, &until);
		pthread_mutex_unlock(&lock);
	}
	assert_true(is_told_of(rep));
}

static void
list_at(
    const char *name, const struct issuer *by, long number, const long *serials)
{
	char path[64];

	snprintf(path, sizeof(path), "www/%s", name);
	issuer_write_crl(path,
	    &(struct issuer_crl){.by = by,
		.number = number,
		.from = t0 - DAY + number,
		.next = t0 + 30 * DAY + number,
		.serials = serials});
}

/*
 * Each rests on the sources of its own path, and on what is known of two
 * certificates, and on no others.
 */
static void
a_report_names_its_sources(void **state)
{
	struct revcheck *rc = watched_engine();
	struct revcheck_report *ra, *rb, *rc2;
	const unsigned char(*ids)[32], (*others)[32];
	size_t shared = 0, common = 0;

	(void)state;
	ra = report_about(rc, &a, &ca, 0);
	rb = report_about(rc, &b, &ca, 0);
	rc2 = report_about(rc, &c, &far, 0);
	assert_int_equal(revcheck_report_status(ra), REVCHECK_GOOD);
	assert_int_equal(revcheck_report_sources(ra, &ids), 4);
	assert_int_equal(num_sources(rb), 4);
	assert_int_equal(revcheck_report_sources(rc2, &others), 4);
	for (size_t i = 0; i < 4; i++) {
		common += names(rb, ids[i]);
		shared += names(ra, others[i]);
	}
	assert_int_equal(common, 3); /* all but its own certificate */
	assert_int_equal(shared, 1); /* the root's list */
	/* The root's list has the earlier end. */
	assert_int_equal(revcheck_report_until(ra), t0 + 30 * DAY + 5 + 300);
	revcheck_report_free(ra);
	revcheck_report_free(rb);
	revcheck_report_free(rc2);
	engine_free(rc);
}

/* Who fetched the first evidence of a source has it in his answer. */
static void
what_was_fetched_for_it_is_no_news_to_it(void **state)
{
	struct revcheck *rc = watched_engine();
	struct revcheck_report *ra, *rb;

	(void)state;
	ra = report_about(rc, &a, &ca, 0);
	assert_int_equal(num_changes, 2);
	assert_true(names(ra, changes[0].source));
	assert_true(names(ra, changes[1].source));
	assert_false(is_told_of(ra));
	rb = report_about(rc, &b, &ca, 0);
	assert_int_equal(num_changes, 2);
	assert_false(is_told_of(rb));
	revcheck_report_free(ra);
	revcheck_report_free(rb);
	engine_free(rc);
}

/* Let in for want of an answer; the answer comes without a further question. */
static void
the_first_evidence_is_told_to_who_lacked_it(void **state)
{
	const long listed[] = {30, 0};
	struct revcheck *rc = watched_engine();
	struct revcheck_report *before, *other, *after;

	(void)state;
	remove("www/ca.crl");
	other = report_about(rc, &c, &far, 0);
	before = report_about(rc, &a, &ca, 0);
	assert_int_equal(revcheck_report_status(before), REVCHECK_UNKNOWN);
	assert_int_equal(num_sources(before), 4);
	assert_false(is_told_of(before));
	list_at("ca.crl", &ca, 6, listed);
	atomic_fetch_add(&now, 10);
	await_told(before);
	assert_false(is_told_of(other));
	after = report_about(rc, &a, &ca, REVCHECK_QUERY_OFFLINE);
	assert_int_equal(revcheck_report_status(after), REVCHECK_REVOKED);
	revcheck_report_free(before);
	revcheck_report_free(other);
	revcheck_report_free(after);
	list_at("ca.crl", &ca, 7, NULL);
	engine_free(rc);
}

/* Asked from memory alone and in vain: it rests on what is not there. */
static void
what_was_not_there_is_named_too(void **state)
{
	struct revcheck *rc = watched_engine();
	struct revcheck_report *before, *ra;

	(void)state;
	before = report_about(rc, &a, &ca, REVCHECK_QUERY_OFFLINE);
	assert_int_equal(revcheck_report_status(before), REVCHECK_UNKNOWN);
	assert_int_equal(num_sources(before), 4);
	assert_int_equal(revcheck_report_until(before), 0);
	ra = report_about(rc, &a, &ca, 0);
	assert_true(is_told_of(before));
	revcheck_report_free(before);
	revcheck_report_free(ra);
	engine_free(rc);
}

static void
on_report(struct revcheck_report *report, void *arg)
{
	struct revcheck_report **out = arg;

	pthread_mutex_lock(&lock);
	*out = revcheck_report_up_ref(report);
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

/*
 * It looked at one source, then waited for another, and meanwhile the first
 * said something else: that is no part of the answer.
 */
static void
what_changed_while_it_waited_is_news(void **state)
{
	const long listed[] = {28, 0};
	struct revcheck *rc = watched_engine();
	X509 *list[] = {a.cert, ca.cert, root.cert};
	struct revcheck_report *rep = NULL, *other;
	struct revcheck_certs *chain;
	struct revcheck_request *req;
	struct revcheck_query q = {.size = sizeof(q), .trust = trust};

	(void)state;
	other = report_about(rc, &c, &far, 0);
	assert_false(is_told_of(other));
	control(&http, "/_reset", NULL);
	control(&http, "/_script", "/ca.crl gate=g");
	assert_int_equal(revcheck_certs_from_x509(&chain, list, 3, NULL), 0);
	q.chain = chain;
	assert_int_equal(
	    revcheck_submit(rc, &req, &rep, &q, NULL, on_report, &rep, NULL),
	    REVCHECK_PENDING);
	hits_await(&http, 1, "/ca.crl");
	list_at("root.crl", &root, 6, listed);
	atomic_fetch_add(&now, 100);
	/* Not more than once a second: whatever came before in the test. */
	for (int i = 0; i < 300 && !is_told_of(other); i++) {
		assert_true(revcheck_archive_refresh(rc, NULL, NULL) >= 0);
		usleep(100000);
	}
	assert_true(is_told_of(other));
	control(&http, "/_release/g", "");
	pthread_mutex_lock(&lock);
	while (rep == NULL)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	assert_true(is_told_of(rep));
	revcheck_request_free(req);
	revcheck_report_free(rep);
	revcheck_report_free(other);
	revcheck_certs_free(chain);
	control(&http, "/_script", "/ca.crl origin");
	list_at("root.crl", &root, 7, NULL);
	engine_free(rc);
}

static size_t
num_told_of(const struct revcheck_report *rep)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < num_changes; i++)
		n += !changes[i].all && names(rep, changes[i].source);
	pthread_mutex_unlock(&lock);
	return n;
}

/*
 * Of the certificate itself, too: whoever rests on sources that say nothing of
 * it, or on an answer that is not kept, hears what another source said.
 */
static void
a_revocation_that_is_learned_is_told(void **state)
{
	const long listed[] = {30, 0};
	struct revcheck *rc = watched_engine();
	struct revcheck_report *before, *other, *ra;

	(void)state;
	list_at("ca.crl", &ca, 8, listed);
	before = report_about(rc, &a, &ca, REVCHECK_QUERY_OFFLINE);
	other = report_about(rc, &b, &ca, REVCHECK_QUERY_OFFLINE);
	ra = report_about(rc, &a, &ca, 0);
	assert_int_equal(revcheck_report_status(ra), REVCHECK_REVOKED);
	/* Behind it in the queue. */
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	assert_int_equal(num_told_of(before), 3);
	assert_int_equal(num_told_of(other), 2);
	revcheck_report_free(before);
	revcheck_report_free(other);
	revcheck_report_free(ra);
	list_at("ca.crl", &ca, 9, NULL);
	engine_free(rc);
}

/* Nothing was asked, nothing is named; policy concerns everybody. */
static void
off_rests_on_no_source(void **state)
{
	struct revcheck_policy off = {
	    .size = sizeof(off), .mode = REVCHECK_MODE_OFF};
	struct revcheck *rc = watched_engine();
	struct revcheck_report *rep;

	(void)state;
	assert_int_equal(revcheck_set_policy(rc, &off, NULL), 0);
	rep = report_about(rc, &a, &ca, 0);
	assert_int_equal(num_sources(rep), 0);
	/* Behind it in the queue. */
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	assert_int_equal(num_changes, 1);
	assert_true(changes[0].all);
	revcheck_report_free(rep);
	engine_free(rc);
}

static int
setup(void **state)
{
	struct {
		struct issuer *who;
		const struct issuer *by;
		const char *cn, *list;
	} rows[] = {
	    {&ca, &root, "ca", "root.crl"},
	    {&far, &root, "far", "root.crl"},
	    {&a, &ca, "a", "ca.crl"},
	    {&b, &ca, "b", "ca.crl"},
	    {&c, &far, "c", "far.crl"},
	};

	(void)state;
	scene_start();
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cert_by(rows[i].who, rows[i].by, NULL, rows[i].cn, 28 + (long)i,
		    i < 2 ? ISSUES : LISTS, url(rows[i].list));
	list_at("root.crl", &root, 5, NULL);
	list_at("far.crl", &far, 5, NULL);
	list_at("ca.crl", &ca, 6, NULL);
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	struct issuer *made[] = {&root, &ca, &far, &a, &b, &c, NULL};

	(void)state;
	return scene_stop_with(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_report_names_its_sources),
	    cmocka_unit_test(what_was_fetched_for_it_is_no_news_to_it),
	    cmocka_unit_test(what_was_not_there_is_named_too),
	    cmocka_unit_test(the_first_evidence_is_told_to_who_lacked_it),
	    cmocka_unit_test(what_changed_while_it_waited_is_news),
	    cmocka_unit_test(a_revocation_that_is_learned_is_told),
	    cmocka_unit_test(off_rests_on_no_source),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
