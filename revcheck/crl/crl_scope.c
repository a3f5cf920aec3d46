/*
 * crl_scope: see the header. The CRL's signature may not have been checked yet.
 * Pure; any thread.
 */
#include "revcheck/crl/crl_scope.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/text.h"
#include "cache/der/der.h"
#include "revcheck/x509/certs.h"

/* Issuer and extensions of a CRL together; real ones have a few hundred. */
#define SCOPE_BYTES_MAX ((size_t)256 * 1024)

/* id-ce is 2.5.29; all extensions read here have one more octet. */
enum {
	CE_ISSUER_ALT_NAME = 18,
	CE_CRL_NUMBER = 20,
	CE_DELTA_INDICATOR = 27,
	CE_IDP = 28,
	CE_AUTHORITY_KEY_ID = 35,
	CE_FRESHEST = 46,
};

/* id-pe-authorityInfoAccess, 1.3.6.1.5.5.7.1.1 (RFC 5280 5.2.7). */
static const uint8_t oid_aia[] = {
    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};

static int
number_parse(struct crl_number *out, struct span value, const char *what,
    struct err *err)
{
	struct der d;
	struct span c;

	der_init(&d, value);
	if (!der_integer(&d, &c) || !der_done(&d) || c.p[0] >= 0x80)
		return err_set(
		    err, E_PARSE, "a %s that is no number from 0 up", what);
	while (c.len > 1 && c.p[0] == 0)
		c = span_of(c.p + 1, c.len - 1);
	out->v = c;
	if (out->v.len > CRL_NUMBER_MAX)
		return err_set(err, E_PARSE, "a %s of more than %d octets",
		    what, CRL_NUMBER_MAX);
	out->present = true;
	return 0;
}

int
crl_number_cmp(const struct crl_number *a, const struct crl_number *b)
{
	if (a->v.len != b->v.len)
		return a->v.len < b->v.len ? -1 : 1;
	return a->v.len == 0 ? 0 : memcmp(a->v.p, b->v.p, a->v.len);
}

void
crl_number_print(char *out, size_t cap, const struct crl_number *n)
{
	size_t len = n->present ? n->v.len : 0;

	if (cap > 0)
		text_hex_upper(
		    out, n->v.p, len < (cap - 1) / 2 ? len : (cap - 1) / 2);
}

/* AuthorityKeyIdentifier, RFC 5280 4.2.1.1. */
static int
key_id_parse(struct crl_key_id *out, struct span value, struct err *err)
{
	struct der d, in;
	struct span issuer;
	bool has_issuer;

	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_done(&d) ||
	    !der_opt(&in, DER_CONTEXT(0), &out->id, &out->has_id) ||
	    !der_opt(&in, DER_CONTEXT_C(1), &issuer, &has_issuer) ||
	    !der_opt(&in, DER_CONTEXT(2), &out->serial, &out->has_serial) ||
	    !der_done(&in) || has_issuer != out->has_serial ||
	    (out->has_serial && out->serial.len == 0))
		return err_set(
		    err, E_PARSE, "a malformed authorityKeyIdentifier");
	out->present = true;
	out->whole = value;
	if (!has_issuer)
		return 0;
	out->serial = der_serial_trim(out->serial);
	return crl_names_parse(&out->issuer, issuer, err);
}

/* One BOOLEAN of the IDP, [n] IMPLICIT, DEFAULT FALSE. */
static bool
idp_flag(struct der *d, int n, bool *out)
{
	struct span body;
	bool present;

	*out = false;
	if (!der_opt(d, DER_CONTEXT(n), &body, &present))
		return false;
	if (!present)
		return true;
	*out = body.len == 1 && body.p[0] != 0;
	return body.len == 1 && (body.p[0] == 0 || body.p[0] == 0xff);
}

/* IssuingDistributionPoint, RFC 5280 5.2.5. */
static int
idp_parse(
    struct crl_scope *s, struct span value, unsigned relax, struct err *err)
{
	struct der d, in;
	struct span name, reasons;
	bool has_reasons;
	int rc = 0;

	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_done(&d) ||
	    !der_opt(&in, DER_CONTEXT_C(0), &name, &s->point.present) ||
	    !idp_flag(&in, 1, &s->only_user) ||
	    !idp_flag(&in, 2, &s->only_ca) ||
	    !der_opt(&in, DER_CONTEXT(3), &reasons, &has_reasons) ||
	    !idp_flag(&in, 4, &s->indirect) ||
	    !idp_flag(&in, 5, &s->only_attribute) || !der_done(&in)) {
		s->point.present = false;
		return err_set(
		    err, E_PARSE, "a malformed issuingDistributionPoint");
	}
	s->has_idp = true;
	s->idp = value;
	/* "at most one of ... may be set to TRUE" */
	if (s->only_user + s->only_ca + s->only_attribute > 1)
		return err_set(err, E_PARSE,
		    "an issuingDistributionPoint that contains only "
		    "certificates of two kinds");
	/* "MUST NOT ... an empty sequence" */
	if (!s->point.present && !has_reasons && !s->only_user && !s->only_ca &&
	    !s->only_attribute && !s->indirect &&
	    (relax & REVCHECK_RELAX_EMPTY_IDP) == 0)
		return err_set(err, E_PARSE,
		    "an issuingDistributionPoint without content");
	if (has_reasons)
		rc = crl_reasons_parse(&s->reasons, reasons, err);
	if (rc == 0 && s->point.present)
		rc = crl_dp_name_parse(&s->point, name, s->issuer, err);
	return rc;
}

