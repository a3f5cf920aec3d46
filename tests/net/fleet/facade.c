/*
 * Machines of a fleet over the real engine: many writers, an engine that is
 * killed while they write, wiped, set back to an old copy, filled up, or
 * somebody else's. FLEET_WINS in the environment: writes of each of the eight
 * writers (100).
 */
#include "tests/lib/etcd.h"
#include "tests/unit/fleet_machine.h"

#define X  "0123456789abcdef"
#define Y  "fedcba9876543210"
#define DX "deny/" X
#define DY "deny/" Y

#define ENTRY   "{\"reason\":\"lost\"}"
#define ENTRY_2 "{\"reason\":\"stolen\"}"
#define GONE    "{\"removed\":true,\"at\":4000000000,\"who\":\"a\"}"

#define PREFIX "/p2p-gateway/eu/"

static const struct machine_options plain = {.create = false};
static const struct machine_options creator = {.create = true};
static struct etcd etcd;

static void
machine_began(struct machine *m)
{
	(void)m;
}

static void
machines_init(struct machine *m, size_t num, const struct etcd_options *o)
{
	static const char *const names[] = {
	    "a", "b", "c", "d", "e", "f", "g", "h"};
	static int started;
	char dir[32];

	snprintf(dir, sizeof(dir), "etcd-%d", ++started);
	etcd_start(&etcd, dir, o);
	machine_endpoints = etcd.urls;
	for (size_t i = 0; i < num; i++) {
		machine_init(&m[i], names[i], i == 0 ? &creator : &plain);
		loop_until(machine_state(&m[i]) == FLEET_UP);
	}
}

static void
machines_cleanup(struct machine *m, size_t num)
{
	for (size_t i = 0; i < num; i++)
		machine_cleanup(&m[i]);
	etcd_stop(&etcd);
}

static void
must_have(const struct machine *m, const char *key, int64_t n, const char *text)
{
	struct found f = machine_has(m, key);

	if (f.n != n || strcmp(f.text, text) != 0)
		fail_msg("%s has '%s' as change %lld: %s", m->name, key,
		    (long long)f.n, f.text);
}

/* After the engine was killed: each has connected once more than before. */
static void
must_follow_again(struct machine *m, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		loop_until(view(&m[i]).reconnects > m[i].reconnects &&
		    machine_state(&m[i]) == FLEET_UP);
		m[i].reconnects = view(&m[i]).reconnects;
	}
}

/* Whether the engine has a key now. */
static bool
engine_has(const char *key)
{
	char *path = xasprintf(PREFIX "%s", key);
	char *text = etcd_ctl(&etcd, "get", "--keys-only", path, NULL);
	bool has = strstr(text, path) != NULL;

	free(path);
	free(text);
	return has;
}

/* Writers of one section. */

#define WRITERS 8

struct writer {
	struct machine *m;
	size_t wins, conflicts, away, max;
	int *owners; /* of each version: how many were told that it is theirs */
	int64_t tried;
	bool over;
};

static void write_next(struct writer *w);

static void
on_section(void *arg, const struct fleet_outcome *o)
{
	struct writer *w = arg;

	switch (o->result) {
	case FLEET_WRITTEN:
		w->owners[w->tried]++;
		w->wins++;
		break;
	case FLEET_CONFLICT:
		w->conflicts++;
		break;
	case FLEET_AWAY:
		w->away++;
		break;
	default:
		fail_msg("%s: %d: %s", w->m->name, o->result, o->why);
	}
	w->over = w->wins >= w->max;
	if (!w->over)
		write_next(w);
}

static void
write_next(struct writer *w)
{
	w->tried = section_write(w->m, on_section, w);
}

static bool
all_over(const struct writer *w, size_t num)
{
	for (size_t i = 0; i < num; i++)
		if (!w[i].over)
			return false;
	return true;
}

