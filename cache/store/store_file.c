/*
 * store_file: reads and writes the files of a state directory. Any thread. What
 * it reads is not authenticated: the acceptor does that.
 */
#include "cache/store/store_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "cache/base/clock.h"
#include "cache/store/store_path.h"
#include "cache/base/text.h"

static const char first_line[] = "revcheck evidence, version 1\n";

void
store_record_cleanup(struct store_record *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->der);
	*r = (struct store_record){.fd = -1};
}

/* Paths. */

bool
store_path(char out[STORE_PATH_MAX], const char *dir,
    const struct evidence_key *key, const char *sub)
{
	char hex[65];
	int n;

	text_hex(hex, key->id, sizeof(key->id));
	if (sub != NULL)
		n = snprintf(out, STORE_PATH_MAX, "%s/v1/%s/%s", dir, sub, hex);
	else
		n = snprintf(
		    out, STORE_PATH_MAX, "%s/v1/%.2s/%s", dir, hex, hex);
	return n > 0 && n < STORE_PATH_MAX;
}

/* The page of text. */

static void
clean(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text);
	for (; *out != '\0'; out++)
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

void
store_header_write(
    char page[STORE_HEADER_BYTES], const struct store_meta *m, size_t der_len)
{
	char key[65], owner[65], url[sizeof(m->url)], etag[sizeof(m->etag)],
	    modified[sizeof(m->last_modified)];
	int n;

	text_hex(key, m->key.id, sizeof(m->key.id));
	text_hex(owner, m->owner, sizeof(m->owner));
	clean(url, sizeof(url), m->url);
	clean(etag, sizeof(etag), m->etag);
	clean(modified, sizeof(modified), m->last_modified);
	memset(page, '\n', STORE_HEADER_BYTES);
	n = snprintf(page, STORE_HEADER_BYTES,
	    "%skey %s\nowner %s\nkind %s\nlength %zu\nfetched %" PRIdMAX
	    "\nurl %s\netag %s\nlast-modified %s\n",
	    first_line, key, owner, m->kind == EVIDENCE_CRL ? "crl" : "ocsp",
	    der_len, (intmax_t)m->fetched_at, url, etag, modified);
	/* All parts are bounded: it fits, and the NUL goes. */
	if (n > 0 && n < STORE_HEADER_BYTES)
		page[n] = '\n';
}

/* The value of "name VALUE\n" at *at, in place; moves *at behind it. */
static char *
header_value(char **at, const char *name)
{
	size_t len = strlen(name);
	char *value = *at, *end = strchr(*at, '\n');

	if (end == NULL || strncmp(value, name, len) != 0 || value[len] != ' ')
		return NULL;
	*end = '\0';
	*at = end + 1;
	return value + len + 1;
}

