/*
 * What a section comes to over the file: each of its words, what it leaves
 * out, which is then as the file says, and which way a value is laxer.
 */
#include "tests/unit/conf_help.h"

#include "gateway/base/json_path.h"
#include "gateway/control/effective.h"
#include "revcheck/engine/policy.h"

/* The numbers that a section comes to over a base. */
static void
pushed(struct conf *view, const struct conf *base, enum section_id id,
    const char *json)
{
	struct effective_input in = {.base = base};
	struct effective_values values;
	cJSON *o = cJSON_Parse(json);
	struct err err;

	assert_non_null(o);
	assert_int_equal(section_validate(id, o, &err), 0);
	in.sections[id] = o;
	if (effective_values(&values, &in, &err) != 0)
		fail_msg("%s", err.msg);
	conf_view(view, &values.conf);
	effective_values_cleanup(&values);
	cJSON_Delete(o);
}

/* As the engine understands it. */
static uint32_t
skew_of(const struct conf *c)
{
	struct revcheck_policy own;
	struct err err;

	assert_int_equal(policy_resolve(&own, &c->policy, &err), 0);
	return own.skew_sec;
}

static void
no_skew_is_none_and_not_the_default(void **state)
{
	struct conf *c, view;
	struct err err;
	cJSON *o = base_file("");

	assert_int_equal(skew_of(defaults), 300);
	pushed(&view, defaults, SECTION_REVCHECK, "{\"clockSkewSeconds\":0}");
	assert_int_equal(skew_of(&view), 0);
	put(o, "revocation.skew_sec", cJSON_CreateNumber(0));
	assert_int_equal(parse(&c, o, &err), 0);
	assert_int_equal(skew_of(c), 0);
	/* What is not pushed is as the file says. */
	pushed(&view, c, SECTION_REVCHECK, "{}");
	assert_int_equal(skew_of(&view), 0);
	pushed(&view, c, SECTION_REVCHECK, "{\"clockSkewSeconds\":7}");
	assert_int_equal(skew_of(&view), 7);
	conf_free(c);
	cJSON_Delete(o);
	/* The other key whose zero is a value. */
	pushed(&view, defaults, SECTION_REVCHECK, "{\"securityLevel\":0}");
	assert_int_equal(view.policy.security_level, -1);
}

static void
a_relax_word_relaxes_its_own_rule(void **state)
{
	static const struct {
		const char *words;
		unsigned bits;
	} rows[] = {
	    {"", 0},
	    {"\"CRL_VERSION\"", REVCHECK_RELAX_CRL_VERSION},
	    {"\"EMPTY_REVOKED\"", REVCHECK_RELAX_EMPTY_REVOKED},
	    {"\"EMPTY_IDP\"", REVCHECK_RELAX_EMPTY_IDP},
	    {"\"TRAILING\"", REVCHECK_RELAX_TRAILING},
	    {"\"NO_CRLSIGN\"", REVCHECK_RELAX_NO_CRLSIGN},
	    {"\"SERIAL_PADDING\"", REVCHECK_RELAX_SERIAL_PADDING},
	    {"\"CRL_DATES\"", REVCHECK_RELAX_CRL_DATES},
	    {"\"CRL_EXTENSIONS\"", REVCHECK_RELAX_CRL_EXTENSIONS},
	    {"\"STRICT_EMPTY_REVOKED\"", REVCHECK_STRICT_EMPTY_REVOKED},
	    {"\"trailing\",\"EMPTY_IDP\"",
		REVCHECK_RELAX_TRAILING | REVCHECK_RELAX_EMPTY_IDP},
	};
	struct conf view;
	char json[80];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(json, sizeof(json), "{\"relax\":[%s]}", rows[i].words);
		pushed(&view, defaults, SECTION_REVCHECK, json);
		assert_int_equal(view.policy.relax, rows[i].bits);
	}
	pushed(&view, defaults, SECTION_REVCHECK, "{}");
	assert_int_equal(view.policy.relax, 0);
}

