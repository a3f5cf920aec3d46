/*
 * source_index, source_box: who is due when a source has changed. Answers are
 * those of an engine that knows nothing and fetches nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>
#include <event2/thread.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "gateway/base/source_box.h"
#include "gateway/base/source_index.h"
#include "tests/lib/issuer.h"

#define SOURCES 100
#define EACH    5
#define MANY    (SOURCES * EACH)

static struct issuer ca;
static struct revcheck *engine;
static struct revcheck_trust *trust;
static struct revcheck_report *reports[SOURCES], *off;
static unsigned char ids[SOURCES][32];
static struct event_base *base;
static struct source_index *x;
static struct source_asker askers[MANY];
static unsigned num_due_calls;
static time_t now;

static time_t
clock_now(void *arg)
{
	(void)arg;
	return now;
}

static const struct wall_clock wall = {clock_now, NULL};

static void
on_due(void *arg)
{
	(void)arg;
	num_due_calls++;
}

static struct revcheck_certs *
path_to(const char *crl_url)
{
	struct issuer leaf;
	struct revcheck_certs *certs;
	const struct issuer_cert how = {.cn = "leaf",
	    .by = &ca,
	    .serial = 2,
	    .key = ca.key,
	    .from = time(NULL) - 3600,
	    .to = time(NULL) + 3600,
	    .crl_url = crl_url};
	X509 *list[2];

	issuer_init(&leaf, &how);
	list[0] = leaf.cert;
	list[1] = ca.cert;
	assert_int_equal(revcheck_certs_from_x509(&certs, list, 2, NULL), 0);
	issuer_cleanup(&leaf);
	return certs;
}

static struct revcheck_report *
report_on(const char *crl_url, enum revcheck_mode mode)
{
	struct revcheck_certs *certs = path_to(crl_url);
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = certs,
	    .trust = trust,
	    .mode = mode,
	    .flags = REVCHECK_QUERY_OFFLINE};
	struct revcheck_report *report;

	assert_int_equal(revcheck_check(engine, &report, &q, NULL), 0);
	revcheck_certs_free(certs);
	return report;
}

static int
setup(void **state)
{
	struct revcheck_options options = {.size = sizeof(options)};
	struct revcheck_policy policy = {.size = sizeof(policy)};
	const struct issuer_cert how = {.cn = "ca",
	    .serial = 1,
	    .from = time(NULL) - 3600,
	    .to = time(NULL) + 3600,
	    .constraints = "critical,CA:TRUE"};
	const unsigned char(*of)[32];
	char url[64];

	(void)state;
	evthread_use_pthreads();
	base = event_base_new();
	issuer_init(&ca, &how);
	assert_int_equal(revcheck_trust_new(&trust, &ca.cert, 1, NULL), 0);
	assert_int_equal(revcheck_new(&engine, &options, NULL), 0);
	/* So that an answer counts changes at all. */
	assert_int_equal(revcheck_set_policy(engine, &policy, NULL), 0);
	assert_int_equal(revcheck_archive_flush(engine, NULL, NULL), 0);
	for (size_t i = 0; i < SOURCES; i++) {
		snprintf(url, sizeof(url), "http://crl.example/%zu", i);
		reports[i] = report_on(url, REVCHECK_MODE_SOFT_FAIL);
		/* The list, and what is known of the certificate. */
		assert_int_equal(revcheck_report_sources(reports[i], &of), 2);
		memcpy(ids[i], of[0], 32);
		assert_int_equal(revcheck_report_changes(reports[i]), 1);
	}
	off = report_on("http://crl.example/off", REVCHECK_MODE_OFF);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < SOURCES; i++)
		revcheck_report_free(reports[i]);
	revcheck_report_free(off);
	revcheck_free(engine);
	revcheck_trust_free(trust);
	issuer_cleanup(&ca);
	event_base_free(base);
	return 0;
}

static int
index_new(void **state)
{
	(void)state;
	now = 1000000;
	assert_int_equal(
	    source_index_new(&x, base, &wall, on_due, NULL, NULL), 0);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(source_index_join(x, &askers[i]), 0);
		source_index_rest(x, &askers[i], reports[i % SOURCES], 0);
	}
	num_due_calls = 0;
	return 0;
}

static int
index_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		source_index_leave(x, &askers[i]);
	assert_int_equal(source_index_num(x), 0);
	source_index_free(x);
	return 0;
}

static size_t
take_all(void)
{
	size_t n = 0;

	while (source_index_take(x) != NULL)
		n++;
	return n;
}

