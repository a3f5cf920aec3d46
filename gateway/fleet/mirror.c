/* mirror: a hash by key, and the rules. See the header. */
#include "gateway/fleet/mirror.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

struct mirror {
	struct mirror_entry **buckets;
	size_t num_buckets; /* a power of two */
	size_t num;
	size_t num_of[FLEET_KIND_NUM];
	uint64_t seed; /* names may be chosen by who owns the engine */
};

/* Table. */

static size_t
bucket_of(const struct mirror *m, const char *key)
{
	uint64_t h = m->seed ^ 14695981039346656037u;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	h ^= h >> 29;
	return (size_t)h & (m->num_buckets - 1);
}

int
mirror_new(struct mirror **out, struct err *err)
{
	struct mirror *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (m != NULL) {
		m->num_buckets = 256;
		m->buckets = calloc(m->num_buckets, sizeof(*m->buckets));
	}
	if (m == NULL || m->buckets == NULL ||
	    RAND_bytes((void *)&m->seed, sizeof(m->seed)) != 1) {
		mirror_free(m);
		return err_set(err, E_NOMEM, "out of memory");
	}
	*out = m;
	return 0;
}

void
mirror_value_cleanup(struct mirror_value *v)
{
	free(v->number);
	*v = (struct mirror_value){0};
}

static void
entry_free(struct mirror_entry *e)
{
	mirror_value_cleanup(&e->held);
	if (e->next != NULL)
		mirror_value_cleanup(e->next);
	free(e->next);
	free(e->key);
	free(e->pending);
	free(e->text);
	free(e->lag);
	free(e);
}

void
mirror_free(struct mirror *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->buckets != NULL && i < m->num_buckets; i++) {
		while (m->buckets[i] != NULL) {
			struct mirror_entry *e = m->buckets[i];

			m->buckets[i] = e->next_in_bucket;
			entry_free(e);
		}
	}
	free(m->buckets);
	free(m);
}

struct mirror_entry *
mirror_find(const struct mirror *m, const char *key)
{
	struct mirror_entry *e = m->buckets[bucket_of(m, key)];

	while (e != NULL && strcmp(e->key, key) != 0)
		e = e->next_in_bucket;
	return e;
}

/* Without memory it stays as it is, and gets slower. */
static void
table_grow(struct mirror *m)
{
	size_t old_num = m->num_buckets;
	struct mirror_entry **old = m->buckets, *e, *next;
	struct mirror_entry **more = calloc(old_num * 2, sizeof(*more));

	if (more == NULL)
		return;
	m->buckets = more;
	m->num_buckets = old_num * 2;
	for (size_t i = 0; i < old_num; i++) {
		for (e = old[i]; e != NULL; e = next) {
			size_t b = bucket_of(m, e->key);

			next = e->next_in_bucket;
			e->next_in_bucket = more[b];
			more[b] = e;
		}
	}
	free(old);
}

struct mirror_entry *
mirror_get(struct mirror *m, const char *key, struct err *err)
{
	struct mirror_entry *e = mirror_find(m, key);
	enum fleet_kind kind;
	const char *name;
	size_t b;

	if (e != NULL)
		return e;
	kind = fleet_key_kind(key, &name);
	if (kind == FLEET_NONE) {
		err_set(err, E_ARG, "'%s' is no key of a record", key);
		return NULL;
	}
	if (m->num_of[kind] >= fleet_kind_rule(kind)->max_num) {
		err_set(err, E_LIMIT, "there are %zu records '%s' already",
		    m->num_of[kind], fleet_kind_rule(kind)->word);
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL || (e->key = strdup(key)) == NULL) {
		free(e);
		err_set(err, E_NOMEM, "out of memory");
		return NULL;
	}
	e->name = e->key + (name - key);
	e->kind = kind;
	if (m->num >= m->num_buckets)
		table_grow(m);
	b = bucket_of(m, key);
	e->next_in_bucket = m->buckets[b];
	m->buckets[b] = e;
	m->num++;
	m->num_of[kind]++;
	return e;
}

void
mirror_drop(struct mirror *m, struct mirror_entry *e)
{
	struct mirror_entry **at = &m->buckets[bucket_of(m, e->key)];

	while (*at != e)
		at = &(*at)->next_in_bucket;
	*at = e->next_in_bucket;
	m->num--;
	m->num_of[e->kind]--;
	entry_free(e);
}

void
mirror_each(const struct mirror *m,
    void (*fn)(void *arg, struct mirror_entry *e), void *arg)
{
	struct mirror_entry *e, *next;

	for (size_t i = 0; i < m->num_buckets; i++) {
		for (e = m->buckets[i]; e != NULL; e = next) {
			next = e->next_in_bucket;
			fn(arg, e);
		}
	}
}

