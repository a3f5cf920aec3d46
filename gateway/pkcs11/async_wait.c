/*
 * async_wait: pauses OpenSSL's job until a token has signed. All of it runs on
 * the worker's thread; async_wait_for on the job's 32 KiB stack, so it is
 * shallow.
 */
#include "gateway/pkcs11/async_wait.h"

#include <string.h>

#include <event2/event.h>
#include <openssl/async.h>

#include "gateway/pkcs11/pkcs11_queue.h"

/* Whose SSL_do_handshake runs on this thread. */
static _Thread_local struct async_wait *waiting_here;

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct async_wait *w = arg;

	(void)fd;
	(void)what;
	w->fn(w->arg);
}

void
async_wait_init(struct async_wait *w, struct event_base *base,
    void (*fn)(void *arg), void *arg)
{
	memset(w, 0, sizeof(*w));
	w->base = base;
	w->fn = fn;
	w->arg = arg;
}

void
async_wait_enter(struct async_wait *w)
{
	w->turn++;
	waiting_here = w;
}

void
async_wait_leave(void)
{
	waiting_here = NULL;
}

bool
async_wait_pending(const struct async_wait *w)
{
	return w->job != NULL && !w->cancelled && !pkcs11_job_is_done(w->job);
}

bool
async_wait_cancel(struct async_wait *w)
{
	if (w->job == NULL)
		return false;
	w->cancelled = true;
	return true;
}

/* True when the answer is there. */
static bool
pause_until_done(struct async_wait *w, struct pkcs11_job *job)
{
	while (!pkcs11_job_is_done(job)) {
		unsigned turn = w->turn;

		if (w->cancelled || !ASYNC_pause_job() || w->turn == turn)
			return false;
	}
	return true;
}

static int
wait_paused(struct async_wait *w, struct pkcs11_job *job, struct err *err)
{
	int rc;

	event_assign(&w->wake, w->base, -1, 0, on_wake, w);
	rc = pkcs11_job_start(job, &w->wake, err);
	if (rc != 0)
		return rc;
	w->job = job;
	if (!pause_until_done(w, job))
		rc = err_set(err, E_CLOSED, "the signature is not waited for");
	else if ((rc = job->err.code) != 0)
		*err = job->err;
	w->job = NULL;
	/* First the token's hold on the event, then the event. */
	pkcs11_job_abandon(job);
	event_del(&w->wake);
	return rc;
}

int
async_wait_for(struct pkcs11_job *job, struct err *err)
{
	struct async_wait *w = waiting_here;
	int rc;

	if (w == NULL || ASYNC_get_current_job() == NULL) {
		rc = pkcs11_job_start(job, NULL, err);
		return rc == 0 ? pkcs11_job_wait(job, err) : rc;
	}
	rc = wait_paused(w, job, err);
	if (rc != 0)
		w->err = *err;
	return rc;
}
