/*
 * crl_aside: see the header. `turn` is held while a part is done, by the thread
 * or by who helps it; the ring has one who fills it and, under turn, one who
 * empties it.
 */
#include "cache/crl/crl_aside.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/resource.h>

/* Of each more than this many at once are read by who fetches them. */
#define MAX_THREADS 4
#define PIECE_BYTES ((size_t)64 << 10)
#define NUM_PIECES  32u
#define NICE_MOST   19

struct piece {
	size_t len;
	uint8_t bytes[PIECE_BYTES];
};

/* Owned by its builder. */
struct crl_aside {
	crl_aside_fn *fn;
	void *arg;
	pthread_t thread;
	pthread_mutex_t turn;
	sem_t work, moved; /* there is something; a part was done */
	atomic_bool stop, ended, done;
	atomic_uint first, next; /* filled: from first up to next */
	struct piece *ring;      /* NULL: nothing is fed */
};

static atomic_uint num_threads;

/* One part, under turn. Whether there was something to do. */
static bool
aside_part(struct crl_aside *a)
{
	unsigned at = atomic_load_explicit(&a->first, memory_order_relaxed);
	/* Before next is read: then what was fed is seen, all of it. */
	bool ended = atomic_load(&a->ended);
	struct piece *p;

	if (atomic_load(&a->done))
		return false;
	if (at != atomic_load(&a->next)) {
		p = &a->ring[at % NUM_PIECES];
		(void)a->fn(a->arg, span_of(p->bytes, p->len));
		atomic_store(&a->first, at + 1);
		return true;
	}
	if (!ended)
		return false;
	if (!a->fn(a->arg, span_of(NULL, 0)))
		atomic_store(&a->done, true);
	return true;
}

static void
aside_step_back(void)
{
	const struct sched_param none = {0};

	/* Linux counts threads one by one. */
	if (pthread_setschedparam(pthread_self(), SCHED_IDLE, &none) != 0)
		(void)setpriority(PRIO_PROCESS, 0, NICE_MOST);
}

static void *
aside_main(void *arg)
{
	struct crl_aside *a = arg;
	bool had;

	aside_step_back();
	while (!atomic_load(&a->stop) && !atomic_load(&a->done)) {
		pthread_mutex_lock(&a->turn);
		had = !atomic_load(&a->stop) && aside_part(a);
		pthread_mutex_unlock(&a->turn);
		if (had)
			(void)sem_post(&a->moved);
		else if (!atomic_load(&a->done))
			while (sem_wait(&a->work) != 0 && errno == EINTR)
				continue;
	}
	return NULL;
}

static bool
thread_start(struct crl_aside *a)
{
	sigset_t every, old;
	int rc;

	if (atomic_fetch_add(&num_threads, 1) >= MAX_THREADS) {
		atomic_fetch_sub(&num_threads, 1);
		return false;
	}
	/* Signals are for the threads of who uses the library. */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	rc = pthread_create(&a->thread, NULL, aside_main, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		atomic_fetch_sub(&num_threads, 1);
	return rc == 0;
}

static void
aside_cleanup(struct crl_aside *a)
{
	pthread_mutex_destroy(&a->turn);
	(void)sem_destroy(&a->work);
	(void)sem_destroy(&a->moved);
	free(a->ring);
	free(a);
}

struct crl_aside *
crl_aside_new(crl_aside_fn *fn, void *arg, bool pieces)
{
	struct crl_aside *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->fn = fn;
	a->arg = arg;
	pthread_mutex_init(&a->turn, NULL);
	(void)sem_init(&a->work, 0, 0);
	(void)sem_init(&a->moved, 0, 0);
	atomic_init(&a->ended, !pieces);
	if (pieces)
		a->ring = malloc(NUM_PIECES * sizeof(*a->ring));
	if ((pieces && a->ring == NULL) || !thread_start(a)) {
		aside_cleanup(a);
		return NULL;
	}
	return a;
}

void
crl_aside_free(struct crl_aside *a)
{
	if (a == NULL)
		return;
	atomic_store(&a->stop, true);
	(void)sem_post(&a->work);
	pthread_join(a->thread, NULL);
	atomic_fetch_sub(&num_threads, 1);
	aside_cleanup(a);
}

void
crl_aside_help(struct crl_aside *a)
{
	if (pthread_mutex_trylock(&a->turn) != 0)
		return;
	(void)aside_part(a);
	pthread_mutex_unlock(&a->turn);
	/* The thread may have waited for what is done now. */
	(void)sem_post(&a->work);
}

static bool
ring_full(struct crl_aside *a)
{
	return a->ring != NULL &&
	    atomic_load(&a->next) - atomic_load(&a->first) == NUM_PIECES;
}

/* Until there is room in the ring, or all is done; so long at most. */
static void
aside_wait(struct crl_aside *a, unsigned ms, bool room)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	/* Parts done before are told of, too. */
	while (room ? ring_full(a) : !atomic_load(&a->done))
		if (sem_clockwait(&a->moved, CLOCK_MONOTONIC, &until) != 0 &&
		    errno != EINTR)
			break;
}

void
crl_aside_feed(struct crl_aside *a, struct span piece, unsigned wait_ms)
{
	unsigned at;
	struct piece *p;

	while (piece.len > 0) {
		if (wait_ms > 0)
			aside_wait(a, wait_ms, true);
		while (ring_full(a)) {
			/* A part takes no longer than a piece. */
			pthread_mutex_lock(&a->turn);
			(void)aside_part(a);
			pthread_mutex_unlock(&a->turn);
		}
		at = atomic_load_explicit(&a->next, memory_order_relaxed);
		p = &a->ring[at % NUM_PIECES];
		p->len = piece.len < PIECE_BYTES ? piece.len : PIECE_BYTES;
		memcpy(p->bytes, piece.p, p->len);
		piece = span_of(piece.p + p->len, piece.len - p->len);
		atomic_store(&a->next, at + 1);
		(void)sem_post(&a->work);
	}
}

void
crl_aside_end(struct crl_aside *a)
{
	atomic_store(&a->ended, true);
	(void)sem_post(&a->work);
}

void
crl_aside_wait(struct crl_aside *a, unsigned ms)
{
	aside_wait(a, ms, false);
}

bool
crl_aside_done(struct crl_aside *a)
{
	return atomic_load(&a->done);
}
