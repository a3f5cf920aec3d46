/*
 * crl_subject: what a certificate says about its own revocation, parsed once.
 * Immutable afterwards; any thread.
 */
#include "revcheck/crl/crl_subject.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "cache/der/der.h"

/* The value of one extension, copied; *out NULL when the certificate has none.
 */
static int
extension_copy(
    uint8_t **out, struct span *value, X509 *cert, int nid, struct err *err)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);
	const ASN1_OCTET_STRING *os;
	size_t len;

	*out = NULL;
	*value = span_of(NULL, 0);
	if (at < 0)
		return 0;
	/* RFC 5280 4.2: at most one instance of an extension. */
	if (X509_get_ext_by_NID(cert, nid, at) >= 0)
		return err_set(err, E_PARSE, "%s twice in the certificate",
		    OBJ_nid2sn(nid));
	os = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	len = (size_t)ASN1_STRING_length(os);
	*out = malloc(len + 1);
	if (*out == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (len > 0)
		memcpy(*out, ASN1_STRING_get0_data(os), len);
	*value = span_of(*out, len);
	return 0;
}

static int
identity_copy(struct crl_subject *s, struct err *err)
{
	struct der d;
	struct span content;
	int len;

	len = i2d_X509_NAME(X509_get_issuer_name(s->cert), &s->issuer_der);
	if (len <= 0)
		return err_ossl(err, E_NOMEM, "cannot encode the issuer");
	s->issuer = span_of(s->issuer_der, (size_t)len);
	s->issuer_hash = name_hash(s->issuer);
	len = i2d_ASN1_INTEGER(X509_get0_serialNumber(s->cert), &s->serial_der);
	if (len <= 0)
		return err_ossl(err, E_NOMEM, "cannot encode the serial");
	der_init(&d, span_of(s->serial_der, (size_t)len));
	if (!der_get(&d, DER_INTEGER, &content))
		return err_set(err, E_PARSE, "a malformed serial");
	s->serial = der_serial_trim(content);
	return 0;
}

/*
 * One extension of distribution points. Whether a certificate that encodes them
 * wrongly may be used is decided with its path; here it has those that can be
 * read. Without any, only CRLs for all certificates of its issuer cover it.
 */
static int
points_copy(struct distribution_points *out, uint8_t **der,
    const struct crl_subject *s, int nid, struct err *err)
{
	struct span value;
	int rc = extension_copy(der, &value, s->cert, nid, err);

	if (rc == 0 && *der != NULL)
		rc = distribution_points_parse(out, value, s->issuer, err);
	out->odd = out->odd || rc == E_PARSE;
	return rc == E_PARSE ? 0 : rc;
}

int
crl_subject_new(
    struct crl_subject **out, X509 *cert, X509 *issuer, struct err *err)
{
	struct crl_subject *s = calloc(1, sizeof(*s));
	uint32_t flags;
	int rc;

	(void)issuer;
	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	X509_up_ref(cert);
	s->cert = cert;
	/* RFC 5280 6.3.3 (b)(2)(ii), (iii): basicConstraints with cA. */
	flags = X509_get_extension_flags(cert);
	s->is_v3 = X509_get_version(cert) == X509_VERSION_3;
	s->is_ca = (flags & EXFLAG_BCONS) != 0 && (flags & EXFLAG_CA) != 0;
	rc = identity_copy(s, err);
	if (rc == 0)
		rc = points_copy(&s->points, &s->points_der, s,
		    NID_crl_distribution_points, err);
	if (rc == 0)
		rc = points_copy(
		    &s->freshest, &s->freshest_der, s, NID_freshest_crl, err);
	if (rc == 0) {
		s->delta_urls = distribution_points_urls(&s->freshest);
		if (s->delta_urls == NULL)
			rc = err_set(err, E_NOMEM, "out of memory");
	}
	if (rc < 0) {
		crl_subject_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
crl_subject_free(struct crl_subject *s)
{
	if (s == NULL)
		return;
	X509_free(s->cert);
	OPENSSL_free(s->issuer_der);
	OPENSSL_free(s->serial_der);
	distribution_points_cleanup(&s->points);
	distribution_points_cleanup(&s->freshest);
	free(s->points_der);
	free(s->freshest_der);
	free(s->delta_urls);
	free(s);
}

size_t
crl_subject_num_points(const struct crl_subject *s)
{
	return s->points.num;
}

enum crl_subject_source
crl_subject_source(const struct crl_subject *s)
{
	if (s->points.odd)
		return CRL_SUBJECT_ODD;
	return s->points.num > 0 ? CRL_SUBJECT_POINTS : CRL_SUBJECT_NONE;
}

const char *const *
crl_subject_urls(const struct crl_subject *s, size_t point)
{
	return point < s->points.num
	    ? (const char *const *)s->points.v[point].urls
	    : NULL;
}

const char *const *
crl_subject_delta_urls(const struct crl_subject *s)
{
	return (const char *const *)s->delta_urls;
}

bool
crl_subject_hash(const struct crl_subject *s, uint64_t *hash)
{
	*hash = s->issuer_hash;
	for (size_t i = 0; i < s->points.num; i++)
		if (s->points.v[i].issuers.num > 0)
			return false;
	return true;
}

bool
crl_may_concern(const struct crl_subject *s, const struct crl *crl)
{
	struct span issuer = crl_get0_info(crl)->issuer;

	if (name_equal(issuer, s->issuer))
		return true;
	for (size_t i = 0; i < s->points.num; i++)
		if (crl_names_have(&s->points.v[i].issuers, issuer))
			return true;
	return false;
}
