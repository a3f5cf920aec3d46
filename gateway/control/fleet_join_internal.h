/*
 * fleet_join_internal: what the files of fleet_join share. Control thread.
 */
#ifndef GATEWAY_CONTROL_FLEET_JOIN_INTERNAL_H
#define GATEWAY_CONTROL_FLEET_JOIN_INTERNAL_H

#include <event2/event.h>

#include "gateway/control/fleet_evidence.h"
#include "gateway/control/fleet_join.h"
#include "gateway/control/fleet_text.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/state/fleet_state.h"

struct join_ask;
struct fleet_seed;

struct fleet_join {
	const struct services *services;
	struct control *control;
	struct stores *stores;
	struct conf *conf;         /* reference */
	struct fleet_state *state; /* what is kept of the fleet */
	struct fleet *fleet;
	struct fleet_evidence *evidence;
	struct session_watch *sessions;
	unsigned kinds; /* bits 1 << enum change_kind that are shared */
	bool create;
	bool has_state, was_up;
	bool uniting; /* not all of the denylist is sent yet */
	bool known;   /* a fleet was, at the start */
	bool again;   /* came what other records may have lacked */
	bool refused; /* to create what is there already */
	uint64_t start_mono_ms;
	struct event *settle;  /* what is to be done outside of callbacks */
	struct join_ask *asks; /* that wait for an answer */
	struct fleet_seed *seed;
	char *member; /* the record as it was last told */
	/* Of a section that did not act here; 0: none. */
	int64_t lag_version[SECTION_NUM];
};

/* fleet_take.c: what comes from the fleet. See struct fleet_calls. */
int fleet_join_take(void *arg, const struct fleet_record *v, size_t num,
    const struct fleet_facts *facts, bool adopted, struct fleet_taken *taken,
    struct err *err);
int fleet_join_each(void *arg, const char *key, fleet_held_fn *fn, void *fnarg,
    struct err *err);
int fleet_join_facts(void *arg, struct fleet_facts *out, struct err *err);

/* fleet_ask.c: what goes to it. See struct control_keeper. */
enum control_outcome fleet_join_keep(void *arg, const struct change *ch,
    const struct control_later *later, struct err *err);
/* What waited in the outbox under this key has been written. */
void fleet_asks_settled(struct fleet_join *j, const char *key);
/* A member has said what it has in force. */
void fleet_asks_look(struct fleet_join *j);
/* Nobody waits any more. */
void fleet_asks_end(struct fleet_join *j);
/* In force and in the outbox; it will be sent. */
int fleet_join_pend(struct fleet_join *j, const struct fleet_text *t,
    const struct change *ch, struct err *err) MUST_USE;

/* fleet_sessions.c: sessions that are withdrawn, from here and from there. */
bool fleet_sessions_tell(void *arg, const struct session_event *e);
void fleet_sessions_take(
    struct fleet_join *j, const struct fleet_record *v, size_t num);
/* All that are remembered here; arg: the struct fleet_join. */
void fleet_sessions_tell_again(void *arg);

/* fleet_seed.c: what is stored here and not in the fleet. So many entries of
 * the denylist; true: there are more. */
bool fleet_join_unite(struct fleet_join *j);
/* Those that the fleet lacks, where keys are shared. */
void fleet_join_share_keys(struct fleet_join *j);
int fleet_join_seed(struct fleet_join *j, struct err *err) MUST_USE;
void fleet_seed_free(struct fleet_seed *s);

/* fleet_own.c: logs what is set here and not in the fleet. */
void fleet_join_say_own(const struct fleet_join *j);

/* fleet_again.c: records from a file, or from this machine's own state. */
struct fleet_copies {
	struct fleet_record *v; /* keys and texts are their own */
	size_t num, max;
};
int fleet_copies_add(struct fleet_copies *c, const struct fleet_held *held,
    struct err *err) MUST_USE;
/* Puts them in force; *left_out: how many could not be. */
int fleet_copies_take(struct fleet_join *j, const struct fleet_copies *c,
    const struct fleet_facts *facts, bool adopted, size_t *left_out,
    struct err *err) MUST_USE;
void fleet_copies_cleanup(struct fleet_copies *c);
/* Before the fleet is asked: what is held of it is in force here. */
int fleet_join_again(struct fleet_join *j, struct err *err) MUST_USE;

/* fleet_take.c: whether records of that kind are this machine's, too. */
bool fleet_join_shares(const struct fleet_join *j, enum fleet_kind kind);

/* fleet_join.c: bits 1 << enum change_kind that are shared. */
unsigned fleet_join_kinds(unsigned share);
/* From the loop, tells the others what is in force here. */
static inline void
fleet_join_later(struct fleet_join *j)
{
	const struct timeval now = {.tv_sec = 0};

	evtimer_add(j->settle, &now);
}

/* In step with the fleet. */
static inline bool
fleet_join_in_step(const struct fleet_join *j)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	return view.state == FLEET_UP;
}

#endif
