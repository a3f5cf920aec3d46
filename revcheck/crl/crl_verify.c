/*
 * crl_verify: who signed a CRL, and may they sign it? RFC 5280 6.3.3 (f), (g).
 * Flaws of form are told in the proof and end nothing here. Runs on the service
 * thread, or on the caller's for supplied evidence; pure but for OpenSSL's
 * verification. Looks at neither the dates of the CRL nor a certificate's
 * status.
 */
#include "revcheck/crl/crl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "revcheck/crl/crl_scope.h"
#include "revcheck/crl/crl_signature.h"
#include "cache/base/subject.h"
#include "revcheck/x509/name.h"
#include "revcheck/x509/trust_path.h"

/* Keys that are tried for one CRL; who comes with more names one. */
#define CANDIDATES_MAX 32

/* How far a candidate came. The furthest of all candidates is reported. */
enum signer_step {
	STEP_NONE = 0,    /* no candidate of the name */
	STEP_SIGNATURE,   /* no key verifies it */
	STEP_WEAK,        /* it does, below the security level */
	STEP_NO_CRL_SIGN, /* the certificate is not for signing CRLs */
	STEP_PATH,        /* no path to the same anchor */
	STEP_FOUND,
};

struct signer_search {
	const struct crl_signers *who;
	const struct validity_rules *rules;
	const struct crl_scope *scope;
	struct crl_signature signature;
	size_t num_tried;
	bool other_keys; /* the turn of keys that the CRL does not name */
	enum signer_step step;
	bool named_failed;   /* ... nor the key that the CRL itself names */
	EVP_PKEY *failed;    /* a key that does not; borrowed */
	bool others_failed;  /* nor another one */
	char name[160];      /* the CRL issuer, as text */
	char path_text[160]; /* what was wrong with the path */
	X509 *signer;
	struct trust_path path;
};

/*
 * RFC 5280 5.2.1: the CRL says which key signed it. The key identifier decides
 * where both sides have one, issuer and serial otherwise.
 */
enum key_id_result {
	KEY_ID_OTHER = 0, /* it names another key */
	KEY_ID_OPEN,      /* it names none */
	KEY_ID_NAMED,     /* it names this one */
};

static enum key_id_result
key_id_compare(const struct crl_key_id *id, X509 *cert)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);
	unsigned char *der = NULL;
	struct span content = {0};
	struct der d;
	bool same;
	int len;

	if (id->has_id && ski != NULL)
		return span_equal(id->id,
			   span_of(ASN1_STRING_get0_data(ski),
			       (size_t)ASN1_STRING_length(ski)))
		    ? KEY_ID_NAMED
		    : KEY_ID_OTHER;
	if (!id->has_serial)
		return KEY_ID_OPEN;
	len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der);
	der_init(&d, span_of(der, len > 0 ? (size_t)len : 0));
	same = der_get(&d, DER_INTEGER, &content) &&
	    span_equal(der_serial_trim(content), id->serial);
	OPENSSL_free(der);
	if (!same)
		return KEY_ID_OTHER;
	der = NULL;
	len = i2d_X509_NAME(X509_get_issuer_name(cert), &der);
	same =
	    len > 0 && crl_names_have(&id->issuer, span_of(der, (size_t)len));
	OPENSSL_free(der);
	return same ? KEY_ID_NAMED : KEY_ID_OTHER;
}

static bool
name_fits(struct span issuer, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509_NAME(X509_get_subject_name(cert), &der);
	bool same = len > 0 && name_equal(issuer, span_of(der, (size_t)len));

	OPENSSL_free(der);
	return same;
}

static void
search_note(struct signer_search *s, enum signer_step step)
{
	if (step > s->step)
		s->step = step;
}

static void
search_failed(struct signer_search *s, enum key_id_result id, EVP_PKEY *key)
{
	if (id == KEY_ID_NAMED)
		s->named_failed = true;
	if (s->failed == NULL)
		s->failed = key;
	else if (EVP_PKEY_eq(s->failed, key) != 1)
		s->others_failed = true;
}

