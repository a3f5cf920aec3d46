/*
 * engine: what all questions share. Configuration is three counted, immutable
 * parts (policy, issuer rules, denylist) replaced as a whole; a question holds
 * the ones it began with.
 */
#ifndef REVCHECK_ENGINE_ENGINE_H
#define REVCHECK_ENGINE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cache/engine/archive.h"
#include "revcheck/engine/revoked_memory.h"
#include "revcheck/engine/policy.h"
#include "revcheck/engine/cert_sources.h"
#include "revcheck/engine/evidence_set.h"

struct denylist;
struct denylist *denylist_up_ref(struct denylist *d);
void denylist_free(struct denylist *d);
int denylist_new(struct denylist **out, const struct revcheck_deny *list,
    size_t num, struct err *err) MUST_USE;
/* The note of the entry that names this certificate, or NULL. */
const char *denylist_find(const struct denylist *d, X509 *cert,
    const uint8_t spki_sha256[32], time_t at);
bool denylist_empty(const struct denylist *d);

/* What a question was asked under. */
struct snapshot {
	struct revcheck_policy policy;   /* resolved */
	struct issuer_rules *rules;      /* reference, may be NULL */
	struct denylist *deny;           /* reference, may be NULL */
	struct revcheck_evidence *local; /* reference, may be NULL */
};

struct engine_counts {
	atomic_uint_fast64_t checks, checks_cached, soft_accepts,
	    shadow_refusals, good, revoked, unknown, path_invalid;
	atomic_uint_fast64_t pending;
};

struct revcheck_request;

struct revcheck {
	pthread_mutex_t lock; /* snapshot */
	struct snapshot now;
	pthread_mutex_t watch_lock; /* held while it runs */
	void (*watch)(void *arg);
	void *watch_arg;
	struct archive *archive;
	struct cert_sources_memo *memo;
	struct revoked_memory *memory;
	struct local_crls *local; /* watched CRL files, or NULL */
	struct wall_clock clock;
	struct log log;
	void (*log_fn)(void *arg, int level, const char *line);
	void *log_arg;
	bool offline, has_disk, prefetch;
	uint32_t max_requests;
	time_t started_at;
	struct engine_counts counts;
	/* Pending requests; service thread only. */
	struct revcheck_request *requests;
};

void engine_snapshot(struct revcheck *rc, struct snapshot *out);
void snapshot_cleanup(struct snapshot *s);

/* Counts a finished report. */
void engine_count(struct revcheck *rc, const struct revcheck_report *r);

#endif
