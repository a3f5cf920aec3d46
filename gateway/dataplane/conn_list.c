/* conn_list: through the connections themselves. */
#include "gateway/dataplane/conn_list.h"

#include <stddef.h>

#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/worker.h"

void
conn_list_check_drained(struct worker *w)
{
	if (!w->draining || w->conns != NULL || w->drained == NULL)
		return;
	w->drained(w);
	w->drained = NULL;
}

void
conn_list_add(struct worker *w, struct conn *c)
{
	c->prev = NULL;
	c->next = w->conns;
	if (w->conns != NULL)
		w->conns->prev = c;
	w->conns = c;
	slack_join(&w->slack);
}

void
conn_list_remove(struct worker *w, struct conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		w->conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	slack_leave(&w->slack);
	conn_list_check_drained(w);
}