/* The table's words, by hand: a wrong value beside a word is not seen above. */
static void
words_mean_what_they_say(void **state)
{
	static const struct {
		enum section_id id;
		const char *json;
		size_t offset;
		int value;
	} rows[] = {
#define MODE(w, v)                                                            \
	{SECTION_LINK_MANAGER, "{\"revocationCheck\":{\"mode\":\"" w "\"}}",  \
	    offsetof(struct conf, policy.mode), REVCHECK_MODE_##v},           \
	    {SECTION_GATEWAY,                                                 \
		"{\"sslConfig\":{\"revocationCheck\":{\"mode\":\"" w "\"}}}", \
		offsetof(struct conf, tls.mode), REVCHECK_MODE_##v}
#define WORD(k, m, w, v)                                   \
	{                                                  \
		SECTION_REVCHECK, "{\"" k "\":\"" w "\"}", \
		    offsetof(struct conf, policy.m), v     \
	}
#define TYPE(w, v)                                                          \
	{                                                                   \
		SECTION_GATEWAY, "{\"sslConfig\":{\"tlsType\":\"" w "\"}}", \
		    offsetof(struct conf, tls.type), v                      \
	}
	    MODE("OFF", OFF),
	    MODE("SOFT_FAIL", SOFT_FAIL),
	    MODE("HARD_FAIL", HARD_FAIL),
	    MODE("ON", SOFT_FAIL),
	    WORD("order", order, "OCSP_CRL", REVCHECK_ORDER_OCSP_CRL),
	    WORD("order", order, "CRL_OCSP", REVCHECK_ORDER_CRL_OCSP),
	    WORD("order", order, "OCSP", REVCHECK_ORDER_OCSP),
	    WORD("order", order, "CRL", REVCHECK_ORDER_CRL),
	    WORD("order", order, "ALL", REVCHECK_ORDER_ALL),
	    WORD("nonce", nonce, "OFF", REVCHECK_NONCE_OFF),
	    WORD("nonce", nonce, "OPTIONAL", REVCHECK_NONCE_OPTIONAL),
	    WORD("nonce", nonce, "REQUIRED", REVCHECK_NONCE_REQUIRED),
	    TYPE("MUTUAL", CONF_TLS_MUTUAL),
	    TYPE("ONE_WAY", CONF_TLS_ONE_WAY),
#undef MODE
#undef WORD
#undef TYPE
	};
	struct conf view;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pushed(&view, defaults, rows[i].id, rows[i].json);
		assert_int_equal(
		    *(int *)((char *)&view + rows[i].offset), rows[i].value);
	}
}

/* Absent never loosens: it is as the file says. */
static void
what_is_not_pushed_is_the_files(void **state)
{
	cJSON *o = base_file("");
	struct conf *c, view;
	struct err err;

	pushed(&view, defaults, SECTION_GATEWAY, "{}");
	assert_int_equal(view.tls.type, CONF_TLS_MUTUAL);
	assert_int_equal(view.tls.mode, REVCHECK_MODE_DEFAULT);
	put(o, "tls.type", cJSON_CreateString("ONE_WAY"));
	put(o, "http.response_timeout_ms", cJSON_CreateNumber(77));
	put(o, "recheck.grace_ms", cJSON_CreateNumber(5));
	assert_int_equal(parse(&c, o, &err), 0);
	cJSON_Delete(o);
	pushed(&view, c, SECTION_GATEWAY, "{\"maxRequestSize\":10000000}");
	assert_int_equal(view.tls.type, CONF_TLS_ONE_WAY);
	assert_int_equal(view.http.response_timeout_ms, 77);
	pushed(&view, c, SECTION_REVCHECK, "{\"recheck\":{\"jitterMs\":9}}");
	assert_int_equal(view.recheck.grace_ms, 5);
	assert_int_equal(view.recheck.jitter_ms, 9);
	pushed(&view, c, SECTION_GATEWAY,
	    "{\"connectionConfig\":{\"connectionIdleTimeout\":\"2\"}}");
	assert_int_equal(view.http.node_idle_timeout_ms, 2000);
	conf_free(c);
}

/* While TLS has no mode of its own, that of the link manager is shown. */
static void
a_mode_that_is_inherited_is_shown(void **state)
{
	struct effective_input in = {.base = defaults};
	cJSON *link = cJSON_Parse("{\"revocationCheck\":{\"mode\":\"OFF\"}}");
	cJSON *gateway =
	    cJSON_Parse("{\"sslConfig\":{\"tlsType\":\"ONE_WAY\"}}");
	const char *const path = "sslConfig.revocationCheck.mode";
	cJSON *full = effective_with_defaults(SECTION_GATEWAY, &in);

	assert_string_equal(json_path_string(full, path), "SOFT_FAIL");
	assert_string_equal(
	    json_path_string(full, "sslConfig.tlsType"), "MUTUAL");
	cJSON_Delete(full);
	in.sections[SECTION_LINK_MANAGER] = link;
	in.sections[SECTION_GATEWAY] = gateway;
	full = effective_with_defaults(SECTION_GATEWAY, &in);
	assert_string_equal(json_path_string(full, path), "OFF");
	assert_string_equal(
	    json_path_string(full, "sslConfig.tlsType"), "ONE_WAY");
	cJSON_Delete(full);
	put(gateway, path, cJSON_CreateString("hard_fail"));
	full = effective_with_defaults(SECTION_GATEWAY, &in);
	assert_string_equal(json_path_string(full, path), "HARD_FAIL");
	cJSON_Delete(full);
	cJSON_Delete(link);
	cJSON_Delete(gateway);
}

/* The file's row of what acts while k is not pushed; without one, k. */
static const struct conf_key *
file_row_of(const struct conf_key *k)
{
	size_t at = k->inherits != 0 ? k->inherits : k->offset;

	for (const struct conf_key *o = conf_keys; !conf_key_ends(o); o++)
		if (o->file != NULL && has_member(o) && o->offset == at)
			return o;
	return k;
}

/* The value that acts, which may be that of another key. */
static int64_t
acting(const struct conf_key *k, const struct conf *c)
{
	struct conf_key other = *k;
	int64_t v = conf_key_load(k, c);

	if (v != 0 || k->inherits == 0)
		return v;
	other.offset = k->inherits;
	return conf_key_load(&other, c);
}

static void
acts_as_the_file_says(
    const struct conf_key *k, const struct conf *base, const cJSON *section)
{
	struct effective_input in = {.base = base};
	struct effective_values none, values;
	struct err err;

	assert_int_equal(effective_values(&none, &in, &err), 0);
	in.sections[k->section] = section;
	if (section_validate(k->section, section, &err) != 0)
		fail_msg("%s: %s", k->pushed, err.msg);
	/* Another key of the section may contradict what the file says. */
	if (effective_values(&values, &in, &err) == 0) {
		if (acting(k, &values.conf) != acting(k, &none.conf))
			fail_msg("%s is %lld where the file says %lld",
			    k->pushed, (long long)acting(k, &values.conf),
			    (long long)acting(k, &none.conf));
		effective_values_cleanup(&values);
	}
	effective_values_cleanup(&none);
}

/* The objects above k with nothing in them, one more each time; and null. */
static void
empty_objects(const struct conf_key *k, const struct conf *base)
{
	char path[80];
	struct err err;

	for (size_t len = 0; k->pushed[len] != '\0'; len++) {
		cJSON *section = cJSON_CreateObject();

		len += strcspn(k->pushed + len, ".");
		snprintf(path, sizeof(path), "%.*s", (int)len, k->pushed);
		if (k->pushed[len] == '.') {
			put(section, path, cJSON_CreateObject());
			acts_as_the_file_says(k, base, section);
		}
		put(section, path, cJSON_CreateNull());
		assert_int_equal(
		    section_validate(k->section, section, &err), E_PARSE);
		cJSON_Delete(section);
		if (k->pushed[len] == '\0')
			break;
	}
}

/* Every other key of the section by itself. */
static void
other_keys(const struct conf_key *k, const struct conf *base)
{
	for (const struct conf_key *o = conf_keys; !conf_key_ends(o); o++) {
		cJSON *section, *value;

		if (o == k || o->pushed == NULL || o->section != k->section ||
		    !conf_key_is_number(o))
			continue;
		section = cJSON_CreateObject();
		value = o->kind == CONF_KIND_WORD
		    ? cJSON_CreateString(o->words[0].word)
		    : o->kind == CONF_KIND_BOOL || o->kind == CONF_KIND_FLAG
		    ? cJSON_CreateTrue()
		    : cJSON_CreateNumber((double)o->min);
		put(section, o->pushed, value);
		acts_as_the_file_says(k, base, section);
		cJSON_Delete(section);
	}
}

/* value: what the file has in the place of k; taken. */
static void
left_out(const struct conf_key *k, cJSON *value)
{
	const char *name = file_row_of(k)->file;
	cJSON *o = base_file(name != NULL ? name : ""), *section;
	struct conf *c;
	struct err err;

	if (name != NULL)
		put(o, name, value);
	else
		cJSON_Delete(value);
	if (parse(&c, o, &err) != 0) {
		/* The most is too much beside another key. */
		assert_non_null(strstr(err.msg, "expected less than"));
		cJSON_Delete(o);
		return;
	}
	cJSON_Delete(o);
	section = cJSON_CreateObject();
	acts_as_the_file_says(k, c, section);
	cJSON_Delete(section);
	empty_objects(k, c);
	other_keys(k, c);
	conf_free(c);
}

/*
 * Whatever the file says of a key that can be pushed, the strictest and the
 * laxest, stays so under a section that does not write it.
 */
static void
nothing_loosens_by_silence(void **state)
{
	size_t num = 0;

	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++) {
		const struct conf_key *row = file_row_of(k);

		if (k->pushed == NULL || (k->flags & CONF_NO_EFFECT) ||
		    k->kind == CONF_KIND_GROUP)
			continue;
		if (k->laxer == CONF_LAXER_UNDECIDED)
			fail_msg("%s: which way is it laxer?", k->pushed);
		if (k->kind == CONF_KIND_BITS) {
			left_out(k, cJSON_CreateArray());
		} else if (k->kind == CONF_KIND_WORD) {
			for (const struct conf_word *w = row->words; w->word;
			     w++)
				left_out(k, cJSON_CreateString(w->word));
		} else if (k->kind == CONF_KIND_BOOL ||
		    k->kind == CONF_KIND_FLAG) {
			left_out(k, cJSON_CreateTrue());
			left_out(k, cJSON_CreateFalse());
		} else if (conf_key_is_number(k)) {
			left_out(k, cJSON_CreateNumber((double)row->min));
			left_out(k, cJSON_CreateNumber((double)row->max));
		} else {
			continue;
		}
		num++;
	}
	assert_true(num > 30);
}

