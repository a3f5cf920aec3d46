/*
 * json: the tree that cJSON builds of what the acceptor (json_scan.c) took,
 * and what is asked of trees. Any thread.
 */
#include "gateway/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

static int
compare_items(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;

	return strcmp((*x)->string, (*y)->string);
}

/* What a check of the tree needs to say where something is. */
struct tree_check {
	const cJSON *root;
	const char *text;
	size_t len;
	struct err *err;
};

static size_t
line_of(const struct tree_check *c, const cJSON *item)
{
	return json_item_line(c->text, c->len, c->root, item);
}

static int
name_twice(const struct tree_check *c, const cJSON *a, const cJSON *b)
{
	size_t first = line_of(c, a), second = line_of(c, b);

	/* Which name is not said: at a wrong place it may be a secret. */
	return err_set(c->err, E_PARSE,
	    "not valid JSON: a name is used twice in one object, in line %zu "
	    "and in line %zu",
	    first < second ? first : second, first < second ? second : first);
}

/* RFC 8259 section 4 leaves duplicate names open; nobody gets to use that. */
static int
check_names(const struct tree_check *c, const cJSON *object)
{
	const cJSON **items;
	const cJSON *item;
	size_t num = 0;
	int rc = 0;

	cJSON_ArrayForEach(item, object) num++;
	if (num < 2)
		return 0;
	items = calloc(num, sizeof(*items));
	if (items == NULL)
		return err_set(c->err, E_NOMEM, "out of memory");
	num = 0;
	cJSON_ArrayForEach(item, object) items[num++] = item;
	qsort(items, num, sizeof(*items), compare_items);
	for (size_t i = 1; i < num && rc == 0; i++)
		if (strcmp(items[i - 1]->string, items[i]->string) == 0)
			rc = name_twice(c, items[i - 1], items[i]);
	free(items);
	return rc;
}

static int
check_tree(const struct tree_check *c, const cJSON *tree)
{
	const cJSON *item;
	int rc = 0;

	if (cJSON_IsObject(tree))
		rc = check_names(c, tree);
	if (cJSON_IsNumber(tree) && !isfinite(tree->valuedouble))
		rc = err_set(c->err, E_PARSE,
		    "not valid JSON: a number in line %zu is out of range",
		    line_of(c, tree));
	cJSON_ArrayForEach(item, tree) if (rc == 0) rc = check_tree(c, item);
	return rc;
}

int
json_parse(cJSON **out, const char *text, size_t len, struct err *err)
{
	cJSON *tree;
	int rc;

	*out = NULL;
	rc = json_check(text, len, err);
	if (rc != 0)
		return rc;
	tree = cJSON_ParseWithLength(text, len);
	if (tree == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = check_tree(&(struct tree_check){tree, text, len, err}, tree);
	if (rc != 0) {
		cJSON_Delete(tree);
		return rc;
	}
	*out = tree;
	return 0;
}

const cJSON *
json_get(const cJSON *item, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(item, name);
}

const char *
json_get_string(const cJSON *item, const char *name)
{
	return cJSON_GetStringValue(json_get(item, name));
}

int
json_to_int(const cJSON *item, int64_t min, int64_t max, int64_t *out)
{
	double d;

	if (!cJSON_IsNumber(item))
		return E_PARSE;
	d = item->valuedouble;
	/* Beyond 2^53 a double skips integers: nothing here is that large. */
	if (d != floor(d) || fabs(d) > 9007199254740992.0 || d < (double)min ||
	    d > (double)max)
		return E_PARSE;
	*out = (int64_t)d;
	return 0;
}

bool
json_equal(const cJSON *a, const cJSON *b)
{
	return cJSON_Compare(a, b, 1);
}

void
json_add_time(cJSON *o, const char *name, time_t t)
{
	char text[TEXT_TIME_LEN];

	text_time(text, t);
	if (t != 0)
		cJSON_AddStringToObject(o, name, text);
	else
		cJSON_AddNullToObject(o, name);
}

const char *
json_print_short(const cJSON *item, char *buf, size_t size)
{
	char *text = item != NULL ? cJSON_PrintUnformatted(item) : NULL;

	if (text == NULL) {
		snprintf(buf, size, "nothing");
	} else if (strlen(text) < size) {
		snprintf(buf, size, "%s", text);
	} else {
		size_t cut = size - 4;

		/* Not in the middle of a character. */
		while (cut > 0 && (text[cut] & 0xc0) == 0x80)
			cut--;
		snprintf(buf, size, "%.*s...", (int)cut, text);
	}
	cJSON_free(text);
	return buf;
}
