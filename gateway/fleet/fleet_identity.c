/* fleet_identity: see the header. */
#include "gateway/fleet/fleet_identity.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_tally.h"

/* A machine that is kept out looks again, ever more seldom. */
#define AGAIN_MIN_MS 1000
#define AGAIN_MAX_MS 60000

#define UNREADABLE                                                           \
	"its records cannot be read with the secret in '%.60s'; if that is " \
	"the right one, delete its key 'fleet' from the engine"

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;

	f->reread = f->reread || f->link_state == FLEET_LINK_UP;
	fleet_kick(f);
}

int
fleet_identity_init(struct fleet *f, struct err *err)
{
	f->again_ms = AGAIN_MIN_MS;
	f->again = evtimer_new(f->base, on_again, f);
	return f->again != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

void
fleet_identity_cleanup(struct fleet *f)
{
	if (f->again != NULL)
		event_free(f->again);
}

/* What came while it was blocked was not looked at. */
static void
unblock(struct fleet *f)
{
	f->reread = f->reread || (!f->loading && f->blocked != FLEET_UP);
	f->blocked = FLEET_UP;
}

static void
follow(struct fleet *f, const struct fleet_meaning *m)
{
	f->follows = f->identity_there = true;
	unblock(f);
	f->other_id[0] = '\0';
	if (m->filled > f->filled) {
		f->filled = m->filled;
		f->facts_changed = true;
	}
}

static void
block(struct fleet *f, enum fleet_state_now why)
{
	f->blocked = why;
	f->follows = f->identity_there = false;
	fleet_unsee(f);
}

/* What was held under the numbers of another fleet counts no more. */
static void
adopt(struct fleet *f, const struct fleet_meaning *m)
{
	log_line(f->log, LOG_LEVEL_WARN,
	    "the fleet: %s is followed from now on in place of %s", m->id,
	    f->id);
	fleet_unsee(f);
	mirror_forget_held(f->mirror);
	memcpy(f->id, m->id, sizeof(f->id));
	f->head = f->filled = 0;
	f->tally = (struct fleet_tally){.known = false};
	f->facts_changed = f->adopted = true;
	f->adopt = false;
	follow(f, m);
}

static void
unreadable(struct fleet *f, const struct fleet_kv *kv, enum fleet_refusal why,
    const char *text)
{
	f->identity_revision = kv->revision;
	f->pace.foreign_identity =
	    fleet_seal_is_foreign(f->seal, kv->value, kv->len);
	/* Somebody has written over it, and what it said is known. */
	if ((f->follows && !f->loading) ||
	    kv->revision == f->damaged_identity) {
		fleet_refuse(f, why, kv->key, text);
		f->identity_there = false;
		f->follows = true;
		unblock(f);
		return;
	}
	if (f->blocked != FLEET_UNREADABLE)
		fleet_error(f, UNREADABLE, f->secret_file);
	f->refused[why]++;
	block(f, FLEET_UNREADABLE);
}

void
fleet_identity_prove(struct fleet *f, const struct fleet_kv *head)
{
	struct fleet_opened o;
	enum fleet_refusal why;
	struct err err;

	if (f->blocked != FLEET_UNREADABLE || f->fresh || f->id[0] == '\0' ||
	    head->value == NULL ||
	    fleet_open_text(f, FLEET_HEAD, head->key, head->value, head->len,
		&o, &why, &err) != 0)
		return;
	free(o.json);
	f->damaged_identity = f->identity_revision;
	f->reread = true;
	fleet_kick(f);
}

void
fleet_identity_see(struct fleet *f, const struct fleet_kv *kv)
{
	struct fleet_opened o;
	enum fleet_refusal why;
	struct err err;

	if (kv->revision != f->damaged_identity)
		f->damaged_identity = 0;
	if (kv->value == NULL) {
		f->identity_there = false;
		f->identity_revision = 0;
		/* What this machine knows of it is put back. */
		f->follows = f->id[0] != '\0';
		unblock(f);
		return;
	}
	if (fleet_open_text(f, FLEET_IDENTITY, kv->key, kv->value, kv->len, &o,
		&why, &err) != 0) {
		unreadable(f, kv, why, err.msg);
		return;
	}
	f->events[FLEET_IDENTITY]++;
	f->identity_revision = kv->revision;
	f->identity_previous = o.previous && f->loading;
	if (f->id[0] == '\0' && !f->loading) {
		/* Nothing is taken before the whole has been judged. */
		f->identity_there = f->reread = true;
	} else if (f->id[0] == '\0') {
		memcpy(f->id, o.meaning.id, sizeof(f->id));
		f->facts_changed = true;
		follow(f, &o.meaning);
	} else if (strcmp(f->id, o.meaning.id) == 0) {
		follow(f, &o.meaning);
	} else if (f->adopt) {
		adopt(f, &o.meaning);
	} else {
		if (strcmp(f->other_id, o.meaning.id) != 0)
			fleet_error(f,
			    "the engine has fleet %s, and this machine is of "
			    "%s: nothing is read or written",
			    o.meaning.id, f->id);
		memcpy(f->other_id, o.meaning.id, sizeof(f->other_id));
		block(f, FLEET_OTHER);
	}
	free(o.json);
}

/* A fresh machine remembers nothing of what it has not judged as a whole. */
static void
forget(struct fleet *f)
{
	f->id[0] = '\0';
	f->head = 0;
	f->tally = (struct fleet_tally){.known = false};
	f->facts_changed = false;
}

void
fleet_identity_loading(struct fleet *f)
{
	f->identity_there = false;
	f->identity_revision = 0;
	/* The reading before has not come to its end. */
	if (f->fresh)
		forget(f);
}

/* Looks again later. */
static void
keep_out(struct fleet *f, enum fleet_state_now why)
{
	block(f, why);
	forget(f);
	fleet_after(f->again, f->again_ms);
	f->again_ms =
	    f->again_ms * 2 < AGAIN_MAX_MS ? f->again_ms * 2 : AGAIN_MAX_MS;
}

void
fleet_identity_loaded(struct fleet *f)
{
	char why[160];

	if (!f->follows || !f->fresh || !f->identity_there)
		return;
	if (f->engine_head < f->min_n) {
		fleet_error(f,
		    "it is at change %lld, and this machine may follow none "
		    "older than %lld",
		    (long long)f->engine_head, (long long)f->min_n);
		keep_out(f, FLEET_TOO_OLD);
		return;
	}
	if (!f->trusts && !fleet_tally_agrees(f)) {
		fleet_tally_why(f, why, sizeof(why));
		fleet_error(f, "%s: nothing of it is taken", why);
		f->refused[FLEET_REFUSED_PART]++;
		keep_out(f, FLEET_PART);
		return;
	}
	f->again_ms = AGAIN_MIN_MS;
	f->began = f->engine_head;
	log_line(f->log, LOG_LEVEL_INFO,
	    "the fleet: this machine begins with change %lld of %s",
	    (long long)f->began, f->id);
}

/* What is put back at once is not worth a word. */
static bool
is_part(const struct fleet *f)
{
	return f->part_since_ms != 0 &&
	    (f->state != FLEET_UP || fleet_tally_is_said(f));
}

void
fleet_identity_state(struct fleet *f)
{
	struct fleet_link_stats stats;

	fleet_link_stats(f->link, &stats);
	if (f->link_state != FLEET_LINK_UP || !f->loaded) {
		if (f->link_state == FLEET_LINK_LOADING ||
		    f->link_state == FLEET_LINK_JOINING ||
		    f->link_state == FLEET_LINK_UP)
			fleet_set_state(f, FLEET_LOADING, "%s", "");
		else if (f->state != FLEET_STARTING || stats.why[0] != '\0')
			fleet_set_state(f, FLEET_LOST, "%s", stats.why);
	} else if (f->blocked == FLEET_OTHER) {
		fleet_set_state(f, FLEET_OTHER,
		    "the engine has fleet %s, and this machine is of %s",
		    f->other_id, f->id);
	} else if (f->blocked == FLEET_TOO_OLD) {
		fleet_set_state(f, FLEET_TOO_OLD,
		    "the fleet is older than this machine may follow");
	} else if (f->blocked == FLEET_PART) {
		fleet_set_state(f, FLEET_PART,
		    "not all of its records are there, so none is taken");
	} else if (f->blocked == FLEET_UNREADABLE) {
		fleet_set_state(
		    f, FLEET_UNREADABLE, UNREADABLE, f->secret_file);
	} else if (f->id[0] == '\0') {
		fleet_set_state(
		    f, FLEET_MISSING, "there is no fleet at the engine yet");
	} else if (f->pace.waits) {
		fleet_set_state(
		    f, FLEET_UNREADABLE, FLEET_PACE_WHY, f->secret_file);
	} else if (!f->identity_there || f->head_revision == 0) {
		fleet_set_state(f, FLEET_FILLS,
		    "the engine has lost the fleet: it is filled again");
	} else if (is_part(f)) {
		fleet_set_state(f, FLEET_PART,
		    "records are missing at the engine, or older ones are "
		    "there: what is held here stays");
	} else {
		fleet_set_state(f, FLEET_UP, "%s", "");
	}
}
