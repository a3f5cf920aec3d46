/*
 * peer_memory: verified paths of peers that came in, by the text of the header
 * that named them: reading a certificate and its key costs more than all the
 * rest of an answer. It says that a path was built and its signatures held,
 * under one trust; dates, subjects and revocation are asked every time. Peers
 * that are refused are not in it and push nobody out. Control thread.
 */
#ifndef GATEWAY_AUTHORIZE_PEER_MEMORY_H
#define GATEWAY_AUTHORIZE_PEER_MEMORY_H

#include <stddef.h>

#include "cache/base/error.h"
#include "gateway/authorize/peer_header.h"
#include "revcheck/revcheck.h"

#define PEER_MEMORY_KEPT    1024
#define PEER_MEMORY_KEY_LEN 32

struct peer_memory;

struct peer_memory_key {
	unsigned char md[PEER_MEMORY_KEY_LEN];
};

int peer_memory_new(struct peer_memory **out, struct err *err) MUST_USE;
void peer_memory_free(struct peer_memory *m);
void peer_memory_clear(struct peer_memory *m);

/*
 * Of everything in head that peer_header_read looks at, and of the rules it
 * goes by. E_NOMEM.
 */
int peer_memory_key_of(struct peer_memory_key *key,
    const struct peer_header *rules, const struct http_head *head) MUST_USE;

/* The caller's; NULL: not known, or out of memory. */
struct revcheck_certs *peer_memory_get1(
    const struct peer_memory *m, const struct peer_memory_key *key);
/* A path that verified; references its certificates. Failing is harmless. */
void peer_memory_put(struct peer_memory *m, const struct peer_memory_key *key,
    const struct revcheck_certs *path);

#endif
