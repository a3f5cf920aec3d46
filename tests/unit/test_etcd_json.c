/*
 * etcd_json: requests as etcd takes them, and answers of the real one (the
 * fuzzer's seeds were recorded there), word by word made wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "gateway/fleet/etcd_json.h"

#define PREFIX "/p2p-gateway/eu/"
#define HEADER "\"header\":{\"revision\":\"7\"}"
/* base64 of PREFIX "head", PREFIX "a b", "/else" */
#define HEAD    "L3AycC1nYXRld2F5L2V1L2hlYWQ="
#define BLANK   "L3AycC1nYXRld2F5L2V1L2EgYg=="
#define FOREIGN "L2Vsc2U="
#define NEWS    "L3AycC1nYXRld2F5L2V1L25ld3M="

static struct etcd_said said;

static void
read_as(enum etcd_call call, int status, const char *text)
{
	etcd_json_free(&said);
	etcd_json_read(&said, call, status, text, strlen(text), PREFIX);
}

static int
end(void **state)
{
	etcd_json_free(&said);
	return 0;
}

#define IS(result_, why_)                                           \
	do {                                                        \
		if (said.answer.result != (result_) ||              \
		    strstr(said.answer.why, why_) == NULL)          \
			fail_msg("%s, '%s'",                        \
			    engine_result_text(said.answer.result), \
			    said.answer.why);                       \
	} while (0)

/* Requests. */

static struct bytes out;

static void
wrote(int rc, const char *text)
{
	assert_int_equal(rc, 0);
	if (out.len != strlen(text) || memcmp(out.p, text, out.len) != 0)
		fail_msg("%.*s", (int)out.len, (char *)out.p);
	out.len = 0;
}

static void
requests(void **state)
{
	struct fleet_compare c[2] = {{"head", 7}, {"news", 0}};
	struct fleet_op op[3] = {
	    {FLEET_OP_PUT, "head", (const uint8_t *)"\0\xff", 2, 9},
	    {.kind = FLEET_OP_DELETE, .key = "news"},
	    {.kind = FLEET_OP_GET, .key = "head"}};
	static char large[ENGINE_MAX_KEY + 2];

	bytes_init(&out, 4096);
	wrote(etcd_json_get(&out, PREFIX, "head", true),
	    "{\"key\":\"" HEAD "\"}");
	wrote(etcd_json_get(&out, PREFIX, "head", false),
	    "{\"key\":\"" HEAD "\",\"serializable\":true}");
	/* "/p2p-gateway/eu/" up to "/p2p-gateway/eu0" */
	wrote(etcd_json_list(&out, PREFIX, "", NULL, 0, 500),
	    "{\"key\":\"L3AycC1nYXRld2F5L2V1Lw==\","
	    "\"range_end\":\"L3AycC1nYXRld2F5L2V1MA==\",\"limit\":\"500\"}");
	/* "head\0" up to "hee": the next key that there can be */
	wrote(etcd_json_list(&out, PREFIX, "hea", "head", 6, 1),
	    "{\"key\":\"L3AycC1nYXRld2F5L2V1L2hlYWQA\","
	    "\"range_end\":\"L3AycC1nYXRld2F5L2V1L2hlYg==\","
	    "\"revision\":\"6\",\"limit\":\"1\"}");
	wrote(etcd_json_txn(&out, PREFIX, c, 2, op, 3),
	    "{\"compare\":[{\"key\":\"" HEAD
	    "\",\"target\":\"MOD\",\"result\":\"EQUAL\","
	    "\"mod_revision\":\"7\"},{\"key\":\"" NEWS
	    "\",\"target\":\"MOD\",\"result\":\"EQUAL\","
	    "\"mod_revision\":\"0\"}],\"success\":[{\"request_put\":{"
	    "\"key\":\"" HEAD "\",\"value\":\"AP8=\",\"lease\":\"9\"}},"
	    "{\"request_delete_range\":{\"key\":\"" NEWS "\"}},"
	    "{\"request_range\":{\"key\":\"" HEAD "\"}}]}");
	wrote(etcd_json_watch(&out, PREFIX, 8),
	    "{\"create_request\":{\"key\":\"L3AycC1nYXRld2F5L2V1Lw==\","
	    "\"range_end\":\"L3AycC1nYXRld2F5L2V1MA==\","
	    "\"start_revision\":\"8\",\"fragment\":true}}");
	wrote(etcd_json_grant(&out, 30), "{\"TTL\":\"30\"}");
	wrote(etcd_json_lease(&out, INT64_MAX),
	    "{\"ID\":\"9223372036854775807\"}");
	wrote(etcd_json_login(&out, "a\"b", "c\n"),
	    "{\"name\":\"a\\\"b\",\"password\":\"c\\n\"}");
	/* Keys that are none, and more than a transaction takes. */
	memset(large, 'x', ENGINE_MAX_KEY + 1);
	assert_int_equal(etcd_json_get(&out, PREFIX, "", true), E_ARG);
	assert_int_equal(etcd_json_get(&out, PREFIX, "a b", true), E_ARG);
	assert_int_equal(etcd_json_get(&out, PREFIX, "\xc3\xa9", true), E_ARG);
	assert_int_equal(etcd_json_get(&out, PREFIX, large, true), E_ARG);
	assert_int_equal(
	    etcd_json_txn(&out, PREFIX, c, ENGINE_MAX_OPS + 1, op, 1), E_LIMIT);
	op[0].len = 5000;
	op[0].value = calloc(1, 5000);
	assert_int_equal(etcd_json_txn(&out, PREFIX, c, 0, op, 1), E_LIMIT);
	free((uint8_t *)op[0].value);
	bytes_cleanup(&out);
}

