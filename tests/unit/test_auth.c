/* auth and password: hashes, credentials, throttling by a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>
#include <event2/thread.h>
#include <openssl/evp.h>

#include <cmocka.h>

#include "gateway/rest/rest_auth.h"
#include "gateway/rest/rest_throttle.h"
#include "gateway/base/password_hash.h"

static char hash[PASSWORD_HASH_SIZE];
static char name_a[] = "a";
static struct conf_user user = {
    .name = name_a, .password_hash = hash, .roles = CONF_ROLE_READ};
static struct conf_rest conf = {.users = &user,
    .num_users = 1,
    .max_login_failures = 3,
    .login_window_ms = 60000};
static struct event_base *base;
static struct rest_auth *auth;
static struct rest_throttle *throttle;
static struct rest_auth_result last;
static unsigned num_answers;

static int
setup(void **state)
{
	assert_int_equal(evthread_use_pthreads(), 0);
	return password_hash(hash, "se:cret", PASSWORD_COST_MIN, NULL);
}

static int
fresh(void **state)
{
	base = event_base_new();
	num_answers = 0;
	return rest_auth_new(&auth, base, NULL);
}

static int
done(void **state)
{
	rest_auth_free(auth);
	event_base_free(base);
	return 0;
}

static void
on_login(void *arg, const struct rest_auth_result *result)
{
	*(struct rest_auth_result *)arg = *result;
	num_answers++;
}

static struct rest_login *
start_into(struct rest_auth_result *out, const char *pair, bool local)
{
	char header[256] = "Basic ";
	struct rest_login *login;

	EVP_EncodeBlock((unsigned char *)header + 6,
	    (const unsigned char *)pair, (int)strlen(pair));
	rest_auth_basic(
	    auth, &conf, header, "h", local, out, &login, on_login, out);
	return login;
}

static struct rest_login *
start(const char *pair, bool local)
{
	return start_into(&last, pair, local);
}

static enum rest_auth_outcome
login(const char *pair, bool local)
{
	struct rest_auth_result mine;

	start_into(&mine, pair, local);
	while (mine.outcome == REST_AUTH_PENDING)
		event_base_loop(base, EVLOOP_ONCE);
	last = mine;
	return mine.outcome;
}

static void
hashes_are_salted_and_verify(void **state)
{
	char one[PASSWORD_HASH_SIZE], two[PASSWORD_HASH_SIZE];

	assert_int_equal(password_hash(one, "x", PASSWORD_COST_MIN, NULL), 0);
	assert_int_equal(password_hash(two, "x", PASSWORD_COST, NULL), 0);
	assert_string_not_equal(one, two);
	assert_true(password_verify(one, "x"));
	assert_true(password_verify(two, "x"));
	assert_int_equal(password_hash_cost(one), PASSWORD_COST_MIN);
	assert_int_equal(password_hash_cost(two), PASSWORD_COST);
	assert_false(password_verify(one, "y"));
	assert_false(password_verify(one, ""));
	assert_true(password_hash(one, "", PASSWORD_COST_MIN, NULL) < 0);
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
	struct rest_login *none;

	assert_int_equal(login("a:se:cret", true), REST_AUTH_ACCEPTED);
	assert_int_equal(last.roles, CONF_ROLE_READ);
	assert_string_equal(last.user, "a");
	/* Remembered now, at once, and still checked. */
	none = start("a:se:cret", false);
	assert_null(none);
	assert_int_equal(last.outcome, REST_AUTH_ACCEPTED);
	assert_int_equal(login("a:se:creT", true), REST_AUTH_DENIED);
	assert_int_equal(last.roles, 0);
	assert_int_equal(login("b:se:cret", true), REST_AUTH_DENIED);
}

static void
malformed_headers_are_denied(void **state)
{
	static const char *const bad[] = {"Basic", "Basic ", "Basic !!!!",
	    "Basic YQ", "Bearer YTpi", "Basic YWI=", "Basic YQBiOmM=", "",
	    NULL};
	struct rest_login *none;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest_auth_basic(auth, &conf, bad[i], "h", true, &last, &none,
		    on_login, &last);
		assert_int_equal(last.outcome, REST_AUTH_DENIED);
		assert_null(none);
	}
}

