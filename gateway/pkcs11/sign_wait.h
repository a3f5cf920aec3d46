/*
 * sign_wait: a handshake's place to wait for a signature of a token. The job
 * that needs one is paused, and the loop goes on; it is resumed on the
 * worker's thread once the signature is there.
 */
#ifndef GATEWAY_PKCS11_SIGN_WAIT_H
#define GATEWAY_PKCS11_SIGN_WAIT_H

#include <stdbool.h>

#include <event2/event_struct.h>

#include "cache/base/error.h"

struct event_base;
struct token_job;

/* Embedded in a handshake; one thread. */
struct sign_wait {
	struct event_base *base;
	void (*fn)(void *arg); /* from the loop, once a signature is there */
	void *arg;
	struct token_job *job; /* while one is awaited */
	struct event wake;
	unsigned turn;
	bool cancelled;
	struct err err; /* of the last one that failed */
};

void sign_wait_init(struct sign_wait *w, struct event_base *base,
    void (*fn)(void *arg), void *arg);

/* Around each SSL_do_handshake: whose signatures are asked for within. */
void sign_wait_enter(struct sign_wait *w);
void sign_wait_leave(void);

/* A signature is awaited and not there: SSL_do_handshake must not be called. */
bool sign_wait_pending(const struct sign_wait *w);

/*
 * Ends the waiting. True: a job is paused, and one SSL_do_handshake, within
 * enter and leave, makes it fail and unwind.
 */
bool sign_wait_cancel(struct sign_wait *w);

/*
 * The side of whoever signs: starts job and returns when it is done. Within
 * enter and leave the job of OpenSSL is paused meanwhile; elsewhere the thread
 * waits. The job's error, or why it was not waited for.
 */
int sign_wait_for(struct token_job *job, struct err *err) MUST_USE;

#endif
