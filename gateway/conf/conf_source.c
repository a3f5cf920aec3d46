/* conf_source: see the header. One thread; the tree is built once. */
#include "gateway/conf/conf_source.h"

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cache/base/bytes.h"
#include "gateway/base/json.h"
#include "gateway/base/jsonc.h"

#define FILE_MAX_BYTES (16 * 1024 * 1024)
#define PATH_TEXT      160

static int
no_memory(struct err *err)
{
	return err_set(err, E_NOMEM, "out of memory");
}

/* Files. */

static int
read_whole(struct bytes *b, const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	char buf[16384];
	size_t n;
	int rc = 0;

	if (f == NULL)
		return err_sys(err, "cannot open '%s'", path);
	while (rc == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		rc = bytes_append(b, buf, n);
	if (rc != 0)
		err_set(err, rc, "cannot read '%s': larger than %d bytes", path,
		    FILE_MAX_BYTES);
	else if (ferror(f))
		rc = err_sys(err, "cannot read '%s'", path);
	fclose(f);
	return rc;
}

int
conf_file_read(char **text, size_t *len, const char *path, struct err *err)
{
	struct bytes b;
	int rc;

	bytes_init(&b, FILE_MAX_BYTES);
	rc = read_whole(&b, path, err);
	if (rc == 0) {
		*len = b.len;
		*text = malloc(b.len + 1);
		if (*text == NULL)
			rc = no_memory(err);
		else if (b.len > 0)
			memcpy(*text, b.p, b.len);
	}
	bytes_cleanup(&b);
	return rc;
}

/* Takes text, a heap copy, over. */
static int
source_add(struct conf_sources *s, char *text, size_t len, const char *file,
    cJSON **tree, struct err *err)
{
	struct conf_source *src =
	    conf_grow(&s->source, &s->num_sources, sizeof(*src));
	char *copy = strdup(file);
	struct err why;
	int rc;

	if (src == NULL || copy == NULL) {
		free(text);
		free(copy);
		return no_memory(err);
	}
	src->text = text;
	src->len = len;
	src->file = strdup(file);
	src->dir = strdup(dirname(copy));
	free(copy);
	if (src->file == NULL || src->dir == NULL)
		return no_memory(err);
	rc = jsonc_strip(text, len, &why);
	if (rc == 0)
		rc = json_parse(tree, text, len, &why);
	return rc == 0 ? 0 : err_set(err, rc, "%.120s: %s", file, why.msg);
}

/* Joining. */

static int
graft_add(struct conf_sources *s, const cJSON *item, const char *path,
    struct err *err)
{
	struct conf_graft *g = conf_grow(&s->graft, &s->num_grafts, sizeof(*g));

	if (g == NULL || (g->path = strdup(path)) == NULL)
		return no_memory(err);
	g->item = item;
	g->source = s->num_sources - 1;
	return 0;
}

static int
compare_grafts(const void *a, const void *b)
{
	const struct conf_graft *x = a, *y = b;

	return (x->item > y->item) - (x->item < y->item);
}

static const struct conf_graft *
graft_find(const struct conf_sources *s, const cJSON *item)
{
	struct conf_graft key = {.item = item};

	return s->num_grafts > 0 ? bsearch(&key, s->graft, s->num_grafts,
				       sizeof(key), compare_grafts)
				 : NULL;
}

/* Which file has set an item of the tree; grafts are not sorted yet. */
static const char *
set_in(const struct conf_sources *s, const cJSON *item)
{
	for (size_t i = 0; i < s->num_grafts; i++)
		if (s->graft[i].item == item)
			return s->source[s->graft[i].source].file;
	return s->source[0].file;
}

static int
join_lists(struct conf_sources *s, cJSON *into, cJSON *from, const char *path,
    struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && from->child != NULL; i++) {
		cJSON *item = cJSON_DetachItemViaPointer(from, from->child);
		char at[PATH_TEXT + 24];

		snprintf(at, sizeof(at), "%s[%zu]", path, i);
		cJSON_AddItemToArray(into, item);
		rc = graft_add(s, item, at, err);
	}
	return rc;
}

static int
join_objects(struct conf_sources *s, cJSON *into, cJSON *from, const char *path,
    struct err *err)
{
	const struct conf_source *src = &s->source[s->num_sources - 1];
	int rc = 0;

	for (cJSON *item = from->child, *next; rc == 0 && item != NULL;
	     item = next) {
		cJSON *there =
		    cJSON_GetObjectItemCaseSensitive(into, item->string);
		char at[PATH_TEXT];

		next = item->next;
		snprintf(at, sizeof(at), "%.100s.%.48s", path, item->string);
		if (strcmp(at, "$.include") == 0)
			return err_set(err, E_PARSE,
			    "%.100s:%zu: $.include: expected only in the first "
			    "file",
			    src->file, json_line(src->text, src->len, at));
		if (there == NULL) {
			cJSON_DetachItemViaPointer(from, item);
			cJSON_AddItemToObject(into, item->string, item);
			rc = graft_add(s, item, at, err);
		} else if (cJSON_IsObject(there) && cJSON_IsObject(item)) {
			rc = join_objects(s, there, item, at, err);
		} else if (cJSON_IsArray(there) && cJSON_IsArray(item)) {
			rc = join_lists(s, there, item, at, err);
		} else {
			rc = err_set(err, E_PARSE,
			    "%.80s:%zu: %.60s is set in %.80s, too: expected "
			    "in one file",
			    src->file, json_line(src->text, src->len, at), at,
			    set_in(s, there));
		}
	}
	return rc;
}