static void
eight_writers(void **state)
{
	const char *wins = getenv("FLEET_WINS");
	size_t max = wins != NULL ? strtoul(wins, NULL, 10) : 100;
	int *owners = calloc(WRITERS * max + 2, sizeof(*owners));
	size_t conflicts = 0, away = 0;
	struct machine m[WRITERS];
	struct writer w[WRITERS];
	uint64_t began;

	assert_non_null(owners);
	machines_init(m, WRITERS, &(struct etcd_options){.nodes = 1});
	began = clock_mono_ms();
	for (int i = 0; i < WRITERS; i++) {
		w[i] =
		    (struct writer){.m = &m[i], .max = max, .owners = owners};
		write_next(&w[i]);
	}
	while (!all_over(w, WRITERS))
		loop_once();
	for (int i = 0; i < WRITERS; i++) {
		conflicts += w[i].conflicts;
		away += w[i].away;
		loop_until(section_version(&m[i]) == (int64_t)(WRITERS * max));
	}
	for (size_t v = 1; v <= WRITERS * max; v++)
		if (owners[v] != 1)
			fail_msg("version %zu has %d owners", v, owners[v]);
	print_message("# %zu versions by %d writers in %llu ms, %zu conflicts, "
		      "%zu not in time\n",
	    WRITERS * max, WRITERS,
	    (unsigned long long)(clock_mono_ms() - began), conflicts, away);
	machines_cleanup(m, WRITERS);
	free(owners);
}

/* Versions that are there are those that somebody was told of, at least. */
static void
killed_while_they_write(void **state)
{
	enum {
		MAX = 20000
	};
	int *owners = calloc(MAX, sizeof(*owners));
	struct machine m[3];
	struct writer w[3];
	int64_t newest;

	assert_non_null(owners);
	machines_init(m, 3, &(struct etcd_options){.nodes = 1});
	for (int i = 0; i < 3; i++) {
		w[i] =
		    (struct writer){.m = &m[i], .max = MAX, .owners = owners};
		write_next(&w[i]);
	}
	for (int round = 0; round < 3; round++) {
		size_t wins = w[0].wins + w[1].wins + w[2].wins;

		loop_until(w[0].wins + w[1].wins + w[2].wins > wins + 10);
		etcd_kill(&etcd, 0);
		etcd_launch(&etcd, 0);
		must_follow_again(m, 3);
	}
	for (int i = 0; i < 3; i++)
		w[i].max = 0;
	loop_until(all_over(w, 3));
	newest = section_version(&m[0]);
	for (int i = 1; i < 3; i++)
		if (section_version(&m[i]) > newest)
			newest = section_version(&m[i]);
	for (int i = 0; i < 3; i++)
		loop_until(section_version(&m[i]) == newest);
	/* One may have got through whose writer could not be told. */
	for (int64_t v = 1; v <= newest; v++)
		assert_true(owners[v] <= 1);
	for (int64_t v = newest + 1; v < MAX; v++)
		assert_int_equal(owners[v], 0);
	machines_cleanup(m, 3);
	free(owners);
}

/* The engine forgets. */

static void
wiped(void **state)
{
	struct machine m[3];
	char name[32], key[64];
	size_t records;

	machines_init(m, 3, &(struct etcd_options){.nodes = 1});
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "%016x", i);
		must_write(&m[i % 3], name, i % 40 == 0 ? GONE : ENTRY);
	}
	for (int i = 0; i < 3; i++)
		loop_until(machine_has(&m[i], "deny/0000000000000077").n > 0);
	records = m[1].records;
	etcd_kill(&etcd, 0);
	etcd_wipe(&etcd, 0);
	etcd_launch(&etcd, 0);
	for (int i = 0; i < 3; i++)
		loop_until(view(&m[i]).filled == 1 &&
		    machine_state(&m[i]) == FLEET_UP);
	loop_until(
	    engine_has("deny/0000000000000077") && !engine_has("filling"));
	assert_int_equal(m[1].records, records);
	for (int i = 0; i < 120; i++) {
		snprintf(key, sizeof(key), "deny/%016x", i);
		must_have(&m[i % 3], key, i + 1, i % 40 == 0 ? GONE : ENTRY);
		assert_true(engine_has(key));
	}
	must_write(&m[1], X, ENTRY);
	must_have(&m[1], DX, 121, ENTRY);
	machine_cleanup(&m[0]);
	machine_init(&m[0], "fresh", &plain);
	loop_until(machine_state(&m[0]) == FLEET_UP);
	must_have(&m[0], DX, 121, ENTRY);
	machines_cleanup(m, 3);
}

