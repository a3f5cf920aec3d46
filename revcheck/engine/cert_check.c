/*
 * cert_check: gathers evidence about one certificate in the order that the
 * policy names, and has it weighed by crl_status and ocsp_status. Does not
 * decide who is let in. Never blocks or fetches: it names what it needs.
 */
#include "cache/base/text.h"
#include "revcheck/engine/cert_check_internal.h"

#include <stdio.h>

#include "revcheck/engine/engine_shared.h"
#include "revcheck/engine/policy.h"

static size_t
methods_of(enum revcheck_order order, enum revcheck_method out[2])
{
	switch (order) {
	case REVCHECK_ORDER_CRL_OCSP:
		out[0] = REVCHECK_METHOD_CRL;
		out[1] = REVCHECK_METHOD_OCSP;
		return 2;
	case REVCHECK_ORDER_OCSP:
		out[0] = REVCHECK_METHOD_OCSP;
		return 1;
	case REVCHECK_ORDER_CRL:
		out[0] = REVCHECK_METHOD_CRL;
		return 1;
	default:
		out[0] = REVCHECK_METHOD_OCSP;
		out[1] = REVCHECK_METHOD_CRL;
		return 2;
	}
}

/* Nobody was asked, and why. */
static const char *
no_source(const struct cert_check *q, enum revcheck_why *why)
{
	*why = REVCHECK_WHY_NO_SOURCE;
	if (q->s->num_points > 0 || q->s->ocsp.num_urls > 0)
		return "what its CA names is not asked (revocation.order)";
	switch (crl_subject_source(q->s->crl)) {
	case CRL_SUBJECT_ODD:
		*why = REVCHECK_WHY_MALFORMED;
		return "its distribution points cannot be read";
	case CRL_SUBJECT_POINTS:
		return "its distribution points name no URL";
	case CRL_SUBJECT_NONE:
		break;
	}
	return "its CA names no OCSP responder and no CRL";
}

static void
finish_unknown(struct cert_check *q, struct revcheck_result *r, bool have)
{
	const struct complaint *c = &q->worst;

	if (have && policy_telling(r->why) >= policy_telling(c->why) &&
	    r->why != REVCHECK_WHY_NONE)
		return;
	if (!have)
		*r = q->s->blank;
	r->status = REVCHECK_UNKNOWN;
	r->why = c->why;
	r->http_status = c->http_status;
	if (c->why == REVCHECK_WHY_NONE) {
		snprintf(r->text, sizeof(r->text),
		    "unknown: %s, and none was supplied",
		    no_source(q, &r->why));
		return;
	}
	snprintf(r->url, sizeof(r->url), "%s", c->url);
	if (c->url[0] != '\0')
		text_format(r->text, sizeof(r->text),
		    "unknown (%s): '%.110s': %.200s", revcheck_why_name(c->why),
		    c->url, c->msg);
	else
		snprintf(r->text, sizeof(r->text), "unknown (%s): %s",
		    revcheck_why_name(c->why), c->msg);
}

/*
 * Known elsewhere as good, but evidence at hand says revoked: the newer word
 * counts for a hold, any word counts for a revocation.
 */
static bool
overrules(
    const struct revcheck_result *found, const struct revcheck_result *good)
{
	if (found->status != REVCHECK_REVOKED)
		return false;
	return found->reason != REVCHECK_REASON_CERTIFICATE_HOLD ||
	    found->this_update >= good->this_update;
}

static enum answer
ask_methods(struct cert_check *q, struct request_env *env, bool *have,
    struct source **need, struct cert_check **owner)
{
	enum revcheck_order order = env->snap->policy.order;
	enum revcheck_method method[2];
	size_t num =
	    methods_of(q->crl_only ? REVCHECK_ORDER_CRL : order, method);
	struct revcheck_result *found = &q->found;
	bool all = order == REVCHECK_ORDER_ALL, found_any;
	enum answer a;

	for (size_t i = 0; i < num; i++) {
		bool settled = *have && q->res.status != REVCHECK_UNKNOWN;

		if (settled && q->res.status == REVCHECK_REVOKED)
			break;
		found_any = false;
		if (method[i] == REVCHECK_METHOD_OCSP)
			a = cert_check_ask_ocsp(q, env, !settled || all, found,
			    &found_any, need, owner);
		else
			a = cert_check_ask_crl(q, env, !settled || all, found,
			    &found_any, need, owner);
		if (a != ANSWER_FINAL)
			return a;
		if (!found_any)
			continue;
		if (!settled)
			cert_check_consider(&q->res, found, have);
		else if (overrules(found, &q->res))
			q->res = *found;
	}
	return ANSWER_FINAL;
}

/*
 * What was revoked once stays so, when there is no evidence now and when its CA
 * does not list it any more. A hold ends with silence of a later date. False:
 * it is not so, as far as is known here.
 */
static bool
recall(struct cert_check *q, const struct request_env *env)
{
	struct revcheck_result *res = &q->res;
	struct known_revocation k;

	if (!known_revoked_get(env->rc->known, q->s->identity, &k))
		return false;
	q->was_known = true;
	if (res->status == REVCHECK_GOOD &&
	    k.reason == REVCHECK_REASON_CERTIFICATE_HOLD &&
	    res->this_update > k.this_update)
		return false;
	known_revoked_tell(&k, res->status == REVCHECK_GOOD, res);
	return true;
}

/* Another engine's word, until there is evidence of our own. */
static void
hear(struct cert_check *q, const struct request_env *env)
{
	struct known_revocation k;

	if (!engine_told_get(env->rc, q->s->word, &k))
		return;
	q->was_told = true;
	if (known_revoked_word_counts(&k, &q->res))
		known_revoked_tell_word(&k, &q->res);
}

enum answer
cert_check_answer(struct cert_check *q, struct request_env *env,
    struct source **need, struct cert_check **owner)
{
	bool have = false;
	enum answer a;

	if (q->final)
		return ANSWER_FINAL;
	if (q->s->rule != NULL && q->s->rule->exempt) {
		q->res.status = REVCHECK_NOT_ASKED;
		snprintf(q->res.text, sizeof(q->res.text),
		    "not asked about: its issuer is exempt");
		q->final = true;
		return ANSWER_FINAL;
	}
	if (cert_check_prepare(q, env) != 0)
		return ANSWER_NOMEM;
	q->asking = true;
	q->res = q->s->blank;
	a = ask_methods(q, env, &have, need, owner);
	q->asking = false;
	if (a != ANSWER_FINAL)
		return a;
	if (!have || q->res.status == REVCHECK_UNKNOWN)
		finish_unknown(q, &q->res, have);
	if (env->now && q->res.status != REVCHECK_REVOKED && !recall(q, env))
		hear(q, env);
	q->final = true;
	return ANSWER_FINAL;
}
