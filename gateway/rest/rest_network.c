/*
 * rest_network: registration and network setup of holding identities. What
 * would take effect is checked first, path and revocation, and refused whole;
 * the answer may come later. The control thread's.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/members/members.h"
#include "gateway/base/json.h"
#include "gateway/rest/rest_change.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/members/network_setup.h"

static void
refuse(struct rest_request *req, const struct err *err)
{
	if (err->code == E_ARG)
		rest_reply_error(
		    req, 404, "Resource not found.", "reason", err->msg, NULL);
	else
		rest_reply_failed(req, "network setup", err);
}

/* One change. */

/* Owned by its request until that is answered or its caller leaves. */
struct member_change {
	struct rest_request *req;
	char id[KEYSTORE_ID_SIZE];
	cJSON *registration, *setup; /* one of them is new, the other NULL */
	size_t next;                 /* pair that is asked about next */
	struct revcheck_request *request;
	bool deferred;
};

static void
change_free(struct member_change *ch)
{
	revcheck_request_free(ch->request);
	cJSON_Delete(ch->registration);
	cJSON_Delete(ch->setup);
	free(ch);
}

static void
change_cancel(void *arg)
{
	struct member_change *ch = arg;

	if (ch->request != NULL)
		revcheck_request_cancel(ch->request);
	change_free(ch);
}

/* What will be there after the change. */
static const cJSON *
registration_of(const struct member_change *ch)
{
	const struct member *h =
	    members_find(ch->req->services->members, ch->id);

	return ch->registration != NULL ? ch->registration : h->registration;
}

static const cJSON *
setup_of(const struct member_change *ch)
{
	const struct member *h =
	    members_find(ch->req->services->members, ch->id);

	return ch->setup != NULL ? ch->setup : h->setup;
}

static void
change_fail(struct member_change *ch, const struct err *err)
{
	struct rest_request *req = ch->req;

	change_free(ch);
	refuse(req, err);
}

/* What is answered when it has been made. */
struct made {
	char id[KEYSTORE_ID_SIZE];
	bool registered, in_effect;
};

static void
reply_made(
    struct rest_request *req, void *data, const struct control_answer *answer)
{
	const struct made *m = data;
	cJSON *o;

	if (answer->outcome != CONTROL_CHANGED) {
		if (answer->outcome == CONTROL_FAILED)
			refuse(req, &answer->err);
		else
			rest_change_refuse(req, "network setup", answer);
		return;
	}
	log_event(req->core->log, LOG_LEVEL_INFO, "holding-identity",
	    &(struct log_field)LOG_FIELD_BOOL("in_effect", m->in_effect), 1,
	    "holding identity %s (id=%s in_effect=%s who='%s' from='%s')",
	    m->registered ? "registered" : "set up", m->id,
	    m->in_effect ? "yes" : "no", req->user, req->address);
	if (!m->registered) {
		rest_reply_empty(req, 204);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "registrationId", m->id);
	cJSON_AddStringToObject(o, "registrationStatus", "APPROVED");
	rest_reply_json(req, 200, o);
}

/* Asks control; ch is freed. */
static void
change_keep(struct member_change *ch)
{
	struct rest_request *req = ch->req;
	struct made *m = calloc(1, sizeof(*m));
	struct rest_change *change =
	    m != NULL ? rest_change_new(req, reply_made, m, free) : NULL;
	enum control_outcome outcome;
	struct err err;

	if (m == NULL)
		rest_reply_json(req, 500, NULL);
	if (change != NULL) {
		const struct change made = {.kind = CHANGE_MEMBER,
		    .id = ch->id,
		    .registration = ch->registration,
		    .setup = ch->setup,
		    .author = {.who = req->user, .from = req->address}};

		memcpy(m->id, ch->id, sizeof(m->id));
		m->registered = ch->registration != NULL;
		m->in_effect =
		    registration_of(ch) != NULL && setup_of(ch) != NULL;
		outcome = control_change(req->services->control, &made,
		    rest_change_later(change), &err);
		change_free(ch);
		rest_change_end(change, outcome, &err);
	} else {
		change_free(ch);
	}
}

