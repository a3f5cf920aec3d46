/*
 * archive: signed revocation data, fetched once for all who ask, verified
 * before it is held, refreshed before it expires, stored across restarts.
 *
 * The archive knows sources, documents, times and failures. It does not know
 * what a certificate is: the acceptor that came with the order decides whether
 * a document is authentic, before it is held and again when it was read from
 * disk, and whether what is held answers the question. A source is asked, URL
 * by URL, until it does.
 *
 * One service thread (event loop, libcurl multi, timers, disk, acceptors).
 * archive_get1 and archive_stats_get are thread-safe and never block on the
 * service thread; the other functions say where they run.
 */
#ifndef CACHE_ENGINE_ARCHIVE_H
#define CACHE_ENGINE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/clock.h"
#include "cache/base/error.h"
#include "cache/base/log.h"
#include "cache/base/ref.h"
#include "cache/base/span.h"
#include "cache/crl/crl.h"
#include "cache/evidence/documents.h"
#include "cache/evidence/evidence.h"
#include "cache/fetch/object_store.h"
#include "cache/store/store.h"

struct archive;
struct event_base;

/* Orders. */

/*
 * An acceptor stands for a question. It runs on the service thread; it must not
 * block, and must not call into the archive. Counted, because an order may be
 * used after the question that made it is answered.
 *
 * accept: whether the document is authentic here, and describes it where it is
 * not described yet. Returns 0 to accept; otherwise sets *reject_code and err.
 *
 * answers: whether what is held, and what has come besides (either may be
 * NULL), answers the question at `now`. NULL: any document in date does.
 *
 * context: acceptors of one context accept the same documents.
 */
struct archive_acceptor {
	struct ref ref;
	struct evidence_key context;
	int (*accept)(struct archive_acceptor *self, struct evidence *draft,
	    time_t now, int *reject_code, struct err *err);
	bool (*answers)(struct archive_acceptor *self,
	    const struct documents *held, const struct documents *seen,
	    time_t now);
	void (*free)(struct archive_acceptor *self);
};

void archive_acceptor_free(struct archive_acceptor *a); /* drops a reference */

struct archive_order {
	struct evidence_key key;
	enum evidence_kind kind;
	/*
	 * Tried in order until one is accepted, in the ways that fetch_plan.h
	 * tells. Copied.
	 */
	const char *const *urls;
	size_t num_urls;
	struct span request; /* OCSP; empty for a CRL. Copied */
	/*
	 * OCSP with a nonce that may be left out: the request without it, sent
	 * when nobody answers the other. Copied.
	 */
	struct span request_plain;
	bool force_post; /* a nonce is in the request */
	bool no_store;   /* do not keep or refresh the answer (nonce) */
	struct archive_acceptor *acceptor; /* referenced */
	/* Whose budget it counts against: SHA-256 of the issuer's key. */
	uint8_t owner[32];
};

/* The archive. */

/* One exchange with a source as it goes, see archive_options. Lent. */
enum archive_exchange_event {
	ARCHIVE_EXCHANGE_BEGUN = 1,
	ARCHIVE_EXCHANGE_BYTES,
	ARCHIVE_EXCHANGE_ENDED
};
struct archive_exchange {
	enum archive_exchange_event event;
	uint64_t id;
	enum evidence_kind kind;
	const char *url;
	bool post;
	struct span request;
	uint64_t bytes, total; /* total 0: not announced */
	uint32_t ms;
	int http_status;
	bool not_modified;
	/* At the end: NULL, what came is authentic. */
	const struct evidence_failure *failure;
};

/*
 * What several archives share: who has which CRL, who fetches for all, and a
 * store where the bytes are. Advice where to look: what comes that way is
 * accepted like an answer of the network, or not at all.
 */
