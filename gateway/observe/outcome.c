/* outcome: see the header. A minute that comes round again begins empty. */
#include "gateway/observe/outcome.h"

#include "gateway/observe/decision_ring.h"

enum outcome_group
outcome_group(enum outcome o)
{
	static const enum outcome_group groups[OUTCOME_NUM] = {
#define OUTCOME_ROW(id, group, name) OUTCOME_##group,
	    OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
	};

	return groups[o];
}

const char *
outcome_name(enum outcome o)
{
	static const char *const names[OUTCOME_NUM] = {
#define OUTCOME_ROW(id, group, name) name,
	    OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
	};

	return o < OUTCOME_NUM ? names[o] : "?";
}

static enum outcome
refused_for(const struct decision_finding *f)
{
	switch (f->status) {
	case REVCHECK_REVOKED:
		return f->why == REVCHECK_WHY_DENYLISTED ? OUTCOME_DENYLISTED
							 : OUTCOME_REVOKED;
	case REVCHECK_PATH_INVALID:
		return OUTCOME_PATH;
	case REVCHECK_UNKNOWN:
		return OUTCOME_UNKNOWN;
	case DECISION_NO_CERTIFICATE:
		return OUTCOME_NO_CERTIFICATE;
	case DECISION_SUBJECT_REFUSED:
		return OUTCOME_SUBJECT;
	case DECISION_NOT_ALLOWED:
		return OUTCOME_NOT_ALLOWED;
	default:
		/* It left, was too slow, or there was no room. */
		return OUTCOME_OTHER;
	}
}

enum outcome
outcome_of(const struct decision *d)
{
	if (d->way == DECISION_SESSION)
		return !d->allowed ? OUTCOME_SESSION_REFUSED
		    : d->found.status == REVCHECK_UNKNOWN
		    ? OUTCOME_SESSION_SOFT
		    : OUTCOME_SESSION_ACTIVE;
	if (d->way == DECISION_AUTHORIZE)
		return !d->allowed ? OUTCOME_PROXIED_REFUSED
		    : d->found.status == REVCHECK_UNKNOWN ? OUTCOME_PROXIED_SOFT
							  : OUTCOME_PROXIED;
	if (d->way == DECISION_RECHECK && !d->allowed)
		return OUTCOME_CUT;
	if (!d->allowed)
		return refused_for(&d->found);
	switch (d->found.status) {
	case REVCHECK_GOOD:
		return OUTCOME_GOOD;
	case REVCHECK_UNKNOWN:
		return OUTCOME_SOFT;
	default:
		return OUTCOME_NOT_ASKED;
	}
}

void
outcome_count(struct outcome_counts *c, enum outcome o, time_t at)
{
	int64_t minute = (int64_t)at / 60;
	struct outcome_minute *m = &c->ring[(uint64_t)minute % OUTCOME_MINUTES];

	if (m->minute != minute)
		*m = (struct outcome_minute){.minute = minute};
	m->num[o]++;
	c->total[o]++;
}

uint32_t
outcome_in_minute(
    const struct outcome_counts *c, enum outcome o, time_t now, unsigned ago)
{
	int64_t minute = (int64_t)now / 60 - ago;
	const struct outcome_minute *m =
	    &c->ring[(uint64_t)minute % OUTCOME_MINUTES];

	return m->minute == minute ? m->num[o] : 0;
}
