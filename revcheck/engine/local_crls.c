/*
 * local_crls: see the header. The list of sources is under its lock; it grows
 * on the thread of the files alone. Does not verify CRLs: it is told by
 * `described` which were proven.
 */
#include "revcheck/engine/local_crls.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "cache/engine/crl_files.h"
#include "revcheck/engine/cache_item.h"
#include "revcheck/engine/local_scope.h"

/* A file. Owned by the list. */
struct source {
	struct source *next, **prev; /* of all */
	struct source *beside;       /* in its bucket */
	struct evidence_key key;
	char *path;
	bool there;
	char fault[200]; /* empty: none */
	struct local_scope *scopes;
	size_t num_scopes;
};

/* By their keys, which are hashes of what the operator has chosen. */
#define BUCKETS 4096

struct local_crls {
	struct revcheck *rc;
	struct crl_files *files;
	pthread_mutex_t lock; /* everything below */
	pthread_cond_t cond;
	struct source *sources;
	struct source *buckets[BUCKETS];
	bool changed, settled;
};

/* Sources. */

static void
source_free(struct source *at)
{
	struct local_scope *s;

	while ((s = at->scopes) != NULL) {
		at->scopes = s->next;
		local_scope_free(s);
	}
	free(at->path);
	free(at);
}

static struct evidence_key
source_key(const char *path)
{
	const struct span parts[] = {
	    span_of("file", 4), span_of(path, strlen(path))};

	return evidence_key_of(parts, 2);
}

static struct source **
bucket_of(struct local_crls *l, const struct evidence_key *key)
{
	return &l->buckets[(key->id[0] << 8 | key->id[1]) % BUCKETS];
}

static struct source *
source_new(struct local_crls *l, const char *path)
{
	struct source *at = calloc(1, sizeof(*at)), **bucket;

	if (at == NULL || (at->path = strdup(path)) == NULL) {
		free(at);
		return NULL;
	}
	at->key = source_key(path);
	at->next = l->sources;
	at->prev = &l->sources;
	if (at->next != NULL)
		at->next->prev = &at->next;
	l->sources = at;
	bucket = bucket_of(l, &at->key);
	at->beside = *bucket;
	*bucket = at;
	return at;
}

static struct local_scope *
scope_of(struct source *at, const struct evidence *e)
{
	struct evidence_key id = local_scope_id(e);
	struct local_scope *s = at->scopes;

	while (s != NULL && memcmp(&s->id, &id, sizeof(id)) != 0)
		s = s->next;
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL)
			return NULL;
		s->id = id;
		s->next = at->scopes;
		at->scopes = s;
		at->num_scopes++;
	}
	return s;
}

/* What the file holds now, scope by scope. */
static void
source_take(struct local_crls *l, struct source *at, struct crl_file *f)
{
	struct local_scope *s;

	for (s = at->scopes; s != NULL; s = s->next) {
		s->seen = false;
		l->changed |= local_scope_settle(l->rc, s);
	}
	for (size_t i = 0; i < f->num; i++) {
		s = scope_of(at, f->v[i]);
		if (s == NULL)
			log_line(&l->rc->log, LOG_LEVEL_ERROR,
			    "CRL file '%s': out of memory", at->path);
		else
			l->changed |= local_scope_take(s, f->v[i]);
	}
	for (s = at->scopes; s != NULL; s = s->next) {
		if (s->seen)
			continue;
		evidence_free(s->now);
		s->now = NULL;
	}
}

static void
file_cb(void *arg, struct crl_file *f)
{
	struct local_crls *l = arg;
	struct source *at;
	const char *fault = f->why.code != 0 ? f->why.msg : "";

	pthread_mutex_lock(&l->lock);
	at = f->mine != NULL ? f->mine : source_new(l, f->path);
	f->mine = at;
	if (at != NULL) {
		l->changed |= at->there != f->there ||
		    strncmp(at->fault, fault, sizeof(at->fault) - 1) != 0;
		at->there = f->there;
		text_copy(at->fault, sizeof(at->fault), fault);
		source_take(l, at, f);
	}
	pthread_mutex_unlock(&l->lock);
}

