/*
 * Changes as records of a fleet and back: what one machine writes another
 * reads as the same, under the name that it belongs to and no other; what is
 * newer than this program is not guessed at; and only what can refuse more is
 * no business of the fleet's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/control/fleet_text.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"
#include "tests/lib/pkimake.h"

#define HOLDER  "0123456789AB"
#define SPKI    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SECTION "corda.p2p.linkManager"

static struct stores s;
static struct pki_ca ca;

static int
setup(void **state)
{
	struct err err;

	(void)state;
	pki_ca_init(&ca, "root");
	assert_int_equal(state_db_open(&s.db, NULL, NULL, &err), 0);
	assert_int_equal(section_store_open(&s.sections, s.db, &err), 0);
	assert_int_equal(denylist_open(&s.denylist, s.db, &err), 0);
	assert_int_equal(allowed_subjects_open(&s.subjects, s.db, &err), 0);
	assert_int_equal(certstore_open(&s.certs, s.db, &err), 0);
	assert_int_equal(members_open(&s.members, s.db, &err), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	members_close(s.members);
	certstore_close(s.certs);
	allowed_subjects_close(s.subjects);
	denylist_close(s.denylist);
	section_store_close(s.sections);
	state_db_close(s.db);
	pki_ca_cleanup(&ca);
	return 0;
}

/* As it would come by the watch. */
static struct fleet_record
record_of(const struct fleet_text *t, bool removed, int64_t version)
{
	const char *name;
	struct fleet_record r = {.key = t->key,
	    .n = 7,
	    .version = version,
	    .removed = removed,
	    .json = t->json[0],
	    .len = strlen(t->json[0])};

	r.kind = fleet_key_kind(r.key, &name);
	assert_int_equal(r.kind, t->v[0].kind);
	r.name = name;
	return r;
}

/* Writes ch down and reads it; both to be cleaned up. */
static void
there_and_back(struct fleet_text *t, struct fleet_box *b,
    const struct change *ch, int64_t version)
{
	struct fleet_meaning meaning;
	struct fleet_record r;
	struct err err;

	if (fleet_text_make(t, ch, &s, &err) != 0)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < t->num; i++)
		if (fleet_record_read(&meaning, t->v[i].kind, t->json[i],
			strlen(t->json[i]), &err) != 0)
			fail_msg("%s: %s", t->json[i], err.msg);
	r = record_of(t, ch->removed, version);
	if (fleet_box_read(b, &r, &s, &err) != 0)
		fail_msg("%s: %s", t->json[0], err.msg);
	assert_int_equal(b->change.kind, ch->kind);
	assert_int_equal(b->change.removed, ch->removed);
}

/* In a transaction that is committed. */
static void
store(const struct change *ch)
{
	struct err err;

	assert_int_equal(state_db_begin(s.db, &err), 0);
	if (change_write(&s, ch, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(state_db_end(s.db, 0, &err), 0);
}

static struct denied
denied_until(int64_t until)
{
	cJSON *o = cJSON_CreateObject();
	struct denied e;
	struct err err;

	cJSON_AddStringToObject(o, "spkiSha256", SPKI);
	assert_int_equal(denied_parse(&e, o, "me", &err), 0);
	cJSON_Delete(o);
	e.until = until;
	return e;
}

#define MODE(m) "{\"revocationCheck\":{\"mode\":\"" m "\"}}"

static struct change
section_change(const char *text, cJSON **config)
{
	*config = cJSON_Parse(text);
	return (struct change){.kind = CHANGE_SECTION,
	    .section = SECTION_LINK_MANAGER,
	    .text = text,
	    .config = *config,
	    .author = {.who = "me", .from = "here", .action = "put"}};
}

static void
a_section(void **state)
{
	cJSON *config;
	struct change ch = section_change(MODE("HARD_FAIL"), &config);
	struct fleet_text t;
	struct fleet_box b;

	(void)state;
	there_and_back(&t, &b, &ch, 1);
	assert_string_equal(t.key, "config/" SECTION);
	assert_int_equal(t.num, 2);
	assert_string_equal(t.names[1], SECTION "/0000000001");
	assert_int_equal(b.change.author.version, 1);
	assert_string_equal(b.change.author.who, "me");
	assert_string_equal(b.change.text, ch.text);
	assert_false(b.idle);
	assert_false(b.change.apart);
	store(&b.change);
	fleet_box_cleanup(&b);
	/* What is stored already changes nothing. */
	{
		struct fleet_record r = record_of(&t, false, 1);
		struct err err;

		assert_int_equal(fleet_box_read(&b, &r, &s, &err), 0);
		assert_true(b.idle);
		fleet_box_cleanup(&b);
	}
	fleet_text_cleanup(&t);
	/* The next; and a machine with a history of its own begins anew. */
	there_and_back(&t, &b, &ch, 2);
	assert_string_equal(t.names[1], SECTION "/0000000002");
	assert_false(b.change.apart);
	store(&b.change);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&t);
	cJSON_Delete(config);
	ch = section_change(MODE("SOFT_FAIL"), &config);
	ch.author.version = 1;
	there_and_back(&t, &b, &ch, 1);
	assert_true(b.change.apart);
	store(&b.change);
	assert_int_equal(section_version(s.sections, SECTION_LINK_MANAGER), 1);
	assert_string_equal(
	    section_text(s.sections, SECTION_LINK_MANAGER), ch.text);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&t);
	cJSON_Delete(config);
}

