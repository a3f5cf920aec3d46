/* Everything that is said about a certificate, and how much room there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/base/reason.h"
#include "fixtures/doorman/service/requests/intake.h"
#include "fixtures/doorman/service/requests/pots.h"
#include "fixtures/doorman/service/requests/reports.h"
#include "fixtures/doorman/service/store/history.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root;
static struct config config;

static int
setup(void **state)
{
	(void)state;
	test_ca_make(&root, "Root", NULL, NOW);
	config.root = config.doorman = root.cert;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	test_ca_free(&root);
	return 0;
}

/* A doorman that issued serials A1..A9 to O=Alice and E1 to a CA. */
static int
store_setup(void **state)
{
	struct fault f;

	test_store_setup(state);
	config.max_open_requests = config.max_open_certificate_requests =
	    config.max_open_per_address = 100;
	for (int i = 1; i <= 10; i++) {
		char serial[24];

		snprintf(serial, sizeof(serial), i == 10 ? "E1" : "A%d", i);
		assert_int_equal(
		    store_run(&test_store, &f,
			"INSERT INTO certificate(list, serial, subject,"
			" not_after, is_ca, der) VALUES('doorman',?,'O=Alice',"
			"?,?,x'')",
			"tii", serial, (int64_t)NOW + 999999,
			(int64_t)(i == 10)),
		    0);
	}
	return 0;
}

static enum intake
say(test_id id, const char *serial, const char *reason, const char *reporter,
    const struct asker *by)
{
	struct form form = {.has_reason = true, .has_reporter = true};
	struct fault f = {""};

	snprintf(form.serial, sizeof(form.serial), "%s", serial);
	snprintf(form.reporter, sizeof(form.reporter), "%s", reporter);
	form.reason = reason_by_name(reason);
	return intake_revocation(&test_store, &config, &form, by, NOW, id, &f);
}

static struct asker
from(const char *origin)
{
	return (struct asker){.origin = origin};
}

static struct asker
officer(const char *name)
{
	struct asker by = {.origin = "192.0.2.9", .kind = PROOF_OFFICER};

	snprintf(by.proof, sizeof(by.proof), "officer %s", name);
	return by;
}

static struct asker
holder(const char *serial)
{
	struct asker by = {.origin = "192.0.2.8",
	    .kind = PROOF_HOLDER,
	    .proof = "holder",
	    .list = "doorman"};

	snprintf(by.serial, sizeof(by.serial), "%s", serial);
	return by;
}

static void
request_says(const char *id, const char *want)
{
	sqlite3_stmt *q = store_query(&test_store, NULL,
	    "SELECT state||' '||reason||' '||reporter||' '||proof FROM request"
	    " WHERE id=?",
	    "t", id);

	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal(store_text(q, 0), want);
	sqlite3_finalize(q);
}

static void
reasons_have_an_order(void **state)
{
	static const char *const order[] = {"KEY_COMPROMISE",
	    "PRIVILEGE_WITHDRAWN", "AFFILIATION_CHANGED",
	    "CESSATION_OF_OPERATION", "SUPERSEDED", "UNSPECIFIED"};

	(void)state;
	for (size_t i = 1; i < NUM(order); i++)
		assert_true(reason_rank(reason_by_name(order[i - 1])) >
		    reason_rank(reason_by_name(order[i])));
	assert_int_equal(reason_rank(1), reason_rank(2));
	assert_true(reason_rank(0) > reason_rank(6));
	assert_int_equal(reason_rank(6), reason_rank(-1));
}

/* Whatever came first, and whoever proves what. */
static void
the_worst_reason_wins(void **state)
{
	struct asker troll = from("198.51.100.1"), ann = from("192.0.2.1");
	struct asker eve = holder("A1"), sec = officer("O=Sec");
	test_id id, again;

	(void)state;
	assert_int_equal(
	    say(id, "A1", "UNSPECIFIED", "troll", &troll), INTAKE_TAKEN);
	request_says(id, "NEW 0 troll ");
	say(again, "A1", "SUPERSEDED", "ann", &ann);
	assert_string_equal(again, id);
	request_says(id, "NEW 4 ann ");
	/* A thief holds the key as well: no proof makes it less bad. */
	say(again, "A1", "KEY_COMPROMISE", "ann", &ann);
	request_says(id, "NEW 1 ann ");
	say(again, "A1", "SUPERSEDED", "eve", &eve);
	request_says(id, "NEW 1 ann holder");
	test_set_state(id, "TICKET_CREATED");
	say(again, "A1", "UNSPECIFIED", "sec", &sec);
	request_says(id, "TICKET_CREATED 1 ann officer O=Sec");
	say(again, "A1", "UNSPECIFIED", "eve", &eve);
	request_says(id, "TICKET_CREATED 1 ann officer O=Sec");
	assert_int_equal(test_count("request"), 1);
	assert_int_equal(test_count("report"), 6);
	/* Of a CA the worst is called otherwise. */
	say(id, "E1", "SUPERSEDED", "ann", &ann);
	say(id, "E1", "CA_COMPROMISE", "bob", &ann);
	request_says(id, "NEW 2 bob ");
	assert_int_equal(
	    say(id, "E1", "KEY_COMPROMISE", "bob", &ann), INTAKE_REFUSED);
	assert_int_equal(
	    say(id, "A1", "CA_COMPROMISE", "bob", &ann), INTAKE_REFUSED);
}