/* Answers. */

static void
pages(void **state)
{
	read_as(ETCD_RANGE, 200,
	    "{" HEADER ",\"kvs\":[{\"key\":\"" HEAD
	    "\",\"create_revision\":\"2\",\"mod_revision\":\"5\","
	    "\"value\":\"AP8=\",\"lease\":\"9\"},{\"key\":\"" NEWS
	    "\",\"create_revision\":\"3\",\"mod_revision\":\"3\"}],"
	    "\"more\":true,\"count\":\"9\"}");
	IS(ENGINE_DONE, "");
	assert_int_equal(said.answer.revision, 7);
	assert_true(said.answer.more);
	assert_int_equal(said.answer.num, 2);
	assert_string_equal(said.answer.kv[0].key, "head");
	assert_int_equal(said.answer.kv[0].len, 2);
	assert_memory_equal(said.answer.kv[0].value, "\0\xff", 2);
	assert_int_equal(said.answer.kv[0].revision, 5);
	assert_int_equal(said.answer.kv[0].create_revision, 2);
	assert_int_equal(said.answer.kv[0].lease, 9);
	/* Empty is not absent. */
	assert_non_null(said.answer.kv[1].value);
	assert_int_equal(said.answer.kv[1].len, 0);
	read_as(ETCD_RANGE, 200, "{" HEADER "}\n");
	IS(ENGINE_DONE, "");
	assert_int_equal(said.answer.num, 0);
	assert_false(said.answer.more);
}

