/*
 * Lists that come back from a signer or are taken over: which list answers
 * which approval, and that a refusal changes nothing. What one list may say
 * after another is crl_law's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/service/desk/publish.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define DAY       86400
#define PUBLIC    "http://crl.example"
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca;
static struct config config;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	snprintf(config.public_url, sizeof(config.public_url), PUBLIC);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	test_ca_free(&ca);
	return 0;
}

/* A list as its CA would sign it, for that list's URL. */
struct wish {
	const char *list;
	uint64_t number;
	const struct test_crl *old;
	const struct crl_add *add;
	size_t num_add;
	bool delta;
	uint64_t base;
};

static void
sign(struct test_crl *out, const struct wish *w)
{
	const struct test_ca *by =
	    strcmp(w->list, "doorman") == 0 ? &ca : &root;
	char url[CONF_TEXT + 64];
	struct crl_plan plan = {.ca = by->cert,
	    .number = w->number,
	    .is_delta = w->delta,
	    .base_number = w->base,
	    .url = url,
	    .this_update = NOW - 10,
	    .next_update = NOW + DAY,
	    .add = w->add,
	    .num_add = w->num_add};

	if (w->old != NULL)
		plan.old_entries = w->old->crl.entries;
	config_list_url(url, PUBLIC, w->list, 0);
	test_crl_make(out, &plan, by->seal);
}

static enum publish
submit(const char *list, const test_id *ids, size_t num_ids,
    const struct test_crl *full, const struct test_crl *delta, struct fault *f)
{
	struct submission s = {.list = list,
	    .ids = ids,
	    .num_ids = num_ids,
	    .full = buf_view(&full->der),
	    .by = {"ann", "", -1},
	    .now = NOW};
	uint64_t number = 0;
	enum publish rc;

	if (delta != NULL)
		s.delta = buf_view(&delta->der);
	f->msg[0] = '\0';
	rc = publish_crl(&test_store, &config, &s, &number, f);
	if (rc == PUBLISH_DONE)
		assert_true(number == full->crl.number);
	return rc;
}

static void
is_refused(enum publish rc, const struct fault *f, const char *says)
{
	/* What was approved once and is not by now is looked at again. */
	if (rc !=
		(strstr(f->msg, "by now") != NULL ? PUBLISH_CHANGED
						  : PUBLISH_REFUSED) ||
	    strstr(f->msg, says) == NULL)
		fail_msg("%d and not '%s': '%s'", rc, says, f->msg);
}

/* The first lists of all three, signed and published. */
static void
begin(struct test_crl first[3])
{
	struct fault f;

	for (int i = 0; i < CONFIG_NUM_LISTS; i++) {
		sign(&first[i],
		    &(struct wish){.list = config_lists[i], .number = 1});
		if (submit(config_lists[i], NULL, 0, &first[i], NULL, &f) !=
		    PUBLISH_DONE)
			fail_msg("%s", f.msg);
	}
}

static void
end(struct test_crl first[3])
{
	for (int i = 0; i < CONFIG_NUM_LISTS; i++)
		buf_free(&first[i].der);
}

static void
an_approval_becomes_an_entry(void **state)
{
	struct crl_add add = test_crl_add("1111", 1, NOW - 60);
	struct test_crl first[3], next;
	struct fault f;
	test_id id[1];

	(void)state;
	begin(first);
	test_put_revocation(id[0], "doorman", "1111", 1, NOW - 60);
	sign(&next,
	    &(struct wish){
		.list = "doorman", .number = 2, .add = &add, .num_add = 1});
	if (submit("doorman", id, 1, &next, NULL, &f) != PUBLISH_DONE)
		fail_msg("%s", f.msg);
	test_is_in_state(id[0], "DONE");
	assert_int_equal(
	    store_number(&test_store, 0,
		"SELECT crl_number FROM request WHERE id=?", "t", id[0]),
	    2);
	/* Older lists are kept, to be found by time. */
	assert_int_equal(test_count("crl"), 4);
	assert_int_equal(test_count("crl WHERE full_der IS NULL"), 0);
	buf_free(&next.der);
	end(first);
}

