/* change: to the store that keeps it. */
#include "gateway/control/change.h"

#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"

static int
write_section(struct stores *s, const struct change *ch, struct err *err)
{
	int rc = ch->apart
	    ? section_store_set_aside(s->sections, ch->section, err)
	    : 0;

	return rc == 0 ? section_store_put(s->sections, ch->section, ch->config,
			     ch->text, &ch->author, err)
		       : rc;
}

static int
write_denied(struct stores *s, const struct change *ch, struct err *err)
{
	return ch->removed ? denylist_remove(s->denylist, ch->id, err)
			   : denylist_add(s->denylist, ch->denied, err);
}

/* The holding identity of a chain is known first. */
static int
write_chain(struct stores *s, const struct change *ch, struct err *err)
{
	bool known = ch->holder[0] == '\0' ||
	    members_find(s->members, ch->holder) != NULL;
	int rc = !known || ch->member_name != NULL
	    ? members_set(
		  s->members, ch->holder, ch->member_name, NULL, NULL, err)
	    : 0;

	return rc == 0 ? certstore_put(s->certs, ch->holder, ch->usage,
			     ch->name, ch->chain, err)
		       : rc;
}

static int
write_key(struct stores *s, const struct change *ch, struct err *err)
{
	char holder[KEYSTORE_ID_SIZE];
	int rc = keystore_give(s->keys, ch->key, err);

	/* As where it was made. */
	if (rc == 0 && keystore_id_parse(holder, ch->key->tenant) &&
	    members_find(s->members, holder) == NULL)
		rc = members_set(s->members, holder, NULL, NULL, NULL, err);
	return rc;
}

int
change_write(struct stores *s, const struct change *ch, struct err *err)
{
	switch (ch->kind) {
	case CHANGE_SECTION:
		return write_section(s, ch, err);
	case CHANGE_DENIED:
		return write_denied(s, ch, err);
	case CHANGE_SUBJECT:
		return allowed_subjects_set(
		    s->subjects, ch->holder, ch->name, !ch->removed, err);
	case CHANGE_MEMBER:
		return members_set(s->members, ch->id, ch->name,
		    ch->registration, ch->setup, err);
	case CHANGE_CHAIN:
		return write_chain(s, ch, err);
	case CHANGE_KEY:
		return write_key(s, ch, err);
	}
	return err_set(err, E_INTERNAL, "not a change of a known kind");
}

/* Not in place of an entry that lasts longer. */
static bool
denies_more(const struct stores *s, const struct denied *e)
{
	struct denied now;
	struct err err;
	bool more = denylist_get(&now, s->denylist, e->id, &err) == 0 &&
	    (now.id[0] == '\0' || e->until == 0 ||
		(now.until != 0 && e->until >= now.until));

	denied_cleanup(&now);
	return more;
}

bool
change_tightens(const struct stores *s, const struct change *ch)
{
	if (ch->kind == CHANGE_DENIED)
		return !ch->removed && denies_more(s, ch->denied);
	return ch->kind == CHANGE_SUBJECT && ch->removed;
}
