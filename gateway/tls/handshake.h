/*
 * handshake: TLS up to the verdict, in either role. The verify callback runs
 * as an OpenSSL async job and only waits: it pauses the job, and whoever
 * drives the handshake verifies the path and asks revcheck on the worker's
 * own stack, then resumes it with the answer. A signature that a token makes
 * pauses the job likewise (async_wait).
 */
#ifndef GATEWAY_TLS_HANDSHAKE_H
#define GATEWAY_TLS_HANDSHAKE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "gateway/observe/counters.h"
#include "gateway/pkcs11/async_wait.h"
#include "revcheck/revcheck.h"

struct runtime;
struct handshake;
struct pending_check;
struct worker;

enum handshake_result {
	HANDSHAKE_FAILED = 0, /* the alert, if any, is sent */
	HANDSHAKE_WANT_READ,
	HANDSHAKE_WANT_WRITE,
	HANDSHAKE_WAIT, /* for a verdict or a signature: see `answered` */
	HANDSHAKE_SHED, /* no job to run it on */
	HANDSHAKE_DONE  /* completed, and the peer may come in */
};

/* Zero denies. */
enum handshake_verdict {
	HANDSHAKE_DENY = 0,
	HANDSHAKE_ALLOW
};

/* Owned by its connection; embedded in nothing, freed after the handshake. */
struct handshake {
	struct worker *worker;
	struct runtime *runtime;      /* the connection's */
	struct revcheck_trust *trust; /* borrowed from the front */
	SSL *ssl;                     /* the connection's */
	bool inbound;
	const char *host; /* outbound: the name to verify, or NULL */

	void (*answered)(void *arg); /* once after each HANDSHAKE_WAIT */
	void *arg;

	X509_STORE_CTX *asking;     /* while the callback is paused */
	struct pending_check *wait; /* while revcheck is asked */
	struct async_wait sign;     /* while a token is asked to sign */
	unsigned turn;              /* calls of SSL_do_handshake */
	bool asked;
	bool ready; /* the verdict is there */
	bool cancelled;
	bool counted_pause;
	uint64_t paused_mono_ms; /* when it began to wait for the verdict */
	uint32_t waited_ms;      /* so long, once it is over */

	/* The answer. */
	enum handshake_verdict verdict;
	int x509_error;               /* chooses the alert */
	X509 *leaf;                   /* as sent, or NULL */
	enum counter tally;           /* why not */
	struct revcheck_certs *certs; /* the verified chain */
	struct revcheck_report *report;
	char error[256]; /* what went wrong, for people; may be empty */
};

/* For SSL_CTX_set_cert_verify_callback. */
int handshake_verify_cb(X509_STORE_CTX *ctx, void *arg);

void handshake_init(struct handshake *h, struct worker *w, struct runtime *f,
    struct revcheck_trust *trust, SSL *ssl, bool inbound);

/* Goes on as far as it can without waiting. */
enum handshake_result handshake_step(struct handshake *h);

/* How long it has waited for its verdict, at least 1; 0: it did not. */
uint32_t handshake_waited_ms(const struct handshake *h);

/*
 * Unwinds a paused job (SSL_free would leak it) and gives everything back.
 * ssl must still be alive and is not freed. Safe in every state.
 */
void handshake_cleanup(struct handshake *h);

#endif