static void
who_rests_on_it_is_due_and_nobody_else(void **state)
{
	struct source_asker *a;

	(void)state;
	assert_int_equal(source_index_num(x), SOURCES + 1);
	assert_null(source_index_take(x));
	source_index_changed(x, ids[7], 2);
	assert_int_equal(num_due_calls, 1);
	for (size_t i = 0; i < EACH; i++) {
		a = source_index_take(x);
		assert_non_null(a);
		assert_int_equal((size_t)(a - askers) % SOURCES, 7);
	}
	assert_null(source_index_take(x));
}

/* The answer has it in it: who fetched it need not ask again. */
static void
what_an_answer_has_in_it_makes_nobody_due(void **state)
{
	(void)state;
	source_index_changed(x, ids[7], 1);
	assert_null(source_index_take(x));
	assert_int_equal(num_due_calls, 0);
}

static void
a_source_of_nobody_concerns_nobody(void **state)
{
	static const unsigned char stranger[32] = {1};

	(void)state;
	source_index_changed(x, stranger, 2);
	assert_null(source_index_take(x));
}

/* Told before the answer is kept, and after the engine looked. */
static void
what_was_told_on_the_way_is_not_lost(void **state)
{
	(void)state;
	source_index_leave(x, &askers[0]);
	source_index_leave(x, &askers[1]);
	assert_int_equal(source_index_join(x, &askers[0]), 0);
	assert_int_equal(source_index_join(x, &askers[1]), 0);
	source_index_changed(x, ids[0], 2);
	assert_int_equal(take_all(), EACH - 1);
	source_index_rest(x, &askers[1], reports[1], 0);
	assert_null(source_index_take(x));
	source_index_rest(x, &askers[0], reports[0], 0);
	assert_ptr_equal(source_index_take(x), &askers[0]);
	assert_null(source_index_take(x));
}

/* More than is remembered were told: it may have been one of its own. */
static void
what_cannot_be_said_any_more_makes_due(void **state)
{
	static const unsigned char stranger[32] = {1};

	(void)state;
	for (int i = 0; i < 64; i++)
		source_index_changed(x, stranger, 2 + (uint64_t)i);
	source_index_rest(x, &askers[0], reports[0], 0);
	assert_null(source_index_take(x));
	source_index_changed(x, stranger, 70);
	source_index_rest(x, &askers[0], reports[0], 0);
	assert_ptr_equal(source_index_take(x), &askers[0]);
}

static void
what_it_rested_on_before_is_forgotten(void **state)
{
	(void)state;
	source_index_rest(x, &askers[7], reports[8], 0);
	source_index_rest(x, &askers[SOURCES + 7], off, 0);
	source_index_changed(x, ids[7], 2);
	assert_int_equal(take_all(), EACH - 2);
	source_index_changed(x, ids[8], 3);
	assert_int_equal(take_all(), EACH + 1);
}

static void
everybody_is_due_and_then_nobody(void **state)
{
	(void)state;
	source_index_changed(x, ids[7], 2);
	source_index_all_due(x);
	source_index_leave(x, &askers[3]);
	source_index_changed(x, ids[8], 3);
	assert_int_equal(take_all(), MANY - 1);
	source_index_all_due(x);
	source_index_all_due(x);
	assert_int_equal(take_all(), MANY - 1);
}

/* A report that cannot say what it rests on: here of an engine that closes. */
static struct revcheck_report *cut_off;

static void
on_report(struct revcheck_report *report, void *arg)
{
	(void)arg;
	cut_off = revcheck_report_up_ref(report);
}

static void
who_cannot_say_is_due_with_every_change(void **state)
{
	static const char *const loopback[] = {"127.0.0.1", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .allow_addresses = loopback, .any_port = 1};
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	struct revcheck_query q = {.size = sizeof(q), .trust = trust};
	struct revcheck_request *req;
	struct revcheck_report *none;
	struct revcheck_certs *certs;
	struct revcheck *mute;
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	inet_pton(AF_INET, "127.0.0.1", &sin.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(sin.sin_port));
	certs = path_to(url);
	q.chain = certs;
	assert_int_equal(revcheck_new(&mute, &o, NULL), 0);
	assert_int_equal(
	    revcheck_submit(mute, &req, &none, &q, NULL, on_report, NULL, NULL),
	    REVCHECK_PENDING);
	revcheck_free(mute);
	revcheck_request_free(req);
	assert_non_null(cut_off);
	source_index_rest(x, &askers[0], cut_off, 0);
	assert_null(source_index_take(x));
	source_index_changed(x, ids[7], 2);
	for (size_t i = 0; i < EACH + 1; i++)
		assert_non_null(source_index_take(x));
	revcheck_report_free(cut_off);
	revcheck_certs_free(certs);
	close(fd);
}

