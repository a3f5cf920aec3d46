/* fleet_box: from records to the stores. See fleet_text.h. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/control/fleet_text.h"
#include "gateway/members/members.h"
#include "gateway/state/denylist.h"

void
fleet_box_cleanup(struct fleet_box *b)
{
	cJSON_Delete(b->json);
	cJSON_Delete(b->config);
	denied_cleanup(&b->denied);
	certstore_list_cleanup(&b->chain);
	*b = (struct fleet_box){.idle = false};
}

/* A text that must be there. */
static const char *
text_of(const cJSON *o, const char *name, struct err *err)
{
	const char *text = json_get_string(o, name);

	if (text == NULL)
		err_set(err, E_PARSE, "%s is no text", name);
	return text;
}

/* Of an empty store it is the first, of another one it may be older. */
static void
place_section(
    struct fleet_box *b, const struct fleet_record *r, const struct stores *s)
{
	struct change *ch = &b->change;
	int64_t stored = section_version(s->sections, ch->section);
	const char *text = section_text(s->sections, ch->section);

	b->idle = stored == r->version && strcmp(text, ch->text) == 0;
	ch->apart = stored >= r->version;
}

static int
read_section(struct fleet_box *b, const struct fleet_record *r,
    const struct stores *s, struct err *err)
{
	struct change *ch = &b->change;
	int64_t schema = 0, at = 0;
	struct err why;

	ch->kind = CHANGE_SECTION;
	ch->section = section_find(r->name);
	if (ch->section == SECTION_NUM ||
	    json_to_int(json_get(b->json, "schemaVersion"), 0, INT32_MAX,
		&schema) != 0 ||
	    schema > FLEET_TEXT_SCHEMA)
		return err_set(err, E_PARSE,
		    "version %lld of '%.64s' is not understood by this version "
		    "of p2p-gateway",
		    (long long)r->version, r->name);
	ch->text = text_of(b->json, "config", err);
	ch->author =
	    (struct section_author){.who = text_of(b->json, "who", err),
		.from = text_of(b->json, "from", err),
		.action = text_of(b->json, "action", err),
		.note = json_get_string(b->json, "note"),
		.version = r->version};
	if (ch->text == NULL || ch->author.who == NULL ||
	    ch->author.from == NULL || ch->author.action == NULL)
		return E_PARSE;
	if (json_to_int(
		json_get(b->json, "at"), 0, INT64_C(253402300799), &at) == 0)
		ch->author.at = (time_t)at;
	if (json_parse(&b->config, ch->text, strlen(ch->text), &why) != 0 ||
	    section_validate(ch->section, b->config, &why) != 0)
		return err_set(err, E_PARSE,
		    "version %lld of '%s' is not understood: %.90s",
		    (long long)r->version, r->name, why.msg);
	ch->config = b->config;
	place_section(b, r, s);
	return 0;
}

static int
read_denied(struct fleet_box *b, const struct fleet_record *r,
    const struct stores *s, struct err *err)
{
	struct change *ch = &b->change;
	struct denied now;
	int rc;

	ch->kind = CHANGE_DENIED;
	ch->removed = r->removed;
	ch->id = r->name;
	ch->author.who = json_get_string(b->json, "who");
	rc = denylist_get(&now, s->denylist, r->name, err);
	if (rc == 0 && !r->removed) {
		rc = denied_of_json(&b->denied, b->json, err);
		if (rc == 0 && strcmp(b->denied.id, r->name) != 0)
			rc = err_set(
			    err, E_PARSE, "the id is that of another entry");
		b->idle = rc == 0 && now.id[0] != '\0' &&
		    denied_same(&now, &b->denied);
		ch->denied = &b->denied;
	} else if (rc == 0) {
		b->idle = now.id[0] == '\0';
	}
	denied_cleanup(&now);
	return rc;
}

static int
read_subject(struct fleet_box *b, const struct fleet_record *r, struct err *err)
{
	struct change *ch = &b->change;

	ch->kind = CHANGE_SUBJECT;
	ch->removed = r->removed;
	ch->holder = text_of(b->json, "holder", err);
	ch->name = text_of(b->json, "subject", err);
	return ch->holder != NULL && ch->name != NULL ? 0 : E_PARSE;
}

