/*
 * asking: certificates made by the test, evidence of theirs behind an HTTP
 * server, and an engine whose clock the test sets. Each test file that
 * includes this has these of its own.
 */
#ifndef TESTS_NET_LIBRARY_ASKING_H
#define TESTS_NET_LIBRARY_ASKING_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "revcheck/revcheck.h"
#include "tests/lib/issuer.h"
#include "tests/lib/net.h"

#define UNUSED __attribute__((unused))

#define HOUR   3600
#define DAY    86400
#define CA     "critical,CA:TRUE"
#define ISSUES "critical,keyCertSign,cRLSign"
#define LISTS  "critical,cRLSign"
#define SIGNS  "critical,digitalSignature"

static struct proc proc;
static struct server http; /* serves ./www */
static struct revcheck_trust *trust;
static time_t t0; /* the system's time when the test began */
static atomic_llong now;
static const char *state_dir; /* of engines made; NULL: none */

UNUSED static void
scene_start(void)
{
	t0 = time(NULL);
	atomic_store(&now, t0);
	dir_make("www");
	badhttp_start(&proc, &http, "badhttp.log", "--root", "www", NULL);
}

UNUSED static void
scene_stop(void)
{
	revcheck_trust_free(trust);
	proc_stop(&proc, WAIT_MS);
	proc_cleanup(&proc);
}

/* scene_stop as a teardown, with those who were made; NULL ends them. */
UNUSED static int
scene_stop_with(struct issuer *const *made)
{
	for (; *made != NULL; made++)
		issuer_cleanup(*made);
	scene_stop();
	return 0;
}

/*
 * A certificate that is good a month before and ten after the test began; who
 * may issue is a CA. by NULL: a root; key NULL: a new one; crl_url may be NULL.
 */
UNUSED static void
cert_by(struct issuer *out, const struct issuer *by, EVP_PKEY *key,
    const char *cn, long serial, const char *usage, const char *crl_url)
{
	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = by,
		.key = key,
		.serial = serial,
		.from = t0 - 30 * DAY,
		.to = t0 + 300 * DAY,
		.constraints = strstr(usage, "keyCertSign") != NULL ? CA : NULL,
		.usage = usage,
		.crl_url = crl_url});
}

static time_t
clock_now(void *arg)
{
	(void)arg;
	return (time_t)atomic_load(&now);
}

UNUSED static struct revcheck *
engine_new(void)
{
	static const char *const loopback[] = {"127.0.0.0/8", NULL};
	struct revcheck_options o = {.size = sizeof(o),
	    .allow_addresses = loopback,
	    .any_port = 1,
	    .state_dir = state_dir,
	    .now = clock_now};
	struct revcheck_policy p = {.size = sizeof(p),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .deadline_ms = WAIT_MS};
	struct revcheck_error err;
	struct revcheck *rc;

	atomic_store(&now, t0);
	if (revcheck_new(&rc, &o, &err) != 0 ||
	    revcheck_set_policy(rc, &p, &err) != 0)
		fail_msg("no engine: %s", err.msg);
	return rc;
}

/* What is known of the first of chain; q says what else is asked for. */
UNUSED static struct revcheck_result
ask_query(struct revcheck *rc, const struct issuer *const *chain,
    const struct issuer *const *beside, struct revcheck_query q)
{
	struct revcheck_certs *certs[2] = {NULL, NULL};
	const struct issuer *const *list[2] = {chain, beside};
	struct revcheck_result r;
	struct revcheck_report *rep;
	struct revcheck_error err;

	for (size_t i = 0; i < 2; i++) {
		X509 *x[8];
		size_t n = 0;

		for (; list[i] != NULL && list[i][n] != NULL; n++)
			x[n] = list[i][n]->cert;
		if (n > 0)
			assert_int_equal(
			    revcheck_certs_from_x509(&certs[i], x, n, NULL), 0);
	}
	q.size = sizeof(q);
	q.chain = certs[0];
	q.untrusted = certs[1];
	if (q.trust == NULL)
		q.trust = trust;
	if (revcheck_check(rc, &rep, &q, &err) != 0)
		fail_msg("%s", err.msg);
	if (revcheck_report_status(rep) == REVCHECK_PATH_INVALID)
		fail_msg("%s", revcheck_report_text(rep));
	r = *revcheck_report_get0(rep, 0);
	revcheck_report_free(rep);
	revcheck_certs_free(certs[0]);
	revcheck_certs_free(certs[1]);
	return r;
}

/* By what is handed in and nothing else, where something is. */
UNUSED static struct revcheck_result
ask(struct revcheck *rc, const struct issuer *const *chain,
    const struct issuer *const *beside, const struct revcheck_evidence *e)
{
	return ask_query(rc, chain, beside,
	    (struct revcheck_query){.evidence = e,
		.flags = e != NULL ? REVCHECK_QUERY_OFFLINE : 0});
}

#define OF(...) ((const struct issuer *const[]){__VA_ARGS__, NULL})

UNUSED static void
expect(const char *what, const struct revcheck_result *r,
    enum revcheck_status status, enum revcheck_why why)
{
	if (r->status != status || r->why != why)
		fail_msg("%s: %s (%s) instead of %s (%s): %s", what,
		    revcheck_status_name(r->status), revcheck_why_name(r->why),
		    revcheck_status_name(status), revcheck_why_name(why),
		    r->text);
}

UNUSED static const char *
url(const char *path)
{
	static char text[8][128];
	static unsigned n;
	char *out = text[n++ % 8];

	snprintf(out, 128, "http://127.0.0.1:%d/%s", http.port, path);
	return out;
}

#endif
