/* rest_hasher: two threads, two queues and a list of answers under one lock. */
#include "gateway/rest/rest_hasher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/crypto.h>

#include "gateway/base/password_hash.h"

#define NUM_THREADS 2
#define MAX_WAITING 64
#define NICE        10 /* peers' handshakes come first */
#define STOP_SEC    2  /* a comparison may take longer, and cannot be ended */

/* Threads that were still comparing when their hasher was freed. */
static atomic_uint num_left;

struct rest_hash {
	struct rest_hash *next;
	char hash[PASSWORD_HASH_SIZE];
	char password[PASSWORD_MAX_LEN + 1];
	bool right;
	void (*done)(void *arg, bool right); /* NULL: cancelled; the loop's */
	void *arg;
};

struct queue {
	struct rest_hash *head, **tail;
};

struct rest_hasher {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct queue waiting[2]; /* [1]: first */
	struct queue answered;
	unsigned num_waiting; /* in waiting[0] */
	bool stopping;
	struct event *ev; /* activated when there is an answer */
	pthread_t threads[NUM_THREADS];
	unsigned num_threads, num_running;
	pthread_cond_t ended;
};

static void
queue_put(struct queue *q, struct rest_hash *x)
{
	x->next = NULL;
	*q->tail = x;
	q->tail = &x->next;
}

static struct rest_hash *
queue_take(struct queue *q)
{
	struct rest_hash *x = q->head;

	if (x == NULL)
		return NULL;
	q->head = x->next;
	if (q->head == NULL)
		q->tail = &q->head;
	return x;
}

static void
hash_free(struct rest_hash *x)
{
	OPENSSL_cleanse(x, sizeof(*x));
	free(x);
}

/* The next one, waited for; NULL at the end. Under the lock. */
static struct rest_hash *
next_waiting(struct rest_hasher *h)
{
	struct rest_hash *x;

	while (!h->stopping) {
		x = queue_take(&h->waiting[1]);
		if (x != NULL)
			return x;
		x = queue_take(&h->waiting[0]);
		if (x != NULL) {
			h->num_waiting--;
			return x;
		}
		pthread_cond_wait(&h->wake, &h->lock);
	}
	return NULL;
}

static void *
run(void *arg)
{
	struct rest_hasher *h = arg;
	struct rest_hash *x;

	/* Of this thread alone, as Linux has it. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&h->lock);
	while ((x = next_waiting(h)) != NULL) {
		pthread_mutex_unlock(&h->lock);
		x->right = password_verify(x->hash, x->password);
		pthread_mutex_lock(&h->lock);
		queue_put(&h->answered, x);
		if (!h->stopping)
			event_active(h->ev, EV_READ, 1);
	}
	h->num_running--;
	pthread_cond_signal(&h->ended);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static void
on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct rest_hasher *h = arg;
	struct rest_hash *x;

	(void)fd, (void)what;
	for (;;) {
		pthread_mutex_lock(&h->lock);
		x = queue_take(&h->answered);
		pthread_mutex_unlock(&h->lock);
		if (x == NULL)
			return;
		if (x->done != NULL)
			x->done(x->arg, x->right);
		hash_free(x);
	}
}

static bool
thread_start(struct rest_hasher *h)
{
	bool made;

	pthread_mutex_lock(&h->lock);
	made = pthread_create(&h->threads[h->num_threads], NULL, run, h) == 0;
	h->num_threads += made;
	h->num_running += made;
	pthread_mutex_unlock(&h->lock);
	return made;
}

int
rest_hasher_new(
    struct rest_hasher **out, struct event_base *base, struct err *err)
{
	struct rest_hasher *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->wake, NULL);
	pthread_cond_init(&h->ended, NULL);
	h->waiting[0].tail = &h->waiting[0].head;
	h->waiting[1].tail = &h->waiting[1].head;
	h->answered.tail = &h->answered.head;
	h->ev = event_new(base, -1, EV_PERSIST, on_answers, h);
	while (h->ev != NULL && h->num_threads < NUM_THREADS && thread_start(h))
		continue;
	if (h->num_threads < NUM_THREADS) {
		rest_hasher_free(h);
		return err_set(err, E_NOMEM, "cannot start a thread");
	}
	*out = h;
	return 0;
}

/* False: some still compare, and h stays theirs. */
static bool
threads_end(struct rest_hasher *h)
{
	struct timespec until;
	bool all;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SEC;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_broadcast(&h->wake);
	while (h->num_running > 0 &&
	    pthread_cond_timedwait(&h->ended, &h->lock, &until) == 0)
		continue;
	all = h->num_running == 0;
	atomic_fetch_add(&num_left, h->num_running);
	if (h->ev != NULL)
		event_free(h->ev);
	h->ev = NULL;
	pthread_mutex_unlock(&h->lock);
	return all;
}

bool
rest_hasher_all_ended(void)
{
	return atomic_load(&num_left) == 0;
}

void
rest_hasher_free(struct rest_hasher *h)
{
	struct rest_hash *x;

	if (h == NULL)
		return;
	if (!threads_end(h)) {
		for (unsigned i = 0; i < h->num_threads; i++)
			pthread_detach(h->threads[i]);
		return;
	}
	for (unsigned i = 0; i < h->num_threads; i++)
		pthread_join(h->threads[i], NULL);
	while ((x = queue_take(&h->waiting[1])) != NULL ||
	    (x = queue_take(&h->waiting[0])) != NULL ||
	    (x = queue_take(&h->answered)) != NULL)
		hash_free(x);
	pthread_cond_destroy(&h->wake);
	pthread_cond_destroy(&h->ended);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

struct rest_hash *
rest_hasher_verify(struct rest_hasher *h, const char *hash,
    const char *password, bool first, void (*done)(void *arg, bool right),
    void *arg)
{
	struct rest_hash *x = calloc(1, sizeof(*x));
	bool full;

	if (x == NULL)
		return NULL;
	snprintf(x->hash, sizeof(x->hash), "%s", hash);
	/* One that is too long is cut, and wrong all the same. */
	if (strlen(password) > PASSWORD_MAX_LEN)
		x->hash[0] = '\0';
	snprintf(x->password, sizeof(x->password), "%s", password);
	x->done = done;
	x->arg = arg;
	pthread_mutex_lock(&h->lock);
	full = !first && h->num_waiting >= MAX_WAITING;
	if (!full) {
		h->num_waiting += first ? 0 : 1;
		queue_put(&h->waiting[first ? 1 : 0], x);
		pthread_cond_signal(&h->wake);
	}
	pthread_mutex_unlock(&h->lock);
	if (full) {
		hash_free(x);
		return NULL;
	}
	return x;
}

void
rest_hash_cancel(struct rest_hash *x)
{
	if (x != NULL)
		x->done = NULL;
}
