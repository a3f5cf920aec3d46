/* policy: the decision table; see the header. Pure; any thread. */
#include "revcheck/engine/policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cache/base/text.h"

int
policy_resolve(struct revcheck_policy *out, const struct revcheck_policy *in,
    struct err *err)
{
	struct revcheck_policy p = {0};
	size_t size = in->size;

	if (size == 0 || size > sizeof(p))
		size = sizeof(p);
	memcpy(&p, in, size);
	p.size = sizeof(p);
	if ((unsigned)p.mode > REVCHECK_MODE_HARD_FAIL)
		return err_set(err, E_ARG, "policy.mode is %d, 0..%d expected",
		    (int)p.mode, REVCHECK_MODE_HARD_FAIL);
	if ((unsigned)p.order > REVCHECK_ORDER_ALL)
		return err_set(err, E_ARG, "policy.order is %d, 0..%d expected",
		    (int)p.order, REVCHECK_ORDER_ALL);
	if ((unsigned)p.nonce > REVCHECK_NONCE_REQUIRED)
		return err_set(err, E_ARG, "policy.nonce is %d, 0..%d expected",
		    (int)p.nonce, REVCHECK_NONCE_REQUIRED);
	if (p.security_level < -1 || p.security_level > 5)
		return err_set(err, E_ARG,
		    "policy.security_level is %d, -1..5 expected",
		    p.security_level);
	if (p.mode == REVCHECK_MODE_DEFAULT)
		p.mode = REVCHECK_MODE_SOFT_FAIL;
	if (p.skew_sec == 0 && !p.no_skew)
		p.skew_sec = POLICY_SKEW_SEC;
	if (p.no_next_update_sec == 0)
		p.no_next_update_sec = POLICY_NO_NEXT_UPDATE_SEC;
	if (p.deadline_ms == 0)
		p.deadline_ms = POLICY_DEADLINE_MS;
	if (p.security_level == 0)
		p.security_level = POLICY_SECURITY_LEVEL;
	*out = p;
	return 0;
}

struct validity_rules
policy_rules(const struct revcheck_policy *p, time_t at)
{
	return (struct validity_rules){
	    .at = at,
	    .skew_sec = p->skew_sec,
	    .max_age_sec = p->max_age_sec,
	    .no_next_update_sec = p->no_next_update_sec,
	    .relax = p->relax,
	    .security_level = p->security_level < 0 ? 0 : p->security_level,
	    .nonce = p->nonce,
	};
}

int
policy_telling(enum revcheck_why why)
{
	/* Least telling first. */
	static const enum revcheck_why order[] = {
	    REVCHECK_WHY_NONE,
	    REVCHECK_WHY_NO_SOURCE,
	    REVCHECK_WHY_OFFLINE,
	    REVCHECK_WHY_URL_REFUSED,
	    REVCHECK_WHY_BACKOFF,
	    REVCHECK_WHY_UNREACHABLE,
	    REVCHECK_WHY_DEADLINE,
	    REVCHECK_WHY_HTTP_ERROR,
	    REVCHECK_WHY_TOO_LARGE,
	    REVCHECK_WHY_RESPONDER_ERROR,
	    REVCHECK_WHY_OUT_OF_SCOPE,
	    REVCHECK_WHY_MALFORMED,
	    REVCHECK_WHY_UNKNOWN_CERT,
	    REVCHECK_WHY_REASONS_MISSING,
	    REVCHECK_WHY_NOT_YET_VALID,
	    REVCHECK_WHY_STALE,
	    REVCHECK_WHY_OLDER,
	    REVCHECK_WHY_NONCE,
	    REVCHECK_WHY_CRITICAL_EXT,
	    REVCHECK_WHY_SIGNER_UNKNOWN,
	    REVCHECK_WHY_SIGNER_REVOKED,
	    REVCHECK_WHY_FORGED,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == why)
			return (int)i;
	return (int)(sizeof(order) / sizeof(order[0])) - 2;
}

/*
 * Whether evidence is forged by somebody whose word counts: what the operator
 * gave as a file, what came over https, a peer's own staple. Whoever is on the
 * way to an http source can put the right name on garbage: if that refused in
 * SOFT_FAIL, he could shut out everybody at will.
 */
static bool
forged_counts(const struct revcheck_result *res)
{
	return res->why == REVCHECK_WHY_FORGED &&
	    strncasecmp(res->url, "http://", 7) != 0;
}

/* Whether this fact, in this mode, refuses the chain. */
static bool
refuses(const struct revcheck_result *res, enum revcheck_mode mode)
{
	if (res->status == REVCHECK_REVOKED)
		return mode != REVCHECK_MODE_OFF ||
		    res->why == REVCHECK_WHY_DENYLISTED;
	if (res->status == REVCHECK_GOOD || res->status == REVCHECK_NOT_ASKED)
		return false;
	if (mode == REVCHECK_MODE_OFF)
		return false;
	return mode != REVCHECK_MODE_SOFT_FAIL || forged_counts(res);
}

static int
rank(enum revcheck_status s)
{
	switch (s) {
	case REVCHECK_PATH_INVALID:
		return 4;
	case REVCHECK_REVOKED:
		return 3;
	case REVCHECK_UNKNOWN:
		return 2;
	case REVCHECK_GOOD:
		return 1;
	default:
		return 0;
	}
}

static void
decide_text(struct revcheck_report *r)
{
	const struct revcheck_result *res =
	    r->index >= 0 ? &r->results[r->index] : NULL;
	const char *verb = r->allow ? "accepted" : "refused";
	struct text_line l;

	if (res == NULL) {
		text_line_init(&l, r->text, sizeof(r->text));
		text_line_put(&l, verb);
		text_line_put(&l, ": ");
		text_line_put(&l,
		    r->status == REVCHECK_GOOD
			? "every certificate asked about is good"
			: r->mode == REVCHECK_MODE_OFF
			? "the path is valid, revocation is not checked (OFF)"
			: "the path is valid, nothing of it is asked about");
		return;
	}
	text_format(r->text, sizeof(r->text),
	    "%s: certificate %d '%.200s': %s%s", verb, r->index, res->subject,
	    res->text[0] != '\0' ? res->text : revcheck_why_name(res->why),
	    r->allow ? " (let in by SOFT_FAIL)" : "");
}

void
policy_decide(struct revcheck_report *r, bool shadow_hard)
{
	bool deny = r->status == REVCHECK_PATH_INVALID;
	int worst = -1;

	if (deny)
		return; /* the report was made refusing, with a text of its own
			 */
	r->index = -1;
	r->why = REVCHECK_WHY_NONE;
	/* From the anchor down: the topmost of the strictest is named. */
	for (size_t i = r->num; i-- > 0;) {
		struct revcheck_result *res = &r->results[i];
		bool out = refuses(res, r->modes[i]);
		int weight = rank(res->status) * 2 + (out ? 1 : 0);

		deny = deny || out;
		if (res->status == REVCHECK_UNKNOWN && !out &&
		    r->modes[i] != REVCHECK_MODE_OFF)
			res->soft_accepted = 1;
		if (shadow_hard && !out &&
		    r->modes[i] == REVCHECK_MODE_SOFT_FAIL &&
		    refuses(res, REVCHECK_MODE_HARD_FAIL))
			r->shadow_refuses = true;
		if (weight <= worst)
			continue;
		worst = weight;
		r->status = res->status;
		r->why = res->why;
		r->index = rank(res->status) >= 2 ? (int)i : -1;
	}
	r->allow = !deny;
	decide_text(r);
}
