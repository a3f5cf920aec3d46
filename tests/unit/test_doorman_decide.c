/*
 * Decisions: from which state to which, by how many people, and what is left
 * behind when one is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "fixtures/doorman/service/tickets/decide.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

enum what {
	APPROVE,
	REJECT,
	WITHDRAW,
	RETRY
};

static struct config one = {.approvals_ca_compromise = 1, .name_rules = "any"};
static struct config two = {.approvals_ca_compromise = 2, .name_rules = "any"};

static enum decide
decide(enum what what, const struct config *c, const char *id, const char *who,
    long uid, struct fault *f)
{
	struct decider d = {who, "because", "local uid 7", uid, 88};
	const char *to;

	switch (what) {
	case APPROVE:
		return decide_approve(&test_store, c, id, &d, f);
	case REJECT:
		return decide_reject(&test_store, id, &d, &to, f);
	case WITHDRAW:
		return decide_withdraw(&test_store, id, &d, f);
	default:
		return decide_retry(&test_store, c, id, &d, &to, f);
	}
}

/* Each state and each decision; what is refused leaves no step behind. */
static void
what_awaits_a_decision_gets_one(void **state)
{
	static const char *const states[] = {"NEW", "TICKET_CREATED",
	    "APPROVED", "DONE", "REJECTED", "WITHDRAWN", "FAILED"};
	/* By state; NULL: refused. */
	static const char *const then[][NUM(states)] = {
	    [APPROVE] = {NULL, "APPROVED", NULL, NULL, NULL, NULL, NULL},
	    [REJECT] = {NULL, "REJECTED", "WITHDRAWN", NULL, NULL, NULL,
		"WITHDRAWN"},
	    [WITHDRAW] = {NULL, NULL, "WITHDRAWN", NULL, NULL, NULL,
		"WITHDRAWN"},
	    [RETRY] = {NULL, NULL, NULL, NULL, NULL, NULL, "APPROVED"},
	};

	for (size_t w = 0; w < NUM(then); w++) {
		for (size_t i = 0; i < NUM(states); i++) {
			const char *want = then[w][i];
			struct fault f = {""};
			enum decide rc;
			test_id id;

			test_store_setup(state);
			test_put_revocation(id, "doorman", "1111", 1, 77);
			test_set_state(id, states[i]);
			rc = decide((enum what)w, &one, id, "carol", 7, &f);
			if (rc != (want != NULL ? DECIDE_DONE : DECIDE_STATE))
				fail_msg(
				    "%zu %s: %d %s", w, states[i], rc, f.msg);
			test_is_in_state(id, want != NULL ? want : states[i]);
			assert_int_equal(test_count("transition WHERE who="
						    "'carol' AND uid=7 AND "
						    "note='because' AND "
						    "origin='local uid 7'"),
			    want != NULL);
			if (want == NULL)
				assert_non_null(strstr(f.msg, states[i]));
			assert_int_equal(test_count("request WHERE "
						    "approved_at=88 AND "
						    "approved_by='carol'"),
			    w == APPROVE && want != NULL);
			test_store_teardown(state);
		}
	}
}

static void
a_retry_forgets_the_trouble(void **state)
{
	struct fault f = {""};
	test_id id;

	(void)state;
	test_put_revocation(id, "doorman", "1111", 1, 77);
	test_set_state(id, "FAILED");
	assert_int_equal(
	    store_run(&test_store, &f,
		"UPDATE request SET trouble='odd', trouble_at=5", ""),
	    0);
	assert_int_equal(decide(RETRY, &one, id, "carol", 7, &f), DECIDE_DONE);
	assert_int_equal(test_count("request WHERE trouble IS NULL AND "
				    "trouble_at IS NULL AND approved_at=77"),
	    1);
}

