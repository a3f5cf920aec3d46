/*
 * async_wait: a handshake's place to wait for a signature of a token. The job
 * that needs one is paused, and the loop goes on; it is resumed on the
 * worker's thread once the signature is there.
 */
#ifndef GATEWAY_PKCS11_ASYNC_WAIT_H
#define GATEWAY_PKCS11_ASYNC_WAIT_H

#include <stdbool.h>

#include <event2/event_struct.h>

#include "cache/base/error.h"

struct event_base;
struct pkcs11_job;

/* Embedded in a handshake; one thread. */
struct async_wait {
	struct event_base *base;
	void (*fn)(void *arg); /* from the loop, once a signature is there */
	void *arg;
	struct pkcs11_job *job; /* while one is awaited */
	struct event wake;
	unsigned turn;
	bool cancelled;
	struct err err; /* of the last one that failed */
};

void async_wait_init(struct async_wait *w, struct event_base *base,
    void (*fn)(void *arg), void *arg);

/* Around each SSL_do_handshake: whose signatures are asked for within. */
void async_wait_enter(struct async_wait *w);
void async_wait_leave(void);

/* A signature is awaited and not there: SSL_do_handshake must not be called. */
bool async_wait_pending(const struct async_wait *w);

/*
 * Ends the waiting. True: a job is paused, and one SSL_do_handshake, within
 * enter and leave, makes it fail and unwind.
 */
bool async_wait_cancel(struct async_wait *w);

/*
 * The side of whoever signs: starts job and returns when it is done. Within
 * enter and leave the job of OpenSSL is paused meanwhile; elsewhere the thread
 * waits. The job's error, or why it was not waited for.
 */
int async_wait_for(struct pkcs11_job *job, struct err *err) MUST_USE;

#endif
