/*
 * store_disk: the tier on disk. Reads on the service thread, a header at a
 * time, and maps large bodies. Writes and syncs on a thread of its own, so that
 * a slow disk delays no one. The queue of writes is bounded; a newer write
 * replaces a waiting one of the same key.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "cache/base/log.h"
#include "cache/evidence/evidence.h"
#include "cache/store/store_file.h"
#include "cache/store/store_path.h"

#define MAX_QUEUE    4096
#define OLD_TEMP_SEC 600
#define MAX_ASIDE    64

/* One write. Owned by the queue. */
struct store_disk_job {
	struct store_disk_job *next;
	struct store_meta meta;
	struct evidence *evidence;
};

/* Owned by the archive. */
struct store_disk {
	struct store tier; /* first: a tier is its disk */
	char *dir;
	uint64_t max_bytes;
	uint32_t max_ocsp_bytes;
	const struct log *log;
	pthread_t writer;
	bool running;
	uint64_t used_bytes;  /* writer; an estimate from above */
	pthread_mutex_t lock; /* below */
	pthread_cond_t work, idle;
	struct store_disk_job *first, **last;
	size_t num_jobs;
	bool busy, closing;
};

/* Makes room: the longest unfetched are removed first. */

struct store_disk_file {
	char *path;
	uint64_t bytes;
	time_t mtime;
};

struct store_disk_survey {
	struct store_disk_file *files;
	size_t num, cap;
	uint64_t bytes;
};

static bool
survey_file(void *arg, const char *path)
{
	struct store_disk_survey *s = arg;
	struct store_disk_file *files;
	struct stat st;

	if (lstat(path, &st) != 0)
		return true;
	if (s->num == s->cap) {
		size_t cap = s->cap > 0 ? s->cap * 2 : 256;

		files = realloc(s->files, cap * sizeof(*files));
		if (files == NULL)
			return false;
		s->files = files;
		s->cap = cap;
	}
	s->files[s->num] = (struct store_disk_file){.path = strdup(path),
	    .bytes = (uint64_t)st.st_size,
	    .mtime = st.st_mtime};
	if (s->files[s->num].path == NULL)
		return false;
	s->num++;
	s->bytes += (uint64_t)st.st_size;
	return true;
}

static int
by_age(const void *a, const void *b)
{
	const struct store_disk_file *x = a, *y = b;

	return (x->mtime > y->mtime) - (x->mtime < y->mtime);
}

static void
store_disk_survey(struct store_disk *d)
{
	struct store_disk_survey s = {0};
	struct err err;
	size_t gone = 0;

	(void)!store_each(d->dir, survey_file, &s, &err);
	if (s.num > 0)
		qsort(s.files, s.num, sizeof(*s.files), by_age);
	for (size_t i = 0; i < s.num && s.bytes > d->max_bytes / 10 * 9 &&
	     d->used_bytes > d->max_bytes;
	     i++) {
		if (unlink(s.files[i].path) != 0)
			continue;
		s.bytes -= s.files[i].bytes;
		gone++;
	}
	if (gone > 0)
		log_line(d->log, LOG_LEVEL_INFO,
		    "removed the %zu oldest files of '%s': over the budget of "
		    "%llu bytes",
		    gone, d->dir, (unsigned long long)d->max_bytes);
	d->used_bytes = s.bytes;
	for (size_t i = 0; i < s.num; i++)
		free(s.files[i].path);
	free(s.files);
}

/* The writer. */

static void
job_free(struct store_disk_job *j)
{
	evidence_free(j->evidence);
	free(j);
}

static void
store_disk_write(struct store_disk *d, struct store_disk_job *j)
{
	struct span der = evidence_der(j->evidence);
	struct err err;

	if (store_write(d->dir, &j->meta, der, &err) != 0) {
		log_line(d->log, LOG_LEVEL_WARN, "cannot keep '%s' on disk: %s",
		    j->meta.url, err.msg);
		return;
	}
	d->used_bytes += der.len + STORE_HEADER_BYTES;
	if (d->used_bytes > d->max_bytes)
		store_disk_survey(d);
}