/* Only with trouble: a ticket that is well is not made twice. */
static void
a_ticket_in_trouble_is_made_anew(void **state)
{
	struct fault f = {""};
	test_id id;

	(void)state;
	test_put_revocation(id, "doorman", "1111", 1, 77);
	test_set_state(id, "TICKET_CREATED");
	assert_int_equal(decide(RETRY, &one, id, "carol", 7, &f), DECIDE_STATE);
	assert_non_null(strstr(f.msg, "in trouble"));
	assert_int_equal(
	    store_run(&test_store, &f,
		"UPDATE request SET trouble='lost', trouble_at=5, retry_at=9,"
		" ticket='REV-1'",
		""),
	    0);
	assert_int_equal(decide(RETRY, &one, id, "carol", 7, &f), DECIDE_DONE);
	test_is_in_state(id, "NEW");
	assert_int_equal(test_count("request WHERE trouble IS NULL AND "
				    "retry_at IS NULL AND ticket IS NULL"),
	    1);
	assert_int_equal(test_count("transition WHERE from_state="
				    "'TICKET_CREATED' AND to_state='NEW'"),
	    1);
	assert_int_equal(decide(RETRY, &one, id, "carol", 7, &f), DECIDE_STATE);
	assert_int_equal(store_run(&test_store, &f,
			     "UPDATE request SET trouble='no', retry_at=9", ""),
	    0);
	assert_int_equal(decide(RETRY, &one, id, "carol", 7, &f), DECIDE_DONE);
	assert_int_equal(test_count("request WHERE retry_at IS NULL AND "
				    "state='NEW'"),
	    1);
}

static void
put_certificate(const char *serial, int is_ca)
{
	struct fault f = {""};

	if (store_run(&test_store, &f,
		"INSERT INTO certificate(list, serial, subject, not_after,"
		" is_ca, der) VALUES('doorman',?,'O=Alice',1,?,x'30')",
		"ti", serial, (int64_t)is_ca) != 0)
		fail_msg("%s", f.msg);
}

/* Whose approvals count how often: of a CA, and of others. */
static void
two_people_approve_what_is_grave(void **state)
{
	static const struct {
		const char *serial;
		int reason;
		long needed;
	} rows[] = {
	    {"11", 1, 1},               /* an end entity's key */
	    {"11", 2, 2},               /* CA_COMPROMISE, whatever it is */
	    {"CA", 4, 2},               /* a CA, for any reason */
	    {"CA", 2, 2}, {"99", 4, 2}, /* nobody knows what it is */
	};

	for (size_t i = 0; i < NUM(rows); i++) {
		struct fault f = {""};
		struct approvals a;
		test_id id;

		test_store_setup(state);
		put_certificate("11", 0);
		put_certificate("CA", 1);
		test_put_revocation(
		    id, "doorman", rows[i].serial, rows[i].reason, 77);
		test_set_state(id, "TICKET_CREATED");
		a = decide_approvals(&test_store, &one, id);
		assert_int_equal(a.needed, 1);
		a = decide_approvals(&test_store, &two, id);
		assert_int_equal(a.needed, rows[i].needed);
		assert_int_equal(decide(APPROVE, &two, id, "carol", 7, &f),
		    rows[i].needed > 1 ? DECIDE_MORE : DECIDE_DONE);
		test_is_in_state(
		    id, rows[i].needed > 1 ? "TICKET_CREATED" : "APPROVED");
		test_store_teardown(state);
	}
}

