/*
 * cert_check_result: which of several results or failures is kept. Pure, but
 * for the check that it writes to.
 */
#include <stdio.h>
#include <string.h>

#include "revcheck/engine/cert_check_internal.h"
#include "revcheck/engine/policy.h"

static bool
same_try(const struct revcheck_result *a, const struct revcheck_result *b)
{
	return a->status == b->status && a->why == b->why &&
	    a->method == b->method && strcmp(a->url, b->url) == 0 &&
	    strcmp(a->text, b->text) == 0;
}

void
cert_check_note(struct cert_check *q, const struct revcheck_result *r)
{
	struct cert_trail *t = q->trail;

	if (t == NULL || t->num == CERT_TRAIL_MAX)
		return;
	for (size_t i = 0; i < t->num; i++)
		if (same_try(&t->v[i], r))
			return;
	t->v[t->num++] = *r;
}

static void
note_complaint(struct cert_check *q, enum revcheck_why why, int http_status,
    const char *url, const char *msg)
{
	struct revcheck_result r;

	if (q->trail == NULL)
		return;
	r = q->s->blank;
	r.why = why;
	r.http_status = http_status;
	snprintf(r.url, sizeof(r.url), "%s", url != NULL ? url : "");
	snprintf(r.text, sizeof(r.text), "%s", msg != NULL ? msg : "");
	cert_check_note(q, &r);
}

void
cert_check_complain(struct cert_check *q, enum revcheck_why why,
    int http_status, const char *url, const char *msg)
{
	struct complaint *c = &q->worst;

	note_complaint(q, why, http_status, url, msg);
	if (policy_telling(why) < policy_telling(c->why) ||
	    (c->why == why && c->msg[0] != '\0'))
		return;
	c->why = why;
	c->http_status = http_status;
	snprintf(c->url, sizeof(c->url), "%s", url != NULL ? url : "");
	snprintf(c->msg, sizeof(c->msg), "%s", msg != NULL ? msg : "");
}

/* Strictest and freshest wins: REVOKED, then GOOD, then the telling UNKNOWN. */
static bool
result_beats(const struct revcheck_result *a, const struct revcheck_result *b)
{
	if (a->status != b->status) {
		if (b->status == REVCHECK_REVOKED)
			return false;
		return a->status == REVCHECK_REVOKED ||
		    b->status == REVCHECK_UNKNOWN;
	}
	if (a->status == REVCHECK_UNKNOWN)
		return policy_telling(a->why) > policy_telling(b->why);
	return a->this_update > b->this_update;
}

bool
cert_check_consider(
    struct revcheck_result *best, const struct revcheck_result *r, bool *have)
{
	bool better = !*have || result_beats(r, best);

	if (better)
		*best = *r;
	*have = true;
	return better;
}
