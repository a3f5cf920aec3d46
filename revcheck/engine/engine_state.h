/*
 * engine_state: what all questions share. The configuration is four counted,
 * immutable parts (policy, issuer rules, denylist, local evidence), each
 * replaced as a whole; a question keeps those that it began with.
 */
#ifndef REVCHECK_ENGINE_ENGINE_STATE_H
#define REVCHECK_ENGINE_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cache/engine/archive.h"
#include "revcheck/engine/cert_sources.h"
#include "revcheck/engine/denylist.h"
#include "revcheck/engine/evidence_set.h"
#include "revcheck/engine/issuer_heard.h"
#include "revcheck/engine/known_revoked.h"
#include "revcheck/engine/policy.h"

/* What is in force for a question. */
struct snapshot {
	struct revcheck_policy policy;   /* resolved */
	struct issuer_rules *rules;      /* reference, may be NULL */
	struct denylist *deny;           /* reference, may be NULL */
	struct revcheck_evidence *local; /* reference, may be NULL */
};

/* A stripe for each thread. */
#define ENGINE_STRIPES 16
struct engine_counts {
	atomic_uint_fast64_t checks, checks_cached, soft_accepts,
	    shadow_refusals, good, revoked, unknown, path_invalid, not_asked,
	    soft_kept;
	char gap[64]; /* nothing of another in its cache line */
};

/*
 * The lock of the configuration: who reads takes that of his stripe, which no
 * other thread writes as a rule; who changes takes all, in their order.
 */
struct engine_lock {
	pthread_mutex_t mutex;
	char gap[64]; /* nothing of another in its cache line */
};

struct revcheck_request;

struct revcheck {
	struct engine_lock lock[ENGINE_STRIPES]; /* of now */
	struct snapshot now;
	pthread_mutex_t watch_lock; /* held while it runs */
	revcheck_watch_fn *watch;
	void *watch_arg;
	atomic_uint_fast64_t changes; /* told so far */
	struct archive *archive;
	struct cert_sources_memo *memo;
	struct known_revoked *known;
	/* By word; NULL until there is somebody who could say one. */
	_Atomic(struct known_revoked *) told;
	struct issuer_heard *heard;
	struct local_crls *local; /* watched CRL files, or NULL */
	struct wall_clock clock;
	struct log log;
	void (*log_fn)(void *arg, int level, const char *line);
	void (*log_record)(void *arg, const struct revcheck_log_record *r);
	void *log_arg;
	revcheck_exchange_fn *exchange; /* NULL: nobody watches */
	void *exchange_arg;
	bool offline, has_disk, prefetch;
	uint32_t max_requests;
	time_t started_at;
	unsigned forks; /* forks_count() when it was made */
	struct engine_counts counts[ENGINE_STRIPES];
	atomic_uint_fast64_t pending;
	/* Pending requests; service thread only. */
	struct revcheck_request *requests;
};

/*
 * Runs fn soon on the service thread, which has a stack of full size and must
 * not be held up. E_CLOSED: never.
 */
int engine_post(struct revcheck *rc, void (*fn)(void *arg), void *arg) MUST_USE;

void engine_locks_init(struct revcheck *rc);
void engine_locks_destroy(struct revcheck *rc);
/* Around a change of rc->now. Nothing slow between the two. */
void engine_lock(struct revcheck *rc);
void engine_unlock(struct revcheck *rc);

void engine_snapshot(struct revcheck *rc, struct snapshot *out);
void snapshot_cleanup(struct snapshot *s);

/*
 * Counts a change of what a source says (NULL: of anything), which is in force
 * already, and calls the watcher, on the service thread. Its lock is held
 * meanwhile, so that revcheck_watch returns only when the old watcher has.
 */
void
engine_notify_watcher(struct revcheck *rc, const struct evidence_key *source);
/* Soon, on the service thread: never inside the call that changes something. */
void engine_changed(struct revcheck *rc);
/*
 * Likewise of one source, or of one certificate (its identity) of which it was
 * learned that it is revoked.
 */
void engine_changed_of(struct revcheck *rc, const uint8_t id[32]);

/*
 * What is known revoked, in memory and, where there is a state directory, on
 * disk. Any thread.
 */
/* True: that is news. */
bool engine_know_revoked(struct revcheck *rc, const struct known_revocation *k);
void engine_forget_revoked(struct revcheck *rc, const uint8_t identity[32]);
/* The operator's word; everybody is asked about again. How many were known. */
size_t engine_forget_serial(
    struct revcheck *rc, const uint8_t owner[32], struct span serial);

/* At the start. E_IO: the state directory cannot say what is known. */
int engine_load_known(struct revcheck *rc, struct err *err) MUST_USE;

/* Counts a finished report. */
/* flags: those of the question. */
void engine_count(
    struct revcheck *rc, const struct revcheck_report *r, unsigned flags);

#endif
