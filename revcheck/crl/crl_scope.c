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
#include "cache/crl/crl_entry.h"
#include "cache/der/der.h"
#include "revcheck/crl/crl_flaws.h"
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

/*
 * One that cannot be read is none; one that is too long is still compared.
 * False for both.
 */
static bool
number_parse(struct crl_number *out, struct span value)
{
	struct der d;
	struct span c;

	der_init(&d, value);
	if (!der_integer(&d, &c) || !der_done(&d) || c.p[0] >= 0x80)
		return false;
	while (c.len > 1 && c.p[0] == 0)
		c = span_of(c.p + 1, c.len - 1);
	out->v = c;
	out->present = true;
	return c.len <= CRL_NUMBER_MAX;
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
	int rc = 0;

	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_done(&d) ||
	    !der_opt(&in, DER_CONTEXT(0), &out->id, &out->has_id) ||
	    !der_opt(&in, DER_CONTEXT_C(1), &issuer, &has_issuer) ||
	    !der_opt(&in, DER_CONTEXT(2), &out->serial, &out->has_serial) ||
	    !der_done(&in) || has_issuer != out->has_serial ||
	    (out->has_serial && out->serial.len == 0)) {
		*out = (struct crl_key_id){0};
		return err_set(
		    err, E_PARSE, "a malformed authorityKeyIdentifier");
	}
	out->whole = value;
	if (has_issuer) {
		out->serial = der_serial_trim(out->serial);
		rc = crl_names_parse(&out->issuer, issuer, err);
	}
	if (rc < 0)
		*out = (struct crl_key_id){0};
	out->present = rc == 0;
	return rc;
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
idp_read(struct crl_scope *s, struct span value, struct err *err)
{
	struct der d, in;
	struct span name, reasons;
	bool has_name, has_reasons;
	int rc = 0;

	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_done(&d) ||
	    !der_opt(&in, DER_CONTEXT_C(0), &name, &has_name) ||
	    !idp_flag(&in, 1, &s->only_user) ||
	    !idp_flag(&in, 2, &s->only_ca) ||
	    !der_opt(&in, DER_CONTEXT(3), &reasons, &has_reasons) ||
	    !idp_flag(&in, 4, &s->indirect) ||
	    !idp_flag(&in, 5, &s->only_attribute) || !der_done(&in))
		return err_set(
		    err, E_PARSE, "a malformed issuingDistributionPoint");
	/* "at most one of ... may be set to TRUE" */
	if (s->only_user + s->only_ca + s->only_attribute > 1)
		return err_set(err, E_PARSE,
		    "an issuingDistributionPoint that contains only "
		    "certificates of two kinds");
	/* "MUST NOT ... an empty sequence" */
	if (!has_name && !has_reasons && !s->only_user && !s->only_ca &&
	    !s->only_attribute && !s->indirect)
		s->flaws |= CRL_FLAW_IDP_EMPTY;
	if (has_reasons)
		rc = crl_reasons_parse(&s->reasons, reasons, err);
	if (rc == 0 && has_name)
		rc = crl_dp_name_parse(&s->point, name, s->issuer, err);
	return rc;
}

/*
 * What a malformed one says about the scope is not used: the CRL lists
 * certificates of its issuer, and its silence proves nothing.
 */