/*
 * Serial 1111 is approved, in that state and on that list; a list with it is
 * submitted. Else the approval would be done, and the entry on no list that
 * anybody asks for that peer.
 */
static void
an_approval_is_of_one_list_and_state(void **state)
{
	static const struct {
		const char *approved_for, *state, *submitted;
	} rows[] = {
	    {"doorman", "APPROVED", "root"},
	    {"doorman", "APPROVED", "empty"},
	    {"root", "APPROVED", "doorman"},
	    {"root", "APPROVED", "empty"},
	    {"empty", "APPROVED", "root"},
	    {"doorman", "NEW", "doorman"},
	    {"doorman", "TICKET_CREATED", "doorman"},
	    {"doorman", "DONE", "doorman"},
	    {"doorman", "REJECTED", "doorman"},
	    {"doorman", "WITHDRAWN", "doorman"},
	    {"doorman", "FAILED", "doorman"},
	};
	struct crl_add add = test_crl_add("1111", 1, NOW - 60);
	struct test_crl first[3], next;

	(void)state;
	begin(first);
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f;
		test_id id[1];

		test_put_revocation(
		    id[0], rows[i].approved_for, "1111", 1, NOW - 60);
		test_set_state(id[0], rows[i].state);
		sign(&next,
		    &(struct wish){.list = rows[i].submitted,
			.number = 2,
			.add = &add,
			.num_add = 1});
		is_refused(submit(rows[i].submitted, id, 1, &next, NULL, &f),
		    &f, "is not an approved revocation of list");
		test_is_in_state(id[0], rows[i].state);
		assert_int_equal(test_count("crl"), 3);
		buf_free(&next.der);
		/* Out of the way of the next. */
		test_set_state(id[0], "REJECTED");
	}
	end(first);
}

/* What the signer says about one request; the others are none the wiser. */
static void
what_failed_is_marked(void **state)
{
	static const struct signer by = {"uid 7", "local uid 7", 7};
	static const struct {
		const char *state;
		enum publish rc;
	} others[] = {
	    {"NEW", PUBLISH_REFUSED},
	    {"TICKET_CREATED", PUBLISH_REFUSED},
	    {"REJECTED", PUBLISH_REFUSED},
	    {"DONE", PUBLISH_CHANGED},
	    {"WITHDRAWN", PUBLISH_CHANGED},
	    {"FAILED", PUBLISH_CHANGED},
	};
	struct fault f = {""};
	test_id id, beside;

	(void)state;
	test_put_revocation(id, "doorman", "1111", 1, NOW);
	test_put_revocation(beside, "doorman", "2222", 1, NOW);
	assert_int_equal(
	    publish_failed(&test_store, id, "odd \302\233", &by, NOW, &f),
	    PUBLISH_DONE);
	test_is_in_state(id, "FAILED");
	test_is_in_state(beside, "APPROVED");
	assert_int_equal(test_count("request WHERE trouble='odd \\u{9B}' AND "
				    "trouble_at=1800000000"),
	    1);
	assert_int_equal(test_count("transition WHERE from_state='APPROVED' "
				    "AND to_state='FAILED' AND uid=7 AND "
				    "who='uid 7' AND note='odd \\u{9B}'"),
	    1);
	for (size_t i = 0; i < NUM(others); i++) {
		test_set_state(id, others[i].state);
		assert_int_equal(
		    publish_failed(&test_store, id, "odd", &by, NOW, &f),
		    others[i].rc);
		test_is_in_state(id, others[i].state);
	}
	assert_int_equal(test_count("transition"), 1);
}