/* A value that is written may be laxer, and that is known of it. */
static void
which_way_is_laxer(void **state)
{
	static const struct {
		const char *pushed;
		int64_t strict, lax;
	} rows[] = {
	    {"sslConfig.tlsType", CONF_TLS_MUTUAL, CONF_TLS_ONE_WAY},
	    {"revocationCheck.mode", REVCHECK_MODE_HARD_FAIL,
		REVCHECK_MODE_SOFT_FAIL},
	    {"revocationCheck.mode", REVCHECK_MODE_SOFT_FAIL,
		REVCHECK_MODE_OFF},
	    {"sslConfig.revocationCheck.mode", REVCHECK_MODE_SOFT_FAIL,
		REVCHECK_MODE_OFF},
	    {"nonce", REVCHECK_NONCE_REQUIRED, REVCHECK_NONCE_OPTIONAL},
	    {"nonce", REVCHECK_NONCE_OPTIONAL, REVCHECK_NONCE_OFF},
	    {"clockSkewSeconds", 0, 1},
	    {"maxAgeSeconds", 1, 2},
	    {"maxAgeSeconds", 2, 0},
	    {"softFailWindowSeconds", 9, 0},
	    {"noNextUpdateSeconds", 1, 2},
	    {"securityLevel", 2, 1},
	    {"relax", REVCHECK_RELAX_TRAILING,
		REVCHECK_RELAX_TRAILING | REVCHECK_RELAX_EMPTY_IDP},
	    {"relax", REVCHECK_RELAX_NO_CRLSIGN, REVCHECK_RELAX_CRL_VERSION},
	    {"relax", REVCHECK_STRICT_EMPTY_REVOKED, 0},
	    {"recheck.graceMs", 0, 1},
	    {"warmUpMs", 0, 1},
	    {"addresses.anyPort", 0, 1},
	    {"addresses.refusePrivate", 1, 0},
	    {"maxRequestSize", 1, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct conf_key *k = conf_keys;

		while (
		    k->pushed == NULL || strcmp(k->pushed, rows[i].pushed) != 0)
			k++;
		assert_true(conf_key_is_laxer(k, rows[i].strict, rows[i].lax));
		assert_false(conf_key_is_laxer(k, rows[i].lax, rows[i].lax));
		if (k->kind != CONF_KIND_BITS || i == 12)
			assert_false(
			    conf_key_is_laxer(k, rows[i].lax, rows[i].strict));
	}
}

/* The same of lists, and of what stands in their elements. */
static void
lists_that_are_left_out(void **state)
{
	static const char *const sections[] = {
	    "{}", "{\"addresses\":{}}", "{\"addresses\":{\"allow\":[]}}"};
	struct effective_input in = {0};
	struct effective_options out;
	struct effective_rules rules;
	struct effective_values values;
	cJSON *o = base_file("");
	struct conf *c;
	struct err err;

	put(o, "revocation.allow_addresses", cJSON_Parse("[\"10.0.0.0/8\"]"));
	put(o, "revocation.ports", cJSON_Parse("[8080]"));
	put(o, "http.paths", cJSON_Parse("[\"/only\"]"));
	assert_int_equal(parse(&c, o, &err), 0);
	cJSON_Delete(o);
	in.base = c;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		cJSON *section = cJSON_Parse(sections[i]);

		in.sections[SECTION_REVCHECK] = section;
		assert_int_equal(effective_options(&out, &in, &err), 0);
		assert_string_equal(
		    out.options.allow_addresses[0], "10.0.0.0/8");
		assert_null(out.options.allow_addresses[1]);
		assert_int_equal(out.options.ports[0], 8080);
		assert_int_equal(out.options.ports[1], 0);
		effective_options_cleanup(&out);
		assert_int_equal(effective_rules(&rules, &in, &err), 0);
		assert_int_equal(rules.num, 0);
		effective_rules_cleanup(&rules);
		cJSON_Delete(section);
	}
	o = cJSON_Parse("{\"issuers\":[{\"ski\":\"a1\"}]}");
	in.sections[SECTION_REVCHECK] = o;
	assert_int_equal(effective_rules(&rules, &in, &err), 0);
	assert_int_equal(rules.rules[0].mode, REVCHECK_MODE_DEFAULT);
	assert_false(rules.rules[0].exempt);
	effective_rules_cleanup(&rules);
	cJSON_Delete(o);
	o = cJSON_Parse("{\"maxRequestSize\":10000000}");
	in.sections[SECTION_REVCHECK] = NULL;
	in.sections[SECTION_GATEWAY] = o;
	assert_int_equal(effective_values(&values, &in, &err), 0);
	assert_int_equal(values.conf.http.num_paths, 1);
	assert_string_equal(values.conf.http.paths[0].path, "/only");
	effective_values_cleanup(&values);
	cJSON_Delete(o);
	conf_free(c);
}

