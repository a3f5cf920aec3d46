/* rest_origin: which requests a browser sends for another site's page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/rest/rest_origin.h"

static const struct {
	const char *site, *origin, *host;
	bool foreign;
} rows[] = {
    /* curl, and the node. */
    {NULL, NULL, "gw:8888", false},
    {NULL, NULL, NULL, false},
    /* Typed by the operator, or of a page of ours. */
    {"none", NULL, "gw:8888", false},
    {"same-origin", NULL, "gw:8888", false},
    {"same-origin", "https://gw:8888", "gw:8888", false},
    {NULL, "https://GW:8888", "gw:8888", false},
    {NULL, "https://gw", "gw", false},
    {NULL, "https://gw", "gw:443", false},
    {NULL, "https://[::1]:8888", "[::1]:8888", false},
    {NULL, "https://[::1]", "[::1]:443", false},
    /* Of others. */
    {"cross-site", NULL, "gw:8888", true},
    {"same-site", NULL, "gw:8888", true},
    {"cross-site", "https://gw:8888", "gw:8888", true},
    {"", NULL, "gw:8888", true},
    {"Same-Origin", NULL, "gw:8888", true},
    {"none", "https://evil", "gw:8888", true},
    {"same-origin", "https://evil", "gw:8888", true},
    {NULL, "https://evil", "gw:8888", true},
    {NULL, "https://gw", "gw:8888", true},
    {NULL, "https://gw:8889", "gw:8888", true},
    {NULL, "https://gw:88888", "gw:8888", true},
    {NULL, "https://gw.evil:8888", "gw:8888", true},
    {NULL, "https://evil.gw:8888", "gw:8888", true},
    {NULL, "http://gw:8888", "gw:8888", true},
    {NULL, "https://[::2]:8888", "[::1]:8888", true},
    {NULL, "https://[::1]:1", "[::1]", true},
    {NULL, "https://", "", true},
    {NULL, "https://gw:8888", NULL, true},
    {NULL, "null", "gw:8888", true},
    {NULL, "", "gw:8888", true},
    {NULL, "gw:8888", "gw:8888", true},
};

static void
who_is_foreign(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rest_origin_is_foreign(rows[i].site, rows[i].origin,
			rows[i].host) != rows[i].foreign)
			fail_msg("row %zu: %d expected", i, rows[i].foreign);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_foreign)};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