struct archive_pointer {
	uint8_t sha256[32];
	uint64_t len;
	uint8_t number[STORE_SERIAL_MAX]; /* big-endian */
	size_t number_len;                /* 0: none */
	time_t this_update, next_update;  /* next 0: none given */
	time_t checked; /* when its source last said that it is the newest */
	char url[STORE_URL_MAX];
	char etag[FETCH_MAX_VALIDATOR], last_modified[FETCH_MAX_VALIDATOR];
};

enum archive_claim {
	ARCHIVE_CLAIM_AWAY = 0, /* nobody can say */
	ARCHIVE_CLAIM_WON,
	ARCHIVE_CLAIM_TAKEN,
	ARCHIVE_CLAIM_BACKOFF, /* another failed */
};

/* Functions are called on the service thread; see struct revcheck_shared. */
struct archive_shared {
	void *arg;
	bool (*newest)(void *arg, const struct evidence_key *source,
	    struct archive_pointer *out);
	void (*claim)(
	    void *arg, const struct evidence_key *source, uint64_t ticket);
	void (*published)(void *arg, const struct evidence_key *source,
	    const struct archive_pointer *p, bool changed);
	void (*released)(void *arg, const struct evidence_key *source,
	    const char *failed, time_t until);
	void (*gone)(void *arg); /* no more of them is called; may be NULL */
	uint32_t claim_wait_ms, spread_ms;
	struct object_store_options store; /* url NULL: none */
};

struct archive_options {
	const char *state_dir; /* NULL: memory only */
	bool offline;
	uint32_t connect_timeout_ms, fetch_timeout_ms, crl_timeout_ms;
	uint32_t max_ocsp_bytes;
	struct crl_limits crl;
	uint64_t memory_bytes;
	const char *const *allow_addresses;
	bool refuse_private;
	const uint16_t *ports; /* 0-terminated; NULL: 80, 443 */
	bool any_port;
	const char *proxy;
	const char *https_ca_file;
	const char *user_agent;
	uint32_t min_refresh_sec; /* floor between two fetches [60] */
	uint32_t skew_sec;        /* clock skew when judging staleness */
	/* Slower than this for so long: a CRL transfer is given up [512/10]. */
	uint32_t low_speed_bytes, low_speed_sec;
	/* After failures: doubling from first to max [1000, 300000]. */
	uint32_t retry_first_ms, retry_max_ms;
	uint64_t disk_bytes; /* budget of the disk store [4 GiB] */
	/* Fetch although the disk has it, however fresh. */
	bool always_fetch;
	struct wall_clock clock;
	const struct log *log;
	/*
	 * Called on the service thread after evidence of a key is held that was
	 * not known before, the first of it included: never for a 304 or the
	 * same bytes, nor for what was dropped for want of memory and is read
	 * again.
	 */
	void (*changed)(void *arg, const struct evidence_key *key);
	void *changed_arg;
	/*
	 * Called on the service thread when an exchange begins, as its bytes
	 * come, and at its end, unless the archive ends before. NULL: nobody.
	 */
	void (*exchange)(void *arg, const struct archive_exchange *x);
	void *exchange_arg;
};

int archive_new(struct archive **out, const struct archive_options *o,
    struct err *err) MUST_USE;

/*
 * What archive_new would say to addresses, proxy and files of o; makes nothing.
 * E_ARG, E_IO.
 */
int archive_check(const struct archive_options *o, struct err *err) MUST_USE;

/*
 * Replaces where may be fetched from: allow_addresses, refuse_private, ports
 * and any_port of o. Acts on what is connected to from then on; what failed
 * before is asked again as if it had not. Thread-safe. E_ARG, E_NOMEM: nothing
 * has changed.
 */
int archive_set_addresses(struct archive *a, const struct archive_options *o,
    struct err *err) MUST_USE;

/*
 * Replaces what is shared, from now on with nobody (NULL) or with others. When
 * it returns, nothing of what was before is called any more, unless it was
 * called on the service thread. Any thread. E_ARG, E_NOMEM: nothing has
 * changed, and gone is not called.
 */
