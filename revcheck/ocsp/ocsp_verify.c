/*
 * ocsp_verify: whether an OCSP response is authentic and about the certificate
 * in question. In order: status, parse, certID, signer and signature; what is
 * cheap comes first. Flaws, critical extensions and the nonce take nothing from
 * a revocation: they are noted as what makes its good worthless. Pure; any
 * thread. thisUpdate and nextUpdate are compared with the clock in ocsp_status.
 */
#include "cache/base/subject.h"
#include "cache/base/text.h"
#include "revcheck/ocsp/ocsp.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/ocsp/ocsp_signer.h"

/* SingleResponses about one certificate that are kept. */
#define MAX_FACTS 16

#define OID(...)                                           \
	{                                                  \
		(const uint8_t[]){__VA_ARGS__},            \
		    sizeof((const uint8_t[]){__VA_ARGS__}) \
	}

static const struct span oid_nonce = /* RFC 9654: id-pkix-ocsp-nonce */
    OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02);

/*
 * Extensions that are understood, so that their being critical does no harm.
 * None of them changes what a status means for us.
 */
static const struct span known_in_response[] = {
    OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02), /* nonce */
    /* extended-revoke, RFC 6960 4.4.8 */
    OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x09),
};
static const struct span known_in_single[] = {
    /* CRL references 4.4.2, archive cutoff 4.4.4 */
    OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x03),
    OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x06),
    /* CRL entry extensions 4.4.5: reasonCode, invalidityDate */
    OID(0x55, 0x1d, 0x15),
    OID(0x55, 0x1d, 0x18),
    /* SignedCertificateTimestampList, RFC 6962 3.3 */
    OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x05),
};

static bool
unknown_critical(struct span extensions, const struct span *known, size_t num)
{
	struct ocsp_extension e;
	struct der at;
	bool found;

	der_init(&at, extensions);
	while (ocsp_extension_next(&at, &e)) {
		found = !e.critical;
		for (size_t i = 0; i < num && !found; i++)
			found = span_equal(e.oid, known[i]);
		if (!found)
			return true;
	}
	return false;
}

/* The first reason stays. */
static void
void_good(struct ocsp_proof *p, enum revcheck_why why, const char *text)
{
	if (p->no_good != REVCHECK_WHY_NONE)
		return;
	p->no_good = why;
	text_copy(p->no_good_text, sizeof(p->no_good_text), text);
}

/* CertID. */

/* SHA-1 and the SHA-2 family; other hashes are not accepted. */
static const struct {
	struct span oid;
	const EVP_MD *(*md)(void);
} cert_id_digests[] = {
    {OID(0x2b, 0x0e, 0x03, 0x02, 0x1a), EVP_sha1},
    {OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01), EVP_sha256},
    {OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02), EVP_sha384},
    {OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03), EVP_sha512},
    {OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04), EVP_sha224},
};

static const EVP_MD *
cert_id_digest(struct span oid)
{
	for (size_t i = 0;
	     i < sizeof(cert_id_digests) / sizeof(cert_id_digests[0]); i++)
		if (span_equal(oid, cert_id_digests[i].oid))
			return cert_id_digests[i].md();
	return NULL;
}

static bool
hash_is(struct span want, const EVP_MD *md, const void *p, size_t len)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	return EVP_Digest(p, len, out, &n, md, NULL) &&
	    span_equal(want, span_of(out, n));
}

/* The serial of the certificate as INTEGER content octets. */
struct serial {
	unsigned char *der; /* OPENSSL_free */
	struct span content;
};

static bool
serial_init(struct serial *s, X509 *cert)
{
	struct der d;
	int len;

	s->der = NULL;
	len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &s->der);
	if (len <= 0)
		return false;
	der_init(&d, span_of(s->der, (size_t)len));
	if (!der_get(&d, DER_INTEGER, &s->content))
		return false;
	s->content = der_serial_trim(s->content);
	return true;
}

static bool
name_hash_is(struct span want, const EVP_MD *md, const X509_NAME *name)
{
	const unsigned char *der;
	size_t len;

	return X509_NAME_get0_der(name, &der, &len) &&
	    hash_is(want, md, der, len);
}

/*
 * All three parts under the response's own hash (RFC 6960 4.1.1): the issuer's
 * name, its key bits, the serial. *as_written: the name is hashed as the
 * certificate writes it, not as its issuer's own does, in other string types.
 */
static bool
single_is_about(const struct ocsp_single *single, struct span serial,
    const struct ocsp_question *q, bool *as_written)
{
	const EVP_MD *md = cert_id_digest(single->hash_oid);
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(q->issuer);

	if (single->serial.len == 0 || md == NULL || key == NULL ||
	    !span_equal(der_serial_trim(single->serial), serial))
		return false;
	*as_written = name_hash_is(
	    single->name_hash, md, X509_get_issuer_name(q->subject));
	return (*as_written ||
		   name_hash_is(single->name_hash, md,
		       X509_get_subject_name(q->issuer))) &&
	    hash_is(single->key_hash, md, ASN1_STRING_get0_data(key),
		(size_t)ASN1_STRING_length(key));
}

