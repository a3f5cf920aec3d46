/*
 * The facade: machines that share records over an engine which loses answers,
 * forgets, goes back, or belongs to somebody else. With any of these, what is
 * in force on a machine is not loosened.
 */
#include "tests/unit/fleet_help.h"

#define X  "0123456789abcdef"
#define Y  "fedcba9876543210"
#define DX "deny/" X
#define DY "deny/" Y
#define S  X X X X

#define ENTRY   "{\"reason\":\"lost\"}"
#define ENTRY_2 "{\"reason\":\"stolen\"}"
#define GONE    "{\"removed\":true,\"at\":4000000000,\"who\":\"a\"}"

#define POINTER(number, this)                                            \
	"{\"number\":\"" #number "\",\"this\":" #this ",\"sha256\":\"" S \
						      "\",\"len\":5}"

static const struct machine_options plain = {.create = false};
static const struct machine_options creator = {.create = true};

/* As many machines of one fleet; the first has made it. */
static void
machines_init(struct machine *m, size_t num)
{
	static const char *const names[] = {
	    "a", "b", "c", "d", "e", "f", "g", "h"};

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
}

static void
must_have(const struct machine *m, const char *key, int64_t n, const char *text)
{
	struct found f = machine_has(m, key);

	if (f.n != n || strcmp(f.text, text) != 0)
		fail_msg("%s has '%s' as change %lld: %s", m->name, key,
		    (long long)f.n, f.text);
}

static void
what_one_writes_is_in_force_on_all(void **state)
{
	struct machine m[3];
	struct fleet_outcome o;

	machines_init(m, 3);
	o = machine_write(&m[0], FLEET_DENY, X, ENTRY, FLEET_ANY);
	assert_int_equal(o.result, FLEET_WRITTEN);
	assert_int_equal(o.n, 1);
	/* With itself it was in force before it was told so. */
	must_have(&m[0], DX, 1, ENTRY);
	loop_idle();
	must_have(&m[1], DX, 1, ENTRY);
	must_have(&m[2], DX, 1, ENTRY);
	o = machine_write(&m[1], FLEET_DENY, X, GONE, FLEET_HELD);
	assert_int_equal(o.result, FLEET_WRITTEN);
	loop_idle();
	must_have(&m[0], DX, 2, GONE);
	must_have(&m[2], DX, 2, GONE);
	assert_int_equal(view(&m[2]).head, 2);
	/* A tombstone ends by itself; what the engine keeps is sealed. */
	assert_true(stored_find(DX)->lease != 0);
	assert_null(
	    memmem(stored_find(DX)->value, stored_find(DX)->len, "removed", 7));
	machines_cleanup(m, 3);
}

static void
of_two_who_change_one_thing_one_wins(void **state)
{
	struct machine m[2];
	struct written w[2];
	int won, lost;

	machines_init(m, 2);
	must_write(&m[0], X, ENTRY);
	loop_idle();
	write_begin(&m[0], &w[0], FLEET_DENY, X, GONE, FLEET_HELD);
	write_begin(&m[1], &w[1], FLEET_DENY, X, ENTRY_2, FLEET_HELD);
	loop_until(w[0].over && w[1].over);
	won = w[0].o.result == FLEET_WRITTEN ? 0 : 1;
	lost = 1 - won;
	assert_int_equal(w[won].o.result, FLEET_WRITTEN);
	assert_int_equal(w[lost].o.result, FLEET_CONFLICT);
	assert_string_equal(w[lost].o.key, DX);
	assert_int_equal(w[lost].o.n, 2);
	loop_idle();
	must_have(&m[0], DX, 2, won == 0 ? GONE : ENTRY_2);
	must_have(&m[1], DX, 2, won == 0 ? GONE : ENTRY_2);
	machines_cleanup(m, 2);
}

static void
what_is_expected_is_compared(void **state)
{
	struct machine m;
	struct fleet_outcome o;

	machines_init(&m, 1);
	o = machine_write(&m, FLEET_DENY, X, ENTRY, FLEET_ABSENT);
	assert_int_equal(o.result, FLEET_WRITTEN);
	o = machine_write(&m, FLEET_DENY, X, ENTRY_2, FLEET_ABSENT);
	assert_int_equal(o.result, FLEET_CONFLICT);
	o = machine_write(&m, FLEET_DENY, X, ENTRY_2, 7);
	assert_int_equal(o.result, FLEET_CONFLICT);
	o = machine_write(&m, FLEET_DENY, X, GONE, 1);
	assert_int_equal(o.result, FLEET_WRITTEN);
	/* A tombstone is as good as nothing. */
	o = machine_write(&m, FLEET_DENY, X, ENTRY, FLEET_ABSENT);
	assert_int_equal(o.result, FLEET_WRITTEN);
	assert_int_equal(o.n, 3);
	assert_int_equal(fleet_n(m.fleet, FLEET_DENY, X), 3);
	machines_cleanup(&m, 1);
}

/* Writers of one section. */

struct writer {
	struct machine *m;
	size_t wins, conflicts, max;
	int64_t *owner; /* of each version: who wrote it, + 1 */
	int64_t tried, self;
	bool over;
};

static void write_next(struct writer *w);

static void
on_section(void *arg, const struct fleet_outcome *o)
{
	struct writer *w = arg;

	if (o->result == FLEET_WRITTEN) {
		assert_int_equal(w->owner[w->tried], 0);
		w->owner[w->tried] = w->self;
		w->wins++;
	} else if (o->result == FLEET_CONFLICT) {
		w->conflicts++;
	} else {
		fail_msg("%d: %s", o->result, o->why);
	}
	w->over = w->wins == w->max;
	if (!w->over)
		write_next(w);
}

static void
write_next(struct writer *w)
{
	w->tried = section_write(w->m, on_section, w);
}

#define WRITERS 8
#define WINS    50

