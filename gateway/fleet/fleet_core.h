/*
 * fleet_core: a member of a fleet as its parts see it, and what they share.
 * Private to gateway/fleet. Who calls whom, downwards:
 *
 *   fleet.c         life, what the link says
 *   fleet_outbox.c  fleet_refill.c  fleet_tell.c  fleet_claims.c
 *   fleet_member.c  fleet_lags.c  fleet_view.c
 *   fleet_write.c   ordered changes
 *   fleet_chunk.c   as much of one as a transaction takes
 *   fleet_pace.c    how soon what is written over is put right
 *   fleet_twin.c    another machine of one's own name
 *   fleet_identity.c which fleet, and whether it is followed
 *   fleet_tally.c   whether all of its records are there
 *   fleet_take.c    what came: merged, put in force
 *   fleet_core.c    seals, errors, state
 *
 * Each part has a _moved: called from the event loop after anything changed
 * that it may wait for.
 */
#ifndef GATEWAY_FLEET_FLEET_CORE_H
#define GATEWAY_FLEET_FLEET_CORE_H

#include <event2/event.h>

#include "gateway/fleet/fleet.h"
#include "gateway/fleet/mirror.h"
#include "gateway/fleet/seal.h"

#define FLEET_MAX_ERRORS 16
#define FLEET_EPOCH_SIZE 64
#define FLEET_TXN_OPS    100 /* records of one transaction */
/* Of one transaction: etcd takes 1.5 MiB. */
#define FLEET_TXN_BYTES (1484u * 1024u)
/* Errors about records that are logged between two readings of the whole. */
#define FLEET_MAX_SAID 20

/* What is about to be put in force: owns json. */
struct fleet_staged {
	struct mirror_entry *entry;
	char *json; /* NULL: gone */
	size_t len;
	int64_t n, version, revision;
	bool removed;
};

struct fleet_stage {
	struct fleet_staged *v;
	size_t num, room;
	size_t declined; /* of those in hand; not for the reason of before */
	struct event *retry;
	unsigned pause_ms;
};

struct fleet_error {
	int64_t at;
	char what[200];
};

/* Another machine of one's own name. */
struct fleet_twin {
	char epoch[FLEET_EPOCH_SIZE]; /* of this process */
	int64_t own_revision; /* what this machine wrote last; 0: nothing */
	bool writes;          /* what is there is not of this machine */
	uint64_t until;       /* monotonic, ms: it was there */
};

/* What is written over again and again. */
struct fleet_pace {
	unsigned times; /* that it was put right */
	uint64_t last;  /* monotonic, ms: the last of them */
	bool waits;     /* it is not, yet */
	/* They look as if another secret had sealed them; it was seen. */
	bool foreign_identity, foreign_head, foreign;
};
#define FLEET_PACE_WHY                                                     \
	"what others write cannot be read with the secret in '%.60s': do " \
	"all members have it?"

struct fleet_writing;
struct fleet_outbox;
struct fleet_refill;
struct fleet_telling;
struct fleet_claims;
struct fleet_membership;
struct fleet_count;

struct fleet {
	const struct log *log;
	struct fleet_calls calls;
	void *arg;
	struct event_base *base;
	struct event *kick; /* runs every _moved */
	struct fleet_link *link;
	struct fleet_seal *seal;
	struct mirror *mirror;
	char *member, *secret_file; /* the file's name */
	int64_t min_n;
	bool create, adopt;
	bool trusts; /* the operator has said: what is there is the fleet */

	/* Which fleet. id: "" while none is followed or known. */
	char id[FLEET_ID_SIZE], other_id[FLEET_ID_SIZE];
	bool fresh;   /* nothing was remembered at the start */
	bool follows; /* the engine has this fleet, or has lost it */
	bool identity_there;
	/* Of the last reading: they are sealed with the secret of before. */
	bool identity_previous, head_previous;
	int64_t identity_revision, born, filled;
	/* That of an identity that was found to be damaged; 0: none. */
	int64_t damaged_identity;
	/* Numbers. head: the highest n known; engine_head: what the engine
	 * says, 0 where that cannot be read. */
	int64_t head, engine_head, head_revision, began;
	bool head_damaged; /* it is there, and cannot be read */
	/* What these two say of the records; see fleet_tally.h. */
	struct fleet_tally tally, engine_tally;
	uint64_t part_since_ms; /* monotonic: not all is there; 0: it is */
	bool vouches;           /* the records are to be counted anew */
	bool facts_changed, adopted;
	struct event *again; /* what keeps a fresh machine out may have gone */
	unsigned again_ms;
	bool reread; /* what was passed over while it was not followed */
	bool repair; /* the engine lacks something that is held here */
	/* Why a fleet that is there is not followed; FLEET_UP: it is. */
	enum fleet_state_now blocked;

	enum fleet_state_now state;
	char why[200];
	enum fleet_link_state link_state;
	uint64_t away_since_ms; /* monotonic; 0: it is there */
	uint64_t load;
	bool loading, loaded;

	struct fleet_twin twin;
	struct fleet_pace pace;
	struct fleet_stage stage;
	struct {
		bool waiting, asking; /* entries marked `again`; one of them */
	} lags;
	size_t outbox_num;
	struct fleet_writing *writing;
	struct fleet_outbox *outbox;
	struct fleet_refill *refill;
	struct fleet_telling *telling;
	struct fleet_claims *claims;
	struct fleet_membership *membership;
	struct fleet_count *count;

	uint64_t events[FLEET_KIND_NUM], refused[FLEET_REFUSAL_NUM];
	uint64_t written, conflicts, failed, applied;
	int64_t apply_us;
	struct fleet_error errors[FLEET_MAX_ERRORS];
	size_t num_errors; /* ever */
	unsigned said;
};

/* Engine, identity and whole are there: writes make sense. */
static inline bool
fleet_usable(const struct fleet *f)
{
	return f->link_state == FLEET_LINK_UP && f->loaded && f->follows &&
	    f->identity_there && !fleet_link_in_parts(f->link);
}

/* The event loop calls every _moved soon. */
void fleet_kick(struct fleet *f);
/* ev was made with evtimer_new; NULL allowed. */
void fleet_after(struct event *ev, unsigned ms);

/* Logged, and kept for GET /fleet. */
void fleet_error(struct fleet *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A record that is not believed. */
void fleet_refuse(
    struct fleet *f, enum fleet_refusal why, const char *key, const char *text);
void fleet_set_state(struct fleet *f, enum fleet_state_now state,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A sealed record, to be freed. */
int fleet_seal_text(const struct fleet *f, enum fleet_kind kind,
    const char *key, int64_t n, const char *json, uint8_t **out, size_t *len,
    struct err *err) MUST_USE;
int
fleet_seal_head(const struct fleet *f, int64_t n, const struct fleet_tally *t,
    uint8_t **out, size_t *len, struct err *err) MUST_USE;

struct fleet_opened {
	char *json; /* to be freed */
	size_t len;
	int64_t n;
	struct fleet_meaning meaning;
	bool previous; /* sealed with the secret of before */
};
/* Unsealed and read; E_PARSE, with the reason in *why. */
int fleet_open_text(const struct fleet *f, enum fleet_kind kind,
    const char *key, const uint8_t *value, size_t len, struct fleet_opened *out,
    enum fleet_refusal *why, struct err *err) MUST_USE;

#endif
