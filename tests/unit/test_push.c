/*
 * What an embedder pushes into a running engine: valid is in force at once,
 * for whoever asks; wrong is an error with a sentence, and what was in force
 * stays; and it may be pushed while others ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <pthread.h>

#include <openssl/x509v3.h>

#include "revcheck/revcheck.h"
#include "tests/lib/pkimake.h"

#define ROUNDS 300

static struct pki_ca root;
static struct revcheck *rc;
static struct revcheck_trust *trust;
static struct revcheck_certs *chain;
static X509 *leaf;
static uint8_t spki[32];

static int
setup(void **state)
{
	const uint8_t serial[] = {0x12, 0x34};
	const struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1};
	unsigned char *der = NULL;
	int len;

	(void)state;
	pki_ca_init(&root, "root");
	leaf = pki_leaf(&root, serial, sizeof(serial), "http://127.0.0.1/x");
	assert_int_equal(revcheck_new(&rc, &options, NULL), 0);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	assert_int_equal(revcheck_certs_from_x509(&chain, &leaf, 1, NULL), 0);
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	assert_true(len > 0);
	EVP_Digest(der, (size_t)len, spki, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	revcheck_free(rc);
	revcheck_trust_free(trust);
	revcheck_certs_free(chain);
	X509_free(leaf);
	pki_ca_cleanup(&root);
	return 0;
}

/* Offline nothing is known: the mode alone decides. */
static int
allowed(enum revcheck_why *why)
{
	const struct revcheck_query q = {
	    .size = sizeof(q), .chain = chain, .trust = trust};
	struct revcheck_report *report;
	int ok;

	assert_int_equal(revcheck_check(rc, &report, &q, NULL), 0);
	ok = revcheck_report_allows(report);
	if (why != NULL)
		*why = revcheck_report_why(report);
	revcheck_report_free(report);
	return ok;
}

static void
push_mode(enum revcheck_mode mode)
{
	const struct revcheck_policy p = {.size = sizeof(p), .mode = mode};

	assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
}

static void
a_policy_acts_or_changes_nothing(void **state)
{
	const struct revcheck_policy wrong[] = {
	    {.size = sizeof(wrong[0]), .mode = 99},
	    {.size = sizeof(wrong[0]), .order = 99},
	    {.size = sizeof(wrong[0]), .nonce = 99},
	    {.size = sizeof(wrong[0]), .security_level = 6},
	};
	struct revcheck_policy now = {.size = sizeof(now)};

	(void)state;
	push_mode(REVCHECK_MODE_HARD_FAIL);
	assert_int_equal(allowed(NULL), 0);
	push_mode(REVCHECK_MODE_SOFT_FAIL);
	assert_int_equal(allowed(NULL), 1);
	push_mode(REVCHECK_MODE_HARD_FAIL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct revcheck_error err = {0};

		assert_int_equal(
		    revcheck_set_policy(rc, &wrong[i], &err), REVCHECK_E_ARG);
		assert_int_equal(err.code, REVCHECK_E_ARG);
		assert_non_null(strstr(err.msg, "expected"));
		revcheck_get_policy(rc, &now);
		assert_int_equal(now.mode, REVCHECK_MODE_HARD_FAIL);
		assert_int_equal(allowed(NULL), 0);
	}
	/* Defaults are resolved in what is shown. */
	assert_int_equal(now.deadline_ms, 5000);
	assert_int_equal(now.skew_sec, 300);
}

static void
a_denylist_acts_or_changes_nothing(void **state)
{
	struct revcheck_deny good = {.spki_sha256 = spki, .note = "stolen"};
	struct revcheck_deny wrong[] = {good, {.note = "nobody"}};
	struct revcheck_error err = {0};
	enum revcheck_why why;

	(void)state;
	push_mode(REVCHECK_MODE_OFF);
	assert_int_equal(allowed(NULL), 1);
	assert_int_equal(revcheck_set_denylist(rc, &good, 1, NULL), 0);
	assert_int_equal(allowed(&why), 0);
	assert_int_equal(why, REVCHECK_WHY_DENYLISTED);
	assert_int_equal(
	    revcheck_set_denylist(rc, wrong, 2, &err), REVCHECK_E_ARG);
	assert_non_null(strstr(err.msg, "entry 1"));
	assert_int_equal(allowed(NULL), 0);
	assert_int_equal(revcheck_set_denylist(rc, NULL, 0, NULL), 0);
	assert_int_equal(allowed(NULL), 1);
	/* The same by one entry. */
	assert_int_equal(revcheck_denylist_remove(rc, &good, NULL), 0);
	assert_int_equal(revcheck_denylist_add(rc, &good, NULL), 0);
	assert_int_equal(allowed(&why), 0);
	assert_int_equal(why, REVCHECK_WHY_DENYLISTED);
	assert_int_equal(
	    revcheck_denylist_add(rc, &wrong[1], &err), REVCHECK_E_ARG);
	assert_int_equal(allowed(NULL), 0);
	assert_int_equal(revcheck_denylist_remove(rc, &good, NULL), 1);
	assert_int_equal(allowed(NULL), 1);
}