static void
no_users_means_nobody(void **state)
{
	const struct conf_rest nobody = {
	    .max_login_failures = 3, .login_window_ms = 1000};
	struct rest_login *none;

	rest_auth_basic(auth, &nobody, "Basic YTpzZTpjcmV0", "h", true, &last,
	    &none, on_login, &last);
	assert_int_equal(last.outcome, REST_AUTH_DENIED);
	assert_null(none);
}

/* Guesses from this host hold up their own answers, not the right one. */
static void
a_right_password_from_here_always_works(void **state)
{
	for (int i = 0; i < 200; i++)
		assert_non_null(start("a:wrong", true));
	assert_int_equal(login("a:se:cret", true), REST_AUTH_ACCEPTED);
}

/* Nor do those that were found wrong already, so many that others must go. */
static void
failures_hold_up_no_right_password_from_here(void **state)
{
	char pair[16];

	for (int i = 0; i < 8; i++) {
		snprintf(pair, sizeof(pair), "a:%d", i);
		assert_non_null(start(pair, false));
	}
	while (num_answers < 8)
		event_base_loop(base, EVLOOP_ONCE);
	while (start("a:8", false) != NULL)
		;
	assert_int_equal(last.outcome, REST_AUTH_THROTTLED);
	assert_int_equal(login("a:se:cret", true), REST_AUTH_ACCEPTED);
}

/* Takes every place of those from elsewhere. */
static void
flood(void)
{
	char pair[16];

	for (int i = 0; i < 200; i++) {
		snprintf(pair, sizeof(pair), "b%d:x", i);
		assert_true((start(pair, false) != NULL) == (i < 64));
	}
	assert_int_equal(last.outcome, REST_AUTH_BUSY);
}

/* From elsewhere there are so many at once, and no more. */
static void
logins_from_elsewhere_are_bounded(void **state)
{
	flood();
	assert_int_equal(login("a:se:cret", true), REST_AUTH_ACCEPTED);
}

/* Whoever was right before comes in, whatever the others do. */
static void
who_is_known_needs_no_place(void **state)
{
	assert_int_equal(login("a:se:cret", false), REST_AUTH_ACCEPTED);
	flood();
	assert_null(start("a:se:cret", false));
	assert_int_equal(last.outcome, REST_AUTH_ACCEPTED);
}