/* An override is used only where there is need, and then it is on record. */
static void
a_wrong_clock_is_on_record(void **state)
{
	struct test_crl first, next;
	struct submission s = {
	    .list = "doorman", .by = {"ann", "", -1}, .now = NOW};
	char url[CONF_TEXT + 64];
	struct crl_plan plan = {.ca = ca.cert,
	    .number = 1,
	    .url = url,
	    .this_update = NOW + 10 * DAY,
	    .next_update = NOW + 11 * DAY};
	struct fault f = {""};
	uint64_t number;

	(void)state;
	config_list_url(url, PUBLIC, "doorman", 0);
	test_crl_make(&first, &plan, ca.seal);
	s.full = buf_view(&first.der);
	s.now = NOW + 10 * DAY; /* the clock that was wrong */
	assert_int_equal(
	    publish_crl(&test_store, &config, &s, &number, &f), PUBLISH_DONE);
	plan.number = 2;
	plan.this_update = NOW;
	plan.next_update = NOW + DAY;
	test_crl_make(&next, &plan, ca.seal);
	s.full = buf_view(&next.der);
	s.now = NOW;
	is_refused(publish_crl(&test_store, &config, &s, &number, &f), &f,
	    "sign with --clock-was-wrong");
	s.clock_was_wrong = true;
	assert_int_equal(
	    publish_crl(&test_store, &config, &s, &number, &f), PUBLISH_DONE);
	assert_int_equal(test_count("crl WHERE note=''"), 1);
	assert_int_equal(
	    test_count("crl WHERE number=2 AND note LIKE 'clock-was-wrong: "
		       "thisUpdate 2027-01-15T08:00:00Z after "
		       "2027-01-25T08:00:00Z of number 1'"),
	    1);
	buf_free(&next.der);
	/* Given again without need: nothing is recorded. */
	plan.number = 3;
	test_crl_make(&next, &plan, ca.seal);
	s.full = buf_view(&next.der);
	assert_int_equal(
	    publish_crl(&test_store, &config, &s, &number, &f), PUBLISH_DONE);
	assert_int_equal(test_count("crl WHERE note=''"), 2);
	buf_free(&next.der);
	buf_free(&first.der);
}

static void
refused_to(
    const struct signer *by, const test_id *id, const struct test_crl *next)
{
	struct submission s = {.list = "doorman",
	    .ids = id,
	    .num_ids = 1,
	    .full = buf_view(&next->der),
	    .by = *by,
	    .now = NOW};
	struct fault f = {""};
	uint64_t number;

	is_refused(publish_crl(&test_store, &config, &s, &number, &f), &f,
	    "approved it");
	test_is_in_state(id[0], "APPROVED");
}

