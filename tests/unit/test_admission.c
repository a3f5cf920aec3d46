/*
 * admission: who may come in, or stay, but for revocation: the path with its
 * dates, purpose, strength and name, the subject, and who shows nothing. The
 * hour is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/dn.h"
#include "gateway/base/name_set.h"
#include "gateway/conf/conf.h"
#include "gateway/tls/admission.h"
#include "gateway/tls/path_cache.h"
#include "tests/lib/issuer.h"

#define NOW  1800000000
#define HOUR 3600
#define YEAR (365 * 24 * HOUR)

static struct issuer root, ca, other;
static struct issuer leaf, client, server, stranger, later;
static struct revcheck_trust *trust, *trust_other;
static struct conf conf;

static void
make(struct issuer *out, const char *cn, const struct issuer *by, long serial,
    time_t to, const char *constraints, const char *purposes)
{
	const struct issuer_cert how = {.cn = cn,
	    .by = by,
	    .serial = serial,
	    .from = NOW - YEAR,
	    .to = to,
	    .constraints = constraints,
	    .usage = constraints != NULL ? "critical,keyCertSign"
					 : "digitalSignature",
	    .purposes = purposes};

	issuer_init(out, &how);
}

static int
setup(void **state)
{
	static const char is_ca[] = "critical,CA:TRUE";
	struct issuer impostor;

	(void)state;
	make(&root, "root", NULL, 1, NOW + 9 * YEAR, is_ca, NULL);
	make(&other, "other", NULL, 1, NOW + 9 * YEAR, is_ca, NULL);
	make(&ca, "ca", &root, 2, NOW + 2 * HOUR, is_ca, NULL);
	make(&leaf, "leaf", &ca, 3, NOW + HOUR, NULL, NULL);
	make(&client, "client", &ca, 4, NOW + HOUR, NULL, "clientAuth");
	make(&server, "server", &ca, 5, NOW + HOUR, NULL, "serverAuth");
	make(&later, "later", &ca, 6, NOW + YEAR, NULL, NULL);
	/* Says it is of ca, whose key it never saw. */
	make(&impostor, "ca", &root, 7, NOW + YEAR, is_ca, NULL);
	make(&stranger, "leaf", &impostor, 3, NOW + HOUR, NULL, NULL);
	issuer_cleanup(&impostor);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	assert_int_equal(
	    revcheck_trust_new(&trust_other, &other.cert, 1, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	struct issuer *all[] = {
	    &root, &ca, &other, &leaf, &client, &server, &stranger, &later};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		issuer_cleanup(all[i]);
	revcheck_trust_free(trust);
	revcheck_trust_free(trust_other);
	return 0;
}

/* Each test begins with what lets everybody of the root in. */
static struct admission_terms
usual(void)
{
	conf = (struct conf){.limits.max_chain = 4};
	return (struct admission_terms){
	    .conf = &conf, .trust = trust, .inbound = true};
}

/* In a handshake at that hour, with ca's certificate; then *a is cleaned. */
static bool
arrives_at(struct admission *a, const struct admission_terms *t,
    const struct issuer *who, time_t at)
{
	STACK_OF(X509) *sent = sk_X509_new_null();
	const struct admission_peer peer = {.sent = sent, .at = at};
	bool ask;

	assert_true(sk_X509_push(sent, who->cert) > 0);
	assert_true(sk_X509_push(sent, ca.cert) > 0);
	ask = admission_check(a, t, &peer);
	/* Nobody is in before revocation is asked, and all of it is asked. */
	assert_int_not_equal(a->why, ADMISSION_ALLOWED);
	assert_int_not_equal(a->x509_error, X509_V_OK);
	assert_int_equal(ask, a->why == ADMISSION_UNDECIDED);
	if (ask)
		assert_int_equal(revcheck_certs_num(a->path), 3);
	admission_cleanup(a);
	sk_X509_free(sent);
	return ask;
}

static bool
arrives(const struct admission_terms *t, const struct issuer *who)
{
	struct admission a;

	return arrives_at(&a, t, who, NOW);
}

/* Whoever was let in stays with its path. */
static struct revcheck_certs *
live_path(const struct issuer *who)
{
	X509 *v[] = {who->cert, ca.cert, root.cert};
	struct revcheck_certs *certs;

	assert_int_equal(revcheck_certs_from_x509(&certs, v, 3, NULL), 0);
	return certs;
}

static bool
stays_at(struct admission *a, const struct admission_terms *t,
    const struct issuer *who, bool verified, time_t at)
{
	struct revcheck_certs *certs = live_path(who);
	const struct admission_peer peer = {
	    .certs = certs, .verified = verified, .at = at};
	bool ask = admission_check(a, t, &peer);

	assert_int_equal(ask, a->why == ADMISSION_UNDECIDED);
	if (ask && verified)
		assert_ptr_equal(a->path, certs);
	admission_cleanup(a);
	revcheck_certs_free(certs);
	return ask;
}

static void
a_good_path(void **state)
{
	struct admission_terms t = usual();

	(void)state;
	assert_true(arrives(&t, &leaf));
	t.inbound = false;
	assert_true(arrives(&t, &leaf));
}

static void
no_trust_or_another(void **state)
{
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	t.trust = NULL;
	assert_false(arrives(&t, &leaf));
	assert_false(stays_at(&a, &t, &leaf, true, NOW));
	t.trust = trust_other;
	assert_false(arrives(&t, &leaf));
	assert_false(stays_at(&a, &t, &leaf, false, NOW));
	assert_int_equal(a.why, ADMISSION_PATH);
}

/* One that carries ca's name and goes with ca's certificate. */
static void
a_stranger_over_remembered_issuers(void **state)
{
	struct admission_terms t = usual();

	(void)state;
	assert_int_equal(path_cache_new(&t.paths, 1000, NULL), 0);
	assert_false(arrives(&t, &stranger));
	assert_true(arrives(&t, &leaf));
	for (int i = 0; i < 3; i++)
		assert_false(arrives(&t, &stranger));
	assert_true(arrives(&t, &leaf));
	path_cache_free(t.paths);
}

static void
memory_saves_the_work_not_the_dates(void **state)
{
	static struct counters counters;
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	assert_int_equal(path_cache_new(&t.paths, 1000, NULL), 0);
	t.counters = &counters;
	assert_true(arrives(&t, &leaf));
	assert_true(arrives(&t, &leaf));
	assert_int_equal(counters_get(&counters, COUNTER_PATH_MISSES), 1);
	assert_int_equal(counters_get(&counters, COUNTER_PATH_HITS), 1);
	/* To the second: notAfter is the last one that counts... */
	assert_true(arrives_at(&a, &t, &leaf, NOW + HOUR - 1));
	assert_false(arrives_at(&a, &t, &leaf, NOW + HOUR + 1));
	assert_int_equal(a.why, ADMISSION_PATH);
	assert_int_equal(a.x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
	assert_false(arrives_at(&a, &t, &leaf, NOW - YEAR - 1));
	assert_int_equal(a.x509_error, X509_V_ERR_CERT_NOT_YET_VALID);
	/* ... for those above the leaf, too. */
	assert_true(arrives(&t, &later));
	assert_true(arrives_at(&a, &t, &later, NOW + 2 * HOUR - 1));
	assert_false(arrives_at(&a, &t, &later, NOW + 2 * HOUR + 1));
	assert_int_equal(a.x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
	path_cache_free(t.paths);
}

static void
who_is_connected_ends_with_its_certificates(void **state)
{
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	for (int verified = 0; verified < 2; verified++) {
		assert_true(stays_at(&a, &t, &leaf, verified, NOW));
		assert_false(stays_at(&a, &t, &leaf, verified, NOW + HOUR + 1));
		assert_int_equal(a.x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
		assert_false(
		    stays_at(&a, &t, &later, verified, NOW + 2 * HOUR + 1));
		assert_false(stays_at(&a, &t, &leaf, verified, NOW - YEAR - 1));
	}
}

static void
purpose(void **state)
{
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	assert_true(arrives(&t, &client));
	assert_false(arrives(&t, &server));
	assert_true(stays_at(&a, &t, &client, false, NOW));
	assert_false(stays_at(&a, &t, &server, false, NOW));
	assert_int_equal(a.x509_error, X509_V_ERR_INVALID_PURPOSE);
	t.inbound = false;
	assert_true(arrives(&t, &server));
	assert_false(arrives(&t, &client));
	assert_true(stays_at(&a, &t, &server, false, NOW));
	assert_false(stays_at(&a, &t, &client, false, NOW));
}

/* P-256 is worth 128 bits: enough for level 3, not for 4. */
static void
strength(void **state)
{
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	conf.policy.security_level = 3;
	assert_true(arrives(&t, &leaf));
	conf.policy.security_level = 4;
	assert_false(arrives(&t, &leaf));
	assert_false(stays_at(&a, &t, &leaf, false, NOW));
	assert_int_equal(a.x509_error, X509_V_ERR_EE_KEY_TOO_SMALL);
}

static void
as_many_certificates_as_are_allowed(void **state)
{
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	conf.limits.max_chain = 2;
	assert_true(arrives(&t, &leaf));
	conf.limits.max_chain = 1;
	assert_false(arrives_at(&a, &t, &leaf, NOW));
	assert_int_equal(a.x509_error, X509_V_ERR_CERT_CHAIN_TOO_LONG);
}

static void
the_name_that_was_dialled(void **state)
{
	struct issuer named;
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	make(&named, "peer.example", &ca, 9, NOW + HOUR, NULL, NULL);
	t.inbound = false;
	t.name = "peer.example";
	assert_true(arrives(&t, &named));
	assert_true(stays_at(&a, &t, &named, true, NOW));
	t.name = "peer.example.evil.example";
	assert_false(arrives_at(&a, &t, &named, NOW));
	assert_int_equal(a.x509_error, X509_V_ERR_HOSTNAME_MISMATCH);
	assert_false(stays_at(&a, &t, &named, true, NOW));
	t.name = "127.0.0.1";
	assert_false(arrives_at(&a, &t, &named, NOW));
	assert_int_equal(a.x509_error, X509_V_ERR_IP_ADDRESS_MISMATCH);
	t.name = "::1";
	assert_false(arrives(&t, &named));
	t.name = NULL;
	assert_true(arrives(&t, &named));
	issuer_cleanup(&named);
	/* RFC 6125 6.4.3: a wildcard is a whole label, the first, or none. */
	make(&named, "pe*.peer.example", &ca, 9, NOW + HOUR, NULL, NULL);
	t.name = "peer.peer.example";
	assert_false(arrives(&t, &named));
	issuer_cleanup(&named);
	make(&named, "*.peer.example", &ca, 9, NOW + HOUR, NULL, NULL);
	t.name = "peer.example";
	assert_false(arrives(&t, &named));
	t.name = "a.peer.example";
	assert_true(arrives(&t, &named));
	t.name = "a.b.peer.example";
	assert_false(arrives(&t, &named));
	issuer_cleanup(&named);
}

static void
subjects(void **state)
{
	struct admission_terms t = usual();
	struct name_set *list;
	struct admission a;

	(void)state;
	assert_int_equal(name_set_new(&list, NULL), 0);
	/* A list that is not enforced is none, an empty one lets nobody in. */
	conf.tls.allowed_subjects = list;
	assert_true(arrives(&t, &leaf));
	conf.tls.allowed_subjects_enforced = true;
	assert_false(arrives_at(&a, &t, &leaf, NOW));
	assert_int_equal(a.why, ADMISSION_SUBJECT);
	assert_int_equal(name_set_add(list, "CN=Leaf", NULL), 0);
	assert_true(arrives(&t, &leaf));
	assert_true(stays_at(&a, &t, &leaf, true, NOW));
	assert_false(arrives(&t, &later));
	assert_false(stays_at(&a, &t, &later, true, NOW));
	assert_int_equal(a.why, ADMISSION_SUBJECT);
	conf.tls.allowed_subjects = NULL;
	assert_false(arrives(&t, &leaf));
	/* It is a list of clients. */
	t.inbound = false;
	assert_true(arrives(&t, &later));
	name_set_free(list);
}

/* What rules say is unit/test_allow's; here, that they are asked. */
static void
rules(void **state)
{
	static char name[] = "leaf", *names[] = {name};
	static struct conf_allow rule = {.cn = {names, 1}};
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	conf.allow_enforced = true;
	assert_false(arrives_at(&a, &t, &leaf, NOW));
	assert_int_equal(a.why, ADMISSION_NOT_ALLOWED);
	assert_int_equal(admission_counter(&a), COUNTER_REFUSED_NOT_ALLOWED);
	conf.allow = &rule;
	conf.num_allow = 1;
	assert_true(arrives(&t, &leaf));
	assert_true(stays_at(&a, &t, &leaf, true, NOW));
	assert_false(arrives(&t, &later));
	assert_false(stays_at(&a, &t, &later, true, NOW));
	assert_int_equal(a.why, ADMISSION_NOT_ALLOWED);
	t.inbound = false;
	assert_true(arrives(&t, &later));
}

static void
who_shows_nothing(void **state)
{
	static const struct admission_peer nobody;
	struct admission_terms t = usual();
	struct admission a;

	(void)state;
	assert_false(admission_check(&a, &t, &nobody));
	assert_int_equal(a.why, ADMISSION_NO_CERTIFICATE);
	assert_int_not_equal(a.x509_error, X509_V_OK);
	conf.tls.type = CONF_TLS_ONE_WAY;
	assert_false(admission_check(&a, &t, &nobody));
	assert_int_equal(a.why, ADMISSION_ALLOWED);
	assert_null(a.path);
	/* A server always shows one. */
	t.inbound = false;
	assert_false(admission_check(&a, &t, &nobody));
	assert_int_equal(a.why, ADMISSION_NO_CERTIFICATE);
}

/* A new path under a new trust is the one that is asked about from then on. */
static void
a_path_that_leads_elsewhere(void **state)
{
	struct admission_terms t = usual();
	struct revcheck_certs *certs = live_path(&leaf);
	const struct admission_peer peer = {.certs = certs, .at = NOW};
	struct revcheck_trust *pinned;
	struct admission a;

	(void)state;
	assert_int_equal(revcheck_trust_new(&pinned, &ca.cert, 1, NULL), 0);
	t.trust = pinned;
	assert_true(admission_check(&a, &t, &peer));
	assert_ptr_equal(a.path, a.found);
	assert_int_equal(revcheck_certs_num(a.found), 2);
	admission_cleanup(&a);
	revcheck_trust_free(pinned);
	revcheck_certs_free(certs);
}

static void
when_a_path_still_holds(void **state)
{
	struct conf weaker = {.policy.security_level = -1};
	struct admission_terms t = usual(), o;

	(void)state;
	o = t;
	assert_true(admission_same_path(&t, &o));
	o.trust = trust_other;
	assert_false(admission_same_path(&t, &o));
	o = t;
	o.conf = &weaker;
	assert_false(admission_same_path(&t, &o));
	o = t;
	o.inbound = false;
	assert_false(admission_same_path(&t, &o));
}

/* An answer about a path that was denied already lets nobody in. */
static void
a_denial_is_the_end(void **state)
{
	struct admission a = {.why = ADMISSION_SUBJECT};

	(void)state;
	a.path = live_path(&leaf);
	admission_hear(&a, NULL);
	assert_int_equal(a.why, ADMISSION_SUBJECT);
	a.why = ADMISSION_UNDECIDED;
	admission_fail(&a, X509_V_OK, "nobody answers");
	assert_int_equal(a.why, ADMISSION_ERROR);
	assert_int_not_equal(a.x509_error, X509_V_OK);
	revcheck_certs_free((struct revcheck_certs *)(uintptr_t)a.path);
	/* Nothing was verified: there is nothing to answer about. */
	a = (struct admission){0};
	admission_hear(&a, NULL);
	assert_int_equal(a.why, ADMISSION_UNDECIDED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_path),
	    cmocka_unit_test(no_trust_or_another),
	    cmocka_unit_test(a_stranger_over_remembered_issuers),
	    cmocka_unit_test(memory_saves_the_work_not_the_dates),
	    cmocka_unit_test(who_is_connected_ends_with_its_certificates),
	    cmocka_unit_test(purpose),
	    cmocka_unit_test(strength),
	    cmocka_unit_test(as_many_certificates_as_are_allowed),
	    cmocka_unit_test(the_name_that_was_dialled),
	    cmocka_unit_test(subjects),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(who_shows_nothing),
	    cmocka_unit_test(a_path_that_leads_elsewhere),
	    cmocka_unit_test(when_a_path_still_holds),
	    cmocka_unit_test(a_denial_is_the_end),
	};

	return cmocka_run_group_tests_name("admission", tests, setup, teardown);
}
