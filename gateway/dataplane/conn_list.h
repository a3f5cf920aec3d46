/*
 * conn_list: a worker's connections, newest first. The worker's thread.
 */
#ifndef GATEWAY_DATAPLANE_CONN_LIST_H
#define GATEWAY_DATAPLANE_CONN_LIST_H

struct conn;
struct worker;

void conn_list_add(struct worker *w, struct conn *c);
/* Also says that a draining worker has no more, if so. */
void conn_list_remove(struct worker *w, struct conn *c);
/* Calls the worker's `drained`, once, if it drains and has no connection. */
void conn_list_check_drained(struct worker *w);

#endif
