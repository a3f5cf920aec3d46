/* The pure parts of fetching: addresses, URLs, timetable, keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "cache/fetch/address_rules.h"
#include "cache/engine/archive.h"
#include "cache/evidence/evidence.h"
#include "cache/engine/refresh_schedule.h"
#include "cache/fetch/url.h"

static const char *
refused(const struct address_rules *r, const char *host, const char *address)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &a4.sin_addr) == 1)
		return address_rules_refused(r, host, (struct sockaddr *)&a4);
	assert_int_equal(inet_pton(AF_INET6, address, &a6.sin6_addr), 1);
	return address_rules_refused(r, host, (struct sockaddr *)&a6);
}

static void
test_addresses_by_default(void **state)
{
	static const struct {
		const char *address, *kind;
	} rows[] = {
	    {"127.0.0.1", "loopback"},
	    {"127.255.255.255", "loopback"},
	    {"::1", "loopback"},
	    {"::ffff:127.0.0.1", "loopback"},
	    {"::127.0.0.1", "loopback"},
	    {"64:ff9b::7f00:1", "loopback"},
	    {"2002:7f00:1::", "loopback"},
	    {"0.0.0.0", "unspecified"},
	    {"::", "unspecified"},
	    {"169.254.169.254", "link-local"},
	    {"fe80::1", "link-local"},
	    {"febf::1", "link-local"},
	    {"224.0.0.1", "multicast"},
	    {"239.1.2.3", "multicast"},
	    {"ff02::1", "multicast"},
	    {"255.255.255.255", "reserved"},
	    {"100.100.100.200", "cloud metadata"},
	    {"fd00:ec2::254", "cloud metadata"},
	    {"10.1.2.3", NULL},
	    {"192.168.0.1", NULL},
	    {"fd00::1", NULL},
	    {"8.8.8.8", NULL},
	    {"2001:db8::1", NULL},
	    {"128.0.0.1", NULL},
	    {"126.255.255.255", NULL},
	    {"169.253.255.255", NULL},
	    {"::ff", NULL},
	    {"::100", "unspecified"},
	    {"fec0::1", "site-local"},
	    {"feff::1", "site-local"},
	    {"192.0.0.192", "cloud metadata"},
	    {"192.0.0.8", "reserved"},
	    {"192.0.1.1", NULL},
	    {"168.63.129.16", "cloud metadata"},
	    {"168.63.129.17", NULL},
	    {"fd00:ec2::123", "cloud metadata"},
	    {"fd00:42::42", "cloud metadata"},
	    {"fd20:ce::254", "cloud metadata"},
	    {"fd20:ce::255", NULL},
	    {"64:ff9b:1::808:808", "translated IPv4"},
	    {"64:ff9b:1:ffff::1", "translated IPv4"},
	    {"64:ff9b:2::1", NULL},
	    {"64:ff9b::a83f:8110", "cloud metadata"},
	    {"::ffff:0:8.8.8.8", "translated IPv4"},
	    {"::ffff:0:127.0.0.1", "translated IPv4"},
	    {"::ffff:8.8.8.8", NULL},
	    {"2001::1", "Teredo"},
	    {"2001:0:ffff:ffff::1", "Teredo"},
	    {"2001:1::1", NULL},
	    {"2a00::5efe:7f00:1", "loopback"},
	    {"2a00::200:5efe:7f00:1", "loopback"},
	    {"2a00::5efe:808:808", NULL},
	    {"2002:a83f:8110::1", "cloud metadata"},
	    {"100::1", "reserved"},
	    {"100:0:0:1::1", NULL},
	};
	struct address_rules *r, *strict;

	assert_int_equal(address_rules_new(&r, NULL, false, NULL), 0);
	assert_int_equal(address_rules_new(&strict, NULL, true, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *kind = refused(r, "h", rows[i].address);

		if ((kind == NULL) != (rows[i].kind == NULL) ||
		    (kind != NULL && strcmp(kind, rows[i].kind) != 0))
			fail_msg("%s: %s", rows[i].address,
			    kind != NULL ? kind : "allowed");
	}
	assert_string_equal(refused(strict, "h", "10.1.2.3"), "private");
	assert_string_equal(refused(strict, "h", "172.31.0.1"), "private");
	assert_null(refused(strict, "h", "172.32.0.1"));
	assert_string_equal(refused(strict, "h", "100.64.0.1"), "private");
	assert_string_equal(refused(strict, "h", "fd00::1"), "private");
	assert_null(refused(strict, "h", "8.8.8.8"));
	address_rules_free(r);
	address_rules_free(strict);
}

static void
test_addresses_that_are_allowed(void **state)
{
	static const char *const allow[] = {
	    "127.0.0.0/8", "169.254.1.2", "fe80::/64", "crl.example", NULL};
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "1.2.3",
	    "::1/129", "10.0.0.0/x", "", "host name", "http://x/",
	    "10.0.0.0/-1"};
	struct address_rules *r;
	struct err err;

	assert_int_equal(address_rules_new(&r, allow, true, NULL), 0);
	assert_null(refused(r, "h", "127.9.9.9"));
	assert_null(refused(r, "h", "169.254.1.2"));
	assert_non_null(refused(r, "h", "169.254.1.3"));
	assert_null(refused(r, "h", "fe80::1234"));
	assert_non_null(refused(r, "h", "fe80:0:0:1::1"));
	assert_null(refused(r, "CRL.example", "10.0.0.1"));
	assert_non_null(refused(r, "xcrl.example", "10.0.0.1"));
	assert_non_null(refused(r, "crl.example.net", "10.0.0.1"));
	assert_non_null(refused(r, "crl.exampl", "10.0.0.1"));
	assert_non_null(refused(r, "", "10.0.0.1"));
	assert_null(address_rules_literal_refused(r, "127.0.0.1"));
	assert_non_null(address_rules_literal_refused(r, "[::1]"));
	assert_null(address_rules_literal_refused(r, "localhost"));
	address_rules_free(r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *const one[] = {bad[i], NULL};

		assert_int_equal(
		    address_rules_new(&r, one, false, &err), E_ARG);
		assert_null(r);
	}
}

/* Forms that only resolvers take for addresses; a proxy's does. */
static void
test_numbers_that_are_addresses(void **state)
{
	static const struct {
		const char *host;
		bool refused;
	} rows[] = {{"2130706433", true}, {"127.1", true}, {"0x7f000001", true},
	    {"0177.0.0.1", true}, {"0xa9.0xfe.43518", true}, {"0", true},
	    {"10.1", true}, {"16909060", false}, {"1.2.3", false},
	    {"127.1.example", false}, {"4294967296", false}};
	struct address_rules *r;

	(void)state;
	assert_int_equal(address_rules_new(&r, NULL, true, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    address_rules_literal_refused(r, rows[i].host) != NULL,
		    rows[i].refused);
	address_rules_free(r);
}

static void
test_urls(void **state)
{
	static const char *const bad[] = {"", "nothing", "http://",
	    "http://h:99999/", "http://u@h/", "http://u:p@h/", "http://h/ x",
	    "http://h/\n", "//h/x"};
	struct url u;
	char scheme[16];

	assert_true(url_read(&u, "HTTP://Example.COM/x?y"));
	assert_string_equal(u.scheme, "http");
	assert_int_equal(u.port, 80);
	assert_true(url_read(&u, "https://[2001:db8::1]:8443/"));
	assert_string_equal(u.host, "2001:db8::1");
	assert_int_equal(u.port, 8443);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (url_read(&u, bad[i]))
			fail_msg("'%s' was read", bad[i]);
	assert_true(url_scheme(scheme, "LDAP:///cn=x"));
	assert_string_equal(scheme, "ldap");
	assert_false(url_scheme(scheme, "/path"));
	assert_false(url_scheme(scheme, "1http://x"));
}

/* No octet that would end a line or a word anywhere, in no part of a URL. */
static void
test_urls_are_one_word(void **state)
{
	static const char *const forms[] = {"http://h%c/x", "http://h/%cx",
	    "http://h/x%c", "%chttp://h/x", "http://h:8%c0/x", "ht%ctp://h/x"};
	char text[32];
	struct url u;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (int c = 1; c <= 0x7f; c += c == 0x20 ? 0x5f : 1) {
			const char *at = strstr(forms[i], "%c");

			snprintf(text, sizeof(text), "%.*s%c%s",
			    (int)(at - forms[i]), forms[i], c, at + 2);
			if (url_read(&u, text))
				fail_msg("octet %02x in '%s'", c, forms[i]);
		}
}

static void
test_urls_have_a_length(void **state)
{
	char text[2100];
	struct url u;

	memset(text, 'x', sizeof(text));
	memcpy(text, "http://h/", 9);
	text[2048] = '\0';
	assert_true(url_read(&u, text));
	text[2048] = 'x';
	text[2049] = '\0';
	assert_false(url_read(&u, text));
}

static void
test_ocsp_get_form(void **state)
{
	struct bytes b;
	uint8_t big[200] = {0};

	bytes_init(&b, 4096);
	assert_int_equal(
	    url_ocsp_get(&b, "http://h/o", span_of("\xfb\xff\xfe\x01", 4)), 0);
	assert_string_equal((char *)b.p, "http://h/o/%2B%2F%2F%2BAQ%3D%3D");
	b.len = 0;
	assert_int_equal(url_ocsp_get(&b, "http://h//", span_of("ab", 2)), 0);
	assert_string_equal((char *)b.p, "http://h/YWI%3D");
	b.len = 0;
	/* 200 octets are 268 characters: beyond 255, so POST. */
	assert_int_equal(
	    url_ocsp_get(&b, "http://h/", span_of(big, 200)), E_LIMIT);
	assert_int_equal(b.len, 0);
	bytes_cleanup(&b);
}

static void
test_refresh_is_ahead_and_spread(void **state)
{
	struct refresh_schedule_facts f = {.now = 1000000,
	    .this_update = 999000,
	    .next_update = 1000000 + 10000,
	    .max_age_sec = -1,
	    .floor_sec = 60};
	time_t at, least = 0, most = 0;

	for (uint32_t r = 0; r < 5000; r++) {
		f.random = r;
		at = refresh_schedule_at(&f) - f.now;
		assert_in_range(at, 7500, 9000);
		least = r == 0 || at < least ? at : least;
		most = at > most ? at : most;
	}
	assert_int_equal(least, 7500);
	assert_int_equal(most, 9000);
	/* HTTP says earlier; the floor says not that early. */
	f.max_age_sec = 600;
	assert_int_equal(refresh_schedule_at(&f), f.now + 600);
	f.max_age_sec = 0;
	assert_int_equal(refresh_schedule_at(&f), f.now + 60);
	/* Past, absent and absurd nextUpdates. */
	f.max_age_sec = -1;
	f.next_update = f.now - 5;
	assert_int_equal(refresh_schedule_at(&f), f.now + 60);
	f.next_update = 0;
	assert_int_equal(refresh_schedule_at(&f), f.now + 3600);
	f.next_update = 253402300799;
	assert_true(refresh_schedule_at(&f) <= f.now + 2 * 86400);
}

static void
test_retries_double_up_to_a_bound(void **state)
{
	uint64_t ms;

	for (unsigned n = 1; n < 40; n++) {
		uint64_t whole = n > 9 ? 300000 : (uint64_t)1000 << (n - 1);

		if (whole > 300000)
			whole = 300000;
		for (uint32_t r = 0; r < 1000; r++) {
			ms = refresh_schedule_retry_ms(
			    n, 1000, 300000, r * 7919);
			assert_in_range(ms, whole - whole / 4, whole);
		}
	}
}

/* An answer that is none is not waited out. */
static void
test_fruitless_up_to_the_floor(void **state)
{
	assert_int_equal(refresh_schedule_fruitless_max_ms(300000, 60), 60000);
	assert_int_equal(
	    refresh_schedule_fruitless_max_ms(300000, 86400), 300000);
	assert_int_equal(
	    refresh_schedule_fruitless_max_ms(300000, UINT32_MAX), 300000);
	assert_int_equal(refresh_schedule_fruitless_max_ms(300000, 0), 0);
	for (unsigned n = 1; n < 40; n++)
		assert_in_range(
		    refresh_schedule_retry_ms(n, 1000,
			refresh_schedule_fruitless_max_ms(300000, 60),
			n * 7919),
		    750, 60000);
}

/* Parts are delimited: moving a border makes another key. */
static void
test_keys_cannot_collide(void **state)
{
	struct span ab_c[] = {span_of("ab", 2), span_of("c", 1)};
	struct span a_bc[] = {span_of("a", 1), span_of("bc", 2)};
	struct span abc[] = {span_of("abc", 3)};
	struct span abc_none[] = {span_of("abc", 3), span_of(NULL, 0)};
	/* Serials 1 and 256 of one CA. */
	struct span one[] = {span_of("ca", 2), span_of("\1", 1)};
	struct span big[] = {span_of("ca", 2), span_of("\1\0", 2)};
	struct evidence_key k[] = {evidence_key_of(ab_c, 2),
	    evidence_key_of(a_bc, 2), evidence_key_of(abc, 1),
	    evidence_key_of(abc_none, 2), evidence_key_of(one, 2),
	    evidence_key_of(big, 2), evidence_key_of(NULL, 0)};
	struct evidence_key again = evidence_key_of(ab_c, 2);

	assert_memory_equal(&k[0], &again, sizeof(again));
	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&k[i], &k[j], sizeof(k[0]));
}

