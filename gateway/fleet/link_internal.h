/*
 * link_internal: struct fleet_link from the inside, for link*.c only.
 */
#ifndef GATEWAY_FLEET_LINK_INTERNAL_H
#define GATEWAY_FLEET_LINK_INTERNAL_H

#include <stdlib.h>

#include <event2/event.h>
#include <openssl/sha.h>

#include "gateway/fleet/link.h"

/* The three keys that tell whether all is known; in this order. */
enum mark {
	MARK_FLEET = 0,
	MARK_HEAD,
	MARK_NEWS,
	NUM_MARKS
};

/* What they were when last heard of. */
struct marks {
	int64_t revision[NUM_MARKS];         /* 0: absent */
	uint8_t fleet[SHA256_DIGEST_LENGTH]; /* of its bytes */
};

/* A request, from the call until it is answered. */
struct asked {
	struct asked *next, **prev;
	struct fleet_link *link;
	enum fleet_ask kind;
	bool read;   /* may be asked twice */
	bool flying; /* the engine has it */
	bool over;   /* to be told: result, why */
	enum engine_result result;
	char why[256];
	uint64_t begun_ms, until_ms;
	struct event *deadline; /* of one that waits */
	char *key, *after;
	bool linearizable;
	unsigned number; /* limit, or seconds */
	int64_t lease;
	struct fleet_compare *compare;
	struct fleet_op *op;
	size_t num_compare, num_op;
	engine_done_fn *done;
	void *arg;
};

struct fleet_link {
	struct event_base *base;
	const struct log *log;
	struct fleet_link_calls calls;
	char *prefix;
	/* Replaced by fleet_link_configure. */
	char *endpoints[FLEET_LINK_MAX_ENDPOINTS];
	size_t num_endpoints, endpoint;
	char *ca_file, *certificate, *key, *user, *password_file;
	char token[ENGINE_MAX_TOKEN + 1]; /* holds at every endpoint */
	unsigned heartbeat_ms, timeout_ms;
	size_t members;

	enum fleet_link_state state;
	struct engine *engine; /* NULL when DOWN */
	struct event *step;    /* when the state has lasted too long */
	struct event *beat;    /* the next one is due */
	struct event *soon;    /* requests are over, or can be sent */
	uint64_t backoff_ms;
	char why[256];
	bool quiet; /* the trouble has been said; not again until a beat agrees
		     */

	bool loaded;    /* marks and revision are those of a whole */
	bool answering; /* the engine has answered: requests may be sent */
	bool in_parts;  /* the watch has told a part of one change */
	bool doubted;   /* the watch missed something, and was begun again */
	int64_t revision;
	struct marks marks, greeting;
	/* As they were when the marks were asked for. */
	struct marks asked_marks;
	int64_t asked_revision;
	unsigned page; /* records a page */
	char *after;   /* the last of the page before; NULL: none was read */
	int64_t page_revision;
	unsigned missed;         /* beats without an answer */
	struct marks beat_marks; /* what the last one saw */
	uint64_t beat_ms;        /* and when; 0: none on this connection */
	uint64_t agreed_ms;
	struct asked *first;
	size_t num_asked;
	struct fleet_link_stats stats;
	unsigned busy; /* inside somebody's callback */
	bool dead;
};

/*
 * Around whatever may call somebody, who may free the link: the struct itself
 * stays until the last link_leave. In between only `dead` may be looked at.
 */
static inline void
link_enter(struct fleet_link *l)
{
	l->busy++;
}

static inline void
link_leave(struct fleet_link *l)
{
	if (--l->busy == 0 && l->dead)
		free(l);
}

/*
 * link_state.c: the connection's states. What tells of one may free the link.
 */
#define LINK_BACKOFF_FIRST_MS 100
void link_set_state(struct fleet_link *l, enum fleet_link_state state);
/* Down, and then the next endpoint: after a connection that held, at once. */
void link_fail(struct fleet_link *l, const char *why);
/* What was heard is not what is there: everything anew, from the same. */
void link_start_over(struct fleet_link *l, const char *why);
void link_disconnect(struct fleet_link *l);
void link_arm(struct event *timer, uint64_t ms);
/* ms, give or take so many percent: a thousand machines are not one. */
uint64_t link_jittered(uint64_t ms, unsigned percent);

/* link_watch.c: all up to l->revision is known: what comes after it is
 * followed. */
void link_join(struct fleet_link *l);
/* The event `beat`. */
void link_beat_due(evutil_socket_t fd, short what, void *arg);

/* link_load.c: reads the whole; a: the answer with the marks, l->greeting. */
void link_load(struct fleet_link *l, const struct engine_answer *a);
/* Goes on behind what was read before the connection ended. False: there was
 * nothing, or it is not what is there. */
bool link_load_goes_on(
    struct fleet_link *l, const struct marks *now, int64_t revision);

static inline void
link_forget_pages(struct fleet_link *l)
{
	free(l->after);
	l->after = NULL;
}

/* link_marks.c: asks for them, and keeps what was known then; done is given
 * l. */
void marks_ask(struct fleet_link *l, unsigned timeout_ms, engine_done_fn *done);
void marks_read(struct marks *m, const struct engine_answer *a);
void marks_hear(struct marks *m, const struct fleet_kv *kv);
bool marks_same_fleet(const struct marks *a, const struct marks *b);
/* The store is where it was when it was asked, or further. */
bool marks_go_on(
    const struct fleet_link *l, const struct marks *now, int64_t revision);
/* Has the watch told all that these know of? */
bool marks_heard(const struct fleet_link *l, const struct marks *of);

/* link_asked.c: sends what waits, when it can be. */
void link_flush(struct fleet_link *l);
/* The connection has gone: writes may have got through, reads wait again. */
void link_ground(struct fleet_link *l);
void link_forget(struct fleet_link *l);
/* The event `soon`. */
void link_tell(evutil_socket_t fd, short what, void *arg);

/* link_options.c */
int link_options_take(struct fleet_link *l, const struct fleet_link_options *o,
    struct err *err) MUST_USE;
void link_options_free(struct fleet_link *l);

#endif
