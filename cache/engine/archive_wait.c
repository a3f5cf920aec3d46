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
	evidence_free(w->evidence);
	free(w);
}

void
archive_wait_tell(struct archive_wait *w, struct evidence *e,
    const struct evidence_failure *f)
{
	archive_done_fn *done = w->done;
	void *arg = w->arg;

	wait_unlink(w);
	if (done != NULL)
		done(arg, e, e != NULL ? NULL : f);
	wait_free(w);
}

void
archive_wait_cancel(struct archive_wait *w)
{
	if (w != NULL)
		wait_free(w);
}
