/*
 * shared_put: what this archive accepted is told to the others: its digest in
 * steps, its bytes into the store, then the pointer, then the claim back. What
 * is there for long is written anew, so that a store may throw away by age.
 * Service thread only.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <openssl/evp.h>

#include "cache/base/text.h"
#include "cache/engine/shared_internal.h"

#define HASH_STEP_BYTES ((size_t)1 << 20)
/* Half of the 30 days that a store keeps an object at least. */
#define OBJECT_OLD_SEC (15 * 86400)

/* Owned by its tier. */
struct shared_put {
	struct shared_put *next, **prev;
	struct shared_tier *tier;
	struct evidence_key source;
	struct evidence *e; /* reference */
	struct archive_pointer pointer;
	EVP_MD_CTX *digest;
	size_t hashed;
	struct event *step;
	struct object_transfer *transfer;
	bool claimed;
	bool told; /* the others are told */
};

static void
put_free(struct shared_put *p)
{
	*p->prev = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	object_cancel(p->transfer);
	if (p->step != NULL)
		event_free(p->step);
	EVP_MD_CTX_free(p->digest);
	evidence_free(p->e);
	free(p);
}

static void
put_release(struct shared_put *p)
{
	struct archive_shared *fn = &p->tier->fn;

	if (p->claimed)
		fn->released(fn->arg, &p->source, NULL, 0);
	p->claimed = false;
}

void
shared_puts_cancel(struct shared_tier *t)
{
	struct shared_put *p;

	/* The list unlinks what is freed: *prev of the first is its head. */
	while ((p = t->puts) != NULL) {
		put_release(p); /* NOLINT(clang-analyzer-unix.Malloc) */
		put_free(p);
	}
}

static void
put_tell(struct shared_put *p, bool changed)
{
	struct archive_shared *fn = &p->tier->fn;

	fn->published(fn->arg, &p->source, &p->pointer, changed);
	p->told = true;
	put_release(p);
}

/* What is out of date says nothing of a CA that counts anew. */
static bool
is_behind(const struct shared_put *p, const struct archive_pointer *there)
{
	struct evidence was = {.kind = EVIDENCE_CRL,
	    .number = span_of(there->number, there->number_len),
	    .this_update = there->this_update};

	return (there->next_update == 0 ||
		   there->next_update > archive_now(p->tier->archive)) &&
	    evidence_older(p->e, &was);
}

static void
put_written(void *arg, struct object_result *res)
{
	struct shared_put *p = arg;

	p->transfer = NULL;
	if (res->outcome == OBJECT_DONE) {
		shared_count(p->tier, SHARED_PUTS);
	} else {
		shared_count(p->tier, SHARED_PUTS_FAILED);
		shared_store_failed(p->tier, res->msg);
	}
	if (!p->told)
		put_tell(p, true);
	put_free(p);
}

static void
put_write(struct shared_put *p)
{
	struct object_order o = {
	    .verb = OBJECT_PUT, .body = evidence_der(p->e)};
	struct shared_tier *t = p->tier;

	memcpy(o.sha256, p->pointer.sha256, sizeof(o.sha256));
	if (t->objects != NULL && clock_mono_ms() >= t->left_alone_mono_ms &&
	    object_start(t->archive->fetcher, t->objects, &o, put_written, p,
		&p->transfer) == 0)
		return;
	if (!p->told)
		put_tell(p, true);
	put_free(p);
}

static void
put_seen(void *arg, struct object_result *res)
{
	struct shared_put *p = arg;

	p->transfer = NULL;
	if (res->outcome == OBJECT_MISSING ||
	    (res->outcome == OBJECT_DONE && res->modified_at != 0 &&
		res->modified_at + OBJECT_OLD_SEC <
		    archive_now(p->tier->archive)))
		put_write(p);
	else
		put_free(p);
}

/* The others have the pointer; is the object still there? */
static void
put_look(struct shared_put *p)
{
	struct object_order o = {.verb = OBJECT_HEAD};
	struct shared_tier *t = p->tier;

	memcpy(o.sha256, p->pointer.sha256, sizeof(o.sha256));
	if (t->objects == NULL || clock_mono_ms() < t->left_alone_mono_ms ||
	    object_start(t->archive->fetcher, t->objects, &o, put_seen, p,
		&p->transfer) != 0)
		put_free(p);
}

