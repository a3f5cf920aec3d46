/*
 * The table of keys, walked: every key at its bounds and beyond, every word,
 * wrong types, in the file and pushed; both spellings come to the same value
 * of the same member and touch no other; defaults, schema and reader agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/json_path.h"
#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_schema.h"
#include "gateway/conf/conf_restart.h"
#include "gateway/control/effective.h"
#include "revcheck/engine/policy.h"
#include "tests/lib/pkimake.h"

static char dir[] = "/tmp/test-conf-keys-XXXXXX";
static char chain[64], key[64], file[64];
static struct conf *defaults;

/* Puts value at a path, making the objects on the way. Takes value. */
static void
put(cJSON *o, const char *path, cJSON *value)
{
	char name[64];
	size_t n = strcspn(path, ".");
	cJSON *sub;

	snprintf(name, sizeof(name), "%.*s", (int)n, path);
	if (path[n] == '\0') {
		cJSON_DeleteItemFromObjectCaseSensitive(o, name);
		cJSON_AddItemToObject(o, name, value);
		return;
	}
	sub = cJSON_GetObjectItemCaseSensitive(o, name);
	if (sub == NULL)
		sub = cJSON_AddObjectToObject(o, name);
	put(sub, path + n + 1, value);
}

/* A file with what is required, and what lets a key have its whole range. */
static cJSON *
base_file(const char *path)
{
	static const struct {
		const char *path, *other, *value;
	} beside[] = {
	    {"limits.handshake_timeout_ms", "revocation.deadline_ms", "1"},
	    {"revocation.deadline_ms", "limits.handshake_timeout_ms",
		"3600000"},
	    {"own_certificates.error_days", "own_certificates.warn_days",
		"3650"},
	    {"own_certificates.warn_days", "own_certificates.error_days", "0"},
	    {"tls.max_version", "tls.min_version", "\"1.2\""},
	};
	char text[512];
	cJSON *o;

	snprintf(text, sizeof(text),
	    "{\"listen\":\"127.0.0.1:0\","
	    "\"node\":{\"addresses\":[\"127.0.0.1:1\"]},"
	    "\"identities\":[{\"name\":\"i\",\"certificate\":\"%s\","
	    "\"key\":\"%s\"}],"
	    "\"trust\":[{\"group\":\"g\",\"anchors\":\"%s\"}]}",
	    chain, key, chain);
	o = cJSON_Parse(text);
	assert_non_null(o);
	if (strncmp(path, "authorize.", 10) == 0) {
		put(o, "authorize.listen",
		    cJSON_CreateString("unix:/tmp/test-conf-keys.sock"));
		put(o, "authorize.format", cJSON_CreateString("nginx"));
	}
	if (strncmp(path, "doorman.", 8) == 0)
		put(o, "doorman.status_url",
		    cJSON_CreateString("https://doorman.example/"));
	if (strncmp(path, "fleet.", 6) == 0) {
		put(o, "state_dir", cJSON_CreateString("/nowhere/state"));
		put(o, "fleet.name", cJSON_CreateString("f"));
		put(o, "fleet.endpoints",
		    cJSON_Parse("[\"https://etcd.example:2379\"]"));
		put(o, "fleet.secret_file", cJSON_CreateString(key));
	}
	if (strncmp(path, "fleet.evidence_store.", 21) == 0)
		put(o, "fleet.evidence_store.url",
		    cJSON_CreateString("https://objects.example/"));
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		if (strcmp(beside[i].path, path) == 0)
			put(o, beside[i].other, cJSON_Parse(beside[i].value));
	return o;
}

static int
parse(struct conf **out, const cJSON *o, struct err *err)
{
	char *text = cJSON_Print(o);
	int rc = conf_parse(out, text, strlen(text), file, NULL, err);

	cJSON_free(text);
	return rc;
}

