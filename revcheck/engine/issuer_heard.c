/*
 * issuer_heard: a small table of fixed size, direct-mapped in sets of four; the
 * longest silent of a full set gives way. Any thread.
 */
#include "revcheck/engine/issuer_heard.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEARD_SETS  4096 /* 16384 issuers */
#define HEARD_WAYS  4
#define HEARD_LOCKS 64

struct heard {
	uint8_t owner[32];
	bool used;
	time_t at;
};

struct issuer_heard {
	pthread_mutex_t lock[HEARD_LOCKS];
	struct heard heard[HEARD_SETS][HEARD_WAYS];
};

struct issuer_heard *
issuer_heard_new(void)
{
	struct issuer_heard *h = calloc(1, sizeof(*h));

	for (size_t i = 0; h != NULL && i < HEARD_LOCKS; i++)
		pthread_mutex_init(&h->lock[i], NULL);
	return h;
}

void
issuer_heard_free(struct issuer_heard *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < HEARD_LOCKS; i++)
		pthread_mutex_destroy(&h->lock[i]);
	free(h);
}

/* Owners are SHA-256 values: any of their bits will do. */
static struct heard *
lock_set(struct issuer_heard *h, const uint8_t id[32], size_t *lock)
{
	size_t set = ((size_t)id[0] << 8 | id[1]) % HEARD_SETS;

	*lock = set % HEARD_LOCKS;
	pthread_mutex_lock(&h->lock[*lock]);
	return h->heard[set];
}

void
issuer_heard_note(struct issuer_heard *h, const uint8_t owner[32], time_t at)
{
	struct heard *set, *victim;
	size_t lock;

	set = lock_set(h, owner, &lock);
	victim = &set[0];
	for (size_t w = 0; w < HEARD_WAYS; w++) {
		if (set[w].used && memcmp(set[w].owner, owner, 32) == 0) {
			victim = &set[w];
			break;
		}
		if (victim->used && (!set[w].used || set[w].at < victim->at))
			victim = &set[w];
	}
	memcpy(victim->owner, owner, 32);
	victim->used = true;
	victim->at = at;
	pthread_mutex_unlock(&h->lock[lock]);
}

time_t
issuer_heard_last(struct issuer_heard *h, const uint8_t owner[32])
{
	const struct heard *set;
	time_t at = 0;
	size_t lock;

	set = lock_set(h, owner, &lock);
	for (size_t w = 0; w < HEARD_WAYS; w++)
		if (set[w].used && memcmp(set[w].owner, owner, 32) == 0)
			at = set[w].at;
	pthread_mutex_unlock(&h->lock[lock]);
	return at;
}
