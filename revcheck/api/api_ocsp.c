/*
 * api_ocsp: the OCSP rules without an engine, for tools and for callers with a
 * transport of their own. Pure, but for the clock where no time is given. Any
 * thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/api/judging.h"
#include "revcheck/ocsp/ocsp.h"
#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/ocsp/ocsp_signer.h"
#include "revcheck/x509/certs.h"
#include "cache/base/subject.h"
#include "revcheck/x509/describe.h"

#define REQUEST_MAX 4096
#define URL_MAX     1024

int
revcheck_ocsp_request(unsigned char **out, size_t *out_len, X509 *cert,
    X509 *issuer, const void *nonce, size_t nonce_len,
    struct revcheck_error *err)
{
	struct err e = {0};
	struct bytes der;
	int rc;

	bytes_init(&der, REQUEST_MAX);
	rc = ocsp_request_build(
	    &der, cert, issuer, span_of(nonce, nonce_len), &e);
	if (rc == 0)
		*out = bytes_steal(&der, out_len);
	bytes_cleanup(&der);
	return error_publish(err, &e, rc);
}

int
revcheck_ocsp_get_url(char **out, const char *base, const void *request,
    size_t len, struct revcheck_error *err)
{
	struct err e = {0};
	struct bytes url;
	size_t url_len;
	int rc;

	bytes_init(&url, URL_MAX);
	rc = ocsp_get_url(&url, base, span_of(request, len));
	if (rc == 0)
		*out = (char *)bytes_steal(&url, &url_len);
	else
		err_set(&e, rc,
		    "the GET form of the request would be longer than 255 "
		    "characters");
	bytes_cleanup(&url);
	return error_publish(err, &e, rc);
}

char **
revcheck_ocsp_urls(X509 *cert)
{
	return ocsp_urls_of(cert);
}

void
revcheck_ocsp_urls_free(char **urls)
{
	ocsp_urls_free(urls);
}

/* Who signed it, and nothing else. */
static int
judge_signer(struct revcheck_result *out, const struct ocsp_question *q,
    struct span der, const struct validity_rules *rules, struct err *err)
{
	struct ocsp_signer signer;
	struct ocsp_response r;
	int rc;

	out->why = REVCHECK_WHY_MALFORMED;
	rc = ocsp_parse(&r, der, err);
	if (rc == 0 && r.tbs.len == 0) {
		out->why = REVCHECK_WHY_RESPONDER_ERROR;
		rc = err_set(err, E_PARSE, "the OCSP responder answered %s",
		    ocsp_response_status_name(r.status));
	}
	if (rc == 0)
		rc = ocsp_signer_find(&signer, &r, q, rules, &out->why, err);
	if (rc != 0) {
		memcpy(out->text, err->msg, sizeof(err->msg));
		return rc == E_NOMEM ? rc : 0;
	}
	out->status = REVCHECK_NOT_ASKED;
	out->why = REVCHECK_WHY_NONE;
	out->produced_at = r.produced_at;
	subject_show(out->signer, sizeof(out->signer), signer.cert);
	snprintf(out->text, sizeof(out->text), "signed by %s%s",
	    signer.delegated ? "a responder of the issuer"
			     : "the issuer, or the pinned responder",
	    signer.named ? "" : ", whom its responderID does not name");
	X509_free(signer.cert);
	return 0;
}

int
revcheck_ocsp_judge(struct revcheck_result *out,
    const struct revcheck_ocsp_query *query, struct revcheck_error *err)
{
	struct validity_rules rules;
	struct ocsp_question q = {
	    .subject = query->cert,
	    .issuer = query->issuer,
	    .pinned = query->signer,
	    .nonce = span_of(query->nonce, query->nonce_len),
	};
	struct ocsp_proof *proof = NULL;
	struct err e = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	rc = judging_rules(&rules, query->policy, query->at, &e);
	if (rc != 0)
		return error_publish(err, &e, rc);
	out->reason = REVCHECK_REASON_NONE;
	out->method = REVCHECK_METHOD_OCSP;
	out->submitted_index = SIZE_MAX;
	if (query->cert == NULL) {
		rc = judge_signer(out, &q,
		    span_of(query->response, query->response_len), &rules, &e);
		return error_publish(err, &e, rc);
	}
	subject_show(out->subject, sizeof(out->subject), query->cert);
	subject_show_name(out->issuer, sizeof(out->issuer),
	    X509_get_issuer_name(query->cert));
	describe_serial(out->serial, sizeof(out->serial),
	    X509_get0_serialNumber(query->cert));
	rc = ocsp_verify(&proof, span_of(query->response, query->response_len),
	    &q, &rules, &out->why, &e);
	if (rc == E_NOMEM)
		return error_publish(err, &e, rc);
	if (rc == 0)
		ocsp_status(proof, &rules, out);
	else
		memcpy(out->text, e.msg, sizeof(e.msg));
	ocsp_proof_free(proof);
	return REVCHECK_OK;
}
