/*
 * The two corda sections against their published keys, and our own against
 * its documented ones, one line each: bounds on both sides, the default, text
 * for a number, null, a wrong type. Written from the reference, not from
 * the table of keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base/json_path.h"
#include "gateway/conf/conf_schema.h"
#include "gateway/conf/section.h"

#define LINK    SECTION_LINK_MANAGER
#define GATEWAY SECTION_GATEWAY
#define OWN     SECTION_REVCHECK
#define NONE    INT64_MAX /* no bound on that side */
#define NUL     INT64_MIN /* the default, and it may be set */

struct key {
	enum section_id section;
	const char *path;
	int64_t min, max, dflt;
};

static const struct key keys[] = {
    {LINK, "maxMessageSize", 1000, NONE, 1000000},
    {LINK, "replayAlgorithm.constant.messageReplayPeriod", 500, NONE, 2000},
    {LINK, "replayAlgorithm.exponentialBackoff.baseReplayPeriod", 500, NONE,
	2000},
    {LINK, "replayAlgorithm.exponentialBackoff.replayPeriodCutoff", 500, NONE,
	10000},
    {LINK, "maxReplayingMessages", 1, NONE, 100},
    {LINK, "heartbeatMessagePeriod", 500, NONE, 2000},
    {LINK, "sessionTimeout", 500, NONE, 60000},
    {LINK, "sessionsPerPeer", 1, NONE, NUL},
    {LINK, "numOfSessionsPerPeer.forMgm", 1, NONE, 1},
    {LINK, "numOfSessionsPerPeer.forMembers", 1, NONE, 2},
    {LINK, "sessionRefreshThreshold", NONE, 432000, 432000},
    {LINK, "sessionCache.inboundSessionsCacheSize", 1, NONE, 10000},
    {LINK, "sessionCache.outboundSessionsCacheSize", 1, NONE, 10000},
    {LINK, "deliveryTracker.maxCacheSizeMegabytes", 1, NONE, 100},
    {LINK, "deliveryTracker.maxCacheOffsetAge", 1, NONE, 50000},
    {LINK, "deliveryTracker.maxNumberOfPersistenceRetries", 0, NONE, 3},
    {LINK, "deliveryTracker.statePersistencePeriodSeconds", 1, NONE, 1},
    {LINK, "deliveryTracker.outboundBatchProcessingTimeoutSeconds", 1, NONE,
	30},
    {GATEWAY, "maxRequestSize", 10000000, NONE, 500000000},
    {GATEWAY, "connectionConfig.maxClientConnections", 1, 10000, 100},
    {GATEWAY, "connectionConfig.acquireTimeout", 1, 3000, 10},
    {GATEWAY, "connectionConfig.connectionIdleTimeout", 1, 3000, 60},
    {GATEWAY, "connectionConfig.responseTimeout", 100, 10000, 3000},
    {GATEWAY, "connectionConfig.retryDelay", 100, 10000, 2000},
    {GATEWAY, "connectionConfig.initialReconnectionDelay", 1, 3000, 1},
    {GATEWAY, "connectionConfig.maxReconnectionDelay", 1, 3000, 16},
    {OWN, "clockSkewSeconds", 0, 86400, 300},
    {OWN, "maxAgeSeconds", 0, NONE, 0},
    {OWN, "noNextUpdateSeconds", 1, NONE, 86400},
    {OWN, "deadlineMs", 1, 3600000, 5000},
    {OWN, "securityLevel", 0, 5, 2},
    {OWN, "softFailWindowSeconds", 0, NONE, 0},
    {OWN, "warmUpMs", 0, 3600000, 10000},
    {OWN, "recheck.graceMs", 0, 3600000, 0},
    {OWN, "recheck.jitterMs", 0, 3600000, 0},
    {OWN, "limits.connectTimeoutMs", 1, 3600000, 2000},
    {OWN, "limits.fetchTimeoutMs", 1, 3600000, 4000},
    {OWN, "limits.crlTimeoutMs", 1, 3600000, 60000},
    {OWN, "limits.maxCrlBytes", 1, NONE, 134217728},
    {OWN, "limits.maxCrlEntries", 1, NONE, 10000000},
    {OWN, "limits.maxOcspBytes", 1, 16777216, 65536},
    {OWN, "limits.memoryBytes", 1, NONE, 536870912},
    {OWN, "limits.maxRequests", 1, 10000000, 10000},
};

/* {"a":{"b":VALUE}} for "a.b". */
static cJSON *
nested(const char *path, cJSON *value)
{
	char name[64];
	size_t n = strcspn(path, ".");
	cJSON *o = cJSON_CreateObject();

	snprintf(name, sizeof(name), "%.*s", (int)n, path);
	cJSON_AddItemToObject(
	    o, name, path[n] == '.' ? nested(path + n + 1, value) : value);
	return o;
}

