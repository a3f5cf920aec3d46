/*
 * crl: one certificate revocation list (RFC 5280 5), scanned once from its DER
 * into a compact index. A struct crl says what is written in the CRL and
 * nothing about whether to believe it: signature, signer, scope and dates are
 * checked in revcheck/crl, from what is found here.
 *
 * Immutable once built: look-ups from any thread, no lock.
 */
#ifndef CACHE_CRL_CRL_H
#define CACHE_CRL_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "cache/base/span.h"

struct crl;
struct crl_builder;

/* Building. */

struct crl_limits {
	size_t max_bytes;   /* DER bytes; 0: CRL_DEFAULT_MAX_BYTES */
	size_t max_entries; /* 0: CRL_DEFAULT_MAX_ENTRIES */
};

#define CRL_DEFAULT_MAX_BYTES   ((size_t)512 << 20)
#define CRL_DEFAULT_MAX_ENTRIES ((size_t)10 * 1000 * 1000)

/* Why a build failed, for evidence and counters; the sentence is in err. */
enum crl_fault {
	CRL_FAULT_NONE = 0,
	CRL_FAULT_MALFORMED,        /* not a CRL in DER (or PEM) */
	CRL_FAULT_TOO_LARGE,        /* max_bytes */
	CRL_FAULT_TOO_MANY_ENTRIES, /* max_entries */
	CRL_FAULT_NOMEM,
};

/*
 * A builder takes the bytes as they arrive, DER or PEM (one CRL), hashes the
 * TBS part and scans entries on the way. Feed any number of pieces, then
 * finish. One thread at a time. Any failure is final; free it then.
 */
struct crl_builder *crl_builder_new(const struct crl_limits *limits) MUST_USE;
int crl_builder_feed(struct crl_builder *b, struct span piece,
    enum crl_fault *fault, struct err *err) MUST_USE;
/* On success *out is the caller's; b is spent but still to be freed. */
int crl_builder_finish(struct crl_builder *b, struct crl **out,
    enum crl_fault *fault, struct err *err) MUST_USE;
void crl_builder_free(struct crl_builder *b);

/* crl_parse is new + feed + finish over bytes at hand; the bytes are copied. */
int crl_parse(struct span der_or_pem, const struct crl_limits *limits,
    struct crl **out, enum crl_fault *fault, struct err *err) MUST_USE;

/*
 * crl_map builds over a file of DER, memory-mapped, without copying it. The
 * file must not be written while mapped (the store replaces by rename). fd is
 * not kept.
 */
int crl_map(int fd, const struct crl_limits *limits, struct crl **out,
    enum crl_fault *fault, struct err *err) MUST_USE;

/*
 * crl_parse_take is crl_parse over DER in a malloc'd run that becomes the
 * crl's, uncopied; freed on failure too.
 */
int crl_parse_take(uint8_t *der, size_t len, const struct crl_limits *limits,
    struct crl **out, enum crl_fault *fault, struct err *err) MUST_USE;

/*
 * The same in steps, for a thread with other things to do. Make a builder over
 * a file mapped from offset on, or over bytes that become its own (freed on
 * failure too). Call crl_builder_step, which reads at most max_bytes a call,
 * while it returns true; then finish, which returns any failure on the way.
 */
struct crl_builder *
crl_builder_new_map(int fd, size_t offset, const struct crl_limits *limits,
    enum crl_fault *fault, struct err *err) MUST_USE;
struct crl_builder *
crl_builder_new_take(uint8_t *der, size_t len, const struct crl_limits *limits,
    enum crl_fault *fault, struct err *err) MUST_USE;
bool crl_builder_step(struct crl_builder *b, size_t max_bytes);

/*
 * crl_builder_aside has the rest done by a thread of this builder's own, which
 * gets the processor when nothing else wants it: for what is large and nobody
 * waits for. False: there are many such already, and it is done as before.
 * Pieces are copied then; a failure is returned by a later feed, or by finish.
 * A feeder who is ahead by half a MiB waits up to wait_ms, then does a piece
 * himself. Where that thread gets no processor for 0.1 s in the middle of a
 * piece, who feeds or helps does the rest himself. No step from here on.
 */
