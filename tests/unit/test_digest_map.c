/*
 * digest_map and name_set: against a plain array over random histories, with
 * copies that must not notice; collisions down to the last bit; no leak.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/base/clock.h"
#include "cache/base/digest_map.h"
#include "gateway/base/name_set.h"

#define NUM_KEYS  600
#define NUM_TURNS 20000
#define NUM_OLD   16

struct thing {
	struct digest_item item;
	unsigned version;
};

static size_t alive;

static void
thing_free(struct digest_item *item)
{
	alive--;
	free(item);
}

/* Many share long beginnings; key 0 and 1 differ in the last bit alone. */
static void
key_of(uint8_t key[DIGEST_MAP_KEY_LEN], unsigned n)
{
	memset(key, 0, DIGEST_MAP_KEY_LEN);
	if (n < 2) {
		key[DIGEST_MAP_KEY_LEN - 1] = (uint8_t)n;
	} else if (n < 200) {
		key[n % DIGEST_MAP_KEY_LEN] = (uint8_t)n;
	} else {
		key[0] = (uint8_t)(n * 37);
		key[1] = (uint8_t)(n * 101);
		key[2] = (uint8_t)(n >> 8);
	}
	key[16] ^= (uint8_t)(n >> 3);
}

static void
put(struct digest_map *m, unsigned n, unsigned version)
{
	struct thing *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	alive++;
	ref_init(&t->item.ref);
	key_of(t->item.key, n);
	t->version = version;
	assert_int_equal(digest_map_put(m, &t->item), 0);
}

/* The versions of keys; 0: not there. */
static void
check(const struct digest_map *m, const unsigned *model)
{
	size_t num = 0;

	for (unsigned n = 0; n < NUM_KEYS; n++) {
		uint8_t key[DIGEST_MAP_KEY_LEN];
		const struct thing *t;

		key_of(key, n);
		t = (const struct thing *)digest_map_find(m, key);
		assert_int_equal(t != NULL ? t->version : 0, model[n]);
		num += t != NULL;
	}
	assert_int_equal(m->num, num);
}

static void
copies_do_not_notice(void **state)
{
	static unsigned model[NUM_OLD + 1][NUM_KEYS];
	struct digest_map m, old[NUM_OLD];
	unsigned *now = model[NUM_OLD], seed = (unsigned)clock_mono_us();

	print_message("# seed %u\n", seed);
	memset(model, 0, sizeof(model));
	digest_map_init(&m, thing_free);
	for (size_t i = 0; i < NUM_OLD; i++)
		digest_map_init(&old[i], thing_free);
	for (unsigned turn = 1; turn <= NUM_TURNS; turn++) {
		unsigned n = (unsigned)rand_r(&seed) % NUM_KEYS;
		unsigned grow = turn / 2500 % 2 == 0 ? 6 : 2;
		uint8_t key[DIGEST_MAP_KEY_LEN];

		if ((unsigned)rand_r(&seed) % 8 < grow) {
			put(&m, n, turn);
			now[n] = turn;
		} else {
			key_of(key, n);
			assert_int_equal(
			    digest_map_remove(&m, key), now[n] != 0);
			now[n] = 0;
		}
		if (rand_r(&seed) % 100 == 0) {
			size_t i = (size_t)rand_r(&seed) % NUM_OLD;

			check(&old[i], model[i]);
			digest_map_cleanup(&old[i]);
			digest_map_copy(&old[i], &m);
			memcpy(model[i], now, sizeof(model[i]));
		}
	}
	check(&m, now);
	digest_map_cleanup(&m);
	for (size_t i = 0; i < NUM_OLD; i++) {
		check(&old[i], model[i]);
		digest_map_cleanup(&old[i]);
	}
	assert_int_equal(alive, 0);
}

/* From both ends: what is left is nothing at all. */
static void
empties(void **state)
{
	struct digest_map m;
	uint8_t key[DIGEST_MAP_KEY_LEN];

	digest_map_init(&m, thing_free);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned n = 0; n < NUM_KEYS; n++)
			put(&m, n, 1);
		for (unsigned i = 0; i < NUM_KEYS; i++) {
			key_of(key, round == 0 ? i : NUM_KEYS - 1 - i);
			(void)!digest_map_remove(&m, key);
			assert_null(digest_map_find(&m, key));
		}
		assert_int_equal(m.num, 0);
		assert_int_equal(alive, 0);
	}
	digest_map_cleanup(&m);
}

static void
names_without_case(void **state)
{
	struct name_set *empty, *one, *two, *none;
	struct err err;

	assert_false(name_set_has(NULL, "CN=a"));
	assert_int_equal(name_set_num(NULL), 0);
	assert_int_equal(name_set_new(&empty, &err), 0);
	assert_int_equal(name_set_with(&one, empty, "CN=Alice,O=X", &err), 0);
	assert_int_equal(name_set_with(&two, one, "CN=Bob", &err), 0);
	assert_int_equal(name_set_without(&none, one, "cn=ALICE,o=x", &err), 0);
	assert_false(name_set_has(empty, "CN=Alice,O=X"));
	assert_true(name_set_has(one, "cn=alice,o=x"));
	assert_false(name_set_has(one, "CN=Alice,O=X "));
	assert_false(name_set_has(one, "CN=Alice,O="));
	assert_false(name_set_has(one, ""));
	assert_false(name_set_has(one, "CN=Bob"));
	assert_true(name_set_has(two, "CN=BOB"));
	assert_true(name_set_has(two, "CN=Alice,O=X"));
	assert_false(name_set_has(none, "CN=Alice,O=X"));
	/* Letters only: '@' and '`' differ by the same bit. */
	assert_int_equal(name_set_add(two, "CN=@[", &err), 0);
	assert_false(name_set_has(two, "CN=`{"));
	/* Twice is once. */
	assert_int_equal(name_set_add(two, "CN=bob", &err), 0);
	assert_int_equal(name_set_num(two), 3);
	name_set_free(empty);
	name_set_free(one);
	name_set_free(two);
	name_set_free(none);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_do_not_notice),
	    cmocka_unit_test(empties),
	    cmocka_unit_test(names_without_case),
	};

	return cmocka_run_group_tests_name("digest map", tests, NULL, NULL);
}
