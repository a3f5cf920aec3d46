/*
 * A CRL signer that is known from the chain of one certificate is asked about
 * for the next, whose chain it is not in, by a check that outlives the call
 * that made it: evidence about the signer is not at hand, and is looked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "revcheck/revcheck.h"
#include "tests/lib/issuer.h"

#define HOUR  3600
#define POINT "http://127.0.0.1/leaves.crl"

static struct issuer root, signer, leaf;
static struct revcheck_trust *trust;
static char dir[] = "/tmp/crl-signer.XXXXXX";

static int
setup(void **state)
{
	time_t now = time(NULL);
	struct issuer_cert how = {.cn = "root",
	    .serial = 1,
	    .from = now - HOUR,
	    .to = now + HOUR,
	    .constraints = "critical,CA:TRUE",
	    .usage = "critical,keyCertSign,cRLSign"};

	(void)state;
	issuer_init(&root, &how);
	/* The same name with another key, for CRLs alone. */
	how = (struct issuer_cert){.cn = "root",
	    .by = &root,
	    .serial = 2,
	    .from = now - HOUR,
	    .to = now + HOUR,
	    .usage = "critical,cRLSign",
	    .crl_url = "http://127.0.0.1/signer.crl"};
	issuer_init(&signer, &how);
	how = (struct issuer_cert){.cn = "leaf",
	    .by = &root,
	    .serial = 3,
	    .from = now - HOUR,
	    .to = now + HOUR,
	    .crl_url = POINT};
	issuer_init(&leaf, &how);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	issuer_write_crl("root.crl",
	    &(struct issuer_crl){.by = &signer,
		.number = 1,
		.point = POINT,
		.from = now - HOUR,
		.next = now + HOUR});
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	revcheck_trust_free(trust);
	issuer_cleanup(&root);
	issuer_cleanup(&signer);
	issuer_cleanup(&leaf);
	return system("rm -r state root.crl") != 0 || chdir("/") != 0 ||
	    rmdir(dir) != 0;
}

static struct revcheck_result
ask(struct revcheck *rc, struct issuer *who)
{
	struct revcheck_query q = {.size = sizeof(q), .trust = trust};
	struct revcheck_certs *certs;
	struct revcheck_report *report;
	struct revcheck_result r;

	assert_int_equal(
	    revcheck_certs_from_x509(&certs, &who->cert, 1, NULL), 0);
	q.chain = certs;
	assert_int_equal(revcheck_check(rc, &report, &q, NULL), 0);
	r = *revcheck_report_get0(report, 0);
	revcheck_report_free(report);
	revcheck_certs_free(certs);
	return r;
}

static void
its_check_outlives_the_call(void **state)
{
	const char *crls[] = {"root.crl", NULL};
	/* Offline, but with a disk: what is not in memory is fetched. */
	const struct revcheck_options options = {.size = sizeof(options),
	    .offline = 1,
	    .state_dir = "state",
	    .crl_paths = crls};
	struct revcheck *rc;
	struct revcheck_result r;

	(void)state;
	assert_int_equal(revcheck_new(&rc, &options, NULL), 0);
	/* Not covered by the CRL, but remembered as its signer. */
	r = ask(rc, &signer);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	for (int i = 0; i < 3; i++) {
		r = ask(rc, &leaf);
		assert_int_equal(r.status, REVCHECK_UNKNOWN);
		assert_int_equal(r.why, REVCHECK_WHY_SIGNER_UNKNOWN);
	}
	revcheck_free(rc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(its_check_outlives_the_call),
	};

	return cmocka_run_group_tests_name(
	    "CRL signer", tests, setup, teardown);
}
