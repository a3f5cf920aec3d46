/*
 * pkcs11: one token, its threads and its ups and downs. A thread takes a job,
 * sees to it that there is a session, and does it; when the session is lost
 * it logs in anew, once, and tries the job again. While the token is down,
 * jobs fail at once and one thread tries to log in from time to time.
 */
#include "gateway/pkcs11/pkcs11.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "cache/base/clock.h"
#include "cache/base/thread.h"
#include "gateway/pkcs11/pkcs11_internal.h"

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   30000
#define GATE_WAIT_SEC    2 /* for calls that are under way */
#define STOP_WAIT_SEC    3 /* likewise */

/* The one token of the process; main's thread opens and closes it. */
static struct pkcs11 *the_token;
static const struct log *_Atomic the_log;

/* Up and down. */

static void
note_up(
    struct pkcs11 *t, struct pkcs11_thread *s, const struct pkcs11_uri *name)
{
	bool first;

	pthread_mutex_lock(&t->lock);
	first = t->generation++ == 0;
	s->generation = t->generation;
	t->state = PKCS11_UP;
	if (first)
		t->name = *name;
	t->proved = false;
	t->connecting = false;
	t->stats.logins++;
	pthread_cond_broadcast(&t->done);
	pthread_mutex_unlock(&t->lock);
	t->attempts = 0;
	log_event(atomic_load(&the_log), LOG_LEVEL_INFO, "token-is-there", NULL,
	    0, "%s (token='%s' serial='%s')",
	    first ? "logged in to the token" : "the token is back", name->token,
	    name->serial);
}

/* A pause before the next login, and a longer one after that. */
static void
back_off(struct pkcs11 *t)
{
	t->retry_at_mono_ms = clock_mono_ms() + t->backoff_ms;
	t->backoff_ms = t->backoff_ms * 2 < BACKOFF_MAX_MS ? t->backoff_ms * 2
							   : BACKOFF_MAX_MS;
}

static void
note_refused(struct pkcs11 *t, const struct err *why)
{
	bool refused = why->code == E_PARSE;

	pthread_mutex_lock(&t->lock);
	t->state = refused ? PKCS11_REFUSED : PKCS11_DOWN;
	t->why = *why;
	back_off(t);
	t->connecting = false;
	pthread_cond_signal(&t->work); /* somebody has to mind the time */
	pthread_cond_broadcast(&t->done);
	pthread_mutex_unlock(&t->lock);
	t->attempts++;
	if (t->attempts == 1 || refused)
		log_line(atomic_load(&the_log), LOG_LEVEL_ERROR,
		    "the token is not available: %s (token='%s'%s)", why->msg,
		    t->where.token,
		    refused ? ", not tried again until another PIN is given"
			    : "");
}

/*
 * Whoever comes first says so; who has an older session only gets a new one.
 * Where a login alone does not help, the next one is not hurried.
 */
static void
note_lost(struct pkcs11 *t, struct pkcs11_thread *s, const struct err *why)
{
	bool mine;

	pthread_mutex_lock(&t->lock);
	mine = t->state == PKCS11_UP && s->generation == t->generation;
	if (mine) {
		t->state = PKCS11_DOWN;
		t->why = *why;
		if (t->proved)
			t->retry_at_mono_ms = clock_mono_ms();
		else
			back_off(t);
		t->stats.losses++;
	}
	s->generation = 0;
	pthread_mutex_unlock(&t->lock);
	if (mine)
		log_line(atomic_load(&the_log), LOG_LEVEL_WARN,
		    "the token is lost: %s (token='%s')", why->msg,
		    t->where.token);
}

/* True: this thread is the one to log in. */
static bool
may_connect(struct pkcs11 *t)
{
	return t->state == PKCS11_DOWN && !t->connecting &&
	    clock_mono_ms() >= t->retry_at_mono_ms;
}