static void
scope_no_absence(struct crl_scope *s, enum revcheck_why why, const char *text)
{
	if (s->no_absence != REVCHECK_WHY_NONE)
		return;
	s->no_absence = why;
	snprintf(s->no_absence_text, sizeof(s->no_absence_text), "%s", text);
}

static int
extension_take(struct crl_scope *s, struct span oid, bool critical,
    struct span value, unsigned relax, struct err *err)
{
	int ce = -1;

	if (oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d)
		ce = oid.p[2];
	switch (ce) {
	case CE_IDP:
		/* Processed whether critical or not. */
		return idp_parse(s, value, relax, err);
	case CE_DELTA_INDICATOR:
		s->is_delta = true;
		return number_parse(&s->base, value, "BaseCRLNumber", err);
	case CE_CRL_NUMBER:
		/*
		 * 5.2.3: MUST be non-critical. A CRL that breaks this still
		 * revokes what it lists.
		 */
		if (critical)
			scope_no_absence(s, REVCHECK_WHY_MALFORMED,
			    "its CRLNumber is critical");
		return number_parse(&s->number, value, "CRLNumber", err);
	case CE_AUTHORITY_KEY_ID:
		return key_id_parse(&s->key_id, value, err);
	case CE_FRESHEST:
		return distribution_points_parse(
		    &s->freshest, value, s->issuer, err);
	case CE_ISSUER_ALT_NAME:
		return 0;
	}
	if (span_equal(oid, span_of(oid_aia, sizeof(oid_aia))))
		return 0;
	/*
	 * 5.2: a CRL with a critical extension that is not understood must not
	 * be used to determine the status of certificates; but what its issuer
	 * says is revoked is not accepted for that.
	 */
	if (critical)
		scope_no_absence(s, REVCHECK_WHY_CRITICAL_EXT,
		    "it has an unknown critical extension");
	return 0;
}

static int
extensions_take(
    struct crl_scope *s, struct span list, unsigned relax, struct err *err)
{
	struct der d, ext;
	struct span oid, value;
	bool critical;
	int rc;

	der_init(&d, list);
	while (der_peek(&d) >= 0) {
		critical = false;
		if (!der_enter(&d, DER_SEQUENCE, &ext) ||
		    !der_get(&ext, DER_OID, &oid) ||
		    (der_peek(&ext) == DER_BOOLEAN &&
			!der_bool(&ext, &critical)) ||
		    !der_get(&ext, DER_OCTET_STRING, &value) || !der_done(&ext))
			return err_set(err, E_PARSE, "a malformed Extension");
		rc = extension_take(s, oid, critical, value, relax, err);
		if (rc < 0)
			return rc;
	}
	return der_done(&d) ? 0
			    : err_set(err, E_PARSE, "a malformed Extension");
}

