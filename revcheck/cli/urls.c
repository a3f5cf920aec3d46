/* urls: see the header. */
#include "revcheck/cli/urls.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "revcheck/cli/fetch.h"
#include "revcheck/cli/issuers.h"

#define MAX_URLS      16 /* of one certificate */
#define CRL_MAX       ((size_t)128 << 20)
#define OCSP_MAX      65536
#define CRL_TIME_MS   60000
#define OTHER_TIME_MS 10000

static const char *const kind_names[] = {
    [URL_ISSUER] = "issuer",
    [URL_OCSP] = "ocsp",
    [URL_CRL] = "crl",
    [URL_DELTA] = "delta-crl",
};

static struct fetch
fetch_for(const struct ask *a, const char *url)
{
	return (struct fetch){.url = url,
	    .timeout_ms = OTHER_TIME_MS,
	    .max_bytes = OCSP_MAX,
	    .proxy = a->proxy,
	    .https_ca_file = a->https_ca_file,
	    .addresses = a->addresses,
	    .quiet = true};
}

static bool
get(struct url_result *r, struct fetch *f)
{
	int rc = fetch_run(f);

	r->method = f->post != NULL ? "POST" : "GET";
	r->status = f->status;
	r->bytes += f->len;
	r->seconds += f->seconds;
	r->fetched = rc == 0;
	snprintf(r->text, sizeof(r->text), "%s", f->text);
	return rc == 0;
}

/* Judging what came. */

static void
take_verdict(struct url_result *r, const struct revcheck_result *res)
{
	r->this_update = res->this_update;
	r->next_update = res->next_update;
	snprintf(r->signer, sizeof(r->signer), "%s", res->signer);
	snprintf(r->text, sizeof(r->text), "%s%s%s",
	    res->why != REVCHECK_WHY_NONE ? revcheck_why_name(res->why) : "",
	    res->why != REVCHECK_WHY_NONE ? ": " : "", res->text);
}

static void
look_at_issuer(struct url_result *r, const struct fetch *f, X509 *cert)
{
	struct cert_list found = {0};
	EVP_PKEY *key;

	snprintf(r->text, sizeof(r->text), "it did not sign the certificate");
	cli_mute(true);
	if (input_parse(&found, f->body, f->len, f->url, NULL) != 0)
		snprintf(r->text, sizeof(r->text), "%s", cli_last_failure());
	cli_mute(false);
	for (size_t i = 0; i < found.num && !r->counts; i++) {
		key = X509_get0_pubkey(found.v[i]);
		r->counts = X509_NAME_cmp(X509_get_subject_name(found.v[i]),
				X509_get_issuer_name(cert)) == 0 &&
		    key != NULL && X509_verify(cert, key) == 1;
	}
	if (r->counts)
		snprintf(r->text, sizeof(r->text),
		    "the certificate that signed this one");
	ERR_clear_error();
	cert_list_cleanup(&found);
}

static void
look_at_crl(struct url_result *r, const struct fetch *f, const struct ask *a,
    X509 *cert, X509 *issuer)
{
	struct revcheck_crl_query q = {.size = sizeof(q),
	    .issuer = issuer,
	    .at = a->query.at,
	    .policy = &a->policy};
	struct revcheck_crl *crl = NULL;
	struct revcheck_crl_info info = {.size = sizeof(info)};
	struct revcheck_crl_entry entry;
	struct revcheck_result res;
	struct revcheck_error err;
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *serial = n != NULL ? BN_bn2hex(n) : NULL;

	if (revcheck_crl_parse(&crl, f->body, f->len, f->url, &err) != 0 ||
	    revcheck_crl_judge(&res, crl, &q, &err) != 0) {
		snprintf(r->text, sizeof(r->text), "%s", err.msg);
		goto out;
	}
	revcheck_crl_get_info(crl, &info);
	take_verdict(r, &res);
	r->this_update = info.this_update;
	r->next_update = info.next_update;
	r->counts = res.status == REVCHECK_GOOD;
	if (res.signer[0] != '\0' && serial != NULL &&
	    revcheck_crl_find(crl, serial, &entry) == 1)
		r->says = REVCHECK_REVOKED;
	else if (r->counts && r->kind == URL_CRL)
		r->says = REVCHECK_GOOD;
out:
	revcheck_crl_free(crl);
	OPENSSL_free(serial);
	BN_free(n);
}

