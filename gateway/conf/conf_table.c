/*
 * conf_table: the table-driven half of reading the bootstrap file and pushed
 * sections. Knows types and ranges, not what a key means. Never opens a file.
 */
#include "gateway/conf/conf_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"
#include "gateway/conf/conf.h"
#include "gateway/conf/conf_source.h"
#include "gateway/pkcs11/pkcs11_uri.h"

const char *
conf_read_string(struct conf_reader *r, const struct conf_place *place)
{
	const char *s = cJSON_GetStringValue(place->item);

	if (s == NULL || *s == '\0') {
		conf_read_fail(r, place, "a string that is not empty");
		return NULL;
	}
	return s;
}

char *
conf_read_path(struct conf_reader *r, const char *path)
{
	char *out;

	if (path[0] == '/')
		return strdup(path);
	if (asprintf(&out, "%s/%s", r->dir, path) < 0)
		return NULL;
	return out;
}

int
conf_read_array(struct conf_reader *r, const struct conf_place *place,
    size_t max,
    int (*fn)(struct conf_reader *, const struct conf_place *, void *),
    void *base)
{
	struct conf_place child = {.up = place};
	struct conf_reader at;
	const cJSON *item;

	if (!cJSON_IsArray(place->item))
		return conf_read_not_a(r, place, "an array");
	cJSON_ArrayForEach(item, place->item)
	{
		int rc;

		if (child.index >= max)
			return conf_read_fail(
			    r, place, "at most %zu elements", max);
		child.item = item;
		at = conf_source_enter(r, item);
		rc = fn(&at, &child, base);
		if (rc != 0)
			return rc;
		child.index++;
	}
	return 0;
}

/* Strings. */

static int
read_text(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, char **out)
{
	const char *s = conf_read_string(r, place);
	char *copy;

	if (s == NULL)
		return E_PARSE;
	copy = k->kind == CONF_KIND_PATH || (k->flags & CONF_PATHS)
	    ? conf_read_path(r, s)
	    : strdup(s);
	if (copy == NULL)
		return conf_no_memory(r);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	free(*out);
	*out = copy;
	return 0;
}

/* A number or a flag passes for a string where no pattern says what it is. */
static int
check_text(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k)
{
	const char *s = cJSON_GetStringValue(place->item);
	int64_t len = s != NULL ? (int64_t)strlen(s) : 0;
	char expected[120];

	if (s == NULL && k->pattern == NULL &&
	    (cJSON_IsNumber(place->item) || cJSON_IsBool(place->item)))
		return 0;
	if (s != NULL && (k->max == 0 || (len >= k->min && len <= k->max)) &&
	    (k->pattern == NULL || conf_text_matches(k->pattern, s)))
		return 0;
	return conf_read_fail(
	    r, place, "%s", conf_key_expected(k, expected, sizeof(expected)));
}

/* Addresses. */

static int
read_address(struct conf_reader *r, const struct conf_place *place,
    struct address *out, bool listen)
{
	const char *text = conf_read_string(r, place);

	if (text == NULL)
		return E_PARSE;
	address_cleanup(out);
	if (address_parse(out, text, listen, NULL) == 0)
		return 0;
	return conf_read_fail(r, place, "%s or \"unix:/path\"",
	    listen ? "\"ADDRESS:PORT\" with a numeric address, a port"
		   : "\"HOST:PORT\"");
}

/* A port and nothing else, as a number or as text; -1 for anything else. */
static int
bare_port(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);
	int64_t port;

	if (text != NULL && text[0] == ':')
		text++;
	if (text != NULL)
		return text[0] != '\0' && strlen(text) <= 5 &&
			strspn(text, "0123456789") == strlen(text) &&
			atoi(text) <= UINT16_MAX
		    ? atoi(text)
		    : -1;
	return json_to_int(item, 0, UINT16_MAX, &port) == 0 ? (int)port : -1;
}

int
conf_read_listen_on(struct conf_reader *r, const struct conf_place *place,
    const char *host, struct address *out)
{
	int port = bare_port(place->item);
	char text[64];

	if (port < 0 && !cJSON_IsString(place->item))
		return conf_read_fail(
		    r, place, "\"ADDRESS:PORT\", a port or \"unix:/path\"");
	if (port < 0)
		return read_address(r, place, out, true);
	snprintf(text, sizeof(text), "%s:%d", host, port);
	address_cleanup(out);
	return address_parse(out, text, true, r->err);
}

int
conf_read_listen(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_listen_on(r, place, "127.0.0.1", base);
}

bool
conf_key_in_token(const char *key_file)
{
	return strncasecmp(
		   key_file, PKCS11_URI_SCHEME, strlen(PKCS11_URI_SCHEME)) == 0;
}

