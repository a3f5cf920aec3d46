/*
 * What one list may say after another: each row is a list that OpenSSL
 * changed and the CA's true key signed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/test_ca.h"

#define URL       "http://crl.example/certificate-revocation-list/doorman"
#define DELTA     URL "/delta"
#define NOW       1800000000
#define DAY       86400
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca ours, other;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&ours, "Ours", NULL, NOW);
	test_ca_make(&other, "Other", NULL, NOW);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&ours);
	test_ca_free(&other);
	return 0;
}

static struct crl_plan
plan_of(uint64_t number, const struct test_crl *old, const struct crl_add *add,
    size_t num_add)
{
	return (struct crl_plan){.ca = ours.cert,
	    .number = number,
	    .url = URL,
	    .this_update = NOW - 10,
	    .next_update = NOW + DAY,
	    .old_entries = old != NULL ? old->crl.entries : view_of(NULL, 0),
	    .add = add,
	    .num_add = num_add};
}

/* What OpenSSL changes. */

static X509_EXTENSION *
extension(X509_CRL *list, int nid)
{
	X509_EXTENSION *e =
	    X509_CRL_get_ext(list, X509_CRL_get_ext_by_NID(list, nid, -1));

	assert_non_null(e);
	return e;
}

static void
reordered(X509_CRL *l)
{
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(l);

	sk_X509_REVOKED_push(all, sk_X509_REVOKED_shift(all));
}

static void
date_changed(X509_CRL *l)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - 59);

	X509_REVOKED_set_revocationDate(test_crl_entry(l, 0), t);
	ASN1_TIME_free(t);
}

static void
last_date_changed(X509_CRL *l)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - 61);

	X509_REVOKED_set_revocationDate(test_crl_entry(l, 1), t);
	ASN1_TIME_free(t);
}

static void
reason_dropped(X509_CRL *l)
{
	X509_EXTENSION_free(X509_REVOKED_delete_ext(test_crl_entry(l, 0), 0));
}

static void
reason_changed(X509_CRL *l)
{
	test_crl_set_reason(l, 0, 4);
}

static void
hold_instead(X509_CRL *l)
{
	test_crl_set_reason(l, 0, 6);
}

static void
removed_instead(X509_CRL *l)
{
	test_crl_set_reason(l, 0, 8);
}

static void
added_reason_changed(X509_CRL *l)
{
	test_crl_set_reason(l, 2, 4);
}

static void
entry_extended(X509_CRL *l)
{
	ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_set(NULL, NOW);

	assert_int_equal(X509_REVOKED_add1_ext_i2d(test_crl_entry(l, 0),
			     NID_invalidity_date, t, 0, 0),
	    1);
	ASN1_GENERALIZEDTIME_free(t);
}

static void
serial_of_another(X509_CRL *l, int i, const char *hex)
{
	BIGNUM *bn = NULL;
	ASN1_INTEGER *serial;

	BN_hex2bn(&bn, hex);
	serial = BN_to_ASN1_INTEGER(bn, NULL);
	assert_int_equal(
	    X509_REVOKED_set_serialNumber(test_crl_entry(l, i), serial), 1);
	ASN1_INTEGER_free(serial);
	BN_free(bn);
}

static void
old_replaced(X509_CRL *l)
{
	serial_of_another(l, 0, "9999");
}

static void
old_doubled(X509_CRL *l)
{
	serial_of_another(l, 1, "1111");
}

static void
added_replaced(X509_CRL *l)
{
	serial_of_another(l, 2, "9999");
}

static void
entry_dropped(X509_CRL *l)
{
	X509_REVOKED_free(sk_X509_REVOKED_shift(X509_CRL_get_REVOKED(l)));
}

static void
idp_not_critical(X509_CRL *l)
{
	X509_EXTENSION_set_critical(
	    extension(l, NID_issuing_distribution_point), 0);
}

