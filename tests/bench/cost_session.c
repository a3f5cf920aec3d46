/*
 * cost_session: a check of a chain as a node sends it: its path searched, its
 * answer in JSON; once of a chain that comes again, once of one that is new.
 */
#include "tests/bench/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "revcheck/revcheck.h"
#include "tests/lib/issuer.h"

#define DAY 86400

static struct issuer root, ca, leaf;
static struct revcheck_trust *trust;
static struct revcheck *rc;
static char *pem;
static long pem_len;

static void
issue(struct issuer *out, const struct issuer *by, long serial, bool is_ca)
{
	issuer_init(out,
	    &(struct issuer_cert){
		.cn = is_ca ? by == NULL ? "root" : "ca" : "leaf",
		.by = by,
		.serial = serial,
		.from = time(NULL) - DAY,
		.to = time(NULL) + DAY,
		.constraints = is_ca ? "critical,CA:TRUE" : NULL,
		.usage = is_ca ? "critical,keyCertSign,cRLSign" : NULL,
		.crl_url = by == NULL ? NULL : "http://127.0.0.1:1/a.crl"});
}

static void
write_crl(const char *path, const struct issuer *by)
{
	issuer_write_crl(path,
	    &(struct issuer_crl){.by = by,
		.number = 1,
		.from = time(NULL) - DAY,
		.next = time(NULL) + DAY});
}

static void
write_pem(void)
{
	const struct issuer *all[] = {&leaf, &ca, &root};
	BIO *b = BIO_new(BIO_s_mem());
	char *text;

	for (size_t i = 0; i < 3; i++)
		if (PEM_write_bio_X509(b, all[i]->cert) != 1)
			exit(1);
	pem_len = BIO_get_mem_data(b, &text);
	pem = malloc((size_t)pem_len);
	if (pem == NULL)
		exit(1);
	memcpy(pem, text, (size_t)pem_len);
	BIO_free(b);
}

static void
begin(void)
{
	static const char *const files[] = {"root.crl", "ca.crl", NULL};
	struct revcheck_options o = {
	    .size = sizeof(o), .offline = 1, .crl_paths = files};

	issue(&root, NULL, 1, true);
	issue(&ca, &root, 2, true);
	issue(&leaf, &ca, 3, false);
	write_crl("root.crl", &root);
	write_crl("ca.crl", &ca);
	write_pem();
	if (revcheck_trust_new(&trust, &root.cert, 1, NULL) != 0 ||
	    revcheck_new(&rc, &o, NULL) != 0)
		exit(1);
}

static void
end(void)
{
	revcheck_free(rc);
	revcheck_trust_free(trust);
	free(pem);
	issuer_cleanup(&leaf);
	issuer_cleanup(&ca);
	issuer_cleanup(&root);
}

static struct revcheck_certs *
parse(void)
{
	struct revcheck_certs *chain;

	if (revcheck_certs_parse(&chain, pem, (size_t)pem_len, "chain", NULL) !=
	    0)
		exit(1);
	return chain;
}

static void
check(const struct revcheck_certs *chain)
{
	struct revcheck_query q = {.size = sizeof(q),
	    .mode = REVCHECK_MODE_HARD_FAIL,
	    .chain = chain,
	    .trust = trust};
	struct revcheck_report *report = NULL;

	if (revcheck_check(rc, &report, &q, NULL) != 0 ||
	    revcheck_report_allows(report) != 1)
		exit(1);
	for (size_t i = 0; i < revcheck_report_num(report); i++) {
		char *json = revcheck_report_certificate_json(report, i);

		if (json == NULL)
			exit(1);
		free(json);
	}
	revcheck_report_free(report);
}

void
cost_session_again_loop(size_t n)
{
	struct revcheck_certs *chain;

	begin();
	chain = parse();
	for (size_t i = 0; i < 100 + n; i++)
		check(chain);
	revcheck_certs_free(chain);
	end();
}

void
cost_session_new_loop(size_t n)
{
	begin();
	for (size_t i = 0; i < 20 + n; i++) {
		struct revcheck_certs *chain = parse();

		check(chain);
		revcheck_certs_free(chain);
	}
	end();
}

void
cost_session(struct cost *c, const char *fixtures)
{
	(void)fixtures;
	cost_figure(
	    c, "session-again-instructions", cost_loop("session-again", 2000));
	cost_figure(
	    c, "session-new-instructions", cost_loop("session-new", 100));
}