int archive_set_shared(struct archive *a, const struct archive_shared *shared,
    struct err *err) MUST_USE;
/* Whether it would take that. */
int archive_check_shared(
    const struct archive_shared *shared, struct err *err) MUST_USE;
/* The arg of what is shared, or NULL. Service thread. */
void *archive_get0_shared(struct archive *a);
/* The answer to a claim; until is for BACKOFF. Any thread. */
void
archive_shared_claimed(struct archive *a, const struct evidence_key *source,
    uint64_t ticket, enum archive_claim answer, time_t until);
/* Another spread_ms from now on. Any thread. */
void archive_shared_spread(struct archive *a, uint32_t spread_ms);
/* `newest` says something else by now, or a claim is gone. Any thread. */
void archive_shared_told(struct archive *a, const struct evidence_key *source);

/* Stops the service thread; waiters that remain get EVIDENCE_FAIL_CLOSED. */
void archive_free(struct archive *a);

/* The loop of the service thread, for timers that run on it. */
struct event_base *archive_get0_base(struct archive *a);

/*
 * archive_post runs fn(arg) on the service thread, soon, in order. Thread-safe.
 * E_CLOSED while stopping (fn will not run), E_NOMEM.
 */
int archive_post(struct archive *a, void (*fn)(void *arg), void *arg) MUST_USE;

/*
 * archive_get1 is the hot path: a reference to what memory holds under key, in
 * date or not (the caller looks at dates), or NULL. Marks the source as asked
 * for. Thread-safe; no system call.
 */
struct documents *
archive_get1(struct archive *a, const struct evidence_key *key) MUST_USE;

/*
 * archive_fetch asks a source, on disk and over the network, once for all who
 * wait, until the acceptor of the order is answered or everything was tried,
 * and remembers the order for refreshing. Service thread only. done is called
 * exactly once, on the service thread, never from inside this call; not after
 * archive_wait_cancel. It is lent the documents that are held and that came (or
 * NULL), and a failure, which is NULL when they answer. A failure of
 * EVIDENCE_FAIL_NONE: the source answered, and has nothing better. If memory
 * answers at the time of the call, done receives that. deadline_mono_ms: at
 * this clock_mono_ms() done receives EVIDENCE_FAIL_DEADLINE, while the fetch
 * goes on.
 */
struct archive_wait; /* freed when done was called, or by cancel */
typedef void archive_done_fn(
    void *arg, struct documents *d, const struct evidence_failure *f);
int archive_fetch(struct archive *a, const struct archive_order *order,
    uint64_t deadline_mono_ms, archive_done_fn *done, void *arg,
    struct archive_wait **out, struct err *err) MUST_USE;
void archive_wait_cancel(struct archive_wait *w);

/*
 * archive_prefetch gets what memory does not hold, ahead of any question. Any
 * thread; the outcome is not reported. E_CLOSED, E_NOMEM.
 */
int
archive_prefetch(struct archive *a, const struct archive_order *order) MUST_USE;

/*
 * Known revocations, which outlive documents: kept in the state directory;
 * without one these do nothing. archive_known_each waits for the disk: not on
 * the service thread; E_IO. The others: any thread, done soon; E_CLOSED,
 * E_NOMEM.
 */
int archive_known_each(
    struct archive *a, store_known_fn *fn, void *arg, struct err *err) MUST_USE;
int archive_known_put(struct archive *a, const struct store_known *k) MUST_USE;
int
archive_known_forget(struct archive *a, const uint8_t identity[32]) MUST_USE;
/* All of this issuer key and serial, without leading zeros. */
int archive_known_forget_serial(
    struct archive *a, const uint8_t owner[32], struct span serial) MUST_USE;

/* Listing and counters. */

/*
 * How long transfers took, whatever came of them. num[i] ended within the i-th
 * bound and not within the one before, the last later than all.
 */
