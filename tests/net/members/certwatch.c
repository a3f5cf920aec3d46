/*
 * The gateway's own certificates: stapled to clients that ask, watched for
 * revocation and expiry, loudly, while serving goes on.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "tests/lib/scene.h"

static const char *const names[] = {"main", "second", "brief", "soon", "short",
    "must", "must-not", "stranger", NULL};
#define NUM_NAMES (sizeof(names) / sizeof(names[0]) - 1)

static struct proc brief_proc; /* the responder of 'brief' */
static struct server brief;

/* A client that asks for a staple. */

static X509_STORE *
town_store(void)
{
	X509_STORE *store = X509_STORE_new();
	char *path = town_path(&town, "trust.pem");

	assert_int_equal(X509_STORE_load_file(store, path), 1);
	free(path);
	return store;
}

/* As a careful client does: signature, certificate, status, dates. */
static time_t
staple_must_verify(SSL *ssl, const unsigned char *der, long len)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	OCSP_RESPONSE *resp = d2i_OCSP_RESPONSE(NULL, &der, len);
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(resp);
	ASN1_GENERALIZEDTIME *revoked, *this_update, *next_update;
	X509_STORE *store = town_store();
	OCSP_CERTID *id = OCSP_cert_to_id(
	    NULL, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
	int status, reason;
	struct tm tm;

	assert_non_null(basic);
	assert_int_equal(OCSP_basic_verify(basic, chain, store, 0), 1);
	assert_int_equal(OCSP_resp_find_status(basic, id, &status, &reason,
			     &revoked, &this_update, &next_update),
	    1);
	assert_int_equal(status, V_OCSP_CERTSTATUS_GOOD);
	/* It may have ended on its way here. */
	assert_int_equal(
	    OCSP_check_validity(this_update, next_update, 1, -1), 1);
	assert_int_equal(ASN1_TIME_to_tm(next_update, &tm), 1);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(resp);
	X509_STORE_free(store);
	return timegm(&tm);
}

/*
 * Whether a good staple comes with the certificate of that name. One that is
 * there and does not verify fails the test. The answer is its nextUpdate.
 */
static time_t
stapled(const char *name, int version, int ask)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key");
	struct tls_options o = {.cert = cert,
	    .key = key,
	    .name = name,
	    .version = version,
	    .status = ask};
	const unsigned char *der = NULL;
	time_t next = 0;
	struct tls t;
	long len;

	if (!tls_connect(&t, gw.port, &o))
		fail_msg("%s", t.error);
	len = SSL_get_tlsext_status_ocsp_resp(t.ssl, &der);
	if (len > 0)
		next = staple_must_verify(t.ssl, der, len);
	tls_free(&t);
	free(cert);
	free(key);
	return next;
}

/*
 * The log says it before the last worker has it: connects until it is so, and
 * fails when that takes long.
 */
static void
await_stapled(const char *name, int wanted)
{
	time_t end = time(NULL) + WAIT_MS / 1000;

	while ((stapled(name, 0, 1) != 0) != wanted)
		if (time(NULL) > end)
			fail_msg("%s: %s", name,
			    wanted ? "no staple" : "still a staple");
}

/* The town. */

static X509 *
cert_read(const char *what)
{
	char *path = town_path(&town, what);
	FILE *f = fopen(path, "re");
	X509 *x;

	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	assert_non_null(x);
	fclose(f);
	free(path);
	return x;
}

static EVP_PKEY *
key_read(const char *what)
{
	char *path = town_path(&town, what);
	FILE *f = fopen(path, "re");
	EVP_PKEY *key;

	assert_non_null(f);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	assert_non_null(key);
	fclose(f);
	free(path);
	return key;
}

/*
 * The town's responder says good of own/brief for so long. Returns its
 * nextUpdate.
 */
