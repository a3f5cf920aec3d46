/*
 * store_disk: see the header. The calls of the service thread, which queue work
 * for the store's own (store_work.c), and its beginning and end.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/text.h"
#include "cache/base/thread.h"
#include "cache/store/store_disk_internal.h"

#define WAITING_BYTES ((size_t)256 << 20) /* of evidence, in the queue */
#define TOUCH_MS      60000
#define SEEN_SEC      3600 /* a floor that is met again is noted so often */

static struct store_load *
work_new(struct store_disk *d, enum work_kind kind,
    const struct evidence_key *source)
{
	struct store_load *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->disk = d;
	w->kind = kind;
	if (source != NULL)
		w->source = *source;
	return w;
}

/* Writes. */

/* Locked. */
static bool
queue_full(const struct store_disk *d, size_t bytes)
{
	return d->num_writes >= STORE_QUEUE_MAX ||
	    (d->bytes_waiting > 0 && d->bytes_waiting + bytes > WAITING_BYTES);
}

/* Takes w over, which may be NULL. */
static void
queue_write(struct store_disk *d, struct store_load *w)
{
	bool full, wait;

	if (w == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	full = queue_full(d, store_work_bytes(w));
	/* In trouble, what can be fetched again does not wait for the disk. */
	wait = d->trouble && clock_mono_ms() < d->retry_ms &&
	    (w->kind == WORK_SAVE || w->kind == WORK_TOUCH);
	if (!full && !wait) {
		store_writes_add(d, w, false);
		pthread_cond_signal(&d->work);
		w = NULL;
	} else if (w->kind != WORK_TOUCH) {
		d->stats.lost++;
	}
	pthread_mutex_unlock(&d->lock);
	if (w != NULL && full && w->kind == WORK_SAVE)
		log_line(d->log, LOG_LEVEL_WARN,
		    "cannot keep '%s' on disk: %d writes are waiting",
		    w->u.meta.url, STORE_QUEUE_MAX);
	if (w != NULL)
		store_work_free(w);
}

/*
 * Takes waiting saves of a source (NULL: all) away, but for the newest `leave`.
 * Locked.
 */
static void
queue_drop(
    struct store_disk *d, const struct evidence_key *source, size_t leave)
{
	struct store_load *w, *before;
	size_t num = 0;

	for (w = TAILQ_LAST(&d->writes, work_list); w != NULL; w = before) {
		before = TAILQ_PREV(w, work_list, link);
		if (w->kind != WORK_SAVE ||
		    (source != NULL &&
			memcmp(source->id, w->source.id, 32) != 0) ||
		    num++ < leave)
			continue;
		store_writes_remove(d, w);
		store_work_free(w);
	}
}

static void
store_disk_save(
    struct store *t, const struct store_meta *meta, struct evidence *e)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_SAVE, &meta->key);

	if (w == NULL)
		return;
	w->u.meta = *meta;
	w->evidence = evidence_up_ref(e);
	pthread_mutex_lock(&d->lock);
	/* One more would push out the oldest of them at once. */
	if (*store_writes_of(d, &meta->key) >= STORE_DOCUMENTS)
		queue_drop(d, &meta->key, STORE_DOCUMENTS - 1);
	pthread_mutex_unlock(&d->lock);
	queue_write(d, w);
}

static void
store_disk_drop(
    struct store *t, const struct evidence_key *source, struct evidence *e)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_DROP, source);

	if (w != NULL)
		w->evidence = evidence_up_ref(e);
	queue_write(d, w);
}

static void
store_disk_touch(struct store *t, const struct evidence_key *source)
{
	struct store_disk *d = (struct store_disk *)t;
	struct touched *last =
	    &d->touched[(source->id[0] << 8 | source->id[1]) % STORE_TOUCHED];
	uint64_t now = clock_mono_ms();

	if (memcmp(last->source, source->id, sizeof(last->source)) == 0 &&
	    now < last->at_ms + TOUCH_MS)
		return;
	memcpy(last->source, source->id, sizeof(last->source));
	last->at_ms = now;
	queue_write(d, work_new(d, WORK_TOUCH, source));
}

/* What somebody waits for. */

