/*
 * fleet_seed: what is stored on this machine and not in the fleet. A machine
 * that joins adds its denylist, which only tightens; one that makes the fleet
 * gives it all of what is set here, one change after the other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"
#include "gateway/state/state_db.h"

#define MAX_AT_ONCE 500

/* The denylist, through the outbox. */

struct uniting {
	struct denied v[MAX_AT_ONCE];
	size_t num;
};

static bool
copy_denied(struct denied *out, const struct denied *e)
{
	cJSON *o = denied_json(e);
	struct err err;
	int rc = denied_of_json(out, o, &err);

	cJSON_Delete(o);
	return rc == 0;
}

static int
gather_denied(void *arg, const struct denied *e, struct err *err)
{
	struct uniting *u = arg;

	if (!copy_denied(&u->v[u->num], e))
		return err_set(err, E_NOMEM, "out of memory");
	u->num++;
	return 0;
}

static int
text_of(struct fleet_text *t, const struct fleet_join *j,
    const struct denied *e, struct err *err)
{
	const struct change ch = {.kind = CHANGE_DENIED, .denied = e};

	return fleet_text_make(t, &ch, j->stores, err);
}

/* They are in force already: what is missing is the outbox, once for all. */
static int
pend_all(struct fleet_join *j, const struct uniting *u, struct err *err)
{
	int rc = state_db_begin(j->stores->db, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < u->num && rc == 0; i++) {
		struct fleet_text t;

		rc = text_of(&t, j, &u->v[i], err);
		if (rc == 0) {
			const struct fleet_row row = {
			    .key = t.key, .pending = t.v[0].json};

			rc = fleet_state_pend(j->state, &row, err);
		}
		fleet_text_cleanup(&t);
	}
	return state_db_end(j->stores->db, rc, err);
}

static int
send_all(struct fleet_join *j, const struct uniting *u, struct err *err)
{
	int rc = pend_all(j, u, err);

	for (size_t i = 0; i < u->num && rc == 0; i++) {
		struct fleet_text t;

		rc = text_of(&t, j, &u->v[i], err);
		if (rc == 0)
			rc = fleet_pending(j->fleet, &t.v[0], true, err);
		fleet_text_cleanup(&t);
	}
	return rc;
}

bool
fleet_join_unite(struct fleet_join *j)
{
	struct uniting *u;
	struct err err;
	bool more = false;
	int rc;

	if (!(j->kinds & 1U << CHANGE_DENIED) ||
	    (u = calloc(1, sizeof(*u))) == NULL)
		return false;
	rc = denylist_each_alone(
	    j->stores->denylist, MAX_AT_ONCE, gather_denied, u, &err);
	if (rc == 0 && u->num > 0)
		rc = send_all(j, u, &err);
	if (rc != 0) {
		log_line(j->services->log, LOG_LEVEL_ERROR,
		    "the fleet is not told of this machine's denylist: %s",
		    err.msg);
	} else if (u->num > 0) {
		log_line(j->services->log, LOG_LEVEL_INFO,
		    "the fleet is told of entries of this machine's denylist "
		    "(entries=%zu)",
		    u->num);
		more = u->num == MAX_AT_ONCE;
	}
	for (size_t i = 0; i < u->num; i++)
		denied_cleanup(&u->v[i]);
	free(u);
	return more;
}

/* Keys, where they are shared: those that the fleet does not have. */

static void
on_key_written(void *arg, const struct fleet_outcome *outcome)
{
	struct fleet_join *j = arg;

	if (outcome->result != FLEET_WRITTEN &&
	    outcome->result != FLEET_CONFLICT)
		log_line(j->services->log, LOG_LEVEL_WARN,
		    "a key is not shared before the next start: %s",
		    outcome->why);
}

static int
write_key(struct fleet_join *j, const struct keystore_key *k, struct err *err)
{
	char *secret = keystore_secret_text(j->stores->keys, k, err);
	const struct keystore_given given = {.tenant = k->tenant,
	    .id = k->id,
	    .alias = k->alias,
	    .category = k->category,
	    .scheme = keystore_scheme_word(k->scheme),
	    .secret = secret,
	    .created_at = k->created_at};
	const struct change ch = {.kind = CHANGE_KEY, .key = &given};
	struct fleet_text t = {.num = 0};
	int rc = secret != NULL ? fleet_text_make(&t, &ch, j->stores, err)
				: E_INTERNAL;

	if (rc == 0)
		rc = fleet_write(j->fleet, t.v, t.num, on_key_written, j, err);
	fleet_text_cleanup(&t);
	cJSON_free(secret);
	return rc;
}

/* To encrypt one takes a while: those alone that are missing there. */
static bool
is_missing(const struct fleet_join *j, const struct keystore_key *k)
{
	char name[2 * KEYSTORE_ID_SIZE];

	snprintf(name, sizeof(name), "%s/%s", k->tenant, k->id);
	return fleet_n(j->fleet, FLEET_KEY, name) == 0;
}

void
fleet_join_share_keys(struct fleet_join *j)
{
	const struct keystore *keys = j->stores->keys;
	struct err err;
	int rc = 0;

	if (!(j->kinds & 1U << CHANGE_KEY))
		return;
	for (size_t i = 0; i < keystore_num(keys) && rc == 0; i++)
		if (is_missing(j, keystore_get(keys, i)))
			rc = write_key(j, keystore_get(keys, i), &err);
	if (rc != 0)
		log_line(j->services->log, LOG_LEVEL_WARN,
		    "keys are not shared before the next start: %s", err.msg);
}

