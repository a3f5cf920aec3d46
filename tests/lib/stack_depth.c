/*
 * stack_depth: see stack_depth.h.
 */
#include "tests/lib/stack_depth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define PAINT      0xa5
#define NUM_BLOCKS 64

/* Blocks as large as a stack, in the order they were asked for. */
static struct {
	unsigned char *block[NUM_BLOCKS];
	size_t num;
	uintptr_t on_job; /* an address on the job's stack */
} seen;

static void *
stack_depth_malloc(size_t len, const char *file, int line)
{
	unsigned char *p = malloc(len);

	(void)file;
	(void)line;
	if (p != NULL && len == STACK_DEPTH_BYTES && seen.num < NUM_BLOCKS) {
		memset(p, PAINT, len);
		seen.block[seen.num++] = p;
	}
	return p;
}

static void *
stack_depth_realloc(void *p, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(p, len);
}

static void
stack_depth_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	for (size_t i = 0; i < seen.num; i++)
		if (seen.block[i] == p)
			seen.block[i] = NULL;
	free(p);
}

int
stack_depth_begin(void)
{
	return CRYPTO_set_mem_functions(
	    stack_depth_malloc, stack_depth_realloc, stack_depth_free);
}

void
stack_depth_here(void)
{
	seen.on_job = (uintptr_t)__builtin_frame_address(0);
}

/* The stack grows down: what was never used is at the beginning. */
size_t __attribute__((no_sanitize("address"))) stack_depth_used(void)
{
	for (size_t i = 0; i < seen.num; i++) {
		uintptr_t at = (uintptr_t)seen.block[i];
		size_t n = 0;

		if (at == 0 || seen.on_job < at ||
		    seen.on_job >= at + STACK_DEPTH_BYTES)
			continue;
		while (n < STACK_DEPTH_BYTES && seen.block[i][n] == PAINT)
			n++;
		return STACK_DEPTH_BYTES - n;
	}
	return 0;
}
