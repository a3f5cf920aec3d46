/*
 * A secret at a wrong place of the file: whatever is said about it, to whoever
 * reads the log or the answer to a reload, does not have it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

#define SECRET "hunter2"
#define S      "\"" SECRET "\""
#define USER   "{\"name\":\"operator\",\"roles\":[\"operate\"],"

/* Where people have put it. */
static const struct {
	const char *place, *value;
} rows[] = {
    {"rest.users", S},
    {"rest.users", "[" S "]"},
    {"rest.users", "{" S ":\"operate\"}"},
    {"rest.users", "{\"operator\":" S "}"},
    {"rest.users", "{\"operator\":{\"password\":" S "}}"},
    {"rest.users", "[" USER S ":\"password\"}]"},
    {"rest.users", "[" USER "\"pasword\":" S "}]"},
    {"rest.users", "[" USER "\"password\":[" S "]}]"},
    {"rest.users", "[" USER "\"password\":{" S ":1}}]"},
    {"rest.users", "[" USER "\"password_hash\":" S "}]"},
    {"rest.users", "[" USER "\"password\":" S ",\"password_hash\":" S "}]"},
    {"rest.users", "[" USER "\"password\":" S "}," USER "\"password\":" S "}]"},
    {"rest.users",
	"[{\"name\":\"operator:" SECRET
	"\",\"password\":\"x\",\"roles\":[\"read\"]}]"},
    {"rest.users", "[{\"name\":\"a\",\"password\":\"x\",\"roles\":[" S "]}]"},
    {"rest.users", "[{\"name\":\"a\",\"password\":\"x\",\"roles\":" S "}]"},
    {"rest.users",
	"[{\"name\":[" S "],\"password\":\"x\",\"roles\":[\"read\"]}]"},
    {"rest.users", "[{" S ":1," S ":2}]"},
    {"rest.user", "[" USER "\"password\":" S "}]"},
    {"users", "[" USER "\"password\":" S "}]"},
    {"rest.password", S},
    {"pkcs11", S},
    {"pkcs11", "[" S "]"},
    {"pkcs11", "{\"pin\":" S "}"},
    {"pkcs11", "{" S ":1}"},
    {"pkcs11", "{\"module\":" S ",\"token\":\"t\",\"pin_file\":\"/dev/null\"}"},
    {"pkcs11", "{\"module\":\"/dev/null\",\"token\":\"t\",\"pin_file\":" S "}"},
    {"pkcs11",
	"{\"module\":\"/dev/null\",\"token\":\"pkcs11:" SECRET
	"\",\"pin_file\":\"/dev/null\"}"},
    {"pkcs11",
	"{\"module\":\"/dev/null\",\"token\":\"pkcs11:pin-value=" SECRET
	"\",\"pin_file\":\"/dev/null\"}"},
    {"pkcs11", "{\"threads\":" S "}"},
};

static char *program;

static int
setup(void **state)
{
	program = bin_path("p2p-gateway");
	return scene_up_plain(state);
}

static int
teardown(void **state)
{
	free(program);
	return scene_teardown(state);
}

/* The file as it is now is refused, by both, without the secret. */
static void
must_keep_quiet(const char *what)
{
	const char *argv[] = {
	    program, "--config", "gateway.json", "--check-config", NULL};
	struct web w;
	char *out;
	int rc;

	gateway_write(&gw);
	rc = proc_run(argv, "check.log", WAIT_MS, &out);
	if (rc == 0)
		fail_msg("%s is accepted", what);
	if (strstr(out, SECRET) != NULL)
		fail_msg("%s: --check-config says %s", what, out);
	free(out);
	rest(&gw, &w, "POST", "/reload", "");
	if (w.status < 400)
		fail_msg("%s: a reload is answered with %ld", what, w.status);
	if (strstr(w.body, SECRET) != NULL)
		fail_msg("%s: the answer to a reload is %s", what, w.body);
	web_free(&w);
}

static void
the_log_keeps_quiet(void)
{
	char *log;

	gateway_stop(&gw);
	log = file_need("gateway.log", NULL);
	assert_null(strstr(log, SECRET));
	free(log);
	gateway_start(&gw);
}

static void
where_people_have_put_it(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *before = cJSON_Duplicate(gw.config, 1);

		gateway_set(&gw, rows[i].place, rows[i].value);
		must_keep_quiet(rows[i].value);
		cJSON_Delete(gw.config);
		gw.config = before;
	}
	the_log_keeps_quiet();
}

/* In every object under a name that is not known; in place of every list. */
static void
in_every_object(cJSON *o, const char *name)
{
	static const char *const shapes[] = {S, "[" S "]", "{\"a\":" S "}"};
	cJSON *child;

	for (size_t i = 0; cJSON_IsObject(o) && i < 3; i++) {
		cJSON_AddItemToObject(o, "unknown", cJSON_Parse(shapes[i]));
		must_keep_quiet(name);
		cJSON_DeleteItemFromObject(o, "unknown");
	}
	for (child = o->child; child != NULL; child = child->next)
		in_every_object(
		    child, child->string != NULL ? child->string : name);
}

static void
put(cJSON *o, int i, const char *name, cJSON *item)
{
	if (name == NULL)
		assert_true(cJSON_ReplaceItemInArray(o, i, item));
	else
		assert_true(
		    cJSON_ReplaceItemInObjectCaseSensitive(o, name, item));
}

static void
in_place_of_every_list(cJSON *o)
{
	for (int i = 0; i < cJSON_GetArraySize(o); i++) {
		cJSON *child = cJSON_GetArrayItem(o, i), *copy;
		char *name =
		    child->string != NULL ? xstrdup(child->string) : NULL;

		/* One text stands for a list of texts, whatever it says. */
		if (child->child != NULL &&
		    !(cJSON_IsArray(child) && cJSON_IsString(child->child) &&
			name != NULL && strcmp(name, "allow_addresses") == 0)) {
			in_place_of_every_list(child);
			copy = cJSON_Duplicate(child, 1);
			put(o, i, name, cJSON_CreateString(SECRET));
			must_keep_quiet(name != NULL ? name : "[]");
			put(o, i, name, copy);
		}
		free(name);
	}
}

static void
anywhere(void **state)
{
	in_every_object(gw.config, "$");
	in_place_of_every_list(gw.config);
	the_log_keeps_quiet();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(where_people_have_put_it),
	    cmocka_unit_test(anywhere),
	};

	return cmocka_run_group_tests_name("secrets", tests, setup, teardown);
}
