/*
 * What a start would refuse is refused by --check-config and by a reload, too;
 * what is hardly meant is said; what a reload puts off until the next start is
 * listed, key by key.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/scene.h"

static const struct refused {
	const char *place, *value, *says;
} refused[] = {
    {"revocation.allow_addresses", "[\"10.0.0.0/99\"]", "10.0.0.0/99"},
    {"revocation.crl_paths", "[\"no/such\"]", "no/such"},
    {"revocation.https_ca_file", "\"no.pem\"", "no.pem"},
    {"revocation.https_ca_file", "\"net/gateway.key\"", "gateway.key"},
    {"revocation.proxy", "\"junk\"", "proxy is not a URL"},
    {"revocation.proxy", "\"ftp://a.example\"", "proxy is not a URL"},
    {"watch", "\"no/such/dir\"", "no/such/dir"},
    {"state_dir", "\"net/gateway.pem\"", "Not a directory"},
    {"state_dir", "\"no/such/dir\"", "no/such/dir"},
    {"key_secret", "\"no.secret\"", "no.secret"},
    {"key_secret", "\"net/short.secret\"", "expected 16 to"},
    {"fleet",
	"{\"name\":\"eu\",\"endpoints\":[\"https://etcd.example:2379\"],"
	"\"secret_file\":\"net/gateway.pem\"}",
	"gateway.pem"},
};

static char *
check_config(const char *file, int *rc)
{
	char *path = bin_path("p2p-gateway"), *out;
	const char *argv[] = {path, "--config", file, "--check-config", NULL};

	*rc = proc_run(argv, "out", WAIT_MS, &out);
	free(path);
	return out;
}

static void
all_three_refuse(void **state)
{
	struct gateway g;
	char *out;
	int rc;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *r = &refused[i];

		gateway_prepare(&g, "refused", &town);
		gateway_set(&g, r->place, r->value);
		gateway_must_refuse(&g, r->says);
		gateway_write(&g);
		out = check_config("refused.json", &rc);
		if (rc != 1 || strstr(out, r->says) == NULL)
			fail_msg("--check-config, %s = %s: %d %s", r->place,
			    r->value, rc, out);
		free(out);
		gateway_free(&g);
	}
}

static void
a_reload_refuses_what_could_not_start(void **state)
{
	struct web w;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *r = &refused[i];

		gateway_prepare(&gw, "reloaded", &town);
		gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
		gateway_start(&gw);
		gateway_set(&gw, r->place, r->value);
		gateway_write(&gw);
		rest(&gw, &w, "POST", "/reload", NULL);
		if (w.status != 400 || strstr(w.body, r->says) == NULL)
			fail_msg("%s = %s: %ld %s", r->place, r->value,
			    w.status, w.body);
		web_free(&w);
		assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
		gateway_free(&gw);
	}
}

/*
 * Keys that act at the next start, with a value of their own: all that a file
 * can change here. unit/test_conf_keys walks the table for the others.
 */
static const struct {
	const char *place, *value;
} later[] = {
    {"state_dir", "\"another\""},
    {"key_secret", "\"another.secret\""},
    {"workers", "3"},
    {"watch", "\"pushed\""},
    {"rest.listen", "\"127.0.0.1:1\""},
    {"rest.idle_timeout_ms", "12345"},
    {"rest.max_decisions", "77"},
    {"log.format", "\"json\""},
    {"log.level", "\"debug\""},
    {"log.stdout", "true"},
    {"revocation.offline", "true"},
    {"revocation.connect_timeout_ms", "1234"},
    {"revocation.fetch_timeout_ms", "1234"},
    {"revocation.crl_timeout_ms", "12345"},
    {"revocation.max_crl_bytes", "1234567"},
    {"revocation.max_crl_entries", "12345"},
    {"revocation.max_ocsp_bytes", "12345"},
    {"revocation.memory_bytes", "123456789"},
    {"revocation.max_requests", "1234"},
    {"revocation.min_refresh_sec", "61"},
    {"revocation.prefetch_crls", "true"},
    {"revocation.crl_paths", "[\"pushed\"]"},
    {"revocation.proxy", "\"http://name:word@127.0.0.1:1\""},
    {"revocation.https_ca_file", "\"net/trust.pem\""},
};

static bool
is_listed(const cJSON *list, const char *key)
{
	const cJSON *e;

	cJSON_ArrayForEach(
	    e, list) if (strcmp(e->valuestring, key) == 0) return true;
	return false;
}