static void
eight_writers_leave_no_gap_and_no_version_twice(void **state)
{
	struct machine m[WRITERS];
	struct writer w[WRITERS];
	int64_t owner[WRITERS * WINS + 1] = {0};
	bool over = false;

	machines_init(m, WRITERS);
	for (int i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){
		    .m = &m[i], .max = WINS, .owner = owner, .self = i + 1};
		write_next(&w[i]);
	}
	while (!over) {
		loop_once();
		over = true;
		for (int i = 0; i < WRITERS; i++)
			over = over && w[i].over;
	}
	loop_idle();
	for (int64_t v = 1; v <= WRITERS * WINS; v++)
		assert_true(owner[v] > 0);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(section_version(&m[i]), WRITERS * WINS);
		assert_int_equal(view(&m[i]).head, WRITERS * WINS);
	}
	/* The history is as long as it may be. */
	assert_null(stored_find("config-history/revcheck/0000000200"));
	assert_non_null(stored_find("config-history/revcheck/0000000201"));
	assert_int_equal(
	    machine_has(&m[0], "config-history/revcheck/0000000200").n, 0);
	assert_true(
	    machine_has(&m[3], "config-history/revcheck/0000000201").n > 0);
	machines_cleanup(m, WRITERS);
}

static void
a_lost_answer_is_settled(void **state)
{
	static const struct {
		enum fault fault;
		int64_t n; /* of what is written in the end */
	} rows[] = {{FAULT_ANSWER_LOST, 2}, {FAULT_LOST, 2},
	    {FAULT_KEPT_BACK, 2}, {FAULT_LOSES, 2}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct machine m[2];
		struct fleet_outcome o;

		machines_init(m, 2);
		must_write(&m[0], Y, ENTRY);
		m[0].link->fault = rows[i].fault;
		m[0].link->fault_key = DX;
		o = machine_write(&m[0], FLEET_DENY, X, ENTRY, FLEET_HELD);
		if (rows[i].fault == FAULT_LOSES) {
			/* Nothing has moved: it is not tried for ever. */
			assert_int_equal(o.result, FLEET_AWAY);
			assert_false(o.unsure);
		} else {
			assert_int_equal(o.result, FLEET_WRITTEN);
			assert_int_equal(o.n, rows[i].n);
			/* What comes late finds another head. */
			if (rows[i].fault == FAULT_KEPT_BACK)
				assert_int_equal(let_go(), ENGINE_LOST);
			loop_idle();
			must_have(&m[0], DX, rows[i].n, ENTRY);
			must_have(&m[1], DX, rows[i].n, ENTRY);
		}
		machines_cleanup(m, 2);
		while (store.num > 0)
			stored_drop(&store.v[0]);
	}
}

static void
without_the_engine_nothing_is_written(void **state)
{
	struct machine m;
	struct fleet_outcome o;

	machines_init(&m, 1);
	must_write(&m, X, ENTRY);
	link_down(m.link);
	o = machine_write(&m, FLEET_DENY, X, GONE, FLEET_HELD);
	assert_int_equal(o.result, FLEET_AWAY);
	assert_false(o.unsure);
	must_have(&m, DX, 1, ENTRY);
	assert_int_equal(machine_state(&m), FLEET_LOST);
	/* Known to be away: not waited for. */
	o = machine_write(&m, FLEET_DENY, X, GONE, FLEET_HELD);
	assert_int_equal(o.result, FLEET_AWAY);
	link_up(m.link);
	loop_idle();
	must_have(&m, DX, 1, ENTRY);
	machines_cleanup(&m, 1);
}

static void
a_full_engine_says_so(void **state)
{
	struct machine m;
	struct fleet_outcome o;

	machines_init(&m, 1);
	m.link->fault = FAULT_FULL;
	m.link->fault_key = DX;
	o = machine_write(&m, FLEET_DENY, X, ENTRY, FLEET_HELD);
	assert_int_equal(o.result, FLEET_FULL);
	assert_non_null(strstr(o.why, "space"));
	must_have(&m, DX, 0, "");
	machines_cleanup(&m, 1);
}

static void
what_cannot_act_here_leaves_what_is_in_force(void **state)
{
	struct machine m[2];
	struct fleet_outcome o;

	machines_init(m, 2);
	must_write(&m[0], X, ENTRY);
	loop_idle();
	m[1].refuses = DX;
	must_write(&m[0], X, ENTRY_2);
	loop_idle();
	must_have(&m[0], DX, 2, ENTRY_2);
	must_have(&m[1], DX, 1, ENTRY);
	/* It does not know what it would change. */
	o = machine_write(&m[1], FLEET_DENY, X, GONE, FLEET_HELD);
	assert_int_equal(o.result, FLEET_CONFLICT);
	assert_int_equal(o.n, 2);
	/* Its own: told so, to be taken back. */
	o = machine_write(&m[1], FLEET_DENY, X, GONE, 2);
	assert_int_equal(o.result, FLEET_NOT_APPLIED);
	assert_string_equal(o.why, "address in use");
	assert_int_equal(o.n, 3);
	m[1].refuses = NULL;
	o = machine_write(&m[1], FLEET_DENY, X, ENTRY_2, o.n);
	assert_int_equal(o.result, FLEET_WRITTEN);
	loop_idle();
	must_have(&m[0], DX, 4, ENTRY_2);
	must_have(&m[1], DX, 4, ENTRY_2);
	machines_cleanup(m, 2);
}

/* Nobody but who knows what was lacking can say when to try again. */
static void
what_could_not_act_is_tried_again(void **state)
{
	struct machine m[2];

	machines_init(m, 2);
	m[1].refuses = DX;
	must_write(&m[0], X, ENTRY);
	must_write(&m[0], X, ENTRY_2);
	loop_idle();
	must_have(&m[1], DX, 0, "");
	fleet_lags_again(m[1].fleet);
	loop_idle();
	must_have(&m[1], DX, 0, "");
	m[1].refuses = NULL;
	must_write(&m[0], Y, ENTRY);
	loop_idle();
	must_have(&m[1], DX, 0, "");
	fleet_lags_again(m[1].fleet);
	loop_idle();
	must_have(&m[1], DX, 2, ENTRY_2);
	machines_cleanup(m, 2);
}

static void
a_full_disk_is_waited_for(void **state)
{
	struct machine m[2];
	struct fleet_outcome o;

	machines_init(m, 2);
	m[1].disk_full = true;
	must_write(&m[0], X, ENTRY);
	loop_idle();
	must_have(&m[1], DX, 0, "");
	o = machine_write(&m[1], FLEET_DENY, Y, ENTRY, FLEET_ANY);
	assert_int_equal(o.result, FLEET_AWAY);
	assert_non_null(strstr(o.why, "in force here"));
	m[1].disk_full = false;
	loop_until(machine_has(&m[1], DX).n == 1);
	machines_cleanup(m, 2);
}

/* The outbox. */

