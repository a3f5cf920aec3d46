/* The two dialects of a revocation request: what is taken, and every no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixtures/doorman/service/requests/form.h"
#include "tests/doorman/vectors.h"

#define ID64                               \
	"00112233445566778899aabbccddeeff" \
	"00112233445566778899AABBCCDDEEFF"
#define REST "\"reason\":\"UNSPECIFIED\",\"reporter\":\"ann\""

static int
json(struct form *form, const char *text, struct fault *f)
{
	/* Exactly as long as it is: a read beyond the end shows. */
	size_t len = strlen(text);
	uint8_t *copy = malloc(len + 1);
	int rc;

	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(copy, text, len);
	f->msg[0] = '\0';
	rc = form_from_json(form, view_of(copy, len), f);
	free(copy);
	return rc;
}

static void
takes(void **state)
{
	static const struct {
		const char *body, *serial, *csr, *name;
		int reason;
	} rows[] = {
	    {"{\"certificateSerialNumber\":"
	     "\"123456789012345678901234567890\"," REST "}",
		"18EE90FF6C373E0EE4E3F0AD2", "", "", 0},
	    {"{\"certificateSerialNumber\":\"0xff\"," REST "}", "FF", "", "",
		0},
	    {"{\"certificateSerialNumber\":\"0X00fF\"," REST "}", "FF", "", "",
		0},
	    {"{\"certificateSerialNumber\":9007199254740992," REST "}",
		"20000000000000", "", "", 0},
	    {"{\"csrRequestId\":\"" ID64 "\"," REST "}", "",
		"00112233445566778899AABBCCDDEEFF"
		"00112233445566778899AABBCCDDEEFF",
		"", 0},
	    {"{\"legalName\":\"C=GB,L=London , O = Party A\"," REST "}", "", "",
		"O=Party A, L=London, C=GB", 0},
	    {"{\"legalName\":\"o=A\\\\, B, cn=x\\\\=y, C=US, S=NY, OU=z\"," REST
	     "}",
		"", "", "CN=x\\=y, OU=z, O=A\\, B, ST=NY, C=US", 0},
	    {"{\"certificateSerialNumber\":\"1\",\"csrRequestId\":\"" ID64
	     "\",\"legalName\":\"O=A\"," REST "}",
		"1",
		"00112233445566778899AABBCCDDEEFF"
		"00112233445566778899AABBCCDDEEFF",
		"O=A", 0},
	    {"{\"certificateSerialNumber\":null,\"csrRequestId\":null,"
	     "\"legalName\":\"O=A\"," REST "} \r\n",
		"", "", "O=A", 0},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\",\"reason\":"
	     "\"KEY_COMPROMISE\"}",
		"", "", "O=A", 1},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\",\"reason\":"
	     "\"CA_COMPROMISE\"}",
		"", "", "O=A", 2},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\",\"reason\":"
	     "\"AFFILIATION_CHANGED\"}",
		"", "", "O=A", 3},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\",\"reason\":"
	     "\"SUPERSEDED\"}",
		"", "", "O=A", 4},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\",\"reason\":"
	     "\"CESSATION_OF_OPERATION\"}",
		"", "", "O=A", 5},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\",\"reason\":"
	     "\"PRIVILEGE_WITHDRAWN\"}",
		"", "", "O=A", 9},
	};
	struct form form;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (json(&form, rows[i].body, &f) != 0)
			fail_msg("row %zu: %s", i, f.msg);
		assert_string_equal(form.serial, rows[i].serial);
		assert_string_equal(form.csr_id, rows[i].csr);
		assert_string_equal(form.legal_name, rows[i].name);
		assert_int_equal(form.reason, rows[i].reason);
	}
}

