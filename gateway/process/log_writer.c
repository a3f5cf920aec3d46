/*
 * log_writer: see the header. The thread asks poll() before each write of at
 * most PIPE_BUF bytes, so that it can be ended while nobody reads. The lock is
 * held for copies and never during a write: only the thread moves the tail.
 */
#include "gateway/process/log_writer.h"
#include "cache/base/thread.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often the thread looks whether it is to end while nobody reads. */
#define POLL_MS 50

struct log_writer {
	int fd;
	size_t capacity;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled, written;
	uint64_t head, tail; /* bytes put and written, ever */
	bool started, stopping;
	char ring[];
};

/*
 * The next bytes to write, contiguous and at most PIPE_BUF: as many whole lines
 * as fit, or the piece of a longer one.
 */
static size_t
next_piece(const struct log_writer *w, const char **p)
{
	size_t at = (size_t)(w->tail % w->capacity);
	size_t len = (size_t)(w->head - w->tail);
	const char *end;

	if (len > w->capacity - at)
		len = w->capacity - at;
	*p = w->ring + at;
	if (len <= PIPE_BUF)
		return len;
	end = memrchr(*p, '\n', PIPE_BUF);
	return end != NULL ? (size_t)(end - *p) + 1 : PIPE_BUF;
}

/* Writes some of it. 0: not now. What cannot be written at all is skipped. */
static size_t
write_some(const struct log_writer *w, const char *p, size_t len)
{
	struct pollfd ready = {.fd = w->fd, .events = POLLOUT};
	ssize_t n;

	if (poll(&ready, 1, POLL_MS) <= 0)
		return 0;
	n = write(w->fd, p, len);
	if (n >= 0)
		return (size_t)n;
	return errno == EINTR || errno == EAGAIN ? 0 : len;
}

static void *
run(void *arg)
{
	struct log_writer *w = arg;
	const char *p;
	size_t len;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->head == w->tail && !w->stopping)
			pthread_cond_wait(&w->filled, &w->lock);
		if (w->stopping)
			break;
		len = next_piece(w, &p);
		pthread_mutex_unlock(&w->lock);
		len = write_some(w, p, len);
		pthread_mutex_lock(&w->lock);
		w->tail += len;
		pthread_cond_broadcast(&w->written);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int
log_writer_start(struct log_writer *w, struct err *err)
{
	int rc;

	rc = thread_start(&w->thread, run, w);
	if (rc != 0)
		return err_set(err, E_INTERNAL,
		    "cannot make the thread that writes the log: %s",
		    strerror(rc));
	pthread_setname_np(w->thread, "log");
	w->started = true;
	return 0;
}

int
log_writer_new(
    struct log_writer **out, int fd, size_t capacity, struct err *err)
{
	struct log_writer *w = calloc(1, sizeof(*w) + capacity);
	pthread_condattr_t monotonic;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->fd = fd;
	w->capacity = capacity;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->filled, NULL);
	pthread_cond_init(&w->written, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*out = w;
	return 0;
}

static bool
write_all(struct log_writer *w, unsigned patience_ms)
{
	const char *p;
	size_t len;

	for (unsigned tries = 0;
	     w->head != w->tail && tries <= patience_ms / POLL_MS;) {
		len = next_piece(w, &p);
		len = write_some(w, p, len);
		w->tail += len;
		tries += len == 0;
	}
	return w->head == w->tail;
}

bool
log_writer_flush(struct log_writer *w, unsigned patience_ms)
{
	struct timespec until;
	uint64_t want;
	bool done;

	if (!w->started)
		return write_all(w, patience_ms);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += patience_ms / 1000;
	until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&w->lock);
	want = w->head;
	while (w->tail < want &&
	    pthread_cond_timedwait(&w->written, &w->lock, &until) == 0)
		;
	done = w->tail >= want;
	pthread_mutex_unlock(&w->lock);
	return done;
}

void
log_writer_free(struct log_writer *w, unsigned patience_ms)
{
	if (w == NULL)
		return;
	log_writer_flush(w, patience_ms);
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stopping = true;
		pthread_cond_signal(&w->filled);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	pthread_cond_destroy(&w->filled);
	pthread_cond_destroy(&w->written);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

bool
log_writer_put(struct log_writer *w, const char *line, size_t len, size_t share)
{
	size_t at, first;
	bool fits;

	if (share > w->capacity)
		share = w->capacity;
	pthread_mutex_lock(&w->lock);
	fits = (size_t)(w->head - w->tail) + len <= share;
	if (fits) {
		at = (size_t)(w->head % w->capacity);
		first = len < w->capacity - at ? len : w->capacity - at;
		memcpy(w->ring + at, line, first);
		memcpy(w->ring, line + first, len - first);
		w->head += len;
		pthread_cond_signal(&w->filled);
	}
	pthread_mutex_unlock(&w->lock);
	return fits;
}
