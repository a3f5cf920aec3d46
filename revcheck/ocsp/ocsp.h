/*
 * OCSP rules: RFC 6960, 5019, 8954, 9654 as pure functions, in two steps like
 * those for CRLs: verify (parse, certID, signature, signer; once per response)
 * and status (dates and answer; at every question).
 */
#ifndef REVCHECK_OCSP_OCSP_H
#define REVCHECK_OCSP_OCSP_H

#include "cache/base/bytes.h"
#include "cache/base/error.h"
#include "revcheck/x509/validity.h"

/* Which certificate the response is about, and who may sign it. Borrowed. */
struct ocsp_question {
	X509 *subject;
	X509 *issuer;
	X509 *pinned;       /* accepted responder besides the rule, or NULL */
	X509 *const *extra; /* supplied certificates that may be the signer */
	size_t num_extra;
	struct span nonce; /* what was sent; empty: none */
};

/* URLs of the responders named in the certificate's AIA, in order,
 * NULL-terminated; ocsp_urls_free. NULL when out of memory. */
char **ocsp_urls_of(X509 *cert);
void ocsp_urls_free(char **urls);

/*
 * ocsp_request_build appends the DER of a request for one certificate (SHA-1
 * certID as RFC 5019 asks, no signature; nonce of nonce_len 1..32 octets, RFC
 * 9654, when given).
 */
int ocsp_request_build(struct bytes *der, X509 *subject, X509 *issuer,
    struct span nonce, struct err *err) MUST_USE;

/*
 * ocsp_get_url appends the GET form (RFC 6960 A.1): base64, percent-escaped,
 * exactly one slash between; NUL-terminated. 0 when it is <= 255 bytes long,
 * E_LIMIT otherwise (use POST).
 */
int
ocsp_get_url(struct bytes *url, const char *base, struct span request) MUST_USE;

/*
 * What a verified response says; its dates are compared later. Immutable. If
 * needs_signer_status, `signer` is a delegated responder without
 * id-pkix-ocsp-nocheck whose own status must be asked (RFC 6960 4.2.2.2.1).
 * Where that certificate names no CRL and no responder, its CA specified no
 * method, and an unknown status is no objection; a revocation proven by
 * supplied evidence is one all the same.
 */
struct ocsp_fact {
	enum revcheck_status status; /* of the strictest SingleResponse */
	int reason;
	time_t revoked_at;
	time_t this_update, next_update, produced_at;
	enum revcheck_nonce nonce_seen; /* REQUIRED: matched; OFF: absent */
};
struct ocsp_proof {
	X509 *signer;
	time_t signer_until; /* its last second; 0: it is the issuer itself */
	bool needs_signer_status;
	/*
	 * Why its good is worth nothing, or NONE: a flaw of form (MALFORMED),
	 * CRITICAL_EXT, NONCE, TOO_LARGE, or a responder that vouches for
	 * itself (SIGNER_UNKNOWN). What it revokes counts all the same.
	 */
	enum revcheck_why no_good;
	char no_good_text[160];  /* as in "its version is not v1" */
	unsigned flaws;          /* enum ocsp_flaw, forgiven ones too */
	char name[256];          /* the signer's, as text */
	struct ocsp_fact *facts; /* every matching SingleResponse */
	size_t num_facts;
};

/*
 * ocsp_verify: response status, parse, certID in full under the response's own
 * hash, signer authorised and in date, signature. 0 and *out, or negative with
 * *why: RESPONDER_ERROR (its name in err), MALFORMED, FORGED, TOO_LARGE (more
 * candidates for the signer than are tried), OUT_OF_SCOPE (about another
 * certificate). An authentic answer with something wrong is a proof whose
 * no_good says what.
 */
int ocsp_verify(struct ocsp_proof **out, struct span der,
    const struct ocsp_question *q, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err) MUST_USE;
void ocsp_proof_free(struct ocsp_proof *p);

/*
 * ocsp_status: dates and no_good first for GOOD; REVOKED whatever its dates and
 * no_good say; strictest of the facts wins (REVOKED > UNKNOWN > GOOD). Fills
 * status, why, reason, dates, signer and text of *out.
 */
void ocsp_status(const struct ocsp_proof *p, const struct validity_rules *rules,
    struct revcheck_result *out);

/*
 * ocsp_status_with_signer weighs what ocsp_status said by the status of the
 * certificate of who signed it (asked where needs_signer_status says so). A
 * signer that is revoked, on hold included, says nothing. One whose status
 * cannot be had vouches for nobody, but its REVOKED counts: it was authorised
 * by the issuer, and the worst that an attacker with its key could do is to
 * refuse. GOOD changes nothing.
 */
void ocsp_status_with_signer(
    struct revcheck_result *out, enum revcheck_status signer);

/*
 * For how many seconds from rules->at the response is an answer that need not
 * be asked for again; at least OCSP_KEEP_SHORT_SEC. That long where it says
 * unknown or on hold, whatever its nextUpdate: a responder that lags behind
 * its CA knows a moment later. And where its dates make it no answer. Else to
 * the end of its dates.
 */
#define OCSP_KEEP_SHORT_SEC 60
uint32_t ocsp_keep_sec(
    const struct ocsp_proof *p, const struct validity_rules *rules) MUST_USE;

#endif
