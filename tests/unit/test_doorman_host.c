/* Hosts: which names a certificate may have, and what they look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/doorman/base/host.h"
#include "fixtures/doorman/base/look.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define L63                                 \
	"a23456789012345678901234567890123" \
	"456789012345678901234567890123"

static struct view
view_of_text(const char *s)
{
	return view_of(s, strlen(s));
}

static void
dns_names_are_those_of_hosts(void **state)
{
	static const struct {
		const char *name, *says; /* NULL: taken */
	} rows[] = {
	    {"bank.example", NULL},
	    {"a", NULL},
	    {"a-b.c1.example", NULL},
	    {"1and1.example", NULL},
	    {"*.bank.example", NULL},
	    {L63 ".example", NULL},
	    {"xn--mnchen-3ya.example", NULL},
	    {"xn--fiqs8s.example", NULL},
	    {"", "is empty"},
	    {".", "empty label"},
	    {"a..b", "empty label"},
	    {".a", "empty label"},
	    {"a.", "empty label"},
	    {"a.example.", "empty label"},
	    {"*.", "empty label"},
	    {"*", "letters, digits and hyphens"},
	    {"*.*", "letters, digits and hyphens"},
	    {"*.*.example", "letters, digits and hyphens"},
	    {"a.*.example", "letters, digits and hyphens"},
	    {"a*.example", "letters, digits and hyphens"},
	    {"**.example", "letters, digits and hyphens"},
	    {"a b.example", "letters, digits and hyphens"},
	    {" a.example", "letters, digits and hyphens"},
	    {"a.example ", "letters, digits and hyphens"},
	    {"a_b.example", "letters, digits and hyphens"},
	    {"b\xc3\xa4nk.example", "letters, digits and hyphens"},
	    {"a.example:443", "letters, digits and hyphens"},
	    {"http://a.example", "letters, digits and hyphens"},
	    {"a\t.example", "'a\\u{09}.example' has a label"},
	    {"a4" L63 ".example", "label of more than 63"},
	    {L63 "." L63 "." L63 "." L63, "longer than 253"},
	    {"-a.example", "hyphen at the end"},
	    {"a-.example", "hyphen at the end"},
	    {"a.-", "hyphen at the end"},
	    {"ab--c.example", "hyphens at 3 and 4"},
	    /* Read as addresses by whoever connects. */
	    {"127.0.0.1", "ends like an address"},
	    {"10.1", "ends like an address"},
	    {"2130706433", "ends like an address"},
	    {"a.0x7f", "ends like an address"},
	    {"*.1", "ends like an address"},
	    /* Punycode of nothing, of ASCII, of what it should not be. */
	    {"xn--.example", "hyphen at the end"},
	    {"xn--a.example", "not an internationalised label"},
	    {"xn--bank-.example", "hyphen at the end"},
	    {"xn--99999999.example", "not an internationalised label"},
	    {"xn--mnchen-3YA.example", NULL},
	    {"xn--MNCHEN-3ya.example", NULL},
	    /* Cyrillic that is drawn "apple"; Latin with a Cyrillic a. */
	    {"xn--80ak6aa92e.com", "looks like plain ASCII"},
	    {"xn--pple-43d.com", "mixes scripts"},
	    /* A right-to-left override, a zero-width joiner. */
	    {"xn--a-qin.example", "not an internationalised label"},
	    {"xn--a-ugn.example", "not an internationalised label"},
	    {"xn--bank-tga.example", "not an internationalised label"},
	    {"xn--7ba.example", "not an internationalised label"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct host h;
		struct fault f = {""};
		int rc = host_of_dns(&h, view_of_text(rows[i].name), &f);

		if ((rc == 0) != (rows[i].says == NULL) ||
		    (rc != 0 && strstr(f.msg, rows[i].says) == NULL))
			fail_msg("%s: %d '%s'", rows[i].name, rc, f.msg);
	}
}

static void
nul_is_no_end(void **state)
{
	struct host h;
	struct fault f;

	(void)state;
	assert_int_equal(
	    host_of_dns(&h, view_of("good.example\0.evil", 18), &f), -1);
	assert_non_null(strstr(f.msg, "NUL"));
}

/* Of a name or, where it has ':' or begins with a digit, an address. */
static struct host
host_of(const char *text)
{
	struct host_pattern p;
	struct fault f = {""};

	if (host_pattern_parse(&p, text, &f) != 0)
		fail_msg("%s: %s", text, f.msg);
	return p.host;
}

