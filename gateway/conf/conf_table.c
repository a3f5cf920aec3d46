/*
 * conf_table: the table-driven half of reading the bootstrap file. Knows types
 * and ranges, not what a key means. Never opens a file.
 */
#include "gateway/conf/conf_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"

#define PLACE_DEPTH (JSON_MAX_DEPTH + 2)

/* "$.rest.users[0].name" */
static const char *
place_text(const struct conf_place *place, char *buf, size_t size)
{
	const struct conf_place *chain[PLACE_DEPTH] = {NULL};
	size_t num = 0, len;

	for (; place != NULL && place->up != NULL && num < PLACE_DEPTH;
	     place = place->up)
		chain[num++] = place;
	len = (size_t)snprintf(buf, size, "$");
	while (num-- > 0 && len < size)
		if (chain[num]->key != NULL)
			len += (size_t)snprintf(
			    buf + len, size - len, ".%.48s", chain[num]->key);
		else
			len += (size_t)snprintf(
			    buf + len, size - len, "[%zu]", chain[num]->index);
	return buf;
}

/* Secrets stay out of messages and so out of logs. */
static bool
place_is_secret(const struct conf_place *place)
{
	return place->key != NULL &&
	    (strstr(place->key, "password") != NULL ||
		strstr(place->key, "secret") != NULL);
}

