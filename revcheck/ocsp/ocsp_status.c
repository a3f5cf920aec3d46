/*
 * ocsp_status: what a verified response is worth at a given time. producedAt is
 * not used (RFC 6960 4.2.2.1 names thisUpdate and nextUpdate); whether the
 * signer was in date then is checked in ocsp_signer. Runs at every question, on
 * any thread, and allocates only to print the signer's name.
 */
#include "cache/base/text.h"
#include "revcheck/ocsp/ocsp.h"

#include <stdio.h>
#include <string.h>

/*
 * How strict a fact is, for choosing among several (RFC 6960 leaves it open;
 * REVOKED > UNKNOWN > GOOD). One from the future says nothing yet; a stale
 * GOOD says less than a current one.
 */
static int
fact_rank(const struct ocsp_fact *f, enum revcheck_why dates)
{
	if (dates == REVCHECK_WHY_NOT_YET_VALID)
		return 0;
	switch (f->status) {
	case REVCHECK_REVOKED:
		return 4;
	case REVCHECK_UNKNOWN:
		return 3;
	default:
		return dates == REVCHECK_WHY_NONE ? 2 : 1;
	}
}

static const char *
verb_of(enum revcheck_why why)
{
	return why == REVCHECK_WHY_STALE ? "ran out" : "is not valid yet";
}

static void
judge_text(struct revcheck_result *out, const struct ocsp_fact *f,
    enum revcheck_why dates)
{
	char since[TEXT_TIME_LEN], made[TEXT_TIME_LEN], next[TEXT_TIME_LEN];

	text_time(since, f->revoked_at);
	text_time(made, f->this_update);
	text_time(next, f->next_update);
	switch (out->status) {
	case REVCHECK_GOOD:
		snprintf(out->text, sizeof(out->text),
		    "good according to OCSP of %s, signed by '%.120s'", made,
		    out->signer);
		break;
	case REVCHECK_REVOKED:
		snprintf(out->text, sizeof(out->text),
		    "revoked since %s (%s) according to OCSP of %s%s, signed "
		    "by '%.120s'",
		    since, revcheck_reason_name(f->reason), made,
		    out->stale ? " (past its nextUpdate, which changes nothing)"
			       : "",
		    out->signer);
		break;
	default:
		if (out->why == REVCHECK_WHY_UNKNOWN_CERT)
			snprintf(out->text, sizeof(out->text),
			    "the OCSP responder does not know the "
			    "certificate (OCSP of %s, signed by '%.120s')",
			    made, out->signer);
		else
			snprintf(out->text, sizeof(out->text),
			    "the OCSP response %s: thisUpdate %s, nextUpdate "
			    "%s, signed by '%.120s'",
			    verb_of(dates), made, next, out->signer);
	}
}

void
ocsp_status(const struct ocsp_proof *p, const struct validity_rules *rules,
    struct revcheck_result *out)
{
	const struct ocsp_fact *f = &p->facts[0];
	enum revcheck_why dates, d;

	dates = validity_dates(rules, f->this_update, f->next_update);

	for (size_t i = 1; i < p->num_facts; i++) {
		d = validity_dates(
		    rules, p->facts[i].this_update, p->facts[i].next_update);
		if (fact_rank(&p->facts[i], d) > fact_rank(f, dates)) {
			f = &p->facts[i];
			dates = d;
		}
	}
	out->method = REVCHECK_METHOD_OCSP;
	out->reason = REVCHECK_REASON_NONE;
	out->this_update = f->this_update;
	out->next_update = f->next_update;
	out->produced_at = f->produced_at;
	out->revoked_at = 0;
	out->stale = 0;
	out->crl_number[0] = '\0';
	memcpy(out->signer, p->name, sizeof(out->signer));
	if (dates == REVCHECK_WHY_NOT_YET_VALID) {
		out->status = REVCHECK_UNKNOWN;
		out->why = dates;
	} else if (f->status == REVCHECK_REVOKED) {
		/* A revocation does not run out. */
		out->status = REVCHECK_REVOKED;
		out->why = REVCHECK_WHY_NONE;
		out->reason = f->reason;
		out->revoked_at = f->revoked_at;
		out->stale = dates != REVCHECK_WHY_NONE;
	} else if (f->status == REVCHECK_UNKNOWN) {
		out->status = REVCHECK_UNKNOWN;
		out->why = REVCHECK_WHY_UNKNOWN_CERT;
	} else if (dates != REVCHECK_WHY_NONE) {
		out->status = REVCHECK_UNKNOWN;
		out->why = dates;
	} else {
		out->status = REVCHECK_GOOD;
		out->why = REVCHECK_WHY_NONE;
	}
	judge_text(out, f, dates);
}
