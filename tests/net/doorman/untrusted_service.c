/*
 * The signer before a service that was broken into: lists that are not the
 * CA's or not the one in force, approvals that are none, requests that their
 * key did not sign. Nothing is signed, and nobody is asked to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/doorman_net.h"
#include "tests/doorman/fake_service.h"
#include "tests/doorman/test_ca.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ID                                 \
	"00112233445566778899AABBCCDDEEFF" \
	"00112233445566778899AABBCCDDEEFF"

static struct doorman_net net;
static struct fake_service fake;
static struct test_ca root, ca, stranger;

static int
setup(void **state)
{
	char *conf, *copy, *line, *rest;

	(void)state;
	doorman_net_init(
	    &net, "dm", NULL, (const char *const[]){"--delta", NULL});
	test_ca_read(&root, "root");
	test_ca_read(&ca, "doorman");
	test_ca_make(&stranger, "Stranger", NULL, time(NULL));
	conf = file_need(net.sign_conf, NULL);
	line = strstr(conf, "service = ");
	assert_non_null(line);
	rest = strchr(line, '\n');
	*line = '\0';
	copy = xasprintf("%sservice = unix:dm/fake.sock%s", conf, rest);
	free(net.sign_conf);
	net.sign_conf = xstrdup("dm/fake.conf");
	file_write(net.sign_conf, copy, strlen(copy));
	fake_service_open(&fake, "dm/fake.sock");
	free(copy);
	free(conf);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_service_close(&fake);
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&stranger);
	doorman_net_free(&net);
	return 0;
}

/* doorman-sign with the fake behind it. */
#define sign(input, out, ...) \
	sign_args(input, out, (const char *const[]){__VA_ARGS__, NULL})
static int
sign_args(const char *input, char **out, const char *const *arguments)
{
	int rc;

	fake_service_serve(&fake);
	rc = doorman_net_sign_args(&net, input, out, arguments);
	fake_service_join(&fake);
	return rc;
}

static void
nothing_was_signed(const char *row, int rc, const char *out, const char *says)
{
	if (rc != 1 || strstr(out, says) == NULL)
		fail_msg("%s: %d and not '%s': %s", row, rc, says, out);
	/* Not even asked for: a person would have typed it. */
	if (strstr(out, "to sign: ") != NULL || strstr(out, "To sign") != NULL)
		fail_msg("%s: somebody was asked: %s", row, out);
	assert_int_equal(fake.asked[WIRE_SUBMIT_CRL].len, 0);
	assert_int_equal(fake.asked[WIRE_SUBMIT_CERT].len, 0);
}

/* That item alone is at fault, and the service is told so. */
static void
one_failed(const char *says)
{
	char id[WIRE_ID], why[WIRE_WHY_MAX];
	unsigned version, type;
	struct wire_in in;

	assert_int_equal(wire_open(buf_view(&fake.asked[WIRE_REPORT_FAILED]),
			     &version, &type, &in),
	    0);
	wire_get_text(&in, id, sizeof(id));
	wire_get_text(&in, why, sizeof(why));
	assert_true(wire_done(&in));
	assert_string_equal(id, ID);
	if (strstr(why, says) == NULL)
		fail_msg("FAILED for '%s' and not '%s'", why, says);
}

static void
failures_are_taken(void)
{
	fake_service_begin(&fake, WIRE_REPORT_FAILED);
	fake_service_end(&fake, WIRE_REPORT_FAILED);
}

/* Lists. */

struct list {
	const char *list;
	uint64_t number;
	bool delta;
	uint64_t base;
	const char *serial[3]; /* what it revokes */
	const char *sealed_by; /* "stranger": the CA's name, another's key */
};

