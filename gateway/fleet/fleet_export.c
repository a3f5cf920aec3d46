/* fleet_export: see the header. */
#include "gateway/fleet/fleet_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/base/bytes.h"
#include "gateway/fleet/seal.h"

static const char magic[] = "p2p-gateway fleet 1\n";
#define MAGIC_LEN (sizeof(magic) - 1)

/* Writing. */

struct out {
	FILE *file;
	const struct fleet_seal *seal;
	const char *id;
	size_t num;
};

static void
put_number(FILE *file, uint32_t n, int octets)
{
	for (int i = octets - 1; i >= 0; i--)
		putc((int)(n >> (8 * i) & 0xff), file);
}

static int
put(struct out *o, enum fleet_kind kind, const char *key, int64_t n,
    const char *json, struct err *err)
{
	const struct fleet_seal_place place = {
	    .id = kind == FLEET_IDENTITY ? "" : o->id,
	    .kind = kind,
	    .key = key,
	    .n = n};
	uint8_t *sealed;
	size_t len;
	int rc = fleet_seal_close(
	    o->seal, &place, json, strlen(json), &sealed, &len, err);

	if (rc != 0)
		return rc;
	put_number(o->file, (uint32_t)strlen(key), 2);
	put_number(o->file, (uint32_t)len, 4);
	fputs(key, o->file);
	fwrite(sealed, 1, len, o->file);
	free(sealed);
	return ferror(o->file) == 0
	    ? 0
	    : err_sys(err, "cannot write a copy of the fleet");
}

static int
put_held(void *arg, const struct fleet_held *held, struct err *err)
{
	struct out *o = arg;

	if (held->json == NULL)
		return 0;
	o->num++;
	return put(o, fleet_key_kind(held->key, NULL), held->key, held->n,
	    held->json, err);
}

static int
put_all(struct out *o, const struct fleet_facts *facts,
    int (*each)(void *arg, const char *key, fleet_held_fn *fn, void *fnarg,
	struct err *err),
    void *arg, struct err *err)
{
	struct fleet_meaning head = {.n = 0};
	char json[256], tally[FLEET_HEAD_JSON];
	int rc;

	fputs(magic, o->file);
	fleet_identity_json(json, facts->id, facts->filled);
	rc = put(o, FLEET_IDENTITY, "fleet", 0, json, err);
	if (rc == 0)
		rc = each(arg, NULL, put_held, o, err);
	if (rc == 0 && facts->tally != NULL && facts->tally[0] != '\0')
		rc = fleet_record_read(
		    &head, FLEET_HEAD, facts->tally, strlen(facts->tally), err);
	fleet_head_json(tally, facts->head, &head.tally);
	snprintf(json, sizeof(json), "%.*s,\"records\":%zu}",
	    (int)strlen(tally) - 1, tally, o->num);
	if (rc == 0)
		rc = put(o, FLEET_HEAD, "head", 0, json, err);
	return rc;
}

/* The file is there for good, or an error. */
static int
settle(FILE *file, const char *fresh, const char *path, struct err *err)
{
	bool ok = fflush(file) == 0 && fsync(fileno(file)) == 0;

	if (!ok)
		err_sys(err, "cannot write '%s'", fresh);
	if (fclose(file) != 0 && ok) {
		ok = false;
		err_sys(err, "cannot write '%s'", fresh);
	}
	if (ok && rename(fresh, path) != 0) {
		ok = false;
		err_sys(err, "cannot rename '%s' to '%s'", fresh, path);
	}
	if (!ok)
		unlink(fresh);
	return ok ? 0 : E_IO;
}

