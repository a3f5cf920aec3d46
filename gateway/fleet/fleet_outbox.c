/* fleet_outbox: see the header. */
#include "gateway/fleet/fleet_outbox.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_write.h"

#define AGAIN_MS 1000
#define FULL_MS  5000

struct fleet_outbox {
	struct event *timer;
	bool busy;
	uint64_t not_before; /* monotonic, ms */
};

static void step_on(struct fleet *f);

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	step_on(arg);
}

int
fleet_outbox_init(struct fleet *f, struct err *err)
{
	struct fleet_outbox *o = calloc(1, sizeof(*o));

	f->outbox = o;
	if (o != NULL)
		o->timer = evtimer_new(f->base, on_timer, f);
	return o != NULL && o->timer != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

void
fleet_outbox_cleanup(struct fleet *f)
{
	if (f->outbox == NULL)
		return;
	if (f->outbox->timer != NULL)
		event_free(f->outbox->timer);
	free(f->outbox);
	f->outbox = NULL;
}

int
fleet_pending(struct fleet *f, const struct fleet_change *change, bool later,
    struct err *err)
{
	char key[FLEET_KEY_SIZE];
	struct fleet_held held = {.key = key, .pending = change->json};
	struct mirror_entry *e;
	int rc;

	if (change->json == NULL || !fleet_kind_rule(change->kind)->ordered ||
	    !fleet_key_make(key, change->kind, change->name))
		return err_set(err, E_ARG, "no name of an ordered record");
	e = mirror_find(f->mirror, key);
	if (e != NULL && e->pending != NULL) {
		free(e->pending);
		e->pending = NULL;
		f->outbox_num--;
	}
	fleet_kick(f);
	rc = fleet_take_held(f, &held, err);
	if (rc == 0)
		mirror_find(f->mirror, key)->later = later;
	return rc;
}

static void
on_done(void *arg, const struct fleet_outcome *o)
{
	struct fleet *f = arg;
	unsigned ms = o->result == FLEET_WRITTEN ? 0
	    : o->result == FLEET_AWAY            ? AGAIN_MS
						 : FULL_MS;

	f->outbox->busy = false;
	if (o->result != FLEET_WRITTEN && o->result != FLEET_AWAY)
		fleet_error(f, "what waits cannot be sent: %s", o->why);
	f->outbox->not_before = clock_mono_ms() + ms;
	fleet_after(f->outbox->timer, ms);
}

struct gathering {
	struct fleet_change v[FLEET_TXN_OPS];
	size_t num, octets;
	bool later; /* those are looked for */
};

static void
gather(void *arg, struct mirror_entry *e)
{
	struct gathering *g = arg;

	if (e->pending == NULL || e->later != g->later ||
	    g->num == FLEET_TXN_OPS || g->octets > FLEET_TXN_BYTES / 2)
		return;
	g->octets += strlen(e->pending);
	g->v[g->num++] = (struct fleet_change){.kind = e->kind,
	    .name = e->name,
	    .json = e->pending,
	    .expect = FLEET_ANY};
}

static void
step_on(struct fleet *f)
{
	struct fleet_outbox *o = f->outbox;
	uint64_t now = clock_mono_ms();
	struct gathering g = {.num = 0};
	struct err err;

	if (f->outbox_num == 0 || o->busy || !fleet_usable(f) ||
	    f->stage.num > 0)
		return;
	if (now < o->not_before) {
		fleet_after(o->timer, (unsigned)(o->not_before - now));
		return;
	}
	/* An emergency does not wait for the denylist of who joins. */
	mirror_each(f->mirror, gather, &g);
	g.later = true;
	mirror_each(f->mirror, gather, &g);
	if (g.num == 0)
		return;
	o->busy = fleet_write_add(f, g.v, g.num, true, on_done, f, &err) == 0;
	if (!o->busy) {
		o->not_before = now + AGAIN_MS;
		fleet_after(o->timer, AGAIN_MS);
	}
}

void
fleet_outbox_moved(struct fleet *f)
{
	step_on(f);
}
