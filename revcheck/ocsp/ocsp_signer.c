/*
 * ocsp_signer: who may sign. Certificates inside a response are candidates and
 * not trusted: one counts only if the issuer of the certificate in question
 * signed it, for OCSP signing, and it is in date. Pure; any thread. The
 * signer's own status is not asked here.
 */
#include "revcheck/ocsp/ocsp_signer.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "cache/base/text.h"
#include "cache/base/subject.h"

/* Signatures tried for one response, however many certificates it brings. */
#define MAX_TRIES 8

struct search {
	const struct ocsp_response *r;
	const struct ocsp_question *q;
	const struct validity_rules *rules;
	X509_ALGOR *alg;
	ASN1_BIT_STRING *signature;
	ASN1_TYPE *tbs;
	int tries;
	bool matched;      /* a candidate fits the responderID */
	char refusal[200]; /* why the last that fits may not sign */
};

/* Signature. */

static int
search_init(struct search *s)
{
	const unsigned char *p = s->r->sig_alg.p;
	ASN1_STRING *raw;

	s->alg = d2i_X509_ALGOR(NULL, &p, (long)s->r->sig_alg.len);
	s->signature = ASN1_BIT_STRING_new();
	raw = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
	s->tbs = ASN1_TYPE_new();
	if (s->alg == NULL || s->signature == NULL || raw == NULL ||
	    s->tbs == NULL || s->r->tbs.len > INT_MAX ||
	    !ASN1_STRING_set(
		s->signature, s->r->signature.p, (int)s->r->signature.len) ||
	    !ASN1_STRING_set(raw, s->r->tbs.p, (int)s->r->tbs.len)) {
		ASN1_STRING_free(raw);
		return s->alg == NULL ? E_PARSE : E_NOMEM;
	}
	s->signature->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	s->signature->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	ASN1_TYPE_set(s->tbs, V_ASN1_SEQUENCE, raw);
	return 0;
}

static void
search_cleanup(struct search *s)
{
	X509_ALGOR_free(s->alg);
	ASN1_BIT_STRING_free(s->signature);
	ASN1_TYPE_free(s->tbs);
}

/* OpenSSL's scale of security levels, in bits (SSL_CTX_set_security_level). */
static int
level_bits(int level)
{
	static const int bits[] = {0, 80, 112, 128, 192, 256};

	if (level <= 0)
		return 0;
	return bits[level > 5 ? 5 : level];
}

/* Collision resistance of a digest in bits, as OpenSSL counts it. */
static int
digest_bits(int nid)
{
	const EVP_MD *md;

	switch (nid) {
	case NID_md5:
		return 39;
	case NID_sha1:
		return 63;
	case NID_undef:
		return 0;
	default:
		md = EVP_get_digestbynid(nid);
		return md != NULL ? EVP_MD_get_size(md) * 4 : 0;
	}
}

/* What the signature algorithm of the response is worth. */
static int
algorithm_bits(const X509_ALGOR *alg)
{
	RSA_PSS_PARAMS *pss;
	int sig, md = NID_undef;

	sig = OBJ_obj2nid(alg->algorithm);
	switch (sig) {
	case NID_ED25519:
		return 128;
	case NID_ED448:
		return 224;
	case NID_rsassaPss:
		pss = ASN1_TYPE_unpack_sequence(
		    ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
		if (pss == NULL)
			return 0;
		/* RFC 4055 3.1: SHA-1 is the default. */
		md = pss->hashAlgorithm != NULL
		    ? OBJ_obj2nid(pss->hashAlgorithm->algorithm)
		    : NID_sha1;
		RSA_PSS_PARAMS_free(pss);
		return digest_bits(md);
	default:
		if (!OBJ_find_sigid_algs(sig, &md, NULL))
			return 0;
		return digest_bits(md);
	}
}

static bool
signature_verifies(const struct search *s, X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	bool ok = false;

	ERR_clear_error();
	if (key != NULL)
		ok = ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), s->alg,
			 s->signature, s->tbs, key) == 1;
	ERR_clear_error();
	return ok;
}

/* Identity and authority. */

