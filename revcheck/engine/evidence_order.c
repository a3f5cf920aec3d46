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
#include "cache/der/der.h"
#include "revcheck/engine/cert_check.h"

#define REQUEST_MAX 4096

struct acceptor {
	struct archive_acceptor base; /* first: cast back from it */
	struct cert_sources *s;
	struct revcheck_trust *trust; /* NULL: status-only */
	X509 **certs;                 /* chain, then extra */
	size_t num_chain, num_extra, index;
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

static void
crl_proof_drop(void *p)
{
	crl_proof_free(p);
}

static void
ocsp_proof_drop(void *p)
{
	ocsp_proof_free(p);
}

/* CRLNumber's content octets, or an empty span. */
static struct span
crl_number_of(const struct crl *crl)
{
	static const uint8_t oid[] = {0x55, 0x1d, 0x14};
	struct span value, number;
	struct der d;
	bool critical;

	if (!crl_extension(crl, span_of(oid, sizeof(oid)), &critical, &value))
		return span_of(NULL, 0);
	der_init(&d, value);
	if (!der_integer(&d, &number) || !der_done(&d))
		return span_of(NULL, 0);
	return number;
}

static int
accept_crl(struct acceptor *a, struct evidence *draft, time_t now,
    int *reject_code, struct err *err)
{
	const struct crl_info *info = crl_get0_info(draft->crl);
	struct crl_signers who = {.chain = a->certs,
	    .num_chain = a->num_chain,
	    .subject = a->index,
	    .extra = a->certs + a->num_chain,
	    .num_extra = a->num_extra,
	    .trust = a->trust};
	enum revcheck_why why = REVCHECK_WHY_INTERNAL;
	struct crl_proof *proof = NULL;
	struct validity_rules rules = a->rules;
	int rc;

	rules.at = now;
	/* A response that is not valid yet must not replace one that is. */
	if (info->this_update > now + (time_t)rules.skew_sec) {
		*reject_code = REVCHECK_WHY_NOT_YET_VALID;
		return err_set(err, E_PARSE, "the CRL is not valid yet");
	}
	rc = crl_verify(&proof, draft->crl, &who, &rules, &why, err);
	if (rc != 0) {
		*reject_code = why;
		return rc;
	}
	draft->proof = proof;
	draft->proof_free = crl_proof_drop;
	draft->this_update = info->this_update;
	draft->next_update = info->has_next_update ? info->next_update : 0;
	draft->number = crl_number_of(draft->crl);
	draft->cost_bytes = info->der.len + crl_index_bytes(draft->crl);
	return 0;
}

static int
accept_ocsp(struct acceptor *a, struct evidence *draft, time_t now,
    int *reject_code, struct err *err)
{
	struct ocsp_question q = {.subject = a->s->cert,
	    .issuer = a->s->issuer,
	    .pinned = a->s->rule != NULL ? a->s->rule->ocsp_signer : NULL,
	    .extra = a->certs + a->num_chain,
	    .num_extra = a->num_extra,
	    .nonce = span_of(a->nonce, a->nonce_len)};
	enum revcheck_why why = REVCHECK_WHY_INTERNAL;
	struct ocsp_proof *proof = NULL;
	struct validity_rules rules = a->rules;
	int rc;

	rules.at = now;
	rc = ocsp_verify(
	    &proof, span_of(draft->der, draft->der_len), &q, &rules, &why, err);
	if (rc != 0) {
		*reject_code = why;
		return rc;
	}
	draft->proof = proof;
	draft->proof_free = ocsp_proof_drop;
	for (size_t i = 0; i < proof->num_facts; i++) {
		const struct ocsp_fact *f = &proof->facts[i];

		if (i == 0 || f->this_update < draft->this_update)
			draft->this_update = f->this_update;
		if (f->next_update != 0 &&
		    (draft->next_update == 0 ||
			f->next_update < draft->next_update))
			draft->next_update = f->next_update;
	}
	if (draft->this_update > now + (time_t)rules.skew_sec) {
		*reject_code = REVCHECK_WHY_NOT_YET_VALID;
		return err_set(err, E_PARSE, "the response is not valid yet");
	}
	draft->cost_bytes = draft->der_len * 2 + 512;
	return 0;
}

static int
acceptor_accept(struct archive_acceptor *self, struct evidence *draft,
    time_t now, int *reject_code, struct err *err)
{
	struct acceptor *a = (struct acceptor *)self;

	if (draft->kind == EVIDENCE_CRL)
		return accept_crl(a, draft, now, reject_code, err);
	return accept_ocsp(a, draft, now, reject_code, err);
}

static struct acceptor *
acceptor_new(const struct cert_check *q, const struct request_env *env)
{
	struct acceptor *a = calloc(1, sizeof(*a));
	size_t n = q->num_chain + env->num_extra;

	if (a == NULL)
		return NULL;
	ref_init(&a->base.ref);
	a->base.accept = acceptor_accept;
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
	a = acceptor_new(q, env);
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