#define ARCHIVE_NUM_FETCH_TIMES 12
extern const uint32_t archive_fetch_bounds_ms[ARCHIVE_NUM_FETCH_TIMES - 1];
struct archive_fetch_times {
	uint64_t num[ARCHIVE_NUM_FETCH_TIMES], ms;
};

enum archive_shared_count {
	SHARED_POINTERS = 0,
	SHARED_BLOBS,
	SHARED_MISSING,
	SHARED_REFUSED,
	SHARED_PUTS,
	SHARED_PUTS_FAILED,
	SHARED_CLAIMS_AWAY, /* in the order of enum archive_claim */
	SHARED_CLAIMS_WON,
	SHARED_CLAIMS_TAKEN,
	SHARED_CLAIMS_BACKOFF,
};
#define ARCHIVE_NUM_SHARED (SHARED_CLAIMS_BACKOFF + 1)

struct archive_stats {
	struct archive_fetch_times crl_fetches, ocsp_fetches;
	uint64_t hits, misses, disk_hits;
	uint64_t fetches, fetches_304, fetched_bytes, joins, refreshes;
	/* On disk: what documents take there, and writes that were given up. */
	uint64_t disk_bytes, disk_lost;
	uint64_t restarts; /* a source counts its CRLs from a lower number */
	uint64_t evictions, entries, bytes;
	uint64_t fail[EVIDENCE_FAIL_NOMEM + 1];
	/* Of what is shared; see struct revcheck_stats. */
	uint64_t shared[ARCHIVE_NUM_SHARED];
};
void archive_stats_get(struct archive *a, struct archive_stats *out);

/* One resource as listed: for REST, metrics and `revcheck cache`. */
struct archive_item {
	struct evidence_key key;
	enum evidence_kind kind;
	enum evidence_origin origin;
	const char *url;
	size_t bytes;
	size_t num_entries; /* CRL */
	time_t this_update, next_update, fetched_at, next_refresh_at;
	unsigned failures;     /* in a row */
	const struct crl *crl; /* of a CRL; lent for the call */
};
/* Calls fn for each item until it returns false. Thread-safe, snapshot. */
void archive_list(struct archive *a,
    bool (*fn)(void *arg, const struct archive_item *item), void *arg);

/* One URL that is fetched from; all lent for the call. */
struct archive_source {
	enum evidence_kind kind;
	const char *url;
	const struct evidence_key *key; /* of what ends the soonest, or NULL */
	size_t num, bytes;              /* held now */
	time_t this_update, ends_at;    /* of what ends the soonest; 0: none */
	time_t succeeded_at, tried_at, next_try_at; /* 0: never */
	const struct evidence_failure *failure; /* of the last try, or NULL */
	unsigned failures;                      /* in a row */
	uint64_t last_bytes;                    /* of the last transfer */
	uint32_t last_ms;
};
/*
 * Calls fn for each until it returns false: those, too, that never answered.
 * Thread-safe; the service thread waits meanwhile, so fn must be short, and
 * must not call the archive.
 */
void archive_sources(struct archive *a,
    bool (*fn)(void *arg, const struct archive_source *s), void *arg);
/* archive_get1 of who only looks: nothing is taken for asked. */
struct documents *
archive_peek1(struct archive *a, const struct evidence_key *key) MUST_USE;

/*
 * Forces a refresh of key (all if NULL), not more often than the floor. Any
 * thread; begins soon. Returns how many are refreshed when called on the
 * service thread, 0 elsewhere; E_CLOSED, E_NOMEM.
 */
int archive_refresh(struct archive *a, const struct evidence_key *key) MUST_USE;
/*
 * Begins to fetch what is known and not held fresh, at most 1000 pieces, also
 * where a source failed a moment ago. Otherwise like archive_refresh.
 */
int archive_fetch_missing(struct archive *a) MUST_USE;
/*
 * Removes key (all if NULL) from memory and disk. Any thread. When it returns,
 * nothing of it is read any more; its files go as the disk allows.
 */
int archive_flush(struct archive *a, const struct evidence_key *key) MUST_USE;

#endif