static void
list_sign(struct test_crl *out, const struct list *l)
{
	bool of_root = strcmp(l->list, "doorman") != 0;
	const struct test_ca *by = of_root ? &root : &ca;
	char *url =
	    xasprintf("%s/certificate-revocation-list/%s", net.url, l->list);
	struct crl_add add[3];
	struct crl_plan plan = {.ca = by->cert,
	    .number = l->number,
	    .is_delta = l->delta,
	    .base_number = l->base,
	    .url = url,
	    .this_update = time(NULL) - 60,
	    .next_update = time(NULL) + 3600,
	    .add = add};

	for (; plan.num_add < 3 && l->serial[plan.num_add] != NULL;
	     plan.num_add++)
		add[plan.num_add] =
		    test_crl_add(l->serial[plan.num_add], 1, 1000000000);
	test_crl_make(
	    out, &plan, l->sealed_by != NULL ? stranger.seal : by->seal);
	free(url);
}

/* GET_CRL is answered with these; no number: with none. */
static void
hand_out(const struct list *full, const struct list *delta)
{
	struct buf *b = fake_service_begin(&fake, WIRE_GET_CRL);
	const struct list *l[] = {full, delta};

	wire_u8(b, full->number > 0);
	for (int i = 0; i < 2; i++) {
		struct test_crl made;

		if (l[i]->number == 0) {
			wire_bytes(b, view_of(NULL, 0));
			continue;
		}
		list_sign(&made, l[i]);
		wire_bytes(b, buf_view(&made.der));
		buf_free(&made.der);
	}
	fake_service_end(&fake, WIRE_GET_CRL);
}

/* GET_APPROVED is answered with this row, num times; num 0: nothing. */
static void
approve(const struct wire_approved *a, unsigned num)
{
	struct buf *b = fake_service_begin(&fake, WIRE_GET_APPROVED);

	wire_u32(b, num);
	wire_u8(b, 0);
	for (unsigned i = 0; i < num; i++) {
		struct wire_approved one = *a;

		one.seq += i;
		wire_put_approved(b, &one);
	}
	fake_service_end(&fake, WIRE_GET_APPROVED);
}

static struct wire_approved
approval_of(const char *serial, unsigned reason)
{
	struct wire_approved a = {.seq = 1,
	    .id = ID,
	    .reason = reason,
	    .worst = reason,
	    .approved_at = 1700000000,
	    .subject = "O=Alice",
	    .reporter = "ann",
	    .approved_by = "carol"};

	snprintf(a.serial, sizeof(a.serial), "%s", serial);
	return a;
}

#define FULL(...)                                                         \
	{                                                                 \
		.list = "doorman", .number = 5, .serial = { __VA_ARGS__ } \
	}
#define DELTA(...)                                                        \
	{                                                                 \
		.list = "doorman", .number = 5, .delta = true, .base = 3, \
		.serial = {                                               \
			__VA_ARGS__                                       \
		}                                                         \
	}

