/*
 * fetch, the roads to a CRL: https with anchors of its own, redirects between
 * the schemes, IPv6, and a proxy that was configured or was not. Real servers,
 * real handshakes; what must not be asked is counted at the other end.
 */
#include "tests/unit/archive_help.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lib/pkimake.h"

#define NAMES "IP:127.0.0.1,IP:::1,DNS:localhost"

/* A world and, beside its plain server, one that speaks TLS. */
struct roads {
	struct world w;
	struct pki_ca ca, stranger;
	struct proc proc;
	struct server https;
};

static void
need(int ok)
{
	if (!ok)
		abort();
}

/* What mem holds becomes the file at path. */
static void
bio_to_file(BIO *mem, const char *path)
{
	char *p;
	long len = BIO_get_mem_data(mem, &p);

	file_write(path, p, (size_t)len);
	BIO_free(mem);
}

static void
write_anchor(const char *path, X509 *x)
{
	BIO *mem = BIO_new(BIO_s_mem());

	need(mem != NULL && PEM_write_bio_X509(mem, x) == 1);
	bio_to_file(mem, path);
}

/* A server's certificate for `names`, and its key, in one file. */
static void
write_server(const char *path, const struct pki_ca *ca, const char *names,
    long not_after_sec)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_EXTENSION *e =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	BIO *mem = BIO_new(BIO_s_mem());
	X509 *x = X509_new();

	need(key != NULL && e != NULL && mem != NULL && x != NULL);
	need(X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 7) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -2 * DAY) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), not_after_sec) != NULL &&
	    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
		MBSTRING_UTF8, (const unsigned char *)"web", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) == 1 &&
	    X509_set_pubkey(x, key) == 1 && X509_add_ext(x, e, -1) == 1 &&
	    X509_sign(x, ca->key, EVP_sha256()) > 0);
	need(PEM_write_bio_X509(mem, x) == 1 &&
	    PEM_write_bio_PrivateKey(mem, key, NULL, NULL, 0, NULL, NULL) == 1);
	bio_to_file(mem, path);
	X509_EXTENSION_free(e);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void
roads_init(struct roads *r)
{
	*r = (struct roads){0};
	world_init(&r->w, NULL);
	r->w.options.https_ca_file = "anchor.pem";
	r->w.options.retry_first_ms = 1;
	r->w.options.retry_max_ms = 1;
	world_crl(&r->w, "good.crl", &(struct crlmake){.number = 5});
	pki_ca_init(&r->ca, "Web CA");
	pki_ca_init(&r->stranger, "Strange CA");
	write_anchor("anchor.pem", r->ca.cert);
	write_anchor("stranger.pem", r->stranger.cert);
	write_server("server.pem", &r->ca, NAMES, DAY);
	badhttp_start(&r->proc, &r->https, "https.log", "--root", "www",
	    "--tls", "server.pem", NULL);
}

static void
roads_cleanup(struct roads *r)
{
	world_cleanup(&r->w);
	proc_stop(&r->proc, WAIT_MS);
	proc_cleanup(&r->proc);
	pki_ca_cleanup(&r->ca);
	pki_ca_cleanup(&r->stranger);
}

/* "SCHEME://127.0.0.1:PORT/PATH", in a buffer of the caller's. */
#define URL_LEN 128
static const char *
url_at(char out[URL_LEN], const char *scheme, const struct server *s,
    const char *path)
{
	snprintf(out, URL_LEN, "%s://127.0.0.1:%d%s", scheme, s->port, path);
	return out;
}

/* Fails to reach `url`, and the sentence says `word`. */
static void
unreachable(struct world *w, const char *key, const char *url, const char *word)
{
	struct evidence_failure x =
	    ask_fails(w, key, url, EVIDENCE_FAIL_UNREACHABLE);

	if (strstr(x.msg, word) == NULL)
		fail_msg("%s: '%s' does not say '%s'", url, x.msg, word);
	assert_int_equal(x.http_status, 0);
	assert_int_equal(held_number(w, key), -1);
}

static void
refused(struct world *w, const char *key, const char *url, const char *word)
{
	struct evidence_failure x =
	    ask_fails(w, key, url, EVIDENCE_FAIL_REFUSED);

	if (strstr(x.msg, word) == NULL)
		fail_msg("%s: '%s' does not say '%s'", url, x.msg, word);
	assert_int_equal(held_number(w, key), -1);
}

