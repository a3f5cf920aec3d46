/*
 * rest_page: the status page. Its script asks for everything by ui/state; what
 * must be seen without a script is filled in here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <openssl/evp.h>

#include "cache/base/text.h"
#include "gateway/base/json.h"
#include "gateway/base/json_path.h"
#include "gateway/control/control.h"
#include "gateway/control/loose.h"
#include "gateway/rest/page_text.h"
#include "gateway/rest/rest_internal.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/rest/status_report.h"
#include "gateway/ui/ui_files.h"

#define ETAG_SIZE (2 * 32 + 3)

/* The page. */

static void
add_line(struct evbuffer *out, const char *class, const char *text)
{
	evbuffer_add_printf(out, "<p class=\"%s\">", class);
	page_text_add(out, text);
	evbuffer_add_printf(out, "</p>\n");
}

/* Said in red already. */
static bool
is_loose(const struct loose *l, const char *line)
{
	char text[LOOSE_TEXT_SIZE];

	for (enum loose_kind k = 0; k < LOOSE_NUM; k++)
		if (loose_text(l, k, text, sizeof(text)) &&
		    strcmp(text, line) == 0)
			return true;
	return false;
}

/* The strongest first. */
static void
add_banner(struct evbuffer *out, const cJSON *state, const struct loose *l)
{
	const cJSON *reason;
	char text[LOOSE_TEXT_SIZE];

	for (enum loose_kind k = 0; k < LOOSE_NUM; k++)
		if (loose_text(l, k, text, sizeof(text)))
			add_line(out, "red", text);
	if (!cJSON_IsTrue(json_get(state, "ready")))
		add_line(out, "red", "NOT READY");
	cJSON_ArrayForEach(reason, json_get(state, "reasons"))
	{
		const char *line = cJSON_GetStringValue(reason);

		if (line != NULL && !is_loose(l, line))
			add_line(out, "amber", line);
	}
}

static void
add_value(struct evbuffer *out, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (text != NULL)
		page_text_add(out, text);
	else if (cJSON_IsNumber(value))
		evbuffer_add_printf(out, "%.0f", value->valuedouble);
}

/* Each {{name}} of the form is a place in the state, or the banner. */
static void
fill(struct evbuffer *out, const cJSON *state, const struct loose *l)
{
	struct ui_bytes form = ui_file_get(UI_FILE_INDEX);
	const char *at = form.data, *end = form.data + form.len;

	while (at < end) {
		const char *open = memmem(at, (size_t)(end - at), "{{", 2);
		const char *close = open == NULL
		    ? NULL
		    : memmem(open, (size_t)(end - open), "}}", 2);
		char name[64];

		if (close == NULL || (size_t)(close - open) > sizeof(name)) {
			evbuffer_add(out, at, (size_t)(end - at));
			return;
		}
		evbuffer_add(out, at, (size_t)(open - at));
		snprintf(name, sizeof(name), "%.*s", (int)(close - open - 2),
		    open + 2);
		if (strcmp(name, "banner") == 0)
			add_banner(out, state, l);
		else
			add_value(out, json_path_get(state, name));
		at = close + 2;
	}
}

static void
reply_buffer(struct rest_request *req, int status, const char *type,
    struct evbuffer *buf)
{
	size_t len = evbuffer_get_length(buf);
	const unsigned char *data = evbuffer_pullup(buf, -1);

	if (data == NULL)
		rest_reply_json(req, 500, NULL);
	else
		rest_reply_bytes(req, status, type, data, len);
	evbuffer_free(buf);
}

static void
get_page(struct rest_request *req)
{
	bool may = (req->roles & (CONF_ROLE_READ | CONF_ROLE_OPERATE)) != 0;
	struct ui_bytes file =
	    ui_file_get(may ? UI_FILE_INDEX : UI_FILE_REFUSED);
	struct evbuffer *out = evbuffer_new();
	cJSON *state = cJSON_CreateObject();

	if (out == NULL) {
		cJSON_Delete(state);
		rest_reply_json(req, 500, NULL);
		return;
	}
	if (may) {
		status_add_process(state, req);
		status_add_ready(state, req);
		status_add_modes(state, req->services);
		cJSON_AddItemToObject(state, "summary", status_summary(req));
		fill(out, state, control_loose(req->services->control));
	} else {
		evbuffer_add(out, file.data, file.len);
	}
	cJSON_Delete(state);
	reply_buffer(req, may ? 200 : 403, file.type, out);
}

static void
get_root(struct rest_request *req)
{
	rest_add_header(req, "Location", "/ui/");
	rest_reply_empty(req, 302);
}

/* What does not change while the process runs. */

static bool
make_etag(char tag[ETAG_SIZE], const struct ui_bytes *file)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(file->data, file->len, hash, &len, EVP_sha256(), NULL) !=
	    1)
		return false;
	tag[0] = '"';
	text_hex(tag + 1, hash, 32);
	strcat(tag, "\"");
	return true;
}

static void
reply_file(struct rest_request *req, enum ui_file which)
{
	struct ui_bytes file = ui_file_get(which);
	const char *known = evhttp_find_header(
	    evhttp_request_get_input_headers(rest_job_of(req)->http),
	    "If-None-Match");
	char tag[ETAG_SIZE] = "";

	/* Kept, but asked about each time. */
	evhttp_remove_header(
	    evhttp_request_get_output_headers(rest_job_of(req)->http),
	    "Cache-Control");
	if (make_etag(tag, &file)) {
		rest_add_header(req, "ETag", tag);
		if (known != NULL && strstr(known, tag) != NULL) {
			rest_reply_empty(req, 304);
			return;
		}
	}
	rest_reply_bytes(req, 200, file.type, file.data, file.len);
}

static void
get_style(struct rest_request *req)
{
	reply_file(req, UI_FILE_STYLE);
}

static void
get_script(struct rest_request *req)
{
	reply_file(req, UI_FILE_SCRIPT);
}

static void
get_icon(struct rest_request *req)
{
	reply_file(req, UI_FILE_ICON);
}

/*
 * A browser keeps a password until a realm refuses it; this one refuses all.
 */
static void
get_logout(struct rest_request *req)
{
	rest_add_header(
	    req, "WWW-Authenticate", "Basic realm=\"p2p-gateway: logged out\"");
	rest_reply_error(
	    req, 401, "Logged out.", "reason", "log in again at /ui/", NULL);
}

#define ANY_ROLE (CONF_ROLE_READ | CONF_ROLE_OPERATE | CONF_ROLE_CHECK)

const struct rest_route rest_page_routes[] = {
    {REST_GET, "", ANY_ROLE, get_root}, {REST_GET, "ui", ANY_ROLE, get_page},
    {REST_GET, "ui/page.css", ANY_ROLE, get_style},
    {REST_GET, "ui/page.js", CONF_ROLE_READ, get_script},
    {REST_GET, "ui/icon.svg", ANY_ROLE, get_icon},
    {REST_GET, "ui/logout", ANY_ROLE, get_logout}, {.fn = NULL}};