/* Four eyes at the last moment, in the transaction that publishes. */
static void
who_approved_does_not_sign(void **state)
{
	static const struct {
		const char *who, *names; /* approver; signer_names */
		long uid;                /* of the approver */
		struct signer by;
		bool may;
	} rows[] = {
	    {"carol", "", 7, {"uid 7", "", 7}, false},
	    {"carol", "", 8, {"uid 7", "", 7}, true},
	    {"carol", "", -1, {"uid 7", "", 7}, true},
	    {"carol", "dave, Carol", -1, {"uid 7", "", 7}, false},
	    {"carol", "dave,caro", -1, {"uid 7", "", 7}, true},
	    {"carol", "carol", 8, {"CN=x", "", -1}, false},
	    {"uid 7", "", -1, {"uid 7", "", 7}, false},
	    {"doorman-signer", "", -1, {"CN=doorman-signer", "", -1}, false},
	    {"\303\211ve", "dave, \303\251VE", -1, {"CN=x", "", -1}, false},
	    {NULL, "", -1, {"uid 7", "", 7}, false}, /* nobody on record */
	};
	struct crl_add add = test_crl_add("1111", 1, NOW - 60);
	struct test_crl first[3], next;

	(void)state;
	begin(first);
	sign(&next,
	    &(struct wish){
		.list = "doorman", .number = 2, .add = &add, .num_add = 1});
	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		char why[256];
		test_id id[1];

		test_put_revocation(id[0], "doorman", "1111", 1, NOW - 60);
		if (rows[i].who != NULL)
			assert_int_equal(store_run(&test_store, &f,
					     "INSERT INTO approval(request,"
					     " who, uid, at) VALUES(?,?,?,1)",
					     "tti", id[0], rows[i].who,
					     (int64_t)rows[i].uid),
			    0);
		snprintf(config.signer_names, sizeof(config.signer_names), "%s",
		    rows[i].names);
		config.approver_is_not_signer = 1;
		four_eyes(&test_store, &config, id[0], &rows[i].by, why);
		if ((why[0] == '\0') != rows[i].may)
			fail_msg("row %zu: '%s'", i, why);
		if (!rows[i].may)
			refused_to(&rows[i].by, id, &next);
		config.approver_is_not_signer = 0;
		four_eyes(&test_store, &config, id[0], &rows[i].by, why);
		assert_string_equal(why, "");
		test_set_state(id[0], "REJECTED");
	}
	config.signer_names[0] = '\0';
	buf_free(&next.der);
	end(first);
}

static void
what_was_never_asked_is_not_revoked(void **state)
{
	struct crl_add add[] = {test_crl_add("1111", 1, NOW - 60),
	    test_crl_add("2222", 1, NOW - 60)};
	struct test_crl first[3], next;
	struct fault f;
	test_id ids[2], csr[1], unknown[1];

	(void)state;
	begin(first);
	test_put_revocation(ids[0], "doorman", "1111", 1, NOW - 60);
	memcpy(ids[1], ids[0], sizeof(ids[0]));
	test_put_csr(csr[0], "O=Alice", view_of("x", 1));
	assert_int_equal(store_new_id(unknown[0], &f), 0);
	sign(&next,
	    &(struct wish){
		.list = "doorman", .number = 2, .add = add, .num_add = 1});
	is_refused(submit("doorman", csr, 1, &next, NULL, &f), &f,
	    "is not an approved revocation");
	is_refused(submit("doorman", unknown, 1, &next, NULL, &f), &f,
	    "is not an approved revocation");
	is_refused(submit("doorman", ids, 0, &next, NULL, &f), &f,
	    "0 old and 0 approved make 0");
	buf_free(&next.der);
	/* One approval named twice does not pay for a second entry. */
	sign(&next,
	    &(struct wish){
		.list = "doorman", .number = 2, .add = add, .num_add = 2});
	assert_int_not_equal(
	    submit("doorman", ids, 2, &next, NULL, &f), PUBLISH_DONE);
	test_is_in_state(ids[0], "APPROVED");
	assert_int_equal(test_count("crl"), 3);
	assert_int_equal(test_count("transition"), 0);
	buf_free(&next.der);
	end(first);
}

/* Even where a request of that list has come into the store somehow. */
static void
the_empty_list_stays_empty(void **state)
{
	struct crl_add add = test_crl_add("1111", 1, NOW - 60);
	struct test_crl first[3], next;
	struct fault f;
	test_id id[1];

	(void)state;
	begin(first);
	test_put_revocation(id[0], "empty", "1111", 1, NOW - 60);
	sign(&next,
	    &(struct wish){
		.list = "empty", .number = 2, .add = &add, .num_add = 1});
	is_refused(submit("empty", id, 1, &next, NULL, &f), &f,
	    "the list 'empty' is always empty");
	test_is_in_state(id[0], "APPROVED");
	buf_free(&next.der);
	end(first);
}

