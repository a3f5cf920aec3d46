/*
 * The OCSP response that an answer rests on, handed out with the report: for
 * those who staple it.
 */
#include <stdlib.h>
#include <string.h>

#include "revcheck/revcheck.h"
#include "tests/lib/net.h"

static struct town town;
static struct revcheck_trust *trust;
static struct revcheck *rc;

static int
setup(void **state)
{
	static const char *const loopback[] = {"127.0.0.0/8", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .allow_addresses = loopback, .any_port = 1};
	struct revcheck_error err;
	char *anchors;

	town_start(&town, "net", NULL);
	anchors = town_path(&town, "trust.pem");
	if (revcheck_trust_load(&trust, anchors, &err) != 0 ||
	    revcheck_new(&rc, &o, &err) != 0)
		fail_msg("%s", err.msg);
	free(anchors);
	return 0;
}

static int
teardown(void **state)
{
	revcheck_free(rc);
	revcheck_trust_free(trust);
	town_stop(&town);
	return 0;
}

static struct revcheck_certs *
certs_of(const char *what)
{
	char *path = town_path(&town, what);
	struct revcheck_certs *c;
	struct revcheck_error err;

	if (revcheck_certs_load(&c, path, &err) != 0)
		fail_msg("%s", err.msg);
	free(path);
	return c;
}

static struct revcheck_report *
ask(const char *what, unsigned flags, enum revcheck_order order)
{
	struct revcheck_certs *chain = certs_of(what);
	struct revcheck_policy p = {
	    .size = sizeof(p), .order = order, .deadline_ms = WAIT_MS};
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = trust,
	    .flags = flags,
	    .policy = &p};
	struct revcheck_report *rep;
	struct revcheck_error err;

	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s: %s", what, err.msg);
	revcheck_certs_free(chain);
	return rep;
}

/* What the response kept with the report says by itself. */
static enum revcheck_status
response_says(const struct revcheck_report *rep, const char *what)
{
	struct revcheck_certs *chain = certs_of(what);
	struct revcheck_ocsp_query q = {.size = sizeof(q),
	    .cert = revcheck_certs_get0(chain, 0),
	    .issuer = revcheck_certs_get0(chain, 1)};
	const struct revcheck_result *r = revcheck_report_get0(rep, 0);
	struct revcheck_result out;

	q.response = revcheck_report_response(rep, 0, &q.response_len);
	assert_non_null(q.response);
	assert_int_equal(revcheck_ocsp_judge(&out, &q, NULL), 0);
	assert_int_equal(out.this_update, r->this_update);
	assert_int_equal(out.next_update, r->next_update);
	revcheck_certs_free(chain);
	return out.status;
}

static void
the_response_proves_the_answer(void **state)
{
	static const struct {
		const char *what;
		enum revcheck_status status;
	} rows[] = {{"peers/good.pem", REVCHECK_GOOD},
	    {"peers/revoked.pem", REVCHECK_REVOKED}};
	struct revcheck_report *rep;
	size_t len;

	/* Fetched for the question, and then from memory. */
	for (size_t i = 0; i < 4; i++) {
		rep = ask(rows[i / 2].what, REVCHECK_QUERY_KEEP_RESPONSES,
		    REVCHECK_ORDER_OCSP);
		assert_int_equal(
		    revcheck_report_status(rep), rows[i / 2].status);
		assert_int_equal(
		    response_says(rep, rows[i / 2].what), rows[i / 2].status);
		/* The anchor was not asked about; there is no more. */
		assert_null(revcheck_report_response(
		    rep, revcheck_report_num(rep) - 1, &len));
		assert_int_equal(len, 0);
		assert_null(revcheck_report_response(rep, 100, &len));
		revcheck_report_free(rep);
	}
}

static void
nothing_is_kept_where_no_response_counts(void **state)
{
	static const struct {
		const char *what;
		unsigned flags;
		enum revcheck_order order;
	} rows[] = {
	    {"peers/good.pem", 0, REVCHECK_ORDER_OCSP},
	    {"peers/good.pem", REVCHECK_QUERY_KEEP_RESPONSES,
		REVCHECK_ORDER_CRL},
	    {"peers/nosource.pem", REVCHECK_QUERY_KEEP_RESPONSES,
		REVCHECK_ORDER_OCSP},
	    {"peers/stranger.pem", REVCHECK_QUERY_KEEP_RESPONSES,
		REVCHECK_ORDER_OCSP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_report *rep =
		    ask(rows[i].what, rows[i].flags, rows[i].order);
		size_t len = 1;

		assert_null(revcheck_report_response(rep, 0, &len));
		assert_int_equal(len, 0);
		revcheck_report_free(rep);
	}
}

/* What the caller brought is the caller's already. */
static void
a_response_of_the_question_itself_is_not_kept(void **state)
{
	struct revcheck_report *first = ask("peers/good.pem",
	    REVCHECK_QUERY_KEEP_RESPONSES, REVCHECK_ORDER_OCSP);
	struct revcheck_certs *chain = certs_of("peers/good.pem");
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = trust,
	    .flags = REVCHECK_QUERY_KEEP_RESPONSES | REVCHECK_QUERY_LEAF_ONLY};
	struct revcheck_report *rep;
	size_t len;

	q.staple = revcheck_report_response(first, 0, &q.staple_len);
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	assert_int_equal(revcheck_check(rc, &rep, &q, NULL), 0);
	assert_int_equal(
	    revcheck_report_get0(rep, 0)->source, REVCHECK_SOURCE_STAPLE);
	assert_null(revcheck_report_response(rep, 0, &len));
	revcheck_report_free(rep);
	revcheck_report_free(first);
	revcheck_certs_free(chain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_response_proves_the_answer),
	    cmocka_unit_test(nothing_is_kept_where_no_response_counts),
	    cmocka_unit_test(a_response_of_the_question_itself_is_not_kept),
	};

	return cmocka_run_group_tests_name("responses", tests, setup, teardown);
}