static void
of_another_issuer(X509_CRL *l)
{
	X509_CRL_set_issuer_name(l, X509_get_subject_name(other.cert));
}

static void
of_another_key(X509_CRL *l)
{
	test_crl_put(l, NID_authority_key_identifier, 0, "\x30\x03\x80\x01x");
}

/* Succession. */

/* Number 6 after number 5: 1111 and 3333 stand there, 2222 is approved. */
struct after {
	test_crl_edit_fn *edit;
	const char *says; /* NULL: it may follow */
	bool other_key;
};

static void
a_list_keeps_what_there_was(void **state)
{
	static const struct after rows[] = {
	    {test_crl_unchanged, NULL, false},
	    {reordered, NULL, false},
	    {date_changed, "serial 1111 differs from that of the current CRL",
		false},
	    {last_date_changed,
		"serial 3333 differs from that of the current CRL", false},
	    {reason_changed, "serial 1111 differs", false},
	    {hold_instead, "serial 1111 differs", false},
	    {removed_instead, "serial 1111 differs", false},
	    {reason_dropped, "serial 1111 differs", false},
	    {entry_extended, "serial 1111 differs", false},
	    {old_replaced, "serial 1111 of the current CRL is missing", false},
	    {old_doubled, "serial 3333 of the current CRL is missing", false},
	    {entry_dropped, "2 old and 1 approved make 3", false},
	    {added_replaced, "approved serial 2222 is not in the CRL", false},
	    {added_reason_changed, "another reason or date", false},
	    {idp_not_critical, "distribution point is not critical", false},
	    {of_another_issuer, "another issuer than the CA", false},
	    {of_another_key, "identifier is not the CA's key", false},
	    {test_crl_unchanged, "signature does not verify", true},
	};
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add had[] = {test_crl_add("1111", 1, NOW - 60),
	    test_crl_add("3333", 5, NOW - 60)};
	struct crl_add add = test_crl_add("2222", 1, NOW - 60);
	struct crl_plan plan = plan_of(5, NULL, had, 2);
	struct test_crl old, next;

	(void)state;
	test_crl_make(&old, &plan, ours.seal);
	plan = plan_of(6, &old, &add, 1);
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		int rc;

		test_crl_make(&next, &plan, ours.seal);
		test_crl_edit_by(&next, rows[i].edit,
		    rows[i].other_key ? other.key : ours.key);
		rc = crl_succeeds(&law, &old.crl, &next.crl, &add, 1, &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		buf_free(&next.der);
	}
	buf_free(&old.der);
}

/* To the second, and to the number. */
static void
numbers_and_dates_go_on(void **state)
{
	static const struct {
		uint64_t number;
		long from, until; /* from now */
		const char *freshest, *says;
	} rows[] = {
	    {6, -10, DAY, NULL, NULL},
	    {6, -10, DAY, DELTA, NULL},
	    {6, -10, DAY, URL, "freshestCRL names"},
	    {6, -10, DAY, DELTA "s", "freshestCRL names"},
	    {5, -10, DAY, NULL, "CRL number 5 is not newer than 5"},
	    {4, -10, DAY, NULL, "CRL number 4 is not newer than 5"},
	    {0, -10, DAY, NULL, "CRL number 0 is not newer than 5"},
	    {7, -10, DAY, NULL, NULL},
	    {6, -11, DAY, NULL, "thisUpdate is earlier than that of"},
	    {6, CRL_SKEW_SEC, DAY, NULL, NULL},
	    {6, CRL_SKEW_SEC + 1, DAY, NULL, "thisUpdate lies in the future"},
	    {6, -10, CRL_LIFE_SEC, NULL, "lies after the end of the CA"},
	    {6, -10, CRL_LIFE_SEC + 1, NULL, "more than ten years away"},
	    {6, -10, 1, NULL, NULL},
	    {6, -10, 0, NULL, "nextUpdate has passed"},
	    {6, -10, -5, NULL, "nextUpdate has passed"},
	};
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_plan plan = plan_of(5, NULL, NULL, 0);
	struct test_crl old, next;

	(void)state;
	test_crl_make(&old, &plan, ours.seal);
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		int rc;

		plan = plan_of(rows[i].number, &old, NULL, 0);
		plan.this_update = NOW + rows[i].from;
		plan.next_update = NOW + rows[i].until;
		plan.freshest_url = rows[i].freshest;
		test_crl_make(&next, &plan, ours.seal);
		rc = crl_succeeds(&law, &old.crl, &next.crl, NULL, 0, &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		buf_free(&next.der);
	}
	buf_free(&old.der);
}