static int
include_file(struct conf_sources *s, const char *file, struct err *err)
{
	cJSON *tree = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (s->num_sources > CONF_INCLUDED_MAX)
		return err_set(err, E_LIMIT, "more than %d files are included",
		    CONF_INCLUDED_MAX);
	rc = conf_file_read(&text, &len, file, err);
	if (rc == 0)
		rc = source_add(s, text, len, file, &tree, err);
	if (rc == 0 && !cJSON_IsObject(tree))
		rc = err_set(
		    err, E_PARSE, "%.120s: $: expected an object", file);
	if (rc == 0)
		rc = join_objects(s, s->tree, tree, "$", err);
	cJSON_Delete(tree);
	return rc;
}

/* The files of a pattern that names several may be none, a folder that is not
 * there is a mistake. */
static int
include_glob(struct conf_sources *s, const char *pattern, struct err *err)
{
	char *copy = strdup(pattern);
	struct stat st;
	glob_t found = {0};
	int rc = 0;

	if (copy == NULL)
		return no_memory(err);
	if (strpbrk(dirname(copy), "*?[") == NULL && stat(copy, &st) != 0)
		rc = err_sys(err, "cannot look into '%s'", copy);
	free(copy);
	if (rc != 0)
		return rc;
	switch (glob(pattern, GLOB_ERR, NULL, &found)) {
	case 0:
		for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
			rc = include_file(s, found.gl_pathv[i], err);
		break;
	case GLOB_NOMATCH:
		break;
	case GLOB_NOSPACE:
		rc = no_memory(err);
		break;
	default:
		rc = err_sys(err, "cannot read the files '%s'", pattern);
	}
	globfree(&found);
	return rc;
}

static int
include_one(struct conf_sources *s, const cJSON *item, struct err *err)
{
	const char *text = cJSON_GetStringValue(item);
	struct err why;
	char *path;
	int rc;

	if (text == NULL || text[0] == '\0')
		return err_set(err, E_PARSE,
		    "%.100s:%zu: $.include: expected a path or pattern, or an "
		    "array of them",
		    s->source[0].file,
		    json_line(
			s->source[0].text, s->source[0].len, "$.include"));
	if (text[0] == '/')
		path = strdup(text);
	else if (asprintf(&path, "%s/%s", s->source[0].dir, text) < 0)
		path = NULL;
	if (path == NULL)
		return no_memory(err);
	rc = strpbrk(path, "*?[") != NULL ? include_glob(s, path, &why)
					  : include_file(s, path, &why);
	free(path);
	return rc == 0 ? 0 : err_set(err, rc, "%s", why.msg);
}

static int
include_all(struct conf_sources *s, struct err *err)
{
	const cJSON *include = json_get(s->tree, "include"), *item;
	int rc = 0;

	if (include == NULL)
		return 0;
	if (!cJSON_IsArray(include))
		return include_one(s, include, err);
	cJSON_ArrayForEach(item, include) if (rc == 0) rc =
	    include_one(s, item, err);
	return rc;
}

int
conf_sources_read(struct conf_sources *s, const char *text, size_t len,
    const char *file, struct err *err)
{
	char *copy = malloc(len + 1);
	int rc;

	memset(s, 0, sizeof(*s));
	if (copy == NULL)
		return no_memory(err);
	memcpy(copy, text, len);
	rc = source_add(s, copy, len, file, &s->tree, err);
	if (rc == 0)
		rc = include_all(s, err);
	if (s->num_grafts > 0)
		qsort(
		    s->graft, s->num_grafts, sizeof(*s->graft), compare_grafts);
	return rc;
}

void
conf_sources_cleanup(struct conf_sources *s)
{
	for (size_t i = 0; i < s->num_sources; i++) {
		free(s->source[i].file);
		free(s->source[i].text);
		free(s->source[i].dir);
	}
	for (size_t i = 0; i < s->num_grafts; i++)
		free(s->graft[i].path);
	free(s->source);
	free(s->graft);
	cJSON_Delete(s->tree);
	memset(s, 0, sizeof(*s));
}

/* Readers. */

static struct conf_reader
enter(const struct conf_reader *r, const struct conf_graft *g)
{
	const struct conf_source *src = &r->sources->source[g->source];
	struct conf_reader at = *r;

	at.file = src->file;
	at.text = src->text;
	at.len = src->len;
	at.dir = src->dir;
	at.graft = g;
	return at;
}

struct conf_reader
conf_source_enter(const struct conf_reader *r, const cJSON *item)
{
	const struct conf_graft *g =
	    r->sources != NULL ? graft_find(r->sources, item) : NULL;

	return g != NULL ? enter(r, g) : *r;
}

struct conf_reader
conf_source_find(
    const struct conf_reader *r, const char *path, char *own, size_t size)
{
	const cJSON *item = r->sources != NULL ? r->sources->tree : NULL;
	const struct conf_graft *g = NULL;
	const char *rest = path + 1, *p = rest;

	snprintf(own, size, "%s", path);
	/* Who reads a graft has its paths already. */
	if (r->graft != NULL || item == NULL)
		return *r;
	while (*p != '\0' && item != NULL) {
		size_t n = strcspn(p + 1, ".[");
		char name[64];
		const struct conf_graft *here;

		if (*p == '[') {
			item = cJSON_GetArrayItem(item, atoi(p + 1));
		} else {
			snprintf(name, sizeof(name), "%.*s", (int)n, p + 1);
			item = json_get(item, name);
		}
		p += n + 1;
		here = item != NULL ? graft_find(r->sources, item) : NULL;
		if (here != NULL) {
			g = here;
			rest = p;
		}
	}
	if (g == NULL)
		return *r;
	snprintf(own, size, "%s%s", g->path, rest);
	return enter(r, g);
}