static bool
value_text(char **at, const char *name, char *out, size_t room)
{
	const char *v = header_value(at, name);

	if (v == NULL || strlen(v) >= room)
		return false;
	for (const char *p = v; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	text_copy(out, room, v);
	return true;
}

static bool
value_number(char **at, const char *name, uint64_t *out)
{
	const char *v = header_value(at, name);
	char *end;

	if (v == NULL || !isdigit((unsigned char)v[0]))
		return false;
	errno = 0;
	*out = strtoull(v, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
value_id(char **at, const char *name, uint8_t out[32])
{
	const char *v = header_value(at, name);

	return v != NULL && strlen(v) == 64 && text_unhex(out, v, 32);
}

bool
store_header_read(
    const char page[STORE_HEADER_BYTES], struct store_meta *m, size_t *der_len)
{
	char text[STORE_HEADER_BYTES + 1], *at = text, *kind;
	uint64_t len, fetched;

	*m = (struct store_meta){0};
	memcpy(text, page, STORE_HEADER_BYTES);
	text[STORE_HEADER_BYTES] = '\0';
	if (strncmp(text, first_line, sizeof(first_line) - 1) != 0)
		return false;
	at += sizeof(first_line) - 1;
	if (!value_id(&at, "key", m->key.id) ||
	    !value_id(&at, "owner", m->owner))
		return false;
	kind = header_value(&at, "kind");
	if (kind == NULL)
		return false;
	if (strcmp(kind, "crl") == 0)
		m->kind = EVIDENCE_CRL;
	else if (strcmp(kind, "ocsp") == 0)
		m->kind = EVIDENCE_OCSP;
	else
		return false;
	if (!value_number(&at, "length", &len) ||
	    !value_number(&at, "fetched", &fetched) || fetched > INT64_MAX ||
	    !value_text(&at, "url", m->url, sizeof(m->url)) ||
	    !value_text(&at, "etag", m->etag, sizeof(m->etag)) ||
	    !value_text(&at, "last-modified", m->last_modified,
		sizeof(m->last_modified)))
		return false;
	m->fetched_at = (time_t)fetched;
	*der_len = (size_t)len;
	return strspn(at, "\n") == strlen(at);
}

/* Reading. */

static int
read_whole(int fd, void *p, size_t len)
{
	uint8_t *at = p;
	ssize_t n;

	while (len > 0) {
		n = read(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
record_open(struct store_record *out, const char *path, size_t max_ocsp,
    struct err *err)
{
	char page[STORE_HEADER_BYTES];
	const char *name = strrchr(path, '/');
	uint8_t key[32];
	struct stat st;

	if (fstat(out->fd, &st) != 0)
		return err_sys(err, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_size < STORE_HEADER_BYTES ||
	    read_whole(out->fd, page, sizeof(page)) != 0 ||
	    !store_header_read(page, &out->meta, &out->len))
		return err_set(err, E_PARSE,
		    "'%s' does not begin as evidence of this version", path);
	if ((uint64_t)st.st_size != (uint64_t)out->len + STORE_HEADER_BYTES)
		return err_set(err, E_PARSE,
		    "'%s' is torn: %jd bytes, %zu were written", path,
		    (intmax_t)st.st_size - STORE_HEADER_BYTES, out->len);
	if (name == NULL || !text_unhex(key, name + 1, sizeof(key)) ||
	    memcmp(key, out->meta.key.id, sizeof(key)) != 0)
		return err_set(
		    err, E_PARSE, "'%s' holds evidence of another name", path);
	out->offset = STORE_HEADER_BYTES;
	if (out->meta.kind != EVIDENCE_OCSP)
		return 1;
	if (out->len > max_ocsp)
		return err_set(err, E_PARSE,
		    "'%s' holds a response larger than the limit", path);
	out->der = malloc(out->len > 0 ? out->len : 1);
	if (out->der == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (read_whole(out->fd, out->der, out->len) != 0)
		return err_set(err, E_PARSE, "cannot read '%s'", path);
	close(out->fd);
	out->fd = -1;
	return 1;
}

int
store_read(struct store_record *out, const char *path, size_t max_ocsp,
    struct err *err)
{
	int rc;

	*out = (struct store_record){.fd = -1};
	/* A link or a pipe in the directory was not written by this program. */
	out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (out->fd < 0 && errno == ENOENT)
		return 0;
	if (out->fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	rc = record_open(out, path, max_ocsp, err);
	if (rc < 0)
		store_record_cleanup(out);
	return rc;
}

/* Writing. */

static int
write_whole(int fd, const void *p, size_t len)
{
	const uint8_t *at = p;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The directory of path, made if need be; its descriptor. */
static int
parent_open(const char *path)
{
	char dir[STORE_PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return -1;
	*slash = '\0';
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
write_temporary(const char *path, const struct store_meta *m, struct span der)
{
	char page[STORE_HEADER_BYTES];
	int fd, saved;

	store_header_write(page, m, der.len);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_whole(fd, page, sizeof(page)) == 0 &&
	    write_whole(fd, der.p, der.len) == 0 && fsync(fd) == 0)
		return close(fd);
	saved = errno;
	close(fd);
	unlink(path);
	errno = saved;
	return -1;
}

int
store_write(const char *dir, const struct store_meta *m, struct span der,
    struct err *err)
{
	char path[STORE_PATH_MAX], temp[STORE_PATH_MAX + 64];
	int parent, rc = 0;

	if (!store_path(path, dir, &m->key, NULL))
		return err_set(err, E_ARG, "path of '%s' is too long", dir);
	parent = parent_open(path);
	if (parent < 0)
		return err_sys(err, "cannot open the directory of '%s'", path);
	/*
	 * One writer for each process and directory: the number need not be
	 * random.
	 */
	snprintf(temp, sizeof(temp), "%s" STORE_TEMP ".%ld.%lx", path,
	    (long)getpid(), (unsigned long)clock_mono_us());
	if (write_temporary(temp, m, der) != 0) {
		rc = err_sys(err, "cannot write '%s'", temp);
	} else if (rename(temp, path) != 0) {
		rc = err_sys(err, "cannot rename to '%s'", path);
		unlink(temp);
	} else if (fsync(parent) != 0) {
		rc = err_sys(err, "cannot sync the directory of '%s'", path);
	}
	close(parent);
	return rc;
}

/* Walking. */

static bool
is_hex(const char *name, size_t len)
{
	return strlen(name) == len && strspn(name, "0123456789abcdef") == len;
}

static bool
each_in(const char *dir, bool (*fn)(void *arg, const char *path), void *arg)
{
	char path[STORE_PATH_MAX + 128];
	struct dirent *d;
	bool on = true;
	DIR *h = opendir(dir);

	if (h == NULL)
		return true;
	while (on && (d = readdir(h)) != NULL) {
		if (!is_hex(d->d_name, 64))
			continue;
		snprintf(path, sizeof(path), "%s/%.64s", dir, d->d_name);
		on = fn(arg, path);
	}
	closedir(h);
	return on;
}

int
store_each(const char *dir, bool (*fn)(void *arg, const char *path), void *arg,
    struct err *err)
{
	char top[STORE_PATH_MAX], sub[STORE_PATH_MAX + 8];
	struct dirent *d;
	bool on = true;
	DIR *h;

	snprintf(top, sizeof(top), "%s/v1", dir);
	h = opendir(top);
	if (h == NULL && errno == ENOENT && access(dir, R_OK | X_OK) == 0)
		return 0;
	if (h == NULL)
		return err_sys(err, "cannot read '%s'", top);
	while (on && (d = readdir(h)) != NULL) {
		if (!is_hex(d->d_name, 2))
			continue;
		snprintf(sub, sizeof(sub), "%s/%.2s", top, d->d_name);
		on = each_in(sub, fn, arg);
	}
	closedir(h);
	return 0;
}
