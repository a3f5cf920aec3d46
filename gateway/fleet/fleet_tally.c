/* fleet_tally: see the header. */
#include "gateway/fleet/fleet_tally.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"

/* What others put back, or has not all come yet, is there by then. */
#define PART_MS 2000

struct fleet_count {
	EVP_MAC_CTX *mac;
	bool keyed;
	uint8_t key[FLEET_TALLY_LEN]; /* of mac */
	/* What the engine was seen to have, by the key of its head. */
	struct fleet_tally there;
	bool said; /* that not all is there */
	struct event *timer;
};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	fleet_kick(arg);
}

int
fleet_tally_init(struct fleet *f, struct err *err)
{
	struct fleet_count *c = calloc(1, sizeof(*c));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	f->count = c;
	if (c != NULL && mac != NULL) {
		c->mac = EVP_MAC_CTX_new(mac);
		c->timer = evtimer_new(f->base, on_timer, f);
	}
	EVP_MAC_free(mac);
	return c != NULL && c->mac != NULL && c->timer != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

void
fleet_tally_cleanup(struct fleet *f)
{
	struct fleet_count *c = f->count;

	if (c == NULL)
		return;
	EVP_MAC_CTX_free(c->mac);
	if (c->timer != NULL)
		event_free(c->timer);
	OPENSSL_cleanse(c, sizeof(*c));
	free(c);
	f->count = NULL;
}

/* Shares. */

/* One of what is counted. */
struct counted {
	const char *key;
	int64_t n;
	const uint8_t *digest; /* of its text */
};

static bool
mac_key(struct fleet_count *c, const uint8_t key[FLEET_TALLY_LEN])
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
	    OSSL_PARAM_construct_end()};

	if (c->keyed && memcmp(c->key, key, FLEET_TALLY_LEN) == 0)
		return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1;
	c->keyed = EVP_MAC_init(c->mac, key, FLEET_TALLY_LEN, params) == 1;
	memcpy(c->key, key, FLEET_TALLY_LEN);
	return c->keyed;
}

/* The lengths of digest and number do not vary: no two read the same. */
static bool
share_make(struct fleet_count *c, uint8_t out[EVP_MAX_MD_SIZE],
    const uint8_t key[FLEET_TALLY_LEN], const struct counted *r)
{
	uint8_t n[8];
	size_t len;

	for (int i = 0; i < 8; i++)
		n[i] = (uint8_t)((uint64_t)r->n >> (56 - 8 * i));
	return mac_key(c, key) &&
	    EVP_MAC_update(c->mac, r->digest, MIRROR_DIGEST) == 1 &&
	    EVP_MAC_update(c->mac, n, sizeof(n)) == 1 &&
	    EVP_MAC_update(c->mac, (const uint8_t *)r->key, strlen(r->key)) ==
	    1 &&
	    EVP_MAC_final(c->mac, out, &len, EVP_MAX_MD_SIZE) == 1;
}

/* by: 1 adds it, -1 takes it out. False: t says nothing any more. */
static bool
tally_by(struct fleet_count *c, struct fleet_tally *t, int by,
    const struct counted *r)
{
	uint8_t share[EVP_MAX_MD_SIZE];

	if (!share_make(c, share, t->key, r)) {
		t->known = false;
		return false;
	}
	t->num += by;
	for (size_t i = 0; i < FLEET_TALLY_LEN; i++)
		t->sum[i] ^= share[i];
	return true;
}

static bool
tally_equal(const struct fleet_tally *a, const struct fleet_tally *b)
{
	return a->known && b->known && a->num == b->num &&
	    memcmp(a->key, b->key, FLEET_TALLY_LEN) == 0 &&
	    memcmp(a->sum, b->sum, FLEET_TALLY_LEN) == 0;
}

/* What is counted of an entry. */

enum side {
	SIDE_ENGINE, /* what was seen there, whatever it is */
	SIDE_HELD,
	SIDE_BEST, /* the newer of the two */
};

static bool
was_seen(const struct fleet *f, const struct mirror_entry *e)
{
	return e->load == f->load && e->there != MIRROR_ABSENT &&
	    e->there != MIRROR_DAMAGED;
}

static bool
counted_of(const struct fleet *f, const struct mirror_entry *e, enum side side,
    struct counted *out)
{
	bool seen = was_seen(f, e);
	bool engine = side == SIDE_ENGINE ||
	    (side == SIDE_BEST && seen && e->there != MIRROR_OLD);

	*out = (struct counted){.key = e->key,
	    .n = engine ? e->engine_n : e->held.n,
	    .digest = engine ? e->engine_digest : e->held.digest};
	if (!fleet_kind_rule(e->kind)->ordered || (engine ? !seen : !e->holds))
		return false;
	return out->n > 0 &&
	    !(e->kind == FLEET_DENY &&
		(engine ? e->engine_removed : e->held.removed));
}

struct counting {
	const struct fleet *f;
	enum side side;
	struct fleet_tally *t;
};

static void
count_one(void *arg, struct mirror_entry *e)
{
	struct counting *c = arg;
	struct counted r;

	if (c->t->known && counted_of(c->f, e, c->side, &r))
		(void)tally_by(c->f->count, c->t, 1, &r);
}

/* All of a side, with this key. Known, unless the library fails. */
static struct fleet_tally
count_all(
    const struct fleet *f, enum side side, const uint8_t key[FLEET_TALLY_LEN])
{
	struct fleet_tally t = {.known = true, .n = f->head};
	struct counting c = {f, side, &t};

	memcpy(t.key, key, FLEET_TALLY_LEN);
	mirror_each(f->mirror, count_one, &c);
	return t;
}

