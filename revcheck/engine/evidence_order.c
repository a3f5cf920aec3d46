/*
 * evidence_order: what the archive is asked to fetch, and the acceptor that
 * goes with it. The acceptor holds references of its own: it verifies refreshed
 * evidence long after the question that ordered it was answered. It runs on the
 * service thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "cache/base/bytes.h"
#include "revcheck/engine/cert_check.h"
#include "revcheck/engine/document_proof.h"

#define REQUEST_MAX 4096

struct acceptor {
	struct archive_acceptor base; /* first: cast back from it */
	struct cert_sources *s;
	struct revcheck_trust *trust; /* NULL: status-only */
	X509 **certs;                 /* chain, then extra */
	size_t num_chain, num_extra, index;
	enum evidence_kind kind;
	bool delta;
	struct validity_rules rules;
	uint8_t nonce[32];
	size_t nonce_len;
};

static void
acceptor_free(struct archive_acceptor *base)
{
	struct acceptor *a = (struct acceptor *)base;

	for (size_t i = 0; i < a->num_chain + a->num_extra; i++)
		X509_free(a->certs[i]);
	free(a->certs);
	cert_sources_free(a->s);
	revcheck_trust_free(a->trust);
	free(a);
}

static struct document_asker
asker_of(const struct acceptor *a, const struct validity_rules *rules)
{
	return (struct document_asker){
	    .s = a->s,
	    .chain = a->certs,
	    .num_chain = a->num_chain,
	    .index = a->index,
	    .extra = a->certs + a->num_chain,
	    .num_extra = a->num_extra,
	    .trust = a->trust,
	    .nonce = span_of(a->nonce, a->nonce_len),
	    .rules = rules,
	    .now = true,
	};
}

static int
acceptor_accept(struct archive_acceptor *self, struct evidence *draft,
    time_t now, int *reject_code, struct err *err)
{
	struct acceptor *a = (struct acceptor *)self;
	struct validity_rules rules = a->rules;
	struct document_asker by = asker_of(a, &rules);
	enum revcheck_why why = REVCHECK_WHY_INTERNAL;
	const struct crl_proof *crl = NULL;
	const struct ocsp_proof *ocsp = NULL;
	struct crl_proof *my_crl = NULL;
	struct ocsp_proof *my_ocsp = NULL;
	int rc;

	rules.at = now;
	if (draft->kind == EVIDENCE_CRL)
		rc = document_prove_crl(&crl, &my_crl, draft, &by, &why, err);
	else
		rc =
		    document_prove_ocsp(&ocsp, &my_ocsp, draft, &by, &why, err);
	if (crl != NULL)
		document_describe_crl(draft, crl);
	if (ocsp != NULL)
		document_describe_ocsp(draft, ocsp, &rules);
	crl_proof_free(my_crl);
	ocsp_proof_free(my_ocsp);
	*reject_code = why;
	return rc;
}

static bool
acceptor_answers(struct archive_acceptor *self, const struct documents *held,
    const struct documents *seen, time_t now)
{
	struct acceptor *a = (struct acceptor *)self;
	struct validity_rules rules = a->rules;
	struct document_asker by = asker_of(a, &rules);

	rules.at = now;
	/* For a stricter age than its CA's, a fetch gives nothing better. */
	rules.max_age_sec = 0;
	return documents_answer(&by, a->kind, a->delta, held, seen);
}

/*
 * Acceptors of one accept the same documents: what they may find a signer
 * among is in it, and that is all certificates but the one asked about.
 */
static struct evidence_key
acceptor_context(const struct acceptor *a)
{
	struct evidence_key k = a->s->context;
	X509 *subject = a->certs[a->index];
	uint8_t digest[32];

	for (size_t i = 0; i < a->num_chain + a->num_extra; i++) {
		struct span parts[] = {span_of(k.id, sizeof(k.id)),
		    span_of(digest, sizeof(digest))};

		if (a->certs[i] == subject ||
		    X509_cmp(a->certs[i], subject) == 0)
			continue;
		if (X509_digest(a->certs[i], EVP_sha256(), digest, NULL) != 1)
			memset(digest, 0, sizeof(digest));
		k = evidence_key_of(parts, 2);
	}
	return k;
}

static struct acceptor *
acceptor_new(const struct cert_check *q, const struct source *r,
    const struct request_env *env)
{
	struct acceptor *a = calloc(1, sizeof(*a));
	size_t n = q->num_chain + env->num_extra;

	if (a == NULL)
		return NULL;
	ref_init(&a->base.ref);
	a->base.accept = acceptor_accept;
	a->base.answers = acceptor_answers;
	a->kind = r->kind;
	a->delta = r == &q->delta;
	a->base.free = acceptor_free;
	a->certs = calloc(n + 1, sizeof(*a->certs));
	if (a->certs == NULL) {
		free(a);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		a->certs[i] = i < q->num_chain ? q->chain[i]
					       : env->extra[i - q->num_chain];
		X509_up_ref(a->certs[i]);
	}
	a->num_chain = q->num_chain;
	a->num_extra = env->num_extra;
	a->index = q->index;
	a->s = cert_sources_up_ref(q->s);
	a->base.context = acceptor_context(a);
	if (env->trust != NULL)
		a->trust = revcheck_trust_up_ref(env->trust);
	a->rules = env->rules;
	return a;
}

/* The OCSP request, and the one to fall back to. */
static int
order_requests(struct evidence_order *out, struct acceptor *a,
    const struct cert_check *q, const struct request_env *env, struct err *err)
{
	const struct span none = span_of(NULL, 0);
	int rc;

	if (env->rules.nonce != REVCHECK_NONCE_OFF) {
		/* An answer with a nonce is for this question alone. */
		if (RAND_bytes(a->nonce, sizeof(a->nonce)) != 1)
			return err_ossl(err, E_INTERNAL, "cannot make a nonce");
		a->nonce_len = sizeof(a->nonce);
		out->o.force_post = true;
		out->o.no_store = true;
	}
	rc = ocsp_request_build(&out->request, q->s->cert, q->s->issuer,
	    span_of(a->nonce, a->nonce_len), err);
	if (rc == 0 && env->rules.nonce == REVCHECK_NONCE_OPTIONAL)
		rc = ocsp_request_build(
		    &out->request_plain, q->s->cert, q->s->issuer, none, err);
	out->o.request = bytes_span(&out->request);
	out->o.request_plain = bytes_span(&out->request_plain);
	return rc;
}

int
evidence_order_make(struct evidence_order *out, const struct cert_check *q,
    const struct source *r, const struct request_env *env, struct err *err)
{
	struct acceptor *a;
	int rc;

	memset(out, 0, sizeof(*out));
	bytes_init(&out->request, REQUEST_MAX);
	bytes_init(&out->request_plain, REQUEST_MAX);
	a = acceptor_new(q, r, env);
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	out->o = (struct archive_order){
	    .key = r->point->key,
	    .kind = r->kind,
	    .urls = r->point->urls,
	    .num_urls = r->point->num_urls,
	    .acceptor = &a->base,
	};
	memcpy(out->o.owner, q->s->owner, sizeof(out->o.owner));
	if (r->kind != EVIDENCE_OCSP)
		return 0;
	rc = order_requests(out, a, q, env, err);
	if (rc != 0)
		evidence_order_cleanup(out);
	return rc;
}

void
evidence_order_cleanup(struct evidence_order *o)
{
	if (o->o.acceptor != NULL)
		archive_acceptor_free(o->o.acceptor);
	bytes_cleanup(&o->request);
	bytes_cleanup(&o->request_plain);
	o->o.acceptor = NULL;
}
