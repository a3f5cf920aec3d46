/*
 * fleet_own: what was set on this machine before it joined and the fleet has
 * not. It stays in force here, and here alone: a list of subjects that shut
 * somebody out goes on to do so.
 */
#include <stdio.h>

#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"

struct own {
	const struct fleet *fleet;
	size_t subjects, members, chains;
	char first[200]; /* the name of one of them */
};

static void
count(struct own *o, enum fleet_kind kind, const char *name, size_t *num,
    const char *words)
{
	if (fleet_n(o->fleet, kind, name) != 0)
		return;
	++*num;
	if (o->first[0] == '\0')
		snprintf(o->first, sizeof(o->first), "%s", words);
}

static int
look_at_subject(
    void *arg, const char *holder, const char *name, struct err *err)
{
	struct own *o = arg;
	char key[FLEET_KEY_SIZE], words[200];

	(void)err;
	fleet_text_subject_name(key, holder, name);
	snprintf(words, sizeof(words), "subject '%.150s' of %s", name, holder);
	count(o, FLEET_SUBJECT, key, &o->subjects, words);
	return 0;
}

static int
look_at_chain(void *arg, const char *holder, enum certstore_usage usage,
    const char *alias, const char *pem, struct err *err)
{
	struct own *o = arg;
	char key[FLEET_KEY_SIZE], words[200];

	(void)pem, (void)err;
	if (!fleet_text_chain_name(key, holder, usage, alias))
		return 0;
	snprintf(words, sizeof(words), "chain '%.170s'", key);
	count(o, FLEET_CHAIN, key, &o->chains, words);
	return 0;
}

static void
look_at_members(struct own *o, const struct members *all)
{
	for (size_t i = 0; i < members_num(all); i++) {
		const struct member *h = members_get(all, i);
		char words[64];

		if (h->registration == NULL && h->setup == NULL)
			continue;
		snprintf(words, sizeof(words), "holding identity %s", h->id);
		count(o, FLEET_HOLDING, h->id, &o->members, words);
	}
}

void
fleet_join_say_own(const struct fleet_join *j)
{
	struct own o = {.fleet = j->fleet};
	struct err err;
	int rc = 0;

	if (j->kinds & 1U << CHANGE_SUBJECT)
		rc = allowed_subjects_each(
		    j->stores->subjects, look_at_subject, &o, &err);
	if (j->kinds & 1U << CHANGE_MEMBER) {
		look_at_members(&o, j->stores->members);
		if (rc == 0)
			rc = certstore_each(
			    j->stores->certs, look_at_chain, &o, &err);
	}
	if (rc != 0)
		log_line(j->services->log, LOG_LEVEL_ERROR,
		    "cannot look for what is set here and not in the fleet: %s",
		    err.msg);
	else if (o.first[0] != '\0')
		log_line(j->services->log, LOG_LEVEL_WARN,
		    "what is set here and not in the fleet stays in force here "
		    "alone: %s (subjects=%zu members=%zu chains=%zu)",
		    o.first, o.subjects, o.members, o.chains);
}