/* The one in force is 5: it revokes 1111 and 2222, the latter since 3. */
static void
the_list_in_force_is_verified(void **state)
{
	static const struct {
		const char *what, *asked;
		struct list full, delta;
		const char *says;
	} rows[] = {
	    {"shortened, by another key", "doorman",
		{.list = "doorman",
		    .number = 5,
		    .serial = {"1111"},
		    .sealed_by = "stranger"},
		{0}, "the CRL's signature does not verify"},
	    {"emptied, by another key", "root",
		{.list = "root", .number = 5, .sealed_by = "stranger"}, {0},
		"the CRL's signature does not verify"},
	    {"the other CA's", "doorman", {.list = "root", .number = 5}, {0},
		"another issuer than the CA"},
	    {"another list of that CA", "root", {.list = "empty", .number = 5},
		{0}, "/certificate-revocation-list/empty'"},
	    {"another list of that CA", "empty", {.list = "root", .number = 5},
		{0}, "/certificate-revocation-list/root'"},
	    {"its own delta", "doorman", DELTA("2222"), {0},
		"the doorman's current CRL is a delta"},
	    {"a delta by another key", "doorman", FULL("1111", "2222"),
		{.list = "doorman",
		    .number = 5,
		    .delta = true,
		    .base = 3,
		    .sealed_by = "stranger"},
		"the CRL's signature does not verify"},
	    {"the other CA's delta", "doorman", FULL("1111", "2222"),
		{.list = "root", .number = 5, .delta = true, .base = 3},
		"another issuer than the CA"},
	    {"an older delta", "doorman", FULL("1111", "2222"),
		{.list = "doorman", .number = 4, .delta = true, .base = 3},
		"current delta is not that of its CRL"},
	    {"a list for a delta", "doorman", FULL("1111", "2222"),
		FULL("1111", "2222"), "current delta is not that of its CRL"},
	    {"another list's delta", "root",
		{.list = "root", .number = 5, .serial = {"1111"}},
		{.list = "empty", .number = 5, .delta = true, .base = 3},
		"current delta is not that of its CRL"},
	};
	struct wire_approved a = approval_of("3333", 1);

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		char *out;
		int rc;

		for (int unattended = 0; unattended < 2; unattended++) {
			fake_service_reset(&fake);
			hand_out(&rows[i].full, &rows[i].delta);
			approve(&a, 1);
			rc = unattended ? sign("", &out, "--unattended", "crl",
					      rows[i].asked)
					: sign("", &out, "crl", rows[i].asked);
			nothing_was_signed(rows[i].what, rc, out, rows[i].says);
			free(out);
		}
	}
}

/* Bits of a list that was right, and a list that was cut. */
static void
a_list_is_whole(void **state)
{
	static const struct list good = FULL("1111", "2222");
	struct test_crl list;
	char *out;
	int rc;

	(void)state;
	list_sign(&list, &good);
	for (int i = 0; i < 3; i++) {
		struct buf *b;
		size_t cut = i == 2 ? 1 : 0;

		fake_service_reset(&fake);
		/* In the signature; in an entry. */
		if (i < 2)
			list.der.p[i == 0
				? list.der.len - 1
				: (size_t)(list.crl.entries.p - list.der.p) +
				    5] ^= 1;
		b = fake_service_begin(&fake, WIRE_GET_CRL);
		wire_u8(b, 1);
		wire_bytes(b, view_of(list.der.p, list.der.len - cut));
		wire_bytes(b, view_of(NULL, 0));
		fake_service_end(&fake, WIRE_GET_CRL);
		approve(&(struct wire_approved){0}, 0);
		rc = sign("", &out, "crl");
		nothing_was_signed("spoilt", rc, out, "doorman-sign: the CRL");
		free(out);
		if (i == 0)
			list.der.p[list.der.len - 1] ^= 1;
	}
	buf_free(&list.der);
}

/* Without a list there is one thing that only a person may say. */
static void
the_first_list_is_a_person_s(void **state)
{
	char *out;
	int rc;

	(void)state;
	fake_service_reset(&fake);
	hand_out(&(struct list){0}, &(struct list){0});
	rc = sign("", &out, "--unattended", "crl");
	nothing_was_signed(
	    "none", rc, out, "the first list is signed by a person");
	free(out);
}

