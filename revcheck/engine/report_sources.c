/*
 * report_sources: the sources that a report rests on, how many changes it takes
 * into account, and when its evidence runs out. Any thread.
 */
#include <stdlib.h>
#include <string.h>

#include "revcheck/engine/engine_shared.h"
#include "revcheck/engine/report.h"
#include "revcheck/engine/request.h"

/* A chain of ten with eight distribution points each, and then some. */
#define SOURCES_MAX 256

static void
sources_all(struct revcheck_report *rep)
{
	free(rep->sources);
	rep->sources = NULL;
	rep->num_sources = REVCHECK_SOURCES_ALL;
}

static void
add_id(struct revcheck_report *rep, const unsigned char id[32])
{
	if (rep->num_sources == REVCHECK_SOURCES_ALL)
		return;
	for (size_t i = 0; i < rep->num_sources; i++)
		if (memcmp(rep->sources[i], id, sizeof(rep->sources[i])) == 0)
			return;
	if (rep->num_sources == SOURCES_MAX) {
		sources_all(rep);
		return;
	}
	memcpy(rep->sources[rep->num_sources++], id, sizeof(rep->sources[0]));
}

static void
add_source(struct revcheck_report *rep, const struct source *r)
{
	if (r->point->num_urls != 0)
		add_id(rep, r->point->key.id);
}

/*
 * Whether the archive holds what was looked at, still. What is not kept (an
 * answer to a nonce) was never looked for.
 */
static bool
is_current(const struct revcheck_request *r, const struct source *x)
{
	struct documents *held;
	bool same;

	if (!x->looked)
		return true;
	held = archive_get1(r->rc->archive, &x->point->key);
	same = held == x->docs;
	documents_free(held);
	return same;
}

static void
note_end(struct revcheck_report *rep, const struct revcheck_request *r,
    const struct revcheck_result *res)
{
	const struct validity_rules *v = &r->env.rules;
	uint32_t limit = v->max_age_sec;
	time_t end = res->next_update, age_end;

	if (res->status != REVCHECK_GOOD || res->this_update == 0)
		return;
	if (end == 0 && limit == 0)
		limit = v->no_next_update_sec;
	age_end = res->this_update + (time_t)limit;
	if (end == 0 || (limit != 0 && age_end < end))
		end = age_end;
	end += (time_t)v->skew_sec;
	if (rep->until == 0 || end < rep->until)
		rep->until = end;
}

/* There is somebody who could say a word about a certificate. */
static bool
hears_words(const struct revcheck_request *r)
{
	return atomic_load_explicit(&r->rc->told, memory_order_acquire) != NULL;
}

static size_t
count_sources(const struct cert_check *q, bool words)
{
	return 3 + q->s->num_points + words;
}

/* Whether it has been learned meanwhile, from any source, that it is revoked.
 */
static bool
is_known_since(const struct revcheck_request *r, const struct cert_check *q)
{
	struct known_revocation k;

	if (q->res.status == REVCHECK_REVOKED)
		return false;
	return (!q->was_known &&
		   known_revoked_get(r->rc->known, q->s->identity, &k)) ||
	    (!q->was_told && engine_told_get(r->rc, q->s->word, &k));
}

static void
note_check(struct revcheck_report *rep, const struct revcheck_request *r,
    const struct cert_check *q, bool words, bool *current)
{
	/* It was not asked about: OFF, exempt, or below what is revoked. */
	if (!q->prepared)
		return;
	add_source(rep, &q->ocsp);
	add_source(rep, &q->delta);
	*current =
	    *current && is_current(r, &q->ocsp) && is_current(r, &q->delta);
	for (size_t i = 0; i < q->s->num_points; i++) {
		add_source(rep, &q->points[i]);
		*current = *current && is_current(r, &q->points[i]);
	}
	/* Of what is known whatever its sources say now. */
	add_id(rep, q->s->identity);
	if (words)
		add_id(rep, q->s->word);
	*current = *current && !is_known_since(r, q);
	if (q->final)
		note_end(rep, r, &q->res);
}

void
report_note_sources(
    struct revcheck_report *rep, const struct revcheck_request *r)
{
	uint64_t changes = r->changes;
	/* From memory it was asked at one go, so the first number is right. */
	bool current = !r->cached;
	size_t max = 0;
	bool words;

	rep->changes = r->changes;
	if (current)
		changes = atomic_load(&r->rc->changes);
	/* After that: that words can be said is a change of a higher number. */
	words = hears_words(r);
	for (size_t i = 0; i < r->num_checks; i++)
		max += count_sources(r->checks[i], words);
	for (size_t i = 0; i < r->env.num_signers; i++)
		max += count_sources(r->env.signers[i], words);
	if (max == 0)
		return;
	if (max > SOURCES_MAX)
		max = SOURCES_MAX;
	rep->sources = malloc(max * sizeof(rep->sources[0]));
	if (rep->sources == NULL)
		sources_all(rep);
	for (size_t i = 0; i < r->num_checks; i++)
		note_check(rep, r, r->checks[i], words, &current);
	for (size_t i = 0; i < r->env.num_signers; i++)
		note_check(rep, r, r->env.signers[i], words, &current);
	if (current)
		rep->changes = changes;
}

size_t
revcheck_report_sources(
    const struct revcheck_report *r, const unsigned char (**ids)[32])
{
	*ids = (const unsigned char(*)[32])r->sources;
	return r->num_sources;
}

uint64_t
revcheck_report_changes(const struct revcheck_report *r)
{
	return r->changes;
}

time_t
revcheck_report_until(const struct revcheck_report *r)
{
	return r->until;
}
