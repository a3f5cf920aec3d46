/*
 * local: see the header. Reading happens in local_new and, from local_start
 * on, on the service thread alone. Never judges what it reads.
 */
#include "revcheck/local.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#define LOCAL_MAX_FILES 10000
/* Writers come in bursts; one reading for all of it. */
#define LOCAL_SETTLE_MS 100

/* One file as last seen. Owned by the list of its struct local. */
struct local_file {
	struct local_file *next;
	char *path;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
	bool seen; /* in this reading */
	struct revcheck_evidence *now, *before;
};

struct local {
	struct revcheck *rc;
	char **paths;
	size_t num_paths;
	struct local_file *files;
	size_t num_files;
	int fd; /* inotify, -1: not watching */
	struct event *event, *settle;
};

/* ---- one file
 * ---------------------------------------------------------------- */

static void
file_free(struct local_file *f)
{
	revcheck_evidence_free(f->now);
	revcheck_evidence_free(f->before);
	free(f->path);
	free(f);
}

static bool
file_is_same(const struct local_file *f, const struct stat *st)
{
	return f->now != NULL && f->dev == st->st_dev && f->ino == st->st_ino &&
	    f->size == st->st_size && f->mtime.tv_sec == st->st_mtim.tv_sec &&
	    f->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static void
file_read(struct local *l, struct local_file *f, const struct stat *st)
{
	struct revcheck_evidence *fresh = NULL;
	struct revcheck_error err = {0};

	if (revcheck_evidence_new(&fresh, &err) != 0 ||
	    revcheck_evidence_add_file(
		fresh, REVCHECK_EVIDENCE_CRL, f->path, &err) != 0) {
		log_line(&l->rc->log, LOG_LEVEL_WARN,
		    "cannot use local CRL: %s%s", err.msg,
		    f->now != NULL ? "; what it held before stays" : "");
		revcheck_evidence_free(fresh);
		return;
	}
	revcheck_evidence_free(f->before);
	f->before = f->now;
	f->now = fresh;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = st->st_size;
	f->mtime = st->st_mtim;
	log_line(&l->rc->log, LOG_LEVEL_INFO, "local CRL '%s' read", f->path);
}

static struct local_file *
file_of(struct local *l, const char *path)
{
	struct local_file *f;

	for (f = l->files; f != NULL; f = f->next)
		if (strcmp(f->path, path) == 0)
			return f;
	if (l->num_files == LOCAL_MAX_FILES) {
		log_line(&l->rc->log, LOG_LEVEL_WARN,
		    "local CRL '%s' is left out: more than %d files", path,
		    LOCAL_MAX_FILES);
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL || (f->path = strdup(path)) == NULL) {
		free(f);
		return NULL;
	}
	f->next = l->files;
	l->files = f;
	l->num_files++;
	return f;
}

static void
file_look(struct local *l, const char *path)
{
	struct local_file *f;
	struct stat st;

	if (stat(path, &st) == -1 || !S_ISREG(st.st_mode))
		return;
	f = file_of(l, path);
	if (f == NULL)
		return;
	f->seen = true;
	if (!file_is_same(f, &st))
		file_read(l, f, &st);
}

/* ---- all of them
 * ---------------------------------------------------------------- */

/* Temporary files of writers are hidden or end in a tilde. */
static int
is_candidate(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && d->d_name[len - 1] != '~';
}

static void
dir_look(struct local *l, const char *dir)
{
	struct dirent **names = NULL;
	char *path;
	int n = scandir(dir, &names, is_candidate, alphasort);

	if (n == -1)
		log_line(&l->rc->log, LOG_LEVEL_WARN,
		    "cannot read directory '%s': %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (asprintf(&path, "%s/%s", dir, names[i]->d_name) != -1) {
			file_look(l, path);
			free(path);
		}
		free(names[i]);
	}
	free(names);
}

static void
forget_unseen(struct local *l)
{
	struct local_file **p = &l->files, *f;

	while ((f = *p) != NULL) {
		if (f->seen) {
			f->seen = false;
			p = &f->next;
			continue;
		}
		log_line(&l->rc->log, LOG_LEVEL_INFO, "local CRL '%s' is gone",
		    f->path);
		*p = f->next;
		l->num_files--;
		file_free(f);
	}
}