/* What comes after a page is asked for, whoever has written its last key. */
static void
foreign_pages(void **state)
{
	static const struct {
		const char *key; /* below the prefix */
		size_t len;
		const char *last;
	} rows[] = {{"head", 4, "head"}, {"\1\xff", 2, "\1\xff"},
	    {"deny/x\0y", 8, "deny/x\1"}};
	char key[1024], text[2048], base64[1500], at_most[600];
	size_t prefix = strlen(PREFIX);

	memcpy(key, PREFIX, prefix);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) + 1; i++) {
		bool is_long = i == sizeof(rows) / sizeof(rows[0]);
		size_t len = is_long ? 600 : rows[i].len;

		if (is_long)
			memset(key + prefix, 'a', len);
		else
			memcpy(key + prefix, rows[i].key, len);
		EVP_EncodeBlock((uint8_t *)base64, (const uint8_t *)key,
		    (int)(prefix + len));
		snprintf(text, sizeof(text),
		    "{" HEADER ",\"kvs\":[{\"key\":\"%s\","
		    "\"create_revision\":\"2\",\"mod_revision\":\"5\"}],"
		    "\"more\":true}",
		    base64);
		read_as(ETCD_RANGE, 200, text);
		IS(ENGINE_DONE, "");
		assert_non_null(said.answer.last);
		memset(at_most, 'a', ENGINE_MAX_KEY - 1);
		strcpy(at_most + ENGINE_MAX_KEY - 1, "b");
		assert_string_equal(
		    said.answer.last, is_long ? at_most : rows[i].last);
		assert_int_equal(said.answer.num, i == 0);
	}
}

/* Each of these records is left out, and those beside it are not. */
static void
damaged_records(void **state)
{
	static const char *const records[] = {"7", "null", "{}",
	    "{\"key\":7,\"create_revision\":\"1\",\"mod_revision\":\"1\"}",
	    "{\"key\":\"" BLANK
	    "\",\"create_revision\":\"1\",\"mod_revision\":\"1\"}",
	    "{\"key\":\"" FOREIGN
	    "\",\"create_revision\":\"1\",\"mod_revision\":\"1\"}",
	    /* of another fleet */
	    "{\"key\":\"L3AycC1nYXRld2F5L3VzL2hlYWQ=\","
	    "\"create_revision\":\"1\",\"mod_revision\":\"1\"}",
	    /* the prefix alone */
	    "{\"key\":\"L3AycC1nYXRld2F5L2V1Lw==\","
	    "\"create_revision\":\"1\",\"mod_revision\":\"1\"}",
	    /* "head\0" */
	    "{\"key\":\"L3AycC1nYXRld2F5L2V1L2hlYWQA\","
	    "\"create_revision\":\"1\",\"mod_revision\":\"1\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\"}",
	    "{\"key\":\"" HEAD "\",\"mod_revision\":\"1\"}",
	    "{\"key\":\"" HEAD
	    "\",\"create_revision\":1,\"mod_revision\":\"1\"}",
	    "{\"key\":\"" HEAD
	    "\",\"create_revision\":\"1\",\"mod_revision\":\"-1\"}",
	    "{\"key\":\"" HEAD
	    "\",\"create_revision\":\"1\",\"mod_revision\":\"1x\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"9223372036854775808\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"A\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"AA\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"AP9=\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"A===\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"AA=A\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"AA A\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":\"AA_-\"}",
	    "{\"key\":\"" HEAD "\",\"create_revision\":\"1\","
	    "\"mod_revision\":\"1\",\"value\":null}"};
	char text[1024];

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		snprintf(text, sizeof(text),
		    "{" HEADER ",\"kvs\":[%s,{\"key\":\"" NEWS
		    "\",\"create_revision\":\"3\",\"mod_revision\":\"3\"}]}",
		    records[i]);
		read_as(ETCD_RANGE, 200, text);
		if (said.answer.result != ENGINE_DONE ||
		    said.answer.damaged != 1 || said.answer.num != 1 ||
		    strcmp(said.answer.kv[0].key, "news") != 0)
			fail_msg("%s", records[i]);
	}
}

