/*
 * memory_table: see the header. The table is a published array of pointers with
 * open addressing. Readers are counted by `epoch`; writers replace pointers and
 * call epoch_wait before they free.
 */
#include "cache/engine/memory_table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PLACES  1024
#define OWNER_BUCKETS 1024

/* Published; replaced as a whole when it gets full. */
struct memory_slots {
	size_t num_places; /* a power of two */
	size_t num_used;   /* tombstones included */
	_Atomic(struct resource *) place[];
};

/* A tombstone, where a resource was removed: probing goes on. */
static struct resource gravestone;

unsigned
memory_table_now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (unsigned)ts.tv_sec;
}

static size_t
key_home(const struct evidence_key *key, size_t num_places)
{
	uint64_t v;

	/* A key is a SHA-256: any part of it is spread evenly. */
	memcpy(&v, key->id, sizeof(v));
	return (size_t)v & (num_places - 1);
}

static struct memory_slots *
table_new(size_t num_places)
{
	struct memory_slots *t =
	    calloc(1, sizeof(*t) + num_places * sizeof(t->place[0]));

	if (t != NULL)
		t->num_places = num_places;
	return t;
}

int
memory_table_init(
    struct memory_table *m, uint64_t budget_bytes, const struct log *log)
{
	struct memory_slots *t = table_new(FIRST_PLACES);

	*m = (struct memory_table){.budget_bytes = budget_bytes, .log = log};
	epoch_init(&m->epoch);
	pthread_mutex_init(&m->lock, NULL);
	m->num_owner_buckets = OWNER_BUCKETS;
	m->owners = calloc(OWNER_BUCKETS, sizeof(*m->owners));
	atomic_init(&m->table, t);
	return t != NULL && m->owners != NULL ? 0 : E_NOMEM;
}

static struct resource *
table_find(struct memory_slots *t, const struct evidence_key *key)
{
	size_t i = key_home(key, t->num_places);
	struct resource *r;

	while ((r = atomic_load_explicit(&t->place[i], memory_order_acquire)) !=
	    NULL) {
		if (r != &gravestone &&
		    memcmp(r->key.id, key->id, sizeof(key->id)) == 0)
			return r;
		i = (i + 1) & (t->num_places - 1);
	}
	return NULL;
}

struct documents *
memory_table_get1(struct memory_table *m, const struct evidence_key *key)
{
	struct epoch_mark mark = epoch_enter(&m->epoch);
	struct documents *d = NULL;
	struct resource *r;
	unsigned now;

	/* Sequentially consistent, as epoch demands. */
	r = table_find(atomic_load(&m->table), key);
	if (r != NULL) {
		d = atomic_load(&r->held);
		if (d != NULL)
			documents_up_ref(d);
		now = memory_table_now_sec();
		/*
		 * Written only when it changes, so that the cache line stays
		 * shared.
		 */
		if (atomic_load_explicit(
			&r->asked_at_sec, memory_order_relaxed) != now)
			atomic_store_explicit(
			    &r->asked_at_sec, now, memory_order_relaxed);
		if (!atomic_load_explicit(&r->asked, memory_order_relaxed))
			atomic_store_explicit(
			    &r->asked, true, memory_order_relaxed);
	}
	epoch_leave(&m->epoch, mark);
	return d;
}

struct resource *
memory_table_find(struct memory_table *m, const struct evidence_key *key)
{
	return table_find(atomic_load(&m->table), key);
}

/* Owners. */

static struct owner *
owner_get(struct memory_table *m, const uint8_t id[32])
{
	struct owner **bucket, *o;
	uint64_t v;

	memcpy(&v, id, sizeof(v));
	bucket = &m->owners[v % m->num_owner_buckets];
	for (o = *bucket; o != NULL; o = o->next)
		if (memcmp(o->id, id, sizeof(o->id)) == 0)
			return o;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return NULL;
	memcpy(o->id, id, sizeof(o->id));
	o->next = *bucket;
	*bucket = o;
	return o;
}

static void
ring_join(struct owner *o, struct resource *r)
{
	r->owner = o;
	if (o->hand == NULL) {
		r->ring_next = r->ring_prev = r;
		o->hand = r;
		return;
	}
	/* Behind the hand of the clock: looked at last. */
	r->ring_next = o->hand;
	r->ring_prev = o->hand->ring_prev;
	r->ring_prev->ring_next = r;
	r->ring_next->ring_prev = r;
}

