/*
 * mirror: whatever order changes come in, however often, whichever of the first
 * are lost, the same is held in the end, and nothing goes back on the way.
 * FLEET_HISTORIES and FLEET_SEED in the environment: how many, and which.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/fleet/mirror.h"

#define HISTORIES 100000
#define MAX       12
#define H16       "0123456789abcdef"
#define H64       H16 H16 H16 H16

static uint64_t chance;

static uint32_t
draw(uint32_t below)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return below > 0 ? (uint32_t)(chance >> 33) % below : 0;
}

/* One change of one key. */
struct change {
	int64_t n;
	char json[256];
};

static const struct {
	enum fleet_kind kind;
	const char *key;
} kinds[] = {
    {FLEET_CONFIG, "config/revcheck"},
    {FLEET_DENY, "deny/" H16},
    {FLEET_SUBJECT, "subject/3A5F/" H64},
    {FLEET_HOLDING, "holding/3A5F"},
    {FLEET_CHAIN, "chain/-/tls/a"},
    {FLEET_EVIDENCE, "evidence/" H64},
    {FLEET_REVOKED, "revoked/" H64},
    {FLEET_WITHDRAWN, "withdrawn/" H64},
};
#define NUM_KINDS (sizeof(kinds) / sizeof(*kinds))

/* What a fleet could have written, oldest first: n only rises. */
static size_t
history(struct change *v, enum fleet_kind kind)
{
	size_t num = 1 + draw(MAX);
	unsigned crl = 1 + draw(3), checked = draw(5), this = 1 + draw(5);
	bool numbered = draw(2) == 0;
	int64_t n = 0;

	for (size_t i = 0; i < num; i++) {
		char number[32] = "null";

		n += 1 + draw(3);
		v[i].n = fleet_kind_rule(kind)->ordered ? n : 0;
		/* A newer CRL, or the same one looked at again. */
		if (draw(2) == 0) {
			crl += 1 + draw(20);
			this += draw(3);
			this += !numbered;
		}
		checked += 1 + draw(9);
		if (numbered)
			snprintf(number, sizeof(number), "\"%x\"", crl);
		switch (kind) {
		case FLEET_CONFIG:
			snprintf(v[i].json, sizeof(v[i].json),
			    "{\"version\":%zu,\"at\":1,\"who\":\"a\","
			    "\"from\":\"b\",\"action\":\"put\","
			    "\"config\":\"%u\"}",
			    i + 1, draw(1000));
			break;
		case FLEET_SUBJECT:
			snprintf(v[i].json, sizeof(v[i].json),
			    "{\"subject\":\"O=a\",\"allowed\":%s,\"at\":%u}",
			    draw(2) == 0 ? "true" : "false", draw(1000));
			break;
		case FLEET_EVIDENCE:
			snprintf(v[i].json, sizeof(v[i].json),
			    "{\"number\":%s,\"this\":%u,\"checked\":%u,"
			    "\"len\":1,\"sha256\":\"" H64 "\"}",
			    number, this, checked);
			break;
		case FLEET_REVOKED:
		case FLEET_WITHDRAWN:
			snprintf(v[i].json, sizeof(v[i].json),
			    "{\"this\":%zu,\"at\":%zu,\"reason\":%u}", i, i,
			    draw(10));
			break;
		default:
			snprintf(v[i].json, sizeof(v[i].json),
			    draw(3) == 0
				? "{\"removed\":true,\"at\":%u,\"who\":\"a\"}"
				: "{\"reason\":\"%u\"}",
			    draw(1000));
		}
	}
	return num;
}

static void
value_of(struct mirror_value *v, enum fleet_kind kind, const struct change *c)
{
	struct fleet_meaning m;
	struct err err = {0};

	if (fleet_record_read(&m, kind, c->json, strlen(c->json), &err) != 0)
		fail_msg("%s: %s", c->json, err.msg);
	assert_int_equal(
	    mirror_value_init(v, c->n, &m, c->json, strlen(c->json)), 0);
}

/* Puts it in force at once, or together with the next ones. */
static void
deliver(struct mirror_entry *e, const struct change *c)
{
	struct mirror_value came, before = {0};
	enum mirror_verdict verdict;

	if (e->holds) {
		before = e->held;
		before.number = NULL;
	}
	value_of(&came, e->kind, c);
	verdict = mirror_offer(e, &came);
	assert_int_not_equal(verdict, MIRROR_FORKED);
	if (verdict == MIRROR_NEWER)
		assert_non_null(e->next);
	mirror_value_cleanup(&came);
	if (draw(3) != 0)
		mirror_accept(e);
	if (!fleet_kind_rule(e->kind)->ordered)
		return;
	assert_true(!e->holds || e->held.n >= before.n);
	assert_true(!e->holds || e->held.version >= before.version);
}

