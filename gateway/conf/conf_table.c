/*
 * conf_table: the table-driven half of reading the bootstrap file and pushed
 * sections. Knows types and ranges, not what a key means. Never opens a file.
 */
#include "gateway/conf/conf_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"
#include "gateway/base/json_path.h"
#include "gateway/base/nearest.h"
#include "gateway/conf/conf.h"
#include "gateway/conf/conf_source.h"
#include "gateway/pkcs11/pkcs11_uri.h"

#define PLACE_DEPTH (JSON_MAX_DEPTH + 2)

static bool
is_pushed(const struct conf_reader *r)
{
	return r->file == NULL;
}

/* "$.rest.users[0].name", as it is in the file that r reads. */
static const char *
place_text(const struct conf_reader *r, const struct conf_place *place,
    char *buf, size_t size)
{
	const cJSON *root = r->graft != NULL ? r->graft->item : NULL;
	const struct conf_place *chain[PLACE_DEPTH] = {NULL};
	size_t num = 0, len;

	for (; place != NULL && place->up != NULL && num < PLACE_DEPTH &&
	     (root == NULL || place->item != root);
	     place = place->up)
		chain[num++] = place;
	len = (size_t)snprintf(
	    buf, size, "%.100s", r->graft != NULL ? r->graft->path : "$");
	while (num-- > 0 && len < size)
		if (chain[num]->key != NULL)
			len += (size_t)snprintf(
			    buf + len, size - len, ".%.48s", chain[num]->key);
		else
			len += (size_t)snprintf(
			    buf + len, size - len, "[%zu]", chain[num]->index);
	return buf;
}

/*
 * Secrets stay out of messages and so out of logs and answers: whatever is or
 * should be about users, a token or a proxy may be one at a wrong place.
 */
static bool
place_is_secret(const struct conf_place *place)
{
	static const char *const words[] = {
	    "password", "secret", "pin", "users", "pkcs11", "proxy"};

	for (; place != NULL; place = place->up)
		for (size_t i = 0;
		     place->key != NULL && i < sizeof(words) / sizeof(words[0]);
		     i++)
			if (strcasestr(place->key, words[i]) != NULL)
				return true;
	return false;
}

static const char *
type_name(const cJSON *item)
{
	return item == NULL        ? "nothing"
	    : cJSON_IsString(item) ? "a string"
	    : cJSON_IsNumber(item) ? "a number"
	    : cJSON_IsBool(item)   ? "true or false"
	    : cJSON_IsNull(item)   ? "null"
	    : cJSON_IsArray(item)  ? "an array"
				   : "an object";
}

/* As much of a value as may be said. */
static void
value_text(const struct conf_place *place, char *buf, size_t size)
{
	const cJSON *item = place->item;
	bool list = cJSON_IsArray(item) || cJSON_IsObject(item);

	if (item == NULL || (list && item->child == NULL))
		json_print_short(item, buf, size);
	else if (list || place->type_only)
		snprintf(buf, size, "%s", type_name(item));
	else if (place_is_secret(place))
		snprintf(buf, size, "(not shown)");
	else
		json_print_short(item, buf, size);
}

/* The end of a long file name is what tells. */
int
conf_fail(struct conf_reader *r, const char *path, const char *fmt, ...)
{
	char text[240], own[160];
	const struct conf_reader at =
	    conf_source_find(r, path, own, sizeof(own));
	size_t len = strlen(at.file), cut = len > 72 ? len - 69 : 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->err, E_PARSE, "%s%s:%zu: %s %s", cut > 0 ? "..." : "",
	    at.file + cut, json_line(at.text, at.len, own), own, text);
}

int
conf_read_fail(
    struct conf_reader *r, const struct conf_place *place, const char *fmt, ...)
{
	char path[160], value[48], expected[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	value_text(place, value, sizeof(value));
	place_text(r, place, path, sizeof(path));
	if (!is_pushed(r))
		return conf_fail(
		    r, path, "is %s: expected %s", value, expected);
	return err_set(r->err, E_PARSE, "%s is %s: expected %s",
	    path[1] != '\0' ? path + 2 : "the configuration", value, expected);
}

/* Of a value in place of many the type is enough. */
static int
not_a(struct conf_reader *r, const struct conf_place *place, const char *what)
{
	struct conf_place bare = *place;

	bare.type_only = true;
	return conf_read_fail(r, &bare, "%s", what);
}

int
conf_no_memory(struct conf_reader *r)
{
	return err_set(r->err, E_NOMEM, "out of memory");
}

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
		return not_a(r, place, "an array");
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
	if (!conf_key_take(k, place->item, is_pushed(r), &v))
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

