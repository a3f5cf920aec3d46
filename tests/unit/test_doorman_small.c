/* Small rules of the doorman: HTTP conditions, configuration, frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/base/wire.h"
#include "fixtures/doorman/service/conf/config.h"
#include "fixtures/doorman/service/web/http_rules.h"
#include "fixtures/doorman/service/conf/listen.h"
#include "fixtures/doorman/service/store/store.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

static void
the_type_is_the_one_asked_for(void **state)
{
	static const struct {
		const char *accept, *type;
	} rows[] = {
	    {NULL, "application/pkcs7-crl"},
	    {"", "application/pkcs7-crl"},
	    {"*/*", "application/pkcs7-crl"},
	    {"application/*", "application/pkcs7-crl"},
	    {"application/pkix-crl", "application/pkix-crl"},
	    {"text/html, application/pkix-crl;q=0.5", "application/pkix-crl"},
	    {"Application/PKIX-CRL ; q=1", "application/pkix-crl"},
	    {"application/pkix-crl;q=0.4,application/pkcs7-crl;q=0.5",
		"application/pkcs7-crl"},
	    {"application/pkix-crl;q=0.5, */*;q=0.1", "application/pkix-crl"},
	    {"application/pkix-crl, */*", "application/pkix-crl"},
	    {"*/*, application/pkcs7-crl;q=0", "application/pkix-crl"},
	    {"text/html, *; q=.2, */*; q=.2", "application/pkcs7-crl"},
	    {" , ", "application/pkcs7-crl"},
	    {"application/pkix-crls", NULL},
	    {"text/html", NULL},
	    {"*/*;q=0", NULL},
	    {"application/*;q=0, */*", NULL},
	    {"application/pkix-crl;q=0", NULL},
	    {"app/*", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *type = http_crl_type(rows[i].accept);

		if ((type == NULL) != (rows[i].type == NULL) ||
		    (type != NULL && strcmp(type, rows[i].type) != 0))
			fail_msg("%s", rows[i].accept);
	}
}

