/* outbound: which targets of CONNECT a pattern stands for, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pattern_stands_for_whole_hosts),
	};

	return cmocka_run_group_tests_name("outbound", tests, NULL, NULL);
}
