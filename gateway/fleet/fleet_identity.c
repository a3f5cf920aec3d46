/* fleet_identity: see the header. */
#include "gateway/fleet/fleet_identity.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/fleet/fleet_take.h"

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
	/* It was made before the eyes of this machine: there is no older one.
	 */
	if (!f->loading)
		f->fresh = false;
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
	f->facts_changed = f->adopted = true;
	f->adopt = false;
	follow(f, m);
}

static void
unreadable(struct fleet *f, const struct fleet_kv *kv, enum fleet_refusal why,
    const char *text)
{
	/* Somebody has written over it, and what it said is known. */
	if (f->follows && !f->loading) {
		fleet_refuse(f, why, kv->key, text);
		f->identity_there = false;
		f->identity_revision = kv->revision;
		return;
	}
	if (f->blocked != FLEET_UNREADABLE)
		fleet_error(f,
		    "its records cannot be read with the secret in '%s'",
		    f->secret_file);
	f->refused[why]++;
	block(f, FLEET_UNREADABLE);
}

void
fleet_identity_see(struct fleet *f, const struct fleet_kv *kv)
{
	struct fleet_opened o;
	enum fleet_refusal why;
	struct err err;

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
	if (f->id[0] == '\0') {
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

void
fleet_identity_loaded(struct fleet *f)
{
	if (!f->follows || !f->fresh || !f->identity_there)
		return;
	if (f->engine_head < f->min_n) {
		fleet_error(f,
		    "it is at change %lld, and this machine may follow none "
		    "older than %lld",
		    (long long)f->engine_head, (long long)f->min_n);
		block(f, FLEET_TOO_OLD);
		f->id[0] = '\0';
		f->head = 0;
		f->facts_changed = false;
		return;
	}
	f->began = f->engine_head;
	log_line(f->log, LOG_LEVEL_INFO,
	    "the fleet: this machine begins with change %lld of %s",
	    (long long)f->began, f->id);
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
	} else if (f->blocked == FLEET_UNREADABLE) {
		fleet_set_state(f, FLEET_UNREADABLE,
		    "its records cannot be read with the secret in '%s'",
		    f->secret_file);
	} else if (f->id[0] == '\0') {
		fleet_set_state(
		    f, FLEET_MISSING, "there is no fleet at the engine yet");
	} else if (!f->identity_there || f->head_revision == 0) {
		fleet_set_state(f, FLEET_FILLS,
		    "the engine has lost the fleet: it is filled again");
	} else {
		fleet_set_state(f, FLEET_UP, "%s", "");
	}
}