static void
change_make(struct member_change *ch)
{
	struct err err;

	/* The other half may have changed while this one was asked about. */
	if (registration_of(ch) != NULL && setup_of(ch) != NULL &&
	    network_setup_check(registration_of(ch), setup_of(ch), &err) != 0)
		change_fail(ch, &err);
	else
		change_keep(ch);
}

/* Goes on with the next chain; false after having refused. */
static bool
change_allowed(struct member_change *ch, const struct revcheck_report *report)
{
	struct err err;

	if (revcheck_report_allows(report) == 1)
		return true;
	err_set(&err, E_PARSE, "the %s certificate is refused: %s",
	    ch->next == 1 ? "TLS" : "session", revcheck_report_text(report));
	change_fail(ch, &err);
	return false;
}

static void change_ask(struct member_change *ch);

static void
on_report(struct revcheck_report *report, void *arg)
{
	struct member_change *ch = arg;

	revcheck_request_free(ch->request);
	ch->request = NULL;
	if (change_allowed(ch, report))
		change_ask(ch);
}

/* Not HARD_FAIL: that nothing can be learned yet is no reason to refuse. */
static enum revcheck_mode
mode_of(struct revcheck *engine)
{
	struct revcheck_policy p = {.size = sizeof(p)};

	revcheck_get_policy(engine, &p);
	return p.mode == REVCHECK_MODE_OFF ? REVCHECK_MODE_OFF
					   : REVCHECK_MODE_SOFT_FAIL;
}

/* 0: the next can be asked; PENDING; negative: answered and freed. */
static int
change_ask_one(struct member_change *ch, struct revcheck_certs *chain,
    struct revcheck_trust *trust)
{
	struct revcheck_query query = {.size = sizeof(query),
	    .chain = chain,
	    .trust = trust,
	    .mode = mode_of(ch->req->core->engine)};
	struct revcheck_report *report = NULL;
	struct revcheck_error why;
	struct err err;
	bool good;
	int rc;

	ch->next++;
	rc = revcheck_submit(ch->req->core->engine, &ch->request, &report,
	    &query, ch->req->core->base, on_report, ch, &why);
	if (rc == REVCHECK_PENDING) {
		if (!ch->deferred)
			rest_request_defer(ch->req, change_cancel, ch);
		ch->deferred = true;
		return rc;
	}
	if (rc < 0) {
		err_set(&err, E_INTERNAL, "%s", why.msg);
		change_fail(ch, &err);
		return rc;
	}
	good = change_allowed(ch, report);
	revcheck_report_free(report);
	return good ? 0 : E_PARSE;
}

static void
change_ask(struct member_change *ch)
{
	struct revcheck_certs *chain;
	struct revcheck_trust *trust;
	struct err err;
	int rc;

	do {
		rc = network_setup_pair(&chain, &trust, registration_of(ch),
		    setup_of(ch), ch->next, &err);
		if (rc == 0) {
			change_make(ch);
			return;
		}
		if (rc < 0) {
			change_fail(ch, &err);
			return;
		}
		rc = change_ask_one(ch, chain, trust);
		revcheck_certs_free(chain);
		revcheck_trust_free(trust);
	} while (rc == 0);
}

/* Takes both over. */
static void
change_start(
    struct rest_request *req, const char *id, cJSON *registration, cJSON *setup)
{
	struct member_change *ch = calloc(1, sizeof(*ch));
	struct err err;

	if (ch == NULL) {
		cJSON_Delete(registration);
		cJSON_Delete(setup);
		rest_reply_json(req, 500, NULL);
		return;
	}
	ch->req = req;
	memcpy(ch->id, id, sizeof(ch->id));
	ch->registration = registration;
	ch->setup = setup;
	if (registration_of(ch) == NULL || setup_of(ch) == NULL)
		change_make(ch); /* in effect once the other comes */
	else if (network_setup_check(registration_of(ch), setup_of(ch), &err) !=
	    0)
		change_fail(ch, &err);
	else
		change_ask(ch);
}

/* Requests. */