static void
approvals_are_checked(void **state)
{
	static const struct {
		const char *serial;
		unsigned reason;
		const char *says;
	} rows[] = {
	    {"1111", 1, "serial 1111 is in the current CRL already"},
	    {"2222", 4, "serial 2222 is in the current CRL already"},
	    {"001111", 1, "serial 001111 is in the current CRL already"},
	    {"", 1, "serial '' is malformed"},
	    {"xyz", 1, "serial 'xyz' is malformed"},
	    {"1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 1, "is malformed"},
	    {"3333", 6, "reason CERTIFICATE_HOLD, which nobody"},
	    {"3333", 7, "reason UNKNOWN, which nobody"},
	    {"3333", 8, "reason REMOVE_FROM_CRL, which nobody"},
	    {"3333", 10, "reason AA_COMPROMISE, which nobody"},
	    {"3333", 200, "reason UNKNOWN, which nobody"},
	};
	static const struct list full = FULL("1111", "2222"),
				 delta = DELTA("2222");

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct wire_approved a =
		    approval_of(rows[i].serial, rows[i].reason);
		char *out;
		int rc;

		fake_service_reset(&fake);
		hand_out(&full, &delta);
		approve(&a, 1);
		failures_are_taken();
		/* The rest, here nothing, would be signed. */
		rc = sign("sign doorman 6 +1\n", &out, "crl");
		if (rc != 4 || strstr(out, rows[i].says) == NULL ||
		    strstr(out, "'sign doorman 6 +0' was not typed") == NULL)
			fail_msg("%s: %d %s", rows[i].says, rc, out);
		assert_int_equal(fake.asked[WIRE_SUBMIT_CRL].len, 0);
		one_failed(rows[i].says);
		free(out);
	}
}

/* Answers that do not say what they are: counts, pages, frames, types. */
static void
answers_are_of_their_form(void **state)
{
	static const struct list full = FULL("1111", "2222");
	static const struct {
		unsigned count, more, rows, behind;
	} pages[] = {{2, 0, 1, 0}, {0, 1, 0, 0}, {WIRE_PAGE + 1, 0, 1, 0},
	    {1, 0, 1, 1}, {0, 0, 1, 0}, {0xffffffff, 0, 0, 0}};
	struct wire_approved a = approval_of("3333", 1);
	char *out;
	int rc;

	(void)state;
	for (size_t i = 0; i < NUM(pages); i++) {
		struct buf *b;

		fake_service_reset(&fake);
		hand_out(&full, &(struct list){0});
		b = fake_service_begin(&fake, WIRE_GET_APPROVED);
		wire_u32(b, pages[i].count);
		wire_u8(b, pages[i].more);
		for (unsigned n = 0; n < pages[i].rows; n++)
			wire_put_approved(b, &a);
		for (unsigned n = 0; n < pages[i].behind; n++)
			wire_u8(b, 0);
		fake_service_end(&fake, WIRE_GET_APPROVED);
		rc = sign("sign doorman 6 +1\n", &out, "crl");
		nothing_was_signed("page", rc, out, "answer is malformed");
		free(out);
	}
	/* A byte behind a list; an answer to something else; a refusal. */
	fake_service_reset(&fake);
	hand_out(&full, &(struct list){0});
	wire_u8(&fake.answer[WIRE_GET_CRL], 0);
	fake_service_end(&fake, WIRE_GET_CRL);
	rc = sign("", &out, "crl");
	nothing_was_signed("behind", rc, out, "answer is malformed");
	free(out);
	fake_service_reset(&fake);
	hand_out(&full, &(struct list){0});
	fake.answer[WIRE_GET_CRL].p[WIRE_HEAD + 1] = WIRE_PING | WIRE_ANSWER;
	rc = sign("", &out, "crl");
	nothing_was_signed("type", rc, out, "answered another question");
	free(out);
	fake_service_reset(&fake);
	hand_out(&full, &(struct list){0});
	fake.answer[WIRE_GET_CRL].p[WIRE_HEAD] = WIRE_VERSION + 1;
	rc = sign("", &out, "crl");
	nothing_was_signed("version", rc, out, "another version");
	free(out);
	fake_service_reset(&fake);
	wire_error(&fake.answer[WIRE_GET_CRL], WIRE_E_BUSY, "not now");
	rc = sign("", &out, "crl");
	nothing_was_signed(
	    "error", rc, out, "the doorman refuses: not now (3)");
	free(out);
	fake_service_reset(&fake);
	buf_add(&fake.answer[WIRE_GET_CRL], "\377\377\377\377", 4);
	rc = sign("", &out, "crl");
	nothing_was_signed("length", rc, out, "answer is malformed");
	free(out);
}

