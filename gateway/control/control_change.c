/*
 * control_change: a change is built whole, written, put in force and committed;
 * if a step fails, all is as it was. Where a keeper has the last word, it is
 * asked between the first two.
 */
#include <stdio.h>

#include "gateway/base/services.h"
#include "gateway/control/control_internal.h"
#include "gateway/control/stores.h"
#include "gateway/state/denylist.h"
#include "gateway/state/state_db.h"

void
control_set_keeper(struct control *c, const struct control_keeper *keeper)
{
	c->keeper =
	    keeper != NULL ? *keeper : (struct control_keeper){.kinds = 0};
}

static bool
is_kept(const struct control *c, enum change_kind kind)
{
	return (c->keeper.kinds & 1U << kind) != 0;
}

/* Several at once. */

struct batch {
	const struct change *v;
	size_t num;
	struct candidate *candidate; /* what they come to; NULL: not known */
	int (*also)(void *arg, struct err *err);
	void *arg;
	bool invalid; /* what is asked for is at fault */
};

/* Other certificates, rules or names: not for chains, which setups copy. */
static bool
is_configuration(const struct batch *b)
{
	for (size_t i = 0; i < b->num; i++)
		if (b->v[i].kind == CHANGE_SECTION ||
		    b->v[i].kind == CHANGE_SUBJECT ||
		    b->v[i].kind == CHANGE_MEMBER)
			return true;
	return false;
}

static int
batch_write(struct control *c, struct batch *b, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < b->num && rc == 0; i++)
		rc = change_write(c->stores, &b->v[i], err);
	b->invalid = rc == E_PARSE;
	if (rc == 0 && b->also != NULL)
		rc = b->also(b->arg, err);
	return rc;
}

/* Within the transaction, so that a full disk says so before. */
static int
batch_apply(struct control *c, struct batch *b, bool *applied, struct err *err)
{
	int rc = state_db_flush(c->stores->db, err);

	if (rc == 0)
		rc = denylist_give(
		    c->stores->denylist, c->services->engine, err);
	if (rc != 0 || !is_configuration(b))
		return rc;
	if (b->candidate != NULL)
		rc = control_apply(c, b->candidate, err);
	else if (control_apply_stored(c, err) != 0)
		rc = E_INTERNAL;
	b->invalid = rc == E_ARG;
	*applied = rc == 0;
	return rc;
}

/*
 * When it cannot be committed, what was stored before is put in force again.
 */
static int
batch_take(struct control *c, struct batch *b, struct err *err)
{
	bool applied = false;
	struct err again;
	int rc = state_db_begin(c->stores->db, err);

	if (rc != 0)
		return rc;
	rc = batch_write(c, b, err);
	if (rc == 0)
		rc = batch_apply(c, b, &applied, err);
	rc = state_db_end(c->stores->db, rc, err);
	if (rc != 0 && applied && control_apply_stored(c, &again) != 0)
		log_line(c->services->log, LOG_LEVEL_ERROR,
		    "cannot go back to the configuration before: %s",
		    again.msg);
	return rc;
}

/* batch_take, and the log tells of the sections among them. */
static int
batch_make(struct control *c, struct batch *b, struct err *err)
{
	struct change_log_entry entry = {
	    .before = *control_loose(c), .conf_before = conf_up_ref(c->conf)};
	int rc = batch_take(c, b, err);

	entry.conf = c->conf;
	entry.now = *control_loose(c);
	entry.warming = c->warming != 0;
	for (size_t i = 0; rc == 0 && i < b->num; i++) {
		const struct change *ch = &b->v[i];
		const struct control_actor actor = {.who = ch->author.who,
		    .from = ch->author.from,
		    .action = ch->author.action};

		if (ch->kind != CHANGE_SECTION)
			continue;
		entry.section = ch->section;
		entry.actor = &actor;
		entry.version =
		    section_version(c->stores->sections, ch->section);
		change_log_write(c->services->log, &entry);
	}
	conf_free(entry.conf_before);
	return rc;
}

