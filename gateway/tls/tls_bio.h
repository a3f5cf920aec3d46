/*
 * tls_bio: the BIO between OpenSSL and the socket of a TLS connection. It
 * passes bytes on as they come, one system call a record, as OpenSSL's own
 * does; but between tls_bio_gather and tls_bio_send the records that are
 * written land side by side in a buffer of the worker's, and go out in one
 * call. What the socket does not take is kept, and until it has gone nothing
 * more is taken: that is the back-pressure.
 *
 * The BIO belongs to its SSL, and its calls to the connection's thread.
 */
#ifndef GATEWAY_TLS_TLS_BIO_H
#define GATEWAY_TLS_TLS_BIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <sys/types.h>

#include "cache/base/error.h"

/* Eight records of 16 KiB with their headers, nonces and tags. */
#define TLS_BIO_BURST_BYTES (8 * (16 * 1024 + 64))

/* One a worker, used by one BIO at a time. */
struct tls_bio_burst {
	size_t len;
	uint8_t p[TLS_BIO_BURST_BYTES];
};

enum tls_bio_sent {
	TLS_BIO_BROKEN = 0, /* the socket is */
	TLS_BIO_SOME, /* the rest is kept: try again when it is writable */
	TLS_BIO_ALL
};

/*
 * Gives ssl a BIO to fd for both ways; fd stays the caller's. E_NOMEM, and
 * ssl is as it was.
 */
int tls_bio_attach(SSL *ssl, int fd) MUST_USE;

/*
 * Records go to burst from here on, until tls_bio_send. False where ssl has no
 * such BIO, or where it has something left to send: they go out as ever.
 */
bool tls_bio_gather(SSL *ssl, struct tls_bio_burst *burst);

/*
 * One send(2) to any socket, TLS or plain: bytes taken, 0 when it is full, -1
 * when it is broken. Raises no signal.
 */
ssize_t tls_bio_push(int fd, const void *p, size_t len);

/* Sends what was gathered or kept. TLS_BIO_ALL where there was nothing. */
enum tls_bio_sent tls_bio_send(SSL *ssl);

#endif