static void
what_is_newer_is_not_guessed_at(void **state)
{
	static const struct {
		const char *key, *json;
	} rows[] = {
	    {"config/" SECTION,
		"{\"version\":3,\"at\":1,\"who\":\"w\",\"from\":\"f\","
		"\"action\":\"put\",\"config\":\"{}\",\"schemaVersion\":2}"},
	    {"config/" SECTION,
		"{\"version\":3,\"at\":1,\"who\":\"w\",\"from\":\"f\","
		"\"action\":\"put\",\"config\":\"{}\"}"},
	    {"config/" SECTION,
		"{\"version\":3,\"at\":1,\"who\":\"w\",\"from\":\"f\","
		"\"action\":\"put\",\"config\":\"{\\\"revocationCheck\\\":{"
		"\\\"mode\\\":\\\"HARDEST\\\"}}\",\"schemaVersion\":1}"},
	    {"config/corda.p2p.nothing",
		"{\"version\":3,\"at\":1,\"who\":\"w\",\"from\":\"f\","
		"\"action\":\"put\",\"config\":\"{}\",\"schemaVersion\":1}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name;
		struct fleet_record r = {.key = rows[i].key,
		    .n = 9,
		    .version = 3,
		    .json = rows[i].json,
		    .len = strlen(rows[i].json)};
		struct fleet_box b;
		struct err err;

		r.kind = fleet_key_kind(r.key, &name);
		r.name = name;
		assert_int_equal(fleet_box_read(&b, &r, &s, &err), E_PARSE);
		if (strstr(err.msg, "version 3 of") == NULL ||
		    strstr(err.msg, "not understood") == NULL)
			fail_msg("%s", err.msg);
		fleet_box_cleanup(&b);
	}
}

static void
an_entry(void **state)
{
	struct denied e = denied_until(4102444800);
	struct change ch = {
	    .kind = CHANGE_DENIED, .denied = &e, .author = {.who = "me"}};
	struct fleet_text t, other;
	struct fleet_record r;
	struct fleet_box b;
	struct err err;

	(void)state;
	there_and_back(&t, &b, &ch, 0);
	assert_true(denied_same(&b.denied, &e));
	store(&b.change);
	fleet_box_cleanup(&b);
	r = record_of(&t, false, 0);
	/* Under another entry's name it would shut out somebody else. */
	r.key = "deny/0123456789abcdef";
	r.name = "0123456789abcdef";
	assert_int_equal(fleet_box_read(&b, &r, &s, &err), E_PARSE);
	fleet_box_cleanup(&b);
	ch.removed = true;
	ch.id = e.id;
	there_and_back(&other, &b, &ch, 0);
	assert_false(b.idle);
	store(&b.change);
	fleet_box_cleanup(&b);
	/* Gone already: fine. */
	r = record_of(&other, true, 0);
	assert_int_equal(fleet_box_read(&b, &r, &s, &err), 0);
	assert_true(b.idle);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&other);
	fleet_text_cleanup(&t);
	denied_cleanup(&e);
}

