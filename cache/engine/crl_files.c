/*
 * crl_files: see the header. Everything belongs to its thread but for the two
 * flags and the descriptor that wakes it.
 */
#include "cache/engine/crl_files.h"
#include "cache/base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/stat.h>

#include "cache/engine/path_watch.h"
#include "cache/evidence/evidence_file.h"

#define BUCKETS 1024
/* A file changed so lately may change again without another time. */
#define RACY_SEC 2

/* A known file. */
struct file {
	struct file *next; /* of its bucket */
	struct crl_file pub;
	struct stat seen; /* when it was read */
	bool read, racy;  /* seen tells; and may not tell of a change */
	unsigned round;   /* it was there in */
};

struct crl_files {
	struct crl_files_options o;
	struct crl_files_hear hear;
	char **paths;
	struct path_watch *watch;
	struct file *buckets[BUCKETS];
	size_t num;
	unsigned round;
	bool full_told, again_now;
	int wake; /* eventfd */
	atomic_bool stop, again;
	pthread_t thread;
	bool has_thread;
};

/* Reading. */

static int
take(void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	struct crl_file *f = arg;
	struct evidence **v;

	(void)fault;
	if (e == NULL) {
		f->why = *why;
		return 0;
	}
	if ((f->num & (f->num - 1)) == 0) {
		v = realloc(f->v, (f->num == 0 ? 1 : f->num * 2) * sizeof(*v));
		if (v == NULL)
			return E_NOMEM;
		f->v = v;
	}
	f->v[f->num++] = evidence_up_ref(e);
	return 0;
}

static void
file_empty(struct crl_file *f)
{
	for (size_t i = 0; i < f->num; i++)
		evidence_free(f->v[i]);
	free(f->v);
	f->v = NULL;
	f->num = 0;
	f->why.code = 0;
}

static int
read_fd(struct crl_files *w, struct crl_file *f, int fd, uint64_t bytes,
    struct err *err)
{
	struct evidence_file *r = evidence_file_new(EVIDENCE_CRL, f->path,
	    wall_clock_now(&w->o.clock), &w->o.limits, take, f);
	int rc = 1;

	if (r == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	evidence_file_aside(r, bytes);
	while (rc == 1 && !atomic_load(&w->stop))
		rc = evidence_file_step(r, fd, err);
	if (rc == 0)
		rc = evidence_file_finish(r, err);
	evidence_file_free(r);
	return rc;
}

static bool
is_racy(const struct stat *st)
{
	time_t now = time(NULL);

	return st->st_ctim.tv_sec + RACY_SEC > now ||
	    (st->st_mtim.tv_sec <= now && st->st_mtim.tv_sec + RACY_SEC > now);
}

/* What it holds now. What was read before stays noted when it cannot be. */
static void
file_read(struct crl_files *w, struct file *f)
{
	struct err err = {0};
	int rc, fd;

	/* Opening a pipe must not block the thread. */
	fd = open(f->pub.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &f->seen) != 0)
		rc = err_sys(&err, "cannot be opened");
	else if (!S_ISREG(f->seen.st_mode))
		rc = err_set(&err, E_IO, "not a regular file");
	else
		rc = read_fd(w, &f->pub, fd, (uint64_t)f->seen.st_size, &err);
	if (fd >= 0)
		close(fd);
	/* Else it is tried again in the next round. */
	f->read = rc == 0;
	f->racy = is_racy(&f->seen);
	if (rc != 0)
		f->pub.why = err;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* quiet: it was only looked at once more. */
static void
file_tell(struct crl_files *w, struct file *f, bool quiet)
{
	struct crl_file *p = &f->pub;

	/* Before it is said: who reads the log finds it so. */
	w->hear.file(w->hear.arg, p);
	if (quiet)
		;
	else if (!p->there)
		log_event(w->o.log, LOG_LEVEL_INFO, "crl-file-gone", NULL, 0,
		    "CRL file '%s' %s", p->path,
		    p->why.code != 0 ? p->why.msg : "is gone");
	else if (p->why.code != 0)
		log_event(w->o.log, LOG_LEVEL_WARN, "crl-file-trouble", NULL, 0,
		    "CRL file '%s': %s%s", p->path, p->why.msg,
		    p->num > 0 ? " (its other CRLs are used)" : "");
	else
		log_line(
		    w->o.log, LOG_LEVEL_INFO, "CRL file '%s' read", p->path);
	file_empty(p);
}

/* Known files. */

static struct file **
bucket_of(struct crl_files *w, const char *path)
{
	uint32_t h = 2166136261u;

	for (; *path != '\0'; path++)
		h = (h ^ (uint8_t)*path) * 16777619u;
	return &w->buckets[h % BUCKETS];
}

static void
file_drop(struct crl_files *w, struct file **at)
{
	struct file *f = *at;

	*at = f->next;
	w->num--;
	w->hear.drop(w->hear.arg, &f->pub);
	free(f->pub.path);
	free(f);
}

/* Room for another one is made by those that are gone. */
static void
drop_gone(struct crl_files *w)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct file **at = &w->buckets[i]; *at != NULL;) {
			if (!(*at)->pub.there && (*at)->round != w->round)
				file_drop(w, at);
			else
				at = &(*at)->next;
		}
}