static time_t
brief_respond(long sec)
{
	X509 *leaf = cert_read("own/brief.pem");
	X509 *ca = cert_read("doorman/ca.pem");
	X509 *signer = cert_read("doorman/ocsp.pem");
	EVP_PKEY *key = key_read("doorman/ocsp.key");
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	time_t now = time(NULL);
	ASN1_TIME *from = ASN1_TIME_set(NULL, now);
	ASN1_TIME *until = ASN1_TIME_set(NULL, now + sec);
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, leaf, ca);
	char *dir = realpath(".", NULL), *script;
	unsigned char *der = NULL;
	OCSP_RESPONSE *resp;
	int len;

	assert_non_null(OCSP_basic_add1_status(
	    basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, until));
	assert_int_equal(
	    OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, 0), 1);
	resp = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	len = i2d_OCSP_RESPONSE(resp, &der);
	assert_true(len > 0);
	file_write("brief.der", der, (size_t)len);
	script = xasprintf("/brief* file=%s/brief.der", dir);
	control(&brief, "/_script", script);
	free(script);
	free(dir);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(resp);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	EVP_PKEY_free(key);
	X509_free(signer);
	X509_free(ca);
	X509_free(leaf);
	return now + sec;
}

static void
add_identity(cJSON *list, const char *what, const char *name)
{
	cJSON *o = cJSON_CreateObject();
	char *cert = xasprintf("%s/%s.pem", town.dir, what);
	char *key = xasprintf("%s/%s.key", town.dir, what);

	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddStringToObject(o, "certificate", cert);
	cJSON_AddStringToObject(o, "key", key);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "server_names"),
	    cJSON_CreateString(name));
	cJSON_AddItemToArray(list, o);
	free(cert);
	free(key);
}

/* "name" shows what is in own/NAME, but for those named otherwise. */
static void
set_identities(const char *const *name)
{
	cJSON *list = cJSON_CreateArray();
	char *text, *what;

	for (; *name != NULL; name++) {
		if (strcmp(*name, "main") == 0)
			what = xstrdup("gateway");
		else if (strcmp(*name, "stranger") == 0)
			what = xstrdup("peers/stranger");
		else
			what = xasprintf("own/%s", *name);
		add_identity(list, what, *name);
		free(what);
	}
	text = cJSON_PrintUnformatted(list);
	gateway_set(&gw, "identities", text);
	free(text);
	cJSON_Delete(list);
}

static int
setup(void **state)
{
	char *url, *dir;

	town_start(&town, "net", NULL);
	badhttp_start(&brief_proc, &brief, "brief.log", "--root", ".", NULL);
	url = xasprintf("http://127.0.0.1:%d/brief", brief.port);
	dir = town_path(&town, "own");
	dir_make(dir);
	free(dir);
	town_ca(
	    &town, "leaf", "doorman", "own/second", "--kind", "server", NULL);
	town_ca(&town, "leaf", "doorman", "own/brief", "--kind", "server",
	    "--ocsp-url", url, NULL);
	town_ca(&town, "leaf", "doorman", "own/soon", "--kind", "server",
	    "--until", "+20d", NULL);
	town_ca(&town, "leaf", "doorman", "own/short", "--kind", "server",
	    "--until", "+5d", NULL);
	town_ca(&town, "leaf", "doorman", "own/must", "--kind", "server",
	    "--must-staple", "yes", "--ocsp-url", "none", NULL);
	town_ca(&town, "leaf", "doorman", "own/must-not", "--kind", "server",
	    "--must-staple", "yes", NULL);
	town_ca(
	    &town, "leaf", "doorman", "own/later", "--kind", "server", NULL);
	gateway_prepare(&gw, "gateway", &town);
	set_identities(names);
	gateway_set(&gw, "revocation.min_refresh_sec", "1");
	gateway_set(&gw, "log.level", "\"debug\"");
	(void)brief_respond(3600);
	gateway_start(&gw);
	free(url);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	proc_cleanup(&brief_proc);
	town_stop(&town);
	return 0;
}

/* What monitors see. */

/* The value of the sample that begins so, or -1. */
static double
metric(const char *begins)
{
	double value = -1;
	struct web w;

	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_int_equal(w.status, 200);
	for (char *save = NULL, *line = strtok_r(w.body, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, begins, strlen(begins)) == 0)
			value = strtod(strrchr(line, ' '), NULL);
	web_free(&w);
	return value;
}

