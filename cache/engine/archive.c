/*
 * archive: see the header. Owns the service thread and everything on it;
 * decides for each question whether memory is enough, whether to wait for a
 * flight, and which sources to leave alone for a while.
 */
#include "cache/engine/archive.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <openssl/rand.h>

#include "cache/base/clock.h"
#include "cache/base/stripe.h"
#include "cache/fetch/address_rules.h"
#include "cache/engine/archive_internal.h"
#include "cache/engine/floors.h"
#include "cache/engine/news.h"
#include "cache/engine/shared_tier.h"
#include "cache/engine/source_book.h"
#include "cache/evidence/evidence.h"
#include "cache/store/store_disk.h"
#include "cache/engine/refresh_schedule.h"

#define DEFAULT_CONNECT_MS     2000
#define DEFAULT_FETCH_MS       4000
#define DEFAULT_CRL_MS         60000
#define DEFAULT_LOW_SPEED_B    512
#define DEFAULT_LOW_SPEED_SEC  10
#define DEFAULT_OCSP_BYTES     65536
#define DEFAULT_CRL_BYTES      ((size_t)128 << 20)
#define DEFAULT_MEMORY_BYTES   ((uint64_t)512 << 20)
#define DEFAULT_DISK_BYTES     ((uint64_t)4 << 30)
#define DEFAULT_REFRESH_SEC    60
#define DEFAULT_RETRY_FIRST_MS 1000
#define DEFAULT_RETRY_MAX_MS   300000
/*
 * What a question lacked is tried again without a further question for so long:
 * whoever was let in for want of an answer is to hear of it.
 */
#define LACKED_COLD_SEC 1800
#define OR(v, d)        ((v) != 0 ? (v) : (d))

/*
 * Answers that need no flight are given from the loop, never from inside the
 * call that asks.
 */

static void
archive_tell_soon(evutil_socket_t fd, short what, void *arg)
{
	struct archive *a = arg;
	struct archive_wait *w;

	while ((w = a->told_soon) != NULL)
		archive_wait_tell(w);
}

static void
tell_soon(struct archive *a, struct archive_wait *w)
{
	archive_wait_link(&a->told_soon, w);
	event_active(a->tell_soon, 0, 0);
}

/* What is held goes along: it may say something, though it is no answer. */
static void
tell_failure_soon(struct archive *a, struct archive_wait *w,
    struct documents *held, enum evidence_fail fail, const char *msg)
{
	if (held != NULL)
		w->documents = documents_up_ref(held);
	evidence_failure_set(&w->failure, fail, NULL, "%s", msg);
	atomic_fetch_add(&a->count.fail[fail], 1);
	tell_soon(a, w);
}

/*
 * Nothing is asked now: how it failed before is told again, and when it is
 * asked next. Without a failure it just said that it has nothing better.
 */
static void
tell_left_alone(struct archive *a, struct resource *r, struct archive_wait *w,
    struct documents *held)
{
	const struct evidence_failure *last = r->last;
	uint64_t now = clock_mono_ms();
	struct evidence_failure *f = &w->failure;

	if (last == NULL) {
		tell_failure_soon(a, w, held,
		    r->failures > 0 ? EVIDENCE_FAIL_BACKOFF
				    : EVIDENCE_FAIL_NONE,
		    "the source failed a moment ago");
		return;
	}
	tell_failure_soon(a, w, held, EVIDENCE_FAIL_BACKOFF, "");
	*f = *last;
	f->backoff = true;
	if (now < r->retry_mono_ms)
		snprintf(f->msg, sizeof(f->msg),
		    "%.160s (backoff, asked again in %u s)", last->msg,
		    (unsigned)((r->retry_mono_ms - now + 999) / 1000));
	else
		snprintf(f->msg, sizeof(f->msg),
		    "%.160s (backoff, being asked again)", last->msg);
}

static void
wait_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct archive_wait *w = arg;

	evidence_failure_set(&w->failure, EVIDENCE_FAIL_DEADLINE, NULL,
	    "no answer before the deadline");
	atomic_fetch_add(&w->archive->count.fail[EVIDENCE_FAIL_DEADLINE], 1);
	archive_wait_tell(w);
}

