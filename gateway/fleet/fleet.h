/*
 * fleet: this machine as a member of a fleet that shares small facts over an
 * engine (link.h). What it holds is this machine's own copy, kept by who calls
 * (struct fleet_calls) and decided from alone: the engine may be away, wiped,
 * older or hostile, and nothing here is loosened by that.
 *
 * Everything is the control thread's: calls, and callbacks from the event base.
 * No callback is called from inside a call of this header, but for those that
 * fleet_new makes to read what is held.
 */
#ifndef GATEWAY_FLEET_FLEET_H
#define GATEWAY_FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/fleet/link.h"
#include "gateway/fleet/record.h"

struct fleet;

/* One record, as it came from the engine, unsealed and found newer than what
 * this machine holds. All lent. */
struct fleet_record {
	enum fleet_kind kind;
	const char *key;  /* "deny/0123456789abcdef" */
	const char *name; /* "0123456789abcdef" */
	int64_t n;        /* ordered kinds */
	int64_t version;  /* CONFIG, HISTORY */
	bool removed;     /* a tombstone */
	/*
	 * What waits in the outbox under this key is in force and stays so: n
	 * and json are to be kept, nothing to be put in force.
	 */
	bool shadowed;
	bool settles; /* it is what the outbox held, which is to be emptied */
	/*
	 * There is no such record any more, and json is NULL. Never a removal:
	 * a claim that is free, a member that went, the end of what is leased.
	 * Of ordered kinds: the end of a tombstone or of an old history.
	 */
	bool gone;
	const char *json; /* plain text, NUL-terminated; see record.h */
	size_t len;
	int64_t revision; /* the engine's, of this change */
};

/* What became of one record. Preset to ok. */
struct fleet_taken {
	bool ok;
	char why[160]; /* why it cannot act here: "not understood: ..." */
};

/* What to remember beside records. */
struct fleet_facts {
	const char *id; /* of the fleet that is followed; "" while none is */
	int64_t head;   /* highest n ever seen */
	int64_t filled;
	/* What that head said of its records, to be kept as it is; NULL or "":
	 * nothing. */
	const char *tally;
};

/* What this machine holds under a key. See fleet_state.h's row. */
struct fleet_held {
	const char *key;
	int64_t n, version;
	bool removed;
	const char *json;    /* NULL with n 0 */
	const char *pending; /* NULL: nothing waits */
	bool pending_removed;
};
typedef int
fleet_held_fn(void *arg, const struct fleet_held *held, struct err *err);

/*
 * What who runs a fleet gives. arg is that of options. take, each and facts
 * must be there; the rest may be NULL.
 */
struct fleet_calls {
	/*
	 * Puts these in force, once for all of them, in one transaction with
	 * what is to be kept of each that was taken (fleet_state_put, _drop)
	 * and with *facts. `adopted`: another fleet is followed from now on,
	 * what was held of the one before is to be forgotten first
	 * (fleet_state_clear). A record that cannot act here is not taken, and
	 * what is in force stays: taken[i].ok = false. An error: nothing at all
	 * was changed; it is tried again with a growing pause. num may be 0:
	 * facts alone. Kinds that are not known there are ok. Members, claims,
	 * evidence, revoked and withdrawn come here, too; they have no n and
	 * need not be kept.
	 */
	int (*take)(void *arg, const struct fleet_record *v, size_t num,
	    const struct fleet_facts *facts, bool adopted,
	    struct fleet_taken *taken, struct err *err);
	/* What is held, each row once; key: that one alone. */
	int (*each)(void *arg, const char *key, fleet_held_fn *fn, void *fnarg,
	    struct err *err);
	/* What was remembered; *out lent until the next take. */
	int (*facts)(void *arg, struct fleet_facts *out, struct err *err);
	/* The state of fleet_view has changed. */
	void (*changed)(void *arg);
	/* The engine has lost all, and is filled by this machine: it is to say
	 * again which sessions were withdrawn. */
	void (*emptied)(void *arg);
};

struct fleet_options {
	const struct fleet_link_options *link; /* name, endpoints, base, log */
	const char *member;                    /* name of this machine */
	const char *secret_file;
	const char *previous_secret_file; /* accepted, not written; or NULL */
	int64_t min_n; /* a fresh machine follows nothing older */
	bool create; /* makes the fleet where there is none and none is known */
	bool adopt;  /* follows whatever fleet is there */
	const struct log *log;
	struct fleet_calls calls;
	void *arg;
};

