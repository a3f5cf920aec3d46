/* conf_restart: a walk over the rows that say CONF_RESTART. */
#include "gateway/conf/conf_restart.h"

#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/conf/conf_key.h"

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A list is a pointer and a number after it. */
static size_t
list_num(const void *at)
{
	return *(const size_t *)((const char *)at + sizeof(void *));
}

static bool
same_texts(const void *a, const void *b)
{
	char *const *const *left = a, *const *const *right = b;

	if (list_num(a) != list_num(b))
		return false;
	for (size_t i = 0; i < list_num(a); i++)
		if (!same_text((*left)[i], (*right)[i]))
			return false;
	return true;
}

static bool
same_value(const struct conf_key *k, const struct conf *a, const struct conf *b)
{
	const void *left = (const char *)a + k->offset;
	const void *right = (const char *)b + k->offset;

	switch (k->kind) {
	case CONF_KIND_TEXT:
	case CONF_KIND_PATH:
		return same_text(*(char *const *)left, *(char *const *)right);
	case CONF_KIND_LISTEN:
		return same_text(((const struct address *)left)->text,
		    ((const struct address *)right)->text);
	case CONF_KIND_TEXTS:
		return same_texts(left, right);
	default:
		return conf_key_load(k, a) == conf_key_load(k, b);
	}
}

cJSON *
conf_restart_keys(const struct conf *started, const struct conf *now)
{
	cJSON *list = cJSON_CreateArray();

	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++)
		if (k->file != NULL && (k->flags & CONF_RESTART) &&
		    !same_value(k, started, now))
			cJSON_AddItemToArray(list, cJSON_CreateString(k->file));
	return list;
}
