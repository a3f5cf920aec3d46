/* limits: every bound holds at its edge, and what is counted is uncounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/limits.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage sa = {0};
	struct sockaddr_in *in = (void *)&sa;
	struct sockaddr_in6 *in6 = (void *)&sa;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		sa.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		sa.ss_family = AF_INET6;
	else
		sa.ss_family = AF_UNIX;
	return sa;
}

static enum limits_answer
enter(struct limits *l, const struct conf_limits *conf, const char *text,
    struct limits_peer *peer, uint64_t now)
{
	struct sockaddr_storage sa = address(text);

	return limits_enter(l, conf, (struct sockaddr *)&sa, peer, now);
}

static struct limits *
fresh(void)
{
	struct limits *l;

	assert_int_equal(limits_new(&l, NULL), 0);
	return l;
}

static void
connections_in_all(void **state)
{
	struct conf_limits conf = {.max_connections = 2};
	struct limits *l = fresh();
	struct limits_peer a, b, c;

	(void)state;
	assert_int_equal(enter(l, &conf, "10.0.0.1", &a, 1), LIMITS_PASS);
	assert_int_equal(enter(l, &conf, "10.0.0.2", &b, 1), LIMITS_PASS);
	assert_int_equal(enter(l, &conf, "10.0.0.3", &c, 1), LIMITS_FULL);
	limits_leave(l, &a);
	assert_int_equal(enter(l, &conf, "10.0.0.3", &c, 1), LIMITS_PASS);
	limits_free(l);
}

static void
connections_from_one_address(void **state)
{
	struct conf_limits conf = {
	    .max_connections = 100, .max_per_address = 2};
	struct limits *l = fresh();
	struct limits_peer p, q;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    enter(l, &conf, "10.0.0.1", &p, 1), LIMITS_PASS);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1), LIMITS_ADDRESS);
	/* The same address written as IPv6; another one; no address. */
	assert_int_equal(
	    enter(l, &conf, "::ffff:10.0.0.1", &p, 1), LIMITS_ADDRESS);
	assert_int_equal(enter(l, &conf, "10.0.0.2", &q, 1), LIMITS_PASS);
	for (int i = 0; i < 5; i++)
		assert_int_equal(enter(l, &conf, "unix", &q, 1), LIMITS_PASS);
	limits_leave(l, &p);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1), LIMITS_PASS);
	/* A /64 is one address, its neighbour another. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    enter(l, &conf, i ? "2001:db8::1" : "2001:db8::2", &p, 1),
		    LIMITS_PASS);
	assert_int_equal(enter(l, &conf, "2001:db8::3", &p, 1), LIMITS_ADDRESS);
	assert_int_equal(
	    enter(l, &conf, "2001:db8:0:1::3", &p, 1), LIMITS_PASS);
	limits_free(l);
}

/* What was turned away for one reason is not counted for another. */
static void
a_refusal_counts_nothing(void **state)
{
	struct conf_limits conf = {
	    .max_connections = 2, .max_per_address = 2, .max_handshakes = 1};
	struct limits *l = fresh();
	struct limits_peer p, q;

	(void)state;
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1), LIMITS_PASS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    enter(l, &conf, "10.0.0.1", &q, 1), LIMITS_HANDSHAKES);
	limits_end_handshake(l, &p);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &q, 1), LIMITS_PASS);
	limits_free(l);
}

/* However many are refused for their rate, all places are free again. */
static void
a_refusal_for_the_rate_counts_nothing(void **state)
{
	struct conf_limits conf = {.max_connections = 2,
	    .max_per_address = 2,
	    .max_handshakes = 2,
	    .handshakes_per_sec = 1};
	struct limits *l = fresh();
	struct limits_peer p, q;

	(void)state;
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1000), LIMITS_PASS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    enter(l, &conf, "10.0.0.1", &q, 1000), LIMITS_RATE);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &q, 9000), LIMITS_PASS);
	limits_end_handshake(l, &p);
	limits_end_handshake(l, &q);
	limits_leave(l, &p);
	limits_leave(l, &q);
	limits_free(l);
}

static void
handshakes_a_second(void **state)
{
	struct conf_limits conf = {
	    .max_connections = 1000, .handshakes_per_sec = 10};
	struct limits *l = fresh();
	struct limits_peer p;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    enter(l, &conf, "10.0.0.1", &p, 1000), LIMITS_PASS);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1000), LIMITS_RATE);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1050), LIMITS_RATE);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 1150), LIMITS_PASS);
	/* A long silence does not save up more than a second. */
	for (int i = 0; i < 10; i++)
		assert_int_equal(
		    enter(l, &conf, "10.0.0.1", &p, 100000), LIMITS_PASS);
	assert_int_equal(enter(l, &conf, "10.0.0.1", &p, 100000), LIMITS_RATE);
	limits_free(l);
}

static void
pauses(void **state)
{
	struct conf_limits conf = {.max_paused = 1};
	struct limits *l = fresh();

	(void)state;
	assert_true(limits_pause(l, &conf));
	assert_false(limits_pause(l, &conf));
	limits_resume(l);
	assert_true(limits_pause(l, &conf));
	limits_free(l);
}

/* Whatever comes in, the node can dial out, and the other way round. */
static void
the_node_has_handshakes_of_its_own(void **state)
{
	struct conf_limits conf = {.max_connections = 100,
	    .max_handshakes = 2,
	    .max_per_address = 2,
	    .handshakes_per_sec = 2};
	struct sockaddr_storage sa = address("10.0.0.1");
	const struct sockaddr *name = (const struct sockaddr *)&sa;
	struct limits *l = fresh();
	struct limits_peer in[2], out[2], p;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    enter(l, &conf, "10.0.0.1", &in[i], 1), LIMITS_PASS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(limits_enter_outbound(l, &conf, name, &out[i]),
		    LIMITS_PASS);
	assert_int_equal(
	    limits_enter_outbound(l, &conf, name, &p), LIMITS_HANDSHAKES);
	assert_int_equal(enter(l, &conf, "10.0.0.2", &p, 1), LIMITS_HANDSHAKES);
	limits_end_handshake(l, &out[0]);
	assert_int_equal(enter(l, &conf, "10.0.0.2", &p, 1), LIMITS_HANDSHAKES);
	assert_int_equal(
	    limits_enter_outbound(l, &conf, name, &p), LIMITS_PASS);
	for (int i = 0; i < 2; i++) {
		limits_leave(l, &in[i]);
		limits_leave(l, &out[i]);
	}
	limits_leave(l, &p);
	limits_free(l);
}

/* Many addresses come and go: the table holds only who is there. */
static void
the_table_empties(void **state)
{
	struct conf_limits conf = {.max_connections = 10, .max_per_address = 1};
	struct limits *l = fresh();
	struct limits_peer p;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		assert_int_equal(enter(l, &conf, text, &p, 1), LIMITS_PASS);
		limits_end_handshake(l, &p);
		limits_leave(l, &p);
	}
	limits_free(l); /* what were left over, LeakSanitizer would tell */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connections_in_all),
	    cmocka_unit_test(connections_from_one_address),
	    cmocka_unit_test(a_refusal_counts_nothing),
	    cmocka_unit_test(a_refusal_for_the_rate_counts_nothing),
	    cmocka_unit_test(handshakes_a_second),
	    cmocka_unit_test(pauses),
	    cmocka_unit_test(the_node_has_handshakes_of_its_own),
	    cmocka_unit_test(the_table_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
