/*
 * section: walks over the rows of conf_keys that have a name in a section. No
 * state; any thread. Depth is bounded by the constant tables.
 */
#include "gateway/conf/section.h"

#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/json_path.h"
#include "gateway/conf/conf_internal.h"

static const struct {
	const char *name, *help;
} sections[SECTION_NUM] = {
    [SECTION_LINK_MANAGER] = {"corda.p2p.linkManager",
	"session certificates, and the one switch for revocation checks"},
    [SECTION_GATEWAY] = {"corda.p2p.gateway", "the gateway towards peers"},
    [SECTION_REVCHECK] = {"revcheck", "how revocation is checked"},
};

const char *
section_name(enum section_id id)
{
	return sections[id].name;
}

enum section_id
section_find(const char *name)
{
	enum section_id id = 0;

	while (id < SECTION_NUM && strcmp(sections[id].name, name) != 0)
		id++;
	return id;
}

static int
section_read(struct conf *values, enum section_id id, const cJSON *config,
    struct err *err)
{
	struct conf_reader r = {.section = id, .err = err};
	const struct conf_place root = {.item = config};

	return conf_read_object(&r, &root, conf_keys, values);
}

int
section_validate(enum section_id id, const cJSON *config, struct err *err)
{
	return section_read(NULL, id, config, err);
}

int
section_apply(struct conf *values, enum section_id id, const cJSON *config,
    struct err *err)
{
	return section_read(values, id, config, err);
}

/* Defaults. */

/* What one walk shares. */
struct walk {
	const struct conf_key *table;
	struct conf_names names;
	const struct conf *base; /* NULL: the table's defaults */
};

static struct walk
walk_items(const struct conf_key *k)
{
	return (struct walk){.table = k->items,
	    .names = {.pushed = true, .section = k->section}};
}

/* What acts while the key is not set. */
static cJSON *
default_json(const struct walk *w, const struct conf_key *k)
{
	struct conf_key from = *k;
	int64_t v;

	if (w->base != NULL && !(k->flags & CONF_NO_EFFECT) &&
	    (conf_key_is_number(k) || k->kind == CONF_KIND_BITS) &&
	    (!(k->flags & CONF_HTTP) || w->base->http.enabled)) {
		v = conf_key_load(k, w->base);
		if (v == 0 && k->inherits != 0) {
			from.offset = k->inherits;
			v = conf_key_load(&from, w->base);
		}
		if (v != 0 || !(k->flags & CONF_UNSET))
			return conf_key_json(k, v);
	}
	return k->dflt != NULL ? cJSON_Parse(k->dflt) : NULL;
}

static cJSON *fill_group(const struct walk *w, const char *prefix,
    unsigned flags, const cJSON *item);

static cJSON *
fill_list(const struct conf_key *k, const cJSON *item)
{
	const struct walk items = walk_items(k);
	cJSON *out = cJSON_CreateArray();
	const cJSON *e;

	cJSON_ArrayForEach(e, item)
	    cJSON_AddItemToArray(out, fill_group(&items, "", 0, e));
	return out;
}

static cJSON *
fill(const struct walk *w, const struct conf_key *k, const cJSON *item)
{
	int64_t v;

	if (k->kind == CONF_KIND_GROUP &&
	    (item == NULL || cJSON_IsObject(item)))
		return fill_group(w, k->pushed, k->flags, item);
	if (k->kind == CONF_KIND_LIST && cJSON_IsArray(item))
		return fill_list(k, item);
	if (item == NULL)
		return default_json(w, k);
	/* Other words for a value are resolved. */
	if (k->kind == CONF_KIND_WORD && conf_key_take(k, item, true, &v))
		return conf_key_json(k, v);
	return cJSON_Duplicate(item, 1);
}

/* Of members that exclude each other the chosen, or the first, is shown. */
static cJSON *
fill_group(
    const struct walk *w, const char *prefix, unsigned flags, const cJSON *item)
{
	cJSON *out =
	    item != NULL ? cJSON_Duplicate(item, 1) : cJSON_CreateObject();
	bool chosen = cJSON_GetArraySize(item) > 0;

	if (out == NULL)
		return NULL;
	for (const struct conf_key *k = w->table; !conf_key_ends(k); k++) {
		const char *name = conf_key_below(k, &w->names, prefix);
		const cJSON *given;
		cJSON *v;

		if (name == NULL)
			continue;
		given = json_get(item, name);
		if ((flags & CONF_ONE_OF) &&
		    (chosen ? given == NULL : out->child != NULL))
			continue;
		v = fill(w, k, given);
		if (v == NULL)
			continue;
		if (given != NULL)
			cJSON_ReplaceItemInObjectCaseSensitive(out, name, v);
		else
			cJSON_AddItemToObject(out, name, v);
	}
	if (item == NULL && out->child == NULL) {
		cJSON_Delete(out);
		return NULL;
	}
	return out;
}

cJSON *
section_with_defaults(
    enum section_id id, const cJSON *config, const struct conf *base)
{
	const struct walk w = {.table = conf_keys,
	    .names = {.pushed = true, .section = id},
	    .base = base};
	cJSON *out = fill_group(&w, "", 0, config);

	return out != NULL ? out : cJSON_CreateObject();
}

