/*
 * pkcs11_queue: the queue of a token, and waiting for it. Any thread.
 */
#include "gateway/pkcs11/pkcs11_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "gateway/pkcs11/pkcs11_internal.h"

struct pkcs11_job *
pkcs11_job_new(struct pkcs11 *t, enum pkcs11_work work,
    const unsigned char *data, size_t len)
{
	struct pkcs11_job *job = calloc(1, sizeof(*job) + len);

	if (job == NULL)
		return NULL;
	ref_init(&job->ref);
	job->token = t;
	job->work = work;
	job->data_len = len;
	if (len > 0)
		memcpy(job->data, data, len);
	return job;
}

void
pkcs11_job_unref(struct pkcs11_job *job)
{
	if (!ref_down(&job->ref))
		return;
	pkcs11_key_free(job->key);
	free(job);
}

int
pkcs11_job_start(struct pkcs11_job *job, struct event *wake, struct err *err)
{
	struct pkcs11 *t = job->token;
	int rc = 0;

	pthread_mutex_lock(&t->lock);
	if (t->stopping) {
		rc = err_set(err, E_CLOSED, "the token is being closed");
	} else if (t->num_queued >= PKCS11_QUEUE_MAX) {
		rc = err_set(err, E_LIMIT,
		    "%u signatures wait for the token already", t->num_queued);
	} else {
		ref_up(&job->ref);
		job->wake = wake;
		job->queued = true;
		t->num_queued++;
		TAILQ_INSERT_TAIL(&t->queue, job, link);
		pthread_cond_signal(&t->work);
	}
	pthread_mutex_unlock(&t->lock);
	return rc;
}

bool
pkcs11_job_is_done(struct pkcs11_job *job)
{
	return atomic_load_explicit(&job->done, memory_order_acquire);
}

int
pkcs11_job_wait(struct pkcs11_job *job, struct err *err)
{
	struct pkcs11 *t = job->token;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += t->timeout_ms / 1000;
	until.tv_nsec += (long)(t->timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&t->lock);
	while (!pkcs11_job_is_done(job) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&t->done, &t->lock, &until);
	pthread_mutex_unlock(&t->lock);
	if (!pkcs11_job_is_done(job))
		return err_set(err, E_IO,
		    "the token did not answer within %u ms", t->timeout_ms);
	if (job->err.code != 0 && err != NULL)
		*err = job->err;
	return job->err.code;
}

void
pkcs11_job_finish(struct pkcs11_job *job)
{
	struct pkcs11 *t = job->token;

	pthread_mutex_lock(&t->lock);
	atomic_store_explicit(&job->done, true, memory_order_release);
	/* Under the lock: whoever drops the job takes the event away. */
	if (job->wake != NULL)
		event_active(job->wake, EV_TIMEOUT, 0);
	job->wake = NULL;
	pthread_cond_broadcast(&t->done);
	pthread_mutex_unlock(&t->lock);
	pkcs11_job_unref(job);
}

void
pkcs11_job_abandon(struct pkcs11_job *job)
{
	struct pkcs11 *t = job->token;
	bool dequeued;

	pthread_mutex_lock(&t->lock);
	job->abandoned = true;
	job->wake = NULL;
	dequeued = job->queued;
	if (dequeued) {
		job->queued = false;
		t->num_queued--;
		TAILQ_REMOVE(&t->queue, job, link);
	}
	pthread_mutex_unlock(&t->lock);
	if (dequeued)
		pkcs11_job_unref(job); /* the queue's */
}

void
pkcs11_job_drop(struct pkcs11_job *job)
{
	if (job == NULL)
		return;
	pkcs11_job_abandon(job);
	/* The asker's own reference: two are held while it is queued. */
	pkcs11_job_unref(job); /* NOLINT(clang-analyzer-unix.Malloc) */
}