/* What has run out, or ends, is asked about then; not before. */
static void
time_makes_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		source_index_rest(x, &askers[i], off, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_null(source_index_take(x));
	for (size_t i = 0; i < MANY; i++)
		source_index_rest(
		    x, &askers[i], off, now + 1 + (time_t)(i * 7919 % MANY));
	for (size_t i = 0; i < MANY; i += 3)
		source_index_leave(x, &askers[i]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_null(source_index_take(x));
	now += MANY / 2;
	/* Another time at the head of it: it looks at the clock. */
	source_index_rest(x, &askers[1], off, now - MANY);
	event_base_loop(base, EVLOOP_NONBLOCK);
	for (size_t i = 0; i < MANY; i++)
		if (i % 3 != 0 && (i == 1 || i * 7919 % MANY + 1 <= MANY / 2))
			assert_non_null(source_index_take(x));
	assert_null(source_index_take(x));
	assert_true(num_due_calls >= 1);
	for (size_t i = 0; i < MANY; i += 3)
		assert_int_equal(source_index_join(x, &askers[i]), 0);
}

/* The engine tries a source only as long as somebody asks. */
static void
who_lacks_something_is_due_after_a_while(void **state)
{
	(void)state;
	now += SOURCE_INDEX_LACKING_SEC + 60;
	source_index_rest(x, &askers[0], NULL, 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(take_all(), MANY);
	assert_null(source_index_take(x));
}

/* Good by a CRL that ends in so many seconds. */
static struct revcheck_report *
good_until(time_t next)
{
	struct revcheck_certs *certs = path_to("http://crl.example/good");
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = certs,
	    .trust = trust,
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags = REVCHECK_QUERY_OFFLINE};
	struct revcheck_evidence *e;
	struct revcheck_report *report;

	issuer_write_crl("good.crl",
	    &(struct issuer_crl){.by = &ca,
		.number = 1,
		.from = time(NULL) - 3600,
		.next = next});
	assert_int_equal(revcheck_evidence_new(&e, NULL), 0);
	assert_int_equal(revcheck_evidence_add_file(
			     e, REVCHECK_EVIDENCE_CRL, "good.crl", NULL),
	    0);
	q.evidence = e;
	assert_int_equal(revcheck_check(engine, &report, &q, NULL), 0);
	assert_int_equal(revcheck_report_status(report), REVCHECK_GOOD);
	revcheck_evidence_free(e);
	revcheck_certs_free(certs);
	return report;
}

/* Not before its evidence has run out, nor much later; else now and then. */
static void
who_is_good_is_due_at_the_end_and_anyway(void **state)
{
	time_t next = time(NULL) + 100, end = next + 300, end_anyway;
	struct revcheck_report *brief = good_until(next),
			       *long_lived = good_until(next + 86400);

	(void)state;
	assert_int_equal(revcheck_report_until(brief), end);
	for (size_t i = 0; i < MANY; i++)
		source_index_rest(x, &askers[i], off, 0);
	now = end - 100;
	source_index_rest(x, &askers[0], brief, 0);
	source_index_rest(x, &askers[1], long_lived, 0);
	assert_int_equal(askers[0].at, end + 1);
	end_anyway = now + SOURCE_INDEX_ANYWAY_SEC;
	assert_true(askers[1].at <= end_anyway);
	assert_true(askers[1].at >= end_anyway - SOURCE_INDEX_ANYWAY_SEC / 10);
	revcheck_report_free(brief);
	revcheck_report_free(long_lived);
}

static void
a_full_box_means_everybody(void **state)
{
	static struct source_box box;

	(void)state;
	source_box_init(&box);
	for (size_t i = 0; i < SOURCE_BOX_MAX; i++)
		source_box_put(&box, ids[i % 10], 2);
	assert_false(source_box_take(&box, x));
	assert_int_equal(take_all(), 10 * EACH);
	for (size_t i = 0; i < SOURCE_BOX_MAX + 1; i++)
		source_box_put(&box, ids[i % 10], 3);
	assert_true(source_box_take(&box, x));
	assert_false(source_box_take(&box, x));
	source_box_put(&box, NULL, 4);
	assert_true(source_box_take(&box, x));
	source_box_cleanup(&box);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, index_new, index_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_rests_on_it_is_due_and_nobody_else),
	    TEST(what_an_answer_has_in_it_makes_nobody_due),
	    TEST(a_source_of_nobody_concerns_nobody),
	    TEST(what_was_told_on_the_way_is_not_lost),
	    TEST(what_cannot_be_said_any_more_makes_due),
	    TEST(what_it_rested_on_before_is_forgotten),
	    TEST(everybody_is_due_and_then_nobody),
	    TEST(who_cannot_say_is_due_with_every_change),
	    TEST(time_makes_due),
	    TEST(who_lacks_something_is_due_after_a_while),
	    TEST(who_is_good_is_due_at_the_end_and_anyway),
	    TEST(a_full_box_means_everybody),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
