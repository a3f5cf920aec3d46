/*
 * rest_cache: the evidence the engine holds, and what it remembers as revoked:
 * looked at, refreshed, forgotten.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/json.h"
#include "gateway/control/control.h"
#include "gateway/rest/rest_routes.h"
#include "revcheck/revcheck.h"

/* Rows of an answer; more are for `revcheck cache known`. */
#define KNOWN_MAX 10000

static cJSON *
item_json(const struct revcheck_cache_item *item)
{
	cJSON *o = cJSON_CreateObject();
	time_t now = time(NULL);

	cJSON_AddStringToObject(o, "key", item->key);
	cJSON_AddStringToObject(
	    o, "kind", item->kind == REVCHECK_EVIDENCE_CRL ? "crl" : "ocsp");
	cJSON_AddStringToObject(o, "url", item->url);
	if (item->source == REVCHECK_SOURCE_FILE)
		cJSON_AddTrueToObject(o, "file");
	cJSON_AddNumberToObject(o, "bytes", (double)item->bytes);
	cJSON_AddNumberToObject(o, "entries", (double)item->num_entries);
	json_add_time(o, "thisUpdate", item->this_update);
	json_add_time(o, "nextUpdate", item->next_update);
	json_add_time(o, "fetchedAt", item->fetched_at);
	cJSON_AddNumberToObject(
	    o, "ageSeconds", difftime(now, item->this_update));
	if (item->next_update != 0)
		cJSON_AddNumberToObject(
		    o, "secondsToNextUpdate", difftime(item->next_update, now));
	if (item->issuer[0] != '\0')
		cJSON_AddStringToObject(o, "issuer", item->issuer);
	if (item->number[0] != '\0')
		cJSON_AddStringToObject(o, "number", item->number);
	if (item->error[0] != '\0')
		cJSON_AddStringToObject(o, "error", item->error);
	return o;
}

static int
add_item(void *arg, const struct revcheck_cache_item *item)
{
	cJSON_AddItemToArray(arg, item_json(item));
	return 0;
}

static void
get_cache(struct rest_request *req)
{
	cJSON *list = cJSON_CreateArray();

	if (list != NULL)
		revcheck_archive_list(req->core->engine, add_item, list);
	rest_reply_json(req, 200, list);
}

/* One source. */

struct piece {
	struct rest_request *req;
	bool answered;
};

/* The signed bytes of the newest, where they are what was asked for. */
static int
send_bytes(void *arg, const struct revcheck_cache_item *item,
    const unsigned char *der, size_t der_len)
{
	struct piece *p = arg;
	const char *type = item->kind == REVCHECK_EVIDENCE_CRL
	    ? "application/pkix-crl"
	    : "application/ocsp-response";

	if (strstr(p->req->accept, type) == NULL)
		rest_reply_error(p->req, 406, "Not acceptable.", "reason",
		    "what is kept is of another type", "type", type, NULL);
	else
		rest_reply_bytes(p->req, 200, type, der, der_len);
	p->answered = true;
	return 1;
}

static int
add_piece(void *arg, const struct revcheck_cache_item *item,
    const unsigned char *der, size_t der_len)
{
	(void)der, (void)der_len;
	return add_item(arg, item);
}

static bool
wants_bytes(const struct rest_request *req)
{
	return req->accept != NULL &&
	    (strstr(req->accept, "application/pkix-crl") != NULL ||
		strstr(req->accept, "application/ocsp-response") != NULL);
}

/* Who is listed; false after having answered. */
static bool
add_serial(struct rest_request *req, cJSON *o)
{
	struct revcheck_crl_entry entry;
	struct revcheck_error err = {0};
	char *serial = rest_query(req, "serial");
	cJSON *row;
	int found;

	if (serial == NULL)
		return true;
	found = revcheck_archive_find(
	    req->core->engine, req->params[0], serial, &entry, &err);
	free(serial);
	if (found < 0) {
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "serial", "reason", err.msg, NULL);
		return false;
	}
	cJSON_AddBoolToObject(o, "listed", found == 1);
	if (found == 0) {
		cJSON_AddNullToObject(o, "entry");
		return true;
	}
	row = cJSON_AddObjectToObject(o, "entry");
	cJSON_AddStringToObject(row, "serial", entry.serial);
	json_add_time(row, "revokedAt", entry.revoked_at);
	cJSON_AddStringToObject(
	    row, "reason", revcheck_reason_name(entry.reason));
	if (entry.issuer[0] != '\0')
		cJSON_AddStringToObject(row, "issuer", entry.issuer);
	return true;
}