static void
what_was_decided_is_not_changed(void **state)
{
	static const char *const states[] = {"APPROVED", "FAILED", "DONE"};
	struct asker ann = from("192.0.2.1"), sec = officer("O=Sec");
	struct fault f = {""};

	for (size_t i = 0; i < NUM(states); i++) {
		char want[64];
		test_id id, again;
		cJSON *o = cJSON_CreateObject();

		store_setup(state);
		say(id, "A1", "SUPERSEDED", "ann", &ann);
		test_set_state(id, states[i]);
		assert_int_equal(reports_tell(&test_store, id, o, &f), 0);
		assert_null(cJSON_GetObjectItem(o, "worseReported"));
		cJSON_Delete(o);
		say(again, "A1", "KEY_COMPROMISE", "troll", &ann);
		say(again, "A1", "KEY_COMPROMISE", "sec", &sec);
		assert_string_equal(again, id);
		snprintf(want, sizeof(want), "%s 4 ann ", states[i]);
		request_says(id, want);
		assert_int_equal(test_count("report"), 3);
		o = cJSON_CreateObject();
		assert_int_equal(reports_tell(&test_store, id, o, &f), 0);
		assert_true(
		    cJSON_IsTrue(cJSON_GetObjectItem(o, "worseReported")));
		cJSON_Delete(o);
		test_store_teardown(state);
	}
}

/* Two can say the same; one who says it twice has said it once. */
static void
the_same_report_is_kept_once(void **state)
{
	struct asker a = from("192.0.2.1"), b = from("192.0.2.2");
	struct asker eve = holder("A1"), sec = officer("O=Sec");
	struct asker tom = officer("O=Tom");
	test_id id;

	(void)state;
	for (int i = 0; i < 3; i++) {
		say(id, "A1", "SUPERSEDED", "ann", &a);
		say(id, "A1", "SUPERSEDED", "bob", &a);
		say(id, "A1", "SUPERSEDED", "ann", &b);
		say(id, "A1", "UNSPECIFIED", "ann", &a);
		say(id, "A1", "SUPERSEDED", "ann", &sec);
		say(id, "A1", "SUPERSEDED", "ann", &tom);
	}
	assert_int_equal(test_count("report"), 6);
	/* Who proves something has one name, whatever they write. */
	for (int i = 0; i < 300; i++) {
		char name[24];

		snprintf(name, sizeof(name), "eve %d", i);
		say(id, "A1", "SUPERSEDED", name, &eve);
		say(id, "A1", "UNSPECIFIED", name, &sec);
	}
	assert_int_equal(test_count("report"), 8);
}

static void
reports_have_a_limit(void **state)
{
	struct asker troll = from("198.51.100.1"), sec = officer("O=Sec");
	struct asker ann = from("192.0.2.1"), eve = holder("A1");
	struct fault f = {""};
	cJSON *o = cJSON_CreateObject();
	test_id id;

	(void)state;
	for (int i = 0; i < REPORTS_MAX + 7; i++) {
		char name[24];

		snprintf(name, sizeof(name), "troll %d", i);
		assert_int_equal(
		    say(id, "A1", "UNSPECIFIED", name, &troll), INTAKE_TAKEN);
	}
	assert_int_equal(test_count("report"), REPORTS_MAX);
	/* What is worse, and what proves itself, has a place. */
	assert_int_equal(
	    say(id, "A1", "SUPERSEDED", "ann", &ann), INTAKE_TAKEN);
	request_says(id, "NEW 4 ann ");
	assert_int_equal(
	    say(id, "A1", "KEY_COMPROMISE", "ann", &ann), INTAKE_TAKEN);
	request_says(id, "NEW 1 ann ");
	say(id, "A1", "KEY_COMPROMISE", "bob", &ann);
	say(id, "A1", "AFFILIATION_CHANGED", "bob", &ann);
	assert_int_equal(test_count("report"), REPORTS_MAX + 2);
	say(id, "A1", "UNSPECIFIED", "sec", &sec);
	say(id, "A1", "UNSPECIFIED", "eve", &eve);
	assert_int_equal(test_count("report"), REPORTS_MAX + 4);
	assert_int_equal(reports_tell(&test_store, id, o, &f), 0);
	assert_int_equal(cJSON_GetObjectItem(o, "reportsNotKept")->valueint, 9);
	cJSON_Delete(o);
	/* Each one that was kept is a step on record. */
	assert_int_equal(test_count("transition"), REPORTS_MAX + 4);
	assert_int_equal(history_verify(&test_store, NULL, NULL, &f), 0);
}