/*
 * Reads the secrets and what is held, begins to connect. E_PARSE, E_IO: a file
 * that is not usable, or what each() says.
 */
int fleet_new(struct fleet **out, const struct fleet_options *options,
    struct err *err) MUST_USE;
/* Callbacks that are due are not called any more. Not from inside one. */
void fleet_free(struct fleet *f);
/*
 * Other endpoints, credentials and secrets (SIGHUP): those of options; the rest
 * of it stays as it was. An error changes nothing. All is read anew.
 */
int fleet_configure(struct fleet *f, const struct fleet_options *options,
    struct err *err) MUST_USE;

/* Ordered changes. */

#define FLEET_HELD   INT64_C(-1) /* still what this machine holds, or nothing */
#define FLEET_ANY    INT64_C(-2) /* whatever is there */
#define FLEET_ABSENT INT64_C(0)  /* nothing, or a tombstone */

#define FLEET_WRITE_MAX    1000 /* changes of one call: all of them at once */
#define FLEET_WRITE_MS     3000
#define FLEET_WRITE_QUEUED 1024 /* calls that wait */

struct fleet_change {
	enum fleet_kind kind;
	const char *name;
	const char *json; /* the record or its tombstone; NULL: deletes the key
			     (HISTORY alone) */
	int64_t expect;   /* its n, or one of the above */
};

enum fleet_result {
	FLEET_FAILED = 0,  /* not written; why says it */
	FLEET_WRITTEN,     /* written, and in force here */
	FLEET_CONFLICT,    /* somebody else wrote `key` before */
	FLEET_AWAY,        /* no answer in time; not written, but see unsure */
	FLEET_FULL,        /* the engine takes no more (or the kind's bound) */
	FLEET_NOT_APPLIED, /* written, but take() did not take it: `n` is what
			      the writer replaces to take it back */
};

struct fleet_outcome {
	enum fleet_result result;
	/*
	 * With AWAY: it could not be found out whether it got through. If it
	 * did, take() will be given it.
	 */
	bool unsure;
	int64_t n; /* of the change, or of what is there instead */
	char key[FLEET_KEY_SIZE]; /* of the change that lost */
	char why[160];
};
typedef void fleet_done_fn(void *arg, const struct fleet_outcome *outcome);

/*
 * Writes all of these or none, as one change with the next n (in transactions
 * of at most 100: beyond that each hundred is all or none, and the first that
 * fails ends it). One write at a time; others wait. done is called once, not
 * from inside, after take() has been given the records. E_ARG for a wrong
 * name or text, E_LIMIT when too many wait, E_CLOSED when no fleet is followed:
 * then done is not called.
 */
int fleet_write(struct fleet *f, const struct fleet_change *v, size_t num,
    fleet_done_fn *done, void *arg, struct err *err) MUST_USE;

/*
 * What tightens and is in force and in the outbox here already
 * (fleet_state_pend, committed): it is sent when the engine can be had, and
 * comes through take() with `settles`. What waited under that key is replaced.
 * later: it is sent after all that is not, as is what waited at the start.
 */
int fleet_pending(struct fleet *f, const struct fleet_change *change,
    bool later, struct err *err) MUST_USE;

/* The n that is held here; 0 when none is. */
int64_t fleet_n(const struct fleet *f, enum fleet_kind kind, const char *name);

/* Facts without order. What the engine cannot be told now is not told: other
 * members find it out by themselves. E_ARG for a wrong name or text. */

/* A newer pointer, or a later `checked` of the same. What is older than what
 * is known is dropped. */
int fleet_put_evidence(struct fleet *f, const char *source, const char *json,
    struct err *err) MUST_USE;
/* lease_sec: until the certificate ends; 0: 30 days. */
int fleet_tell_revoked(struct fleet *f, const char *identity, const char *json,
    int64_t lease_sec, struct err *err) MUST_USE;
int fleet_tell_withdrawn(struct fleet *f, const char *leaf, const char *json,
    struct err *err) MUST_USE;
