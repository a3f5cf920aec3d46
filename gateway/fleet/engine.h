/*
 * engine: the store that a fleet of gateways shares, as one endpoint of it is
 * spoken to. Nine functions are the whole seam: what is above them knows of no
 * product. etcd.c is the one implementation.
 *
 * What is asked of an engine: keys with a revision of the whole store, which
 * only rises; transactions that compare and write at once, linearizable; a
 * watch in order from a revision on; leases, whose keys go when they end.
 *
 * Keys are below the prefix that the engine was opened with, and without it:
 * nothing outside is ever read or written. They are printable ASCII without
 * blanks, of 1 to ENGINE_MAX_KEY bytes.
 *
 * Everything happens on the event base that engine_open was given. An answer
 * never comes from inside the call that asks for it, and exactly once: at the
 * latest when the deadline is over; never after engine_close. (Where there is
 * no memory for a question, ENGINE_AWAY does come from inside.)
 */
#ifndef GATEWAY_FLEET_ENGINE_H
#define GATEWAY_FLEET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/log.h"

struct event_base;
struct engine;

#define ENGINE_MAX_KEY   512
#define ENGINE_MAX_TOKEN 1024
/* Of one answer, and of one line of a watch. */
#define ENGINE_MAX_LINE (4U << 20)
/* Compares, and operations, of one transaction: etcd's own bound. */
#define ENGINE_MAX_OPS 128

enum engine_result {
	/* No answer, or none that says: a write may have got through. */
	ENGINE_UNKNOWN = 0,
	ENGINE_DONE,
	ENGINE_LOST,    /* a compare did not hold: nothing was written */
	ENGINE_REFUSED, /* understood, and nothing was written: see why */
	ENGINE_DENIED,  /* REFUSED, for want of rights: user, password, role */
	ENGINE_FULL,    /* REFUSED: the store takes nothing more */
	ENGINE_COMPACTED, /* REFUSED: that revision is no longer kept */
	ENGINE_NO_LEASE,  /* REFUSED: the lease has ended */
	ENGINE_TOO_LONG,  /* the answer is longer than ENGINE_MAX_LINE */
	ENGINE_AWAY,      /* nobody was reached: nothing was written */
	ENGINE_NUM_RESULTS
};
/* "unknown", "done", ...: for metrics and answers. */
const char *engine_result_text(enum engine_result r);

/* A record. Lent for the call that it is given to. */
struct fleet_kv {
	const char *key;
	const uint8_t *value; /* NULL: deleted (of a watch only) */
	size_t len;
	int64_t revision;        /* of its last change */
	int64_t create_revision; /* 0 of what is deleted */
	int64_t lease;           /* 0: none */
};

enum fleet_op_kind {
	FLEET_OP_PUT = 1,
	FLEET_OP_DELETE,
	FLEET_OP_GET
};

/* Lent to the call that it is given to. */
struct fleet_op {
	enum fleet_op_kind kind;
	const char *key;
	const uint8_t *value; /* FLEET_OP_PUT only; may be empty */
	size_t len;
	int64_t lease; /* FLEET_OP_PUT only; 0: none */
};

/* Holds when the record's last change is of this revision; 0: is absent. */
struct fleet_compare {
	const char *key;
	int64_t revision;
};

/* Lent for the call of done. */
struct engine_answer {
	enum engine_result result;
	/*
	 * Of the store when it answered, which is that of what a transaction
	 * has written; 0: not known.
	 */
	int64_t revision;
	/* Of a get, a list, a transaction's FLEET_OP_GETs. */
	const struct fleet_kv *kv;
	size_t num;
	bool more; /* of a list: there are further ones */
	/* Of a list: what to ask for after it, also where the last record is
	 * none of ours; lent. NULL: none came. */
	const char *last;
	int64_t lease; /* of a lease */
	int64_t ttl_sec;
	unsigned damaged; /* records left out: their keys are none of ours */
	int status;       /* of HTTP; 0: none */
	int code;         /* of the engine's own error; 0: none */
	const char *why;  /* a sentence, without secrets; "" for ENGINE_DONE */
};

typedef void engine_done_fn(void *arg, const struct engine_answer *a);

/* Strings are copied, except the log's. */
struct engine_options {
	struct event_base *base;
	const struct log *log; /* may be NULL */
	const char *endpoint;  /* https://HOST:PORT; http:// on loopback only */
	const char *prefix;    /* "/p2p-gateway/eu/" */
	const char *ca_file;   /* NULL: the system's */
	const char *certificate, *key; /* PEM files, or NULL both */
	const char *user, *password;   /* or NULL both */
	/*
	 * ENGINE_MAX_TOKEN + 1 octets that outlive the engine, "" at first:
	 * what a login gave is kept there for the next engine of the same
	 * store, for a login costs it a tenth of a second of work. Or NULL.
	 */
	char *token;
	unsigned timeout_ms; /* of a request; 0: 2000 */
};

/* engine_endpoint_check: may that be an endpoint? E_ARG, and err says why. */
int engine_endpoint_check(const char *endpoint, struct err *err) MUST_USE;

/* 1. Nothing is sent yet. */
int engine_open(struct engine **out, const struct engine_options *o,
    struct err *err) MUST_USE;

/* 2. One record. linearizable: as of now; else what this node has. */
void engine_get(struct engine *e, const char *key, bool linearizable,
    engine_done_fn *done, void *arg);

/*
 * 3. Records in the order of their keys, all that begin with `below`, from
 * `after` (NULL: the first) on, exclusive; at this revision, or at the newest
 * (0). At most `limit`.
 */
void engine_list(struct engine *e, const char *below, const char *after,
    int64_t revision, unsigned limit, engine_done_fn *done, void *arg);

/*
 * 4. When all compares hold, all operations at one revision; otherwise none,
 * and ENGINE_LOST. Without compares and with FLEET_OP_GETs
 * alone it is one linearizable read. At most ENGINE_MAX_OPS of each; a key is
 * written once. It is sent once: whatever may have got through is UNKNOWN.
 * timeout_ms 0: the engine's.
 */
void engine_txn(struct engine *e, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op,
    unsigned timeout_ms, engine_done_fn *done, void *arg);

/* What a watch tells. From inside events, engine_close may be called. */
struct engine_watch_calls {
	void *arg;
	/* It is there: all that changes from here on will be told. */
	void (*created)(void *arg, int64_t revision);
	/*
	 * Changes in their order. revision: all up to it, inclusive, have been
	 * told; 0: more of the same revision follow. num may be 0.
	 */
	void (*events)(void *arg, const struct fleet_kv *kv, size_t num,
	    int64_t revision, unsigned damaged);
	/* The end. ENGINE_COMPACTED: what was asked for is no longer kept. */
	void (*ended)(void *arg, enum engine_result result, const char *why);
};

/* 5. One watch an engine, over the whole prefix; ended may begin another. */
void engine_watch(struct engine *e, int64_t from_revision,
    const struct engine_watch_calls *calls);

/* 6. to 8. A lease of so many seconds; answers name it and what it has left. */
void engine_lease(
    struct engine *e, unsigned ttl_sec, engine_done_fn *done, void *arg);
void engine_keepalive(
    struct engine *e, int64_t lease, engine_done_fn *done, void *arg);
void
engine_revoke(struct engine *e, int64_t lease, engine_done_fn *done, void *arg);

/*
 * 9. Ends what is under way without another word: no done is called any more,
 * and a write may have got through. From anywhere, also from inside an answer.
 * NULL allowed.
 */
void engine_close(struct engine *e);

#endif