static void
test_what_is_older(void **state)
{
	static const struct {
		const char *is, *was;
		long is_at, was_at;
		bool older;
	} rows[] = {
	    {"\5", "\5", 10, 10, false},
	    {"\5", "\5", 9, 10, true},
	    {"\4", "\5", 20, 10, true},
	    {"\6", "\5", 1, 10, false},
	    {"\1\1", "\xff", 1, 10, false},
	    {"\xff", "\1\1", 20, 10, true},
	    {"", "\5", 20, 10, false},
	    {"", "\5", 9, 10, true},
	    {"", "", 10, 10, false},
	    {"", "", 9, 10, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct evidence a = {.this_update = rows[i].is_at,
		    .number = span_of(rows[i].is, strlen(rows[i].is))};
		struct evidence b = {.this_update = rows[i].was_at,
		    .number = span_of(rows[i].was, strlen(rows[i].was))};

		assert_int_equal(evidence_older(&a, &b), rows[i].older);
	}
}

static void
test_what_is_fresh(void **state)
{
	static const struct {
		const char *name;
		time_t this_update, next_update, fetched_at; /* from now */
		bool fresh;
	} rows[] = {
	    {"in its time", -10, 10, -5, true},
	    {"future by the skew", 300, 900, -5, true},
	    {"future by more", 301, 900, -5, false},
	    {"run out by the skew", -900, -300, -5, true},
	    {"run out by more", -900, -301, -5, false},
	    {"no end, fetched a day ago", -900000, 0, -86400, true},
	    {"no end, fetched before", -900000, 0, -86401, false},
	    {"no end, from the future", 301, 0, -5, false},
	};
	const time_t now = 1780000000;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct evidence e = {.this_update = now + rows[i].this_update,
		    .fetched_at = now + rows[i].fetched_at};

		if (rows[i].next_update != 0)
			e.next_update = now + rows[i].next_update;
		if (evidence_fresh(&e, now, 300) != rows[i].fresh)
			fail_msg("%s", rows[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses_by_default),
	    cmocka_unit_test(test_addresses_that_are_allowed),
	    cmocka_unit_test(test_numbers_that_are_addresses),
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_urls_are_one_word),
	    cmocka_unit_test(test_urls_have_a_length),
	    cmocka_unit_test(test_ocsp_get_form),
	    cmocka_unit_test(test_refresh_is_ahead_and_spread),
	    cmocka_unit_test(test_retries_double_up_to_a_bound),
	    cmocka_unit_test(test_fruitless_up_to_the_floor),
	    cmocka_unit_test(test_keys_cannot_collide),
	    cmocka_unit_test(test_what_is_older),
	    cmocka_unit_test(test_what_is_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