static void
queue_urgent(struct store_disk *d, struct store_load *w)
{
	pthread_mutex_lock(&d->lock);
	TAILQ_INSERT_TAIL(&d->urgent, w, link);
	pthread_cond_signal(&d->work);
	while (w->waited && !w->done)
		pthread_cond_wait(&d->idle, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

static void
store_disk_loaded(evutil_socket_t fd, short what, void *arg)
{
	struct store_disk *d = arg;
	struct store_found *found;
	struct store_load *w;

	for (;;) {
		pthread_mutex_lock(&d->lock);
		w = TAILQ_FIRST(&d->loaded);
		if (w != NULL)
			TAILQ_REMOVE(&d->loaded, w, link);
		pthread_mutex_unlock(&d->lock);
		if (w == NULL)
			return;
		found = w->u.load.found;
		w->u.load.found = NULL;
		w->u.load.fn(w->u.load.arg, found);
		store_work_free(w);
	}
}

static enum store_answer
store_disk_load(struct store *t, const struct evidence_key *source,
    struct store_found **out, store_done_fn *done, void *arg,
    struct store_load **pending)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_LOAD, source);

	*out = NULL;
	if (w == NULL)
		return STORE_NONE;
	store_disk_touch(t, source);
	w->u.load.fn = done;
	w->u.load.arg = arg;
	w->waited = d->wake == NULL;
	if (!w->waited)
		*pending = w;
	queue_urgent(d, w);
	if (d->wake != NULL)
		return STORE_LATER;
	*out = w->u.load.found;
	w->u.load.found = NULL;
	store_work_free(w);
	return *out != NULL ? STORE_NOW : STORE_NONE;
}

static void
store_disk_cancel(struct store_load *w)
{
	struct store_disk *d = w->disk;
	struct store_load *i;

	pthread_mutex_lock(&d->lock);
	if (d->current == w) {
		/* Its thread frees it. */
		w->cancelled = true;
		w = NULL;
	} else {
		for (i = TAILQ_FIRST(&d->loaded); i != NULL;
		     i = TAILQ_NEXT(i, link))
			if (i == w)
				break;
		TAILQ_REMOVE(i != NULL ? &d->loaded : &d->urgent, w, link);
	}
	pthread_mutex_unlock(&d->lock);
	if (w != NULL)
		store_work_free(w);
}

static void
store_disk_reject(struct store *t, const uint8_t sha256[32], const char *why)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_REJECT, NULL);

	if (w == NULL)
		return;
	memcpy(w->sha256, sha256, sizeof(w->sha256));
	text_copy(w->u.why, sizeof(w->u.why), why);
	queue_urgent(d, w);
}

static void
store_disk_forget(struct store *t, const struct evidence_key *source)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_FORGET, source);

	if (w == NULL)
		return;
	w->all = source == NULL;
	pthread_mutex_lock(&d->lock);
	queue_drop(d, source, 0);
	pthread_mutex_unlock(&d->lock);
	queue_urgent(d, w);
}

/* Floors and known revocations. */

static bool
store_disk_floor_get(
    struct store *t, const uint8_t scope[32], struct store_floor *out)
{
	struct store_disk *d = (struct store_disk *)t;
	const struct store_floor *f;

	pthread_mutex_lock(&d->lock);
	f = store_floor_find(d, scope);
	if (f != NULL)
		*out = *f;
	pthread_mutex_unlock(&d->lock);
	return f != NULL;
}

static void
store_disk_floor_put(struct store *t, const struct store_floor *f, bool restart)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_FLOOR, NULL);
	const struct store_floor *had;
	bool news = true;

	if (w == NULL)
		return;
	w->u.floor = *f;
	pthread_mutex_lock(&d->lock);
	had = store_floor_find(d, f->scope);
	if (had != NULL && !restart && !store_floor_higher(f, had)) {
		/* That it is in use keeps it from giving way. */
		news = f->seen_at >= had->seen_at + SEEN_SEC;
		w->u.floor = *had;
		w->u.floor.seen_at = f->seen_at;
	}
	if (news)
		store_floor_set(d, &w->u.floor);
	pthread_mutex_unlock(&d->lock);
	if (news)
		queue_write(d, w);
	else
		store_work_free(w);
}

static int
store_disk_known_each(
    struct store *t, store_known_fn *fn, void *arg, struct err *err)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_KNOWN_EACH, NULL);
	int rc;

	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->u.each.fn = fn;
	w->u.each.arg = arg;
	w->waited = true;
	queue_urgent(d, w);
	rc = w->u.each.rc;
	if (rc != 0 && err != NULL)
		*err = w->u.each.err;
	store_work_free(w);
	return rc;
}

static void
store_disk_known_put(struct store *t, const struct store_known *k)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_KNOWN, NULL);

	if (w != NULL)
		w->u.known = *k;
	queue_write(d, w);
}

static void
store_disk_known_forget(struct store *t, const uint8_t identity[32])
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w = work_new(d, WORK_KNOWN_FORGET, NULL);

	if (w != NULL)
		memcpy(w->sha256, identity, sizeof(w->sha256));
	queue_write(d, w);
}