static void
the_second_is_another_person(void **state)
{
	static const struct {
		const char *who;
		long uid;
		enum decide rc;
	} rows[] = {
	    {"carol", 7, DECIDE_REFUSED},
	    {"dave", 7, DECIDE_REFUSED},  /* the same user of this host */
	    {"carol", 8, DECIDE_REFUSED}, /* the same name */
	    {"CAROL", 8, DECIDE_REFUSED},
	    {"dave", 8, DECIDE_DONE},
	};
	struct fault f = {""};
	struct approvals a;
	test_id id;

	(void)state;
	test_put_revocation(id, "doorman", "1111", 2, 77);
	test_set_state(id, "TICKET_CREATED");
	assert_int_equal(
	    decide(APPROVE, &two, id, "carol", 7, &f), DECIDE_MORE);
	for (size_t i = 0; i < NUM(rows); i++) {
		a = decide_approvals(&test_store, &two, id);
		assert_int_equal(a.have, 1);
		assert_int_equal(
		    decide(APPROVE, &two, id, rows[i].who, rows[i].uid, &f),
		    rows[i].rc);
	}
	test_is_in_state(id, "APPROVED");
	assert_int_equal(
	    test_count("request WHERE approved_by='carol, dave'"), 1);
	/* The first approval is a step of its own. */
	assert_int_equal(
	    test_count("transition WHERE to_state='TICKET_CREATED'"), 1);
	assert_int_equal(test_count("transition WHERE to_state='APPROVED'"), 1);
}

/* Names a ticket tool gives have no uid: they are compared as names. */
static void
two_names_without_a_user(void **state)
{
	struct fault f = {""};
	test_id id;

	(void)state;
	test_put_revocation(id, "doorman", "1111", 2, 77);
	test_set_state(id, "TICKET_CREATED");
	assert_int_equal(
	    decide(APPROVE, &two, id, "\303\211ve", -1, &f), DECIDE_MORE);
	assert_int_equal(
	    decide(APPROVE, &two, id, "\303\251VE", -1, &f), DECIDE_REFUSED);
	assert_int_equal(
	    decide(APPROVE, &two, id, "dave", -1, &f), DECIDE_DONE);
}

/* A request that can be read, of a key of its own. */
static void
put_csr(test_id id, const char *organisation)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = test_csr(key, organisation);
	char subject[64];
	struct buf der;

	buf_init(&der, 65536);
	test_csr_der(&der, req);
	snprintf(subject, sizeof(subject), "O=%s", organisation);
	test_put_csr(id, subject, buf_view(&der));
	buf_free(&der);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

static void
one_approved_request_a_name(void **state)
{
	struct fault f = {""};
	test_id first, second, other;

	(void)state;
	put_csr(first, "Alice");
	test_set_state(first, "FAILED");
	assert_int_equal(
	    store_run(&test_store, &f, "UPDATE request SET key_hash='z'", ""),
	    0);
	put_csr(second, "Alice");
	test_set_state(second, "DONE");
	assert_int_equal(store_run(&test_store, &f,
			     "UPDATE request SET state='TICKET_CREATED',"
			     " key_hash='y' WHERE id=?",
			     "t", second),
	    0);
	assert_int_equal(
	    decide(APPROVE, &one, second, "carol", 7, &f), DECIDE_DONE);
	assert_int_equal(
	    decide(RETRY, &one, first, "carol", 7, &f), DECIDE_REFUSED);
	assert_non_null(strstr(f.msg, "the same name 'O=Alice' is approved"));
	test_is_in_state(first, "FAILED");
	put_csr(other, "Bob");
	test_set_state(other, "TICKET_CREATED");
	assert_int_equal(
	    decide(APPROVE, &one, other, "carol", 7, &f), DECIDE_DONE);
	assert_int_equal(
	    decide(WITHDRAW, &one, second, "carol", 7, &f), DECIDE_DONE);
	assert_int_equal(
	    decide(RETRY, &one, first, "carol", 7, &f), DECIDE_DONE);
}

/* One more report about a request, at that time. */
static void
report(const char *id, int reason, const char *reporter, int64_t at)
{
	struct fault f = {""};

	if (store_run(&test_store, &f,
		"INSERT INTO report(request, reporter, reason, origin, proof,"
		" at) VALUES(?,?,?,'','',?)",
		"ttii", id, reporter, (int64_t)reason, at) != 0)
		fail_msg("%s", f.msg);
}

static void
is_approved_for(const char *id, int reason, const char *reporter)
{
	assert_int_equal(
	    store_number(&test_store, 0,
		"SELECT count(*) FROM request WHERE id=? AND reason=? AND"
		" reporter=? AND approved_at=77",
		"tit", id, (int64_t)reason, reporter),
	    1);
}