static void
drop_cb(void *arg, struct crl_file *f)
{
	struct local_crls *l = arg;
	struct source *gone = f->mine, **p;

	if (gone == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	*gone->prev = gone->next;
	if (gone->next != NULL)
		gone->next->prev = gone->prev;
	for (p = bucket_of(l, &gone->key); *p != gone;)
		p = &(*p)->beside;
	*p = gone->beside;
	source_free(gone);
	f->mine = NULL;
	l->changed = true;
	pthread_mutex_unlock(&l->lock);
}

/* Putting them in force. */

static int
add_scope(struct revcheck_evidence *all, const struct local_scope *s,
    const char *path)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->num_unproven; i++)
		rc = evidence_set_add_evidence(all, s->unproven[i], path);
	for (size_t i = 0; rc == 0 && s->proven != NULL && i < s->proven->num;
	     i++)
		rc = evidence_set_add_evidence(all, s->proven->v[i], path);
	return rc;
}

static bool
is_past(const struct local_crls *l, const struct evidence *e)
{
	const struct crl_info *i = crl_get0_info(e->crl);

	return i->has_next_update &&
	    i->next_update + POLICY_SKEW_SEC < wall_clock_now(&l->rc->clock);
}

/* t is in its file: nothing is lost where e, which is in none, goes. */
static bool
stands_for(const struct local_crls *l, const struct evidence *t,
    const struct evidence *e)
{
	if (local_scope_same_bytes(t, e))
		return true;
	if (!is_past(l, e) || local_scope_seems_older(t, e))
		return false;
	/* What was proven gives way to what was proven. */
	return !atomic_load(&e->described) ||
	    (atomic_load(&t->described) &&
		memcmp(t->scope, e->scope, sizeof(t->scope)) == 0);
}

static bool
is_elsewhere(const struct local_crls *l, const struct local_scope *s,
    const struct evidence *e)
{
	for (const struct source *at = l->sources; at != NULL; at = at->next)
		for (const struct local_scope *t = at->scopes; t != NULL;
		     t = t->next)
			if (t != s && t->now != NULL &&
			    memcmp(&t->id, &s->id, sizeof(t->id)) == 0 &&
			    stands_for(l, t->now, e))
				return true;
	return false;
}

/* A scope that is in its file no more: whether nothing of it is needed. */
static bool
scope_is_spent(const struct local_crls *l, struct local_scope *s)
{
	size_t i = 0;

	if (s->now != NULL)
		return false;
	while (i < s->num_unproven) {
		if (is_elsewhere(l, s, s->unproven[i]))
			local_scope_remove(s, i);
		else
			i++;
	}
	for (i = 0; s->proven != NULL && i < s->proven->num; i++)
		if (!is_elsewhere(l, s, s->proven->v[i]))
			return false;
	return s->num_unproven == 0;
}

/* Files are renamed, and each day has one of its own. */
static void
drop_spent(struct local_crls *l)
{
	for (struct source *at = l->sources; at != NULL; at = at->next) {
		struct local_scope **p = &at->scopes, *s;

		while ((s = *p) != NULL) {
			if (!scope_is_spent(l, s)) {
				p = &s->next;
				continue;
			}
			*p = s->next;
			at->num_scopes--;
			local_scope_free(s);
		}
	}
}

/* The lock is held. */
static void
put_in_force(struct local_crls *l)
{
	struct revcheck_evidence *all = NULL;
	int rc = revcheck_evidence_new(&all, NULL);

	drop_spent(l);
	for (struct source *at = l->sources; rc == 0 && at != NULL;
	     at = at->next)
		for (struct local_scope *s = at->scopes; rc == 0 && s != NULL;
		     s = s->next)
			rc = add_scope(all, s, at->path);
	if (rc == 0)
		rc = evidence_set_index(all);
	if (rc == 0)
		revcheck_set_local_evidence(l->rc, all);
	else
		log_line(&l->rc->log, LOG_LEVEL_ERROR,
		    "cannot put local CRLs in force: out of memory");
	revcheck_evidence_free(all);
	/* Without memory: with the next change. */
	l->changed = rc != 0;
}

