/*
 * cert_check_source: the sources of a check: what memory holds, what must be
 * fetched, and the outcome.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/policy.h"
#include "revcheck/engine/cert_check_internal.h"

struct document_asker
cert_check_asker(const struct cert_check *q, const struct request_env *env)
{
	return (struct document_asker){
	    .s = q->s,
	    .chain = q->chain,
	    .num_chain = q->num_chain,
	    .index = q->index,
	    .extra = env->extra,
	    .num_extra = env->num_extra,
	    .trust = env->trust,
	    .rules = &env->rules,
	    .now = env->now,
	};
}

static bool
asks_with_nonce(const struct source *r, const struct request_env *env)
{
	return r->kind == EVIDENCE_OCSP &&
	    env->rules.nonce != REVCHECK_NONCE_OFF;
}

void
cert_check_look(struct source *r, const struct request_env *env)
{
	if (r->looked || r->point->num_urls == 0 || asks_with_nonce(r, env))
		return;
	r->looked = true;
	r->docs = archive_get1(env->rc->archive, &r->point->key);
	r->cached = r->docs;
}

bool
cert_check_wants(struct cert_check *q, struct source *r,
    const struct request_env *env, bool fetch)
{
	struct document_asker by = cert_check_asker(q, env);
	struct validity_rules rules = env->rules;

	if (r->point->num_urls == 0 || !fetch || r->fetched)
		return false;
	/* For another time than now, a fetch gives no better evidence. */
	if (r->docs != NULL && !env->now)
		return false;
	/* Nor for a stricter age than its CA's. */
	rules.max_age_sec = 0;
	by.rules = &rules;
	if (documents_answer(&by, r->kind, r == &q->delta, r->docs, NULL))
		return false;
	if (env->may_fetch)
		return true;
	r->fetched = true;
	cert_check_complain(q,
	    env->expired ? REVCHECK_WHY_DEADLINE : REVCHECK_WHY_OFFLINE, 0,
	    r->point->urls[0],
	    env->expired ? "no time was left to fetch it"
			 : "fetching is switched off (revocation.offline)");
	return false;
}

void
cert_check_doubt(struct source *r, struct evidence *e,
    enum revcheck_status signer, const struct request_env *env)
{
	uint8_t doubt = signer == REVCHECK_GOOD ? EVIDENCE_DOUBT_NONE
	    : signer == REVCHECK_REVOKED        ? EVIDENCE_DOUBT_REVOKED
						: EVIDENCE_DOUBT_UNKNOWN;

	if (!env->now)
		return;
	if (atomic_exchange(&e->doubt, doubt) != EVIDENCE_DOUBT_NONE ||
	    doubt == EVIDENCE_DOUBT_NONE || !r->fetched || r->again)
		return;
	r->again = true;
	r->fetched = false;
}

enum revcheck_source
cert_check_source_of(const struct source *r, const struct evidence *e)
{
	if (r->docs == r->cached)
		return REVCHECK_SOURCE_CACHE;
	switch (e->origin) {
	case ORIGIN_NETWORK:
		return REVCHECK_SOURCE_NETWORK;
	case ORIGIN_DISK:
		return REVCHECK_SOURCE_DISK;
	case ORIGIN_FILE:
		return REVCHECK_SOURCE_FILE;
	case ORIGIN_STAPLE:
		return REVCHECK_SOURCE_STAPLE;
	}
	return REVCHECK_SOURCE_NONE;
}

enum revcheck_why
cert_check_why_of(const struct evidence_failure *f)
{
	switch (f->fail) {
	case EVIDENCE_FAIL_NO_SOURCE:
		return REVCHECK_WHY_NO_SOURCE;
	case EVIDENCE_FAIL_SCHEME:
	case EVIDENCE_FAIL_REFUSED:
		return REVCHECK_WHY_URL_REFUSED;
	case EVIDENCE_FAIL_UNREACHABLE:
		return REVCHECK_WHY_UNREACHABLE;
	case EVIDENCE_FAIL_DEADLINE:
		return REVCHECK_WHY_DEADLINE;
	case EVIDENCE_FAIL_HTTP:
		return REVCHECK_WHY_HTTP_ERROR;
	case EVIDENCE_FAIL_TOO_LARGE:
		return REVCHECK_WHY_TOO_LARGE;
	case EVIDENCE_FAIL_MALFORMED:
		return REVCHECK_WHY_MALFORMED;
	case EVIDENCE_FAIL_REJECTED:
		return (enum revcheck_why)f->reject_code;
	case EVIDENCE_FAIL_OLDER:
		return REVCHECK_WHY_STALE;
	case EVIDENCE_FAIL_BACKOFF:
		return REVCHECK_WHY_BACKOFF;
	case EVIDENCE_FAIL_OFFLINE:
		return REVCHECK_WHY_OFFLINE;
	case EVIDENCE_FAIL_CLOSED:
		return REVCHECK_WHY_CANCELLED;
	case EVIDENCE_FAIL_NONE:
	case EVIDENCE_FAIL_NOMEM:
		break;
	}
	return REVCHECK_WHY_INTERNAL;
}

void
cert_check_fetched(struct cert_check *q, struct source *r, struct documents *d,
    const struct evidence_failure *f)
{
	r->fetched = true;
	if (d != NULL) {
		documents_free(r->docs);
		r->docs = documents_up_ref(d);
		r->cached = NULL;
	}
	/* Where it answered, and does not help, its documents say why. */
	if (f != NULL && f->fail != EVIDENCE_FAIL_NONE && r != &q->delta)
		cert_check_complain(
		    q, cert_check_why_of(f), f->http_status, f->url, f->msg);
}

void
cert_check_expired(struct cert_check *q, struct source *r, uint32_t deadline_ms)
{
	char msg[96];

	r->fetched = true;
	snprintf(msg, sizeof(msg), "no answer within the deadline of %u ms",
	    (unsigned)deadline_ms);
	cert_check_complain(
	    q, REVCHECK_WHY_DEADLINE, 0, r->point->urls[0], msg);
}
