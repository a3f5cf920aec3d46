/*
 * ocsp_signer: who signed an OCSP response, and may they? RFC 6960 4.2.2.2:
 * the issuer of the certificate in question itself, a responder that this very
 * issuer certified for the purpose, or one that the caller pinned. The issuer
 * is its key: which certificate of it is at hand, and since when, does not
 * matter. Its dates are checked with the path.
 */
#ifndef REVCHECK_OCSP_OCSP_SIGNER_H
#define REVCHECK_OCSP_OCSP_SIGNER_H

#include "revcheck/ocsp/ocsp_parse.h"
#include "revcheck/ocsp/ocsp.h"

struct ocsp_signer {
	X509 *cert; /* a reference */
	bool delegated;
	bool nocheck; /* carries id-pkix-ocsp-nocheck */
	bool named;   /* the responderID is this one's */
	bool broken;  /* a certificate that was passed over does not parse */
};

/*
 * ocsp_signer_find: 0 and *out (X509_free its cert), or negative with *why:
 * FORGED, TOO_LARGE (more fit than are tried), MALFORMED (a certificate that
 * does not parse), INTERNAL. The responderID says who is tried first, no more.
 */
int ocsp_signer_find(struct ocsp_signer *out, const struct ocsp_response *r,
    const struct ocsp_question *q, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err) MUST_USE;

#endif