static void
pend_when(struct machine *m, const char *name, const char *json, bool later)
{
	const struct fleet_change c = {
	    .kind = FLEET_DENY, .name = name, .json = json};
	char key[FLEET_KEY_SIZE];
	const struct fleet_row row = {.key = key, .pending = json};
	struct err err;

	assert_true(fleet_key_make(key, FLEET_DENY, name));
	assert_int_equal(state_db_begin(m->db, &err), 0);
	assert_int_equal(
	    state_db_end(m->db, fleet_state_pend(m->state, &row, &err), &err),
	    0);
	assert_int_equal(fleet_pending(m->fleet, &c, later, &err), 0);
}

static void
pend(struct machine *m, const char *name, const char *json)
{
	pend_when(m, name, json, false);
}

static void
pend_many(struct machine *m, int from, int num, bool later)
{
	char name[32];

	for (int i = from; i < from + num; i++) {
		snprintf(name, sizeof(name), "%016x", i);
		pend_when(m, name, ENTRY, later);
	}
}

static void
must_be_change(const struct machine *m, int from, int num, int64_t n)
{
	char key[64];

	for (int i = from; i < from + num; i++) {
		snprintf(key, sizeof(key), "deny/%016x", i);
		assert_int_equal(machine_has(m, key).n, n);
	}
}

/* Neither behind what was there before, nor what came since, nor what was left
 * by the run before. */
static void
an_emergency_does_not_wait_for_a_union(void **state)
{
	struct machine m;
	int64_t head;

	machines_init(&m, 1);
	link_down(m.link);
	pend_many(&m, 0, 700, true);
	pend_many(&m, 700, 5, false);
	pend_many(&m, 705, 700, true);
	link_up(m.link);
	loop_until(view(&m).outbox == 0);
	must_be_change(&m, 700, 5, 1);
	head = view(&m).head;
	link_down(m.link);
	pend_many(&m, 1500, 700, true);
	machine_restart(&m, &plain);
	link_down(m.link);
	pend_many(&m, 2200, 5, false);
	link_up(m.link);
	loop_until(view(&m).outbox == 0);
	must_be_change(&m, 2200, 5, head + 1);
	machines_cleanup(&m, 1);
}

/* As of a denylist that is full: a few are named, the rest are counted. */
static void
what_cannot_act_here_is_not_said_a_thousand_times(void **state)
{
	struct machine m[2];
	size_t lines;

	machines_init(m, 2);
	m[1].refuses = "deny/";
	lines = m[1].lines;
	pend_many(&m[0], 0, 90, false);
	loop_until(view(&m[0]).outbox == 0);
	loop_idle();
	must_be_change(&m[1], 0, 90, 0);
	assert_int_equal(m[1].lines - lines, 20 + 1);
	assert_non_null(strstr(m[1].last_line, "records=70"));
	/* What was said is not said again. */
	fleet_lags_again(m[1].fleet);
	loop_idle();
	assert_int_equal(m[1].lines - lines, 20 + 1);
	machines_cleanup(m, 2);
}

static void
an_emergency_is_sent_when_the_engine_is_back(void **state)
{
	struct machine m[2];

	machines_init(m, 2);
	link_down(m[0].link);
	pend(&m[0], X, ENTRY);
	loop_idle();
	assert_int_equal(view(&m[0]).outbox, 1);
	/* Also after a restart. */
	machine_restart(&m[0], &plain);
	loop_until(machine_has(&m[1], DX).n == 1);
	loop_idle();
	must_have(&m[0], DX, 1, ENTRY);
	assert_string_equal(machine_has(&m[0], DX).pending, "");
	assert_int_equal(view(&m[0]).outbox, 0);
	machines_cleanup(m, 2);
}

static void
what_waits_is_not_undone_by_what_others_did_meanwhile(void **state)
{
	struct machine m[2];
	struct fleet_outcome o;

	machines_init(m, 2);
	must_write(&m[0], X, ENTRY);
	loop_idle();
	link_down(m[0].link);
	pend(&m[0], X, ENTRY_2);
	must_write(&m[1], X, GONE);
	/* It comes back while what it has to say cannot be written. */
	m[0].link->fault = FAULT_FULL;
	m[0].link->fault_key = DX;
	link_up(m[0].link);
	loop_until(machine_has(&m[0], DX).n == 2);
	assert_string_equal(machine_has(&m[0], DX).pending, ENTRY_2);
	/* Nobody here removes what was not sent yet. */
	o = machine_write(&m[0], FLEET_DENY, X, GONE, FLEET_HELD);
	assert_int_equal(o.result, FLEET_CONFLICT);
	machine_restart(&m[0], &plain);
	loop_until(machine_has(&m[1], DX).n == 3);
	loop_idle();
	must_have(&m[0], DX, 3, ENTRY_2);
	must_have(&m[1], DX, 3, ENTRY_2);
	machines_cleanup(m, 2);
}

/* The engine forgets. */

static void
wipe(struct machine *m, size_t num)
{
	for (size_t i = 0; i < num; i++)
		link_down(m[i].link);
	while (store.num > 0)
		stored_drop(&store.v[0]);
	store.revision = 0;
	for (size_t i = 0; i < num; i++)
		link_up(m[i].link);
}

static void
a_wiped_engine_is_filled_again(void **state)
{
	struct machine m[3];
	struct fleet_view before, after;
	struct err err;
	size_t records;
	char name[32], key[64];

	machines_init(m, 3);
	for (int i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "%016x", i);
		must_write(&m[i % 3], name, i % 50 == 0 ? GONE : ENTRY);
	}
	assert_int_equal(
	    fleet_put_evidence(m[0].fleet, S, POINTER(2, 20), &err), 0);
	assert_int_equal(
	    fleet_tell_revoked(m[1].fleet, S, "{\"this\":7}", 3600, &err), 0);
	loop_until(stored_find("revoked/" S) != NULL &&
	    stored_find("evidence/" S) != NULL);
	loop_idle();
	before = view(&m[0]);
	records = m[0].records;
	wipe(m, 3);
	loop_until(stored_find("fleet") != NULL && store.num >= 252 &&
	    stored_find("filling") == NULL);
	for (int i = 0; i < 3; i++)
		loop_until(machine_state(&m[i]) == FLEET_UP);
	after = view(&m[0]);
	assert_int_equal(after.head, before.head);
	assert_int_equal(after.filled, 1);
	loop_until(stored_find("revoked/" S) != NULL &&
	    stored_find("evidence/" S) != NULL);
	/* Nothing was put in force anew. */
	assert_int_equal(m[0].records, records);
	for (int i = 0; i < 250; i++) {
		snprintf(key, sizeof(key), "deny/%016x", i);
		assert_non_null(stored_find(key));
		must_have(&m[1], key, i + 1, i % 50 == 0 ? GONE : ENTRY);
	}
	/* Versions go on, and who is new gets all of it. */
	must_write(&m[2], X, ENTRY);
	must_have(&m[2], DX, 251, ENTRY);
	machine_cleanup(&m[0]);
	machine_init(&m[0], "fresh", &plain);
	loop_until(machine_state(&m[0]) == FLEET_UP);
	must_have(&m[0], DX, 251, ENTRY);
	must_have(&m[0], "deny/0000000000000007", 8, ENTRY);
	machines_cleanup(m, 3);
}

