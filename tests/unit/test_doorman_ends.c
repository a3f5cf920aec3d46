/* ends: what is listed, when it is said to be near, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/conf/ends.h"
#include "tests/doorman/test_ca.h"

#define DAY 86400L

static const struct cert_end *
named(const struct cert_end *e, size_t num, const char *name)
{
	for (size_t i = 0; i < num; i++)
		if (strcmp(e[i].name, name) == 0)
			return &e[i];
	fail_msg("no certificate '%s'", name);
	return NULL;
}

static void
each_is_listed(void **state)
{
	time_t now = time(NULL);
	struct test_ca root;
	struct fault f = {""};
	struct config c;
	struct cert_end e[ENDS_MAX];
	const struct cert_end *one;
	char text[1024];
	size_t num;

	(void)state;
	memset(&c, 0, sizeof(c));
	test_ca_make(&root, "root", NULL, now);
	snprintf(c.root_cert, sizeof(c.root_cert), "root.pem");
	snprintf(c.doorman_cert, sizeof(c.doorman_cert), "missing.pem");
	snprintf(c.ocsp_doorman_cert, sizeof(c.ocsp_doorman_cert), "x.pem");
	assert_int_equal(cert_write_file("root.pem", &root.cert, 1, &f), 0);
	num = ends_list(e, &c);
	/* There is no OCSP signer of the root. */
	assert_int_equal(num, 3);
	one = named(e, num, "root");
	assert_int_equal(one->not_after, cert_not_after(root.cert));
	/* It has 100 days. */
	assert_false(ends_soon(one, now));
	assert_true(ends_soon(one, now + 11 * DAY));
	ends_text(text, one, now + 11 * DAY);
	assert_non_null(strstr(text, "(root.pem) ends in 8"));
	assert_non_null(strstr(text, "'doorman-sign renew-ca root'"));
	ends_text(text, one, now + 103 * DAY);
	assert_non_null(strstr(text, "has ended 3 days ago"));
	/* What cannot be read is no certificate without an end. */
	one = named(e, num, "doorman");
	assert_int_equal(one->not_after, 0);
	assert_true(ends_soon(one, now));
	ends_text(text, one, now);
	assert_non_null(strstr(text, "missing.pem"));
	snprintf(c.sign_listen, sizeof(c.sign_listen), "127.0.0.1:0");
	snprintf(c.sign_tls_cert, sizeof(c.sign_tls_cert), "root.pem");
	num = ends_list(e, &c);
	assert_int_equal(num, 5);
	assert_string_equal(
	    named(e, num, "root")->renew, "doorman-sign renew-ca root");
	c.root_outside = 1;
	num = ends_list(e, &c);
	assert_non_null(strstr(named(e, num, "root")->renew, "root's holder"));
	assert_int_equal(named(e, num, "internal-service")->not_after,
	    cert_not_after(root.cert));
	test_ca_free(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