static void
some_need_a_word_of_the_operator(void **state)
{
	static const struct {
		const char *host, *says;
	} rows[] = {
	    {"bank.example", NULL},
	    {"mylocalhost.example", NULL},
	    {"10.0.0.1", NULL},
	    {"192.0.2.1", NULL},
	    {"2001:db8::1", NULL},
	    {"fd00::1", NULL},
	    {"*.bank.example", "wildcard"},
	    {"*.com", "wildcard"},
	    {"localhost", "loopback"},
	    {"LocalHost", "loopback"},
	    {"a.localhost", "loopback"},
	    {"*.localhost", "loopback"},
	    {"localhost.localdomain", "loopback"},
	    {"bank", "single label"},
	    {"printer.local", "link-local"},
	    {"1.0.0.127.in-addr.arpa", "network's own tree"},
	    {"0.0.0.0", "unspecified"},
	    {"0.1.2.3", "unspecified"},
	    {"127.0.0.1", "loopback"},
	    {"127.255.255.254", "loopback"},
	    {"169.254.169.254", "link-local"},
	    {"224.0.0.1", "multicast"},
	    {"239.1.1.1", "multicast"},
	    {"240.0.0.1", "reserved"},
	    {"255.255.255.255", "broadcast"},
	    {"::", "unspecified"},
	    {"::1", "loopback"},
	    {"fe80::1", "link-local"},
	    {"febf::1", "link-local"},
	    {"fec0::1", "site-local"},
	    {"ff02::1", "multicast"},
	    /* Loopback inside NAT64 and 6to4. */
	    {"64:ff9b::7f00:1", "loopback"},
	    {"64:ff9b::a00:1", NULL},
	    {"2002:7f00:1::", "loopback"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct host h = host_of(rows[i].host);
		const char *says = host_special(&h);

		if ((says == NULL) != (rows[i].says == NULL) ||
		    (says != NULL && strstr(says, rows[i].says) == NULL))
			fail_msg("%s: '%s'", rows[i].host,
			    says != NULL ? says : "ordinary");
	}
}

static void
addresses_are_four_or_sixteen_bytes(void **state)
{
	static const uint8_t mapped[16] = {
	    [10] = 0xff, [11] = 0xff, 127, 0, 0, 1};
	static const uint8_t compatible[16] = {[12] = 127, [15] = 1};
	struct host h;
	struct fault f;

	(void)state;
	for (size_t len = 0; len <= 16; len++)
		assert_int_equal(
		    host_of_ip(&h, view_of("0123456789abcdef", len), &f),
		    len == 4 || len == 16 ? 0 : -1);
	assert_int_equal(host_of_ip(&h, view_of(mapped, 16), &f), -1);
	assert_non_null(strstr(f.msg, "IPv4 written as IPv6"));
	assert_int_equal(host_of_ip(&h, view_of(compatible, 16), &f), -1);
	assert_non_null(strstr(f.msg, "IPv4 written as IPv6"));
}

static void
patterns_allow_what_they_say(void **state)
{
	static const struct {
		const char *pattern, *host;
		bool matches;
	} rows[] = {
	    {"a.example", "a.example", true},
	    {"A.Example", "a.eXample", true},
	    {"a.example", "b.a.example", false},
	    {"a.example", "*.a.example", false},
	    {"*.a.example", "b.a.example", true},
	    {"*.a.example", "*.a.example", true},
	    {"*.a.example", "a.example", false},
	    {"*.a.example", "c.b.a.example", false},
	    {"*.a.example", "*.b.a.example", false},
	    {"*.a.example", "xa.example", false},
	    {"localhost", "localhost", true},
	    {"127.0.0.1", "127.0.0.1", true},
	    {"127.0.0.1", "127.0.0.2", false},
	    {"127.0.0.0/8", "127.9.9.9", true},
	    {"127.0.0.0/8", "128.0.0.1", false},
	    {"10.0.0.0/9", "10.127.255.255", true},
	    {"10.0.0.0/9", "10.128.0.0", false},
	    {"0.0.0.0/0", "10.0.0.1", true},
	    {"0.0.0.0/0", "::1", false},
	    {"::/0", "::1", true},
	    {"::/0", "10.0.0.1", false},
	    {"2001:db8::/32", "2001:db8:ffff::1", true},
	    {"2001:db8::/32", "2001:db9::1", false},
	    {"10.0.0.1", "a.example", false},
	};
	static const struct {
		const char *pattern, *says;
	} wrong[] = {
	    {"", "is no pattern"},
	    {"*", "is no pattern"},
	    {"*.*", "is no pattern"},
	    {"a..b", "is no pattern"},
	    {"127.0.0.1/33", "length after '/'"},
	    {"127.0.0.1/-1", "length after '/'"},
	    {"127.0.0.1/", "length after '/'"},
	    {"127.0.0.1/8x", "length after '/'"},
	    {"127.0.0.1/8", "bits beyond"},
	    {"a.example/8", "not an IP network"},
	    {"999.0.0.1", "ends like an address"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct host h = host_of(rows[i].host);
		struct host_pattern p;
		struct fault f;

		assert_int_equal(
		    host_pattern_parse(&p, rows[i].pattern, &f), 0);
		if (host_pattern_matches(&p, &h) != rows[i].matches)
			fail_msg("%s %s", rows[i].pattern, rows[i].host);
	}
	for (size_t i = 0; i < NUM(wrong); i++) {
		struct host_pattern p;
		struct fault f = {""};

		if (host_pattern_parse(&p, wrong[i].pattern, &f) == 0 ||
		    strstr(f.msg, wrong[i].says) == NULL)
			fail_msg("'%s': '%s'", wrong[i].pattern, f.msg);
	}
}

static void
wildcards_overlap_what_they_cover(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
	    {"a.example", "A.EXAMPLE", true},
	    {"a.example", "b.example", false},
	    {"*.example", "a.example", true},
	    {"*.example", "a.b.example", false},
	    {"*.a.example", "a.example", false},
	    {"*.example", "*.example", true},
	    {"10.0.0.1", "10.0.0.1", true},
	    {"2001:db8::1", "2001:DB8:0:0::1", true},
	    {"10.0.0.1", "10.0.0.2", false},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct host a = host_of(rows[i].a), b = host_of(rows[i].b);

		if (host_overlaps(&a, &b) != rows[i].overlap ||
		    host_overlaps(&b, &a) != rows[i].overlap)
			fail_msg("%s %s", rows[i].a, rows[i].b);
	}
}

static void
a_person_sees_both_forms(void **state)
{
	char out[HOST_SHOW_MAX], one[65], other[65];
	struct host a = host_of("a.example"), ip = host_of("2001:DB8::1"),
		    idn = host_of("xn--mnchen-3ya.example");
	struct fault f;

	(void)state;
	assert_string_equal(host_show(out, &a), "DNS a.example");
	assert_string_equal(host_show(out, &ip), "IP 2001:db8::1");
	assert_string_equal(host_show(out, &idn),
	    "DNS xn--mnchen-3ya.example (m\xc3\xbcnchen.example)");
	assert_true(host_is_idn(&idn));
	assert_false(host_is_idn(&a));
	/* u with a ring above, hardly to be told from one with dots: not so
	 * alike that the table says so; the same name is. */
	assert_int_equal(host_look(one, &idn, &f), 0);
	assert_int_equal(host_look(other, &idn, &f), 0);
	assert_string_equal(one, other);
	assert_int_equal(host_look(other, &a, &f), 0);
	assert_string_not_equal(one, other);
}

static void
looks_are_compared(void **state)
{
	static const struct {
		const char *a, *b;
		bool alike;
	} rows[] = {
	    {"Alice", "Alice", true},
	    {"Alice", "ALICE", true},
	    {"Alice", "AIice", true},
	    {"Alice", "A1ice", true},
	    {"Barn", "Bam", true},
	    {"Bank 0", "Bank O", true},
	    {"Alice",
		"Al\xd1\x96"
		"ce",
		true},
	    {"Bank", "\xd0\x92\xd0\xb0nk", true},
	    {"Bank", "\xef\xbc\xa2\xef\xbd\x81\xef\xbd\x8e\xef\xbd\x8b", true},
	    {"Alice", "Bob", false},
	    {"Alice", "Alice Ltd", false},
	    {"Bank A", "Bank B", false},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		if (look_alike(view_of_text(rows[i].a),
			view_of_text(rows[i].b)) != rows[i].alike)
			fail_msg("%s %s", rows[i].a, rows[i].b);
	assert_true(
	    look_is_one_script(view_of_text("Soci\xc3\xa9t\xc3\xa9 7")));
	assert_true(look_is_one_script(
	    view_of_text("\xe6\x9d\xb1\xe4\xba\xac\xe3\x82\xa2")));
	assert_false(look_is_one_script(view_of_text("B\xd0\xb0nk")));
	assert_true(look_is_nfkc(view_of_text("Soci\xc3\xa9t\xc3\xa9")));
	assert_false(look_is_nfkc(view_of_text("Socie\xcc\x81t\xc3\xa9")));
	assert_false(look_is_nfkc(view_of_text("\xef\xbc\xa2")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dns_names_are_those_of_hosts),
	    cmocka_unit_test(nul_is_no_end),
	    cmocka_unit_test(some_need_a_word_of_the_operator),
	    cmocka_unit_test(addresses_are_four_or_sixteen_bytes),
	    cmocka_unit_test(patterns_allow_what_they_say),
	    cmocka_unit_test(wildcards_overlap_what_they_cover),
	    cmocka_unit_test(a_person_sees_both_forms),
	    cmocka_unit_test(looks_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
