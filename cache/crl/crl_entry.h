/*
 * crl_entry: one entry of revokedCertificates (RFC 5280 5.1, 5.3), read
 * strictly. The scanner calls it for every entry it cannot pass by its fast
 * path; a hit of a look-up is read by it again.
 */
#ifndef CACHE_CRL_CRL_ENTRY_H
#define CACHE_CRL_CRL_ENTRY_H

#include "cache/crl/crl.h"
#include "cache/der/der.h"

/* What the scanner notes about an entry besides its content. */
struct crl_entry_traits {
	unsigned flaws;      /* enum crl_flaw */
	bool has_extensions; /* legal in v2 only */
	bool has_issuer;     /* certificateIssuer on this very entry */
};

/*
 * crl_entry_read reads the content of one entry's SEQUENCE; what is not as RFC
 * 5280 describes becomes a flaw. False when it names no serial. out's
 * certificate_issuer is that of this very entry, empty if it has none, and body
 * where it cannot be read.
 */
bool crl_entry_read(
    struct span body, struct crl_entry *out, struct crl_entry_traits *traits);

/* Higher is stricter: removeFromCRL 0, certificateHold 1, any other 2. */
int crl_entry_rank(int reason);

/*
 * crl_extensions_walk reads a SEQUENCE OF Extension (its content) and calls fn
 * for the first of each OID. Returns flaws: EXTENSIONS_EMPTY, DEFAULT_WRITTEN,
 * EXTENSION (malformed ones are passed over, and what follows the first
 * CRL_MAX_EXTENSIONS is not read) and EXTENSION_TWICE.
 */
#define CRL_MAX_EXTENSIONS 64
typedef void
crl_extension_fn(void *arg, struct span oid, bool critical, struct span value);
unsigned crl_extensions_walk(struct span body, crl_extension_fn *fn, void *arg);

/* Flaws for what der_time_loose found odd. */
unsigned crl_flaws_of_time(unsigned odd);

/* crl_name_ok: a Name (content of its SEQUENCE) is made as X.501 says. */
bool crl_name_ok(struct span body);

#endif
