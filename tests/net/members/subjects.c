/*
 * The list of client subjects as the node's operator keeps it.
 */
#include "tests/lib/scene.h"

#define SUBJECTS                       \
	"/mgm/0123456789AB/mutual-tls" \
	"/allowed-client-certificate-subjects"
#define GOOD "/C%3DGB,%20L%3DLondon,%20O%3Dgood"

static void
everybody_until_the_first_entry(void **state)
{
	struct web w;

	rest(&gw, &w, "GET", SUBJECTS, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(cJSON_GetArraySize(w.json), 0);
	web_free(&w);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	rest_expect(&gw, "PUT", SUBJECTS "/O%3Dsomebody%20else,C%3DGB", 204);
	assert_int_not_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

static void
listed_subject_is_let_in(void **state)
{
	struct web w;

	rest_expect(&gw, "PUT", SUBJECTS GOOD, 204);
	rest_expect(&gw, "PUT", SUBJECTS GOOD, 204);
	rest(&gw, &w, "GET", SUBJECTS, NULL);
	assert_int_equal(cJSON_GetArraySize(w.json), 2);
	assert_string_equal(json_text(w.json, "1"), "C=GB,L=London,O=good");
	web_free(&w);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	/* Over a restart. */
	gateway_stop(&gw);
	gateway_start(&gw);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	assert_int_not_equal(tls_try(&town, "fresh", gw.port, 0), TLS_IN);
}

static void
empty_list_lets_nobody_in(void **state)
{
	rest_expect(&gw, "DELETE", SUBJECTS GOOD, 204);
	rest_expect(&gw, "DELETE", SUBJECTS GOOD, 204);
	rest_expect(&gw, "DELETE", SUBJECTS "/O%3Dsomebody%20else,C%3DGB", 204);
	assert_int_not_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
	rest_expect(&gw, "PUT", SUBJECTS GOOD, 204);
	assert_int_equal(tls_try(&town, "good", gw.port, 0), TLS_IN);
}

static void
bad_names_and_ids_are_400(void **state)
{
	rest_expect(&gw, "PUT", SUBJECTS "/nonsense", 400);
	rest_expect(&gw, "PUT", SUBJECTS "/XX%3Dy", 400);
	rest_expect(&gw, "GET",
	    "/mgm/xyz/mutual-tls/allowed-client-certificate-subjects", 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everybody_until_the_first_entry),
	    cmocka_unit_test(listed_subject_is_let_in),
	    cmocka_unit_test(empty_list_lets_nobody_in),
	    cmocka_unit_test(bad_names_and_ids_are_400),
	};

	return cmocka_run_group_tests_name(
	    "client subjects", tests, scene_up_plain, scene_teardown);
}
