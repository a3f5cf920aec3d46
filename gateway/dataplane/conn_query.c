/*
 * conn_query: see the header. Counted: by who asks and by each part that is on
 * its way, so that neither has to outlive the other.
 */
#include "gateway/dataplane/conn_query.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <event2/event.h>

struct conn_query {
	struct conn_question question;
	conn_query_fn *done;
	void *arg;
	pthread_mutex_t lock; /* guards `cancelled` and the use of `over` */
	bool cancelled;
	struct event *over;
	atomic_size_t unanswered, refs;
	struct conn_answer all;
	size_t num_parts;
	struct conn_query_part parts[];
};

static void
rows_free(struct conn_answer *a)
{
	for (size_t i = 0; i < a->num; i++)
		X509_free(a->rows[i].leaf);
	free(a->rows);
}

static void
query_release(struct conn_query *q)
{
	if (atomic_fetch_sub(&q->refs, 1) != 1)
		return;
	for (size_t i = 0; i < q->num_parts; i++)
		rows_free(&q->parts[i].answer);
	free(q->all.rows); /* whose certificates are the parts' */
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static int
by_id(const void *a, const void *b)
{
	const struct conn_row *x = a, *y = b;

	return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* All parts into one, as many rows as were asked for. */
static void
put_together(struct conn_query *q)
{
	struct conn_answer *all = &q->all;
	size_t num = 0;

	for (size_t i = 0; i < q->num_parts; i++)
		num += q->parts[i].answer.num;
	all->rows = calloc(num + 1, sizeof(*all->rows));
	for (size_t i = 0; i < q->num_parts; i++) {
		const struct conn_answer *part = &q->parts[i].answer;

		all->cut |= part->cut;
		for (size_t s = 0; s < DECISION_NUM_STATUSES; s++)
			all->by_status[s] += part->by_status[s];
		for (size_t r = 0; all->rows != NULL && r < part->num; r++)
			all->rows[all->num++] = part->rows[r];
	}
	if (all->num > 0)
		qsort(all->rows, all->num, sizeof(*all->rows), by_id);
	if (all->num > q->question.max)
		all->num = q->question.max;
}

static void
on_over(evutil_socket_t fd, short what, void *arg)
{
	struct conn_query *q = arg;

	(void)fd, (void)what;
	put_together(q);
	q->done(q->arg, &q->all);
	conn_query_cancel(q);
}

int
conn_query_new(struct conn_query **out, struct event_base *base,
    const struct conn_question *question, size_t num, conn_query_fn *done,
    void *arg, struct err *err)
{
	struct conn_query *q =
	    calloc(1, sizeof(*q) + num * sizeof(struct conn_query_part));

	*out = NULL;
	if (q == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	q->over = event_new(base, -1, 0, on_over, q);
	if (q->over == NULL) {
		free(q);
		return err_set(err, E_NOMEM, "out of memory");
	}
	pthread_mutex_init(&q->lock, NULL);
	q->question = *question;
	q->done = done;
	q->arg = arg;
	q->num_parts = num;
	atomic_init(&q->unanswered, num);
	atomic_init(&q->refs, num + 1);
	for (size_t i = 0; i < num; i++)
		q->parts[i].query = q;
	*out = q;
	return 0;
}

void
conn_query_cancel(struct conn_query *q)
{
	pthread_mutex_lock(&q->lock);
	q->cancelled = true;
	event_free(q->over);
	pthread_mutex_unlock(&q->lock);
	query_release(q);
}

struct conn_query_part *
conn_query_part(struct conn_query *q, size_t i)
{
	return &q->parts[i];
}

const struct conn_question *
conn_query_get0(const struct conn_query_part *p)
{
	return &p->query->question;
}

void
conn_query_part_done(struct conn_query_part *p)
{
	struct conn_query *q = p->query;

	if (atomic_fetch_sub(&q->unanswered, 1) == 1) {
		pthread_mutex_lock(&q->lock);
		if (!q->cancelled)
			event_active(q->over, EV_TIMEOUT, 0);
		pthread_mutex_unlock(&q->lock);
	}
	query_release(q);
}