static void
look_at_ocsp(struct url_result *r, const struct fetch *f, const struct ask *a,
    X509 *cert, X509 *issuer)
{
	struct revcheck_ocsp_query q = {.size = sizeof(q),
	    .cert = cert,
	    .issuer = issuer,
	    .response = f->body,
	    .response_len = f->len,
	    .at = a->query.at,
	    .policy = &a->policy};
	struct revcheck_policy policy = a->policy;
	struct revcheck_result res;
	struct revcheck_error err;

	policy.nonce = REVCHECK_NONCE_OFF; /* none was sent */
	q.policy = &policy;
	if (revcheck_ocsp_judge(&res, &q, &err) != 0) {
		snprintf(r->text, sizeof(r->text), "%s", err.msg);
		return;
	}
	take_verdict(r, &res);
	r->says = res.status;
	r->counts = res.status != REVCHECK_UNKNOWN;
}

/* One URL. */

static void
try_issuer(struct url_result *r, const struct ask *a, X509 *cert)
{
	struct fetch f = fetch_for(a, r->url);

	f.max_bytes = (size_t)256 << 10;
	if (get(r, &f))
		look_at_issuer(r, &f, cert);
	free(f.body);
}

static void
try_crl(struct url_result *r, const struct ask *a, X509 *cert, X509 *issuer)
{
	struct fetch f = fetch_for(a, r->url);

	f.max_bytes = CRL_MAX;
	f.timeout_ms = CRL_TIME_MS;
	if (get(r, &f))
		look_at_crl(r, &f, a, cert, issuer);
	free(f.body);
}

/* By GET where it fits, then by POST. */
static void
try_ocsp(struct url_result *r, const struct ask *a, X509 *cert, X509 *issuer)
{
	struct fetch f = fetch_for(a, r->url);
	struct revcheck_error err;
	unsigned char *request = NULL;
	char *get_url = NULL;
	size_t len;

	if (revcheck_ocsp_request(
		&request, &len, cert, issuer, NULL, 0, &err) != 0) {
		snprintf(r->text, sizeof(r->text), "%s", err.msg);
		return;
	}
	if (revcheck_ocsp_get_url(&get_url, r->url, request, len, &err) == 0) {
		f.url = get_url;
		if (get(r, &f))
			look_at_ocsp(r, &f, a, cert, issuer);
		free(f.body);
	}
	if (!r->counts) {
		f = fetch_for(a, r->url);
		f.post = request;
		f.post_len = len;
		f.content_type = "application/ocsp-request";
		if (get(r, &f))
			look_at_ocsp(r, &f, a, cert, issuer);
		free(f.body);
	}
	free(get_url);
	free(request);
}

static void
add(struct url_report *out, const struct url_list *urls, enum url_kind kind,
    const struct ask *a, X509 *cert, X509 *issuer)
{
	struct url_result *r;

	for (size_t i = 0; i < urls->num && out->num < MAX_URLS; i++) {
		r = &out->v[out->num++];
		*r = (struct url_result){.kind = kind, .method = "GET"};
		snprintf(r->url, sizeof(r->url), "%s", urls->v[i]);
		if (kind == URL_ISSUER)
			try_issuer(r, a, cert);
		else if (issuer == NULL)
			snprintf(r->text, sizeof(r->text),
			    "not asked: its issuer is not known");
		else if (kind == URL_OCSP)
			try_ocsp(r, a, cert, issuer);
		else
			try_crl(r, a, cert, issuer);
	}
}

void
urls_fetch(
    struct url_report *out, const struct ask *a, X509 *cert, X509 *issuer)
{
	struct url_list urls[4] = {{0}};

