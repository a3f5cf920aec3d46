/*
 * The bootstrap file: a wrong one stops the start with one sentence that
 * names the place, the value and what was expected; TLS versions are what it
 * says.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

struct wrong {
	const char *place; /* set there */
	const char *value; /* JSON; NULL: left out */
	const char *says[3];
};

#define USER "\"name\": \"x\", \"roles\": [\"read\"]"

/* The whole file as somebody would type it, wrong on one line. */
static void
the_line_is_named(void **state)
{
	static const struct {
		const char *file; /* what follows the head */
		const char *says;
	} rows[] = {
	    /* Three lines of head. */
	    {"\"listen\":\n\"x\"}", "lines.json:5: $.listen is \"x\""},
	    {"\"listen\": \"127.0.0.1:0\",\n\"node\": {\n\"a\": 1}}",
		"lines.json:6: $.node.a is a number"},
	    {"\"listen\": \"127.0.0.1:0\",\n\"node\": {}}",
		"lines.json:5: $.node.addresses is nothing"},
	    {"\"listen\": [],\n\"node\": {\"addresses\": [\n"
	     "\"127.0.0.1:1\"]}}",
		"lines.json:4: $.listen is []"},
	    {"\"rest\": {\"users\": [\n{" USER ", \"password\": \"p\"},\n{" USER
	     ",\n\"password\": 7}]}}",
		"lines.json:7: $.rest.users[1].password is (not shown)"},
	    {"\"listen\": \"127.0.0.1:0\",\n\"node\": {\"addresses\": "
	     "[\"127.0.0.1:1\"]},\n\"links\": [{\"name\": \"x\",\n"
	     "\"listen\": \"127.0.0.1:0\", \"peers\": [\"127.0.0.1:1\"],\n"
	     "\"identity\": \"nobody\"}]}",
		"lines.json:8: $.links[0].identity is 'nobody'"},
	    {"\"user\": \"no-such-user\"}",
		"lines.json:4: $.user is 'no-such-user'"},
	    {"\"group\": \"root\"}", "lines.json:4: $.group is 'root'"},
	};
	char *head =
	    xasprintf("{\n\"identities\": [{\"name\": \"g\", \"certificate\": "
		      "\"%s/gateway.pem\", \"key\": \"%s/gateway.key\"}],\n"
		      "\"trust\": [{\"group\": \"g\", \"anchors\": "
		      "\"%s/trust.pem\"}],\n",
		town.dir, town.dir, town.dir);
	char *path = bin_path("p2p-gateway"), *out;
	const char *argv[] = {
	    path, "--config", "lines.json", "--check-config", NULL};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool whole = strstr(rows[i].file, "listen") != NULL;
		char *text = xasprintf("%s%s%s", head,
		    whole ? ""
			  : "\"listen\": \"127.0.0.1:0\", \"node\": "
			    "{\"addresses\": [\"127.0.0.1:1\"]}, ",
		    rows[i].file);

		file_write("lines.json", text, strlen(text));
		assert_int_equal(proc_run(argv, "out", WAIT_MS, &out), 1);
		if (strstr(out, rows[i].says) == NULL)
			fail_msg("'%s' is not in: %s", rows[i].says, out);
		free(out);
		free(text);
	}
	free(path);
	free(head);
}

/* Relative paths start at the file's directory. */
#define HTTPS "\"https://etcd.example:2379\""
#define KEY   "net/gateway.key"
#define FLEET_ONLY(name, endpoints, secret)                    \
	"\"name\":\"" name "\",\"endpoints\":[" endpoints "]," \
	"\"secret_file\":\"" secret "\""
#define FLEET(name, endpoints, secret) \
	"{" FLEET_ONLY(name, endpoints, secret) "}"

