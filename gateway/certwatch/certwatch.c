/*
 * certwatch: one entry a chain, asked about a few at a time so that REST goes
 * on. One event does everything: it is activated when something changes and
 * when an answer comes, and looks after the clock at least once a minute.
 */
#include "gateway/certwatch/certwatch_entry.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "gateway/tls/staple.h"
#include "gateway/base/pending_check.h"

#define BATCH       16 /* chains asked about a turn of the loop */
#define MAX_WAITING 64
#define TICK_SEC    60 /* the clock may have been set meanwhile */

/* Life. */

static void on_turn(evutil_socket_t fd, short what, void *arg);
static bool ask_next(void *arg);
static void on_idle(void *arg);
static void on_due(void *arg);

int
certwatch_new(struct certwatch **out, const struct services *services,
    certwatch_publish_fn *publish, void *arg, struct err *err)
{
	static const struct chain_poll_calls calls = {
	    .next = ask_next, .idle = on_idle};
	const struct chain_poll_bounds bounds = {BATCH, MAX_WAITING};
	struct certwatch *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->services = services;
	w->publish = publish;
	w->publish_arg = arg;
	rc = chain_poll_init(
	    &w->poll, &calls, w, bounds, services->engine, services->base, err);
	source_box_init(&w->told);
	w->turn = evtimer_new(services->base, on_turn, w);
	if (rc == 0)
		rc = source_index_new(&w->sources, services->base,
		    services->clock, on_due, w, err);
	if (rc == 0 && w->turn == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0)
		certwatch_free(w);
	else
		*out = w;
	return rc;
}