	*out = (struct url_report){
	    .v = calloc(MAX_URLS, sizeof(struct url_result))};
	if (out->v == NULL)
		return;
	cert_urls_aia(&urls[URL_ISSUER], cert, NID_ad_ca_issuers);
	cert_urls_aia(&urls[URL_OCSP], cert, NID_ad_OCSP);
	cert_urls_crl(&urls[URL_CRL], cert, NID_crl_distribution_points);
	cert_urls_crl(&urls[URL_DELTA], cert, NID_freshest_crl);
	for (int k = 0; k < 4; k++) {
		add(out, &urls[k], (enum url_kind)k, a, cert, issuer);
		url_list_cleanup(&urls[k]);
	}
}

void
urls_cleanup(struct url_report *r)
{
	free(r->v);
	*r = (struct url_report){0};
}

/* Telling. */

void
urls_print(FILE *f, const struct url_report *r, time_t now)
{
	const struct url_result *x;
	char when[PRINT_TIME_LEN];
	enum tint t;

	if (r->num == 0)
		fprintf(f, "  it names no URL\n");
	for (size_t i = 0; i < r->num; i++) {
		x = &r->v[i];
		t = !x->counts                    ? TINT_WARN
		    : x->says == REVCHECK_REVOKED ? TINT_BAD
						  : TINT_GOOD;
		print_field(f, kind_names[x->kind], TINT_NONE, "%s", x->url);
		print_field(f, "", t, "%s%s%s",
		    x->counts        ? "verified"
			: x->fetched ? "not usable"
				     : "failed",
		    x->says != REVCHECK_UNKNOWN ? ", " : "",
		    x->says != REVCHECK_UNKNOWN ? revcheck_status_name(x->says)
						: "");
		if (x->status != 0)
			print_field(f, "", TINT_NONE,
			    "%s, HTTP status %ld, %zu bytes, %.0f ms",
			    x->method, x->status, x->bytes, x->seconds * 1000);
		if (x->this_update != 0)
			print_field(f, "", TINT_NONE, "thisUpdate %s",
			    print_time(when, x->this_update, now));
		if (x->next_update != 0)
			print_field(f, "",
			    x->next_update < now ? TINT_WARN : TINT_NONE,
			    "nextUpdate %s",
			    print_time(when, x->next_update, now));
		if (x->signer[0] != '\0')
			print_field(
			    f, "", TINT_NONE, "signed by %s", x->signer);
		print_field(f, "", TINT_NONE, "%s", x->text);
	}
}

void
urls_add_json(cJSON *list, const struct url_report *r, size_t certificate)
{
	cJSON *o;
	const struct url_result *x;

	for (size_t i = 0; i < r->num; i++) {
		x = &r->v[i];
		o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "certificate", (double)certificate);
		cJSON_AddStringToObject(o, "kind", kind_names[x->kind]);
		cJSON_AddStringToObject(o, "url", x->url);
		cJSON_AddStringToObject(o, "method", x->method);
		if (x->status != 0)
			cJSON_AddNumberToObject(
			    o, "httpStatus", (double)x->status);
		else
			cJSON_AddNullToObject(o, "httpStatus");
		cJSON_AddNumberToObject(o, "bytes", (double)x->bytes);
		cJSON_AddNumberToObject(
		    o, "milliseconds", (double)(long)(x->seconds * 1000));
		cJSON_AddBoolToObject(o, "fetched", x->fetched);
		cJSON_AddBoolToObject(o, "verified", x->counts);
		print_json_text(o, "says",
		    x->says == REVCHECK_UNKNOWN
			? ""
			: revcheck_status_name(x->says));
		print_json_time(o, "thisUpdate", x->this_update);
		print_json_time(o, "nextUpdate", x->next_update);
		print_json_text(o, "signer", x->signer);
		print_json_text(o, "text", x->text);
		cJSON_AddItemToArray(list, o);
	}
}
