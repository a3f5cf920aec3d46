/*
 * shared_tier: see the header. Nothing here is believed: a pointer is where to
 * look, and what is found is weighed like any answer. What was refused is left
 * where it is, for it may be good for others, and is not looked at again for an
 * hour.
 */
#include "cache/engine/shared_tier.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "cache/engine/shared_internal.h"

#define DEFAULT_CLAIM_WAIT_MS 2000
#define DEFAULT_STORE_MS      10000
struct store_load {
	struct shared_tier *tier;
	struct object_transfer *transfer;
	struct archive_pointer pointer;
	struct evidence_key source;
	store_done_fn *done;
	void *arg;
};

void
shared_tier_spread(struct shared_tier *t, uint32_t spread_ms)
{
	t->fn.spread_ms = spread_ms;
}

bool
shared_tier_has_store(const struct shared_tier *t)
{
	return t->objects != NULL;
}

/* The tier. */

void
shared_tier_was_slow(struct shared_tier *t)
{
	shared_count(t, SHARED_MISSING);
	shared_store_failed(t, "it is too slow for who waits");
}

static struct store_found *
found_of(struct store_load *l, struct object_result *res)
{
	struct store_found *found = calloc(1, sizeof(*found));
	struct store_record *rec = found != NULL ? &found->record[0] : NULL;

	if (found == NULL)
		return NULL;
	found->num = 1;
	rec->fd = -1;
	rec->der = bytes_steal(&res->body, &rec->len);
	memcpy(rec->sha256, l->pointer.sha256, sizeof(rec->sha256));
	rec->meta.key = l->source;
	rec->meta.kind = EVIDENCE_CRL;
	rec->meta.origin = ORIGIN_NETWORK;
	rec->meta.fetched_at = archive_now(l->tier->archive);
	text_copy(rec->meta.url, sizeof(rec->meta.url), l->pointer.url);
	text_copy(rec->meta.etag, sizeof(rec->meta.etag), l->pointer.etag);
	text_copy(rec->meta.last_modified, sizeof(rec->meta.last_modified),
	    l->pointer.last_modified);
	return found;
}

static void
refuse(struct shared_tier *t, const uint8_t sha256[32], uint64_t ms)
{
	struct shared_refused *at =
	    &t->refused[t->num_refused++ % SHARED_REFUSED_MAX];

	memcpy(at->sha256, sha256, sizeof(at->sha256));
	at->until_mono_ms = clock_mono_ms() + ms;
}

static void
shared_reject(struct store *s, const uint8_t sha256[32], const char *why)
{
	struct shared_tier *t = (struct shared_tier *)s;
	char name[65];

	refuse(t, sha256, SHARED_REFUSED_MS);
	shared_count(t, SHARED_REFUSED);
	text_hex(name, sha256, 32);
	log_line(t->archive->log, LOG_LEVEL_WARN,
	    "shared evidence %s is not used for an hour: %s", name, why);
}

static void
shared_loaded(void *arg, struct object_result *res)
{
	struct store_load *l = arg;
	struct shared_tier *t = l->tier;
	struct store_found *found = NULL;

	switch (res->outcome) {
	case OBJECT_DONE:
		found = found_of(l, res);
		break;
	case OBJECT_OTHER:
		shared_reject(&t->base, l->pointer.sha256, res->msg);
		break;
	case OBJECT_MISSING:
		refuse(t, l->pointer.sha256, SHARED_MISSING_MS);
		shared_count(t, SHARED_MISSING);
		break;
	case OBJECT_FAILED:
		shared_count(t, SHARED_MISSING);
		shared_store_failed(t, res->msg);
		break;
	}
	l->done(l->arg, found);
	free(l);
}

static enum store_answer
shared_load(struct store *s, const struct evidence_key *source,
    struct store_found **out, store_done_fn *done, void *arg,
    struct store_load **pending)
{
	struct shared_tier *t = (struct shared_tier *)s;
	struct archive *a = t->archive;
	struct resource *r = memory_table_find(&a->table, source);
	struct object_order o = {.verb = OBJECT_GET};
	struct store_load *l;
	struct archive_pointer p;

	*out = NULL;
	if (t->objects == NULL || r == NULL ||
	    clock_mono_ms() < t->left_alone_mono_ms ||
	    !shared_pointer_of(t, source, &p) ||
	    !shared_pointer_newer(t, r, &p))
		return STORE_NONE;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return STORE_NONE;
	*l = (struct store_load){.tier = t,
	    .pointer = p,
	    .source = *source,
	    .done = done,
	    .arg = arg};
	memcpy(o.sha256, p.sha256, sizeof(o.sha256));
	o.len = p.len;
	if (object_start(a->fetcher, t->objects, &o, shared_loaded, l,
		&l->transfer) != 0) {
		free(l);
		return STORE_NONE;
	}
	*pending = l;
	return STORE_LATER;
}

static void
shared_cancel(struct store_load *l)
{
	object_cancel(l->transfer);
	free(l);
}

struct store *
shared_tier_get0_store(struct shared_tier *t)
{
	return &t->base;
}

const struct archive_shared *
shared_tier_get0(const struct shared_tier *t)
{
	return &t->fn;
}

int
shared_tier_new(struct shared_tier **out, struct archive *a,
    const struct archive_shared *shared, struct err *err)
{
	struct object_store_options o = shared->store;
	struct shared_tier *t = calloc(1, sizeof(*t));
	int rc = 0;

	*out = NULL;
	if (t == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	t->base = (struct store){.name = "shared",
	    .load = shared_load,
	    .cancel = shared_cancel,
	    .reject = shared_reject};
	t->archive = a;
	t->fn = *shared;
	t->fn.store = (struct object_store_options){0};
	if (t->fn.claim_wait_ms == 0)
		t->fn.claim_wait_ms = DEFAULT_CLAIM_WAIT_MS;
	if (o.max_bytes == 0 || o.max_bytes > a->crl_limits.max_bytes)
		o.max_bytes = a->crl_limits.max_bytes;
	if (o.timeout_ms == 0)
		o.timeout_ms = DEFAULT_STORE_MS;
	if (o.url != NULL)
		rc = object_store_new(&t->objects, &o, err);
	if (rc == 0)
		*out = t;
	else
		free(t);
	return rc;
}

void
shared_tier_discard(struct shared_tier *t)
{
	if (t != NULL)
		object_store_free(t->objects);
	free(t);
}

void
shared_tier_free(struct shared_tier *t)
{
	if (t == NULL)
		return;
	shared_puts_cancel(t);
	if (t->fn.gone != NULL)
		t->fn.gone(t->fn.arg);
	shared_tier_discard(t);
}
