/*
 * rest_config: sections over REST. Titles of errors are part of the contract:
 * clients compare them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "gateway/conf/conf_schema.h"
#include "gateway/control/control.h"
#include "gateway/base/json.h"
#include "gateway/base/json_path.h"
#include "gateway/rest/rest_change.h"
#include "gateway/rest/rest_routes.h"

#define SCHEMA_MAJOR    1
#define SCHEMA_MINOR    0
#define MAX_WAIT_MS     60000
#define TITLE_MAX_BYTES 4096 /* of a configuration shown in a title */

static void
add_schema_version(cJSON *o)
{
	cJSON *v = cJSON_AddObjectToObject(o, "schemaVersion");

	cJSON_AddNumberToObject(v, "major", SCHEMA_MAJOR);
	cJSON_AddNumberToObject(v, "minor", SCHEMA_MINOR);
}

/* Takes json over and adds it as text. */
static void
add_as_text(cJSON *o, const char *name, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	if (text != NULL)
		cJSON_AddStringToObject(o, name, text);
	cJSON_free(text);
	cJSON_Delete(json);
}

static void
not_found(struct rest_request *req, const char *what, const char *name)
{
	char title[200];

	snprintf(title, sizeof(title), "%s '%.100s' not found.", what, name);
	rest_reply_error(req, 404, title, "resource", name, NULL);
}

/* SECTION_NUM after having answered 404. Names are compared as written. */
static enum section_id
section_of(struct rest_request *req, const char *name)
{
	enum section_id id = section_find(name);

	/* Paths are matched without regard to case. */
	for (enum section_id i = 0; i < SECTION_NUM && id == SECTION_NUM; i++)
		if (strcasecmp(section_name(i), name) == 0)
			id = i;
	if (id == SECTION_NUM)
		not_found(req, "Configuration section", name);
	return id;
}

static void
get_section(struct rest_request *req)
{
	const struct section_store *s = req->services->sections;
	enum section_id id = section_of(req, req->params[0]);
	const char *text;
	cJSON *o;

	if (id == SECTION_NUM)
		return;
	text = section_text(s, id);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "section", section_name(id));
	cJSON_AddStringToObject(o, "sourceConfig", text != NULL ? text : "{}");
	add_as_text(o, "configWithDefaults",
	    control_section_with_defaults(req->services->control, id));
	add_schema_version(o);
	cJSON_AddNumberToObject(o, "version", (double)section_version(s, id));
	rest_reply_json(req, 200, o);
}

/* PUT. */

/* The body of a change while it is read. */
struct put_body {
	cJSON *body;
	enum section_id id;
	int64_t version;
	cJSON *config;    /* owned */
	const char *text; /* as it is stored and shown */
	char *printed;    /* owned, when text had to be made */
	uint32_t wait_ms; /* for the other machines */
};

static void
put_body_free(void *arg)
{
	struct put_body *ch = arg;

	cJSON_Delete(ch->body);
	cJSON_Delete(ch->config);
	cJSON_free(ch->printed);
	free(ch);
}

static void
bad_input(struct rest_request *req, const char *cause, const char *reason)
{
	rest_reply_error(req, 400, "Invalid input data.", "cause", cause,
	    "reason", reason, NULL);
}

static void
bad_config(struct rest_request *req, const char *text, const char *cause,
    const char *reason)
{
	size_t len = strlen(text), cut = len;
	char *title;

	if (cut > TITLE_MAX_BYTES) {
		cut = TITLE_MAX_BYTES;
		while (cut > 0 && (text[cut] & 0xc0) == 0x80)
			cut--;
	}
	if (asprintf(&title,
		"Configuration \"%.*s%s\" could not be validated. Valid JSON "
		"or HOCON expected.",
		(int)cut, text, cut < len ? "..." : "") < 0) {
		bad_input(req, cause, reason);
		return;
	}
	rest_reply_error(
	    req, 400, title, "cause", cause, "reason", reason, NULL);
	free(title);
}

/* A whole number, or text that is one. */
static bool
read_version(const cJSON *item, int64_t *out)
{
	const char *s = cJSON_GetStringValue(item);
	char *end;

	if (s == NULL)
		return json_to_int(item, INT32_MIN, INT32_MAX, out) == 0;
	if (*s == '\0' || strlen(s) > 11 ||
	    strspn(s, "-0123456789") != strlen(s))
		return false;
	*out = strtoll(s, &end, 10);
	return *end == '\0' && *out >= INT32_MIN && *out <= INT32_MAX;
}