static struct archive_wait *
wait_new(struct archive *a, struct archive_acceptor *acceptor,
    uint64_t deadline_mono_ms, archive_done_fn *done, void *arg)
{
	struct archive_wait *w = calloc(1, sizeof(*w));
	uint64_t now = clock_mono_ms(), ms;
	struct timeval tv;

	if (w == NULL)
		return NULL;
	w->archive = a;
	w->done = done;
	w->arg = arg;
	ref_up(&acceptor->ref);
	w->acceptor = acceptor;
	w->deadline = evtimer_new(archive_base(a), wait_deadline, w);
	w->deadline_mono_ms = deadline_mono_ms;
	ms = deadline_mono_ms > now ? deadline_mono_ms - now : 0;
	tv = clock_timeval(ms);
	if (w->deadline == NULL || evtimer_add(w->deadline, &tv) != 0) {
		archive_wait_cancel(w);
		return NULL;
	}
	return w;
}

/* Asking. */

struct documents *
archive_get1(struct archive *a, const struct evidence_key *key)
{
	struct documents *d = memory_table_get1(&a->table, key);

	struct archive_looks *l =
	    &a->count.looks[stripe_of_thread(ARCHIVE_STRIPES)];

	atomic_fetch_add_explicit(
	    d != NULL ? &l->hits : &l->misses, 1, memory_order_relaxed);
	return d;
}

static void
archive_ask(struct archive *a, struct resource *r, struct fetch_job *job,
    struct archive_wait *w)
{
	struct documents *held = atomic_load(&r->held);
	uint64_t now = clock_mono_ms();

	if (acceptor_answered(w->acceptor, held, NULL, a)) {
		w->documents = documents_up_ref(held);
		w->answered = true;
		tell_soon(a, w);
		return;
	}
	if (r->flight != NULL) {
		/* One attempt at a time after a failure. */
		if (r->failures > 0 && flight_has_waiters(r->flight) &&
		    !resource_refused(r)) {
			tell_left_alone(a, r, w, held);
			return;
		}
		atomic_fetch_add(&a->count.joins, 1);
		flight_join(r->flight, w);
		return;
	}
	if (now < r->retry_mono_ms) {
		tell_left_alone(a, r, w, held);
		return;
	}
	if (flight_start(a, r, job) == NULL)
		tell_failure_soon(
		    a, w, held, EVIDENCE_FAIL_NOMEM, "out of memory");
	else
		flight_join(r->flight, w);
}

static struct resource *
archive_resource(
    struct archive *a, const struct archive_order *o, struct fetch_job *job)
{
	struct resource *r = memory_table_add(&a->table, &o->key, o->owner);

	if (r == NULL)
		return NULL;
	/* Refreshing follows the newest order. */
	pthread_mutex_lock(&a->table.lock);
	r->archive = a;
	fetch_job_free(r->job);
	r->job = fetch_job_up_ref(job);
	pthread_mutex_unlock(&a->table.lock);
	for (size_t i = 0; i < job->num_urls; i++)
		source_book_add(a->book, job->kind, job->urls[i]);
	return r;
}

int
archive_fetch(struct archive *a, const struct archive_order *o,
    uint64_t deadline_mono_ms, archive_done_fn *done, void *arg,
    struct archive_wait **out, struct err *err)
{
	struct fetch_job *job = NULL;
	struct archive_wait *w = NULL;
	struct resource *r = NULL;
	struct flight *f;

	*out = NULL;
	if (a->closing)
		return err_set(err, E_CLOSED, "the archive is closing");
	job = fetch_job_new(o);
	w = wait_new(a, o->acceptor, deadline_mono_ms, done, arg);
	if (job == NULL || w == NULL)
		goto nomem;
	if (o->no_store) {
		f = flight_start(a, NULL, job);
		if (f == NULL)
			goto nomem;
		flight_join(f, w);
	} else {
		r = archive_resource(a, o, job);
		if (r == NULL)
			goto nomem;
		archive_ask(a, r, job, w);
	}
	fetch_job_free(job);
	*out = w;
	return 0;
nomem:
	fetch_job_free(job);
	archive_wait_cancel(w);
	return err_set(err, E_NOMEM, "out of memory");
}

/* Prefetch. */

struct prefetch {
	struct archive *archive;
	struct fetch_job *job;
};

