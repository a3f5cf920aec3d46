/*
 * What a network setup presents is watched from then on: its TLS chain and its
 * session chain, revoked later, are seen without any request.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "tests/lib/crlmake.h"
#include "tests/lib/enrol.h"
#include "tests/lib/scene.h"

#define H  "0123456789AB"
#define DN "O=Erin, L=London, C=GB"

static struct pki_ca root;
static struct proc web_proc;
static struct server crl_server;
static char *crl_url;
static char *second_tls, *second_session; /* what is set up in the end */

/* The group's CA. */

static void
add_entry(struct octets *o, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	struct crlmake_entry e = {.serial = ASN1_STRING_get0_data(serial),
	    .serial_len = (size_t)ASN1_STRING_length(serial),
	    .reason = 1};

	crlmake_entry(o, &e);
	X509_free(x);
	BIO_free(bio);
}

/* A CRL that lists these certificates (NULL: no more) for so long. */
static void
publish(long number, long sec, const char *a, const char *b)
{
	struct octets o = {0};
	struct crlmake how = {
	    .issuer = root.cn, .key = root.key, .number = number};
	char from[16], until[16];
	uint8_t *der;
	size_t len;

	pki_time(from, time(NULL));
	pki_time(until, time(NULL) + sec);
	how.this_update = from;
	how.next_update = until;
	if (a != NULL)
		add_entry(&o, a);
	if (b != NULL)
		add_entry(&o, b);
	if (o.len > 0)
		how.entries = &o;
	der = crlmake(&how, &len);
	file_write("group.crl", der, len);
	free(der);
	octets_free(&o);
}

/* Life. */

static int
setup(void **state)
{
	pki_ca_init(&root, "root");
	town_start(&town, "net", NULL);
	badhttp_start(&web_proc, &crl_server, "crl.log", "--root", ".", NULL);
	crl_url = xasprintf("http://127.0.0.1:%d/group.crl", crl_server.port);
	root.crl_url = crl_url;
	gateway_prepare(&gw, "gateway", &town);
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "revocation.min_refresh_sec", "1");
	gateway_set(&gw, "log.level", "\"debug\"");
	gateway_start(&gw);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	proc_cleanup(&web_proc);
	town_stop(&town);
	pki_ca_cleanup(&root);
	free(crl_url);
	free(second_tls);
	free(second_session);
	return 0;
}

static void
enrol_member(void)
{
	char *pem = enrol_pem(root.cert);
	cJSON *body = cJSON_CreateObject(), *context;
	char *text;
	struct web w;

	context = cJSON_AddObjectToObject(body, "context");
	cJSON_AddStringToObject(context, "corda.group.trustroot.tls.0", pem);
	cJSON_AddStringToObject(
	    context, "corda.group.trustroot.session.0", pem);
	text = cJSON_PrintUnformatted(body);
	rest(&gw, &w, "POST", "/membership/" H, text);
	if (w.status != 200)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(text);
	free(pem);
	cJSON_Delete(body);
}

/* Sets the member up with these aliases. */
static void
set_up(const char *tls, const char *session, const char *key)
{
	char *body = xasprintf("{\"p2pTlsCertificateChainAlias\":\"%s\","
			       "\"sessionKeyId\":\"%s\","
			       "\"sessionCertificateChainAlias\":\"%s\"}",
	    tls, key, session);
	struct web w;

	rest(&gw, &w, "PUT", "/network/setup/" H, body);
	if (w.status != 204)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(body);
}

/* 1 if the sample is there and says 1. */
static int
has_status(const char *identity, const char *status)
{
	char *line = xasprintf("\np2p_gateway_certificate_status{identity="
			       "\"%s\",status=\"%s\"} 1\n",
	    identity, status);
	struct web w;
	int found;

	rest(&gw, &w, "GET", "/metrics", NULL);
	assert_int_equal(w.status, 200);
	found = strstr(w.body, line) != NULL;
	web_free(&w);
	free(line);
	return found;
}

/* Whether the gateway shows this certificate to who asks for erin.example. */
static int
presents(const char *pem)
{
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key"), *shown;
	struct tls_options o = {
	    .name = "erin.example", .cert = cert, .key = key};
	struct tls t;
	int same;

	(void)tls_connect(&t, gw.port, &o);
	shown = enrol_pem(SSL_get0_peer_certificate(t.ssl));
	same = strcmp(shown, pem) == 0;
	tls_free(&t);
	free(shown);
	free(cert);
	free(key);
	return same;
}

/* The story. */

static void
a_setup_is_watched(void **state)
{
	char *sid, *sid2, *session, *line;
	char *tls = enrol_identity(
	    &gw, &root, H, "tls", "TLS", "CN=erin", "\"erin.example\"", NULL);
	char *ses =
	    enrol_identity(&gw, &root, H, "ses", "SESSION_INIT", DN, "", &sid);
	char *ses2 = enrol_identity(
	    &gw, &root, H, "ses2", "SESSION_INIT", DN, "", &sid2);

	second_tls = enrol_identity(
	    &gw, &root, H, "tls2", "TLS", "CN=erin2", "\"erin.example\"", NULL);
	session = xasprintf("holding-" H "/session-%s", sid);
	second_session = xasprintf("holding-" H "/session-%s", sid2);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" H "/p2p-tls", "tls", tls, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" H "/p2p-session", "ses", ses, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" H "/p2p-tls", "tls2", second_tls, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" H "/p2p-session", "ses2", ses2, NULL);
	enrol_member();
	publish(1, 2, NULL, NULL);
	set_up("tls", "ses", sid);
	gateway_must_say_next(
	    &gw, "own certificate is good: certificate 0 'CN=erin'");
	line = xasprintf("(identity='%s')", session);
	gateway_must_say_next(&gw, line);
	free(line);
	assert_true(has_status("holding-" H, "good"));
	assert_true(has_status(session, "good"));
	/* The CA changes its mind, and nobody asks for anything. */
	publish(2, 3600, tls, ses);
	gateway_must_say_next(
	    &gw, "error own certificate is revoked and must be replaced");
	gateway_must_say_next(
	    &gw, "error own certificate is revoked and must be replaced");
	assert_true(has_status("holding-" H, "revoked"));
	assert_true(has_status(session, "revoked"));
	assert_true(presents(tls));
	/* Replaced, by a setup that is asked about like the first. */
	set_up("tls2", "ses2", sid2);
	line = xasprintf("(identity='%s')", second_session);
	gateway_must_say_next(&gw, line);
	free(line);
	assert_true(has_status("holding-" H, "good"));
	assert_true(has_status(second_session, "good"));
	assert_false(has_status(session, "revoked"));
	assert_true(presents(second_tls));
	free(session);
	free(tls);
	free(ses);
	free(ses2);
	free(sid);
	free(sid2);
}

/* It is all there again after a restart, from disk: nobody answers. */
static void
and_after_a_restart(void **state)
{
	time_t end = time(NULL) + WAIT_MS / 1000;

	control(&crl_server, "/_listen/off", NULL);
	gateway_stop(&gw);
	gateway_start(&gw);
	gateway_must_say_next(&gw, "own certificate is good: certificate 0");
	/* One of the two; the other is about to follow. */
	while (!has_status("holding-" H, "good") ||
	    !has_status(second_session, "good"))
		if (time(NULL) > end)
			fail_msg("%s", proc_log_end(&gw.proc));
	assert_true(presents(second_tls));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_setup_is_watched),
	    cmocka_unit_test(and_after_a_restart),
	};

	return cmocka_run_group_tests_name(
	    "own setups", tests, setup, teardown);
}