static void
store_disk_known_forget_serial(struct store *t, const uint8_t owner[32],
    const uint8_t *serial, size_t serial_len)
{
	struct store_disk *d = (struct store_disk *)t;
	struct store_load *w;

	if (serial_len > STORE_SERIAL_MAX)
		return;
	w = work_new(d, WORK_KNOWN_FORGET_SERIAL, NULL);
	if (w != NULL) {
		memcpy(w->u.known.owner, owner, sizeof(w->u.known.owner));
		memcpy(w->u.known.serial, serial, serial_len);
		w->u.known.serial_len = serial_len;
	}
	queue_write(d, w);
}

static void
store_disk_stats(struct store *t, struct store_stats *out)
{
	struct store_disk *d = (struct store_disk *)t;

	pthread_mutex_lock(&d->lock);
	*out = d->stats;
	pthread_mutex_unlock(&d->lock);
}

/* Birth and death. */

static void
list_free(struct work_list *list)
{
	struct store_load *w;

	while ((w = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, w, link);
		store_work_free(w);
	}
}

static void
store_disk_free(struct store *t)
{
	struct store_disk *d = (struct store_disk *)t;

	if (d->running) {
		pthread_mutex_lock(&d->lock);
		d->closing = true;
		pthread_cond_signal(&d->work);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	list_free(&d->urgent);
	list_free(&d->writes);
	list_free(&d->loaded);
	if (d->wake != NULL)
		event_free(d->wake);
	store_db_close(d->db);
	digest_map_cleanup(&d->floors);
	pthread_cond_destroy(&d->work);
	pthread_cond_destroy(&d->idle);
	pthread_mutex_destroy(&d->lock);
	free(d->dir);
	free(d);
}

/* A disk that is full or locked now is asked again later. */
static int
store_disk_open(struct store_disk *d, struct err *err)
{
	int rc = store_db_prepare(d->dir, err);

	if (rc != 0)
		return rc;
	rc = store_work_open(d, err);
	if (rc != 0 && rc != E_IO)
		return rc;
	if (rc != 0)
		store_work_trouble(d, err->msg);
	return 0;
}

static int
store_disk_start(struct store_disk *d, struct err *err)
{
	int rc;

	rc = thread_start(&d->thread, store_work_main, d);
	if (rc != 0)
		return err_set(err, E_INTERNAL,
		    "cannot start the disk thread (error %d)", rc);
	d->running = true;
	return 0;
}

static struct store_disk *
store_disk_new(const struct store_options *o)
{
	struct store_disk *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->tier = (struct store){.name = "disk",
	    .load = store_disk_load,
	    .cancel = store_disk_cancel,
	    .save = store_disk_save,
	    .drop = store_disk_drop,
	    .reject = store_disk_reject,
	    .touch = store_disk_touch,
	    .forget = store_disk_forget,
	    .floor_get = store_disk_floor_get,
	    .floor_put = store_disk_floor_put,
	    .known_each = store_disk_known_each,
	    .known_put = store_disk_known_put,
	    .known_forget = store_disk_known_forget,
	    .known_forget_serial = store_disk_known_forget_serial,
	    .stats = store_disk_stats,
	    .free = store_disk_free};
	TAILQ_INIT(&d->urgent);
	TAILQ_INIT(&d->writes);
	TAILQ_INIT(&d->loaded);
	d->max_bytes = o->max_bytes;
	d->max_owner_bytes =
	    o->max_owner_bytes != 0 ? o->max_owner_bytes : o->max_bytes / 2;
	d->max_ocsp_bytes = o->max_ocsp_bytes;
	d->clock = o->clock;
	d->log = o->log;
	store_floors_init(d);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->work, NULL);
	pthread_cond_init(&d->idle, NULL);
	d->dir = strdup(o->dir);
	if (o->base != NULL)
		d->wake = event_new(o->base, -1, 0, store_disk_loaded, d);
	if (d->dir != NULL && (o->base == NULL || d->wake != NULL))
		return d;
	store_disk_free(&d->tier);
	return NULL;
}

int
store_new(struct store **out, const struct store_options *o, struct err *err)
{
	struct store_disk *d = store_disk_new(o);
	struct err why = {0};
	int rc;

	*out = NULL;
	if (d == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = store_disk_open(d, &why);
	if (rc == 0)
		rc = store_disk_start(d, &why);
	if (rc != 0) {
		store_disk_free(&d->tier);
		if (err != NULL)
			*err = why;
		return rc;
	}
	*out = &d->tier;
	return 0;
}