	if (is_pushed(r))
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

	if (!conf_key_take(&port, place->item, is_pushed(r), &v))
		return conf_read_fail(r, place, "a port from 1 to 65535");
	if (is_pushed(r))
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

	if (is_pushed(r))
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
		if (!conf_key_take(k, place->item, is_pushed(r), &bits))
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
	if ((k->flags & CONF_SAYS_PRESENT) && !is_pushed(r))
		*(bool *)((char *)base + k->offset + sizeof(void *) +
		    sizeof(size_t)) = true;
	/* In the file one stands for a list of one. It is not said: what was
	 * meant for another place may be a secret. */
	if (!is_pushed(r) && !cJSON_IsArray(place->item)) {
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
		if (!is_pushed(r) && k->fn != NULL)
			rc = k->fn(r, place, base);
		return rc != 0
		    ? rc
		    : read_group(r, place, table,
			  is_pushed(r) ? k->pushed : k->file, k->flags, base);
	case CONF_KIND_TEXT:
	case CONF_KIND_PATH:
		if (is_pushed(r))
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

/* The same name elsewhere, or else a sibling that is written much like it. */
static const char *
meant(const struct conf_key *table, const struct conf_names *names,
    const char *prefix, const char *name)
{
	struct nearest n = {.word = name};

	for (const struct conf_key *k = table; !conf_key_ends(k); k++) {
		const char *full = conf_key_name(k, names);
		const char *dot = full != NULL ? strrchr(full, '.') : NULL;
		const char *last = dot != NULL ? dot + 1 : full;

		if (full != NULL && strcasecmp(last, name) == 0)
			return full;
	}
	for (const struct conf_key *k = table; !conf_key_ends(k); k++) {
		const char *below = conf_key_below(k, names, prefix);

		if (below != NULL)
			nearest_try(&n, below);
	}
	return n.best;
}

/* Its name may be a secret, too, where secrets are expected. */
static int
no_such_key(struct conf_reader *r, struct conf_place *place,
    const struct conf_key *table, const char *prefix)
{
	const struct conf_names names = {
	    .pushed = is_pushed(r), .section = r->section};
	const char *best = meant(table, &names, prefix, place->key);
	char path[160], hint[96] = "";

	if (best != NULL)
		snprintf(hint, sizeof(hint), "; did you mean '%.64s'?", best);
	place->type_only = true;
	if (!is_pushed(r) && place_is_secret(place)) {
		place_text(r, place->up, path, sizeof(path));
		return conf_fail(r, path,
		    "has a key that is not shown: expected only those of "
		    "p2p-gateway.conf(5)");
	}
	if (!is_pushed(r))
		return conf_read_fail(r, place,
		    "no such key here (see p2p-gateway.conf(5) for those "
		    "there are)%s",
		    hint);
	return err_set(r->err, E_PARSE, "'%s' is not a key of this section%s",
	    place_text(r, place, path, sizeof(path)) + 2, hint);
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
		char path[160];

		if (name == NULL || !(k->flags & CONF_REQUIRED) ||
		    json_get(place->item, name) != NULL)
			continue;
		if (!is_pushed(r))
			return conf_read_fail(
			    r, &child, "a value: the key is required");
		return err_set(r->err, E_PARSE,
		    "%s is missing: expected a value",
		    place_text(r, &child, path, sizeof(path)) + 2);
	}
	if ((flags & CONF_ONE_OF) && cJSON_GetArraySize(place->item) > 1)
		return conf_read_fail(r, place, "one member only");
	return 0;
}

static int
read_group(struct conf_reader *r, const struct conf_place *place,
    const struct conf_key *table, const char *prefix, unsigned flags,
    void *base)
{
	const struct conf_names names = {
	    .pushed = is_pushed(r), .section = r->section};
	const cJSON *item;

	if (!cJSON_IsObject(place->item))
		return not_a(r, place, "an object");
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
		else if (!is_pushed(r) || (flags & CONF_STRICT))
			rc = no_such_key(&at, &child, table, prefix);
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
