/*
 * async_task: one job at a time of OpenSSL's for one piece of work. Runs on
 * the thread of the loop; only fn runs on the job's stack.
 */
#include "gateway/pkcs11/async_task.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/async.h>

#include "gateway/pkcs11/async_wait.h"

struct async_task {
	struct async_wait wait;
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *ctx;
	void (*fn)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
task_free(struct async_task *t)
{
	ASYNC_WAIT_CTX_free(t->ctx);
	free(t);
}

static int
on_job(void *arg)
{
	struct async_task *t = *(struct async_task **)arg;

	t->fn(t->arg);
	return 1;
}

/* As far as it goes without waiting. */
static int
go_on(struct async_task *t)
{
	int ret = 0, rc;

	async_wait_enter(&t->wait);
	rc = ASYNC_start_job(&t->job, t->ctx, &ret, on_job, &t, sizeof(t));
	async_wait_leave();
	return rc;
}

static void
on_signed(void *arg)
{
	struct async_task *t = arg;
	void (*done)(void *) = t->done;
	void *done_arg = t->arg;

	if (async_wait_pending(&t->wait) || go_on(t) == ASYNC_PAUSE)
		return;
	task_free(t);
	done(done_arg);
}

enum async_task_result
async_task_run(struct async_task **out, struct event_base *base,
    void (*fn)(void *arg), void (*done)(void *arg), void *arg)
{
	struct async_task *t = calloc(1, sizeof(*t));
	int rc;

	*out = NULL;
	if (t == NULL)
		return ASYNC_TASK_FAILED;
	t->ctx = ASYNC_WAIT_CTX_new();
	t->fn = fn;
	t->done = done;
	t->arg = arg;
	async_wait_init(&t->wait, base, on_signed, t);
	rc = t->ctx != NULL ? go_on(t) : ASYNC_ERR;
	if (rc == ASYNC_PAUSE) {
		*out = t;
		return ASYNC_TASK_PENDING;
	}
	task_free(t);
	return rc == ASYNC_FINISH ? ASYNC_TASK_DONE : ASYNC_TASK_FAILED;
}

void
async_task_cancel(struct async_task *t)
{
	if (t == NULL)
		return;
	/* It may want to wait again, for a second thing: that fails, too. */
	while (async_wait_cancel(&t->wait))
		if (go_on(t) != ASYNC_PAUSE)
			break;
	task_free(t);
}
