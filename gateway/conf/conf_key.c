/* conf_key: what one row says about one value. No state; any thread. */
#include "gateway/conf/conf_key.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/json.h"
#include "gateway/base/json_path.h"

const char *
conf_key_name(const struct conf_key *k, const struct conf_names *names)
{
	if (!names->pushed)
		return k->file;
	return k->section == names->section ? k->pushed : NULL;
}

const char *
conf_key_below(const struct conf_key *k, const struct conf_names *names,
    const char *prefix)
{
	const char *name = conf_key_name(k, names);
	size_t len = strlen(prefix);

	if (name == NULL)
		return NULL;
	if (len > 0) {
		if (strncmp(name, prefix, len) != 0 || name[len] != '.')
			return NULL;
		name += len + 1;
	}
	return strchr(name, '.') == NULL ? name : NULL;
}

const struct conf_key *
conf_key_find(const struct conf_key *table, const struct conf_names *names,
    const char *prefix, const char *name)
{
	for (const struct conf_key *k = table; !conf_key_ends(k); k++) {
		const char *last = conf_key_below(k, names, prefix);

		if (last != NULL && strcmp(last, name) == 0)
			return k;
	}
	return NULL;
}

bool
conf_key_is_number(const struct conf_key *k)
{
	return k->kind <= CONF_KIND_WORD;
}

static bool
take_word(const struct conf_word *words, const char *s, int64_t *out)
{
	for (; s != NULL && words->word != NULL; words++)
		if (strcasecmp(words->word, s) == 0) {
			*out = words->value;
			return true;
		}
	return false;
}

bool
conf_key_take(
    const struct conf_key *k, const cJSON *item, bool loose, int64_t *out)
{
	bool b;

	switch (k->kind) {
	case CONF_KIND_U32:
	case CONF_KIND_U64:
	case CONF_KIND_INT:
		if (!loose)
			return json_to_int(item, k->min, k->max, out) == 0;
		return json_loose_int(item, out) && *out >= k->min &&
		    *out <= k->max;
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		if (!loose && !cJSON_IsBool(item))
			return false;
		if (!json_loose_bool(item, &b))
			return false;
		*out = b;
		return true;
	case CONF_KIND_WORD:
	case CONF_KIND_BITS: /* an element */
		return take_word(k->words, cJSON_GetStringValue(item), out);
	default:
		return false;
	}
}

static void
expect_words(const struct conf_word *words, char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "one of");

	for (size_t i = 0; words[i].word != NULL && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s \"%s\"",
		    i > 0 ? "," : "", words[i].word);
}

const char *
conf_key_expected(const struct conf_key *k, char *buf, size_t size)
{
	const char *null = k->flags & CONF_NULLABLE ? ", or null" : "";

	switch (k->kind) {
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		snprintf(buf, size, "true or false%s", null);
		break;
	case CONF_KIND_WORD:
	case CONF_KIND_BITS:
		expect_words(k->words, buf, size);
		break;
	case CONF_KIND_TEXT:
		if (k->pattern != NULL)
			snprintf(buf, size, "a string that matches %.70s",
			    k->pattern);
		else if (k->max > 0)
			snprintf(buf, size,
			    "a string of %lld to %lld characters",
			    (long long)k->min, (long long)k->max);
		else
			snprintf(buf, size, "a string that is not empty");
		break;
	default:
		if (k->max == CONF_NO_MAX)
			snprintf(buf, size, "a whole number of at least %lld%s",
			    (long long)k->min, null);
		else
			snprintf(buf, size,
			    "a whole number from %lld to %lld%s",
			    (long long)k->min, (long long)k->max, null);
	}
	return buf;
}

void
conf_key_store(const struct conf_key *k, int64_t v, void *base)
{
	void *at = (char *)base + k->offset;

	if (k->scale > 0)
		v *= k->scale;
	switch (k->kind) {
	case CONF_KIND_U32:
		*(uint32_t *)at = (uint32_t)v;
		break;
	case CONF_KIND_U64:
		*(uint64_t *)at = (uint64_t)v;
		break;
	case CONF_KIND_BOOL:
		*(bool *)at = v != 0;
		break;
	case CONF_KIND_BITS:
		*(unsigned *)at = (unsigned)v;
		break;
	default:
		*(int *)at = (int)v;
	}
}

int64_t
conf_key_load(const struct conf_key *k, const void *base)
{
	const void *at = (const char *)base + k->offset;
	int64_t v;

	switch (k->kind) {
	case CONF_KIND_U32:
		v = *(const uint32_t *)at;
		break;
	case CONF_KIND_U64:
		v = (int64_t) * (const uint64_t *)at;
		break;
	case CONF_KIND_BOOL:
		v = *(const bool *)at;
		break;
	case CONF_KIND_BITS:
		v = *(const unsigned *)at;
		break;
	case CONF_KIND_INT:
		v = *(const int *)at;
		if (v < 0) /* as a policy wants to be told zero */
			v = 0;
		break;
	default:
		v = *(const int *)at;
	}
	return k->scale > 0 ? v / k->scale : v;
}

static cJSON *
bits_json(const struct conf_key *k, int64_t v)
{
	cJSON *o = cJSON_CreateArray();

	for (const struct conf_word *w = k->words; w->word != NULL; w++)
		if (v & w->value)
			cJSON_AddItemToArray(o, cJSON_CreateString(w->word));
	return o;
}

cJSON *
conf_key_json(const struct conf_key *k, int64_t v)
{
	switch (k->kind) {
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		return cJSON_CreateBool(v != 0);
	case CONF_KIND_BITS:
		return bits_json(k, v);
	case CONF_KIND_WORD:
		for (const struct conf_word *w = k->words; w->word != NULL; w++)
			if (w->value == v)
				return cJSON_CreateString(w->word);
		return NULL;
	default:
		return cJSON_CreateNumber((double)v);
	}
}

bool
conf_key_is_laxer(const struct conf_key *k, int64_t before, int64_t now)
{
	switch (k->laxer) {
	case CONF_LAXER_LESS:
		return now < before;
	case CONF_LAXER_MORE_OR_ZERO:
		return before != 0 && (now == 0 || now > before);
	case CONF_LAXER_MORE:
		if (k->kind == CONF_KIND_BITS)
			return ((now ^ k->stricter) &
				   ~(before ^ k->stricter)) != 0;
		return now > before;
	default:
		return false;
	}
}

bool
conf_text_matches(const char *pattern, const char *text)
{
	regex_t re;
	bool ok;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	ok = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return ok;
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
