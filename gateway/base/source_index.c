/*
 * source_index: a hash table of sources, each with a list of links to who rests
 * on it; two rings, of who is due and of the others; a heap by time. What is
 * told and cannot be matched exactly, for want of memory or of memory of what
 * was told, makes due: asking in vain is cheap.
 */
#include "gateway/base/source_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <openssl/rand.h>

#define FIRST_BUCKETS  64
#define RECENT_CHANGES 64
#define LOOK_SEC       60 /* the clock may have been set meanwhile */

/* A source that somebody rests on. */
struct source_node {
	unsigned char id[32];
	struct source_link *links;
	struct source_node *next; /* of its bucket */
};

struct source_link {
	struct source_node *node;
	struct source_asker *asker;
	struct source_link *next, **prev; /* of the node */
};

struct source_index {
	const struct wall_clock *clock;
	void (*due)(void *arg);
	void *arg;
	struct event *timer;
	struct source_node **buckets;
	size_t num_buckets; /* a power of two */
	size_t num_nodes;
	uint64_t salt; /* so that nobody can choose sources of one bucket */
	struct source_asker due_ring, idle_ring; /* their heads */
	struct source_asker **heap;              /* earliest first */
	size_t num_heap, cap_heap, num_askers;
	size_t num_vague; /* askers that rest on all sources */
	struct {
		unsigned char source[32];
		uint64_t change;
	} recent[RECENT_CHANGES];
	size_t num_recent;
};

/* Marks who rests on all of them: num_links is then 0. */
static struct source_link vague[1];

/* Rings. */

static void
ring_init(struct source_asker *head)
{
	head->next = head->prev = head;
}

static void
ring_leave(struct source_asker *a)
{
	a->prev->next = a->next;
	a->next->prev = a->prev;
}

static void
ring_join(struct source_asker *head, struct source_asker *a)
{
	a->prev = head->prev;
	a->next = head;
	head->prev->next = a;
	head->prev = a;
}

static void
make_due(struct source_index *i, struct source_asker *a)
{
	ring_leave(a);
	ring_join(&i->due_ring, a);
}

/* The heap. */

static void
heap_put(struct source_index *i, size_t at, struct source_asker *a)
{
	i->heap[at] = a;
	a->place = at + 1;
}

static void
heap_sift(struct source_index *i, size_t at, struct source_asker *a)
{
	size_t child;

	for (; at > 0 && a->at < i->heap[(at - 1) / 2]->at; at = (at - 1) / 2)
		heap_put(i, at, i->heap[(at - 1) / 2]);
	while ((child = 2 * at + 1) < i->num_heap) {
		if (child + 1 < i->num_heap &&
		    i->heap[child + 1]->at < i->heap[child]->at)
			child++;
		if (a->at <= i->heap[child]->at)
			break;
		heap_put(i, at, i->heap[child]);
		at = child;
	}
	heap_put(i, at, a);
}

static void
heap_remove(struct source_index *i, struct source_asker *a)
{
	struct source_asker *last;
	size_t at = a->place - 1;

	if (a->place == 0)
		return;
	a->place = 0;
	last = i->heap[--i->num_heap];
	if (last != a)
		heap_sift(i, at, last);
}

static void
arm(struct source_index *i, time_t now)
{
	struct timeval tv = {.tv_sec = LOOK_SEC};

	if (i->num_heap == 0) {
		event_del(i->timer);
		return;
	}
	if (i->heap[0]->at - now < LOOK_SEC)
		tv.tv_sec = i->heap[0]->at > now ? i->heap[0]->at - now : 0;
	event_add(i->timer, &tv);
}

static void
set_time(struct source_index *i, struct source_asker *a, time_t at, time_t now)
{
	struct source_asker *first = i->num_heap > 0 ? i->heap[0] : NULL;

	heap_remove(i, a);
	a->at = at;
	if (at != 0)
		heap_sift(i, i->num_heap++, a);
	if (first == a || (i->num_heap > 0 && i->heap[0] == a))
		arm(i, now);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct source_index *i = arg;
	time_t now = wall_clock_now(i->clock);
	bool any = false;

	(void)fd, (void)what;
	while (i->num_heap > 0 && i->heap[0]->at <= now) {
		struct source_asker *a = i->heap[0];

		heap_remove(i, a);
		make_due(i, a);
		any = true;
	}
	arm(i, now);
	if (any)
		i->due(i->arg);
}

/* Sources. */

