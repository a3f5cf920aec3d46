/*
 * store_work: the thread of the disk store: what it does with the work that the
 * service thread has queued (store_disk.c).
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/text.h"
#include "cache/store/store_disk_internal.h"
#include "cache/store/store_file.h"

#define RETRY_MS     10000
#define OLD_PER_STEP 256 /* files of version 1 removed between two works */

void
store_work_free(struct store_load *w)
{
	evidence_free(w->evidence);
	if (w->kind == WORK_LOAD)
		store_found_free(w->u.load.found);
	free(w);
}

size_t
store_work_bytes(const struct store_load *w)
{
	return w->evidence != NULL ? evidence_der(w->evidence).len : 0;
}

uint16_t *
store_writes_of(struct store_disk *d, const struct evidence_key *source)
{
	return &d->waiting[(source->id[0] << 8 | source->id[1]) %
	    STORE_WAITING];
}

void
store_writes_add(struct store_disk *d, struct store_load *w, bool first)
{
	if (first)
		TAILQ_INSERT_HEAD(&d->writes, w, link);
	else
		TAILQ_INSERT_TAIL(&d->writes, w, link);
	d->num_writes++;
	d->bytes_waiting += store_work_bytes(w);
	if (w->kind == WORK_SAVE)
		++*store_writes_of(d, &w->source);
}

void
store_writes_remove(struct store_disk *d, struct store_load *w)
{
	TAILQ_REMOVE(&d->writes, w, link);
	d->num_writes--;
	d->bytes_waiting -= store_work_bytes(w);
	if (w->kind == WORK_SAVE)
		--*store_writes_of(d, &w->source);
}

static bool
is_owed(const struct store_load *w)
{
	return w->kind == WORK_FLOOR || w->kind == WORK_KNOWN ||
	    w->kind == WORK_KNOWN_FORGET ||
	    w->kind == WORK_KNOWN_FORGET_SERIAL || w->kind == WORK_FORGET;
}

struct floor_item {
	struct digest_item item;
	struct store_floor floor;
};

/* Floors, in memory. Locked. */

const struct store_floor *
store_floor_find(struct store_disk *d, const uint8_t scope[32])
{
	struct digest_item *i = digest_map_find(&d->floors, scope);

	return i != NULL ? &((struct floor_item *)i)->floor : NULL;
}

void
store_floor_set(struct store_disk *d, const struct store_floor *f)
{
	struct floor_item *i;

	/* The database has less; this is without one. */
	if (d->floors.num >= (size_t)2 * STORE_FLOORS_MAX &&
	    store_floor_find(d, f->scope) == NULL)
		return;
	i = calloc(1, sizeof(*i));
	if (i == NULL)
		return;
	ref_init(&i->item.ref);
	memcpy(i->item.key, f->scope, sizeof(i->item.key));
	i->floor = *f;
	if (digest_map_put(&d->floors, &i->item) != 0)
		free(i);
}

static void
floor_free(struct digest_item *i)
{
	free(i);
}

void
store_floors_init(struct store_disk *d)
{
	digest_map_init(&d->floors, floor_free);
}

bool
store_floor_take(void *arg, const struct store_floor *f)
{
	struct store_disk *d = arg;
	const struct store_floor *had = store_floor_find(d, f->scope);

	if (had == NULL || store_floor_higher(f, had))
		store_floor_set(d, f);
	return true;
}

/* Trouble. */

void
store_work_trouble(struct store_disk *d, const char *why)
{
	bool news;

	pthread_mutex_lock(&d->lock);
	news = !d->trouble;
	d->trouble = true;
	d->retry_ms = clock_mono_ms() + RETRY_MS;
	pthread_mutex_unlock(&d->lock);
	if (news)
		log_line(d->log, LOG_LEVEL_WARN,
		    "evidence is not kept on disk for now: %s", why);
}

static void
note_success(struct store_disk *d)
{
	struct store_stats s = {0};
	struct err err;
	bool news;

	if (store_db_total(d->db, &s.bytes, &s.documents, &err) != 0 ||
	    store_db_counts(d->db, &s.floors, &s.known, &err) != 0)
		return;
	pthread_mutex_lock(&d->lock);
	news = d->trouble;
	d->trouble = false;
	d->stats.bytes = s.bytes;
	d->stats.documents = s.documents;
	d->stats.floors = s.floors;
	d->stats.known = s.known;
	d->stats.evictions = d->evictions;
	pthread_mutex_unlock(&d->lock);
	if (news)
		log_line(d->log, LOG_LEVEL_INFO,
		    "evidence is kept on disk again in '%s'", d->dir);
}

/* Opens what is not open, or could only be read. 0, or why not. */
int
store_work_open(struct store_disk *d, struct err *err)
{
	struct store_db *db;
	int rc;

	if (d->db != NULL && !d->db->readonly && !d->db->damaged)
		return 0;
	if (d->db != NULL && d->db->damaged) {
		rc = store_db_renew(d->db, err);
		if (rc != 0)
			return rc;
	} else {
		rc = store_db_prepare(d->dir, err);
		if (rc == 0)
			rc = store_db_open(
			    &db, d->dir, STORE_DB_MAKE, d->log, err);
		if (rc != 0)
			return rc;
		store_db_close(d->db);
		d->db = db;
	}
	d->db->clock = d->clock;
	pthread_mutex_lock(&d->lock);
	(void)!store_db_floor_each(d->db, store_floor_take, d, err);
	pthread_mutex_unlock(&d->lock);
	return d->db->readonly
	    ? err_set(err, E_IO, "cannot write to '%s'", d->db->path)
	    : 0;
}