/* The same key twice, one of them past its date: it is denied. */
static void
the_longest_of_two_entries_counts(void **state)
{
	const struct revcheck_deny past = {.spki_sha256 = spki, .until = 1};
	const struct revcheck_deny ever = {.spki_sha256 = spki};
	const struct revcheck_deny lists[][3] = {
	    {past, ever, past}, {ever, past, past}, {past, past, ever}};

	(void)state;
	push_mode(REVCHECK_MODE_OFF);
	assert_int_equal(revcheck_set_denylist(rc, &past, 1, NULL), 0);
	assert_int_equal(allowed(NULL), 1);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    revcheck_set_denylist(rc, lists[i], 3, NULL), 0);
		assert_int_equal(allowed(NULL), 0);
	}
	assert_int_equal(revcheck_set_denylist(rc, NULL, 0, NULL), 0);
}

static void
issuer_rules_act_or_change_nothing(void **state)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(root.cert);
	struct revcheck_issuer_rule rule = {.ski = ASN1_STRING_get0_data(id),
	    .ski_len = (size_t)ASN1_STRING_length(id),
	    .mode = REVCHECK_MODE_SOFT_FAIL};
	struct revcheck_issuer_rule wrong[] = {rule, {.exempt = 1}};
	struct revcheck_error err = {0};

	(void)state;
	push_mode(REVCHECK_MODE_HARD_FAIL);
	assert_int_equal(allowed(NULL), 0);
	assert_int_equal(revcheck_set_issuer_rules(rc, &rule, 1, NULL), 0);
	assert_int_equal(allowed(NULL), 1);
	assert_int_equal(
	    revcheck_set_issuer_rules(rc, wrong, 2, &err), REVCHECK_E_ARG);
	assert_non_null(strstr(err.msg, "rule 1"));
	assert_int_equal(allowed(NULL), 1);
	assert_int_equal(revcheck_set_issuer_rules(rc, NULL, 0, NULL), 0);
	assert_int_equal(allowed(NULL), 0);
}

/* Policy, rules and addresses in one: what is wrong in one keeps all out. */
static void
all_of_it_acts_or_nothing(void **state)
{
	static const char *const no_address[] = {"10.0.0.0/99", NULL};
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(root.cert);
	const struct revcheck_issuer_rule soft = {
	    .ski = ASN1_STRING_get0_data(id),
	    .ski_len = (size_t)ASN1_STRING_length(id),
	    .mode = REVCHECK_MODE_SOFT_FAIL};
	const struct revcheck_issuer_rule no_rule = {.exempt = 1};
	const struct revcheck_policy hard = {
	    .size = sizeof(hard), .mode = REVCHECK_MODE_HARD_FAIL};
	const struct revcheck_policy off = {
	    .size = sizeof(off), .mode = REVCHECK_MODE_OFF};
	const struct revcheck_policy no_policy = {
	    .size = sizeof(no_policy), .mode = 99};
	const struct revcheck_options no_options = {
	    .size = sizeof(no_options), .allow_addresses = no_address};

	(void)state;
	assert_int_equal(revcheck_configure(rc, &hard, NULL, 0, NULL, NULL), 0);
	assert_int_equal(allowed(NULL), 0);
	assert_int_equal(
	    revcheck_configure(rc, &no_policy, &soft, 1, NULL, NULL),
	    REVCHECK_E_ARG);
	assert_int_equal(allowed(NULL), 0);
	assert_int_equal(revcheck_configure(rc, &off, &no_rule, 1, NULL, NULL),
	    REVCHECK_E_ARG);
	assert_int_equal(allowed(NULL), 0);
	assert_true(
	    revcheck_configure(rc, &off, &soft, 1, &no_options, NULL) < 0);
	assert_int_equal(allowed(NULL), 0);
	assert_int_equal(
	    revcheck_configure(rc, &hard, &soft, 1, NULL, NULL), 0);
	assert_int_equal(allowed(NULL), 1);
	assert_int_equal(revcheck_configure(rc, &hard, NULL, 0, NULL, NULL), 0);
	assert_int_equal(allowed(NULL), 0);
}

/* While others ask. */

static void *
asker(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop))
		(void)allowed(NULL);
	return NULL;
}

static void
pushes_may_come_while_others_ask(void **state)
{
	const struct revcheck_deny deny = {.spki_sha256 = spki};
	pthread_t threads[2];
	atomic_bool stop = false;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, asker, &stop), 0);
	for (int i = 0; i < ROUNDS; i++) {
		push_mode(i % 2 ? REVCHECK_MODE_OFF : REVCHECK_MODE_HARD_FAIL);
		assert_int_equal(
		    revcheck_set_denylist(rc, &deny, i % 3 == 0, NULL), 0);
		/* What was pushed counts for whoever asks after it. */
		assert_int_equal(allowed(NULL), i % 2 && i % 3 != 0);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(revcheck_set_denylist(rc, NULL, 0, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_policy_acts_or_changes_nothing),
	    cmocka_unit_test(a_denylist_acts_or_changes_nothing),
	    cmocka_unit_test(the_longest_of_two_entries_counts),
	    cmocka_unit_test(issuer_rules_act_or_change_nothing),
	    cmocka_unit_test(all_of_it_acts_or_nothing),
	    cmocka_unit_test(pushes_may_come_while_others_ask),
	};

	return cmocka_run_group_tests_name(
	    "pushed into an engine", tests, setup, teardown);
}