size_t
mirror_num(const struct mirror *m, enum fleet_kind kind)
{
	return m->num_of[kind];
}

/* Rules. */

int
mirror_value_init(struct mirror_value *v, int64_t n,
    const struct fleet_meaning *meaning, const char *json, size_t len)
{
	*v = (struct mirror_value){.n = n,
	    .version = meaning->version,
	    .this_update = meaning->this_update,
	    .checked = meaning->checked,
	    .removed = meaning->removed};
	/* When a tombstone was made: it ends. */
	if (meaning->removed)
		v->this_update = meaning->at;
	if (EVP_Digest(json, len, v->digest, NULL, EVP_sha256(), NULL) != 1)
		return E_INTERNAL;
	if (meaning->number[0] != '\0') {
		v->number = strdup(meaning->number);
		if (v->number == NULL)
			return E_NOMEM;
	}
	return 0;
}

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Above 0: it came newer. */
static int
rank(enum fleet_kind kind, const struct mirror_value *is,
    const struct mirror_value *came)
{
	int order = 0;

	switch (kind) {
	case FLEET_CONFIG:
	case FLEET_HISTORY:
		order = compare(came->version, is->version);
		return order != 0 ? order : compare(came->n, is->n);
	case FLEET_EVIDENCE:
		if (came->number != NULL && is->number != NULL)
			order = fleet_number_compare(came->number, is->number);
		if (order == 0)
			order = compare(came->this_update, is->this_update);
		return order != 0 ? order : compare(came->checked, is->checked);
	case FLEET_REVOKED:
	case FLEET_WITHDRAWN:
		return compare(came->this_update, is->this_update);
	default:
		return compare(came->n, is->n);
	}
}

/* Of equal rank: one that would let somebody in does not replace the other. */
static bool
loosens(enum fleet_kind kind, const struct mirror_value *is,
    const struct mirror_value *came)
{
	return (kind == FLEET_DENY && came->removed && !is->removed) ||
	    (kind == FLEET_SUBJECT && is->removed && !came->removed);
}

/* What the engine has of these is what is so. */
static bool
engine_knows(enum fleet_kind kind)
{
	return kind == FLEET_CLAIM || kind == FLEET_MEMBER ||
	    kind == FLEET_FILLING;
}

enum mirror_verdict
mirror_judge(enum fleet_kind kind, const struct mirror_value *is,
    const struct mirror_value *came)
{
	int order, text;

	if (is == NULL)
		return MIRROR_NEWER;
	order = rank(kind, is, came);
	if (order != 0)
		return order > 0 ? MIRROR_NEWER : MIRROR_OLDER;
	text = memcmp(came->digest, is->digest, MIRROR_DIGEST);
	if (text == 0)
		return MIRROR_SAME;
	if (engine_knows(kind))
		return MIRROR_NEWER;
	/* Any of the two, as long as it is the same one everywhere. */
	if (!fleet_kind_rule(kind)->ordered)
		return text > 0 ? MIRROR_NEWER : MIRROR_OLDER;
	return loosens(kind, is, came) ? MIRROR_OLDER : MIRROR_FORKED;
}

enum mirror_verdict
mirror_offer(struct mirror_entry *e, struct mirror_value *came)
{
	const struct mirror_value *is = e->next != NULL ? e->next
	    : e->holds                                  ? &e->held
							: NULL;
	enum mirror_verdict verdict = mirror_judge(e->kind, is, came);

	if (verdict != MIRROR_NEWER && verdict != MIRROR_FORKED)
		return verdict;
	if (e->next == NULL)
		e->next = calloc(1, sizeof(*e->next));
	/* Without memory it is not heard of now; the next reading brings it. */
	if (e->next == NULL)
		return MIRROR_OLDER;
	mirror_value_cleanup(e->next);
	*e->next = *came;
	*came = (struct mirror_value){0};
	return verdict;
}

void
mirror_accept(struct mirror_entry *e)
{
	if (e->next == NULL)
		return;
	mirror_value_cleanup(&e->held);
	e->held = *e->next;
	e->holds = true;
	free(e->next);
	e->next = NULL;
}

void
mirror_decline(struct mirror_entry *e)
{
	if (e->next == NULL)
		return;
	mirror_value_cleanup(e->next);
	free(e->next);
	e->next = NULL;
}

static void
forget(void *arg, struct mirror_entry *e)
{
	(void)arg;
	mirror_decline(e);
	mirror_value_cleanup(&e->held);
	e->holds = false;
}

void
mirror_forget_held(struct mirror *m)
{
	mirror_each(m, forget, NULL);
}

bool
mirror_owes(const struct mirror_entry *e)
{
	return fleet_kind_rule(e->kind)->ordered && e->holds && e->held.n > 0 &&
	    e->there != MIRROR_GOOD;
}