static struct stored backup[MAX_KEYS];
static size_t num_backup;

static void
backup_make(void)
{
	for (num_backup = 0; num_backup < store.num; num_backup++) {
		struct stored *to = &backup[num_backup];

		*to = store.v[num_backup];
		to->key = strdup(to->key);
		to->value = malloc(to->len + 1);
		assert_non_null(to->value);
		memcpy(to->value, store.v[num_backup].value, to->len);
	}
}

static void
backup_restore(void)
{
	while (store.num > 0)
		stored_drop(&store.v[0]);
	memcpy(store.v, backup, num_backup * sizeof(*backup));
	store.num = num_backup;
}

static void
an_old_backup_does_not_bring_anything_back(void **state)
{
	struct machine m[2];

	machines_init(m, 2);
	must_write(&m[0], X, GONE);
	backup_make();
	must_write(&m[0], X, ENTRY);
	must_write(&m[1], Y, ENTRY);
	loop_idle();
	link_down(m[0].link);
	link_down(m[1].link);
	backup_restore();
	link_up(m[0].link);
	link_up(m[1].link);
	must_have(&m[0], DX, 2, ENTRY);
	must_have(&m[1], DX, 2, ENTRY);
	assert_true(view(&m[0]).refused[FLEET_REFUSED_OLDER] > 0);
	loop_until(stored_find(DY) != NULL && stored_find("filling") == NULL);
	must_write(&m[1], Y, ENTRY_2);
	must_have(&m[1], DY, 4, ENTRY_2);
	loop_idle();
	must_have(&m[0], DY, 4, ENTRY_2);
	/* A fresh one is shown what is in force. */
	machine_cleanup(&m[0]);
	machine_init(&m[0], "fresh", &plain);
	loop_until(machine_state(&m[0]) == FLEET_UP);
	must_have(&m[0], DX, 2, ENTRY);
	machines_cleanup(m, 2);
}

