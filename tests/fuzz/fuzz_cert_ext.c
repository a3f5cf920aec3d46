/*
 * fuzz_cert_ext: what a certificate says about its own revocation. The input
 * is a certificate, or else the value of its distribution points.
 */
#include <assert.h>

#include <openssl/err.h>

#include "revcheck/crl/distribution_point.h"
#include "revcheck/crl/crl_scope.h"
#include "tests/fuzz/pki.h"

const char fuzz_seeds[] = "leaf.der";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
urls_count(const char *const *urls)
{
	size_t n = 0;

	while (urls != NULL && urls[n] != NULL) {
		/* Text that needs no escaping, whatever its scheme. */
		for (const char *p = urls[n]; *p != '\0'; p++)
			assert(*p > 0x20 && *p < 0x7f);
		n++;
	}
	return n;
}

/* Scopes to compare with: everything, a shard, and the subject's own names. */
static void
covers(const struct crl_subject *s)
{
	struct crl_scope scope = {
	    .issuer = s->issuer, .reasons = CRL_REASONS_ALL};
	bool lists;

	(void)crl_scope_covers(&scope, s, &lists);
	for (size_t i = 0; i < s->points.num; i++) {
		struct distribution_point *p = &s->points.v[i];

		scope.point = p->name;
		for (int indirect = 0; indirect < 2; indirect++) {
			scope.indirect = indirect != 0;
			(void)crl_scope_covers(&scope, s, &lists);
			if (p->issuers.num == 0)
				continue;
			scope.issuer = p->issuers.v[0].body;
			(void)crl_scope_covers(&scope, s, &lists);
		}
	}
}

static void
subject_use(X509 *cert)
{
	struct crl_subject *s = NULL;
	struct err err = {0};
	size_t num;

	if (crl_subject_new(&s, cert, fuzz_ca(), &err) != 0)
		return;
	num = crl_subject_num_points(s);
	for (size_t i = 0; i <= num; i++)
		urls_count(crl_subject_urls(s, i));
	assert(crl_subject_urls(s, num) == NULL);
	urls_count(crl_subject_delta_urls(s));
	covers(s);
	crl_subject_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	struct distribution_points points;
	struct der d;
	struct span name = {0};
	X509 *cert;

	if (size > 65536)
		return 0;
	cert = d2i_X509(NULL, &p, (long)size);
	if (cert != NULL)
		subject_use(cert);
	X509_free(cert);
	ERR_clear_error();
	/* The issuer may be any bytes too. */
	der_init(&d, span_of(data, size));
	if (der_any(&d, NULL, NULL, &name) &&
	    distribution_points_parse(
		&points, span_of(d.p, (size_t)(d.end - d.p)), name, NULL) == 0)
		distribution_points_cleanup(&points);
	if (distribution_points_parse(
		&points, span_of(data, size), name, NULL) == 0)
		distribution_points_cleanup(&points);
	assert(!name_equal(span_of(data, size), name) ||
	    name_hash(span_of(data, size)) == name_hash(name));
	return 0;
}