/* What the engine is given: every file's content, and its version before. */
static struct revcheck_evidence *
join(const struct local *l)
{
	struct revcheck_evidence *all = NULL;

	if (revcheck_evidence_new(&all, NULL) != 0)
		return NULL;
	for (const struct local_file *f = l->files; f != NULL; f = f->next)
		if ((f->now != NULL && supplied_join(all, f->now) != 0) ||
		    (f->before != NULL && supplied_join(all, f->before) != 0)) {
			revcheck_evidence_free(all);
			return NULL;
		}
	return all;
}

static void
look(struct local *l)
{
	struct revcheck_evidence *all;
	struct stat st;

	for (size_t i = 0; i < l->num_paths; i++) {
		if (stat(l->paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			dir_look(l, l->paths[i]);
		else
			file_look(l, l->paths[i]);
	}
	forget_unseen(l);
	all = join(l);
	if (all == NULL) {
		log_line(&l->rc->log, LOG_LEVEL_ERROR,
		    "cannot put local CRLs in force: out of memory");
		return;
	}
	revcheck_set_local_evidence(l->rc, all);
	revcheck_evidence_free(all);
}

/* ---- watching
 * -------------------------------------------------------------------- */

static void
settled_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void
changed_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval settle = {0, LOCAL_SETTLE_MS * 1000};
	_Alignas(struct inotify_event) char buf[4096];
	struct local *l = arg;

	(void)what;
	/* Which file it was does not matter: all are looked at. */
	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
	if (evtimer_add(l->settle, &settle) != 0)
		look(l);
}

/* A file is watched through its directory: writers replace by rename. */
static void
watch_path(struct local *l, const char *path)
{
	const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
	    IN_DELETE | IN_ONLYDIR;
	const char *slash = strrchr(path, '/');
	struct stat st;
	char *dir;
	int len;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		len = asprintf(&dir, "%s", path);
	else
		len = asprintf(&dir, "%.*s",
		    slash == NULL ? 1 : (int)(slash - path) + 1,
		    slash == NULL ? "." : path);
	if (len == -1)
		return;
	if (inotify_add_watch(l->fd, dir, mask) == -1)
		log_line(&l->rc->log, LOG_LEVEL_WARN,
		    "cannot watch '%s': %s; changes will go unnoticed", dir,
		    strerror(errno));
	free(dir);
}

void
local_start(struct local *l)
{
	struct event_base *base = archive_get0_base(l->rc->archive);

	l->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->fd != -1) {
		l->event =
		    event_new(base, l->fd, EV_READ | EV_PERSIST, changed_cb, l);
		l->settle = evtimer_new(base, settled_cb, l);
	}
	if (l->event == NULL || l->settle == NULL ||
	    event_add(l->event, NULL) != 0) {
		log_line(&l->rc->log, LOG_LEVEL_WARN,
		    "cannot watch local CRLs; changes will go unnoticed");
		local_stop(l);
		return;
	}
	for (size_t i = 0; i < l->num_paths; i++)
		watch_path(l, l->paths[i]);
	/* What changed between the first reading and now. */
	look(l);
}

void
local_stop(struct local *l)
{
	if (l->event != NULL)
		event_free(l->event);
	if (l->settle != NULL)
		event_free(l->settle);
	l->event = l->settle = NULL;
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
}

/* ---- life
 * -------------------------------------------------------------------------- */

int
local_new(struct local **out, struct revcheck *rc, const char *const *paths,
    struct err *err)
{
	struct local *l;
	struct stat st;
	size_t n = 0;

	*out = NULL;
	while (paths[n] != NULL)
		n++;
	l = calloc(1, sizeof(*l));
	if (l == NULL || (l->paths = calloc(n + 1, sizeof(char *))) == NULL) {
		free(l);
		return err_set(err, E_NOMEM, "out of memory");
	}
	l->rc = rc;
	l->fd = -1;
	for (; l->num_paths < n; l->num_paths++) {
		const char *path = paths[l->num_paths];

		if (stat(path, &st) == -1) {
			err_sys(err, "cannot read local CRLs from '%s'", path);
			local_free(l);
			return E_IO;
		}
		l->paths[l->num_paths] = strdup(path);
		if (l->paths[l->num_paths] == NULL) {
			local_free(l);
			return err_set(err, E_NOMEM, "out of memory");
		}
	}
	look(l);
	*out = l;
	return 0;
}

void
local_free(struct local *l)
{
	struct local_file *f, *next;

	if (l == NULL)
		return;
	local_stop(l);
	for (f = l->files; f != NULL; f = next) {
		next = f->next;
		file_free(f);
	}
	for (size_t i = 0; i < l->num_paths; i++)
		free(l->paths[i]);
	free(l->paths);
	free(l);
}
