/*
 * async_task: work of the control thread that may come to wait for a token. It
 * runs as a job of OpenSSL's, like a handshake: while a key is made or a
 * signature, the job is paused and the loop goes on.
 */
#ifndef GATEWAY_PKCS11_ASYNC_TASK_H
#define GATEWAY_PKCS11_ASYNC_TASK_H

#include "cache/base/error.h"

struct event_base;
struct async_task;

enum async_task_result {
	ASYNC_TASK_FAILED = -1, /* fn did not run: out of memory */
	ASYNC_TASK_DONE = 0,    /* fn has returned; done will not be called */
	ASYNC_TASK_PENDING      /* done will be called, from the loop */
};

/*
 * Runs fn(arg), on 32 KiB of stack without a guard page: nothing deep. *out
 * is set while it is pending, and gone when done is called. One thread.
 */
enum async_task_result
async_task_run(struct async_task **out, struct event_base *base,
    void (*fn)(void *arg), void (*done)(void *arg), void *arg);

/*
 * Makes what a pending task waits for fail, so that fn returns, within this
 * call; done is not called. NULL is fine.
 */
void async_task_cancel(struct async_task *t);

#endif
