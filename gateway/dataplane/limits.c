/*
 * limits: atomics for what is counted in all, a table of live addresses
 * behind a few locks. An address is in the table only while a connection of
 * its is open, so the table is bounded by max_connections.
 */
#include "gateway/dataplane/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <openssl/rand.h>

#include "gateway/conf/conf.h"

#define LIMITS_SHARDS  16
#define LIMITS_BUCKETS 256 /* a shard */

struct limits_entry {
	struct limits_entry *next;
	struct limits_peer peer;
	uint32_t num;
};

struct limits_shard {
	pthread_mutex_t lock;
	struct limits_entry *buckets[LIMITS_BUCKETS];
};

struct limits {
	atomic_uint connections;
	atomic_uint handshakes[2]; /* inbound, outbound */
	atomic_uint paused;
	uint64_t seed; /* so that nobody can aim at one bucket */
	pthread_mutex_t rate_lock;
	uint64_t rate_at_mono_ms;
	double rate_tokens;
	struct limits_shard shards[LIMITS_SHARDS];
};

int
limits_new(struct limits **out, struct err *err)
{
	struct limits *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "cannot make limits");
	if (RAND_bytes((unsigned char *)&l->seed, sizeof(l->seed)) != 1) {
		free(l);
		return err_ossl(err, E_INTERNAL, "cannot make limits");
	}
	pthread_mutex_init(&l->rate_lock, NULL);
	for (size_t i = 0; i < LIMITS_SHARDS; i++)
		pthread_mutex_init(&l->shards[i].lock, NULL);
	*out = l;
	return 0;
}

void
limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < LIMITS_SHARDS; i++) {
		for (size_t b = 0; b < LIMITS_BUCKETS; b++) {
			struct limits_entry *e, *next;

			for (e = l->shards[i].buckets[b]; e != NULL; e = next) {
				next = e->next;
				free(e);
			}
		}
		pthread_mutex_destroy(&l->shards[i].lock);
	}
	pthread_mutex_destroy(&l->rate_lock);
	free(l);
}

static struct limits_peer
limits_peer_of(const struct sockaddr *sa)
{
	struct limits_peer p = {0};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		p.family = 4;
		memcpy(p.octets, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			p.family = 4;
			memcpy(p.octets, &in6->sin6_addr.s6_addr[12], 4);
		} else {
			p.family = 6;
			memcpy(p.octets, &in6->sin6_addr, 8);
		}
	}
	return p;
}

uint64_t
limits_peer_hash(const struct limits_peer *p, uint64_t seed)
{
	uint64_t v, h;

	memcpy(&v, p->octets, sizeof(v));
	h = (v ^ seed) + p->family;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	return h ^ h >> 32;
}

static struct limits_entry **
limits_find(struct limits_shard *s, uint64_t hash, const struct limits_peer *p)
{
	struct limits_entry **e = &s->buckets[(hash >> 8) % LIMITS_BUCKETS];

	while (*e != NULL && memcmp(&(*e)->peer, p, sizeof(*p)) != 0)
		e = &(*e)->next;
	return e;
}

static bool
limits_enter_address(
    struct limits *l, const struct limits_peer *p, uint32_t max)
{
	uint64_t hash = limits_peer_hash(p, l->seed);
	struct limits_shard *s = &l->shards[hash % LIMITS_SHARDS];
	struct limits_entry **e;
	bool ok = false;

