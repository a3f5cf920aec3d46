/*
 * evidence: a piece of signed revocation data, the key under which it is held,
 * where it came from, and why there is none.
 */
#ifndef CACHE_EVIDENCE_EVIDENCE_H
#define CACHE_EVIDENCE_EVIDENCE_H

#include <stdatomic.h>
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

/*
 * A key names a source: SHA-256 over length-delimited parts: kind, the issuer's
 * key, certID, URLs. Who trusts the issuer is not in it. Other 32-byte names,
 * such as the context of a proof, are made the same way.
 */
struct evidence_key {
	uint8_t id[32];
};

struct evidence_key evidence_key_of(const struct span *parts, size_t num_parts);

/* Where the bytes came from (the public REVCHECK_SOURCE_* in revcheck/). */
enum evidence_origin {
	ORIGIN_NETWORK = 1,
	ORIGIN_DISK,
	ORIGIN_FILE,
	ORIGIN_STAPLE,
};

/*
 * What was found out about a document in one context: its proof there. Made
 * once, and kept as long as the document is.
 */
struct evidence_note;

/*
 * What was found last about who signed a document. Where it is anything, the
 * document ends no search and is no floor for others.
 */
enum evidence_doubt {
	EVIDENCE_DOUBT_NONE = 0,
	EVIDENCE_DOUBT_UNKNOWN, /* whether he is revoked is not known */
	EVIDENCE_DOUBT_REVOKED,
};

/*
 * A document: a piece of evidence, held once whoever asks. Counted; immutable
 * once it is described, but for its notes. CRL evidence has `crl`; OCSP
 * evidence has `der`.
 */
struct evidence {
	struct ref ref;
	enum evidence_kind kind;
	enum evidence_origin origin;
	struct crl *crl; /* owned */
	uint8_t *der;    /* owned, malloc */
	size_t der_len;
	_Atomic(struct evidence_note *) notes; /* owned; see below */
	atomic_uint num_notes;
	/*
	 * Set by the first acceptor that proves it, before it is published: the
	 * validity, from which the next refresh is planned, and what decides
	 * which of two is newer (see evidence_older).
	 */
	atomic_bool described;
	time_t this_update;
	time_t next_update; /* 0: none given */
	/*
	 * What it may be compared with: issuer name, signing key, distribution
	 * point, complete or delta. All zeros for an OCSP response.
	 */
	uint8_t scope[32];
	/* CRLNumber without leading zeros; owned, empty: none. */
	struct span number;
	/*
	 * An answer that is none, such as `unknown`: it is weighed by who asked
	 * and not kept.
	 */
	bool passing;
	/* An answer to be asked again so many seconds later; 0: by its dates.
	 */
	uint32_t keep_sec;
	size_t cost_bytes; /* memory, for the budget */
	/* Set by the archive; again when the same bytes came again. */
	_Atomic time_t fetched_at;
	/*
	 * Until then a document of the same scope with a higher number, seen
	 * before, is in date: the silence of this one proves nothing. 0: none.
	 */
	time_t below_floor_until;
	atomic_bool answered;  /* a question was answered by it */
	_Atomic uint8_t doubt; /* enum evidence_doubt */
	char *url;             /* owned; never NULL */
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

/* Notes. A document has room for so many. */
#define EVIDENCE_NOTES_MAX 64

/* What was noted in this context, lent as long as e is held; NULL: nothing. */
void *evidence_note_get0(
    const struct evidence *e, const struct evidence_key *context);
/*
 * Notes p, which e then owns, and returns it; or what another thread noted
 * there before, and frees p. NULL where there is no room or no memory: p stays
 * the caller's.
 */
void *evidence_note_put0(struct evidence *e, const struct evidence_key *context,
    void *p, void (*free_p)(void *p));

/*
 * evidence_older: `is` comes before `was` in the scope of both (lower number if
 * both have one, else earlier thisUpdate; RFC 5280 5.2.3).
 */
bool evidence_older(const struct evidence *is, const struct evidence *was);

/* Copies the octets of a number; without memory there is none. */
void evidence_set_number(struct evidence *e, struct span octets);

/* Within its dates, as far as the archive is concerned: no need to fetch. */
bool evidence_fresh(const struct evidence *e, time_t now, uint32_t skew_sec);

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
	EVIDENCE_FAIL_BACKOFF,   /* and the cause is not known any more */
	EVIDENCE_FAIL_OFFLINE,
	EVIDENCE_FAIL_CLOSED,
	EVIDENCE_FAIL_NOMEM,
};

struct evidence_failure {
	enum evidence_fail fail;
	bool backoff;    /* that was the last time; now it was not asked */
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