/* And when all is well there is a signature: the fake can be believed. */
static void
an_honest_answer_is_signed(void **state)
{
	static const struct list full = FULL("1111", "2222"),
				 delta = DELTA("2222");
	struct wire_approved a = approval_of("3333", 1);
	char text[WIRE_ID], *out, *url;
	unsigned version, type;
	struct crl next, part;
	struct crl_index ix;
	struct crl_entry e;
	struct crl_add add;
	struct wire_in in;
	struct fault f;

	(void)state;
	fake_service_reset(&fake);
	hand_out(&full, &delta);
	approve(&a, 1);
	wire_u64(fake_service_begin(&fake, WIRE_SUBMIT_CRL), 6);
	wire_u32(&fake.answer[WIRE_SUBMIT_CRL], 1);
	fake_service_end(&fake, WIRE_SUBMIT_CRL);
	if (sign("sign doorman 6 +1\n", &out, "crl") != 0)
		fail_msg("%s", out);
	free(out);
	assert_int_equal(wire_open(buf_view(&fake.asked[WIRE_SUBMIT_CRL]),
			     &version, &type, &in),
	    0);
	wire_get_text(&in, text, sizeof(text));
	assert_string_equal(text, "doorman");
	assert_int_equal(wire_get_u32(&in), 0); /* no flag */
	assert_int_equal(wire_get_u32(&in), 1);
	wire_get_text(&in, text, sizeof(text));
	assert_string_equal(text, ID);
	assert_int_equal(crl_parse(&next, wire_get_bytes(&in), &f), 0);
	assert_int_equal(crl_parse(&part, wire_get_bytes(&in), &f), 0);
	assert_true(wire_done(&in));
	url = xasprintf("%s/certificate-revocation-list/doorman", net.url);
	assert_string_equal(next.idp_url, url);
	assert_int_equal(crl_verify(&next, ca.cert, &f), 0);
	assert_int_equal(crl_verify(&part, ca.cert, &f), 0);
	assert_int_equal(next.number, 6);
	assert_int_equal(next.num_entries, 3);
	assert_int_equal(part.base_number, 3);
	assert_int_equal(part.num_entries, 2);
	assert_int_equal(crl_index_init(&ix, &next, &f), 0);
	assert_int_equal(serial_from_hex(&add, "1111"), 0);
	assert_true(
	    crl_index_find(&ix, view_of(add.serial, add.serial_len), &e));
	crl_index_cleanup(&ix);
	free(url);
}

/* Looking is not signing, whatever is typed. */
static void
what_is_shown_is_not_signed(void **state)
{
	static const struct list full = FULL("1111", "2222");
	struct wire_approved a = approval_of("3333", 1);
	char *out;

	(void)state;
	fake_service_reset(&fake);
	hand_out(&full, &(struct list){0});
	approve(&a, 1);
	assert_int_equal(sign("sign doorman 6 +1\n", &out, "show"), 0);
	assert_non_null(strstr(out, "To sign     number 6, 3 entries"));
	assert_null(strstr(out, "Type '"));
	assert_int_equal(fake.asked[WIRE_SUBMIT_CRL].len, 0);
	free(out);
}

/* Requests of certificates. */