/* config is an object, or text that holds one. False after answering. */
static bool
read_config(struct rest_request *req, struct put_body *ch)
{
	const cJSON *item = json_get(ch->body, "config");
	struct err err;

	if (cJSON_IsObject(item)) {
		ch->config = cJSON_Duplicate(item, 1);
		ch->text = ch->printed = cJSON_PrintUnformatted(item);
		if (ch->config == NULL || ch->text == NULL) {
			rest_reply_json(req, 500, NULL);
			return false;
		}
		return true;
	}
	ch->text = cJSON_GetStringValue(item);
	if (ch->text == NULL) {
		bad_input(req, "config",
		    "config is missing: expected an object, or a string that "
		    "holds one");
		return false;
	}
	if (json_parse(&ch->config, ch->text, strlen(ch->text), &err) != 0) {
		char reason[400];

		snprintf(reason, sizeof(reason),
		    "%s (HOCON is not supported, write JSON)", err.msg);
		bad_config(req, ch->text, "config", reason);
		return false;
	}
	if (!cJSON_IsObject(ch->config)) {
		bad_config(
		    req, ch->text, "config", "the text is not a JSON object");
		return false;
	}
	return true;
}

/* ?wait=MS; false after answering. */
static bool
read_wait(struct rest_request *req, struct put_body *ch)
{
	char *text = rest_query(req, "wait"), *end = text;
	long ms = 0;
	bool ok = true;

	if (text != NULL) {
		ms = strtol(text, &end, 10);
		ok = *text >= '0' && *text <= '9' && *end == '\0' &&
		    ms <= MAX_WAIT_MS;
	}
	free(text);
	ch->wait_ms = ok ? (uint32_t)ms : 0;
	if (!ok)
		bad_input(req, "wait",
		    "expected milliseconds: a whole number from 0 to 60000");
	return ok;
}

static bool
read_change(struct rest_request *req, struct put_body *ch)
{
	const char *name;
	int64_t major, minor;
	char reason[160];

	ch->body = rest_body_object(req);
	if (ch->body == NULL)
		return false;
	if (!read_config(req, ch))
		return false;
	name = json_get_string(ch->body, "section");
	ch->id = name != NULL ? section_find(name) : SECTION_NUM;
	if (ch->id == SECTION_NUM) {
		snprintf(reason, sizeof(reason),
		    "'%.64s' is not a section: expected '%s', '%s' or '%s'",
		    name != NULL ? name : "", section_name(0), section_name(1),
		    section_name(2));
		bad_config(req, ch->text, "section", reason);
		return false;
	}
	if (json_to_int(json_path_get(ch->body, "schemaVersion.major"),
		INT32_MIN, INT32_MAX, &major) != 0 ||
	    json_to_int(json_path_get(ch->body, "schemaVersion.minor"),
		INT32_MIN, INT32_MAX, &minor) != 0) {
		bad_input(req, "schemaVersion",
		    "schemaVersion is missing: expected {\"major\": 1, "
		    "\"minor\": 0}");
		return false;
	}
	if (major != SCHEMA_MAJOR || minor != SCHEMA_MINOR) {
		snprintf(reason, sizeof(reason),
		    "schema version %lld.%lld of '%s' is not known: expected "
		    "%d.%d",
		    (long long)major, (long long)minor, name, SCHEMA_MAJOR,
		    SCHEMA_MINOR);
		bad_config(req, ch->text, "schemaVersion", reason);
		return false;
	}
	if (!read_version(json_get(ch->body, "version"), &ch->version)) {
		bad_input(
		    req, "version", "version is missing or not a whole number");
		return false;
	}
	return true;
}

static void
wrong_version(struct rest_request *req, const char *text, const struct err *err)
{
	char version[16];

	snprintf(version, sizeof(version), "%d.%d", SCHEMA_MAJOR, SCHEMA_MINOR);
	rest_reply_error(req, 409, "Wrong Config Version", "schemaVersion",
	    version, "config", text, "cause", "WrongConfigVersion", "reason",
	    err->msg, NULL);
}

static void
reply_change(
    struct rest_request *req, void *data, const struct control_answer *answer)
{
	const struct put_body *ch = data;
	bool away = answer->outcome == CONTROL_AWAY;
	cJSON *o;

	switch (answer->outcome) {
	case CONTROL_CHANGED:
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "section", section_name(ch->id));
		cJSON_AddStringToObject(o, "config", ch->text);
		add_schema_version(o);
		cJSON_AddNumberToObject(o, "version",
		    (double)section_version(req->services->sections, ch->id));
		if (answer->err.msg[0] != '\0')
			cJSON_AddStringToObject(o, "fleet", answer->err.msg);
		rest_reply_json(req, 202, o);
		return;
	case CONTROL_INVALID:
		bad_config(req, ch->text, "config", answer->err.msg);
		return;
	case CONTROL_CONFLICT:
		wrong_version(req, ch->text, &answer->err);
		return;
	default:
		break;
	}
	rest_reply_error(req, away ? 503 : rest_failed_status(&answer->err),
	    "Config Version Error", "schemaVersion", "1.0", "config", ch->text,
	    "cause", away ? "FleetAway" : "NotApplied", "reason",
	    answer->err.msg, NULL);
}

