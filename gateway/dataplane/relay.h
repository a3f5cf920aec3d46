/*
 * relay: bytes between a TLS connection and a plain socket, both ways, with
 * back-pressure and half-close. Works until it would block and says which
 * events it wants next; arms and frees nothing of its owner's.
 */
#ifndef GATEWAY_DATAPLANE_RELAY_H
#define GATEWAY_DATAPLANE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "cache/base/error.h"
#include "gateway/tls/tls_bio.h"

enum relay_event {
	RELAY_TLS_READ = 1 << 0,
	RELAY_TLS_WRITE = 1 << 1,
	RELAY_PLAIN_READ = 1 << 2,
	RELAY_PLAIN_WRITE = 1 << 3,
	RELAY_AGAIN = 1 << 4 /* bytes are left in OpenSSL: come back soon */
};

enum relay_result {
	RELAY_BROKEN = 0, /* an error, or an end without close_notify */
	RELAY_GOING,
	RELAY_ENDED /* both directions ended in good order */
};

/*
 * One a worker: what is read lands here and seldom has to be kept. For a node
 * that does not take whole pads, only so much of it is filled as is small.
 */
#define RELAY_PAD_BYTES    (128 * 1024)
#define RELAY_SMALL_BYTES  (64 * 1024)
#define RELAY_RECORD_BYTES (16 * 1024)
struct relay_pad {
	uint8_t p[RELAY_PAD_BYTES];
	struct tls_bio_burst burst; /* encrypted, on the way down */
};

/* What one side could not take yet: a copy, at most a pad long. */
struct relay_rest {
	uint8_t *p;
	uint32_t off, len;
};

struct relay {
	SSL *ssl;               /* its owner's */
	int plain_fd;           /* its owner's */
	struct relay_rest up;   /* for the plain side */
	struct relay_rest down; /* for the TLS side */
	uint64_t up_bytes, down_bytes;
	uint8_t up_bulk;   /* full reads from the peer in a row */
	uint8_t down_bulk; /* full reads from the node in a row */
	bool wire_rest;    /* records that the TLS socket did not take */
	bool tls_eof;      /* nothing more comes from there */
	bool plain_eof;
	bool plain_shut; /* the end was passed on */
	bool tls_shut;
	bool read_blocked; /* reading has to write first (KeyUpdate) */
	bool cut;          /* TLS ended without close_notify */
};

void relay_init(struct relay *r, SSL *ssl, int plain_fd);
void relay_cleanup(struct relay *r);

/*
 * relay_step moves what it can. ready: events seen since the last call.
 * *want: events to wait for.
 */
enum relay_result relay_step(struct relay *r, struct relay_pad *pad,
    unsigned ready, unsigned *want) MUST_USE;

/* Bytes ahead of all others for either side, before the first step. */
int relay_prepend_up(struct relay *r, const void *p, size_t len) MUST_USE;
int relay_prepend_down(struct relay *r, const void *p, size_t len) MUST_USE;

#endif