static void
ca_wanted(X509_REQ *req)
{
	STACK_OF(X509_EXTENSION) *list = NULL;
	BASIC_CONSTRAINTS bc = {.ca = 0xff};

	X509V3_add1_i2d(&list, NID_basic_constraints, &bc, 1, 0);
	X509_REQ_add_extensions(req, list);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void
as_it_is(X509_REQ *req)
{
	(void)req;
}

/* One request, and whether more are said to follow. */
static void
request(const struct wire_csr *c, bool more)
{
	struct buf *b = fake_service_begin(&fake, WIRE_GET_CSRS);

	wire_u32(b, 1);
	wire_u8(b, more);
	wire_put_csr(b, c);
	fake_service_end(&fake, WIRE_GET_CSRS);
}

static void
requests_are_checked(void **state)
{
	static const struct {
		const char *subject; /* as the service says */
		void (*change)(X509_REQ *);
		bool by_another;
		size_t cut;
		const char *says;
	} rows[] = {
	    {"O=Bob", as_it_is, false, 0, "is for 'O=Alice', not 'O=Bob'"},
	    {"", as_it_is, false, 0, "is for 'O=Alice', not ''"},
	    {"O=Alice", as_it_is, true, 0, "not signed by its key"},
	    {"O=Alice", ca_wanted, false, 0, "asks to become a CA"},
	    {"O=Alice", as_it_is, false, 1, "not a PKCS#10"},
	};
	EVP_PKEY *key = EVP_EC_gen("P-256");

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		X509_REQ *req = test_csr(key, "Alice");
		struct wire_csr c = {.seq = 1, .id = ID, .approved_at = 1};
		struct buf der;
		char *out;
		int rc;

		rows[i].change(req);
		assert_true(
		    X509_REQ_sign(req, rows[i].by_another ? stranger.key : key,
			EVP_sha256()) > 0);
		buf_init(&der, 65536);
		test_csr_der(&der, req);
		c.der = view_of(der.p, der.len - rows[i].cut);
		snprintf(c.subject, sizeof(c.subject), "%s", rows[i].subject);
		fake_service_reset(&fake);
		request(&c, false);
		failures_are_taken();
		rc = sign("sign certificates +1\n", &out, "certificates");
		if (rc != 5 || strstr(out, rows[i].says) == NULL ||
		    strstr(out, "to sign: ") != NULL)
			fail_msg("%s: %d %s", rows[i].says, rc, out);
		assert_int_equal(fake.asked[WIRE_SUBMIT_CERT].len, 0);
		one_failed(rows[i].says);
		free(out);
		buf_free(&der);
		X509_REQ_free(req);
	}
	EVP_PKEY_free(key);
}

/* The same page again and again, with another one announced behind it. */
static void
pages_come_to_an_end(void **state)
{
	static const struct list full = FULL("1111", "2222");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = test_csr(key, "Alice");
	struct wire_approved a = approval_of("3333", 1);
	struct wire_csr c = {.seq = 1, .id = ID, .subject = "O=Alice"};
	struct buf der, *b;
	char *out;
	int rc;

	(void)state;
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	c.der = buf_view(&der);
	fake_service_reset(&fake);
	hand_out(&full, &(struct list){0});
	b = fake_service_begin(&fake, WIRE_GET_APPROVED);
	wire_u32(b, 1);
	wire_u8(b, 1);
	wire_put_approved(b, &a);
	fake_service_end(&fake, WIRE_GET_APPROVED);
	rc = sign("sign doorman 6 +1\n", &out, "crl");
	nothing_was_signed("approved", rc, out, "answer is malformed");
	free(out);
	/* Whether the CA's own revocation is among them is asked as well. */
	hand_out(
	    &(struct list){.list = "root", .number = 5}, &(struct list){0});
	request(&c, false);
	rc = sign("sign certificates +1\n", &out, "certificates");
	nothing_was_signed("CA", rc, out, "answer is malformed");
	free(out);
	request(&c, true);
	rc = sign("sign certificates +1\n", &out, "certificates");
	nothing_was_signed("requests", rc, out, "answer is malformed");
	free(out);
	buf_free(&der);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_list_in_force_is_verified),
	    cmocka_unit_test(a_list_is_whole),
	    cmocka_unit_test(the_first_list_is_a_person_s),
	    cmocka_unit_test(approvals_are_checked),
	    cmocka_unit_test(answers_are_of_their_form),
	    cmocka_unit_test(an_honest_answer_is_signed),
	    cmocka_unit_test(what_is_shown_is_not_signed),
	    cmocka_unit_test(requests_are_checked),
	    cmocka_unit_test(pages_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
