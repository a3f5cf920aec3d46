/* conn_answer: a worker's part of a conn_query. On its thread. */
#ifndef GATEWAY_DATAPLANE_CONN_ANSWER_H
#define GATEWAY_DATAPLANE_CONN_ANSWER_H

struct conn_query_part;
struct worker;

/*
 * Answers all parts of a list: one walk over the connections each, a few
 * instructions a connection; certificates are referenced, not read.
 */
void conn_answer(struct worker *w, struct conn_query_part *parts);

#endif
