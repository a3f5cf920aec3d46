/*
 * The defaults of the bootstrap file that the README promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/conf/conf_internal.h"

static void
rest_listens_on_loopback(void **state)
{
	struct err err;
	struct conf *c = conf_new_default(&err);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->rest.listen.text, "127.0.0.1:8888");
	assert_string_equal(c->rest.listen.host, "127.0.0.1");
	assert_int_equal(c->rest.listen.port, 8888);
	/* Nobody may log in until somebody is named. */
	assert_int_equal(c->rest.num_users, 0);
	assert_null(c->rest.client_trust);
	conf_free(c);
}

static void
numbers_are_the_documented_ones(void **state)
{
	struct err err;
	struct conf *c = conf_new_default(&err);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->rest.max_body_bytes, 1048576);
	assert_int_equal(c->rest.max_connections, 256);
	assert_int_equal(c->rest.idle_timeout_ms, 60000);
	assert_int_equal(c->rest.max_login_failures, 10);
	assert_int_equal(c->rest.login_window_ms, 60000);
	assert_int_equal(c->rest.max_decisions, 1000);
	assert_int_equal(c->limits.handshake_timeout_ms, 10000);
	assert_int_equal(c->limits.idle_timeout_ms, 0);
	assert_int_equal(c->limits.drain_timeout_ms, 30000);
	assert_int_equal(c->limits.max_connections, 20000);
	assert_int_equal(c->limits.max_per_address, 0);
	assert_int_equal(c->limits.max_handshakes, 2000);
	assert_int_equal(c->limits.max_paused, 1000);
	assert_int_equal(c->limits.max_chain, 10);
	assert_int_equal(c->node.connect_timeout_ms, 3000);
	assert_int_equal(c->node.retry_ms, 1000);
	assert_int_equal(c->node.max_retries, 2);
	assert_int_equal(c->warm_up_ms, 10000);
	assert_int_equal(c->tls.type, CONF_TLS_MUTUAL);
	/* Until one is pushed: the policy's own, SOFT_FAIL. */
	assert_int_equal(c->policy.mode, REVCHECK_MODE_DEFAULT);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rest_listens_on_loopback),
	    cmocka_unit_test(numbers_are_the_documented_ones),
	};

	return cmocka_run_group_tests_name("defaults", tests, NULL, NULL);
}
