/*
 * evidence_set: reads files and directories of evidence. What cannot be read in
 * a directory becomes a broken item, so that the answer can report it. One
 * thread while it is being filled, any afterwards.
 */
#include "revcheck/engine/evidence_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/evidence/evidence_file.h"
#include "revcheck/x509/certs.h"
#include "revcheck/x509/name.h"
#include "revcheck/ocsp/ocsp_parse.h"

#define EVIDENCE_SET_MAX 100000

static void
evidence_set_cleanup(struct evidence_item *s)
{
	evidence_free(s->evidence);
	free(s->name);
}

int
revcheck_evidence_new(
    struct revcheck_evidence **out, struct revcheck_error *err)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return error_publish(err, NULL, E_NOMEM);
	ref_init(&(*out)->ref);
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

struct revcheck_evidence *
evidence_set_up_ref(struct revcheck_evidence *e)
{
	ref_up(&e->ref);
	return e;
}

void
revcheck_evidence_free(struct revcheck_evidence *e)
{
	if (e == NULL || !ref_down(&e->ref))
		return;
	for (size_t i = 0; i < e->num; i++)
		evidence_set_cleanup(&e->v[i]);
	free(e->v);
	free(e->index);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* Takes s over on success. */
static int
evidence_set_push(
    struct revcheck_evidence *e, struct evidence_item *s, struct err *err)
{
	struct evidence_item *v;

	if (e->num == EVIDENCE_SET_MAX)
		return err_set(err, E_LIMIT, "more than %d pieces of evidence",
		    EVIDENCE_SET_MAX);
	if ((e->num & (e->num - 1)) == 0) {
		v = realloc(e->v, (e->num == 0 ? 1 : e->num * 2) * sizeof(*v));
		if (v == NULL)
			return err_set(err, E_NOMEM, "out of memory");
		e->v = v;
	}
	e->v[e->num++] = *s;
	return 0;
}

int
evidence_set_add_evidence(
    struct revcheck_evidence *set, struct evidence *e, const char *name)
{
	struct evidence_item s = {
	    .kind = (enum revcheck_evidence_kind)e->kind, .name = strdup(name)};
	int rc;

	if (s.name == NULL)
		return E_NOMEM;
	s.evidence = evidence_up_ref(e);
	rc = evidence_set_push(set, &s, NULL);
	if (rc != 0)
		evidence_set_cleanup(&s);
	/* The set owns the name now: evidence_set_push has copied s into it. */
	return rc; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static int
at_compare(const void *pa, const void *pb)
{
	const struct evidence_at *a = pa, *b = pb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

int
evidence_set_index(struct revcheck_evidence *set)
{
	struct evidence_at *v = calloc(set->num > 0 ? set->num : 1, sizeof(*v));

	if (v == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < set->num; i++)
		v[i] = (struct evidence_at){
		    name_hash(crl_get0_info(set->v[i].evidence->crl)->issuer),
		    i};
	qsort(v, set->num, sizeof(*v), at_compare);
	set->index = v;
	return 0;
}

void
evidence_set_close(struct revcheck_evidence *set)
{
	bool crls = true;

	for (size_t i = 0; crls && i < set->num; i++)
		crls = set->v[i].evidence != NULL &&
		    set->v[i].kind == REVCHECK_EVIDENCE_CRL;
	/* Another engine may have it already. */
	pthread_mutex_lock(&set->lock);
	/* Without memory for it all are looked at, as in one of any kind. */
	if (crls && set->index == NULL && evidence_set_index(set) != 0)
		set->index = NULL;
	pthread_mutex_unlock(&set->lock);
}

size_t
evidence_set_find(const struct revcheck_evidence *set, uint64_t hash)
{
	size_t low = 0, high = set->num;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->index[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static enum revcheck_why
why_of_fault(enum crl_fault f)
{
	switch (f) {
	case CRL_FAULT_TOO_LARGE:
	case CRL_FAULT_TOO_MANY_ENTRIES:
		return REVCHECK_WHY_TOO_LARGE;
	default:
		return REVCHECK_WHY_MALFORMED;
	}
}

/* Whether these octets are a response under some policy. */
static bool
ocsp_parses(struct span der, struct err *why)
{
	struct ocsp_response r;

	return ocsp_parse(&r, der, why) == 0;
}

/* What a file gives. */

struct taking {
	struct revcheck_evidence *set;
	enum revcheck_evidence_kind kind;
	const char *name;
	size_t num_good;
};

static int
take_broken(struct taking *t, enum revcheck_why broken, const char *msg,
    struct err *err)
{
	struct evidence_item s = {
	    .kind = t->kind, .broken = broken, .name = strdup(t->name)};
	int rc;

	if (s.name == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	snprintf(s.msg, sizeof(s.msg), "%.159s", msg);
	rc = evidence_set_push(t->set, &s, err);
	if (rc != 0)
		evidence_set_cleanup(&s);
	return rc; /* NOLINT(clang-analyzer-unix.Malloc): the set owns it */
}

static int
take(void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	struct taking *t = arg;
	struct err err = {0};
	int rc;

	if (e == NULL)
		return take_broken(t, why_of_fault(fault), why->msg, NULL);
	if (e->kind == EVIDENCE_OCSP && !ocsp_parses(evidence_der(e), &err))
		return take_broken(t, REVCHECK_WHY_MALFORMED, err.msg, NULL);
	rc = evidence_set_add_evidence(t->set, e, t->name);
	t->num_good += rc == 0;
	return rc;
}

/*
 * All that is in n bytes at p or, where it is one, in the file fd. A broken
 * object among good ones, and with keep_broken any, becomes a broken item; else
 * E_PARSE.
 */
static int
evidence_set_take(struct taking *t, const void *p, size_t n, int fd,
    bool keep_broken, struct err *err)
{
	size_t before = t->set->num;
	struct evidence_file *f;
	int rc;

	if (t->kind != REVCHECK_EVIDENCE_CRL &&
	    t->kind != REVCHECK_EVIDENCE_OCSP)
		return err_set(
		    err, E_ARG, "unknown kind of evidence %d", (int)t->kind);
	f = evidence_file_new(
	    (enum evidence_kind)t->kind, t->name, 0, NULL, take, t);
	if (f == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = fd < 0 ? evidence_file_feed(f, span_of(p, n), err) : 1;
	while (rc == 1)
		rc = evidence_file_step(f, fd, err);
	if (rc == 0)
		rc = evidence_file_finish(f, err);
	evidence_file_free(f);
	if (rc == 0 && !keep_broken && t->num_good == 0)
		rc = err_set(
		    err, E_PARSE, "'%s': %s", t->name, t->set->v[before].msg);
	while (rc != 0 && t->set->num > before)
		evidence_set_cleanup(&t->set->v[--t->set->num]);
	return rc;
}

static int
evidence_set_add_path(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const char *path, bool keep_broken,
    struct err *err)
{
	struct taking t = {.set = e, .kind = kind, .name = path};
	struct err why = {0};
	int rc, fd;

	/* Opening a pipe that nobody writes to must not block. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0 && !keep_broken)
		(void)fcntl(fd, F_SETFL, O_RDONLY);
	if (fd < 0) {
		rc = err_sys(&why, "cannot open '%s'", path);
		if (keep_broken)
			rc = take_broken(
			    &t, REVCHECK_WHY_MALFORMED, why.msg, err);
		else if (err != NULL)
			*err = why;
		return rc;
	}
	rc = evidence_set_take(&t, NULL, 0, fd, keep_broken, &why);
	close(fd);
	if (rc == E_IO && keep_broken)
		return take_broken(&t, REVCHECK_WHY_MALFORMED, why.msg, err);
	if (rc != 0 && err != NULL)
		*err = why;
	return rc;
}

static int
not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
evidence_set_add_dir(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const char *dir, struct err *err)
{
	struct dirent **names = NULL;
	struct stat st;
	char *path;
	int n, rc = 0;

	/* Sorted, so that reports read the same everywhere. */
	n = scandir(dir, &names, not_hidden, alphasort);
	if (n == -1)
		return err_sys(err, "cannot read directory '%s'", dir);
	for (int i = 0; i < n; i++) {
		if (rc == 0 &&
		    asprintf(&path, "%s/%s", dir, names[i]->d_name) == -1)
			rc = err_set(err, E_NOMEM, "out of memory");
		else if (rc == 0) {
			/* A directory inside is no evidence. */
			if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
				rc = evidence_set_add_path(
				    e, kind, path, true, err);
			free(path);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

int
revcheck_evidence_add_file(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const char *path,
    struct revcheck_error *err)
{
	struct err in = {0};
	struct stat st;
	int rc;

	if (stat(path, &st) == -1)
		rc = err_sys(&in, "cannot open '%s'", path);
	else if (S_ISDIR(st.st_mode))
		rc = evidence_set_add_dir(e, kind, path, &in);
	else
		rc = evidence_set_add_path(e, kind, path, false, &in);
	return error_publish(err, &in, rc);
}

int
revcheck_evidence_add(struct revcheck_evidence *e,
    enum revcheck_evidence_kind kind, const void *data, size_t len,
    const char *name, struct revcheck_error *err)
{
	struct taking t = {.set = e, .kind = kind, .name = name};
	struct err in = {0};

	return error_publish(
	    err, &in, evidence_set_take(&t, data, len, -1, false, &in));
}
