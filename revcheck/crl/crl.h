/*
 * CRL rules: RFC 5280 5 and 6.3 as pure functions. Two steps:
 *
 *	crl_verify   who signed this CRL, and may they sign it? Once for each
 *	             CRL and trust; the result is held with the CRL.
 *	crl_status   what do these verified CRLs say about this certificate?
 *	             At every question; costs a look-up.
 */
#ifndef REVCHECK_CRL_CRL_H
#define REVCHECK_CRL_CRL_H

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "cache/crl/crl.h"
#include "revcheck/x509/validity.h"

/*
 * What is parsed once from a certificate for CRL purposes: its distribution
 * points, freshest CRL points, whether it is a CA, its names and serial.
 * Immutable; owned by its creator; references the X509.
 */
struct crl_subject;
int crl_subject_new(struct crl_subject **out, X509 *cert, X509 *issuer,
    struct err *err) MUST_USE;
/*
 * Whether a CRL may say something about this certificate: its issuer is the
 * certificate issuer or a cRLIssuer of one of its distribution points.
 */
bool crl_may_concern(const struct crl_subject *s, const struct crl *crl);
/*
 * Whether that is by its issuer alone, and then the name_hash of it: a CRL
 * whose issuer has another does not concern it.
 */
bool crl_subject_hash(const struct crl_subject *s, uint64_t *hash);
void crl_subject_free(struct crl_subject *s);
/*
 * URLs of the i-th distribution point (NULL-terminated, every scheme, in
 * order), or of all freshestCRL points for base == false. NULL beyond the
 * last. Lent by s.
 */
size_t crl_subject_num_points(const struct crl_subject *s);
/* What the certificate says about where its CRLs are. */
enum crl_subject_source {
	CRL_SUBJECT_NONE = 0, /* nothing */
	CRL_SUBJECT_POINTS,   /* distribution points, with URLs or without */
	CRL_SUBJECT_ODD,      /* some that cannot be read, which are left out */
};
enum crl_subject_source crl_subject_source(const struct crl_subject *s);
const char *const *crl_subject_urls(const struct crl_subject *s, size_t point);
const char *const *crl_subject_delta_urls(const struct crl_subject *s);
/*
 * Whether a CRL is evidence about this certificate at all: its issuer is the
 * certificate's, or a cRLIssuer of one of its points.
 */
bool crl_may_concern(const struct crl_subject *s, const struct crl *crl);

/*
 * A proof says who signed a CRL. Immutable and counted. `signer` is the
 * certificate whose key verified it; `path` its own verified path, signer
 * first, anchor last (num_path == 0 when the signer is a certificate of the
 * chain being checked, whose path and status are already in question).
 */
struct crl_proof {
	struct ref ref;
	X509 *signer;
	X509 **path;
	size_t num_path;
	struct crl_scope *scope; /* parsed IDP, delta base, AKI... */
	uint8_t scope_id[32];
	char name[256]; /* the signer's, as text */
};

/* Who may have signed, and where their path must end. */
struct crl_signers {
	X509 *const *chain; /* the verified chain in question, anchor last */
	size_t num_chain;
	size_t subject;     /* index in chain of the certificate asked about */
	X509 *const *extra; /* untrusted and supplied certificates */
	size_t num_extra;
	struct revcheck_trust *trust; /* NULL: status-only, no path */
};

/*
 * crl_verify finds the signer by name and key among the candidates, checks
 * cRLSign, algorithm agreement, and the signer's own path to the same anchor. 0
 * and *out, or negative with *why (FORGED, MALFORMED, OUT_OF_SCOPE ...). Flaws
 * of form and unknown critical extensions do not fail here: such a CRL still
 * revokes what it lists (crl_status returns UNKNOWN for absence, and says
 * which flaw it is).
 */
int crl_verify(struct crl_proof **out, const struct crl *crl,
    const struct crl_signers *who, const struct validity_rules *rules,
    enum revcheck_why *why, struct err *err) MUST_USE;
struct crl_proof *crl_proof_up_ref(struct crl_proof *p);
void crl_proof_free(struct crl_proof *p);
/* freshestCRL URLs written in the CRL itself; NULL-terminated, may be empty. */
const char *const *crl_proof_delta_urls(const struct crl_proof *p);

/*
 * crl_scope_id: which sequence of CRLs it belongs to; older and newer exist
 * within one only. SHA-256 over issuer name and IDP as written, the signer's
 * key, complete or delta.
 */
void crl_scope_id(const struct crl_proof *p, uint8_t out[32]);
/*
 * Content octets of the CRLNumber without leading zeros, any length (0 is one
 * octet); empty when there is none that counts. Lent by p.
 */
struct span crl_proof_number(const struct crl_proof *p);

/* One verified CRL, as evidence about a certificate. */
struct crl_evidence {
	const struct crl *crl;
	const struct crl_proof *proof;
	enum revcheck_source source;
	const char *url;
	time_t fetched_at;
	/* The status of a signer that has a path of its own. */
	enum revcheck_status signer_status; /* GOOD where not needed */
	/*
	 * Older than what was seen before in its scope and is still in date:
	 * what it lists counts, its silence does not.
	 */
	bool below_floor;
};

/*
 * crl_status is RFC 5280 6.3.3 for one certificate over all evidence: scope of
 * each (IDP against every name of every point, kinds, reasons), deltas merged
 * with the bases they belong to, entries by serial and certificate issuer,
 * reasons accumulated. Fills status, why, reason, dates, number, url, signer
 * and text of *out (subject, issuer and serial are the caller's). REVOKED by
 * any authentic CRL of who may list the certificate wins, whatever its scope,
 * dates and flaws. No CRL: UNKNOWN with
 * NO_SOURCE. No allocation on the common path (one CRL, no delta).
 */
void crl_status(const struct crl_subject *subject,
    const struct crl_evidence *evidence, size_t num_evidence,
    const struct validity_rules *rules, struct revcheck_result *out);

#endif
