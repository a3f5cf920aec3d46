/*
 * Who is cut, and when: an entry of the denylist, a CRL that newly lists a
 * peer, a list of subjects that does not. Exactly that peer's connections end,
 * after the grace and the jitter that are configured.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define EACH      4 /* connections of each peer */
#define GRACE_MS  1500
#define JITTER_MS 2500
#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"

static void
come_in(struct tls *t, const char *peer, int num)
{
	for (int i = 0; i < num; i++)
		tls_enter(&t[i], &town, peer, gw.port,
		    i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
}

/* Waits for the end of connections on which nothing is said: close_notify. */
static void
must_be_cut(struct tls *t, int num)
{
	char byte;

	for (int i = 0; i < num; i++) {
		assert_int_equal(tls_read(&t[i], &byte, 1), 0);
		tls_free(&t[i]);
	}
}

static void
must_live(struct tls *t, int num)
{
	for (int i = 0; i < num; i++) {
		assert_int_equal(tls_echo(&t[i]), 1);
		tls_free(&t[i]);
	}
}

/* Puts the certificate in a file on the denylist; the entry's path. */
static char *
deny_file(const char *what)
{
	char *path = xasprintf("%s/%s.pem", town.dir, what), *entry;
	char *pem = file_need(path, NULL), *body;
	cJSON *o = cJSON_CreateObject();
	struct web w;

	cJSON_AddStringToObject(o, "certificate", pem);
	cJSON_AddStringToObject(o, "reason", "stolen laptop");
	body = cJSON_PrintUnformatted(o);
	rest(&gw, &w, "POST", "/denylist", body);
	if (w.status != 201)
		fail_msg("denylist: %ld %s", w.status, w.body);
	entry = xasprintf("/denylist/%s", json_text(w.json, "id"));
	web_free(&w);
	free(body);
	cJSON_Delete(o);
	free(pem);
	free(path);
	return entry;
}

static char *
deny(const char *peer)
{
	char *what = xasprintf("peers/%s", peer), *entry = deny_file(what);

	free(what);
	return entry;
}

static void
an_entry_of_the_denylist(void **state)
{
	unsigned long long closed = node_stat(&town.node, "closed");
	struct tls good[EACH], fresh[EACH];
	char *entry;

	(void)state;
	scene_prepare();
	gateway_start(&gw);
	come_in(good, "good", EACH);
	come_in(fresh, "fresh", EACH);
	entry = deny("fresh");
	must_be_cut(fresh, EACH);
	/* The node is told, too. */
	node_await(&town.node, "closed", closed + EACH);
	assert_int_equal(tls_try(&town, "fresh", gw.port, TLS1_2_VERSION),
	    ALERT_CERTIFICATE_REVOKED);
	assert_int_equal(tls_try(&town, "fresh", gw.port, TLS1_3_VERSION),
	    ALERT_CERTIFICATE_REVOKED);
	must_live(good, EACH);
	rest_expect(&gw, "DELETE", entry, 204);
	assert_int_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
	assert_int_equal(
	    proc_count(&gw.proc, "cutting off inbound peer"), EACH);
	assert_int_equal(
	    proc_count(
		&gw.proc, "cutting off inbound peer 'C=GB,L=London,O=fresh'"),
	    EACH);
	free(entry);
}

/* What a session of a good chain is told: Active or Revoked. */
static void
session_must_be(const char *word)
{
	char *ca = fixture_path("ca"), *body;
	const char *argv[] = {ca, "body", town.dir, "sessions/good", "--mode",
	    "SOFT_FAIL", "--trust", "trust", NULL};
	struct web w;

	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &body), 0);
	rest(&gw, &w, "POST", "/revocation/check", body);
	if (json_at(json_at(w.json, "status"), word) == NULL)
		fail_msg("%s", w.body);
	web_free(&w);
	free(body);
	free(ca);
}

/* The root that all trust is in: nobody stays, nobody comes, in any mode. */
static void
an_anchor_is_denied(void **state)
{
	static const char *const modes[] = {
	    "\"OFF\"", "\"SOFT_FAIL\"", "\"HARD_FAIL\""};
	struct tls good[EACH];
	char *entry;

	(void)state;
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		scene_prepare();
		gateway_set(&gw, "revocation.mode", modes[m]);
		gateway_start(&gw);
		come_in(good, "good", EACH);
		session_must_be("Active");
		entry = deny_file("trust");
		must_be_cut(good, EACH);
		assert_int_equal(tls_try(&town, "good", gw.port, 0),
		    ALERT_CERTIFICATE_REVOKED);
		session_must_be("Revoked");
		rest_expect(&gw, "DELETE", entry, 204);
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
		session_must_be("Active");
		free(entry);
		gateway_stop(&gw);
		gateway_free(&gw);
	}
}

