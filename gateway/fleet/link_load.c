/*
 * link_load: reads the whole, page by page, all at one revision. Where the
 * connection ends in between, what was read is not asked for again: an engine
 * of which very many want the whole at once gets done with them.
 */
#include "gateway/fleet/link_internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * Records a page. For each page etcd counts all that is behind its first key:
 * 99,001 records took 3.0 s in pages of 500, 1.6 s in these.
 */
#define PAGE 2000

static void paged(void *arg, const struct engine_answer *a);

static void
ask_page(struct fleet_link *l)
{
	engine_list(
	    l->engine, "", l->after, l->page_revision, l->page, paged, l);
}

static void
load_end(struct fleet_link *l)
{
	l->revision = l->page_revision;
	l->marks = l->greeting;
	l->loaded = true;
	link_forget_pages(l);
	l->calls.loaded(l->calls.arg, l->revision);
	if (!l->dead && l->engine != NULL)
		link_join(l);
}

static void
page_take(struct fleet_link *l, const struct engine_answer *a)
{
	char *last = NULL;

	l->stats.damaged += a->damaged;
	if (a->last != NULL)
		last = strdup(a->last);
	if (a->num > 0)
		l->calls.records(l->calls.arg, a->kv, a->num, true);
	if (l->dead || l->engine == NULL) {
		free(last);
	} else if (!a->more) {
		free(last);
		load_end(l);
	} else if (last == NULL ||
	    (l->after != NULL && strcmp(last, l->after) <= 0)) {
		free(last);
		link_forget_pages(l);
		link_fail(l, "a page leads no further");
	} else {
		free(l->after);
		l->after = last;
		l->page = l->page * 2 > PAGE ? PAGE : l->page * 2;
		ask_page(l);
	}
}

static void
paged(void *arg, const struct engine_answer *a)
{
	struct fleet_link *l = arg;

	link_enter(l);
	if (a->result == ENGINE_DONE) {
		page_take(l, a);
	} else if (a->result == ENGINE_TOO_LONG && l->page > 1) {
		/* Large records: fewer at a time. */
		l->page = l->page / 8 > 0 ? l->page / 8 : 1;
		ask_page(l);
	} else if (a->result == ENGINE_COMPACTED) {
		link_start_over(l, a->why);
	} else {
		link_fail(l, a->why);
	}
	link_leave(l);
}

bool
link_load_goes_on(
    struct fleet_link *l, const struct marks *now, int64_t revision)
{
	if (l->after == NULL || revision < l->page_revision ||
	    !marks_same_fleet(now, &l->greeting))
		return false;
	for (int i = 0; i < NUM_MARKS; i++)
		if (now->revision[i] < l->greeting.revision[i])
			return false;
	/* It may have been more than the engine could give in time. */
	l->page = l->page / 2 > 0 ? l->page / 2 : 1;
	link_set_state(l, FLEET_LINK_LOADING);
	if (!l->dead && l->engine != NULL)
		ask_page(l);
	return true;
}

/* `fleet` first: without it nobody can read what follows. */
void
link_load(struct fleet_link *l, const struct engine_answer *a)
{
	struct fleet_kv fleet = {.key = FLEET_KEY_FLEET};

	for (size_t i = 0; i < a->num; i++)
		if (strcmp(a->kv[i].key, FLEET_KEY_FLEET) == 0)
			fleet = a->kv[i];
	l->page_revision = a->revision;
	l->page = PAGE;
	link_forget_pages(l);
	l->loaded = false;
	link_set_state(l, FLEET_LINK_LOADING);
	if (l->dead || l->engine == NULL)
		return;
	l->calls.loading(l->calls.arg);
	if (l->dead || l->engine == NULL)
		return;
	l->calls.records(l->calls.arg, &fleet, 1, true);
	if (!l->dead && l->engine != NULL)
		ask_page(l);
}