static struct file *
file_of(struct crl_files *w, const char *path)
{
	struct file **bucket = bucket_of(w, path), *f;

	for (f = *bucket; f != NULL; f = f->next)
		if (strcmp(f->pub.path, path) == 0)
			return f;
	if (w->num >= CRL_FILES_MAX)
		drop_gone(w);
	if (w->num >= CRL_FILES_MAX) {
		if (!w->full_told)
			log_line(w->o.log, LOG_LEVEL_WARN,
			    "CRL file '%s' is left out: there are more than %d",
			    path, CRL_FILES_MAX);
		w->full_told = true;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL || (f->pub.path = strdup(path)) == NULL) {
		free(f);
		return NULL;
	}
	f->next = *bucket;
	*bucket = f;
	w->num++;
	return f;
}

/* Rounds. */

static void
look_at(struct crl_files *w, const char *path, bool expected)
{
	struct stat st;
	struct file *f;
	bool there = stat(path, &st) == 0, same;

	/* One in a directory, named and gone by now, is told of as gone. */
	if ((!there && errno == ENOENT && !expected) ||
	    (there && S_ISDIR(st.st_mode)))
		return;
	f = file_of(w, path);
	if (f == NULL)
		return;
	f->round = w->round;
	if (!there && (errno == ENOENT || errno == ENOTDIR)) {
		/* Expected, and not there: told of once. */
		if (f->pub.there || f->pub.mine == NULL) {
			f->pub.there = false;
			f->read = false;
			(void)err_set(&f->pub.why, E_IO,
			    "does not exist; it is read as soon as it does");
			file_tell(w, f, false);
		}
		return;
	}
	same = f->pub.there && f->read && there && same_file(&st, &f->seen);
	if (same && !w->again_now && !f->racy)
		return;
	f->pub.there = true;
	file_read(w, f);
	if (!atomic_load(&w->stop))
		file_tell(w, f, same && !w->again_now);
	file_empty(&f->pub);
}

static int
not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool
look_into(struct crl_files *w, const char *dir)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct dirent **names = NULL;
	int n;

	n = scandir(dir, &names, not_hidden, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		/* A link may lead through others. */
		if (names[i]->d_type == DT_LNK)
			path_watch_add(w->watch, path, false);
		if (!atomic_load(&w->stop))
			look_at(w, path, false);
		free(names[i]);
	}
	free(names);
	return n >= 0;
}

/* Told of as gone: it was there in the round before. */
static void
tell_gone(struct crl_files *w)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct file *f = w->buckets[i]; f != NULL; f = f->next) {
			if (f->round == w->round || !f->pub.there)
				continue;
			f->pub.there = false;
			f->read = false;
			file_tell(w, f, false);
		}
	}
}

static void
look(struct crl_files *w)
{
	bool unsure = false;
	struct stat st;

	w->round++;
	w->again_now = atomic_exchange(&w->again, false);
	path_watch_begin(w->watch);
	for (size_t i = 0; w->paths[i] != NULL; i++) {
		/* Before it is looked at: what comes later is told. */
		path_watch_add(w->watch, w->paths[i], true);
		if (stat(w->paths[i], &st) == 0 && S_ISDIR(st.st_mode))
			unsure |= !look_into(w, w->paths[i]);
		else
			look_at(w, w->paths[i], true);
	}
	path_watch_end(w->watch);
	/* A directory that cannot be read says nothing of what is in it. */
	if (!unsure && !atomic_load(&w->stop))
		tell_gone(w);
}