int
conf_read_key(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *text = conf_read_string(r, place);
	char **out = base;

	if (text == NULL)
		return E_PARSE;
	free(*out);
	*out = conf_key_in_token(text) ? strdup(text) : conf_read_path(r, text);
	return *out != NULL ? 0 : conf_no_memory(r);
}

/* Numbers, flags and words. */

static int
read_number(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, void *base)
{
	char expected[160];
	int64_t v;

	if ((k->flags & CONF_NULLABLE) && cJSON_IsNull(place->item))
		return 0;
	if (!conf_key_take(k, place->item, conf_is_pushed(r), &v))
		return conf_read_fail(r, place, "%s",
		    conf_key_expected(k, expected, sizeof(expected)));
	if (base != NULL && !(k->flags & CONF_NO_EFFECT))
		conf_key_store(k, v, base);
	return 0;
}

/* Lists. */

static int read_group(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, const char *prefix, unsigned flags,
    void *base);

static int
check_count(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k)
{
	int64_t num = cJSON_GetArraySize(place->item);

	if (cJSON_IsArray(place->item) && num >= k->min && num <= k->max)
		return 0;
	if (k->min == 0)
		return conf_read_fail(r, place,
		    "an array of at most %lld elements", (long long)k->max);
	return conf_read_fail(r, place, "an array of %lld to %lld elements",
	    (long long)k->min, (long long)k->max);
}

/* Room for one more; a list is a pointer and a number after it. */
static void *
item_add(const struct conf_key *k, void *base, size_t size)
{
	char *at = (char *)base + k->offset;

	return conf_grow(at, (size_t *)(at + sizeof(void *)), size);
}

static int
read_element(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, void *base)
{
	void *element;
	int rc;

	if (conf_is_pushed(r))
		return read_group(r, place, k->items, "", k->flags, NULL);
	element = item_add(k, base, k->size);
	if (element == NULL)
		return conf_no_memory(r);
	rc = conf_read_defaults(k->items, element, r->err);
	if (rc == 0)
		rc = conf_read_object(r, place, k->items, element);
	return rc == 0 && k->fn != NULL ? k->fn(r, place, base) : rc;
}

static int
read_port(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, void *base)
{
	static const struct conf_key port = {
	    .kind = CONF_KIND_U32, .min = 1, .max = UINT16_MAX};
	uint16_t *slot;
	int64_t v;

	if (!conf_key_take(&port, place->item, conf_is_pushed(r), &v))
		return conf_read_fail(r, place, "a port from 1 to 65535");
	if (conf_is_pushed(r))
		return 0;
	slot = item_add(k, base, sizeof(*slot));
	if (slot == NULL)
		return conf_no_memory(r);
	*slot = (uint16_t)v;
	return 0;
}

static int
read_item_text(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, void *base)
{
	static const struct conf_key text = {
	    .kind = CONF_KIND_TEXT, .min = 1, .max = CONF_TEXTS_MAX_LEN};
	char **slot;

	if (conf_is_pushed(r))
		return check_text(r, place, &text);
	slot = item_add(k, base, sizeof(*slot));
	return slot != NULL ? read_text(r, place, k, slot) : conf_no_memory(r);
}

static int
read_item(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, void *base)
{
	struct address *a;
	char expected[160];
	int64_t bits;

	switch (k->kind) {
	case CONF_KIND_BITS:
		if (!conf_key_take(k, place->item, conf_is_pushed(r), &bits))
			return conf_read_fail(r, place, "%s",
			    conf_key_expected(k, expected, sizeof(expected)));
		if (base != NULL)
			conf_key_store(k, conf_key_load(k, base) | bits, base);
		return 0;
	case CONF_KIND_PORTS:
		return read_port(r, place, k, base);
	case CONF_KIND_TEXTS:
		return read_item_text(r, place, k, base);
	case CONF_KIND_PEERS:
		a = item_add(k, base, sizeof(*a));
		return a != NULL ? read_address(r, place, a, false)
				 : conf_no_memory(r);
	default:
		return read_element(r, place, k, base);
	}
}

static int
read_list(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *k, void *base)
{
	struct conf_place child = {.up = place};
	struct conf_reader at;
	int rc;

	/* The words that are named instead of the default. */
	if (k->kind == CONF_KIND_BITS && base != NULL)
		conf_key_store(k, 0, base);
	if ((k->flags & CONF_SAYS_PRESENT) && !conf_is_pushed(r) &&
	    base != NULL)
		*(bool *)((char *)base + k->offset + sizeof(void *) +
		    sizeof(size_t)) = true;
	/* In the file one stands for a list of one. It is not said: what was
	 * meant for another place may be a secret. */
	if (!conf_is_pushed(r) && !cJSON_IsArray(place->item)) {
		child = *place;
		child.type_only = true;
		return read_item(r, &child, k, base);
	}
	rc = check_count(r, place, k);
	if (rc != 0)
		return rc;
	cJSON_ArrayForEach(child.item, place->item)
	{
		at = conf_source_enter(r, child.item);
		rc = read_item(&at, &child, k, base);
		if (rc != 0)
			return rc;
		child.index++;
	}
	return 0;
}

