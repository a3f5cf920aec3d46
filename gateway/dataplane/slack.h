/*
 * slack: gives back the memory that a crowd of connections has left. malloc
 * keeps it: it is for the next crowd, which may never come. Once three quarters
 * of a crowd have gone, and a moment later, the process's free pages go back to
 * the kernel. Belongs to one worker's thread.
 */
#ifndef GATEWAY_DATAPLANE_SLACK_H
#define GATEWAY_DATAPLANE_SLACK_H

#include <stddef.h>

#include "cache/base/error.h"

struct event;
struct event_base;

/* Fewer were no crowd. */
#define SLACK_CROWD 256

struct slack {
	struct event *ev;
	size_t num;  /* connections now */
	size_t most; /* since pages were given back */
};

int
slack_init(struct slack *s, struct event_base *base, struct err *err) MUST_USE;
void slack_cleanup(struct slack *s);

/* One connection more, and one fewer. */
void slack_join(struct slack *s);
void slack_leave(struct slack *s);

#endif
