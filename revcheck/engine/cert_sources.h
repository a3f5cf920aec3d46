/*
 * cert_sources: what is worked out once about a certificate and its issuer
 * under an anchor: where its evidence is, the archive's keys for it, its names.
 * Counted, immutable.
 *
 * The memo holds those seen lately, so that a peer that comes back costs a
 * table look-up. Sharded, bounded, thread-safe.
 */
#ifndef REVCHECK_ENGINE_CERT_SOURCES_H
#define REVCHECK_ENGINE_CERT_SOURCES_H

#include "cache/engine/archive.h"
#include "revcheck/crl/crl.h"
#include "revcheck/revcheck.h"

/* A per-issuer override; counted, immutable. */
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

/* All that proofs must not be shared across. Borrowed. */
struct cert_sources_context {
	X509 *anchor;                     /* NULL: status-only */
	const struct issuer_rules *rules; /* may be NULL */
	unsigned relax;
	int security_level;
};

struct cert_sources_point {
	struct evidence_key key;
	const char *const *urls; /* lent by its cert_sources; NULL-terminated */
	size_t num_urls;
};

struct cert_sources {
	struct ref ref;
	X509 *cert, *issuer, *anchor;
	const struct issuer_rules *rules; /* identity only */
	unsigned relax;
	int security_level;
	struct crl_subject *crl;
	char **aia_urls;
	struct issuer_rules *rules_ref;
	const struct issuer_rule *rule; /* NULL: none */
	struct cert_sources_point ocsp; /* num_urls == 0: no responder */
	size_t num_points;              /* distribution points with URLs */
	struct cert_sources_point *points;
	struct cert_sources_point delta; /* num_urls == 0: none */
	/* Of proofs: anchor, issuer key, relax, level, pinned responder. */
	struct evidence_key context;
	/* Of an OCSP response, which is about several certificates: and certID.
	 */
	struct evidence_key ocsp_context;
	uint8_t owner[32]; /* SHA-256 of the issuer's key */
	uint8_t spki_sha256[32];
	uint8_t identity[32];         /* issuer key, serial, anchor */
	uint8_t word[32];             /* issuer key and serial alone */
	struct revcheck_result blank; /* names filled in, status UNKNOWN */
	struct cert_sources *next;    /* memo chain */
	time_t met;                   /* when it came into the memo */
};

struct cert_sources *cert_sources_up_ref(struct cert_sources *s);
void cert_sources_free(struct cert_sources *s);
/* Key for deltas named by a CRL itself. */
struct evidence_key
cert_sources_delta_key(const struct cert_sources *s, const char *const *urls);

struct cert_sources_memo;
struct cert_sources_memo *cert_sources_memo_new(void);
void cert_sources_memo_free(struct cert_sources_memo *m);
/* cert_sources_memo_get finds or makes; *out is a reference. */
int cert_sources_memo_get(struct cert_sources_memo *m,
    struct cert_sources **out, X509 *cert, X509 *issuer,
    const struct cert_sources_context *ctx, struct err *err) MUST_USE;
/* Empties it (the issuer rules changed). */
void cert_sources_memo_clear(struct cert_sources_memo *m);
/* Takes out what came into it at or after that time. */
void cert_sources_memo_trim(struct cert_sources_memo *m, time_t since);

#endif
