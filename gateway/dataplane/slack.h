/*
 * slack: gives back the memory that a crowd of connections has left. malloc
 * keeps it: it is for the next crowd, which may never come. Once three quarters
 * of a crowd have gone, and a moment later, what was remembered of certificates
 * that came with it goes, and the process's free pages go back to the kernel.
 * Who was known before the crowd stays known: no crowd of strangers makes
 * others wait. Belongs to one worker's thread.
 */
#ifndef GATEWAY_DATAPLANE_SLACK_H
#define GATEWAY_DATAPLANE_SLACK_H

#include <stddef.h>
#include <time.h>

#include "cache/base/error.h"

struct event;
struct event_base;
struct revcheck;

/* Fewer were no crowd. */
#define SLACK_CROWD 256
/* Where one is begun. */
#define SLACK_CALM (SLACK_CROWD / 4)

struct slack {
	struct event *ev;
	struct revcheck *rc;
	size_t num;   /* connections now */
	size_t most;  /* since pages were given back */
	time_t since; /* the crowd began, or pages were given back */
};

/* Borrows rc. */
int slack_init(struct slack *s, struct event_base *base, struct revcheck *rc,
    struct err *err) MUST_USE;
void slack_cleanup(struct slack *s);

/* One connection more, and one fewer. */
void slack_join(struct slack *s);
void slack_leave(struct slack *s);

#endif