/* Each of these is no answer at all. */
static void
damaged_answers(void **state)
{
	static const struct {
		enum etcd_call call;
		const char *text;
	} answers[] = {
	    {ETCD_RANGE, ""},
	    {ETCD_RANGE, "{"},
	    {ETCD_RANGE, "[]"},
	    {ETCD_RANGE, "{}"},
	    {ETCD_RANGE, "{\"header\":7}"},
	    {ETCD_RANGE, "{\"header\":{\"revision\":7}}"},
	    {ETCD_RANGE, "{" HEADER ",\"kvs\":{}}"},
	    {ETCD_RANGE, "{" HEADER ",\"more\":\"true\"}"},
	    {ETCD_RANGE, "{" HEADER "} {" HEADER "}"},
	    {ETCD_RANGE, "{" HEADER ",\"more\":true,\"more\":false}"},
	    {ETCD_TXN, "{" HEADER ",\"succeeded\":1}"},
	    {ETCD_TXN, "{" HEADER ",\"succeeded\":true,\"responses\":7}"},
	    {ETCD_TXN, "{" HEADER ",\"succeeded\":true,\"responses\":[7]}"},
	    {ETCD_TXN,
		"{" HEADER ",\"succeeded\":true,\"responses\":"
		"[{\"response_range\":7}]}"},
	    {ETCD_GRANT, "{" HEADER "}"},
	    {ETCD_GRANT, "{" HEADER ",\"ID\":\"0\",\"TTL\":\"3\"}"},
	    {ETCD_GRANT, "{" HEADER ",\"ID\":3,\"TTL\":\"3\"}"},
	    {ETCD_LOGIN, "{" HEADER "}"},
	    {ETCD_LOGIN, "{" HEADER ",\"token\":\"\"}"},
	    {ETCD_LOGIN, "{" HEADER ",\"token\":\"a\\r\\nX: y\"}"},
	    {ETCD_LOGIN, "{" HEADER ",\"token\":\"a b\"}"},
	    {ETCD_WATCH, "{" HEADER "}"},
	    {ETCD_WATCH, "{\"result\":7}"},
	    {ETCD_WATCH, "{\"result\":{" HEADER ",\"events\":7}}"},
	    {ETCD_WATCH, "{\"result\":{" HEADER ",\"events\":[7]}}"},
	    {ETCD_WATCH,
		"{\"result\":{" HEADER ",\"events\":[{\"type\":\"SPLIT\"}]}}"},
	    {ETCD_WATCH, "{\"result\":{" HEADER ",\"created\":\"yes\"}}"},
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		read_as(answers[i].call, 200, answers[i].text);
		if (said.answer.result != ENGINE_UNKNOWN ||
		    said.answer.why[0] == '\0' || said.answer.num != 0 ||
		    said.token != NULL || said.created)
			fail_msg("%s", answers[i].text);
	}
}

static void
transactions(void **state)
{
	read_as(ETCD_TXN, 200,
	    "{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":"
	    "{\"header\":{\"revision\":\"4\"}}},{\"response_range\":{"
	    "\"header\":{\"revision\":\"3\"},\"kvs\":[{\"key\":\"" HEAD
	    "\",\"create_revision\":\"2\",\"mod_revision\":\"2\"}],"
	    "\"count\":\"1\"}},{\"response_range\":{}}]}");
	IS(ENGINE_DONE, "");
	assert_int_equal(said.answer.num, 1);
	read_as(ETCD_TXN, 200, "{" HEADER "}");
	IS(ENGINE_LOST, "");
}