/*
 * The list in force was dated by a wrong clock. The next one may be earlier
 * only if that one lies in the future still, and only if somebody says so.
 */
static void
a_clock_that_was_wrong_is_overridden(void **state)
{
	static const struct {
		uint64_t number;
		long old, from; /* from now */
		bool wrong, delta;
		const char *says;
	} rows[] = {
	    {6, DAY, 0, true, false, NULL},
	    {6, DAY, 0, true, true, NULL},
	    {6, 1, 0, true, false, NULL},
	    {6, DAY, -CRL_PAST_SEC, true, false, NULL},
	    {6, DAY, -CRL_PAST_SEC - 1, true, false, "more than a day ago"},
	    {6, DAY, CRL_SKEW_SEC, true, false, NULL},
	    {6, DAY, CRL_SKEW_SEC + 1, true, false, "lies in the future"},
	    {6, DAY, 0, false, false, "sign with --clock-was-wrong"},
	    {6, 1, 0, false, false, "sign with --clock-was-wrong"},
	    /* What is past orders lists, whoever says what. */
	    {6, 0, -1, true, false, "thisUpdate is earlier than that of"},
	    {6, -5, -10, true, false, "thisUpdate is earlier than that of"},
	    {6, -10, -5, true, false, NULL},
	    /* A number is a number. */
	    {5, DAY, 0, true, false, "CRL number 5 is not newer than 5"},
	    {4, DAY, 0, true, false, "CRL number 4 is not newer than 5"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct crl_law law = {.ca = ours.cert,
		    .url = URL,
		    .delta_url = DELTA,
		    .now = NOW,
		    .clock_was_wrong = rows[i].wrong};
		struct crl_plan plan = plan_of(5, NULL, NULL, 0);
		struct test_crl old, next, delta;
		struct fault f = {""};
		int rc;

		plan.this_update = NOW + rows[i].old;
		plan.next_update = NOW + 2 * DAY;
		test_crl_make(&old, &plan, ours.seal);
		plan = plan_of(rows[i].number, &old, NULL, 0);
		plan.this_update = NOW + rows[i].from;
		test_crl_make(&next, &plan, ours.seal);
		rc = crl_succeeds(&law, &old.crl, &next.crl, NULL, 0, &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		assert_int_equal(crl_goes_back(&old.crl, &next.crl),
		    rows[i].from < rows[i].old);
		if (rows[i].delta) {
			plan.is_delta = true;
			plan.base_number = 5;
			test_crl_make(&delta, &plan, ours.seal);
			assert_int_equal(
			    crl_delta_fits(&law, &old.crl, NULL, &next.crl,
				&delta.crl, NULL, 0, &f),
			    0);
			buf_free(&delta.der);
		}
		buf_free(&next.der);
		buf_free(&old.der);
	}
}

/* The first one's dates make sense, too. */
static void
the_first_list_is_of_today(void **state)
{
	struct crl_law law = {.ca = ours.cert,
	    .url = URL,
	    .delta_url = DELTA,
	    .now = NOW,
	    .clock_was_wrong = true};
	struct crl_plan plan = plan_of(1, NULL, NULL, 0);
	struct test_crl first;
	struct fault f;

	(void)state;
	plan.this_update = NOW - CRL_PAST_SEC - 1;
	test_crl_make(&first, &plan, ours.seal);
	assert_int_equal(crl_succeeds(&law, NULL, &first.crl, NULL, 0, &f), -1);
	assert_false(crl_goes_back(NULL, &first.crl));
	buf_free(&first.der);
}

/* Before the first there is nothing: what is approved, and no more. */
static void
the_first_list_says_what_is_approved(void **state)
{
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add add[] = {test_crl_add("1111", 1, NOW - 60),
	    test_crl_add("2222", 4, NOW - 60)};
	struct crl_plan plan = plan_of(1, NULL, add, 2);
	struct test_crl first;
	struct fault f;

	(void)state;
	test_crl_make(&first, &plan, ours.seal);
	assert_int_equal(crl_succeeds(&law, NULL, &first.crl, add, 2, &f), 0);
	assert_int_equal(crl_succeeds(&law, NULL, &first.crl, add, 1, &f), -1);
	assert_non_null(strstr(f.msg, "0 old and 1 approved make 1"));
	assert_int_equal(crl_succeeds(&law, NULL, &first.crl, NULL, 0, &f), -1);
	law.ca = other.cert;
	assert_int_equal(crl_succeeds(&law, NULL, &first.crl, add, 2, &f), -1);
	buf_free(&first.der);
}

/* Deltas. */

/*
 * 5 {1111}, 6 {1111, 2222}, 7 {1111, 2222, 3333}; the delta of 6 has base 5
 * and says 2222. What may the delta of 7 be?
 */
struct part {
	uint64_t number, base;
	const char *had; /* what it says beside 3333, or NULL */
	test_crl_edit_fn *edit;
	const char *says;
};

static void
delta_unlike_its_list(X509_CRL *l)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - 9);

	X509_CRL_set1_lastUpdate(l, t);
	ASN1_TIME_free(t);
}

