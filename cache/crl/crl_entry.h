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
	bool padded;         /* serial with redundant octets */
	bool has_extensions; /* legal in v2 only */
	bool has_issuer;     /* certificateIssuer on this very entry */
};

/*
 * crl_entry_read reads the content of one entry's SEQUENCE. False with *what,
 * a phrase for the error, when it is not what RFC 5280 describes. out's
 * certificate_issuer is that of this very entry, empty if it has none.
 */
bool crl_entry_read(struct span body, struct crl_entry *out,
    struct crl_entry_traits *traits, const char **what);

/* Higher is stricter: removeFromCRL 0, certificateHold 1, any other 2. */
int crl_entry_rank(int reason);

/*
 * crl_extensions_walk reads a SEQUENCE OF Extension (its content) and calls fn
 * for each. False with *what: empty, malformed, the same OID twice, more than
 * CRL_MAX_EXTENSIONS, or fn said so. If repeated is given, the second of an
 * OID is skipped and noted there instead.
 */
#define CRL_MAX_EXTENSIONS 64
typedef bool crl_extension_fn(void *arg, struct span oid, bool critical,
    struct span value, const char **what);
bool crl_extensions_walk(struct span body, crl_extension_fn *fn, void *arg,
    bool *repeated, const char **what);

/* der_extension reads one Extension. */
bool crl_extension_read(
    struct der *d, struct span *oid, bool *critical, struct span *value);

/* crl_name_ok: a Name (content of its SEQUENCE) is made as X.501 says. */
bool crl_name_ok(struct span body);

#endif
