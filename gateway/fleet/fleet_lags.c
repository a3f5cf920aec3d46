/* fleet_lags: see the header. One after the other, each as it is there now. */
#include "gateway/fleet/fleet_lags.h"

#include "gateway/fleet/fleet_take.h"

static void
mark(void *arg, struct mirror_entry *e)
{
	struct fleet *f = arg;

	if (e->lag != NULL)
		e->again = f->lags.waiting = true;
}

void
fleet_lags_again(struct fleet *f)
{
	mirror_each(f->mirror, mark, f);
	if (f->lags.waiting)
		fleet_kick(f);
}

static void
find(void *arg, struct mirror_entry *e)
{
	struct mirror_entry **found = arg;

	if (e->again)
		*found = e;
}

/* What is not answered comes with the next reading of the whole. */
static void
on_got(void *arg, const struct engine_answer *a)
{
	struct fleet *f = arg;

	f->lags.asking = false;
	if (a->result == ENGINE_DONE && a->num > 0 && a->kv[0].value != NULL &&
	    fleet_usable(f)) {
		fleet_see(f, &a->kv[0]);
		(void)!fleet_commit(f, NULL);
	}
	fleet_kick(f);
}

void
fleet_lags_moved(struct fleet *f)
{
	struct mirror_entry *e = NULL;

	if (!f->lags.waiting || f->lags.asking || !fleet_usable(f))
		return;
	mirror_each(f->mirror, find, &e);
	f->lags.waiting = e != NULL;
	if (e == NULL)
		return;
	e->again = false;
	f->lags.asking = true;
	fleet_link_get(f->link, e->key, true, on_got, f);
}
