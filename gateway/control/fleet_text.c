/* fleet_text: from the stores to records. */
#include "gateway/control/fleet_text.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"

void
fleet_text_cleanup(struct fleet_text *t)
{
	for (size_t i = 0; i < FLEET_TEXT_MAX; i++)
		cJSON_free(t->json[i]);
	*t = (struct fleet_text){.num = 0};
}

bool
fleet_text_is_change(enum fleet_kind kind)
{
	return kind == FLEET_CONFIG || kind == FLEET_DENY ||
	    kind == FLEET_SUBJECT || kind == FLEET_HOLDING ||
	    kind == FLEET_CHAIN || kind == FLEET_KEY;
}

/* Takes o over. t->names[t->num] has been written. */
static int
add(struct fleet_text *t, enum fleet_kind kind, cJSON *o, int64_t expect,
    struct err *err)
{
	size_t i = t->num;

	t->json[i] = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (t->json[i] == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	t->v[i] = (struct fleet_change){.kind = kind,
	    .name = t->names[i],
	    .json = t->json[i],
	    .expect = expect};
	t->num++;
	return 0;
}

/* Who and when; takes nothing over. */
static cJSON *
signed_by(const struct change *ch)
{
	cJSON *o = cJSON_CreateObject();
	time_t at = ch->author.at != 0 ? ch->author.at : time(NULL);

	cJSON_AddNumberToObject(o, "v", FLEET_TEXT_SCHEMA);
	cJSON_AddNumberToObject(o, "at", (double)at);
	cJSON_AddStringToObject(
	    o, "who", ch->author.who != NULL ? ch->author.who : "");
	return o;
}

static int
make_section(struct fleet_text *t, const struct change *ch,
    const struct stores *s, struct err *err)
{
	const char *name = section_name(ch->section);
	int64_t stored = section_version(s->sections, ch->section);
	int64_t version = ch->author.version != 0 ? ch->author.version
	    : stored > 0                          ? stored + 1
						  : 1;
	cJSON *o = signed_by(ch), *old;
	int rc;

	if (strlen(ch->text) > FLEET_TEXT_MAX_SECTION) {
		cJSON_Delete(o);
		return err_set(err, E_LIMIT,
		    "the configuration is larger than the %d bytes that a "
		    "fleet shares",
		    FLEET_TEXT_MAX_SECTION);
	}
	cJSON_AddNumberToObject(o, "version", (double)version);
	cJSON_AddStringToObject(o, "from", ch->author.from);
	cJSON_AddStringToObject(o, "action", ch->author.action);
	if (ch->author.note != NULL)
		cJSON_AddStringToObject(o, "note", ch->author.note);
	cJSON_AddStringToObject(o, "config", ch->text);
	cJSON_AddNumberToObject(o, "schemaVersion", FLEET_TEXT_SCHEMA);
	old = cJSON_Duplicate(o, 1);
	snprintf(t->names[0], sizeof(t->names[0]), "%s", name);
	rc = add(t, FLEET_CONFIG, o, FLEET_HELD, err);
	snprintf(t->names[1], sizeof(t->names[1]), "%s/%010lld", name,
	    (long long)version);
	if (rc == 0)
		rc = add(t, FLEET_HISTORY, old, FLEET_ANY, err);
	else
		cJSON_Delete(old);
	return rc;
}

static int
make_denied(struct fleet_text *t, const struct change *ch, struct err *err)
{
	cJSON *o = ch->removed ? signed_by(ch) : denied_json(ch->denied);

	if (ch->removed)
		cJSON_AddTrueToObject(o, "removed");
	snprintf(t->names[0], sizeof(t->names[0]), "%s",
	    ch->removed ? ch->id : ch->denied->id);
	return add(t, FLEET_DENY, o, FLEET_HELD, err);
}

/* Names that are one here are one in the fleet. */
void
fleet_text_subject_name(
    char out[FLEET_KEY_SIZE], const char *holder, const char *name)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1], lower[DN_MAX];
	size_t n = 0;

	for (; n < sizeof(lower) && name[n] != '\0'; n++)
		lower[n] = name[n] >= 'A' && name[n] <= 'Z'
		    ? (char)(name[n] | 0x20)
		    : name[n];
	SHA256((const unsigned char *)lower, n, digest);
	text_hex(hex, digest, sizeof(digest));
	snprintf(out, FLEET_KEY_SIZE, "%s/%s", holder, hex);
}

static int
make_subject(struct fleet_text *t, const struct change *ch, struct err *err)
{
	char name[DN_MAX], holder[ALLOWED_SUBJECTS_HOLDER];
	int rc =
	    allowed_subjects_normal(name, holder, ch->name, ch->holder, err);
	cJSON *o;

	if (rc != 0)
		return rc;
	o = signed_by(ch);
	cJSON_AddStringToObject(o, "holder", holder);
	cJSON_AddStringToObject(o, "subject", name);
	cJSON_AddBoolToObject(o, "allowed", !ch->removed);
	fleet_text_subject_name(t->names[0], holder, name);
	return add(t, FLEET_SUBJECT, o, FLEET_HELD, err);
}