static void
delta_expired(X509_CRL *l)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW);

	X509_CRL_set1_nextUpdate(l, t);
	ASN1_TIME_free(t);
}

static void
delta_of_another_url(X509_CRL *l)
{
	test_crl_put(l, NID_issuing_distribution_point, 1,
	    "\x30\x0d\xa0\x0b\xa0\x09\x86\x07http://");
}

static void
no_delta(X509_CRL *l)
{
	test_crl_drop(l, NID_delta_crl);
}

static const struct part parts[] = {
    {7, 5, "2222", test_crl_unchanged, NULL},
    {7, 6, NULL, test_crl_unchanged, NULL},
    /* More than it must say is no lie. */
    {7, 6, "2222", test_crl_unchanged, NULL},
    {7, 5, "2222", reordered, NULL},
    {7, 5, NULL, test_crl_unchanged,
	"serial 2222 of the current delta is missing"},
    {7, 4, "2222", test_crl_unchanged, "base 4 is neither"},
    {7, 7, "2222", test_crl_unchanged, "base 7 is neither"},
    {7, 0, "2222", test_crl_unchanged, "base 0 is neither"},
    {6, 5, "2222", test_crl_unchanged, "differ in number or thisUpdate"},
    {8, 5, "2222", test_crl_unchanged, "differ in number or thisUpdate"},
    {7, 5, "2222", delta_unlike_its_list, "differ in number or thisUpdate"},
    {7, 5, "9999", test_crl_unchanged, "serial 9999 of the delta is missing"},
    {7, 5, "2222", date_changed, "serial 2222 differs from that of the delta"},
    {7, 5, "2222", reason_changed, "serial 2222 differs"},
    {7, 5, "2222", removed_instead, "serial 2222 differs"},
    {7, 5, "2222", reason_dropped, "serial 2222 differs"},
    {7, 5, "2222", last_date_changed, "serial 3333 differs"},
    {7, 6, NULL, entry_dropped, "approved serial 3333 is not in the CRL"},
    {7, 5, "2222", idp_not_critical, "is not critical"},
    {7, 5, "2222", delta_of_another_url, "is for 'http://'"},
    {7, 5, "2222", delta_expired, "nextUpdate has passed"},
    {7, 5, "2222", of_another_key, "identifier is not the CA's key"},
    {7, 5, "2222", no_delta, "a full CRL stands where a delta belongs"},
};

