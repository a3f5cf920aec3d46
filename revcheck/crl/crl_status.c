/*
 * crl_status: what verified CRLs say about one certificate, RFC 5280 6.3.3 (a)
 * to (l). Pure: evidence, rules and certificate in, one result out; any thread.
 * Neither verifies signatures nor fetches.
 *
 * Two questions, asked in this order:
 *
 *	Is it listed?   By any CRL of who may list it, be it of another
 *	                scope, stale, not valid yet, a delta, flawed, or not
 *	                wholly understood: then it is revoked, unless the
 *	                listing was a hold that later evidence lifts.
 *	Is it absent?   That takes current, complete, fully understood CRLs
 *	                from signers in good standing, for every reason
 *	                there is.
 */
#include "cache/base/text.h"
#include "revcheck/crl/crl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "revcheck/crl/crl_scope.h"
#include "revcheck/x509/name.h"

/* More CRLs than this cost an allocation. */
#define EVIDENCE_INLINE 16

/* One CRL, looked at. */
struct view {
	const struct crl_evidence *w;
	const struct crl_info *info;
	const struct crl_scope *scope;
	unsigned covers;         /* reasons for which silence counts */
	bool lists;              /* a listing counts */
	enum revcheck_why dates; /* NONE, STALE or NOT_YET_VALID */
	enum revcheck_status signer;
	bool listed;
	struct crl_entry entry;
	/* Why its silence proves nothing; NONE when it does. */
	enum revcheck_why silence;
};

struct crl_case {
	const struct crl_subject *subject;
	const struct validity_rules *rules;
	struct view *views;
	size_t num;
};

static bool
same_name(struct span a, struct span b, void *arg)
{
	(void)arg;
	return name_equal(a, b);
}

/* Reasons in the order of their weight: all, before hold, before removal. */
static int
reason_weight(int reason)
{
	if (reason == REVCHECK_REASON_REMOVE_FROM_CRL)
		return 0;
	return reason == REVCHECK_REASON_CERTIFICATE_HOLD ? 1 : 2;
}

/*
 * (i), (j): the entry for this certificate issuer and serial (5.3.3), be the
 * issuer that of the CRL or named by certificateIssuer. Of several the
 * strictest.
 */
static bool
view_find(struct view *v, const struct crl_subject *subject)
{
	/*
	 * A CRL that is not indirect lists its issuer's certificates. Where it
	 * cannot be told whether it is indirect, entries are taken as in one.
	 */
	if (!v->scope->indirect && (v->scope->flaws & CRL_FLAW_IDP) == 0)
		return name_equal(v->scope->issuer, subject->issuer) &&
		    crl_find_direct(
			v->w->crl, subject->serial, same_name, NULL, &v->entry);
	return crl_find(v->w->crl, subject->serial, subject->issuer, same_name,
	    NULL, &v->entry);
}

static void
view_init(struct view *v, const struct crl_evidence *w,
    const struct crl_subject *subject, const struct validity_rules *rules)
{
	*v = (struct view){
	    .w = w,
	    .info = crl_get0_info(w->crl),
	    .scope = w->proof->scope,
	    .signer = w->signer_status,
	};
	v->covers = crl_scope_covers(v->scope, subject, &v->lists);
	/*
	 * A CRL may cover the certificate of its own signer: then the signer's
	 * status is this very question, and asking it again proves nothing.
	 */
	if (X509_cmp(w->proof->signer, subject->cert) == 0)
		v->signer = REVCHECK_GOOD;
	v->dates = validity_dates(rules, v->info->this_update,
	    v->info->has_next_update ? v->info->next_update : 0);
	v->listed =
	    v->lists && v->signer != REVCHECK_REVOKED && view_find(v, subject);
}

/* removeFromCRL means something in a delta only (5.3.1). */
static bool
view_removes(const struct view *v)
{
	return v->listed && v->scope->is_delta &&
	    v->entry.reason == REVCHECK_REASON_REMOVE_FROM_CRL;
}

static bool
view_revokes(const struct view *v)
{
	return v->listed && !view_removes(v);
}

/* Whether its listing, or its silence, may lift a hold or prove absence. */
static bool
view_is_trusted(const struct view *v)
{
	return v->covers != 0 && v->signer == REVCHECK_GOOD &&
	    v->scope->no_absence == REVCHECK_WHY_NONE && !v->w->below_floor;
}

static bool
view_is_current(const struct view *v)
{
	return view_is_trusted(v) && v->dates == REVCHECK_WHY_NONE;
}