#define CRL_ASIDE_FROM ((size_t)1 << 20) /* bytes that are worth it */
bool crl_builder_aside(struct crl_builder *b, unsigned wait_ms);
/* Whether a piece of so many bytes is taken by feed without any work. */
bool crl_builder_room(const struct crl_builder *b, size_t bytes);
/*
 * Before crl_builder_aside: who is told of what he waits for, on that thread or
 * on one that tends. fn must not block, and calls nothing of the builder.
 * crl_builder_await: whether there is such room, or, after crl_builder_end,
 * finish will not wait. If not, fn is called when it is so. It may be called
 * for a former wait: who is told looks by crl_builder_await again.
 */
void crl_builder_tell(struct crl_builder *b, void (*fn)(void *arg), void *arg);
bool crl_builder_await(struct crl_builder *b, size_t bytes);
/* There are no more pieces. For who goes on to tend before he calls finish. */
void crl_builder_end(struct crl_builder *b);
/* Whether finish will not wait. help: does a part itself, unless one runs. */
bool crl_builder_tend(struct crl_builder *b, bool help);

void crl_free(struct crl *c);

/* What is written in it (spans borrow from the crl). */

/*
 * The builder refuses (CRL_FAULT_MALFORMED) that of which the list of entries
 * cannot be found without doubt: no DER around TBSCertList, its issuer and the
 * entries, an entry without a serial, something else where the list belongs,
 * no signature. Whatever else is against DER or the profile is a flaw:
 * what such a CRL lists is authentic all the same. revcheck/crl decides what
 * its silence is worth.
 */
enum crl_flaw {
	CRL_FLAW_V1_EXTENSIONS = 1 << 0,    /* extensions in a v1 CRL */
	CRL_FLAW_EMPTY_REVOKED = 1 << 1,    /* the list is there and empty */
	CRL_FLAW_ALGORITHM = 1 << 2,        /* inner and outer one differ */
	CRL_FLAW_NO_NUMBER = 1 << 3,        /* no CRLNumber extension */
	CRL_FLAW_V1 = 1 << 4,               /* a version 1 CRL (legal) */
	CRL_FLAW_VERSION = 1 << 5,          /* version present but not v2 */
	CRL_FLAW_SERIAL_PADDING = 1 << 6,   /* redundant octets */
	CRL_FLAW_DUPLICATE_ENTRY = 1 << 7,  /* issuer and serial twice */
	CRL_FLAW_ALGORITHM_NULL = 1 << 8,   /* they differ by a NULL only */
	CRL_FLAW_DATE = 1 << 9,             /* thisUpdate or nextUpdate: 0 */
	CRL_FLAW_LOOSE_DATE = 1 << 11,      /* an offset, or no seconds */
	CRL_FLAW_FRACTION = 1 << 12,        /* of a second, cut off */
	CRL_FLAW_EXTENSION = 1 << 13,       /* cannot be read, or too many */
	CRL_FLAW_EXTENSION_TWICE = 1 << 14, /* the first counts */
	CRL_FLAW_EXTENSIONS_EMPTY = 1 << 15,
	CRL_FLAW_DEFAULT_WRITTEN = 1 << 16, /* critical FALSE */
	CRL_FLAW_ENTRY_DATE = 1 << 17,      /* revoked_at is 0 */
	CRL_FLAW_ENTRY_VALUE = 1 << 18,     /* of an entry extension */
	CRL_FLAW_ENTRY_ISSUER = 1 << 19,    /* whose it is cannot be read */
	CRL_FLAW_REST = 1 << 20,            /* octets that do not belong */
	CRL_FLAW_TRAILING = 1 << 21,        /* octets behind the CRL */
	/* Found by revcheck/crl, in the values of extensions. */
	CRL_FLAW_KEY_OTHER = 1 << 23, /* the key id is not the signer's */
	CRL_FLAW_IDP = 1 << 24,
	CRL_FLAW_IDP_EMPTY = 1 << 25,
	CRL_FLAW_NUMBER = 1 << 26, /* CRLNumber or BaseCRLNumber */
	CRL_FLAW_NUMBER_CRITICAL = 1 << 27,
	CRL_FLAW_KEY_ID = 1 << 28,
	CRL_FLAW_FRESHEST = 1 << 29,
	CRL_FLAW_DIRECT_ISSUER = 1 << 30, /* certificateIssuer, not indirect */
};

