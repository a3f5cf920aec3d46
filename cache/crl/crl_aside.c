/*
 * crl_aside: see the header. `turn` is held while a part is done, by the thread
 * or by who helps it; the ring has one who fills it and, under turn, one who
 * empties it.
 */
#include "cache/crl/crl_aside.h"
#include "cache/base/clock.h"
#include "cache/base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/resource.h>

/* Of each more than this many at once are read by who fetches them. */
#define MAX_THREADS 4
#define PIECE_BYTES ((size_t)16 << 10)
#define NUM_PIECES  32u
#define NICE_MOST   19
/* One part takes well below 1 ms: after so long it has no processor. */
#define KEPT_MS 100

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
	atomic_uint parts;       /* done so far */
	/*
	 * The thread is to do no more, for it had no processor in the middle
	 * of a part; and it does no more: the rest is its owner's.
	 */
	atomic_bool hurry, taken;
	uint64_t kept_mono_ms;   /* its owner's: since when it is */
	unsigned kept_part;      /* in this one */
	struct piece *ring;      /* NULL: nothing is fed */
	crl_aside_told_fn *told; /* NULL: he looks himself */
	void *told_arg;
	atomic_size_t wanted; /* room that he waits for; 0: he does not */
};

static atomic_uint num_threads;

static bool
is_awaited(const struct crl_aside *a, size_t bytes)
{
	return atomic_load(&a->done) ||
	    (!atomic_load(&a->ended) && crl_aside_room(a, bytes));
}

/* Who waits has said so first, then looked; here it is the other way round. */
static void
aside_tell(struct crl_aside *a)
{
	size_t wanted = atomic_load(&a->wanted);

	if (wanted != 0 && is_awaited(a, wanted) &&
	    atomic_exchange(&a->wanted, 0) != 0)
		a->told(a->told_arg);
}

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
	atomic_fetch_add(&a->parts, 1);
	if (at != atomic_load(&a->next)) {
		p = &a->ring[at % NUM_PIECES];
		(void)a->fn(a->arg, span_of(p->bytes, p->len));
		atomic_store(&a->first, at + 1);
		aside_tell(a);
		return true;
	}
	if (!ended)
		return false;
	if (!a->fn(a->arg, span_of(NULL, 0))) {
		atomic_store(&a->done, true);
		aside_tell(a);
	}
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

/*
 * One part. A thread of normal priority that wakes does not always run at once:
 * Linux (EEVDF) lets one that has just had more than its share, beside the one
 * that feeds this thread, say, wait until it has made up for it, and goes on
 * here; who is next is asked again at a tick, 4 ms later. So it is asked after
 * each part: workers waited up to 3.9 ms, and wait 0.4. Under turn, so that who
 * gets no processor then is one that is kept in the middle of a part.
 */
static bool
aside_turn(struct crl_aside *a)
{
	bool had;

	if (atomic_load(&a->hurry))
		return false;
	pthread_mutex_lock(&a->turn);
	had =
	    !atomic_load(&a->stop) && !atomic_load(&a->hurry) && aside_part(a);
	if (had) {
		(void)sem_post(&a->moved);
		(void)sched_yield();
	}
	pthread_mutex_unlock(&a->turn);
	return had;
}

static void *
aside_main(void *arg)
{
	struct crl_aside *a = arg;

	aside_step_back();
	while (!atomic_load(&a->stop) && !atomic_load(&a->done))
		if (!aside_turn(a) && !atomic_load(&a->done))
			while (sem_wait(&a->work) != 0 && errno == EINTR)
				continue;
	return NULL;
}

static bool
aside_start(struct crl_aside *a)
{
	int rc;

	if (atomic_fetch_add(&num_threads, 1) >= MAX_THREADS) {
		atomic_fetch_sub(&num_threads, 1);
		return false;
	}
	rc = thread_start(&a->thread, aside_main, a);
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
crl_aside_new(crl_aside_fn *fn, void *arg, bool pieces, crl_aside_told_fn *told,
    void *told_arg)
{
	struct crl_aside *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->fn = fn;
	a->arg = arg;
	a->told = told;
	a->told_arg = told_arg;
	pthread_mutex_init(&a->turn, NULL);
	(void)sem_init(&a->work, 0, 0);
	(void)sem_init(&a->moved, 0, 0);
	atomic_init(&a->ended, !pieces);
	if (pieces)
		a->ring = malloc(NUM_PIECES * sizeof(*a->ring));
	if ((pieces && a->ring == NULL) || !aside_start(a)) {
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

/* The thread is in the middle of a part, and perhaps kept from running. */
static void
aside_note_kept(struct crl_aside *a)
{
	unsigned part = atomic_load(&a->parts);
	uint64_t now = clock_mono_ms();

	if (a->kept_mono_ms == 0 || a->kept_part != part) {
		a->kept_mono_ms = now;
		a->kept_part = part;
	} else if (now - a->kept_mono_ms >= KEPT_MS) {
		atomic_store(&a->hurry, true);
	}
}

/* A part on the thread of its owner, if need be after that under way. */
static void
aside_own_part(struct crl_aside *a, bool wait)
{
	if (pthread_mutex_trylock(&a->turn) != 0) {
		aside_note_kept(a);
		if (!wait)
			return;
		pthread_mutex_lock(&a->turn);
		aside_note_kept(a);
	}
	if (atomic_load(&a->hurry))
		atomic_store(&a->taken, true);
	(void)aside_part(a);
	pthread_mutex_unlock(&a->turn);
	/* The thread may have waited for what is done now. */
	(void)sem_post(&a->work);
}

void
crl_aside_help(struct crl_aside *a)
{
	aside_own_part(a, false);
}

static bool
ring_has_room(const struct crl_aside *a, size_t bytes)
{
	unsigned taken = atomic_load(&a->next) - atomic_load(&a->first);

	return bytes <= (NUM_PIECES - taken) * PIECE_BYTES;
}

bool
crl_aside_room(const struct crl_aside *a, size_t bytes)
{
	return atomic_load(&a->taken) || ring_has_room(a, bytes);
}

bool
crl_aside_await(struct crl_aside *a, size_t bytes)
{
	atomic_store(&a->wanted, a->told != NULL ? bytes : 0);
	return is_awaited(a, bytes);
}

static bool
ring_full(struct crl_aside *a)
{
	return a->ring != NULL && !ring_has_room(a, 1);
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
		if (wait_ms > 0 && !atomic_load(&a->taken))
			aside_wait(a, wait_ms, true);
		while (ring_full(a))
			aside_own_part(a, true);
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
	if (atomic_load(&a->taken))
		aside_own_part(a, true);
	else
		aside_wait(a, ms, false);
}

bool
crl_aside_done(struct crl_aside *a)
{
	return atomic_load(&a->done);
}