static int
setup(void **state)
{
	struct pki_ca ca;
	struct err err;
	cJSON *o;

	assert_non_null(mkdtemp(dir));
	snprintf(chain, sizeof(chain), "%s/chain.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(file, sizeof(file), "%s/gateway.json", dir);
	pki_ca_init(&ca, "keys");
	pki_write(chain, ca.cert, NULL);
	pki_write(key, NULL, ca.key);
	pki_ca_cleanup(&ca);
	o = base_file("");
	if (parse(&defaults, o, &err) != 0)
		fail_msg("%s", err.msg);
	cJSON_Delete(o);
	return 0;
}

static int
teardown(void **state)
{
	conf_free(defaults);
	unlink(chain);
	unlink(key);
	return rmdir(dir);
}

/*
 * Whether the file may have value at k. *out is the snapshot, or NULL where
 * something else than the value is in the way (a token that is not there).
 */
static bool
file_takes(struct conf **out, const struct conf_key *k, cJSON *value)
{
	cJSON *o = base_file(k->file);
	char place[128], expected[200];
	struct err err = {0};
	int rc;

	*out = NULL;
	put(o, k->file, value);
	rc = parse(out, o, &err);
	cJSON_Delete(o);
	if (rc == 0)
		return true;
	snprintf(place, sizeof(place), ": $.%s is ", k->file);
	conf_key_expected(k, expected, sizeof(expected));
	if (strstr(err.msg, place) != NULL && strstr(err.msg, expected) != NULL)
		return false;
	if (strncmp(k->file, "pkcs11.", 7) != 0 &&
	    strstr(err.msg, "expected less than") == NULL)
		fail_msg("%s: %s", k->file, err.msg);
	return true;
}

/* The same of a section; the view has the value. */
static bool
section_takes(struct conf *view, const struct conf_key *k, cJSON *value)
{
	char place[128], expected[200];
	cJSON *o = cJSON_CreateObject();
	struct err err = {0};
	int rc;

	put(o, k->pushed, value);
	conf_view(view, defaults);
	rc = section_validate(k->section, o, &err);
	if (rc == 0)
		assert_int_equal(section_apply(view, k->section, o, &err), 0);
	cJSON_Delete(o);
	if (rc == 0)
		return true;
	snprintf(place, sizeof(place), "%s is ", k->pushed);
	conf_key_expected(k, expected, sizeof(expected));
	if (strncmp(err.msg, place, strlen(place)) != 0 ||
	    strstr(err.msg, expected) == NULL)
		fail_msg("%s: %s", k->pushed, err.msg);
	return false;
}

static bool
has_member(const struct conf_key *k)
{
	return conf_key_is_number(k) && !(k->flags & CONF_NO_EFFECT);
}

/* The member has the value, and no other key's member has changed. */
static void
only_this(const struct conf_key *k, const struct conf *c, int64_t want,
    const struct conf *before)
{
	const char *name = k->file != NULL ? k->file : k->pushed;

	if (conf_key_load(k, c) != want)
		fail_msg("%s is %lld, not %lld", name,
		    (long long)conf_key_load(k, c), (long long)want);
	for (const struct conf_key *o = conf_keys; !conf_key_ends(o); o++)
		if (has_member(o) && o->offset != k->offset &&
		    conf_key_load(o, c) != conf_key_load(o, before))
			fail_msg("%s changes %s, too", name,
			    o->file != NULL ? o->file : o->pushed);
}

/* One value in both spellings. */
static void
value_is(const struct conf_key *k, const char *json, bool taken, int64_t v)
{
	struct conf *from_file, *before, view;
	struct err err;
	cJSON *o;

	if (k->file != NULL) {
		if (file_takes(&from_file, k, cJSON_Parse(json)) != taken)
			fail_msg("%s: %s is%s taken", k->file, json,
			    taken ? " not" : "");
		if (from_file != NULL) {
			o = base_file(k->file);
			assert_int_equal(parse(&before, o, &err), 0);
			cJSON_Delete(o);
			/* The object is there, which is a value, too. */
			only_this(k, from_file, v, before);
			conf_free(before);
		}
		conf_free(from_file);
	}
	if (k->pushed == NULL)
		return;
	if (section_takes(&view, k, cJSON_Parse(json)) != taken)
		fail_msg(
		    "%s: %s is%s taken", k->pushed, json, taken ? " not" : "");
	if (taken && has_member(k))
		only_this(k, &view, v, defaults);
}

static void
number_is(const struct conf_key *k, int64_t v, bool taken)
{
	char json[32], text[40];
	struct conf *c;

	snprintf(json, sizeof(json), "%lld", (long long)v);
	value_is(k, json, taken, v);
	/* As text: loose where it is pushed, strict in the file. */
	snprintf(text, sizeof(text), "\"%lld\"", (long long)v);
	if (k->file == NULL) {
		value_is(k, text, taken, v);
	} else {
		assert_false(file_takes(&c, k, cJSON_Parse(text)));
		assert_null(c);
	}
}

static void
values_of(const struct conf_key *k)
{
	static const char *const never[] = {
	    "\"x\"", "\"\"", "[]", "{}", "1.5", NULL};

	for (size_t i = 0; never[i] != NULL; i++)
		value_is(k, never[i], false, 0);
	if (!(k->flags & CONF_NULLABLE))
		value_is(k, "null", false, 0);
	switch (k->kind) {
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		value_is(k, "true", true, 1);
		value_is(k, "false", true, 0);
		value_is(k, "1", false, 0);
		break;
	case CONF_KIND_WORD:
		for (const struct conf_word *w = k->words; w->word; w++) {
			char json[40];

			snprintf(json, sizeof(json), "\"%s\"", w->word);
			value_is(k, json, true, w->value);
			for (char *p = json; *p != '\0'; p++)
				if (*p >= 'A' && *p <= 'Z')
					*p = (char)(*p | 0x20);
			value_is(k, json, true, w->value);
		}
		value_is(k, "1", false, 0);
		break;
	default:
		number_is(k, k->min, true);
		number_is(k, k->max, true);
		number_is(k, k->min - 1, false);
		number_is(k, k->max + 1, false);
		value_is(k, "true", false, 0);
	}
}

static void
every_key_in_every_spelling(void **state)
{
	size_t num = 0;

	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++)
		if (conf_key_is_number(k)) {
			values_of(k);
			num++;
		}
	assert_true(num > 90);
}