/*
 * Checks one candidate, but for its path. Those whose key the CRL does not name
 * have a turn of their own, the last: a key id puts candidates in order, the
 * key decides.
 */
static bool
candidate_signed(struct signer_search *s, X509 *cert)
{
	enum key_id_result id;
	EVP_PKEY *key;
	enum crl_signature_result r;

	if (!name_fits(s->scope->issuer, cert))
		return false;
	search_note(s, STEP_SIGNATURE);
	id = key_id_compare(&s->scope->key_id, cert);
	key = X509_get0_pubkey(cert);
	if ((id == KEY_ID_OTHER) != s->other_keys || key == NULL)
		return false;
	if (++s->num_tried > CANDIDATES_MAX)
		return false;
	r = crl_signature_check(&s->signature, key, s->rules->security_level);
	if (r == CRL_SIGNATURE_BAD) {
		search_failed(s, id, key);
		return false;
	}
	search_note(s, STEP_WEAK);
	if (r == CRL_SIGNATURE_WEAK)
		return false;
	/* (f): if there is a keyUsage, it has cRLSign. */
	search_note(s, STEP_NO_CRL_SIGN);
	return (X509_get_key_usage(cert) & KU_CRL_SIGN) != 0 ||
	    (s->rules->relax & REVCHECK_RELAX_NO_CRLSIGN) != 0;
}

static bool
chain_has(const struct crl_signers *who, X509 *cert)
{
	for (size_t i = 0; i < who->num_chain; i++)
		if (X509_cmp(who->chain[i], cert) == 0)
			return true;
	return false;
}

/*
 * (f): the signer's own path must end at the same anchor as the chain in
 * question, and so it is built against that one anchor alone.
 */
static int
path_build(struct signer_search *s, X509 *cert, struct err *err)
{
	const struct crl_signers *who = s->who;
	X509 *anchor = who->chain[who->num_chain - 1];
	struct revcheck_error public_err = {0};
	struct revcheck_trust *trust = NULL;
	struct trust_path_order order = {
	    .leaf = cert,
	    .at = s->rules->at,
	    .security_level = s->rules->security_level,
	};
	X509 **untrusted = NULL;
	int rc, x509_error, index;
	struct err why = {0};

	untrusted = calloc(who->num_chain + who->num_extra, sizeof(X509 *));
	if (untrusted == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < who->num_chain; i++)
		untrusted[order.num_untrusted++] = who->chain[i];
	for (size_t i = 0; i < who->num_extra; i++)
		untrusted[order.num_untrusted++] = who->extra[i];
	order.untrusted = untrusted;
	rc = revcheck_trust_new(&trust, &anchor, 1, &public_err);
	if (rc < 0) {
		rc = err_set(err, rc == REVCHECK_E_NOMEM ? E_NOMEM : E_INTERNAL,
		    "%s", public_err.msg);
		goto out;
	}
	rc = trust_build_path(
	    trust, &s->path, &order, &x509_error, &index, &why);
	if (rc < 0) {
		rc = err_set(err, rc, "%s", why.msg);
	} else if (rc == 0) {
		search_note(s, STEP_PATH);
		snprintf(s->path_text, sizeof(s->path_text), "%.120s", why.msg);
	}
out:
	revcheck_trust_free(trust);
	free(untrusted);
	return rc;
}

/*
 * Where leaf and issuer are taken as given, there is no anchor above them. A
 * certificate of the issuer's name whose key has signed the issuer is the same
 * authority with another key.
 */
static bool
certified_the_issuer(const struct crl_signers *who, X509 *cert)
{
	X509 *issuer;
	EVP_PKEY *key = X509_get0_pubkey(cert);
	bool ok;

	if (who->trust != NULL || who->subject + 1 >= who->num_chain)
		return false;
	issuer = who->chain[who->subject + 1];
	ok = key != NULL && X509_check_issued(cert, issuer) == X509_V_OK &&
	    X509_NAME_cmp(X509_get_subject_name(cert),
		X509_get_subject_name(issuer)) == 0 &&
	    X509_verify(issuer, key) == 1;
	ERR_clear_error();
	return ok;
}

