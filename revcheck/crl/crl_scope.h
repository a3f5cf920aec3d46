/*
 * crl_scope: what the extensions of a CRL say about which certificates,
 * reasons and other CRLs it is about. Copied out of the CRL, immutable.
 */
#ifndef REVCHECK_CRL_CRL_SCOPE_H
#define REVCHECK_CRL_CRL_SCOPE_H

#include "revcheck/crl/distribution_point.h"
#include "revcheck/crl/crl.h"
#include "revcheck/crl/crl_subject.h"

/* RFC 5280 5.2.3: CRL numbers have at most 20 octets; more are a flaw. */
#define CRL_NUMBER_MAX 20

/* Big-endian, without leading zeros: 0 is one octet. Lent by the scope. */
struct crl_number {
	bool present;
	struct span v;
};

struct crl_key_id {
	bool present;
	bool has_id, has_serial;
	struct span id;          /* keyIdentifier */
	struct crl_names issuer; /* authorityCertIssuer */
	struct span serial;      /* authorityCertSerialNumber, trimmed */
	struct span whole;       /* the extension's value */
};

struct crl_scope {
	uint8_t *bytes;     /* owned: what the spans point into */
	struct span issuer; /* the CRL issuer's Name */

	bool has_idp;
	struct span idp; /* its value, for comparing scopes */
	struct crl_dp_name point;
	bool only_user, only_ca, only_attribute, indirect;
	unsigned reasons;

	bool is_delta;
	struct crl_number base;   /* BaseCRLNumber of a delta */
	struct crl_number number; /* CRLNumber */
	struct crl_key_id key_id;
	struct distribution_points freshest;
	const char **delta_urls;

	/* enum crl_flaw: those of the CRL and those found in extensions. */
	unsigned flaws;
	/*
	 * Absence from this CRL proves nothing, and why: critical extensions
	 * (RFC 5280 5.2), flaws of form that rules->relax does not forgive;
	 * NONE otherwise.
	 */
	enum revcheck_why no_absence;
	char no_absence_text[160];
};

/*
 * crl_scope_new reads all extensions; what is malformed becomes a flaw. E_LIMIT
 * for more octets of issuer and extensions than any CRL has; E_NOMEM.
 */
int crl_scope_new(struct crl_scope **out, const struct crl *crl,
    const struct validity_rules *rules, struct err *err) MUST_USE;
void crl_scope_free(struct crl_scope *s);

/*
 * crl_scope_weigh adds flaws; the first that `relax` does not forgive takes the
 * silence away. Before the scope is shared.
 */
void crl_scope_weigh(struct crl_scope *s, const struct crl_info *info,
    unsigned flaws, unsigned relax);

/*
 * crl_scope_covers is RFC 5280 6.3.3 (b) and (d): the reasons for which
 * absence from this CRL counts, 0 when for none. *lists: whether a listing
 * counts; it does in every CRL of who may list the certificate, be it of
 * another scope.
 */
unsigned crl_scope_covers(
    const struct crl_scope *s, const struct crl_subject *subject, bool *lists);

/*
 * crl_scope_delta_fits is RFC 5280 5.2.4 and 6.3.3 (c): whether this delta may
 * be combined with that complete CRL. Dates are not compared.
 */
bool crl_scope_delta_fits(const struct crl_scope *delta, X509 *delta_signer,
    const struct crl_scope *base, X509 *base_signer);

/*
 * crl_scope_identify: SHA-256 over issuer name as written, key of the signer,
 * IDP as written or its absence, complete or delta. False: out of memory.
 */
bool crl_scope_identify(
    const struct crl_scope *s, X509 *signer, uint8_t out[32]) MUST_USE;

/* Same issuer and same scope: two CRLs of one sequence. */
bool crl_scope_same_line(const struct crl_scope *a, const struct crl_scope *b);

/* Both present. */
int crl_number_cmp(const struct crl_number *a, const struct crl_number *b);
/* Hexadecimal; empty when there is none. */
void crl_number_print(char *out, size_t cap, const struct crl_number *n);

#endif
