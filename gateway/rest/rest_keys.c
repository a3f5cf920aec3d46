/*
 * rest_keys: key pairs, the holding identities they make known, and signing
 * requests for them. The control thread's.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/members/csr.h"
#include "gateway/members/members.h"
#include "gateway/base/json.h"
#include "gateway/members/keystore.h"
#include "gateway/members/public_pem.h"
#include "gateway/control/fleet_join.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/pkcs11/async_task.h"
#include "gateway/base/dn.h"
#include "gateway/pkcs11/pkcs11.h"

static void
bad_input(struct rest_request *req, const char *cause, const char *reason)
{
	rest_reply_error(req, 400, "Invalid input data.", "cause", cause,
	    "reason", reason, NULL);
}

static void
failed(struct rest_request *req, const char *cause, const struct err *err)
{
	if (err->code == E_ARG)
		rest_reply_error(req, 409, "Resource already exists.", "cause",
		    cause, "reason", err->msg, NULL);
	else
		rest_reply_failed(req, cause, err);
}

/* False after having answered. */
static bool
tenant_of(struct rest_request *req, char out[KEYSTORE_ID_SIZE])
{
	if (keystore_tenant_parse(out, req->params[0]))
		return true;
	bad_input(req, "tenant",
	    "expected 12 hexadecimal digits, or 'p2p', 'rest' or "
	    "'code-signer' for the cluster");
	return false;
}

/* NULL after having answered. */
static const struct keystore_key *
key_of(struct rest_request *req, const char *tenant)
{
	const struct keystore_key *k;
	char id[KEYSTORE_ID_SIZE];

	if (!keystore_id_parse(id, req->params[1])) {
		bad_input(req, "keyId", "a key id is 12 hexadecimal digits");
		return NULL;
	}
	k = keystore_find(req->services->keys, tenant, id);
	if (k == NULL)
		rest_reply_error(req, 404, "Key not found.", "tenantId", tenant,
		    "keyId", id, NULL);
	return k;
}

/* Keys. */

/*
 * Work that a token may take its time for. Owned by its request until that is
 * answered or its caller leaves.
 */
struct work {
	struct rest_request *req;
	struct async_task *task; /* while it is waited for */
	char tenant[KEYSTORE_ID_SIZE];
	struct keystore_key *fresh;     /* made, and not kept yet */
	const struct keystore_key *key; /* to be certified: */
	cJSON *body;
	X509_NAME *name;
	const char *names[CSR_MAX_NAMES];
	size_t num_names;
	const char *spec;
	char *pem; /* the request */
	int rc;
	struct err err;
};

/* NULL after having answered. */
static struct work *
work_new(struct rest_request *req, const char *tenant)
{
	struct work *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		rest_reply_json(req, 500, NULL);
		return NULL;
	}
	w->req = req;
	memcpy(w->tenant, tenant, sizeof(w->tenant));
	return w;
}

static void
work_free(struct work *w)
{
	X509_NAME_free(w->name);
	cJSON_Delete(w->body);
	free(w->pem);
	free(w);
}

static void
work_cancel(void *arg)
{
	struct work *w = arg;

	async_task_cancel(w->task);
	keystore_discard(w->req->services->keys, w->fresh);
	work_free(w);
}

/* done answers and frees. Without a token there is nothing to wait for. */
static void
work_start(
    struct work *w, bool in_token, void (*fn)(void *), void (*done)(void *))
{
	struct event_base *base = w->req->core->base;
	enum async_task_result result = ASYNC_TASK_DONE;

	if (in_token)
		result = async_task_run(&w->task, base, fn, done, w);
	else
		fn(w);
	if (result == ASYNC_TASK_PENDING) {
		rest_request_defer(w->req, work_cancel, w);
		return;
	}
	if (result == ASYNC_TASK_FAILED)
		w->rc = err_set(&w->err, E_NOMEM, "out of memory");
	done(w);
}

static void
make_key(void *arg)
{
	struct work *w = arg;
	struct rest_request *req = w->req;

	w->rc = keystore_new_key(req->services->keys, &w->fresh, w->tenant,
	    req->params[1], req->params[2], req->params[3], &w->err);
}

static void
key_made(void *arg)
{
	struct work *w = arg;
	struct rest_request *req = w->req;
	struct keystore_key *k = w->fresh;
	cJSON *o;

	if (w->rc != 0 ||
	    members_keep_key(
		req->services->members, req->services->keys, k, &w->err) != 0) {
		failed(req, "key", &w->err);
		work_free(w);
		return;
	}
	log_line(req->core->log, LOG_LEVEL_INFO,
	    "key made (tenant=%s key=%s category=%s who='%s' from='%s')",
	    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	    w->tenant, k->id, k->category, req->user, req->address);
	if (req->services->fleet != NULL)
		fleet_join_key_made(req->services->fleet);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "id", k->id);
	rest_reply_json(req, 200, o);
	work_free(w);
}

/* Nothing is made in a token that would have to be thrown away. */
static void
post_key(struct rest_request *req)
{
	struct keystore *keys = req->services->keys;
	char tenant[KEYSTORE_ID_SIZE];
	struct work *w;
	struct err err;

	if (!tenant_of(req, tenant))
		return;
	if (keystore_check_new(keys, tenant, req->params[1], req->params[2],
		req->params[3], &err) != 0) {
		failed(req, "key", &err);
		return;
	}
	w = work_new(req, tenant);
	if (w != NULL)
		work_start(w, keystore_uses_token(keys, req->params[2]),
		    make_key, key_made);
}

