/*
 * certwatch: one entry a chain, asked about a few at a time so that REST goes
 * on. One event does everything: it is activated when something changes and
 * when an answer comes, and looks after the clock at least once a minute.
 */
#include "gateway/certwatch/certwatch_entry.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "gateway/control/control.h"
#include "gateway/dataplane/workers.h"
#include "gateway/tls/staple.h"
#include "gateway/base/pending_check.h"

#define BATCH       16 /* chains asked about a turn of the loop */
#define MAX_WAITING 64
#define TICK_SEC    60 /* the clock may have been set meanwhile */

/* Life. */

static void on_turn(evutil_socket_t fd, short what, void *arg);

void
certwatch_turn_in(struct certwatch *o, time_t sec)
{
	const struct timeval tv = {.tv_sec = sec};

	event_add(o->turn, &tv);
}

int
certwatch_new(struct certwatch **out, struct control *control, struct err *err)
{
	struct certwatch *o = calloc(1, sizeof(*o));

	*out = NULL;
	if (o == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	o->control = control;
	o->turn = evtimer_new(control_base(control), on_turn, o);
	if (o->turn == NULL) {
		free(o);
		return err_set(err, E_NOMEM, "out of memory");
	}
	*out = o;
	return 0;
}

static void
entry_cleanup(struct certwatch_entry *e)
{
	if (e->wait != NULL)
		e->own->num_waiting--;
	pending_check_drop(e->wait);
	certwatch_item_cleanup(&e->item);
	revcheck_certs_free(e->path);
	staple_free(e->staple);
}

static void
entries_free(struct certwatch_entry *entries, size_t num)
{
	for (size_t i = 0; i < num; i++)
		entry_cleanup(&entries[i]);
	free(entries);
}

void
certwatch_free(struct certwatch *o)
{
	if (o == NULL)
		return;
	entries_free(o->entries, o->num);
	event_free(o->turn);
	free(o);
}

/* The list. */

static bool
same_chain(const struct revcheck_certs *a, const struct revcheck_certs *b)
{
	if (revcheck_certs_num(a) != revcheck_certs_num(b))
		return false;
	for (size_t i = 0; i < revcheck_certs_num(a); i++)
		if (X509_cmp(revcheck_certs_get0(a, i),
			revcheck_certs_get0(b, i)) != 0)
			return false;
	return true;
}

/*
 * The same chain under the same name: what was found out still holds. *next is
 * where it is, most likely.
 */
static void
entry_take_over(
    struct certwatch_entry *e, const struct certwatch *o, size_t *next)
{
	for (size_t i = 0; i < o->num; i++) {
		size_t at = (*next + i) % o->num;
		struct certwatch_entry *old = &o->entries[at];

		if (strcmp(old->item.name, e->item.name) != 0 ||
		    !same_chain(old->item.chain, e->item.chain))
			continue;
		e->answered = old->answered;
		e->status = old->status;
		e->why = old->why;
		memcpy(e->text, old->text, sizeof(e->text));
		e->known_good_at = old->known_good_at;
		if (old->staple != NULL)
			e->staple = staple_up_ref(old->staple);
		e->said_status = old->said_status;
		e->said_expiry = old->said_expiry;
		e->said_staple = old->said_staple;
		*next = at + 1;
		return;
	}
}

void
certwatch_set(struct certwatch *o, struct certwatch_list *list)
{
	struct certwatch_entry *fresh = calloc(list->num + 1, sizeof(*fresh));
	size_t num = list->num, next = 0;

	if (fresh == NULL) {
		log_line(control_log(o->control), LOG_LEVEL_ERROR,
		    "own certificates of before are still watched: out of "
		    "memory");
		return;
	}
	for (size_t i = 0; i < num; i++) {
		struct certwatch_entry *e = &fresh[i];

		e->own = o;
		e->item = list->items[i];
		e->due = true;
		e->first_to_end =
		    certwatch_first_to_end(e->item.chain, &e->not_after);
		e->must_staple = e->item.use == CERTWATCH_TLS &&
		    staple_is_a_must(revcheck_certs_get0(e->item.chain, 0));
		entry_take_over(e, o, &next);
	}
	list->num = 0;
	entries_free(o->entries, o->num);
	o->entries = fresh;
	o->num = num;
	o->dirty = true;
	certwatch_turn_in(o, 0);
}

void
certwatch_changed(struct certwatch *o)
{
	atomic_store(&o->again, true);
	event_active(o->turn, EV_TIMEOUT, 0);
}

void
certwatch_started(struct certwatch *o)
{
	o->dirty = true;
	certwatch_turn_in(o, 0);
}

/* The turn. */

/*
 * A round over thousands of identities is no reason to give the workers
 * thousands of snapshots: while answers are awaited, one a second.
 */
static bool
certwatch_may_publish(const struct certwatch *o, time_t now)
{
	return o->urgent || o->num_waiting == 0 || now != o->published_at;
}

static void
certwatch_publish(struct certwatch *o, time_t now)
{
	struct workers *door = control_door(o->control);
	struct staples *staples = NULL;
	struct staple **list;
	struct err err;

	if (door == NULL)
		return;
	list = calloc(o->num + 1, sizeof(struct staple *));
	if (list == NULL)
		return; /* still dirty: at the next turn */
	for (size_t i = 0; i < o->num; i++)
		list[i] = o->entries[i].staple;
	if (staples_new(&staples, list, o->num, &err) == 0) {
		workers_staple(door, staples);
		staples_free(staples);
		o->dirty = false;
		o->urgent = false;
		o->published_at = now;
	}
	free(list);
}

/* What the clock alone changes. */
static void
entry_tick(struct certwatch_entry *e, time_t now)
{
	if (e->staple != NULL && now >= e->staple->until)
		certwatch_entry_set_staple(e, NULL);
	if (e->wait == NULL && now >= e->ask_at)
		e->due = true;
	certwatch_entry_say(e, now);
}

/* When the clock matters next. */
static time_t
next_tick(const struct certwatch *o, time_t now)
{
	time_t at = now + TICK_SEC;

	for (size_t i = 0; i < o->num; i++) {
		const struct certwatch_entry *e = &o->entries[i];

		if (e->wait == NULL && e->ask_at < at)
			at = e->ask_at;
		if (e->staple != NULL && e->staple->until < at)
			at = e->staple->until;
	}
	return at > now ? at - now : 1;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct certwatch *o = arg;
	bool again = atomic_exchange(&o->again, false), more = false;
	time_t now = time(NULL);
	int asked = 0;

	(void)fd, (void)what;
	for (size_t i = 0; i < o->num; i++) {
		o->entries[i].due |= again;
		entry_tick(&o->entries[i], now);
	}
	/* Set before answers that are there at once ask for another turn. */
	certwatch_turn_in(o, next_tick(o, now));
	for (size_t i = 0; i < o->num && !more; i++) {
		struct certwatch_entry *e = &o->entries[i];

		if (!e->due || e->wait != NULL)
			continue;
		more = asked == BATCH;
		if (o->num_waiting >= MAX_WAITING)
			break; /* the next answer goes on */
		if (!more) {
			certwatch_entry_ask(e);
			asked++;
		}
	}
	if (o->dirty && certwatch_may_publish(o, now))
		certwatch_publish(o, now);
	else if (o->dirty)
		certwatch_turn_in(o, 1);
	if (more)
		certwatch_turn_in(o, 0);
}

/* Looking at it. */

size_t
certwatch_num(const struct certwatch *o)
{
	return o->num;
}

void
certwatch_get(const struct certwatch *o, size_t i, struct certwatch_fact *out)
{
	const struct certwatch_entry *e = &o->entries[i];
	time_t now = time(NULL);

	*out = (struct certwatch_fact){.name = e->item.name,
	    .use = e->item.use,
	    .chain = e->item.chain,
	    .answered = e->answered,
	    .status = e->status,
	    .text = e->text,
	    .not_after = e->not_after,
	    .known_good_at = e->known_good_at,
	    .must_staple = e->must_staple};
	out->expiry = certwatch_expiry_of(
	    e->not_after, now, &control_conf(o->control)->own);
	if (e->staple != NULL && now < e->staple->until)
		out->staple_until = e->staple->until;
}
