/*
 * certwatch_ask: asks the engine about one chain, then for the response that
 * may be stapled. Control thread; every answer ends in certwatch_entry_say.
 */
#include "cache/base/text.h"
#include "gateway/certwatch/certwatch_entry.h"

#include <stdio.h>
#include <string.h>

#include "gateway/tls/staple.h"
#include "gateway/base/pending_check.h"

void
certwatch_entry_set_staple(struct certwatch_entry *e, struct staple *staple)
{
	if (staple != NULL || e->staple != NULL)
		e->watch->dirty = true;
	if (staple == NULL && e->staple != NULL)
		e->watch->urgent = true;
	if ((staple != NULL) != (e->staple != NULL))
		log_event(e->watch->services->log,
		    staple != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		    staple != NULL ? "staple-sent-along" : "staple-ended", NULL,
		    0, "own certificate is %s (identity='%s')",
		    staple != NULL ? "stapled" : "not stapled any more",
		    e->item.name);
	staple_free(e->staple);
	e->staple = staple;
}

/*
 * The mode that counts for this use of it. Whether peers are let in is not
 * the question: what is not off is asked in full.
 */
static enum revcheck_mode
mode_for(const struct certwatch_entry *e, const struct revcheck_policy *p)
{
	enum revcheck_mode mode = e->watch->tls_mode;

	if (e->item.use != CERTWATCH_TLS || mode == REVCHECK_MODE_DEFAULT)
		mode = p->mode;
	return mode == REVCHECK_MODE_OFF ? REVCHECK_MODE_OFF
					 : REVCHECK_MODE_HARD_FAIL;
}

/* Answers with a nonce are not kept, and would be fetched every time. */
static void
policy_for(const struct certwatch_entry *e, struct revcheck_policy *p)
{
	*p = (struct revcheck_policy){.size = sizeof(*p)};
	revcheck_get_policy(e->watch->services->engine, p);
	p->nonce = REVCHECK_NONCE_OFF;
	p->shadow_hard = 0;
}

static void
runs_out_at(struct certwatch_entry *e, time_t at)
{
	if (at != 0 && (e->runs_out == 0 || at < e->runs_out))
		e->runs_out = at;
}

static void
entry_done(struct certwatch_entry *e)
{
	time_t now = certwatch_now(e->watch);

	e->answered = true;
	e->ask_at = certwatch_ask_at(now, e->status, e->runs_out);
	certwatch_entry_say(e, now);
	certwatch_turn_in(e->watch, 0);
}

static int
entry_submit(struct certwatch_entry *e, const struct revcheck_policy *policy,
    unsigned flags, pending_check_fn *fn, struct revcheck_report **report)
{
	const struct services *s = e->watch->services;
	struct revcheck_query query = {.size = sizeof(query),
	    .chain = e->path,
	    .trust = e->item.trust,
	    .mode = mode_for(e, policy),
	    .policy = policy,
	    .flags =
		flags | REVCHECK_QUERY_PATH_VERIFIED | REVCHECK_QUERY_RECHECK};
	struct revcheck_error why = {0};
	int rc;

	rc = chain_poll_ask(
	    &e->watch->poll, &e->question, report, &query, fn, e, &why);
	if (rc < 0)
		log_line(s->log, LOG_LEVEL_WARN,
		    "cannot ask about an own certificate: %s (identity='%s')",
		    why.msg, e->item.name);
	return rc;
}

/* Nothing was said, neither good nor bad. */
static bool
nobody_answered(enum revcheck_why why)
{
	switch (why) {
	case REVCHECK_WHY_UNREACHABLE:
	case REVCHECK_WHY_DEADLINE:
	case REVCHECK_WHY_HTTP_ERROR:
	case REVCHECK_WHY_BACKOFF:
	case REVCHECK_WHY_OFFLINE:
	case REVCHECK_WHY_RESPONDER_ERROR:
	case REVCHECK_WHY_CANCELLED:
		return true;
	default:
		return false;
	}
}

/*
 * What may be stapled, or nothing. What was good stays until it ends where
 * there is only nobody to renew it.
 */
static void
take_response(struct certwatch_entry *e, const struct revcheck_report *report)
{
	const struct revcheck_result *r = revcheck_report_get0(report, 0);
	struct revcheck_policy policy;
	const void *der;
	time_t until;
	size_t len;

	policy_for(e, &policy);
	der = revcheck_report_response(report, 0, &len);
	until = der != NULL ? staple_until(r, &policy) : 0;
	/* A responder that does not answer now may do so soon. */
	if (r->status == REVCHECK_UNKNOWN && r->why != REVCHECK_WHY_NO_SOURCE)
		until = certwatch_now(e->watch);
	runs_out_at(e, until);
	if (r->status == REVCHECK_UNKNOWN && nobody_answered(r->why) &&
	    e->staple != NULL && e->staple->until > certwatch_now(e->watch))
		return;
	if (der == NULL || until <= certwatch_now(e->watch)) {
		certwatch_entry_set_staple(e, NULL);
		return;
	}
	if (e->staple != NULL && e->staple->len == len &&
	    e->staple->until == until && memcmp(e->staple->der, der, len) == 0)
		return;
	certwatch_entry_set_staple(e,
	    staple_new(revcheck_certs_get0(e->item.chain, 0), der, len, until));
}

