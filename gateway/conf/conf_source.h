/*
 * conf_source: a configuration out of several files. `include` of the
 * bootstrap file names others, each an object of the same shape. Their members
 * go into the one tree: objects are joined, lists are continued in the order of
 * the files, and what two files set is an error that names both. Of everything
 * it is known which file it came from: errors name that one and its lines, and
 * relative paths start there.
 */
#ifndef GATEWAY_CONF_CONF_SOURCE_H
#define GATEWAY_CONF_CONF_SOURCE_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "gateway/conf/conf_place.h"

#define CONF_INCLUDED_MAX 10000 /* files */

struct conf_source {
	char *file;
	char *text; /* without comments, see jsonc.h */
	size_t len;
	char *dir; /* of the file */
};

/* An item of the tree that another file than the first brought. */
struct conf_graft {
	const cJSON *item;
	size_t source;
	char *path; /* in its own file, "$.trust[0]" */
};

struct conf_sources {
	struct conf_source *source;
	size_t num_sources;
	struct conf_graft *graft; /* by item */
	size_t num_grafts;
	cJSON *tree;
};

/*
 * Reads text as `file`, whose content it is, and what it includes. On an
 * error s may be half filled. conf_sources_cleanup in any case.
 */
int conf_sources_read(struct conf_sources *s, const char *text, size_t len,
    const char *file, struct err *err) MUST_USE;
void conf_sources_cleanup(struct conf_sources *s);

/* A whole file of at most 16 MiB; *text is freed by the caller. */
int conf_file_read(
    char **text, size_t *len, const char *path, struct err *err) MUST_USE;

/* The reader for an item and what is below it. */
struct conf_reader
conf_source_enter(const struct conf_reader *r, const cJSON *item);
/* The reader for a path of the whole tree, and the path in its file. */
struct conf_reader conf_source_find(
    const struct conf_reader *r, const char *path, char *own, size_t size);

#endif