static void
entry_cleanup(struct certwatch_entry *e)
{
	chain_poll_drop(&e->question);
	source_index_leave(e->watch->sources, &e->answer);
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
certwatch_free(struct certwatch *w)
{
	if (w == NULL)
		return;
	entries_free(w->entries, w->num);
	source_index_free(w->sources);
	source_box_cleanup(&w->told);
	chain_poll_cleanup(&w->poll);
	if (w->turn != NULL)
		event_free(w->turn);
	free(w);
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
    struct certwatch_entry *e, const struct certwatch *w, size_t *next)
{
	for (size_t i = 0; i < w->num; i++) {
		size_t at = (*next + i) % w->num;
		struct certwatch_entry *old = &w->entries[at];

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

/* All of them, or none for want of memory. */
static bool
entries_join(struct certwatch *w, struct certwatch_entry *entries, size_t num)
{
	size_t i = 0;

	while (
	    i < num && source_index_join(w->sources, &entries[i].answer) == 0)
		i++;
	if (i == num)
		return true;
	while (i-- > 0)
		source_index_leave(w->sources, &entries[i].answer);
	return false;
}

void
certwatch_set(
    struct certwatch *w, struct certwatch_list *list, const struct conf *conf)
{
	struct certwatch_entry *fresh = calloc(list->num + 1, sizeof(*fresh));
	size_t num = list->num, next = 0;

	w->tls_mode = conf->tls.mode;
	w->conf = conf->own;
	if (fresh == NULL || !entries_join(w, fresh, num)) {
		free(fresh);
		log_line(w->services->log, LOG_LEVEL_ERROR,
		    "own certificates of before are still watched: out of "
		    "memory");
		return;
	}
	for (size_t i = 0; i < num; i++) {
		struct certwatch_entry *e = &fresh[i];

		e->watch = w;
		e->item = list->items[i];
		e->due = true;
		e->first_to_end =
		    certwatch_first_to_end(e->item.chain, &e->not_after);
		e->must_staple = e->item.use == CERTWATCH_TLS &&
		    staple_is_a_must(revcheck_certs_get0(e->item.chain, 0));
		entry_take_over(e, w, &next);
	}
	list->num = 0;
	entries_free(w->entries, w->num);
	w->entries = fresh;
	w->num = num;
	w->dirty = true;
	certwatch_turn_in(w, 0);
}

void
certwatch_told(
    struct certwatch *w, const unsigned char *source, uint64_t change)
{
	source_box_put(&w->told, source, change);
	event_active(w->turn, EV_TIMEOUT, 0);
}

/* The turn. */

/*
 * A round over thousands of identities is no reason to give the workers
 * thousands of snapshots: while answers are awaited, one a second.
 */
static bool
may_publish(const struct certwatch *w, time_t now)
{
	return w->urgent || now != w->published_at;
}

static void
publish(struct certwatch *w, time_t now)
{
	struct staples *staples = NULL;
	struct staple **list;
	struct err err;

	list = calloc(w->num + 1, sizeof(struct staple *));
	if (list == NULL)
		return; /* still dirty: at the next turn */
	for (size_t i = 0; i < w->num; i++)
		list[i] = w->entries[i].staple;
	if (staples_new(&staples, list, w->num, &err) == 0) {
		w->publish(w->publish_arg, staples);
		staples_free(staples);
		w->dirty = false;
		w->urgent = false;
		w->published_at = now;
	}
	free(list);
}

/* What the clock alone changes. */
static void
entry_tick(struct certwatch_entry *e, time_t now)
{
	if (e->staple != NULL && now >= e->staple->until)
		certwatch_entry_set_staple(e, NULL);
	if (!chain_poll_is_asking(&e->question) && now >= e->ask_at)
		e->due = true;
	certwatch_entry_say(e, now);
}

/* When the clock matters next. */
static time_t
next_tick(const struct certwatch *w, time_t now)
{
	time_t at = now + TICK_SEC;

	for (size_t i = 0; i < w->num; i++) {
		const struct certwatch_entry *e = &w->entries[i];

		if (!chain_poll_is_asking(&e->question) && e->ask_at < at)
			at = e->ask_at;
		if (e->staple != NULL && e->staple->until < at)
			at = e->staple->until;
	}
	return at > now ? at - now : 1;
}

static bool
ask_next(void *arg)
{
	struct certwatch *w = arg;

	for (; w->at < w->num; w->at++) {
		struct certwatch_entry *e = &w->entries[w->at];

		if (e->due && !chain_poll_is_asking(&e->question)) {
			certwatch_entry_ask(e);
			w->at++;
			return true;
		}
	}
	return false;
}

static void
entries_due(struct certwatch *w)
{
	struct source_asker *a;
	struct certwatch_entry *e;

	while ((a = source_index_take(w->sources)) != NULL) {
		e = (struct certwatch_entry *)((char *)a -
		    offsetof(struct certwatch_entry, answer));
		e->due = true;
	}
}

static void
on_due(void *arg)
{
	certwatch_turn_in(arg, 0);
}

/* All answers of a round are there. */
static void
on_idle(void *arg)
{
	struct certwatch *w = arg;

	if (w->dirty)
		publish(w, certwatch_now(w));
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct certwatch *w = arg;
	time_t now = certwatch_now(w);

	(void)fd, (void)what;
	if (source_box_take(&w->told, w->sources))
		source_index_all_due(w->sources);
	entries_due(w);
	for (size_t i = 0; i < w->num; i++)
		entry_tick(&w->entries[i], now);
	certwatch_turn_in(w, next_tick(w, now));
	w->at = 0;
	chain_poll_start(&w->poll);
	if (w->dirty && may_publish(w, now))
		publish(w, now);
	else if (w->dirty)
		certwatch_turn_in(w, 1);
}

/* Looking at it. */

size_t
certwatch_num(const struct certwatch *w)
{
	return w->num;
}

void
certwatch_get(const struct certwatch *w, size_t i, struct certwatch_fact *out)
{
	const struct certwatch_entry *e = &w->entries[i];
	time_t now = certwatch_now(w);

	*out = (struct certwatch_fact){.name = e->item.name,
	    .use = e->item.use,
	    .chain = e->item.chain,
	    .answered = e->answered,
	    .status = e->status,
	    .text = e->text,
	    .not_after = e->not_after,
	    .known_good_at = e->known_good_at,
	    .must_staple = e->must_staple};
	out->expiry = certwatch_expiry_of(e->not_after, now, &w->conf);
	if (e->staple != NULL && now < e->staple->until)
		out->staple_until = e->staple->until;
}
