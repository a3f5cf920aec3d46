/*
 * bench_session: what a session check costs the gateway, asked over REST on one
 * connection that stays, one by one and in batches, beside JDK 17's
 * CertPathValidator with the same chain and CRLs, in turns. CPU of the gateway,
 * of all its threads; Java tells that of its own thread. Prints; judges
 * nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/pem.h>

#include "tests/bench/tls_figures.h"
#include "tests/lib/issuer.h"
#include "tests/lib/scene.h"

#define DAY     86400
#define BATCH   200
#define BATCHES 50
#define SINGLES 3000
#define RUNS    5
#define CHAINS  64 /* different leaves */
#define JAVA    "/usr/bin/java"

static struct issuer root, ca, leaf[CHAINS];

static void
issue(struct issuer *out, const char *cn, const struct issuer *by, bool is_ca)
{
	static long serial;

	issuer_init(out,
	    &(struct issuer_cert){.cn = cn,
		.by = by,
		.serial = ++serial,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.constraints = is_ca ? "critical,CA:TRUE" : NULL,
		.usage = is_ca ? "critical,keyCertSign,cRLSign" : NULL,
		.crl_url = by != NULL ? "http://127.0.0.1:1/a.crl" : NULL});
}

static void
write_crl(const char *path, const struct issuer *by)
{
	static long serials[1001];

	for (long i = 0; i < 1000; i++)
		serials[i] = 100000 + i;
	issuer_write_crl(path,
	    &(struct issuer_crl){.by = by,
		.number = 1,
		.serials = serials,
		.from = time(NULL) - DAY,
		.next = time(NULL) + DAY});
}

static void
write_pem(const char *path, X509 *cert)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(fclose(f), 0);
}

/* As a member of JSON. */
static char *
pem_text(X509 *cert)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text, *out, *at;
	long len;

	assert_int_equal(PEM_write_bio_X509(b, cert), 1);
	len = BIO_get_mem_data(b, &text);
	out = at = malloc((size_t)len * 2 + 3);
	*at++ = '"';
	for (long i = 0; i < len; i++) {
		if (text[i] == '\n')
			*at++ = '\\';
		*at++ = text[i] == '\n' ? 'n' : text[i];
	}
	memcpy(at, "\"", 2);
	BIO_free(b);
	return out;
}

static char *
body_of(const struct issuer *who)
{
	char *a = pem_text(who->cert), *b = pem_text(ca.cert),
	     *r = pem_text(root.cert), *body;

	body = xasprintf("{\"mode\":\"HARD_FAIL\",\"certificates\":[%s,%s,%s],"
			 "\"trustedCertificates\":[%s]}",
	    a, b, r, r);
	free(a);
	free(b);
	free(r);
	return body;
}

static int
setup(void **state)
{
	(void)state;
	scene_prepare();
	dir_make("lists");
	issue(&root, "bench root", NULL, true);
	issue(&ca, "bench ca", &root, true);
	write_crl("lists/root.crl", &root);
	write_crl("lists/ca.crl", &ca);
	write_pem("root.pem", root.cert);
	write_pem("ca.pem", ca.cert);
	for (int i = 0; i < CHAINS; i++) {
		char *cn = xasprintf("node %d", i);

		issue(&leaf[i], cn, &ca, false);
		free(cn);
	}
	write_pem("leaf.pem", leaf[0].cert);
	gateway_as_stranger(&gw, &town);
	gateway_set(&gw, "rest.users", REST_CHEAP_USERS);
	gateway_set(&gw, "revocation.crl_paths", "[\"lists\"]");
	gateway_start(&gw);
	return 0;
}

static size_t num_active;

static size_t
on_body(char *p, size_t size, size_t num, void *arg)
{
	static const char word[] = "\"Active\"";
	size_t len = size * num;

	(void)arg;
	for (size_t i = 0; i + sizeof(word) - 1 <= len; i++)
		num_active += memcmp(p + i, word, sizeof(word) - 1) == 0;
	return len;
}

/* On the connection of c, which stays. */
static void
post(CURL *c, const char *path, const char *body)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", gw.rest_port, path);
	struct curl_slist *h =
	    curl_slist_append(NULL, "Content-Type: application/json");
	long status = 0;

	h = curl_slist_append(h, "Expect:");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_USERPWD, REST_USER);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, h);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	assert_int_equal(curl_easy_perform(c), CURLE_OK);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	assert_int_equal(status, 200);
	curl_slist_free_all(h);
	free(url);
}

static char *
batch_of(char **bodies)
{
	size_t len = 64;
	char *all, *at;

	for (int i = 0; i < BATCH; i++)
		len += strlen(bodies[i % CHAINS]) + 1;
	all = at = malloc(len);
	at += sprintf(at, "{\"checks\":[");
	for (int i = 0; i < BATCH; i++)
		at += sprintf(at, "%s%s", i > 0 ? "," : "", bodies[i % CHAINS]);
	strcpy(at, "]}");
	return all;
}

/* Checks a CPU-second. */
static double
measure(CURL *c, const char *path, char **bodies, int num_bodies, int posts,
    int each)
{
	double cpu_ms;

	num_active = 0;
	cpu_ms = gateway_cpu_ms(&gw);
	for (int i = 0; i < posts; i++)
		post(c, path, bodies[i % num_bodies]);
	cpu_ms = gateway_cpu_ms(&gw) - cpu_ms;
	assert_int_equal(num_active, posts * each);
	return posts * each * 1e3 / cpu_ms;
}

static void
beside_java(const char *source, struct column *read, struct column *before)
{
	const char *argv[] = {JAVA, source, "leaf.pem", "ca.pem", "root.pem",
	    "lists/ca.crl", "lists/root.crl", NULL};
	double a, b;
	char *out;

	if (access(JAVA, X_OK) != 0 || source == NULL)
		return;
	assert_int_equal(proc_run(argv, "java.log", 600000, &out), 0);
	assert_int_equal(sscanf(out, "%lf %lf", &a, &b), 2);
	column_add(read, a);
	column_add(before, b);
	free(out);
}

static void
run(void **state)
{
	struct column figures[] = {{.name = "one by one"},
	    {.name = "in batches of 200"}, {.name = "JDK, chain from PEM"},
	    {.name = "JDK, chain read before"}};
	char *bodies[CHAINS], *batch, title[160];
	CURL *c = curl_easy_init();
	double load[3] = {0};

	(void)state;
	for (int i = 0; i < CHAINS; i++)
		bodies[i] = body_of(&leaf[i]);
	batch = batch_of(bodies);
	(void)getloadavg(load, 3);
	post(c, "/revocation/check/batch", batch);
	for (int r = 0; r < RUNS; r++) {
		column_add(&figures[0],
		    measure(
			c, "/revocation/check", bodies, CHAINS, SINGLES, 1));
		column_add(&figures[1],
		    measure(c, "/revocation/check/batch", &batch, 1, BATCHES,
			BATCH));
		beside_java(getenv("BENCH_JAVA"), &figures[2], &figures[3]);
	}
	snprintf(title, sizeof(title),
	    "session checks over REST, 3 certificates, 2 CRLs of 1,000 entries "
	    "(goals: 10,000, in batches 30,000); load %.2f",
	    load[0]);
	columns_print(title, "a CPU-second", figures, 4);
	for (int i = 0; i < CHAINS; i++)
		free(bodies[i]);
	free(batch);
	curl_easy_cleanup(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(run, setup, scene_end)};

	return cmocka_run_group_tests_name(
	    "session", tests, scene_setup, scene_teardown);
}