/* metric_of("status", "main", ",status=\"good\"") */
static double
metric_of(const char *what, const char *identity, const char *more)
{
	char *begins =
	    xasprintf("p2p_gateway_certificate_%s{identity=\"%s\"%s} ", what,
		identity, more);
	double value = metric(begins);

	free(begins);
	return value;
}

/*
 * Seconds from now to the time that left_of("not_after", "main", "...") names;
 * NONE: there is none.
 */
#define NONE (-1e9)
static double
left_of(const char *what, const char *identity, const char *more)
{
	char *name = xasprintf("%s_timestamp_seconds", what);
	double at = metric_of(name, identity, more);

	free(name);
	return at == -1 ? NONE : at - (double)time(NULL);
}

/* Whether /readyz gives a reason that contains text; it is ready all along. */
static int
degraded_by(const char *text)
{
	struct web w;
	int found;

	rest(&gw, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 200);
	found = strstr(w.body, text) != NULL;
	if (found)
		assert_true(cJSON_IsTrue(json_at(w.json, "degraded")));
	web_free(&w);
	return found;
}

/* A copy of what /status says about an identity, or NULL. */
static cJSON *
identity_status(const char *name)
{
	const cJSON *item;
	cJSON *found = NULL;
	struct web w;

	rest(&gw, &w, "GET", "/status", NULL);
	assert_int_equal(w.status, 200);
	cJSON_ArrayForEach(item,
	    json_at(w.json, "identities")) if (strcmp(json_text(item, "name"),
						   name) == 0) found =
	    cJSON_Duplicate(item, 1);
	web_free(&w);
	return found;
}

static void
put_section(const char *config)
{
	rest_push(&gw, "revcheck", config, 202);
}

/*
 * Has evidence fetched again until it is said. A refresh within a second of the
 * one before does nothing.
 */
static void
refresh_until(const char *text)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	char *line;
	struct web w;

	do {
		rest(&gw, &w, "POST", "/cache/refresh", "");
		assert_int_equal(w.status, 202);
		web_free(&w);
		line = proc_await(&gw.proc, text, 400);
		if (line == NULL && time(NULL) > end)
			fail_msg("not said: %s", text);
	} while (line == NULL);
	free(line);
}

/* Tests. */

/* Until it has the response that ends then. */
static void
refresh_brief(time_t next)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	struct web w;

	while (stapled("brief", 0, 1) != next) {
		rest(&gw, &w, "POST", "/cache/refresh", "");
		assert_int_equal(w.status, 202);
		web_free(&w);
		if (time(NULL) > end)
			fail_msg("no fresh staple");
	}
}

/* Served until its nextUpdate although the responder is gone, and no longer. */
static void
a_staple_ends_with_its_next_update(void **state)
{
	time_t next, before;
	char *line = NULL;
	struct web w;

	await_stapled("brief", 1);
	/* A newer one takes its place. */
	next = brief_respond(4);
	refresh_brief(next);
	control(&brief, "/_script", "/brief* close");
	/* Not even the engine has it any more, and it is still good. */
	rest(&gw, &w, "DELETE", "/cache", NULL);
	assert_int_equal(w.status, 204);
	web_free(&w);
	proc_mark(&gw.proc);
	for (;;) {
		before = time(NULL);
		if (stapled("brief", 0, 1) == 0)
			break;
		assert_true(before < next);
		/* Some time goes by, or the news come. */
		if (line == NULL)
			line = proc_await(&gw.proc,
			    "own certificate is not stapled any more "
			    "(identity='brief')",
			    50);
	}
	assert_true(time(NULL) >= next);
	if (line == NULL)
		gateway_must_say_next(&gw,
		    "own certificate is not stapled any more "
		    "(identity='brief')");
	assert_true(left_of("staple_until", "brief", "") == NONE);
	/* With the next response it begins again. */
	next = brief_respond(3600);
	refresh_brief(next);
	assert_true(left_of("staple_until", "brief", "") > 3000);
	free(line);
}

