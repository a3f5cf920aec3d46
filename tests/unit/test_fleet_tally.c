/*
 * Whether all of a fleet's records are there: who owns the engine leaves some
 * out, or puts back what was, with whichever of its heads. A fresh machine
 * takes none of them, and who follows says that not all is there; what is put
 * right is followed again.
 */
#include "tests/unit/fleet_help.h"

#define X  "0123456789abcdef"
#define Y  "fedcba9876543210"
#define Z  "00000000000000aa"
#define DX "deny/" X
#define DY "deny/" Y
#define DZ "deny/" Z

#define ENTRY   "{\"reason\":\"lost\"}"
#define ENTRY_2 "{\"reason\":\"stolen\"}"
#define GONE    "{\"removed\":true,\"at\":4000000000,\"who\":\"a\"}"

static const struct machine_options plain = {.create = false};
static const struct machine_options creator = {.create = true};
static const struct machine_options adopts = {.adopt = true};

static void
must_hold(const struct machine *m, const char *key, int64_t n)
{
	assert_int_equal(machine_has(m, key).n, n);
}

/* Values as a stranger has copied them. */
struct copy {
	char key[64];
	uint8_t *value;
	size_t len;
};

static void
copy_make(struct copy *c, const char *key)
{
	const struct stored *s = stored_find(key);

	assert_non_null(s);
	free(c->value);
	snprintf(c->key, sizeof(c->key), "%s", key);
	c->len = s->len;
	c->value = malloc(s->len);
	assert_non_null(c->value);
	memcpy(c->value, s->value, s->len);
}

static void
copy_put(const struct copy *c)
{
	stranger_puts(c->key, c->value, c->len);
}

/* The first has made a fleet with X and Y, and Y was changed since. */
static void
fleet_init(struct machine *m)
{
	machine_init(m, "a", &creator);
	loop_until(machine_state(m) == FLEET_UP);
	must_write(m, X, ENTRY);
	must_write(m, Y, ENTRY);
	must_write(m, Y, ENTRY_2);
	loop_idle();
	assert_int_equal(machine_state(m), FLEET_UP);
}

static void
fresh_must_refuse(struct machine *m)
{
	machine_init(m, "fresh", &plain);
	loop_idle();
	assert_int_equal(machine_state(m), FLEET_PART);
	assert_true(view(m).refused[FLEET_REFUSED_PART] > 0);
	assert_string_equal(view(m).id, "");
	must_hold(m, DX, 0);
	must_hold(m, DY, 0);
}

static void
a_record_that_is_left_out_is_missed(void **state)
{
	struct machine a, b;
	struct copy x = {.value = NULL};

	fleet_init(&a);
	copy_make(&x, DX);
	/* Nobody is there who would put it back. */
	link_down(a.link);
	stranger_puts(DX, NULL, 0);
	fresh_must_refuse(&b);
	/* Nor by a change that is written meanwhile. */
	machine_restart(&b, &plain);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_PART);
	must_hold(&b, DY, 0);
	/* As soon as it is there it is followed, without a start. */
	copy_put(&x);
	loop_until(machine_state(&b) == FLEET_UP);
	must_hold(&b, DX, 1);
	must_hold(&b, DY, 3);
	assert_int_equal(view(&b).began, 3);
	machine_cleanup(&a);
	machine_cleanup(&b);
	free(x.value);
}