/* After may_connect, with connecting set. */
static int
reconnect(struct pkcs11_thread *s, struct err *err)
{
	struct pkcs11 *t = s->token;
	struct pkcs11_uri name;
	struct timespec until;
	char pin[PKCS11_PIN_MAX + 1];
	int rc;

	pthread_mutex_lock(&t->lock);
	memcpy(pin, t->pin, sizeof(pin));
	pthread_mutex_unlock(&t->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GATE_WAIT_SEC;
	if (pthread_rwlock_timedwrlock(&t->gate, &until) != 0) {
		rc = err_set(err, E_IO, "a call of before has not come back");
		note_refused(t, err);
	} else {
		rc = pkcs11_connect(t, &s->session, pin, &name, err);
		if (rc == 0)
			note_up(t, s, &name);
		else
			note_refused(t, err);
		pthread_rwlock_unlock(&t->gate);
	}
	OPENSSL_cleanse(pin, sizeof(pin));
	return rc;
}

/* On 0 the gate is held shared and there is a session. */
static int
sit_down(struct pkcs11_thread *s, struct err *err)
{
	struct pkcs11 *t = s->token;
	enum pkcs11_state state;
	unsigned generation;
	bool mine;
	CK_RV rv;

	pthread_mutex_lock(&t->lock);
	while (t->connecting) /* another thread */
		pthread_cond_wait(&t->done, &t->lock);
	mine = may_connect(t);
	if (mine)
		t->connecting = true;
	pthread_mutex_unlock(&t->lock);
	if (mine && reconnect(s, err) != 0)
		return err->code;
	pthread_rwlock_rdlock(&t->gate);
	pthread_mutex_lock(&t->lock);
	state = t->state;
	generation = t->generation;
	if (state != PKCS11_UP)
		err_set(err, E_IO, "the token '%s' is not available: %.180s",
		    t->where.token, t->why.msg);
	pthread_mutex_unlock(&t->lock);
	if (state == PKCS11_UP && s->generation != generation) {
		rv = t->fn->C_OpenSession(t->slot,
		    CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
		    &s->session);
		if (rv == CKR_OK) {
			s->generation = generation;
		} else {
			pkcs11_fail(err, E_IO, "cannot open a session", rv);
			s->generation = generation;
			if (pkcs11_is_lost(rv))
				note_lost(t, s, err);
			s->generation = 0;
			state = PKCS11_DOWN;
		}
	}
	if (state == PKCS11_UP)
		return 0;
	pthread_rwlock_unlock(&t->gate);
	return E_IO;
}

/* Jobs. */

static CK_RV
do_work(struct pkcs11_thread *s, struct pkcs11_job *job)
{
	job->err = (struct err){.code = 0};
	switch (job->work) {
	case PKCS11_WORK_FIND:
		return pkcs11_do_find(s, job);
	case PKCS11_WORK_MAKE:
		return pkcs11_do_make(s, job);
	case PKCS11_WORK_DESTROY:
		return pkcs11_do_destroy(s, job);
	case PKCS11_WORK_SIGN:
		return pkcs11_do_sign(s, job);
	case PKCS11_WORK_NONE:
		break;
	}
	return CKR_OK;
}

static void
note_done(struct pkcs11 *t, const struct pkcs11_job *job)
{
	pthread_mutex_lock(&t->lock);
	if (job->err.code == 0 && job->work != PKCS11_WORK_NONE) {
		t->proved = true;
		t->backoff_ms = BACKOFF_FIRST_MS;
	}
	if (job->work == PKCS11_WORK_SIGN && job->err.code == 0)
		t->stats.signatures++;
	else if (job->work == PKCS11_WORK_SIGN)
		t->stats.failures++;
	pthread_mutex_unlock(&t->lock);
}

static void
serve(struct pkcs11_thread *s, struct pkcs11_job *job)
{
	struct pkcs11 *t = s->token;
	bool again = true;
	CK_RV rv;

	for (int i = 0; again && i < 2; i++) {
		if (sit_down(s, &job->err) != 0)
			break;
		rv = do_work(s, job);
		again = rv != CKR_OK && pkcs11_is_lost(rv);
		if (again) {
			note_lost(t, s, &job->err);
		} else if (rv != CKR_OK) {
			/* An operation may be left open in it. */
			t->fn->C_CloseSession(s->session);
			s->generation = 0;
		}
		pthread_rwlock_unlock(&t->gate);
	}
	note_done(t, job);
	pkcs11_job_finish(job);
}

/* The lock is held. Until there is a job, or it is time to log in. */
static void
await_work(struct pkcs11 *t)
{
	struct timespec until;
	uint64_t at;

	if (t->state != PKCS11_DOWN || t->connecting || t->generation == 0) {
		pthread_cond_wait(&t->work, &t->lock);
		return;
	}
	at = t->retry_at_mono_ms;
	until.tv_sec = (time_t)(at / 1000);
	until.tv_nsec = (long)(at % 1000) * 1000000;
	pthread_cond_timedwait(&t->work, &t->lock, &until);
}

static void *
pkcs11_main(void *arg)
{
	struct pkcs11 *t = arg;
	struct pkcs11_thread thread = {.token = t};
	struct pkcs11_job *job;
	struct err err;

	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		job = TAILQ_FIRST(&t->queue);
		if (job != NULL) {
			TAILQ_REMOVE(&t->queue, job, link);
			job->queued = false;
			t->num_queued--;
			pthread_mutex_unlock(&t->lock);
			serve(&thread, job);
			pthread_mutex_lock(&t->lock);
		} else if (t->generation > 0 && may_connect(t)) {
			t->connecting = true;
			pthread_mutex_unlock(&t->lock);
			(void)reconnect(&thread, &err);
			pthread_mutex_lock(&t->lock);
		} else {
			await_work(t);
		}
	}
	pthread_mutex_unlock(&t->lock);
	OPENSSL_thread_stop();
	return NULL;
}

/* Life. */

static void
init_locks(struct pkcs11 *t)
{
	pthread_condattr_t mono;

	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&t->work, &mono);
	pthread_cond_init(&t->done, &mono);
	pthread_condattr_destroy(&mono);
	pthread_mutex_init(&t->lock, NULL);
	pthread_rwlock_init(&t->gate, NULL);
}

