/*
 * Random histories of a whole fleet: three machines write, remove, lose their
 * engine or its answers, stop and start, have something in their outbox, while
 * the engine is wiped, set back, and written to by a stranger. Whatever
 * happens, on no machine does a denial go that nobody has removed, and nothing
 * that is held goes back; in the end all hold the same, every change that a
 * writer was told is written, and the engine has all that its head says, or
 * does once the operator has said so.
 *
 * FLEET_ROUNDS and FLEET_SEED in the environment: how many, and the first.
 */
#include <ctype.h>

#include "tests/unit/fleet_help.h"

#define MACHINES 3
#define NAMES    4
#define STEPS    120
#define ROUNDS   12

static const struct machine_options plain = {.create = false};
static const struct machine_options creator = {.create = true};

static uint64_t chance;

static uint32_t
draw(uint32_t below)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(chance >> 33) % below;
}

struct pending_write {
	bool busy;
	int name;
	bool removes;
};

static struct machine m[MACHINES];
static struct pending_write writes[MACHINES];
/* Of each name the newest change that a writer was told is written. */
static int64_t acknowledged[NAMES];
/* What each machine had before. */
static struct found before[MACHINES][NAMES];
/* Of each text that was ever made, by its number. */
#define TEXTS (STEPS + 1)
static struct {
	int name;
	bool removes;
} made[TEXTS];
static unsigned serial;

/* Texts that differ, so that no two changes say the same. */
static void
text_of(char out[128], int name, bool removes)
{
	assert_true(++serial < TEXTS);
	made[serial].name = name;
	made[serial].removes = removes;
	if (removes)
		snprintf(out, 128,
		    "{\"removed\":true,\"at\":4000000000,\"who\":\"%u\"}",
		    serial);
	else
		snprintf(out, 128, "{\"reason\":\"%u\"}", serial);
}

static void
key_of(char key[64], char name[32], int i)
{
	snprintf(name, 32, "%016x", i);
	snprintf(key, 64, "deny/%s", name);
}

/* Somebody here has made it, under this name. */
static void
must_be_ours(const char *text, int name, bool removes)
{
	const char *digits = text + strlen(text);
	unsigned long which;

	while (digits > text && !isdigit((unsigned char)*digits))
		digits--;
	while (digits > text && isdigit((unsigned char)digits[-1]))
		digits--;
	which = strtoul(digits, NULL, 10);
	if (which < 1 || which > serial || made[which].name != name ||
	    made[which].removes != removes)
		fail_msg("nobody has written '%s' as %d", text, name);
}

/* The sentence: nobody is let in who was refused before. */
static void
must_not_have_loosened(void)
{
	char key[64], name[32];

	for (int k = 0; k < MACHINES; k++) {
		for (int i = 0; i < NAMES; i++) {
			struct found was = before[k][i], is;
			bool removes;

			key_of(key, name, i);
			is = machine_has(&m[k], key);
			removes = strstr(is.text, "removed") != NULL;
			if (is.n > 0)
				must_be_ours(is.text, i, removes);
			if (is.n < was.n)
				fail_msg("%s went back with '%s': %lld, %lld",
				    m[k].name, key, (long long)was.n,
				    (long long)is.n);
			/* What replaces a denial is a later removal. */
			if (removes && is.pending[0] == '\0' &&
			    (was.pending[0] != '\0' ||
				strstr(was.text, "reason") != NULL) &&
			    is.n <= was.n)
				fail_msg(
				    "%s lets '%s' in, unasked", m[k].name, key);
			before[k][i] = is;
		}
	}
}

static void
on_write(void *arg, const struct fleet_outcome *o)
{
	struct pending_write *w = arg;

	w->busy = false;
	if (o->result == FLEET_WRITTEN && o->n > acknowledged[w->name])
		acknowledged[w->name] = o->n;
}

static void
step_write(int k)
{
	struct pending_write *w = &writes[k];
	char key[64], name[32], text[128];
	struct fleet_change c = {.kind = FLEET_DENY,
	    .name = name,
	    .json = text,
	    .expect = draw(2) == 0 ? FLEET_ANY : FLEET_HELD};
	struct err err;

	if (w->busy)
		return;
	*w = (struct pending_write){
	    .name = (int)draw(NAMES), .removes = draw(3) == 0};
	key_of(key, name, w->name);
	text_of(text, w->name, w->removes);
	w->busy = fleet_write(m[k].fleet, &c, 1, on_write, w, &err) == 0;
}

static void
step_pend(int k)
{
	char key[64], name[32], text[128];
	const struct fleet_change c = {
	    .kind = FLEET_DENY, .name = name, .json = text};
	const struct fleet_row row = {.key = key, .pending = text};
	struct err err;

	int i = (int)draw(NAMES);

	key_of(key, name, i);
	text_of(text, i, false);
	assert_int_equal(state_db_begin(m[k].db, &err), 0);
	assert_int_equal(state_db_end(m[k].db,
			     fleet_state_pend(m[k].state, &row, &err), &err),
	    0);
	assert_int_equal(fleet_pending(m[k].fleet, &c, false, &err), 0);
}

/* Old values, as a stranger has copied them. */
#define OLD 32
static struct {
	char key[64];
	uint8_t *value;
	size_t len;
} old[OLD];

static void
step_copy(void)
{
	const struct stored *s;
	size_t at = draw(OLD);

	if (store.num == 0)
		return;
	s = &store.v[draw((uint32_t)store.num)];
	free(old[at].value);
	snprintf(old[at].key, sizeof(old[at].key), "%s", s->key);
	old[at].value = malloc(s->len + 1);
	assert_non_null(old[at].value);
	memcpy(old[at].value, s->value, s->len);
	old[at].len = s->len;
}

