/* Lists: built, read by us and by OpenSSL, and judged as successors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/crl.h"
#include "fixtures/doorman/base/issue.h"

#define URL   "http://crl.example/certificate-revocation-list/doorman"
#define DELTA URL "/delta"
#define NOW   1800000000

struct ca {
	X509 *cert;
	struct signing_key *key;
};

static struct ca ours, other;

static void
ca_make(struct ca *ca, const char *path, const char *name)
{
	struct secret none = {.fd = 0};
	char spec[64];
	struct fault f = {""};
	EVP_PKEY *pub;
	struct issue_order o = {
	    .kind = ISSUE_ROOT, .subject = name, .now = NOW, .days = 100};

	snprintf(spec, sizeof(spec), "file:%s", path);
	if (signing_key_create(&pub, KEY_P256, spec, &none, false, &f) != 0 ||
	    signing_key_open(&ca->key, spec, pub, &none, &f) != 0)
		fail_msg("%s", f.msg);
	o.public_key = pub;
	ca->cert = issue_certificate(&o, ca->key, &f);
	if (ca->cert == NULL)
		fail_msg("%s", f.msg);
	EVP_PKEY_free(pub);
}

static int
setup(void **state)
{
	(void)state;
	ca_make(&ours, "ours.pem", "CN=Ours");
	ca_make(&other, "other.pem", "CN=Other");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	X509_free(ours.cert);
	X509_free(other.cert);
	signing_key_free(ours.key);
	signing_key_free(other.key);
	return 0;
}

static struct crl_add
add_of(const char *serial, int reason)
{
	struct crl_add a;

	assert_int_equal(serial_from_hex(&a, serial), 0);
	a.reason = reason;
	a.revoked_at = NOW - 60;
	return a;
}

static struct crl_plan
plan_of(uint64_t number, const struct crl_add *add, size_t num_add)
{
	return (struct crl_plan){.ca = ours.cert,
	    .number = number,
	    .url = URL,
	    .this_update = NOW - 10 + (time_t)number,
	    .next_update = NOW + 3600,
	    .add = add,
	    .num_add = num_add};
}

static void
build(struct buf *out, struct crl *crl, const struct crl_plan *plan)
{
	struct fault f = {""};

	*crl = (struct crl){0};
	buf_init(out, CRL_MAX_BYTES);
	if (crl_build(out, plan, ours.key, &f) != 0 ||
	    crl_parse(crl, buf_view(out), &f) != 0)
		fail_msg("%s", f.msg);
}

static void
serials_go_there_and_back(void **state)
{
	static const char *const hex[] = {"1", "7F", "80", "FF", "100",
	    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"};
	struct crl_add a;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		assert_int_equal(serial_from_hex(&a, hex[i]), 0);
		assert_true(a.serial[0] < 0x80);
		serial_to_hex(text, view_of(a.serial, a.serial_len));
		assert_string_equal(text, hex[i]);
	}
	assert_int_equal(serial_from_hex(&a, ""), -1);
	assert_int_equal(serial_from_hex(&a, "xy"), -1);
	assert_int_equal(
	    serial_from_hex(&a, "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
	    -1);
}

static void
openssl_reads_what_is_written(void **state)
{
	struct crl_add add[] = {add_of("80", 1), add_of("1234", 0)};
	struct crl_plan plan = plan_of(300, add, 2);
	struct buf der;
	struct crl crl;
	const uint8_t *p;
	X509_CRL *x;
	X509_REVOKED *r;
	ISSUING_DIST_POINT *idp;
	ASN1_INTEGER *number;
	ASN1_ENUMERATED *reason;
	int critical;

	(void)state;
	plan.freshest_url = DELTA;
	build(&der, &crl, &plan);
	p = der.p;
	x = d2i_X509_CRL(NULL, &p, (long)der.len);
	assert_non_null(x);
	assert_ptr_equal(p, der.p + der.len);
	assert_int_equal(X509_CRL_verify(x, X509_get0_pubkey(ours.cert)), 1);
	assert_int_equal(X509_CRL_get_version(x), X509_CRL_VERSION_2);
	number = X509_CRL_get_ext_d2i(x, NID_crl_number, &critical, NULL);
	assert_int_equal(ASN1_INTEGER_get(number), 300);
	ASN1_INTEGER_free(number);
	idp = X509_CRL_get_ext_d2i(
	    x, NID_issuing_distribution_point, &critical, NULL);
	assert_non_null(idp);
	assert_int_equal(critical, 1);
	ISSUING_DIST_POINT_free(idp);
	assert_true(X509_CRL_get_ext_by_NID(x, NID_freshest_crl, -1) >= 0);
	assert_true(
	    X509_CRL_get_ext_by_NID(x, NID_authority_key_identifier, -1) >= 0);
	assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(x)), 2);
	r = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(x), 0);
	reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
	assert_int_equal(ASN1_ENUMERATED_get(reason), 1);
	ASN1_ENUMERATED_free(reason);
	X509_CRL_free(x);
	assert_string_equal(crl.idp_url, URL);
	assert_string_equal(crl.freshest_url, DELTA);
	assert_int_equal(crl.num_entries, 2);
	buf_free(&der);
}

static void
empty_is_absent(void **state)
{
	struct crl_plan plan = plan_of(1, NULL, 0);
	struct buf der;
	struct crl crl;

	(void)state;
	build(&der, &crl, &plan);
	assert_null(crl.entries.p);
	assert_int_equal(crl.num_entries, 0);
	buf_free(&der);
}

/* One table row: what is wrong with the successor, and what is said of it. */
struct wrong {
	const char *says;
	void (*spoil)(struct crl_plan *plan, struct crl_add *add);
	bool other_key;
};