/* Before the transaction, for a slow disk. */
static void
prepare(struct store_disk *d, struct store_load *w)
{
	struct span der = evidence_der(w->evidence);
	struct err err;

	store_db_digest(w->sha256, der);
	if (w->kind != WORK_SAVE || w->u.meta.kind != EVIDENCE_CRL ||
	    store_file_write(d->dir, w->sha256, der, &err) == 0)
		return;
	w->failed = true;
	store_work_trouble(d, err.msg);
}

static int
write_one(struct store_disk *d, struct store_load *w, struct err *err)
{
	int rc;

	switch (w->kind) {
	case WORK_SAVE:
		return w->failed ? 0
				 : store_db_save(d->db, &w->u.meta, w->sha256,
				       evidence_der(w->evidence), err);
	case WORK_DROP:
		return store_db_drop(d->db, &w->source, w->sha256, err);
	case WORK_TOUCH:
		return store_db_touch(d->db, &w->source, err);
	case WORK_FLOOR:
		return store_db_floor_put(d->db, &w->u.floor, err);
	case WORK_KNOWN:
		return store_db_known_put(d->db, &w->u.known, err);
	case WORK_KNOWN_FORGET:
		rc = store_db_known_forget(d->db, w->sha256, err);
		return rc < 0 ? rc : 0;
	case WORK_KNOWN_FORGET_SERIAL:
		rc = store_db_known_forget_serial(d->db, w->u.known.owner,
		    span_of(w->u.known.serial, w->u.known.serial_len), err);
		return rc < 0 ? rc : 0;
	case WORK_FORGET:
		rc = store_db_forget(d->db, w->all ? NULL : &w->source, err);
		return rc < 0 ? rc : 0;
	default:
		return 0;
	}
}

static int
write_all(struct store_disk *d, struct work_list *batch, struct err *err)
{
	bool owed = false, saves = false;
	uint64_t gone = 0;
	struct store_load *w;
	int rc;

	for (w = TAILQ_FIRST(batch); w != NULL; w = TAILQ_NEXT(w, link))
		if (w->evidence != NULL)
			prepare(d, w);
	rc = store_db_begin(d->db, err);
	if (rc != 0)
		return rc;
	for (w = TAILQ_FIRST(batch); w != NULL; w = TAILQ_NEXT(w, link)) {
		if (rc == 0)
			rc = write_one(d, w, err);
		owed = owed || is_owed(w);
		saves = saves || w->kind == WORK_SAVE;
	}
	if (rc == 0 && owed)
		rc = store_db_trim(d->db, err);
	if (rc == 0 && saves)
		rc = store_db_evict(
		    d->db, d->max_bytes, d->max_owner_bytes, &gone, err);
	rc = store_db_end(d->db, rc, err);
	if (rc != 0)
		return rc;
	if (gone > 0)
		log_line(d->log, LOG_LEVEL_INFO,
		    "removed the %llu least used documents of '%s': over the "
		    "budget of %llu bytes, of one issuer %llu",
		    (unsigned long long)gone, d->dir,
		    (unsigned long long)d->max_bytes,
		    (unsigned long long)d->max_owner_bytes);
	d->evictions += gone;
	return store_db_clean(d->db, err);
}

/* What failed: owed wait for better times, at the head of the queue. */
static void
batch_over(struct store_disk *d, struct work_list *batch, bool ok)
{
	struct store_load *w;
	bool keep;

	pthread_mutex_lock(&d->lock);
	while ((w = TAILQ_LAST(batch, work_list)) != NULL) {
		TAILQ_REMOVE(batch, w, link);
		keep = !ok && is_owed(w) && !d->closing &&
		    d->num_writes < STORE_QUEUE_MAX;
		if (keep) {
			store_writes_add(d, w, true);
			continue;
		}
		if (w->failed || (!ok && w->kind != WORK_TOUCH))
			d->stats.lost++;
		store_work_free(w);
	}
	pthread_mutex_unlock(&d->lock);
}

static bool
batch_failed(const struct work_list *batch)
{
	const struct store_load *w;

	for (w = TAILQ_FIRST(batch); w != NULL; w = TAILQ_NEXT(w, link))
		if (w->failed)
			return true;
	return false;
}

static void
write_batch(struct store_disk *d, struct work_list *batch)
{
	struct err err = {0};
	int rc = store_work_open(d, &err);

	if (rc == 0)
		rc = write_all(d, batch, &err);
	/* Once more over a new one, when this one is damaged. */
	if (rc != 0 && d->db != NULL && d->db->damaged) {
		rc = store_work_open(d, &err);
		if (rc == 0)
			rc = write_all(d, batch, &err);
	}
	if (rc == 0 && !batch_failed(batch))
		note_success(d);
	else if (rc != 0)
		store_work_trouble(d, err.msg);
	batch_over(d, batch, rc == 0);
}

