/*
 * archive_admin: the operator's commands: refresh, flush, list, count. Commands
 * run on the service thread; listing and counting on the caller's.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cache/engine/archive_internal.h"
#include "cache/engine/news.h"
#include "cache/fetch/address_rules.h"
#include "cache/evidence/evidence.h"

#define MISSING_MAX 1000 /* fetches begun at once */

/* Refresh and flush on request. */

/*
 * The archive itself refreshes at most every min_refresh_sec. A request of the
 * operator has a reason, such as a CRL published a moment ago, and has a
 * shorter floor.
 */
#define REFRESH_ASKED_FLOOR_MS 1000

/* One command for the service thread; its caller may wait for it. */
struct command {
	struct archive *archive;
	struct evidence_key key;
	bool all, flush, missing, awaited, done;
	int num;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static bool
refresh_one(struct resource *r, void *arg)
{
	struct command *c = arg;
	struct archive *a = c->archive;
	struct flight *f;
	uint64_t floor_ms =
	    a->min_refresh_sec == 0 ? 0 : REFRESH_ASKED_FLOOR_MS;

	if (a->closing || r->job == NULL || r->flight != NULL ||
	    (r->tried_mono_ms != 0 &&
		clock_mono_ms() < r->tried_mono_ms + floor_ms))
		return true;
	atomic_fetch_add(&a->count.refreshes, 1);
	f = flight_start(a, r, r->job);
	if (f != NULL) {
		flight_hurry(f);
		c->num++;
	}
	return true;
}

/* What is held fresh is left alone; earlier failures do not count. */
static bool
missing_one(struct resource *r, void *arg)
{
	struct command *c = arg;
	struct archive *a = c->archive;
	const struct documents *held = atomic_load(&r->held);

	if (a->closing || r->job == NULL || r->flight != NULL ||
	    documents_fresh(held, archive_now(a), a->skew_sec))
		return true;
	pthread_mutex_lock(&a->table.lock);
	r->failures = 0;
	r->retry_mono_ms = 0;
	pthread_mutex_unlock(&a->table.lock);
	if (flight_start(a, r, r->job) != NULL)
		c->num++;
	return c->num < MISSING_MAX;
}

/* Where may be fetched from. */

/* Rules on their way to the service thread. */
struct new_addresses {
	struct archive *archive;
	struct address_rules *rules;
	uint16_t *ports; /* NULL: the usual ones */
	bool any_port;
};

static bool
forget_failure(struct resource *r, void *arg)
{
	struct archive *a = arg;

	pthread_mutex_lock(&a->table.lock);
	if (r->last != NULL) {
		r->failures = 0;
		r->retry_mono_ms = 0;
		resource_due_soon(r);
	}
	pthread_mutex_unlock(&a->table.lock);
	return true;
}

static void
addresses_arrived(void *arg)
{
	struct new_addresses *n = arg;
	struct archive *a = n->archive;
	struct address_rules *old = a->addresses;

	if (fetcher_set_addresses(
		a->fetcher, n->rules, n->ports, n->any_port) == 0) {
		a->addresses = n->rules;
		n->rules = old;
		memory_table_each(&a->table, forget_failure, a);
	} else {
		log_line(a->log, LOG_LEVEL_ERROR,
		    "addresses to fetch from stay as they were: out of memory");
	}
	address_rules_free(n->rules);
	free(n->ports);
	free(n);
}

int
archive_set_addresses(
    struct archive *a, const struct archive_options *o, struct err *err)
{
	struct new_addresses *n = calloc(1, sizeof(*n));
	size_t num = 0;
	int rc = E_NOMEM;