/* A member is named once, but by the alias that says so. */
static void
no_two_keys_share_a_member(void **state)
{
	for (const struct conf_key *a = conf_keys; !conf_key_ends(a); a++)
		for (const struct conf_key *b = a + 1; !conf_key_ends(b); b++)
			if (has_member(a) && has_member(b) &&
			    a->offset == b->offset &&
			    !((a->flags | b->flags) & CONF_ALIAS))
				fail_msg("%s and %s",
				    a->file != NULL ? a->file : a->pushed,
				    b->file != NULL ? b->file : b->pushed);
}

static void
names_are_unique(void **state)
{
	for (const struct conf_key *a = conf_keys; !conf_key_ends(a); a++) {
		assert_true(a->help != NULL && *a->help != '\0');
		for (const struct conf_key *b = a + 1; !conf_key_ends(b); b++) {
			if (a->file != NULL && b->file != NULL)
				assert_string_not_equal(a->file, b->file);
			if (a->pushed != NULL && b->pushed != NULL &&
			    a->section == b->section)
				assert_string_not_equal(a->pushed, b->pushed);
		}
	}
}

/* "a.b" to its node of a JSON Schema. */
static const cJSON *
schema_node(const cJSON *schema, const char *path)
{
	char at[200] = "";
	size_t len = 0;

	for (; *path != '\0'; path += strcspn(path, ".")) {
		path += *path == '.';
		len += (size_t)snprintf(at + len, sizeof(at) - len,
		    "%sproperties.%.*s", len > 0 ? "." : "",
		    (int)strcspn(path, "."), path);
	}
	return json_path_get(schema, at);
}