static void
another_fleet_is_neither_followed_nor_written_to(void **state)
{
	static const struct machine_options adopts = {.adopt = true};
	struct machine a, b;
	struct fleet_view v;
	struct err err;
	const struct fleet_change c = {
	    .kind = FLEET_DENY, .name = X, .json = GONE, .expect = FLEET_ANY};
	struct written w = {.over = false};
	int64_t revision;
	char id[40];

	machine_init(&a, "a", &creator);
	loop_until(machine_state(&a) == FLEET_UP);
	must_write(&a, X, ENTRY);
	must_write(&a, Y, ENTRY);
	snprintf(id, sizeof(id), "%s", view(&a).id);
	link_down(a.link);
	while (store.num > 0)
		stored_drop(&store.v[0]);
	machine_init(&b, "b", &creator);
	loop_until(machine_state(&b) == FLEET_UP);
	must_write(&b, X, GONE);
	loop_idle();
	revision = store.revision;
	link_up(a.link);
	loop_idle();
	v = view(&a);
	assert_int_equal(v.state, FLEET_OTHER);
	assert_string_equal(v.id, id);
	assert_string_equal(v.other_id, view(&b).id);
	assert_non_null(strstr(v.why, v.id));
	assert_non_null(strstr(v.why, v.other_id));
	must_have(&a, DX, 1, ENTRY);
	assert_int_equal(fleet_write(a.fleet, &c, 1, on_written, &w, &err), 0);
	loop_until(w.over);
	assert_int_equal(w.o.result, FLEET_AWAY);
	assert_int_equal(store.revision, revision);
	must_have(&a, DX, 1, ENTRY);
	/* The operator says so. */
	machine_restart(&a, &adopts);
	loop_until(machine_state(&a) == FLEET_UP);
	assert_string_equal(view(&a).id, view(&b).id);
	must_have(&a, DX, 1, GONE);
	must_have(&a, DY, 0, "");
	machine_restart(&a, &plain);
	loop_until(machine_state(&a) == FLEET_UP);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

/* Who owns the engine writes into it. */

static void
a_stranger_changes_nothing(void **state)
{
	struct machine m[2];
	struct stored *s;
	uint8_t *old, *moved, *forged;
	size_t old_len, moved_len, forged_len;
	char other[64];

	machines_init(m, 2);
	must_write(&m[0], X, GONE);
	s = stored_find(DX);
	old_len = s->len;
	old = malloc(old_len);
	assert_non_null(old);
	memcpy(old, s->value, old_len);
	must_write(&m[0], X, ENTRY);
	must_write(&m[0], Y, GONE);
	loop_idle();
	s = stored_find(DY);
	moved_len = s->len;
	moved = malloc(moved_len);
	assert_non_null(moved);
	memcpy(moved, s->value, moved_len);
	secret_write(other, "the secret of a stranger");
	forged = sealed_by(
	    other, view(&m[0]).id, FLEET_DENY, DX, 99, GONE, &forged_len);

	stranger_puts(DX, old, old_len);
	loop_idle();
	assert_int_equal(view(&m[1]).refused[FLEET_REFUSED_OLDER], 1);
	must_have(&m[1], DX, 2, ENTRY);
	stranger_puts(DX, moved, moved_len);
	loop_idle();
	assert_int_equal(view(&m[1]).refused[FLEET_REFUSED_SEAL], 1);
	stranger_puts(DX, forged, forged_len);
	stranger_puts(DX, "", 0);
	stranger_puts(DX, NULL, 0);
	stranger_puts("deny/../x", "x", 1);
	stranger_puts("head", "x", 1);
	loop_idle();
	assert_int_equal(view(&m[1]).refused[FLEET_REFUSED_SEAL], 4);
	/* What nobody has sealed takes no room. */
	stranger_puts("revoked/" S, "x", 1);
	loop_idle();
	assert_int_equal(view(&m[1]).refused[FLEET_REFUSED_SEAL], 5);
	assert_int_equal(view(&m[1]).num[FLEET_REVOKED], 0);
	assert_int_equal(view(&m[1]).refused[FLEET_REFUSED_TYPE], 1);
	must_have(&m[0], DX, 2, ENTRY);
	must_have(&m[1], DX, 2, ENTRY);
	/* It is put back, and one can go on. */
	loop_until(stored_find(DX) != NULL && stored_find("filling") == NULL);
	must_write(&m[1], X, ENTRY_2);
	must_have(&m[1], DX, 4, ENTRY_2);
	free(old);
	free(moved);
	free(forged);
	unlink(other);
	machines_cleanup(m, 2);
}

static void
an_old_head_and_a_forged_identity_change_nothing(void **state)
{
	struct machine m;
	struct stored *s;
	uint8_t *head;
	size_t len;
	char id[40];

	machines_init(&m, 1);
	must_write(&m, X, ENTRY);
	s = stored_find("head");
	len = s->len;
	head = malloc(len);
	assert_non_null(head);
	memcpy(head, s->value, len);
	must_write(&m, Y, ENTRY);
	stranger_puts("head", head, len);
	loop_idle();
	assert_int_equal(view(&m).head, 2);
	must_write(&m, X, ENTRY_2);
	must_have(&m, DX, 3, ENTRY_2);
	snprintf(id, sizeof(id), "%s", view(&m).id);
	stranger_puts("fleet", "x", 1);
	loop_idle();
	assert_string_equal(view(&m).id, id);
	loop_until(machine_state(&m) == FLEET_UP);
	must_write(&m, Y, ENTRY_2);
	free(head);
	machines_cleanup(&m, 1);
}

/* Whoever can write there garbles it while nobody looks; all start then. */
static void
a_damaged_identity_is_written_again(void **state)
{
	struct machine m[2], fresh;
	char id[40];

	machines_init(m, 2);
	must_write(&m[0], X, ENTRY);
	loop_idle();
	snprintf(id, sizeof(id), "%s", view(&m[0]).id);
	link_down(m[0].link);
	link_down(m[1].link);
	stranger_puts("fleet", "x", 1);
	/* Who remembers nothing cannot tell. */
	machine_init(&fresh, "fresh", &plain);
	loop_idle();
	assert_int_equal(machine_state(&fresh), FLEET_UNREADABLE);
	assert_non_null(strstr(view(&fresh).why, "delete its key 'fleet'"));
	must_have(&fresh, DX, 0, "");
	machine_restart(&m[0], &plain);
	machine_restart(&m[1], &plain);
	loop_until(machine_state(&m[0]) == FLEET_UP);
	loop_until(machine_state(&m[1]) == FLEET_UP);
	loop_until(machine_state(&fresh) == FLEET_UP);
	assert_string_equal(view(&m[0]).id, id);
	assert_string_equal(view(&m[1]).id, id);
	assert_string_equal(view(&fresh).id, id);
	assert_int_equal(view(&m[0]).filled, 0);
	must_write(&m[1], Y, ENTRY);
	loop_idle();
	must_have(&fresh, DX, 1, ENTRY);
	must_have(&fresh, DY, 2, ENTRY);
	must_have(&m[0], DY, 2, ENTRY);
	machines_cleanup(m, 2);
	machine_cleanup(&fresh);
}

/* What cannot be read may be of another fleet, or the secret is wrong. */
static void
an_identity_is_not_replaced_without_proof(void **state)
{
	struct machine_options wrong = {.secret_file = NULL};
	struct machine m;
	char other[64];
	uint8_t *head;
	size_t len;
	int64_t revision;

	machines_init(&m, 1);
	must_write(&m, X, ENTRY);
	secret_write(other, "the secret of somebody else");
	wrong.secret_file = other;
	machine_restart(&m, &wrong);
	loop_idle();
	assert_int_equal(machine_state(&m), FLEET_UNREADABLE);
	/* The same secret, but a head of another fleet. */
	head = sealed_by(secret_file, "00000000-0000-4000-8000-000000000000",
	    FLEET_HEAD, "head", 0, "{\"n\":9}", &len);
	stranger_puts("head", head, len);
	stranger_puts("fleet", "x", 1);
	revision = store.revision;
	machine_restart(&m, &plain);
	loop_idle();
	assert_int_equal(machine_state(&m), FLEET_UNREADABLE);
	assert_int_equal(store.revision, revision);
	must_have(&m, DX, 1, ENTRY);
	/* What the operator is told to do. */
	stranger_puts("fleet", NULL, 0);
	loop_until(machine_state(&m) == FLEET_UP);
	must_have(&m, DX, 1, ENTRY);
	free(head);
	unlink(other);
	machine_cleanup(&m);
}

/* The whole is judged, in however many tries it comes. */
static void
a_fresh_machine_is_not_fooled_by_a_cut(void **state)
{
	static const char *const keys[] = {"fleet", DX};
	struct machine a, b;

	machines_init(&a, 1);
	must_write(&a, X, ENTRY);
	must_write(&a, Y, ENTRY);
	link_down(a.link);
	store.cuts_loads = true;
	machine_init(&b, "b", &plain);
	store.cuts_loads = false;
	for (size_t i = 0; i < 2; i++)
		stranger_puts(keys[i], NULL, 0);
	link_up(b.link);
	loop_idle();
	assert_int_not_equal(machine_state(&b), FLEET_UP);
	must_have(&b, DY, 0, "");
	assert_null(stored_find("fleet"));
	machine_cleanup(&a);
	machine_cleanup(&b);
}

/* What could not be put in force is tried again, but not in the middle. */
static void
a_fresh_machine_takes_no_half_of_a_reading(void **state)
{
	struct machine a, b, c;
	size_t takes;

	machines_init(&a, 1);
	must_write(&a, X, ENTRY);
	machine_init(&c, "c", &plain);
	loop_until(machine_state(&c) == FLEET_UP);
	store.cuts_loads = true;
	machine_init(&b, "b", &plain);
	store.cuts_loads = false;
	b.disk_full = c.disk_full = true;
	link_up(b.link);
	assert_int_equal(b.takes, 1);
	link_down(b.link);
	/* This one tries again after b has, or would have. */
	must_write(&a, Y, ENTRY);
	loop_idle();
	takes = c.takes;
	link_down(a.link);
	link_down(c.link);
	stranger_puts(DX, NULL, 0);
	store.cuts_loads = true;
	link_up(b.link);
	b.disk_full = c.disk_full = false;
	loop_until(c.takes > takes);
	must_have(&c, DY, 2, ENTRY);
	must_have(&b, DY, 0, "");
	store.cuts_loads = false;
	link_up(b.link);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_PART);
	must_have(&b, DY, 0, "");
	machine_cleanup(&a);
	machine_cleanup(&b);
	machine_cleanup(&c);
}

