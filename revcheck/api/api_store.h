/*
 * api_store: what the tools for a state directory share: describing a stored
 * piece of evidence, and verifying it without a question.
 */
#ifndef REVCHECK_API_API_STORE_H
#define REVCHECK_API_API_STORE_H

#include "cache/engine/archive.h"
#include "cache/store/store_db.h"
#include "revcheck/revcheck.h"

#define STORE_MAX_OCSP ((size_t)1 << 20)

/* Who may have signed evidence: a trust and certificates below it. Borrowed. */
struct store_signers {
	struct revcheck_trust *trust;
	const struct revcheck_certs *certs;
};

/*
 * From the header of the record; what is in the evidence is filled in
 * separately.
 */
void store_item_of_meta(
    struct revcheck_cache_item *out, const struct store_meta *m, size_t len);

/* The CRL or (heap) response of a record; *crl is NULL for a response. */
int store_record_open(
    struct store_record *r, struct crl **crl, struct err *err) MUST_USE;

/* Calls fn for every document kept, until it returns false. E_* */
int store_each(const char *state_dir, store_record_fn *fn, void *arg,
    struct err *err) MUST_USE;

/*
 * store_prove: 0 when one of the certificates has signed it and has a path to
 * the trust; E_PARSE with the reason. Sets times and number of the draft.
 */
int store_prove(struct evidence *draft, const struct store_signers *by,
    time_t now, struct err *err) MUST_USE;

#endif
