/*
 * link: the connection of this machine to its fleet's engine: to one endpoint
 * at a time, to the others in turn. It reads the whole prefix at the start,
 * follows it by a watch, finds out by a heartbeat when the watch has died in
 * silence, and reads the whole again where something was missed. What the
 * records mean is mirror's affair; here they are keys and bytes.
 *
 * Everything on the event base of the options, which is never blocked. No call
 * of link tells anything from inside itself (where there is no memory, or no
 * room, for a question, ENGINE_AWAY does).
 */
#ifndef GATEWAY_FLEET_LINK_H
#define GATEWAY_FLEET_LINK_H

#include "gateway/fleet/engine.h"

struct fleet_link;

#define FLEET_LINK_MAX_ENDPOINTS 16
/* Requests that wait at the same time; one more is ENGINE_AWAY. */
#define FLEET_LINK_MAX_WAITING 1024
#define FLEET_PREFIX           "/p2p-gateway/%s/"
/* Of a fleet that large on, beats come every 5 s. */
#define FLEET_LINK_MANY_MEMBERS 500

/*
 * Keys that link knows: each beat reads them. Every change of a record that
 * counts raises `head` or touches `news` in its own transaction, so that who
 * has not heard of their last change has missed something. `fleet` names the
 * store: when its bytes are others than those last heard of, it is another
 * store, or one that was filled again, and everything is read anew.
 */
#define FLEET_KEY_FLEET "fleet"
#define FLEET_KEY_HEAD  "head"
#define FLEET_KEY_NEWS  "news"

struct fleet_link_options {
	struct event_base *base;
	const struct log *log;
	const char *name;             /* of the fleet: FLEET_PREFIX's */
	const char *const *endpoints; /* NULL ends them */
	const char *ca_file, *certificate, *key; /* as engine_options */
	/* Its first line is the password; read at each connection. */
	const char *user, *password_file;
	unsigned heartbeat_ms;       /* 0: 2000 */
	unsigned request_timeout_ms; /* 0: 2000 */
};

enum fleet_link_state {
	FLEET_LINK_DOWN = 0,   /* waits before it tries the next endpoint */
	FLEET_LINK_CONNECTING, /* the first answer is awaited */
	FLEET_LINK_LOADING,    /* the whole is being read */
	FLEET_LINK_JOINING,    /* the watch is being made */
	FLEET_LINK_UP,         /* follows; the last beats agreed */
};

struct fleet_link_calls {
	void *arg;
	/*
	 * The whole is read from here on: at the start, after a gap. The first
	 * records of it are `fleet` alone, with value NULL when it is absent.
	 */
	void (*loading)(void *arg);
	/*
	 * whole: a page of that. Otherwise changes, in their order, of one
	 * answer of the watch: to be put in force together. The same change
	 * may come twice; none is skipped. The link may be freed from here.
	 */
	void (*records)(
	    void *arg, const struct fleet_kv *kv, size_t num, bool whole);
	/* The whole is complete, as of revision: what was not in it, is not. */
	void (*loaded)(void *arg, int64_t revision);
	/* why: a sentence; "" when UP. */
	void (*state)(void *arg, enum fleet_link_state state, const char *why);
};

/* What is asked through a link. */
enum fleet_ask {
	FLEET_ASK_GET = 0,
	FLEET_ASK_LIST,
	FLEET_ASK_TXN,
	FLEET_ASK_LEASE,
	FLEET_ASK_KEEPALIVE,
	FLEET_ASK_REVOKE,
	FLEET_NUM_ASKS
};

/* How long answers took: up to so many ms each, and those beyond. */
#define FLEET_TOOK_MS                                          \
	{                                                      \
		1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500 \
	}
#define FLEET_NUM_TOOK 12

struct fleet_link_stats {
	enum fleet_link_state state;
	const char *endpoint; /* the one in use or tried last; lent */
	char why[256];        /* the last trouble; "" before the first */
	int64_t revision;     /* all changes up to it have been told */
	uint64_t lag_ms;      /* see fleet_link_lag_ms */
	uint64_t pause_ms;    /* before what was tried last */
	uint64_t reconnects, resyncs, beats, damaged, events;
	/* Requests that were answered, from the call on; waiting is part of it.
	 */
	uint64_t requests[FLEET_NUM_ASKS][ENGINE_NUM_RESULTS];
	uint64_t took[FLEET_NUM_TOOK]; /* not cumulative */
	uint64_t took_ms;              /* all together */
};

/* Whether they can be used; files are not looked at. E_ARG: err says why. */
int
fleet_link_check(const struct fleet_link_options *o, struct err *err) MUST_USE;
/* Checks and begins; the first answers come from the loop. */
int fleet_link_new(struct fleet_link **out, const struct fleet_link_options *o,
    const struct fleet_link_calls *calls, struct err *err) MUST_USE;

/* No done is called any more. NULL allowed. From anywhere. */
void fleet_link_free(struct fleet_link *l);

/* Everything is read once more. Not from inside a callback. */
void fleet_link_read_anew(struct fleet_link *l, const char *why);

/*
 * Other endpoints and credentials (SIGHUP); the name stays. Whatever is wrong
 * with them leaves all as it was. The connection begins anew.
 */
int fleet_link_configure(struct fleet_link *l,
    const struct fleet_link_options *o, struct err *err) MUST_USE;

/* How many members there are: decides how often the heart beats, and over how
 * long those who lose an engine at once come back. */
void fleet_link_set_members(struct fleet_link *l, size_t num);

/*
 * Requests wait until there is a connection; the deadline of
 * request_timeout_ms is for waiting; one that is sent at its end has as long
 * again (a transaction has not). Reads, and what was certainly not sent, are
 * tried again, at another endpoint if need be; a write that may have got
 * through never is: ENGINE_UNKNOWN, to be settled by reading. See engine.h for
 * answers.
 */
void fleet_link_get(struct fleet_link *l, const char *key, bool linearizable,
    engine_done_fn *done, void *arg);
void fleet_link_list(struct fleet_link *l, const char *below, const char *after,
    unsigned limit, engine_done_fn *done, void *arg);
/* Copies what it is given. A transaction of FLEET_OP_GETs alone is a read. */
void fleet_link_txn(struct fleet_link *l, const struct fleet_compare *compare,
    size_t num_compare, const struct fleet_op *op, size_t num_op,
    engine_done_fn *done, void *arg);
void fleet_link_lease(
    struct fleet_link *l, unsigned ttl_sec, engine_done_fn *done, void *arg);
void fleet_link_keepalive(
    struct fleet_link *l, int64_t lease, engine_done_fn *done, void *arg);
void fleet_link_revoke(
    struct fleet_link *l, int64_t lease, engine_done_fn *done, void *arg);

/* What was told last is a part of one change, the rest follows. */
bool fleet_link_in_parts(const struct fleet_link *l);
/* All changes up to it have been told; 0 before the first load. */
int64_t fleet_link_revision(const struct fleet_link *l);
/* Age of the last beat that agreed; of the link before the first. */
uint64_t fleet_link_lag_ms(const struct fleet_link *l);
void fleet_link_stats(const struct fleet_link *l, struct fleet_link_stats *out);

/* "down", ...: for metrics and GET /fleet. */
const char *fleet_link_state_text(enum fleet_link_state s);
/* "get", "list", "txn", "lease", "keepalive", "revoke" */
const char *fleet_ask_text(enum fleet_ask what);

#endif