static void
with_another_secret_nothing_is_read(void **state)
{
	struct machine a, b;
	char other[64];
	struct machine_options wrong = {.secret_file = other};
	struct machine_options both = {
	    .secret_file = other, .previous = secret_file};

	machine_init(&a, "a", &creator);
	loop_until(machine_state(&a) == FLEET_UP);
	must_write(&a, X, ENTRY);
	secret_write(other, "the secret of tomorrow");
	machine_init(&b, "b", &wrong);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_UNREADABLE);
	assert_non_null(strstr(view(&b).why, other));
	must_have(&b, DX, 0, "");
	assert_int_equal(b.takes, 0);
	/* Rotation: it reads what both have sealed. */
	machine_restart(&b, &both);
	loop_until(machine_state(&b) == FLEET_UP);
	must_have(&b, DX, 1, ENTRY);
	unlink(other);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

static void
reload(struct machine *m, const char *secret, const char *previous)
{
	const struct fleet_link_options link = {.base = base, .name = "eu"};
	const struct fleet_options options = {.link = &link,
	    .secret_file = secret,
	    .previous_secret_file = previous};
	struct err err;

	uint64_t loads = m->link->loads;

	assert_int_equal(fleet_configure(m->fleet, &options, &err), 0);
	loop_until(m->link->loads > loads && machine_state(m) == FLEET_UP);
}

/* The first octet says which secret it was. */
static bool
all_sealed_with(const char *secret)
{
	size_t len;
	uint8_t *sample = sealed_by(secret, "", FLEET_DENY, DX, 1, ENTRY, &len);
	uint8_t which = sample[0];

	free(sample);
	for (size_t i = 0; i < store.num; i++)
		if (store.v[i].len > 0 && store.v[i].value[0] != which)
			return false;
	return true;
}

static void
a_secret_is_replaced_while_all_go_on(void **state)
{
	struct machine m[2], fresh;
	char other[64];
	struct machine_options new = {.secret_file = other};
	struct err err;
	char name[32], key[64];

	machines_init(m, 2);
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "%016x", i);
		must_write(&m[0], name, i == 7 ? GONE : ENTRY);
	}
	loop_idle();
	assert_int_equal(fleet_set_member(m[1].fleet, "{\"a\":1}", &err), 0);
	secret_write(other, "the secret of tomorrow");
	/* Both are accepted everywhere, then the new one seals everywhere. */
	reload(&m[0], secret_file, other);
	reload(&m[1], secret_file, other);
	reload(&m[0], other, secret_file);
	must_write(&m[1], X, ENTRY);
	must_write(&m[0], Y, ENTRY);
	reload(&m[1], other, secret_file);
	loop_until(all_sealed_with(other));
	/* The old one is taken away. */
	reload(&m[0], other, NULL);
	reload(&m[1], other, NULL);
	loop_idle();
	machine_init(&fresh, "fresh", &new);
	loop_until(machine_state(&fresh) == FLEET_UP);
	for (int i = 0; i < 120; i++) {
		snprintf(key, sizeof(key), "deny/%016x", i);
		must_have(&fresh, key, i + 1, i == 7 ? GONE : ENTRY);
	}
	must_have(&fresh, DX, 121, ENTRY);
	must_have(&fresh, DY, 122, ENTRY);
	assert_int_equal(view(&fresh).num[FLEET_MEMBER], 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(view(&m[i]).refused[FLEET_REFUSED_SEAL], 0);
	assert_int_equal(view(&fresh).refused[FLEET_REFUSED_SEAL], 0);
	machine_cleanup(&fresh);
	unlink(other);
	machines_cleanup(m, 2);
}

static void
a_fresh_machine_may_be_told_how_new_it_has_to_be(void **state)
{
	struct machine_options least = {.min_n = 3};
	struct machine a, b;

	machine_init(&a, "a", &creator);
	loop_until(machine_state(&a) == FLEET_UP);
	must_write(&a, X, ENTRY);
	must_write(&a, X, ENTRY_2);
	machine_init(&b, "b", &least);
	loop_idle();
	assert_int_equal(machine_state(&b), FLEET_TOO_OLD);
	must_have(&b, DX, 0, "");
	must_write(&a, X, ENTRY);
	machine_restart(&b, &least);
	loop_until(machine_state(&b) == FLEET_UP);
	must_have(&b, DX, 3, ENTRY);
	assert_int_equal(view(&b).began, 3);
	machine_cleanup(&a);
	machine_cleanup(&b);
}

static void
without_a_fleet_nobody_makes_one_unasked(void **state)
{
	struct machine m;

	machine_init(&m, "a", &plain);
	loop_idle();
	assert_int_equal(machine_state(&m), FLEET_MISSING);
	assert_int_equal(store.num, 0);
	machine_cleanup(&m);
}

static void
a_restart_finds_nothing_new(void **state)
{
	struct machine m[2];
	size_t takes;

	machines_init(m, 2);
	must_write(&m[0], X, ENTRY);
	must_write(&m[0], Y, GONE);
	loop_idle();
	takes = m[1].takes;
	machine_restart(&m[1], &plain);
	loop_until(machine_state(&m[1]) == FLEET_UP);
	assert_int_equal(m[1].takes, takes);
	must_have(&m[1], DX, 1, ENTRY);
	machines_cleanup(m, 2);
}

static void
many_at_once_are_written_by_the_hundred(void **state)
{
	struct fleet_change c[250];
	char names[250][32];
	struct machine m[2];
	struct written w = {.over = false};
	struct err err;
	uint64_t txns;
	size_t takes;

	machines_init(m, 2);
	for (int i = 0; i < 250; i++) {
		snprintf(names[i], sizeof(names[i]), "%016x", i);
		c[i] = (struct fleet_change){.kind = FLEET_DENY,
		    .name = names[i],
		    .json = ENTRY,
		    .expect = FLEET_ABSENT};
	}
	txns = m[0].link->txns;
	takes = m[1].takes;
	assert_int_equal(
	    fleet_write(m[0].fleet, c, 250, on_written, &w, &err), 0);
	loop_until(w.over);
	assert_int_equal(w.o.result, FLEET_WRITTEN);
	assert_int_equal(m[0].link->txns - txns, 3);
	loop_idle();
	assert_int_equal(m[1].takes - takes, 3);
	must_have(&m[1], "deny/00000000000000f9", 3, ENTRY);
	machines_cleanup(m, 2);
}

