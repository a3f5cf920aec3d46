/* outbound: which targets of CONNECT a pattern stands for, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/address.h"
#include "gateway/dataplane/outbound.h"

static const struct {
	const char *pattern, *target;
	int matches;
} cases[] = {
    {"allowed.example:443", "allowed.example:443", 1},
    {"allowed.example:443", "ALLOWED.Example:443", 1},
    {"allowed.example:443", "allowed.example.evil.example:443", 0},
    {"allowed.example:443", "allowed.exampl:443", 0},
    {"allowed.example:443", "not-allowed.example:443", 0},
    {"allowed.example:443", "a.allowed.example:443", 0},
    {"allowed.example:443", "allowed.example:4433", 0},
    {"allowed.example:443", "allowed.example:44", 0},
    {"allowed.example:443", "allowed.example", 0},
    {"allowed.example", "allowed.example:443", 0},
    {"allowed.example:*", "allowed.example:1", 1},
    {"allowed.example:*", "allowed.example.evil.example:1", 0},
    {"*.allowed.example:443", "a.allowed.example:443", 1},
    {"*.allowed.example:443", "a.b.allowed.example:443", 1},
    {"*.allowed.example:443", "allowed.example:443", 0},
    {"*.allowed.example:443", ".allowed.example:443", 0},
    {"*.allowed.example:443", "notallowed.example:443", 0},
    {"*.allowed.example:443", "a.allowed.example.evil.example:443", 0},
    {"*.allowed.example:443", "a.allowed.example:80", 0},
    {"*.allowed.example:*", "a.allowed.example:80", 1},
    {"*:443", "anything.example:443", 1},
    {"*:443", "[::1]:443", 1},
    {"*:443", "anything.example:80", 0},
    {"*:*", "anything.example:80", 1},
    {"[::1]:443", "[::1]:443", 1},
    {"[::1]:443", "[::11]:443", 0},
    {"*", "anything.example:443", 0},
};

static void
a_pattern_stands_for_whole_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (outbound_pattern_matches(
			cases[i].pattern, cases[i].target) != cases[i].matches)
			fail_msg("'%s' and '%s': %d was expected",
			    cases[i].pattern, cases[i].target,
			    cases[i].matches);
}

/* Whatever the list allows, no socket of this host is a peer. */
static void
a_target_is_a_host_and_a_port(void **state)
{
	static const char *const heads[] = {
	    "CONNECT unix:node.sock HTTP/1.1\r\n\r\n",
	    "CONNECT Unix:node.sock HTTP/1.1\r\n\r\n",
	    "CONNECT unix:/run/node.sock HTTP/1.1\r\n\r\n",
	    "CONNECT user@peer.example:443 HTTP/1.1\r\n\r\n",
	    "CONNECT peer.example:443/ HTTP/1.1\r\n\r\n",
	    "CONNECT peer.example HTTP/1.1\r\n\r\n",
	    "CONNECT :443 HTTP/1.1\r\n\r\n",
	    "CONNECT  HTTP/1.1\r\n\r\n",
	};
	struct outbound_target t;
	struct address address;

	(void)state;
	assert_int_equal(outbound_parse_connect(&t, &address,
			     "CONNECT peer.example:443 HTTP/1.1\r\n\r\n"),
	    0);
	assert_string_equal(t.host, "peer.example");
	address_cleanup(&address);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (outbound_parse_connect(&t, &address, heads[i]) != 400)
			fail_msg("taken: %s", heads[i]);
		address_cleanup(&address);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_target_is_a_host_and_a_port),
	    cmocka_unit_test(a_pattern_stands_for_whole_hosts),
	};

	return cmocka_run_group_tests_name("outbound", tests, NULL, NULL);
}