static bool
takes(enum section_id section, const char *path, cJSON *value)
{
	cJSON *config = nested(path, value);
	struct err err = {0};
	int rc = section_validate(section, config, &err);

	/* A refusal names the key. */
	if (rc != 0 && strstr(err.msg, path) == NULL)
		fail_msg("%s: %s", path, err.msg);
	cJSON_Delete(config);
	return rc == 0;
}

static bool
takes_number(const struct key *k, int64_t v)
{
	char text[32];
	bool number = takes(k->section, k->path, cJSON_CreateNumber((double)v));

	/* Loose in types: text that is a number is the number. */
	snprintf(text, sizeof(text), "%lld", (long long)v);
	assert_int_equal(
	    takes(k->section, k->path, cJSON_CreateString(text)), number);
	return number;
}

static void
bounds_are_the_published_ones(void **state)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct key *k = &keys[i];

		if (k->min != NONE &&
		    (!takes_number(k, k->min) || takes_number(k, k->min - 1)))
			fail_msg("%s: its least is not %lld", k->path,
			    (long long)k->min);
		if (k->max != NONE &&
		    (!takes_number(k, k->max) || takes_number(k, k->max + 1)))
			fail_msg("%s: its largest is not %lld", k->path,
			    (long long)k->max);
		if (k->max == NONE && !takes_number(k, 2000000000))
			fail_msg("%s has a bound", k->path);
		assert_false(
		    takes(k->section, k->path, cJSON_CreateString("x")));
		assert_false(
		    takes(k->section, k->path, cJSON_CreateString("")));
		assert_false(takes(k->section, k->path, cJSON_CreateTrue()));
		assert_false(takes(k->section, k->path, cJSON_CreateArray()));
		assert_int_equal(takes(k->section, k->path, cJSON_CreateNull()),
		    k->dflt == NUL);
	}
}

static void
defaults_are_the_published_ones(void **state)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct key *k = &keys[i];
		char parent[128];
		cJSON *config, *full;
		int64_t v = -1;

		/* Inside a choice the default is that of what was chosen. */
		snprintf(parent, sizeof(parent), "%s", k->path);
		if (strrchr(parent, '.') != NULL)
			*strrchr(parent, '.') = '\0';
		config = strncmp(k->path, "replay", 6) == 0
		    ? nested(parent, cJSON_CreateObject())
		    : NULL;
		full = section_with_defaults(k->section, config, NULL);
		if (k->dflt == NUL)
			assert_true(cJSON_IsNull(json_path_get(full, k->path)));
		else if (!json_path_int(full, k->path, &v) || v != k->dflt)
			fail_msg("%s: %lld is not its default", k->path,
			    (long long)v);
		cJSON_Delete(full);
		cJSON_Delete(config);
	}
}

/* Words, flags and texts: what is taken, what is not. */
static const struct {
	enum section_id section;
	const char *config;
	bool taken;
} rows[] = {
    {LINK, "{\"heartbeatEnabled\":false}", true},
    {LINK, "{\"heartbeatEnabled\":\"FALSE\"}", true},
    {LINK, "{\"heartbeatEnabled\":0}", false},
    {LINK, "{\"heartbeatEnabled\":null}", false},
    {LINK, "{\"replayAlgorithm\":{}}", true},
    {LINK, "{\"replayAlgorithm\":{\"other\":{}}}", false},
    {LINK, "{\"replayAlgorithm\":{\"constant\":{},\"exponentialBackoff\":{}}}",
	false},
    {LINK, "{\"revocationCheck\":{\"mode\":\"soft_fail\"}}", true},
    {LINK, "{\"revocationCheck\":{\"mode\":\"ON\"}}", true},
    {LINK, "{\"revocationCheck\":{\"mode\":null}}", false},
    {LINK, "{\"revocationCheck\":null}", false},
    {LINK, "{\"MaxMessageSize\":1000}", false},
    {GATEWAY, "{\"serversConfiguration\":[{}]}", true},
    {GATEWAY, "{\"serversConfiguration\":{}}", false},
    {GATEWAY, "{\"serversConfiguration\":[1]}", false},
    {GATEWAY, "{\"serversConfiguration\":[{\"hostPort\":0}]}", true},
    {GATEWAY, "{\"serversConfiguration\":[{\"hostPort\":65535}]}", true},
    {GATEWAY, "{\"serversConfiguration\":[{\"hostPort\":-1}]}", false},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"/\"}]}", true},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"\"}]}", false},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"/a_b\"}]}", false},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlPath\":\"/a\\nb\"}]}", false},
    {GATEWAY, "{\"sslConfig\":{\"tlsType\":\"ONE_WAY\"}}", true},
    {GATEWAY, "{\"sslConfig\":{\"other\":1}}", true},
    /* Of what is passed over nothing may have been meant for a key. */
    {LINK, "{\"revocationCheck\":{\"other\":1}}", true},
    {LINK, "{\"revocationCheck\":{\"Mode\":\"HARD_FAIL\"}}", false},
    {LINK, "{\"revocationCheck\":{\"mod\":\"HARD_FAIL\"}}", false},
    {LINK, "{\"sessionCache\":{\"mode\":\"HARD_FAIL\"}}", false},
    {GATEWAY, "{\"sslConfig\":{\"TlsType\":\"MUTUAL\"}}", false},
    {GATEWAY, "{\"sslConfig\":{\"mode\":\"HARD_FAIL\"}}", false},
    {GATEWAY, "{\"sslConfig\":{\"RevocationCheck\":{}}}", false},
    {GATEWAY, "{\"serversConfiguration\":[{\"urlpath\":\"/a\"}]}", false},
    {GATEWAY, "{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"OFF\"}}}", true},
    {GATEWAY, "{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"x\"}}}", false},
    {GATEWAY, "{\"connectionConfig\":{\"other\":1}}", false},
    {GATEWAY, "[]", false},
    {LINK, "\"{}\"", false},
    {LINK, "null", false},
};

