/*
 * Where certificates say that their evidence is: as sloppy CAs write it, in
 * several places of which only the last is any good, and where a responder
 * answers in one way alone.
 */
#include <stdbool.h>

#include <openssl/ocsp.h>

#include "tests/net/library/asking.h"

static struct issuer root, ca;
static const long listed[] = {7, 0};

static void
leaf_init(struct issuer *out, const char *crl_url, const char *ocsp_url)
{
	issuer_init(out,
	    &(struct issuer_cert){.cn = "leaf",
		.by = &ca,
		.serial = 7,
		.from = t0 - DAY,
		.to = t0 + 9 * DAY,
		.usage = "critical,digitalSignature",
		.crl_url = crl_url,
		.ocsp_url = ocsp_url});
}

static void
list_to(const char *path, time_t from, time_t next, const long *serials)
{
	issuer_write_crl(path,
	    &(struct issuer_crl){.by = &ca,
		.number = 1,
		.from = from,
		.next = next,
		.serials = serials});
}

/* A copy with `what` instead of each `sign`. */
static char *
with(const char *form, char sign, const char *what)
{
	char *out = xasprintf("%s", ""), *more;
	size_t n;

	for (; *form != '\0'; form += n + (form[n] == sign)) {
		n = strcspn(form, (const char[]){sign, '\0'});
		more = xasprintf(
		    "%s%.*s%s", out, (int)n, form, form[n] == sign ? what : "");
		free(out);
		out = more;
	}
	return out;
}

/* $ is where the server is. */
static char *
at_server(const char *form)
{
	char where[32];

	snprintf(where, sizeof(where), "127.0.0.1:%d", http.port);
	return with(form, '$', where);
}

/* Lines of script, with @ for the folder of the files. */
static void
serve(const char *form)
{
	char dir[256], *script;

	assert_non_null(getcwd(dir, sizeof(dir)));
	script = with(form, '@', dir);
	control(&http, "/_script", script);
	free(script);
}

static void
a_url_is_what_is_meant(void **state)
{
	static const struct {
		const char *form, *asked;
	} rows[] = {
	    {" http://$/a.crl", "/a.crl"},
	    {"http://$/b.crl\n", "/b.crl"},
	    {"\thttp://$/c d.crl\r\n", "/c%20d.crl"},
	    {"http://$/\xc3\xa9.crl", "/%C3%A9.crl"},
	    {"HTTP://$/x/../e.crl", "/e.crl"},
	    {"ldap:///CN=x y?certificateRevocationList|http://$/f.crl",
		"/f.crl"},
	    {"http://b\xc3\xbc"
	     "cher.example/|http://$/g.crl",
		"/g.crl"},
	    {"|http://$/h.crl", "/h.crl"},
	};

	(void)state;
	list_to("www/leaf.crl", t0 - HOUR, t0 + DAY, listed);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *urls = at_server(rows[i].form), *script;
		struct revcheck *rc = engine_new();
		struct revcheck_result r;
		struct issuer leaf;

		script = xasprintf("%s file=@/www/leaf.crl", rows[i].asked);
		serve(script);
		free(script);
		leaf_init(&leaf, urls, NULL);
		r = ask(rc, OF(&leaf, &ca), NULL, NULL);
		expect(rows[i].form, &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
		issuer_cleanup(&leaf);
		revcheck_free(rc);
		free(urls);
	}
}

static void
response_to(
    const char *path, const struct issuer *about, int status, time_t next)
{
	issuer_write_response(path,
	    &(struct issuer_response){.by = &ca,
		.issuer = ca.cert,
		.cert = about->cert,
		.status = status,
		.from = t0 - 2 * DAY,
		.next = next});
}

