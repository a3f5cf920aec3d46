/*
 * shared_pointer: what another says that it has, against what is held here.
 * Service thread only.
 */
#include <string.h>

#include "cache/engine/shared_internal.h"

/* After it failed the store is not asked for so long. */
#define STORE_REST_MS 5000

static bool
is_text(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

bool
shared_pointer_of(struct shared_tier *t, const struct evidence_key *source,
    struct archive_pointer *out)
{
	time_t now = archive_now(t->archive);

	*out = (struct archive_pointer){0};
	if (!t->fn.newest(t->fn.arg, source, out) || out->len == 0)
		return false;
	/* By a clock that is wrong: it would count as just now for as long. */
	if (out->checked > now + (time_t)t->archive->skew_sec)
		out->checked = 0;
	if (out->checked > now)
		out->checked = now;
	/* They go into the head of a request. */
	if (!is_text(out->etag))
		out->etag[0] = '\0';
	if (!is_text(out->last_modified))
		out->last_modified[0] = '\0';
	return true;
}

static struct evidence *
shared_validated(const struct resource *r)
{
	struct documents *held = atomic_load(&r->held);

	for (size_t i = 0; held != NULL && i < held->num; i++)
		if (held->v[i] == r->validated)
			return held->v[i];
	return NULL;
}

/* As far as evidence_older looks. */
static struct evidence
promised(const struct archive_pointer *p)
{
	return (struct evidence){.kind = EVIDENCE_CRL,
	    .this_update = p->this_update,
	    .number = span_of(p->number, p->number_len)};
}

static bool
is_same(const struct resource *r, const struct archive_pointer *p)
{
	const struct evidence *e = shared_validated(r), there = promised(p);

	if (e == NULL)
		return false;
	if (r->has_sha256)
		return memcmp(r->sha256, p->sha256, sizeof(r->sha256)) == 0;
	return evidence_der(e).len == p->len &&
	    e->this_update == p->this_update && !evidence_older(e, &there) &&
	    !evidence_older(&there, e);
}

static bool
is_refused(const struct shared_tier *t, const uint8_t sha256[32])
{
	uint64_t now = clock_mono_ms();

	for (size_t i = 0; i < SHARED_REFUSED_MAX; i++)
		if (now < t->refused[i].until_mono_ms &&
		    memcmp(t->refused[i].sha256, sha256, 32) == 0)
			return true;
	return false;
}

/* What is out of date says nothing of a CA that counts anew. */
bool
shared_pointer_newer(const struct shared_tier *t, const struct resource *r,
    const struct archive_pointer *p)
{
	struct archive *a = t->archive;
	const struct documents *held = atomic_load(&r->held);
	struct evidence there = promised(p);

	if (is_same(r, p) || is_refused(t, p->sha256))
		return false;
	for (size_t i = 0; held != NULL && i < held->num; i++)
		if (evidence_fresh(held->v[i], archive_now(a), a->skew_sec) &&
		    !evidence_older(held->v[i], &there))
			return false;
	return true;
}

bool
shared_tier_news(struct shared_tier *t, const struct resource *r)
{
	struct archive_pointer p;

	return shared_pointer_of(t, &r->key, &p) &&
	    shared_pointer_newer(t, r, &p);
}

struct evidence *
shared_tier_checked(
    struct shared_tier *t, const struct resource *r, time_t *checked_at)
{
	struct evidence *e = shared_validated(r);
	struct archive_pointer p;

	if (e == NULL || !shared_pointer_of(t, &r->key, &p) || !is_same(r, &p))
		return NULL;
	*checked_at = p.checked;
	return p.checked > atomic_load(&e->fetched_at) ? e : NULL;
}

void
shared_store_failed(struct shared_tier *t, const char *why)
{
	t->left_alone_mono_ms = clock_mono_ms() + STORE_REST_MS;
	log_line(t->archive->log, LOG_LEVEL_WARN,
	    "the store of shared evidence cannot be used: %s", why);
}
