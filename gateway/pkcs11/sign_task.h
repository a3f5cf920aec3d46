/*
 * sign_task: work of the control thread that may come to wait for a token. It
 * runs as a job of OpenSSL's, like a handshake: while a key is made or a
 * signature, the job is paused and the loop goes on.
 */
#ifndef GATEWAY_PKCS11_SIGN_TASK_H
#define GATEWAY_PKCS11_SIGN_TASK_H

#include "cache/base/error.h"

struct event_base;
struct sign_task;

enum sign_task_result {
	SIGN_TASK_FAILED = -1, /* fn did not run: out of memory */
	SIGN_TASK_DONE = 0,    /* fn has returned; done will not be called */
	SIGN_TASK_PENDING      /* done will be called, from the loop */
};

/*
 * Runs fn(arg), on 32 KiB of stack without a guard page: nothing deep. *out
 * is set while it is pending, and gone when done is called. One thread.
 */
enum sign_task_result
sign_task_run(struct sign_task **out, struct event_base *base,
    void (*fn)(void *arg), void (*done)(void *arg), void *arg);

/*
 * Makes what a pending task waits for fail, so that fn returns, within this
 * call; done is not called. NULL is fine.
 */
void sign_task_cancel(struct sign_task *t);

#endif
