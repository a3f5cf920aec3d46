/*
 * What comes instead of evidence, and how it is told: gzip, HTML, nothing, PEM;
 * and what a refusal says that somebody could set.
 */
#include "tests/unit/archive_help.h"

static void
gzip(const char *from, const char *to)
{
	char command[256];

	snprintf(command, sizeof(command), "gzip -c www/%s >www/%s", from, to);
	assert_int_equal(system(command), 0);
}

/* A served content coding is undone; what unpacks for ever is not. */
static void
test_gzip(void **state)
{
	static const struct {
		const char *step;
		enum evidence_fail fail;
		const char *says;
	} rows[] = {
	    {"a.gz header=Content-Encoding:gzip", EVIDENCE_FAIL_NONE, NULL},
	    {"a.gz header=content-encoding:X-GZIP", EVIDENCE_FAIL_NONE, NULL},
	    {"a.crl header=Content-Encoding:identity", EVIDENCE_FAIL_NONE,
		NULL},
	    {"a.crl no-length header=Transfer-Encoding:identity",
		EVIDENCE_FAIL_NONE, NULL},
	    {"a.gz", EVIDENCE_FAIL_MALFORMED,
		"gzip that was not asked for instead of a CRL"},
	    {"aa.gz header=Content-Encoding:gzip", EVIDENCE_FAIL_MALFORMED,
		"gzip that was not asked for instead of a CRL"},
	    {"aa.gz header=Content-Encoding:gzip,gzip", EVIDENCE_FAIL_MALFORMED,
		"content coding 'gzip,gzip' was not asked for"},
	    {"aa.gz header=Content-Encoding:gzip header=Content-Encoding:gzip",
		EVIDENCE_FAIL_MALFORMED, "content coding 'gzip'"},
	    {"a.gz header=Content-Encoding:br", EVIDENCE_FAIL_MALFORMED,
		"content coding 'br' was not asked for"},
	    {"a.crl header=Content-Encoding:gzip", EVIDENCE_FAIL_MALFORMED,
		"not what its Content-Encoding says"},
	    /* Of several members libcurl undoes one. */
	    {"two.gz header=Content-Encoding:gzip", EVIDENCE_FAIL_MALFORMED,
		"octets behind the end of what its Content-Encoding says"},
	    {"a.gz no-length header=Transfer-Encoding:gzip",
		EVIDENCE_FAIL_MALFORMED,
		"transfer coding 'gzip' was not asked for"},
	    {"long.gz header=Content-Encoding:gzip", EVIDENCE_FAIL_TOO_LARGE,
		"unpacks to more than 64 times its size"},
	};
	struct world w;
	struct answer_got got;
	char *script, dir[256], *text = malloc(32 << 20);

	world_init(&w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	gzip("a.crl", "a.gz");
	gzip("a.gz", "aa.gz");
	assert_int_equal(system("cat www/a.gz www/a.gz >www/two.gz"), 0);
	/* Text before a PEM block may be of any length. */
	memset(text, '\n', 32 << 20);
	world_file("long", text, 32 << 20);
	free(text);
	gzip("long", "long.gz");
	world_open(&w);
	assert_non_null(getcwd(dir, sizeof(dir)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script = xasprintf("/z file=%s/www/%s", dir, rows[i].step);
		control(&w.http, "/_script", script);
		free(script);
		got = ask(&w, rows[i].step, "/z", false);
		if ((got.e != NULL) != (rows[i].says == NULL))
			fail_msg("%s: %s", rows[i].step, got.f.msg);
		assert_int_equal(got.f.fail, rows[i].fail);
		if (rows[i].says != NULL && !strstr(got.f.msg, rows[i].says))
			fail_msg("%s: %s", rows[i].step, got.f.msg);
		evidence_free(got.e);
	}
	world_cleanup(&w);
}

static void
test_what_it_is(void **state)
{
	static const struct {
		enum evidence_kind kind;
		const char *step, *says;
	} rows[] = {
	    {EVIDENCE_CRL, "text=", "an empty answer instead of a CRL"},
	    {EVIDENCE_CRL, "text=<!DOCTYPE", "a page of HTML instead of a CRL"},
	    {EVIDENCE_CRL, "hex=efbbbf0d0a203c68", "a page of HTML"},
	    {EVIDENCE_CRL, "text=Sorry", "malformed CRL: "},
	    {EVIDENCE_OCSP,
		"text=", "an empty answer instead of an OCSP response in DER"},
	    {EVIDENCE_OCSP, "text=<html>", "a page of HTML instead of an OCSP"},
	    {EVIDENCE_OCSP, "hex=1f8b0800", "gzip that was not asked for"},
	    {EVIDENCE_OCSP, "text=-----BEGIN", "PEM instead of an OCSP"},
	};
	struct asking q;
	struct world w;
	char url[64], *script;
	const char *urls[] = {url};

	world_init(&w, NULL);
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/x", w.http.port);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script = xasprintf("/x* %s", rows[i].step);
		control(&w.http, "/_script", script);
		free(script);
		q = (struct asking){0};
		q.order.kind = rows[i].kind;
		if (rows[i].kind == EVIDENCE_OCSP)
			q.order.request = span_of("x", 1);
		asking_start(&q, &w, rows[i].says, urls, 1);
		asking_wait(&q);
		assert_null(q.got.e);
		assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_MALFORMED);
		if (strstr(q.got.f.msg, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].step, q.got.f.msg);
	}
	/* PEM is what a CRL may be. */
	world_crl(&w, "d.crl", &(struct crlmake){.number = 1});
	assert_int_equal(
	    system("openssl crl -inform DER -in www/d.crl -out www/p.crl"), 0);
	ask_ok(&w, "pem", "/p.crl", false);
	world_cleanup(&w);
}

static void
test_a_refusal_names_its_key(void **state)
{
	static const struct {
		const char *url;
		enum evidence_fail fail;
		const char *says;
	} rows[] = {
	    {"http://localhost:8888/", EVIDENCE_FAIL_REFUSED,
		"port 8888 is not allowed: add it to revocation.ports"},
	    {"http://localhost/", EVIDENCE_FAIL_REFUSED,
		"is not allowed (loopback): add it to "
		"revocation.allow_addresses"},
	    {"http://127.0.0.1/", EVIDENCE_FAIL_REFUSED,
		"'127.0.0.1' is not allowed (loopback): add it to "
		"revocation.allow_addresses"},
	    {"ldap:///CN=x", EVIDENCE_FAIL_SCHEME,
		"scheme 'ldap' is not supported: http or https is expected"},
	    {"file:///etc/passwd", EVIDENCE_FAIL_SCHEME, "scheme 'file'"},
	    {"http:/localhost/", EVIDENCE_FAIL_REFUSED, "'//' is expected"},
	    {"ca.example/x", EVIDENCE_FAIL_REFUSED, "https:// is expected"},
	    {"http://caf\xc3\xa9/x", EVIDENCE_FAIL_REFUSED, "xn--"},
	};
	struct world w;
	struct answer_got got;

	world_init(&w, NULL);
	w.options.allow_addresses = NULL;
	w.options.any_port = false;
	world_open(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		got = ask(&w, rows[i].url, rows[i].url, false);
		assert_null(got.e);
		assert_int_equal(got.f.fail, rows[i].fail);
		if (strstr(got.f.msg, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].url, got.f.msg);
	}
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_gzip),
	    cmocka_unit_test(test_what_it_is),
	    cmocka_unit_test(test_a_refusal_names_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
