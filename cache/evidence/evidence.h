/*
 * evidence: a piece of signed revocation data, the key under which it is held,
 * where it came from, and why there is none.
 */
#ifndef CACHE_EVIDENCE_EVIDENCE_H
#define CACHE_EVIDENCE_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "cache/base/span.h"
#include "cache/crl/crl.h"

enum evidence_kind {
	EVIDENCE_CRL = 1,
	EVIDENCE_OCSP = 2,
};

/* Where the bytes came from (the public REVCHECK_SOURCE_* in revcheck/). */
enum evidence_origin {
	ORIGIN_NETWORK = 1,
	ORIGIN_DISK,
	ORIGIN_FILE,
	ORIGIN_STAPLE,
};

/*
 * A piece of evidence: counted, immutable once the acceptor has said yes.
 * CRL evidence has `crl`; OCSP evidence has `der`. `proof` is what the
 * acceptor found out (who signed it, what it says) and belongs to it.
 */
struct evidence {
	struct ref ref;
	enum evidence_kind kind;
	enum evidence_origin origin;
	struct crl *crl; /* owned */
	uint8_t *der;    /* owned, malloc */
	size_t der_len;
	void *proof;
	void (*proof_free)(void *proof);
	/*
	 * Set by the acceptor: the validity, from which the next refresh is
	 * planned, and what decides which of two is newer (see evidence_older).
	 */
	time_t this_update;
	time_t next_update; /* 0: none given */
	struct span number; /* CRLNumber content inside crl, or empty */
	size_t cost_bytes;  /* memory, for the budget */
	/* Set by the archive. */
	time_t fetched_at;
	char *url; /* owned; never NULL */
};

/*
 * evidence_new_crl takes crl, and frees it when it fails; evidence_new_ocsp
 * copies der. NULL when out of memory.
 */
struct evidence *evidence_new_crl(struct crl *crl, enum evidence_origin origin,
    const char *url, time_t fetched_at) MUST_USE;
struct evidence *evidence_new_ocsp(struct span der, enum evidence_origin origin,
    const char *url, time_t fetched_at) MUST_USE;
struct evidence *evidence_up_ref(struct evidence *e);
void evidence_free(struct evidence *e);

/* The signed bytes, lent. */
struct span evidence_der(const struct evidence *e);

/*
 * evidence_older: `is` must not take the place of `was` (lower number if both
 * have one, else earlier thisUpdate).
 */
bool evidence_older(const struct evidence *is, const struct evidence *was);

/* Within its dates, as far as the archive is concerned: no need to fetch. */
bool evidence_fresh(const struct evidence *e, time_t now, uint32_t skew_sec);

/* Keys. */

/*
 * A key names a resource in its context. It is SHA-256 over length-delimited
 * parts: kind, trust id, issuer key, distribution point or certID, scope.
 * Different contexts never share a key.
 */
struct evidence_key {
	uint8_t id[32];
};

struct evidence_key evidence_key_of(const struct span *parts, size_t num_parts);

/* Failures. */

/* Why there is no evidence. Mapped to REVCHECK_WHY_* by revcheck/. */
enum evidence_fail {
	EVIDENCE_FAIL_NONE = 0,
	EVIDENCE_FAIL_NO_SOURCE,   /* the order names no URL we can use */
	EVIDENCE_FAIL_SCHEME,      /* only unsupported schemes (ldap, file) */
	EVIDENCE_FAIL_REFUSED,     /* port or resolved address not allowed */
	EVIDENCE_FAIL_UNREACHABLE, /* DNS, connect, reset, TLS to the server */
	EVIDENCE_FAIL_DEADLINE,
	EVIDENCE_FAIL_HTTP,      /* http_status says which */
	EVIDENCE_FAIL_TOO_LARGE, /* bytes or entries */
	EVIDENCE_FAIL_MALFORMED, /* the scanner refused it */
	EVIDENCE_FAIL_REJECTED,  /* the acceptor refused it: reject_code */
	EVIDENCE_FAIL_OLDER,     /* authentic, but older than what we had */
	EVIDENCE_FAIL_BACKOFF,
	EVIDENCE_FAIL_OFFLINE,
	EVIDENCE_FAIL_CLOSED,
	EVIDENCE_FAIL_NOMEM,
};

struct evidence_failure {
	enum evidence_fail fail;
	int http_status; /* 0 when none was received */
	int reject_code; /* the acceptor's word (enum revcheck_why) */
	char msg[256];   /* the sentence */
	char url[256];
};

/* For logs: "unreachable"; "?" for a value out of range. */
const char *evidence_fail_name(enum evidence_fail f);

/* Fills *f; url may be NULL. */
void evidence_failure_set(struct evidence_failure *f, enum evidence_fail fail,
    const char *url, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