static void
an_older_record_is_found_out(void **state)
{
	struct machine a, b;
	struct copy y = {.value = NULL}, z = {.value = NULL};
	uint8_t *other;
	size_t other_len;

	machine_init(&a, "a", &creator);
	loop_until(machine_state(&a) == FLEET_UP);
	must_write(&a, Y, ENTRY);
	copy_make(&y, DY);
	must_write(&a, Y, ENTRY_2);
	must_write(&a, Z, ENTRY);
	copy_make(&z, DZ);
	must_write(&a, Z, GONE);
	loop_idle();
	link_down(a.link);
	copy_put(&y);
	fresh_must_refuse(&b);
	machine_cleanup(&b);
	/* And one whose tombstone was put out of the way. */
	link_up(a.link);
	loop_until(
	    machine_state(&a) == FLEET_UP && stored_find("filling") == NULL);
	link_down(a.link);
	copy_put(&z);
	fresh_must_refuse(&b);
	machine_cleanup(&b);
	/* The place of a tombstone may be empty: it ends by itself. */
	stranger_puts(DZ, NULL, 0);
	machine_init(&b, "fresh", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	assert_string_equal(machine_has(&b, DY).text, ENTRY_2);
	machine_cleanup(&b);
	/* Another text with the same number, of one who has the secret. */
	other = sealed_by(
	    secret_file, view(&a).id, FLEET_DENY, DY, 2, ENTRY, &other_len);
	stranger_puts(DY, other, other_len);
	fresh_must_refuse(&b);
	machine_cleanup(&b);
	machine_cleanup(&a);
	free(other);
	free(y.value);
	free(z.value);
}

/* What was whole once is an older state: min_n's affair, as it was. */
static void
an_old_head_goes_with_its_own_records_only(void **state)
{
	static const struct machine_options least = {.min_n = 3};
	struct machine a, b;
	struct copy head = {.value = NULL}, y = {.value = NULL};

	machine_init(&a, "a", &creator);
	loop_until(machine_state(&a) == FLEET_UP);
	must_write(&a, X, ENTRY);
	must_write(&a, Y, ENTRY);
	copy_make(&head, "head");
	copy_make(&y, DY);
	must_write(&a, Y, ENTRY_2);
	loop_idle();
	link_down(a.link);
	copy_put(&head);
	fresh_must_refuse(&b);
	machine_cleanup(&b);
	copy_put(&y);
	machine_init(&b, "fresh", &least);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_TOO_OLD);
	machine_cleanup(&b);
	machine_init(&b, "fresh", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	assert_int_equal(view(&b).began, 2);
	machine_cleanup(&b);
	/* Records without a head are no fleet. */
	stranger_puts("head", NULL, 0);
	fresh_must_refuse(&b);
	machine_cleanup(&b);
	machine_cleanup(&a);
	free(head.value);
	free(y.value);
}

/* A fleet that comes while one looks is judged as one that was there. */
static void
what_comes_by_the_watch_is_judged_as_well(void **state)
{
	struct machine a, b;
	struct copy fleet = {.value = NULL}, head = {.value = NULL},
		    y = {.value = NULL};

	fleet_init(&a);
	copy_make(&fleet, "fleet");
	copy_make(&head, "head");
	copy_make(&y, DY);
	link_down(a.link);
	while (store.num > 0)
		stored_drop(&store.v[0]);
	machine_init(&b, "fresh", &plain);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_MISSING);
	copy_put(&head);
	copy_put(&fleet);
	copy_put(&y);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_PART);
	must_hold(&b, DY, 0);
	machine_cleanup(&b);
	machine_cleanup(&a);
	free(fleet.value);
	free(head.value);
	free(y.value);
}

/* Also of one that follows: what it is not told it knows to be missing. */
static void
what_is_withheld_from_who_follows_is_missed(void **state)
{
	struct machine a, b;
	struct copy x = {.value = NULL};

	fleet_init(&a);
	machine_init(&b, "b", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	link_down(b.link);
	must_write(&a, X, ENTRY_2);
	must_write(&a, Z, ENTRY);
	copy_make(&x, DX);
	link_down(a.link);
	stranger_puts(DX, NULL, 0);
	link_up(b.link);
	loop_until(machine_state(&b) == FLEET_PART);
	/* What it has stays, what comes is taken, and it is not in step. */
	must_hold(&b, DX, 1);
	must_hold(&b, DZ, 5);
	loop_until(view(&b).refused[FLEET_REFUSED_PART] == 1);
	assert_true(view(&b).lag_ms >= 2000);
	/* What it writes does not make that good. */
	must_write(&b, Y, ENTRY);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_PART);
	copy_put(&x);
	loop_until(machine_state(&b) == FLEET_UP);
	must_hold(&b, DX, 4);
	assert_true(view(&b).lag_ms < 2000);
	machine_cleanup(&a);
	machine_cleanup(&b);
	free(x.value);
}

