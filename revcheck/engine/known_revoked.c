/*
 * known_revoked: shards of chained hash tables, each in the order of learning.
 * A filter of counters, one for each of so many values of an identity, says
 * without a lock that nothing is known.
 */
#include "revcheck/engine/known_revoked.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"

#define SHARDS       64
#define SHARD_MAX    (KNOWN_REVOKED_MAX / SHARDS * 2)
#define SHARD_BUCKET 1024
#define FILTER       65536

struct node {
	struct node *next;          /* of its bucket */
	struct node *older, *newer; /* of its shard */
	struct known_revocation k;
};

struct shard {
	pthread_mutex_t lock;
	struct node *bucket[SHARD_BUCKET];
	struct node *oldest, *newest;
	size_t num;
};

struct known_revoked {
	atomic_uint filter[FILTER];
	struct shard shard[SHARDS];
};

struct known_revoked *
known_revoked_new(void)
{
	struct known_revoked *m = calloc(1, sizeof(*m));

	for (size_t i = 0; m != NULL && i < SHARDS; i++)
		pthread_mutex_init(&m->shard[i].lock, NULL);
	return m;
}

void
known_revoked_free(struct known_revoked *m)
{
	struct node *n, *next;

	if (m == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		for (n = m->shard[i].oldest; n != NULL; n = next) {
			next = n->newer;
			free(n);
		}
		pthread_mutex_destroy(&m->shard[i].lock);
	}
	free(m);
}

/* Identities are SHA-256 values: any of their bits will do. */
static atomic_uint *
filter_of(const struct known_revoked *m, const uint8_t id[32])
{
	size_t i = ((size_t)id[0] << 8 | id[1]) % FILTER;

	return (atomic_uint *)&m->filter[i];
}

static struct shard *
shard_of(const struct known_revoked *m, const uint8_t id[32])
{
	return (struct shard *)&m->shard[id[2] % SHARDS];
}

static struct node **
find(struct shard *s, const uint8_t id[32])
{
	struct node **at =
	    &s->bucket[((size_t)id[3] << 8 | id[4]) % SHARD_BUCKET];

	while (*at != NULL && memcmp((*at)->k.identity, id, 32) != 0)
		at = &(*at)->next;
	return at;
}

static void
drop(struct known_revoked *m, struct shard *s, struct node **at)
{
	struct node *n = *at;

	if (n == NULL)
		return;
	*at = n->next;
	*(n->older != NULL ? &n->older->newer : &s->oldest) = n->newer;
	*(n->newer != NULL ? &n->newer->older : &s->newest) = n->older;
	s->num--;
	atomic_fetch_sub(filter_of(m, n->k.identity), 1);
	free(n);
}

static bool
is_hold(const struct known_revocation *k)
{
	return k->reason == REVCHECK_REASON_CERTIFICATE_HOLD;
}

/* Whether k says more than what is known. */
static bool
merge(struct known_revocation *known, const struct known_revocation *k)
{
	time_t first = known->first_seen;

	if (!is_hold(known) && (is_hold(k) || k->reason == known->reason))
		return false;
	if (is_hold(known) && is_hold(k) &&
	    k->this_update <= known->this_update)
		return false;
	*known = *k;
	if (first != 0 && first < k->first_seen)
		known->first_seen = first;
	return true;
}

/* -1, 0, 1; without leading zeros. */
static int
number_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return a_len == 0 ? 0 : memcmp(a, b, a_len);
}

static bool
merge_newer(struct known_revocation *known, const struct known_revocation *k)
{
	if (k->this_update < known->this_update ||
	    (k->this_update == known->this_update &&
		number_compare(k->number, k->number_len, known->number,
		    known->number_len) <= 0))
		return false;
	*known = *k;
	return true;
}

static bool
put(struct known_revoked *m, const struct known_revocation *k,
    bool (*merge_with)(
	struct known_revocation *known, const struct known_revocation *k))
{
	struct shard *s = shard_of(m, k->identity);
	struct node **at, *n;
	bool news = true;

	pthread_mutex_lock(&s->lock);
	at = find(s, k->identity);
	if (*at != NULL) {
		news = merge_with(&(*at)->k, k);
	} else if ((n = calloc(1, sizeof(*n))) != NULL) {
		n->k = *k;
		*at = n;
		n->older = s->newest;
		*(s->newest != NULL ? &s->newest->newer : &s->oldest) = n;
		s->newest = n;
		s->num++;
		atomic_fetch_add(filter_of(m, k->identity), 1);
		if (s->num > SHARD_MAX)
			drop(m, s, find(s, s->oldest->k.identity));
	}
	pthread_mutex_unlock(&s->lock);
	return news;
}

bool
known_revoked_put(struct known_revoked *m, const struct known_revocation *k)
{
	return put(m, k, merge);
}

bool
known_revoked_put_newer(
    struct known_revoked *m, const struct known_revocation *k)
{
	return put(m, k, merge_newer);
}

bool
known_revoked_get(const struct known_revoked *m, const uint8_t identity[32],
    struct known_revocation *out)
{
	struct shard *s = shard_of(m, identity);
	const struct node *n;