static struct source_node **
bucket_of(struct source_index *i, const unsigned char id[32])
{
	uint64_t v;

	memcpy(&v, id, sizeof(v));
	return &i->buckets[(v * i->salt >> 32) & (i->num_buckets - 1)];
}

static struct source_node *
node_find(struct source_index *i, const unsigned char id[32])
{
	struct source_node *n = *bucket_of(i, id);

	while (n != NULL && memcmp(n->id, id, sizeof(n->id)) != 0)
		n = n->next;
	return n;
}

/* Without memory the buckets get long, no more. */
static void
buckets_grow(struct source_index *i)
{
	struct source_node **old = i->buckets, *n, *next;
	size_t num = i->num_buckets;

	i->buckets = calloc(2 * num, sizeof(*i->buckets));
	if (i->buckets == NULL) {
		i->buckets = old;
		return;
	}
	i->num_buckets = 2 * num;
	for (size_t k = 0; k < num; k++)
		for (n = old[k]; n != NULL; n = next) {
			next = n->next;
			n->next = *bucket_of(i, n->id);
			*bucket_of(i, n->id) = n;
		}
	free(old);
}

static struct source_node *
node_get(struct source_index *i, const unsigned char id[32])
{
	struct source_node *n = node_find(i, id);

	if (n != NULL)
		return n;
	if (i->num_nodes >= i->num_buckets)
		buckets_grow(i);
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	memcpy(n->id, id, sizeof(n->id));
	n->next = *bucket_of(i, id);
	*bucket_of(i, id) = n;
	i->num_nodes++;
	return n;
}

static void
node_drop(struct source_index *i, struct source_node *n)
{
	struct source_node **p = bucket_of(i, n->id);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	i->num_nodes--;
	free(n);
}

static void
unlink_all(struct source_index *i, struct source_asker *a)
{
	if (a->links == vague) {
		i->num_vague--;
		a->links = NULL;
		return;
	}
	for (size_t k = 0; k < a->num_links; k++) {
		struct source_link *l = &a->links[k];

		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		*l->prev = l->next;
		if (l->next != NULL)
			l->next->prev = l->prev;
		if (l->node->links == NULL)
			node_drop(i, l->node);
	}
	free(a->links);
	a->links = NULL;
	a->num_links = 0;
}

static void
rest_on_all(struct source_index *i, struct source_asker *a)
{
	unlink_all(i, a);
	a->links = vague;
	i->num_vague++;
}

static bool
rests_on(const struct source_asker *a, const unsigned char id[32])
{
	for (size_t k = 0; k < a->num_links; k++)
		if (memcmp(a->links[k].node->id, id, 32) == 0)
			return true;
	return a->links == vague;
}

static void
link_all(struct source_index *i, struct source_asker *a,
    const unsigned char (*ids)[32], size_t num)
{
	struct source_node *n;
	struct source_link *l;
	size_t same = 0;

	if (num == REVCHECK_SOURCES_ALL) {
		rest_on_all(i, a);
		return;
	}
	/* Most answers rest on what the one before did. */
	while (same < num && same < a->num_links &&
	    memcmp(a->links[same].node->id, ids[same], 32) == 0)
		same++;
	if (a->links != vague && same == num && same == a->num_links)
		return;
	unlink_all(i, a);
	if (num == 0)
		return;
	a->links = calloc(num, sizeof(*a->links));
	if (a->links == NULL) {
		rest_on_all(i, a);
		return;
	}
	for (size_t k = 0; k < num; k++) {
		n = node_get(i, ids[k]);
		if (n == NULL) {
			rest_on_all(i, a);
			return;
		}
		l = &a->links[k];
		*l = (struct source_link){
		    .node = n, .asker = a, .next = n->links, .prev = &n->links};
		if (l->next != NULL)
			l->next->prev = &l->next;
		n->links = l;
		a->num_links++;
	}
}

/* Whether a change that was told already is none of the answer's. */
static bool
was_told(const struct source_index *i, const struct source_asker *a)
{
	for (size_t k = 1; k <= i->num_recent; k++) {
		size_t at = (i->num_recent - k) % RECENT_CHANGES;

		if (k > RECENT_CHANGES)
			return true; /* it cannot be said any more */
		if (i->recent[at].change <= a->changes)
			return false;
		if (rests_on(a, i->recent[at].source))
			return true;
	}
	return false;
}

/* What others see. */