static bool
views_fit(const struct view *delta, const struct view *base)
{
	return crl_scope_delta_fits(delta->scope, delta->w->proof->signer,
	    base->scope, base->w->proof->signer);
}

/* a is later than b in the sequence both belong to. */
static bool
view_is_later(const struct view *a, const struct view *b)
{
	if (!crl_scope_same_line(a->scope, b->scope) ||
	    a->info->this_update < b->info->this_update)
		return false;
	/* 5.2.3: the number decides, a later date alone does not. */
	if (a->scope->number.present && b->scope->number.present)
		return crl_number_cmp(&a->scope->number, &b->scope->number) > 0;
	return a->info->this_update > b->info->this_update;
}

/*
 * Whether r lifts the hold that v lists: a current delta that fits and says
 * removeFromCRL, or a current later CRL of the same sequence, complete, in
 * which the certificate is no longer listed.
 */
static bool
view_lifts(const struct view *r, const struct view *v)
{
	if (r == v || !view_is_current(r))
		return false;
	if (view_removes(r))
		return v->scope->is_delta ? view_is_later(r, v)
					  : views_fit(r, v);
	return !r->scope->is_delta && !r->listed &&
	    (r->covers & CRL_REASONS_HOLD) != 0 && view_is_later(r, v);
}

static bool
hold_is_lifted(const struct crl_case *h, const struct view *v)
{
	if (v->entry.reason != REVCHECK_REASON_CERTIFICATE_HOLD ||
	    v->entry.unknown_critical_ext)
		return false;
	for (size_t i = 0; i < h->num; i++)
		if (view_lifts(&h->views[i], v))
			return true;
	return false;
}

/* Which of two revocations to report: final before hold, fresh before stale. */
static bool
tells_more(const struct view *a, const struct view *b)
{
	int wa = reason_weight(a->entry.reason);
	int wb = reason_weight(b->entry.reason);

	if (wa != wb)
		return wa > wb;
	if ((a->dates == REVCHECK_WHY_NONE) != (b->dates == REVCHECK_WHY_NONE))
		return a->dates == REVCHECK_WHY_NONE;
	return a->info->this_update > b->info->this_update;
}

static const struct view *
revocation_find(const struct crl_case *h)
{
	const struct view *best = NULL;

	for (size_t i = 0; i < h->num; i++) {
		const struct view *v = &h->views[i];

		if (view_revokes(v) && !hold_is_lifted(h, v) &&
		    (best == NULL || tells_more(v, best)))
			best = v;
	}
	return best;
}

/*
 * A current delta that brings this complete CRL up to date, so that together
 * they count as one with the delta's dates ((a)(1)(i), 5.2.4).
 */
static const struct view *
delta_find(const struct crl_case *h, const struct view *base)
{
	for (size_t i = 0; i < h->num; i++)
		if (view_is_current(&h->views[i]) &&
		    views_fit(&h->views[i], base))
			return &h->views[i];
	return NULL;
}

/* Why the silence of this CRL proves nothing. */
static enum revcheck_why
silence_why(const struct crl_case *h, const struct view *v)
{
	if (v->covers == 0)
		return REVCHECK_WHY_OUT_OF_SCOPE;
	if (v->signer == REVCHECK_REVOKED)
		return REVCHECK_WHY_SIGNER_REVOKED;
	if (v->dates == REVCHECK_WHY_NOT_YET_VALID)
		return v->dates;
	if (v->scope->no_absence != REVCHECK_WHY_NONE)
		return v->scope->no_absence;
	/* A delta is never a complete CRL. */
	if (v->scope->is_delta)
		return REVCHECK_WHY_OUT_OF_SCOPE;
	if (v->dates == REVCHECK_WHY_STALE && delta_find(h, v) == NULL)
		return v->dates;
	if (v->w->below_floor)
		return REVCHECK_WHY_OLDER;
	if (v->signer != REVCHECK_GOOD)
		return REVCHECK_WHY_SIGNER_UNKNOWN;
	return REVCHECK_WHY_NONE;
}

/*
 * Of several CRLs that prove nothing, the one to report: the further one got,
 * the higher the number.
 */
static int
why_weight(enum revcheck_why why)
{
	static const enum revcheck_why order[] = {
	    REVCHECK_WHY_OUT_OF_SCOPE,
	    REVCHECK_WHY_NOT_YET_VALID,
	    REVCHECK_WHY_STALE,
	    REVCHECK_WHY_OLDER,
	    REVCHECK_WHY_SIGNER_UNKNOWN,
	    REVCHECK_WHY_MALFORMED,
	    REVCHECK_WHY_CRITICAL_EXT,
	    REVCHECK_WHY_SIGNER_REVOKED,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == why)
			return (int)i;
	return -1;
}

