/*
 * A certificate as Corda's open client polls for it: 204, then a ZIP, 401
 * when there will be none; and PEM for everybody else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/pem.h>
#include <zip.h>

#include "tests/doorman/doorman_net.h"

static struct doorman_net net;

static int
setup(void **state)
{
	(void)state;
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_conf(
	    &net, "certificate_shape = corda\ncertificate_poll_sec = 7\n");
	doorman_net_start(&net);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	return 0;
}

/* curl with this Accept, or none; "Accept:" leaves it out. */
static long
ask(const char *id, const char *accept, struct web *w)
{
	char *url = xasprintf("%s/certificate/%s", net.url, id);
	const char *argv[] = {"/usr/bin/curl", "-s", "-D", "head", "-o", "body",
	    "-H", accept, url, NULL};

	remove("body");
	assert_int_equal(proc_run(argv, "curl.log", WAIT_MS, NULL), 0);
	memset(w, 0, sizeof(*w));
	w->head = file_need("head", NULL);
	w->body = file_read("body", &w->len);
	w->status = strtol(strchr(w->head, ' '), NULL, 10);
	free(url);
	return w->status;
}

static void
is_header(const struct web *w, const char *name, const char *value)
{
	char *have = web_header(w, name);

	if (have == NULL || strcmp(have, value) != 0)
		fail_msg("%s: '%s'", name, have != NULL ? have : "none");
	free(have);
}

/* One file of the archive "body" is that certificate. */
static void
holds(zip_t *z, zip_uint64_t i, const char *pem)
{
	BIO *in = BIO_new_file(pem, "r");
	X509 *want = PEM_read_bio_X509(in, NULL, NULL, NULL), *have;
	const unsigned char *p;
	unsigned char der[8192];
	zip_file_t *file = zip_fopen_index(z, i, 0);
	zip_int64_t n;

	assert_non_null(want);
	assert_non_null(file);
	n = zip_fread(file, der, sizeof(der));
	assert_true(n > 0);
	p = der;
	have = d2i_X509(NULL, &p, (long)n);
	assert_non_null(have);
	assert_int_equal(X509_cmp(want, have), 0);
	zip_fclose(file);
	X509_free(want);
	X509_free(have);
	BIO_free(in);
}

static void
it_is_waited_for_and_fetched(void **state)
{
	char *id = doorman_net_csr(&net, "alice", "/O=Alice/L=Paris/C=FR");
	char *out, *url;
	struct web w;
	zip_t *z;

	(void)state;
	assert_int_equal(ask(id, "Accept:", &w), 204);
	is_header(&w, "Cache-Control", "private, max-age=7");
	assert_int_equal(w.len, 0);
	web_free(&w);
	assert_int_equal(ask(id, "Accept: application/x-pem-file", &w), 202);
	is_header(&w, "Retry-After", "7");
	web_free(&w);
	doorman_net_do(&net, "tickets", "approve", id);
	assert_int_equal(ask(id, "Accept:", &w), 204);
	web_free(&w);
	assert_int_equal(doorman_net_sign(&net, "sign certificates +1\n", &out,
			     "certificates"),
	    0);
	free(out);
	assert_int_equal(ask(id, "Accept: application/x-pem-file", &w), 200);
	assert_non_null(strstr(w.body, "BEGIN CERTIFICATE"));
	file_write("alice.pem", w.body, w.len);
	web_free(&w);
	assert_int_equal(ask(id, "Accept: text/html", &w), 406);
	web_free(&w);
	assert_int_equal(ask(id, "Accept:", &w), 200);
	is_header(&w, "Content-Type", "application/zip");
	web_free(&w);
	z = zip_open("body", ZIP_RDONLY | ZIP_CHECKCONS, NULL);
	assert_non_null(z);
	assert_int_equal(zip_get_num_entries(z, 0), 3);
	holds(z, 0, "alice.pem");
	holds(z, 1, "dm/ca/doorman.pem");
	holds(z, 2, "dm/ca/root.pem");
	zip_discard(z);
	url = xasprintf("%s/certificate/%s", net.url, id);
	if (have_java())
		java_says((const char *const[]){"poll", url, "200", "alice.pem",
		    "dm/ca/doorman.pem", "dm/ca/root.pem", NULL});
	free(url);
	free(id);
}

static void
there_will_be_none(void **state)
{
	char *id = doorman_net_csr(&net, "bob", "/O=Bob/L=London/C=GB");
	struct web w;

	(void)state;
	doorman_net_do(&net, "tickets", "reject", id);
	assert_int_equal(ask(id, "Accept:", &w), 401);
	assert_string_equal(w.body, "the request was rejected");
	web_free(&w);
	assert_int_equal(ask(id, "Accept: application/x-pem-file", &w), 403);
	web_free(&w);
	free(id);
}

/* DER, and the headers that nobody here looks at. */
static void
it_is_asked_for_as_corda_does(void **state)
{
	char *url = xasprintf("%s/certificate", net.url), *id, *again;
	const char *der[] = {"/usr/bin/openssl", "req", "-in", "dm/dora.csr",
	    "-outform", "DER", "-out", "dora.der", NULL};
	const char *post[] = {"/usr/bin/curl", "-s", "--data-binary",
	    "@dora.der", "-H", "Content-Type: application/octet-stream", "-H",
	    "Platform-Version: 4", "-H", "Client-Version: 4.12", "-H",
	    "Private-Network-Map: ", url, NULL};

	(void)state;
	id = doorman_net_csr(&net, "dora", "/O=Dora/L=Oslo/C=NO");
	assert_int_equal(proc_run(der, "der.log", WAIT_MS, NULL), 0);
	assert_int_equal(proc_run(post, "post.log", WAIT_MS, &again), 0);
	/* The same request, the same id. */
	assert_string_equal(again, id);
	free(again);
	free(id);
	free(url);
}

/* Unless it is configured, only who asks for a ZIP has one. */
static void
pem_is_the_rule(void **state)
{
	char *id;
	struct web w;

	(void)state;
	doorman_net_stop(&net);
	{
		char *conf = file_need("dm/doorman.conf", NULL);
		char *p = strstr(conf, "certificate_shape = corda");

		memcpy(p, "certificate_shape = pem  ", 25);
		file_write("dm/doorman.conf", conf, strlen(conf));
		free(conf);
	}
	doorman_net_start(&net);
	id = doorman_net_csr(&net, "carol", "/O=Carol/L=Rome/C=IT");
	assert_int_equal(ask(id, "Accept: */*", &w), 202);
	web_free(&w);
	assert_int_equal(
	    ask(id, "Accept: application/zip, */*;q=0.1", &w), 204);
	web_free(&w);
	free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_waited_for_and_fetched),
	    cmocka_unit_test(there_will_be_none),
	    cmocka_unit_test(it_is_asked_for_as_corda_does),
	    cmocka_unit_test(pem_is_the_rule),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