/* Objects. */

static int
read_value(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, const struct conf_key *k, void *base)
{
	char *at = base != NULL ? (char *)base + k->offset : NULL;
	int rc = 0;

	switch (k->kind) {
	case CONF_KIND_GROUP:
		if (!conf_is_pushed(r) && k->fn != NULL)
			rc = k->fn(r, place, base);
		return rc != 0 ? rc
			       : read_group(r, place, table,
				     conf_is_pushed(r) ? k->pushed : k->file,
				     k->flags, base);
	case CONF_KIND_TEXT:
	case CONF_KIND_PATH:
		if (conf_is_pushed(r))
			return check_text(r, place, k);
		return k->fn != NULL ? k->fn(r, place, at)
				     : read_text(r, place, k, (char **)at);
	case CONF_KIND_LISTEN:
		return conf_read_listen(r, place, at);
	case CONF_KIND_CUSTOM:
		return k->fn(r, place, at);
	case CONF_KIND_BITS:
	case CONF_KIND_TEXTS:
	case CONF_KIND_PORTS:
	case CONF_KIND_PEERS:
	case CONF_KIND_LIST:
		return read_list(r, place, k, base);
	default:
		return read_number(r, place, k, base);
	}
}

/* Whether what must be there is, and what excludes each other does. */
static int
check_members(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, const struct conf_names *names,
    const char *prefix, unsigned flags)
{
	for (const struct conf_key *k = table; !conf_key_ends(k); k++) {
		const char *name = conf_key_below(k, names, prefix);
		struct conf_place child = {.up = place, .key = name};

		if (name == NULL || !(k->flags & CONF_REQUIRED) ||
		    json_get(place->item, name) != NULL)
			continue;
		return conf_missing(r, &child);
	}
	if ((flags & CONF_ONE_OF) && cJSON_GetArraySize(place->item) > 1)
		return conf_read_fail(r, place, "one member only");
	return 0;
}

/*
 * Corda passes over what it does not know below the top of a section, and so is
 * it here, but for names that are written much like one that is known: a "Mode"
 * that nobody reads would leave another mode in force.
 */
static int
read_group(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, const char *prefix, unsigned flags,
    void *base)
{
	const struct conf_names names = {
	    .pushed = conf_is_pushed(r), .section = r->section};
	const cJSON *item;

	if (!cJSON_IsObject(place->item))
		return conf_read_not_a(r, place, "an object");
	cJSON_ArrayForEach(item, place->item)
	{
		struct conf_place child = {
		    .up = place, .key = item->string, .item = item};
		const struct conf_key *k =
		    conf_key_find(table, &names, prefix, item->string);
		struct conf_reader at = conf_source_enter(r, item);
		int rc = 0;

		if (k != NULL)
			rc = read_value(&at, &child, table, k, base);
		else if (!conf_is_pushed(r) || (flags & CONF_STRICT) ||
		    conf_meant_key(table, &names, prefix, item->string) != NULL)
			rc = conf_no_such_key(&at, &child, table, prefix);
		if (rc != 0)
			return rc;
	}
	return check_members(r, place, table, &names, prefix, flags);
}

int
conf_read_object(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, void *base)
{
	return read_group(r, place, table, "", CONF_STRICT, base);
}

int
conf_read_defaults(const struct conf_key *table, void *base, struct err *err)
{
	struct conf_reader r = {.file = "the table of defaults",
	    .text = "",
	    .dir = "/",
	    .err = err};

	for (const struct conf_key *k = table; !conf_key_ends(k); k++) {
		struct conf_place place = {.key = k->file};
		cJSON *item;
		int rc = 0;

		if (k->dflt == NULL || k->kind == CONF_KIND_CUSTOM ||
		    (k->flags & (CONF_NO_EFFECT | CONF_ALIAS | CONF_UNSET)))
			continue;
		item = cJSON_Parse(k->dflt);
		if (item == NULL)
			return conf_no_memory(&r);
		place.item = item;
		if (!cJSON_IsNull(item))
			rc = read_value(&r, &place, table, k, base);
		cJSON_Delete(item);
		if (rc != 0)
			return rc;
	}
	return 0;
}