static void
a_staple_comes_by_name_to_who_asks(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	double sent;

	await_stapled("main", 1);
	await_stapled("second", 1);
	sent = metric("p2p_gateway_staples_total{result=\"sent\"} ");
	for (size_t i = 0; i < 2; i++) {
		assert_true(stapled(NULL, versions[i], 1));
		assert_true(stapled("second", versions[i], 1));
		assert_false(stapled("second", versions[i], 0));
		/* There is no response for this one. */
		assert_false(stapled("must", versions[i], 1));
	}
	assert_true(
	    metric("p2p_gateway_staples_total{result=\"sent\"} ") == sent + 4);
	assert_true(
	    metric("p2p_gateway_staples_total{result=\"missing\"} ") >= 2);
}

/* The tool that operators have. */
static void
s_client_sees_a_good_staple(void **state)
{
	static const char *const versions[] = {"-tls1_2", "-tls1_3"};

	for (size_t i = 0; i < 2; i++) {
		char *command = xasprintf(
		    "openssl s_client -status %s -connect 127.0.0.1:%d "
		    "-servername second -cert net/peers/good.pem "
		    "-cert_chain net/peers/good.pem -key net/peers/good.key "
		    "-CAfile net/trust.pem -verify_return_error </dev/null",
		    versions[i], gw.port);
		const char *argv[] = {"/bin/sh", "-c", command, NULL};
		char *out;

		if (proc_run(argv, "s_client.log", WAIT_MS, &out) != 0 ||
		    strstr(out, "OCSP Response Status: successful (0x0)") ==
			NULL ||
		    strstr(out, "Cert Status: good") == NULL ||
		    strstr(out, "Verify return code: 0 (ok)") == NULL)
			fail_msg("%s", out);
		free(out);
		free(command);
	}
}

static void
near_expiry_is_said_and_shown(void **state)
{
	cJSON *o;

	assert_true(proc_says(&gw.proc,
	    "warn  own certificate expires in 20.0 days (identity='soon' "
	    "certificate=0)"));
	assert_true(proc_says(&gw.proc,
	    "error own certificate expires in 5.0 days (identity='short' "
	    "certificate=0)"));
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "days (identity='main'"));
	assert_true(degraded_by("identity 'soon' expires in 20.0 days"));
	assert_true(degraded_by("identity 'short' expires in 5.0 days"));
	assert_true(left_of("not_after", "short", ",index=\"0\"") > 431000);
	assert_true(left_of("not_after", "short", ",index=\"0\"") <= 432000);
	assert_true(left_of("not_after", "short", ",index=\"1\"") > 432000);
	o = identity_status("short");
	assert_string_equal(json_text(o, "expiry"), "error");
	assert_string_equal(json_text(o, "use"), "tls");
	cJSON_Delete(o);
}

static void
a_must_that_is_not_stapled_is_said(void **state)
{
	cJSON *o;

	await_stapled("must-not", 1);
	assert_int_equal(proc_count(&gw.proc,
			     "must be stapled (RFC 7633) and there is no "
			     "staple, peers may refuse it (identity='must')"),
	    1);
	gateway_settle_log(&gw);
	assert_false(
	    proc_said(&gw.proc, "peers may refuse it (identity='must-not')"));
	assert_true(degraded_by("identity 'must' must be stapled"));
	assert_false(degraded_by("identity 'must-not'"));
	o = identity_status("must-not");
	assert_true(cJSON_IsTrue(json_at(o, "mustStaple")));
	cJSON_Delete(o);
}

static void
nobody_vouches_is_said_once(void **state)
{
	static const char text[] =
	    "info  own certificate is watched for its expiry only: no "
	    "configured anchor vouches for it (identity='stranger')";
	cJSON *o = identity_status("stranger");

	assert_string_equal(json_text(o, "status"), "not-asked");
	cJSON_Delete(o);
	proc_mark(&gw.proc);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(&gw, "reloaded the configuration");
	/* A round of all of them is over when the last one is answered. */
	put_section("{}");
	assert_int_equal(proc_count(&gw.proc, text), 1);
	assert_int_equal(proc_count(&gw.proc, "days (identity='short'"), 1);
	assert_true(left_of("not_after", "stranger", ",index=\"0\"") > 0);
}