/* Another key; a base that nobody has; and the first list of all. */
static void
a_delta_has_a_base(const struct test_crl *c6, const struct test_crl *d6,
    const struct test_crl *c7)
{
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add c = test_crl_add("3333", 5, NOW - 60),
		       beside[] = {test_crl_add("2222", 1, NOW - 60), c};
	struct crl_plan plan = plan_of(7, NULL, beside, 2);
	struct test_crl d7;
	struct fault f = {""};

	plan.is_delta = true;
	plan.base_number = 5;
	test_crl_make(&d7, &plan, other.seal);
	assert_int_equal(crl_delta_fits(&law, &c6->crl, &d6->crl, &c7->crl,
			     &d7.crl, &c, 1, &f),
	    -1);
	assert_non_null(strstr(f.msg, "signature does not verify"));
	buf_free(&d7.der);
	test_crl_make(&d7, &plan, ours.seal);
	assert_int_equal(
	    crl_delta_fits(&law, &c6->crl, NULL, &c7->crl, &d7.crl, &c, 1, &f),
	    -1);
	assert_non_null(strstr(f.msg, "base 5 is neither"));
	assert_int_equal(
	    crl_delta_fits(&law, NULL, NULL, &c7->crl, &d7.crl, &c, 1, &f), -1);
	assert_non_null(strstr(f.msg, "the first CRL cannot have a delta"));
	assert_int_equal(crl_succeeds(&law, &c6->crl, &d7.crl, &c, 1, &f), -1);
	assert_non_null(strstr(f.msg, "a delta stands where"));
	buf_free(&d7.der);
}

