/*
 * cost_check: a check that finds all of its evidence there, of a path that is
 * verified already.
 */
#include "tests/bench/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "revcheck/revcheck.h"
#include "tests/lib/issuer.h"

#define DAY 86400

static void
issue(struct issuer *out, const struct issuer *by)
{
	bool is_ca = by == NULL;

	issuer_init(out,
	    &(struct issuer_cert){.cn = is_ca ? "ca" : "leaf",
		.by = by,
		.serial = is_ca ? 1 : 2,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.constraints = is_ca ? "critical,CA:TRUE" : NULL,
		.usage = is_ca ? "critical,keyCertSign,cRLSign" : NULL,
		.crl_url = is_ca ? NULL : "http://127.0.0.1:1/a.crl"});
}

static void
check(struct revcheck *rc, const struct revcheck_query *q)
{
	struct revcheck_report *report = NULL;
	struct revcheck_error err;

	if (revcheck_check(rc, &report, q, &err) != 0 ||
	    revcheck_report_allows(report) != 1)
		exit(1);
	revcheck_report_free(report);
}

static void
write_crl(const struct issuer *ca)
{
	issuer_write_crl("a.crl",
	    &(struct issuer_crl){.by = ca,
		.number = 1,
		.from = time(NULL) - DAY,
		.next = time(NULL) + DAY});
}

void
cost_check_loop(size_t n)
{
	static const char *const files[] = {"a.crl", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .offline = 1, .crl_paths = files};
	struct revcheck_query q = {.size = sizeof(q),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED};
	struct revcheck_trust *trust = NULL;
	struct revcheck_certs *path = NULL;
	struct revcheck *rc = NULL;
	struct issuer ca, leaf;
	X509 *list[2];

	issue(&ca, NULL);
	issue(&leaf, &ca);
	write_crl(&ca);
	list[0] = leaf.cert;
	list[1] = ca.cert;
	if (revcheck_trust_new(&trust, &ca.cert, 1, NULL) != 0 ||
	    revcheck_new(&rc, &o, NULL) != 0 ||
	    revcheck_certs_from_x509(&path, list, 2, NULL) != 0)
		exit(1);
	q.chain = path;
	q.trust = trust;
	for (size_t i = 0; i < 100 + n; i++)
		check(rc, &q);
	revcheck_certs_free(path);
	revcheck_free(rc);
	revcheck_trust_free(trust);
	issuer_cleanup(&leaf);
	issuer_cleanup(&ca);
}

void
cost_check(struct cost *c, const char *fixtures)
{
	(void)fixtures;
	cost_figure(
	    c, "check-cached-instructions", cost_loop("check-cached", 5000));
}