/* One CA signs two lists, two CAs sign three: none stands for another. */
static void
no_list_stands_for_another(void **state)
{
	struct test_crl first[3], next;

	(void)state;
	begin(first);
	for (int i = 0; i < CONFIG_NUM_LISTS; i++) {
		sign(&next,
		    &(struct wish){.list = config_lists[i], .number = 2});
		for (int n = 0; n < CONFIG_NUM_LISTS; n++) {
			struct fault f;

			if (n != i)
				is_refused(submit(config_lists[n], NULL, 0,
					       &next, NULL, &f),
				    &f, "");
		}
		buf_free(&next.der);
	}
	assert_int_equal(test_count("crl"), 3);
	end(first);
}

static void
a_delta_comes_with_its_list(void **state)
{
	struct crl_add add = test_crl_add("1111", 1, NOW - 60);
	struct test_crl first[3], next, delta, bad;
	struct fault f;
	test_id id[1];

	(void)state;
	begin(first);
	test_put_revocation(id[0], "doorman", "1111", 1, NOW - 60);
	sign(&next,
	    &(struct wish){
		.list = "doorman", .number = 2, .add = &add, .num_add = 1});
	/* It forgets what was approved; it is none; it is no list at all. */
	sign(&bad,
	    &(struct wish){
		.list = "doorman", .number = 2, .delta = true, .base = 1});
	is_refused(submit("doorman", id, 1, &next, &bad, &f), &f,
	    "approved serial 1111 is not in the CRL");
	is_refused(submit("doorman", id, 1, &next, &next, &f), &f,
	    "a full CRL stands where a delta belongs");
	bad.der.len--;
	is_refused(submit("doorman", id, 1, &next, &bad, &f), &f, "");
	is_refused(submit("doorman", id, 1, &bad, NULL, &f), &f, "");
	buf_free(&bad.der);
	sign(&delta,
	    &(struct wish){.list = "doorman",
		.number = 2,
		.delta = true,
		.base = 1,
		.add = &add,
		.num_add = 1});
	is_refused(submit("doorman", id, 1, &delta, NULL, &f), &f,
	    "a delta stands where a full CRL belongs");
	test_is_in_state(id[0], "APPROVED");
	assert_int_equal(
	    submit("doorman", id, 1, &next, &delta, &f), PUBLISH_DONE);
	buf_free(&next.der);
	/* The next goes on from it, and must not forget it. */
	sign(&bad,
	    &(struct wish){
		.list = "doorman", .number = 3, .delta = true, .base = 1});
	sign(&next,
	    &(struct wish){.list = "doorman", .number = 3, .old = &delta});
	is_refused(submit("doorman", NULL, 0, &next, &bad, &f), &f,
	    "serial 1111 of the current delta is missing");
	buf_free(&bad.der);
	buf_free(&next.der);
	buf_free(&delta.der);
	end(first);
}

static void
spoil(const char *sql)
{
	struct fault f = {""};

	if (store_run(&test_store, &f, sql, "") != 0)
		fail_msg("%s", f.msg);
}

/* What cannot be read is not nothing: no list may follow as the first. */
static void
an_unreadable_list_is_not_forgotten(void **state)
{
	static const char *const spoilt[] = {
	    "UPDATE crl SET full_der=x'3000' WHERE list='doorman'",
	    "UPDATE crl SET full_der=NULL WHERE list='doorman'",
	};
	struct test_crl first[3], next;

	(void)state;
	begin(first);
	sign(&next, &(struct wish){.list = "doorman", .number = 2});
	for (size_t i = 0; i < NUM(spoilt); i++) {
		struct fault f;

		spoil(spoilt[i]);
		assert_int_equal(
		    submit("doorman", NULL, 0, &next, NULL, &f), PUBLISH_FAULT);
		assert_non_null(strstr(f.msg, "is unreadable"));
	}
	assert_int_equal(test_count("crl"), 3);
	buf_free(&next.der);
	end(first);
}