/* The result. */

static void
fill_evidence(struct revcheck_result *out, const struct view *v)
{
	const struct crl_evidence *w = v->w;

	out->method = REVCHECK_METHOD_CRL;
	out->source = w->source;
	out->this_update = v->info->this_update;
	out->next_update = v->info->has_next_update ? v->info->next_update : 0;
	out->fetched_at = w->fetched_at;
	crl_number_print(
	    out->crl_number, sizeof(out->crl_number), &v->scope->number);
	text_copy(out->url, sizeof(out->url), w->url != NULL ? w->url : "");
	memcpy(out->signer, w->proof->name, sizeof(out->signer));
}

/* "delta CRL 0C of 'CN=...'" */
static void
put_crl(
    struct text_line *l, const struct revcheck_result *r, const struct view *v)
{
	text_line_put(l, v->scope->is_delta ? "delta CRL" : "CRL");
	text_line_put(l, r->crl_number[0] != '\0' ? " " : "");
	text_line_put(l, r->crl_number);
	text_line_put(l, " of ");
	text_line_put_quoted(l, r->signer, 100);
}

static void
print_crl(char *out, size_t cap, const struct revcheck_result *r,
    const struct view *v)
{
	struct text_line l;

	text_line_init(&l, out, cap);
	put_crl(&l, r, v);
}

static void
tell_revoked(const struct view *v, struct revcheck_result *out)
{
	char at[32] = "a date that cannot be read", crl[200];

	out->status = REVCHECK_REVOKED;
	out->why = REVCHECK_WHY_NONE;
	out->reason = v->entry.reason;
	out->revoked_at = v->entry.revoked_at;
	out->stale = v->dates == REVCHECK_WHY_STALE;
	fill_evidence(out, v);
	if (out->revoked_at != 0)
		text_time(at, out->revoked_at);
	print_crl(crl, sizeof(crl), out, v);
	snprintf(out->text, sizeof(out->text), "%s %s%s%s%s, says the %s%s",
	    out->reason == REVCHECK_REASON_CERTIFICATE_HOLD ? "on hold since"
							    : "revoked at",
	    at, out->reason >= 0 ? " (" : "",
	    out->reason >= 0 ? revcheck_reason_name(out->reason) : "",
	    out->reason >= 0 ? ")" : "", crl,
	    out->stale ? ", itself out of date"
		: v->dates == REVCHECK_WHY_NOT_YET_VALID
		? ", itself not valid yet"
		: "");
}

static void
tell_good(
    const struct view *v, const struct view *delta, struct revcheck_result *out)
{
	char at[TEXT_TIME_LEN], until[TEXT_TIME_LEN];
	struct text_line l;

	out->status = REVCHECK_GOOD;
	out->why = REVCHECK_WHY_NONE;
	fill_evidence(out, v);
	/* 5.2.4: what is combined has the dates of the delta. */
	if (delta != NULL) {
		out->this_update = delta->info->this_update;
		out->next_update =
		    delta->info->has_next_update ? delta->info->next_update : 0;
	}
	text_time(at, out->this_update);
	text_time(until, out->next_update);
	text_line_init(&l, out->text, sizeof(out->text));
	text_line_put(&l, "not listed in the ");
	put_crl(&l, out, v);
	text_line_put(&l, delta != NULL ? ", with a delta, of " : " of ");
	text_line_put(&l, at);
	text_line_put(&l, ", next due ");
	text_line_put(&l, until);
}

static void
tell_unknown(
    enum revcheck_why why, const struct view *v, struct revcheck_result *out)
{
	char crl[200], t[TEXT_TIME_LEN];