/*
 * 1 when found, 0 when not, negative on failure. Certificates of the chain
 * from the one asked about upwards have their path already; all others need
 * one of their own.
 */
static int
search_run(struct signer_search *s, struct err *err)
{
	const struct crl_signers *who = s->who;
	int rc;

	for (size_t i = who->subject + 1; i < who->num_chain; i++)
		if (candidate_signed(s, who->chain[i])) {
			s->signer = who->chain[i];
			return 1;
		}
	/* A self-issued CRL signing certificate, asked about by itself. */
	if (who->subject < who->num_chain &&
	    candidate_signed(s, who->chain[who->subject])) {
		s->signer = who->chain[who->subject];
		return 1;
	}
	for (size_t i = 0; i < who->num_extra + who->subject; i++) {
		X509 *cert = i < who->num_extra
		    ? who->extra[i]
		    : who->chain[i - who->num_extra];

		if (i < who->num_extra && chain_has(who, cert))
			continue;
		if (!candidate_signed(s, cert))
			continue;
		rc = path_build(s, cert, err);
		if (rc == 0 && certified_the_issuer(who, cert))
			rc = 1;
		if (rc != 0) {
			s->signer = cert;
			return rc;
		}
	}
	return 0;
}

/*
 * No key at hand verifies it. A forgery fails under the key that it names, or,
 * if it names none, under the only one there is. Otherwise it is somebody
 * else's: an authority of the same name, or a key of ours that nobody gave us.
 */
static int
explain_signature(
    const struct signer_search *s, enum revcheck_why *why, struct err *err)
{
	const struct crl_key_id *id = &s->scope->key_id;

	if (s->num_tried > CANDIDATES_MAX)
		return err_set(err, E_LIMIT,
		    "more than %d certificates of '%s' that may have signed "
		    "the CRL",
		    CANDIDATES_MAX, s->name);
	*why = REVCHECK_WHY_FORGED;
	if (s->named_failed ||
	    (!id->has_id && !id->has_serial && s->failed != NULL &&
		!s->others_failed))
		return err_set(err, E_PARSE,
		    "the signature on the CRL of '%s' does not verify",
		    s->name);
	*why = REVCHECK_WHY_SIGNER_UNKNOWN;
	return err_set(err, E_PARSE,
	    "no certificate of '%s' at hand has the key that signed the CRL",
	    s->name);
}

/* Why no signer was found, in the order of enum signer_step. */
static int
search_explain(
    const struct signer_search *s, enum revcheck_why *why, struct err *err)
{
	switch (s->step) {
	case STEP_NONE:
		/*
		 * The CRL issuer is unknown. Where the CRL is indirect, its
		 * certificate is missing; otherwise the CRL is about other
		 * certificates.
		 */
		*why = s->scope->indirect ? REVCHECK_WHY_SIGNER_UNKNOWN
					  : REVCHECK_WHY_OUT_OF_SCOPE;
		return err_set(err, E_PARSE,
		    "no certificate of the CRL issuer '%s' is known", s->name);
	case STEP_WEAK:
		*why = REVCHECK_WHY_FORGED;
		return err_set(err, E_PARSE,
		    "the signature on the CRL of '%s' is below security level "
		    "%d",
		    s->name, s->rules->security_level);
	case STEP_NO_CRL_SIGN:
		*why = REVCHECK_WHY_FORGED;
		return err_set(err, E_PARSE,
		    "the CRL of '%s' is signed by a certificate whose keyUsage "
		    "lacks cRLSign",
		    s->name);
	case STEP_PATH:
		/* Genuine, of another authority of that name. */
		*why = REVCHECK_WHY_SIGNER_UNKNOWN;
		return err_set(err, E_PARSE,
		    "the signer of the CRL of '%s' has no path to the same "
		    "anchor: %s",
		    s->name, s->path_text);
	default:
		return explain_signature(s, why, err);
	}
}

