/*
 * Three thousand identities and three thousand groups with an anchor each: the
 * gateway starts, shows whom a client asks for, lets in whom any group vouches
 * for, and is loaded again, all of it while somebody is connected.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/pkimake.h"
#include "tests/lib/scene.h"

/* Under a sanitizer the same code takes longer to run. */
static int many = 3000;

static EVP_PKEY *key; /* everybody's: making keys is not what is tested */

static void
write_certificate(const char *path, const char *cn, const char *issuer)
{
	X509 *x = pki_named(key, cn, issuer);

	pki_write(path, x, NULL);
	X509_free(x);
}

/* Identities and groups from `from` on, and the first of each, the town's. */
static void
configure(int from)
{
	cJSON *identities = cJSON_GetObjectItem(gw.config, "identities");
	cJSON *trust = cJSON_GetObjectItem(gw.config, "trust");

	while (cJSON_GetArraySize(identities) > 1)
		cJSON_DeleteItemFromArray(identities, 1);
	while (cJSON_GetArraySize(trust) > 1)
		cJSON_DeleteItemFromArray(trust, 1);
	for (int i = from; i < many; i++) {
		char *name = xasprintf("h%d.many.example", i);
		char *file = xasprintf("many/h%d.pem", i);
		char *ca = xasprintf("many/ca%d.pem", i);
		cJSON *o = cJSON_CreateObject();
		cJSON *g = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", name);
		cJSON_AddStringToObject(o, "certificate", file);
		cJSON_AddStringToObject(o, "key", "many/key");
		cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "server_names"),
		    cJSON_CreateString(name));
		cJSON_AddItemToArray(identities, o);
		cJSON_AddStringToObject(g, "group", name);
		cJSON_AddStringToObject(g, "anchors", ca);
		cJSON_AddItemToArray(trust, g);
		free(name);
		free(file);
		free(ca);
	}
}

static int
setup(void **state)
{
	const char *build = getenv("BUILD");

	(void)state;
	if (build == NULL || strstr(build, "/debug") == NULL)
		many = 500;
	town_start(&town, "net", NULL);
	dir_make("many");
	key = EVP_EC_gen("P-256");
	assert_non_null(key);
	pki_write("many/key", NULL, key);
	for (int i = 0; i < many; i++) {
		char *file = xasprintf("many/h%d.pem", i);
		char *name = xasprintf("h%d.many.example", i);
		char *ca_file = xasprintf("many/ca%d.pem", i);
		char *ca = xasprintf("CA %d", i);

		write_certificate(file, name, name);
		write_certificate(ca_file, ca, ca);
		free(file);
		free(name);
		free(ca_file);
		free(ca);
	}
	gateway_prepare(&gw, "gateway", &town);
	/* Their certificates name no source. */
	gateway_set(&gw, "revocation.mode", "\"SOFT_FAIL\"");
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	configure(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gateway_free(&gw);
	town_stop(&town);
	EVP_PKEY_free(key);
	return 0;
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A peer of group i asks for host h (-1: no name). Returns who answered. */
static char *
who_answers(int i, int h, int version)
{
	char *cn = xasprintf("peer of %d", i), *ca = xasprintf("CA %d", i);
	char *name = h >= 0 ? xasprintf("h%d.many.example", h) : NULL;
	const struct tls_options o = {.cert = "many/peer.pem",
	    .key = "many/key",
	    .name = name,
	    .version = version};
	char shown[256] = "";
	struct tls t;
	X509 *x;

	write_certificate("many/peer.pem", cn, ca);
	if (tls_connect(&t, gw.port, &o) && tls_echo(&t)) {
		x = SSL_get1_peer_certificate(t.ssl);
		X509_NAME_oneline(
		    X509_get_subject_name(x), shown, sizeof(shown));
		X509_free(x);
	}
	tls_free(&t);
	free(cn);
	free(ca);
	free(name);
	return xstrdup(shown);
}

static void
must_answer(int i, int h, int version)
{
	char *name = xasprintf("/CN=h%d.many.example", h);
	char *shown = who_answers(i, h, version);

	assert_string_equal(shown, name);
	free(name);
	free(shown);
}

static void
any_of_them_is_reached(void **state)
{
	double from = seconds();
	char *shown;

	(void)state;
	gateway_start(&gw);
	print_message(
	    "# %d identities, %d groups: ready after %.2f s, %zu MB\n", many,
	    many, seconds() - from, pid_rss_bytes(gw.proc.pid) / 1000000);
	for (int h = 0; h < many; h += 199)
		must_answer(
		    many - 1 - h, h, h % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	must_answer(0, many - 1, 0);
	/* The town's own are among them. */
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_equal(
	    tls_try(&town, "revoked", gw.port, 0), ALERT_CERTIFICATE_REVOKED);
	/* No name, and a name that nobody has: the first identity. */
	shown = who_answers(7, -1, 0);
	assert_null(strstr(shown, "many.example"));
	assert_true(strlen(shown) > 0);
	free(shown);
	shown = who_answers(7, many, 0);
	assert_null(strstr(shown, "many.example"));
	assert_true(strlen(shown) > 0);
	free(shown);
	/* A group that there is not. */
	shown = who_answers(many, 7, 0);
	assert_string_equal(shown, "");
	free(shown);
}

static void
reload_says(const char *says)
{
	double from = seconds();
	char *line;

	gateway_write(&gw);
	proc_mark(&gw.proc);
	proc_signal(&gw.proc, SIGHUP);
	line = proc_await(&gw.proc, says, WAIT_MS);
	if (line == NULL)
		fail_msg("no '%s': %s", says, proc_log_end(&gw.proc));
	print_message("# a reload takes %.2f s\n", seconds() - from);
	free(line);
}

static void
reload(void)
{
	reload_says("reloaded the configuration");
}

static void
they_are_loaded_again(void **state)
{
	struct tls t;
	char *shown;

	(void)state;
	tls_enter(&t, &town, "good", gw.port, 0);
	/* Without the first ten, then with them. */
	configure(10);
	reload();
	must_answer(11, 10, 0);
	shown = who_answers(11, 9, 0);
	assert_null(strstr(shown, "many.example"));
	assert_true(strlen(shown) > 0);
	free(shown);
	shown = who_answers(9, 11, 0);
	assert_string_equal(shown, "");
	free(shown);
	configure(0);
	reload();
	must_answer(9, 9, 0);
	/* Who is connected has noticed nothing. */
	assert_int_equal(tls_echo(&t), 1);
	tls_free(&t);
}

/* What has not changed is not read again; what has is. */
static void
a_file_that_changed_is_read(void **state)
{
	char *shown;

	(void)state;
	write_certificate("many/h20.pem", "renewed", "renewed");
	write_certificate("many/ca30.pem", "CA 5000", "CA 5000");
	reload();
	shown = who_answers(30, 19, 0);
	assert_string_equal(shown, "");
	free(shown);
	shown = who_answers(5000, 20, 0);
	assert_string_equal(shown, "/CN=renewed");
	free(shown);
	must_answer(31, 21, 0);
	/* One that is gone: the reload is refused, and what was stays. */
	assert_int_equal(remove("many/h21.pem"), 0);
	reload_says("cannot reload");
	must_answer(31, 21, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_of_them_is_reached),
	    cmocka_unit_test(they_are_loaded_again),
	    cmocka_unit_test(a_file_that_changed_is_read),
	};

	return cmocka_run_group_tests_name("thousands", tests, setup, teardown);
}