static void
same_number(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->number = 5;
}
static void
lower_number(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->number = 4;
}
static void
earlier(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->this_update = NOW - 1000;
}
static void
future(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->this_update = NOW + CRL_SKEW_SEC + 100;
}
static void
expired(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->next_update = NOW;
}
static void
other_url(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->url = "http://elsewhere/";
}
static void
old_missing(struct crl_plan *p, struct crl_add *a)
{
	p->old_entries = view_of(NULL, 0);
	a[1] = add_of("9999", 1);
	p->add = a;
	p->num_add = 2;
}
static void
fewer(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->num_add = 0;
}
static void
more(struct crl_plan *p, struct crl_add *a)
{
	a[1] = add_of("9999", 1);
	p->num_add = 2;
}
static void
twice(struct crl_plan *p, struct crl_add *a)
{
	a[1] = a[0];
	p->num_add = 2;
}
static void
other_serial(struct crl_plan *p, struct crl_add *a)
{
	(void)p;
	a[0] = add_of("9999", 1);
}
static void
other_reason(struct crl_plan *p, struct crl_add *a)
{
	(void)p;
	a[0].reason = 4;
}
static void
other_date(struct crl_plan *p, struct crl_add *a)
{
	(void)p;
	a[0].revoked_at++;
}
static void
wrong_freshest(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->freshest_url = "http://elsewhere/delta";
}
static void
delta_instead(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->is_delta = true;
	p->base_number = 5;
}
static void
other_ca(struct crl_plan *p, struct crl_add *a)
{
	(void)a;
	p->ca = other.cert;
}
static void
nothing(struct crl_plan *p, struct crl_add *a)
{
	(void)p;
	(void)a;
}

static void
successors_are_judged(void **state)
{
	static const struct wrong rows[] = {
	    {NULL, nothing, false},
	    {"number 5 is not newer than 5", same_number, false},
	    {"number 4 is not newer than 5", lower_number, false},
	    {"thisUpdate is earlier", earlier, false},
	    {"thisUpdate lies in the future", future, false},
	    {"nextUpdate has passed", expired, false},
	    {"and not for", other_url, false},
	    {"serial 1111 of the current CRL is missing", old_missing, false},
	    {"1 old and 1 approved make 2", fewer, false},
	    {"1 old and 1 approved make 2", more, false},
	    {"1 old and 1 approved make 2", twice, false},
	    {"approved serial 2222 is not in the CRL", other_serial, false},
	    {"another reason or date", other_reason, false},
	    {"another reason or date", other_date, false},
	    {"freshestCRL names", wrong_freshest, false},
	    {"a delta stands where", delta_instead, false},
	    {"another issuer", other_ca, false},
	    {"signature does not verify", nothing, true},
	};
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add first = add_of("1111", 1), add[2], want;
	struct crl_plan plan = plan_of(5, &first, 1);
	struct buf old_der, der;
	struct crl old, next;

	(void)state;
	build(&old_der, &old, &plan);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fault f = {""};
		int rc;

		want = add[0] = add_of("2222", 1);
		plan = plan_of(6, add, 1);
		plan.old_entries = old.entries;
		rows[i].spoil(&plan, add);
		buf_init(&der, CRL_MAX_BYTES);
		assert_int_equal(
		    crl_build(&der, &plan,
			rows[i].other_key ? other.key : ours.key, &f),
		    0);
		assert_int_equal(crl_parse(&next, buf_view(&der), &f), 0);
		rc = crl_succeeds(&law, &old, &next, &want, 1, &f);
		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("row %zu: %d '%s'", i, rc, f.msg);
		buf_free(&der);
	}
	buf_free(&old_der);
}