static void
archive_prefetch_here(void *arg)
{
	struct prefetch *p = arg;
	struct archive *a = p->archive;
	struct archive_order o = {.key = p->job->key};
	struct resource *r;

	memcpy(o.owner, p->job->owner, sizeof(o.owner));
	r = a->closing ? NULL : memory_table_find(&a->table, &o.key);
	if (r == NULL && !a->closing)
		r = archive_resource(a, &o, p->job);
	if (r != NULL && r->flight == NULL &&
	    !acceptor_answered(
		p->job->acceptor, atomic_load(&r->held), NULL, a) &&
	    clock_mono_ms() >= r->retry_mono_ms)
		(void)flight_start(a, r, p->job);
	fetch_job_free(p->job);
	free(p);
}

int
archive_prefetch(struct archive *a, const struct archive_order *order)
{
	struct prefetch *p = malloc(sizeof(*p));
	int rc = E_NOMEM;

	if (p == NULL)
		return E_NOMEM;
	*p = (struct prefetch){.archive = a, .job = fetch_job_new(order)};
	if (p->job != NULL)
		rc = service_post(a->service, archive_prefetch_here, p);
	if (rc != 0) {
		fetch_job_free(p->job);
		free(p);
	}
	return rc;
}

/* The longest of what the documents held ask for. */
static bool
resource_cold(struct archive *a, struct resource *r)
{
	const struct documents *d = atomic_load(&r->held);
	unsigned idle = memory_table_now_sec() - atomic_load(&r->asked_at_sec);
	uint32_t after = 0, one;

	for (size_t i = 0; d != NULL && i < d->num; i++) {
		one = refresh_schedule_cold_after_sec(
		    d->v[i]->this_update, d->v[i]->next_update);
		if (one > after)
			after = one;
	}
	return idle >= (d == NULL ? LACKED_COLD_SEC : after);
}

static void
resource_refresh_due(evutil_socket_t fd, short what, void *arg)
{
	struct resource *r = arg;
	struct archive *a = r->archive;

	if (archive_now(a) < r->next_refresh_at) {
		resource_schedule(r);
		return;
	}
	if (r->flight != NULL || a->closing || a->offline)
		return;
	if (resource_cold(a, r)) {
		log_line(a->log, LOG_LEVEL_DEBUG,
		    "nobody asks for '%s' any more: not refreshed",
		    r->job->num_urls > 0 ? r->job->urls[0] : "");
		pthread_mutex_lock(&a->table.lock);
		r->next_refresh_at = 0;
		pthread_mutex_unlock(&a->table.lock);
		return;
	}
	if (atomic_load(&r->held) == NULL) {
		if (flight_retry(a, r))
			return;
		pthread_mutex_lock(&a->table.lock);
		resource_due_soon(r);
		pthread_mutex_unlock(&a->table.lock);
		return;
	}
	atomic_fetch_add(&a->count.refreshes, 1);
	(void)flight_start(a, r, r->job);
}

static void
resource_removed(struct resource *r)
{
	if (r->refresh != NULL)
		event_free(r->refresh);
}

/* Birth and death. */

struct event_base *
archive_get0_base(struct archive *a)
{
	return archive_base(a);
}

int
archive_post(struct archive *a, void (*fn)(void *arg), void *arg)
{
	return service_post(a->service, fn, arg);
}

static int
archive_new_fetcher(
    struct archive *a, const struct archive_options *o, struct err *err)
{
	struct fetcher_options f = {
	    .limits = {.connect_timeout_ms =
			   OR(o->connect_timeout_ms, DEFAULT_CONNECT_MS),
		.ocsp_timeout_ms = OR(o->fetch_timeout_ms, DEFAULT_FETCH_MS),
		.crl_timeout_ms = OR(o->crl_timeout_ms, DEFAULT_CRL_MS),
		.low_speed_bytes = OR(o->low_speed_bytes, DEFAULT_LOW_SPEED_B),
		.low_speed_sec = OR(o->low_speed_sec, DEFAULT_LOW_SPEED_SEC),
		.max_ocsp_bytes = OR(o->max_ocsp_bytes, DEFAULT_OCSP_BYTES),
		.crl = a->crl_limits},
	    .addresses = a->addresses,
	    .ports = o->ports,
	    .any_port = o->any_port,
	    .proxy = o->proxy,
	    .https_ca_file = o->https_ca_file,
	    .user_agent = o->user_agent,
	};

	return fetcher_new(&a->fetcher, archive_base(a), &f, err);
}

