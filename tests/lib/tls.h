/*
 * tls: a TLS client for tests that says exactly what it saw: the handshake's
 * outcome, the alert received, whether the session was resumed. Blocking, each
 * operation bounded.
 */
#ifndef TESTS_LIB_TLS_H
#define TESTS_LIB_TLS_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "tests/lib/net.h"

#define ALERT_BAD_CERTIFICATE     42
#define ALERT_CERTIFICATE_REVOKED 44
#define ALERT_CERTIFICATE_EXPIRED 45
#define ALERT_CERTIFICATE_UNKNOWN 46
#define ALERT_UNKNOWN_CA          48

/* All zero: no certificate, any version, the server is not checked. */
struct tls_options {
	const char *cert; /* PEM, leaf first */
	const char *key;
	const char *ca;       /* check the server with these anchors */
	const char *name;     /* SNI, and the name to check with ca */
	int version;          /* TLS1_2_VERSION, TLS1_3_VERSION or 0 */
	SSL_SESSION *session; /* offered for resumption */
	int receive_bytes;    /* SO_RCVBUF, 0: the system's */
	int timeout_ms;       /* of each operation; 0: WAIT_MS */
};

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
	int connected; /* the client's handshake completed */
	int alert;     /* number of the fatal alert received, or -1 */
	int resumed;
	char error[256];
};

/*
 * tls_connect dials 127.0.0.1:port and shakes hands. Returns 1 when the
 * handshake completed on this side. In TLS 1.3 that says nothing about the
 * server's judgement: tls_echo does.
 */
int tls_connect(struct tls *t, int port, const struct tls_options *o);
/* Only the TCP connection, non-blocking handshake by tls_step. */
void tls_dial(struct tls *t, int port, const struct tls_options *o);
/* One SSL_do_handshake without waiting: 1 done, 0 goes on, -1 failed. */
int tls_step(struct tls *t);

/* Sends a line and reads it back: 1 if it came. Otherwise look at alert. */
int tls_echo(struct tls *t);
/* 1 when all was sent. */
int tls_write(struct tls *t, const void *data, size_t len);
/* Bytes read (at most len), 0 at the peer's close_notify, -1 otherwise. */
int tls_read(struct tls *t, void *data, size_t len);
/* Ends our direction (close_notify). */
void tls_half_close(struct tls *t);
/* Closes the socket at once, without close_notify. */
void tls_leave(struct tls *t);
/* Frees everything; a struct that is all zero is fine. */
void tls_free(struct tls *t);

/*
 * The usual question in one call: dials with NET/peers/NAME and tries an echo.
 * Returns -1 when the echo came back, the alert's number when one was
 * received, 0 when the connection ended without one.
 */
#define TLS_IN (-1)
int tls_try(const struct town *town, const char *peer, int port, int version);

#endif