/* A filling that was cut off shows a part of what was. */
static void
a_part_of_what_is_put_back_is_not_all(void **state)
{
	struct machine a, b;

	fleet_init(&a);
	link_down(a.link);
	while (store.num > 0)
		stored_drop(&store.v[0]);
	store.revision = 0;
	a.link->fault = FAULT_FULL;
	a.link->fault_key = DX;
	link_up(a.link);
	loop_until(stored_find("head") != NULL);
	loop_idle();
	link_down(a.link);
	assert_null(stored_find(DX));
	fresh_must_refuse(&b);
	/* Its start has not made it forget what the head said. */
	stranger_puts("head", NULL, 0);
	stranger_puts("filling", NULL, 0);
	machine_restart(&a, &plain);
	loop_until(machine_state(&a) == FLEET_UP);
	loop_until(machine_state(&b) == FLEET_UP);
	must_hold(&b, DX, 1);
	must_hold(&b, DY, 3);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

/* Who comes back with more than the fleet has adds it to what is counted. */
static void
what_more_is_known_is_counted(void **state)
{
	struct machine a, b, c;
	struct copy all[4] = {{.value = NULL}};
	static const char *const keys[] = {"fleet", "head", DX, DY};

	fleet_init(&a);
	machine_init(&b, "b", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	for (size_t i = 0; i < 4; i++)
		copy_make(&all[i], keys[i]);
	must_write(&a, Z, ENTRY);
	link_down(b.link);
	link_down(a.link);
	/* A backup, in which others go on. */
	while (store.num > 0)
		stored_drop(&store.v[0]);
	for (size_t i = 0; i < 4; i++)
		copy_put(&all[i]);
	machine_init(&c, "c", &plain);
	loop_until(machine_state(&c) == FLEET_UP);
	must_write(&c, X, ENTRY_2);
	must_write(&c, X, ENTRY);
	must_hold(&c, DX, 5);
	link_up(a.link);
	loop_until(machine_state(&a) == FLEET_UP &&
	    machine_state(&c) == FLEET_UP && machine_has(&c, DZ).n == 4 &&
	    machine_has(&a, DX).n == 5);
	machine_cleanup(&b);
	machine_init(&b, "fresh", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	must_hold(&b, DZ, 4);
	must_hold(&b, DX, 5);
	machine_cleanup(&a);
	machine_cleanup(&b);
	machine_cleanup(&c);
	for (size_t i = 0; i < 4; i++)
		free(all[i].value);
}

/* Z, and a head, as a program wrote them that counted nothing. */
static void
put_uncounted(const struct machine *m, int64_t n)
{
	char json[64];
	uint8_t *sealed[2];
	struct fleet_op op[2] = {{.kind = FLEET_OP_PUT, .key = "head"},
	    {.kind = FLEET_OP_PUT, .key = DZ}};

	snprintf(json, sizeof(json), "{\"n\":%lld}", (long long)n);
	op[0].value = sealed[0] = sealed_by(
	    secret_file, view(m).id, FLEET_HEAD, "head", 0, json, &op[0].len);
	op[1].value = sealed[1] = sealed_by(
	    secret_file, view(m).id, FLEET_DENY, DZ, n, ENTRY, &op[1].len);
	assert_int_equal(execute(NULL, 0, op, 2), ENGINE_DONE);
	free(sealed[0]);
	free(sealed[1]);
}

/* As those were: without what a head says of its records. */
static void
forget_tally(struct machine *m)
{
	struct err err;

	assert_int_equal(state_db_begin(m->db, &err), 0);
	assert_int_equal(state_db_end(m->db,
			     state_db_write(m->db, STATE_SQL_FLEET_TALLY_CLEAR,
				 NULL, &err, ""),
			     &err),
	    0);
}

static void
a_fleet_of_before_is_counted_by_its_first_writer(void **state)
{
	struct machine a, b;
	struct copy x = {.value = NULL};

	fleet_init(&a);
	link_down(a.link);
	put_uncounted(&a, 4);
	forget_tally(&a);
	machine_restart(&a, &plain);
	loop_until(machine_state(&a) == FLEET_UP);
	/* Nothing is counted yet: as it was. */
	link_down(a.link);
	copy_make(&x, DX);
	stranger_puts(DX, NULL, 0);
	machine_init(&b, "fresh", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	machine_cleanup(&b);
	copy_put(&x);
	link_up(a.link);
	loop_until(machine_state(&a) == FLEET_UP);
	must_write(&a, Y, ENTRY);
	link_down(a.link);
	stranger_puts(DX, NULL, 0);
	fresh_must_refuse(&b);
	machine_cleanup(&a);
	machine_cleanup(&b);
	free(x.value);
}

static void
who_has_seen_a_count_wants_one(void **state)
{
	struct machine a, b;

	fleet_init(&a);
	machine_init(&b, "b", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	link_down(b.link);
	/* Before the eyes of one who knew it all, it is counted again. */
	put_uncounted(&a, 4);
	loop_until(view(&a).head == 5);
	loop_idle();
	assert_int_equal(machine_state(&a), FLEET_UP);
	link_up(b.link);
	loop_until(machine_state(&b) == FLEET_UP);
	/* Who was away does not know what went with it. */
	link_down(a.link);
	link_down(b.link);
	put_uncounted(&a, 6);
	link_up(b.link);
	loop_until(machine_state(&b) == FLEET_PART);
	machine_restart(&b, &plain);
	loop_until(machine_state(&b) == FLEET_PART);
	must_write(&b, Y, ENTRY);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_PART);
	/* The operator says that this is it. */
	machine_restart(&b, &adopts);
	loop_until(machine_state(&b) == FLEET_UP);
	link_up(a.link);
	loop_until(machine_state(&a) == FLEET_UP);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

/* What was lost for good is so when the operator says it. */
static void
the_operator_may_say_that_it_is_all(void **state)
{
	struct machine a, b;

	fleet_init(&a);
	link_down(a.link);
	stranger_puts(DX, NULL, 0);
	fresh_must_refuse(&b);
	machine_restart(&b, &adopts);
	loop_until(machine_state(&b) == FLEET_UP);
	must_hold(&b, DY, 3);
	machine_cleanup(&b);
	machine_init(&b, "fresh", &plain);
	loop_until(machine_state(&b) == FLEET_UP);
	/* It was lost there alone. */
	link_up(a.link);
	loop_until(machine_has(&b, DX).n == 1);
	loop_until(machine_state(&a) == FLEET_UP);
	loop_until(machine_state(&b) == FLEET_UP);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

/* Writes of many at once, sections with their history, all at one time. */
#define WRITERS 4
static void
on_done(void *arg, const struct fleet_outcome *o)
{
	*(int *)arg += 1;
}

static void
writers_side_by_side_count_the_same(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct machine m[WRITERS], fresh;
	char name[150][32];
	struct fleet_change c[150];
	struct err err;
	int done = 0;

	for (int i = 0; i < 150; i++)
		snprintf(name[i], sizeof(name[i]), "%016x", i);
	for (int k = 0; k < WRITERS; k++) {
		machine_init(&m[k], names[k], k == 0 ? &creator : &plain);
		loop_until(machine_state(&m[k]) == FLEET_UP);
	}
	for (int round = 0; round < 12; round++) {
		for (int k = 0; k < WRITERS; k++) {
			for (int i = 0; i < 150; i++)
				c[i] = (struct fleet_change){.kind = FLEET_DENY,
				    .name = name[i],
				    .json = (i + round + k) % 3 == 0 ? GONE
					: k % 2 == 0                 ? ENTRY
								     : ENTRY_2,
				    .expect = FLEET_ANY};
			assert_int_equal(fleet_write(m[k].fleet, c, 150,
					     on_done, &done, &err),
			    0);
			section_write(&m[k], on_done, &done);
		}
		loop_until(done == 2 * WRITERS * (round + 1));
	}
	loop_idle();
	for (int k = 0; k < WRITERS; k++)
		assert_int_equal(machine_state(&m[k]), FLEET_UP);
	machine_init(&fresh, "fresh", &plain);
	loop_until(machine_state(&fresh) == FLEET_UP);
	machine_cleanup(&fresh);
	for (int k = 0; k < WRITERS; k++)
		machine_cleanup(&m[k]);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, machines_setup, fleet_help_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_record_that_is_left_out_is_missed),
	    TEST(an_older_record_is_found_out),
	    TEST(an_old_head_goes_with_its_own_records_only),
	    TEST(what_comes_by_the_watch_is_judged_as_well),
	    TEST(what_is_withheld_from_who_follows_is_missed),
	    TEST(a_part_of_what_is_put_back_is_not_all),
	    TEST(what_more_is_known_is_counted),
	    TEST(a_fleet_of_before_is_counted_by_its_first_writer),
	    TEST(who_has_seen_a_count_wants_one),
	    TEST(the_operator_may_say_that_it_is_all),
	    TEST(writers_side_by_side_count_the_same),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