static void
reports_are_shown(void **state)
{
	struct asker ann = from("192.0.2.1"), sec = officer("O=Sec; C=GB");
	struct report *list;
	struct fault f = {""};
	struct buf line;
	size_t num;
	cJSON *o = cJSON_CreateObject(), *r;
	char *text;
	test_id id;

	(void)state;
	say(id, "A1", "UNSPECIFIED", "troll; approved by \"carol\"", &ann);
	say(id, "A1", "KEY_COMPROMISE", "sec", &sec);
	say(id, "A1", "SUPERSEDED", "bob", &ann);
	assert_int_equal(reports_read(&test_store, id, &list, &num, &f), 0);
	assert_int_equal(num, 3);
	assert_int_equal(reports_worst(list, num), 1);
	buf_init(&line, 4096);
	reports_line(&line, list, num, 2);
	assert_string_equal(buf_str(&line),
	    "KEY_COMPROMISE by \"sec\" (officer O=Sec\\u{3B} C=GB), "
	    "SUPERSEDED by \"bob\", and 1 more");
	buf_free(&line);
	/* Neither looks like what it is not. */
	snprintf(list[0].reporter, sizeof(list[0].reporter),
	    "sec (officer O=Sec), KEY_COMPROMISE by \"x\"; y");
	buf_init(&line, 4096);
	reports_line(&line, list, 1, 9);
	assert_string_equal(buf_str(&line),
	    "UNSPECIFIED by \"sec (officer O=Sec), KEY_COMPROMISE by "
	    "\\\"x\\\"\\u{3B} y\"");
	buf_free(&line);
	snprintf(
	    list[0].reporter, sizeof(list[0].reporter), "sec (officer O=Sec)");
	buf_init(&line, 4096);
	reports_line(&line, list, 1, 9);
	assert_string_equal(
	    buf_str(&line), "UNSPECIFIED by \"sec (officer O=Sec)\"");
	buf_free(&line);
	free(list);
	/* The world sees them, and no address. */
	assert_int_equal(reports_tell(&test_store, id, o, &f), 0);
	r = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "reports"), 1);
	assert_string_equal(
	    cJSON_GetObjectItem(r, "reason")->valuestring, "KEY_COMPROMISE");
	assert_string_equal(
	    cJSON_GetObjectItem(r, "reporter")->valuestring, "sec");
	assert_string_equal(cJSON_GetObjectItem(r, "proof")->valuestring,
	    "officer O=Sec; C=GB");
	assert_string_equal(
	    cJSON_GetObjectItem(r, "at")->valuestring, "2027-01-15T08:00:00Z");
	text = cJSON_Print(o);
	assert_null(strstr(text, "192.0.2."));
	cJSON_free(text);
	cJSON_Delete(o);
}

/* Pots. */

static enum intake
enrol(int n, const struct asker *by)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	struct fault f = {""};
	char name[24];
	struct buf der;
	X509_REQ *req;
	enum intake rc;
	test_id id;

	snprintf(name, sizeof(name), "P%d", n);
	req = test_csr(k, name);
	buf_init(&der, 65536);
	test_csr_der(&der, req);
	rc = intake_csr(&test_store, &config, buf_view(&der), by, NOW, id, &f);
	if (rc == INTAKE_FULL && strstr(f.msg, "for certificates") == NULL)
		fail_msg("%s", f.msg);
	buf_free(&der);
	X509_REQ_free(req);
	EVP_PKEY_free(k);
	return rc;
}

static void
each_kind_has_its_pot(void **state)
{
	struct asker a = from("192.0.2.1"), sec = officer("O=Sec");
	struct asker eve = holder("A4");
	test_id id;

	(void)state;
	config.max_open_requests = 2;
	config.max_open_certificate_requests = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(enrol(i, &a), INTAKE_TAKEN);
	assert_int_equal(enrol(3, &a), INTAKE_FULL);
	assert_int_equal(say(id, "A1", "UNSPECIFIED", "ann", &a), INTAKE_TAKEN);
	assert_int_equal(say(id, "A2", "UNSPECIFIED", "ann", &a), INTAKE_TAKEN);
	assert_int_equal(
	    say(id, "A3", "KEY_COMPROMISE", "ann", &a), INTAKE_FULL);
	/* One that is there is reported all the same. */
	assert_int_equal(
	    say(id, "A2", "KEY_COMPROMISE", "ann", &a), INTAKE_TAKEN);
	/* Who proves something passes by. */
	assert_int_equal(
	    say(id, "A3", "KEY_COMPROMISE", "sec", &sec), INTAKE_TAKEN);
	assert_int_equal(
	    say(id, "A4", "KEY_COMPROMISE", "eve", &eve), INTAKE_TAKEN);
	/* So does one that was anonymous: its place is free. */
	assert_int_equal(
	    say(id, "A2", "UNSPECIFIED", "sec", &sec), INTAKE_TAKEN);
	assert_int_equal(say(id, "A5", "UNSPECIFIED", "ann", &a), INTAKE_TAKEN);
	assert_int_equal(say(id, "A6", "UNSPECIFIED", "ann", &a), INTAKE_FULL);
	test_set_state(id, "REJECTED");
}

