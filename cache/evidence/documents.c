/* documents: see the header. Pure; any thread. */
#include "cache/evidence/documents.h"

#include <stdlib.h>
#include <string.h>

struct documents *
documents_up_ref(struct documents *d)
{
	ref_up(&d->ref);
	return d;
}

void
documents_free(struct documents *d)
{
	if (d == NULL || !ref_down(&d->ref))
		return;
	for (size_t i = 0; i < d->num; i++)
		evidence_free(d->v[i]);
	free(d);
}

static bool
same_scope(const struct evidence *a, const struct evidence *b)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	return a->kind == b->kind &&
	    memcmp(a->scope, b->scope, sizeof(a->scope)) == 0;
}

static void
push(struct documents *d, struct evidence *e)
{
	d->v[d->num++] = evidence_up_ref(e);
	d->cost_bytes += e->cost_bytes;
}

static struct documents *
documents_new(void)
{
	struct documents *d = calloc(1, sizeof(*d));

	if (d != NULL)
		ref_init(&d->ref);
	return d;
}

struct documents *
documents_add(const struct documents *d, struct evidence *e)
{
	struct documents *all;

	if (d != NULL && d->num == DOCUMENTS_MAX)
		return NULL;
	all = documents_new();
	for (size_t i = 0; all != NULL && d != NULL && i < d->num; i++)
		push(all, d->v[i]);
	if (all != NULL)
		push(all, e);
	return all;
}

struct evidence *
documents_same(const struct documents *d, const struct evidence *e)
{
	for (size_t i = 0; d != NULL && i < d->num; i++)
		if (d->v[i] == e ||
		    (d->v[i]->kind == e->kind &&
			span_equal(evidence_der(d->v[i]), evidence_der(e))))
			return d->v[i];
	return NULL;
}

bool
documents_fresh(const struct documents *d, time_t now, uint32_t skew_sec)
{
	for (size_t i = 0; d != NULL && i < d->num; i++)
		if (evidence_fresh(d->v[i], now, skew_sec))
			return true;
	return false;
}

bool
documents_below_floor(const struct documents *d, const struct evidence *e,
    time_t now, uint32_t skew_sec)
{
	if (e->below_floor_until != 0 &&
	    e->below_floor_until + (time_t)skew_sec >= now)
		return true;
	for (size_t i = 0; d != NULL && i < d->num; i++)
		if (d->v[i] != e && same_scope(d->v[i], e) &&
		    atomic_load(&d->v[i]->doubt) == EVIDENCE_DOUBT_NONE &&
		    evidence_older(e, d->v[i]) &&
		    evidence_fresh(d->v[i], now, skew_sec))
			return true;
	return false;
}

/* The newest of its scope, or NULL. */
static const struct evidence *
top_of(const struct documents *d, const struct evidence *e)
{
	const struct evidence *top = NULL;

	for (size_t i = 0; d != NULL && i < d->num; i++)
		if (same_scope(d->v[i], e) &&
		    (top == NULL || !evidence_older(d->v[i], top)))
			top = d->v[i];
	return top;
}

/* The one of its scope that is in date, or NULL. */
static const struct evidence *
fresh_of(const struct documents *d, const struct evidence *e, time_t now,
    uint32_t skew_sec)
{
	for (size_t i = 0; d != NULL && i < d->num; i++)
		if (same_scope(d->v[i], e) &&
		    evidence_fresh(d->v[i], now, skew_sec))
			return d->v[i];
	return NULL;
}

/* What may go to make room: never answered, then out of date, then oldest. */
static unsigned
worth(const struct evidence *e, time_t now, uint32_t skew_sec)
{
	return (atomic_load(&e->answered) ? 2u : 0u) +
	    (evidence_fresh(e, now, skew_sec) ? 1u : 0u);
}

static size_t
least_worth(const struct documents *d, time_t now, uint32_t skew_sec)
{
	size_t least = 0;

	for (size_t i = 1; i < d->num; i++)
		if (worth(d->v[i], now, skew_sec) <
		    worth(d->v[least], now, skew_sec))
			least = i;
	return least;
}

/* held, with e in the place of its scope's others but for `beside`. */
static enum documents_change
replace(struct documents **out, const struct documents *held,
    struct evidence *e, const struct evidence *beside, time_t now,
    uint32_t skew_sec)
{
	struct documents *all = documents_new();
	size_t i;

	if (all == NULL)
		return DOCUMENTS_NOMEM;
	for (i = 0; held != NULL && i < held->num; i++)
		if (held->v[i] == beside || !same_scope(held->v[i], e))
			push(all, held->v[i]);
	if (all->num == DOCUMENTS_MAX) {
		i = least_worth(all, now, skew_sec);
		if (worth(all->v[i], now, skew_sec) >=
		    worth(e, now, skew_sec)) {
			documents_free(all);
			return DOCUMENTS_PASSED;
		}
		all->cost_bytes -= all->v[i]->cost_bytes;
		evidence_free(all->v[i]);
		memmove(&all->v[i], &all->v[i + 1],
		    (all->num - i - 1) * sizeof(all->v[0]));
		all->num--;
	}
	push(all, e);
	*out = all;
	return DOCUMENTS_KEPT;
}

static size_t
num_of_scope(const struct documents *d, const struct evidence *e)
{
	size_t n = 0;

	for (size_t i = 0; d != NULL && i < d->num; i++)
		n += same_scope(d->v[i], e);
	return n;
}

enum documents_change
documents_with(struct documents **out, struct documents *held,
    struct evidence *e, time_t now, uint32_t skew_sec)
{
	const struct evidence *top = top_of(held, e), *beside = NULL;
	enum documents_change c = DOCUMENTS_KEPT;
	bool restarted = false;

	*out = NULL;
	if (documents_same(held, e) != NULL)
		c = DOCUMENTS_SAME;
	else if (e->passing)
		c = DOCUMENTS_PASSED;
	else if (top != NULL && e->this_update > now + (time_t)skew_sec)
		c = DOCUMENTS_EARLY;
	else if (top != NULL && evidence_older(e, top)) {
		beside = top;
		if (documents_below_floor(held, e, now, skew_sec) ||
		    !evidence_fresh(e, now, skew_sec))
			c = DOCUMENTS_OLDER;
		/* Said once: the next of the new count finds two. */
		restarted = num_of_scope(held, e) == 1;
	} else if (!evidence_fresh(e, now, skew_sec)) {
		beside = fresh_of(held, e, now, skew_sec);
	}
	if (c == DOCUMENTS_KEPT)
		c = replace(out, held, e, beside, now, skew_sec);
	if (c == DOCUMENTS_KEPT && restarted)
		c = DOCUMENTS_RESTARTED;
	if (*out == NULL && c != DOCUMENTS_NOMEM && held != NULL)
		*out = documents_up_ref(held);
	return c;
}