static void
a_delta_says_what_its_list_says(void **state)
{
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add a = test_crl_add("1111", 1, NOW - 60),
		       b = test_crl_add("2222", 1, NOW - 60),
		       c = test_crl_add("3333", 5, NOW - 60), beside[2];
	struct crl_plan plan = plan_of(5, NULL, &a, 1);
	struct test_crl c5, c6, d6, c7, d7;
	struct fault f = {""};

	(void)state;
	test_crl_make(&c5, &plan, ours.seal);
	plan = plan_of(6, &c5, &b, 1);
	test_crl_make(&c6, &plan, ours.seal);
	plan.is_delta = true;
	plan.base_number = 5;
	plan.old_entries = view_of(NULL, 0);
	test_crl_make(&d6, &plan, ours.seal);
	plan = plan_of(7, &c6, &c, 1);
	test_crl_make(&c7, &plan, ours.seal);
	for (size_t i = 0; i < NUM(parts); i++) {
		const struct part *p = &parts[i];
		size_t n = 0;
		int rc;

		if (p->had != NULL)
			beside[n++] = test_crl_add(p->had, 1, NOW - 60);
		beside[n++] = c;
		plan = plan_of(p->number, NULL, beside, n);
		plan.is_delta = true;
		plan.base_number = p->base;
		test_crl_make(&d7, &plan, ours.seal);
		test_crl_edit_by(&d7, p->edit, ours.key);
		rc = crl_delta_fits(
		    &law, &c6.crl, &d6.crl, &c7.crl, &d7.crl, &c, 1, &f);
		if ((rc == 0) != (p->says == NULL) ||
		    (rc != 0 && strstr(f.msg, p->says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		buf_free(&d7.der);
	}
	a_delta_has_a_base(&c6, &d6, &c7);
	buf_free(&c5.der);
	buf_free(&c6.der);
	buf_free(&d6.der);
	buf_free(&c7.der);
}

/* The list `empty` may be configured to be an indirect one: then it is. */
static void
indirect_is_what_is_to_be(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool is = (i & 1) != 0, wanted = (i & 2) != 0;
		struct crl_law law = {.ca = ours.cert,
		    .url = URL,
		    .delta_url = DELTA,
		    .now = NOW,
		    .indirect = wanted};
		struct crl_plan plan = plan_of(5, NULL, NULL, 0);
		struct test_crl list;
		struct fault f = {""};

		plan.indirect = is;
		test_crl_make(&list, &plan, ours.seal);
		assert_int_equal(
		    list.crl.idp_scope, is ? (unsigned)CRL_INDIRECT : 0u);
		assert_int_equal(
		    crl_succeeds(&law, NULL, &list.crl, NULL, 0, &f),
		    is == wanted ? 0 : -1);
		if (is != wanted)
			assert_non_null(
			    strstr(f.msg, is ? "is not to be" : "is to be"));
		buf_free(&list.der);
	}
}

/* The CA of these tests has 100 days: to the second. */
static void
no_list_outlives_its_ca(void **state)
{
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};

	(void)state;
	for (int late = 0; late < 2; late++) {
		struct crl_plan plan = plan_of(5, NULL, NULL, 0);
		struct test_crl list;
		struct fault f = {""};

		plan.next_update = cert_not_after(ours.cert) + late;
		test_crl_make(&list, &plan, ours.seal);
		assert_int_equal(
		    crl_succeeds(&law, NULL, &list.crl, NULL, 0, &f), -late);
		if (late != 0)
			assert_non_null(
			    strstr(f.msg, "after the end of the CA"));
		buf_free(&list.der);
	}
}

/* RFC 5280 5.2.4. `from`: the list before, of another form than ours. */
static void
a_delta_has_the_scope_of_its_base(void **state)
{
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add add = test_crl_add("2222", 1, NOW - 60);
	struct crl_plan plan = plan_of(5, NULL, NULL, 0);
	struct test_crl from, next, delta;
	struct fault f = {""};

	(void)state;
	test_crl_make(&from, &plan, ours.seal);
	plan = plan_of(6, &from, &add, 1);
	test_crl_make(&next, &plan, ours.seal);
	plan.is_delta = true;
	plan.base_number = 5;
	test_crl_make(&delta, &plan, ours.seal);
	assert_int_equal(crl_delta_fits(&law, &from.crl, NULL, &next.crl,
			     &delta.crl, &add, 1, &f),
	    0);
	for (int i = 0; i < 3; i++) {
		struct crl old = from.crl;

		if (i == 0)
			old.idp_critical = false;
		else if (i == 1)
			old.idp_scope = CRL_USER_ONLY;
		else
			old.idp_url[0] = '\0';
		assert_int_equal(crl_delta_fits(&law, &old, NULL, &next.crl,
				     &delta.crl, &add, 1, &f),
		    -1);
		assert_non_null(strstr(f.msg, "has no delta"));
		/* The list itself may follow. */
		assert_int_equal(
		    crl_succeeds(&law, &old, &next.crl, &add, 1, &f), 0);
	}
	buf_free(&from.der);
	buf_free(&next.der);
	buf_free(&delta.der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_keeps_what_there_was),
	    cmocka_unit_test(numbers_and_dates_go_on),
	    cmocka_unit_test(a_clock_that_was_wrong_is_overridden),
	    cmocka_unit_test(the_first_list_is_of_today),
	    cmocka_unit_test(the_first_list_says_what_is_approved),
	    cmocka_unit_test(indirect_is_what_is_to_be),
	    cmocka_unit_test(no_list_outlives_its_ca),
	    cmocka_unit_test(a_delta_has_the_scope_of_its_base),
	    cmocka_unit_test(a_delta_says_what_its_list_says),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