/* JSON Schema. */

static void
add_type(cJSON *o, const char *type, unsigned flags)
{
	cJSON *types;

	if (!(flags & CONF_NULLABLE)) {
		cJSON_AddStringToObject(o, "type", type);
		return;
	}
	types = cJSON_AddArrayToObject(o, "type");
	cJSON_AddItemToArray(types, cJSON_CreateString(type));
	cJSON_AddItemToArray(types, cJSON_CreateString("null"));
}

static void
add_bounds(cJSON *o, const struct conf_key *k, const char *min, const char *max)
{
	cJSON_AddNumberToObject(o, min, (double)k->min);
	if (k->max != CONF_NO_MAX)
		cJSON_AddNumberToObject(o, max, (double)k->max);
}

static void
add_words(cJSON *o, const struct conf_key *k)
{
	cJSON *words = cJSON_AddArrayToObject(o, "enum");

	for (const struct conf_word *w = k->words; w->word != NULL; w++)
		cJSON_AddItemToArray(words, cJSON_CreateString(w->word));
}

static cJSON *key_schema(const struct walk *w, const struct conf_key *k);

static void
group_schema(cJSON *o, const struct walk *w, const char *prefix, unsigned flags)
{
	cJSON *props = cJSON_AddObjectToObject(o, "properties");
	cJSON *required = NULL;

	add_type(o, "object", flags);
	for (const struct conf_key *k = w->table; !conf_key_ends(k); k++) {
		const char *name = conf_key_below(k, &w->names, prefix);

		if (name == NULL)
			continue;
		cJSON_AddItemToObject(props, name, key_schema(w, k));
		if (!(k->flags & CONF_REQUIRED))
			continue;
		if (required == NULL)
			required = cJSON_AddArrayToObject(o, "required");
		cJSON_AddItemToArray(required, cJSON_CreateString(name));
	}
	if (flags & CONF_STRICT)
		cJSON_AddBoolToObject(o, "additionalProperties", 0);
	if (flags & CONF_ONE_OF)
		cJSON_AddNumberToObject(o, "maxProperties", 1);
}

static void
list_schema(cJSON *o, const struct conf_key *k)
{
	const struct walk items = walk_items(k);
	cJSON *e = cJSON_AddObjectToObject(o, "items");

	add_type(o, "array", k->flags);
	add_bounds(o, k, "minItems", "maxItems");
	if (k->kind == CONF_KIND_LIST) {
		group_schema(e, &items, "", k->flags);
	} else if (k->kind == CONF_KIND_BITS) {
		add_words(e, k);
	} else if (k->kind == CONF_KIND_PORTS) {
		add_type(e, "integer", 0);
		cJSON_AddNumberToObject(e, "minimum", 1);
		cJSON_AddNumberToObject(e, "maximum", 65535);
	} else {
		add_type(e, "string", 0);
		cJSON_AddNumberToObject(e, "minLength", 1);
		cJSON_AddNumberToObject(e, "maxLength", CONF_TEXTS_MAX_LEN);
	}
}

static void
value_schema(cJSON *o, const struct conf_key *k)
{
	switch (k->kind) {
	case CONF_KIND_WORD:
		add_words(o, k);
		break;
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		add_type(o, "boolean", k->flags);
		break;
	case CONF_KIND_TEXT:
		add_type(o, "string", k->flags);
		if (k->max > 0)
			add_bounds(o, k, "minLength", "maxLength");
		if (k->pattern != NULL)
			cJSON_AddStringToObject(o, "pattern", k->pattern);
		break;
	default:
		add_type(o, "integer", k->flags);
		add_bounds(o, k, "minimum", "maximum");
	}
}

static cJSON *
key_schema(const struct walk *w, const struct conf_key *k)
{
	cJSON *o = cJSON_CreateObject();

	if (k->kind == CONF_KIND_GROUP)
		group_schema(o, w, k->pushed, k->flags);
	else if (conf_key_is_number(k) || k->kind == CONF_KIND_TEXT)
		value_schema(o, k);
	else
		list_schema(o, k);
	/* What the file says is not known here. */
	if (k->dflt != NULL && !(k->flags & CONF_ALIAS))
		cJSON_AddItemToObject(o, "default", cJSON_Parse(k->dflt));
	if (k->help != NULL)
		cJSON_AddStringToObject(o, "description", k->help);
	if (k->unit != NULL)
		cJSON_AddStringToObject(o, "x-unit", k->unit);
	if (k->flags & CONF_NO_EFFECT)
		cJSON_AddBoolToObject(o, "x-noEffectHere", 1);
	if (k->flags & CONF_RESTART)
		cJSON_AddBoolToObject(o, "x-actsAtRestart", 1);
	return o;
}

cJSON *
section_schema(enum section_id id)
{
	const struct walk w = {
	    .table = conf_keys, .names = {.pushed = true, .section = id}};
	cJSON *o = cJSON_CreateObject();

	if (o == NULL)
		return NULL;
	group_schema(o, &w, "", CONF_STRICT);
	cJSON_AddStringToObject(o, "description", sections[id].help);
	cJSON_AddStringToObject(
	    o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(o, "title", sections[id].name);
	return o;
}
