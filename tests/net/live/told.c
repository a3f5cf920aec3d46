/*
 * Who was let in while a source was silent goes when it speaks; who rests on
 * what has changed is asked again, and nobody else; and when evidence runs out.
 *
 *	root -> ca0 ... caN -> each a few peers; CRLs of all behind one server
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/issuer.h"
#include "tests/lib/pkimake.h"
#include "tests/lib/scene.h"

#define CAS  12
#define EACH 3
#define DAY  86400
#define SKEW 300 /* that the engine allows for */

static struct proc proc;
static struct server web; /* serves ./www */
static struct issuer root, cas[CAS];

/* The town's own sources: of peers/revoked and sessions/revoked. */
static void
town_says(const char *what)
{
	char *script = xasprintf("/* %s", what);

	control(&town.ocsp, "/_script", script);
	control(&town.web, "/_script", script);
	free(script);
}

static void
issue(struct issuer *out, const struct issuer *by, const char *cn, long serial,
    const char *crl, bool is_ca)
{
	char *url = xasprintf("http://127.0.0.1:%d/%s.crl", web.port, crl);

	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = by,
		.serial = serial,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.constraints = is_ca ? "critical,CA:TRUE" : NULL,
		.usage = is_ca ? "critical,keyCertSign,cRLSign" : NULL,
		.crl_url = by != NULL ? url : NULL});
	free(url);
}

static void
list_for(const char *name, const struct issuer *by, long number,
    const long *serials, time_t next)
{
	char *path = xasprintf("www/%s.crl", name);

	issuer_write_crl(path,
	    &(struct issuer_crl){.by = by,
		.number = number,
		.from = time(NULL) - DAY + number,
		.next = next,
		.serials = serials});
	free(path);
}

/* peers/NAME.pem and .key of the town, its CA's certificate along. */
static void
peer_make(const char *name, const struct issuer *ca, const char *crl, long n)
{
	char *pem = xasprintf("%s/peers/%s.pem", town.dir, name);
	char *key = xasprintf("%s/peers/%s.key", town.dir, name);
	struct issuer peer;
	FILE *f;

	issue(&peer, ca, name, n, crl, false);
	pki_write(pem, peer.cert, NULL);
	pki_write(key, NULL, peer.key);
	f = fopen(pem, "a");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, ca->cert), 1);
	assert_int_equal(fclose(f), 0);
	issuer_cleanup(&peer);
	free(pem);
	free(key);
}

static int
setup(void **state)
{
	char name[32], crl[32];

	scene_setup(state);
	dir_make("www");
	badhttp_start(&proc, &web, "badhttp.log", "--root", "www", NULL);
	issue(&root, NULL, "root", 1, "", true);
	pki_write("anchor.pem", root.cert, NULL);
	list_for("root", &root, 1, NULL, time(NULL) + DAY);
	for (int i = 0; i < CAS; i++) {
		snprintf(crl, sizeof(crl), "ca%d", i);
		issue(&cas[i], &root, crl, 10 + i, "root", true);
		list_for(crl, &cas[i], 1, NULL, time(NULL) + DAY);
		for (int k = 0; k < EACH; k++) {
			snprintf(name, sizeof(name), "p%d-%d", i, k);
			peer_make(name, &cas[i], crl, 100 + k);
		}
	}
	return 0;
}

static int
teardown(void **state)
{
	for (int i = 0; i < CAS; i++)
		issuer_cleanup(&cas[i]);
	issuer_cleanup(&root);
	proc_stop(&proc, WAIT_MS);
	proc_cleanup(&proc);
	return scene_teardown(state);
}

static void
prepare(const char *mode)
{
	scene_prepare();
	gateway_set(&gw, "revocation.mode", mode);
	gateway_set(&gw, "recheck.grace_ms", "0");
	gateway_set(&gw, "recheck.jitter_ms", "0");
}

/* With the root above. */
static void
prepare_ours(const char *mode)
{
	prepare(mode);
	gateway_set(
	    &gw, "trust", "[{\"group\":\"test\",\"anchors\":\"anchor.pem\"}]");
	gateway_start(&gw);
}

static void
come_in(struct tls *t, const char *peer)
{
	tls_enter(t, &town, peer, gw.port, 0);
}