static void
settled_cb(void *arg)
{
	struct local_crls *l = arg;

	pthread_mutex_lock(&l->lock);
	for (struct source *at = l->sources; at != NULL; at = at->next)
		for (struct local_scope *s = at->scopes; s != NULL; s = s->next)
			if (s->overruled)
				l->changed |= local_scope_settle(l->rc, s);
	if (l->changed)
		put_in_force(l);
	l->settled = true;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

/* Life. */

int
local_crls_new(struct local_crls **out, struct revcheck *rc,
    const char *const *paths, uint32_t look_ms, const struct crl_limits *limits,
    struct err *err)
{
	struct local_crls *l = calloc(1, sizeof(*l));
	struct crl_files_options o = {.paths = paths,
	    .look_ms = look_ms,
	    .limits = *limits,
	    .log = &rc->log,
	    .clock = rc->clock};
	struct crl_files_hear hear = {
	    .file = file_cb, .settled = settled_cb, .drop = drop_cb, .arg = l};
	int code;

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->cond, NULL);
	l->rc = rc;
	code = crl_files_new(&l->files, &o, &hear, err);
	if (code != 0) {
		local_crls_free(l);
		return code;
	}
	pthread_mutex_lock(&l->lock);
	while (!l->settled)
		pthread_cond_wait(&l->cond, &l->lock);
	pthread_mutex_unlock(&l->lock);
	*out = l;
	return 0;
}