static void
revoked_is_loud_and_serving_goes_on(void **state)
{
	struct tls t;
	cJSON *o;

	assert_true(metric_of("status", "main", ",status=\"good\"") == 1);
	assert_true(left_of("known_good", "main", "") > -86400);
	assert_true(left_of("known_good", "main", "") <= 0);
	proc_mark(&gw.proc);
	town_ca(
	    &town, "revoke", "gateway", "--reason", "certificateHold", NULL);
	refresh_until("error own certificate is revoked and must be replaced, "
		      "peers will refuse it: certificate 0 'C=GB");
	await_stapled("main", 0);
	assert_true(metric_of("status", "main", ",status=\"revoked\"") == 1);
	assert_true(metric_of("status", "main", ",status=\"good\"") == -1);
	assert_true(left_of("known_good", "main", "") > -86400);
	assert_true(left_of("known_good", "main", "") <= 0);
	assert_true(degraded_by("identity 'main' is revoked: certificate 0"));
	o = identity_status("main");
	assert_string_equal(json_text(o, "status"), "revoked");
	assert_non_null(strstr(json_text(o, "text"), "certificateHold"));
	assert_null(json_text(o, "stapleUntil"));
	cJSON_Delete(o);
	/* Still served, and the others are as before. */
	tls_enter(&t, &town, "good", gw.port, 0);
	tls_free(&t);
	assert_true(stapled("second", 0, 1));
	assert_true(metric_of("status", "second", ",status=\"good\"") == 1);
	assert_int_equal(proc_count(&gw.proc, "own certificate is revoked"), 1);
	/* And back. */
	town_ca(&town, "release", "gateway", NULL);
	refresh_until("info  own certificate is good: certificate 0");
	await_stapled("main", 1);
	assert_false(degraded_by("identity 'main'"));
}

/* A certificate of the town on the denylist; id is the path of the entry. */
static void
deny(const char *what, char id[80])
{
	char *path = town_path(&town, what), *pem = file_need(path, NULL);
	cJSON *o = cJSON_CreateObject();
	char *body;
	struct web w;

	/* The first of the file. */
	strstr(pem, "-----END CERTIFICATE-----\n")[26] = '\0';
	cJSON_AddStringToObject(o, "certificate", pem);
	body = cJSON_PrintUnformatted(o);
	rest(&gw, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 201);
	snprintf(id, 80, "/denylist/%s", json_text(w.json, "id"));
	web_free(&w);
	free(body);
	free(pem);
	free(path);
	cJSON_Delete(o);
}

static void
await_status(const char *identity, const char *status)
{
	char *label = xasprintf(",status=\"%s\"", status);
	time_t end = time(NULL) + WAIT_MS / 1000;

	while (metric_of("status", identity, label) != 1)
		if (time(NULL) > end)
			fail_msg("%s is not %s", identity, status);
	free(label);
}

/* Evidence is gone and all are asked about anew: does nobody hear of it? */
static int
epoch_round(void)
{
	unsigned long before;
	struct web w;

	rest(&gw, &w, "DELETE", "/cache", NULL);
	assert_int_equal(w.status, 204);
	web_free(&w);
	before = hits(&town.ocsp, "") + hits(&town.web, "");
	put_section("{}");
	for (size_t i = 0; i < NUM_NAMES; i++)
		await_status(names[i], "not-asked");
	return hits(&town.ocsp, "") + hits(&town.web, "") == before;
}

/* With the switch off nobody is asked, and what is stapled would go stale. */
static void
off_means_expiry_only(void **state)
{
	int quiet = 0;
	struct web w;
	char id[80];

	proc_mark(&gw.proc);
	rest_mode(&gw, "OFF");
	await_stapled("main", 0);
	await_status("main", "not-asked");
	assert_true(left_of("not_after", "main", ",index=\"0\"") > 0);
	assert_true(degraded_by("identity 'short' expires"));
	/* The denylist counts in every mode. */
	deny("gateway.pem", id);
	gateway_must_say_next(
	    &gw, "error own certificate is revoked and must be replaced");
	assert_true(metric_of("status", "main", ",status=\"revoked\"") == 1);
	rest(&gw, &w, "DELETE", id, NULL);
	assert_int_equal(w.status, 204);
	web_free(&w);
	/* What was fetched for others, or before, may still be on its way. */
	for (int i = 0; i < 20 && quiet < 2; i++)
		quiet = epoch_round() ? quiet + 1 : 0;
	assert_int_equal(quiet, 2);
	rest_mode(&gw, "SOFT_FAIL");
	await_stapled("main", 1);
}