static void
add_part(cJSON *o, const char *name, const cJSON *now, const cJSON *stored)
{
	const cJSON *v = now != NULL ? now : stored;

	if (v != NULL)
		cJSON_AddItemToObject(o, name, cJSON_Duplicate(v, 1));
}

/* id: known here, or not yet. */
static int
make_member(struct fleet_text *t, const struct change *ch, const char *id,
    const char *name, const struct stores *s, struct err *err)
{
	static const struct member nobody = {.name = NULL};
	const struct member *h = members_find(s->members, id);
	cJSON *o = signed_by(ch);

	if (h == NULL)
		h = &nobody;
	if (name == NULL)
		name = h->name;
	if (name != NULL)
		cJSON_AddStringToObject(o, "name", name);
	add_part(o, "registration",
	    ch->kind == CHANGE_MEMBER ? ch->registration : NULL,
	    h->registration);
	add_part(
	    o, "setup", ch->kind == CHANGE_MEMBER ? ch->setup : NULL, h->setup);
	snprintf(t->names[t->num], sizeof(t->names[0]), "%s", id);
	return add(t, FLEET_HOLDING, o, FLEET_HELD, err);
}

bool
fleet_text_chain_name(char out[FLEET_KEY_SIZE], const char *holder,
    enum certstore_usage usage, const char *alias)
{
	char part[3 * CERTSTORE_MAX_ALIAS + 1];

	if (!fleet_name_part(part, sizeof(part), alias))
		return false;
	snprintf(out, FLEET_KEY_SIZE, "%s/%s/%s",
	    holder[0] != '\0' ? holder : "-", certstore_usage_word(usage),
	    part);
	return true;
}

static int
make_chain(struct fleet_text *t, const struct change *ch,
    const struct stores *s, struct err *err)
{
	char *pem = certstore_list_pem(ch->chain);
	cJSON *o = signed_by(ch);
	int rc;

	if (pem == NULL ||
	    !fleet_text_chain_name(
		t->names[0], ch->holder, ch->usage, ch->name)) {
		cJSON_Delete(o);
		rc = pem == NULL ? E_NOMEM : E_PARSE;
		free(pem);
		return err_set(err, rc, "the chain cannot be shared");
	}
	cJSON_AddStringToObject(o, "holder", ch->holder);
	cJSON_AddStringToObject(o, "usage", certstore_usage_word(ch->usage));
	cJSON_AddStringToObject(o, "alias", ch->name);
	cJSON_AddStringToObject(o, "pem", pem);
	free(pem);
	rc = add(t, FLEET_CHAIN, o, FLEET_HELD, err);
	/* Its name, which a signing request may have given, goes with it. */
	if (rc == 0 && ch->usage == CERTSTORE_SESSION && ch->holder[0] != '\0')
		rc = make_member(t, ch, ch->holder, ch->member_name, s, err);
	return rc;
}

static int
make_key(struct fleet_text *t, const struct change *ch, struct err *err)
{
	const struct keystore_given *k = ch->key;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "v", FLEET_TEXT_SCHEMA);
	cJSON_AddStringToObject(o, "tenant", k->tenant);
	cJSON_AddStringToObject(o, "id", k->id);
	cJSON_AddStringToObject(o, "alias", k->alias);
	cJSON_AddStringToObject(o, "category", k->category);
	cJSON_AddStringToObject(o, "scheme", k->scheme);
	cJSON_AddNumberToObject(o, "created", (double)k->created_at);
	cJSON_AddStringToObject(o, "secret", k->secret);
	snprintf(t->names[0], sizeof(t->names[0]), "%s/%s", k->tenant, k->id);
	return add(t, FLEET_KEY, o, FLEET_ABSENT, err);
}

int
fleet_text_make(struct fleet_text *t, const struct change *ch,
    const struct stores *stores, struct err *err)
{
	int rc = E_INTERNAL;

	*t = (struct fleet_text){.num = 0};
	switch (ch->kind) {
	case CHANGE_SECTION:
		rc = make_section(t, ch, stores, err);
		break;
	case CHANGE_DENIED:
		rc = make_denied(t, ch, err);
		break;
	case CHANGE_SUBJECT:
		rc = make_subject(t, ch, err);
		break;
	case CHANGE_MEMBER:
		rc = make_member(t, ch, ch->id, ch->name, stores, err);
		break;
	case CHANGE_CHAIN:
		rc = make_chain(t, ch, stores, err);
		break;
	case CHANGE_KEY:
		rc = make_key(t, ch, err);
		break;
	}
	if (rc == 0 && !fleet_key_make(t->key, t->v[0].kind, t->names[0]))
		rc = err_set(err, E_INTERNAL, "'%.100s' is no name of a record",
		    t->names[0]);
	return rc;
}