int
source_index_new(struct source_index **out, struct event_base *base,
    const struct wall_clock *clock, void (*due)(void *arg), void *arg,
    struct err *err)
{
	struct source_index *i = calloc(1, sizeof(*i));

	*out = NULL;
	if (i == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	i->clock = clock;
	i->due = due;
	i->arg = arg;
	ring_init(&i->due_ring);
	ring_init(&i->idle_ring);
	i->num_buckets = FIRST_BUCKETS;
	i->buckets = calloc(FIRST_BUCKETS, sizeof(*i->buckets));
	i->timer = evtimer_new(base, on_time, i);
	if (i->buckets == NULL || i->timer == NULL ||
	    RAND_bytes((unsigned char *)&i->salt, sizeof(i->salt)) != 1) {
		source_index_free(i);
		return err_set(err, E_NOMEM, "out of memory");
	}
	i->salt |= 1;
	*out = i;
	return 0;
}

void
source_index_free(struct source_index *i)
{
	if (i == NULL)
		return;
	if (i->timer != NULL)
		event_free(i->timer);
	free(i->buckets);
	free(i->heap);
	free(i);
}

int
source_index_join(struct source_index *i, struct source_asker *a)
{
	size_t cap = i->cap_heap == 0 ? FIRST_BUCKETS : 2 * i->cap_heap;
	struct source_asker **heap;

	/* Room for its time, so that setting it cannot fail. */
	if (i->num_askers == i->cap_heap) {
		heap = realloc(i->heap, cap * sizeof(*heap));
		if (heap == NULL)
			return E_NOMEM;
		i->heap = heap;
		i->cap_heap = cap;
	}
	*a = (struct source_asker){.links = NULL};
	ring_join(&i->idle_ring, a);
	i->num_askers++;
	return 0;
}

void
source_index_leave(struct source_index *i, struct source_asker *a)
{
	if (a->next == NULL)
		return;
	heap_remove(i, a);
	unlink_all(i, a);
	ring_leave(a);
	i->num_askers--;
	*a = (struct source_asker){.links = NULL};
}

static time_t
sooner(time_t a, time_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

void
source_index_rest(struct source_index *i, struct source_asker *a,
    const struct revcheck_report *report, time_t ends_at)
{
	time_t now = wall_clock_now(i->clock), until, at = ends_at;
	time_t spread = (time_t)((uintptr_t)a / sizeof(*a) % 180);
	const unsigned char(*ids)[32];
	size_t num;

	if (report != NULL) {
		num = revcheck_report_sources(report, &ids);
		link_all(i, a, ids, num);
		a->changes = revcheck_report_changes(report);
		until = revcheck_report_until(report);
		at = sooner(at, until != 0 ? until + 1 : 0);
		if (revcheck_report_status(report) == REVCHECK_UNKNOWN)
			at = sooner(
			    at, now + SOURCE_INDEX_LACKING_SEC + spread % 60);
		if (num > 0)
			at = sooner(at, now + SOURCE_INDEX_ANYWAY_SEC - spread);
	}
	set_time(i, a, at, now);
	if (report != NULL && was_told(i, a)) {
		make_due(i, a);
		i->due(i->arg);
	}
}

void
source_index_changed(
    struct source_index *i, const unsigned char source[32], uint64_t change)
{
	const struct source_node *n = node_find(i, source);
	size_t at = i->num_recent++ % RECENT_CHANGES;
	bool any = false;

	memcpy(i->recent[at].source, source, sizeof(i->recent[at].source));
	i->recent[at].change = change;
	for (struct source_link *l = n != NULL ? n->links : NULL; l != NULL;
	     l = l->next)
		if (l->asker->changes < change) {
			make_due(i, l->asker);
			any = true;
		}
	if (i->num_vague > 0)
		source_index_all_due(i);
	else if (any)
		i->due(i->arg);
}

void
source_index_all_due(struct source_index *i)
{
	struct source_asker *idle = &i->idle_ring, *due = &i->due_ring;

	if (idle->next != idle) {
		idle->next->prev = due->prev;
		due->prev->next = idle->next;
		idle->prev->next = due;
		due->prev = idle->prev;
		ring_init(idle);
	}
	i->due(i->arg);
}

struct source_asker *
source_index_take(struct source_index *i)
{
	struct source_asker *a = i->due_ring.next;

	if (a == &i->due_ring)
		return NULL;
	ring_leave(a);
	ring_join(&i->idle_ring, a);
	return a;
}

size_t
source_index_num(const struct source_index *i)
{
	return i->num_nodes;
}