static int
idp_parse(struct crl_scope *s, struct span value, struct err *err)
{
	int rc = idp_read(s, value, err);

	s->has_idp = true;
	s->idp = value;
	if (rc < 0) {
		crl_dp_name_cleanup(&s->point);
		s->only_user = s->only_ca = s->only_attribute = false;
		s->indirect = false;
		s->reasons = CRL_REASONS_ALL;
	}
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

struct scope_reading {
	struct crl_scope *s;
	int rc; /* 0 or E_NOMEM */
	struct err *err;
};

/* A flaw where reading a value failed for its form. */
static void
scope_take(struct scope_reading *r, int rc, unsigned flaw)
{
	if (rc == E_PARSE)
		r->s->flaws |= flaw;
	else if (rc < 0)
		r->rc = rc;
}

static void
extension_take(void *arg, struct span oid, bool critical, struct span value)
{
	struct scope_reading *r = arg;
	struct crl_scope *s = r->s;
	int ce = -1;

	if (oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d)
		ce = oid.p[2];
	switch (ce) {
	case CE_IDP:
		/* Processed whether critical or not. */
		scope_take(r, idp_parse(s, value, r->err), CRL_FLAW_IDP);
		return;
	case CE_DELTA_INDICATOR:
		s->is_delta = true;
		if (!number_parse(&s->base, value))
			s->flaws |= CRL_FLAW_NUMBER;
		return;
	case CE_CRL_NUMBER:
		if (!number_parse(&s->number, value))
			s->flaws |= CRL_FLAW_NUMBER;
		/* 5.2.3: MUST be non-critical. */
		if (critical)
			s->flaws |= CRL_FLAW_NUMBER_CRITICAL;
		return;
	case CE_AUTHORITY_KEY_ID:
		scope_take(r, key_id_parse(&s->key_id, value, r->err),
		    CRL_FLAW_KEY_ID);
		return;
	case CE_FRESHEST:
		scope_take(r,
		    distribution_points_parse(
			&s->freshest, value, s->issuer, r->err),
		    CRL_FLAW_FRESHEST);
		if (s->freshest.odd)
			s->flaws |= CRL_FLAW_FRESHEST;
		return;
	case CE_ISSUER_ALT_NAME:
		return;
	}
	/*
	 * 5.2: a CRL with a critical extension that is not understood must not
	 * be used to determine the status of certificates; but what its issuer
	 * says is revoked is not accepted for that.
	 */
	if (critical && !span_equal(oid, span_of(oid_aia, sizeof(oid_aia))))
		scope_no_absence(s, REVCHECK_WHY_CRITICAL_EXT,
		    "it has an unknown critical extension");
}

void
crl_scope_weigh(struct crl_scope *s, const struct crl_info *info,
    unsigned flaws, unsigned relax)
{
	const struct crl_flaw_rule *r;
	char where[56] = "", word[64] = "", text[160];

	s->flaws |= flaws;
	r = crl_flaws_telling(s->flaws, relax);
	if (r == NULL)
		return;
	if (info->flawed_entry > 0 && (r->flaw & CRL_FLAWS_OF_ENTRIES) != 0)
		snprintf(where, sizeof(where), " (entry %zu is the first)",
		    info->flawed_entry);
	if (r->word != NULL)
		snprintf(word, sizeof(word),
		    r->usual ? "; '%s' is set" : "; relax '%s' forgives it",
		    r->word);
	text_format(text, sizeof(text), "%s%s%s", r->text, where, word);
	scope_no_absence(s, REVCHECK_WHY_MALFORMED, text);
}

int
crl_scope_new(struct crl_scope **out, const struct crl *crl,
    const struct validity_rules *rules, struct err *err)
{
	const struct crl_info *info = crl_get0_info(crl);
	struct crl_scope *s = NULL;
	struct scope_reading reading = {0};
	struct span list;
	int rc = 0;

	*out = NULL;
	if (info->issuer.len + info->extensions.len > SCOPE_BYTES_MAX)
		return err_set(err, E_LIMIT,
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
	reading = (struct scope_reading){.s = s, .err = err};
	(void)crl_extensions_walk(list, extension_take, &reading);
	rc = reading.rc;
	if (rc < 0)
		goto out;
	/* 5.3: absence proves nothing when an entry is not understood. */
	if (info->unknown_critical_entry_ext)
		scope_no_absence(s, REVCHECK_WHY_CRITICAL_EXT,
		    "an entry has an unknown critical extension");
	/* 5.3.3: certificateIssuer belongs into indirect CRLs only. */
	if (info->has_certificate_issuer && !s->indirect)
		s->flaws |= CRL_FLAW_DIRECT_ISSUER;
	crl_scope_weigh(s, info, info->flaws, rules->relax);
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

/* A point of the certificate names the issuer of this indirect CRL. */
static bool
names_issuer(const struct crl_scope *s, const struct crl_subject *subject)
{
	const struct distribution_points *p = &subject->points;
	size_t i = 0;

	while (i < p->num && !crl_names_have(&p->v[i].issuers, s->issuer))
		i++;
	return s->indirect && i < p->num;
}

/* (b)(2)(ii), (iii), (iv): kinds of certificates. */
static bool
kind_covers(const struct crl_scope *s, const struct crl_subject *subject)
{
	/* 5.2.5: either flag leaves out versions 1 and 2. */
	if ((s->only_user || s->only_ca) && !subject->is_v3)
		return false;
	return !s->only_attribute && !(s->only_user && subject->is_ca) &&
	    !(s->only_ca && !subject->is_ca);
}

unsigned
crl_scope_covers(
    const struct crl_scope *s, const struct crl_subject *subject, bool *lists)
{
	bool own = name_equal(s->issuer, subject->issuer);
	unsigned mask = 0;

	/*
	 * Who issued the certificate, or was named by its issuer for saying so,
	 * revokes it in whatever CRL.
	 */
	*lists = own || names_issuer(s, subject);
	if (!kind_covers(s, subject))
		return 0;
	for (size_t i = 0; i < subject->points.num; i++)
		mask |= point_covers(s, &subject->points.v[i], subject);
	/*
	 * End of 6.3.3: any other CRL of the certificate issuer, as if for a
	 * point that has the issuer's name for its name, no reasons and no
	 * cRLIssuer. A CRL without distribution point names covers that, be
	 * there points of other names or other issuers. One for a point of that
	 * name is a partition: it is not about certificates of other points.
	 */
	if (own &&
	    (!s->point.present ||
		(subject->points_der == NULL &&
		    crl_names_have(&s->point.names, subject->issuer))))
		mask |= s->reasons;
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
	return delta->base.present && delta->number.present &&
	    base->number.present &&
	    crl_number_cmp(&base->number, &delta->base) >= 0 &&
	    crl_number_cmp(&base->number, &delta->number) < 0;
}
