/*
 * question: what is asked about one certificate, and the evidence gathered for
 * it so far. Evaluation is re-entrant by repetition: it runs from the top each
 * time, uses what the resources hold, and either ends or names the one
 * resource it needs fetched. A question belongs to one request and is touched
 * by one thread at a time: the caller's until the request is pending, the
 * service thread's from there on.
 */
#ifndef REVCHECK_ENGINE_QUESTION_H
#define REVCHECK_ENGINE_QUESTION_H

#include <stdbool.h>

#include "cache/engine/archive.h"
#include "cache/base/bytes.h"
#include "revcheck/crl/crl.h"
#include "revcheck/engine/engine.h"
#include "revcheck/ocsp/ocsp.h"
#include "revcheck/engine/subject.h"
#include "revcheck/engine/supplied.h"

/* A failure worth telling, kept until something better is known. */
struct complaint {
	enum revcheck_why why;
	int http_status;
	char url[160];
	char msg[256];
};

/* One thing that may be fetched, and what came of it. */
struct resource {
	enum evidence_kind kind;
	const struct subject_point *point;
	bool looked;  /* memory was asked */
	bool fetched; /* the archive was asked, or may not be */
	enum revcheck_source source;
	struct evidence *e; /* reference, may be stale */
};

struct request_env;

struct question {
	struct subject *s;
	/* The verified chain this certificate stands in, anchor last. */
	X509 *const *chain;
	size_t num_chain, index;
	enum revcheck_mode mode;
	unsigned depth; /* 0: of the chain; above: of a signer of evidence */
	bool crl_only;  /* a delegated responder is not asked by OCSP */
	bool asking;    /* on the stack: meeting it again is a circle */
	bool final;
	bool prepared; /* supplied evidence was sorted in */
	struct resource ocsp, delta;
	struct resource *points;        /* one per subject point */
	struct subject_point own_delta; /* named by the CRL itself */
	char *const *own_delta_urls;
	/* Supplied evidence that concerns it, accepted or proven. */
	struct ocsp_proof **ocsp_proofs;
	const struct supplied **ocsp_from;
	size_t num_ocsp;
	struct crl_evidence *witness; /* the supplied ones first */
	size_t num_supplied, cap_witness;
	struct complaint worst; /* most telling failure so far */
	/* Here and not on the stack, which may be a handshake's small one. */
	struct revcheck_result res, found, tmp;
};

/* What a question sees of its request. */
struct request_env {
	struct revcheck *rc;
	const struct snapshot *snap;
	struct validity_rules rules; /* at the time asked for */
	struct revcheck_trust *trust;
	X509 *const *extra;
	size_t num_extra;
	struct revcheck_evidence *supplied;
	struct evidence *staple;   /* for the leaf, or NULL */
	bool may_fetch;            /* not offline, deadline not passed */
	bool expired;              /* the deadline passed */
	bool now;                  /* rules.at is the present */
	struct question **signers; /* questions about signers of evidence */
	size_t num_signers;
};

enum answer {
	ANSWER_FINAL = 0, /* q->res is complete */
	ANSWER_FETCH,     /* *need must be fetched first */
	ANSWER_NOMEM
};

int question_new(struct question **out, struct subject *s, X509 *const *chain,
    size_t num_chain, size_t index, unsigned depth, struct err *err) MUST_USE;
void question_free(struct question *q);

enum answer question_answer(struct question *q, struct request_env *env,
    struct resource **need, struct question **owner);

/*
 * question_order makes the archive order for a resource: URLs, request and an
 * acceptor that outlives the question. order_cleanup drops what it holds.
 */
struct order {
	struct archive_order o;
	struct bytes request;
};
int question_order(struct order *out, const struct question *q,
    const struct resource *r, const struct request_env *env,
    struct err *err) MUST_USE;
void order_cleanup(struct order *o);

/* What the archive answered, noted in the resource and the question. */
void question_fetched(struct question *q, struct resource *r,
    struct evidence *e, const struct archive_failure *f);
/* The deadline passed before it answered. */
void
question_expired(struct question *q, struct resource *r, uint32_t deadline_ms);

#endif