static const struct wrong wrongs[] = {
    {"listen", NULL, {"listen", "expected"}},
    {"listen", "\"nowhere\"", {"listen", "nowhere", "expected"}},
    {"listen", "\"127.0.0.1:70000\"", {"listen", "70000"}},
    {"listen", "[\"[::1]:1\",\"unix:a\",\"[0:0::1]:1\"]",
	{"$.listen[2]", "[0:0::1]:1", "$.listen[0]"}},
    {"links",
	"[{\"name\":\"a\",\"listen\":\"127.0.0.1:7\","
	"\"peers\":[\"127.0.0.1:1\"]},{\"name\":\"b\","
	"\"listen\":\"127.0.0.1:7\",\"peers\":[\"127.0.0.1:1\"]}]",
	{"$.links[1].listen", "127.0.0.1:7", "$.links[0].listen"}},
    {"node.addresses", "[]", {"node", "expected"}},
    {"node.adresses", "[\"127.0.0.1:1\"]", {"adresses"}},
    {"fleet", "{}", {"$.fleet.name", "expected"}},
    {"fleet", FLEET("e/u", HTTPS, KEY), {"$.fleet.name", "e/u"}},
    {"fleet", FLEET("eu", "", KEY), {"$.fleet.endpoints", "[]"}},
    {"fleet", FLEET("eu", "\"https://u:secret-pw@etcd.example/\"", KEY),
	{"$.fleet.endpoints[0]", "expected a URL"}},
    {"fleet", FLEET("eu", "\"http://etcd.example:2379\"", KEY),
	{"$.fleet.endpoints[0]", "expected https://", "127.0.0.1"}},
    {"fleet", FLEET("eu", "\"http://127.0.0.1.example:2379\"", KEY),
	{"$.fleet.endpoints[0]", "expected https://"}},
    {"fleet", FLEET("eu", "\"https://user:word@etcd.example\"", KEY),
	{"$.fleet.endpoints[0]", "expected a URL"}},
    {"fleet", FLEET("eu", HTTPS, "/no/such.secret"),
	{"$.fleet.secret_file", "/no/such.secret", "can be read"}},
    {"fleet", FLEET("eu", HTTPS, KEY "\",\"user\":\"u"),
	{"$.fleet.user", "$.fleet.password_file"}},
    {"fleet", FLEET("eu", HTTPS, KEY "\",\"certificate\":\"" KEY),
	{"$.fleet.certificate", "$.fleet.key"}},
    {"fleet", FLEET("eu", HTTPS, KEY "\",\"shares\":\"keys"),
	{"shares", "share"}},
    {"fleet", "{" FLEET_ONLY("eu", HTTPS, KEY) ",\"share\":[\"keys\"]}",
	{"$.fleet.share", "$.key_secret"}},
    {"fleet",
	"{" FLEET_ONLY("eu", HTTPS,
	    KEY) ",\"evidence_store\":{\"url\":\"http://o.example/r/\","
		 "\"credentials_file\":\"" KEY "\"}}",
	{"$.fleet.evidence_store.url", "expected https://"}},
    {"workers", "0", {"workers", "0", "expected"}},
    {"workers", "\"many\"", {"workers", "many", "expected"}},
    {"identities", "[]", {"identities", "expected"}},
    {"identities",
	"[{\"name\":\"x\",\"certificate\":\"/no/such.pem\","
	"\"key\":\"/no/such.key\"}]",
	{"identities", "/no/such.pem", "No such file"}},
    {"identities",
	"[{\"name\":\"x\",\"certificate\":\"net/gateway.pem\","
	"\"key\":\"net/peers/good.key\"}]",
	{"identities", "gateway.pem", "key"}},
    {"identities",
	"[{\"name\":\"x\",\"certificate\":\"net/gateway.key\","
	"\"key\":\"net/gateway.key\"}]",
	{"identities", "gateway.key", "certificate"}},
    {"trust", "[{\"group\":\"g\",\"anchors\":\"net/ca.conf\"}]",
	{"trust", "ca.conf"}},
    {"tls", "{\"min_version\":\"1.1\"}", {"min_version", "1.1", "1.2"}},
    {"tls", "{\"min_version\":\"1.3\",\"max_version\":\"1.2\"}",
	{"max_version"}},
    {"revocation.mode", "\"MAYBE\"", {"mode", "MAYBE", "SOFT_FAIL"}},
    {"revocation.deadline_ms", "60000",
	{"deadline_ms", "60000", "handshake_timeout_ms"}},
    {"rest.users", "[{\"name\":\"x\",\"roles\":[\"operate\"]}]",
	{"rest", "password"}},
    {"rest.users", "[{\"name\":\"x\",\"password\":\"y\",\"roles\":[\"god\"]}]",
	{"roles", "(not shown)", "operate"}},
};

