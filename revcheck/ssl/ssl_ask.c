/*
 * ssl_ask: see the header. A job's stack has 32 KiB and no guard page, so the
 * question is put on the service thread; the job only waits. The wait is
 * counted: the job has a reference, the question has one until it is answered,
 * and OpenSSL's list of descriptors has one. A job that is thrown away never
 * runs again and cannot give its own back: whoever hears of it does.
 */
#include "revcheck/ssl/ssl_ask.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openssl/async.h>

#include "revcheck/engine/engine_state.h"

struct wait {
	atomic_int refs;
	int fd;
	struct ssl_ask *ask;
	atomic_bool answered;
	struct revcheck_report *report; /* once answered; may be NULL */
};

/* The key of our descriptor in a job's list. */
static const char wait_key;

struct ssl_ask *
ssl_ask_new(void)
{
	return calloc(1, sizeof(struct ssl_ask));
}

void
ssl_ask_free(struct ssl_ask *a)
{
	if (a == NULL)
		return;
	revcheck_certs_free(a->chain);
	revcheck_trust_free(a->trust);
	OPENSSL_free(a->staple);
	free(a);
}

static struct revcheck_query
query_of(const struct ssl_ask *a)
{
	return (struct revcheck_query){.size = sizeof(struct revcheck_query),
	    .chain = a->chain,
	    .trust = a->trust,
	    .mode = a->mode,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED,
	    .deadline_ms = a->deadline_ms,
	    .staple = a->staple,
	    .staple_len = a->staple_len,
	    .purpose = a->purpose};
}

/* Waiting in a job. */

static void
wait_drop(struct wait *w, int num)
{
	if (atomic_fetch_sub(&w->refs, num) != num)
		return;
	revcheck_report_free(w->report);
	ssl_ask_free(w->ask);
	close(w->fd);
	free(w);
}

static struct wait *
wait_new(struct ssl_ask *a)
{
	struct wait *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	atomic_init(&w->refs, 1);
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd >= 0) {
		w->ask = a;
		return w;
	}
	free(w);
	return NULL;
}

static void
on_answer(struct revcheck_report *report, void *arg)
{
	struct wait *w = arg;
	uint64_t one = 1;

	if (report != NULL)
		w->report = revcheck_report_up_ref(report);
	atomic_store(&w->answered, true);
	/* Written once, so there is room. */
	(void)!write(w->fd, &one, sizeof(one));
	wait_drop(w, 1);
}

/* On the service thread. */
static void
submit(void *arg)
{
	struct wait *w = arg;
	const struct revcheck_query query = query_of(w->ask);
	struct revcheck_request *request = NULL;
	struct revcheck_report *report = NULL;
	int rc = revcheck_submit(
	    w->ask->rc, &request, &report, &query, NULL, on_answer, w, NULL);

	if (rc != REVCHECK_PENDING)
		on_answer(report, w);
	revcheck_report_free(report);
	revcheck_request_free(request);
}

/* The list is freed with our descriptor in it: its job is gone. */
static void
on_abandoned(ASYNC_WAIT_CTX *ctx, const void *key, OSSL_ASYNC_FD fd, void *arg)
{
	(void)ctx;
	(void)key;
	(void)fd;
	wait_drop(arg, 2);
}

static struct revcheck_report *
wait_in_job(ASYNC_WAIT_CTX *ctx, struct ssl_ask *a)
{
	struct wait *w = wait_new(a);
	struct revcheck_report *report = NULL;

	if (w == NULL) {
		ssl_ask_free(a);
		return NULL;
	}
	atomic_fetch_add(&w->refs, 2);
	if (ASYNC_WAIT_CTX_set_wait_fd(
		ctx, &wait_key, w->fd, w, on_abandoned) != 1) {
		wait_drop(w, 3);
		return NULL;
	}
	if (engine_post(a->rc, submit, w) != 0)
		on_answer(NULL, w);
	while (!atomic_load(&w->answered))
		if (ASYNC_pause_job() != 1)
			break;
	/* Neither calls on_abandoned nor closes the descriptor. */
	ASYNC_WAIT_CTX_clear_fd(ctx, &wait_key);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): counted */
	if (atomic_load(&w->answered) && w->report != NULL)
		report = revcheck_report_up_ref(w->report);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): counted */
	wait_drop(w, 2);
	return report;
}

struct revcheck_report *
ssl_ask_wait(struct ssl_ask *a)
{
	ASYNC_JOB *job = ASYNC_get_current_job();
	struct revcheck_report *report = NULL;
	struct revcheck_query query;

	if (job != NULL)
		return wait_in_job(ASYNC_get_wait_ctx(job), a);
	query = query_of(a);
	if (revcheck_check(a->rc, &report, &query, NULL) < 0)
		report = NULL;
	ssl_ask_free(a);
	return report;
}
