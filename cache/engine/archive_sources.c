/*
 * archive_sources: what is held, gathered by the URLs it comes from. On the
 * caller's thread; looks at dates, never into a document.
 */
#include <pthread.h>

#include "cache/engine/archive_internal.h"
#include "cache/engine/source_book.h"
#include "cache/evidence/evidence.h"

struct gathering {
	struct archive *archive;
	time_t now;
};

/* Whether the end of what is held is news before that of another. */
static bool
ends_sooner(const struct source_kept *k, enum evidence_kind kind, time_t ends,
    time_t now)
{
	if (ends == 0)
		return false;
	if (k->ends_at == 0)
		return true;
	/* Responses about who is gone run out, and nobody misses them. */
	if (kind == EVIDENCE_OCSP && (ends < now) != (k->ends_at < now))
		return ends >= now;
	if (kind == EVIDENCE_OCSP && ends < now)
		return ends > k->ends_at;
	return ends < k->ends_at;
}

/* Of all that r holds from one URL the one that ends last counts. */
static void
gather_url(struct source_kept *k, const struct resource *r, const char *url,
    const struct documents *d, time_t now)
{
	const struct evidence *last = NULL;

	for (size_t i = 0; d != NULL && i < d->num; i++) {
		const struct evidence *e = d->v[i];
		time_t fetched = atomic_load(&e->fetched_at);

		if (strcmp(e->url, url) != 0)
			continue;
		k->num++;
		k->bytes += e->cost_bytes;
		if (fetched > k->fetched_at)
			k->fetched_at = fetched;
		if (last == NULL || e->next_update == 0 ||
		    (last->next_update != 0 &&
			e->next_update > last->next_update))
			last = e;
	}
	if (last != NULL &&
	    ends_sooner(k, last->kind, last->next_update, now)) {
		k->ends_at = last->next_update;
		k->this_update = last->this_update;
		k->key = r->key;
	} else if (last != NULL && k->ends_at == 0) {
		k->key = r->key;
		k->this_update = last->this_update;
	}
	if (r->next_refresh_at != 0 &&
	    (k->next_try_at == 0 || r->next_refresh_at < k->next_try_at))
		k->next_try_at = r->next_refresh_at;
}

static bool
gather(struct resource *r, void *arg)
{
	const struct gathering *g = arg;
	const struct fetch_job *job = r->job;
	const struct documents *d = atomic_load(&r->held);

	for (size_t i = 0; job != NULL && i < job->num_urls; i++) {
		struct source_row *row =
		    source_book_find(g->archive->book, job->kind, job->urls[i]);

		if (row != NULL)
			gather_url(&row->kept, r, row->url, d, g->now);
	}
	return true;
}

struct telling {
	bool (*fn)(void *arg, const struct archive_source *s);
	void *arg;
};

static bool
tell(void *arg, const struct source_row *row)
{
	const struct telling *t = arg;
	const struct source_kept *k = &row->kept;
	const struct archive_source s = {
	    .kind = row->kind,
	    .url = row->url,
	    .key = k->num > 0 ? &k->key : NULL,
	    .num = k->num,
	    .bytes = k->bytes,
	    .this_update = k->this_update,
	    .ends_at = k->ends_at,
	    .succeeded_at = row->succeeded_at > k->fetched_at
		? row->succeeded_at
		: k->fetched_at,
	    .tried_at = row->tried_at,
	    .next_try_at = k->next_try_at,
	    .failure = row->failure,
	    .failures = row->failures,
	    .last_bytes = row->bytes,
	    .last_ms = row->ms,
	};

	return t->fn(t->arg, &s);
}

void
archive_sources(struct archive *a,
    bool (*fn)(void *arg, const struct archive_source *s), void *arg)
{
	struct gathering g = {.archive = a, .now = archive_now(a)};
	struct telling t = {.fn = fn, .arg = arg};

	source_book_lock(a->book);
	pthread_mutex_lock(&a->table.lock);
	memory_table_each(&a->table, gather, &g);
	pthread_mutex_unlock(&a->table.lock);
	source_book_each(a->book, tell, &t);
	source_book_unlock(a->book);
}

struct documents *
archive_peek1(struct archive *a, const struct evidence_key *key)
{
	struct documents *d = NULL;
	struct resource *r;

	pthread_mutex_lock(&a->table.lock);
	r = memory_table_find(&a->table, key);
	if (r != NULL && (d = atomic_load(&r->held)) != NULL)
		documents_up_ref(d);
	pthread_mutex_unlock(&a->table.lock);
	return d;
}