static void
words_and_shapes(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *config = cJSON_Parse(rows[i].config);
		struct err err = {0};
		bool taken =
		    section_validate(rows[i].section, config, &err) == 0;

		if (taken != rows[i].taken)
			fail_msg("%s: %s", rows[i].config,
			    taken ? "taken" : err.msg);
		cJSON_Delete(config);
	}
}

static void
other_defaults(void **state)
{
	cJSON *link = section_with_defaults(LINK, NULL, NULL);
	cJSON *one = cJSON_Parse("{\"serversConfiguration\":[{}]}");
	cJSON *gw = section_with_defaults(GATEWAY, one, NULL);
	const cJSON *server =
	    cJSON_GetArrayItem(json_path_get(gw, "serversConfiguration"), 0);
	bool flag = false;
	int64_t port = 0;

	assert_true(json_path_bool(link, "heartbeatEnabled", &flag) && flag);
	assert_string_equal(
	    json_path_string(link, "revocationCheck.mode"), "SOFT_FAIL");
	/* The first of a choice. */
	assert_non_null(json_path_get(link, "replayAlgorithm.constant"));
	assert_null(json_path_get(link, "replayAlgorithm.exponentialBackoff"));
	assert_string_equal(json_path_string(server, "hostAddress"), "0.0.0.0");
	assert_true(json_path_int(server, "hostPort", &port) && port == 8080);
	assert_string_equal(json_path_string(server, "urlPath"), "/");
	assert_string_equal(
	    json_path_string(gw, "sslConfig.tlsType"), "ONE_WAY");
	assert_string_equal(
	    json_path_string(gw, "sslConfig.revocationCheck.mode"),
	    "SOFT_FAIL");
	cJSON_Delete(link);
	cJSON_Delete(gw);
	cJSON_Delete(one);
}

/* The published JSON Schema. */

/* Every key says what it does, or that it does nothing here. */
static size_t
check_described(const cJSON *node, const char *name)
{
	const cJSON *props =
	    cJSON_GetObjectItemCaseSensitive(node, "properties");
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(node, "items");
	const char *help = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(node, "description"));
	bool nothing = cJSON_IsTrue(
	    cJSON_GetObjectItemCaseSensitive(node, "x-noEffectHere"));
	size_t num = 0;
	const cJSON *e;

	if (name != NULL && (help == NULL || *help == '\0'))
		fail_msg("nothing is said about '%s'", name);
	if (name != NULL && help != NULL && strstr(help, "no effect") != NULL &&
	    !nothing)
		fail_msg("'%s' is not marked", name);
	cJSON_ArrayForEach(e, props)
	{
		num += 1 + check_described(e, e->string);
	}
	/* An element has no name of its own. */
	if (items != NULL)
		num += check_described(items, NULL);
	return num;
}

static void
every_key_is_described(void **state)
{
	static const size_t least[SECTION_NUM] = {25, 15, 30};

	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		cJSON *o = conf_schema_section(id);

		assert_true(check_described(o, "section") >= least[id]);
		assert_string_equal(
		    json_path_string(o, "title"), section_name(id));
		cJSON_Delete(o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bounds_are_the_published_ones),
	    cmocka_unit_test(defaults_are_the_published_ones),
	    cmocka_unit_test(words_and_shapes),
	    cmocka_unit_test(other_defaults),
	    cmocka_unit_test(every_key_is_described),
	};

	return cmocka_run_group_tests_name(
	    "the corda sections", tests, NULL, NULL);
}