static void
stapling_can_be_switched_off(void **state)
{
	struct web w;

	put_section("{\"ownCertificates\":{\"staple\":false}}");
	await_stapled("main", 0);
	assert_true(metric_of("status", "main", ",status=\"good\"") == 1);
	put_section("{\"order\":\"CRL\"}");
	gateway_must_say_next(&gw, "configuration changed");
	assert_false(stapled("main", 0, 1));
	put_section("{\"ownCertificates\":{\"warnDays\":10}}");
	await_stapled("main", 1);
	assert_false(degraded_by("identity 'soon'"));
	rest(&gw, &w, "PUT", "/config",
	    "{\"section\":\"revcheck\",\"version\":-1,\"config\":"
	    "{\"ownCertificates\":{\"warnDays\":3}},"
	    "\"schemaVersion\":{\"major\":1,\"minor\":0}}");
	assert_true(w.status == 400 || w.status == 409);
	web_free(&w);
	put_section("{}");
}

static void
a_reload_makes_the_list_again(void **state)
{
	static const char *const others[] = {"main", "later", NULL};

	set_identities(others);
	gateway_write(&gw);
	proc_mark(&gw.proc);
	proc_signal(&gw.proc, SIGHUP);
	gateway_must_say_next(
	    &gw, "own certificate is stapled (identity='later')");
	await_stapled("later", 1);
	/* What stays is stapled without a gap. */
	assert_true(stapled("main", 0, 1));
	assert_true(metric_of("status", "later", ",status=\"good\"") == 1);
	assert_true(left_of("not_after", "second", ",index=\"0\"") == NONE);
	assert_null(identity_status("second"));
}

/* Nobody would get in: only then it is not ready. */
static void
all_expired_is_not_ready(void **state)
{
	struct gateway old;
	char *key, *config;
	struct web w;

	town_ca(&town, "leaf", "doorman", "own/old", "--kind", "server",
	    "--from", "-30d", "--until", "-1d", NULL);
	gateway_prepare(&old, "old", &town);
	key = xasprintf("%s/own/old", town.dir);
	config = xasprintf("[{\"name\":\"old\",\"certificate\":\"%s.pem\","
			   "\"key\":\"%s.key\"}]",
	    key, key);
	gateway_set(&old, "identities", config);
	gateway_start(&old);
	rest(&old, &w, "GET", "/readyz", NULL);
	assert_int_equal(w.status, 503);
	assert_non_null(strstr(w.body, "identity 'old' has expired"));
	web_free(&w);
	assert_true(proc_says(&old.proc,
	    "error own certificate has expired and must be replaced "
	    "(identity='old' certificate=0)"));
	gateway_free(&old);
	free(key);
	free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_staple_ends_with_its_next_update),
	    cmocka_unit_test(a_staple_comes_by_name_to_who_asks),
	    cmocka_unit_test(s_client_sees_a_good_staple),
	    cmocka_unit_test(near_expiry_is_said_and_shown),
	    cmocka_unit_test(a_must_that_is_not_stapled_is_said),
	    cmocka_unit_test(nobody_vouches_is_said_once),
	    cmocka_unit_test(revoked_is_loud_and_serving_goes_on),
	    cmocka_unit_test(off_means_expiry_only),
	    cmocka_unit_test(stapling_can_be_switched_off),
	    cmocka_unit_test(a_reload_makes_the_list_again),
	    cmocka_unit_test(all_expired_is_not_ready),
	};

	return cmocka_run_group_tests_name(
	    "own certificates", tests, setup, teardown);
}