int
crl_scope_new(struct crl_scope **out, const struct crl *crl,
    const struct validity_rules *rules, struct err *err)
{
	const struct crl_info *info = crl_get0_info(crl);
	struct crl_scope *s = NULL;
	struct span list;
	int rc;

	*out = NULL;
	if (info->issuer.len + info->extensions.len > SCOPE_BYTES_MAX)
		return err_set(err, E_PARSE,
		    "%zu bytes of issuer and extensions in a CRL",
		    info->issuer.len + info->extensions.len);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->reasons = CRL_REASONS_ALL;
	s->bytes = malloc(info->issuer.len + info->extensions.len + 1);
	if (s->bytes == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	memcpy(s->bytes, info->issuer.p, info->issuer.len);
	s->issuer = span_of(s->bytes, info->issuer.len);
	list = span_of(s->bytes + info->issuer.len, info->extensions.len);
	if (list.len > 0)
		memcpy(
		    s->bytes + info->issuer.len, info->extensions.p, list.len);
	rc = extensions_take(s, list, rules->relax, err);
	if (rc < 0)
		goto out;
	/* 5.3: absence proves nothing when an entry is not understood. */
	if (info->unknown_critical_entry_ext)
		scope_no_absence(s, REVCHECK_WHY_CRITICAL_EXT,
		    "an entry has an unknown critical extension");
	/* 5.3.3: certificateIssuer belongs into indirect CRLs only. */
	if (info->has_certificate_issuer && !s->indirect) {
		rc = err_set(err, E_PARSE,
		    "certificateIssuer in a CRL that is not indirect");
		goto out;
	}
	s->delta_urls = distribution_points_urls(&s->freshest);
	if (s->delta_urls == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	*out = s;
	s = NULL;
out:
	crl_scope_free(s);
	return rc;
}

void
crl_scope_free(struct crl_scope *s)
{
	if (s == NULL)
		return;
	crl_dp_name_cleanup(&s->point);
	crl_names_cleanup(&s->key_id.issuer);
	distribution_points_cleanup(&s->freshest);
	free(s->delta_urls);
	free(s->bytes);
	free(s);
}

/*
 * (b)(1) and (b)(2)(i) for one distribution point of the certificate, and
 * (d): the reasons both sides mean.
 */
static unsigned
point_covers(const struct crl_scope *s, const struct distribution_point *p,
    const struct crl_subject *subject)
{
	/* 4.2.1.13: a point with reasons alone names nothing. */
	if (!p->name.present && !p->has_issuer)
		return 0;
	if (p->has_issuer) {
		/* (b)(1): named as CRL issuer, and the CRL is indirect. */
		if (!crl_names_have(&p->issuers, s->issuer) || !s->indirect)
			return 0;
	} else if (!name_equal(s->issuer, subject->issuer)) {
		return 0;
	}
	if (s->point.present) {
		/* (b)(2)(i): one name of each; without DP name, cRLIssuer. */
		if (p->name.present
			? !crl_names_meet(&s->point.names, &p->name.names)
			: !crl_names_meet(&s->point.names, &p->issuers))
			return 0;
	}
	return s->reasons & p->reasons;
}

/* All points of the certificate name a CRL issuer other than its issuer. */
static bool
elsewhere(const struct crl_subject *subject)
{
	const struct distribution_points *p = &subject->points;
	size_t i = 0;

	while (i < p->num && p->v[i].has_issuer &&
	    !crl_names_have(&p->v[i].issuers, subject->issuer))
		i++;
	return p->num > 0 && i == p->num;
}

unsigned
crl_scope_covers(
    const struct crl_scope *s, const struct crl_subject *subject, bool *lists)
{
	unsigned mask = 0;

	*lists = false;
	/* (b)(2)(ii), (iii), (iv): kinds of certificates. */
	if ((s->only_user && subject->is_ca) ||
	    (s->only_ca && !subject->is_ca) || s->only_attribute)
		return 0;
	for (size_t i = 0; i < subject->points.num; i++)
		mask |= point_covers(s, &subject->points.v[i], subject);
	/*
	 * End of 6.3.3: any other CRL of the certificate issuer, as if for a
	 * point that has the issuer's name for its name, no reasons and no
	 * cRLIssuer. A CRL without distribution point names covers that.
	 */
	if (name_equal(s->issuer, subject->issuer) &&
	    (!s->point.present ||
		crl_names_have(&s->point.names, subject->issuer))) {
		*lists = s->reasons != 0;
		/*
		 * 4.2.1.13: an issuer that names another CRL issuer at every
		 * point says that it does not speak about this certificate
		 * itself. What it lists is revoked; its silence is not used.
		 */
		if (!elsewhere(subject))
			mask |= s->reasons;
	}
	*lists = *lists || mask != 0;
	return mask;
}

static bool
same_key(X509 *a, X509 *b)
{
	EVP_PKEY *ka, *kb;

	if (a == b)
		return true;
	ka = X509_get0_pubkey(a);
	kb = X509_get0_pubkey(b);
	return ka != NULL && kb != NULL && EVP_PKEY_eq(ka, kb) == 1;
}

bool
crl_scope_identify(const struct crl_scope *s, X509 *signer, uint8_t out[32])
{
	uint8_t spki[32];
	const uint8_t kind[] = {s->has_idp, s->is_delta};
	const struct span parts[] = {
	    span_of("crl scope", 9),
	    s->issuer,
	    span_of(spki, sizeof(spki)),
	    span_of(kind, sizeof(kind)),
	    s->idp,
	};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && certs_spki_sha256(spki, signer) &&
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t len = htobe64(parts[i].len);

		ok = EVP_DigestUpdate(ctx, &len, sizeof(len)) == 1 &&
		    EVP_DigestUpdate(ctx, parts[i].p, parts[i].len) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
crl_scope_same_line(const struct crl_scope *a, const struct crl_scope *b)
{
	/* (c)(1) and (c)(2): same issuer; both without IDP, or equal ones. */
	return name_equal(a->issuer, b->issuer) && a->has_idp == b->has_idp &&
	    (!a->has_idp || span_equal(a->idp, b->idp));
}

bool
crl_scope_delta_fits(const struct crl_scope *delta, X509 *delta_signer,
    const struct crl_scope *base, X509 *base_signer)
{
	if (!delta->is_delta || base->is_delta ||
	    !crl_scope_same_line(delta, base))
		return false;
	/* (c)(3): authority key identifiers match, and so do the keys. */
	if (delta->key_id.present != base->key_id.present ||
	    (delta->key_id.present &&
		!span_equal(delta->key_id.whole, base->key_id.whole)) ||
	    !same_key(delta_signer, base_signer))
		return false;
	/*
	 * 5.2.4: the complete CRL is not older than the delta's base, and older
	 * than the delta. Without numbers this cannot be decided.
	 */
	return delta->number.present && base->number.present &&
	    crl_number_cmp(&base->number, &delta->base) >= 0 &&
	    crl_number_cmp(&base->number, &delta->number) < 0;
}