/* The end of a long file name is what tells. */
int
conf_fail(struct conf_reader *r, const char *path, const char *fmt, ...)
{
	size_t len = strlen(r->file), cut = len > 72 ? len - 69 : 0;
	char text[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->err, E_PARSE, "%s%s:%zu: %s %s", cut > 0 ? "..." : "",
	    r->file + cut, json_line(r->text, r->len, path), path, text);
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
	if (place_is_secret(place))
		snprintf(value, sizeof(value), "(not shown)");
	else
		json_print_short(place->item, value, sizeof(value));
	return conf_fail(r, place_text(place, path, sizeof(path)),
	    "is %s: expected %s", value, expected);
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

void *
conf_grow(void *array_ptr, size_t *num, size_t size)
{
	void **array = array_ptr;
	char *grown = realloc(*array, (*num + 1) * size);

	if (grown == NULL)
		return NULL;
	*array = grown;
	memset(grown + *num * size, 0, size);
	return grown + (*num)++ * size;
}

int
conf_read_array(struct conf_reader *r, const struct conf_place *place,
    size_t max,
    int (*fn)(struct conf_reader *, const struct conf_place *, void *),
    void *base)
{
	struct conf_place child = {.up = place};
	const cJSON *item;

	if (!cJSON_IsArray(place->item))
		return conf_read_fail(r, place, "an array");
	cJSON_ArrayForEach(item, place->item)
	{
		int rc;

		if (child.index >= max)
			return conf_read_fail(
			    r, place, "at most %zu elements", max);
		child.item = item;
		rc = fn(r, &child, base);
		if (rc != 0)
			return rc;
		child.index++;
	}
	return 0;
}

static int
read_number(struct conf_reader *r, const struct conf_place *place,
    const struct conf_field *f, char *at)
{
	int64_t v;

	if (json_to_int(place->item, (int64_t)f->min, (int64_t)f->max, &v) != 0)
		return conf_read_fail(r, place,
		    "a whole number from %llu to %llu",
		    (unsigned long long)f->min, (unsigned long long)f->max);
	if (f->kind == CONF_KIND_U32)
		*(uint32_t *)at = (uint32_t)v;
	else
		*(uint64_t *)at = (uint64_t)v;
	return 0;
}

static int
read_enum(struct conf_reader *r, const struct conf_place *place,
    const struct conf_field *f, char *at)
{
	const char *s = cJSON_GetStringValue(place->item);
	char list[120] = "";
	size_t len = 0;

	for (unsigned i = 0; f->words[i] != NULL; i++) {
		if (s != NULL && strcasecmp(s, f->words[i]) == 0) {
			*(unsigned *)at = i;
			return 0;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len,
			    "%s\"%s\"", i == 0 ? "" : ", ", f->words[i]);
	}
	return conf_read_fail(r, place, "one of %s", list);
}

struct strings {
	char ***list;
	size_t *num;
};

static int
read_strings_item(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct strings *strings = base;
	const char *s = conf_read_string(r, place);
	char **slot;

	if (s == NULL)
		return E_PARSE;
	slot = conf_grow(strings->list, strings->num, sizeof(*slot));
	if (slot == NULL || (*slot = strdup(s)) == NULL)
		return err_set(r->err, E_NOMEM, "out of memory");
	return 0;
}

/* num is written, by way of struct strings. */
int
conf_read_strings(struct conf_reader *r, const struct conf_place *place,
    size_t max, char ***list,
    size_t *num) /* NOLINT(readability-non-const-parameter) */
{
	struct strings strings = {.list = list, .num = num};

	return conf_read_array(r, place, max, read_strings_item, &strings);
}

static int
read_text(struct conf_reader *r, const struct conf_place *place,
    const struct conf_field *f, char *at)
{
	const char *s = conf_read_string(r, place);
	char *copy;

	if (s == NULL)
		return E_PARSE;
	copy = f->kind == CONF_KIND_PATH ? conf_read_path(r, s) : strdup(s);
	if (copy == NULL)
		return err_set(r->err, E_NOMEM, "out of memory");
	free(*(char **)at);
	*(char **)at = copy;
	return 0;
}

static int
read_field(struct conf_reader *r, const struct conf_place *place,
    const struct conf_field *f, void *base)
{
	char *at = (char *)base + f->offset;

	switch (f->kind) {
	case CONF_KIND_U32:
	case CONF_KIND_U64:
		return read_number(r, place, f, at);
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		if (!cJSON_IsBool(place->item))
			return conf_read_fail(r, place, "true or false");
		if (f->kind == CONF_KIND_BOOL)
			*(bool *)at = cJSON_IsTrue(place->item);
		else
			*(int *)at = cJSON_IsTrue(place->item) ? 1 : 0;
		return 0;
	case CONF_KIND_STRING:
	case CONF_KIND_PATH:
		return read_text(r, place, f, at);
	case CONF_KIND_STRINGS:
		return conf_read_strings(r, place, (size_t)f->max, (char ***)at,
		    (size_t *)(at + sizeof(char **)));
	case CONF_KIND_ENUM:
		return read_enum(r, place, f, at);
	case CONF_KIND_OBJECT:
		return conf_read_object(r, place, f->table, at);
	case CONF_KIND_CUSTOM:
		return f->fn(r, place, at);
	}
	return err_set(r->err, E_INTERNAL, "a table entry of no kind");
}

int
conf_read_object(struct conf_reader *r, const struct conf_place *place,
    const struct conf_field *table, void *base)
{
	const cJSON *item;

	if (!cJSON_IsObject(place->item))
		return conf_read_fail(r, place, "an object");
	cJSON_ArrayForEach(item, place->item)
	{
		struct conf_place child = {
		    .up = place, .key = item->string, .item = item};
		const struct conf_field *f = table;
		int rc;

		while (f->key != NULL && strcmp(f->key, item->string) != 0)
			f++;
		if (f->key == NULL)
			return conf_read_fail(r, &child,
			    "no such key here (see p2p-gateway(8) for those "
			    "there are)");
		rc = read_field(r, &child, f, base);
		if (rc != 0)
			return rc;
	}
	for (const struct conf_field *f = table; f->key != NULL; f++) {
		struct conf_place child = {.up = place, .key = f->key};

		if (f->required && json_get(place->item, f->key) == NULL)
			return conf_read_fail(
			    r, &child, "a value: the key is required");
	}
	return 0;
}