static int
read_member(struct fleet_box *b, const struct fleet_record *r, struct err *err)
{
	struct change *ch = &b->change;

	ch->kind = CHANGE_MEMBER;
	if (r->removed)
		return err_set(err, E_PARSE,
		    "that a holding identity is removed is not understood");
	if (!keystore_id_parse(b->holder, r->name) ||
	    strcmp(b->holder, r->name) != 0)
		return err_set(err, E_PARSE, "it is no holding identity");
	ch->id = b->holder;
	ch->name = json_get_string(b->json, "name");
	ch->registration = json_get(b->json, "registration");
	ch->setup = json_get(b->json, "setup");
	return 0;
}

static int
read_chain(struct fleet_box *b, const struct fleet_record *r, struct err *err)
{
	struct change *ch = &b->change;
	const char *pem = text_of(b->json, "pem", err);
	const char *usage = text_of(b->json, "usage", err);
	int rc;

	ch->kind = CHANGE_CHAIN;
	ch->holder = text_of(b->json, "holder", err);
	ch->name = text_of(b->json, "alias", err);
	if (r->removed || pem == NULL || usage == NULL || ch->holder == NULL ||
	    ch->name == NULL)
		return err_set(err, E_PARSE, "the chain is not understood");
	ch->usage = certstore_usage_parse(usage);
	if (ch->usage == CERTSTORE_NUM_USAGES ||
	    (ch->holder[0] != '\0' &&
		!keystore_id_parse(b->holder, ch->holder)))
		return err_set(err, E_PARSE, "the chain is not understood");
	ch->chain = &b->chain;
	rc = certstore_read(&b->chain, pem, strlen(pem), err);
	return rc == 0 ? certstore_check_order(&b->chain, err) : rc;
}

static int
read_key(struct fleet_box *b, const struct fleet_record *r,
    const struct stores *s, struct err *err)
{
	struct change *ch = &b->change;
	int64_t created = 0;

	ch->kind = CHANGE_KEY;
	ch->key = &b->key;
	b->key =
	    (struct keystore_given){.tenant = text_of(b->json, "tenant", err),
		.id = text_of(b->json, "id", err),
		.alias = text_of(b->json, "alias", err),
		.category = text_of(b->json, "category", err),
		.scheme = text_of(b->json, "scheme", err),
		.secret = text_of(b->json, "secret", err)};
	if (r->removed || b->key.tenant == NULL || b->key.id == NULL ||
	    b->key.alias == NULL || b->key.category == NULL ||
	    b->key.scheme == NULL || b->key.secret == NULL ||
	    json_to_int(json_get(b->json, "created"), 0, INT64_C(253402300799),
		&created) != 0)
		return err_set(err, E_PARSE, "the key is not understood");
	b->key.created_at = (time_t)created;
	b->idle = keystore_find(s->keys, b->key.tenant, b->key.id) != NULL;
	return 0;
}

static int
read_kind(struct fleet_box *b, const struct fleet_record *r,
    const struct stores *s, struct err *err)
{
	switch (r->kind) {
	case FLEET_CONFIG:
		return read_section(b, r, s, err);
	case FLEET_DENY:
		return read_denied(b, r, s, err);
	case FLEET_SUBJECT:
		return read_subject(b, r, err);
	case FLEET_HOLDING:
		return read_member(b, r, err);
	case FLEET_CHAIN:
		return read_chain(b, r, err);
	case FLEET_KEY:
		return read_key(b, r, s, err);
	default:
		return err_set(err, E_PARSE, "no change of a known kind");
	}
}

/* Under the key that this machine would give it: no record is another's. */
static int
check_name(const struct fleet_box *b, const struct fleet_record *r,
    const struct stores *s, struct err *err)
{
	struct fleet_text t;
	int rc = fleet_text_make(&t, &b->change, s, err);

	if (rc == 0 && strcmp(t.key, r->key) != 0)
		rc = err_set(err, E_PARSE, "it belongs under another name");
	fleet_text_cleanup(&t);
	return rc;
}

int
fleet_box_read(struct fleet_box *b, const struct fleet_record *r,
    const struct stores *stores, struct err *err)
{
	int rc;

	*b = (struct fleet_box){.idle = false};
	rc = json_parse(&b->json, r->json, r->len, err);
	if (rc == 0)
		rc = read_kind(b, r, stores, err);
	if (rc == 0)
		rc = check_name(b, r, stores, err);
	return rc;
}
