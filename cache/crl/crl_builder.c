/*
 * crl_builder: how a builder is driven: by its owner, step by step, or by a
 * thread aside. What is done is in crl_scan.c.
 */
#include <assert.h>

#include "cache/crl/crl_build.h"

/* Bytes that are there, read in one part by a thread aside. */
#define PART_BYTES ((size_t)64 << 10)
/* Who has to have it now waits so long before he lends a hand. */
#define PATIENCE_MS 50

/* On the thread aside, or on that of who helps it. */
static bool
builder_part(void *arg, struct span piece)
{
	struct crl_builder *b = arg;
	bool more = piece.len > 0;

	if (b->state != BUILD_FAILED) {
		if (piece.len > 0)
			(void)crl_build_feed(b, piece);
		else if (b->fixed && crl_build_step(b, PART_BYTES))
			more = true;
		else if (b->state != BUILD_FAILED)
			(void)crl_build_finish(b);
	}
	if (b->state == BUILD_FAILED)
		atomic_store(&b->failed, true);
	return more;
}

bool
crl_builder_aside(struct crl_builder *b, unsigned wait_ms)
{
	if (b->aside != NULL)
		return true;
	b->wait_ms = wait_ms;
	b->alone = true;
	crl_hash_halt(&b->hash); /* it would go on at this one's priority */
	b->aside =
	    crl_aside_new(builder_part, b, !b->fixed, b->told, b->told_arg);
	if (b->aside == NULL)
		b->alone = false;
	return b->aside != NULL;
}

bool
crl_builder_room(const struct crl_builder *b, size_t bytes)
{
	return b->aside == NULL || crl_aside_room(b->aside, bytes);
}

void
crl_builder_tell(struct crl_builder *b, void (*fn)(void *arg), void *arg)
{
	assert(b->aside == NULL);
	b->told = fn;
	b->told_arg = arg;
}

bool
crl_builder_await(struct crl_builder *b, size_t bytes)
{
	return b->aside == NULL || crl_aside_await(b->aside, bytes);
}

void
crl_builder_end(struct crl_builder *b)
{
	if (b->aside != NULL)
		crl_aside_end(b->aside);
}

bool
crl_builder_tend(struct crl_builder *b, bool help)
{
	if (b->aside == NULL)
		return true;
	if (help)
		crl_aside_help(b->aside);
	return crl_aside_done(b->aside);
}

int
crl_builder_feed(struct crl_builder *b, struct span piece,
    enum crl_fault *fault, struct err *err)
{
	int rc = 0;

	assert(!b->fixed);
	if (b->aside != NULL && !atomic_load(&b->failed)) {
		crl_aside_feed(b->aside, piece, b->wait_ms);
		return crl_build_tell(b, 0, fault, err);
	}
	assert(b->state != BUILD_SPENT);
	rc = b->state == BUILD_FAILED ? b->err.code : crl_build_feed(b, piece);
	return crl_build_tell(b, rc, fault, err);
}

int
crl_builder_finish(struct crl_builder *b, struct crl **out,
    enum crl_fault *fault, struct err *err)
{
	bool aside = b->aside != NULL;
	int rc = 0;

	crl_builder_end(b);
	while (!crl_builder_tend(b, false)) {
		crl_aside_wait(b->aside, PATIENCE_MS);
		crl_aside_help(b->aside);
	}
	crl_aside_free(b->aside);
	b->aside = NULL;
	assert(b->state != BUILD_SPENT);
	*out = NULL;
	if (b->state == BUILD_FAILED)
		rc = b->err.code;
	else if (!aside)
		rc = crl_build_finish(b);
	if (rc == 0) {
		*out = b->crl;
		b->crl = NULL;
		b->state = BUILD_SPENT;
	}
	return crl_build_tell(b, rc, fault, err);
}

bool
crl_builder_step(struct crl_builder *b, size_t max_bytes)
{
	assert(b->fixed && b->aside == NULL);
	return crl_build_step(b, max_bytes);
}