static void
deltas_are_judged(void **state)
{
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add a = add_of("1111", 1), b = add_of("2222", 4),
		       c = add_of("3333", 5);
	struct crl_plan plan = plan_of(5, &a, 1);
	struct buf d5, d6, d6d, d7, d7d, bad;
	struct crl c5, c6, c6d, c7, c7d, cbad;
	struct fault f;

	(void)state;
	build(&d5, &c5, &plan);
	plan = plan_of(6, &b, 1);
	plan.old_entries = c5.entries;
	plan.freshest_url = DELTA;
	build(&d6, &c6, &plan);
	plan.is_delta = true;
	plan.base_number = 5;
	plan.old_entries = view_of(NULL, 0);
	build(&d6d, &c6d, &plan);
	assert_true(c6d.is_delta);
	assert_string_equal(c6d.freshest_url, "");
	assert_int_equal(
	    crl_delta_fits(&law, &c5, NULL, &c6, &c6d, &b, 1, &f), 0);
	/* The next one goes on from the same base. */
	plan = plan_of(7, &c, 1);
	plan.old_entries = c6.entries;
	build(&d7, &c7, &plan);
	plan.is_delta = true;
	plan.base_number = 5;
	plan.old_entries = c6d.entries;
	build(&d7d, &c7d, &plan);
	assert_int_equal(c7d.num_entries, 2);
	assert_int_equal(
	    crl_delta_fits(&law, &c6, &c6d, &c7, &c7d, &c, 1, &f), 0);
	/* With that base it must keep what the last delta had. */
	plan.old_entries = view_of(NULL, 0);
	build(&bad, &cbad, &plan);
	assert_int_equal(
	    crl_delta_fits(&law, &c6, &c6d, &c7, &cbad, &c, 1, &f), -1);
	assert_non_null(strstr(f.msg, "2222 of the current delta"));
	buf_free(&bad);
	/* A new base is the list in force, and no other. */
	plan.base_number = 6;
	build(&bad, &cbad, &plan);
	assert_int_equal(
	    crl_delta_fits(&law, &c6, &c6d, &c7, &cbad, &c, 1, &f), 0);
	buf_free(&bad);
	plan.base_number = 4;
	build(&bad, &cbad, &plan);
	assert_int_equal(
	    crl_delta_fits(&law, &c6, &c6d, &c7, &cbad, &c, 1, &f), -1);
	assert_non_null(strstr(f.msg, "base 4"));
	buf_free(&bad);
	buf_free(&d5);
	buf_free(&d6);
	buf_free(&d6d);
	buf_free(&d7);
	buf_free(&d7d);
}

static void
cut_and_flipped_lists_are_refused(void **state)
{
	struct crl_add a = add_of("1111", 1);
	struct crl_plan plan = plan_of(5, &a, 1);
	struct buf der;
	struct crl crl, again;
	struct fault f;

	(void)state;
	build(&der, &crl, &plan);
	for (size_t n = 0; n < der.len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, der.p, n);
		assert_int_equal(crl_parse(&again, view_of(copy, n), &f), -1);
		free(copy);
	}
	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 0x01;
		if (crl_parse(&again, buf_view(&der), &f) == 0)
			assert_int_equal(crl_verify(&again, ours.cert, &f), -1);
		der.p[i] ^= 0x01;
	}
	assert_int_equal(crl_verify(&crl, ours.cert, &f), 0);
	buf_free(&der);
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Scaled down under sanitizers; the figures are printed, never judged. */
static void
a_million_entries(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	size_t num = 100000;
#else
	size_t num = 1000000;
#endif
	struct crl_law law = {
	    .ca = ours.cert, .url = URL, .delta_url = DELTA, .now = NOW};
	struct crl_add *add = calloc(num, sizeof(*add)), one;
	struct crl_plan plan;
	struct buf old_der, der;
	struct crl old, next;
	struct fault f = {""};
	double t0, t1, t2;

	(void)state;
	for (size_t i = 0; i < num; i++) {
		char hex[40];

		snprintf(hex, sizeof(hex), "4A%06zX%024zX", i * 16777 % 999983,
		    i + 1);
		add[i] = add_of(hex, 1);
	}
	plan = plan_of(1, add, num);
	build(&old_der, &old, &plan);
	one = add_of("77", 4);
	plan = plan_of(2, &one, 1);
	plan.old_entries = old.entries;
	t0 = seconds();
	buf_init(&der, CRL_MAX_BYTES);
	assert_int_equal(crl_build(&der, &plan, ours.key, &f), 0);
	t1 = seconds();
	assert_int_equal(crl_parse(&next, buf_view(&der), &f), 0);
	if (crl_succeeds(&law, &old, &next, &one, 1, &f) != 0)
		fail_msg("%s", f.msg);
	t2 = seconds();
	assert_int_equal(next.num_entries, num + 1);
	fprintf(stderr, "%zu entries: signed in %.2f s, judged in %.2f s\n",
	    num, t1 - t0, t2 - t1);
	free(add);
	buf_free(&old_der);
	buf_free(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(serials_go_there_and_back),
	    cmocka_unit_test(openssl_reads_what_is_written),
	    cmocka_unit_test(empty_is_absent),
	    cmocka_unit_test(successors_are_judged),
	    cmocka_unit_test(deltas_are_judged),
	    cmocka_unit_test(cut_and_flipped_lists_are_refused),
	    cmocka_unit_test(a_million_entries),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
