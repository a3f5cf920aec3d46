/*
 * Evidence that was found for one question and lies at hand for the next: it
 * counts there only where the next would have found it, too. And the memory of
 * an answer, when the evidence is gone.
 *
 *	root, other -> ca (one key, a certificate by each) -> a, b
 */
#include "tests/net/library/asking.h"

static struct issuer root, other, ca, ca_by_other, a, b;

static void
list_at(const char *name, const struct issuer *by, long number,
    const long *serials, int reason)
{
	char path[64];

	snprintf(path, sizeof(path), "www/%s", name);
	issuer_write_crl(path,
	    &(struct issuer_crl){.by = by,
		.number = number,
		.from = t0 - DAY + number,
		.next = t0 + 30 * DAY,
		.serials = serials,
		.reason = reason});
}

static void
lists_write(const struct issuer *by)
{
	list_at("root.crl", &root, 5, NULL, 0);
	list_at("other.crl", &other, 5, NULL, 0);
	list_at("ca.crl", by, 5, NULL, 0);
}

/*
 * A separate signer below one root speaks for the chain that ends there. For
 * the chain of the same certificate to another root it is nobody.
 */
static void
under_another_anchor(void **state)
{
	struct revcheck *rc = engine_new();
	struct revcheck_result r;
	struct issuer signer;

	(void)state;
	cert_by(&signer, &root, NULL, "ca", 20, LISTS, url("root.crl"));
	lists_write(&signer);
	r = ask(rc, OF(&a, &ca), OF(&signer), NULL);
	expect("below root", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	r = ask(rc, OF(&a, &ca_by_other), OF(&signer), NULL);
	expect(
	    "below other", &r, REVCHECK_UNKNOWN, REVCHECK_WHY_SIGNER_UNKNOWN);
	assert_non_null(strstr(r.text, "no path to the same anchor"));
	r = ask(rc, OF(&a, &ca), OF(&signer), NULL);
	expect("below root again", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	issuer_cleanup(&signer);
	revcheck_free(rc);
}

static void
under_another_trust(void **state)
{
	struct revcheck *rc = engine_new();
	struct revcheck_trust *more = NULL;
	X509 *anchors[] = {root.cert, a.cert};
	struct revcheck_result r;

	(void)state;
	lists_write(&ca);
	control(&http, "/_reset", NULL);
	assert_int_equal(revcheck_trust_new(&more, anchors, 2, NULL), 0);
	for (int i = 0; i < 2; i++) {
		r = ask(rc, OF(&b, &ca), NULL, NULL);
		expect("one trust", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		r = ask_query(rc, OF(&b, &ca), NULL,
		    (struct revcheck_query){.trust = more});
		expect("another", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	}
	/* One anchor more: the list is held once for both. */
	assert_int_equal(hits(&http, "/ca.crl"), 1);
	revcheck_trust_free(more);
	revcheck_free(rc);
}

/* Two CAs of one name, whose certificates point to one place. */
static void
of_a_namesake(void **state)
{
	struct revcheck *rc = engine_new();
	struct revcheck_evidence *e = NULL;
	struct issuer twin, leaf;
	struct revcheck_result r;

	(void)state;
	cert_by(&twin, &root, NULL, "ca", 21, ISSUES, url("root.crl"));
	cert_by(&leaf, &twin, NULL, "leaf", 22, LISTS, url("ca.crl"));
	lists_write(&ca);
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	expect("its own", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	r = ask(rc, OF(&leaf, &twin), NULL, NULL);
	expect("a namesake's", &r, REVCHECK_UNKNOWN, REVCHECK_WHY_FORGED);
	revcheck_free(rc);
	rc = engine_new();
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	expect("its own", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	lists_write(&twin);
	r = ask(rc, OF(&leaf, &twin), NULL, NULL);
	expect("its own by now", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	revcheck_free(rc);
	/* Handed in for both. */
	rc = engine_new();
	lists_write(&ca);
	assert_int_equal(revcheck_evidence_new(&e, NULL), 0);
	assert_int_equal(revcheck_evidence_add_file(
			     e, REVCHECK_EVIDENCE_CRL, "www/ca.crl", NULL),
	    0);
	r = ask(rc, OF(&a, &ca), NULL, e);
	expect("its own, handed in", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	r = ask(rc, OF(&leaf, &twin), NULL, e);
	expect("a namesake's, handed in", &r, REVCHECK_UNKNOWN,
	    REVCHECK_WHY_FORGED);
	revcheck_evidence_free(e);
	issuer_cleanup(&twin);
	issuer_cleanup(&leaf);
	revcheck_free(rc);
}

/* What a policy that was relaxed for one question let pass. */
static void
under_a_stricter_policy(void **state)
{
	struct revcheck_policy relaxed = {.size = sizeof(relaxed),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .relax = REVCHECK_RELAX_NO_CRLSIGN,
	    .deadline_ms = WAIT_MS};
	struct revcheck *rc = engine_new();
	struct issuer weak, leaf;
	struct revcheck_result r;

	(void)state;
	cert_by(&weak, &root, NULL, "weak", 23, "critical,keyCertSign",
	    url("root.crl"));
	cert_by(&leaf, &weak, NULL, "leaf", 24, LISTS, url("ca.crl"));
	lists_write(&weak);
	r = ask_query(rc, OF(&leaf, &weak), NULL,
	    (struct revcheck_query){.policy = &relaxed});
	expect("relaxed", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	r = ask(rc, OF(&leaf, &weak), NULL, NULL);
	expect("strict", &r, REVCHECK_UNKNOWN, REVCHECK_WHY_FORGED);
	issuer_cleanup(&weak);
	issuer_cleanup(&leaf);
	revcheck_free(rc);
}

/* Handed in and proven for one time, asked about at another. */
static void
at_another_time(void **state)
{
	static const struct {
		const char *name;
		long from, to, first_at, then_at;
	} rows[] = {
	    {"expired since", -20 * DAY, -10 * DAY, -15 * DAY, 0},
	    {"not yet then", -10 * DAY, 10 * DAY, 0, -15 * DAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck *rc = engine_new();
		struct revcheck_evidence *e = NULL;
		struct revcheck_query q = {
		    .flags = REVCHECK_QUERY_OFFLINE | REVCHECK_QUERY_LEAF_ONLY};
		struct issuer signer;
		struct revcheck_result r;

		issuer_init(&signer,
		    &(struct issuer_cert){.cn = "ca",
			.by = &ca,
			.serial = 25,
			.from = t0 + rows[i].from,
			.to = t0 + rows[i].to,
			.usage = LISTS});
		assert_int_equal(revcheck_evidence_new(&e, NULL), 0);
		issuer_write_crl("www/ca.crl",
		    &(struct issuer_crl){.by = &signer,
			.number = 5,
			.from = t0 - 25 * DAY,
			.next = t0 + DAY});
		assert_int_equal(revcheck_evidence_add_file(e,
				     REVCHECK_EVIDENCE_CRL, "www/ca.crl", NULL),
		    0);
		q.evidence = e;
		q.at = rows[i].first_at != 0 ? t0 + rows[i].first_at : 0;
		r = ask_query(rc, OF(&a, &ca), OF(&signer), q);
		/* Nothing tells about its signer: proven is all it is. */
		expect(rows[i].name, &r, REVCHECK_UNKNOWN,
		    REVCHECK_WHY_SIGNER_UNKNOWN);
		assert_null(strstr(r.text, "no path to the same anchor"));
		q.at = rows[i].then_at != 0 ? t0 + rows[i].then_at : 0;
		r = ask_query(rc, OF(&a, &ca), OF(&signer), q);
		expect(rows[i].name, &r, REVCHECK_UNKNOWN,
		    REVCHECK_WHY_SIGNER_UNKNOWN);
		assert_non_null(strstr(r.text, "no path to the same anchor"));
		revcheck_evidence_free(e);
		issuer_cleanup(&signer);
		revcheck_free(rc);
	}
}

/* An intermediate that one question brought does not serve the next. */
static void
a_path_through_what_came_along(void **state)
{
	struct revcheck *rc = engine_new();
	X509 *leaf[] = {a.cert}, *above[] = {ca.cert};
	struct revcheck_query q = {.size = sizeof(q), .trust = trust};
	struct revcheck_certs *chain, *untrusted;
	struct revcheck_report *rep;

	(void)state;
	lists_write(&ca);
	assert_int_equal(revcheck_certs_from_x509(&chain, leaf, 1, NULL), 0);
	assert_int_equal(
	    revcheck_certs_from_x509(&untrusted, above, 1, NULL), 0);
	q.chain = chain;
	for (int i = 0; i < 4; i++) {
		q.untrusted = i % 2 == 0 ? untrusted : NULL;
		assert_int_equal(revcheck_check(rc, &rep, &q, NULL), 0);
		assert_int_equal(revcheck_report_status(rep),
		    i % 2 == 0 ? REVCHECK_GOOD : REVCHECK_PATH_INVALID);
		revcheck_report_free(rep);
	}
	revcheck_certs_free(chain);
	revcheck_certs_free(untrusted);
	revcheck_free(rc);
}

/* Whether the path of these, each time it is asked for, is valid. */
static void
expect_path(struct revcheck *rc, const struct revcheck_certs *chain,
    int purpose, int valid)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .chain = chain,
	    .trust = trust,
	    .purpose = purpose};
	struct revcheck_report *rep;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(revcheck_check(rc, &rep, &q, NULL), 0);
		assert_int_equal(revcheck_report_status(rep),
		    valid ? REVCHECK_GOOD : REVCHECK_PATH_INVALID);
		assert_int_equal(revcheck_report_allows(rep), valid);
		revcheck_report_free(rep);
	}
}

static void
a_path_has_a_purpose(void **state)
{
	static const struct {
		const char *purposes;
		int valid[3]; /* for none, a TLS client, a TLS server */
	} rows[] = {
	    {NULL, {1, 1, 1}},
	    {"clientAuth", {1, 1, 0}},
	    {"serverAuth", {1, 0, 1}},
	    {"clientAuth,serverAuth", {1, 1, 1}},
	    {"OCSPSigning", {1, 0, 0}},
	};

	(void)state;
	lists_write(&ca);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck *rc = engine_new();
		struct revcheck_certs *chain;
		struct issuer leaf;
		X509 *x[2];

		issuer_init(&leaf,
		    &(struct issuer_cert){.cn = "leaf",
			.by = &ca,
			.serial = 40,
			.from = t0 - DAY,
			.to = t0 + DAY,
			.purposes = rows[i].purposes,
			.crl_url = url("ca.crl")});
		x[0] = leaf.cert;
		x[1] = ca.cert;
		assert_int_equal(
		    revcheck_certs_from_x509(&chain, x, 2, NULL), 0);
		for (int k = 0; k < 3; k++)
			expect_path(rc, chain, k, rows[i].valid[k]);
		revcheck_certs_free(chain);
		issuer_cleanup(&leaf);
		revcheck_free(rc);
	}
}

/* Found valid once, and asked for again when one of it has run out. */
static void
a_path_ends_with_the_first_of_it(void **state)
{
	static const struct {
		long leaf_to, ca_to; /* from t0 */
		long valid_until;
	} rows[] = {
	    {DAY, 9 * DAY, DAY},
	    {9 * DAY, DAY, DAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck *rc = engine_new();
		struct issuer above, leaf;
		struct revcheck_certs *chain;
		X509 *x[2];

		issuer_init(&above,
		    &(struct issuer_cert){.cn = "above",
			.by = &root,
			.serial = 41,
			.from = t0 - DAY,
			.to = t0 + rows[i].ca_to,
			.constraints = CA,
			.usage = ISSUES,
			.crl_url = url("root.crl")});
		issuer_init(&leaf,
		    &(struct issuer_cert){.cn = "leaf",
			.by = &above,
			.serial = 42,
			.from = t0 - DAY,
			.to = t0 + rows[i].leaf_to,
			.crl_url = url("ca.crl")});
		lists_write(&above);
		x[0] = leaf.cert;
		x[1] = above.cert;
		assert_int_equal(
		    revcheck_certs_from_x509(&chain, x, 2, NULL), 0);
		expect_path(rc, chain, 0, 1);
		atomic_store(&now, t0 + rows[i].valid_until - 1);
		expect_path(rc, chain, 0, 1);
		atomic_store(&now, t0 + rows[i].valid_until + 1);
		expect_path(rc, chain, 0, 0);
		atomic_store(&now, t0);
		expect_path(rc, chain, 0, 1);
		revcheck_certs_free(chain);
		issuer_cleanup(&above);
		issuer_cleanup(&leaf);
		revcheck_free(rc);
	}
}

/* ---- the memory of answers */

/* Nothing is at hand and nothing is to be had. */
static void
evidence_goes(struct revcheck *rc)
{
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	assert_int_equal(unlink("www/ca.crl"), 0);
}

static struct revcheck *
engine_remembering(const long *listed, int reason)
{
	struct revcheck *rc = engine_new();
	struct revcheck_result r;

	lists_write(&ca);
	list_at("ca.crl", &ca, 5, listed, reason);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("listed", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	return rc;
}

static void
a_revocation_is_remembered_for_the_present(void **state)
{
	static const long lists_b[] = {31, 0};
	struct revcheck *rc = engine_remembering(lists_b, 1);
	struct revcheck_result r;

	(void)state;
	evidence_goes(rc);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("gone", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	assert_int_equal(r.method, REVCHECK_METHOD_MEMORY);
	assert_int_equal(r.reason, REVCHECK_REASON_KEY_COMPROMISE);
	assert_int_equal(r.stale, 1);
	/* Of the others nothing is known. */
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	/* What was in force in the past is another question. */
	r = ask_query(rc, OF(&b, &ca), NULL,
	    (struct revcheck_query){.at = t0 - 20 * DAY});
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	revcheck_free(rc);
}

static void
a_good_answer_about_the_past_forgets_nothing(void **state)
{
	static const long lists_b[] = {31, 0};
	struct revcheck *rc = engine_remembering(lists_b, 1);
	struct revcheck_result r;

	(void)state;
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	list_at("ca.crl", &ca, 6, NULL, 0);
	r = ask_query(
	    rc, OF(&b, &ca), NULL, (struct revcheck_query){.at = t0 - HOUR});
	expect("an hour ago", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	evidence_goes(rc);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("now", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	revcheck_free(rc);
}

static void
a_hold_that_was_released_is_forgotten(void **state)
{
	static const long lists_b[] = {31, 0};
	struct revcheck *rc = engine_remembering(lists_b, 6);
	struct revcheck_result r;

	(void)state;
	assert_int_equal(revcheck_archive_flush(rc, NULL, NULL), 0);
	list_at("ca.crl", &ca, 6, NULL, 0);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	expect("released", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	evidence_goes(rc);
	r = ask(rc, OF(&b, &ca), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	revcheck_free(rc);
}

/* SOFT_FAIL is soft for so long after the CA was heard of, or the start. */
static void
soft_failure_has_its_window(void **state)
{
	static const struct {
		const char *name;
		long heard_at; /* from t0; 0: never */
		long asked_at;
		int soft;
	} rows[] = {
	    {"the last second from the start", 0, HOUR, 1},
	    {"a second more", 0, HOUR + 1, 0},
	    {"the last second from an answer", 1000, HOUR + 1000, 1},
	    {"a second more than that", 1000, HOUR + 1001, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_policy p = {.size = sizeof(p),
		    .mode = REVCHECK_MODE_SOFT_FAIL,
		    .soft_window_sec = HOUR,
		    .deadline_ms = WAIT_MS};
		struct revcheck *rc = engine_new();
		struct revcheck_result r;

		lists_write(&ca);
		assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
		if (rows[i].heard_at != 0) {
			atomic_store(&now, t0 + rows[i].heard_at);
			r = ask(rc, OF(&a, &ca), NULL, NULL);
			expect(
			    rows[i].name, &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		}
		evidence_goes(rc);
		atomic_store(&now, t0 + rows[i].asked_at);
		r = ask(rc, OF(&b, &ca), NULL, NULL);
		assert_int_equal(r.status, REVCHECK_UNKNOWN);
		if (r.soft_accepted != rows[i].soft)
			fail_msg("%s", rows[i].name);
		revcheck_free(rc);
	}
}

static int
setup(void **state)
{
	X509 *anchors[2];

	(void)state;
	scene_start();
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	cert_by(&other, NULL, NULL, "other", 1, ISSUES, NULL);
	cert_by(&ca, &root, NULL, "ca", 3, ISSUES, url("root.crl"));
	cert_by(
	    &ca_by_other, &other, ca.key, "ca", 4, ISSUES, url("other.crl"));
	cert_by(&a, &ca, NULL, "a", 30, LISTS, url("ca.crl"));
	cert_by(&b, &ca, NULL, "b", 31, LISTS, url("ca.crl"));
	anchors[0] = root.cert;
	anchors[1] = other.cert;
	return revcheck_trust_new(&trust, anchors, 2, NULL);
}

static int
teardown(void **state)
{
	struct issuer *made[] = {
	    &root, &other, &ca, &ca_by_other, &a, &b, NULL};

	(void)state;
	return scene_stop_with(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(under_another_anchor),
	    cmocka_unit_test(under_another_trust),
	    cmocka_unit_test(of_a_namesake),
	    cmocka_unit_test(under_a_stricter_policy),
	    cmocka_unit_test(at_another_time),
	    cmocka_unit_test(a_path_through_what_came_along),
	    cmocka_unit_test(a_path_has_a_purpose),
	    cmocka_unit_test(a_path_ends_with_the_first_of_it),
	    cmocka_unit_test(a_revocation_is_remembered_for_the_present),
	    cmocka_unit_test(a_good_answer_about_the_past_forgets_nothing),
	    cmocka_unit_test(a_hold_that_was_released_is_forgotten),
	    cmocka_unit_test(soft_failure_has_its_window),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