int
fleet_export_file(const char *path, const char *secret_file,
    const struct fleet_facts *facts,
    int (*each)(void *arg, const char *key, fleet_held_fn *fn, void *fnarg,
	struct err *err),
    void *arg, size_t *num, struct err *err)
{
	struct fleet_seal *seal = NULL;
	struct out o = {.id = facts->id};
	char *fresh = NULL;
	int fd = -1;
	int rc = fleet_seal_new(&seal, secret_file, NULL, err);

	if (rc != 0)
		return rc;
	o.seal = seal;
	if (facts->id[0] == '\0') {
		rc = err_set(err, E_ARG, "this machine follows no fleet");
		goto out;
	}
	if (asprintf(&fresh, "%s.new", path) < 0) {
		fresh = NULL;
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	o.file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (o.file == NULL) {
		rc = err_sys(err, "cannot make '%s'", fresh);
		if (fd >= 0)
			close(fd);
		goto out;
	}
	rc = put_all(&o, facts, each, arg, err);
	if (rc != 0) {
		fclose(o.file);
		unlink(fresh);
		goto out;
	}
	rc = settle(o.file, fresh, path, err);
	*num = o.num;
out:
	free(fresh);
	fleet_seal_free(seal);
	return rc;
}

/* Reading. */

struct in {
	const char *path;
	const uint8_t *at, *end;
	const struct fleet_seal *seal;
	char id[37];
	int64_t head, filled;
	char tally[FLEET_HEAD_JSON];
	size_t num;
};

/* One record. The texts are to be freed. */
struct got {
	enum fleet_kind kind;
	char *key, *json;
	int64_t n;
	struct fleet_meaning meaning;
};

static void
got_cleanup(struct got *g)
{
	free(g->key);
	free(g->json);
	*g = (struct got){.key = NULL};
}

static int
cut_short(const struct in *in, struct err *err)
{
	return err_set(
	    err, E_PARSE, "'%s' is not a whole copy of a fleet", in->path);
}

static uint32_t
take_number(struct in *in, int octets)
{
	uint32_t n = 0;

	while (octets-- > 0)
		n = n << 8 | *in->at++;
	return n;
}

static int
get(struct in *in, struct got *g, struct err *err)
{
	struct fleet_seal_place place = {.n = 0};
	size_t key_len, len, text_len;
	struct err why;
	int rc;

	*g = (struct got){.key = NULL};
	if (in->end - in->at < 6)
		return cut_short(in, err);
	key_len = take_number(in, 2);
	len = take_number(in, 4);
	if (key_len >= FLEET_KEY_SIZE ||
	    (size_t)(in->end - in->at) < key_len + len)
		return cut_short(in, err);
	g->key = strndup((const char *)in->at, key_len);
	if (g->key == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	g->kind = fleet_key_kind(g->key, NULL);
	place.id = g->kind == FLEET_IDENTITY ? "" : in->id;
	place.kind = g->kind;
	place.key = g->key;
	if (g->kind == FLEET_NONE || strlen(g->key) != key_len)
		return cut_short(in, err);
	rc = fleet_seal_open(
	    in->seal, &place, in->at + key_len, len, &g->json, &text_len, &why);
	if (rc == 0)
		rc = fleet_record_read(
		    &g->meaning, g->kind, g->json, text_len, &why);
	if (rc != 0)
		return err_set(err, rc, "'%s', record '%.100s': %s", in->path,
		    g->key, why.msg);
	g->n = place.n;
	in->at += key_len + len;
	return 0;
}

/* The number of records that the end of the file names. */
static size_t
records_of(const struct got *g)
{
	const char *at =
	    g->json != NULL ? strstr(g->json, "\"records\":") : NULL;

	return at != NULL ? strtoul(at + strlen("\"records\":"), NULL, 10) : 0;
}

/* From the first record to the last, which take (NULL: nobody) is given. */
static int
walk(struct in *in, const struct fleet_import_calls *calls, struct err *err)
{
	struct got g;
	int rc = get(in, &g, err);

	if (rc == 0 && g.kind != FLEET_IDENTITY)
		rc = cut_short(in, err);
	if (rc == 0) {
		memcpy(in->id, g.meaning.id, sizeof(in->id));
		in->filled = g.meaning.filled;
	}
	for (in->num = 0; rc == 0; in->num++) {
		got_cleanup(&g);
		rc = get(in, &g, err);
		if (rc != 0 || g.kind == FLEET_HEAD)
			break;
		if (!fleet_kind_rule(g.kind)->ordered || g.n < 1)
			rc = cut_short(in, err);
		else if (calls != NULL)
			rc = calls->take(calls->arg,
			    &(struct fleet_held){.key = g.key,
				.n = g.n,
				.version = g.meaning.version,
				.removed = g.meaning.removed,
				.json = g.json},
			    err);
	}
	if (rc == 0 && (records_of(&g) != in->num || in->at != in->end))
		rc = cut_short(in, err);
	in->head = rc == 0 ? g.meaning.n : 0;
	if (rc == 0 && g.meaning.tally.known)
		fleet_head_json(in->tally, in->head, &g.meaning.tally);
	got_cleanup(&g);
	return rc;
}

static int
file_read(struct bytes *b, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	int rc = 0;

	if (fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	while (rc == 0 && n > 0) {
		rc = bytes_reserve(b, 65536);
		n = rc == 0 ? read(fd, b->p + b->len, 65536) : 0;
		b->len += n > 0 ? (size_t)n : 0;
	}
	if (rc != 0)
		err_set(err, rc, "'%s' is too large", path);
	else if (n < 0)
		rc = err_sys(err, "cannot read '%s'", path);
	close(fd);
	return rc;
}

int
fleet_import_file(const char *path, const char *secret_file,
    const char *previous_secret_file, const struct fleet_import_calls *calls,
    size_t *num, struct err *err)
{
	struct in in = {.path = path};
	struct fleet_facts facts;
	struct fleet_seal *seal = NULL;
	struct bytes b;
	int rc = fleet_seal_new(&seal, secret_file, previous_secret_file, err);

	if (rc != 0)
		return rc;
	bytes_init(&b, FLEET_EXPORT_MAX + 65536);
	in.seal = seal;
	rc = file_read(&b, path, err);
	if (rc == 0 &&
	    (b.len < MAGIC_LEN || memcmp(b.p, magic, MAGIC_LEN) != 0))
		rc = cut_short(&in, err);
	if (rc == 0) {
		in.at = b.p + MAGIC_LEN;
		in.end = b.p + b.len;
		rc = walk(&in, NULL, err);
	}
	facts = (struct fleet_facts){.id = in.id,
	    .head = in.head,
	    .filled = in.filled,
	    .tally = in.tally};
	if (rc == 0)
		rc = calls->begin(calls->arg, &facts, err);
	if (rc == 0) {
		in.at = b.p + MAGIC_LEN;
		rc = walk(&in, calls, err);
	}
	*num = in.num;
	bytes_cleanup(&b);
	fleet_seal_free(seal);
	return rc;
}
