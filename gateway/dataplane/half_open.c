/*
 * half_open: a list through its connections. The worker's thread.
 */
#include "gateway/dataplane/half_open.h"

#include <stddef.h>

#include "gateway/dataplane/conn.h"

void
half_open_add(struct half_open *h, struct conn *c)
{
	c->half_open = true;
	c->newer = NULL;
	c->older = h->newest;
	if (h->newest != NULL)
		h->newest->newer = c;
	else
		h->oldest = c;
	h->newest = c;
}

void
half_open_remove(struct half_open *h, struct conn *c)
{
	if (!c->half_open)
		return;
	c->half_open = false;
	if (c->older != NULL)
		c->older->newer = c->newer;
	else
		h->oldest = c->newer;
	if (c->newer != NULL)
		c->newer->older = c->older;
	else
		h->newest = c->older;
}

struct conn *
half_open_slow(const struct half_open *h, uint64_t now_mono_ms)
{
	struct conn *c = h->oldest;

	return c != NULL && now_mono_ms - c->active_mono_ms >= HALF_OPEN_SLOW_MS
	    ? c
	    : NULL;
}