/* What was approved stays until somebody approves what is worse. */
static void
what_is_worse_is_approved_again(void **state)
{
	static const char *const states[] = {"APPROVED", "FAILED"};
	struct fault f = {""};

	for (size_t i = 0; i < NUM(states); i++) {
		test_id id;

		test_store_setup(state);
		test_put_revocation(id, "doorman", "1111", 4, 77);
		test_set_state(id, states[i]);
		report(id, 4, "ann", 10);
		report(id, 0, "troll", 20);
		assert_int_equal(
		    decide(APPROVE, &one, id, "carol", 7, &f), DECIDE_STATE);
		report(id, 3, "bob", 80);
		report(id, 1, "officer", 81);
		report(id, 1, "late", 82);
		is_approved_for(id, 4, "ann");
		assert_int_equal(
		    decide(APPROVE, &one, id, "carol", 7, &f), DECIDE_DONE);
		test_is_in_state(id, states[i]);
		is_approved_for(id, 1, "officer");
		assert_int_equal(test_count("transition WHERE from_state="
					    "to_state AND note="
					    "'KEY_COMPROMISE; because'"),
		    1);
		/* Nothing is worse than that. */
		assert_int_equal(
		    decide(APPROVE, &one, id, "carol", 7, &f), DECIDE_STATE);
		test_store_teardown(state);
	}
}

/* Of a CA: by two who could both know. Until then it is as it was. */
static void
what_is_worse_of_a_ca_is_approved_by_two(void **state)
{
	struct fault f = {""};
	test_id id;

	(void)state;
	test_put_revocation(id, "root", "2222", 4, 77);
	test_set_state(id, "TICKET_CREATED");
	report(id, 4, "ann", 10);
	assert_int_equal(
	    decide(APPROVE, &two, id, "carol", 7, &f), DECIDE_MORE);
	assert_int_equal(decide(APPROVE, &two, id, "dave", 8, &f), DECIDE_DONE);
	assert_int_equal(
	    store_run(&test_store, &f, "UPDATE request SET approved_at=77", ""),
	    0);
	report(id, 2, "officer", 88);
	assert_int_equal(
	    store_run(&test_store, &f, "UPDATE approval SET at=87", ""), 0);
	assert_int_equal(
	    decide(APPROVE, &two, id, "carol", 7, &f), DECIDE_MORE);
	is_approved_for(id, 4, "ann");
	assert_int_equal(
	    decide(APPROVE, &two, id, "carol", 7, &f), DECIDE_REFUSED);
	is_approved_for(id, 4, "ann");
	assert_int_equal(decide(APPROVE, &two, id, "dave", 8, &f), DECIDE_DONE);
	is_approved_for(id, 2, "officer");
	assert_int_equal(
	    test_count("request WHERE approved_by='carol, dave'"), 1);
}

static void
nobody_decides_what_is_not_there(void **state)
{
	struct fault f = {""};
	test_id id;

	(void)state;
	assert_int_equal(store_new_id(id, &f), 0);
	for (int w = APPROVE; w <= RETRY; w++)
		assert_int_equal(decide((enum what)w, &one, id, "carol", 7, &f),
		    DECIDE_STATE);
	assert_int_equal(test_count("transition"), 0);
}

#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_awaits_a_decision_gets_one),
	    WITH_STORE(a_retry_forgets_the_trouble),
	    WITH_STORE(a_ticket_in_trouble_is_made_anew),
	    cmocka_unit_test(two_people_approve_what_is_grave),
	    WITH_STORE(the_second_is_another_person),
	    WITH_STORE(two_names_without_a_user),
	    WITH_STORE(one_approved_request_a_name),
	    cmocka_unit_test(what_is_worse_is_approved_again),
	    WITH_STORE(what_is_worse_of_a_ca_is_approved_by_two),
	    WITH_STORE(nobody_decides_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