int
control_take(struct control *c, const struct change *v, size_t num,
    int (*also)(void *arg, struct err *err), void *arg, struct err *err)
{
	struct batch b = {.v = v, .num = num, .also = also, .arg = arg};

	return batch_make(c, &b, err);
}

/* One, as somebody here asks for it. */

/* Whether it could be put in force; what was written is taken back. */
static int
change_try(struct control *c, const struct change *ch, struct err *err)
{
	struct batch b = {.v = ch, .num = 1};
	struct candidate_input in;
	struct candidate candidate;
	struct err ignored;
	int rc = state_db_begin(c->stores->db, err);

	if (rc != 0)
		return rc;
	rc = batch_write(c, &b, err);
	if (rc == 0)
		rc = state_db_flush(c->stores->db, err);
	if (rc == 0 && is_configuration(&b)) {
		control_input_of(c, c->base, &in);
		rc = candidate_make(&candidate, &in, err);
		if (rc == 0)
			candidate_cleanup(&candidate);
		else
			rc = E_INTERNAL;
	}
	(void)!state_db_end(c->stores->db, -1, &ignored);
	return rc;
}

enum control_outcome
control_change(struct control *c, const struct change *ch,
    const struct control_later *later, struct err *err)
{
	struct batch b = {.v = ch, .num = 1};

	if (!is_kept(c, ch->kind))
		return batch_make(c, &b, err) == 0 ? CONTROL_CHANGED
						   : CONTROL_FAILED;
	return change_try(c, ch, err) == 0
	    ? c->keeper.keep(c->keeper.arg, ch, later, err)
	    : CONTROL_FAILED;
}

/* The history tells that a change does not act in full at once. */
static void
author_of(struct section_author *out, char *note, size_t size,
    const struct control *c, const struct candidate *p,
    const struct control_actor *actor)
{
	*out = (struct section_author){
	    .who = actor->who, .from = actor->from, .action = actor->action};
	if (!(p->warming & ~c->warming))
		return;
	snprintf(note, size, "HARD_FAIL after a warm-up of at most %u ms",
	    p->warm_up_ms);
	out->note = note;
}

/* The version that is replaced, and whether the new one could be in force. */
static enum control_outcome
put_check(struct control *c, const struct change *ch, int64_t version,
    struct candidate *candidate, struct err *err)
{
	int64_t stored = section_version(c->stores->sections, ch->section);
	struct candidate_input in;

	if (version != stored &&
	    !(stored == SECTION_VERSION_NONE && version == 0)) {
		err_set(err, E_ARG,
		    "the version given is %lld, the version stored is %lld",
		    (long long)version, (long long)stored);
		return CONTROL_CONFLICT;
	}
	if (section_validate(ch->section, ch->config, err) != 0)
		return CONTROL_INVALID;
	control_input_of(c, c->base, &in);
	in.effective.sections[ch->section] = ch->config;
	return candidate_make(candidate, &in, err) == 0 ? CONTROL_CHANGED
							: CONTROL_INVALID;
}

enum control_outcome
control_put(struct control *c, enum section_id id, int64_t version,
    const cJSON *config, const char *text, const struct control_actor *actor,
    const struct control_later *later, struct err *err)
{
	struct change ch = {.kind = CHANGE_SECTION,
	    .section = id,
	    .config = config,
	    .text = text};
	struct candidate candidate;
	struct batch b = {.v = &ch, .num = 1, .candidate = &candidate};
	char note[80];
	enum control_outcome outcome =
	    put_check(c, &ch, version, &candidate, err);

	if (outcome != CONTROL_CHANGED)
		return outcome;
	author_of(&ch.author, note, sizeof(note), c, &candidate, actor);
	if (is_kept(c, ch.kind))
		outcome = change_try(c, &ch, err) == 0
		    ? c->keeper.keep(c->keeper.arg, &ch, later, err)
		    : CONTROL_FAILED;
	else if (batch_make(c, &b, err) != 0)
		outcome = b.invalid ? CONTROL_INVALID : CONTROL_FAILED;
	candidate_cleanup(&candidate);
	return outcome;
}
