/*
 * source_book: see the header. Whoever issues certificates chooses URLs, so the
 * hash has a secret.
 */
#include "cache/engine/source_book.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#define BUCKETS 16384

struct source_book {
	pthread_mutex_t lock;
	uint64_t secret;
	size_t num;
	struct source_row *buckets[BUCKETS];
};

struct source_book *
source_book_new(void)
{
	struct source_book *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	(void)RAND_bytes((unsigned char *)&b->secret, sizeof(b->secret));
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

static void
row_free(struct source_row *row)
{
	free(row->failure);
	free(row->url);
	free(row);
}

void
source_book_free(struct source_book *b)
{
	struct source_row *row;

	if (b == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while ((row = b->buckets[i]) != NULL) {
			b->buckets[i] = row->next;
			row_free(row);
		}
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static uint64_t
hash_of(const struct source_book *b, enum evidence_kind kind, const char *url)
{
	uint64_t h = b->secret ^ (uint64_t)kind;

	for (; *url != '\0'; url++) {
		h = (h ^ (unsigned char)*url) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

struct source_row *
source_book_find(
    struct source_book *b, enum evidence_kind kind, const char *url)
{
	uint64_t h = hash_of(b, kind, url);
	struct source_row *row = b->buckets[h % BUCKETS];

	while (row != NULL &&
	    (row->hash != h || row->kind != kind || strcmp(row->url, url) != 0))
		row = row->next;
	return row;
}

static void
forget_oldest(struct source_book *b)
{
	struct source_row **oldest = NULL, *row;

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct source_row **at = &b->buckets[i]; *at != NULL;
		     at = &(*at)->next)
			if (oldest == NULL ||
			    (*at)->tried_at < (*oldest)->tried_at)
				oldest = at;
	if (oldest == NULL)
		return;
	row = *oldest;
	*oldest = row->next;
	row_free(row);
	b->num--;
}

static struct source_row *
find_or_add(struct source_book *b, enum evidence_kind kind, const char *url)
{
	struct source_row *row = source_book_find(b, kind, url);

	if (row != NULL)
		return row;
	if (b->num >= SOURCE_BOOK_MAX)
		forget_oldest(b);
	row = calloc(1, sizeof(*row));
	if (row == NULL || (row->url = strdup(url)) == NULL) {
		free(row);
		return NULL;
	}
	row->kind = kind;
	row->hash = hash_of(b, kind, url);
	row->next = b->buckets[row->hash % BUCKETS];
	b->buckets[row->hash % BUCKETS] = row;
	b->num++;
	return row;
}

void
source_book_add(struct source_book *b, enum evidence_kind kind, const char *url)
{
	pthread_mutex_lock(&b->lock);
	(void)find_or_add(b, kind, url);
	pthread_mutex_unlock(&b->lock);
}

static void
note_failure(struct source_row *row, const struct evidence_failure *failure)
{
	if (failure == NULL) {
		free(row->failure);
		row->failure = NULL;
		row->failures = 0;
		return;
	}
	row->failures++;
	if (row->failure == NULL)
		row->failure = malloc(sizeof(*row->failure));
	if (row->failure != NULL)
		*row->failure = *failure;
}

void
source_book_note(struct source_book *b, enum evidence_kind kind,
    const char *url, const struct evidence_failure *failure, time_t at,
    uint64_t bytes, uint64_t ms)
{
	struct source_row *row;

	pthread_mutex_lock(&b->lock);
	row = find_or_add(b, kind, url);
	if (row != NULL) {
		note_failure(row, failure);
		row->tried_at = at;
		if (failure == NULL)
			row->succeeded_at = at;
		row->bytes = bytes;
		row->ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	}
	pthread_mutex_unlock(&b->lock);
}

void
source_book_lock(struct source_book *b)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct source_row *row = b->buckets[i]; row != NULL;
		     row = row->next)
			row->kept = (struct source_kept){.num = 0};
}

void
source_book_unlock(struct source_book *b)
{
	pthread_mutex_unlock(&b->lock);
}

void
source_book_each(struct source_book *b,
    bool (*fn)(void *arg, const struct source_row *row), void *arg)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct source_row *row = b->buckets[i]; row != NULL;
		     row = row->next)
			if (!fn(arg, row))
				return;
}
