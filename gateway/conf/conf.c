/*
 * conf: how snapshots are loaded. On the control thread; read and released on
 * any.
 */
#include "gateway/conf/conf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_source.h"

struct conf *
conf_new_default(struct err *err)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		return NULL;
	}
	ref_init(&c->ref);
	c->policy.size = sizeof(c->policy);
	c->revocation.size = sizeof(c->revocation);
	c->pkcs11.categories = UINT_MAX; /* until they are named */
	if (conf_read_defaults(conf_keys, c, err) != 0) {
		conf_free(c);
		return NULL;
	}
	return c;
}

/* out NULL: the words are checked, and no more. */
static int
read_text(struct conf **out, const char *text, size_t len, const char *path,
    const struct conf *before, struct err *err)
{
	struct conf_sources sources;
	struct conf_reader r = {.sources = &sources,
	    .before = before,
	    .names_only = out == NULL,
	    .err = err};
	struct conf_place root = {.up = NULL};
	struct conf *c = NULL;
	int rc;

	rc = conf_sources_read(&sources, text, len, path, err);
	if (rc != 0)
		goto out;
	r.file = path;
	r.text = sources.source[0].text;
	r.len = sources.source[0].len;
	r.dir = sources.source[0].dir;
	root.item = sources.tree;
	c = conf_new_default(err);
	if (c == NULL) {
		rc = E_NOMEM;
		goto out;
	}
	c->file = strdup(path);
	rc = c->file != NULL ? conf_read_object(&r, &root, conf_keys, c)
			     : err_set(err, E_NOMEM, "out of memory");
	if (rc == 0 && out != NULL)
		rc = conf_finish(c, &r);
	if (rc != 0 || out == NULL)
		goto out;
	*out = c;
	c = NULL;
out:
	conf_free(c);
	conf_sources_cleanup(&sources);
	return rc;
}

int
conf_parse(struct conf **out, const char *text, size_t len, const char *path,
    const struct conf *before, struct err *err)
{
	*out = NULL;
	return read_text(out, text, len, path, before, err);
}

int
conf_check_words(
    const char *text, size_t len, const char *name, struct err *err)
{
	return read_text(NULL, text, len, name, NULL, err);
}

int
conf_load(struct conf **out, const char *path, const struct conf *before,
    struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = conf_file_read(&text, &len, path, err);

	*out = NULL;
	if (rc == 0)
		rc = conf_parse(out, text, len, path, before, err);
	free(text);
	return rc;
}

int
conf_given(struct conf **out, const char *text, const char *name,
    const struct conf *before, struct err *err)
{
	int rc = conf_parse(out, text, strlen(text), name, before, err);

	if (rc == 0 && ((*out)->text = strdup(text)) == NULL) {
		conf_free(*out);
		*out = NULL;
		rc = err_set(err, E_NOMEM, "out of memory");
	}
	return rc;
}

int
conf_again(struct conf **out, const struct conf *before, struct err *err)
{
	return before->text != NULL
	    ? conf_given(out, before->text, before->file, before, err)
	    : conf_load(out, before->file, before, err);
}

struct conf *
conf_up_ref(struct conf *c)
{
	ref_up(&c->ref);
	return c;
}
