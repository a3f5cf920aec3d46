/*
 * crl_fast: the scanner's fast path. It passes entries of the forms that fill
 * large CRLs (a short serial in minimal form, a UTCTime, nothing more or a
 * plain reasonCode) and stops at the first entry of another form. Whatever it
 * passes, the strict reader in crl_entry would accept too; a test and a fuzzer
 * compare the two.
 */
#ifndef CACHE_CRL_CRL_FAST_H
#define CACHE_CRL_CRL_FAST_H

#include "cache/crl/crl_index.h"

struct crl_fast_run {
	const uint8_t *base; /* of the DER */
	size_t at;           /* in: first entry; out: first not passed */
	size_t lim;          /* bytes up to here may be read */
	size_t max_entries;  /* the index has room for so many */
	size_t num_entries;  /* out: passed */
	bool any_extension;  /* out */
};

/* False when the index refused an entry (crl_index_settle). */
bool crl_fast_scan(struct crl_index *x, struct crl_fast_run *run);

#endif
