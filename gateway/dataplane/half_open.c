/*
 * half_open: a table of the addresses, and a heap of them that has on top who
 * has most, of these the one whose oldest has waited longest. One lock: all of
 * it is a few steps, and happens a few times a handshake.
 */
#include "gateway/dataplane/half_open.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <sys/socket.h>

#define HALF_OPEN_BUCKETS 1024

struct half_open_address {
	struct half_open_address *next; /* in its bucket */
	struct limits_peer peer;
	struct half_open_place *oldest, *newest;
	uint32_t num;
	size_t at; /* in the heap */
};

struct half_open {
	pthread_mutex_t lock;
	uint64_t seed;
	struct half_open_address *buckets[HALF_OPEN_BUCKETS];
	struct half_open_address **heap;
	size_t num, max;
};

/* The heap. */

static bool
address_goes_first(
    const struct half_open_address *a, const struct half_open_address *b)
{
	if (a->num != b->num)
		return a->num > b->num;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	return a->oldest->since_mono_ms < b->oldest->since_mono_ms;
}

static void
heap_put(struct half_open *h, size_t at, struct half_open_address *a)
{
	h->heap[at] = a;
	a->at = at;
}

/* To where it belongs, after a change. */
static void
heap_move(struct half_open *h, struct half_open_address *a)
{
	size_t at = a->at;

	while (at > 0 && address_goes_first(a, h->heap[(at - 1) / 2])) {
		heap_put(h, at, h->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t below = 2 * at + 1;

		if (below + 1 < h->num &&
		    address_goes_first(h->heap[below + 1], h->heap[below]))
			below++;
		if (below >= h->num || !address_goes_first(h->heap[below], a))
			break;
		heap_put(h, at, h->heap[below]);
		at = below;
	}
	heap_put(h, at, a);
}

static int
heap_grow(struct half_open *h)
{
	size_t max = h->max == 0 ? 64 : 2 * h->max;
	struct half_open_address **heap;

	if (h->num < h->max)
		return 0;
	heap = realloc(h->heap, max * sizeof(struct half_open_address *));
	if (heap == NULL)
		return E_NOMEM;
	h->heap = heap;
	h->max = max;
	return 0;
}

/* Addresses. */

static struct half_open_address **
address_find(struct half_open *h, const struct limits_peer *peer)
{
	uint64_t hash = limits_peer_hash(peer, h->seed);
	struct half_open_address **a = &h->buckets[hash % HALF_OPEN_BUCKETS];

	while (*a != NULL && memcmp(&(*a)->peer, peer, sizeof(*peer)) != 0)
		a = &(*a)->next;
	return a;
}

/* The peer's, made when there is none; NULL: out of memory. */
static struct half_open_address *
address_get(struct half_open *h, const struct limits_peer *peer)
{
	struct half_open_address **a = address_find(h, peer);

	if (*a != NULL || heap_grow(h) != 0)
		return *a;
	*a = calloc(1, sizeof(**a));
	if (*a != NULL)
		(*a)->peer = *peer;
	return *a;
}

static void
address_drop(struct half_open *h, struct half_open_address *a)
{
	struct half_open_address *last = h->heap[--h->num];

	if (last != a) {
		heap_put(h, a->at, last);
		heap_move(h, last);
	}
	*address_find(h, &a->peer) = a->next;
	free(a);
}

/* Places, under the lock. */

static void
place_take_out(struct half_open *h, struct half_open_place *p)
{
	struct half_open_address *a = p->address;

	p->address = NULL;
	if (p->older != NULL)
		p->older->newer = p->newer;
	else
		a->oldest = p->newer;
	if (p->newer != NULL)
		p->newer->older = p->older;
	else
		a->newest = p->older;
	if (--a->num == 0)
		address_drop(h, a);
	else
		heap_move(h, a);
}

void
half_open_add(struct half_open *h, struct half_open_place *p,
    const struct limits_peer *peer, int fd, uint64_t now_mono_ms)
{
	struct half_open_address *a;

	pthread_mutex_lock(&h->lock);
	a = p->shed || p->address != NULL ? NULL : address_get(h, peer);
	if (a != NULL) {
		p->address = a;
		p->fd = fd;
		p->since_mono_ms = now_mono_ms;
		p->newer = NULL;
		p->older = a->newest;
		if (a->newest != NULL)
			a->newest->newer = p;
		else
			a->oldest = p;
		a->newest = p;
		if (a->num++ == 0)
			heap_put(h, h->num++, a);
		heap_move(h, a);
	}
	pthread_mutex_unlock(&h->lock);
}

void
half_open_remove(struct half_open *h, struct half_open_place *p)
{
	pthread_mutex_lock(&h->lock);
	if (p->address != NULL)
		place_take_out(h, p);
	pthread_mutex_unlock(&h->lock);
}

/* Who makes room for one more of an address that has num; NULL: nobody. */
static struct half_open_place *
half_open_choose(const struct half_open *h, uint32_t num, uint64_t now_mono_ms)
{
	const struct half_open_address *most = h->num > 0 ? h->heap[0] : NULL;

	if (most == NULL)
		return NULL;
	if (most->num > num + 1 ||
	    now_mono_ms - most->oldest->since_mono_ms >= HALF_OPEN_SLOW_MS)
		return most->oldest;
	return NULL;
}

bool
half_open_make_room(struct half_open *h, const struct limits_peer *peer,
    uint64_t now_mono_ms, struct limits_peer *gone)
{
	struct half_open_address *own;
	struct half_open_place *p;

	pthread_mutex_lock(&h->lock);
	own = *address_find(h, peer);
	p = half_open_choose(h, own != NULL ? own->num : 0, now_mono_ms);
	if (p != NULL) {
		*gone = p->address->peer;
		p->shed = true;
		/* Open still: its owner takes it out before it closes it. */
		(void)shutdown(p->fd, SHUT_RDWR);
		place_take_out(h, p);
	}
	pthread_mutex_unlock(&h->lock);
	return p != NULL;
}

bool
half_open_relieve(struct half_open *h, struct limits *l,
    const struct limits_peer *peer, uint64_t now_mono_ms)
{
	static const struct limits_peer nobody;
	struct limits_peer gone;

	if (!half_open_make_room(
		h, peer != NULL ? peer : &nobody, now_mono_ms, &gone))
		return false;
	limits_end_handshake(l, &gone);
	limits_leave(l, &gone);
	return true;
}

int
half_open_new(struct half_open **out, struct err *err)
{
	struct half_open *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (RAND_bytes((unsigned char *)&h->seed, sizeof(h->seed)) != 1) {
		free(h);
		return err_ossl(err, E_INTERNAL, "cannot make limits");
	}
	pthread_mutex_init(&h->lock, NULL);
	*out = h;
	return 0;
}

void
half_open_free(struct half_open *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->num; i++)
		free(h->heap[i]);
	free(h->heap);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