/*
 * The last ones of a history, the newest among them, in any order and any
 * number of times.
 */
static void
hear(struct mirror_entry *e, const struct change *v, size_t num)
{
	size_t from = draw((uint32_t)num), more = draw(6);
	size_t order[MAX];

	for (size_t i = from; i < num; i++)
		order[i] = i;
	for (size_t i = from; i < num; i++) {
		size_t with = i + draw((uint32_t)(num - i)), was = order[i];

		order[i] = order[with];
		order[with] = was;
	}
	for (size_t i = from; i < num; i++) {
		deliver(e, &v[order[i]]);
		while (more > 0 && draw(3) == 0) {
			more--;
			deliver(e, &v[draw((uint32_t)num)]);
		}
	}
	mirror_accept(e);
}

static void
one_history(size_t which)
{
	struct change v[MAX] = {{0}};
	enum fleet_kind kind = kinds[which % NUM_KINDS].kind;
	const char *key = kinds[which % NUM_KINDS].key;
	size_t num = history(v, kind);
	struct mirror_entry a = {.kind = kind}, b = {.kind = kind};
	struct mirror_value newest;

	hear(&a, v, num);
	hear(&b, v, num);
	value_of(&newest, kind, &v[num - 1]);
	if (!a.holds || !b.holds ||
	    memcmp(a.held.digest, b.held.digest, MIRROR_DIGEST) != 0)
		fail_msg("'%s': two machines hold different texts", key);
	if (fleet_kind_rule(kind)->ordered &&
	    memcmp(a.held.digest, newest.digest, MIRROR_DIGEST) != 0)
		fail_msg("'%s': the newest is not what is held", key);
	mirror_value_cleanup(&newest);
	mirror_value_cleanup(&a.held);
	mirror_value_cleanup(&b.held);
}

static void
any_order_any_number_of_times_any_first_ones_lost(void **state)
{
	const char *num = getenv("FLEET_HISTORIES"),
		   *seed = getenv("FLEET_SEED");
	size_t max = num != NULL ? strtoul(num, NULL, 10) : HISTORIES;

	chance = seed != NULL ? strtoull(seed, NULL, 10) : 1;
	for (size_t i = 0; i < max; i++)
		one_history(i);
}

static enum mirror_verdict
verdict(enum fleet_kind kind, int64_t n_is, const char *is, int64_t n_came,
    const char *came)
{
	struct change a = {.n = n_is}, b = {.n = n_came};
	struct mirror_value va, vb;
	enum mirror_verdict v;

	snprintf(a.json, sizeof(a.json), "%s", is);
	snprintf(b.json, sizeof(b.json), "%s", came);
	value_of(&va, kind, &a);
	value_of(&vb, kind, &b);
	v = mirror_judge(kind, &va, &vb);
	mirror_value_cleanup(&va);
	mirror_value_cleanup(&vb);
	return v;
}

#define SECTION(version, text)                                             \
	"{\"version\":" #version ",\"at\":1,\"who\":\"a\",\"from\":\"b\"," \
	"\"action\":\"put\",\"config\":\"" text "\"}"
#define ENTRY "{\"reason\":\"x\"}"
#define GONE  "{\"removed\":true,\"at\":1,\"who\":\"a\"}"
#define YES   "{\"subject\":\"O=a\",\"allowed\":true}"
#define NO    "{\"subject\":\"O=a\",\"allowed\":false}"

