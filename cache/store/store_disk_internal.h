/*
 * store_disk_internal: struct store_disk from the inside; for store_disk.c and
 * store_work.c only.
 */
#ifndef CACHE_STORE_STORE_DISK_INTERNAL_H
#define CACHE_STORE_STORE_DISK_INTERNAL_H

#include <pthread.h>

#include <sys/queue.h>

#include "cache/base/digest_map.h"
#include "cache/store/store_db.h"
#include "cache/store/store_disk.h"

#define STORE_QUEUE_MAX   4096 /* writes that wait */
#define STORE_BATCH_WORKS 256
#define STORE_BATCH_BYTES ((size_t)32 << 20)
#define STORE_TOUCHED     1024 /* sources remembered as just touched */
#define STORE_WAITING     4096 /* counters of saves that wait */

struct event;

enum work_kind {
	/* Gathered and written together. */
	WORK_SAVE = 0,
	WORK_DROP,
	WORK_TOUCH,
	WORK_FLOOR,
	WORK_KNOWN,
	WORK_KNOWN_FORGET,
	WORK_KNOWN_FORGET_SERIAL,
	/* Done before those. */
	WORK_LOAD,
	WORK_REJECT,
	WORK_FORGET,
	WORK_KNOWN_EACH,
};

/* One thing to be done; a load is its own handle. */
struct store_load {
	TAILQ_ENTRY(store_load) link;
	enum work_kind kind;
	struct store_disk *disk;
	bool all;          /* WORK_FORGET */
	bool cancelled;    /* WORK_LOAD */
	bool waited, done; /* somebody waits for it */
	bool failed;       /* WORK_SAVE: the file cannot be written */
	struct evidence_key source;
	uint8_t sha256[32];
	struct evidence *evidence;
	union {
		struct store_meta meta;
		struct store_floor floor;
		struct store_known known;
		char why[256];
		struct {
			store_done_fn *fn;
			void *arg;
			struct store_found *found;
		} load;
		struct {
			store_known_fn *fn;
			void *arg;
			struct err err;
			int rc;
		} each;
	} u;
};

TAILQ_HEAD(work_list, store_load);

struct touched {
	uint8_t source[8];
	uint64_t at_ms;
};

/* Owned by the archive. */
struct store_disk {
	struct store tier; /* first: a tier is its disk */
	char *dir;
	uint64_t max_bytes, max_owner_bytes;
	uint32_t max_ocsp_bytes;
	struct wall_clock clock;
	const struct log *log;
	struct event *wake;                    /* NULL: loads are waited for */
	struct touched touched[STORE_TOUCHED]; /* service thread */

	pthread_t thread;
	bool running;
	/* Of the thread. */
	struct store_db *db; /* NULL: cannot be opened now */
	unsigned sweep_next; /* a directory to be tidied */
	bool old_gone;       /* what version 1 kept */
	uint64_t num_old;
	uint64_t evictions; /* shown together with what is left */

	pthread_mutex_t lock; /* below */
	pthread_cond_t work, idle;
	struct work_list urgent, writes, loaded;
	struct store_load *current; /* an urgent one under way */
	size_t num_writes, bytes_waiting;
	/* Saves that wait, by two octets of their source. */
	uint16_t waiting[STORE_WAITING];
	bool closing;
	bool trouble; /* the last write failed */
	uint64_t retry_ms;
	struct digest_map floors;
	struct store_stats stats;
};

void store_work_free(struct store_load *w);
/* Into, out of the list of writes; locked. */
void store_writes_add(struct store_disk *d, struct store_load *w, bool first);
void store_writes_remove(struct store_disk *d, struct store_load *w);
uint16_t *
store_writes_of(struct store_disk *d, const struct evidence_key *source);
/* Bytes that it keeps in memory. */
size_t store_work_bytes(const struct store_load *w);

/* The thread: works until the store is closing and nothing is to be written. */
void *store_work_main(void *arg);

/*
 * Opens what is not open, is damaged, or could only be read. E_IO: it cannot be
 * written to now.
 */
int store_work_open(struct store_disk *d, struct err *err) MUST_USE;
/* Says it, the first time, and waits before it tries again. */
void store_work_trouble(struct store_disk *d, const char *why);

void store_floors_init(struct store_disk *d);
/* Floors in memory; the lock is held. */
const struct store_floor *
store_floor_find(struct store_disk *d, const uint8_t scope[32]);
void store_floor_set(struct store_disk *d, const struct store_floor *f);
/* A store_floor_fn: takes those that are higher than what is known. */
bool store_floor_take(void *arg, const struct store_floor *f);

#endif
