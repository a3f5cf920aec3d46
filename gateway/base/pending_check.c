/*
 * pending_check: the tie between a connection and a pending revcheck request.
 * Runs on the worker's thread only. Never frees the asker, never outlives both
 * ends.
 */
#include "gateway/base/pending_check.h"

#include <stdlib.h>

#include "cache/base/ref.h"

struct pending_check {
	struct ref ref;
	void *asker; /* NULL once it is gone */
	pending_check_fn *fn;
	struct revcheck_request *request; /* NULL once it is answered */
};

static void
pending_check_unref(struct pending_check *w)
{
	if (ref_down(&w->ref))
		free(w);
}

static void
pending_check_done(struct revcheck_report *report, void *arg)
{
	struct pending_check *w = arg;

	revcheck_request_free(w->request);
	w->request = NULL;
	if (w->asker != NULL)
		w->fn(w->asker, report);
	pending_check_unref(w);
}

int
pending_check_ask(struct pending_check **out, struct revcheck_report **report,
    struct revcheck *rc, const struct revcheck_query *query,
    struct event_base *base, pending_check_fn *fn, void *asker,
    struct revcheck_error *err)
{
	struct pending_check *w = calloc(1, sizeof(*w));
	int rc_submit;

	*out = NULL;
	*report = NULL;
	if (w == NULL) {
		err->code = REVCHECK_E_NOMEM;
		return REVCHECK_E_NOMEM;
	}
	ref_init(&w->ref);
	w->asker = asker;
	w->fn = fn;
	rc_submit = revcheck_submit(
	    rc, &w->request, report, query, base, pending_check_done, w, err);
	if (rc_submit == REVCHECK_PENDING) {
		ref_up(&w->ref); /* the answer's */
		*out = w;
		return REVCHECK_PENDING;
	}
	pending_check_unref(w);
	return rc_submit;
}

void
pending_check_drop(struct pending_check *w)
{
	if (w == NULL)
		return;
	w->asker = NULL;
	if (w->request != NULL) {
		/* From here on pending_check_done cannot run: its reference is
		 * ours. */
		revcheck_request_cancel(w->request);
		revcheck_request_free(w->request);
		w->request = NULL;
		pending_check_unref(w);
	}
	/* The asker's own reference: two are held while request is set. */
	pending_check_unref(w); /* NOLINT(clang-analyzer-unix.Malloc) */
}