static void
step_stranger(void)
{
	size_t at = draw(OLD), to = draw(OLD);

	if (old[at].value == NULL || old[to].value == NULL)
		return;
	/* In its place, in another's, garbled, or nothing at all. */
	switch (draw(4)) {
	case 0:
		stranger_puts(old[at].key, old[at].value, old[at].len);
		break;
	case 1:
		stranger_puts(old[to].key, old[at].value, old[at].len);
		break;
	case 2:
		stranger_puts(old[at].key, "garbage", 7);
		break;
	default:
		stranger_puts(old[at].key, NULL, 0);
	}
}

static void
all_down(bool down)
{
	for (int k = 0; k < MACHINES; k++) {
		if (down)
			link_down(m[k].link);
		else
			link_up(m[k].link);
	}
}

static void
step_wipe(void)
{
	all_down(true);
	while (store.num > 0)
		stored_drop(&store.v[0]);
	store.revision = 0;
	all_down(false);
}

static void
step(void)
{
	static const enum fault faults[] = {FAULT_ANSWER_LOST, FAULT_LOST,
	    FAULT_KEPT_BACK, FAULT_FULL, FAULT_LOSES};
	int k = (int)draw(MACHINES);

	switch (draw(24)) {
	case 0:
		step_pend(k);
		break;
	case 1:
		link_down(m[k].link);
		break;
	case 2:
		/* Stops in the middle of whatever it does. */
		machine_restart(&m[k], &plain);
		writes[k].busy = false;
		break;
	case 3:
		m[k].link->fault = faults[draw(5)];
		m[k].link->fault_key = "head";
		break;
	case 4:
		if (store.kept != NULL)
			(void)!let_go();
		break;
	case 5:
		if (draw(4) == 0)
			step_wipe();
		break;
	case 6:
		step_stranger();
		break;
	case 7:
	case 8:
		step_copy();
		break;
	case 9:
		m[k].disk_full = draw(2) == 0;
		break;
	case 10:
	case 11:
		if (m[k].link->state == FLEET_LINK_DOWN)
			link_up(m[k].link);
		break;
	default:
		step_write(k);
	}
	for (unsigned i = draw(4); i > 0; i--)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool
all_the_same(void)
{
	char key[64], name[32];

	for (int i = 0; i < NAMES; i++) {
		struct found f;

		key_of(key, name, i);
		f = machine_has(&m[0], key);
		for (int k = 0; k < MACHINES; k++) {
			struct found g = machine_has(&m[k], key);

			if (g.n != f.n || strcmp(g.text, f.text) != 0 ||
			    g.pending[0] != '\0')
				return false;
		}
		if (f.n < acknowledged[i])
			return false;
	}
	return true;
}

static bool
all_are(enum fleet_state_now this, enum fleet_state_now or_this)
{
	for (int k = 0; k < MACHINES; k++) {
		enum fleet_state_now is = machine_state(&m[k]);

		if ((is != this && is != or_this) || writes[k].busy)
			return false;
	}
	return true;
}

/*
 * What was lost for good, and two lines of changes with the same numbers, are
 * not what the head says, until the operator says that they are.
 */
static void
all_come_up(void)
{
	static const struct machine_options adopts = {.adopt = true};

	loop_until(all_are(FLEET_UP, FLEET_PART) && all_the_same());
	if (!all_are(FLEET_UP, FLEET_UP))
		machine_restart(&m[0], &adopts);
	loop_until(all_are(FLEET_UP, FLEET_UP) && all_the_same());
}

static void
one_round(uint64_t seed)
{
	static const char *const names[] = {"a", "b", "c"};

	chance = seed;
	memset(writes, 0, sizeof(writes));
	memset(acknowledged, 0, sizeof(acknowledged));
	memset(before, 0, sizeof(before));
	serial = 0;
	for (int k = 0; k < MACHINES; k++) {
		machine_init(&m[k], names[k], k == 0 ? &creator : &plain);
		loop_until(machine_state(&m[k]) == FLEET_UP);
	}
	for (int i = 0; i < STEPS; i++) {
		looping = true;
		step();
		looping = false;
		must_not_have_loosened();
	}
	/* All is well again. */
	for (int k = 0; k < MACHINES; k++) {
		m[k].disk_full = false;
		m[k].link->fault = FAULT_NONE;
	}
	while (store.kept != NULL)
		(void)!let_go();
	/* The lease of who has died while it filled. */
	if (stored_find("filling") != NULL)
		stored_drop(stored_find("filling"));
	all_down(true);
	all_down(false);
	all_come_up();
	must_not_have_loosened();
	for (int k = 0; k < MACHINES; k++)
		machine_cleanup(&m[k]);
	for (size_t i = 0; i < OLD; i++) {
		free(old[i].value);
		old[i].value = NULL;
	}
	while (store.num > 0)
		stored_drop(&store.v[0]);
	loop_idle();
	for (size_t i = 0; i < store.num_links; i++)
		free(store.links[i]);
	memset(&store, 0, sizeof(store));
}

static void
whatever_happens_nothing_is_loosened(void **state)
{
	const char *rounds = getenv("FLEET_ROUNDS"), *s = getenv("FLEET_SEED");
	uint64_t first = s != NULL ? strtoull(s, NULL, 10) : 1;
	uint64_t num = rounds != NULL ? strtoull(rounds, NULL, 10) : ROUNDS;

	for (uint64_t i = 0; i < num; i++) {
		print_message("# seed %lu\n", (unsigned long)(first + i));
		one_round(first + i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		whatever_happens_nothing_is_loosened, machines_setup,
		fleet_help_teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
