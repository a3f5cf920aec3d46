/*
 * CA certificates that peers forget to send: given beside the anchors they
 * complete a path and are asked about; made anchors themselves they end it, and
 * the configuration is warned about.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

/* A copy of a peer that sends nothing but its own certificate. */
static void
send_alone(const char *peer, const char *as)
{
	char *from = xasprintf("%s/peers/%s.pem", town.dir, peer);
	char *to = xasprintf("%s/peers/%s.pem", town.dir, as);
	char *key_from = xasprintf("%s/peers/%s.key", town.dir, peer);
	char *key_to = xasprintf("%s/peers/%s.key", town.dir, as);
	char *pem = file_need(from, NULL), *key = file_need(key_from, NULL);
	char *end = strstr(pem + 1, "-----BEGIN");

	assert_non_null(end);
	file_write(to, pem, (size_t)(end - pem));
	file_write(key_to, key, strlen(key));
	free(key);
	free(pem);
	free(key_to);
	free(key_from);
	free(to);
	free(from);
}

static int
setup(void **state)
{
	scene_setup(state);
	send_alone("good", "good-alone");
	send_alone("orphan", "orphan-alone");
	return 0;
}

/* One file with the root and, where named, another CA's certificate. */
static void
write_anchors(const char *more)
{
	char *root = town_path(&town, "trust.pem");
	char *pem = file_need(root, NULL), *other, *both;

	other = more != NULL ? town_path(&town, more) : NULL;
	if (other != NULL) {
		char *text = file_need(other, NULL);

		both = xasprintf("%s%s", pem, text);
		free(text);
	} else {
		both = xstrdup(pem);
	}
	file_write("anchors.pem", both, strlen(both));
	free(both);
	free(other);
	free(pem);
	free(root);
}

static void
configure(const char *intermediates)
{
	char *trust = intermediates == NULL
	    ? xstrdup("[{\"group\":\"a\",\"anchors\":\"anchors.pem\"}]")
	    : xasprintf("[{\"group\":\"a\",\"anchors\":\"anchors.pem\","
			"\"intermediates\":\"%s/%s\"}]",
		  town.dir, intermediates);

	gateway_set(&gw, "trust", trust);
	free(trust);
}

static void
expect(const char *peer, int outcome)
{
	assert_int_equal(
	    tls_try(&town, peer, gw.port, TLS1_3_VERSION), outcome);
	assert_int_equal(
	    tls_try(&town, peer, gw.port, TLS1_2_VERSION), outcome);
}

static void
begin(const char *intermediates)
{
	scene_prepare();
	gateway_set(&gw, "revocation.mode", "\"HARD_FAIL\"");
	configure(intermediates);
	gateway_start(&gw);
}

static void
a_path_is_completed(void **state)
{
	(void)state;
	write_anchors(NULL);
	begin(NULL);
	expect("good", TLS_IN);
	expect("good-alone", ALERT_UNKNOWN_CA);
	/* A reload is enough. */
	configure("doorman/ca.pem");
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
	expect("good-alone", TLS_IN);
	expect("good", TLS_IN);
	expect("orphan-alone", ALERT_UNKNOWN_CA);
	expect("stranger", ALERT_UNKNOWN_CA);
	configure(NULL);
	gateway_write(&gw);
	rest_expect(&gw, "POST", "/reload", 204);
	expect("good-alone", ALERT_UNKNOWN_CA);
	gateway_settle_log(&gw);
	assert_false(proc_said(&gw.proc, "was issued by anchor"));
}

/* The CA of 'orphan' is revoked. */
static void
what_is_given_is_asked_about(void **state)
{
	(void)state;
	write_anchors(NULL);
	begin("retired/ca.pem");
	expect("orphan", ALERT_CERTIFICATE_REVOKED);
	expect("orphan-alone", ALERT_CERTIFICATE_REVOKED);
}

static void
an_anchor_below_an_anchor_is_warned_about(void **state)
{
	struct web w;

	(void)state;
	write_anchors("retired/ca.pem");
	begin(NULL);
	gateway_must_say(&gw, "was issued by anchor");
	gateway_must_say(&gw, "trust[].intermediates");
	rest(&gw, &w, "GET", "/status", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(w.json, "warnings")), 1);
	assert_non_null(
	    strstr(json_text(w.json, "warnings.0"), "was issued by anchor"));
	web_free(&w);
}

static void
what_is_no_ca_is_refused(void **state)
{
	(void)state;
	write_anchors(NULL);
	scene_prepare();
	configure("peers/good.pem");
	gateway_must_refuse(&gw, "certificate 1 is not a CA's");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(a_path_is_completed),
	    SCENE(what_is_given_is_asked_about),
	    SCENE(an_anchor_below_an_anchor_is_warned_about),
	    SCENE(what_is_no_ca_is_refused),
	};

	return cmocka_run_group_tests_name(
	    "intermediates", tests, setup, scene_teardown);
}
