/* A CA that is revoked, or about to be, issues nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/base/renew.h"
#include "fixtures/doorman/service/ca/standing.h"
#include "fixtures/doorman/service/desk/publish.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define DAY       86400
#define URL       "http://pki.example/certificate-revocation-list/root"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca;
static struct config config = {.public_url = "http://pki.example"};

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	return 0;
}

static void
stands(enum standing want, const char *says)
{
	struct fault f = {""};
	enum standing rc = standing_of_ca(&test_store, &config, NOW, &f);

	if (rc != want || strstr(f.msg, says) == NULL)
		fail_msg("%d and not %d '%s': '%s'", rc, want, says, f.msg);
}

/* The root's next list, with this serial on it or none. */
static void
list_of_root(uint64_t number, X509 *revoked, int reason)
{
	struct crl_add add = {0};
	struct crl_plan plan = {.ca = root.cert,
	    .number = number,
	    .url = URL,
	    .this_update = NOW - 10,
	    .next_update = NOW + DAY,
	    .add = &add};
	struct test_crl list;
	struct fault f = {""};
	char hex[64];

	if (revoked != NULL) {
		cert_serial(hex, revoked);
		add = test_crl_add(hex, reason, NOW - 60);
		plan.num_add = 1;
	}
	test_crl_make(&list, &plan, root.seal);
	if (publish_import(&test_store, &config, "root", buf_view(&list.der),
		"ann", NOW, &f) != PUBLISH_DONE)
		fail_msg("%s", f.msg);
	buf_free(&list.der);
}

static void
its_list_and_approvals_count(void **state)
{
	char hex[64];
	test_id id;

	(void)state;
	stands(STANDING_GOOD, "");
	list_of_root(1, NULL, 0);
	stands(STANDING_GOOD, "");
	cert_serial(hex, ca.cert);
	test_put_revocation(id, "root", hex, 4, NOW);
	stands(STANDING_CLOSED, "is approved");
	test_set_state(id, "WITHDRAWN");
	stands(STANDING_GOOD, "");
	/* Another list's entry of that number is another certificate. */
	test_put_revocation(id, "doorman", hex, 4, NOW);
	stands(STANDING_GOOD, "");
	list_of_root(2, ca.cert, 0);
	stands(STANDING_CLOSED, "revoked by CRL number 2");
}

static void
a_stolen_key_stays_stolen(void **state)
{
	struct fault f = {""};
	X509 *longer =
	    renew_certificate(root.cert, NULL, root.seal, NOW, 200, &f);
	X509 *again =
	    renew_certificate(ca.cert, longer, root.seal, NOW, 150, &f);
	static const struct {
		int reason;
		bool closed;
	} rows[] = {{4, false}, {5, false}, {1, true}, {2, true}};

	(void)state;
	assert_non_null(again);
	assert_int_equal(
	    publish_known(&test_store, "root", root.cert, ca.cert, &f),
	    PUBLISH_DONE);
	config.doorman = again;
	stands(STANDING_GOOD, "");
	/* The one before was superseded; or its key was stolen, and this
	 * one has the same. */
	for (size_t i = 0; i < NUM(rows); i++) {
		list_of_root(i + 1, ca.cert, rows[i].reason);
		stands(rows[i].closed ? STANDING_CLOSED : STANDING_GOOD, "");
	}
	config.doorman = ca.cert;
	X509_free(again);
	X509_free(longer);
}

static void
an_ended_one_issues_nothing(void **state)
{
	struct fault f = {""};
	time_t end = cert_not_after(ca.cert);

	(void)state;
	assert_int_equal(
	    standing_of_ca(&test_store, &config, end - 1, &f), STANDING_GOOD);
	assert_int_equal(
	    standing_of_ca(&test_store, &config, end, &f), STANDING_CLOSED);
	assert_non_null(strstr(f.msg, "has ended"));
}

/* Not knowing is no permission. */
static void
an_unreadable_list_is_a_fault(void **state)
{
	struct fault f = {""};

	(void)state;
	list_of_root(1, NULL, 0);
	assert_int_equal(
	    store_run(&test_store, &f, "UPDATE crl SET full_der=x'3000'", ""),
	    0);
	stands(STANDING_FAULT, "is unreadable");
}

int
main(void)
{
#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(its_list_and_approvals_count),
	    WITH_STORE(a_stolen_key_stays_stolen),
	    WITH_STORE(an_ended_one_issues_nothing),
	    WITH_STORE(an_unreadable_list_is_a_fault),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
