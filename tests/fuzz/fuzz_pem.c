/*
 * fuzz_pem: one object in PEM. Fed at once and in pieces it is the same, and
 * what is taken OpenSSL's reader takes as the same octets, or not at all.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "cache/der/pem.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".pem";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first object of that label, as OpenSSL reads it; NULL: none. */
static unsigned char *
second_opinion(const char *label, const uint8_t *data, size_t size, long *len)
{
	BIO *bio = BIO_new_mem_buf(data, (int)size);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	bool found = false;

	assert(bio != NULL);
	while (!found && PEM_read_bio(bio, &name, &header, &der, len) == 1) {
		found = strcmp(name, label) == 0 && header[0] == '\0';
		OPENSSL_free(name);
		OPENSSL_free(header);
		if (!found)
			OPENSSL_free(der);
	}
	BIO_free(bio);
	ERR_clear_error();
	return found ? der : NULL;
}

static bool
read_in_pieces(const char *label, const uint8_t *data, size_t size,
    size_t piece, uint8_t *out, size_t *out_len)
{
	struct pem p;
	bool ok = true;

	*out_len = 0;
	pem_init(&p, label);
	for (size_t at = 0; ok && at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece, got = 0;

		ok = pem_feed(&p, span_of(data + at, n), out + *out_len, &got);
		assert(!ok || got <= n + 2);
		*out_len += ok ? got : 0;
	}
	return ok && pem_done(&p);
}

static void
check(const char *label, const uint8_t *data, size_t size)
{
	uint8_t *whole = malloc(size + 2), *parts = malloc(size + 2);
	size_t whole_len, parts_len;
	unsigned char *theirs;
	long their_len = 0;
	bool ok;

	assert(whole != NULL && parts != NULL);
	ok = read_in_pieces(label, data, size, size + 1, whole, &whole_len);
	for (size_t piece = 1; piece < 70; piece += 23) {
		assert(read_in_pieces(
			   label, data, size, piece, parts, &parts_len) == ok);
		assert(!ok ||
		    (parts_len == whole_len &&
			memcmp(parts, whole, whole_len) == 0));
	}
	theirs = ok ? second_opinion(label, data, size, &their_len) : NULL;
	if (theirs != NULL) {
		assert((size_t)their_len == whole_len);
		assert(memcmp(theirs, whole, whole_len) == 0);
	}
	OPENSSL_free(theirs);
	free(whole);
	free(parts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check("X509 CRL", data, size);
	check("CERTIFICATE", data, size);
	return 0;
}