static void
watches(void **state)
{
	read_as(ETCD_WATCH, 200, "{\"result\":{" HEADER ",\"created\":true}}");
	IS(ENGINE_DONE, "");
	assert_true(said.created);
	read_as(ETCD_WATCH, 200,
	    "{\"result\":{" HEADER ",\"fragment\":true,\"events\":[{\"kv\":{"
	    "\"key\":\"" HEAD
	    "\",\"create_revision\":\"2\",\"mod_revision\":\"6\","
	    "\"value\":\"AA==\"}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"" NEWS
	    "\",\"mod_revision\":\"6\"}},{\"type\":\"PUT\",\"kv\":{}}]}}");
	IS(ENGINE_DONE, "");
	assert_true(said.fragment);
	assert_int_equal(said.answer.num, 2);
	assert_int_equal(said.answer.damaged, 1);
	assert_null(said.answer.kv[1].value);
	assert_string_equal(said.answer.kv[1].key, "news");
	/* The end of it, and why. */
	read_as(ETCD_WATCH, 200,
	    "{\"result\":{\"header\":{},\"canceled\":true,"
	    "\"compact_revision\":\"4\"}}");
	IS(ENGINE_COMPACTED, "no longer kept");
	read_as(ETCD_WATCH, 200,
	    "{\"result\":{" HEADER ",\"created\":true,\"canceled\":true,"
	    "\"cancel_reason\":\"etcdserver: permission denied\"}}");
	IS(ENGINE_DENIED, "permission denied");
	read_as(ETCD_WATCH, 200, "{\"result\":{" HEADER ",\"canceled\":true}}");
	IS(ENGINE_REFUSED, "no reason");
	read_as(ETCD_WATCH, 200,
	    "{\"error\":{\"grpc_code\":14,\"http_code\":503,"
	    "\"message\":\"transport is closing\"}}");
	IS(ENGINE_UNKNOWN, "transport is closing");
}

static void
leases(void **state)
{
	read_as(ETCD_GRANT, 200, "{" HEADER ",\"ID\":\"5\",\"TTL\":\"30\"}");
	IS(ENGINE_DONE, "");
	assert_int_equal(said.answer.lease, 5);
	assert_int_equal(said.answer.ttl_sec, 30);
	read_as(ETCD_KEEPALIVE, 200,
	    "{\"result\":{" HEADER ",\"ID\":\"5\",\"TTL\":\"30\"}}\n");
	IS(ENGINE_DONE, "");
	read_as(ETCD_KEEPALIVE, 200, "{\"result\":{" HEADER ",\"ID\":\"5\"}}");
	IS(ENGINE_NO_LEASE, "has ended");
}

static void
errors(void **state)
{
	static const struct {
		int status, code;
		const char *message;
		enum engine_result result;
	} rows[] = {
	    {400, 3, "etcdserver: duplicate key given in txn request",
		ENGINE_REFUSED},
	    {403, 7, "etcdserver: permission denied", ENGINE_DENIED},
	    {401, 16, "etcdserver: invalid auth token", ENGINE_DENIED},
	    {429, 8, "etcdserver: mvcc: database space exceeded", ENGINE_FULL},
	    {429, 8, "etcdserver: too many requests", ENGINE_REFUSED},
	    {400, 11, "etcdserver: mvcc: required revision has been compacted",
		ENGINE_COMPACTED},
	    {400, 11,
		"etcdserver: mvcc: required revision is a future revision",
		ENGINE_REFUSED},
	    {404, 5, "etcdserver: requested lease not found", ENGINE_NO_LEASE},
	    /* These may have got through. */
	    {503, 14, "etcdserver: request timed out", ENGINE_UNKNOWN},
	    {503, 14, "etcdserver: leader changed", ENGINE_UNKNOWN},
	    {504, 4, "context deadline exceeded", ENGINE_UNKNOWN},
	    {500, 13, "anything", ENGINE_UNKNOWN},
	    {500, 2, "anything", ENGINE_UNKNOWN},
	    {408, 1, "context canceled", ENGINE_UNKNOWN},
	    {500, 99, "anything", ENGINE_UNKNOWN},
	};
	char text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
		    "{\"error\":\"%s\",\"message\":\"%s\",\"code\":%d}",
		    rows[i].message, rows[i].message, rows[i].code);
		read_as(ETCD_TXN, rows[i].status, text);
		IS(rows[i].result, rows[i].message);
		assert_int_equal(said.answer.code, rows[i].code);
		assert_int_equal(said.answer.status, rows[i].status);
	}
	/* Without words of etcd's, from whoever is between. */
	read_as(ETCD_TXN, 502, "<html>Bad Gateway</html>");
	IS(ENGINE_UNKNOWN, "status 502");
	read_as(ETCD_TXN, 404, "Not Found");
	IS(ENGINE_UNKNOWN, "status 404");
	read_as(ETCD_TXN, 302, "");
	IS(ENGINE_UNKNOWN, "status 302");
	read_as(ETCD_TXN, 200, "{\"code\":7,\"message\":\"x\"}");
	IS(ENGINE_UNKNOWN, "none of etcd's");
	/* A success that is none. */
	read_as(ETCD_TXN, 500, "{" HEADER ",\"succeeded\":true}");
	IS(ENGINE_UNKNOWN, "status 500");
}