static void
fact_fill(struct ocsp_fact *f, const struct ocsp_single *single,
    const struct ocsp_response *r)
{
	*f = (struct ocsp_fact){
	    .reason = REVCHECK_REASON_NONE,
	    .this_update = single->this_update,
	    .next_update = single->next_update,
	    .produced_at = r->produced_at,
	};
	switch (single->status) {
	case OCSP_CERT_GOOD:
		f->status = REVCHECK_GOOD;
		break;
	case OCSP_CERT_REVOKED:
		f->status = REVCHECK_REVOKED;
		f->reason = single->reason;
		f->revoked_at = single->revoked_at;
		break;
	case OCSP_CERT_UNKNOWN:
		f->status = REVCHECK_UNKNOWN;
		break;
	}
}

static void
fact_add(struct ocsp_proof *p, const struct ocsp_single *single,
    const struct ocsp_response *r)
{
	if (unknown_critical(single->extensions, known_in_single,
		sizeof(known_in_single) / sizeof(known_in_single[0])))
		void_good(p, REVCHECK_WHY_CRITICAL_EXT,
		    "a SingleResponse carries an unknown critical extension");
	/* The first second of 1970 stands for no time at all: it ran out. */
	if (single->next_update > 1 &&
	    single->next_update < single->this_update)
		void_good(p, REVCHECK_WHY_MALFORMED,
		    "nextUpdate of a SingleResponse lies before its "
		    "thisUpdate");
	if (p->num_facts == MAX_FACTS) {
		void_good(p, REVCHECK_WHY_TOO_LARGE,
		    "it holds more answers about one certificate than are "
		    "read");
		if (single->status != OCSP_CERT_REVOKED)
			return;
		/* Those before it take nothing from a revocation. */
		p->num_facts--;
	}
	fact_fill(&p->facts[p->num_facts++], single, r);
}

