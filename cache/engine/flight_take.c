/*
 * flight_take: what becomes of a document that came: is it authentic for one of
 * those who ask, and is it held? Service thread only. What it means is for the
 * acceptors to say.
 */
#include <string.h>

#include "cache/base/text.h"
#include "cache/engine/fetch_job.h"
#include "cache/engine/floors.h"
#include "cache/engine/flight_internal.h"
#include "cache/engine/news.h"

/* Different contexts that one document is offered to. */
#define CONTEXTS_MAX 8

static int
accept_by(struct flight *f, struct archive_acceptor *by, struct evidence *e,
    struct evidence_failure *failure)
{
	struct err err = {0};
	int code = 0;

	if (by->accept(by, e, archive_now(f->archive), &code, &err) == 0)
		return 0;
	evidence_failure_set(
	    failure, EVIDENCE_FAIL_REJECTED, e->url, "%s", err.msg);
	failure->reject_code = code;
	return -1;
}

static bool
context_tried(const struct evidence_key *tried, size_t num,
    const struct archive_acceptor *by)
{
	for (size_t i = 0; i < num; i++)
		if (memcmp(&tried[i], &by->context, sizeof(tried[i])) == 0)
			return true;
	return false;
}

/* By the question that began the flight, or by another that waits. */
static bool
flight_accept(
    struct flight *f, struct evidence *e, struct evidence_failure *failure)
{
	struct evidence_key tried[CONTEXTS_MAX];
	struct evidence_failure other;
	size_t num = 0;

	if (accept_by(f, f->job->acceptor, e, failure) == 0)
		return true;
	tried[num++] = f->job->acceptor->context;
	for (struct archive_wait *w = f->waits; w != NULL; w = w->next) {
		if (num == CONTEXTS_MAX ||
		    context_tried(tried, num, w->acceptor))
			continue;
		tried[num++] = w->acceptor->context;
		if (accept_by(f, w->acceptor, e, &other) == 0)
			return true;
	}
	return false;
}

static void
see(struct flight *f, struct evidence *e)
{
	struct documents *all;

	if (documents_same(f->seen, e) != NULL)
		return;
	all = documents_add(f->seen, e);
	if (all == NULL)
		return;
	documents_free(f->seen);
	f->seen = all;
}

/* A CA that was restored from a backup begins to count again. */
static void
tell_restarted(struct flight *f, const struct evidence *e)
{
	struct archive *a = f->archive;

	atomic_fetch_add(&a->count.restarts, 1);
	log_line(a->log, LOG_LEVEL_WARN,
	    "'%s' counts its CRLs from a lower number than before; the one of "
	    "the higher number is out of date, so this one is used, and what "
	    "the other lists stays revoked",
	    e->url);
}

/* Whether it was not told of before. */
static bool
is_news(struct flight *f, const struct evidence *e)
{
	struct resource *r = f->resource;
	bool news = news_add(f->archive->news, &r->key, e);

	/* Whoever found that there was nothing was told so. */
	if (atomic_load(&r->held) == NULL)
		return news || r->failures > 0;
	return true;
}

/* What is not held any more has no place on disk, either. */
static void
drop_replaced(
    struct flight *f, const struct documents *was, const struct documents *is)
{
	struct store *disk = f->archive->disk;

	for (size_t i = 0; disk != NULL && was != NULL && i < was->num; i++)
		if (documents_same(is, was->v[i]) == NULL)
			disk->drop(disk, &f->resource->key, was->v[i]);
}

/* Holds it, if it is the newest of its scope. False: it is behind. */
static bool
keep(struct flight *f, struct evidence *e)
{
	struct archive *a = f->archive;
	struct resource *r = f->resource;
	struct documents *held = atomic_load(&r->held), *all = NULL;
	struct evidence_failure older;
	bool news;
	enum documents_change c =
	    documents_with(&all, held, e, archive_now(a), a->skew_sec);

	switch (c) {
	case DOCUMENTS_RESTARTED:
	case DOCUMENTS_KEPT:
		news = is_news(f, e);
		drop_replaced(f, held, all);
		memory_table_keep(&a->table, r, all);
		if (news && a->changed != NULL)
			a->changed(a->changed_arg, &r->key);
		break;
	case DOCUMENTS_OLDER:
		evidence_failure_set(&older, EVIDENCE_FAIL_OLDER, e->url,
		    "older than what is held, which stays");
		flight_note_failure(f, &older);
		break;
	case DOCUMENTS_NOMEM:
		evidence_failure_set(
		    &older, EVIDENCE_FAIL_NOMEM, e->url, "out of memory");
		flight_note_failure(f, &older);
		break;
	case DOCUMENTS_SAME:
	case DOCUMENTS_EARLY:
	case DOCUMENTS_PASSED:
		break;
	}
	documents_free(all);
	return c != DOCUMENTS_OLDER && c != DOCUMENTS_NOMEM;
}

struct evidence *
flight_take(
    struct flight *f, struct evidence *e, struct evidence_failure *failure)
{
	struct archive *a = f->archive;
	struct evidence *same = NULL, *twin = NULL;

	if (f->resource != NULL)
		same = documents_same(atomic_load(&f->resource->held), e);
	if (f->resource != NULL && same == NULL)
		twin = memory_table_twin(f->resource, e);
	/* The same CRL from elsewhere: index and proofs are held once. */
	if (twin != NULL) {
		atomic_store(&twin->fetched_at, e->fetched_at);
		e = twin;
	}
	if (same != NULL) {
		/* Proven already; what was found out about it stays. */
		atomic_store(&same->fetched_at, e->fetched_at);
		e = same;
	} else if (!flight_accept(f, e, failure)) {
		return NULL;
	} else if (twin == NULL && f->resource != NULL &&
	    floors_apply(a->floors, e, f->job->owner, archive_now(a),
		a->skew_sec) == FLOOR_RESTARTED) {
		tell_restarted(f, e);
	}
	see(f, e);
	if ((f->resource == NULL || same != NULL || keep(f, e)) &&
	    f->state == FLIGHT_NETWORK)
		f->replied = true;
	return e;
}
