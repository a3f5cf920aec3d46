/*
 * certs: an ordered, immutable list of certificates, and the path that was
 * found for it (path_memory).
 */
#ifndef REVCHECK_X509_CERTS_H
#define REVCHECK_X509_CERTS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

#define CERTS_MAX         100
#define CERTS_FILE_MAX    ((size_t)64 << 20)
#define CERTS_ANCHORS_MAX 100000

struct path_memory;

struct revcheck_certs {
	size_t num;
	X509 **v;
	_Atomic(struct path_memory *) path; /* NULL until there is one */
};

/*
 * A list that takes over v, malloc'ed, and the references in it; NULL when out
 * of memory, and then nothing was taken.
 */
struct revcheck_certs *certs_adopt(X509 **v, size_t num);

/* Reads a whole file of at most max bytes; *out is malloc'ed. */
int certs_read_file(unsigned char **out, size_t *out_len, const char *path,
    size_t max, struct err *err) MUST_USE;

/* SHA-256 of cert's SubjectPublicKeyInfo; false: it cannot be encoded. */
bool certs_spki_sha256(uint8_t out[32], X509 *cert) MUST_USE;

/* Copies an internal error to the caller's public one (NULL is fine). */
int error_publish(struct revcheck_error *out, const struct err *in, int code);

#endif