void
fleet_join_key_made(struct fleet_join *j)
{
	fleet_lags_again(j->fleet);
	fleet_join_share_keys(j);
}

/* All else, by one who makes the fleet. */

struct fleet_seed {
	struct fleet_join *join;
	struct fleet_text *v;
	size_t num, max, next;
};

void
fleet_seed_free(struct fleet_seed *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->num; i++)
		fleet_text_cleanup(&s->v[i]);
	free(s->v);
	free(s);
}

static int
seed_add(struct fleet_seed *s, const struct change *ch, struct err *err)
{
	struct fleet_text *t;
	int rc;

	if (s->num == s->max) {
		size_t max = s->max * 2 + 64;

		t = realloc(s->v, max * sizeof(*t));
		if (t == NULL)
			return err_set(err, E_NOMEM, "out of memory");
		s->v = t;
		s->max = max;
	}
	t = &s->v[s->num++];
	rc = fleet_text_make(t, ch, s->join->stores, err);
	/* It was moved, perhaps: see seed_write. */
	for (size_t i = 0; i < t->num; i++)
		t->v[i].expect = FLEET_ABSENT;
	return rc;
}

static int
seed_sections(struct fleet_seed *s, struct err *err)
{
	const struct section_store *sections = s->join->stores->sections;
	int rc = 0;

	for (enum section_id id = 0; id < SECTION_NUM && rc == 0; id++) {
		const struct section_change *c = section_newest(sections, id);
		const struct change ch = {.kind = CHANGE_SECTION,
		    .section = id,
		    .text = section_text(sections, id),
		    .author = {.who = c != NULL ? c->who : NULL,
			.from = c != NULL ? c->from : NULL,
			.action = c != NULL ? c->action : NULL,
			.at = c != NULL ? c->at : 0,
			.version = section_version(sections, id)}};

		if (c != NULL)
			rc = seed_add(s, &ch, err);
	}
	return rc;
}

static int
seed_subject(void *arg, const char *holder, const char *name, struct err *err)
{
	const struct change ch = {
	    .kind = CHANGE_SUBJECT, .holder = holder, .name = name};

	return seed_add(arg, &ch, err);
}

static int
seed_chain(void *arg, const char *holder, enum certstore_usage usage,
    const char *alias, const char *pem, struct err *err)
{
	struct certstore_list list = {.num = 0};
	const struct change ch = {.kind = CHANGE_CHAIN,
	    .holder = holder,
	    .usage = usage,
	    .name = alias,
	    .chain = &list};
	int rc = certstore_read(&list, pem, strlen(pem), err);

	if (rc == 0)
		rc = seed_add(arg, &ch, err);
	certstore_list_cleanup(&list);
	return rc;
}

static int
seed_members(struct fleet_seed *s, struct err *err)
{
	const struct members *all = s->join->stores->members;
	int rc = 0;

	for (size_t i = 0; i < members_num(all) && rc == 0; i++) {
		const struct member *h = members_get(all, i);
		const struct change ch = {.kind = CHANGE_MEMBER, .id = h->id};

		if (h->registration != NULL || h->setup != NULL ||
		    h->name != NULL)
			rc = seed_add(s, &ch, err);
	}
	return rc;
}

static void seed_write(struct fleet_seed *s);

static void
on_seeded(void *arg, const struct fleet_outcome *outcome)
{
	struct fleet_seed *s = arg;

	if (outcome->result != FLEET_WRITTEN &&
	    outcome->result != FLEET_CONFLICT)
		log_line(s->join->services->log, LOG_LEVEL_ERROR,
		    "the fleet is not told of '%s': %s", s->v[s->next].key,
		    outcome->why);
	s->next++;
	seed_write(s);
}

static void
seed_write(struct fleet_seed *s)
{
	struct fleet_join *j = s->join;
	struct fleet_text *t = &s->v[s->next];
	struct err err;

	if (s->next == s->num) {
		log_line(j->services->log, LOG_LEVEL_INFO,
		    "the fleet has been told what is stored here (changes=%zu)",
		    s->num);
		j->seed = NULL;
		fleet_seed_free(s);
		return;
	}
	/* The names are in the text, which may have been moved. */
	for (size_t i = 0; i < t->num; i++)
		t->v[i].name = t->names[i];
	if (fleet_write(j->fleet, t->v, t->num, on_seeded, s, &err) == 0)
		return;
	log_line(j->services->log, LOG_LEVEL_ERROR,
	    "the fleet is not told of '%s': %s", t->key, err.msg);
	j->seed = NULL;
	fleet_seed_free(s);
}

int
fleet_join_seed(struct fleet_join *j, struct err *err)
{
	struct fleet_seed *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->join = j;
	if (j->kinds & 1U << CHANGE_SECTION)
		rc = seed_sections(s, err);
	if (rc == 0 && (j->kinds & 1U << CHANGE_MEMBER)) {
		rc = seed_members(s, err);
		if (rc == 0)
			rc = certstore_each(
			    j->stores->certs, seed_chain, s, err);
	}
	if (rc == 0 && (j->kinds & 1U << CHANGE_SUBJECT))
		rc = allowed_subjects_each(
		    j->stores->subjects, seed_subject, s, err);
	if (rc != 0) {
		fleet_seed_free(s);
		return rc;
	}
	j->seed = s;
	seed_write(s);
	return 0;
}