/* What is asked for anew, and what a login says of what it was sent. */
static void
logins(void **state)
{
	static const char *const stale[] = {"invalid auth token",
	    "revision of auth store is old", "user name is empty"};
	char text[256];

	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text),
		    "{\"code\":3,\"message\":\"etcdserver: %s\"}", stale[i]);
		read_as(ETCD_TXN, 400, text);
		assert_true(said.stale_token);
		IS(ENGINE_DENIED, stale[i]);
	}
	read_as(ETCD_LOGIN, 200, "{" HEADER ",\"token\":\"abc.9\"}");
	IS(ENGINE_DONE, "");
	assert_string_equal(said.token, "abc.9");
	read_as(ETCD_LOGIN, 400,
	    "{\"code\":3,\"message\":\"etcdserver: authentication failed, "
	    "invalid user ID or password\"}");
	IS(ENGINE_DENIED, "user or password are wrong");
	assert_false(said.stale_token);
	read_as(ETCD_LOGIN, 412,
	    "{\"code\":9,\"message\":\"etcdserver: authentication is not "
	    "enabled\"}");
	assert_true(said.no_users);
	/* Whoever is there may say the password back: it is not repeated. */
	read_as(
	    ETCD_LOGIN, 400, "{\"code\":3,\"message\":\"you said hunter2\"}");
	IS(ENGINE_REFUSED, "login failed");
	assert_null(strstr(said.answer.why, "hunter2"));
	read_as(ETCD_LOGIN, 400, "you said hunter2");
	assert_null(strstr(said.answer.why, "hunter2"));
	read_as(ETCD_LOGIN, 400,
	    "CommonName of client sending a request against gateway will be "
	    "ignored and not used as expected\n");
	IS(ENGINE_DENIED, "CommonName of client");
	/* No line of a log is made of what it says. */
	read_as(ETCD_TXN, 400, "{\"code\":3,\"message\":\"a\\nb\"}");
	assert_null(strchr(said.answer.why, '\n'));
}

/* What it costs is bounded, whatever it is made of. */
static void
bounds(void **state)
{
	size_t len = ENGINE_MAX_LINE + 10;
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, ' ', len);
	text[0] = '{';
	text[len - 1] = '}';
	text[len] = '\0';
	read_as(ETCD_RANGE, 200, text);
	IS(ENGINE_TOO_LONG, "too long");
	for (size_t i = 0; i < 2 * ETCD_JSON_MAX_VALUES + 4; i += 2)
		memcpy(text + i, "1,", 2);
	text[0] = '[';
	memcpy(text + 2 * ETCD_JSON_MAX_VALUES + 4, "1]", 3);
	read_as(ETCD_RANGE, 200, text);
	IS(ENGINE_TOO_LONG, "too long");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests),
	    cmocka_unit_test_teardown(pages, end),
	    cmocka_unit_test_teardown(foreign_pages, end),
	    cmocka_unit_test_teardown(damaged_records, end),
	    cmocka_unit_test_teardown(damaged_answers, end),
	    cmocka_unit_test_teardown(transactions, end),
	    cmocka_unit_test_teardown(watches, end),
	    cmocka_unit_test_teardown(leases, end),
	    cmocka_unit_test_teardown(errors, end),
	    cmocka_unit_test_teardown(logins, end),
	    cmocka_unit_test_teardown(bounds, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
