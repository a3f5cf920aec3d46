/*
 * revoked_memory: two small tables of fixed size, direct-mapped in sets of
 * four; the oldest of a full set gives way. Any thread.
 */
#include "revcheck/engine/revoked_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

#define MEMORY_SETS    4096 /* 16384 revocations, 16384 issuers */
#define MEMORY_WAYS    4
#define MEMORY_LOCKS   64
#define MEMORY_URL_MAX 128

struct remembered {
	uint8_t identity[32];
	bool used;
	uint64_t age; /* order of insertion */
	int reason;
	time_t revoked_at, this_update, fetched_at;
	char url[MEMORY_URL_MAX];
};

struct heard {
	uint8_t owner[32];
	bool used;
	time_t at;
};

struct revoked_memory {
	pthread_mutex_t lock[MEMORY_LOCKS];
	uint64_t age[MEMORY_LOCKS];
	struct remembered revoked[MEMORY_SETS][MEMORY_WAYS];
	struct heard heard[MEMORY_SETS][MEMORY_WAYS];
};

struct revoked_memory *
revoked_memory_new(void)
{
	struct revoked_memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	for (size_t i = 0; i < MEMORY_LOCKS; i++)
		pthread_mutex_init(&m->lock[i], NULL);
	return m;
}

void
revoked_memory_free(struct revoked_memory *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < MEMORY_LOCKS; i++)
		pthread_mutex_destroy(&m->lock[i]);
	free(m);
}

/* Identities are SHA-256 values: any of their bits will do. */
static size_t
set_of(const uint8_t id[32])
{
	return ((size_t)id[0] << 8 | id[1]) % MEMORY_SETS;
}

static size_t
lock_set(struct revoked_memory *m, const uint8_t id[32], size_t *set)
{
	size_t l;

	*set = set_of(id);
	l = *set % MEMORY_LOCKS;
	pthread_mutex_lock(&m->lock[l]);
	return l;
}

void
revoked_memory_revoked(struct revoked_memory *m, const uint8_t identity[32],
    const struct revcheck_result *res)
{
	struct remembered *r, *victim = NULL;
	size_t set, l = lock_set(m, identity, &set);

	for (size_t w = 0; w < MEMORY_WAYS; w++) {
		r = &m->revoked[set][w];
		if (r->used && memcmp(r->identity, identity, 32) == 0) {
			victim = r;
			break;
		}
		if (victim == NULL || (victim->used && !r->used) ||
		    (r->used && victim->used && r->age < victim->age))
			victim = r;
	}
	memcpy(victim->identity, identity, 32);
	victim->used = true;
	victim->age = ++m->age[l];
	victim->reason = res->reason;
	victim->revoked_at = res->revoked_at;
	victim->this_update = res->this_update;
	victim->fetched_at = res->fetched_at;
	snprintf(victim->url, sizeof(victim->url), "%.*s", MEMORY_URL_MAX - 1,
	    res->url);
	pthread_mutex_unlock(&m->lock[l]);
}

static struct remembered *
find_revoked(struct revoked_memory *m, size_t set, const uint8_t identity[32])
{
	for (size_t w = 0; w < MEMORY_WAYS; w++)
		if (m->revoked[set][w].used &&
		    memcmp(m->revoked[set][w].identity, identity, 32) == 0)
			return &m->revoked[set][w];
	return NULL;
}

void
revoked_memory_forget(struct revoked_memory *m, const uint8_t identity[32])
{
	struct remembered *r;
	size_t set, l = lock_set(m, identity, &set);

	r = find_revoked(m, set, identity);
	if (r != NULL)
		r->used = false;
	pthread_mutex_unlock(&m->lock[l]);
}

bool
revoked_memory_recall(struct revoked_memory *m, const uint8_t identity[32],
    struct revcheck_result *res)
{
	char seen[TEXT_TIME_LEN];
	struct remembered *r;
	size_t set, l = lock_set(m, identity, &set);
	bool found;

	r = find_revoked(m, set, identity);
	found = r != NULL;
	if (found) {
		res->status = REVCHECK_REVOKED;
		res->why = REVCHECK_WHY_NONE;
		res->method = REVCHECK_METHOD_MEMORY;
		res->source = REVCHECK_SOURCE_CACHE;
		res->reason = r->reason;
		res->revoked_at = r->revoked_at;
		res->this_update = r->this_update;
		res->fetched_at = r->fetched_at;
		res->stale = 1;
		memcpy(res->url, r->url, sizeof(r->url));
		text_time(seen, r->this_update);
		snprintf(res->text, sizeof(res->text),
		    "revoked (%s), as evidence of %s said that can no "
		    "longer be had",
		    revcheck_reason_name(r->reason), seen);
	}
	pthread_mutex_unlock(&m->lock[l]);
	return found;
}

void
revoked_memory_heard(
    struct revoked_memory *m, const uint8_t owner[32], time_t at)
{
	struct heard *h, *victim = NULL;
	size_t set, l = lock_set(m, owner, &set);

	for (size_t w = 0; w < MEMORY_WAYS; w++) {
		h = &m->heard[set][w];
		if (h->used && memcmp(h->owner, owner, 32) == 0) {
			victim = h;
			break;
		}
		if (victim == NULL || (victim->used && !h->used) ||
		    (h->used && victim->used && h->at < victim->at))
			victim = h;
	}
	memcpy(victim->owner, owner, 32);
	victim->used = true;
	victim->at = at;
	pthread_mutex_unlock(&m->lock[l]);
}

time_t
revoked_memory_last_heard(struct revoked_memory *m, const uint8_t owner[32])
{
	time_t at = 0;
	size_t set, l = lock_set(m, owner, &set);

	for (size_t w = 0; w < MEMORY_WAYS; w++)
		if (m->heard[set][w].used &&
		    memcmp(m->heard[set][w].owner, owner, 32) == 0)
			at = m->heard[set][w].at;
	pthread_mutex_unlock(&m->lock[l]);
	return at;
}
