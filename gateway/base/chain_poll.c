/*
 * chain_poll: one event takes every turn. Turns go through the loop's timers,
 * so that sockets come first; an answer makes room and asks for another turn.
 */
#include "gateway/base/chain_poll.h"

#include <event2/event.h>

static void
turn_soon(struct chain_poll *p)
{
	const struct timeval now = {0, 0};

	event_add(p->turn, &now);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct chain_poll *p = arg;

	(void)fd, (void)what;
	for (unsigned i = 0; p->running && i < p->bounds.batch; i++) {
		if (p->num_waiting >= p->bounds.waiting)
			return; /* the first answer goes on */
		p->running = p->calls->next(p->arg);
	}
	if (p->running)
		turn_soon(p);
	else if (p->num_waiting == 0 && p->calls->idle != NULL)
		p->calls->idle(p->arg);
}

int
chain_poll_init(struct chain_poll *p, const struct chain_poll_calls *calls,
    void *arg, struct chain_poll_bounds bounds, struct revcheck *engine,
    struct event_base *base, struct err *err)
{
	*p = (struct chain_poll){.calls = calls,
	    .arg = arg,
	    .bounds = bounds,
	    .engine = engine,
	    .base = base};
	p->turn = evtimer_new(base, on_turn, p);
	return p->turn != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

void
chain_poll_cleanup(struct chain_poll *p)
{
	if (p->turn != NULL)
		event_free(p->turn);
	*p = (struct chain_poll){.turn = NULL};
}

void
chain_poll_start(struct chain_poll *p)
{
	p->running = true;
	turn_soon(p);
}

void
chain_poll_stop(struct chain_poll *p)
{
	p->running = false;
	event_del(p->turn);
}

static void
on_answer(void *arg, struct revcheck_report *report)
{
	struct chain_poll_item *item = arg;
	void *asker = item->asker;
	pending_check_fn *fn = item->fn;

	/* The turn comes after fn, which may free the item. */
	chain_poll_drop(item);
	fn(asker, report);
}

int
chain_poll_ask(struct chain_poll *p, struct chain_poll_item *item,
    struct revcheck_report **report, const struct revcheck_query *query,
    pending_check_fn *fn, void *asker, struct revcheck_error *err)
{
	int rc;

	item->poll = p;
	item->fn = fn;
	item->asker = asker;
	rc = pending_check_ask(&item->wait, report, p->engine, query, p->base,
	    on_answer, item, err);
	if (rc == REVCHECK_PENDING)
		p->num_waiting++;
	return rc;
}

bool
chain_poll_is_asking(const struct chain_poll_item *item)
{
	return item->wait != NULL;
}

void
chain_poll_drop(struct chain_poll_item *item)
{
	if (item->wait == NULL)
		return;
	pending_check_drop(item->wait);
	item->wait = NULL;
	item->poll->num_waiting--;
	turn_soon(item->poll);
}
