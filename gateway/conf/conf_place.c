/* conf_place: see the header. */
#include "gateway/conf/conf_place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"
#include "gateway/base/json_path.h"
#include "gateway/base/nearest.h"
#include "gateway/conf/conf_source.h"

#define PLACE_DEPTH (JSON_MAX_DEPTH + 2)

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
	if (!conf_is_pushed(r))
		return conf_fail(
		    r, path, "is %s: expected %s", value, expected);
	return err_set(r->err, E_PARSE, "%s is %s: expected %s",
	    path[1] != '\0' ? path + 2 : "the configuration", value, expected);
}

int
conf_read_not_a(
    struct conf_reader *r, const struct conf_place *place, const char *what)
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
conf_meant_key(const struct conf_key *table, const struct conf_names *names,
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
int
conf_no_such_key(struct conf_reader *r, struct conf_place *place,
    const struct conf_key *table, const char *prefix)
{
	const struct conf_names names = {
	    .pushed = conf_is_pushed(r), .section = r->section};
	const char *best = conf_meant_key(table, &names, prefix, place->key);
	char path[160], hint[96] = "";

	if (best != NULL)
		snprintf(hint, sizeof(hint), "; did you mean '%.64s'?", best);
	place->type_only = true;
	if (!conf_is_pushed(r) && place_is_secret(place)) {
		place_text(r, place->up, path, sizeof(path));
		return conf_fail(r, path,
		    "has a key that is not shown: expected only those of "
		    "p2p-gateway.conf(5)");
	}
	if (!conf_is_pushed(r))
		return conf_read_fail(r, place,
		    "no such key here (see p2p-gateway.conf(5) for those "
		    "there are)%s",
		    hint);
	return err_set(r->err, E_PARSE, "'%s' is not a key of this section%s",
	    place_text(r, place, path, sizeof(path)) + 2, hint);
}

int
conf_missing(struct conf_reader *r, const struct conf_place *place)
{
	char path[160];

	if (!conf_is_pushed(r))
		return conf_read_fail(r, place, "a value: the key is required");
	return err_set(r->err, E_PARSE, "%s is missing: expected a value",
	    place_text(r, place, path, sizeof(path)) + 2);
}