static void
get_source(struct rest_request *req)
{
	struct revcheck_error err = {0};
	struct piece piece = {.req = req};
	cJSON *o, *list;
	int num;

	if (wants_bytes(req)) {
		num = revcheck_archive_get(req->core->engine, req->params[0],
		    send_bytes, &piece, &err);
		if (piece.answered)
			return;
		list = o = NULL;
	} else {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "key", req->params[0]);
		list = cJSON_AddArrayToObject(o, "pieces");
		num = revcheck_archive_get(
		    req->core->engine, req->params[0], add_piece, list, &err);
	}
	if (num > 0 && add_serial(req, o)) {
		rest_reply_json(req, 200, o);
		return;
	}
	cJSON_Delete(o);
	if (num < 0)
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "key", "reason", err.msg, NULL);
	else if (num == 0)
		rest_reply_error(req, 404, "Nothing is kept under this key.",
		    "key", req->params[0], NULL);
}

static const char *
key_of(const struct rest_request *req)
{
	return req->num_params > 0 ? req->params[0] : NULL;
}

static void
done(struct rest_request *req, int status, int rc,
    const struct revcheck_error *err, const char *verb)
{
	if (rc == 0) {
		log_line(req->core->log, LOG_LEVEL_INFO,
		    "cache %s (key=%.70s who='%s' from='%s')", verb,
		    key_of(req) != NULL ? key_of(req) : "all", req->user,
		    req->address);
		rest_reply_empty(req, status);
	} else if (rc == REVCHECK_E_ARG) {
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "key", "reason", err->msg, NULL);
	} else {
		rest_reply_error(req, 500, "Internal server error.", "reason",
		    err->msg, NULL);
	}
}

static void
post_refresh(struct rest_request *req)
{
	struct revcheck_error err = {0};

	done(req, 202,
	    revcheck_archive_refresh(req->core->engine, key_of(req), &err),
	    &err, "refresh");
}

static void
delete_cache(struct rest_request *req)
{
	struct revcheck_error err = {0};

	done(req, 204,
	    revcheck_archive_flush(req->core->engine, key_of(req), &err), &err,
	    "flush");
}

struct known_rows {
	cJSON *list;
	size_t num;
};

static int
add_known(void *arg, const struct revcheck_known *k)
{
	struct known_rows *rows = arg;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "issuerKey", k->issuer_key);
	cJSON_AddStringToObject(o, "serial", k->serial);
	cJSON_AddStringToObject(o, "issuer", k->issuer);
	cJSON_AddStringToObject(o, "reason", revcheck_reason_name(k->reason));
	json_add_time(o, "revokedAt", k->revoked_at);
	json_add_time(o, "thisUpdate", k->this_update);
	json_add_time(o, "firstSeen", k->first_seen);
	cJSON_AddStringToObject(o, "url", k->url);
	cJSON_AddItemToArray(rows->list, o);
	return ++rows->num < KNOWN_MAX ? 0 : 1;
}

static void
get_known(struct rest_request *req)
{
	struct known_rows rows = {.list = cJSON_CreateArray()};

	if (rows.list != NULL)
		revcheck_archive_known(req->core->engine, add_known, &rows);
	rest_reply_json(req, 200, rows.list);
}

static void
delete_known(struct rest_request *req)
{
	struct revcheck_error err = {0};
	int num = revcheck_archive_forget(
	    req->core->engine, req->params[0], req->params[1], &err);

	if (num == REVCHECK_E_ARG) {
		rest_reply_error(req, 400, "Invalid input data.", "cause",
		    "issuerKey, serial", "reason", err.msg, NULL);
	} else if (num < 0) {
		rest_reply_error(req, 500, "Internal server error.", "reason",
		    err.msg, NULL);
	} else if (num == 0) {
		rest_reply_error(req, 404, "Not known as revoked.", "issuerKey",
		    req->params[0], "serial", req->params[1], NULL);
	} else {
		log_line(req->core->log, LOG_LEVEL_WARN,
		    "a known revocation is forgotten (issuer_key=%.64s "
		    "serial=%.128s who='%s' from='%s')",
		    req->params[0], req->params[1], req->user, req->address);
		rest_reply_empty(req, 204);
	}
}

const struct rest_route rest_cache_routes[] = {
    {REST_GET, "cache", CONF_ROLE_READ, get_cache},
    {REST_GET, "cache/{key}", CONF_ROLE_READ, get_source},
    {REST_POST, "cache/refresh", CONF_ROLE_OPERATE, post_refresh},
    {REST_POST, "cache/{key}/refresh", CONF_ROLE_OPERATE, post_refresh},
    {REST_DELETE, "cache", CONF_ROLE_OPERATE, delete_cache},
    {REST_DELETE, "cache/{key}", CONF_ROLE_OPERATE, delete_cache},
    {REST_GET, "known", CONF_ROLE_READ, get_known},
    {REST_DELETE, "known/{issuerKey}/{serial}", CONF_ROLE_OPERATE,
	delete_known},
    {.fn = NULL}};