/* Who leaves is not told; who said the same is. */
static void
callers_may_leave(void **state)
{
	struct rest_login *one = start("a:se:cret", true);

	assert_non_null(one);
	assert_non_null(start("a:se:cret", true));
	rest_login_cancel(one);
	while (num_answers == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(last.outcome, REST_AUTH_ACCEPTED);
	assert_int_equal(num_answers, 1);
}

/* The throttle, by a clock of our own. */

static int
fresh_throttle(void **state)
{
	return rest_throttle_new(&throttle, NULL);
}

static int
done_throttle(void **state)
{
	rest_throttle_free(throttle);
	return 0;
}

static struct rest_try
try_at(const char *name, const char *address, uint64_t now)
{
	return (struct rest_try){.name = name,
	    .address = address,
	    .max_failures = 3,
	    .window_ms = 60000,
	    .now_mono_ms = now};
}

static uint32_t
wait_of(const char *name, const char *address, uint64_t now)
{
	struct rest_try x = try_at(name, address, now);

	return rest_throttle_wait(throttle, &x);
}

static uint32_t
wrong(const char *name, const char *address, uint64_t now)
{
	struct rest_try x = try_at(name, address, now);

	return rest_throttle_wrong(throttle, &x);
}

static void
failures_make_the_next_one_wait(void **state)
{
	struct rest_try x = try_at("a", "h", 1000);
	uint32_t ms, most = 0;

	assert_int_equal(wait_of("a", "h", 1000), 0);
	assert_int_equal(wrong("a", "h", 1000), 0);
	assert_int_equal(wrong("a", "h", 1000), 0);
	assert_int_equal(wait_of("a", "h", 1000), 0);
	assert_int_equal(wrong("a", "h", 1000), 250);
	ms = wait_of("a", "h", 1000);
	assert_int_equal(ms, 250);
	/* Neither another name nor another address. */
	assert_int_equal(wait_of("b", "h", 1000), 0);
	assert_int_equal(wait_of("a", "i", 1000), 0);
	/* One after the other, until it would be too long. */
	while ((ms = wait_of("a", "h", 1000)) != REST_THROTTLE_TOO_MANY) {
		assert_true(ms > most);
		most = ms;
	}
	assert_true(most <= REST_THROTTLE_MAX_WAIT_MS);
	/* Never for good. */
	assert_true(wait_of("a", "h", 60000) <= 250);
	rest_throttle_right(throttle, &x);
	assert_int_equal(wait_of("a", "h", 60001), 0);
}

static void
delays_are_bounded_and_forgotten(void **state)
{
	uint32_t ms = 0;

	for (int i = 0; i < 1000; i++)
		ms = wrong("a", "h", 5000);
	assert_int_equal(ms, 5000);
	assert_int_equal(wait_of("a", "h", 5000 + 60000), 0);
}

/* Many names from one address are guesses, too. */
static void
an_address_is_counted_by_itself(void **state)
{
	char name[16];

	for (int i = 0; i < 3 * REST_THROTTLE_NAMES; i++) {
		assert_int_equal(wait_of("new", "h", 1), 0);
		snprintf(name, sizeof(name), "n%d", i);
		wrong(name, "h", 1);
	}
	assert_true(wait_of("new", "h", 1) > 0);
	assert_int_equal(wait_of("new", "i", 1), 0);
}

/* A flood of others takes no place of who failed since. */
static void
no_other_name_takes_a_place(void **state)
{
	char address[24];

	for (int i = 0; i < 3; i++)
		wrong("a", "h", 1);
	for (int i = 0; i < REST_THROTTLE_MAX / 2 - 8; i++) {
		snprintf(
		    address, sizeof(address), "10.0.%d.%d", i / 256, i % 256);
		wrong("b", address, 1);
	}
	assert_true(wait_of("a", "h", 1) > 0);
	/* The oldest goes, and nothing grows. */
	for (int i = 0; i < 3 * REST_THROTTLE_MAX; i++) {
		snprintf(
		    address, sizeof(address), "11.%d.%d.1", i / 256, i % 256);
		wrong("b", address, 1);
	}
	assert_int_equal(wait_of("a", "h", 1), 0);
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
	    cmocka_unit_test_setup_teardown(no_users_means_nobody, fresh, done),
	    cmocka_unit_test_setup_teardown(
		a_right_password_from_here_always_works, fresh, done),
	    cmocka_unit_test_setup_teardown(
		failures_hold_up_no_right_password_from_here, fresh, done),
	    cmocka_unit_test_setup_teardown(
		logins_from_elsewhere_are_bounded, fresh, done),
	    cmocka_unit_test_setup_teardown(
		who_is_known_needs_no_place, fresh, done),
	    cmocka_unit_test_setup_teardown(callers_may_leave, fresh, done),
	    cmocka_unit_test_setup_teardown(
		failures_make_the_next_one_wait, fresh_throttle, done_throttle),
	    cmocka_unit_test_setup_teardown(delays_are_bounded_and_forgotten,
		fresh_throttle, done_throttle),
	    cmocka_unit_test_setup_teardown(
		an_address_is_counted_by_itself, fresh_throttle, done_throttle),
	    cmocka_unit_test_setup_teardown(
		no_other_name_takes_a_place, fresh_throttle, done_throttle),
	};

	return cmocka_run_group_tests_name("auth", tests, setup, NULL);
}
