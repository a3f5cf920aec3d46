/*
 * archive_wait: one who waits for a resource: in a list, with a deadline,
 * called exactly once or cancelled. Service thread only.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "cache/engine/archive_internal.h"

static void
wait_unlink(struct archive_wait *w)
{
	if (w->prev == NULL)
		return;
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->prev = NULL;
	w->next = NULL;
}

void
archive_wait_link(struct archive_wait **list, struct archive_wait *w)
{
	/* In the order of asking. */
	while (*list != NULL)
		list = &(*list)->next;
	w->prev = list;
	w->next = NULL;
	*list = w;
}

static void
wait_free(struct archive_wait *w)
{
	wait_unlink(w);
	if (w->deadline != NULL)
		event_free(w->deadline);
	documents_free(w->documents);
	archive_acceptor_free(w->acceptor);
	free(w);
}

void
archive_wait_tell(struct archive_wait *w)
{
	wait_unlink(w);
	if (w->done != NULL)
		w->done(w->arg, w->documents, w->answered ? NULL : &w->failure);
	wait_free(w);
}

void
archive_wait_cancel(struct archive_wait *w)
{
	if (w != NULL)
		wait_free(w);
}

bool
acceptor_answered(struct archive_acceptor *by, const struct documents *held,
    const struct documents *seen, struct archive *a)
{
	time_t now = archive_now(a);

	if (held == NULL && seen == NULL)
		return false;
	if (by->answers != NULL)
		return by->answers(by, held, seen, now);
	return documents_fresh(held, now, a->skew_sec) ||
	    documents_fresh(seen, now, a->skew_sec);
}
