/*
 * crl_build: makes and frees a builder, over bytes to come or bytes that are
 * all there, and records how it fails. It owns its crl until finish gives that
 * away. The scanning is in crl_scan.c. One thread at a time.
 */
#include "cache/crl/crl_build.h"

#include <stdlib.h>

#include <sys/stat.h>

#define MAX_OFFSET ((size_t)UINT32_MAX - 1)

/* Failing is final: later calls return the same failure. */

int
crl_build_fail(struct crl_builder *b, enum crl_fault fault)
{
	b->state = BUILD_FAILED;
	b->fault = fault;
	return b->err.code;
}

int
crl_build_bad(struct crl_builder *b, const char *what, size_t offset)
{
	if (b->state == BUILD_ENTRIES)
		(void)err_set(&b->err, E_PARSE,
		    "malformed CRL: %s in entry %zu at byte %zu", what,
		    b->num_entries + 1, offset);
	else
		(void)err_set(&b->err, E_PARSE, "malformed CRL: %s", what);
	return crl_build_fail(b, CRL_FAULT_MALFORMED);
}

int
crl_build_nomem(struct crl_builder *b)
{
	(void)err_set(&b->err, E_NOMEM, "out of memory for a CRL of %zu bytes",
	    b->head.total);
	return crl_build_fail(b, CRL_FAULT_NOMEM);
}

int
crl_build_too_large(struct crl_builder *b, size_t bytes)
{
	(void)err_set(&b->err, E_LIMIT,
	    "CRL of %zu bytes is larger than the limit of %zu", bytes,
	    b->limits.max_bytes);
	return crl_build_fail(b, CRL_FAULT_TOO_LARGE);
}

int
crl_build_too_many(struct crl_builder *b, const char *what)
{
	(void)err_set(&b->err, E_LIMIT, "CRL beyond a limit: %s", what);
	return crl_build_fail(b, CRL_FAULT_TOO_LARGE);
}

int
crl_build_tell(
    const struct crl_builder *b, int rc, enum crl_fault *fault, struct err *err)
{
	if (fault != NULL)
		*fault = rc == 0 ? CRL_FAULT_NONE : b->fault;
	if (rc != 0 && err != NULL)
		*err = b->err;
	return rc;
}

/* Birth and death. */

struct crl_builder *
crl_builder_new(const struct crl_limits *limits)
{
	struct crl_builder *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->crl = calloc(1, sizeof(*b->crl));
	if (b->crl == NULL) {
		free(b);
		return NULL;
	}
	if (limits != NULL)
		b->limits = *limits;
	if (b->limits.max_bytes == 0)
		b->limits.max_bytes = CRL_DEFAULT_MAX_BYTES;
	if (b->limits.max_bytes > MAX_OFFSET)
		b->limits.max_bytes = MAX_OFFSET;
	if (b->limits.max_entries == 0)
		b->limits.max_entries = CRL_DEFAULT_MAX_ENTRIES;
	return b;
}

void
crl_builder_free(struct crl_builder *b)
{
	if (b == NULL)
		return;
	/* Before the bytes go that they may be reading. */
	crl_aside_free(b->aside);
	crl_hash_cleanup(&b->hash);
	crl_free(b->crl);
	free(b);
}

/* Bytes that are all there. */

static struct crl_builder *
builder_new_fixed(const struct crl_limits *limits, size_t len,
    enum crl_fault *fault, struct err *err)
{
	struct crl_builder *b = crl_builder_new(limits);

	if (b == NULL) {
		if (fault != NULL)
			*fault = CRL_FAULT_NOMEM;
		(void)err_set(err, E_NOMEM, "out of memory for a CRL");
		return NULL;
	}
	b->fixed = true;
	if (len > b->limits.max_bytes) {
		(void)crl_build_too_large(b, len);
		(void)crl_build_tell(b, E_LIMIT, fault, err);
		crl_builder_free(b);
		return NULL;
	}
	return b;
}

struct crl_builder *
crl_builder_new_map(int fd, size_t offset, const struct crl_limits *limits,
    enum crl_fault *fault, struct err *err)
{
	struct crl_builder *b;
	struct stat st;
	size_t len;

	if (fault != NULL)
		*fault = CRL_FAULT_MALFORMED;
	if (fstat(fd, &st) != 0) {
		(void)err_sys(err, "cannot look at a CRL file");
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size <= offset) {
		(void)err_set(
		    err, E_PARSE, "malformed CRL: an empty file, or no file");
		return NULL;
	}
	len = (size_t)st.st_size - offset;
	b = builder_new_fixed(limits, len, fault, err);
	if (b == NULL)
		return NULL;
	if (mem_block_map(&b->crl->der, fd, offset, len) != 0) {
		(void)err_sys(err, "cannot map a CRL file");
		crl_builder_free(b);
		return NULL;
	}
	return b;
}

struct crl_builder *
crl_builder_new_take(uint8_t *der, size_t len, const struct crl_limits *limits,
    enum crl_fault *fault, struct err *err)
{
	struct crl_builder *b = builder_new_fixed(limits, len, fault, err);

	if (b == NULL)
		free(der);
	else
		mem_block_take(&b->crl->der, der, len);
	return b;
}
