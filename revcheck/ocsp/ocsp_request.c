/*
 * ocsp_request: the DER of a request, its GET form and the responders that a
 * certificate names. Pure; any thread. Opens no connection.
 */
#include "revcheck/ocsp/ocsp.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "cache/base/url_text.h"

/* RFC 6960 A.1 and RFC 5019 5: longer ones go by POST. */
#define GET_MAX   255
#define MAX_URLS  8
#define NONCE_MAX 32

char **
ocsp_urls_of(X509 *cert)
{
	STACK_OF(OPENSSL_STRING) *found = X509_get1_ocsp(cert);
	char **urls = calloc(MAX_URLS + 1, sizeof(*urls));
	int num = 0;

	ERR_clear_error();
	for (int i = 0;
	     urls != NULL && num < MAX_URLS && i < sk_OPENSSL_STRING_num(found);
	     i++) {
		const char *url = sk_OPENSSL_STRING_value(found, i);

		/* What cannot be asked is kept, to be told when it is. */
		(void)!url_normalise(
		    &urls[num], span_of(url, strlen(url)), NULL);
		if (urls[num++] == NULL) {
			ocsp_urls_free(urls);
			urls = NULL;
		}
	}
	X509_email_free(found);
	return urls;
}

void
ocsp_urls_free(char **urls)
{
	for (char **u = urls; u != NULL && *u != NULL; u++)
		free(*u);
	free(urls);
}

/*
 * The nonce as RFC 9654 2.1 wants it: an OCTET STRING in extnValue. OpenSSL's
 * own helper writes the same, but only from octets it may change.
 */
static int
request_add_nonce(OCSP_REQUEST *req, struct span nonce)
{
	unsigned char copy[NONCE_MAX];

	if (nonce.len > sizeof(copy))
		return 0;
	memcpy(copy, nonce.p, nonce.len);
	return OCSP_request_add1_nonce(req, copy, (int)nonce.len);
}

int
ocsp_request_build(struct bytes *der, X509 *subject, X509 *issuer,
    struct span nonce, struct err *err)
{
	OCSP_REQUEST *req = NULL;
	OCSP_CERTID *id = NULL;
	unsigned char *buf = NULL;
	int len, rc;

	if (nonce.len > NONCE_MAX)
		return err_set(err, E_ARG,
		    "an OCSP nonce is 1 to %d octets long, not %zu", NONCE_MAX,
		    nonce.len);
	ERR_clear_error();
	req = OCSP_REQUEST_new();
	/* RFC 5019 2.1.1: SHA-1 in the certID, one certificate, unsigned. */
	id = OCSP_cert_to_id(EVP_sha1(), subject, issuer);
	if (req == NULL || id == NULL ||
	    OCSP_request_add0_id(req, id) == NULL) {
		rc = err_ossl(err, E_NOMEM, "cannot build an OCSP request");
		goto out;
	}
	id = NULL; /* the request's now */
	if (nonce.len > 0 && !request_add_nonce(req, nonce)) {
		rc = err_ossl(err, E_NOMEM, "cannot add a nonce");
		goto out;
	}
	len = i2d_OCSP_REQUEST(req, &buf);
	if (len <= 0) {
		rc = err_ossl(err, E_NOMEM, "cannot encode an OCSP request");
		goto out;
	}
	rc = bytes_append(der, buf, (size_t)len);
	if (rc != 0)
		rc = err_set(err, rc, "no room for an OCSP request");
out:
	OPENSSL_free(buf);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(req);
	return rc;
}

/* What base64 writes that a path segment must not hold as it is. */
static int
append_escaped(struct bytes *url, unsigned char c)
{
	switch (c) {
	case '+':
		return bytes_append(url, "%2B", 3);
	case '/':
		return bytes_append(url, "%2F", 3);
	case '=':
		return bytes_append(url, "%3D", 3);
	default:
		return bytes_append(url, &c, 1);
	}
}

int
ocsp_get_url(struct bytes *url, const char *base, struct span request)
{
	/* 4 characters for 3 octets, each of them escaped at worst. */
	unsigned char b64[GET_MAX + 1];
	size_t base_len = strlen(base), start = url->len;
	int n, rc;

	if (base_len >= GET_MAX || request.len == 0 ||
	    (request.len + 2) / 3 * 4 > GET_MAX)
		return E_LIMIT;
	n = EVP_EncodeBlock(b64, request.p, (int)request.len);
	rc = bytes_append(url, base, base_len);
	/* RFC 6960 A.1: one slash, whether or not the AIA ends with one. */
	if (rc == 0 && (base_len == 0 || base[base_len - 1] != '/'))
		rc = bytes_append(url, "/", 1);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = append_escaped(url, b64[i]);
	if (rc == 0 && url->len - start > GET_MAX)
		rc = E_LIMIT;
	if (rc == 0)
		rc = bytes_append(url, "", 1);
	if (rc != 0) {
		url->len = start;
		return rc;
	}
	url->len--; /* the NUL is there, and does not count */
	return 0;
}