/* ... of which flawed_entry tells where. */
#define CRL_FLAWS_OF_ENTRIES                                        \
	((unsigned)(CRL_FLAW_SERIAL_PADDING | CRL_FLAW_ENTRY_DATE | \
	    CRL_FLAW_ENTRY_VALUE | CRL_FLAW_ENTRY_ISSUER))

/* So many octets behind a CRL are a flaw; more is something else. */
#define CRL_MAX_TRAILING 4096

struct crl_info {
	struct span der;     /* the whole CRL */
	struct span tbs;     /* TBSCertList with header: what is signed */
	struct span issuer;  /* Name, whole element */
	struct span sig_alg; /* outer AlgorithmIdentifier, whole element */
	struct span
	    signature; /* BIT STRING content, unused-bits octet removed */
	struct span extensions; /* content of SEQUENCE OF Extension, or empty */
	time_t this_update;
	/* Meaningful only if has_next_update; then never 0: 1970 begins at 1.
	 */
	time_t next_update;
	bool has_next_update;
	int version; /* 1 or 2 (or what was written, see flaws) */
	size_t num_entries;
	unsigned flaws; /* enum crl_flaw, or'ed */
	size_t
	    flawed_entry; /* the first with a flaw of its own, from 1; or 0 */
	/*
	 * Some entry carries a critical extension that RFC 5280 does not
	 * define: absence from this CRL proves nothing (5.3).
	 */
	bool unknown_critical_entry_ext;
	/* Some entry carries certificateIssuer (legal only if indirect). */
	bool has_certificate_issuer;
	/*
	 * Digest of tbs under the hash of sig_alg, computed while scanning;
	 * digest_nid is NID_undef (0) when the algorithm has none (EdDSA) or
	 * OpenSSL does not know it: verify over tbs then.
	 */
	int digest_nid;
	uint8_t digest[64];
	size_t digest_len;
};

const struct crl_info *crl_get0_info(const struct crl *c);

/* Bytes of memory beyond the DER itself, for budgets. */
size_t crl_index_bytes(const struct crl *c);

/*
 * crl_extension finds a CRL extension by the content octets of its OID.
 * Returns false if absent. Extensions are few; this is a linear walk.
 */
bool crl_extension(
    const struct crl *c, struct span oid, bool *critical, struct span *value);

/* Entries. */

struct crl_entry {
	struct span serial; /* INTEGER content, trimmed (der_serial_trim) */
	time_t revoked_at;  /* 0: it cannot be read */
	int reason; /* CRLReason 0..10, or -1 when absent or unreadable */
	bool has_invalidity;
	time_t invalidity_at;
	/*
	 * Name (whole element) the entry belongs to: the certificateIssuer in
	 * force (sticky, RFC 5280 5.3.3), or empty for the CRL issuer itself.
	 * One that could not be read begins with no SEQUENCE: nobody's name.
	 */
	struct span certificate_issuer;
	/* GeneralNames behind it: each directoryName names that issuer, too. */
	struct span other_names;
	bool unknown_critical_ext; /* on this very entry */
};

/*
 * crl_find looks for an entry with this serial (INTEGER content octets, any
 * padding) and this certificate issuer (Name element; empty: the CRL's own
 * issuer). Names are compared by the caller's `same_name` (NULL: byte for
 * byte), because comparison by RFC 5280 7.1 is in revcheck/x509. If several
 * entries match, the strictest is returned: any reason before removeFromCRL,
 * any before certificateHold. Returns whether one was found. No allocation.
 */
typedef bool crl_same_name_fn(struct span a, struct span b, void *arg);
bool crl_find(const struct crl *c, struct span serial,
    struct span certificate_issuer, crl_same_name_fn *same_name, void *arg,
    struct crl_entry *out);
/*
 * crl_find_direct is crl_find for the CRL's own issuer in a CRL that is not
 * indirect: an entry without a certificateIssuer of its own, or with one that
 * cannot be read, is that issuer's, whatever the entries before it say.
 */
bool crl_find_direct(const struct crl *c, struct span serial,
    crl_same_name_fn *same_name, void *arg, struct crl_entry *out);

/*
 * Iteration in the order of the CRL, for listings and differential tests:
 * start with *pos = 0; false at the end.
 */
bool crl_next(const struct crl *c, size_t *pos, struct crl_entry *out);

#endif