static void
ring_leave(struct memory_table *m, struct resource *r)
{
	struct owner *o = r->owner, **at;
	uint64_t v;

	if (r->ring_next == r) {
		memcpy(&v, o->id, sizeof(v));
		at = &m->owners[v % m->num_owner_buckets];
		while (*at != o)
			at = &(*at)->next;
		*at = o->next;
		free(o);
		return;
	}
	r->ring_prev->ring_next = r->ring_next;
	r->ring_next->ring_prev = r->ring_prev;
	if (o->hand == r)
		o->hand = r->ring_next;
}

static void
charge(struct memory_table *m, struct resource *r, size_t cost)
{
	r->owner->bytes = r->owner->bytes - r->cost + cost;
	atomic_fetch_add(&m->bytes, (unsigned long long)cost - r->cost);
	r->cost = cost;
}

/* Coming and going. */

static struct memory_slots *
table_with_room(struct memory_table *m)
{
	struct memory_slots *old = atomic_load(&m->table), *t;
	size_t num = old->num_places, i;
	struct resource *r;

	if (old->num_used < old->num_places / 2)
		return old;
	/* Tombstones alone may have filled it: then the size stays. */
	while (atomic_load(&m->entries) >= num / 4)
		num *= 2;
	t = table_new(num);
	if (t == NULL)
		return NULL;
	for (size_t k = 0; k < old->num_places; k++) {
		r = atomic_load(&old->place[k]);
		if (r == NULL || r == &gravestone)
			continue;
		i = key_home(&r->key, num);
		while (atomic_load(&t->place[i]) != NULL)
			i = (i + 1) & (num - 1);
		atomic_store(&t->place[i], r);
		t->num_used++;
	}
	atomic_store(&m->table, t);
	epoch_wait(&m->epoch);
	free(old);
	return t;
}

struct resource *
memory_table_add(struct memory_table *m, const struct evidence_key *key,
    const uint8_t owner[32])
{
	struct resource *r = memory_table_find(m, key);
	struct memory_slots *t;
	struct owner *o;
	size_t i;

	if (r != NULL)
		return r;
	pthread_mutex_lock(&m->lock);
	t = table_with_room(m);
	r = t != NULL ? calloc(1, sizeof(*r)) : NULL;
	o = r != NULL ? owner_get(m, owner) : NULL;
	if (o == NULL) {
		free(r);
		pthread_mutex_unlock(&m->lock);
		return NULL;
	}
	r->key = *key;
	atomic_init(&r->held, NULL);
	atomic_init(&r->asked_at_sec, memory_table_now_sec());
	/*
	 * A new entry starts unmarked: the request that made it does not earn
	 * it a second chance.
	 */
	atomic_init(&r->asked, false);
	ring_join(o, r);
	charge(m, r, sizeof(*r));
	i = key_home(key, t->num_places);
	while (atomic_load(&t->place[i]) != NULL)
		i = (i + 1) & (t->num_places - 1);
	atomic_store(&t->place[i], r);
	t->num_used++;
	atomic_fetch_add(&m->entries, 1);
	pthread_mutex_unlock(&m->lock);
	return r;
}

static void
swap_held(struct memory_table *m, struct resource *r, struct documents *d)
{
	struct documents *old = atomic_exchange(&r->held, d);

	if (old != NULL) {
		epoch_wait(&m->epoch);
		documents_free(old);
	}
}

static void
remove_locked(struct memory_table *m, struct resource *r)
{
	struct memory_slots *t = atomic_load(&m->table);
	size_t i = key_home(&r->key, t->num_places);

	while (atomic_load(&t->place[i]) != r)
		i = (i + 1) & (t->num_places - 1);
	atomic_store(&t->place[i], &gravestone);
	atomic_fetch_sub(&m->entries, 1);
	charge(m, r, 0);
	ring_leave(m, r);
	epoch_wait(&m->epoch);
	documents_free(atomic_load(&r->held));
	if (m->on_remove != NULL)
		m->on_remove(r);
	fetch_job_free(r->job);
	free(r->last);
	free(r);
}

