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
 * REVOKED > UNKNOWN > GOOD). A revocation counts whatever its dates say, as one
 * on a CRL does; one for ever before one on hold. Else one from the future says
 * nothing yet, and a stale GOOD less than a current one.
 */
static int
fact_rank(const struct ocsp_fact *f, enum revcheck_why dates)
{
	if (f->status == REVCHECK_REVOKED)
		return f->reason == REVCHECK_REASON_CERTIFICATE_HOLD ? 4 : 5;
	if (dates == REVCHECK_WHY_NOT_YET_VALID)
		return 0;
	if (f->status == REVCHECK_UNKNOWN)
		return 3;
	return dates == REVCHECK_WHY_NONE ? 2 : 1;
}

/*
 * RFC 6960 4.2.2.2: who signed is certified for it now. A proof outlives that.
 */
static bool
signer_is_over(const struct ocsp_proof *p, const struct validity_rules *rules)
{
	return p->signer_until != 0 &&
	    (int64_t)rules->at >
	    (int64_t)p->signer_until + (int64_t)rules->skew_sec;
}

static const char *
verb_of(enum revcheck_why why)
{
	return why == REVCHECK_WHY_STALE ? "ran out" : "is not valid yet";
}

static const char *
aside_of(enum revcheck_why dates)
{
	switch (dates) {
	case REVCHECK_WHY_NONE:
		return "";
	case REVCHECK_WHY_STALE:
		return " (past its nextUpdate, which changes nothing)";
	default:
		return " (not valid yet, which changes nothing)";
	}
}

static void
status_text(struct revcheck_result *out, const struct ocsp_proof *p,
    const struct ocsp_fact *f, enum revcheck_why dates)
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
		    "revoked%s%s%s%s%s according to OCSP of %s%s, signed by "
		    "'%.120s'",
		    f->revoked_at != 0 ? " since " : "",
		    f->revoked_at != 0 ? since : "", f->reason >= 0 ? " (" : "",
		    f->reason >= 0 ? revcheck_reason_name(f->reason) : "",
		    f->reason >= 0 ? ")" : "", made, aside_of(dates),
		    out->signer);
		break;
	default:
		if (p->no_good != REVCHECK_WHY_NONE)
			snprintf(out->text, sizeof(out->text),
			    "the OCSP response proves nothing: %s (OCSP of "
			    "%s, signed by '%.120s')",
			    p->no_good_text, made, out->signer);
		else if (out->why == REVCHECK_WHY_STALE &&
		    dates != REVCHECK_WHY_STALE)
			snprintf(out->text, sizeof(out->text),
			    "the certificate of the responder '%.120s' has "
			    "expired since it signed (OCSP of %s)",
			    out->signer, made);
		else if (out->why == REVCHECK_WHY_UNKNOWN_CERT)
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

/* The strictest fact; *dates: what its dates say of it. */
static const struct ocsp_fact *
strictest_fact(const struct ocsp_proof *p, const struct validity_rules *rules,
    enum revcheck_why *dates)
{
	const struct ocsp_fact *f = NULL, *at;
	enum revcheck_why d;

	for (size_t i = 0; i < p->num_facts; i++) {
		at = &p->facts[i];
		d = validity_dates(rules, at->this_update, at->next_update);
		if (f == NULL || fact_rank(at, d) > fact_rank(f, *dates)) {
			f = at;
			*dates = d;
		}
	}
	return f;
}

void
ocsp_status(const struct ocsp_proof *p, const struct validity_rules *rules,
    struct revcheck_result *out)
{
	enum revcheck_why dates = REVCHECK_WHY_NONE;
	const struct ocsp_fact *f = strictest_fact(p, rules, &dates);

	out->method = REVCHECK_METHOD_OCSP;
	out->reason = REVCHECK_REASON_NONE;
	out->this_update = f->this_update;
	out->next_update = f->next_update;
	out->produced_at = f->produced_at;
	out->revoked_at = 0;
	out->stale = 0;
	out->crl_number[0] = '\0';
	memcpy(out->signer, p->name, sizeof(out->signer));
	if (f->status == REVCHECK_REVOKED) {
		/* A revocation does not run out. */
		out->status = REVCHECK_REVOKED;
		out->why = REVCHECK_WHY_NONE;
		out->reason = f->reason;
		out->revoked_at = f->revoked_at;
		out->stale = dates == REVCHECK_WHY_STALE;
	} else if (p->no_good != REVCHECK_WHY_NONE) {
		out->status = REVCHECK_UNKNOWN;
		out->why = p->no_good;
	} else if (signer_is_over(p, rules)) {
		out->status = REVCHECK_UNKNOWN;
		out->why = REVCHECK_WHY_STALE;
	} else if (f->status == REVCHECK_UNKNOWN &&
	    dates != REVCHECK_WHY_NOT_YET_VALID) {
		out->status = REVCHECK_UNKNOWN;
		out->why = REVCHECK_WHY_UNKNOWN_CERT;
	} else if (dates != REVCHECK_WHY_NONE) {
		out->status = REVCHECK_UNKNOWN;
		out->why = dates;
	} else {
		out->status = REVCHECK_GOOD;
		out->why = REVCHECK_WHY_NONE;
	}
	status_text(out, p, f, dates);
}

void
ocsp_status_with_signer(
    struct revcheck_result *out, enum revcheck_status signer)
{
	bool revoked = signer == REVCHECK_REVOKED;
	size_t len = strlen(out->text);

	if (signer == REVCHECK_GOOD || out->status == REVCHECK_UNKNOWN)
		return;
	if (out->status == REVCHECK_REVOKED && !revoked) {
		snprintf(out->text + len, sizeof(out->text) - len,
		    ", whose own status could not be checked");
		return;
	}
	out->status = REVCHECK_UNKNOWN;
	out->why =
	    revoked ? REVCHECK_WHY_SIGNER_REVOKED : REVCHECK_WHY_SIGNER_UNKNOWN;
	out->reason = REVCHECK_REASON_NONE;
	out->revoked_at = 0;
	out->stale = 0;
	snprintf(out->text, sizeof(out->text),
	    "unknown: the OCSP responder's own certificate %s",
	    revoked ? "is revoked" : "could not be checked");
}

/* When its dates end, in seconds since 1970. */
static int64_t
fact_end(const struct ocsp_fact *f, const struct validity_rules *rules)
{
	int64_t end = f->next_update, limit = rules->max_age_sec;

	if (f->next_update == 0 && limit == 0)
		limit = rules->no_next_update_sec;
	if (limit != 0 && (end == 0 || end > f->this_update + limit))
		end = f->this_update + limit;
	return end;
}

uint32_t
ocsp_keep_sec(const struct ocsp_proof *p, const struct validity_rules *rules)
{
	enum revcheck_why dates = REVCHECK_WHY_NONE;
	const struct ocsp_fact *f = strictest_fact(p, rules, &dates);
	int64_t left = fact_end(f, rules) - (int64_t)rules->at;

	if (dates != REVCHECK_WHY_NONE || f->status == REVCHECK_UNKNOWN ||
	    (f->status == REVCHECK_GOOD && p->no_good != REVCHECK_WHY_NONE) ||
	    (f->status == REVCHECK_REVOKED &&
		f->reason == REVCHECK_REASON_CERTIFICATE_HOLD) ||
	    left < OCSP_KEEP_SHORT_SEC)
		return OCSP_KEEP_SHORT_SEC;
	return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}
