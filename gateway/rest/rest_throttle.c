/*
 * rest_throttle: chains in a table by HMAC-SHA-256 with a key of the process's,
 * and one list of all entries, the one that failed last in front.
 */
#include "gateway/rest/rest_throttle.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define NUM_CHAINS   1024
#define TAG_LEN      32
#define DELAY_MS     250
#define MAX_DELAY_MS 5000

struct entry {
	struct entry *chained;
	struct entry *newer, *older;
	unsigned char tag[TAG_LEN];
	uint32_t num;
	uint64_t last_mono_ms; /* the last failure */
	uint64_t next_mono_ms; /* when the next try has its turn */
};

struct rest_throttle {
	unsigned char key[32];
	struct entry *chains[NUM_CHAINS];
	struct entry *newest, *oldest;
	size_t num;
};

int
rest_throttle_new(struct rest_throttle **out, struct err *err)
{
	struct rest_throttle *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (t == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (RAND_bytes(t->key, sizeof(t->key)) != 1) {
		free(t);
		return err_ossl(err, E_INTERNAL, "no random numbers");
	}
	*out = t;
	return 0;
}

static struct entry **
chain_of(struct rest_throttle *t, const unsigned char tag[TAG_LEN])
{
	return &t->chains[(tag[0] | (unsigned)tag[1] << 8) % NUM_CHAINS];
}

static void
unlist(struct rest_throttle *t, struct entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &t->newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &t->oldest) = e->newer;
}

static void
list_first(struct rest_throttle *t, struct entry *e)
{
	e->newer = NULL;
	e->older = t->newest;
	*(e->older != NULL ? &e->older->newer : &t->oldest) = e;
	t->newest = e;
}

static void
entry_free(struct rest_throttle *t, struct entry *e)
{
	struct entry **at = chain_of(t, e->tag);

	while (*at != e)
		at = &(*at)->chained;
	*at = e->chained;
	unlist(t, e);
	t->num--;
	free(e);
}

void
rest_throttle_free(struct rest_throttle *t)
{
	if (t == NULL)
		return;
	while (t->oldest != NULL)
		entry_free(t, t->oldest);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

static bool
tag_of(struct rest_throttle *t, unsigned char tag[TAG_LEN],
    const struct rest_try *x, bool with_name)
{
	char text[1200];
	unsigned len = 0;
	int n = snprintf(text, sizeof(text), "%c%.100s %.1000s",
	    with_name ? 'n' : 'a', x->address, with_name ? x->name : "");

	return HMAC(EVP_sha256(), t->key, sizeof(t->key), (unsigned char *)text,
		   (size_t)n, tag, &len) != NULL;
}

/* NULL: never failed, or so long ago that it is forgotten. */
static struct entry *
find(struct rest_throttle *t, const struct rest_try *x, bool with_name)
{
	unsigned char tag[TAG_LEN];
	struct entry *e;

	if (!tag_of(t, tag, x, with_name))
		return NULL;
	e = *chain_of(t, tag);
	while (e != NULL && memcmp(e->tag, tag, TAG_LEN) != 0)
		e = e->chained;
	if (e != NULL && x->now_mono_ms >= e->last_mono_ms + x->window_ms &&
	    x->now_mono_ms >= e->next_mono_ms) {
		entry_free(t, e);
		return NULL;
	}
	return e;
}

static struct entry *
find_or_add(struct rest_throttle *t, const struct rest_try *x, bool with_name)
{
	struct entry *e = find(t, x, with_name), **at;

	if (e != NULL)
		return e;
	if (t->num >= REST_THROTTLE_MAX)
		entry_free(t, t->oldest);
	e = calloc(1, sizeof(*e));
	if (e == NULL || !tag_of(t, e->tag, x, with_name)) {
		free(e);
		return NULL;
	}
	at = chain_of(t, e->tag);
	e->chained = *at;
	*at = e;
	list_first(t, e);
	t->num++;
	return e;
}

static uint32_t
allowed(const struct rest_try *x, bool with_name)
{
	return with_name ? x->max_failures
			 : x->max_failures * REST_THROTTLE_NAMES;
}

static uint32_t
delay_of(const struct entry *e, uint32_t most)
{
	uint32_t over, ms;

	if (e == NULL || e->num < most)
		return 0;
	over = e->num - most;
	ms = over < 5 ? DELAY_MS << over : MAX_DELAY_MS;
	return ms < MAX_DELAY_MS ? ms : MAX_DELAY_MS;
}

uint32_t
rest_throttle_wait(struct rest_throttle *t, const struct rest_try *x)
{
	struct entry *e[2] = {find(t, x, false), find(t, x, true)};
	uint64_t turn = x->now_mono_ms;

	for (int i = 0; i < 2; i++) {
		uint32_t ms = delay_of(e[i], allowed(x, i == 1));
		uint64_t next = ms == 0 ? 0 : e[i]->next_mono_ms;

		/* The first one that waits does so from now on. */
		if (ms > 0 && next < x->now_mono_ms)
			next = x->now_mono_ms + ms;
		if (next > turn)
			turn = next;
	}
	if (turn - x->now_mono_ms > REST_THROTTLE_MAX_WAIT_MS)
		return REST_THROTTLE_TOO_MANY;
	for (int i = 0; i < 2; i++) {
		uint32_t ms = delay_of(e[i], allowed(x, i == 1));

		if (ms > 0)
			e[i]->next_mono_ms = turn + ms;
	}
	return (uint32_t)(turn - x->now_mono_ms);
}

uint32_t
rest_throttle_wrong(struct rest_throttle *t, const struct rest_try *x)
{
	uint32_t longest = 0;

	for (int i = 0; i < 2; i++) {
		struct entry *e = find_or_add(t, x, i == 1);
		uint32_t ms;

		if (e == NULL)
			continue;
		e->num++;
		e->last_mono_ms = x->now_mono_ms;
		unlist(t, e);
		list_first(t, e);
		ms = delay_of(e, allowed(x, i == 1));
		if (ms > longest)
			longest = ms;
	}
	return longest;
}

void
rest_throttle_right(struct rest_throttle *t, const struct rest_try *x)
{
	struct entry *e = find(t, x, true);

	if (e != NULL)
		entry_free(t, e);
}