static void
refuses_with_a_sentence(void **state)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
	    {"", "the body is empty"},
	    {"{", "not JSON"},
	    {"[]", "not a JSON object"},
	    {"{} {}", "bytes follow"},
	    {"{" REST "}", "which certificate?"},
	    {"{\"legalName\":null," REST "}", "which certificate?"},
	    {"{\"legalName\":\"O=A\",\"reporter\":\"b\"}", "reason is missing"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\"}",
		"reporter is missing"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"CERTIFICATE_HOLD\","
	     "\"reporter\":\"b\"}",
		"'CERTIFICATE_HOLD' is not one of"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"REMOVE_FROM_CRL\","
	     "\"reporter\":\"b\"}",
		"'REMOVE_FROM_CRL' is not one of"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"AA_COMPROMISE\","
	     "\"reporter\":\"b\"}",
		"'AA_COMPROMISE' is not one of"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"key_compromise\","
	     "\"reporter\":\"b\"}",
		"'key_compromise' is not one of"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"\",\"reporter\":\"b\"}",
		"'' is not one of"},
	    {"{\"legalName\":\"O=A\",\"reason\":1,\"reporter\":\"b\"}",
		"reason is not a string"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\","
	     "\"reporter\":\"\"}",
		"reporter must have"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\","
	     "\"reporter\":\"a\\nb\"}",
		"control character"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\","
	     "\"reporter\":\"a\\u0000b\"}",
		"holds a NUL"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\","
	     "\"reporter\":\"a\\u009b2J\"}",
		"reporter has a control character (U+009B) at byte 2"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\","
	     "\"reporter\":\"a\xe2\x80\xae\"}",
		"reporter has a bidirectional control (U+202E)"},
	    {"{\"legalName\":\"O=A\\u2066\"," REST "}",
		"legalName has a bidirectional control (U+2066)"},
	    {"{\"legalName\":\"O=A\",\"reason\":\"SUPERSEDED\","
	     "\"reporter\":\"a\233[2J\377\"}",
		"the body is not UTF-8"},
	    {"{\"legalName\":\"O=A\xc3\"," REST "}", "the body is not UTF-8"},
	    {"{\"\xff\":1}", "the body is not UTF-8"},
	    {"{\"certificateSerialNumber\":\"\"," REST "}",
		"is not a decimal number"},
	    {"{\"certificateSerialNumber\":\"12a\"," REST "}",
		"is not a decimal number"},
	    {"{\"certificateSerialNumber\":\"-1\"," REST "}",
		"is not a decimal number"},
	    {"{\"certificateSerialNumber\":\"0x\"," REST "}",
		"is not a decimal number"},
	    {"{\"certificateSerialNumber\":\"0\"," REST "}",
		"not a positive number"},
	    {"{\"certificateSerialNumber\":\"0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
	     "FFFFFFFFFF\"," REST "}",
		"at most 20 octets"},
	    {"{\"certificateSerialNumber\":90071992547409930," REST "}",
		"write it as a string"},
	    {"{\"certificateSerialNumber\":1.5," REST "}",
		"write it as a string"},
	    {"{\"certificateSerialNumber\":true," REST "}", "is not a string"},
	    {"{\"csrRequestId\":\"abc\"," REST "}", "64 hexadecimal digits"},
	    {"{\"csrRequestId\":\"0011223344556677889gaabbccddeeff"
	     "00112233445566778899AABBCCDDEEFF\"," REST "}",
		"64 hexadecimal digits"},
	    {"{\"legalName\":\"\"," REST "}", "is not of the form TYPE=value"},
	    {"{\"legalName\":\"O=A,\"," REST "}",
		"is not of the form TYPE=value"},
	    {"{\"legalName\":\"O=A, X=1\"," REST "}", "the name has 'X'"},
	    {"{\"legalName\":\"O=A, O=B\"," REST "}", "more than one O"},
	    {"{\"legalName\":\"O=\"," REST "}", "O is empty"},
	    {"{\"legalName\":\"O=A+C=GB\"," REST "}", "not escaped"},
	    {"{\"legalName\":\"O=A\\\\\"," REST "}", "ends in a backslash"},
	    {"{\"legalName\":\"C=gb\"," REST "}", "country code"},
	    {"{\"legalName\":{\"O\":\"A\"}," REST "}", "is not a string"},
	    {"{\"legalname\":\"O=A\"," REST "}", "unknown field 'legalname'"},
	    {"{\"legalName\":\"O=A\",\"legalName\":\"O=A\"," REST "}",
		"'legalName' is given twice"},
	    {"{\"extra\":null,\"legalName\":\"O=A\"," REST "}",
		"unknown field 'extra'"},
	};
	struct form form;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (json(&form, rows[i].body, &f) == 0)
			fail_msg("taken: %s", rows[i].body);
		if (strstr(f.msg, rows[i].says) == NULL)
			fail_msg("%s: '%s' does not say '%s'", rows[i].body,
			    f.msg, rows[i].says);
	}
}

static void
bodies_have_a_limit(void **state)
{
	uint8_t *big = malloc(FORM_BODY_MAX + 1);
	struct form form;
	struct fault f;

	(void)state;
	memset(big, ' ', FORM_BODY_MAX + 1);
	assert_int_equal(
	    form_from_json(&form, view_of(big, FORM_BODY_MAX + 1), &f), -1);
	assert_non_null(strstr(f.msg, "larger than"));
	assert_int_equal(
	    form_from_amqp(&form, view_of(big, FORM_BODY_MAX + 1), &f), -1);
	assert_non_null(strstr(f.msg, "larger than"));
	free(big);
}

static int
amqp(struct form *form, const struct amqp_request *r, struct fault *f)
{
	uint8_t out[8192], *copy;
	size_t len = amqp_encode(out, sizeof(out), r);
	int rc;

	copy = malloc(len);
	memcpy(copy, out, len);
	f->msg[0] = '\0';
	rc = form_from_amqp(form, view_of(copy, len), f);
	free(copy);
	return rc;
}