/* Https. */

static void
test_https_with_anchors_of_its_own(void **state)
{
	struct evidence_key k = key_named("a");
	char url[URL_LEN];
	struct documents *d;
	struct roads r;

	roads_init(&r);
	world_open(&r.w);
	url_at(url, "https", &r.https, "/good.crl");
	ask_ok(&r.w, "a", url, false);
	assert_int_equal(held_number(&r.w, "a"), 5);
	d = archive_get1(r.w.archive, &k);
	assert_int_equal(d->v[0]->origin, ORIGIN_NETWORK);
	assert_string_equal(d->v[0]->url, url);
	documents_free(d);
	/* Asked again, the server says 304 over TLS as it does without. */
	atomic_fetch_add(&r.w.now, 10);
	ask_ok(&r.w, "a", url, true);
	assert_int_equal(stats(&r.w).fetches_304, 1);
	assert_int_equal(hits(&r.https, "/good.crl"), 2);
	roads_cleanup(&r);
}

static void
test_https_with_other_anchors(void **state)
{
	char url[URL_LEN];
	struct roads r;
	struct err err;

	roads_init(&r);
	url_at(url, "https", &r.https, "/good.crl");
	r.w.options.https_ca_file = "stranger.pem";
	world_open(&r.w);
	unreachable(&r.w, "stranger", url, "certificate");
	assert_int_equal(stats(&r.w).fail[EVIDENCE_FAIL_UNREACHABLE], 1);
	world_close(&r.w);
	/* The system's store knows nothing of this CA either. */
	r.w.options.https_ca_file = NULL;
	world_open(&r.w);
	unreachable(&r.w, "system", url, "certificate");
	world_close(&r.w);
	/* One that was never there is refused; one that has gone is not used.
	 */
	r.w.options.https_ca_file = "no-such-file.pem";
	assert_int_equal(archive_new(&r.w.archive, &r.w.options, &err), E_ARG);
	assert_non_null(strstr(err.msg, "no-such-file.pem"));
	assert_int_equal(rename("stranger.pem", "no-such-file.pem"), 0);
	world_open(&r.w);
	assert_int_equal(rename("no-such-file.pem", "stranger.pem"), 0);
	unreachable(&r.w, "absent", url, "no-such-file.pem");
	assert_int_equal(hits(&r.https, ""), 0);
	roads_cleanup(&r);
}

static void
test_https_servers_that_are_not_what_they_should_be(void **state)
{
	static const struct {
		const char *name, *names;
		long not_after_sec;
		const char *word;
	} rows[] = {
	    {"another name", "DNS:elsewhere.example", DAY, "name"},
	    {"another address", "IP:127.0.0.2", DAY, "name"},
	    {"expired", NAMES, -DAY, "expired"},
	};
	struct server s;
	struct proc p;
	char url[URL_LEN];
	struct roads r;

	roads_init(&r);
	world_open(&r.w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p = (struct proc){0};
		write_server(
		    "bad.pem", &r.ca, rows[i].names, rows[i].not_after_sec);
		badhttp_start(&p, &s, "bad.log", "--root", "www", "--tls",
		    "bad.pem", NULL);
		unreachable(&r.w, rows[i].name,
		    url_at(url, "https", &s, "/good.crl"), rows[i].word);
		assert_int_equal(hits(&s, ""), 0);
		proc_stop(&p, WAIT_MS);
		proc_cleanup(&p);
	}
	/* One that speaks no TLS at all, and the other way round. */
	unreachable(
	    &r.w, "plain", url_at(url, "https", &r.w.http, "/good.crl"), "TLS");
	(void)ask_fails(&r.w, "tls", url_at(url, "http", &r.https, "/good.crl"),
	    EVIDENCE_FAIL_UNREACHABLE);
	roads_cleanup(&r);
}

/* Redirects between the schemes. */

static void
redirect(struct server *s, const char *path, const char *to)
{
	char line[2 * URL_LEN];

	snprintf(line, sizeof(line), "%s redirect=%s", path, to);
	control(s, "/_script", line);
}