static void *
store_disk_main(void *arg)
{
	struct store_disk *d = arg;
	struct store_disk_job *j;

	store_disk_survey(d);
	pthread_mutex_lock(&d->lock);
	for (;;) {
		while (d->first == NULL && !d->closing)
			pthread_cond_wait(&d->work, &d->lock);
		j = d->first;
		if (j == NULL)
			break;
		d->first = j->next;
		if (d->first == NULL)
			d->last = &d->first;
		d->num_jobs--;
		d->busy = true;
		pthread_mutex_unlock(&d->lock);
		store_disk_write(d, j);
		job_free(j);
		pthread_mutex_lock(&d->lock);
		d->busy = false;
		pthread_cond_broadcast(&d->idle);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* Takes queued writes of key (all if NULL) away. Locked. */
static void
queue_drop(struct store_disk *d, const struct evidence_key *key)
{
	struct store_disk_job **at = &d->first, *j;

	while ((j = *at) != NULL) {
		if (key != NULL &&
		    memcmp(j->meta.key.id, key->id, sizeof(key->id)) != 0) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		d->num_jobs--;
		job_free(j);
	}
	d->last = at;
}

static void
store_disk_save(
    struct store *t, const struct store_meta *meta, struct evidence *e)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_disk_job *j = calloc(1, sizeof(*j));
	bool full;

	if (j == NULL)
		return;
	j->meta = *meta;
	j->evidence = evidence_up_ref(e);
	pthread_mutex_lock(&d->lock);
	queue_drop(d, &meta->key);
	full = d->num_jobs >= MAX_QUEUE;
	if (!full) {
		*d->last = j;
		d->last = &j->next;
		d->num_jobs++;
		pthread_cond_signal(&d->work);
	}
	pthread_mutex_unlock(&d->lock);
	if (!full)
		return; /* cppcheck-suppress memleak ; it is in the queue */
	log_line(d->log, LOG_LEVEL_WARN,
	    "cannot keep '%s' on disk: %d writes are waiting", meta->url,
	    MAX_QUEUE);
	job_free(j);
}

/* Reading. */

static size_t
count_files(const char *path)
{
	DIR *h = opendir(path);
	size_t n = 0;

	while (h != NULL && readdir(h) != NULL)
		n++;
	if (h != NULL)
		closedir(h);
	return n;
}

static void
store_disk_reject(
    struct store *t, const struct evidence_key *key, const char *why)
{
	struct store_disk *d = (struct store_disk *)t;
	char path[STORE_PATH_MAX], aside[STORE_PATH_MAX];
	char dir[STORE_PATH_MAX + 16];

	snprintf(dir, sizeof(dir), "%s/v1/" STORE_ASIDE, d->dir);
	if (!store_path(path, d->dir, key, NULL) ||
	    !store_path(aside, d->dir, key, STORE_ASIDE))
		return;
	(void)!mkdir(dir, 0700);
	/* Set aside for the operator to look at, up to MAX_ASIDE of them. */
	if (count_files(dir) < MAX_ASIDE + 2 && rename(path, aside) == 0)
		log_line(
		    d->log, LOG_LEVEL_WARN, "set '%s' aside: %s", path, why);
	else if (unlink(path) == 0)
		log_line(d->log, LOG_LEVEL_WARN, "removed '%s': %s", path, why);
}

static enum store_answer
store_disk_load(struct store *t, const struct evidence_key *key,
    struct store_record *out, store_done_fn *done, void *arg,
    struct store_load **pending)
{
	struct store_disk *d = (struct store_disk *)t;
	char path[STORE_PATH_MAX];
	struct err err;
	int rc;

	if (!store_path(path, d->dir, key, NULL))
		return STORE_NONE;
	rc = store_read(out, path, d->max_ocsp_bytes, &err);
	if (rc == 1)
		return STORE_NOW;
	if (rc == E_PARSE)
		store_disk_reject(t, key, err.msg);
	else if (rc < 0)
		log_line(d->log, LOG_LEVEL_WARN, "%s", err.msg);
	return STORE_NONE;
}

static void
store_disk_cancel(struct store_load *pending)
{
	/* This tier always answers at once. */
}

static bool
forget_file(void *arg, const char *path)
{
	(void)unlink(path);
	return true;
}

static void
store_disk_forget(struct store *t, const struct evidence_key *key)
{
	struct store_disk *d = (struct store_disk *)t;
	char path[STORE_PATH_MAX];
	struct err err;

	pthread_mutex_lock(&d->lock);
	queue_drop(d, key);
	/* A write under way must not bring back what was just removed. */
	while (d->busy)
		pthread_cond_wait(&d->idle, &d->lock);
	if (key == NULL)
		(void)!store_each(d->dir, forget_file, NULL, &err);
	else if (store_path(path, d->dir, key, NULL))
		(void)unlink(path);
	pthread_mutex_unlock(&d->lock);
}

/* Birth and death. */

static void
store_disk_free(struct store *t)
{
	struct store_disk *d = (struct store_disk *)t;

	if (d->running) {
		pthread_mutex_lock(&d->lock);
		d->closing = true;
		pthread_cond_signal(&d->work);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->writer, NULL);
	}
	queue_drop(d, NULL);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->idle);
	pthread_mutex_destroy(&d->lock);
	free(d->dir);
	free(d);
}