static void
what_is_no_record_is_not_written(void **state)
{
	static const struct fleet_change bad[] = {
	    {FLEET_DENY, "short", ENTRY, FLEET_ANY},
	    {FLEET_DENY, X, "[]", FLEET_ANY},
	    {FLEET_DENY, X, NULL, FLEET_ANY},
	    {FLEET_HEAD, "", "{\"n\":5}", FLEET_ANY},
	    {FLEET_MEMBER, "a", "{}", FLEET_ANY},
	    {FLEET_CONFIG, "revcheck", "{\"version\":1}", FLEET_ANY},
	};
	struct machine m;
	struct err err;

	machines_init(&m, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    fleet_write(m.fleet, &bad[i], 1, NULL, NULL, &err), E_ARG);
	machines_cleanup(&m, 1);
}

/* A tombstone's end. */

static void
an_old_tombstone_ends_and_a_young_one_is_put_back(void **state)
{
	struct machine m[2];

	machines_init(m, 2);
	must_write(&m[0], X, "{\"removed\":true,\"at\":1000,\"who\":\"a\"}");
	must_write(&m[0], Y, GONE);
	loop_idle();
	lease_ends(stored_find(DX)->lease);
	loop_until(machine_has(&m[1], DX).n == 0);
	assert_int_equal(machine_has(&m[0], DX).n, 0);
	assert_null(stored_find(DX));
	lease_ends(stored_find(DY)->lease);
	loop_until(stored_find(DY) != NULL);
	must_have(&m[1], DY, 2, GONE);
	machines_cleanup(m, 2);
}

/* Facts without order. */

static void
a_pointer_only_rises(void **state)
{
	struct machine m[2];
	int64_t revision;
	struct err err;

	machines_init(m, 2);
	assert_int_equal(
	    fleet_put_evidence(m[0].fleet, S, POINTER(2, 20), &err), 0);
	loop_until(stored_find("evidence/" S) != NULL);
	loop_idle();
	assert_non_null(stored_find("news"));
	revision = stored_find("evidence/" S)->revision;
	assert_int_equal(
	    fleet_put_evidence(m[1].fleet, S, POINTER(1, 30), &err), 0);
	assert_int_equal(
	    fleet_put_evidence(m[1].fleet, S, POINTER(2, 20), &err), 0);
	loop_idle();
	assert_int_equal(stored_find("evidence/" S)->revision, revision);
	assert_int_equal(
	    fleet_put_evidence(m[1].fleet, S, POINTER(3, 20), &err), 0);
	loop_until(stored_find("evidence/" S)->revision > revision);
	assert_int_equal(
	    fleet_put_evidence(m[1].fleet, "x", POINTER(3, 20), &err), E_ARG);
	machines_cleanup(m, 2);
}

static void
what_was_found_is_told_when_it_can_be(void **state)
{
	struct machine m[2];
	struct err err;

	machines_init(m, 2);
	link_down(m[0].link);
	loop_idle();
	assert_int_equal(
	    fleet_tell_revoked(m[0].fleet, S, "{\"this\":7}", 3600, &err), 0);
	assert_int_equal(
	    fleet_tell_withdrawn(m[0].fleet, S, "{\"at\":7}", &err), 0);
	loop_idle();
	assert_null(stored_find("revoked/" S));
	link_up(m[0].link);
	loop_until(stored_find("revoked/" S) != NULL &&
	    stored_find("withdrawn/" S) != NULL);
	loop_idle();
	assert_true(stored_find("revoked/" S)->lease != 0);
	assert_int_equal(view(&m[1]).num[FLEET_REVOKED], 1);
	assert_int_equal(view(&m[1]).num[FLEET_WITHDRAWN], 1);
	machines_cleanup(m, 2);
}

struct claimed {
	bool over;
	enum fleet_claim_result result;
	int64_t until;
};

static void
on_claimed(void *arg, enum fleet_claim_result result, int64_t until)
{
	struct claimed *c = arg;

	assert_false(c->over);
	*c = (struct claimed){true, result, until};
}

static struct claimed
claim(struct machine *m)
{
	struct claimed c = {.over = false};
	struct err err;

	assert_int_equal(fleet_claim(m->fleet, S, on_claimed, &c, &err), 0);
	assert_false(c.over);
	loop_until(c.over);
	return c;
}

static void
one_of_all_claims(void **state)
{
	struct machine m[3];
	struct claimed c[3] = {{.over = false}};
	size_t won = 0, winner = 0;
	struct err err;

	machines_init(m, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    fleet_claim(m[i].fleet, S, on_claimed, &c[i], &err), 0);
	loop_until(c[0].over && c[1].over && c[2].over);
	for (size_t i = 0; i < 3; i++) {
		if (c[i].result == FLEET_CLAIM_WON) {
			won++;
			winner = i;
		} else {
			assert_int_equal(c[i].result, FLEET_CLAIM_TAKEN);
		}
	}
	assert_int_equal(won, 1);
	fleet_claim_release(m[winner].fleet, S, NULL, 0);
	loop_until(stored_find("fetch/" S) == NULL);
	loop_idle();
	assert_string_equal(m[(winner + 1) % 3].last_claim, S);
	/* Who failed tells the others how long to leave it. */
	assert_int_equal(claim(&m[0]).result, FLEET_CLAIM_WON);
	fleet_claim_release(m[0].fleet, S, "timed out", time(NULL) + 60);
	loop_idle();
	c[1] = claim(&m[1]);
	assert_int_equal(c[1].result, FLEET_CLAIM_BACKOFF);
	assert_true(c[1].until > time(NULL));
	lease_ends(stored_find("fetch/" S)->lease);
	loop_idle();
	/* Who claims and dies is waited for as long as its lease. */
	assert_int_equal(claim(&m[1]).result, FLEET_CLAIM_WON);
	assert_int_equal(claim(&m[2]).result, FLEET_CLAIM_TAKEN);
	lease_ends(stored_find("fetch/" S)->lease);
	loop_idle();
	assert_int_equal(claim(&m[2]).result, FLEET_CLAIM_WON);
	link_down(m[0].link);
	assert_int_equal(claim(&m[0]).result, FLEET_CLAIM_AWAY);
	machines_cleanup(m, 3);
}

