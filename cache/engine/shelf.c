/*
 * shelf: see the header. The table is a published array of pointers, open
 * addressing; readers hold nothing but their mark in `quiet`. Writers replace
 * pointers and wait for quiet before they free.
 */
#include "cache/engine/shelf.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PLACES  1024
#define OWNER_BUCKETS 1024

/* Published; replaced as a whole when it gets full. */
struct shelf_table {
	size_t num_places; /* a power of two */
	size_t num_used;   /* gravestones included */
	_Atomic(struct resource *) place[];
};

/* Where a resource was removed: probing goes on. */
static struct resource gravestone;

unsigned
shelf_now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (unsigned)ts.tv_sec;
}

static size_t
key_home(const struct archive_key *key, size_t num_places)
{
	uint64_t v;

	/* A key is a SHA-256: any part of it is spread evenly. */
	memcpy(&v, key->id, sizeof(v));
	return (size_t)v & (num_places - 1);
}

static struct shelf_table *
table_new(size_t num_places)
{
	struct shelf_table *t =
	    calloc(1, sizeof(*t) + num_places * sizeof(t->place[0]));

	if (t != NULL)
		t->num_places = num_places;
	return t;
}

int
shelf_init(struct shelf *m, uint64_t budget_bytes, const struct log *log)
{
	struct shelf_table *t = table_new(FIRST_PLACES);

	*m = (struct shelf){.budget_bytes = budget_bytes, .log = log};
	quiet_init(&m->quiet);
	pthread_mutex_init(&m->lock, NULL);
	m->num_owner_buckets = OWNER_BUCKETS;
	m->owners = calloc(OWNER_BUCKETS, sizeof(*m->owners));
	atomic_init(&m->table, t);
	return t != NULL && m->owners != NULL ? 0 : E_NOMEM;
}

static struct resource *
table_find(struct shelf_table *t, const struct archive_key *key)
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

struct evidence *
shelf_get1(struct shelf *m, const struct archive_key *key)
{
	struct quiet_mark mark = quiet_enter(&m->quiet);
	struct evidence *e = NULL;
	struct resource *r;
	unsigned now;

	/* Sequentially consistent, as quiet asks of what it guards. */
	r = table_find(atomic_load(&m->table), key);
	if (r != NULL) {
		e = atomic_load(&r->evidence);
		if (e != NULL)
			evidence_up_ref(e);
		now = shelf_now_sec();
		/* Written when it changes: the line stays shared. */
		if (atomic_load_explicit(
			&r->asked_at_sec, memory_order_relaxed) != now)
			atomic_store_explicit(
			    &r->asked_at_sec, now, memory_order_relaxed);
		if (!atomic_load_explicit(&r->asked, memory_order_relaxed))
			atomic_store_explicit(
			    &r->asked, true, memory_order_relaxed);
	}
	quiet_leave(&m->quiet, mark);
	return e;
}

struct resource *
shelf_find(struct shelf *m, const struct archive_key *key)
{
	return table_find(atomic_load(&m->table), key);
}

/* Owners. */

static struct owner *
owner_get(struct shelf *m, const uint8_t id[32])
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
	/* Behind the hand: looked at last. */
	r->ring_next = o->hand;
	r->ring_prev = o->hand->ring_prev;
	r->ring_prev->ring_next = r;
	r->ring_next->ring_prev = r;
}

static void
ring_leave(struct shelf *m, struct resource *r)
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
charge(struct shelf *m, struct resource *r, size_t cost)
{
	r->owner->bytes = r->owner->bytes - r->cost + cost;
	atomic_fetch_add(&m->bytes, (unsigned long long)cost - r->cost);
	r->cost = cost;
}

/* Coming and going. */

static struct shelf_table *
table_with_room(struct shelf *m)
{
	struct shelf_table *old = atomic_load(&m->table), *t;
	size_t num = old->num_places, i;
	struct resource *r;

	if (old->num_used < old->num_places / 2)
		return old;
	/* Gravestones alone may have filled it: then the size stays. */
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
	quiet_wait(&m->quiet);
	free(old);
	return t;
}