static void
what_waits_is_listed(void **state)
{
	size_t num = sizeof(later) / sizeof(later[0]);
	const cJSON *list;
	struct web w;

	gateway_prepare(&gw, "later", &town);
	gateway_set(&gw, "revocation.allow_addresses", "[\"127.0.0.1\"]");
	gateway_start(&gw);
	rest(&gw, &w, "POST", "/reload", NULL);
	assert_int_equal(w.status, 204);
	web_free(&w);
	(void)mkdir("pushed", 0700);
	file_write("another.secret", "0123456789abcdef\n", 17);
	for (size_t i = 0; i < num; i++)
		gateway_set(&gw, later[i].place, later[i].value);
	/* Two that act at once are not in the list. */
	gateway_set(&gw, "limits.max_connections", "1234");
	gateway_set(&gw, "revocation.max_age_sec", "1234");
	gateway_write(&gw);
	rest(&gw, &w, "POST", "/reload", NULL);
	if (w.status != 200)
		fail_msg("%ld %s", w.status, w.body);
	list = json_at(w.json, "atNextStart");
	for (size_t i = 0; i < num; i++)
		if (!is_listed(list, later[i].place))
			fail_msg("%s: %s", later[i].place, w.body);
	assert_int_equal(cJSON_GetArraySize(list), (int)num);
	/* Names alone: a value may be a secret. */
	assert_null(strstr(w.body, "word"));
	web_free(&w);
	gateway_must_say(&gw, "state_dir takes effect at the next start");
	assert_int_not_equal(access("another", F_OK), 0);
	/* As it was at the start: nothing waits any more. */
	for (size_t i = 0; i < num; i++)
		gateway_set(&gw, later[i].place,
		    strcmp(later[i].place, "state_dir") == 0 ? "\"later.state\""
							     : NULL);
	gateway_free(&gw);
}

static void
what_is_hardly_meant_is_said(void **state)
{
	static const struct {
		const char *place, *value, *says;
	} rows[] = {
	    {"identities",
		"[{\"name\":\"a\",\"certificate\":\"net/gateway.pem\","
		"\"key\":\"net/gateway.key\",\"server_names\":[\"x\"]},"
		"{\"name\":\"a\",\"certificate\":\"net/gateway.pem\","
		"\"key\":\"net/gateway.key\"}]",
		"the name of an identity, 'a' is there twice"},
	    {"identities",
		"[{\"name\":\"a\",\"certificate\":\"net/gateway.pem\","
		"\"key\":\"net/gateway.key\",\"server_names\":[\"x\"]},"
		"{\"name\":\"b\",\"certificate\":\"net/gateway.pem\","
		"\"key\":\"net/gateway.key\",\"server_names\":[\"X\"]}]",
		"server name 'x' is there twice"},
	    {"listen", "\"0.0.0.0:7777\"", "$.listen[0]: the gateway is its"},
	    {"listen", "\"127.0.0.1:7777\"", "$.listen[0]: the gateway is its"},
	    {"connect",
		"{\"listen\":\"127.0.0.1:7777\",\"allow\":[\"a.example:1\"]}",
		"$.connect.listen: the gateway is its own node"},
	    {"identities",
		"[{\"name\":\"old\",\"certificate\":\"net/peers/old.pem\","
		"\"key\":\"net/peers/old.key\"}]",
		"identity 'old': certificate 0 has expired"},
	};
	struct gateway g;
	char *out;
	int rc;

	town_ca(&town, "leaf", "doorman", "peers/old", "--from", "-20d",
	    "--until", "-10d", NULL);
	gateway_prepare(&g, "meant", &town);
	gateway_write(&g);
	out = check_config("meant.json", &rc);
	assert_int_equal(rc, 0);
	assert_null(strstr(out, "warning"));
	free(out);
	gateway_free(&g);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gateway_prepare(&g, "meant", &town);
		gateway_set(&g, "node.addresses", "[\"127.0.0.1:7777\"]");
		gateway_set(&g, rows[i].place, rows[i].value);
		gateway_write(&g);
		out = check_config("meant.json", &rc);
		if (rc != 0 || strstr(out, "warning: ") == NULL ||
		    strstr(out, rows[i].says) == NULL)
			fail_msg("%s: %d %s", rows[i].says, rc, out);
		free(out);
		gateway_free(&g);
	}
}

static int
setup(void **state)
{
	int rc = scene_setup(state);

	file_write("net/short.secret", "fifteen letters\n", 16);
	return rc;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_three_refuse),
	    cmocka_unit_test(a_reload_refuses_what_could_not_start),
	    cmocka_unit_test(what_waits_is_listed),
	    cmocka_unit_test(what_is_hardly_meant_is_said),
	};

	return cmocka_run_group_tests_name(
	    "start", tests, setup, scene_teardown);
}