/* Nobody asks, no policy changes: the source speaks again, and that is all. */
static void
who_came_in_during_an_outage_is_cut_by_the_answer(void **state)
{
	struct tls good, revoked;

	(void)state;
	prepare("\"SOFT_FAIL\"");
	gateway_start(&gw);
	town_says("500");
	come_in(&revoked, "revoked");
	come_in(&good, "good");
	gateway_must_say(&gw, "soft failure");
	town_says("origin");
	tls_must_be_cut(&revoked);
	gateway_must_say(&gw,
	    "cutting off inbound peer 'C=GB,L=London,"
	    "O=revoked'");
	assert_int_equal(tls_echo(&good), 1);
	workers_must_count(&gw, "recheck_closed", 1);
	tls_free(&good);
}

/* A session that was Active for want of an answer is withdrawn by it. */
static void
so_is_a_session(void **state)
{
	char *path = fixture_path("ca"), *body;
	const char *argv[] = {path, "body", town.dir, "sessions/revoked",
	    "--mode", "SOFT_FAIL", "--trust", "trust", NULL};
	struct web w;

	(void)state;
	assert_int_equal(proc_run(argv, "body.log", WAIT_MS, &body), 0);
	prepare("\"SOFT_FAIL\"");
	gateway_start(&gw);
	town_says("500");
	rest(&gw, &w, "POST", "/revocation/check", body);
	assert_int_equal(w.status, 200);
	assert_non_null(json_at(w.json, "status.Active"));
	web_free(&w);
	town_says("origin");
	rest(
	    &gw, &w, "GET", "/revocation/events?after=0&timeoutMs=25000", NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(json_number(w.json, "events.0.number"), 1);
	assert_string_equal(
	    json_text(w.json, "events.0.report.decision"), "refuse");
	web_free(&w);
	free(path);
	free(body);
}

/*
 * One CRL of many changes. Those of its CA are asked about, and nobody else;
 * who comes in is not asked about for the evidence that he brought here.
 */
static void
one_changed_crl_asks_its_own(void **state)
{
	const long listed[] = {100 + EACH - 1, 0};
	struct tls t[CAS][EACH];
	char name[32];

	(void)state;
	prepare_ours("\"HARD_FAIL\"");
	for (int i = 0; i < CAS; i++)
		for (int k = 0; k < EACH; k++) {
			snprintf(name, sizeof(name), "p%d-%d", i, k);
			come_in(&t[i][k], name);
		}
	assert_int_equal(workers_counted(&gw, "rechecks"), 0);
	list_for("ca5", &cas[5], 2, listed, time(NULL) + DAY);
	for (unsigned n = 0; n < 300; n++) {
		/* Not more than once a second for a source. */
		rest_expect(&gw, "POST", "/cache/refresh", 202);
		if (workers_counted(&gw, "rechecks") >= EACH)
			break;
		usleep(100000);
	}
	tls_must_be_cut(&t[5][EACH - 1]);
	for (int i = 0; i < CAS; i++)
		for (int k = 0; k < EACH; k++) {
			if (i == 5 && k == EACH - 1)
				continue;
			assert_int_equal(tls_echo(&t[i][k]), 1);
			tls_free(&t[i][k]);
		}
	workers_must_count(&gw, "rechecks", EACH);
	workers_must_count(&gw, "recheck_closed", 1);
	list_for("ca5", &cas[5], 3, NULL, time(NULL) + DAY);
}

/* Nothing is told, nobody asks: it has run out, and the source is gone. */
static void
who_rests_on_what_ran_out_is_asked_about(void **state)
{
	struct tls brief, other;

	(void)state;
	for (int sec = 3;; sec *= 2) {
		assert_true(sec < 100);
		prepare_ours("\"HARD_FAIL\"");
		control(&web, "/_script", "/ca7.crl origin");
		list_for(
		    "ca7", &cas[7], 100 + sec, NULL, time(NULL) - SKEW + sec);
		if (tls_try(&town, "p7-0", gw.port, 0) == TLS_IN)
			break;
		scene_end(state);
	}
	come_in(&other, "p6-0");
	come_in(&brief, "p7-1");
	control(&web, "/_script", "/ca7.crl 500");
	tls_must_be_cut(&brief);
	gateway_must_say(&gw, "cutting off inbound peer 'CN=p7-1'");
	assert_int_equal(tls_echo(&other), 1);
	workers_must_count(&gw, "rechecks", 1);
	tls_free(&other);
	control(&web, "/_script", "/ca7.crl origin");
	list_for("ca7", &cas[7], 900, NULL, time(NULL) + DAY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(who_came_in_during_an_outage_is_cut_by_the_answer),
	    SCENE(so_is_a_session),
	    SCENE(one_changed_crl_asks_its_own),
	    SCENE(who_rests_on_what_ran_out_is_asked_about),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