static void
sh(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void
old_backup(void **state)
{
	struct machine m[2];
	char *keep, *back;

	machines_init(m, 2, &(struct etcd_options){.nodes = 1});
	must_write(&m[0], X, GONE);
	etcd_kill(&etcd, 0);
	keep = xasprintf(
	    "cp -r '%s' '%s.kept'", etcd.node[0].data, etcd.node[0].data);
	back = xasprintf(
	    "cp -r '%s.kept' '%s'", etcd.node[0].data, etcd.node[0].data);
	sh(keep);
	etcd_launch(&etcd, 0);
	must_follow_again(m, 2);
	must_write(&m[0], X, ENTRY);
	must_write(&m[1], Y, ENTRY);
	loop_until(machine_has(&m[1], DX).n == 2);
	loop_until(machine_has(&m[0], DY).n == 3);
	etcd_kill(&etcd, 0);
	etcd_wipe(&etcd, 0);
	sh(back);
	etcd_launch(&etcd, 0);
	loop_until(view(&m[0]).refused[FLEET_REFUSED_OLDER] > 0 &&
	    view(&m[1]).refused[FLEET_REFUSED_OLDER] > 0);
	must_have(&m[0], DX, 2, ENTRY);
	must_have(&m[1], DX, 2, ENTRY);
	loop_until(engine_has(DY) && !engine_has("filling"));
	must_write(&m[1], Y, ENTRY_2);
	must_have(&m[1], DY, 4, ENTRY_2);
	machine_cleanup(&m[0]);
	machine_init(&m[0], "fresh", &plain);
	loop_until(machine_state(&m[0]) == FLEET_UP);
	must_have(&m[0], DX, 2, ENTRY);
	must_have(&m[0], DY, 4, ENTRY_2);
	machines_cleanup(m, 2);
	free(keep);
	free(back);
}

static void
another_fleet(void **state)
{
	struct machine a, b;
	char id[40];

	machines_init(&a, 1, &(struct etcd_options){.nodes = 1});
	must_write(&a, X, ENTRY);
	snprintf(id, sizeof(id), "%s", view(&a).id);
	/* Stops, and while it is away somebody makes another one there. */
	fleet_free(a.fleet);
	etcd_kill(&etcd, 0);
	etcd_wipe(&etcd, 0);
	etcd_launch(&etcd, 0);
	machine_init(&b, "b", &creator);
	loop_until(machine_state(&b) == FLEET_UP);
	must_write(&b, X, GONE);
	machine_begin(&a, &plain);
	loop_until(machine_state(&a) == FLEET_OTHER);
	assert_string_equal(view(&a).id, id);
	assert_string_equal(view(&a).other_id, view(&b).id);
	must_have(&a, DX, 1, ENTRY);
	must_write(&b, Y, ENTRY);
	loop_idle();
	must_have(&a, DY, 0, "");
	machine_cleanup(&a);
	machines_cleanup(&b, 1);
}

static void
a_stranger_writes(void **state)
{
	struct machine m[2];

	machines_init(m, 2, &(struct etcd_options){.nodes = 1});
	must_write(&m[0], X, ENTRY);
	must_write(&m[0], Y, ENTRY);
	loop_until(machine_has(&m[1], DY).n == 2);
	etcd_do(&etcd, "put", PREFIX DX, "{\"removed\":true}", NULL);
	loop_until(view(&m[0]).refused[FLEET_REFUSED_SEAL] > 0 &&
	    view(&m[1]).refused[FLEET_REFUSED_SEAL] > 0);
	must_have(&m[1], DX, 1, ENTRY);
	etcd_do(&etcd, "del", PREFIX DY, NULL);
	/* What is gone is no removal, and is put back. */
	loop_until(engine_has(DY) && !engine_has("filling"));
	must_have(&m[0], DY, 2, ENTRY);
	must_have(&m[1], DY, 2, ENTRY);
	etcd_do(&etcd, "del", PREFIX "head", NULL);
	must_write(&m[1], X, ENTRY_2);
	must_have(&m[1], DX, 3, ENTRY_2);
	loop_until(machine_has(&m[0], DX).n == 3);
	machines_cleanup(m, 2);
}

/* The outbox, and an engine that takes nothing more. */

static void
emergency(void **state)
{
	const struct fleet_change c = {
	    .kind = FLEET_DENY, .name = X, .json = ENTRY};
	const struct fleet_row row = {.key = DX, .pending = ENTRY};
	struct machine m[2];
	struct fleet_outcome o;
	struct err err;

	machines_init(m, 2, &(struct etcd_options){.nodes = 1});
	etcd_kill(&etcd, 0);
	loop_until(machine_state(&m[0]) == FLEET_LOST);
	o = machine_write(&m[0], FLEET_DENY, X, ENTRY, FLEET_ANY);
	assert_int_equal(o.result, FLEET_AWAY);
	assert_int_equal(state_db_begin(m[0].db, &err), 0);
	assert_int_equal(state_db_end(m[0].db,
			     fleet_state_pend(m[0].state, &row, &err), &err),
	    0);
	assert_int_equal(fleet_pending(m[0].fleet, &c, false, &err), 0);
	fleet_free(m[0].fleet);
	machine_begin(&m[0], &plain);
	etcd_launch(&etcd, 0);
	loop_until(machine_has(&m[1], DX).n == 1);
	loop_until(view(&m[0]).outbox == 0);
	must_have(&m[0], DX, 1, ENTRY);
	machines_cleanup(m, 2);
}

static void
full(void **state)
{
	static const char *const quota[] = {
	    "--quota-backend-bytes", "16777216", NULL};
	struct machine m[2];
	struct fleet_outcome o;
	char name[32], *much;

	machines_init(m, 2, &(struct etcd_options){.nodes = 1, .extra = quota});
	must_write(&m[0], X, ENTRY);
	much = malloc(15001);
	assert_non_null(much);
	memset(much, 'x', 15000);
	memcpy(much, "{\"reason\":\"", 11);
	memcpy(much + 14998, "\"}", 3);
	o.result = FLEET_WRITTEN;
	for (int i = 0; i < 5000 && o.result == FLEET_WRITTEN; i++) {
		snprintf(name, sizeof(name), "%016x", i);
		o = machine_write(&m[0], FLEET_DENY, name, much, FLEET_ANY);
	}
	assert_int_equal(o.result, FLEET_FULL);
	assert_non_null(strstr(o.why, "space"));
	o = machine_write(&m[1], FLEET_DENY, X, GONE, FLEET_HELD);
	assert_int_equal(o.result, FLEET_FULL);
	must_have(&m[0], DX, 1, ENTRY);
	must_have(&m[1], DX, 1, ENTRY);
	free(much);
	machines_cleanup(m, 2);
}

static void
members(void **state)
{
	struct machine m[2];
	struct err err;

	machines_init(m, 2, &(struct etcd_options){.nodes = 1});
	assert_int_equal(
	    fleet_set_member(m[0].fleet, "{\"version\":\"1\"}", &err), 0);
	loop_until(view(&m[1]).num[FLEET_MEMBER] == 1);
	machines_cleanup(m, 2);
}

int
main(void)
{
#define T(t) \
	cmocka_unit_test_setup_teardown(t, machines_setup, machines_teardown)
	const struct CMUnitTest tests[] = {
	    T(eight_writers),
	    T(killed_while_they_write),
	    T(wiped),
	    T(old_backup),
	    T(another_fleet),
	    T(a_stranger_writes),
	    T(emergency),
	    T(full),
	    T(members),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
