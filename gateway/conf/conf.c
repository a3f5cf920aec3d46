/*
 * conf: how snapshots are loaded. On the control thread; read and released on
 * any.
 */
#include "gateway/conf/conf.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/base/bytes.h"
#include "gateway/conf/conf_internal.h"
#include "gateway/base/json.h"

#define FILE_MAX_BYTES (16 * 1024 * 1024)

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

int
conf_parse(struct conf **out, const char *text, size_t len, const char *path,
    const struct conf *before, struct err *err)
{
	struct conf_reader r = {.file = path,
	    .text = text,
	    .len = len,
	    .before = before,
	    .err = err};
	struct conf_place root = {.up = NULL};
	cJSON *tree = NULL;
	struct conf *c = NULL;
	char *copy = strdup(path);
	struct err why;
	int rc = E_NOMEM;

	*out = NULL;
	if (copy == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	r.dir = dirname(copy);
	rc = json_parse(&tree, text, len, &why);
	if (rc != 0) {
		err_set(err, rc, "%.120s: %s", path, why.msg);
		goto out;
	}
	root.item = tree;
	c = conf_new_default(err);
	if (c == NULL) {
		rc = E_NOMEM;
		goto out;
	}
	c->file = strdup(path);
	rc = c->file != NULL ? conf_read_object(&r, &root, conf_keys, c)
			     : err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = conf_finish(c, &r);
	if (rc != 0)
		goto out;
	*out = c;
	c = NULL;
out:
	conf_free(c);
	cJSON_Delete(tree);
	free(copy);
	return rc;
}

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
conf_load(struct conf **out, const char *path, const struct conf *before,
    struct err *err)
{
	struct bytes b;
	int rc;

	*out = NULL;
	bytes_init(&b, FILE_MAX_BYTES);
	rc = read_whole(&b, path, err);
	if (rc == 0)
		rc = conf_parse(out, b.p != NULL ? (char *)b.p : "", b.len,
		    path, before, err);
	bytes_cleanup(&b);
	return rc;
}

struct conf *
conf_up_ref(struct conf *c)
{
	ref_up(&c->ref);
	return c;
}