static struct pkcs11 *
pkcs11_new(const struct pkcs11_options *o)
{
	struct pkcs11 *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->module = strdup(o->module);
	if (t->module == NULL) {
		free(t);
		return NULL;
	}
	t->where = o->where;
	t->timeout_ms = o->timeout_ms;
	t->backoff_ms = BACKOFF_FIRST_MS;
	TAILQ_INIT(&t->queue);
	init_locks(t);
	return t;
}

static int
start_threads(struct pkcs11 *t, uint32_t num, struct err *err)
{
	int rc = 0;

	while (rc == 0 && t->num_threads < num) {
		rc = thread_start(&t->threads[t->num_threads], pkcs11_main, t);
		if (rc == 0)
			t->num_threads++;
	}
	return rc == 0 ? 0
		       : err_set(err, E_IO, "cannot start a token's thread: %s",
			     strerror(rc));
}

/* False: a thread is in the module and does not come back. */
static bool
stop_threads(struct pkcs11 *t)
{
	struct timespec until;
	bool all = true;

	pthread_mutex_lock(&t->lock);
	t->stopping = true;
	pthread_cond_broadcast(&t->work);
	pthread_mutex_unlock(&t->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_WAIT_SEC;
	for (uint32_t i = 0; i < t->num_threads; i++)
		all &= pthread_timedjoin_np(t->threads[i], NULL, &until) == 0;
	return all;
}

/* False: nothing was freed, since a thread may still use it. */
static bool
pkcs11_free(struct pkcs11 *t)
{
	struct pkcs11_job *job;

	if (!stop_threads(t)) {
		log_line(atomic_load(&the_log), LOG_LEVEL_ERROR,
		    "a call of the token does not come back (token='%s')",
		    t->where.token);
		return false;
	}
	while ((job = TAILQ_FIRST(&t->queue)) != NULL) {
		TAILQ_REMOVE(&t->queue, job, link);
		job->queued = false;
		pkcs11_job_finish(job);
	}
	pkcs11_finalize(t);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->done);
	pthread_mutex_destroy(&t->lock);
	pthread_rwlock_destroy(&t->gate);
	OPENSSL_cleanse(t->pin, sizeof(t->pin));
	free(t->module);
	free(t);
	return true;
}

/* A PIN that is another one is worth an attempt. */
static void
set_pin(struct pkcs11 *t, const char *pin)
{
	pthread_mutex_lock(&t->lock);
	if (strcmp(t->pin, pin) != 0) {
		snprintf(t->pin, sizeof(t->pin), "%s", pin);
		if (t->state == PKCS11_REFUSED) {
			t->state = PKCS11_DOWN;
			t->retry_at_mono_ms = clock_mono_ms();
		}
	}
	pthread_mutex_unlock(&t->lock);
}

/* Logged in now, or why not. */
static int
await_login(struct pkcs11 *t, struct err *err)
{
	struct pkcs11_job *job = pkcs11_job_new(t, PKCS11_WORK_NONE, NULL, 0);
	int rc = job != NULL ? pkcs11_job_start(job, NULL, err)
			     : err_set(err, E_NOMEM, "out of memory");

	if (rc == 0)
		rc = pkcs11_job_wait(job, err);
	pkcs11_job_drop(job);
	return rc;
}

int
pkcs11_open(
    struct pkcs11 **out, const struct pkcs11_options *o, struct err *err)
{
	struct pkcs11 *t = the_token;
	bool fresh = t == NULL;
	int rc;

	*out = NULL;
	if (!fresh &&
	    (strcmp(t->module, o->module) != 0 ||
		!pkcs11_uri_same_token(&t->where, &o->where) ||
		!pkcs11_uri_same_token(&o->where, &t->where)))
		return err_set(
		    err, E_ARG, "another module or token takes a restart");
	if (fresh && (t = pkcs11_new(o)) == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	set_pin(t, o->pin);
	rc = fresh ? start_threads(t, o->threads, err) : 0;
	if (rc == 0 && fresh)
		rc = pkcs11_provider_load(err);
	if (rc == 0)
		rc = await_login(t, err);
	if (rc != 0 && fresh && pkcs11_free(t))
		pkcs11_provider_unload();
	if (rc != 0)
		return rc;
	the_token = t;
	*out = t;
	return 0;
}

void
pkcs11_set_log(const struct log *log)
{
	atomic_store(&the_log, log);
}

struct pkcs11 *
pkcs11_get0(void)
{
	return the_token;
}

bool
pkcs11_close(void)
{
	if (the_token == NULL)
		return true;
	if (!pkcs11_free(the_token))
		return false;
	the_token = NULL;
	pkcs11_provider_unload();
	return true;
}

const struct pkcs11_uri *
pkcs11_get0_name(const struct pkcs11 *t)
{
	return &t->name;
}

void
pkcs11_get_stats(struct pkcs11 *t, struct pkcs11_stats *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->stats;
	out->up = t->state == PKCS11_UP;
	out->refused = t->state == PKCS11_REFUSED;
	out->waiting = t->num_queued;
	if (!out->up)
		snprintf(out->why, sizeof(out->why), "%s", t->why.msg);
	pthread_mutex_unlock(&t->lock);
}