/* Temporary files of writers that died, in one directory. */
static void
sweep(const char *dir)
{
	char path[STORE_PATH_MAX + 300];
	struct dirent *e;
	struct stat st;
	DIR *h = opendir(dir);

	while (h != NULL && (e = readdir(h)) != NULL) {
		if (strstr(e->d_name, STORE_TEMP ".") == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtime + OLD_TEMP_SEC < time(NULL))
			(void)unlink(path);
	}
	if (h != NULL)
		closedir(h);
}

static int
store_disk_prepare(struct store_disk *d, struct err *err)
{
	char path[STORE_PATH_MAX];
	struct stat st;

	if (strlen(d->dir) + 128 > STORE_PATH_MAX)
		return err_set(err, E_ARG, "state directory name is too long");
	if (mkdir(d->dir, 0700) != 0 && errno != EEXIST)
		return err_sys(
		    err, "cannot make the state directory '%s'", d->dir);
	if (stat(d->dir, &st) != 0)
		return err_sys(
		    err, "cannot look at the state directory '%s'", d->dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, E_ARG,
		    "state directory '%s' is not a directory", d->dir);
	snprintf(path, sizeof(path), "%s/v1", d->dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_sys(err, "cannot make '%s'", path);
	if (access(path, R_OK | W_OK | X_OK) != 0)
		return err_sys(err, "cannot write to '%s'", path);
	for (int i = 0; i < 256; i++) {
		snprintf(path, sizeof(path), "%s/v1/%02x", d->dir, i);
		sweep(path);
	}
	return 0;
}

static int
store_disk_start(struct store_disk *d, struct err *err)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&d->writer, NULL, store_disk_main, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(err, E_INTERNAL,
		    "cannot start the disk thread (error %d)", rc);
	d->running = true;
	return 0;
}

int
store_new(struct store **out, const struct store_options *o, struct err *err)
{
	struct store_disk *d = calloc(1, sizeof(*d));
	int rc;

	*out = NULL;
	if (d == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	d->tier = (struct store){.name = "disk",
	    .load = store_disk_load,
	    .cancel = store_disk_cancel,
	    .save = store_disk_save,
	    .reject = store_disk_reject,
	    .forget = store_disk_forget,
	    .free = store_disk_free};
	d->last = &d->first;
	d->max_bytes = o->max_bytes;
	d->max_ocsp_bytes = o->max_ocsp_bytes;
	d->log = o->log;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	pthread_cond_init(&d->idle, NULL);
	d->dir = strdup(o->dir);
	rc = d->dir == NULL ? err_set(err, E_NOMEM, "out of memory")
			    : store_disk_prepare(d, err);
	if (rc == 0)
		rc = store_disk_start(d, err);
	if (rc != 0)
		store_disk_free(&d->tier);
	else
		*out = &d->tier;
	return rc;
}