/* Nobody tells the gateway; it is only told to look. */
static void
a_list_that_is_fetched_again(void **state)
{
	struct tls good[EACH], unseen[EACH];

	(void)state;
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	gateway_set(&gw, "revocation.order", "\"CRL\"");
	gateway_set(&gw, "revocation.min_refresh_sec", "1");
	gateway_start(&gw);
	come_in(good, "good", EACH);
	come_in(unseen, "unseen", EACH);
	town_ca(&town, "revoke", "peers/unseen", NULL);
	rest_expect(&gw, "POST", "/cache/refresh", 202);
	must_be_cut(unseen, EACH);
	assert_int_equal(
	    tls_try(&town, "unseen", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	must_live(good, EACH);
	assert_int_equal(
	    proc_count(&gw.proc, "cutting off inbound peer"), EACH);
}

static void
a_list_of_subjects(void **state)
{
	struct tls good[EACH], fresh[EACH];

	(void)state;
	scene_prepare();
	gateway_set(&gw, "tls.allowed_subjects",
	    "[\"C=GB,L=London,O=good\",\"c=gb,l=london,o=fresh\"]");
	gateway_start(&gw);
	come_in(good, "good", EACH);
	come_in(fresh, "fresh", EACH);
	/* Its certificate is as good, but nobody has named it. */
	assert_true(tls_try(&town, "crlonly", gw.port, TLS1_2_VERSION) > 0);
	assert_true(tls_try(&town, "crlonly", gw.port, TLS1_3_VERSION) > 0);
	assert_true(proc_says(
	    &gw.proc, "subject is not on the list of allowed subjects"));
	/* A list kept over REST takes the place of the file's. */
	rest_expect(
	    &gw, "PUT", SUBJECTS "/C%3DGB,%20L%3DLondon,%20O%3Dgood", 204);
	must_be_cut(fresh, EACH);
	assert_true(tls_try(&town, "fresh", gw.port, 0) >= 0);
	must_live(good, EACH);
}

/* How long it took until all had ended; *first: until the first had. */
static long long
time_to_end(struct tls *t, int num, long long from, long long *first)
{
	struct pollfd p[64];
	long long last = 0;
	int left = num;
	char byte;

	assert_true(num <= 64);
	for (int i = 0; i < num; i++)
		p[i] = (struct pollfd){.fd = t[i].fd, .events = POLLIN};
	*first = 0;
	while (left > 0) {
		assert_true(poll(p, (nfds_t)num, WAIT_MS) > 0);
		last = mono_ms() - from;
		if (*first == 0)
			*first = last;
		for (int i = 0; i < num; i++) {
			if (p[i].fd < 0 || p[i].revents == 0)
				continue;
			assert_int_not_equal(tls_read(&t[i], &byte, 1), 1);
			p[i].fd = -1;
			left--;
		}
	}
	return last;
}

/* Only too early is wrong: a machine may always be slow. */
static void
grace_is_given(void **state)
{
	struct tls good, fresh[EACH];
	long long from, first;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "recheck.grace_ms", "1500");
	gateway_start(&gw);
	come_in(fresh, "fresh", EACH);
	come_in(&good, "good", 1);
	from = mono_ms();
	free(deny("fresh"));
	/* The decision is at once; no new connection has any grace. */
	assert_int_equal(
	    tls_try(&town, "fresh", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	(void)time_to_end(fresh, EACH, from, &first);
	if (first < GRACE_MS)
		fail_msg("cut after %lld ms", first);
	for (int i = 0; i < EACH; i++)
		tls_free(&fresh[i]);
	must_live(&good, 1);
}

static void
jitter_spreads_the_cuts(void **state)
{
	struct tls fresh[20];
	long long from, first, last;

	(void)state;
	scene_prepare();
	gateway_set(&gw, "recheck.jitter_ms", "2500");
	gateway_start(&gw);
	come_in(fresh, "fresh", 20);
	from = mono_ms();
	free(deny("fresh"));
	last = time_to_end(fresh, 20, from, &first);
	/* That all twenty throw less than an eighth: one in 10^18. */
	if (last < JITTER_MS / 8 || last == first)
		fail_msg("cut from %lld to %lld ms", first, last);
	for (int i = 0; i < 20; i++)
		tls_free(&fresh[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(an_entry_of_the_denylist),
	    SCENE(an_anchor_is_denied),
	    SCENE(a_list_that_is_fetched_again),
	    SCENE(a_list_of_subjects),
	    SCENE(grace_is_given),
	    SCENE(jitter_spreads_the_cuts),
	};

	return cmocka_run_group_tests_name(
	    "cut", tests, scene_setup, scene_teardown);
}