	out->status = REVCHECK_UNKNOWN;
	out->why = why;
	if (v == NULL) {
		snprintf(out->text, sizeof(out->text), "no CRL at hand");
		return;
	}
	fill_evidence(out, v);
	print_crl(crl, sizeof(crl), out, v);
	switch (why) {
	case REVCHECK_WHY_STALE:
		text_time(t,
		    out->next_update != 0 ? out->next_update
					  : out->this_update);
		snprintf(out->text, sizeof(out->text),
		    "the %s is out of date (%s %s)", crl,
		    out->next_update != 0 ? "next was due" : "issued", t);
		break;
	case REVCHECK_WHY_NOT_YET_VALID:
		text_time(t, out->this_update);
		snprintf(out->text, sizeof(out->text),
		    "the %s is not valid before %s", crl, t);
		break;
	case REVCHECK_WHY_OLDER:
		text_time(t, out->this_update);
		snprintf(out->text, sizeof(out->text),
		    "the %s of %s is older than what was seen before, which is "
		    "still in date",
		    crl, t);
		break;
	case REVCHECK_WHY_REASONS_MISSING:
		snprintf(out->text, sizeof(out->text),
		    "not listed in the %s, but it does not cover all reasons",
		    crl);
		break;
	case REVCHECK_WHY_SIGNER_REVOKED:
		snprintf(out->text, sizeof(out->text),
		    "the signer of the %s is revoked", crl);
		break;
	case REVCHECK_WHY_SIGNER_UNKNOWN:
		snprintf(out->text, sizeof(out->text),
		    "the status of the signer of the %s is not known", crl);
		break;
	case REVCHECK_WHY_CRITICAL_EXT:
	case REVCHECK_WHY_MALFORMED:
		text_format(out->text, sizeof(out->text),
		    "the %s proves nothing by its silence: %s", crl,
		    v->scope->no_absence_text);
		break;
	default:
		snprintf(out->text, sizeof(out->text), "%s the %s%s",
		    v->covers != 0 ? "there is only" : "not in the scope of",
		    crl, v->covers != 0 ? ", without its base" : "");
		break;
	}
}

/* The status. */

/*
 * (d), (e), (l): reasons of all CRLs that count, accumulated. GOOD when all
 * are covered, otherwise the most telling reason why not.
 */
static void
absence_status(struct crl_case *h, struct revcheck_result *out)
{
	const struct view *best = NULL, *telling = NULL;
	unsigned covered = 0;

	for (size_t i = 0; i < h->num; i++) {
		struct view *v = &h->views[i];

		v->silence = silence_why(h, v);
		if (v->silence != REVCHECK_WHY_NONE)
			continue;
		covered |= v->covers;
		if (best == NULL ||
		    v->info->this_update > best->info->this_update)
			best = v;
	}
	if (best != NULL && covered == CRL_REASONS_ALL) {
		tell_good(best,
		    best->dates == REVCHECK_WHY_NONE ? NULL
						     : delta_find(h, best),
		    out);
		return;
	}
	/* Only what could have helped is worth reporting. */
	for (size_t i = 0; i < h->num; i++) {
		const struct view *v = &h->views[i];

		if (v->silence == REVCHECK_WHY_NONE ||
		    (best != NULL && (v->covers & ~covered) == 0) ||
		    (best != NULL && v->scope->is_delta))
			continue;
		if (telling == NULL ||
		    why_weight(v->silence) > why_weight(telling->silence))
			telling = v;
	}
	if (telling != NULL)
		tell_unknown(telling->silence, telling, out);
	else if (best != NULL)
		tell_unknown(REVCHECK_WHY_REASONS_MISSING, best, out);
	else
		tell_unknown(REVCHECK_WHY_NO_SOURCE, NULL, out);
}

static void
result_clear(struct revcheck_result *out)
{
	out->status = REVCHECK_UNKNOWN;
	out->why = REVCHECK_WHY_NO_SOURCE;
	out->reason = REVCHECK_REASON_NONE;
	out->method = REVCHECK_METHOD_NONE;
	out->source = REVCHECK_SOURCE_NONE;
	out->stale = 0;
	out->revoked_at = out->this_update = out->next_update = 0;
	out->fetched_at = 0;
	out->crl_number[0] = out->url[0] = out->signer[0] = out->text[0] = '\0';
}

void
crl_status(const struct crl_subject *subject,
    const struct crl_evidence *evidence, size_t num_evidence,
    const struct validity_rules *rules, struct revcheck_result *out)
{
	struct view few[EVIDENCE_INLINE], *many = NULL;
	struct crl_case h = {
	    .subject = subject,
	    .rules = rules,
	    .views = few,
	    .num = num_evidence,
	};
	const struct view *revocation;

	result_clear(out);
	if (num_evidence > EVIDENCE_INLINE) {
		many = calloc(num_evidence, sizeof(*many));
		if (many == NULL) {
			out->why = REVCHECK_WHY_INTERNAL;
			snprintf(out->text, sizeof(out->text), "out of memory");
			return;
		}
		h.views = many;
	}
	for (size_t i = 0; i < h.num; i++)
		view_init(&h.views[i], &evidence[i], subject, rules);
	revocation = revocation_find(&h);
	if (revocation != NULL)
		tell_revoked(revocation, out);
	else
		absence_status(&h, out);
	free(many);
}