struct resource *
shelf_add(
    struct shelf *m, const struct archive_key *key, const uint8_t owner[32])
{
	struct resource *r = shelf_find(m, key);
	struct shelf_table *t;
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
	atomic_init(&r->evidence, NULL);
	atomic_init(&r->asked_at_sec, shelf_now_sec());
	/* Asked for once is asked for by everybody: twice is what counts. */
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
swap_evidence(struct shelf *m, struct resource *r, struct evidence *e)
{
	struct evidence *old = atomic_exchange(&r->evidence, e);

	if (old != NULL) {
		quiet_wait(&m->quiet);
		evidence_free(old);
	}
}

static void
remove_locked(struct shelf *m, struct resource *r)
{
	struct shelf_table *t = atomic_load(&m->table);
	size_t i = key_home(&r->key, t->num_places);

	while (atomic_load(&t->place[i]) != r)
		i = (i + 1) & (t->num_places - 1);
	atomic_store(&t->place[i], &gravestone);
	atomic_fetch_sub(&m->entries, 1);
	charge(m, r, 0);
	ring_leave(m, r);
	quiet_wait(&m->quiet);
	evidence_free(atomic_load(&r->evidence));
	if (m->on_remove != NULL)
		m->on_remove(r);
	errand_free(r->order);
	free(r);
}

void
shelf_remove(struct shelf *m, struct resource *r)
{
	pthread_mutex_lock(&m->lock);
	remove_locked(m, r);
	pthread_mutex_unlock(&m->lock);
}

void
shelf_drop_evidence(struct shelf *m, struct resource *r)
{
	pthread_mutex_lock(&m->lock);
	swap_evidence(m, r, NULL);
	charge(m, r, sizeof(*r));
	pthread_mutex_unlock(&m->lock);
}

/* The budget. */

static struct owner *
largest_owner(struct shelf *m)
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
make_room(struct shelf *m, const struct resource *newcomer)
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
shelf_keep(struct shelf *m, struct resource *r, struct evidence *e)
{
	bool fits;

	pthread_mutex_lock(&m->lock);
	swap_evidence(m, r, evidence_up_ref(e));
	charge(m, r,
	    sizeof(*r) + e->cost_bytes +
		(r->order != NULL ? r->order->cost_bytes : 0));
	fits = make_room(m, r);
	if (!fits) {
		swap_evidence(m, r, NULL);
		charge(m, r, sizeof(*r));
		atomic_fetch_add(&m->evictions, 1);
	}
	pthread_mutex_unlock(&m->lock);
	if (!fits)
		log_line(m->log, LOG_LEVEL_WARN,
		    "cannot keep '%s' in memory: %zu bytes do not fit into "
		    "the budget of %llu",
		    e->url, e->cost_bytes, (unsigned long long)m->budget_bytes);
	return fits;
}

void
shelf_each(
    struct shelf *m, bool (*fn)(struct resource *r, void *arg), void *arg)
{
	struct shelf_table *t = atomic_load(&m->table);
	struct resource *r;

	/* Removal leaves a gravestone: the table stays while we walk. */
	for (size_t i = 0; i < t->num_places; i++) {
		r = atomic_load(&t->place[i]);
		if (r != NULL && r != &gravestone && !fn(r, arg))
			return;
	}
}

void
shelf_cleanup(struct shelf *m)
{
	struct shelf_table *t = atomic_load(&m->table);
	struct resource *r;

	for (size_t i = 0; t != NULL && i < t->num_places; i++) {
		r = atomic_load(&t->place[i]);
		if (r != NULL && r != &gravestone)
			shelf_remove(m, r);
	}
	free(t);
	free(m->owners);
	pthread_mutex_destroy(&m->lock);
}