/* Signed by the CA, and yet the database would find it the oldest of all. */
static void
a_number_fits_the_database(void **state)
{
	static const uint64_t numbers[] = {
	    (uint64_t)INT64_MAX + 1, UINT64_MAX, INT64_MAX};
	struct test_crl first[3], next;

	(void)state;
	begin(first);
	for (size_t i = 0; i < NUM(numbers); i++) {
		struct fault f;

		sign(&next,
		    &(struct wish){.list = "doorman", .number = numbers[i]});
		assert_int_equal(
		    submit("doorman", NULL, 0, &next, NULL, &f) == PUBLISH_DONE,
		    numbers[i] <= INT64_MAX);
		buf_free(&next.der);
	}
	assert_int_equal(test_count("crl WHERE number < 0"), 0);
	end(first);
}

/* Lists of before the doorman. */

static enum publish
import(const char *list, const struct test_crl *crl, struct fault *f)
{
	f->msg[0] = '\0';
	return publish_import(
	    &test_store, &config, list, buf_view(&crl->der), "ann", NOW, f);
}

static void
what_is_taken_over_is_newer_and_the_ca_s(void **state)
{
	static const struct wish wishes[] = {
	    {.list = "root", .number = 9},
	    {.list = "doorman", .number = 9, .delta = true, .base = 8},
	    {.list = "doorman", .number = 5},
	    {.list = "doorman", .number = 5},
	    {.list = "doorman", .number = 4},
	    {.list = "doorman", .number = 6},
	};
	static const char *const says[] = {"another issuer",
	    "a delta cannot be imported", NULL, "at number 5 already",
	    "at number 5 already", NULL};
	struct test_crl crl;
	struct fault f;
	test_id id;

	(void)state;
	for (size_t i = 0; i < NUM(wishes); i++) {
		enum publish rc;

		sign(&crl, &wishes[i]);
		rc = import("doorman", &crl, &f);
		if (says[i] != NULL)
			is_refused(rc, &f, says[i]);
		else
			assert_int_equal(rc, PUBLISH_DONE);
		buf_free(&crl.der);
	}
	assert_int_equal(test_count("crl"), 2);
	/* A signature that is not the CA's. */
	sign(&crl, &(struct wish){.list = "doorman", .number = 7});
	crl.der.p[crl.der.len - 1] ^= 1;
	is_refused(import("doorman", &crl, &f), &f, "does not verify");
	crl.der.p[crl.der.len - 1] ^= 1;
	/* Once something was revoked here it would be forgotten. */
	test_put_revocation(id, "doorman", "1111", 1, NOW);
	test_set_state(id, "DONE");
	is_refused(import("doorman", &crl, &f), &f,
	    "import comes before the first revocation");
	test_set_state(id, "APPROVED");
	assert_int_equal(import("doorman", &crl, &f), PUBLISH_DONE);
	test_is_in_state(id, "APPROVED");
	buf_free(&crl.der);
}