	if (atomic_load_explicit(
		filter_of(m, identity), memory_order_acquire) == 0)
		return false;
	pthread_mutex_lock(&s->lock);
	n = *find(s, identity);
	if (n != NULL)
		*out = n->k;
	pthread_mutex_unlock(&s->lock);
	return n != NULL;
}

bool
known_revoked_forget(struct known_revoked *m, const uint8_t identity[32])
{
	struct shard *s = shard_of(m, identity);
	struct node **at;
	bool was;

	pthread_mutex_lock(&s->lock);
	at = find(s, identity);
	was = *at != NULL;
	if (was)
		drop(m, s, at);
	pthread_mutex_unlock(&s->lock);
	return was;
}

size_t
known_revoked_forget_serial(struct known_revoked *m, const uint8_t owner[32],
    const uint8_t *serial, size_t serial_len)
{
	struct node *n, *next;
	size_t num = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &m->shard[i];

		pthread_mutex_lock(&s->lock);
		for (n = s->oldest; n != NULL; n = next) {
			next = n->newer;
			if (n->k.serial_len != serial_len ||
			    memcmp(n->k.serial, serial, serial_len) != 0 ||
			    memcmp(n->k.owner, owner, 32) != 0)
				continue;
			drop(m, s, find(s, n->k.identity));
			num++;
		}
		pthread_mutex_unlock(&s->lock);
	}
	return num;
}

size_t
known_revoked_num(const struct known_revoked *m)
{
	size_t num = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = (struct shard *)&m->shard[i];

		pthread_mutex_lock(&s->lock);
		num += s->num;
		pthread_mutex_unlock(&s->lock);
	}
	return num;
}

void
known_revoked_each(const struct known_revoked *m,
    bool (*fn)(void *arg, const struct known_revocation *k), void *arg)
{
	bool on = true;

	for (size_t i = 0; on && i < SHARDS; i++) {
		struct shard *s = (struct shard *)&m->shard[i];

		pthread_mutex_lock(&s->lock);
		for (struct node *n = s->oldest; on && n != NULL; n = n->newer)
			on = fn(arg, &n->k);
		pthread_mutex_unlock(&s->lock);
	}
}

/* As far as it does not matter who says so. */
static void
tell_revoked(const struct known_revocation *k, enum revcheck_method method,
    struct revcheck_result *res)
{
	res->status = REVCHECK_REVOKED;
	res->why = REVCHECK_WHY_NONE;
	res->method = method;
	res->source = REVCHECK_SOURCE_CACHE;
	res->reason = k->reason;
	res->revoked_at = k->revoked_at;
	res->this_update = k->this_update;
	res->next_update = 0;
	res->fetched_at = k->first_seen;
}

void
known_revoked_tell(const struct known_revocation *k, bool unlisted,
    struct revcheck_result *res)
{
	char seen[TEXT_TIME_LEN];

	tell_revoked(k, REVCHECK_METHOD_MEMORY, res);
	res->stale = 1;
	snprintf(res->url, sizeof(res->url), "%s", k->url);
	text_time(seen, k->this_update);
	snprintf(res->text, sizeof(res->text),
	    "revoked (%s), as evidence of %s said %s",
	    revcheck_reason_name(k->reason), seen,
	    unlisted ? "that its CA does not list any more: it stays so until "
		       "it is forgotten by hand"
		     : "that can no longer be had");
}

/* The octets of a hexadecimal number, without leading zeros; 0: none. */
size_t
known_revoked_number(uint8_t out[KNOWN_SERIAL_MAX], const char *hex)
{
	char even[2 * KNOWN_SERIAL_MAX + 1];
	size_t len;

	hex += strspn(hex, "0");
	len = strlen(hex);
	if (len > sizeof(even) - 2)
		return 0;
	even[0] = '0';
	memcpy(even + len % 2, hex, len + 1);
	len = (len + 1) / 2;
	return text_unhex(out, even, len) ? len : 0;
}

bool
known_revoked_word_counts(
    const struct known_revocation *k, const struct revcheck_result *found)
{
	uint8_t number[KNOWN_SERIAL_MAX];
	size_t len;

	if (found->status != REVCHECK_GOOD)
		return found->status == REVCHECK_UNKNOWN;
	if (found->this_update != k->this_update)
		return found->this_update < k->this_update;
	len = known_revoked_number(number, found->crl_number);
	return len > 0 && k->number_len > 0 &&
	    number_compare(number, len, k->number, k->number_len) < 0;
}

void
known_revoked_tell_word(
    const struct known_revocation *k, struct revcheck_result *res)
{
	bool older = res->status == REVCHECK_GOOD;
	char seen[TEXT_TIME_LEN];

	tell_revoked(k, REVCHECK_METHOD_FLEET, res);
	res->produced_at = 0;
	res->stale = 0;
	res->signer[0] = '\0';
	res->crl_number[0] = '\0';
	if (k->number_len * 2 < sizeof(res->crl_number))
		text_hex_upper(res->crl_number, k->number, k->number_len);
	text_copy(res->url, sizeof(res->url), k->url);
	text_time(seen, k->this_update);
	text_format(res->text, sizeof(res->text),
	    "revoked (%s) by the word of '%s', who has evidence of %s from "
	    "'%.150s'; %s",
	    revcheck_reason_name(k->reason), k->by, seen, k->url,
	    older ? "what is held here is older" : "there is none here");
}
