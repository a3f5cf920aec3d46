/*
 * crl_files: see the header. Service thread only. Owns one inotify descriptor
 * for each watched place. Does not verify CRLs.
 */
#include "cache/engine/crl_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/inotify.h>
#include <sys/stat.h>

#include <event2/event.h>

#include "cache/engine/archive_internal.h"
#include "cache/base/text.h"

#define READ_PIECE ((size_t)256 << 10)
/* Whole files only: closed after writing, or renamed. */
#define WATCHED \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

/* Owned by who made it. */
struct crl_files {
	struct archive *archive;
	crl_files_fn *fn;
	void *arg;
	char dir[PATH_MAX];
	char name[NAME_MAX + 1]; /* the one file; empty: all of them */
	int fd;
	struct event *readable, *soon;
};

/* The content of one file, fed as it is read. */
static struct evidence *
file_read_crl(struct crl_files *w, const char *path, struct err *err)
{
	struct crl_builder *b = crl_builder_new(&w->archive->crl_limits);
	uint8_t *buf = malloc(READ_PIECE);
	struct evidence *e = NULL;
	struct crl *crl = NULL;
	ssize_t n = 0;
	int fd = -1, rc = E_NOMEM;

	if (b == NULL || buf == NULL) {
		(void)err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	/* Opening a pipe must not block the thread. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		(void)err_sys(err, "cannot open '%s'", path);
		goto out;
	}
	rc = 0;
	while (rc == 0 && (n = read(fd, buf, READ_PIECE)) > 0)
		rc = crl_builder_feed(b, span_of(buf, (size_t)n), NULL, err);
	if (rc == 0 && n < 0)
		rc = err_sys(err, "cannot read '%s'", path);
	if (rc == 0)
		rc = crl_builder_finish(b, &crl, NULL, err);
	if (rc != 0)
		goto out;
	e = evidence_new_crl(crl, ORIGIN_FILE, path, archive_now(w->archive));
	if (e == NULL)
		(void)err_set(err, E_NOMEM, "out of memory");
out:
	if (fd >= 0)
		close(fd);
	free(buf);
	crl_builder_free(b);
	return e;
}

static bool
is_ours(const struct crl_files *w, const char *name)
{
	if (name[0] == '.')
		return false;
	return w->name[0] == '\0' || strcmp(w->name, name) == 0;
}

static void
tell_file(struct crl_files *w, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct evidence *e;
	struct err err = {0};
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	if (stat(path, &st) != 0 && errno == ENOENT) {
		w->fn(w->arg, path, NULL, NULL);
		return;
	}
	if (S_ISDIR(st.st_mode))
		return;
	e = file_read_crl(w, path, &err);
	if (e == NULL)
		log_line(w->archive->log, LOG_LEVEL_WARN,
		    "cannot use '%s' as a CRL: %s", path, err.msg);
	w->fn(w->arg, path, e, e == NULL ? &err : NULL);
	evidence_free(e);
}

static void
tell_all(struct crl_files *w)
{
	struct dirent *d;
	DIR *h;

	if (w->name[0] != '\0') {
		tell_file(w, w->name);
		return;
	}
	h = opendir(w->dir);
	while (h != NULL && (d = readdir(h)) != NULL)
		if (is_ours(w, d->d_name))
			tell_file(w, d->d_name);
	if (h != NULL)
		closedir(h);
}

static void
crl_files_soon(evutil_socket_t fd, short what, void *arg)
{
	tell_all(arg);
}

static void
crl_files_readable(evutil_socket_t fd, short what, void *arg)
{
	struct crl_files *w = arg;
	_Alignas(struct inotify_event) char buf[16384];
	const struct inotify_event *e;
	ssize_t len;

	while ((len = read(w->fd, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + len; p += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(void *)p;
			/* Events were lost: look at every file. */
			if (e->mask & IN_Q_OVERFLOW)
				tell_all(w);
			else if (e->len > 0 && is_ours(w, e->name))
				tell_file(w, e->name);
		}
	}
}

static int
crl_files_place(struct crl_files *w, const char *path, struct err *err)
{
	struct stat st;
	const char *slash, *name;
	size_t len = strlen(path);

	if (stat(path, &st) != 0)
		return err_sys(err, "cannot watch '%s'", path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(w->dir))
		return err_set(
		    err, E_ARG, "path '%.100s...' is too long", path);
	memcpy(w->dir, path, len);
	w->dir[len] = '\0';
	if (S_ISDIR(st.st_mode))
		return 0;
	/* A file is watched through its directory: it may be replaced. */
	slash = strrchr(w->dir, '/');
	name = slash != NULL ? slash + 1 : w->dir;
	len = strlen(name);
	if (len >= sizeof(w->name))
		return err_set(
		    err, E_ARG, "name '%.100s...' is too long", name);
	memcpy(w->name, name, len + 1);
	if (slash == NULL)
		text_copy(w->dir, sizeof(w->dir), ".");
	else if (slash == w->dir)
		text_copy(w->dir, sizeof(w->dir), "/");
	else
		w->dir[slash - w->dir] = '\0';
	return 0;
}

int
crl_files_check(const char *path, struct err *err)
{
	struct crl_files w = {.fd = -1};

	return crl_files_place(&w, path, err);
}

int
crl_files_new(struct crl_files **out, struct archive *a, const char *path,
    crl_files_fn *fn, void *arg, struct err *err)
{
	struct crl_files *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->archive = a;
	w->fn = fn;
	w->arg = arg;
	w->fd = -1;
	rc = crl_files_place(w, path, err);
	if (rc != 0)
		goto fail;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0 || inotify_add_watch(w->fd, w->dir, WATCHED) < 0) {
		rc = err_sys(err, "cannot watch '%s'", path);
		goto fail;
	}
	w->readable = event_new(archive_base(a), w->fd, EV_READ | EV_PERSIST,
	    crl_files_readable, w);
	w->soon = evtimer_new(archive_base(a), crl_files_soon, w);
	if (w->readable == NULL || w->soon == NULL ||
	    event_add(w->readable, NULL) != 0) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto fail;
	}
	event_active(w->soon, 0, 0);
	*out = w;
	return 0;
fail:
	crl_files_free(w);
	return rc;
}

void
crl_files_free(struct crl_files *w)
{
	if (w == NULL)
		return;
	if (w->readable != NULL)
		event_free(w->readable);
	if (w->soon != NULL)
		event_free(w->soon);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}
