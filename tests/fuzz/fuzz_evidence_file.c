/*
 * fuzz_evidence_file: files of CRLs and OCSP responses. Fed at once and in
 * pieces the same is found, something is told of every file, and a CRL that is
 * found alone is what the builder makes of the same octets.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cache/evidence/evidence_file.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".pem";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct found {
	unsigned num, num_good;
	size_t octets;
	uint64_t sum;
};

static void
mix(struct found *f, const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		f->sum = f->sum * 31 + ((const uint8_t *)p)[i];
}

static int
hear(void *arg, struct evidence *e, enum crl_fault fault, const struct err *why)
{
	struct found *f = arg;
	struct span der;

	f->num++;
	assert((e == NULL) == (why != NULL));
	if (e == NULL) {
		assert(why->msg[0] != '\0' && fault != CRL_FAULT_NONE);
		mix(f, why->msg, strlen(why->msg));
		return 0;
	}
	der = evidence_der(e);
	f->num_good++;
	f->octets += der.len;
	mix(f, der.p, der.len);
	return 0;
}

static struct found
read_in_pieces(
    enum evidence_kind kind, const uint8_t *data, size_t size, size_t piece)
{
	struct found found = {0};
	struct evidence_file *f =
	    evidence_file_new(kind, "fuzz", 0, NULL, hear, &found);
	struct err err;
	int rc = 0;

	assert(f != NULL);
	for (size_t at = 0; rc == 0 && at < size; at += piece)
		rc = evidence_file_feed(f,
		    span_of(data + at, size - at < piece ? size - at : piece),
		    &err);
	if (rc == 0)
		rc = evidence_file_finish(f, &err);
	assert(rc == 0 || rc == E_LIMIT);
	assert(found.num > 0 && found.octets <= size);
	evidence_file_free(f);
	return found;
}

static void
check(enum evidence_kind kind, const uint8_t *data, size_t size)
{
	struct found whole = read_in_pieces(kind, data, size, size + 1);
	struct crl *crl;

	for (size_t piece = 1; piece < 70; piece += 23) {
		struct found parts = read_in_pieces(kind, data, size, piece);

		assert(parts.num == whole.num && parts.sum == whole.sum);
	}
	if (kind != EVIDENCE_CRL ||
	    crl_parse(span_of(data, size), NULL, &crl, NULL, NULL) != 0)
		return;
	assert(whole.num_good >= 1);
	crl_free(crl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(EVIDENCE_CRL, data, size);
	check(EVIDENCE_OCSP, data, size);
	return 0;
}
