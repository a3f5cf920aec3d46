/*
 * answered_model: what follows for one certificate from what its sources are
 * served, one thing after the other. The rules, not the engine: lists of
 * integers, and nothing of the library.
 *
 *  - What is not authentic is nothing.
 *  - A source holds of each scope the newest in date and the newest of all.
 *  - A listing counts, whatever else is wrong with who lists.
 *  - Silence counts from what is in date, in scope, free of flaws, and has no
 *    successor that is in date, too.
 *  - A question goes from one way to the next until it is answered.
 */
#ifndef TESTS_NET_LIBRARY_ANSWERED_MODEL_H
#define TESTS_NET_LIBRARY_ANSWERED_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#define WAYS 4 /* to one source: URL and method */

/* What lies at the end of a way. Zeroed: nothing of use. */
struct thing {
	bool authentic;
	int scope; /* 0: the certificate's */
	int order; /* the newer, the higher */
	bool in_date, flawed, lists;
};

struct things {
	struct thing v[16];
	size_t num;
};

struct model_source {
	struct thing way[WAYS];
	size_t num_ways;
	struct things held;
};

struct model {
	struct model_source source[2];
	size_t num_sources;
	bool remembers; /* the newest in date, though it is not held any more */
	int newest_in_date[2]; /* of a scope, 0: none */
	size_t num_asked;      /* ways that the last question tried */
};

enum verdict {
	VERDICT_UNKNOWN,
	VERDICT_GOOD,
	VERDICT_REVOKED,
};

static void
things_add(struct things *t, struct thing x)
{
	t->v[t->num++] = x;
}

static bool
has_successor(const struct model *m, const struct things *among, struct thing x)
{
	if (m->remembers && m->newest_in_date[x.scope] > x.order)
		return true;
	for (size_t i = 0; i < among->num; i++)
		if (among->v[i].scope == x.scope && among->v[i].in_date &&
		    among->v[i].order > x.order)
			return true;
	return false;
}

/* It comes to a source; what is behind both newest ones goes. */
static void
model_take(struct model *m, struct model_source *s, struct thing x)
{
	struct things all = s->held;
	int newest = 0, newest_in_date = 0;

	things_add(&all, x);
	for (size_t i = 0; i < all.num; i++) {
		if (all.v[i].scope != x.scope)
			continue;
		if (all.v[i].order > newest)
			newest = all.v[i].order;
		if (all.v[i].in_date && all.v[i].order > newest_in_date)
			newest_in_date = all.v[i].order;
	}
	s->held.num = 0;
	for (size_t i = 0; i < all.num; i++)
		if (all.v[i].scope != x.scope || all.v[i].order == newest ||
		    all.v[i].order == newest_in_date)
			things_add(&s->held, all.v[i]);
	if (x.in_date && x.order > m->newest_in_date[x.scope])
		m->newest_in_date[x.scope] = x.order;
}

static enum verdict
verdict_of(const struct model *m, const struct things *among, bool sibling)
{
	enum verdict v = VERDICT_UNKNOWN;

	for (size_t i = 0; i < among->num; i++) {
		struct thing x = among->v[i];

		if (x.lists && !sibling)
			return VERDICT_REVOKED;
		if (x.in_date && x.scope == 0 && !x.flawed &&
		    !has_successor(m, among, x))
			v = VERDICT_GOOD;
	}
	return v;
}

static void
join(struct things *out, const struct things *more)
{
	for (size_t i = 0; i < more->num; i++)
		things_add(out, more->v[i]);
}

/* Way by way; what came on the way is weighed with what is held. */
static struct things
model_fly(struct model *m, struct model_source *s, bool sibling)
{
	struct things seen = {.num = 0}, all;

	for (size_t i = 0; i < s->num_ways; i++) {
		struct thing x = s->way[i];

		m->num_asked++;
		if (!x.authentic)
			continue;
		model_take(m, s, x);
		things_add(&seen, x);
		all = s->held;
		join(&all, &seen);
		if (verdict_of(m, &all, sibling) != VERDICT_UNKNOWN)
			break;
	}
	all = s->held;
	join(&all, &seen);
	return all;
}

/* About the certificate, or a sibling of it that nothing lists. */
static enum verdict
model_ask(struct model *m, bool sibling)
{
	struct things all = {.num = 0}, one;

	m->num_asked = 0;
	for (size_t i = 0; i < m->num_sources; i++) {
		struct model_source *s = &m->source[i];

		one = s->held;
		join(&all, &one);
		if (verdict_of(m, &all, sibling) != VERDICT_UNKNOWN)
			continue;
		one = model_fly(m, s, sibling);
		join(&all, &one);
	}
	return verdict_of(m, &all, sibling);
}

/* The sources that were asked before are asked again. */
static void
model_refresh(struct model *m, bool sibling)
{
	m->num_asked = 0;
	for (size_t i = 0; i < m->num_sources; i++)
		if (m->source[i].held.num > 0)
			(void)model_fly(m, &m->source[i], sibling);
}

#endif
