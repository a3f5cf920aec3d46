/*
 * Of which form a list must be: each row is a list that OpenSSL changed and
 * the CA's true key signed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "tests/doorman/test_ca.h"

#define URL       "http://crl.example/certificate-revocation-list/doorman"
#define NOW       1800000000
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
no_number(X509_CRL *l)
{
	test_crl_drop(l, NID_crl_number);
}
static void
negative_number(X509_CRL *l)
{
	test_crl_put(l, NID_crl_number, 0, "\x02\x01\x80");
}
static void
huge_number(X509_CRL *l)
{
	test_crl_put(l, NID_crl_number, 0, "\x02\x09\x01zzzzzzzz");
}
static void
no_key_id(X509_CRL *l)
{
	test_crl_drop(l, NID_authority_key_identifier);
}
static void
no_point(X509_CRL *l)
{
	test_crl_drop(l, NID_issuing_distribution_point);
}
static void
unknown_critical(X509_CRL *l)
{
	X509_EXTENSION *e = test_extension(NID_netscape_comment, 1, "x");

	assert_int_equal(X509_CRL_add_ext(l, e, -1), 1);
	X509_EXTENSION_free(e);
}
static void
unknown(X509_CRL *l)
{
	X509_EXTENSION *e = test_extension(NID_netscape_comment, 0, "x");

	assert_int_equal(X509_CRL_add_ext(l, e, -1), 1);
	X509_EXTENSION_free(e);
}
static void
version_1(X509_CRL *l)
{
	assert_int_equal(X509_CRL_set_version(l, 0), 1);
}

/* The point as it is, and one flag more. */
static void
scoped(X509_CRL *l, void (*narrow)(ISSUING_DIST_POINT *))
{
	ISSUING_DIST_POINT *idp =
	    X509_CRL_get_ext_d2i(l, NID_issuing_distribution_point, NULL, NULL);

	assert_non_null(idp);
	narrow(idp);
	assert_int_equal(
	    X509_CRL_add1_ext_i2d(
		l, NID_issuing_distribution_point, idp, 1, X509V3_ADD_REPLACE),
	    1);
	ISSUING_DIST_POINT_free(idp);
}

static void
user_only(ISSUING_DIST_POINT *idp)
{
	idp->onlyuser = 0xff;
}
static void
ca_only(ISSUING_DIST_POINT *idp)
{
	idp->onlyCA = 0xff;
}
static void
indirect(ISSUING_DIST_POINT *idp)
{
	idp->indirectCRL = 0xff;
}
static void
some_reasons(ISSUING_DIST_POINT *idp)
{
	idp->onlysomereasons = ASN1_BIT_STRING_new();
	ASN1_BIT_STRING_set_bit(idp->onlysomereasons, 1, 1);
}
static void
pointless(ISSUING_DIST_POINT *idp)
{
	DIST_POINT_NAME_free(idp->distpoint);
	idp->distpoint = NULL;
	idp->onlyuser = 0xff;
}
static void
two_urls(ISSUING_DIST_POINT *idp)
{
	GENERAL_NAMES *n = idp->distpoint->name.fullname;

	sk_GENERAL_NAME_push(n, GENERAL_NAME_dup(sk_GENERAL_NAME_value(n, 0)));
}
static void
url_with_a_nul(ISSUING_DIST_POINT *idp)
{
	GENERAL_NAME *n =
	    sk_GENERAL_NAME_value(idp->distpoint->name.fullname, 0);

	n->d.ia5->data[4] = '\0';
}
static void
a_name_and_no_url(ISSUING_DIST_POINT *idp)
{
	sk_GENERAL_NAME_value(idp->distpoint->name.fullname, 0)->type = GEN_DNS;
}

#define SCOPED(what)                          \
	static void what##_point(X509_CRL *l) \
	{                                     \
		scoped(l, what);              \
	}
SCOPED(user_only)
SCOPED(ca_only)
SCOPED(indirect)
SCOPED(some_reasons)
SCOPED(pointless)
SCOPED(two_urls)
SCOPED(url_with_a_nul)
SCOPED(a_name_and_no_url)

static void
entry_with_an_issuer(X509_CRL *l)
{
	X509_EXTENSION *e = test_extension(NID_certificate_issuer, 1, "\x30");

	assert_int_equal(X509_REVOKED_add_ext(test_crl_entry(l, 1), e, -1), 1);
	X509_EXTENSION_free(e);
}
static void
entry_with_a_great_reason(X509_CRL *l)
{
	test_crl_set_reason(l, 1, 257);
}

static void
key_by_serial(X509_CRL *l)
{
	/* { [2] 1 }: of the issuer's certificate, and no key. */
	test_crl_put(
	    l, NID_authority_key_identifier, 0, "\x30\x03\x82\x01\x01");
}
static void
point_twice(X509_CRL *l)
{
	X509_EXTENSION *e = X509_EXTENSION_dup(X509_CRL_get_ext(
	    l, X509_CRL_get_ext_by_NID(l, NID_issuing_distribution_point, -1)));

	assert_int_equal(X509_CRL_add_ext(l, e, -1), 1);
	X509_EXTENSION_free(e);
}
static void
no_entries_indirect(X509_CRL *l)
{
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(l);

	while (sk_X509_REVOKED_num(all) > 0)
		X509_REVOKED_free(sk_X509_REVOKED_pop(all));
	indirect_point(l);
}

