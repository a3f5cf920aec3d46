/* auth and password: hashes, credentials, throttling by a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

#include "gateway/rest/rest_auth.h"
#include "gateway/base/password_hash.h"

static char hash[PASSWORD_HASH_SIZE];
static char name_a[] = "a";
static struct conf_user user = {
    .name = name_a, .password_hash = hash, .roles = CONF_ROLE_READ};
static struct conf_rest conf = {.users = &user,
    .num_users = 1,
    .max_login_failures = 3,
    .login_window_ms = 1000};
static struct rest_auth *auth;

static int
setup(void **state)
{
	assert_int_equal(password_hash(hash, "se:cret", NULL), 0);
	return 0;
}

static int
fresh(void **state)
{
	return rest_auth_new(&auth, NULL);
}

static int
done(void **state)
{
	rest_auth_free(auth);
	return 0;
}

static enum rest_auth_outcome
login(const char *pair, const char *address, uint64_t now, unsigned *roles)
{
	char header[256] = "Basic ", name[REST_AUTH_USER_SIZE];

	EVP_EncodeBlock((unsigned char *)header + 6,
	    (const unsigned char *)pair, (int)strlen(pair));
	return rest_auth_basic(auth, &conf, header, address, now, roles, name);
}

static void
hashes_are_salted_and_verify(void **state)
{
	char one[PASSWORD_HASH_SIZE], two[PASSWORD_HASH_SIZE];

	assert_int_equal(password_hash(one, "x", NULL), 0);
	assert_int_equal(password_hash(two, "x", NULL), 0);
	assert_string_not_equal(one, two);
	assert_true(password_verify(one, "x"));
	assert_true(password_verify(two, "x"));
	assert_false(password_verify(one, "y"));
	assert_false(password_verify(one, ""));
	assert_true(password_hash(one, "", NULL) < 0);
}

static void
broken_hashes_never_verify(void **state)
{
	static const char *const broken[] = {"", "x", "pbkdf2-sha256$",
	    "pbkdf2-sha256$100000", "pbkdf2-sha256$100000$$",
	    "pbkdf2-sha256$1$MDEyMzQ1Njc4OWFiY2RlZg==$idk+",
	    "pbkdf2-sha256$-5$MDEy$MDEy", "pbkdf2-sha256$1000$MDEy$MDEy",
	    "pbkdf2-sha256$99999999999$MDEy$MDEy"};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_false(password_hash_valid(broken[i]));
		assert_false(password_verify(broken[i], ""));
	}
}

static void
right_pair_gets_its_roles(void **state)
{
	unsigned roles;

	assert_int_equal(
	    login("a:se:cret", "h", 1, &roles), REST_AUTH_ACCEPTED);
	assert_int_equal(roles, CONF_ROLE_READ);
	/* Remembered now, and still checked. */
	assert_int_equal(
	    login("a:se:cret", "h", 2, &roles), REST_AUTH_ACCEPTED);
	assert_int_equal(login("a:se:creT", "h", 3, &roles), REST_AUTH_DENIED);
	assert_int_equal(roles, 0);
	assert_int_equal(login("b:se:cret", "h", 4, &roles), REST_AUTH_DENIED);
}

static void
malformed_headers_are_denied(void **state)
{
	static const char *const bad[] = {"Basic", "Basic ", "Basic !!!!",
	    "Basic YQ", "Bearer YTpi", "Basic YWI=", "Basic YQBiOmM=", ""};
	char name[REST_AUTH_USER_SIZE];
	unsigned roles;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rest_auth_basic(auth, &conf, bad[i], "h",
				     5000 * (i + 1), &roles, name),
		    REST_AUTH_DENIED);
	assert_int_equal(
	    rest_auth_basic(auth, &conf, NULL, "h", 1, &roles, name),
	    REST_AUTH_DENIED);
}

static void
failures_close_the_door_for_a_while(void **state)
{
	unsigned roles;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    login("a:wrong", "h", 100, &roles), REST_AUTH_DENIED);
	assert_int_equal(
	    login("a:se:cret", "h", 101, &roles), REST_AUTH_THROTTLED);
	/* Another address and another name are not concerned. */
	assert_int_equal(
	    login("a:se:cret", "i", 101, &roles), REST_AUTH_ACCEPTED);
	assert_int_equal(login("b:wrong", "h", 101, &roles), REST_AUTH_DENIED);
	/* The window passes. */
	assert_int_equal(
	    login("a:se:cret", "h", 1099, &roles), REST_AUTH_THROTTLED);
	assert_int_equal(
	    login("a:se:cret", "h", 1101, &roles), REST_AUTH_ACCEPTED);
}

static void
no_users_means_nobody(void **state)
{
	const struct conf_rest none = {
	    .max_login_failures = 3, .login_window_ms = 1000};
	char name[REST_AUTH_USER_SIZE];
	unsigned roles;

	assert_int_equal(rest_auth_basic(auth, &none, "Basic YTpzZTpjcmV0", "h",
			     1, &roles, name),
	    REST_AUTH_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes_are_salted_and_verify),
	    cmocka_unit_test(broken_hashes_never_verify),
	    cmocka_unit_test_setup_teardown(
		right_pair_gets_its_roles, fresh, done),
	    cmocka_unit_test_setup_teardown(
		malformed_headers_are_denied, fresh, done),
	    cmocka_unit_test_setup_teardown(
		failures_close_the_door_for_a_while, fresh, done),
	    cmocka_unit_test_setup_teardown(no_users_means_nobody, fresh, done),
	};

	return cmocka_run_group_tests_name("auth", tests, setup, NULL);
}