static void
defaults_schema_and_reader_agree(void **state)
{
	cJSON *schemas[SECTION_NUM], *full[SECTION_NUM];

	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		schemas[id] = conf_schema_section(id);
		full[id] = section_with_defaults(id, NULL, defaults);
	}
	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++) {
		const cJSON *node, *said, *acts;
		int64_t v;

		if (k->pushed == NULL || !conf_key_is_number(k))
			continue;
		node = schema_node(schemas[k->section], k->pushed);
		if (node == NULL)
			fail_msg("%s is not in the schema", k->pushed);
		said = json_path_get(node, "default");
		acts = json_path_get(full[k->section], k->pushed);
		if (k->flags & CONF_ALIAS)
			assert_null(said);
		else if (acts != NULL && !cJSON_Compare(said, acts, 1))
			fail_msg("%s: the schema's default", k->pushed);
		/* What is shown is what the snapshot has. */
		if (acts == NULL || !has_member(k) ||
		    (k->flags & (CONF_UNSET | CONF_HTTP)))
			continue;
		if (!conf_key_take(k, acts, false, &v) ||
		    v != conf_key_load(k, defaults))
			fail_msg("%s is shown wrong", k->pushed);
	}
	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		cJSON_Delete(schemas[id]);
		cJSON_Delete(full[id]);
	}
}

/* The engine's own defaults are the table's. */
static void
defaults_are_the_engines(void **state)
{
	const struct revcheck_policy none = {0}, *p = &defaults->policy;
	struct revcheck_policy own;
	struct err err;

	assert_int_equal(policy_resolve(&own, &none, &err), 0);
	assert_int_equal(p->order, own.order);
	assert_int_equal(p->nonce, own.nonce);
	assert_int_equal(p->relax, own.relax);
	assert_int_equal(p->skew_sec, own.skew_sec);
	assert_int_equal(p->max_age_sec, own.max_age_sec);
	assert_int_equal(p->no_next_update_sec, own.no_next_update_sec);
	assert_int_equal(p->deadline_ms, own.deadline_ms);
	assert_int_equal(p->security_level, own.security_level);
	assert_int_equal(p->shadow_hard, own.shadow_hard);
	assert_int_equal(p->soft_window_sec, own.soft_window_sec);
}

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