struct form {
	test_crl_edit_fn *edit;
	const char *says;
};
typedef int parse_fn(struct crl *crl, struct view der, struct fault *f);

static void
forms_are(parse_fn *parse, const struct form *rows, size_t num)
{
	struct crl_add add[] = {test_crl_add("1111", 1, NOW - 60),
	    test_crl_add("2222", 4, NOW - 60)};
	struct test_ca ours;
	struct crl_plan plan = {.number = 5,
	    .url = URL,
	    .this_update = NOW,
	    .next_update = NOW + 60,
	    .add = add,
	    .num_add = 2};
	struct test_crl list;

	test_ca_make(&ours, "Ours", NULL, NOW);
	plan.ca = ours.cert;
	for (size_t i = 0; i < num; i++) {
		struct fault f = {""};
		struct crl crl;
		int rc;

		test_crl_make(&list, &plan, ours.seal);
		test_crl_resign(&list.der, rows[i].edit, ours.key);
		rc = parse(&crl, buf_view(&list.der), &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		buf_free(&list.der);
	}
	test_ca_free(&ours);
}

static void
a_list_is_of_our_form(void **state)
{
	static const struct form rows[] = {
	    {test_crl_unchanged, NULL},
	    {unknown, NULL},
	    {unknown_critical, "an unknown critical extension"},
	    {version_1, "not of version 2"},
	    {no_number, "has no CRL number"},
	    {negative_number, "(2.5.29.20) is not of the form"},
	    {huge_number, "(2.5.29.20) is not of the form"},
	    {no_key_id, "no authority key identifier"},
	    {no_point, "no issuing distribution point"},
	    {user_only_point, "(2.5.29.28) is not of the form"},
	    {ca_only_point, "(2.5.29.28) is not of the form"},
	    {indirect_point, NULL},
	    {some_reasons_point, "(2.5.29.28) is not of the form"},
	    {pointless_point, "(2.5.29.28) is not of the form"},
	    {two_urls_point, "(2.5.29.28) is not of the form"},
	    {url_with_a_nul_point, "(2.5.29.28) is not of the form"},
	    {a_name_and_no_url_point, "(2.5.29.28) is not of the form"},
	    {key_by_serial, "no authority key identifier"},
	    {point_twice, "(2.5.29.28) is not of the form"},
	    {entry_with_an_issuer, "entry 1 of the CRL is malformed"},
	    {entry_with_a_great_reason, "entry 1 of the CRL is malformed"},
	};

	(void)state;
	forms_are(crl_parse, rows, NUM(rows));
}

/* Lists of other software, which are taken over. */
static void
a_foreign_list_is_a_whole_one(void **state)
{
	static const struct form rows[] = {
	    {test_crl_unchanged, NULL},
	    {unknown, NULL},
	    {unknown_critical, "an unknown critical extension"},
	    {version_1, "not of version 2"},
	    {no_number, "has no CRL number"},
	    {huge_number, "(2.5.29.20) is not of the form"},
	    {no_key_id, NULL},
	    {key_by_serial, NULL},
	    {no_point, NULL},
	    {point_twice, "(2.5.29.28) is not of the form"},
	    {user_only_point, NULL},
	    {ca_only_point, NULL},
	    {indirect_point, "is an indirect one"},
	    {no_entries_indirect, NULL},
	    {some_reasons_point, "not the whole list"},
	    {pointless_point, NULL},
	    {two_urls_point, NULL},
	    {url_with_a_nul_point, NULL},
	    {a_name_and_no_url_point, NULL},
	    {entry_with_an_issuer, "entry 1 of the CRL is malformed"},
	    {entry_with_a_great_reason, "entry 1 of the CRL is malformed"},
	};

	(void)state;
	forms_are(crl_parse_foreign, rows, NUM(rows));
}

/* RFC 5280 5.1.1.2: what is signed says how it is signed. */
static void
the_algorithm_is_named_twice_alike(void **state)
{
	static const uint8_t oid[] = {
	    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
	struct test_ca ours;
	struct crl_plan plan = {.number = 5,
	    .url = URL,
	    .this_update = NOW,
	    .next_update = NOW + 60};
	struct test_crl list;
	struct fault f = {""};
	struct crl crl;
	size_t at;

	(void)state;
	test_ca_make(&ours, "Ours", NULL, NOW);
	plan.ca = ours.cert;
	test_crl_make(&list, &plan, ours.seal);
	at = (size_t)(list.crl.algorithm.p - list.der.p) + 4;
	assert_memory_equal(list.der.p + at, oid, sizeof(oid));
	list.der.p[at + sizeof(oid) - 1] = 0x03;
	assert_int_equal(crl_parse(&crl, buf_view(&list.der), &f), -1);
	assert_non_null(strstr(f.msg, "two different signature algorithms"));
	buf_free(&list.der);
	test_ca_free(&ours);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_list_is_of_our_form),
	    cmocka_unit_test(a_foreign_list_is_a_whole_one),
	    cmocka_unit_test(the_algorithm_is_named_twice_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
