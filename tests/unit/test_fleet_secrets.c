/*
 * Members with different secrets: one was forgotten when the secret changed.
 * It leaves the others alone, and says why; when its secret is right, it takes
 * what they have written. What no member has written is put right.
 */
#include "gateway/fleet/fleet_core.h"
#include "tests/unit/fleet_help.h"

#define X  "0123456789abcdef"
#define Y  "fedcba9876543210"
#define Z  "00000000000000aa"
#define DZ "deny/" Z
#define DX "deny/" X
#define DY "deny/" Y

#define ENTRY "{\"reason\":\"lost\"}"

static const struct machine_options plain = {.create = false};
static const struct machine_options creator = {.create = true};

static char other[64]; /* the secret of tomorrow */

static void
must_have(const struct machine *m, const char *key, int64_t n)
{
	struct found f = machine_has(m, key);

	assert_int_equal(f.n, n);
	assert_string_equal(f.text, ENTRY);
}

static void
configure(struct machine *m, const char *secret, const char *previous)
{
	const struct fleet_link_options link = {.base = base, .name = "eu"};
	const struct fleet_options options = {.link = &link,
	    .secret_file = secret,
	    .previous_secret_file = previous};
	struct err err;

	assert_int_equal(fleet_configure(m->fleet, &options, &err), 0);
}

/* b has the secret of before alone; a has changed it. */
static void
forget_one(struct machine *a, struct machine *b)
{
	uint64_t loads;

	machine_init(a, "a", &creator);
	loop_until(machine_state(a) == FLEET_UP);
	must_write(a, Y, ENTRY);
	machine_init(b, "b", &plain);
	loop_until(machine_state(b) == FLEET_UP);
	secret_write(other, "the secret of tomorrow");
	loads = a->link->loads;
	configure(a, other, secret_file);
	loop_until(a->link->loads > loads && machine_state(a) == FLEET_UP);
}

static void
they_do_not_write_over_each_other_for_ever(void **state)
{
	struct machine a, b;
	int64_t revision;

	forget_one(&a, &b);
	revision = store.revision;
	must_write(&a, X, ENTRY);
	loop_until(machine_state(&b) == FLEET_UNREADABLE);
	/* It says so, and the other one does not notice. */
	assert_int_equal(machine_state(&a), FLEET_UP);
	assert_non_null(strstr(view(&b).why, secret_file));
	assert_true(store.revision < revision + 50);
	must_have(&b, DY, 1);
	must_have(&a, DX, 2);
	/* Put right, it has what was accepted meanwhile. */
	configure(&b, other, secret_file);
	loop_until(
	    machine_state(&a) == FLEET_UP && machine_state(&b) == FLEET_UP);
	must_have(&b, DX, 2);
	must_have(&b, DY, 1);
	unlink(other);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

static void
on_done(void *arg, const struct fleet_outcome *o)
{
	*(enum fleet_result *)arg = o->result;
}

static const struct fleet_change entry = {
    .kind = FLEET_DENY, .name = Z, .json = ENTRY, .expect = FLEET_ANY};

/* Else two changes have one number, also where the others are away. */
static void
who_cannot_read_does_not_write(void **state)
{
	enum fleet_result result = FLEET_FAILED;
	struct machine a, b;
	struct err err;
	int64_t revision;

	forget_one(&a, &b);
	must_write(&a, X, ENTRY);
	link_down(a.link);
	loop_until(machine_state(&b) == FLEET_UNREADABLE);
	revision = stored_find("head")->revision;
	assert_int_equal(
	    fleet_write(b.fleet, &entry, 1, on_done, &result, &err), 0);
	loop_until(result == FLEET_AWAY);
	assert_int_equal(stored_find("head")->revision, revision);
	assert_null(stored_find(DZ));
	unlink(other);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

/* As if another secret had sealed it: after its time it is put right. */
static void
a_seal_that_is_made_up_stops_nothing_for_good(void **state)
{
	uint8_t seal[64] = {0};
	struct machine m;

	machine_init(&m, "a", &creator);
	loop_until(machine_state(&m) == FLEET_UP);
	for (int i = 0; i < 2; i++) {
		const char *key = i == 0 ? "fleet" : "head";

		seal[0] = (uint8_t)~stored_find(key)->value[0];
		stranger_puts(key, seal, sizeof(seal));
		loop_until(machine_state(&m) == FLEET_UNREADABLE);
		m.fleet->pace.last -= 600000;
		fleet_kick(m.fleet);
		loop_until(machine_state(&m) == FLEET_UP);
		assert_int_not_equal(stored_find(key)->value[0], seal[0]);
	}
	must_write(&m, X, ENTRY);
	machine_cleanup(&m);
}

/* A stranger writes over it until it is not put right at once any more. */
static void
write_over(struct machine *m, const char *key)
{
	while (machine_state(m) != FLEET_UNREADABLE) {
		stranger_puts(key, "x", 1);
		loop_until(stored_find(key)->len > 1 ||
		    machine_state(m) == FLEET_UNREADABLE);
	}
}

static void
a_stranger_stops_nothing_for_good(void **state)
{
	static const char *const keys[] = {"fleet", "head"};
	struct machine m;

	for (size_t i = 0; i < 2; i++) {
		machine_init(&m, "a", i == 0 ? &creator : &plain);
		loop_until(machine_state(&m) == FLEET_UP);
		write_over(&m, keys[i]);
		loop_until(stored_find(keys[i])->len > 1 &&
		    machine_state(&m) == FLEET_UP);
		must_write(&m, X, ENTRY);
		must_have(&m, DX, (int64_t)i + 1);
		machine_cleanup(&m);
	}
}

/* Which number comes next is not guessed. */
static void
nobody_writes_past_a_head_that_cannot_be_read(void **state)
{
	enum fleet_result result = FLEET_FAILED;
	struct machine m;
	uint64_t began, said;
	struct err err;

	machine_init(&m, "a", &creator);
	loop_until(machine_state(&m) == FLEET_UP);
	write_over(&m, "head");
	/* Longer than it takes to say that not all is there. */
	for (int i = 0; i < 2; i++) {
		loop_until(stored_find("head")->len > 1);
		stranger_puts("head", "x", 1);
	}
	began = clock_mono_ms();
	said = view(&m).refused[FLEET_REFUSED_PART];
	loop_until(view(&m).refused[FLEET_REFUSED_PART] > said);
	assert_int_equal(
	    fleet_write(m.fleet, &entry, 1, on_done, &result, &err), 0);
	loop_idle();
	assert_true(stored_find(DZ) == NULL || clock_mono_ms() > began + 4000);
	loop_until(result == FLEET_WRITTEN || result == FLEET_AWAY);
	machine_cleanup(&m);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, machines_setup, fleet_help_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(they_do_not_write_over_each_other_for_ever),
	    TEST(who_cannot_read_does_not_write),
	    TEST(a_seal_that_is_made_up_stops_nothing_for_good),
	    TEST(a_stranger_stops_nothing_for_good),
	    TEST(nobody_writes_past_a_head_that_cannot_be_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