int
archive_check(const struct archive_options *o, struct err *err)
{
	const struct fetcher_options f = {
	    .proxy = o->proxy, .https_ca_file = o->https_ca_file};
	struct address_rules *rules;
	int rc = address_rules_new(
	    &rules, o->allow_addresses, o->refuse_private, err);

	if (rc != 0)
		return rc;
	address_rules_free(rules);
	return fetcher_check(&f, err);
}

static int
archive_init(
    struct archive *a, const struct archive_options *o, struct err *err)
{
	struct store_options s = {.dir = o->state_dir,
	    .max_bytes = OR(o->disk_bytes, DEFAULT_DISK_BYTES),
	    .max_ocsp_bytes = OR(o->max_ocsp_bytes, DEFAULT_OCSP_BYTES)};
	int rc;

	if (a->news == NULL || a->floors == NULL || a->book == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	a->crl_limits = o->crl;
	a->crl_limits.max_bytes =
	    OR(a->crl_limits.max_bytes, DEFAULT_CRL_BYTES);
	if (memory_table_init(&a->table,
		OR(o->memory_bytes, DEFAULT_MEMORY_BYTES), a->log) != 0)
		return err_set(err, E_NOMEM, "out of memory");
	a->table.on_remove = resource_removed;
	rc = service_new(&a->service, err);
	if (rc != 0)
		return rc;
	rc = address_rules_new(
	    &a->addresses, o->allow_addresses, o->refuse_private, err);
	if (rc != 0)
		return rc;
	rc = archive_new_fetcher(a, o, err);
	if (rc != 0)
		return rc;
	s.log = a->log;
	s.clock = a->clock;
	s.base = archive_base(a);
	if (o->state_dir != NULL) {
		rc = store_new(&a->disk, &s, err);
		if (rc != 0)
			return rc;
		floors_set_store(a->floors, a->disk);
	}
	a->tell_soon = evtimer_new(archive_base(a), archive_tell_soon, a);
	if (a->tell_soon == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	return service_start(a->service, err);
}

int
archive_new(
    struct archive **out, const struct archive_options *o, struct err *err)
{
	/*
	 * The counters of the readers are aligned to cache lines of their own.
	 */
	struct archive *a = aligned_alloc(_Alignof(struct archive), sizeof(*a));
	int rc;

	*out = NULL;
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	memset(a, 0, sizeof(*a));
	if (o->log != NULL) {
		a->log_copy = *o->log;
		a->log = &a->log_copy;
	}
	a->clock = o->clock;
	a->offline = o->offline;
	a->always_fetch = o->always_fetch;
	a->min_refresh_sec = OR(o->min_refresh_sec, DEFAULT_REFRESH_SEC);
	a->skew_sec = o->skew_sec;
	a->retry_first_ms = OR(o->retry_first_ms, DEFAULT_RETRY_FIRST_MS);
	a->retry_max_ms = OR(o->retry_max_ms, DEFAULT_RETRY_MAX_MS);
	a->changed = o->changed;
	a->changed_arg = o->changed_arg;
	a->exchange = o->exchange;
	a->exchange_arg = o->exchange_arg;
	a->news = news_new();
	a->floors = floors_new();
	a->book = source_book_new();
	a->refresh_due = resource_refresh_due;
	(void)RAND_bytes((unsigned char *)&a->random, sizeof(a->random));
	rc = archive_init(a, o, err);
	if (rc != 0)
		archive_free(a);
	else
		*out = a;
	return rc;
}

/* The last post: all who wait are told. */
static void
archive_close(void *arg)
{
	struct archive *a = arg;

	a->closing = true;
	while (a->flights != NULL)
		flight_abort(a->flights, EVIDENCE_FAIL_CLOSED);
	shared_tier_free(a->shared);
	a->shared = NULL;
	if (a->tell_soon != NULL)
		archive_tell_soon(-1, 0, a);
}

void
archive_free(struct archive *a)
{
	if (a == NULL)
		return;
	if (a->service != NULL) {
		/*
		 * Without memory for the post it is closed on this thread,
		 * below.
		 */
		(void)!service_post(a->service, archive_close, a);
		service_stop(a->service);
		archive_close(a);
	}
	fetcher_free(a->fetcher);
	news_free(a->news);
	floors_free(a->floors);
	memory_table_cleanup(&a->table);
	source_book_free(a->book);
	if (a->disk != NULL)
		a->disk->free(a->disk);
	if (a->tell_soon != NULL)
		event_free(a->tell_soon);
	service_free(a->service);
	address_rules_free(a->addresses);
	free(a);
}
