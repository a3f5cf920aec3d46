/* URLs as they stand in certificates, and what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/base/url_text.h"

static void
check(const char *in, size_t len, const char *out, const char *why)
{
	struct err err = {0};
	char *got, *again;
	int rc = url_normalise(&got, span_of(in, len), &err);

	if (rc != (why != NULL ? E_PARSE : 0))
		fail_msg("'%s': %d %s", in, rc, err.msg);
	if (strcmp(got, out) != 0)
		fail_msg("'%s' became '%s', not '%s'", in, got, out);
	if (why != NULL && strstr(err.msg, why) == NULL)
		fail_msg("'%s': '%s', not '%s'", in, err.msg, why);
	/* What is refused stays refused, and what is taken as it is. */
	assert_int_equal(
	    url_normalise(&again, span_of(got, strlen(got)), NULL), rc);
	assert_string_equal(again, got);
	free(again);
	free(got);
}

static void
test_what_is_meant(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
	    {"http://h/a.crl", "http://h/a.crl"},
	    {" http://h/a.crl", "http://h/a.crl"},
	    {"http://h/a.crl\r\n", "http://h/a.crl"},
	    {"\t http://h/a.crl \x7f", "http://h/a.crl"},
	    {"http://h/1 a.crl", "http://h/1%20a.crl"},
	    {"http://h/My%20CA (1)+.crl", "http://h/My%20CA%20(1)+.crl"},
	    {"http://h/a\nb\tc", "http://h/a%0Ab%09c"},
	    {"http://h/\xc3\xa9.crl", "http://h/%C3%A9.crl"},
	    {"http://h/100%.crl", "http://h/100%25.crl"},
	    {"http://h/%zz%4", "http://h/%25zz%254"},
	    {"http://h/%c3%2F", "http://h/%c3%2F"},
	    {"http://h/a\\b|c{d}[e]^f`g\"h<i>",
		"http://h/a%5Cb%7Cc%7Bd%7D%5Be%5D%5Ef%60g%22h%3Ci%3E"},
	    {"http://h?ca=a b", "http://h/?ca=a%20b"},
	    {"http://h/x?a=/../b#frag", "http://h/x?a=/../b"},
	    {"http://h#x", "http://h/"},
	    {"HTTP://EXAMPLE.Com/A.crl", "http://example.com/A.crl"},
	    {"http://h:80/", "http://h/"},
	    {"http://h:/x", "http://h/x"},
	    {"https://h:443/", "https://h/"},
	    {"https://h:80/", "https://h:80/"},
	    {"http://h:443/", "http://h:443/"},
	    {"http://h:08080/", "http://h:8080/"},
	    {"http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"},
	    {"http://a_b.example./", "http://a_b.example./"},
	    {"http://h", "http://h/"},
	    {"http://h/a/./b/../c", "http://h/a/c"},
	    {"http://h/..", "http://h/"},
	    {"http://h/a/..", "http://h/"},
	    {"http://h/a/.", "http://h/a/"},
	    {"http://h/../../a/b/../", "http://h/a/"},
	    {"http://h//a//b", "http://h//a//b"},
	    {"http://h/.a/..b/...", "http://h/.a/..b/..."},
	    {"http://h/a/..//b", "http://h//b"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].in, strlen(rows[i].in), rows[i].out, NULL);
	check("http://h/a\0b", 12, "http://h/a%00b", NULL);
	check("http://h/a\0", 11, "http://h/a", NULL);
}

/* Nothing of scheme, host and port is guessed. */
static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *in, *out, *why;
	} rows[] = {
	    {"", "", "http:// or https:// is expected"},
	    {" \r\n", "", "http:// or https:// is expected"},
	    {"www.example.com/a.crl", "www.example.com/a.crl",
		"http:// or https:// is expected"},
	    {"//h/x", "//h/x", "http:// or https:// is expected"},
	    {"1http://h/", "1http://h/", "http:// or https:// is expected"},
	    {"ht tp://h/", "ht%20tp://h/", "http:// or https:// is expected"},
	    {"ldap:///CN=x y,DC=z?certificateRevocationList",
		"ldap:///CN=x%20y,DC=z?certificateRevocationList",
		"scheme 'ldap' is not supported: http or https"},
	    {"FILE:///etc/x", "FILE:///etc/x", "scheme 'file'"},
	    {"httpx://h/", "httpx://h/", "scheme 'httpx'"},
	    {"http:/h/x", "http:/h/x", "'//' is expected behind 'http:'"},
	    {"http:h", "http:h", "'//' is expected"},
	    {"http:\\\\h\\x", "http:%5C%5Ch%5Cx", "'//' is expected"},
	    {"http:///x", "http:///x", "it names no host"},
	    {"http://:80/", "http://:80/", "it names no host"},
	    {"http://?x", "http://?x", "it names no host"},
	    {"http://u@h/", "http://u@h/", "a user's name"},
	    {"http://u:p@h/", "http://u:p@h/", "a user's name"},
	    {"http://h /x", "http://h%20/x", "no host has such a name"},
	    {"http://h\n/x", "http://h%0A/x", "no host has such a name"},
	    {"http://%31.2.3.4/", "http://%31.2.3.4/",
		"no host has such a name"},
	    {"http://h\\x/", "http://h%5Cx/", "no host has such a name"},
	    {"http://a,b/", "http://a,b/", "no host has such a name"},
	    {"http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/",
		"no host has such a name"},
	    {"http://[::1/", "http://[::1/", "no host has such a name"},
	    {"http://[]/", "http://[]/", "no host has such a name"},
	    {"http://[::1]x/", "http://[::1]x/", "no host has such a name"},
	    {"http://b\xc3\xbc"
	     "cher.example/",
		"http://b%C3%BCcher.example/",
		"its form with xn-- is expected"},
	    {"http://b%C3%BCcher.example/", "http://b%C3%BCcher.example/",
		"its form with xn-- is expected"},
	    {"http://h:0/", "http://h:0/", "its port is none"},
	    {"http://h:65536/", "http://h:65536/", "its port is none"},
	    {"http://h:8 0/", "http://h:8%200/", "its port is none"},
	    {"http://h:99999999999999999999999/",
		"http://h:99999999999999999999999/", "its port is none"},
	    {"http://h:-1/", "http://h:-1/", "its port is none"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].in, strlen(rows[i].in), rows[i].out, rows[i].why);
	/* What hides behind a NUL is not cut off. */
	check("http://good\0.evil/", 18, "http://good%00.evil/",
	    "no host has such a name");
}

static void
test_a_length(void **state)
{
	char text[2100], *out;

	memset(text, 'x', sizeof(text));
	memcpy(text, "http://h/", 9);
	assert_int_equal(
	    url_normalise(&out, span_of(text, URL_TEXT_MAX), NULL), 0);
	free(out);
	assert_int_equal(
	    url_normalise(&out, span_of(text, URL_TEXT_MAX + 1), NULL),
	    E_PARSE);
	free(out);
	/* It is the length of what is asked for. */
	text[1000] = ' ';
	assert_int_equal(
	    url_normalise(&out, span_of(text, URL_TEXT_MAX), NULL), E_PARSE);
	free(out);
	memset(text, 'x', sizeof(text));
	memcpy(text, "http://", 7);
	text[7 + 254] = '/';
	assert_int_equal(
	    url_normalise(&out, span_of(text, 300), NULL), E_PARSE);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_meant),
	    cmocka_unit_test(test_what_is_refused),
	    cmocka_unit_test(test_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