/* False after having answered. */
static bool
holding_of(struct rest_request *req, char id[KEYSTORE_ID_SIZE])
{
	struct err err;

	if (!keystore_id_parse(id, req->params[0])) {
		err_set(&err, E_PARSE,
		    "a holding identity is 12 hexadecimal digits");
		refuse(req, &err);
		return false;
	}
	if (members_find(req->services->members, id) != NULL)
		return true;
	rest_reply_error(req, 404, "Holding identity not found.",
	    "holdingIdentity", id, NULL);
	return false;
}

static void
put_setup(struct rest_request *req)
{
	char id[KEYSTORE_ID_SIZE];
	cJSON *body, *setup;
	struct err err;
	int rc;

	if (!holding_of(req, id) || (body = rest_body_object(req)) == NULL)
		return;
	rc = network_setup_read(
	    &setup, body, id, req->services->keys, req->services->certs, &err);
	cJSON_Delete(body);
	if (rc != 0)
		refuse(req, &err);
	else
		change_start(req, id, NULL, setup);
}

static void
post_membership(struct rest_request *req)
{
	const cJSON *inner, *action;
	char id[KEYSTORE_ID_SIZE];
	cJSON *body, *registration;
	struct err err;
	int rc = 0;

	if (!holding_of(req, id) || (body = rest_body_object(req)) == NULL)
		return;
	inner = json_get(body, "memberRegistrationRequest");
	action = json_get(inner, "action");
	if (inner != NULL &&
	    (!cJSON_IsString(action) ||
		strcasecmp(action->valuestring, "requestJoin") != 0))
		rc = err_set(&err, E_PARSE, "action: expected \"requestJoin\"");
	if (rc == 0)
		rc = network_setup_read_context(&registration,
		    json_get(inner != NULL ? inner : body, "context"), &err);
	cJSON_Delete(body);
	if (rc != 0)
		refuse(req, &err);
	else
		change_start(req, id, registration, NULL);
}

/* What there is. */

static cJSON *
copy_of(const cJSON *o)
{
	return o != NULL ? cJSON_Duplicate(o, 1) : cJSON_CreateNull();
}

/* Public keys and names alone; what is private is in the key store. */
static cJSON *
member_json(const struct member *h, bool setup)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "holdingIdentity", h->id);
	if (h->name != NULL)
		cJSON_AddStringToObject(o, "x500Name", h->name);
	else
		cJSON_AddNullToObject(o, "x500Name");
	cJSON_AddBoolToObject(o, "registered", h->registration != NULL);
	cJSON_AddBoolToObject(o, "setUp", h->setup != NULL);
	cJSON_AddBoolToObject(
	    o, "inEffect", h->registration != NULL && h->setup != NULL);
	if (setup)
		cJSON_AddItemToObject(o, "setup", copy_of(h->setup));
	else
		cJSON_AddItemToObject(
		    o, "registration", copy_of(h->registration));
	return o;
}

static void
list_members(struct rest_request *req, bool setup)
{
	const struct members *all = req->services->members;
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; list != NULL && i < members_num(all); i++)
		cJSON_AddItemToArray(
		    list, member_json(members_get(all, i), setup));
	rest_reply_json(req, 200, list);
}

static void
show_member(struct rest_request *req, bool setup)
{
	char id[KEYSTORE_ID_SIZE];

	if (holding_of(req, id))
		rest_reply_json(req, 200,
		    member_json(
			members_find(req->services->members, id), setup));
}

static void
get_setups(struct rest_request *req)
{
	list_members(req, true);
}

static void
get_setup(struct rest_request *req)
{
	show_member(req, true);
}

static void
get_memberships(struct rest_request *req)
{
	list_members(req, false);
}

static void
get_membership(struct rest_request *req)
{
	show_member(req, false);
}

const struct rest_route rest_network_routes[] = {
    {REST_GET, "network/setup", CONF_ROLE_READ, get_setups},
    {REST_GET, "network/setup/{id}", CONF_ROLE_READ, get_setup},
    {REST_GET, "membership", CONF_ROLE_READ, get_memberships},
    {REST_GET, "membership/{id}", CONF_ROLE_READ, get_membership},
    {REST_PUT, "network/setup/{id}", CONF_ROLE_OPERATE, put_setup},
    {REST_POST, "membership/{id}", CONF_ROLE_OPERATE, post_membership},
    {.fn = NULL}};
