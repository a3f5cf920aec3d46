/*
 * request: one question about a chain, from submit to report. It runs on the
 * caller's thread while memory can answer, moves to the service thread once,
 * when something must be fetched or read from disk, and is delivered on the
 * caller's event base. It never moves back.
 */
#include "revcheck/engine/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/clock.h"
#include "revcheck/engine/base_notify.h"

/* Life. */

static void
request_clear_work(struct revcheck_request *r)
{
	for (size_t i = 0; i < r->num_checks; i++)
		cert_check_free(r->checks[i]);
	free(r->checks);
	r->checks = NULL;
	r->num_checks = 0;
	for (size_t i = 0; i < r->env.num_signers; i++)
		cert_check_free(r->env.signers[i]);
	free(r->env.signers);
	r->env.signers = NULL;
	r->env.num_signers = 0;
}

void
request_destroy(struct revcheck_request *r)
{
	request_clear_work(r);
	for (size_t i = 0; !r->chain_lent && i < r->num_chain; i++)
		X509_free(r->chain[i]);
	free(r->chain);
	for (size_t i = 0; !r->lent && i < r->env.num_extra; i++)
		X509_free(r->extra[i]);
	free(r->extra);
	evidence_free(r->env.staple);
	if (!r->lent) {
		revcheck_evidence_free(r->env.supplied);
		revcheck_trust_free(r->env.trust);
	}
	snapshot_cleanup(&r->snap);
	revcheck_report_free(r->report);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
revcheck_request_free(struct revcheck_request *r)
{
	if (r != NULL && ref_down(&r->ref))
		request_destroy(r);
}

/* Asking. */

enum answer
request_try(struct revcheck_request *r)
{
	struct source *need;
	struct cert_check *owner;
	enum answer a;

	r->cached = true;
	a = request_advance(r, &need, &owner);
	if (a == ANSWER_FINAL)
		engine_count(r->rc, r->report, r->flags);
	return a;
}

/* On the service thread. */

static void request_run(struct revcheck_request *r);

/* A report that refuses, for when there is no memory for a real one. */
static struct revcheck_report *
last_resort(struct revcheck_request *r, enum revcheck_why why)
{
	struct revcheck_report *rep = report_new(1);

	if (rep == NULL)
		return NULL;
	rep->mode = r->mode;
	rep->why = why;
	rep->num_sources = REVCHECK_SOURCES_ALL;
	rep->at = r->env.rules.at;
	rep->results[0].why = why;
	snprintf(rep->text, sizeof(rep->text), "refused: %s",
	    why == REVCHECK_WHY_CANCELLED ? "the question was cancelled"
					  : "out of memory");
	return rep;
}

static void
deliver_cb(evutil_socket_t fd, short what, void *arg)
{
	struct revcheck_request *r = arg;

	(void)fd;
	/* That it waits keeps the loop going, no more. */
	if ((what & EV_READ) == 0)
		return;
	/* On the thread of base, as cancel is: no race between the two. */
	event_free(r->deliver);
	r->deliver = NULL;
	r->done(r->report, r->arg);
	revcheck_request_free(r);
}

/*
 * The lock is against a cancel on the caller's thread, after which base may be
 * gone. The event carries a reference of its own: it may be delivered, and the
 * caller may free the request, before this thread has released the lock.
 */
static void
request_deliver(struct revcheck_request *r)
{
	bool wanted;

	if (r->base == NULL) {
		if (!atomic_load(&r->cancelled))
			r->done(r->report, r->arg);
		revcheck_request_free(r);
		return;
	}
	pthread_mutex_lock(&r->lock);
	wanted = !atomic_load(&r->cancelled);
	if (wanted) {
		ref_up(&r->ref);
		r->delivering = true;
		event_active(r->deliver, EV_READ, 1);
	}
	pthread_mutex_unlock(&r->lock);
	revcheck_request_free(r);
}

static void
request_unlink(struct revcheck_request *r)
{
	if (r->prev != NULL) {
		*r->prev = r->next;
		if (r->next != NULL)
			r->next->prev = r->prev;
		r->prev = NULL;
	}
	atomic_fetch_sub(&r->rc->pending, 1);
}

/*
 * Fetches the CRLs of every CA that was seen, so that they are there when its
 * OCSP responder fails. Only for chains that verified.
 */
static void
request_prefetch(struct revcheck_request *r)
{
	struct evidence_order order;

	for (size_t i = 0; i < r->num_checks; i++) {
		struct cert_check *q = r->checks[i];

		for (size_t k = 0; q->final && k < q->s->num_points; k++) {
			if (q->points[k].docs != NULL || q->points[k].fetched ||
			    evidence_order_make(
				&order, q, &q->points[k], &r->env, NULL) != 0)
				continue;
			if (archive_prefetch(r->rc->archive, &order.o) != 0)
				log_line(&r->rc->log, LOG_LEVEL_WARN,
				    "cannot prefetch a CRL: out of memory");
			evidence_order_cleanup(&order);
		}
	}
}

static void
request_finish(struct revcheck_request *r, enum revcheck_why why)
{
	if (r->wait != NULL)
		archive_wait_cancel(r->wait);
	r->wait = NULL;
	if (r->timer != NULL)
		event_free(r->timer);
	r->timer = NULL;
	request_unlink(r);
	if (r->report != NULL && r->rc->prefetch && r->env.may_fetch)
		request_prefetch(r);
	if (r->report == NULL)
		r->report = last_resort(r, why);
	if (r->report != NULL)
		engine_count(r->rc, r->report, r->flags);
	request_clear_work(r);
	request_deliver(r);
}

static void
fetched_cb(void *arg, struct documents *d, const struct evidence_failure *f)
{
	struct revcheck_request *r = arg;

	r->wait = NULL;
	if (f != NULL && f->fail == EVIDENCE_FAIL_CLOSED) {
		request_finish(r, REVCHECK_WHY_CANCELLED);
		return;
	}
	cert_check_fetched(r->waiting_owner, r->waiting, d, f);
	request_run(r);
}

static int
request_fetch(
    struct revcheck_request *r, struct source *need, struct cert_check *owner)
{
	struct evidence_failure failure = {.fail = EVIDENCE_FAIL_NOMEM};
	struct evidence_order order;
	struct err err = {0};
	int rc;

	rc = evidence_order_make(&order, owner, need, &r->env, &err);
	if (rc == 0) {
		r->waiting = need;
		r->waiting_owner = owner;
		rc = archive_fetch(r->rc->archive, &order.o,
		    r->deadline_mono_ms, fetched_cb, r, &r->wait, &err);
		evidence_order_cleanup(&order);
	}
	if (rc == 0)
		return 0;
	if (rc == E_CLOSED)
		return rc;
	snprintf(failure.msg, sizeof(failure.msg), "%s", err.msg);
	cert_check_fetched(owner, need, NULL, &failure);
	return E_NOMEM;
}

static void
request_run(struct revcheck_request *r)
{
	struct source *need;
	struct cert_check *owner;
	enum answer a;
	int rc;

	for (;;) {
		if (atomic_load(&r->cancelled)) {
			request_finish(r, REVCHECK_WHY_CANCELLED);
			return;
		}
		a = request_advance(r, &need, &owner);
		if (a != ANSWER_FETCH) {
			request_finish(r, REVCHECK_WHY_INTERNAL);
			return;
		}
		rc = request_fetch(r, need, owner);
		if (rc == 0)
			return; /* fetched_cb goes on */
		if (rc == E_CLOSED) {
			request_finish(r, REVCHECK_WHY_CANCELLED);
			return;
		}
	}
}

static void
expired_cb(evutil_socket_t fd, short what, void *arg)
{
	struct revcheck_request *r = arg;

	(void)fd;
	(void)what;
	r->env.may_fetch = false;
	r->env.expired = true;
	if (r->wait != NULL) {
		archive_wait_cancel(r->wait);
		r->wait = NULL;
		cert_check_expired(
		    r->waiting_owner, r->waiting, r->deadline_ms);
	}
	request_run(r);
}

static void
begin_cb(void *arg)
{
	struct revcheck_request *r = arg;
	uint64_t now = clock_mono_ms(), left;
	struct timeval tv;

	r->next = r->rc->requests;
	r->prev = &r->rc->requests;
	if (r->next != NULL)
		r->next->prev = &r->next;
	r->rc->requests = r;
	left = r->deadline_mono_ms > now ? r->deadline_mono_ms - now : 0;
	tv = clock_timeval(left);
	r->timer =
	    event_new(archive_get0_base(r->rc->archive), -1, 0, expired_cb, r);
	if (r->timer == NULL || event_add(r->timer, &tv) != 0) {
		request_finish(r, REVCHECK_WHY_INTERNAL);
		return;
	}
	request_run(r);
}

/* It outlives the call that asks: references to all that the caller named. */
static void
request_keep(struct revcheck_request *r)
{
	for (size_t i = 0; r->chain_lent && i < r->num_chain; i++)
		X509_up_ref(r->chain[i]);
	r->chain_lent = false;
	if (!r->lent)
		return;
	for (size_t i = 0; i < r->env.num_extra; i++)
		X509_up_ref(r->extra[i]);
	if (r->env.trust != NULL)
		revcheck_trust_up_ref(r->env.trust);
	if (r->env.supplied != NULL)
		evidence_set_up_ref(r->env.supplied);
	r->lent = false;
}

/*
 * The event by which the answer comes. It is pending from now on, so that a
 * loop does not end for want of events while somebody waits.
 */
static int
deliver_new(struct revcheck_request *r, struct err *err)
{
	static const struct timeval hour = {.tv_sec = 3600};

	if (!base_notifies(r->base))
		return err_set(err, E_ARG,
		    "the event base cannot be woken from another thread: "
		    "expected one made after evthread_use_pthreads()");
	r->deliver = event_new(r->base, -1, EV_PERSIST, deliver_cb, r);
	if (r->deliver != NULL && event_add(r->deliver, &hour) == 0)
		return 0;
	if (r->deliver != NULL)
		event_free(r->deliver);
	r->deliver = NULL;
	return err_set(err, E_NOMEM, "out of memory");
}

int
request_begin(struct revcheck_request *r, struct event_base *base,
    revcheck_done_fn *done, void *arg, struct err *err)
{
	int rc;

	if (atomic_fetch_add(&r->rc->pending, 1) >= r->rc->max_requests) {
		atomic_fetch_sub(&r->rc->pending, 1);
		return err_set(err, E_LIMIT,
		    "more than %u questions are pending",
		    (unsigned)r->rc->max_requests);
	}
	request_keep(r);
	r->cached = false;
	r->base = base;
	r->done = done;
	r->arg = arg;
	r->deadline_mono_ms = clock_mono_ms() + r->deadline_ms;
	rc = base != NULL ? deliver_new(r, err) : 0;
	if (rc != 0) {
		atomic_fetch_sub(&r->rc->pending, 1);
		return rc;
	}
	ref_up(&r->ref);
	rc = archive_post(r->rc->archive, begin_cb, r);
	if (rc != 0) {
		atomic_fetch_sub(&r->rc->pending, 1);
		if (r->deliver != NULL)
			event_free(r->deliver);
		r->deliver = NULL;
		revcheck_request_free(r);
		return err_set(err, rc, "the engine is shutting down");
	}
	return 0;
}

void
requests_cancel_all(struct revcheck *rc)
{
	while (rc->requests != NULL)
		request_finish(rc->requests, REVCHECK_WHY_CANCELLED);
}

static void
abort_cb(void *arg)
{
	struct revcheck_request *r = arg;

	/* Is it still pending? Then finish it: its caller has gone. */
	if (r->prev != NULL)
		request_finish(r, REVCHECK_WHY_CANCELLED);
	revcheck_request_free(r);
}

void
revcheck_request_cancel(struct revcheck_request *r)
{
	bool delivering;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	if (atomic_exchange(&r->cancelled, true)) {
		pthread_mutex_unlock(&r->lock);
		return;
	}
	delivering = r->delivering && r->deliver != NULL;
	if (r->deliver != NULL)
		event_free(r->deliver);
	r->deliver = NULL;
	pthread_mutex_unlock(&r->lock);
	if (delivering) {
		/* It was being delivered: drop the event's reference. */
		revcheck_request_free(r);
		return;
	}
	ref_up(&r->ref);
	if (archive_post(r->rc->archive, abort_cb, r) != 0)
		revcheck_request_free(r);
}