/*
 * What others see of this machine. Written when it differs. Its "epoch" is that
 * of this process: a record with another one under the name of this machine is
 * another machine's, which is an error (fleet_has_twin).
 */
int
fleet_set_member(struct fleet *f, const char *json, struct err *err) MUST_USE;

/* Claims: advice who fetches. */
enum fleet_claim_result {
	FLEET_CLAIM_AWAY = 0, /* nobody can say: fetch by yourself */
	FLEET_CLAIM_WON,
	FLEET_CLAIM_TAKEN,   /* take() tells when it is free (gone) */
	FLEET_CLAIM_BACKOFF, /* it failed for another: not before `until` */
};
typedef void
fleet_claim_fn(void *arg, enum fleet_claim_result result, int64_t until);
/* done is called once, not from inside; on an error it is not. */
int fleet_claim(struct fleet *f, const char *source, fleet_claim_fn *done,
    void *arg, struct err *err) MUST_USE;
/* failed: why, others back off until then; NULL: it is free. */
void fleet_claim_release(
    struct fleet *f, const char *source, const char *failed, int64_t until);

/* Seen from outside. */

enum fleet_state_now {
	FLEET_STARTING = 0,
	FLEET_LOADING, /* reads what the engine holds */
	FLEET_UP,
	FLEET_LOST,       /* no engine: local copies */
	FLEET_MISSING,    /* no fleet there, and none is known here */
	FLEET_OTHER,      /* another fleet is there; not followed */
	FLEET_TOO_OLD,    /* fresh, and below min_n; not followed */
	FLEET_FILLS,      /* what the engine lost is put back */
	FLEET_UNREADABLE, /* sealed with another secret; not followed */
	FLEET_PART, /* not all of its records are there; fresh: not followed */
};

enum fleet_refusal {
	FLEET_REFUSED_SEAL = 0, /* forged, moved, of another secret */
	FLEET_REFUSED_OLDER,
	FLEET_REFUSED_TYPE,
	FLEET_REFUSED_BOUND,
	FLEET_REFUSED_PART, /* the whole: records are missing, or older */
	FLEET_REFUSAL_NUM
};
/* "seal", "older", "type", "bound", "part" */
const char *fleet_refusal_word(enum fleet_refusal r);
/* "up", "lost", ... */
const char *fleet_state_word(enum fleet_state_now s);

/* All lent until control goes back to the event loop. */
struct fleet_view {
	enum fleet_state_now state;
	const char *why;      /* a sentence, or "" */
	const char *endpoint; /* that is spoken to, or "" */
	const char *id;       /* of the fleet followed, or "" */
	const char *other_id; /* with FLEET_OTHER */
	int64_t head;         /* n */
	int64_t began; /* n that a fresh machine began with; 0: it was not */
	int64_t revision;
	/* Since the last beat that agreed, and all records were there; -1:
	 * there was none. */
	int64_t lag_ms;
	int64_t filled;
	size_t outbox;
	size_t num[FLEET_KIND_NUM];      /* records that are known */
	uint64_t events[FLEET_KIND_NUM]; /* that came */
	uint64_t refused[FLEET_REFUSAL_NUM];
	uint64_t reconnects, resyncs;
	uint64_t written, conflicts, failed; /* calls of fleet_write */
	int64_t apply_us;                    /* sum over take() */
	uint64_t applied;                    /* calls of take() */
	struct fleet_link_stats link;        /* requests, and their time */
};
void fleet_view(const struct fleet *f, struct fleet_view *out);

/*
 * What some records lacked may be here now: those that did not act are asked
 * for and given to take() once more, when the engine is there. Not from inside
 * take().
 */
void fleet_lags_again(struct fleet *f);
/* Records that are known and did not act here, and why. */
void fleet_each_lag(const struct fleet *f,
    void (*fn)(void *arg, const char *key, const char *why), void *arg);
/* Member records, this machine's among them: name and JSON. */
void fleet_each_member(const struct fleet *f,
    void (*fn)(void *arg, const char *name, const char *json), void *arg);
/* Another machine has the name of this one; up to a minute after it had. */
bool fleet_has_twin(const struct fleet *f);
/* The last errors, newest last. */
void fleet_each_error(const struct fleet *f,
    void (*fn)(void *arg, int64_t at, const char *what), void *arg);

#endif