/* Lists of every kind; the sanitizer build says whether they are let go. */
static void
a_file_with_lists(void **state)
{
	static const struct {
		const char *path, *json;
	} rows[] = {
	    {"node.addresses", "[\"127.0.0.1:1\",\"unix:/a\",\"b.example:2\"]"},
	    {"links",
		"[{\"name\":\"l\",\"listen\":\"127.0.0.1:0\",\"group\":\"g\","
		"\"peers\":[\"a.example:1\",\"127.0.0.1:2\"]},"
		"{\"name\":\"m\",\"listen\":\"unix:/m\",\"identity\":\"i\","
		"\"peers\":[\"[::1]:1\"],\"verify_name\":false}]"},
	    {"connect.listen", "\"127.0.0.1:0\""},
	    {"connect.allow", "[\"*:443\",\"a.example:1\"]"},
	    {"http.paths", "[\"/a\",\"/b\"]"},
	    {"http.listen", "[\"127.0.0.1:0\"]"},
	    {"tls.allowed_subjects", "[\"CN=a\",\"CN=b\"]"},
	    {"rest.users",
		"[{\"name\":\"a\",\"password\":\"x\",\"roles\":[\"read\"]},"
		"{\"name\":\"b\",\"password\":\"y\","
		"\"roles\":[\"operate\",\"check\"]}]"},
	    {"rest.clients", "[{\"subject\":\"CN=c\",\"roles\":[\"check\"]}]"},
	    {"revocation.crl_paths", "[\"here\",\"/there\"]"},
	    {"revocation.ports", "[1,65535]"},
	    {"revocation.proxy", "\"http://127.0.0.1:1\""},
	};
	cJSON *o = base_file("");
	struct conf *c;
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *value = cJSON_Parse(rows[i].json);

		assert_non_null(value);
		put(o, rows[i].path, value);
	}
	put(o, "rest.client_anchors", cJSON_CreateString(chain));
	if (parse(&c, o, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(c->node.num_addresses, 3);
	assert_int_equal(c->num_links, 2);
	assert_string_equal(c->links[0].server_name, "a.example");
	assert_true(c->links[0].verify_name);
	assert_false(c->links[1].verify_name);
	assert_int_equal(c->links[0].num_peers, 2);
	assert_int_equal(c->connect.num_allow, 2);
	assert_int_equal(c->http.num_paths, 2);
	assert_int_equal(c->rest.users[1].roles,
	    CONF_ROLE_READ | CONF_ROLE_OPERATE | CONF_ROLE_CHECK);
	assert_int_equal(c->rest.users[0].roles, CONF_ROLE_READ);
	assert_int_equal(c->rest.clients[0].roles, CONF_ROLE_CHECK);
	assert_string_equal(c->revocation.crl_paths[1], "/there");
	assert_null(c->revocation.crl_paths[2]);
	assert_int_equal(c->revocation.ports[1], 65535);
	assert_int_equal(c->revocation.ports[2], 0);
	conf_free(c);
	/* Nor does a file that is refused half-way keep anything. */
	put(o, "rest.users",
	    cJSON_Parse("[{\"name\":\"a\",\"password\":\"x\","
			"\"password_hash\":\"z\",\"roles\":[\"read\"]}]"));
	assert_int_not_equal(parse(&c, o, &err), 0);
	assert_non_null(strstr(err.msg, "either password or password_hash"));
	assert_null(strstr(err.msg, "\"z\""));
	cJSON_Delete(o);
}

/* Another value of the key's member in c, which is all zero but for it. */
static void
set_other(struct conf *c, const struct conf_key *k)
{
	static char text[] = "other", *texts[] = {text, NULL};
	char *at = (char *)c + k->offset;
	char **list = texts;
	size_t one = 1;
	char *value = text;

	switch (k->kind) {
	case CONF_KIND_TEXT:
	case CONF_KIND_PATH:
		memcpy(at, &value, sizeof(value));
		break;
	case CONF_KIND_LISTEN:
		((struct address *)(void *)at)->text = text;
		break;
	case CONF_KIND_TEXTS:
		memcpy(at, &list, sizeof(list));
		memcpy(at + sizeof(list), &one, sizeof(one));
		break;
	default:
		assert_true(conf_key_is_number(k) || k->kind == CONF_KIND_BITS);
		conf_key_store(k, 1, c);
	}
}

/* Each key that says so, and each that says otherwise, by itself. */
static void
what_waits_for_the_next_start(void **state)
{
	static const struct conf zero;
	unsigned waiting = 0;

	(void)state;
	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++) {
		bool waits = (k->flags & CONF_RESTART) != 0;
		struct conf *other;
		cJSON *list;

		if (k->file == NULL ||
		    (!waits && !conf_key_is_number(k) &&
			k->kind != CONF_KIND_TEXT && k->kind != CONF_KIND_PATH))
			continue;
		other = calloc(1, sizeof(*other));
		assert_non_null(other);
		set_other(other, k);
		list = conf_restart_keys(&zero, other);
		assert_int_equal(cJSON_GetArraySize(list), waits);
		if (waits)
			assert_string_equal(
			    cJSON_GetArrayItem(list, 0)->valuestring, k->file);
		waiting += waits;
		cJSON_Delete(list);
		free(other);
	}
	/* user, group and three of pkcs11 need more than a reload to try. */
	assert_true(waiting >= 29);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_key_in_every_spelling),
	    cmocka_unit_test(no_two_keys_share_a_member),
	    cmocka_unit_test(names_are_unique),
	    cmocka_unit_test(defaults_schema_and_reader_agree),
	    cmocka_unit_test(defaults_are_the_engines),
	    cmocka_unit_test(no_skew_is_none_and_not_the_default),
	    cmocka_unit_test(a_relax_word_relaxes_its_own_rule),
	    cmocka_unit_test(words_mean_what_they_say),
	    cmocka_unit_test(what_is_not_pushed_is_the_files),
	    cmocka_unit_test(a_mode_that_is_inherited_is_shown),
	    cmocka_unit_test(nothing_loosens_by_silence),
	    cmocka_unit_test(which_way_is_laxer),
	    cmocka_unit_test(lists_that_are_left_out),
	    cmocka_unit_test(lists_of_both),
	    cmocka_unit_test(a_file_with_lists),
	    cmocka_unit_test(what_waits_for_the_next_start),
	};

	return cmocka_run_group_tests_name(
	    "the table of keys", tests, setup, teardown);
}