/* Collects every SingleResponse about the certificate. */
static int
facts_collect(struct ocsp_proof *p, const struct ocsp_response *r,
    const struct ocsp_question *q, enum revcheck_why *why, struct err *err)
{
	struct ocsp_single single;
	struct serial serial;
	struct der at;
	bool as_written;
	size_t others = 0;
	int rc = E_PARSE;

	serial.der = NULL;
	if (X509_NAME_cmp(X509_get_issuer_name(q->subject),
		X509_get_subject_name(q->issuer)) != 0) {
		*why = REVCHECK_WHY_OUT_OF_SCOPE;
		rc = err_set(err, E_PARSE,
		    "the issuer at hand is not the one the certificate names");
		goto out;
	}
	if (!serial_init(&serial, q->subject)) {
		*why = REVCHECK_WHY_INTERNAL;
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	der_init(&at, r->singles);
	while (ocsp_single_next(&at, &single)) {
		if (!single_is_about(&single, serial.content, q, &as_written)) {
			others++;
			continue;
		}
		fact_add(p, &single, r);
		if (!as_written)
			void_good(p, REVCHECK_WHY_MALFORMED,
			    "its certID hashes the issuer's name in other "
			    "string types than the certificate has");
	}
	if (p->num_facts == 0) {
		*why = REVCHECK_WHY_OUT_OF_SCOPE;
		rc = err_set(err, E_PARSE,
		    others == 0 ? "the OCSP response holds no SingleResponse"
				: "the OCSP response is about another "
				  "certificate");
		goto out;
	}
	rc = 0;
out:
	OPENSSL_free(serial.der);
	ERR_clear_error();
	return rc;
}

/* Nonce. */

/*
 * RFC 9654 2.1: the value is an OCTET STRING inside extnValue. Some responders
 * give the octets bare, as RFC 2560 could be read.
 */
static bool
nonce_equal(struct span value, struct span sent)
{
	struct span inner;
	struct der d;

	der_init(&d, value);
	if (der_get(&d, DER_OCTET_STRING, &inner) && der_done(&d) &&
	    span_equal(inner, sent))
		return true;
	return span_equal(value, sent);
}

static void
nonce_check(struct ocsp_proof *p, const struct ocsp_response *r,
    const struct ocsp_question *q, const struct validity_rules *rules)
{
	enum revcheck_nonce seen = REVCHECK_NONCE_OFF;
	struct ocsp_extension e;

	if (q->nonce.len > 0 &&
	    ocsp_extension_find(r->extensions, oid_nonce, &e)) {
		if (nonce_equal(e.value, q->nonce))
			seen = REVCHECK_NONCE_REQUIRED;
		else
			void_good(p, REVCHECK_WHY_NONCE,
			    "its nonce is not the one sent");
	}
	if (rules->nonce == REVCHECK_NONCE_REQUIRED &&
	    seen != REVCHECK_NONCE_REQUIRED)
		void_good(p, REVCHECK_WHY_NONCE,
		    "it does not repeat a nonce, and one is required");
	for (size_t i = 0; i < p->num_facts; i++)
		p->facts[i].nonce_seen = seen;
}

/* The form of all of it; what is relaxed, or forgiven, is no flaw. */
static void
form_check(struct ocsp_proof *p, const struct ocsp_response *r,
    const struct validity_rules *rules)
{
	unsigned flaws = r->flaws & ~OCSP_FLAWS_FORGIVEN;
	char text[sizeof(p->no_good_text)];

	p->flaws = r->flaws;
	if ((rules->relax & REVCHECK_RELAX_TRAILING) != 0)
		flaws &= ~(unsigned)OCSP_FLAW_TRAILING;
	if (unknown_critical(r->extensions, known_in_response,
		sizeof(known_in_response) / sizeof(known_in_response[0])))
		void_good(p, REVCHECK_WHY_CRITICAL_EXT,
		    "it carries an unknown critical extension");
	if (flaws == 0)
		return;
	/* The one that can be relaxed last. */
	if (flaws != OCSP_FLAW_TRAILING)
		flaws &= ~(unsigned)OCSP_FLAW_TRAILING;
	text_format(text, sizeof(text), "%s%s", ocsp_flaw_text(flaws),
	    flaws == OCSP_FLAW_TRAILING ? "; relax 'trailing' forgives it"
					: "");
	void_good(p, REVCHECK_WHY_MALFORMED, text);
}

/* The proof. */

static struct ocsp_proof *
proof_new(void)
{
	struct ocsp_proof *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->facts = calloc(MAX_FACTS, sizeof(p->facts[0]));
	if (p->facts == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
ocsp_proof_free(struct ocsp_proof *p)
{
	if (p == NULL)
		return;
	X509_free(p->signer);
	free(p->facts);
	free(p);
}

/* Who signed it, and what that means for what it says. */
static int
signer_take(struct ocsp_proof *p, const struct ocsp_response *r,
    const struct ocsp_question *q, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err)
{
	struct ocsp_signer signer;
	struct tm until;
	int rc;

	rc = ocsp_signer_find(&signer, r, q, rules, why, err);
	if (rc != 0)
		return rc;
	p->signer = signer.cert;
	subject_show(p->name, sizeof(p->name), p->signer);
	if (p->signer != q->issuer &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(p->signer), &until))
		p->signer_until = timegm(&until);
	p->needs_signer_status = signer.delegated && !signer.nocheck;
	if (signer.broken)
		void_good(
		    p, REVCHECK_WHY_MALFORMED, ocsp_flaw_text(OCSP_FLAW_CERTS));
	if (!signer.named)
		void_good(p, REVCHECK_WHY_MALFORMED,
		    "its responderID names another than who signed it");
	/* By its key: another certificate of it is no other witness. */
	if (signer.delegated &&
	    EVP_PKEY_eq(
		X509_get0_pubkey(p->signer), X509_get0_pubkey(q->subject)) == 1)
		void_good(p, REVCHECK_WHY_SIGNER_UNKNOWN,
		    "its signer vouches for itself");
	ERR_clear_error();
	return 0;
}

int
ocsp_verify(struct ocsp_proof **out, struct span der,
    const struct ocsp_question *q, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err)
{
	struct ocsp_proof *p = NULL;
	struct ocsp_response r;
	int rc;

	*out = NULL;
	*why = REVCHECK_WHY_MALFORMED;
	rc = ocsp_parse(&r, der, err);
	if (rc != 0)
		goto out;
	if (r.tbs.len == 0) {
		/* Unsigned: never more than "not available" (RFC 6960 2.3). */
		*why = REVCHECK_WHY_RESPONDER_ERROR;
		rc = err_set(err, E_PARSE, "the OCSP responder answered %s",
		    ocsp_response_status_name(r.status));
		goto out;
	}
	p = proof_new();
	if (p == NULL) {
		*why = REVCHECK_WHY_INTERNAL;
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	rc = facts_collect(p, &r, q, why, err);
	if (rc != 0)
		goto out;
	form_check(p, &r, rules);
	rc = signer_take(p, &r, q, rules, why, err);
	if (rc != 0)
		goto out;
	nonce_check(p, &r, q, rules);
	*why = REVCHECK_WHY_NONE;
	*out = p;
	p = NULL;
out:
	ocsp_proof_free(p);
	return rc;
}