/* What somebody waits for. */

static void
load_now(struct store_disk *d, struct store_load *w)
{
	struct err err = {0};
	int rc = 0;

	if (d->db != NULL)
		rc = store_db_load(d->db, &w->source, d->max_ocsp_bytes,
		    &w->u.load.found, &err);
	if (rc != 0)
		log_line(d->log, LOG_LEVEL_WARN,
		    "cannot read what is kept on disk: %s", err.msg);
}

/* False: it is owed; it waits for better times. */
static bool
urgent_now(struct store_disk *d, struct store_load *w)
{
	struct err err = {0};
	int rc = 0;

	if (w->kind == WORK_LOAD) {
		load_now(d, w);
		return true;
	}
	if (d->db == NULL && w->kind == WORK_KNOWN_EACH &&
	    store_db_never_was(d->dir))
		rc = 0;
	else if (d->db == NULL)
		rc = err_set(&err, E_IO, "'%s' cannot be opened now", d->dir);
	else if (w->kind == WORK_REJECT)
		rc = store_db_reject(d->db, w->sha256, w->u.why, &err);
	else if (w->kind == WORK_FORGET)
		rc = write_one(d, w, &err);
	else
		rc = store_db_known_each(
		    d->db, w->u.each.fn, w->u.each.arg, &err);
	if (w->kind == WORK_KNOWN_EACH) {
		w->u.each.rc = rc;
		w->u.each.err = err;
		return true;
	}
	if (rc == 0)
		rc = store_db_clean(d->db, &err);
	if (rc != 0)
		store_work_trouble(d, err.msg);
	return rc == 0 || w->kind != WORK_FORGET;
}

/* Locked before and after. */
static void
urgent_step(struct store_disk *d, struct store_load *w)
{
	bool over;

	TAILQ_REMOVE(&d->urgent, w, link);
	d->current = w;
	pthread_mutex_unlock(&d->lock);
	over = urgent_now(d, w);
	pthread_mutex_lock(&d->lock);
	d->current = NULL;
	if (!over && !d->closing && d->num_writes < STORE_QUEUE_MAX) {
		store_writes_add(d, w, true);
	} else if (w->waited) {
		w->done = true;
		pthread_cond_broadcast(&d->idle);
	} else if (w->kind == WORK_LOAD && !w->cancelled) {
		TAILQ_INSERT_TAIL(&d->loaded, w, link);
		event_active(d->wake, 0, 0);
	} else {
		store_work_free(w);
	}
}

static void
write_step(struct store_disk *d)
{
	struct work_list batch = TAILQ_HEAD_INITIALIZER(batch);
	size_t num = 0, bytes = 0;
	struct store_load *w;

	while (num < STORE_BATCH_WORKS && bytes < STORE_BATCH_BYTES &&
	    (w = TAILQ_FIRST(&d->writes)) != NULL) {
		store_writes_remove(d, w);
		TAILQ_INSERT_TAIL(&batch, w, link);
		bytes += store_work_bytes(w);
		num++;
	}
	pthread_mutex_unlock(&d->lock);
	write_batch(d, &batch);
	pthread_mutex_lock(&d->lock);
}

static bool
is_unknown(void *arg, const uint8_t sha256[32])
{
	return store_db_has(arg, sha256) == 0;
}

/* When there is nothing else to do. */
static void
tidy_step(struct store_disk *d)
{
	bool gone = false;

	pthread_mutex_unlock(&d->lock);
	if (d->sweep_next < 256)
		store_file_sweep(d->dir, d->sweep_next++, is_unknown, d->db);
	else
		gone = store_file_remove_v1(d->dir, OLD_PER_STEP, &d->num_old);
	if (gone && d->num_old > 0)
		log_line(d->log, LOG_LEVEL_INFO,
		    "removed the evidence of an older version, %llu files in "
		    "'%s/v1': what is asked for is fetched again",
		    (unsigned long long)d->num_old, d->dir);
	d->old_gone = gone;
	pthread_mutex_lock(&d->lock);
}

static bool
may_write(const struct store_disk *d)
{
	return !TAILQ_EMPTY(&d->writes) &&
	    (!d->trouble || d->closing || clock_mono_ms() >= d->retry_ms);
}

static void
wait_for_work(struct store_disk *d)
{
	struct timespec ts;

	if (!d->trouble || TAILQ_EMPTY(&d->writes)) {
		pthread_cond_wait(&d->work, &d->lock);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec++;
	pthread_cond_timedwait(&d->work, &d->lock, &ts);
}

void *
store_work_main(void *arg)
{
	struct store_disk *d = arg;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		if (!TAILQ_EMPTY(&d->urgent))
			urgent_step(d, TAILQ_FIRST(&d->urgent));
		else if (may_write(d))
			write_step(d);
		else if (d->closing)
			break;
		else if (!d->old_gone && d->db != NULL && !d->db->readonly)
			tidy_step(d);
		else
			wait_for_work(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}