static int
proof_new(struct crl_proof **out, struct signer_search *s,
    struct crl_scope **scope, struct err *err)
{
	struct crl_proof *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (!crl_scope_identify(*scope, s->signer, p->scope_id)) {
		free(p);
		return err_set(err, E_NOMEM, "out of memory");
	}
	ref_init(&p->ref);
	X509_up_ref(s->signer);
	p->signer = s->signer;
	subject_show(p->name, sizeof(p->name), p->signer);
	p->path = s->path.certs;
	p->num_path = s->path.num;
	s->path = (struct trust_path){0};
	p->scope = *scope;
	*scope = NULL;
	*out = p;
	return 0;
}

/* The CRL issuer as text. */
static void
issuer_print(char *out, size_t cap, struct span issuer)
{
	const unsigned char *p = issuer.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)issuer.len);

	subject_show_name(out, cap, name);
	X509_NAME_free(name);
}

int
crl_verify(struct crl_proof **out, const struct crl *crl,
    const struct crl_signers *who, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err)
{
	struct signer_search s = {.who = who, .rules = rules};
	const struct crl_info *info = crl_get0_info(crl);
	struct crl_scope *scope = NULL;
	struct err detail = {0};
	int rc;

	*out = NULL;
	*why = REVCHECK_WHY_MALFORMED;
	if (who->num_chain == 0 || who->subject >= who->num_chain) {
		*why = REVCHECK_WHY_INTERNAL;
		return err_set(err, E_ARG, "no chain to prove a CRL for");
	}
	/* 5.1.1.2: which of the two is signed for is not ours to choose. */
	if ((info->flaws & CRL_FLAW_ALGORITHM) != 0) {
		rc = err_set(err, E_PARSE,
		    "malformed CRL: signature algorithms inside and outside "
		    "differ");
		goto out;
	}
	rc = crl_scope_new(&scope, crl, rules, &detail);
	if (rc < 0) {
		rc = err_set(err, rc, "unusable CRL: %s", detail.msg);
		goto out;
	}
	s.scope = scope;
	issuer_print(s.name, sizeof(s.name), scope->issuer);
	rc = crl_signature_init(&s.signature, info, &detail);
	if (rc < 0) {
		rc = err_set(err, rc, "malformed CRL: %s", detail.msg);
		goto out;
	}
	rc = search_run(&s, err);
	if (rc == 0) {
		s.other_keys = true;
		rc = search_run(&s, err);
	}
	if (rc == 0)
		rc = search_explain(&s, why, err);
	else if (rc > 0) {
		/* What it lists counts; but somebody made a mistake there. */
		if (s.other_keys)
			crl_scope_weigh(
			    scope, info, CRL_FLAW_KEY_OTHER, rules->relax);
		rc = proof_new(out, &s, &scope, err);
	}
out:
	if (rc == 0)
		*why = REVCHECK_WHY_NONE;
	else if (rc == E_LIMIT)
		*why = REVCHECK_WHY_TOO_LARGE;
	else if (rc != E_PARSE)
		*why = REVCHECK_WHY_INTERNAL;
	trust_path_cleanup(&s.path);
	crl_scope_free(scope);
	return rc;
}

struct crl_proof *
crl_proof_up_ref(struct crl_proof *p)
{
	ref_up(&p->ref);
	return p;
}

void
crl_proof_free(struct crl_proof *p)
{
	if (p == NULL || !ref_down(&p->ref))
		return;
	X509_free(p->signer);
	for (size_t i = 0; i < p->num_path; i++)
		X509_free(p->path[i]);
	free(p->path);
	crl_scope_free(p->scope);
	free(p);
}

const char *const *
crl_proof_delta_urls(const struct crl_proof *p)
{
	return (const char *const *)p->scope->delta_urls;
}

void
crl_scope_id(const struct crl_proof *p, uint8_t out[32])
{
	memcpy(out, p->scope_id, sizeof(p->scope_id));
}

struct span
crl_proof_number(const struct crl_proof *p)
{
	return p->scope->number.v;
}