static void
expect_refusal(const struct wrong *w)
{
	struct gateway g;
	char *out;
	int rc;

	gateway_prepare(&g, "wrong", &town);
	gateway_set(&g, w->place, w->value);
	rc = gateway_refuses(&g, &out);
	if (rc < 1 || rc > 2)
		fail_msg(
		    "%s = %s: exit status %d: %s", w->place, w->value, rc, out);
	if (strstr(out, "wrong.json") == NULL)
		fail_msg("no file named: %s", out);
	for (size_t i = 0; i < 3 && w->says[i] != NULL; i++)
		if (strstr(out, w->says[i]) == NULL)
			fail_msg("'%s' is not in: %s", w->says[i], out);
	/* Nobody's password is repeated. */
	if (strstr(out, "secret-pw") != NULL)
		fail_msg("%s: its secret is in: %s", w->place, out);
	if (strstr(out, "ready ") != NULL)
		fail_msg("it started: %s", out);
	free(out);
	gateway_free(&g);
}

static void
wrong_values_are_named(void **state)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		expect_refusal(&wrongs[i]);
}

static void
broken_json_is_named(void **state)
{
	char *path = bin_path("p2p-gateway"), *out;
	const char *argv[] = {path, "--config", "broken.json", NULL};
	const char *absent[] = {path, "--config", "absent.json", NULL};

	file_write("broken.json", "{\"listen\": \n oops", 17);
	assert_int_not_equal(proc_run(argv, "out", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "broken.json"));
	free(out);
	assert_int_not_equal(proc_run(absent, "out", WAIT_MS, &out), 0);
	assert_non_null(strstr(out, "absent.json"));
	assert_non_null(strstr(out, "No such file"));
	free(out);
	free(path);
}

static void
port_in_use_is_named(void **state)
{
	struct gateway g;
	char *address = xasprintf("\"127.0.0.1:%d\"", town.node.port), *out;

	gateway_prepare(&g, "wrong", &town);
	gateway_set(&g, "listen", address);
	assert_int_not_equal(gateway_refuses(&g, &out), 0);
	assert_non_null(strstr(out, "in use"));
	address[strlen(address) - 1] = '\0';
	assert_non_null(strstr(out, address + 1));
	free(out);
	free(address);
	gateway_free(&g);
}

static void
versions_are_what_the_file_says(void **state)
{
	static const struct {
		const char *tls;
		int in12, in13;
	} cases[] = {
	    {"{\"min_version\":\"1.2\"}", 1, 1},
	    {"{\"min_version\":\"1.3\"}", 0, 1},
	    {"{\"max_version\":\"1.2\",\"min_version\":\"1.2\"}", 1, 0},
	};
	struct gateway g;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gateway_prepare(&g, "versions", &town);
		gateway_set(&g, "tls", cases[i].tls);
		gateway_start(&g);
		assert_int_equal(
		    tls_try(&town, "good", g.port, TLS1_2_VERSION) == TLS_IN,
		    cases[i].in12);
		assert_int_equal(
		    tls_try(&town, "good", g.port, TLS1_3_VERSION) == TLS_IN,
		    cases[i].in13);
		gateway_free(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wrong_values_are_named),
	    cmocka_unit_test(the_line_is_named),
	    cmocka_unit_test(broken_json_is_named),
	    cmocka_unit_test(port_in_use_is_named),
	    cmocka_unit_test(versions_are_what_the_file_says),
	};

	return cmocka_run_group_tests_name(
	    "configuration", tests, scene_setup, scene_teardown);
}
