/*
 * sign_task: one job at a time of OpenSSL's for one piece of work. Runs on
 * the thread of the loop; only fn runs on the job's stack.
 */
#include "gateway/pkcs11/sign_task.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/async.h>

#include "gateway/pkcs11/sign_wait.h"

struct sign_task {
	struct sign_wait wait;
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *ctx;
	void (*fn)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void
task_free(struct sign_task *t)
{
	ASYNC_WAIT_CTX_free(t->ctx);
	free(t);
}

static int
on_job(void *arg)
{
	struct sign_task *t = *(struct sign_task **)arg;

	t->fn(t->arg);
	return 1;
}

/* As far as it goes without waiting. */
static int
go_on(struct sign_task *t)
{
	int ret = 0, rc;

	sign_wait_enter(&t->wait);
	rc = ASYNC_start_job(&t->job, t->ctx, &ret, on_job, &t, sizeof(t));
	sign_wait_leave();
	return rc;
}

static void
on_signed(void *arg)
{
	struct sign_task *t = arg;
	void (*done)(void *) = t->done;
	void *done_arg = t->arg;

	if (sign_wait_pending(&t->wait) || go_on(t) == ASYNC_PAUSE)
		return;
	task_free(t);
	done(done_arg);
}

enum sign_task_result
sign_task_run(struct sign_task **out, struct event_base *base,
    void (*fn)(void *arg), void (*done)(void *arg), void *arg)
{
	struct sign_task *t = calloc(1, sizeof(*t));
	int rc;

	*out = NULL;
	if (t == NULL)
		return SIGN_TASK_FAILED;
	t->ctx = ASYNC_WAIT_CTX_new();
	t->fn = fn;
	t->done = done;
	t->arg = arg;
	sign_wait_init(&t->wait, base, on_signed, t);
	rc = t->ctx != NULL ? go_on(t) : ASYNC_ERR;
	if (rc == ASYNC_PAUSE) {
		*out = t;
		return SIGN_TASK_PENDING;
	}
	task_free(t);
	return rc == ASYNC_FINISH ? SIGN_TASK_DONE : SIGN_TASK_FAILED;
}

void
sign_task_cancel(struct sign_task *t)
{
	if (t == NULL)
		return;
	/* It may want to wait again, for a second thing: that fails, too. */
	while (sign_wait_cancel(&t->wait))
		if (go_on(t) != ASYNC_PAUSE)
			break;
	task_free(t);
}