	if (n == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	n->archive = a;
	n->any_port = o->any_port;
	while (o->ports != NULL && o->ports[num] != 0)
		num++;
	if (o->ports != NULL)
		n->ports = calloc(num + 1, sizeof(*n->ports));
	if (n->ports != NULL)
		memcpy(n->ports, o->ports, num * sizeof(*n->ports));
	if (o->ports != NULL && n->ports == NULL)
		err_set(err, E_NOMEM, "out of memory");
	else
		rc = address_rules_new(
		    &n->rules, o->allow_addresses, o->refuse_private, err);
	if (rc == 0 && archive_post(a, addresses_arrived, n) != 0)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		return 0;
	address_rules_free(n->rules);
	free(n->ports);
	free(n);
	return rc;
}

/* Flushing. */

static bool
flush_one(struct resource *r, void *arg)
{
	struct command *c = arg;
	struct archive *a = c->archive;

	if (a->disk != NULL && !c->all)
		a->disk->forget(a->disk, &r->key);
	if (r->flight != NULL)
		memory_table_drop_held(&a->table, r);
	else
		memory_table_remove(&a->table, r);
	c->num++;
	return true;
}

static void
command_do(struct command *c)
{
	struct archive *a = c->archive;
	bool (*fn)(struct resource *, void *) = c->flush ? flush_one
	    : c->missing                                 ? missing_one
							 : refresh_one;
	struct resource *r;

	if (c->flush)
		news_clear(a->news);
	if (c->flush && a->disk != NULL)
		a->disk->forget(a->disk, c->all ? NULL : &c->key);
	if (c->all) {
		memory_table_each(&a->table, fn, c);
		return;
	}
	r = memory_table_find(&a->table, &c->key);
	if (r != NULL)
		(void)fn(r, c);
}

static void
command_arrived(void *arg)
{
	struct command *c = arg;

	command_do(c);
	if (!c->awaited) {
		free(c);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->done = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

static int
command_await(struct archive *a, struct command *c)
{
	int rc;

	c->awaited = true;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->cond, NULL);
	rc = service_post(a->service, command_arrived, c);
	pthread_mutex_lock(&c->lock);
	while (rc == 0 && !c->done)
		pthread_cond_wait(&c->cond, &c->lock);
	pthread_mutex_unlock(&c->lock);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	return rc;
}

static void
command_fill(struct command *c, struct archive *a,
    const struct evidence_key *key, bool flush)
{
	*c = (struct command){.archive = a, .all = key == NULL, .flush = flush};
	if (key != NULL)
		c->key = *key;
}

/* Runs the command now when on the service thread, else soon. */
static int
command_begin(const struct command *what)
{
	struct command here = *what, *c;
	int rc;

	if (service_is_self(what->archive->service)) {
		command_do(&here);
		return here.num;
	}
	c = malloc(sizeof(*c));
	if (c == NULL)
		return E_NOMEM;
	*c = *what;
	rc = service_post(what->archive->service, command_arrived, c);
	if (rc != 0)
		free(c);
	return rc;
}

int
archive_refresh(struct archive *a, const struct evidence_key *key)
{
	struct command c;

	command_fill(&c, a, key, false);
	return command_begin(&c);
}

int
archive_fetch_missing(struct archive *a)
{
	struct command c;

	command_fill(&c, a, NULL, false);
	c.missing = true;
	return command_begin(&c);
}

int
archive_flush(struct archive *a, const struct evidence_key *key)
{
	struct command c;

	command_fill(&c, a, key, true);
	if (!service_is_self(a->service))
		return command_await(a, &c);
	command_do(&c);
	return 0;
}

/* Listing and counters. */

static void
fetch_times_get(
    struct archive_fetch_times *out, const struct archive_fetch_counters *c)
{
	for (size_t i = 0; i < ARCHIVE_NUM_FETCH_TIMES; i++)
		out->num[i] = atomic_load(&c->num[i]);
	out->ms = atomic_load(&c->ms);
}

void
archive_stats_get(struct archive *a, struct archive_stats *out)
{
	struct archive_counters *c = &a->count;
	struct store_stats disk;

	*out = (struct archive_stats){
	    .disk_hits = atomic_load(&c->disk_hits),
	    .fetches = atomic_load(&c->fetches),
	    .fetches_304 = atomic_load(&c->fetches_304),
	    .fetched_bytes = atomic_load(&c->fetched_bytes),
	    .joins = atomic_load(&c->joins),
	    .refreshes = atomic_load(&c->refreshes),
	    .restarts = atomic_load(&c->restarts),
	    .evictions = atomic_load(&a->table.evictions),
	    .entries = atomic_load(&a->table.entries),
	    .bytes = atomic_load(&a->table.bytes),
	};
	for (size_t i = 0; i < ARCHIVE_STRIPES; i++) {
		out->hits += atomic_load(&c->looks[i].hits);
		out->misses += atomic_load(&c->looks[i].misses);
	}
	fetch_times_get(&out->crl_fetches, &c->crl_fetches);
	fetch_times_get(&out->ocsp_fetches, &c->ocsp_fetches);
	if (a->disk != NULL) {
		a->disk->stats(a->disk, &disk);
		out->disk_bytes = disk.bytes;
		out->disk_lost = disk.lost;
	}
	for (size_t i = 0; i <= EVIDENCE_FAIL_NOMEM; i++)
		out->fail[i] = atomic_load(&c->fail[i]);
	for (size_t i = 0; i < ARCHIVE_NUM_SHARED; i++)
		out->shared[i] = atomic_load(&c->shared[i]);
}

/* What one source holds, while it is listed. */
struct listed {
	struct documents *d; /* reference */
	struct evidence_key key;
	time_t next_refresh_at;
	unsigned failures;
};

struct listing {
	struct listed *held;
	size_t num_held, cap;
};

/* One item for each document that a source holds. */
static bool
list_one(struct resource *r, void *arg)
{
	struct listing *l = arg;
	struct documents *d = atomic_load(&r->held);

	if (d == NULL)
		return true;
	if (l->num_held == l->cap)
		return false;
	l->held[l->num_held].d = documents_up_ref(d);
	l->held[l->num_held].key = r->key;
	l->held[l->num_held].next_refresh_at = r->next_refresh_at;
	l->held[l->num_held++].failures = r->failures;
	return true;
}

static bool
list_tell(const struct listed *l,
    bool (*fn)(void *arg, const struct archive_item *item), void *arg)
{
	bool on = true;

	for (size_t i = 0; on && i < l->d->num; i++) {
		const struct evidence *e = l->d->v[i];
		struct archive_item item = {
		    .key = l->key,
		    .kind = e->kind,
		    .origin = e->origin,
		    .url = e->url,
		    .bytes = e->cost_bytes,
		    .this_update = e->this_update,
		    .next_update = e->next_update,
		    .fetched_at = e->fetched_at,
		    .next_refresh_at = l->next_refresh_at,
		    .failures = l->failures,
		};

		if (e->kind == EVIDENCE_CRL) {
			item.crl = e->crl;
			item.num_entries = crl_get0_info(e->crl)->num_entries;
		}
		on = fn(arg, &item);
	}
	return on;
}

void
archive_list(struct archive *a,
    bool (*fn)(void *arg, const struct archive_item *item), void *arg)
{
	struct listing l = {0};
	bool on = true;

	/* The lock excludes writers; what is listed is held by reference. */
	pthread_mutex_lock(&a->table.lock);
	l.cap = (size_t)atomic_load(&a->table.entries);
	l.held = calloc(l.cap + 1, sizeof(*l.held));
	if (l.held != NULL)
		memory_table_each(&a->table, list_one, &l);
	pthread_mutex_unlock(&a->table.lock);
	for (size_t i = 0; i < l.num_held; i++) {
		on = on && list_tell(&l.held[i], fn, arg);
		documents_free(l.held[i].d);
	}
	free(l.held);
}
