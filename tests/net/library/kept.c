/*
 * What the engine keeps, and what becomes of it with time: lists and responses
 * that are rolled back or come from the future, signers that expire, lists of
 * the wrong issuer. A small hierarchy of its own, served over HTTP:
 *
 *	root -> mid -> (signers of lists), root -> ca -> a, b
 */
#include <openssl/ocsp.h>

#include "tests/net/library/asking.h"

#define SKEW 300 /* the policy's default */

static struct issuer root, mid, ca, a, b, b_ocsp;

/* ---- replaced, or not */

/*
 * A list that revokes b is followed by one that does not, when the first has
 * run out. One that is in date is used, whatever its number; but what only the
 * list of the higher number says is not lost by that: b stays revoked.
 */
static void
a_list_is_followed_by_another(void **state)
{
	static const long lists_b[] = {11, 0};
	static const struct {
		const char *name;
		long was_number, is_number;
		/* seconds before and after the second is fetched */
		long was_at, is_at;
		int used, replaced;
	} rows[] = {
	    {"next number", 5, 6, -3 * HOUR, -HOUR, 1, 1},
	    {"next number, earlier date", 5, 6, -HOUR, -3 * HOUR, 1, 1},
	    {"number of one octet more", 0x7f, 0x100, -3 * HOUR, -HOUR, 1, 1},
	    {"number before", 6, 5, -3 * HOUR, -HOUR, 1, 0},
	    {"number of one octet less", 0x100, 0x7f, -3 * HOUR, -HOUR, 1, 0},
	    {"same number, later date", 6, 6, -3 * HOUR, -HOUR, 1, 1},
	    {"same number, earlier date", 6, 6, -HOUR, -3 * HOUR, 1, 0},
	    {"no numbers, later date", 0, 0, -3 * HOUR, -HOUR, 1, 1},
	    {"no numbers, earlier date", 0, 0, -HOUR, -3 * HOUR, 1, 0},
	    {"number gone, earlier date", 5, 0, -HOUR, -3 * HOUR, 1, 0},
	    {"number new, earlier date", 0, 5, -HOUR, -3 * HOUR, 1, 0},
	    {"future within the skew", 5, 6, -3 * HOUR, SKEW, 1, 1},
	    {"future beyond the skew", 5, 6, -3 * HOUR, SKEW + 1, 0, 0},
	    {"far future", 5, 6, -3 * HOUR, 3 * DAY, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck *rc = engine_new();
		time_t second = t0 + 4 * HOUR;
		struct issuer_crl was = {.by = &ca,
		    .number = rows[i].was_number,
		    .from = second + rows[i].was_at,
		    .next = second - HOUR / 2,
		    .serials = lists_b};
		struct issuer_crl is = {.by = &ca,
		    .number = rows[i].is_number,
		    .from = second + rows[i].is_at,
		    .next = second + 30 * DAY};
		struct revcheck_result r;

		issuer_write_crl("www/ca.crl", &was);
		atomic_store(&now, second - HOUR);
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		issuer_write_crl("www/ca.crl", &is);
		atomic_store(&now, second);
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r,
		    rows[i].used ? REVCHECK_GOOD : REVCHECK_UNKNOWN,
		    rows[i].used ? REVCHECK_WHY_NONE : REVCHECK_WHY_STALE);
		assert_int_equal(
		    r.this_update, rows[i].used ? is.from : was.from);
		/* Nobody has asked about b yet: no memory of it helps. */
		r = ask(rc, OF(&b, &ca), NULL, NULL);
		expect(rows[i].name, &r,
		    rows[i].replaced ? REVCHECK_GOOD : REVCHECK_REVOKED,
		    REVCHECK_WHY_NONE);
		assert_int_equal(
		    r.this_update, rows[i].replaced ? is.from : was.from);
		revcheck_free(rc);
	}
}

/* Flushed or pushed out of memory: the next one is measured by it all the same.
 */