void
memory_table_remove(struct memory_table *m, struct resource *r)
{
	pthread_mutex_lock(&m->lock);
	remove_locked(m, r);
	pthread_mutex_unlock(&m->lock);
}

void
memory_table_drop_held(struct memory_table *m, struct resource *r)
{
	pthread_mutex_lock(&m->lock);
	swap_held(m, r, NULL);
	charge(m, r, sizeof(*r));
	pthread_mutex_unlock(&m->lock);
}

struct evidence *
memory_table_twin(const struct resource *r, const struct evidence *e)
{
	const struct resource *at = r->ring_next;
	struct evidence *same;

	/* A response says something else of each certificate it is about. */
	if (e->kind != EVIDENCE_CRL)
		return NULL;
	for (int i = 0; at != r && i < MEMORY_TABLE_TWINS; i++) {
		same = documents_same(atomic_load(&at->held), e);
		if (same != NULL)
			return same;
		at = at->ring_next;
	}
	return NULL;
}

/* The budget. */

static struct owner *
largest_owner(struct memory_table *m)
{
	struct owner *most = NULL;

	for (size_t i = 0; i < m->num_owner_buckets; i++)
		for (struct owner *o = m->owners[i]; o != NULL; o = o->next)
			if (most == NULL || o->bytes > most->bytes)
				most = o;
	return most;
}

/* The longest unasked of this owner, never `newcomer`; NULL: none. */
static struct resource *
victim_of(struct owner *o, const struct resource *newcomer)
{
	struct resource *r, *fallback = NULL, *first = o->hand;
	int rounds = 0;

	do {
		r = o->hand;
		o->hand = r->ring_next;
		if (r != newcomer && r->flight == NULL) {
			if (!atomic_exchange(&r->asked, false))
				return r;
			fallback = r;
		}
		if (o->hand == first)
			rounds++;
	} while (rounds < 2 && !(rounds == 1 && fallback == NULL));
	return fallback;
}

/* False: newcomer itself is what does not fit. */
static bool
make_room(struct memory_table *m, const struct resource *newcomer)
{
	struct resource *r;

	while (atomic_load(&m->bytes) > m->budget_bytes) {
		struct owner *o = largest_owner(m);

		r = victim_of(o, newcomer);
		if (r == NULL)
			return o != newcomer->owner;
		atomic_fetch_add(&m->evictions, 1);
		remove_locked(m, r);
	}
	return true;
}

bool
memory_table_keep(
    struct memory_table *m, struct resource *r, struct documents *d)
{
	bool fits;

	pthread_mutex_lock(&m->lock);
	swap_held(m, r, documents_up_ref(d));
	charge(m, r,
	    sizeof(*r) + d->cost_bytes +
		(r->job != NULL ? r->job->cost_bytes : 0));
	fits = make_room(m, r);
	if (!fits) {
		swap_held(m, r, NULL);
		charge(m, r, sizeof(*r));
		atomic_fetch_add(&m->evictions, 1);
	}
	pthread_mutex_unlock(&m->lock);
	if (!fits)
		log_line(m->log, LOG_LEVEL_WARN,
		    "cannot keep '%s' in memory: %zu bytes do not fit into "
		    "the budget of %llu",
		    d->v[d->num - 1]->url, d->cost_bytes,
		    (unsigned long long)m->budget_bytes);
	return fits;
}

void
memory_table_each(struct memory_table *m,
    bool (*fn)(struct resource *r, void *arg), void *arg)
{
	struct memory_slots *t = atomic_load(&m->table);
	struct resource *r;

	/* Removal leaves a tombstone: the array stays while we walk it. */
	for (size_t i = 0; i < t->num_places; i++) {
		r = atomic_load(&t->place[i]);
		if (r != NULL && r != &gravestone && !fn(r, arg))
			return;
	}
}

void
memory_table_cleanup(struct memory_table *m)
{
	struct memory_slots *t = atomic_load(&m->table);
	struct resource *r;

	for (size_t i = 0; t != NULL && i < t->num_places; i++) {
		r = atomic_load(&t->place[i]);
		if (r != NULL && r != &gravestone)
			memory_table_remove(m, r);
	}
	free(t);
	free(m->owners);
	pthread_mutex_destroy(&m->lock);
}