/* Its digest is known. */
static void
put_named(struct shared_put *p)
{
	struct archive_pointer there;
	bool has = shared_pointer_of(p->tier, &p->source, &there);

	if (has && memcmp(there.sha256, p->pointer.sha256, 32) == 0) {
		put_tell(p, false);
		put_look(p);
	} else if (has && is_behind(p, &there)) {
		/* Another has published a newer one. */
		put_release(p);
		put_free(p);
	} else {
		put_write(p);
	}
}

/* What r holds is known by its digest from now on. */
static void
put_name(struct shared_put *p)
{
	struct memory_table *m = &p->tier->archive->table;
	struct resource *r = memory_table_find(m, &p->source);

	if (r == NULL || r->validated != p->e)
		return;
	memcpy(r->sha256, p->pointer.sha256, sizeof(r->sha256));
	r->has_sha256 = true;
}

static void
put_step(evutil_socket_t fd, short what, void *arg)
{
	struct shared_put *p = arg;
	struct span der = evidence_der(p->e);
	size_t left = der.len - p->hashed;
	size_t n = left < HASH_STEP_BYTES ? left : HASH_STEP_BYTES;
	bool ok = EVP_DigestUpdate(p->digest, der.p + p->hashed, n) == 1;

	p->hashed += n;
	if (ok && p->hashed < der.len) {
		event_active(p->step, 0, 0);
		return;
	}
	if (!ok ||
	    EVP_DigestFinal_ex(p->digest, p->pointer.sha256, NULL) != 1) {
		put_release(p);
		put_free(p);
		return;
	}
	put_name(p);
	put_named(p);
}

static void
put_known(evutil_socket_t fd, short what, void *arg)
{
	put_named(arg);
}

static void
describe(struct archive_pointer *p, const struct resource *r,
    const struct evidence *e, time_t now)
{
	const struct fetch_job *job = r->job;

	p->len = evidence_der(e).len;
	p->this_update = e->this_update;
	p->next_update = e->next_update;
	p->checked = now;
	if (e->number.len <= sizeof(p->number)) {
		p->number_len = e->number.len;
		if (e->number.len > 0)
			memcpy(p->number, e->number.p, e->number.len);
	}
	if (r->validated != e || r->validated_url >= job->num_urls)
		return;
	text_copy(p->url, sizeof(p->url), job->urls[r->validated_url]);
	text_copy(p->etag, sizeof(p->etag), r->etag);
	text_copy(p->last_modified, sizeof(p->last_modified), r->last_modified);
}

void
shared_tier_publish(
    struct shared_tier *t, struct resource *r, struct evidence *e, bool claimed)
{
	struct shared_put *p = calloc(1, sizeof(*p));
	bool known = r->validated == e && r->has_sha256;

	if (p != NULL && !known) {
		p->digest = EVP_MD_CTX_new();
		if (p->digest == NULL ||
		    EVP_DigestInit_ex(p->digest, EVP_sha256(), NULL) != 1) {
			EVP_MD_CTX_free(p->digest);
			free(p);
			p = NULL;
		}
	}
	if (p != NULL)
		p->step = evtimer_new(
		    archive_base(t->archive), known ? put_known : put_step, p);
	if (p == NULL || p->step == NULL) {
		if (claimed)
			t->fn.released(t->fn.arg, &r->key, NULL, 0);
		if (p != NULL)
			EVP_MD_CTX_free(p->digest);
		free(p);
		return;
	}
	p->tier = t;
	p->source = r->key;
	p->e = evidence_up_ref(e);
	p->claimed = claimed;
	describe(&p->pointer, r, e, archive_now(t->archive));
	if (known)
		memcpy(p->pointer.sha256, r->sha256, sizeof(r->sha256));
	p->next = t->puts;
	p->prev = &t->puts;
	if (p->next != NULL)
		p->next->prev = &p->next;
	t->puts = p;
	event_active(p->step, 0, 0);
}