static void
amqp_is_read_by_field_name(void **state)
{
	struct amqp_request r = {.serial = "255",
	    .csr_id = ID64,
	    .reason = "KEY_COMPROMISE",
	    .reporter = "ann",
	    .has_name = true,
	    .country = "GB",
	    .locality = "London",
	    .organisation = "Party A",
	    .unit = "x"};
	struct form form;
	struct fault f;

	(void)state;
	for (int i = 0; i < 8; i++) {
		r.reversed = i & 1;
		r.plain_reason = i & 2;
		r.described_serial = i & 4;
		if (amqp(&form, &r, &f) != 0)
			fail_msg("variant %d: %s", i, f.msg);
		assert_string_equal(form.serial, "FF");
		assert_string_equal(
		    form.legal_name, "OU=x, O=Party A, L=London, C=GB");
		assert_string_equal(form.reporter, "ann");
		assert_int_equal(form.reason, 1);
		assert_int_equal(strncmp(form.csr_id, "001122", 6), 0);
	}
	r = (struct amqp_request){
	    .serial = "7", .reason = "SUPERSEDED", .reporter = "b"};
	assert_int_equal(amqp(&form, &r, &f), 0);
	assert_string_equal(form.legal_name, "");
	assert_string_equal(form.csr_id, "");
}

static void
amqp_is_refused_with_a_sentence(void **state)
{
	static const struct {
		struct amqp_request r;
		const char *says;
	} rows[] = {
	    {{.reason = "SUPERSEDED", .reporter = "b"}, "which certificate?"},
	    {{.serial = "1", .reporter = "b"}, "reason is missing"},
	    {{.serial = "1", .reason = "SUPERSEDED"}, "reporter is missing"},
	    {{.serial = "1", .reason = "CERTIFICATE_HOLD", .reporter = "b"},
		"'CERTIFICATE_HOLD' is not one of"},
	    {{.serial = "x", .reason = "SUPERSEDED", .reporter = "b"},
		"is not a decimal number"},
	    {{.has_name = true, .reason = "SUPERSEDED", .reporter = "b"},
		"the name is empty"},
	    {{.has_name = true,
		 .country = "gb",
		 .reason = "SUPERSEDED",
		 .reporter = "b"},
		"country code"},
	    {{.serial = "1", .reason = "SUPERSEDED", .reporter = "a\xc2\x9b"},
		"reporter has a control character (U+009B)"},
	    {{.serial = "1", .reason = "SUPERSEDED", .reporter = "a\x9b"},
		"reporter is not UTF-8"},
	    {{.has_name = true,
		 .organisation = "a\xe2\x80\xae",
		 .reason = "SUPERSEDED",
		 .reporter = "b"},
		"the name's O has a bidirectional control (U+202E)"},
	    {{.serial = "1",
		 .reason = "SUPERSEDED",
		 .reporter = "b",
		 .reference = true},
		"reporter is a reference"},
	    {{.serial = "1",
		 .reason = "SUPERSEDED",
		 .reporter = "b",
		 .short_object = true},
		"4 values and 5 fields"},
	    {{.serial = "1",
		 .reason = "SUPERSEDED",
		 .reporter = "b",
		 .no_schema_type = true},
		"schema does not describe the request"},
	    {{.serial = "1",
		 .reason = "SUPERSEDED",
		 .reporter = "b",
		 .depth = 40},
		"nested too deeply"},
	};
	struct form form;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(amqp(&form, &rows[i].r, &f), -1);
		if (strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: '%s' does not say '%s'", i, f.msg,
			    rows[i].says);
	}
}

/* A request cut short, or with any one byte changed, is answered, not lost. */
static void
amqp_survives_every_cut_and_flip(void **state)
{
	struct amqp_request r = {.serial = "255",
	    .reason = "KEY_COMPROMISE",
	    .reporter = "ann",
	    .has_name = true,
	    .organisation = "A"};
	uint8_t body[8192];
	size_t len = amqp_encode(body, sizeof(body), &r);
	struct form form;
	struct fault f;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, body, n);
		assert_int_equal(
		    form_from_amqp(&form, view_of(copy, n), &f), -1);
		free(copy);
	}
	for (size_t i = 0; i < len; i++) {
		for (unsigned v = 1; v < 256; v *= 2) {
			body[i] ^= (uint8_t)v;
			form_from_amqp(&form, view_of(body, len), &f);
			body[i] ^= (uint8_t)v;
		}
	}
	assert_int_equal(form_from_amqp(&form, view_of(body, len), &f), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes),
	    cmocka_unit_test(refuses_with_a_sentence),
	    cmocka_unit_test(bodies_have_a_limit),
	    cmocka_unit_test(amqp_is_read_by_field_name),
	    cmocka_unit_test(amqp_is_refused_with_a_sentence),
	    cmocka_unit_test(amqp_survives_every_cut_and_flip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
