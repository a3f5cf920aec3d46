/*
 * The table of keys, walked: every key at its bounds and beyond, every word,
 * wrong types, in the file and pushed; both spellings come to the same value
 * of the same member and touch no other; defaults, schema and reader agree.
 */
#include "tests/unit/conf_help.h"

#include "gateway/base/json_path.h"
#include "gateway/conf/conf_restart.h"
#include "gateway/conf/conf_schema.h"
#include "revcheck/engine/policy.h"

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
	    cmocka_unit_test(a_file_with_lists),
	    cmocka_unit_test(what_waits_for_the_next_start),
	};

	return cmocka_run_group_tests_name(
	    "the table of keys", tests, setup, teardown);
}
