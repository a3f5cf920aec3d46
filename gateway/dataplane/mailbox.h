/*
 * mailbox: how other threads reach a worker. Nothing is queued: a message is a
 * bit that is raised, a drain deadline that is shortened, a newer setup or set
 * of staples that replaces one not yet taken, one of a bounded number of
 * changed sources, or a part of a question, which brings its own room. So
 * posting cannot fail and nothing grows.
 */
#ifndef GATEWAY_DATAPLANE_MAILBOX_H
#define GATEWAY_DATAPLANE_MAILBOX_H

#include <pthread.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/base/source_box.h"

struct conn_query_part;
struct staples;
struct worker_setup;

enum mail {
	MAIL_SETUP = 1 << 0,   /* a new configuration: take batch.setup */
	MAIL_RECHECK = 1 << 1, /* ask again about live connections */
	MAIL_DRAIN = 1 << 2,   /* stop accepting, end by drain_at_mono_ms */
	MAIL_STOP = 1 << 3,    /* close everything, leave the loop */
	MAIL_GATHER = 1 << 4,  /* show the chains of live connections */
	MAIL_STAPLES = 1 << 5, /* take batch.staples */
	MAIL_PING = 1 << 6,    /* say that the loop goes round */
	MAIL_SOURCES = 1 << 7, /* take what has changed out of sources */
	MAIL_QUERY = 1 << 8    /* answer batch.queries */
};

struct mail_batch {
	unsigned bits;                   /* enum mail; 0: the box was empty */
	struct worker_setup *setup;      /* with MAIL_SETUP */
	struct staples *staples;         /* a reference, with MAIL_STAPLES */
	struct conn_query_part *queries; /* with MAIL_QUERY */
	uint64_t drain_at_mono_ms;
};

struct mailbox {
	pthread_mutex_t lock;
	int fd; /* readable when there is mail */
	struct mail_batch batch;
	struct source_box sources; /* with a lock of its own */
};

int mailbox_init(struct mailbox *m, struct err *err) MUST_USE;
void mailbox_cleanup(struct mailbox *m);

/* All thread-safe. _post_setup and _post_staples take over what they are given.
 */
void mailbox_post(struct mailbox *m, enum mail bit);
void mailbox_post_setup(struct mailbox *m, struct worker_setup *setup);
void mailbox_post_staples(struct mailbox *m, struct staples *staples);
/* What revcheck_watch tells. */
void mailbox_post_source(
    struct mailbox *m, const unsigned char *source, uint64_t change);
/* Whoever asks bounds how many of these are under way. */
void mailbox_post_query(struct mailbox *m, struct conn_query_part *part);
void mailbox_post_drain(struct mailbox *m, uint64_t drain_at_mono_ms);

/* The owner's: empties the box. What the batch refers to is its then. */
struct mail_batch mailbox_take(struct mailbox *m);

#endif
