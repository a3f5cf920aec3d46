/*
 * conf_schema: one walk over the table of keys for both kinds of name. Depth is
 * bounded by the constant tables.
 */
#include "gateway/conf/conf_schema.h"

#include <stdbool.h>

#include "gateway/conf/conf_key.h"

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

/* Rows of one table by one kind of name. */
struct walk {
	const struct conf_key *table;
	struct conf_names names;
};

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
	if ((flags & CONF_STRICT) || !w->names.pushed)
		cJSON_AddBoolToObject(o, "additionalProperties", 0);
	if (flags & CONF_ONE_OF)
		cJSON_AddNumberToObject(o, "maxProperties", 1);
}

/* One element of a list. */
static void
element_schema(cJSON *e, const struct walk *w, const struct conf_key *k)
{
	const struct walk items = {.table = k->items, .names = w->names};

	switch (k->kind) {
	case CONF_KIND_LIST:
		group_schema(e, &items, "", k->flags);
		break;
	case CONF_KIND_BITS:
		add_words(e, k);
		break;
	case CONF_KIND_PORTS:
		add_type(e, "integer", 0);
		cJSON_AddNumberToObject(e, "minimum", 1);
		cJSON_AddNumberToObject(e, "maximum", 65535);
		break;
	default:
		add_type(e, "string", 0);
		cJSON_AddNumberToObject(e, "minLength", 1);
		if (k->kind == CONF_KIND_TEXTS)
			cJSON_AddNumberToObject(
			    e, "maxLength", CONF_TEXTS_MAX_LEN);
	}
}

/* In the file one stands for a list of one. */
static void
list_schema(cJSON *o, const struct walk *w, const struct conf_key *k)
{
	cJSON *list = o;

	if (!w->names.pushed) {
		cJSON *either = cJSON_AddArrayToObject(o, "anyOf");
		cJSON *one = cJSON_CreateObject();

		list = cJSON_CreateObject();
		element_schema(one, w, k);
		cJSON_AddItemToArray(either, one);
		cJSON_AddItemToArray(either, list);
	}
	add_type(list, "array", k->flags);
	add_bounds(list, k, "minItems", "maxItems");
	element_schema(cJSON_AddObjectToObject(list, "items"), w, k);
}

/* "ADDRESS:PORT", or a port alone. */
static void
listen_schema(cJSON *o)
{
	cJSON *types = cJSON_AddArrayToObject(o, "type");

	cJSON_AddItemToArray(types, cJSON_CreateString("string"));
	cJSON_AddItemToArray(types, cJSON_CreateString("integer"));
}

/* What a function reads: a text, a port, or an array of them. */
static void
custom_schema(cJSON *o)
{
	cJSON *types;

	listen_schema(o);
	types = cJSON_GetObjectItem(o, "type");
	cJSON_AddItemToArray(types, cJSON_CreateString("array"));
	listen_schema(cJSON_AddObjectToObject(o, "items"));
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
	case CONF_KIND_PATH:
		add_type(o, "string", k->flags);
		if (k->max > 0)
			add_bounds(o, k, "minLength", "maxLength");
		if (k->pattern != NULL)
			cJSON_AddStringToObject(o, "pattern", k->pattern);
		break;
	case CONF_KIND_LISTEN:
		listen_schema(o);
		break;
	case CONF_KIND_CUSTOM:
		custom_schema(o);
		break;
	default:
		add_type(o, "integer", k->flags);
		add_bounds(o, k, "minimum", "maximum");
	}
}

static bool
is_list(const struct conf_key *k)
{
	return k->kind == CONF_KIND_LIST || k->kind == CONF_KIND_BITS ||
	    k->kind == CONF_KIND_PORTS || k->kind == CONF_KIND_TEXTS ||
	    k->kind == CONF_KIND_PEERS;
}

static cJSON *
key_schema(const struct walk *w, const struct conf_key *k)
{
	cJSON *o = cJSON_CreateObject();

	if (k->kind == CONF_KIND_GROUP)
		group_schema(
		    o, w, w->names.pushed ? k->pushed : k->file, k->flags);
	else if (is_list(k))
		list_schema(o, w, k);
	else
		value_schema(o, k);
	/* What the file says is not known to a section. */
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

static cJSON *
whole_schema(const struct walk *w, const char *title, const char *help)
{
	cJSON *o = cJSON_CreateObject();

	if (o == NULL)
		return NULL;
	group_schema(o, w, "", CONF_STRICT);
	cJSON_AddStringToObject(o, "description", help);
	cJSON_AddStringToObject(
	    o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(o, "title", title);
	return o;
}

cJSON *
conf_schema_section(enum section_id id)
{
	const struct walk w = {
	    .table = conf_keys, .names = {.pushed = true, .section = id}};

	return whole_schema(&w, section_name(id), section_help(id));
}

cJSON *
conf_schema_file(void)
{
	const struct walk w = {.table = conf_keys};

	return whole_schema(
	    &w, "p2p-gateway", "the configuration file of p2p-gateway");
}
