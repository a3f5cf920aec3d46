/* record: which keys there are, and what their JSON must say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/fleet/record.h"

#define H16 "0123456789abcdef"
#define H64 H16 H16 H16 H16

static void
keys_are_of_one_shape_or_none(void **state)
{
	static const struct {
		const char *key, *name;
		enum fleet_kind kind;
	} rows[] = {
	    {"fleet", "", FLEET_IDENTITY},
	    {"head", "", FLEET_HEAD},
	    {"news", "", FLEET_NEWS},
	    {"filling", "", FLEET_FILLING},
	    {"config/corda.p2p.gateway", "corda.p2p.gateway", FLEET_CONFIG},
	    {"config-history/revcheck/0000000012", "revcheck/0000000012",
		FLEET_HISTORY},
	    {"deny/" H16, H16, FLEET_DENY},
	    {"subject/3A5F00112233/" H64, "3A5F00112233/" H64, FLEET_SUBJECT},
	    {"holding/3A5F00112233", "3A5F00112233", FLEET_HOLDING},
	    {"chain/-/p2p-tls/a%2Fb", "-/p2p-tls/a%2Fb", FLEET_CHAIN},
	    {"key/p2p/9C01", "p2p/9C01", FLEET_KEY},
	    {"evidence/" H64, H64, FLEET_EVIDENCE},
	    {"revoked/" H64, H64, FLEET_REVOKED},
	    {"withdrawn/" H64, H64, FLEET_WITHDRAWN},
	    {"fetch/" H64, H64, FLEET_CLAIM},
	    {"member/gateway-7.example", "gateway-7.example", FLEET_MEMBER},
	    {"", NULL, FLEET_NONE},
	    {"fleet/", NULL, FLEET_NONE},
	    {"fleet/x", NULL, FLEET_NONE},
	    {"heads", NULL, FLEET_NONE},
	    {"config", NULL, FLEET_NONE},
	    {"config/", NULL, FLEET_NONE},
	    {"config/a/b", NULL, FLEET_NONE},
	    {"config/a b", NULL, FLEET_NONE},
	    {"config/a%2", NULL, FLEET_NONE},
	    {"config/a%zz", NULL, FLEET_NONE},
	    {"config-history/revcheck", NULL, FLEET_NONE},
	    {"config-history/revcheck/12", NULL, FLEET_NONE},
	    {"config-history/revcheck/000000001x", NULL, FLEET_NONE},
	    {"deny/" H16 "0", NULL, FLEET_NONE},
	    {"deny/0123456789ABCDEF", NULL, FLEET_NONE},
	    {"deny/" H16 "/", NULL, FLEET_NONE},
	    {"deny//" H16, NULL, FLEET_NONE},
	    {"subject//" H64, NULL, FLEET_NONE},
	    {"chain/-/p2p-tls", NULL, FLEET_NONE},
	};
	char made[FLEET_KEY_SIZE];
	const char *name;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		name = NULL;
		if (fleet_key_kind(rows[i].key, &name) != rows[i].kind)
			fail_msg("'%s' is of another kind", rows[i].key);
		if (rows[i].kind == FLEET_NONE)
			continue;
		assert_string_equal(name, rows[i].name);
		assert_true(fleet_key_make(made, rows[i].kind, name));
		assert_string_equal(made, rows[i].key);
	}
	assert_false(fleet_key_make(made, FLEET_DENY, "x"));
	assert_false(fleet_key_make(made, FLEET_NONE, ""));
	assert_false(fleet_key_make(made, FLEET_KIND_NUM, ""));
}

static void
any_text_can_be_a_part_of_a_name(void **state)
{
	static const char *const texts[] = {"", "-", "a", "a/b", "%", "%2D",
	    "M\xc3\xbcller, O=Bank", "..", "a\nb", "\x01\x7f\xff"};
	char part[256], back[256], made[FLEET_KEY_SIZE];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_true(fleet_name_part(part, sizeof(part), texts[i]));
		assert_true(fleet_key_make(made, FLEET_HOLDING, part));
		assert_true(
		    fleet_name_text(back, sizeof(back), part, strlen(part)));
		assert_string_equal(back, texts[i]);
		for (size_t k = 0; k < i; k++) {
			char other[256];

			assert_true(
			    fleet_name_part(other, sizeof(other), texts[k]));
			assert_string_not_equal(other, part);
		}
	}
	assert_false(fleet_name_part(part, 3, "/"));
	assert_true(fleet_name_part(part, 4, "/"));
	assert_false(fleet_name_text(back, sizeof(back), "a/b", 3));
	assert_false(fleet_name_text(back, sizeof(back), "%00", 3));
}

#define CONFIG                                                      \
	"\"at\":1,\"who\":\"a\",\"from\":\"b\",\"action\":\"put\"," \
	"\"config\":\"{}\""
#define EVIDENCE "\"sha256\":\"" H64 "\",\"len\":5"

static void
the_json_of_a_kind_says_what_it_must(void **state)
{
	static const struct {
		enum fleet_kind kind;
		const char *json;
		bool good;
	} rows[] = {
	    {FLEET_HEAD, "{\"n\":7}", true},
	    {FLEET_HEAD, "{\"n\":-1}", false},
	    {FLEET_HEAD, "{\"n\":1.5}", false},
	    {FLEET_HEAD, "{\"n\":1e300}", false},
	    {FLEET_HEAD, "{\"n\":\"7\"}", false},
	    {FLEET_HEAD, "{\"n\":7} x", false},
	    {FLEET_HEAD, "{\"n\":7}{}", false},
	    {FLEET_HEAD, "{}", false},
	    {FLEET_HEAD, "[7]", false},
	    {FLEET_HEAD, "", false},
	    {FLEET_IDENTITY,
		"{\"v\":1,\"id\":\"6f1f9a0e-1111-4222-8333-444455556666\","
		"\"born\":5,\"filled\":0}",
		true},
	    {FLEET_IDENTITY, "{\"v\":1,\"id\":\"x\",\"born\":5,\"filled\":0}",
		false},
	    {FLEET_CONFIG, "{\"version\":1," CONFIG "}", true},
	    {FLEET_CONFIG, "{\"version\":0," CONFIG "}", false},
	    {FLEET_CONFIG, "{\"version\":2147483648," CONFIG "}", false},
	    {FLEET_CONFIG, "{\"version\":1}", false},
	    {FLEET_HISTORY, "{\"version\":1," CONFIG "}", true},
	    {FLEET_HISTORY, "{\"version\":1}", false},
	    {FLEET_DENY, "{\"id\":\"" H16 "\"}", true},
	    {FLEET_DENY, "{\"removed\":true,\"at\":1,\"who\":\"a\"}", true},
	    {FLEET_DENY, "{\"removed\":true}", false},
	    {FLEET_SUBJECT, "{\"subject\":\"O=a\",\"allowed\":true}", true},
	    {FLEET_SUBJECT, "{\"subject\":\"O=a\",\"allowed\":1}", false},
	    {FLEET_SUBJECT, "{\"subject\":\"O=a\"}", false},
	    {FLEET_EVIDENCE, "{\"this\":1,\"number\":\"0a\"," EVIDENCE "}",
		true},
	    {FLEET_EVIDENCE, "{\"this\":1,\"number\":null," EVIDENCE "}", true},
	    {FLEET_EVIDENCE, "{\"this\":1,\"number\":\"-1\"," EVIDENCE "}",
		false},
	    {FLEET_EVIDENCE,
		"{\"this\":1,\"number\":\"" H64 "0\"," EVIDENCE "}", true},
	    {FLEET_EVIDENCE,
		"{\"this\":1,\"number\":\"1" H64 "\"," EVIDENCE "}", false},
	    {FLEET_EVIDENCE, "{\"this\":1,\"len\":5,\"sha256\":\"12\"}", false},
	    {FLEET_REVOKED, "{\"this\":1}", true},
	    {FLEET_REVOKED, "{\"reason\":1}", false},
	    {FLEET_WITHDRAWN, "{\"at\":1}", true},
	    {FLEET_CLAIM, "{\"by\":\"a\",\"since\":1}", true},
	    {FLEET_CLAIM, "{\"failed\":\"no\",\"until\":9}", true},
	    {FLEET_CLAIM, "{\"failed\":7,\"until\":9}", false},
	    {FLEET_MEMBER, "{}", true},
	    {FLEET_MEMBER, "7", false},
	};
	struct fleet_meaning m;
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int rc = fleet_record_read(
		    &m, rows[i].kind, rows[i].json, strlen(rows[i].json), &err);

		if (rc != (rows[i].good ? 0 : E_PARSE))
			fail_msg("%s: %d", rows[i].json, rc);
	}
	assert_int_equal(
	    fleet_record_read(&m, FLEET_NONE, "{}", 2, &err), E_ARG);
	assert_int_equal(
	    fleet_record_read(&m, FLEET_HEAD, "{\"n\":7}\0", 8, &err), E_PARSE);
}

static void
a_record_has_a_bound(void **state)
{
	size_t max = fleet_kind_rule(FLEET_MEMBER)->max_json;
	char *text = malloc(max + 2);
	struct fleet_meaning m;
	struct err err;

	assert_non_null(text);
	memset(text, ' ', max + 1);
	text[0] = '{';
	text[1] = '}';
	assert_int_equal(
	    fleet_record_read(&m, FLEET_MEMBER, text, max, &err), 0);
	assert_int_equal(
	    fleet_record_read(&m, FLEET_MEMBER, text, max + 1, &err), E_LIMIT);
	free(text);
	for (int k = FLEET_NONE + 1; k < FLEET_KIND_NUM; k++) {
		assert_true(fleet_kind_rule(k)->max_json <= FLEET_MAX_JSON);
		assert_true(fleet_kind_rule(k)->max_num > 0);
	}
}

static void
meaning(struct fleet_meaning *m, enum fleet_kind kind, const char *json)
{
	struct err err = {0};

	if (fleet_record_read(m, kind, json, strlen(json), &err) != 0)
		fail_msg("%s: %s", json, err.msg);
}

static void
what_rules_need_is_read(void **state)
{
	struct fleet_meaning m;

	meaning(&m, FLEET_CONFIG, "{\"version\":12," CONFIG "}");
	assert_int_equal(m.version, 12);
	assert_false(m.removed);
	meaning(&m, FLEET_DENY, "{\"removed\":true,\"at\":5,\"who\":\"a\"}");
	assert_true(m.removed);
	assert_int_equal(m.at, 5);
	meaning(&m, FLEET_SUBJECT, "{\"subject\":\"O=a\",\"allowed\":false}");
	assert_true(m.removed);
	meaning(&m, FLEET_SUBJECT, "{\"subject\":\"O=a\",\"allowed\":true}");
	assert_false(m.removed);
	meaning(&m, FLEET_EVIDENCE,
	    "{\"this\":9,\"checked\":11,\"number\":\"000A\"," EVIDENCE "}");
	assert_string_equal(m.number, "a");
	assert_int_equal(m.this_update, 9);
	assert_int_equal(m.checked, 11);
	meaning(
	    &m, FLEET_EVIDENCE, "{\"this\":9,\"number\":\"00\"," EVIDENCE "}");
	assert_string_equal(m.number, "0");
	meaning(&m, FLEET_CLAIM, "{\"failed\":\"no\",\"until\":9}");
	assert_int_equal(m.until, 9);
	meaning(&m, FLEET_CLAIM, "{\"by\":\"a\",\"since\":1}");
	assert_int_equal(m.until, 0);
	assert_true(fleet_number_compare("9", "a") < 0);
	assert_true(fleet_number_compare("10", "a") > 0);
	assert_int_equal(fleet_number_compare("10", "10"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_of_one_shape_or_none),
	    cmocka_unit_test(any_text_can_be_a_part_of_a_name),
	    cmocka_unit_test(the_json_of_a_kind_says_what_it_must),
	    cmocka_unit_test(a_record_has_a_bound),
	    cmocka_unit_test(what_rules_need_is_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