/* What is there. */

void
fleet_tally_forget(struct fleet *f)
{
	f->count->there.known = false;
}

void
fleet_tally_leave(struct fleet *f, const struct mirror_entry *e)
{
	struct counted r;

	if (f->count->there.known && counted_of(f, e, SIDE_ENGINE, &r))
		(void)tally_by(f->count, &f->count->there, -1, &r);
}

void
fleet_tally_enter(struct fleet *f, const struct mirror_entry *e)
{
	struct counted r;

	if (f->count->there.known && counted_of(f, e, SIDE_ENGINE, &r))
		(void)tally_by(f->count, &f->count->there, 1, &r);
}

bool
fleet_tally_agrees(struct fleet *f)
{
	const struct fleet_tally *says = &f->engine_tally;
	struct fleet_tally *there = &f->count->there;

	if (!there->known ||
	    memcmp(there->key, says->key, FLEET_TALLY_LEN) != 0)
		*there = count_all(f, SIDE_ENGINE, says->key);
	if (says->known)
		return tally_equal(there, says);
	/* Records of no head are what is left of a fleet, or shown of one. */
	return !f->tally.known && there->known &&
	    (f->engine_head > 0 || there->num == 0);
}

void
fleet_tally_why(const struct fleet *f, char *out, size_t room)
{
	if (f->engine_tally.known)
		text_format(out, room,
		    "what the engine shows (records=%lld) is not what change "
		    "%lld of it has (records=%lld)",
		    (long long)f->count->there.num, (long long)f->engine_head,
		    (long long)f->engine_tally.num);
	else
		text_format(out, room,
		    "the engine does not say which records change %lld has",
		    (long long)f->engine_head);
}

bool
fleet_tally_is_said(const struct fleet *f)
{
	return f->count->said;
}

bool
fleet_tally_may_mend(const struct fleet *f)
{
	return f->part_since_ms != 0 && !f->count->said;
}

static bool
is_all_there(struct fleet *f)
{
	return f->engine_head >= f->head && fleet_tally_agrees(f);
}

/* Said once it has lasted: a change may come in two pieces. */
static void
say_part(struct fleet *f)
{
	uint64_t lasted = clock_mono_ms() - f->part_since_ms;
	char why[160];

	if (f->count->said)
		return;
	if (lasted < PART_MS) {
		fleet_after(f->count->timer, (unsigned)(PART_MS - lasted) + 1);
		return;
	}
	f->count->said = true;
	f->refused[FLEET_REFUSED_PART]++;
	fleet_tally_why(f, why, sizeof(why));
	fleet_error(f, "%s", why);
}

void
fleet_tally_moved(struct fleet *f)
{
	if (f->link_state != FLEET_LINK_UP || !f->loaded || !f->follows ||
	    !f->identity_there || f->head_revision == 0 ||
	    fleet_link_in_parts(f->link))
		return;
	if (is_all_there(f)) {
		if (f->count->said)
			log_line(f->log, LOG_LEVEL_INFO,
			    "the fleet: the engine has all of its records "
			    "again");
		f->part_since_ms = 0;
		f->count->said = false;
		f->vouches = false;
		return;
	}
	if (f->part_since_ms == 0)
		f->part_since_ms = clock_mono_ms();
	/* The operator has said that what is there is the fleet. */
	f->vouches = f->vouches || f->trusts;
	say_part(f);
}

/* What is written. */

static int
failed(struct err *err)
{
	return err_ossl(err, E_INTERNAL, "the records cannot be counted");
}

/* All that is known, under a key that nobody has seen. */
static int
count_anew(struct fleet *f, struct fleet_tally *out, struct err *err)
{
	uint8_t key[FLEET_TALLY_LEN];

	if (RAND_bytes(key, sizeof(key)) != 1)
		return failed(err);
	*out = count_all(f, SIDE_BEST, key);
	return out->known ? 0 : failed(err);
}

int
fleet_tally_before(struct fleet *f, struct fleet_tally *out, struct err *err)
{
	*out = f->tally;
	return out->known ? 0 : count_anew(f, out, err);
}

int
fleet_tally_change(struct fleet *f, struct fleet_tally *t, const char *key,
    int64_t n, const char *json, struct err *err)
{
	const struct mirror_entry *e = mirror_find(f->mirror, key);
	uint8_t digest[MIRROR_DIGEST];
	struct counted r;

	if (e != NULL && counted_of(f, e, SIDE_BEST, &r) &&
	    !tally_by(f->count, t, -1, &r))
		return failed(err);
	if (json == NULL)
		return 0;
	r = (struct counted){.key = key, .n = n, .digest = digest};
	return EVP_Digest(
		   json, strlen(json), digest, NULL, EVP_sha256(), NULL) == 1 &&
		tally_by(f->count, t, 1, &r)
	    ? 0
	    : failed(err);
}

int
fleet_tally_put_back(struct fleet *f, struct fleet_tally *t,
    const struct mirror_entry *e, struct err *err)
{
	struct counted r;

	if (counted_of(f, e, SIDE_ENGINE, &r) && !tally_by(f->count, t, -1, &r))
		return failed(err);
	return !counted_of(f, e, SIDE_HELD, &r) || tally_by(f->count, t, 1, &r)
	    ? 0
	    : failed(err);
}

int
fleet_tally_head(
    struct fleet *f, int64_t *n, struct fleet_tally *out, struct err *err)
{
	*n = f->head;
	*out = f->tally;
	if (f->vouches) {
		++*n;
		return count_anew(f, out, err);
	}
	/* One that is made now has none yet. */
	return out->known || f->head > 0 ? 0 : count_anew(f, out, err);
}