static void
on_response(void *asker, struct revcheck_report *report)
{
	struct certwatch_entry *e = asker;

	take_response(e, report);
	entry_done(e);
}

static bool
wants_staple(
    const struct certwatch_entry *e, const struct revcheck_policy *policy)
{
	return e->watch->conf.staple && e->item.use == CERTWATCH_TLS &&
	    e->status != REVCHECK_REVOKED &&
	    policy->order != REVCHECK_ORDER_CRL &&
	    mode_for(e, policy) != REVCHECK_MODE_OFF;
}

/* The leaf's OCSP response, whatever answered the question about the chain. */
static void
entry_ask_response(struct certwatch_entry *e)
{
	struct revcheck_report *report = NULL;
	struct revcheck_policy policy;
	int rc;

	policy_for(e, &policy);
	if (!wants_staple(e, &policy)) {
		certwatch_entry_set_staple(e, NULL);
		entry_done(e);
		return;
	}
	policy.order = REVCHECK_ORDER_OCSP;
	rc = entry_submit(e, &policy,
	    REVCHECK_QUERY_LEAF_ONLY | REVCHECK_QUERY_KEEP_RESPONSES,
	    on_response, &report);
	if (rc == REVCHECK_PENDING)
		return;
	if (rc == REVCHECK_DONE)
		take_response(e, report);
	revcheck_report_free(report);
	entry_done(e);
}

static void
take_chain_report(
    struct certwatch_entry *e, const struct revcheck_report *report)
{
	int at = revcheck_report_index(report);
	const struct revcheck_result *r =
	    revcheck_report_get0(report, at >= 0 ? (size_t)at : 0);

	e->status = revcheck_report_status(report);
	e->why = revcheck_report_why(report);
	if (e->status == REVCHECK_NOT_ASKED)
		snprintf(e->text, sizeof(e->text),
		    "nothing is asked about it (mode %s)",
		    revcheck_mode_name(revcheck_report_mode(report)));
	else if (r != NULL)
		text_format(e->text, sizeof(e->text),
		    "certificate %d '%.120s' %s", at >= 0 ? at : 0, r->subject,
		    r->text);
	if (e->status == REVCHECK_GOOD)
		e->known_good_at = certwatch_now(e->watch);
	source_index_rest(e->watch->sources, &e->answer, report, 0);
	e->runs_out = 0;
	for (size_t i = 0; i < revcheck_report_num(report); i++) {
		r = revcheck_report_get0(report, i);
		if (r->status == REVCHECK_GOOD)
			runs_out_at(e, r->next_update);
	}
	/* No longer than it takes to hear of it. */
	if (e->status == REVCHECK_REVOKED)
		certwatch_entry_set_staple(e, NULL);
}

static void
on_chain(void *asker, struct revcheck_report *report)
{
	struct certwatch_entry *e = asker;

	take_chain_report(e, report);
	entry_ask_response(e);
}

static void
entry_find_path(struct certwatch_entry *e)
{
	const struct revcheck_path_query query = {
	    .size = sizeof(query),
	    .chain = e->item.chain,
	    .any_time = 1, /* dates are told of apart */
	    .security_level = -1,
	};

	e->vouched_known = true;
	if (e->item.trust != NULL &&
	    revcheck_trust_verify(
		e->item.trust, &e->path, &query, NULL, NULL) == 1)
		return;
	e->status = REVCHECK_NOT_ASKED;
	snprintf(
	    e->text, sizeof(e->text), "no configured anchor vouches for it");
}

void
certwatch_entry_ask(struct certwatch_entry *e)
{
	struct revcheck_report *report = NULL;
	struct revcheck_policy policy;
	int rc;

	e->due = false;
	if (!e->vouched_known)
		entry_find_path(e);
	if (e->path == NULL) {
		certwatch_entry_set_staple(e, NULL);
		entry_done(e);
		return;
	}
	policy_for(e, &policy);
	rc = entry_submit(e, &policy, 0, on_chain, &report);
	if (rc == REVCHECK_PENDING)
		return;
	if (rc == REVCHECK_DONE) {
		take_chain_report(e, report);
		revcheck_report_free(report);
		entry_ask_response(e);
		return;
	}
	e->ask_at = certwatch_now(e->watch) + CERTWATCH_RETRY_SEC;
}
