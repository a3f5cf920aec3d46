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

const char *
section_help(enum section_id id)
{
	return sections[id].help;
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
