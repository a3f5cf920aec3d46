/*
 * What happens is said once each: lines of the log that nobody can forge, and
 * notices that outlive a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/doorman/service/events/reminder.h"
#include "fixtures/doorman/service/events/follow.h"
#include "fixtures/doorman/service/events/happening.h"
#include "fixtures/doorman/service/events/notice.h"
#include "tests/doorman/test_store.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))
#define DAY       86400L

static void
steps_have_names(void **state)
{
	static const char *const rows[][4] = {
	    {"certificate", "", "NEW", "new"},
	    {"revocation", "NEW", "TICKET_CREATED", "ticketed"},
	    {"revocation", "TICKET_CREATED", "TICKET_CREATED",
		"approved-by-one"},
	    {"revocation", "TICKET_CREATED", "APPROVED", "approved"},
	    {"revocation", "TICKET_CREATED", "NEW", "ticket-anew"},
	    {"revocation", "TICKET_CREATED", "REJECTED", "rejected"},
	    {"revocation", "APPROVED", "WITHDRAWN", "withdrawn"},
	    {"revocation", "APPROVED", "FAILED", "failed"},
	    {"revocation", "FAILED", "APPROVED", "retried"},
	    {"revocation", "APPROVED", "DONE", "revoked"},
	    {"certificate", "APPROVED", "DONE", "issued"},
	    {"certificate", "X", "Y", "step"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		assert_string_equal(
		    happening_of_step(rows[i][0], rows[i][1], rows[i][2], true),
		    rows[i][3]);
	assert_string_equal(
	    happening_of_step("revocation", "NEW", "NEW", false), "changed");
	assert_string_equal(happening_of_step("revocation", "TICKET_CREATED",
				"TICKET_CREATED", false),
	    "changed");
}

static void
a_line_is_one_event(void **state)
{
	struct happening h;
	struct buf out;

	(void)state;
	happening_init(&h, "new");
	snprintf(h.id, sizeof(h.id), "AB");
	snprintf(h.subject, sizeof(h.subject), "O=A\nevent=approved");
	snprintf(h.who, sizeof(h.who), "x\" origin=\"10.0.0.1\\");
	snprintf(h.note, sizeof(h.note), "plain words");
	h.number = 7;
	buf_init(&out, 1000);
	happening_line(&out, &h);
	assert_string_equal(buf_str(&out),
	    "event=new id=AB subject=\"O=A\\u{0A}event=approved\" number=7 "
	    "who=\"x\\\" origin=\\\"10.0.0.1\\\\\" note=\"plain words\"");
	buf_free(&out);
}

static int
add(const char *event, const char *about, bool quiet)
{
	struct happening h;
	struct fault f = {""};
	int rc;

	happening_init(&h, "");
	h.at = 100;
	rc = notice_add(&test_store, event, about, &h, "text", quiet, &f);
	if (rc < 0)
		fail_msg("%s", f.msg);
	return rc;
}

static void
notices_are_told_once(void **state)
{
	struct notice n;
	struct fault f;
	bool given_up;
	long wait;

	(void)state;
	assert_int_equal(add("FAILED", "step:1", false), 0);
	assert_int_equal(add("FAILED", "step:1", false), 1);
	assert_int_equal(add("LIST_EXPIRED", "step:1", true), 0);
	/* Failures make pauses, and an end. */
	for (int i = 0; i < NOTICE_TRIES; i++) {
		static const long pauses[] = {1, 5, 25};

		assert_int_equal(
		    notice_next(&test_store, &n, 1000 * (i + 1), &wait, &f), 0);
		assert_string_equal(n.event, "FAILED");
		assert_string_equal(n.text, "text");
		assert_int_equal(notice_failed(&test_store, &n, 1000 * (i + 1),
				     &given_up, &f),
		    0);
		assert_int_equal(given_up, i == NOTICE_TRIES - 1);
		assert_int_equal(
		    notice_next(&test_store, &n, 1000 * (i + 1), &wait, &f), 1);
		if (!given_up)
			assert_int_equal(wait, pauses[i]);
	}
	assert_int_equal(add("FAILED", "step:2", false), 0);
	assert_int_equal(notice_next(&test_store, &n, 5000, &wait, &f), 0);
	assert_int_equal(notice_sent(&test_store, &n, 5000, &f), 0);
	assert_int_equal(notice_next(&test_store, &n, 5000, &wait, &f), 1);
	assert_int_equal(add("FAILED", "step:2", false), 1);
	assert_int_equal(test_count("notice"), 3);
	assert_int_equal(
	    notice_tidy(&test_store, 5001 + NOTICE_KEEP_SEC, &f), 0);
	assert_int_equal(test_count("notice"), 0);
}

