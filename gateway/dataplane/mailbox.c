/*
 * mailbox: one mutex, one eventfd, one batch. Posted to by any thread, taken
 * from by the worker that owns it. Never blocks for longer than a copy.
 */
#include "gateway/dataplane/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "gateway/dataplane/conn_query.h"
#include "gateway/dataplane/worker_setup.h"
#include "gateway/tls/staple.h"

int
mailbox_init(struct mailbox *m, struct err *err)
{
	memset(m, 0, sizeof(*m));
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0)
		return err_sys(err, "cannot make a worker's mailbox");
	pthread_mutex_init(&m->lock, NULL);
	source_box_init(&m->sources);
	return 0;
}

void
mailbox_cleanup(struct mailbox *m)
{
	if (m->fd <= 0)
		return;
	worker_setup_free(m->batch.setup);
	staples_free(m->batch.staples);
	while (m->batch.queries != NULL) {
		struct conn_query_part *part = m->batch.queries;

		m->batch.queries = part->next;
		conn_query_part_done(part);
	}
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	source_box_cleanup(&m->sources);
	m->fd = -1;
}

/* Rings after the batch is written. A full counter rings already. */
static void
mailbox_ring(struct mailbox *m)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(m->fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

void
mailbox_post(struct mailbox *m, enum mail bit)
{
	pthread_mutex_lock(&m->lock);
	m->batch.bits |= (unsigned)bit;
	pthread_mutex_unlock(&m->lock);
	mailbox_ring(m);
}

void
mailbox_post_setup(struct mailbox *m, struct worker_setup *setup)
{
	struct worker_setup *old;

	pthread_mutex_lock(&m->lock);
	old = m->batch.setup;
	m->batch.setup = setup;
	m->batch.bits |= MAIL_SETUP;
	pthread_mutex_unlock(&m->lock);
	worker_setup_free(old);
	mailbox_ring(m);
}

void
mailbox_post_staples(struct mailbox *m, struct staples *staples)
{
	struct staples *old;

	pthread_mutex_lock(&m->lock);
	old = m->batch.staples;
	m->batch.staples = staples;
	m->batch.bits |= MAIL_STAPLES;
	pthread_mutex_unlock(&m->lock);
	staples_free(old);
	mailbox_ring(m);
}

void
mailbox_post_source(
    struct mailbox *m, const unsigned char *source, uint64_t change)
{
	source_box_put(&m->sources, source, change);
	mailbox_post(m, MAIL_SOURCES);
}

void
mailbox_post_query(struct mailbox *m, struct conn_query_part *part)
{
	pthread_mutex_lock(&m->lock);
	part->next = m->batch.queries;
	m->batch.queries = part;
	m->batch.bits |= MAIL_QUERY;
	pthread_mutex_unlock(&m->lock);
	mailbox_ring(m);
}

void
mailbox_post_drain(struct mailbox *m, uint64_t drain_at_mono_ms)
{
	pthread_mutex_lock(&m->lock);
	if (!(m->batch.bits & MAIL_DRAIN) ||
	    drain_at_mono_ms < m->batch.drain_at_mono_ms)
		m->batch.drain_at_mono_ms = drain_at_mono_ms;
	m->batch.bits |= MAIL_DRAIN;
	pthread_mutex_unlock(&m->lock);
	mailbox_ring(m);
}

struct mail_batch
mailbox_take(struct mailbox *m)
{
	struct mail_batch batch;
	uint64_t count;
	ssize_t n;

	/* Silence first: what is posted from here on rings again. */
	do
		n = read(m->fd, &count, sizeof(count));
	while (n < 0 && errno == EINTR);
	pthread_mutex_lock(&m->lock);
	batch = m->batch;
	memset(&m->batch, 0, sizeof(m->batch));
	pthread_mutex_unlock(&m->lock);
	return batch;
}