static void
tags_and_dates(void **state)
{
	char date[40];

	(void)state;
	assert_true(http_etag_listed("\"a-1\"", "\"a-1\""));
	assert_true(http_etag_listed("W/\"a-1\"", "\"a-1\""));
	assert_true(http_etag_listed("\"b\", \"a-1\" ", "\"a-1\""));
	assert_true(http_etag_listed("*", "\"a-1\""));
	assert_false(http_etag_listed("\"a-11\"", "\"a-1\""));
	assert_false(http_etag_listed("", "\"a-1\""));
	assert_false(http_etag_listed(NULL, "\"a-1\""));
	http_date(date, 784111777);
	assert_string_equal(date, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_true(http_not_modified_since(date, 784111777));
	assert_false(http_not_modified_since(date, 784111778));
	assert_false(http_not_modified_since("yesterday or so", 1));
	assert_false(http_not_modified_since(NULL, 1));
}

static void
write_file(const char *path, const char *text)
{
	struct fault f;

	assert_int_equal(
	    file_replace(path, view_of(text, strlen(text)), 0600, &f), 0);
}

static void
addresses_to_listen_on(void **state)
{
	char host[64], text[80];
	uint16_t port;
	struct fault f;

	(void)state;
	assert_int_equal(listen_parse(host, &port, "127.0.0.1:0", &f), 0);
	assert_string_equal(host, "127.0.0.1");
	assert_int_equal(listen_parse(host, &port, "[::1]:80", &f), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(port, 80);
	listen_text(text, "[::1]:0", 81);
	assert_string_equal(text, "[::1]:81");
	listen_text(text, "127.0.0.1:0", 65535);
	assert_string_equal(text, "127.0.0.1:65535");
	assert_int_equal(listen_parse(host, &port, "127.0.0.1", &f), -1);
	assert_int_equal(listen_parse(host, &port, ":80", &f), -1);
	assert_int_equal(listen_parse(host, &port, "a:65536", &f), -1);
	assert_int_equal(listen_parse(host, &port, "a:", &f), -1);
	assert_int_equal(listen_choose_port(&port, "127.0.0.1", &f), 0);
	assert_true(port >= 20000 && port < 30000);
}

/* Our calendar is libc's, day by day for four centuries and more. */
static void
dates_are_dates(void **state)
{
	struct buf b;

	(void)state;
	for (time_t t = -631152000; t < 13569465600; t += 86400 - 1) {
		struct der d;
		time_t back;

		buf_init(&b, 64);
		der_put_time(&b, t);
		d = der_over(buf_view(&b));
		assert_true(der_time(&d, &back));
		if (back != t)
			fail_msg(
			    "%lld became %lld", (long long)t, (long long)back);
		buf_free(&b);
	}
}

static void
frames_are_bounded(void **state)
{
	static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 1, 1};
	static const uint8_t none[] = {0, 0, 0, 0};
	static const uint8_t one[] = {0, 0, 0, 1, 1};
	static const uint8_t ping[] = {0, 0, 0, 2, 1, 2, 9};

	(void)state;
	assert_int_equal(wire_frame_len(view_of(huge, 3), 100), 0);
	assert_int_equal(wire_frame_len(view_of(huge, 6), WIRE_MAX), -1);
	assert_int_equal(wire_frame_len(view_of(none, 4), 100), -1);
	assert_int_equal(wire_frame_len(view_of(one, 5), 100), -1);
	assert_int_equal(wire_frame_len(view_of(ping, 5), 100), 0);
	assert_int_equal(wire_frame_len(view_of(ping, 7), 100), 6);
	assert_int_equal(wire_frame_len(view_of(ping, 7), 1), -1);
}

static void
messages_go_there_and_back(void **state)
{
	struct wire_approved a = {.seq = UINT64_MAX,
				 .id = "AB",
				 .serial = "1F",
				 .reason = 9,
				 .approved_at = 1,
				 .subject = "O=A",
				 .reporter = "r",
				 .csr_id = "",
				 .approved_by = "me"},
			     b;
	struct wire_in in;
	unsigned version, type;
	struct buf m;
	size_t begun;

	(void)state;
	buf_init(&m, 4096);
	begun = wire_begin(&m, WIRE_GET_APPROVED | WIRE_ANSWER);
	wire_put_approved(&m, &a);
	wire_end(&m, begun);
	assert_int_equal(wire_frame_len(buf_view(&m), 4096), m.len);
	assert_int_equal(wire_open(buf_view(&m), &version, &type, &in), 0);
	assert_int_equal(version, WIRE_VERSION);
	assert_int_equal(type, 0x84);
	wire_get_approved(&in, &b);
	assert_true(wire_done(&in));
	assert_true(b.seq == a.seq && b.reason == 9);
	assert_string_equal(b.serial, "1F");
	assert_string_equal(b.approved_by, "me");
	/* Cut anywhere, it is noticed. */
	for (size_t n = 6; n < m.len; n++) {
		in = (struct wire_in){m.p + 6, m.p + n, false};
		wire_get_approved(&in, &b);
		assert_false(wire_done(&in));
	}
	buf_free(&m);
}

/* As much as there is room for with its end, and not a byte more. */
static void
text_fits_its_place(void **state)
{
	(void)state;
	for (size_t len = 0; len < 12; len++) {
		char place[9] = "........";
		struct wire_in in;
		struct buf m;

		buf_init(&m, 64);
		wire_bytes(&m, view_of("abcdefghijkl", len));
		in = (struct wire_in){m.p, m.p + m.len, false};
		/* The last byte is not the text's. */
		wire_get_text(&in, place, 8);
		assert_int_equal(wire_done(&in), len < 8);
		assert_int_equal(place[8], '\0');
		assert_int_equal(strlen(place), len < 8 ? len : 0);
		if (len >= 8)
			assert_int_equal(place[7], '.');
		buf_free(&m);
	}
}

/* RFC 5280: who is below another root is another network's doorman. */
static void
the_doorman_is_of_its_root(void **state)
{
	struct test_ca root, ca, other;
	struct config c;
	struct fault f = {""};

	(void)state;
	test_ca_make(&root, "Root", NULL, 1800000000);
	test_ca_make(&ca, "Doorman", &root, 1800000000);
	test_ca_make(&other, "Root", NULL, 1800000000);
	assert_int_equal(cert_write_file("ca.pem", &ca.cert, 1, &f), 0);
	write_file("r.conf",
	    "public_url = http://a\nroot_cert = root.pem\n"
	    "doorman_cert = ca.pem\n");
	assert_int_equal(cert_write_file("root.pem", &root.cert, 1, &f), 0);
	if (config_read(&c, "r.conf", &f) != 0)
		fail_msg("%s", f.msg);
	config_cleanup(&c);
	assert_int_equal(cert_write_file("root.pem", &other.cert, 1, &f), 0);
	assert_int_equal(config_read(&c, "r.conf", &f), -1);
	assert_non_null(strstr(f.msg, "is not signed by"));
	test_ca_free(&root);
	test_ca_free(&ca);
	test_ca_free(&other);
}

static void
transitions_start_where_they_should(void **state)
{
	struct store st;
	struct fault f = {""};
	struct store_step step = {
	    "X", "NEW", "TICKET_CREATED", "me", "", 1, "", -1};

	(void)state;
	if (store_open(&st, "t.sqlite", true, &f) != 0)
		fail_msg("%s", f.msg);
	assert_int_equal(store_run(&st, &f,
			     "INSERT INTO request(id, kind, state, subject,"
			     " created_at) VALUES('X','certificate','NEW',"
			     "'O=A',1)",
			     ""),
	    0);
	assert_int_equal(store_transition(&st, &step, &f), 0);
	assert_int_equal(store_transition(&st, &step, &f), 1);
	step.from = "TICKET_CREATED";
	step.to = "NONSENSE";
	assert_int_equal(store_transition(&st, &step, &f), -1);
	assert_int_equal(
	    store_number(&st, 0, "SELECT count(*) FROM transition", ""), 1);
	store_close(&st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_type_is_the_one_asked_for),
	    cmocka_unit_test(tags_and_dates),
	    cmocka_unit_test(addresses_to_listen_on),
	    cmocka_unit_test(dates_are_dates),
	    cmocka_unit_test(frames_are_bounded),
	    cmocka_unit_test(messages_go_there_and_back),
	    cmocka_unit_test(text_fits_its_place),
	    cmocka_unit_test(the_doorman_is_of_its_root),
	    cmocka_unit_test(transitions_start_where_they_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
