/*
 * request: a question about a chain. Counted: one reference is the caller's,
 * one the service thread's while it is pending. Everything in it belongs to the
 * caller's thread until request_begin, to the service thread from then until
 * delivery; `cancelled` alone is shared.
 */
#ifndef REVCHECK_ENGINE_REQUEST_H
#define REVCHECK_ENGINE_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>

#include "revcheck/engine/engine_state.h"
#include "revcheck/engine/cert_check.h"
#include "revcheck/engine/report.h"

struct event;

struct revcheck_request {
	struct ref ref;
	struct revcheck *rc;
	struct revcheck_request *next, **prev;
	/* pending; NULL: not */ /* of the engine's pending list */
	struct snapshot snap;
	struct request_env env;
	enum revcheck_mode mode;
	unsigned flags;
	uint32_t deadline_ms;
	uint64_t deadline_mono_ms;
	/*
	 * Trust, supplied evidence and `extra` are the caller's, who has them
	 * as long as his call lasts; likewise the chain. Else references.
	 */
	bool lent, chain_lent;
	X509 **chain; /* verified, anchor last */
	size_t num_chain;
	X509 **extra;         /* as sent, and untrusted ones */
	size_t num_submitted; /* so many of extra are query.chain */
	struct cert_check **checks;
	size_t num_checks;
	uint64_t changes; /* told when it began */
	bool cached;      /* memory alone answered */
	bool none_denied; /* of its path, in snap.deny at rules.at */
	struct revcheck_report *report;
	/* Pending. */
	struct archive_wait *wait;
	struct source *waiting;
	struct cert_check *waiting_owner;
	struct event *timer;
	struct event_base *base;
	revcheck_done_fn *done;
	void *arg;
	atomic_bool cancelled;
	pthread_mutex_t lock; /* deliver against cancel */
	struct event *deliver;
	bool delivering;
};

/*
 * request_new makes a request: path verified. What the query names is lent
 * until request_begin. If the path is invalid, the report is made at once.
 */
int request_new(struct revcheck_request **out, struct revcheck *rc,
    const struct revcheck_query *q, struct err *err) MUST_USE;

/*
 * request_advance runs until a report is there or something must be fetched.
 * FINAL: r->report is set. NOMEM: it cannot be made.
 */
enum answer request_advance(struct revcheck_request *r, struct source **need,
    struct cert_check **owner);

void request_destroy(struct revcheck_request *r);

/* request_try answers from memory: FINAL, or FETCH when it cannot. */
enum answer request_try(struct revcheck_request *r);

/* request_begin passes it to the service thread; done will be called once. */
int request_begin(struct revcheck_request *r, struct event_base *base,
    revcheck_done_fn *done, void *arg, struct err *err) MUST_USE;

/* Service thread: ends all that is pending. */
void requests_cancel_all(struct revcheck *rc);

#endif