static void
a_subject(void **state)
{
	struct change ch = {.kind = CHANGE_SUBJECT,
	    .holder = "0123456789ab",
	    .name = "O=Alice, L=London, C=GB",
	    .author = {.who = "me"}};
	struct fleet_text t, same;
	struct fleet_record r;
	struct fleet_box b;
	struct err err;

	(void)state;
	there_and_back(&t, &b, &ch, 0);
	fleet_box_cleanup(&b);
	/* Names that are one are one record, however they are written. */
	ch.name = "O=ALICE,L=london,C=gb";
	there_and_back(&same, &b, &ch, 0);
	assert_string_equal(t.key, same.key);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&same);
	ch.name = "O=Bob, L=London, C=GB";
	there_and_back(&same, &b, &ch, 0);
	assert_string_not_equal(t.key, same.key);
	fleet_box_cleanup(&b);
	r = record_of(&t, false, 0);
	r.json = same.json[0];
	r.len = strlen(r.json);
	assert_int_equal(fleet_box_read(&b, &r, &s, &err), E_PARSE);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&same);
	fleet_text_cleanup(&t);
}

static void
a_member_and_its_chain(void **state)
{
	cJSON *registration = cJSON_Parse("{\"tls\":[],\"session\":[]}");
	struct certstore_list list = {.v = {ca.cert}, .num = 1};
	struct change ch = {.kind = CHANGE_MEMBER,
	    .id = HOLDER,
	    .registration = registration,
	    .author = {.who = "me"}};
	struct fleet_text t;
	struct fleet_box b;

	(void)state;
	there_and_back(&t, &b, &ch, 0);
	assert_string_equal(t.key, "holding/" HOLDER);
	assert_non_null(b.change.registration);
	assert_null(b.change.setup);
	store(&b.change);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&t);
	ch = (struct change){.kind = CHANGE_CHAIN,
	    .holder = HOLDER,
	    .usage = CERTSTORE_SESSION,
	    .name = "a/b c\xc3\xa4",
	    .member_name = "O=Erin,L=London,C=GB",
	    .chain = &list,
	    .author = {.who = "me"}};
	there_and_back(&t, &b, &ch, 0);
	assert_int_equal(t.num, 2);
	assert_string_equal(b.change.name, ch.name);
	/* The whole of the member, its registration with the new name. */
	assert_non_null(strstr(t.json[1], "\"registration\":"));
	assert_non_null(strstr(t.json[1], "O=Erin"));
	store(&b.change);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&t);
	ch.holder = "";
	ch.member_name = NULL;
	there_and_back(&t, &b, &ch, 0);
	assert_int_equal(strncmp(t.key, "chain/-/", 8), 0);
	fleet_box_cleanup(&b);
	fleet_text_cleanup(&t);
	cJSON_Delete(registration);
}

/* Whatever may let somebody in, or sooner, is the fleet's to say. */
static void
what_tightens(void **state)
{
	static const struct {
		int64_t stored, until; /* stored -1: there is none */
		bool tightens;
	} rows[] = {{-1, 0, true}, {-1, 4102444800, true},
	    {0, 4102444800, false}, {4102444800, 0, true},
	    {4102444800, 4102444799, false}, {4102444800, 4102444800, true},
	    {4102444800, 4102444801, true}};
	struct change ch = {.kind = CHANGE_DENIED};
	cJSON *config;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct denied e = denied_until(rows[i].until);
		struct denied old =
		    denied_until(rows[i].stored >= 0 ? rows[i].stored : 0);

		ch = (struct change){.kind = CHANGE_DENIED, .denied = &old};
		if (rows[i].stored >= 0)
			store(&ch);
		ch.denied = &e;
		if (change_tightens(&s, &ch) != rows[i].tightens)
			fail_msg("row %zu", i);
		ch = (struct change){
		    .kind = CHANGE_DENIED, .removed = true, .id = e.id};
		assert_false(change_tightens(&s, &ch));
		if (rows[i].stored >= 0)
			store(&ch);
		denied_cleanup(&e);
		denied_cleanup(&old);
	}
	ch = (struct change){.kind = CHANGE_SUBJECT,
	    .holder = HOLDER,
	    .name = "O=Alice, L=London, C=GB"};
	assert_false(change_tightens(&s, &ch));
	ch.removed = true;
	assert_true(change_tightens(&s, &ch));
	ch = section_change(MODE("HARD_FAIL"), &config);
	assert_false(change_tightens(&s, &ch));
	cJSON_Delete(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_section),
	    cmocka_unit_test(what_is_newer_is_not_guessed_at),
	    cmocka_unit_test(an_entry), cmocka_unit_test(a_subject),
	    cmocka_unit_test(a_member_and_its_chain),
	    cmocka_unit_test(what_tightens)};

	return cmocka_run_group_tests_name(
	    "fleet_text", tests, setup, teardown);
}
