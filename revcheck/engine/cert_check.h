/*
 * cert_check: what is asked about one certificate, and the evidence gathered
 * for it so far. Evaluation is repeated from the top: each time it uses what
 * the sources hold, and either ends or names the one source that must be
 * fetched. A check belongs to one request and is touched by one thread at a
 * time: the caller's until the request is pending, the service thread's from
 * there on.
 */
#ifndef REVCHECK_ENGINE_CERT_CHECK_H
#define REVCHECK_ENGINE_CERT_CHECK_H

#include <stdbool.h>

#include "cache/engine/archive.h"
#include "cache/base/bytes.h"
#include "revcheck/crl/crl.h"
#include "revcheck/engine/engine_state.h"
#include "revcheck/ocsp/ocsp.h"
#include "revcheck/engine/cert_sources.h"
#include "revcheck/engine/evidence_set.h"

/* A failure to report, until a more telling one is known. */
struct complaint {
	enum revcheck_why why;
	int http_status;
	char url[160];
	char msg[256];
};

/* A source of evidence: what may be fetched, and its evidence. */
struct source {
	enum evidence_kind kind;
	const struct cert_sources_point *point;
	bool looked;  /* memory was asked */
	bool fetched; /* the archive was asked, or may not be */
	bool again;   /* ... or a second time */
	/* What it holds, and what came besides; references, may be NULL. */
	struct documents *docs;
	const struct documents *cached; /* docs, if memory had them */
};

/* What was looked at on the way, see REVCHECK_QUERY_KEEP_TRIES. */
#define CERT_TRAIL_MAX 32
struct cert_trail {
	size_t num;
	struct revcheck_result v[CERT_TRAIL_MAX];
};

struct request_env;

struct cert_check {
	struct cert_sources *s;
	/* The verified chain this certificate stands in, anchor last. */
	X509 *const *chain;
	X509 **own_chain; /* a copy, references; NULL: the request's */
	size_t num_chain, index;
	enum revcheck_mode mode;
	unsigned depth; /* 0: of the chain; above: of a signer of evidence */
	bool crl_only;  /* a delegated responder is not asked by OCSP */
	bool asking;    /* being asked: meeting it again is a circle */
	bool final;
	bool prepared;  /* supplied evidence was sorted in */
	bool was_known; /* it was found revoked before */
	bool was_told;  /* another engine found it so */
	struct source ocsp, delta;
	const struct evidence *response;     /* of ocsp: the one that counts */
	struct source *points;               /* one for each point of s */
	struct cert_sources_point own_delta; /* named by the CRL itself */
	struct documents *own_delta_of; /* lends its URLs; reference or NULL */
	/* Supplied evidence that concerns it, accepted or proven. */
	struct ocsp_proof **ocsp_proofs;
	const struct evidence_item **ocsp_from;
	size_t num_ocsp;
	struct crl_evidence *crls; /* the supplied ones first */
	size_t num_supplied, cap_crls;
	/* Proofs that are not noted beside their documents; owned. */
	struct crl_proof **own_proofs;
	size_t num_own;
	struct complaint worst;   /* most telling failure so far */
	struct cert_trail *trail; /* owned; NULL: nobody asks for it */
	/*
	 * Here and not on the stack, which may be the small one of a handshake.
	 */
	struct revcheck_result res, found, tmp;
};

enum answer {
	ANSWER_FINAL = 0, /* q->res is complete */
	ANSWER_FETCH,     /* *need must be fetched first */
	ANSWER_NOMEM
};

typedef enum answer cert_check_answer_fn(struct cert_check *q,
    struct request_env *env, struct source **need, struct cert_check **owner);

/* What a check sees of its request. */
struct request_env {
	struct revcheck *rc;
	const struct snapshot *snap;
	struct validity_rules rules; /* at the time asked for */
	struct revcheck_trust *trust;
	X509 *const *extra;
	size_t num_extra;
	struct revcheck_evidence *supplied;
	struct evidence *staple;     /* for the leaf, or NULL */
	bool may_fetch;              /* not offline, deadline not passed */
	bool expired;                /* the deadline passed */
	bool now;                    /* rules.at is the present */
	struct cert_check **signers; /* checks of signers of evidence */
	size_t num_signers;
	/*
	 * cert_check_answer. The check of a certificate includes checks of
	 * those who signed the evidence: recursion, bounded in depth and
	 * number by cert_check_signer.c.
	 */
	cert_check_answer_fn *answer;
};

/*
 * chain: of the request, which outlives its checks; at a depth above 0 a copy
 * is made.
 */
int cert_check_new(struct cert_check **out, struct cert_sources *s,
    X509 *const *chain, size_t num_chain, size_t index, unsigned depth,
    struct err *err) MUST_USE;
void cert_check_free(struct cert_check *q);

cert_check_answer_fn cert_check_answer;

/*
 * evidence_order_make makes the archive order for a source: URLs, request and
 * an acceptor that outlives the check. evidence_order_cleanup drops what it
 * holds.
 */
struct evidence_order {
	struct archive_order o;
	struct bytes request, request_plain;
};
int evidence_order_make(struct evidence_order *out, const struct cert_check *q,
    const struct source *r, const struct request_env *env,
    struct err *err) MUST_USE;
void evidence_order_cleanup(struct evidence_order *o);

/* Records the archive's answer in source and check. */
void cert_check_fetched(struct cert_check *q, struct source *r,
    struct documents *d, const struct evidence_failure *f);
/* What a failure of the archive is called in an answer. */
enum revcheck_why cert_check_why_of(const struct evidence_failure *f);
/* The deadline passed before it answered. */
void cert_check_expired(
    struct cert_check *q, struct source *r, uint32_t deadline_ms);

#endif