/* RFC 6960 4.2.1: by Name, or by SHA-1 of the key bits alone. */
static bool
fits_responder_id(const struct ocsp_response *r, X509 *cert)
{
	const unsigned char *p = r->responder.p;
	const ASN1_BIT_STRING *key;
	uint8_t sha1[SHA_DIGEST_LENGTH];
	X509_NAME *name;
	bool fits;

	if (r->by_key) {
		key = X509_get0_pubkey_bitstr(cert);
		if (key == NULL || r->responder.len != sizeof(sha1) ||
		    !EVP_Digest(ASN1_STRING_get0_data(key),
			(size_t)ASN1_STRING_length(key), sha1, NULL, EVP_sha1(),
			NULL))
			return false;
		return memcmp(sha1, r->responder.p, sizeof(sha1)) == 0;
	}
	name = d2i_X509_NAME(NULL, &p, (long)r->responder.len);
	fits = name != NULL && p == r->responder.p + r->responder.len &&
	    X509_NAME_cmp(name, X509_get_subject_name(cert)) == 0;
	X509_NAME_free(name);
	ERR_clear_error();
	return fits;
}

static bool
cert_times(X509 *cert, time_t *not_before, time_t *not_after)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notBefore(cert), &tm))
		return false;
	*not_before = timegm(&tm);
	if (!ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		return false;
	*not_after = timegm(&tm);
	return true;
}

/* 1: id-kp-OCSPSigning is named. anyExtendedKeyUsage does not stand for it. */
static bool
may_sign_ocsp(X509 *cert)
{
	EXTENDED_KEY_USAGE *eku;
	bool found = false;
	int crit;

	eku = X509_get_ext_d2i(cert, NID_ext_key_usage, &crit, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i)) == NID_OCSP_sign)
			found = true;
	EXTENDED_KEY_USAGE_free(eku);
	ERR_clear_error();
	return found;
}

/* A real extension of this certificate whose value is NULL (4.2.2.2.1). */
static bool
has_nocheck(X509 *cert)
{
	int at = X509_get_ext_by_NID(cert, NID_id_pkix_OCSP_noCheck, -1);
	const ASN1_OCTET_STRING *v;

	if (at < 0)
		return false;
	v = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	return ASN1_STRING_length(v) == 2 &&
	    memcmp(ASN1_STRING_get0_data(v), "\x05\x00", 2) == 0;
}

static bool
refuse(struct search *s, X509 *cert, const char *why)
{
	char name[120];

	subject_show(name, sizeof(name), cert);
	text_format(s->refusal, sizeof(s->refusal), "signer '%s' %s", name, why);
	return false;
}

/*
 * In date now and when it signed. A response from before or after the life of
 * its signer's certificate was not made by its subject.
 */
static bool
in_date(struct search *s, X509 *cert, bool now)
{
	time_t not_before, not_after, skew = s->rules->skew_sec;

	if (!cert_times(cert, &not_before, &not_after))
		return refuse(s, cert, "has unreadable validity dates");
	if (now && s->rules->at > not_after + skew)
		return refuse(s, cert, "has expired");
	if (now && s->rules->at < not_before - skew)
		return refuse(s, cert, "is not valid yet");
	if (s->r->produced_at < not_before - skew ||
	    s->r->produced_at > not_after + skew)
		return refuse(
		    s, cert, "was not in date when it signed (producedAt)");
	return true;
}

static bool
strong_enough(struct search *s, X509 *cert, bool with_cert_signature)
{
	int need = level_bits(s->rules->security_level), bits = 0;

	if (need == 0)
		return true;
	if (EVP_PKEY_get_security_bits(X509_get0_pubkey(cert)) < need)
		return refuse(s, cert, "has a key below the security level");
	if (algorithm_bits(s->alg) < need)
		return refuse(
		    s, cert, "signed with a digest below the security level");
	if (with_cert_signature &&
	    (!X509_get_signature_info(cert, NULL, NULL, &bits, NULL) ||
		bits < need))
		return refuse(s, cert,
		    "has a certificate signed below the security level");
	return true;
}