static void
test_redirect_from_http_to_https(void **state)
{
	char url[URL_LEN];
	struct roads r;

	roads_init(&r);
	world_open(&r.w);
	redirect(
	    &r.w.http, "/moved", url_at(url, "https", &r.https, "/good.crl"));
	ask_ok(&r.w, "a", "/moved", false);
	assert_int_equal(held_number(&r.w, "a"), 5);
	assert_int_equal(hits(&r.w.http, "/moved"), 1);
	assert_int_equal(hits(&r.https, "/good.crl"), 1);
	/* Its certificate is judged like that of a first URL. */
	world_close(&r.w);
	r.w.options.https_ca_file = "stranger.pem";
	world_open(&r.w);
	(void)ask_fails(&r.w, "b", "/moved", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(hits(&r.https, ""), 1);
	/* So is its address. */
	redirect(&r.w.http, "/moved", "https://169.254.169.254/good.crl");
	refused(&r.w, "c", "/moved", "link-local");
	roads_cleanup(&r);
}

static void
test_redirect_from_https_to_http(void **state)
{
	char url[URL_LEN], plain[URL_LEN];
	struct roads r;

	roads_init(&r);
	world_open(&r.w);
	redirect(
	    &r.https, "/moved", url_at(plain, "http", &r.w.http, "/good.crl"));
	url_at(url, "https", &r.https, "/moved");
	refused(&r.w, "a", url, plain);
	assert_int_equal(hits(&r.https, "/moved"), 1);
	assert_int_equal(hits(&r.w.http, ""), 0);
	/* Nor by a detour over http, https, http. */
	redirect(&r.w.http, "/detour", url);
	refused(&r.w, "b", "/detour", plain);
	assert_int_equal(hits(&r.w.http, "/good.crl"), 0);
	/* From https to https is the way it was. */
	redirect(&r.https, "/moved", "/good.crl");
	ask_ok(&r.w, "c", url, false);
	assert_int_equal(held_number(&r.w, "c"), 5);
	roads_cleanup(&r);
}

/* IPv6. */

static bool
has_ipv6(void)
{
	struct sockaddr_in6 sa = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static void
test_ipv6(void **state)
{
	static const char *const allow[] = {"::1/128", NULL};
	struct server six, six_tls;
	struct proc p = {0}, p_tls = {0};
	char url[URL_LEN];
	struct roads r;

	if (!has_ipv6())
		skip(); /* a machine without ::1 */
	roads_init(&r);
	badhttp_start(
	    &p, &six, "six.log", "--root", "www", "--address", "::1", NULL);
	badhttp_start(&p_tls, &six_tls, "six-tls.log", "--root", "www",
	    "--address", "::1", "--tls", "server.pem", NULL);
	snprintf(url, sizeof(url), "http://[::1]:%d/good.crl", six.port);
	/* 127.0.0.1 and "localhost" are allowed here, ::1 is not. */
	world_open(&r.w);
	refused(&r.w, "a", url, "loopback");
	world_close(&r.w);
	r.w.options.allow_addresses = NULL;
	world_open(&r.w);
	refused(&r.w, "b", url, "loopback");
	world_close(&r.w);
	assert_int_equal(hits(&six, ""), 0);

	r.w.options.allow_addresses = allow;
	world_open(&r.w);
	ask_ok(&r.w, "c", url, false);
	assert_int_equal(held_number(&r.w, "c"), 5);
	assert_int_equal(hits(&six, "/good.crl"), 1);
	snprintf(url, sizeof(url), "https://[::1]:%d/good.crl", six_tls.port);
	ask_ok(&r.w, "d", url, false);
	assert_int_equal(held_number(&r.w, "d"), 5);
	/* The other loopback is another address. */
	refused(&r.w, "e", "/good.crl", "loopback");
	snprintf(url, sizeof(url), "http://[::ffff:127.0.0.1]:%d/good.crl",
	    r.w.http.port);
	refused(&r.w, "f", url, "loopback");
	assert_int_equal(hits(&r.w.http, ""), 0);
	/* And a redirect is judged the same. */
	snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d/good.crl", r.w.http.port);
	redirect(&six, "/moved", url);
	snprintf(url, sizeof(url), "http://[::1]:%d/moved", six.port);
	refused(&r.w, "g", url, "loopback");
	proc_stop(&p, WAIT_MS);
	proc_cleanup(&p);
	proc_stop(&p_tls, WAIT_MS);
	proc_cleanup(&p_tls);
	roads_cleanup(&r);
}

/* Proxies. */

/* How often the server was asked for exactly this target. */
static int
hits_of_target(const struct server *s, const char *target)
{
	char url[URL_LEN];
	const cJSON *paths, *n;
	struct server control_of = {.port = s->control};
	struct web w;
	int got;

	web_request(&w, "GET", url_at(url, "http", &control_of, "/_hits"), NULL,
	    NULL, NULL);
	assert_int_equal(w.status, 200);
	paths = json_at(w.json, "paths");
	n = cJSON_GetObjectItemCaseSensitive(paths, target);
	got = n != NULL ? (int)n->valuedouble : 0;
	web_free(&w);
	return got;
}

static void
proxy_start(struct proc *p, struct server *s)
{
	char cwd[512], line[600];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(line, sizeof(line), "* file=%s/www/good.crl", cwd);
	badhttp_start(p, s, "proxy.log", "--script", line, NULL);
}

static void
test_proxy_that_was_configured(void **state)
{
	/* Nobody but the proxy could know this name. */
	static const char url[] = "http://ca.invalid/lists/a.crl";
	struct server proxy;
	struct proc p = {0};
	char at[URL_LEN];
	struct roads r;

	roads_init(&r);
	proxy_start(&p, &proxy);
	r.w.options.proxy = url_at(at, "http", &proxy, "");
	/* The proxy's own address is not one that is asked for CRLs. */
	r.w.options.allow_addresses = NULL;
	world_open(&r.w);
	ask_ok(&r.w, "a", url, false);
	assert_int_equal(held_number(&r.w, "a"), 5);
	assert_int_equal(hits_of_target(&proxy, url), 1);
	/* What a URL names is judged before a proxy hears of it. */
	refused(&r.w, "b", "http://169.254.169.254/a.crl", "link-local");
	refused(&r.w, "c", "/good.crl", "loopback");
	(void)ask_fails(
	    &r.w, "d", "ldap://ca.invalid/a.crl", EVIDENCE_FAIL_SCHEME);
	assert_int_equal(hits(&proxy, ""), 1);
	assert_int_equal(hits(&r.w.http, ""), 0);
	/* No way around it when it is gone. */
	proc_stop(&p, WAIT_MS);
	proc_cleanup(&p);
	world_close(&r.w);
	r.w.options.allow_addresses = (const char *const[]){"127.0.0.1", NULL};
	world_open(&r.w);
	(void)ask_fails(&r.w, "e", "/good.crl", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(hits(&r.w.http, ""), 0);
	roads_cleanup(&r);
}

static void
test_proxy_of_the_environment(void **state)
{
	static const char *const names[] = {"http_proxy", "HTTP_PROXY",
	    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	char at[URL_LEN], url[URL_LEN];
	struct server proxy;
	struct proc p = {0};
	struct roads r;

	roads_init(&r);
	proxy_start(&p, &proxy);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], url_at(at, "http", &proxy, ""), 1);
	world_open(&r.w);
	ask_ok(&r.w, "a", "/good.crl", false);
	ask_ok(&r.w, "b", url_at(url, "https", &r.https, "/good.crl"), false);
	(void)ask_fails(&r.w, "c", "http://ca.invalid/lists/a.crl",
	    EVIDENCE_FAIL_UNREACHABLE);
	/* Our own questions about hits would use it. */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	assert_int_equal(hits(&proxy, ""), 0);
	assert_int_equal(hits(&r.w.http, "/good.crl"), 1);
	assert_int_equal(hits(&r.https, "/good.crl"), 1);
	proc_stop(&p, WAIT_MS);
	proc_cleanup(&p);
	roads_cleanup(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_https_with_anchors_of_its_own),
	    cmocka_unit_test(test_https_with_other_anchors),
	    cmocka_unit_test(
		test_https_servers_that_are_not_what_they_should_be),
	    cmocka_unit_test(test_redirect_from_http_to_https),
	    cmocka_unit_test(test_redirect_from_https_to_http),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_proxy_that_was_configured),
	    cmocka_unit_test(test_proxy_of_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