static void *
crl_files_run(void *arg)
{
	struct crl_files *w = arg;
	struct pollfd fds[2] = {{.fd = w->wake, .events = POLLIN},
	    {.fd = path_watch_fd(w->watch), .events = POLLIN}};
	uint64_t count, next = 0, now;
	bool due;

	while (!atomic_load(&w->stop)) {
		now = clock_mono_ms();
		due = now >= next;
		(void)poll(fds, 2, due ? 0 : (int)(next - now));
		due |= read(w->wake, &count, sizeof(count)) > 0;
		due |= path_watch_drain(w->watch);
		if (!due || atomic_load(&w->stop))
			continue;
		look(w);
		w->hear.settled(w->hear.arg);
		next = clock_mono_ms() + w->o.look_ms;
	}
	return NULL;
}

/* Life. */

int
crl_files_check(const char *path, struct err *err)
{
	char dir[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;
	char *slash;

	if (len == 0 || len >= sizeof(dir))
		return err_set(err, E_ARG,
		    "path '%.100s' has %zu bytes, 1 to %zu are possible", path,
		    len, sizeof(dir) - 1);
	if (stat(path, &st) == 0)
		return 0;
	/* It may appear later, in a directory that there is. */
	memcpy(dir, path, len + 1);
	while (len > 1 && dir[len - 1] == '/')
		dir[--len] = '\0';
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return errno == ENOENT
		    ? 0
		    : err_sys(err, "cannot watch '%s'", path);
	slash[slash == dir] = '\0';
	if (errno != ENOENT || stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_sys(err, "cannot watch '%s'", path);
	return 0;
}

/* Without a slash at the end, so that a link there is seen as one. */
static int
paths_copy(struct crl_files *w, struct err *err)
{
	size_t num = 0, len;
	int rc = 0;

	while (w->o.paths[num] != NULL)
		num++;
	w->paths = calloc(num + 1, sizeof(char *));
	if (w->paths == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < num; i++) {
		rc = crl_files_check(w->o.paths[i], err);
		if (rc != 0)
			break;
		w->paths[i] = strdup(w->o.paths[i]);
		if (w->paths[i] == NULL)
			return err_set(err, E_NOMEM, "out of memory");
		len = strlen(w->paths[i]);
		while (len > 1 && w->paths[i][len - 1] == '/')
			w->paths[i][--len] = '\0';
	}
	return rc;
}

static int
crl_files_start(struct crl_files *w, struct err *err)
{
	int rc;

	rc = thread_start(&w->thread, crl_files_run, w);
	if (rc != 0)
		return err_set(err, E_NOMEM, "cannot start a thread");
	w->has_thread = true;
	return 0;
}

int
crl_files_new(struct crl_files **out, const struct crl_files_options *o,
    const struct crl_files_hear *hear, struct err *err)
{
	struct crl_files *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->o = *o;
	if (w->o.look_ms == 0)
		w->o.look_ms = CRL_FILES_LOOK_MS;
	w->hear = *hear;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->watch = path_watch_new();
	if (w->wake < 0 || w->watch == NULL)
		rc = err_set(err, E_NOMEM, "out of memory or descriptors");
	else
		rc = paths_copy(w, err);
	if (rc == 0)
		rc = crl_files_start(w, err);
	if (rc != 0)
		crl_files_free(w);
	else
		*out = w;
	return rc;
}

static void
wake(struct crl_files *w, atomic_bool *flag)
{
	const uint64_t one = 1;

	atomic_store(flag, true);
	/* It fails only where it is awake already. */
	(void)!write(w->wake, &one, sizeof(one));
}

void
crl_files_again(struct crl_files *w)
{
	wake(w, &w->again);
}

void
crl_files_free(struct crl_files *w)
{
	if (w == NULL)
		return;
	if (w->has_thread) {
		wake(w, &w->stop);
		pthread_join(w->thread, NULL);
	}
	for (size_t i = 0; i < BUCKETS; i++)
		while (w->buckets[i] != NULL)
			file_drop(w, &w->buckets[i]);
	for (size_t i = 0; w->paths != NULL && w->paths[i] != NULL; i++)
		free(w->paths[i]);
	free(w->paths);
	path_watch_free(w->watch);
	if (w->wake >= 0)
		close(w->wake);
	free(w);
}