static void
forks_are_told_and_never_loosen(void **state)
{
	assert_int_equal(
	    verdict(FLEET_CONFIG, 5, SECTION(3, "a"), 5, SECTION(3, "b")),
	    MIRROR_FORKED);
	assert_int_equal(
	    verdict(FLEET_CONFIG, 5, SECTION(3, "a"), 5, SECTION(3, "a")),
	    MIRROR_SAME);
	assert_int_equal(
	    verdict(FLEET_CONFIG, 5, SECTION(3, "a"), 6, SECTION(3, "b")),
	    MIRROR_NEWER);
	/* A lower version is older, whatever n it comes with. */
	assert_int_equal(
	    verdict(FLEET_CONFIG, 5, SECTION(3, "a"), 9, SECTION(2, "b")),
	    MIRROR_OLDER);
	assert_int_equal(verdict(FLEET_DENY, 5, ENTRY, 4, GONE), MIRROR_OLDER);
	assert_int_equal(verdict(FLEET_DENY, 5, ENTRY, 5, GONE), MIRROR_OLDER);
	assert_int_equal(verdict(FLEET_DENY, 5, GONE, 5, ENTRY), MIRROR_FORKED);
	assert_int_equal(verdict(FLEET_DENY, 5, ENTRY, 6, GONE), MIRROR_NEWER);
	assert_int_equal(verdict(FLEET_SUBJECT, 5, NO, 5, YES), MIRROR_OLDER);
	assert_int_equal(verdict(FLEET_SUBJECT, 5, YES, 5, NO), MIRROR_FORKED);
	assert_int_equal(verdict(FLEET_SUBJECT, 5, NO, 4, YES), MIRROR_OLDER);
}

static void
absence_is_no_removal(void **state)
{
	struct mirror *m;
	struct mirror_entry *e;
	struct change c = {.n = 5, .json = ENTRY};
	struct err err;

	assert_int_equal(mirror_new(&m, &err), 0);
	e = mirror_get(m, "deny/" H16, &err);
	assert_non_null(e);
	chance = 1;
	deliver(e, &c);
	mirror_accept(e);
	e->there = MIRROR_GOOD;
	e->revision = 9;
	assert_false(mirror_owes(e));
	e->there = MIRROR_ABSENT;
	e->revision = 0;
	assert_true(e->holds);
	assert_int_equal(e->held.n, 5);
	assert_true(mirror_owes(e));
	e->there = MIRROR_DAMAGED;
	assert_true(mirror_owes(e));
	e->there = MIRROR_OLD;
	assert_true(mirror_owes(e));
	mirror_free(m);
}

static void
what_was_not_taken_leaves_what_is_held(void **state)
{
	struct mirror_entry e = {.kind = FLEET_DENY};
	struct change a = {.n = 5, .json = ENTRY}, b = {.n = 6, .json = GONE};
	struct mirror_value v;

	value_of(&v, FLEET_DENY, &a);
	assert_int_equal(mirror_offer(&e, &v), MIRROR_NEWER);
	mirror_accept(&e);
	value_of(&v, FLEET_DENY, &b);
	assert_int_equal(mirror_offer(&e, &v), MIRROR_NEWER);
	mirror_decline(&e);
	assert_int_equal(e.held.n, 5);
	assert_false(e.held.removed);
	mirror_value_cleanup(&e.held);
}

static void
count(void *arg, struct mirror_entry *e)
{
	++*(size_t *)arg;
}

static void
entries_are_found_and_bounded(void **state)
{
	size_t max = fleet_kind_rule(FLEET_REVOKED)->max_num, num = 0;
	struct mirror *m;
	char key[FLEET_KEY_SIZE];
	struct err err;

	assert_int_equal(mirror_new(&m, &err), 0);
	assert_null(mirror_get(m, "no/such/kind", &err));
	assert_int_equal(err.code, E_ARG);
	for (size_t i = 0; i < max; i++) {
		snprintf(key, sizeof(key), "revoked/%zu", i);
		assert_non_null(mirror_get(m, key, &err));
	}
	assert_null(mirror_get(m, "revoked/more", &err));
	assert_int_equal(err.code, E_LIMIT);
	assert_non_null(mirror_get(m, "revoked/0", &err));
	assert_non_null(mirror_get(m, "deny/" H16, &err));
	mirror_each(m, count, &num);
	assert_int_equal(num, max + 1);
	mirror_drop(m, mirror_find(m, "revoked/77"));
	assert_null(mirror_find(m, "revoked/77"));
	assert_non_null(mirror_find(m, "revoked/78"));
	assert_int_equal(mirror_num(m, FLEET_REVOKED), max - 1);
	mirror_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_order_any_number_of_times_any_first_ones_lost),
	    cmocka_unit_test(forks_are_told_and_never_loosen),
	    cmocka_unit_test(absence_is_no_removal),
	    cmocka_unit_test(what_was_not_taken_leaves_what_is_held),
	    cmocka_unit_test(entries_are_found_and_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