/* A root that is kept outside: its lists come signed, one after another. */
static void
an_outside_list_settles_and_forgets_nothing(void **state)
{
	struct crl_add add[] = {test_crl_add("1111", 1, NOW - 60),
	    test_crl_add("2222", 4, NOW - 60)};
	struct test_crl first[3], crl;
	struct import_done done;
	struct fault f = {""};
	test_id id, other;

	(void)state;
	begin(first);
	test_put_revocation(id, "root", "1111", 2, NOW - 60);
	test_put_revocation(other, "root", "3333", 2, NOW - 60);
	sign(&crl,
	    &(struct wish){
		.list = "root", .number = 7, .add = add, .num_add = 2});
	assert_int_equal(publish_import_told(&test_store, &config, "root",
			     buf_view(&crl.der), "ann", NOW, &done, &f),
	    PUBLISH_DONE);
	assert_int_equal(done.number, 7);
	assert_int_equal(done.num_entries, 2);
	assert_int_equal(done.num_requests, 1);
	test_is_in_state(id, "DONE");
	test_is_in_state(other, "APPROVED");
	buf_free(&crl.der);
	/* 2222 was revoked by nobody here, and stays revoked. */
	sign(&crl,
	    &(struct wish){
		.list = "root", .number = 8, .add = add, .num_add = 1});
	is_refused(import("root", &crl, &f), &f,
	    "serial 0x2222 of list 'root' in force is not on it");
	/* Until its certificate has ended. */
	for (int late = 0; late < 2; late++) {
		assert_int_equal(
		    store_run(&test_store, &f,
			late == 0
			    ? "INSERT INTO certificate(list, serial, subject,"
			      " not_after, is_ca, der)"
			      " VALUES('root', '2222', 'O=X', ?, 0, x'00')"
			    : "UPDATE certificate SET not_after=?",
			"i", (int64_t)NOW - late),
		    0);
		assert_int_equal(import("root", &crl, &f),
		    late == 0 ? PUBLISH_REFUSED : PUBLISH_DONE);
	}
	buf_free(&crl.der);
	/* Nothing stands in `empty`. */
	sign(&crl,
	    &(struct wish){
		.list = "empty", .number = 7, .add = add, .num_add = 1});
	is_refused(import("empty", &crl, &f), &f, "is always empty");
	buf_free(&crl.der);
	/* removeFromCRL is a word of deltas. */
	add[0].reason = 8;
	sign(&crl,
	    &(struct wish){
		.list = "root", .number = 9, .add = add, .num_add = 1});
	is_refused(import("root", &crl, &f), &f, "removeFromCRL");
	buf_free(&crl.der);
	end(first);
}

/* The next list, as if the one before it had come so many days ago. */
static void
publish_next(uint64_t number, long days_before)
{
	struct test_crl next;
	struct fault f = {""};

	assert_int_equal(
	    store_run(&test_store, &f,
		"UPDATE crl SET published_at=? WHERE list='doorman' AND"
		" number=?",
		"ii", (int64_t)NOW - days_before * DAY, (int64_t)number - 1),
	    0);
	sign(&next, &(struct wish){.list = "doorman", .number = number});
	if (submit("doorman", NULL, 0, &next, NULL, &f) != PUBLISH_DONE)
		fail_msg("%s", f.msg);
	buf_free(&next.der);
}

static void
old_bytes_go_where_the_configuration_says(void **state)
{
	struct test_crl first[3];

	(void)state;
	begin(first);
	publish_next(2, 10);
	publish_next(3, 5);
	publish_next(4, 1);
	assert_int_equal(test_count("crl WHERE full_der IS NULL"), 0);
	config.keep_crls_days = 2;
	publish_next(5, 1);
	config.keep_crls_days = 0;
	assert_int_equal(test_count("crl WHERE full_der IS NULL"), 1);
	assert_int_equal(
	    test_count("crl WHERE full_der IS NULL AND number=1 AND"
		       " list='doorman'"),
	    1);
	end(first);
}

int
main(void)
{
#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    WITH_STORE(an_approval_becomes_an_entry),
	    WITH_STORE(old_bytes_go_where_the_configuration_says),
	    WITH_STORE(an_approval_is_of_one_list_and_state),
	    WITH_STORE(what_was_never_asked_is_not_revoked),
	    WITH_STORE(what_failed_is_marked),
	    WITH_STORE(a_wrong_clock_is_on_record),
	    WITH_STORE(who_approved_does_not_sign),
	    WITH_STORE(the_empty_list_stays_empty),
	    WITH_STORE(no_list_stands_for_another),
	    WITH_STORE(a_delta_comes_with_its_list),
	    WITH_STORE(an_unreadable_list_is_not_forgotten),
	    WITH_STORE(a_number_fits_the_database),
	    WITH_STORE(an_outside_list_settles_and_forgets_nothing),
	    WITH_STORE(what_is_taken_over_is_newer_and_the_ca_s),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