/* What strangers make fills only its own room; what is worse passes it. */
static void
room_for_notices(void **state)
{
	char about[32];
	struct notice n;
	struct fault f;
	long wait;

	(void)state;
	for (int i = 0; i < NOTICES_NEW_MAX + 7; i++) {
		snprintf(about, sizeof(about), "step:%d", i);
		assert_int_equal(
		    add("NEW", about, false), i < NOTICES_NEW_MAX ? 0 : 2);
	}
	assert_int_equal(add("KEY_COMPROMISE", "report:1", false), 0);
	assert_int_equal(notice_next(&test_store, &n, 100, &wait, &f), 0);
	assert_string_equal(n.event, "KEY_COMPROMISE");
	assert_int_equal(n.dropped, 7);
	assert_int_equal(notice_sent(&test_store, &n, 100, &f), 0);
	assert_int_equal(notice_next(&test_store, &n, 100, &wait, &f), 0);
	assert_string_equal(n.event, "NEW");
	assert_int_equal(n.dropped, 0);
}

static void
step(const char *id, const char *from, const char *to, const char *note)
{
	struct fault f = {""};

	assert_int_equal(store_begin(&test_store, &f), 0);
	if (store_transition(&test_store,
		&(struct store_step){
		    id, from, to, "ann", note, 88, "192.0.2.1", -1},
		&f) != 0)
		fail_msg("%s", f.msg);
	assert_int_equal(store_commit(&test_store, &f), 0);
}

static void
on(struct follow *fo, bool want)
{
	struct fault f = {""};
	bool news;

	if (follow_on(fo, &news, &f) != 0)
		fail_msg("%s", f.msg);
	assert_int_equal(news, want);
}

static void
report(const char *id, int reason)
{
	struct fault f = {""};

	assert_int_equal(
	    store_run(&test_store, &f,
		"INSERT INTO report(request, reporter, reason, origin, proof,"
		" at) VALUES(?,'bob',?,'','',5)",
		"ti", id, (int64_t)reason),
	    0);
}

static void
what_was_committed_is_followed(void **state)
{
	struct follow fo;
	struct fault f;
	test_id id;

	(void)state;
	log_to(-1);
	test_put_revocation(id, "doorman", "1F", 0, 77);
	step(id, "", "NEW", "");
	report(id, 1);
	/* What was before the first start is old. */
	assert_int_equal(follow_start(&fo, &test_store, true, &f), 0);
	on(&fo, false);
	assert_int_equal(test_count("notice"), 0);
	step(id, "", "NEW", "");
	report(id, 0);
	report(id, 2);
	step(id, "APPROVED", "FAILED", "the key is odd");
	on(&fo, true);
	on(&fo, false);
	assert_int_equal(test_count("notice"), 3);
	assert_int_equal(test_count("notice WHERE event='NEW' AND "
				    "subject='O=Alice' AND kind='revocation'"),
	    1);
	assert_int_equal(test_count("notice WHERE event='CA_COMPROMISE' AND "
				    "who='bob'"),
	    1);
	assert_int_equal(test_count("notice WHERE event='FAILED' AND "
				    "text='the key is odd'"),
	    1);
	/* Another start goes on from there. */
	step(id, "", "NEW", "");
	assert_int_equal(follow_start(&fo, &test_store, true, &f), 0);
	on(&fo, true);
	assert_int_equal(test_count("notice"), 4);
	/* Without a hook there is nobody to tell. */
	assert_int_equal(follow_start(&fo, &test_store, false, &f), 0);
	step(id, "", "NEW", "");
	on(&fo, true);
	assert_int_equal(test_count("notice"), 4);
	log_to(STDERR_FILENO);
}

/* Each day of an end is told once, with or without a hook. */
static void
ends_are_told_daily(void **state)
{
	static struct config c = {.notify_before_min = 60};
	struct fault f = {""};
	bool news;
	int want = 0;

	(void)state;
	log_to(-1);
	assert_int_equal(
	    store_run(&test_store, &f,
		"INSERT INTO crl(list, number, this_update, next_update,"
		" published_at, published_by) VALUES('doorman',7,0,?,0,'x')",
		"i", (int64_t)(100 * DAY)),
	    0);
	for (time_t now = 99 * DAY; now < 103 * DAY; now += 600) {
		bool told = now / 600 % 2 != 0;
		time_t since = now >= 100 * DAY ? 100 * DAY : 100 * DAY - 3600;

		news = false;
		assert_int_equal(
		    reminder_look(&test_store, &c, now, told, &news, &f), 0);
		assert_int_equal(
		    news, now >= since && (now - since) % DAY == 0);
		want += news;
		assert_int_equal(test_count("notice"), want);
	}
	assert_int_equal(want, 4);
	assert_int_equal(test_count("notice WHERE event='LIST_EXPIRING'"), 1);
	assert_int_equal(test_count("notice WHERE event='LIST_EXPIRED' AND "
				    "text LIKE '%HAS EXPIRED%'"),
	    3);
	log_to(STDERR_FILENO);
}

#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps_have_names),
	    cmocka_unit_test(a_line_is_one_event),
	    WITH_STORE(notices_are_told_once),
	    WITH_STORE(room_for_notices),
	    WITH_STORE(what_was_committed_is_followed),
	    WITH_STORE(ends_are_told_daily),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
