/* issuers: see the header. */
#include "revcheck/cli/issuers.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "revcheck/cli/cert_urls.h"
#include "revcheck/cli/fetch.h"

#define MAX_BYTES  ((size_t)256 << 10)
#define TIME_MS    10000
#define MAX_CERTS  16   /* of one answer */
#define MAX_KNOWN  90   /* untrusted certificates in all */
#define MAX_URLS   16   /* of one certificate */
#define MAX_TRIED  1000 /* for all chains; none is asked twice */
#define MAX_LENGTH 20   /* of a path */

int
issuers_get(struct cert_list *out, const struct ask *a, const char *url,
    long timeout_ms, char text[256])
{
	struct fetch f = {.url = url,
	    .max_bytes = MAX_BYTES,
	    .timeout_ms = timeout_ms,
	    .proxy = a->proxy,
	    .https_ca_file = a->https_ca_file,
	    .addresses = a->addresses,
	    .quiet = true};
	int rc = fetch_run(&f);

	snprintf(text, 256, "%s", f.text);
	if (rc != 0)
		return rc;
	cli_mute(true);
	rc = input_parse(out, f.body, f.len, url, NULL);
	cli_mute(false);
	if (rc != 0)
		snprintf(text, 256, "%s", cli_last_failure());
	free(f.body);
	return rc;
}

/* Completing a path. */

struct search {
	struct ask *a;
	const struct revcheck_certs *chain;
	struct issuers *out;
	uint64_t until_mono_ms;
};

/* Whether there is a path by now, or none for another reason. */
static bool
is_over(const struct search *s)
{
	const struct ask *a = s->a;
	struct revcheck_path_query q = ask_path_query(a, s->chain);
	struct revcheck_error err;
	int why = 0;

	if (revcheck_trust_verify(a->anchors.trust, NULL, &q, &why, &err) != 0)
		return true;
	return why != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT &&
	    why != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY &&
	    why != X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static bool
issued(X509 *issuer, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes = X509_NAME_cmp(X509_get_subject_name(issuer),
		       X509_get_issuer_name(cert)) == 0 &&
	    key != NULL && X509_verify(cert, key) == 1;

	ERR_clear_error();
	return yes;
}

static X509 *
issuer_known(const struct search *s, X509 *cert)
{
	const struct cert_list *more = &s->a->untrusted;

	for (size_t i = 0; i < revcheck_certs_num(s->chain); i++)
		if (issued(revcheck_certs_get0(s->chain, i), cert))
			return revcheck_certs_get0(s->chain, i);
	for (size_t i = 0; i < more->num; i++)
		if (issued(more->v[i], cert))
			return more->v[i];
	return NULL;
}

/* The last one upwards from the leaf that is known; NULL: it goes in a circle.
 */
static X509 *
top_of(const struct search *s)
{
	X509 *x = revcheck_certs_get0(s->chain, 0), *above;

	for (int i = 0; i < MAX_LENGTH; i++) {
		above = issuer_known(s, x);
		if (above == NULL)
			return x;
		if (X509_cmp(above, x) == 0)
			return NULL; /* a root that is not trusted */
		x = above;
	}
	return NULL;
}

/* Of what came, what may be in a path. */
static int
add_found(struct search *s, const struct cert_list *found)
{
	struct ask *a = s->a;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < found->num && i < MAX_CERTS; i++)
		if (a->untrusted.num < MAX_KNOWN &&
		    X509_check_ca(found->v[i]) != 0 &&
		    !cert_list_has(&a->untrusted, found->v[i]))
			rc = ask_add_untrusted(a, found->v[i]);
	return rc;
}

/* 1: the issuer of cert came; 0: it did not; below 0: out of memory. */
static int
get_one(struct search *s, const char *url, X509 *cert)
{
	struct cert_list found = {0};
	char text[256];
	bool came = false;
	uint64_t now = cli_mono_ms();
	int rc;

	rc = issuers_get(
	    &found, s->a, url, (long)(s->until_mono_ms - now), text);
	if (rc != 0)
		cli_warn("no issuer from '%s': %s", url, text);
	for (size_t i = 0; i < found.num; i++)
		came = came || issued(found.v[i], cert);
	if (rc == 0 && !came)
		cli_warn("no issuer from '%s': what it has did not sign the "
			 "certificate",
		    url);
	rc = came ? add_found(s, &found) : 0;
	if (came && rc == 0)
		s->out->urls[s->out->num++] = strdup(url);
	cert_list_cleanup(&found);
	return rc != 0 ? -1 : came ? 1 : 0;
}

static int
get_issuer(struct search *s, X509 *cert)
{
	struct url_list urls = {0}, *tried = &s->a->issuers_tried;
	int rc = 0;

	cert_urls_aia(&urls, cert, NID_ad_ca_issuers);
	for (size_t i = 0; rc == 0 && i < urls.num && i < MAX_URLS; i++)
		if (!url_list_has(tried, urls.v[i]) && tried->num < MAX_TRIED &&
		    cli_mono_ms() < s->until_mono_ms &&
		    url_list_add(tried, urls.v[i], strlen(urls.v[i])))
			rc = get_one(s, urls.v[i], cert);
	url_list_cleanup(&urls);
	return rc;
}

int
issuers_fetch(
    struct issuers *out, struct ask *a, const struct revcheck_certs *chain)
{
	struct search s = {.a = a,
	    .chain = chain,
	    .out = out,
	    .until_mono_ms = cli_mono_ms() + TIME_MS};
	X509 *top;
	int rc = 1;

	while (rc == 1 && out->num < ISSUERS_MAX_FETCHES && !is_over(&s)) {
		top = top_of(&s);
		rc = top != NULL ? get_issuer(&s, top) : 0;
	}
	return rc < 0 ? EXIT_SOFTWARE : 0;
}

void
issuers_cleanup(struct issuers *x)
{
	for (size_t i = 0; i < x->num; i++)
		free(x->urls[i]);
	*x = (struct issuers){0};
}