static void
each_address_has_its_share(void **state)
{
	static const struct {
		const char *origin;
		enum intake rc;
	} rows[] = {
	    {"192.0.2.1", INTAKE_TAKEN},
	    {"192.0.2.1", INTAKE_FULL},
	    {"::ffff:192.0.2.1", INTAKE_FULL},
	    {"192.0.2.2", INTAKE_TAKEN},
	    {"2001:db8:0:1::1", INTAKE_TAKEN},
	    {"2001:db8:0:1:ffff::2", INTAKE_FULL},
	    {"2001:DB8::1:0:0:0:3", INTAKE_FULL},
	    {"2001:db8:0:2::1", INTAKE_TAKEN},
	    {"unknown", INTAKE_TAKEN},
	    {"unknown", INTAKE_FULL},
	    {"127.0.0.1", INTAKE_TAKEN},
	    {"127.0.0.1", INTAKE_FULL},
	};
	int taken = 0;

	(void)state;
	config.max_open_per_address = 1;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct asker by = from(rows[i].origin);
		char serial[24];
		enum intake rc;
		test_id id;

		snprintf(serial, sizeof(serial), "A%d", taken + 1);
		rc = say(id, serial, "UNSPECIFIED", "ann", &by);
		if (rc != rows[i].rc)
			fail_msg("%s: %d", rows[i].origin, rc);
		taken += rc == INTAKE_TAKEN;
		/* Each kind of its own. */
		assert_int_equal(enrol((int)i, &by), rows[i].rc);
	}
}

/* What a person has decided on takes nobody's place. */
static void
what_was_decided_frees_its_place(void **state)
{
	static const char *const states[] = {
	    "APPROVED", "DONE", "REJECTED", "WITHDRAWN", "FAILED"};
	struct asker a = from("192.0.2.1");
	test_id id, next;

	(void)state;
	config.max_open_requests = 1;
	assert_int_equal(say(id, "A1", "UNSPECIFIED", "ann", &a), INTAKE_TAKEN);
	for (size_t i = 0; i < NUM(states); i++) {
		char serial[24];

		snprintf(serial, sizeof(serial), "A%zu", i + 2);
		assert_int_equal(
		    say(next, serial, "UNSPECIFIED", "ann", &a), INTAKE_FULL);
		test_set_state(id, states[i]);
		assert_int_equal(
		    say(id, serial, "UNSPECIFIED", "ann", &a), INTAKE_TAKEN);
	}
}

static void
a_holder_speaks_for_one_certificate(void **state)
{
	struct asker eve = holder("A1");
	test_id id;

	(void)state;
	assert_int_equal(
	    say(id, "A2", "KEY_COMPROMISE", "eve", &eve), INTAKE_REFUSED);
	assert_int_equal(test_count("report"), 0);
	snprintf(eve.list, sizeof(eve.list), "root");
	assert_int_equal(
	    say(id, "A1", "KEY_COMPROMISE", "eve", &eve), INTAKE_REFUSED);
	snprintf(eve.list, sizeof(eve.list), "doorman");
	assert_int_equal(
	    say(id, "A1", "KEY_COMPROMISE", "eve", &eve), INTAKE_TAKEN);
	request_says(id, "NEW 1 eve holder");
}

int
main(void)
{
#define WITH_STORE(test) \
	cmocka_unit_test_setup_teardown(test, store_setup, test_store_teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reasons_have_an_order),
	    WITH_STORE(the_worst_reason_wins),
	    cmocka_unit_test(what_was_decided_is_not_changed),
	    WITH_STORE(the_same_report_is_kept_once),
	    WITH_STORE(reports_have_a_limit),
	    WITH_STORE(reports_are_shown),
	    WITH_STORE(each_kind_has_its_pot),
	    WITH_STORE(each_address_has_its_share),
	    WITH_STORE(what_was_decided_frees_its_place),
	    WITH_STORE(a_holder_speaks_for_one_certificate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