/* RFC 6960 4.2.2.2 (3) and 4.2.2.2.1: certified for it by this issuer. */
static bool
delegated_may_sign(struct search *s, X509 *cert)
{
	X509 *issuer = s->q->issuer;
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	uint32_t usage, flags;
	bool signed_by_issuer;

	if (X509_NAME_cmp(
		X509_get_issuer_name(cert), X509_get_subject_name(issuer)) != 0)
		return refuse(
		    s, cert, "was not issued by the issuer of the certificate");
	ERR_clear_error();
	signed_by_issuer = key != NULL && X509_verify(cert, key) == 1;
	ERR_clear_error();
	if (!signed_by_issuer)
		return refuse(s, cert, "does not carry the issuer's signature");
	flags = X509_get_extension_flags(cert);
	if (flags & EXFLAG_INVALID)
		return refuse(s, cert, "has malformed extensions");
	if (flags & EXFLAG_CRITICAL)
		return refuse(s, cert, "has an unknown critical extension");
	if (!may_sign_ocsp(cert))
		return refuse(
		    s, cert, "was not issued for OCSP signing (no such EKU)");
	/* RFC 5280 4.2.1.12: digitalSignature and/or nonRepudiation. */
	usage = X509_get_key_usage(cert);
	if ((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
		return refuse(s, cert, "has a keyUsage that forbids signing");
	return in_date(s, cert, true) && strong_enough(s, cert, true);
}

/* The search. */

enum role {
	ROLE_ISSUER,
	ROLE_PINNED,
	ROLE_DELEGATED
};

static bool
candidate_signed(struct search *s, X509 *cert, enum role role)
{
	if (s->tries >= MAX_TRIES || !fits_responder_id(s->r, cert))
		return false;
	s->tries++;
	s->matched = true;
	if (!signature_verifies(s, cert))
		return refuse(s, cert, "did not sign it: bad signature");
	switch (role) {
	case ROLE_ISSUER:
		/* Its own dates are checked with the path. */
		return in_date(s, cert, false) && strong_enough(s, cert, false);
	case ROLE_PINNED:
		return in_date(s, cert, true) && strong_enough(s, cert, false);
	default:
		return delegated_may_sign(s, cert);
	}
}

static void
signer_set(struct ocsp_signer *out, X509 *cert, enum role role)
{
	X509_up_ref(cert);
	out->cert = cert;
	out->delegated = role == ROLE_DELEGATED;
	out->nocheck = role == ROLE_DELEGATED && has_nocheck(cert);
}

/* The certificates in the response; 1 found, 0 not, negative malformed. */
static int
search_embedded(struct search *s, struct ocsp_signer *out, struct err *err)
{
	struct span whole;
	struct der at;
	X509 *cert;

	der_init(&at, s->r->certs);
	for (int n = 0; n < OCSP_MAX_CERTS && out->cert == NULL &&
	     der_any(&at, NULL, NULL, &whole);
	     n++) {
		const unsigned char *p = whole.p;

		cert = d2i_X509(NULL, &p, (long)whole.len);
		if (cert == NULL || p != whole.p + whole.len) {
			X509_free(cert);
			return err_ossl(err, E_PARSE,
			    "certificate %d in the OCSP response does not "
			    "parse",
			    n + 1);
		}
		if (candidate_signed(s, cert, ROLE_DELEGATED))
			signer_set(out, cert, ROLE_DELEGATED);
		X509_free(cert);
	}
	return out->cert != NULL;
}

static int
search_run(struct search *s, struct ocsp_signer *out, struct err *err)
{
	const struct ocsp_question *q = s->q;
	int rc;

	if (candidate_signed(s, q->issuer, ROLE_ISSUER)) {
		signer_set(out, q->issuer, ROLE_ISSUER);
		return 1;
	}
	if (q->pinned != NULL && candidate_signed(s, q->pinned, ROLE_PINNED)) {
		signer_set(out, q->pinned, ROLE_PINNED);
		return 1;
	}
	rc = search_embedded(s, out, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < q->num_extra; i++) {
		if (candidate_signed(s, q->extra[i], ROLE_DELEGATED)) {
			signer_set(out, q->extra[i], ROLE_DELEGATED);
			return 1;
		}
	}
	return 0;
}

int
ocsp_signer_find(struct ocsp_signer *out, const struct ocsp_response *r,
    const struct ocsp_question *q, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err)
{
	struct search s = {.r = r, .q = q, .rules = rules};
	int rc;

	*out = (struct ocsp_signer){0};
	rc = search_init(&s);
	if (rc == E_PARSE) {
		*why = REVCHECK_WHY_MALFORMED;
		rc = err_ossl(err, E_PARSE,
		    "the signature algorithm of the OCSP response does not "
		    "parse");
		goto out;
	}
	if (rc != 0) {
		*why = REVCHECK_WHY_INTERNAL;
		rc = err_set(err, rc, "out of memory");
		goto out;
	}
	rc = search_run(&s, out, err);
	if (rc < 0) {
		*why = REVCHECK_WHY_MALFORMED;
		goto out;
	}
	if (rc == 0) {
		*why = REVCHECK_WHY_FORGED;
		rc = err_set(err, E_PARSE, "forged OCSP response: %s",
		    s.matched ? s.refusal
			      : "no certificate at hand fits its responderID");
		goto out;
	}
	rc = 0;
out:
	search_cleanup(&s);
	return rc;
}