static void
a_floor_outlives_its_list(void **state)
{
	static const struct {
		const char *name;
		long number;
		enum revcheck_status status;
		enum revcheck_why why;
	} rows[] = {
	    {"the same", 6, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {"higher", 7, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {"lower", 5, REVCHECK_UNKNOWN, REVCHECK_WHY_OLDER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck *rc = engine_new();
		struct issuer_crl list = {.by = &ca,
		    .number = 6,
		    .from = t0 - HOUR,
		    .next = t0 + 30 * DAY};
		struct revcheck_result r;

		atomic_store(&now, t0);
		issuer_write_crl("www/ca.crl", &list);
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
		list.number = rows[i].number;
		issuer_write_crl("www/ca.crl", &list);
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r, rows[i].status, rows[i].why);
		revcheck_free(rc);
	}
}

/*
 * A list names where its deltas are, and another takes its place while the
 * question goes on, between the asking for the one and for the other.
 */
static void
a_list_that_names_deltas_is_replaced(void **state)
{
	struct revcheck *rc = engine_new();
	struct issuer_crl base = {.by = &ca,
	    .number = 5,
	    .from = t0 - HOUR,
	    .next = t0 + HOUR,
	    .deltas = url("delta.crl")};
	struct issuer_crl delta = {.by = &ca,
	    .number = 6,
	    .base = 5,
	    .from = t0 - HOUR / 2,
	    .next = t0 + 30 * DAY};
	struct revcheck_result r;

	(void)state;
	issuer_write_crl("www/ca.crl", &base);
	issuer_write_crl("www/delta.crl", &delta);
	atomic_store(&now, t0);
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	expect("base and delta", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	assert_int_equal(hits(&http, "/delta.crl"), 1);
	/* Long after both: the base is replaced, and names another place. */
	base.number = 9;
	base.from = t0 + 39 * DAY;
	base.next = t0 + 49 * DAY;
	base.deltas = url("later.crl");
	issuer_write_crl("www/ca.crl", &base);
	assert_int_equal(unlink("www/delta.crl"), 0);
	atomic_store(&now, t0 + 40 * DAY);
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	expect("another base", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	assert_int_equal(r.this_update, base.from);
	revcheck_free(rc);
}

static void
serve_response(time_t from, time_t next, int status, const char *nonce)
{
	struct issuer_response how = {.by = &ca,
	    .issuer = ca.cert,
	    .cert = b_ocsp.cert,
	    .status = status,
	    .nonce = nonce,
	    .from = from,
	    .next = next};

	issuer_write_response("www/b.ocsp", &how);
}

static void
a_response_is_followed_by_another(void **state)
{
	static const struct {
		const char *name;
		long was_at, is_at;
		int used;
	} rows[] = {
	    {"later", -3 * HOUR, -HOUR, 1},
	    {"as late", -3 * HOUR, -3 * HOUR, 1},
	    {"earlier", -HOUR, -3 * HOUR, 1},
	    {"future within the skew", -3 * HOUR, SKEW, 1},
	    {"future beyond the skew", -3 * HOUR, SKEW + 1, 0},
	    {"far future", -3 * HOUR, 3 * DAY, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		time_t second = t0 + 4 * HOUR, was = second + rows[i].was_at,
		       is = second + rows[i].is_at;

		for (int revoked = 0; revoked < 2; revoked++) {
			struct revcheck *rc = engine_new();
			struct revcheck_result r;

			serve_response(was, second - HOUR / 2,
			    revoked ? V_OCSP_CERTSTATUS_REVOKED
				    : V_OCSP_CERTSTATUS_GOOD,
			    NULL);
			atomic_store(&now, second - HOUR);
			r = ask(rc, OF(&b_ocsp, &ca), NULL, NULL);
			expect(rows[i].name, &r,
			    revoked ? REVCHECK_REVOKED : REVCHECK_GOOD,
			    REVCHECK_WHY_NONE);
			serve_response(is, second + 30 * DAY,
			    V_OCSP_CERTSTATUS_GOOD, NULL);
			atomic_store(&now, second);
			r = ask(rc, OF(&b_ocsp, &ca), NULL, NULL);
			/* What was revoked once stays so. */
			expect(rows[i].name, &r,
			    revoked            ? REVCHECK_REVOKED
				: rows[i].used ? REVCHECK_GOOD
					       : REVCHECK_UNKNOWN,
			    revoked || rows[i].used ? REVCHECK_WHY_NONE
						    : REVCHECK_WHY_STALE);
			if (!revoked)
				assert_int_equal(
				    r.this_update, rows[i].used ? is : was);
			revcheck_free(rc);
		}
	}
}

static int
count_ocsp(void *arg, const struct revcheck_cache_item *item)
{
	*(unsigned *)arg += strstr(item->url, "/ocsp") != NULL;
	return 0;
}

/* A nonce makes the answer this question's own: another's is none. */
static void
a_nonce_is_the_questions_own(void **state)
{
	static const struct {
		enum revcheck_nonce policy;
		const char *nonce; /* of the response */
		enum revcheck_status status;
		enum revcheck_why why;
		unsigned posts;
	} rows[] = {
	    {REVCHECK_NONCE_OFF, NULL, REVCHECK_GOOD, REVCHECK_WHY_NONE, 0},
	    {REVCHECK_NONCE_OFF, "another's", REVCHECK_GOOD, REVCHECK_WHY_NONE,
		0},
	    {REVCHECK_NONCE_OPTIONAL, NULL, REVCHECK_GOOD, REVCHECK_WHY_NONE,
		1},
	    /* Asked again without one; what has another's stays refused. */
	    {REVCHECK_NONCE_OPTIONAL, "another's", REVCHECK_UNKNOWN,
		REVCHECK_WHY_NONCE, 2},
	    {REVCHECK_NONCE_REQUIRED, NULL, REVCHECK_UNKNOWN,
		REVCHECK_WHY_NONCE, 1},
	    {REVCHECK_NONCE_REQUIRED, "another's", REVCHECK_UNKNOWN,
		REVCHECK_WHY_NONCE, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_policy p = {.size = sizeof(p),
		    .mode = REVCHECK_MODE_HARD_FAIL,
		    .nonce = rows[i].policy,
		    .deadline_ms = WAIT_MS};
		struct revcheck *rc = engine_new();
		struct revcheck_result r;
		unsigned kept = 0;

		serve_response(
		    t0 - HOUR, t0 + DAY, V_OCSP_CERTSTATUS_GOOD, rows[i].nonce);
		assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
		control(&http, "/_reset", NULL);
		r = ask(rc, OF(&b_ocsp, &ca), NULL, NULL);
		expect("a nonce", &r, rows[i].status, rows[i].why);
		/* Nor is it kept for others, or by a cache on the way. */
		assert_true(revcheck_archive_list(rc, count_ocsp, &kept) >= 0);
		assert_int_equal(kept, rows[i].policy == REVCHECK_NONCE_OFF);
		assert_int_equal(hits(&http, "/ocsp"), rows[i].posts);
		revcheck_free(rc);
	}
}

/* ---- who speaks about whom */

/*
 * At the point of a certificate lies the list of another CA of its chain. It
 * is genuine, and says nothing about this certificate.
 */
static void
a_list_of_another_ca_of_the_chain_is_none(void **state)
{
	static const struct {
		const char *name;
		const struct issuer *by;
		int named; /* its issuingDistributionPoint is the point */
		enum revcheck_status status;
		enum revcheck_why why;
	} rows[] = {
	    {"its issuer's", &ca, 0, REVCHECK_GOOD, REVCHECK_WHY_NONE},
	    {"its issuer's, of the point", &ca, 1, REVCHECK_GOOD,
		REVCHECK_WHY_NONE},
	    {"the root's", &root, 0, REVCHECK_UNKNOWN,
		REVCHECK_WHY_OUT_OF_SCOPE},
	    {"the root's, of the point", &root, 1, REVCHECK_UNKNOWN,
		REVCHECK_WHY_OUT_OF_SCOPE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck *rc = engine_new();
		struct issuer_crl list = {.by = rows[i].by,
		    .number = 5,
		    .point = rows[i].named ? url("ca.crl") : NULL,
		    .from = t0 - HOUR,
		    .next = t0 + DAY};
		struct revcheck_result r;

		issuer_write_crl("www/ca.crl", &list);
		r = ask(rc, OF(&a, &ca), NULL, NULL);
		expect(rows[i].name, &r, rows[i].status, rows[i].why);
		revcheck_free(rc);
	}
}

/* A CA's own list at the point of its own certificate clears nobody. */
static void
a_ca_does_not_speak_about_itself(void **state)
{
	struct revcheck *rc = engine_new();
	struct issuer_crl list = {
	    .by = &ca, .number = 5, .from = t0 - HOUR, .next = t0 + DAY};
	struct revcheck_result r;

	(void)state;
	issuer_write_crl("www/root.crl", &list);
	r = ask(rc, OF(&ca, &root), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	list.by = &root;
	issuer_write_crl("www/root.crl", &list);
	revcheck_free(rc);
	rc = engine_new();
	r = ask(rc, OF(&ca, &root), NULL, NULL);
	expect("by the root", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	revcheck_free(rc);
}

/* ---- signers with a certificate of their own */

/* Written to www/ and, for questions that fetch nothing, to supplied/. */
static void
list_of(const char *name, const struct issuer *by, const long *serials)
{
	struct issuer_crl list = {.by = by,
	    .number = 5,
	    .from = t0 - 2 * DAY,
	    .next = t0 + 30 * DAY,
	    .serials = serials};
	char path[64];

	snprintf(path, sizeof(path), "www/%s", name);
	issuer_write_crl(path, &list);
	snprintf(path, sizeof(path), "supplied/%s", name);
	issuer_write_crl(path, &list);
}

static struct revcheck_evidence *
supplied(void)
{
	struct revcheck_evidence *e;
	struct revcheck_error err;

	if (revcheck_evidence_new(&e, NULL) != 0 ||
	    revcheck_evidence_add_file(
		e, REVCHECK_EVIDENCE_CRL, "supplied", &err) != 0)
		fail_msg("%s", err.msg);
	return e;
}

/* A response is proven when it comes, and its responder may end before it. */
static void
a_responder_out_of_date_vouches_for_nothing(void **state)
{
	struct revcheck *rc = engine_new();
	struct issuer responder;
	struct issuer_response how = {.by = &responder,
	    .issuer = ca.cert,
	    .cert = b_ocsp.cert,
	    .status = V_OCSP_CERTSTATUS_GOOD,
	    .from = t0 - HOUR,
	    .next = t0 + 30 * DAY};
	struct revcheck_result r;

	(void)state;
	issuer_init(&responder,
	    &(struct issuer_cert){.cn = "responder",
		.by = &ca,
		.serial = 77,
		.from = t0 - DAY,
		.to = t0 + DAY,
		.usage = SIGNS,
		.purposes = "OCSPSigning"});
	issuer_write_response("www/b.ocsp", &how);
	r = ask(rc, OF(&b_ocsp, &ca), NULL, NULL);
	expect("in date", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	atomic_store(&now, t0 + DAY + SKEW);
	r = ask(rc, OF(&b_ocsp, &ca), NULL, NULL);
	expect("the last second", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	atomic_store(&now, t0 + DAY + SKEW + 1);
	r = ask(rc, OF(&b_ocsp, &ca), NULL, NULL);
	expect("expired", &r, REVCHECK_UNKNOWN, REVCHECK_WHY_STALE);
	revcheck_free(rc);
	issuer_cleanup(&responder);
}

/*
 * A list is proven when it comes, and goes on to count for a month. Whether
 * its signer, and the CA above that, are in date is asked each time.
 */
static void
a_signer_out_of_date_vouches_for_nothing(void **state)
{
	static const struct {
		const char *name;
		long mid_to, signer_from, signer_to; /* from t0 */
		long asked_at;
		enum revcheck_status status;
	} rows[] = {
	    {"in date", 9 * DAY, -DAY, 9 * DAY, 3 * DAY, REVCHECK_GOOD},
	    {"the second before", 9 * DAY, -DAY, DAY, DAY - 1, REVCHECK_GOOD},
	    {"the last second", 9 * DAY, -DAY, DAY, DAY, REVCHECK_UNKNOWN},
	    {"expired", 9 * DAY, -DAY, DAY, 3 * DAY, REVCHECK_UNKNOWN},
	    {"its CA expired", DAY, -DAY, 9 * DAY, 3 * DAY, REVCHECK_UNKNOWN},
	    {"not valid yet", 9 * DAY, -HOUR, 9 * DAY, -DAY, REVCHECK_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
		size_t k = i / 2;
		struct revcheck_evidence *e = NULL;
		struct revcheck *rc = engine_new();
		struct issuer signer, m;
		struct revcheck_result r;

		issuer_init(&m,
		    &(struct issuer_cert){.cn = "mid",
			.by = &root,
			.serial = 4,
			.from = t0 - 30 * DAY,
			.to = t0 + rows[k].mid_to,
			.constraints = CA,
			.usage = ISSUES,
			.crl_url = url("root.crl")});
		issuer_init(&signer,
		    &(struct issuer_cert){.cn = "ca",
			.by = &m,
			.serial = 5,
			.from = t0 + rows[k].signer_from,
			.to = t0 + rows[k].signer_to,
			.usage = LISTS,
			.crl_url = url("mid.crl")});
		list_of("root.crl", &root, NULL);
		list_of("mid.crl", &m, NULL);
		list_of("ca.crl", &signer, NULL);
		/* Fetched, then handed in. */
		if (i % 2 == 1)
			e = supplied();
		r = ask(rc, OF(&a, &ca), OF(&m, &signer), e);
		expect(rows[k].name, &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		atomic_store(&now, t0 + rows[k].asked_at);
		r = ask(rc, OF(&a, &ca), OF(&m, &signer), e);
		expect(rows[k].name, &r, rows[k].status,
		    rows[k].status == REVCHECK_GOOD
			? REVCHECK_WHY_NONE
			: REVCHECK_WHY_SIGNER_UNKNOWN);
		revcheck_evidence_free(e);
		revcheck_free(rc);
		issuer_cleanup(&signer);
		issuer_cleanup(&m);
	}
}

/*
 * A CA's separate signer of lists is on its own list. Proven when the signer
 * itself was asked about, it is kept for all certificates of that CA: the
 * others ask about the signer before they believe it.
 */
static void
a_list_proven_in_another_chain_is_no_better(void **state)
{
	static const long signer_revoked[] = {6, 0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		const long *listed = i % 2 == 1 ? signer_revoked : NULL;
		struct revcheck_evidence *e = NULL;
		struct revcheck *rc = engine_new();
		struct revcheck_result r;
		struct issuer signer;

		issuer_init(&signer,
		    &(struct issuer_cert){.cn = "ca",
			.by = &ca,
			.serial = 6,
			.from = t0 - DAY,
			.to = t0 + 9 * DAY,
			.usage = LISTS,
			.crl_url = url("ca.crl")});
		list_of("root.crl", &root, NULL);
		list_of("mid.crl", &mid, NULL);
		list_of("ca.crl", &signer, listed);
		if (i >= 2)
			e = supplied();
		r = ask(rc, OF(&signer, &ca), NULL, e);
		expect("the signer", &r,
		    listed != NULL ? REVCHECK_REVOKED : REVCHECK_GOOD,
		    REVCHECK_WHY_NONE);
		r = ask(rc, OF(&a, &ca), OF(&signer), e);
		expect("another", &r,
		    listed != NULL ? REVCHECK_UNKNOWN : REVCHECK_GOOD,
		    listed != NULL ? REVCHECK_WHY_SIGNER_REVOKED
				   : REVCHECK_WHY_NONE);
		revcheck_evidence_free(e);
		revcheck_free(rc);
		issuer_cleanup(&signer);
	}
}

/* ---- the scene */

static void
leaf_init(struct issuer *out, const char *cn, long serial, const char *crl_url,
    const char *ocsp_url)
{
	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = &ca,
		.serial = serial,
		.from = t0 - 30 * DAY,
		.to = t0 + 300 * DAY,
		.usage = "critical,digitalSignature",
		.crl_url = crl_url,
		.ocsp_url = ocsp_url});
}

static int
setup(void **state)
{
	char cwd[512], script[600];

	(void)state;
	scene_start();
	dir_make("supplied");
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	cert_by(&mid, &root, NULL, "mid", 2, ISSUES, url("root.crl"));
	cert_by(&ca, &root, NULL, "ca", 3, ISSUES, url("root.crl"));
	leaf_init(&a, "a", 10, url("ca.crl"), NULL);
	leaf_init(&b, "b", 11, url("ca.crl"), NULL);
	leaf_init(&b_ocsp, "b", 11, NULL, url("ocsp"));
	list_of("root.crl", &root, NULL);
	/* A request by GET has a path of its own. */
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(script, sizeof(script), "/ocsp* file=%s/www/b.ocsp", cwd);
	control(&http, "/_script", script);
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	struct issuer *made[] = {&root, &mid, &ca, &a, &b, &b_ocsp, NULL};

	(void)state;
	return scene_stop_with(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_is_followed_by_another),
	    cmocka_unit_test(a_list_that_names_deltas_is_replaced),
	    cmocka_unit_test(a_floor_outlives_its_list),
	    cmocka_unit_test(a_response_is_followed_by_another),
	    cmocka_unit_test(a_nonce_is_the_questions_own),
	    cmocka_unit_test(a_list_of_another_ca_of_the_chain_is_none),
	    cmocka_unit_test(a_ca_does_not_speak_about_itself),
	    cmocka_unit_test(a_signer_out_of_date_vouches_for_nothing),
	    cmocka_unit_test(a_responder_out_of_date_vouches_for_nothing),
	    cmocka_unit_test(a_list_proven_in_another_chain_is_no_better),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
