/*
 * subject: what is worked out once about a certificate and its issuer under a
 * trust, and asked for ever after: where its evidence is, under which keys the
 * archive holds it, how it is called. Counted, immutable.
 *
 * The memo keeps the subjects seen lately, so that a peer that comes back
 * costs a table look-up. Sharded, bounded, thread-safe.
 */
#ifndef REVCHECK_ENGINE_SUBJECT_H
#define REVCHECK_ENGINE_SUBJECT_H

#include "cache/engine/archive.h"
#include "revcheck/crl/crl.h"
#include "revcheck/revcheck.h"

/* Per-issuer overrides as kept; counted, immutable. */
struct issuer_rule {
	unsigned char ski[64];
	size_t ski_len;
	enum revcheck_mode mode;
	bool exempt;
	char **ocsp_urls; /* NULL: AIA */
	char **crl_urls;  /* NULL: none */
	X509 *ocsp_signer;
};

struct issuer_rules {
	struct ref ref;
	size_t num;
	struct issuer_rule v[];
};

int issuer_rules_new(struct issuer_rules **out,
    const struct revcheck_issuer_rule *rules, size_t num,
    struct err *err) MUST_USE;
struct issuer_rules *issuer_rules_up_ref(struct issuer_rules *r);
void issuer_rules_free(struct issuer_rules *r);
/* The rule for this issuing CA, or NULL. r may be NULL. */
const struct issuer_rule *
issuer_rules_find(const struct issuer_rules *r, X509 *issuer);

/* Everything that evidence must not be shared across. Borrowed. */
struct subject_context {
	const struct revcheck_trust *trust; /* NULL: status-only */
	X509 *anchor;                       /* NULL: status-only */
	const struct issuer_rules *rules;   /* may be NULL */
	unsigned relax;
	int security_level;
};

struct subject_point {
	struct archive_key key;
	const char *const *urls; /* lent by the subject; NULL-terminated */
	size_t num_urls;
};

struct subject {
	struct ref ref;
	X509 *cert, *issuer, *anchor;
	const struct revcheck_trust *trust; /* identity only, see trust_id */
	const struct issuer_rules *rules;   /* identity only */
	unsigned char trust_id[32];
	unsigned relax;
	int security_level;
	struct crl_subject *crl;
	char **aia_urls;
	struct issuer_rules *rules_ref;
	const struct issuer_rule *rule; /* NULL: none */
	struct subject_point ocsp;      /* num_urls == 0: no responder */
	size_t num_points;              /* distribution points with URLs */
	struct subject_point *points;
	struct subject_point delta; /* num_urls == 0: none */
	struct archive_key context; /* trust, anchor, issuer key, rules */
	uint8_t owner[32];          /* SHA-256 of the issuer's key */
	uint8_t spki_sha256[32];
	uint8_t identity[32];         /* issuer key + serial, for memory */
	struct revcheck_result blank; /* names filled in, status UNKNOWN */
	struct subject *next;         /* memo chain */
};

int subject_new(struct subject **out, X509 *cert, X509 *issuer,
    const struct subject_context *ctx, struct err *err) MUST_USE;
struct subject *subject_up_ref(struct subject *s);
void subject_free(struct subject *s);
/* Key for deltas named by a CRL itself. */
struct archive_key
subject_delta_key(const struct subject *s, const char *const *urls);

struct subject_memo;
struct subject_memo *subject_memo_new(void);
void subject_memo_free(struct subject_memo *m);
/* subject_memo_get finds or makes; *out is a reference. */
int subject_memo_get(struct subject_memo *m, struct subject **out, X509 *cert,
    X509 *issuer, const struct subject_context *ctx, struct err *err) MUST_USE;
/* Forgets everything (the rules changed). */
void subject_memo_clear(struct subject_memo *m);

#endif