	pthread_mutex_lock(&s->lock);
	e = limits_find(s, hash, p);
	if (*e == NULL) {
		*e = calloc(1, sizeof(**e));
		if (*e != NULL)
			(*e)->peer = *p;
	}
	if (*e != NULL && (max == 0 || (*e)->num < max)) {
		(*e)->num++;
		ok = true;
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

static void
limits_leave_address(struct limits *l, const struct limits_peer *p)
{
	uint64_t hash = limits_peer_hash(p, l->seed);
	struct limits_shard *s = &l->shards[hash % LIMITS_SHARDS];
	struct limits_entry **e, *gone = NULL;

	pthread_mutex_lock(&s->lock);
	e = limits_find(s, hash, p);
	if (*e != NULL && --(*e)->num == 0) {
		gone = *e;
		*e = gone->next;
	}
	pthread_mutex_unlock(&s->lock);
	free(gone);
}

/* A token bucket that holds one second's worth. */
static bool
limits_take_token(struct limits *l, uint32_t per_sec, uint64_t now_mono_ms)
{
	bool ok;

	if (per_sec == 0)
		return true;
	pthread_mutex_lock(&l->rate_lock);
	if (l->rate_at_mono_ms == 0)
		l->rate_tokens = per_sec;
	else if (now_mono_ms > l->rate_at_mono_ms)
		l->rate_tokens += (double)(now_mono_ms - l->rate_at_mono_ms) *
		    per_sec / 1000.0;
	l->rate_at_mono_ms = now_mono_ms;
	if (l->rate_tokens > per_sec)
		l->rate_tokens = per_sec;
	ok = l->rate_tokens >= 1.0;
	if (ok)
		l->rate_tokens -= 1.0;
	pthread_mutex_unlock(&l->rate_lock);
	return ok;
}

/* Adds one unless there are max already; 0 means no limit. */
static bool
limits_count(atomic_uint *n, uint32_t max)
{
	unsigned old = atomic_fetch_add_explicit(n, 1, memory_order_relaxed);

	if (max == 0 || old < max)
		return true;
	atomic_fetch_sub_explicit(n, 1, memory_order_relaxed);
	return false;
}

static void
limits_uncount(atomic_uint *n)
{
	atomic_fetch_sub_explicit(n, 1, memory_order_relaxed);
}

static enum limits_answer
limits_take(struct limits *l, const struct conf_limits *conf,
    const struct limits_peer *peer, uint64_t now_mono_ms)
{
	enum limits_answer answer = LIMITS_FULL;

	if (!limits_count(&l->connections, conf->max_connections))
		return LIMITS_FULL;
	if (peer->family != 0 &&
	    !limits_enter_address(l, peer, conf->max_per_address)) {
		answer = LIMITS_ADDRESS;
		goto no_address;
	}
	if (!limits_count(
		&l->handshakes[peer->outbound], conf->max_handshakes)) {
		answer = LIMITS_HANDSHAKES;
		goto no_handshake;
	}
	if (limits_take_token(l, conf->handshakes_per_sec, now_mono_ms))
		return LIMITS_PASS;
	answer = LIMITS_RATE;
	limits_end_handshake(l, peer);
no_handshake:
	if (peer->family != 0)
		limits_leave_address(l, peer);
no_address:
	limits_uncount(&l->connections);
	return answer;
}

enum limits_answer
limits_enter(struct limits *l, const struct conf_limits *conf,
    const struct sockaddr *sa, struct limits_peer *peer, uint64_t now_mono_ms)
{
	*peer = limits_peer_of(sa);
	return limits_take(l, conf, peer, now_mono_ms);
}

enum limits_answer
limits_enter_outbound(struct limits *l, const struct conf_limits *conf,
    const struct sockaddr *sa, struct limits_peer *peer)
{
	struct conf_limits own = *conf;

	/* The node is one address, and not a stranger. */
	own.max_per_address = own.handshakes_per_sec = 0;
	*peer = limits_peer_of(sa);
	peer->outbound = 1;
	return limits_take(l, &own, peer, 0);
}

void
limits_end_handshake(struct limits *l, const struct limits_peer *peer)
{
	limits_uncount(&l->handshakes[peer->outbound]);
}

void
limits_leave(struct limits *l, const struct limits_peer *peer)
{
	if (peer->family != 0)
		limits_leave_address(l, peer);
	limits_uncount(&l->connections);
}

bool
limits_pause(struct limits *l, const struct conf_limits *conf)
{
	return limits_count(&l->paused, conf->max_paused);
}

void
limits_resume(struct limits *l)
{
	limits_uncount(&l->paused);
}