static void
a_responder_is_asked_in_every_way(void **state)
{
	static const struct {
		const char *script; /* @: where the response is */
		const char *urls;
		enum revcheck_nonce nonce;
		bool answered;
	} rows[] = {
	    {"/o/* file=@/www/leaf.ocsp", " http://$/o\n", REVCHECK_NONCE_OFF,
		true},
	    {"/o/* 405\n/o file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OFF, true},
	    {"/o/* hex=30030a0101\n/o file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OFF, true},
	    {"/o/* hex=30030a0106\n/o file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OFF, true},
	    {"/o/* hex=30030a0103\n/o file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OFF, true},
	    {"/o/* file=@/www/other.ocsp\n/o file=@/www/leaf.ocsp",
		"http://$/o", REVCHECK_NONCE_OFF, true},
	    {"/o/* file=@/www/unknown.ocsp\n/o file=@/www/leaf.ocsp",
		"http://$/o", REVCHECK_NONCE_OFF, true},
	    {"/o/* file=@/www/stale.ocsp\n/o file=@/www/leaf.ocsp",
		"http://$/o", REVCHECK_NONCE_OFF, true},
	    {"/o/* text=<html>\n/o file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OFF, true},
	    {"/o/* close\n/o file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OFF, true},
	    {"/o/* 404\n/o 404\n/p/* 500\n/p file=@/www/leaf.ocsp",
		"http://$/o|http://$/p", REVCHECK_NONCE_OFF, true},
	    {"/o hex=30030a0106\n/o/* file=@/www/leaf.ocsp", "http://$/o",
		REVCHECK_NONCE_OPTIONAL, true},
	    {"/o hex=30030a0106 ; file=@/www/leaf.ocsp\n/o/* 404", "http://$/o",
		REVCHECK_NONCE_OPTIONAL, true},
	    {"/o hex=30030a0106 ; file=@/www/leaf.ocsp\n/o/* "
	     "file=@/www/leaf.ocsp",
		"http://$/o", REVCHECK_NONCE_REQUIRED, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_policy p = {.size = sizeof(p),
		    .mode = REVCHECK_MODE_HARD_FAIL,
		    .nonce = rows[i].nonce,
		    .deadline_ms = WAIT_MS};
		char *urls = at_server(rows[i].urls);
		struct revcheck *rc = engine_new();
		struct revcheck_result r;
		struct issuer leaf;

		leaf_init(&leaf, NULL, urls);
		response_to("www/leaf.ocsp", &leaf, V_OCSP_CERTSTATUS_REVOKED,
		    t0 + DAY);
		response_to(
		    "www/other.ocsp", &root, V_OCSP_CERTSTATUS_GOOD, t0 + DAY);
		response_to("www/unknown.ocsp", &leaf,
		    V_OCSP_CERTSTATUS_UNKNOWN, t0 + 9 * DAY);
		/* As a cache on the way may have it. */
		response_to(
		    "www/stale.ocsp", &leaf, V_OCSP_CERTSTATUS_GOOD, t0 - DAY);
		serve(rows[i].script);
		assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
		r = ask(rc, OF(&leaf, &ca), NULL, NULL);
		if (rows[i].answered)
			expect(rows[i].script, &r, REVCHECK_REVOKED,
			    REVCHECK_WHY_NONE);
		else
			assert_int_equal(r.status, REVCHECK_UNKNOWN);
		free(urls);
		issuer_cleanup(&leaf);
		revcheck_free(rc);
	}
}

/* Dead, a page, gone, out of date, and at last one that is good. */
static void
the_last_mirror_counts(void **state)
{
	char *urls = at_server("http://127.0.0.1:1/x|http://$/page|http://$/no"
			       "|http://$/old.crl|http://$/new.crl");
	struct revcheck_result r;
	struct issuer leaf;

	(void)state;
	leaf_init(&leaf, urls, NULL);
	control(&http, "/_script", "/page text=<html>\n/no 503");
	list_to("www/old.crl", t0 - 9 * DAY, t0 - DAY, NULL);
	for (int i = 0; i < 2; i++) {
		struct revcheck *rc = engine_new();

		list_to(
		    "www/new.crl", t0 - HOUR, t0 + DAY, i == 0 ? listed : NULL);
		r = ask(rc, OF(&leaf, &ca), NULL, NULL);
		expect("the last", &r,
		    i == 0 ? REVCHECK_REVOKED : REVCHECK_GOOD,
		    REVCHECK_WHY_NONE);
		revcheck_free(rc);
	}
	issuer_cleanup(&leaf);
	free(urls);
}

/* What cannot be asked is told as it is, each time; none is named where none
 * is. */
static void
what_cannot_be_asked_is_told(void **state)
{
	static const struct {
		const char *crl, *ocsp;
		enum revcheck_why why;
		const char *says;
	} rows[] = {
	    {NULL, NULL, REVCHECK_WHY_NO_SOURCE,
		"its CA names no OCSP responder and no CRL"},
	    {"ldap:///CN=x y", NULL, REVCHECK_WHY_URL_REFUSED,
		"'ldap:///CN=x%20y': scheme 'ldap' is not supported: http or "
		"https is expected"},
	    {NULL, "ldap://h/x", REVCHECK_WHY_URL_REFUSED, "scheme 'ldap'"},
	    {"file:///etc/passwd", NULL, REVCHECK_WHY_URL_REFUSED,
		"scheme 'file'"},
	    {"www.example/a.crl", NULL, REVCHECK_WHY_URL_REFUSED,
		"http:// or https:// is expected in front"},
	    {"http:/h/a.crl", NULL, REVCHECK_WHY_URL_REFUSED,
		"'//' is expected"},
	    {"http://b\xc3\xbc"
	     "cher.example/",
		NULL, REVCHECK_WHY_URL_REFUSED, "xn-- is expected"},
	    {"http://u:p@h/", NULL, REVCHECK_WHY_URL_REFUSED, "a user's name"},
	    {"http://127.0.0.1:8/a", NULL, REVCHECK_WHY_URL_REFUSED,
		"port 8 is not allowed: add it to revocation.ports"},
	    {"http://127.0.0.1/a", NULL, REVCHECK_WHY_URL_REFUSED,
		"add it to revocation.allow_addresses"},
	};
	struct revcheck_options o = {.size = sizeof(o)};
	struct revcheck_policy p = {.size = sizeof(p),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .deadline_ms = WAIT_MS};
	struct revcheck *rc;
	struct revcheck_result r;
	struct issuer leaf;

	(void)state;
	assert_int_equal(revcheck_new(&rc, &o, NULL), 0);
	assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		leaf_init(&leaf, rows[i / 2].crl, rows[i / 2].ocsp);
		r = ask(rc, OF(&leaf, &ca), NULL, NULL);
		expect(rows[i / 2].says, &r, REVCHECK_UNKNOWN, rows[i / 2].why);
		if (strstr(r.text, rows[i / 2].says) == NULL)
			fail_msg(
			    "'%s' instead of '%s'", r.text, rows[i / 2].says);
		issuer_cleanup(&leaf);
	}
	p.order = REVCHECK_ORDER_OCSP;
	assert_int_equal(revcheck_set_policy(rc, &p, NULL), 0);
	leaf_init(&leaf, "http://127.0.0.1/a", NULL);
	r = ask(rc, OF(&leaf, &ca), NULL, NULL);
	expect("no CRL asked", &r, REVCHECK_UNKNOWN, REVCHECK_WHY_NO_SOURCE);
	assert_non_null(strstr(r.text, "not asked (revocation.order)"));
	issuer_cleanup(&leaf);
	revcheck_free(rc);
}

static int
setup(void **state)
{
	(void)state;
	scene_start();
	issuer_init(&root,
	    &(struct issuer_cert){.cn = "root",
		.serial = 1,
		.from = t0 - 30 * DAY,
		.to = t0 + 300 * DAY,
		.constraints = CA,
		.usage = ISSUES});
	issuer_init(&ca,
	    &(struct issuer_cert){.cn = "ca",
		.by = &root,
		.serial = 2,
		.from = t0 - 30 * DAY,
		.to = t0 + 300 * DAY,
		.constraints = CA,
		.usage = ISSUES});
	return revcheck_trust_new(&trust, &ca.cert, 1, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	scene_stop();
	issuer_cleanup(&ca);
	issuer_cleanup(&root);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_url_is_what_is_meant),
	    cmocka_unit_test(a_responder_is_asked_in_every_way),
	    cmocka_unit_test(the_last_mirror_counts),
	    cmocka_unit_test(what_cannot_be_asked_is_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
