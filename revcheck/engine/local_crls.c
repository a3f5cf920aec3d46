/*
 * local_crls: see the header. All but local_crls_new and local_crls_free runs
 * on the service thread. Does not verify CRLs.
 */
#include "revcheck/engine/local_crls.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/engine/crl_files.h"

#define LOCAL_CRLS_MAX_FILES 10000

/* One file as last seen. Owned by the list of its struct local_crls. */
struct local_crl_file {
	struct local_crl_file *next;
	char *path;
	struct evidence *now, *before; /* references, may be NULL */
};

struct local_crls {
	struct revcheck *rc;
	const char *const *paths; /* borrowed until local_crls_new returns */
	struct crl_files **watches;
	size_t num_watches;
	struct local_crl_file *files;
	size_t num_files;
	struct event *settle; /* active: put all of it in force, once */
	/* local_crls_new waits for the first reading. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool settled;
	int code;
	struct err err;
};

/* Files. */

static void
file_free(struct local_crl_file *f)
{
	evidence_free(f->now);
	evidence_free(f->before);
	free(f->path);
	free(f);
}

static struct local_crl_file *
file_of(struct local_crls *l, const char *path)
{
	struct local_crl_file *f;

	for (f = l->files; f != NULL; f = f->next)
		if (strcmp(f->path, path) == 0)
			return f;
	if (l->num_files == LOCAL_CRLS_MAX_FILES) {
		log_line(&l->rc->log, LOG_LEVEL_WARN,
		    "local CRL '%s' is left out: more than %d files", path,
		    LOCAL_CRLS_MAX_FILES);
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
file_forget(struct local_crls *l, const char *path)
{
	struct local_crl_file **p = &l->files, *f;

	while (*p != NULL && strcmp((*p)->path, path) != 0)
		p = &(*p)->next;
	f = *p;
	if (f == NULL)
		return;
	log_line(
	    &l->rc->log, LOG_LEVEL_INFO, "local CRL '%s' is gone", f->path);
	*p = f->next;
	l->num_files--;
	file_free(f);
}

/* Putting them in force. */

static int
join(struct revcheck_evidence *all, const struct local_crls *l)
{
	int rc = 0;

	for (const struct local_crl_file *f = l->files; rc == 0 && f != NULL;
	     f = f->next) {
		if (f->now != NULL)
			rc = evidence_set_add_evidence(all, f->now, f->path);
		if (rc == 0 && f->before != NULL)
			rc = evidence_set_add_evidence(all, f->before, f->path);
	}
	return rc;
}

static void
settle_cb(evutil_socket_t fd, short what, void *arg)
{
	struct revcheck_evidence *all = NULL;
	struct local_crls *l = arg;

	(void)fd;
	(void)what;
	if (revcheck_evidence_new(&all, NULL) == 0 && join(all, l) == 0)
		revcheck_set_local_evidence(l->rc, all);
	else
		log_line(&l->rc->log, LOG_LEVEL_ERROR,
		    "cannot put local CRLs in force: out of memory");
	revcheck_evidence_free(all);
	pthread_mutex_lock(&l->lock);
	l->settled = true;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

static void
told(void *arg, const char *path, struct evidence *e, const struct err *why)
{
	struct local_crls *l = arg;
	struct local_crl_file *f;

	if (e == NULL && why == NULL) {
		file_forget(l, path);
	} else if (e != NULL) {
		f = file_of(l, path);
		if (f == NULL)
			return;
		evidence_free(f->before);
		f->before = f->now;
		f->now = evidence_up_ref(e);
		log_line(&l->rc->log, LOG_LEVEL_INFO, "local CRL '%s' read",
		    f->path);
	}
	/* Files reported in one turn of the loop settle together. */
	event_active(l->settle, EV_TIMEOUT, 1);
}

/* Life. */

/* The watches report what is there in this turn; settle runs after them. */
static void
start_cb(void *arg)
{
	struct local_crls *l = arg;

	l->settle =
	    event_new(archive_get0_base(l->rc->archive), -1, 0, settle_cb, l);
	if (l->settle == NULL)
		l->code = err_set(&l->err, E_NOMEM, "out of memory");
	for (size_t i = 0; l->code == 0 && l->paths[i] != NULL; i++) {
		l->code = crl_files_new(&l->watches[i], l->rc->archive,
		    l->paths[i], told, l, &l->err);
		if (l->code == 0)
			l->num_watches++;
	}
	if (l->code == 0) {
		event_active(l->settle, EV_TIMEOUT, 1);
		return;
	}
	pthread_mutex_lock(&l->lock);
	l->settled = true;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

int
local_crls_new(struct local_crls **out, struct revcheck *rc,
    const char *const *paths, struct err *err)
{
	struct local_crls *l = calloc(1, sizeof(*l));
	size_t n = 0;

	*out = NULL;
	while (paths[n] != NULL)
		n++;
	if (l == NULL ||
	    (l->watches = calloc(n + 1, sizeof(struct crl_files *))) == NULL) {
		free(l);
		return err_set(err, E_NOMEM, "out of memory");
	}
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->cond, NULL);
	l->rc = rc;
	l->paths = paths;
	*out = l;
	if (archive_post(rc->archive, start_cb, l) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_lock(&l->lock);
	while (!l->settled)
		pthread_cond_wait(&l->cond, &l->lock);
	pthread_mutex_unlock(&l->lock);
	if (l->code != 0 && err != NULL)
		*err = l->err;
	return l->code;
}

void
local_crls_stop(struct local_crls *l)
{
	for (size_t i = 0; i < l->num_watches; i++)
		crl_files_free(l->watches[i]);
	l->num_watches = 0;
	if (l->settle != NULL)
		event_free(l->settle);
	l->settle = NULL;
}

void
local_crls_free(struct local_crls *l)
{
	struct local_crl_file *f, *next;

	if (l == NULL)
		return;
	for (f = l->files; f != NULL; f = next) {
		next = f->next;
		file_free(f);
	}
	free(l->watches);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