/* Who waits for a claim to go finds what it has brought. */
static void
a_claim_goes_after_what_it_has_brought(void **state)
{
	struct machine m[2];
	struct err err;
	int64_t lease;

	machines_init(m, 2);
	assert_int_equal(claim(&m[0]).result, FLEET_CLAIM_WON);
	m[0].link->fault = FAULT_LOSES;
	m[0].link->fault_key = "evidence/" S;
	assert_int_equal(
	    fleet_put_evidence(m[0].fleet, S, POINTER(2, 20), &err), 0);
	fleet_claim_release(m[0].fleet, S, NULL, 0);
	loop_until(stored_find("fetch/" S) == NULL);
	assert_non_null(stored_find("evidence/" S));
	/* One lease for all that a machine claims. */
	lease = store.leases;
	loop_idle();
	assert_int_equal(claim(&m[0]).result, FLEET_CLAIM_WON);
	assert_int_equal(store.leases, lease);
	machines_cleanup(m, 2);
}

static void
find_member(void *arg, const char *name, const char *json)
{
	char *out = arg;

	snprintf(out + strlen(out), 200 - strlen(out), "%s %s|", name, json);
}

static void
members_see_each_other(void **state)
{
	struct machine m[2];
	char seen[200] = "";
	struct err err;

	machines_init(m, 2);
	assert_int_equal(
	    fleet_set_member(m[0].fleet, "{\"version\":\"1\"}", &err), 0);
	loop_until(stored_find("member/a") != NULL);
	loop_idle();
	fleet_each_member(m[1].fleet, find_member, seen);
	assert_string_equal(seen, "a {\"version\":\"1\"}|");
	/* Its lease has ended: it is gone, and comes again when it is there. */
	link_down(m[0].link);
	lease_ends(stored_find("member/a")->lease);
	loop_idle();
	seen[0] = '\0';
	fleet_each_member(m[1].fleet, find_member, seen);
	assert_string_equal(seen, "");
	link_up(m[0].link);
	loop_until(stored_find("member/a") != NULL);
	machines_cleanup(m, 2);
}

static void
find_error(void *arg, int64_t at, const char *what)
{
	const char **text = arg;

	if (*text != NULL && strstr(what, *text) != NULL)
		*text = NULL;
}

static void
must_say_error(const struct machine *m, const char *text)
{
	const char *wanted = text;

	fleet_each_error(m->fleet, find_error, &wanted);
	if (wanted != NULL)
		fail_msg("no error says: %s", text);
}

/* Two of one name see it, both; one that was started again is no other. */
static void
two_of_one_name_are_told(void **state)
{
	struct machine m, other;
	struct err err;

	machines_init(&m, 1);
	assert_int_equal(
	    fleet_set_member(m.fleet, "{\"epoch\":\"1\"}", &err), 0);
	loop_until(stored_find("member/a") != NULL);
	machine_restart(&m, &plain);
	assert_int_equal(
	    fleet_set_member(m.fleet, "{\"epoch\":\"2\"}", &err), 0);
	loop_idle();
	assert_int_equal(
	    fleet_set_member(m.fleet, "{\"epoch\":\"2\",\"a\":1}", &err), 0);
	loop_idle();
	/* Nor is it while an engine begins with lower numbers. */
	wipe(&m, 1);
	loop_until(stored_find("member/a") != NULL);
	loop_idle();
	assert_false(fleet_has_twin(m.fleet));
	machine_init(&other, "a", &plain);
	assert_int_equal(
	    fleet_set_member(other.fleet, "{\"epoch\":\"3\"}", &err), 0);
	loop_until(fleet_has_twin(m.fleet));
	assert_false(fleet_has_twin(other.fleet));
	/* With the next keepalive. */
	loop_until(fleet_has_twin(other.fleet));
	must_say_error(&m, "another machine is the member 'a'");
	must_say_error(&other, "another machine is the member 'a'");
	machine_cleanup(&other);
	machines_cleanup(&m, 1);
}

int
main(void)
{
#define T(t) \
	cmocka_unit_test_setup_teardown(t, machines_setup, fleet_help_teardown)
	const struct CMUnitTest tests[] = {
	    T(what_one_writes_is_in_force_on_all),
	    T(of_two_who_change_one_thing_one_wins),
	    T(what_is_expected_is_compared),
	    T(eight_writers_leave_no_gap_and_no_version_twice),
	    T(a_lost_answer_is_settled),
	    T(without_the_engine_nothing_is_written),
	    T(a_full_engine_says_so),
	    T(what_cannot_act_here_leaves_what_is_in_force),
	    T(a_full_disk_is_waited_for),
	    T(an_emergency_is_sent_when_the_engine_is_back),
	    T(what_could_not_act_is_tried_again),
	    T(what_cannot_act_here_is_not_said_a_thousand_times),
	    T(an_emergency_does_not_wait_for_a_union),
	    T(what_waits_is_not_undone_by_what_others_did_meanwhile),
	    T(a_wiped_engine_is_filled_again),
	    T(an_old_backup_does_not_bring_anything_back),
	    T(another_fleet_is_neither_followed_nor_written_to),
	    T(a_stranger_changes_nothing),
	    T(an_old_head_and_a_forged_identity_change_nothing),
	    T(a_damaged_identity_is_written_again),
	    T(an_identity_is_not_replaced_without_proof),
	    T(a_fresh_machine_is_not_fooled_by_a_cut),
	    T(a_fresh_machine_takes_no_half_of_a_reading),
	    T(with_another_secret_nothing_is_read),
	    T(a_secret_is_replaced_while_all_go_on),
	    T(a_fresh_machine_may_be_told_how_new_it_has_to_be),
	    T(without_a_fleet_nobody_makes_one_unasked),
	    T(a_restart_finds_nothing_new),
	    T(many_at_once_are_written_by_the_hundred),
	    T(what_is_no_record_is_not_written),
	    T(an_old_tombstone_ends_and_a_young_one_is_put_back),
	    T(a_pointer_only_rises),
	    T(what_was_found_is_told_when_it_can_be),
	    T(one_of_all_claims),
	    T(a_claim_goes_after_what_it_has_brought),
	    T(members_see_each_other),
	    T(two_of_one_name_are_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