/* Addresses that are pushed come to the file's, ports instead of them. */
static void
lists_of_both(void **state)
{
	cJSON *o = base_file(""), *section;
	struct effective_input in = {0};
	struct effective_options out;
	struct conf *c;
	struct err err;

	put(o, "revocation.allow_addresses", cJSON_Parse("[\"10.0.0.0/8\"]"));
	put(o, "revocation.ports", cJSON_Parse("[8080]"));
	put(o, "revocation.max_requests", cJSON_CreateNumber(5));
	assert_int_equal(parse(&c, o, &err), 0);
	cJSON_Delete(o);
	section = cJSON_Parse("{\"addresses\":{\"allow\":[\"127.0.0.1\"],"
			      "\"ports\":[\"81\",65535]},"
			      "\"limits\":{\"fetchTimeoutMs\":6}}");
	assert_int_equal(section_validate(SECTION_REVCHECK, section, &err), 0);
	in.base = c;
	in.sections[SECTION_REVCHECK] = section;
	assert_int_equal(effective_options(&out, &in, &err), 0);
	assert_string_equal(out.options.allow_addresses[0], "10.0.0.0/8");
	assert_string_equal(out.options.allow_addresses[1], "127.0.0.1");
	assert_null(out.options.allow_addresses[2]);
	assert_int_equal(out.options.ports[0], 81);
	assert_int_equal(out.options.ports[1], 65535);
	assert_int_equal(out.options.ports[2], 0);
	assert_int_equal(out.options.max_requests, 5);
	assert_int_equal(out.options.fetch_timeout_ms, 6);
	effective_options_cleanup(&out);
	cJSON_Delete(section);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_skew_is_none_and_not_the_default),
	    cmocka_unit_test(a_relax_word_relaxes_its_own_rule),
	    cmocka_unit_test(words_mean_what_they_say),
	    cmocka_unit_test(what_is_not_pushed_is_the_files),
	    cmocka_unit_test(a_mode_that_is_inherited_is_shown),
	    cmocka_unit_test(nothing_loosens_by_silence),
	    cmocka_unit_test(which_way_is_laxer),
	    cmocka_unit_test(lists_that_are_left_out),
	    cmocka_unit_test(lists_of_both),
	};

	return cmocka_run_group_tests_name(
	    "what is pushed", tests, setup, teardown);
}
