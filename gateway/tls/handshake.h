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
#include "gateway/tls/admission.h"
#include "gateway/tls/tls_certs.h"
#include "revcheck/revcheck.h"

struct conf_limits;
struct event_base;
struct pending_check;
struct staples;

/* What handshakes use of the worker whose thread they run on. */
struct handshake_env {
	struct revcheck *rc; /* borrowed, like the next two */
	struct event_base *base;
	struct counters *counters;
	struct staples *staples; /* a reference; NULL until there are some */
	/* Room for one more that waits for its verdict; given back by resume.
	 */
	bool (*pause)(void *limits, const struct conf_limits *conf);
	void (*resume)(void *limits);
	void *limits;
};

enum handshake_result {
	HANDSHAKE_FAILED = 0, /* the alert, if any, is sent */
	HANDSHAKE_WANT_READ,
	HANDSHAKE_WANT_WRITE,
	HANDSHAKE_WAIT, /* for a verdict or a signature: see `answered` */
	HANDSHAKE_SHED, /* no job to run it on */
	HANDSHAKE_DONE  /* completed, and the peer may come in */
};

/* Owned by its connection; embedded in nothing, freed after the handshake. */
struct handshake {
	struct handshake_env *env;
	struct admission_terms terms;
	SSL *ssl; /* the connection's */

	void (*answered)(void *arg); /* once after each HANDSHAKE_WAIT */
	void *arg;

	X509_STORE_CTX *asking;     /* while the callback is paused */
	struct pending_check *wait; /* while revcheck is asked */
	struct async_wait sign;     /* while a token is asked to sign */
	struct tls_certs certs;     /* sent, and not known before */
	unsigned turn;              /* calls of SSL_do_handshake */
	bool asked;
	bool ready; /* the verdict is there */
	bool cancelled;
	bool counted_pause;
	uint64_t paused_mono_ms; /* when it began to wait for the verdict */
	uint32_t waited_ms;      /* so long, once it is over */
	uint64_t begun_mono_us;  /* its first step */

	/* The answer. */
	struct admission admission;
	X509 *leaf; /* as sent, or NULL */
	struct revcheck_report *report;
	char error[256]; /* what else went wrong, for people; may be empty */
};

/* For SSL_CTX_set_cert_verify_callback. */
int handshake_verify_cb(X509_STORE_CTX *ctx, void *arg);

/* terms are copied; what they lend must outlive the handshake. */
void handshake_init(struct handshake *h, struct handshake_env *env,
    const struct admission_terms *terms, SSL *ssl);

/* Goes on as far as it can without waiting. */
enum handshake_result handshake_step(struct handshake *h);

/* Why it failed, for people; never NULL, may be empty. */
const char *handshake_error(const struct handshake *h);

/* How long it has waited for its verdict, at least 1; 0: it did not. */
uint32_t handshake_waited_ms(const struct handshake *h);

/*
 * Unwinds a paused job (SSL_free would leak it) and gives everything back.
 * ssl must still be alive and is not freed. Safe in every state.
 */
void handshake_cleanup(struct handshake *h);

#endif