/* Takes ch over, which is on the heap. */
static void
make_change(struct rest_request *req, struct put_body *ch, const char *action)
{
	struct control_actor actor = {
	    .who = req->user, .from = req->address, .action = action};
	struct rest_change *change =
	    rest_change_new(req, reply_change, ch, put_body_free);
	enum control_outcome outcome;
	struct err err;

	if (change == NULL)
		return;
	rest_change_later(change)->wait_ms = ch->wait_ms;
	outcome = control_put(req->services->control, ch->id, ch->version,
	    ch->config, ch->text, &actor, rest_change_later(change), &err);
	rest_change_end(change, outcome, &err);
}

static void
put_config(struct rest_request *req)
{
	struct put_body *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		rest_reply_json(req, 500, NULL);
	else if (read_wait(req, ch) && read_change(req, ch))
		make_change(req, ch, "put");
	else
		put_body_free(ch);
}

/* Schema and history. */

static void
get_schema(struct rest_request *req)
{
	enum section_id id = section_of(req, req->params[0]);

	if (id != SECTION_NUM)
		rest_reply_json(req, 200, conf_schema_section(id));
}

static int
add_change(void *arg, const struct section_change *c, struct err *err)
{
	cJSON *o = cJSON_CreateObject();
	char at[TEXT_TIME_LEN];

	(void)err;
	text_time(at, c->at);
	cJSON_AddNumberToObject(o, "version", (double)c->version);
	cJSON_AddStringToObject(o, "at", at);
	cJSON_AddStringToObject(o, "who", c->who);
	cJSON_AddStringToObject(o, "from", c->from);
	cJSON_AddStringToObject(o, "action", c->action);
	cJSON_AddStringToObject(o, "config", c->text);
	if (c->note != NULL)
		cJSON_AddStringToObject(o, "note", c->note);
	cJSON_AddItemToArray(arg, o);
	return 0;
}

static void
get_history(struct rest_request *req)
{
	enum section_id id = section_of(req, req->params[0]);
	struct err err;
	cJSON *list;

	if (id == SECTION_NUM)
		return;
	list = cJSON_CreateArray();
	if (section_read_history(
		req->services->sections, id, add_change, list, &err) == 0) {
		rest_reply_json(req, 200, list);
		return;
	}
	cJSON_Delete(list);
	rest_reply_failed(req, "history", &err);
}

/* Puts an older value back, as a new version. */
static void
post_restore(struct rest_request *req)
{
	const struct section_store *s = req->services->sections;
	enum section_id id = section_of(req, req->params[0]);
	struct put_body *ch;
	char action[40], *end, *text = NULL;
	long long version;
	struct err err;
	int rc = E_ARG;

	if (id == SECTION_NUM)
		return;
	version = strtoll(req->params[1], &end, 10);
	if (*end == '\0')
		rc = section_copy_version(s, id, version, &text, &err);
	if (rc == E_ARG) {
		not_found(req, "Version", req->params[1]);
		return;
	}
	if (rc != 0) {
		rest_reply_failed(req, "history", &err);
		return;
	}
	snprintf(action, sizeof(action), "restore %lld", version);
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL) {
		free(text);
		rest_reply_json(req, 500, NULL);
		return;
	}
	ch->id = id;
	ch->version = section_version(s, id);
	ch->text = ch->printed = text;
	ch->config = cJSON_Parse(text);
	if (ch->config != NULL) {
		make_change(req, ch, action);
		return;
	}
	put_body_free(ch);
	rest_reply_json(req, 500, NULL);
}

/* What SIGHUP does to the bootstrap file. */
static void
post_reload(struct rest_request *req)
{
	const struct control_actor actor = {
	    .who = req->user, .from = req->address, .action = "reload"};
	struct err err;

	cJSON *o, *keys;

	if (control_reload(req->services->control, &actor, &err) != 0) {
		rest_reply_error(req, 400,
		    "The configuration was not reloaded.", "reason", err.msg,
		    NULL);
		return;
	}
	keys = control_next_start(req->services->control);
	if (keys != NULL && cJSON_GetArraySize(keys) == 0) {
		cJSON_Delete(keys);
		rest_reply_empty(req, 204);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "atNextStart", keys);
	rest_reply_json(req, keys != NULL ? 200 : 500, o);
}

const struct rest_route rest_config_routes[] = {
    {REST_GET, "config/{section}", CONF_ROLE_READ, get_section},
    {REST_PUT, "config", CONF_ROLE_OPERATE, put_config},
    {REST_GET, "config/schema/{section}", CONF_ROLE_READ, get_schema},
    {REST_GET, "config/{section}/history", CONF_ROLE_READ, get_history},
    {REST_POST, "config/{section}/history/{version}/restore", CONF_ROLE_OPERATE,
	post_restore},
    {REST_POST, "reload", CONF_ROLE_OPERATE, post_reload}, {.fn = NULL}};