static void
get_keys(struct rest_request *req)
{
	char tenant[KEYSTORE_ID_SIZE];

	if (tenant_of(req, tenant))
		rest_reply_json(
		    req, 200, keystore_json(req->services->keys, tenant));
}

static void
get_key(struct rest_request *req)
{
	const struct keystore_key *k;
	char tenant[KEYSTORE_ID_SIZE], *pem;

	if (!tenant_of(req, tenant) || (k = key_of(req, tenant)) == NULL)
		return;
	pem = public_pem(k->public);
	if (pem == NULL)
		rest_reply_json(req, 500, NULL);
	else
		rest_reply_text(req, 200, "text/plain", pem);
	free(pem);
}

/* Signing requests. */

/*
 * A session certificate names the member. The first name that is asked for
 * is the member's from then on.
 */
static int
check_member(struct rest_request *req, const struct keystore_key *k,
    const X509_NAME *name, struct err *err)
{
	struct members *all = req->services->members;
	const struct member *h = members_find(all, k->tenant);
	char text[DN_MAX];

	if (!keystore_is_session(k) || h == NULL)
		return 0;
	if (!dn_name_text(text, name))
		return err_set(err, E_PARSE, "the name is empty or too long");
	if (h->name == NULL)
		return members_change(all, k->tenant, text, NULL, NULL, err);
	return member_has_name(h, name)
	    ? 0
	    : err_set(err, E_PARSE,
		  "'%.90s' is not the name of the holding identity, which is "
		  "'%.90s'",
		  text, h->name);
}

/* The "subjectAlternativeNames"; lends texts of body. */
static int
read_names(const char *out[CSR_MAX_NAMES], size_t *num, const cJSON *body,
    struct err *err)
{
	const cJSON *list = json_get(body, "subjectAlternativeNames"), *item;

	*num = 0;
	if (list == NULL || cJSON_IsNull(list))
		return 0;
	if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CSR_MAX_NAMES)
		return err_set(err, E_PARSE,
		    "subjectAlternativeNames: expected an array of at most %d "
		    "names",
		    CSR_MAX_NAMES);
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			return err_set(err, E_PARSE,
			    "subjectAlternativeNames[%zu]: expected a string",
			    *num);
		out[(*num)++] = item->valuestring;
	}
	return 0;
}

/* What a request for w->key shall say; texts are lent by w->body. */
static int
read_request(struct work *w, struct err *err)
{
	const char *text = json_get_string(w->body, "x500Name");
	const cJSON *map = json_get(w->body, "contextMap");
	int rc;

	if (text == NULL)
		return err_set(err, E_PARSE, "x500Name: expected a string");
	w->spec = json_get_string(map, "signatureSpec");
	if (w->spec == NULL && json_get(map, "signatureSpec") != NULL &&
	    !cJSON_IsNull(json_get(map, "signatureSpec")))
		return err_set(err, E_PARSE,
		    "contextMap.signatureSpec: expected a string");
	rc = read_names(w->names, &w->num_names, w->body, err);
	if (rc != 0)
		return rc;
	w->name = strlen(text) < DN_MAX ? dn_parse(text) : NULL;
	return w->name != NULL
	    ? 0
	    : err_ossl(err, E_PARSE,
		  "x500Name '%.100s' is not a distinguished name: expected "
		  "one such as 'O=Alice, L=London, C=GB'",
		  text);
}

static void
make_request(void *arg)
{
	struct work *w = arg;

	w->rc = csr_make(
	    &w->pem, w->key, w->name, w->names, w->num_names, w->spec, &w->err);
}

/* Made before the name is kept: a refused request binds nothing. */
static void
request_made(void *arg)
{
	struct work *w = arg;

	if (w->rc == 0)
		w->rc = check_member(w->req, w->key, w->name, &w->err);
	if (w->rc == 0)
		rest_reply_text(w->req, 200, "text/plain", w->pem);
	else
		failed(w->req, "certificate request", &w->err);
	work_free(w);
}

static void
post_csr(struct rest_request *req)
{
	const struct keystore_key *k;
	char tenant[KEYSTORE_ID_SIZE];
	struct work *w;

	if (!tenant_of(req, tenant) || (k = key_of(req, tenant)) == NULL)
		return;
	w = work_new(req, tenant);
	if (w == NULL)
		return;
	w->key = k;
	w->body = rest_body_object(req);
	if (w->body == NULL) {
		work_free(w);
		return;
	}
	w->rc = read_request(w, &w->err);
	if (w->rc != 0)
		request_made(w);
	else
		work_start(w, pkcs11_has(k->pkey), make_request, request_made);
}

#define MAKE_PATH "/{tenant}/alias/{alias}/category/{c}/scheme/{s}"

const struct rest_route rest_keys_routes[] = {
    {REST_POST, "keys" MAKE_PATH, CONF_ROLE_OPERATE, post_key},
    {REST_POST, "key" MAKE_PATH, CONF_ROLE_OPERATE, post_key},
    {REST_GET, "keys/{tenant}", CONF_ROLE_READ, get_keys},
    {REST_GET, "key/{tenant}", CONF_ROLE_READ, get_keys},
    {REST_GET, "keys/{tenant}/{key}", CONF_ROLE_READ, get_key},
    {REST_GET, "key/{tenant}/{key}", CONF_ROLE_READ, get_key},
    {REST_POST, "certificates/{tenant}/{key}", CONF_ROLE_OPERATE, post_csr},
    {REST_POST, "certificate/{tenant}/{key}", CONF_ROLE_OPERATE, post_csr},
    {.fn = NULL}};
