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
#include "revcheck/x509/name.h"

/* Signatures tried for one response, however many certificates it brings. */
#define MAX_TRIES 8
/* Certificates of it that are read although its responderID fits none. */
#define MAX_UNNAMED 16

struct search {
	const struct ocsp_response *r;
	const struct ocsp_question *q;
	const struct validity_rules *rules;
	X509_ALGOR *alg;
	ASN1_BIT_STRING *signature;
	ASN1_TYPE *tbs;
	bool named; /* now: those whom the responderID fits; then the others */
	int tries;
	bool limited;      /* more could have signed than were tried */
	bool broken;       /* a certificate of the response does not parse */
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
responder_id_is(
    const struct ocsp_response *r, struct span name, struct span key)
{
	uint8_t sha1[SHA_DIGEST_LENGTH];

	if (r->responder.len == 0)
		return false;
	if (!r->by_key)
		return name_equal(r->responder, name);
	return EVP_Digest(key.p, key.len, sha1, NULL, EVP_sha1(), NULL) &&
	    span_equal(r->responder, span_of(sha1, sizeof(sha1)));
}

static bool
fits_responder_id(const struct ocsp_response *r, X509 *cert)
{
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(cert);
	const unsigned char *name;
	size_t name_len;

	return key != NULL &&
	    X509_NAME_get0_der(X509_get_subject_name(cert), &name, &name_len) &&
	    responder_id_is(r, span_of(name, name_len),
		span_of(ASN1_STRING_get0_data(key),
		    (size_t)ASN1_STRING_length(key)));
}

/*
 * The same for a certificate that is not decoded yet: a response may bring
 * many. *broken: it is none.
 */
static bool
der_fits_responder_id(
    const struct ocsp_response *r, struct span whole, bool *broken)
{
	struct span subject, key;
	struct der d, cert, tbs, spki;
	int tag;

	der_init(&d, whole);
	(void)der_enter(&d, DER_SEQUENCE, &cert);
	(void)der_enter(&cert, DER_SEQUENCE, &tbs);
	if (der_peek(&tbs) == DER_CONTEXT_C(0))
		(void)der_any(&tbs, NULL, NULL, NULL);
	*broken = !der_get(&tbs, DER_INTEGER, NULL) || /* serialNumber */
	    !der_get(&tbs, DER_SEQUENCE, NULL) ||      /* signature */
	    !der_get(&tbs, DER_SEQUENCE, NULL) ||      /* issuer */
	    !der_get(&tbs, DER_SEQUENCE, NULL) ||      /* validity */
	    !der_any(&tbs, &tag, NULL, &subject) || tag != DER_SEQUENCE ||
	    !der_enter(&tbs, DER_SEQUENCE, &spki) ||
	    !der_get(&spki, DER_SEQUENCE, NULL) ||
	    !der_get(&spki, DER_BIT_STRING, &key) || key.len == 0;
	return !*broken &&
	    responder_id_is(r, subject, span_of(key.p + 1, key.len - 1));
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
	text_format(
	    s->refusal, sizeof(s->refusal), "signer '%s' %s", name, why);
	return false;
}

/*
 * In date now and when it signed. A response from before or after the life of
 * its signer's certificate was not made by its subject.
 */
static bool
in_date(struct search *s, X509 *cert)
{
	time_t not_before, not_after, skew = s->rules->skew_sec;

	if (!cert_times(cert, &not_before, &not_after))
		return refuse(s, cert, "has unreadable validity dates");
	if (s->rules->at > not_after + skew)
		return refuse(s, cert, "has expired");
	if (s->rules->at < not_before - skew)
		return refuse(s, cert, "is not valid yet");
	if (s->r->produced_at != 0 &&
	    (s->r->produced_at < not_before - skew ||
		s->r->produced_at > not_after + skew))
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
	return in_date(s, cert) && strong_enough(s, cert, true);
}

/* The search. */

enum role {
	ROLE_ISSUER,
	ROLE_PINNED,
	ROLE_DELEGATED
};

static bool
same_key(X509 *a, X509 *b)
{
	return EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

/* Whom the responderID does not fit must look like who may sign. */
static bool
is_in_turn(const struct search *s, X509 *cert, enum role role)
{
	if (fits_responder_id(s->r, cert))
		return s->named;
	return !s->named &&
	    (role != ROLE_DELEGATED ||
		(X509_NAME_cmp(X509_get_issuer_name(cert),
		     X509_get_subject_name(s->q->issuer)) == 0 &&
		    may_sign_ocsp(cert)));
}

/* 1 and *out: this one did. */
static int
candidate_try(
    struct search *s, struct ocsp_signer *out, X509 *cert, enum role role)
{
	bool ok;

	if (!is_in_turn(s, cert, role))
		return 0;
	if (s->tries >= MAX_TRIES) {
		s->limited = true;
		return 0;
	}
	s->tries++;
	if (role != ROLE_PINNED && same_key(cert, s->q->issuer)) {
		role = ROLE_ISSUER;
		cert = s->q->issuer;
	}
	if (!signature_verifies(s, cert)) {
		if (s->named)
			refuse(s, cert, "did not sign it: bad signature");
		return 0;
	}
	if (role == ROLE_DELEGATED)
		ok = delegated_may_sign(s, cert);
	else
		ok = (role == ROLE_ISSUER || in_date(s, cert)) &&
		    strong_enough(s, cert, false);
	if (!ok)
		return 0;
	X509_up_ref(cert);
	out->cert = cert;
	out->delegated = role == ROLE_DELEGATED;
	out->nocheck = role == ROLE_DELEGATED && has_nocheck(cert);
	out->named = s->named;
	out->broken = s->broken;
	return 1;
}

/* The certificates in the response. */
static int
embedded_try(struct search *s, struct ocsp_signer *out)
{
	struct span whole;
	struct der at;
	X509 *cert;
	bool broken;
	int found = 0, unnamed = 0;

	der_init(&at, s->r->certs);
	while (found == 0 && der_any(&at, NULL, NULL, &whole)) {
		const unsigned char *p = whole.p;

		if (der_fits_responder_id(s->r, whole, &broken) != s->named ||
		    broken) {
			s->broken = s->broken || broken;
			continue;
		}
		if (!s->named && ++unnamed > MAX_UNNAMED) {
			s->limited = true;
			break;
		}
		cert = d2i_X509(NULL, &p, (long)whole.len);
		if (cert == NULL || p != whole.p + whole.len)
			s->broken = true;
		else
			found = candidate_try(s, out, cert, ROLE_DELEGATED);
		X509_free(cert);
	}
	ERR_clear_error();
	return found;
}

/* Those whom the responderID fits, then the others; 1 found, 0 not. */
static int
search_run(struct search *s, struct ocsp_signer *out)
{
	const struct ocsp_question *q = s->q;

	for (int round = 0; round < 2; round++) {
		s->named = round == 0;
		if (candidate_try(s, out, q->issuer, ROLE_ISSUER) ||
		    (q->pinned != NULL &&
			candidate_try(s, out, q->pinned, ROLE_PINNED)) ||
		    embedded_try(s, out))
			return 1;
		for (size_t i = 0; i < q->num_extra; i++)
			if (candidate_try(s, out, q->extra[i], ROLE_DELEGATED))
				return 1;
	}
	return 0;
}

/* Why nobody was found. A limit of ours is no forgery. */
static int
search_refuse(const struct search *s, enum revcheck_why *why, struct err *err)
{
	if (s->limited) {
		*why = REVCHECK_WHY_TOO_LARGE;
		return err_set(err, E_LIMIT,
		    "more certificates could have signed the OCSP response "
		    "than are tried (%d)",
		    MAX_TRIES);
	}
	if (s->refusal[0] == '\0' && s->broken) {
		*why = REVCHECK_WHY_MALFORMED;
		return err_set(err, E_PARSE,
		    "a certificate in the OCSP response does not parse, and "
		    "no other has signed it");
	}
	*why = REVCHECK_WHY_FORGED;
	return err_set(err, E_PARSE, "forged OCSP response: %s",
	    s->refusal[0] != '\0'
		? s->refusal
		: "no certificate at hand fits its responderID");
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
	} else if (rc != 0) {
		*why = REVCHECK_WHY_INTERNAL;
		rc = err_set(err, rc, "out of memory");
	} else if (search_run(&s, out) == 0) {
		rc = search_refuse(&s, why, err);
	}
	search_cleanup(&s);
	return rc;
}