void
local_crls_free(struct local_crls *l)
{
	if (l == NULL)
		return;
	/* Drops all sources. */
	crl_files_free(l->files);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Looking at them. */

static struct evidence_key
row_key(const struct source *at, const struct local_scope *s)
{
	const struct span parts[] = {span_of("scope", 5),
	    span_of(at->key.id, sizeof(at->key.id)),
	    span_of(s->id.id, sizeof(s->id.id))};

	return at->num_scopes == 1 ? at->key : evidence_key_of(parts, 3);
}

/* What is wrong with a file, or with what it said in a scope (may be NULL). */
static void
fault_text(
    char *out, size_t cap, const struct source *at, const struct local_scope *s)
{
	if (at->fault[0] != '\0')
		text_copy(out, cap, at->fault);
	else if (s != NULL && s->overruled)
		text_copy(
		    out, cap, "older than one before, which stays in force");
	else if (s != NULL && s->now == NULL)
		snprintf(out, cap,
		    "%s; what it said stays until it is forgotten",
		    at->there ? "the file holds it no more"
			      : "the file is gone");
	else
		out[0] = '\0';
}

static bool
list_row(const struct source *at, const struct local_scope *s,
    bool (*fn)(void *arg, const struct revcheck_cache_item *item), void *arg)
{
	const struct evidence *e = s != NULL ? local_scope_get0_top(s) : NULL;
	struct evidence_key key = s != NULL ? row_key(at, s) : at->key;
	struct revcheck_cache_item item = {.size = sizeof(item),
	    .kind = REVCHECK_EVIDENCE_CRL,
	    .source = REVCHECK_SOURCE_FILE};

	text_hex(item.key, key.id, sizeof(key.id));
	snprintf(item.url, sizeof(item.url), "%.255s", at->path);
	if (e != NULL) {
		cache_item_of_crl(&item, e->crl);
		item.bytes = evidence_der(e).len;
		item.fetched_at = e->fetched_at;
	}
	fault_text(item.error, sizeof(item.error), at, s);
	return fn(arg, &item);
}

/* One more scope of the file. */
static void
source_add(struct local_source *out, const struct source *at,
    const struct local_scope *s)
{
	const struct evidence *e = local_scope_get0_top(s);
	const struct crl_info *i = e != NULL ? crl_get0_info(e->crl) : NULL;
	char error[sizeof(out->error)];

	if (s == at->scopes)
		out->key = row_key(at, s);
	if (i != NULL) {
		out->num++;
		out->bytes += evidence_der(e).len;
		if (e->fetched_at > out->read_at)
			out->read_at = e->fetched_at;
	}
	if (i != NULL && i->has_next_update &&
	    (out->ends_at == 0 || i->next_update < out->ends_at)) {
		out->ends_at = i->next_update;
		out->this_update = i->this_update;
		out->key = row_key(at, s);
	}
	fault_text(error, sizeof(error), at, s);
	if (error[0] != '\0')
		text_copy(out->error, sizeof(out->error), error);
}

void
local_crls_sources(struct local_crls *l,
    bool (*fn)(void *arg, const struct local_source *s), void *arg)
{
	bool on = true;

	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	for (struct source *at = l->sources; on && at != NULL; at = at->next) {
		struct local_source row;

		if (at->scopes == NULL && at->fault[0] == '\0')
			continue;
		memset(&row, 0, offsetof(struct local_source, error));
		row.path = at->path;
		row.key = at->key;
		fault_text(row.error, sizeof(row.error), at, NULL);
		for (struct local_scope *s = at->scopes; s != NULL; s = s->next)
			source_add(&row, at, s);
		on = fn(arg, &row);
	}
	pthread_mutex_unlock(&l->lock);
}

void
local_crls_list(struct local_crls *l,
    bool (*fn)(void *arg, const struct revcheck_cache_item *item), void *arg)
{
	bool on = true;

	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	for (struct source *at = l->sources; on && at != NULL; at = at->next) {
		if (at->scopes == NULL && at->fault[0] != '\0')
			on = list_row(at, NULL, fn, arg);
		for (struct local_scope *s = at->scopes; on && s != NULL;
		     s = s->next)
			on = list_row(at, s, fn, arg);
	}
	pthread_mutex_unlock(&l->lock);
}

/* What the file holds under that key; NULL: nothing. */
static struct documents *
source_peek1(const struct source *at, const struct evidence_key *key)
{
	for (struct local_scope *s = at->scopes; s != NULL; s = s->next) {
		struct evidence_key row = row_key(at, s);
		const struct evidence *e = local_scope_get0_top(s);

		if (e != NULL && memcmp(&row, key, sizeof(row)) == 0)
			return documents_add(
			    NULL, (struct evidence *)(uintptr_t)e);
	}
	return NULL;
}

struct documents *
local_crls_peek1(struct local_crls *l, const struct evidence_key *key)
{
	struct documents *d = NULL;
	struct source *at;

	if (l == NULL)
		return NULL;
	pthread_mutex_lock(&l->lock);
	for (at = *bucket_of(l, key); d == NULL && at != NULL; at = at->beside)
		d = source_peek1(at, key);
	/* Where a file has several scopes, a row's key is not the file's. */
	for (at = l->sources; d == NULL && at != NULL; at = at->next)
		if (at->num_scopes > 1)
			d = source_peek1(at, key);
	pthread_mutex_unlock(&l->lock);
	return d;
}

void
local_crls_again(struct local_crls *l)
{
	if (l != NULL)
		crl_files_again(l->files);
}

/* But for what is in the file. */
static void
source_forget(struct source *at, const struct evidence_key *key)
{
	bool all = memcmp(&at->key, key, sizeof(*key)) == 0;
	struct local_scope **p = &at->scopes, *s;
	size_t gone = 0;

	while ((s = *p) != NULL) {
		struct evidence_key row = row_key(at, s);

		if (!all && memcmp(&row, key, sizeof(row)) != 0) {
			p = &s->next;
			continue;
		}
		documents_free(s->proven);
		s->proven = NULL;
		while (s->num_unproven > 0)
			local_scope_remove(s, 0);
		if (s->now != NULL) {
			s->unproven[s->num_unproven++] =
			    evidence_up_ref(s->now);
			p = &s->next;
		} else {
			*p = s->next;
			local_scope_free(s);
			gone++;
		}
	}
	at->num_scopes -= gone;
}

void
local_crls_forget(struct local_crls *l, const struct evidence_key *key)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	for (struct source *at = l->sources; at != NULL; at = at->next)
		source_forget(at, key);
	put_in_force(l);
	pthread_mutex_unlock(&l->lock);
}
