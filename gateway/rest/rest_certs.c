/*
 * rest_certs: upload and reading of certificate chains. The control thread's.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/members/certstore.h"
#include "gateway/control/control.h"
#include "gateway/members/members.h"
#include "gateway/rest/multipart.h"
#include "gateway/rest/rest_change.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/base/dn.h"

static void
bad_input(struct rest_request *req, const char *cause, const char *reason)
{
	rest_reply_error(req, 400, "Invalid input data.", "cause", cause,
	    "reason", reason, NULL);
}

/* Where a chain is: what the path says. */
struct place {
	char holder[KEYSTORE_ID_SIZE]; /* "": the cluster */
	enum certstore_usage usage;
};

/* False after having answered. usage is a parameter of the path. */
static bool
place_of(struct rest_request *req, struct place *p, const char *id,
    const char *usage)
{
	p->holder[0] = '\0';
	if (id != NULL && !keystore_id_parse(p->holder, id)) {
		bad_input(req, "holdingIdentity",
		    "a holding identity is 12 hexadecimal digits");
		return false;
	}
	p->usage = certstore_usage_parse(usage);
	if (p->usage == CERTSTORE_NUM_USAGES) {
		bad_input(req, "usage",
		    "the usage is not known: expected p2p-tls, p2p-session, "
		    "rest-tls or code-signer");
		return false;
	}
	if (id != NULL &&
	    members_find(req->services->members, p->holder) == NULL) {
		rest_reply_error(req, 404, "Holding identity not found.",
		    "holdingIdentity", p->holder, NULL);
		return false;
	}
	return true;
}

/* Upload. */

struct upload {
	char alias[CERTSTORE_MAX_ALIAS + 1];
	struct certstore_list list;
};

static int
read_alias(struct upload *u, const struct multipart_part *part, struct err *err)
{
	if (part->len == 0)
		return err_set(err, E_PARSE, "Empty alias");
	if (u->alias[0] != '\0')
		return err_set(err, E_PARSE, "alias was given twice");
	if (part->len >= sizeof(u->alias))
		return err_set(err, E_PARSE,
		    "the alias is longer than %d bytes", CERTSTORE_MAX_ALIAS);
	for (size_t i = 0; i < part->len; i++)
		if ((unsigned char)part->data[i] < 0x20 ||
		    part->data[i] == 0x7f)
			return err_set(
			    err, E_PARSE, "the alias has control characters");
	if (!json_utf8(part->data, part->len))
		return err_set(err, E_PARSE, "the alias is not UTF-8");
	memcpy(u->alias, part->data, part->len);
	return 0;
}

static int
read_upload(struct upload *u, const struct rest_request *req, struct err *err)
{
	struct multipart_part parts[MULTIPART_MAX_PARTS];
	size_t num;
	int rc = multipart_parse(
	    parts, &num, req->content_type, req->body, req->body_len, err);

	for (size_t i = 0; i < num && rc == 0; i++)
		if (strcmp(parts[i].name, "alias") == 0)
			rc = read_alias(u, &parts[i], err);
		else if (strcmp(parts[i].name, "certificate") == 0)
			rc = certstore_read(
			    &u->list, parts[i].data, parts[i].len, err);
		else
			rc = err_set(err, E_PARSE,
			    "part '%s' is not known: expected alias and "
			    "certificate",
			    parts[i].name);
	if (rc == 0 && u->alias[0] == '\0')
		rc = err_set(err, E_PARSE, "Empty alias");
	if (rc == 0 && u->list.num == 0)
		rc = err_set(err, E_PARSE, "No certificate");
	return rc == 0 ? certstore_check_order(&u->list, err) : rc;
}

/* A session certificate names the member; the first one says who it is. */
static int
check_member(char name[DN_MAX], struct rest_request *req, const struct place *p,
    X509 *leaf, struct err *err)
{
	const struct member *h =
	    members_find(req->services->members, p->holder);

	name[0] = '\0';
	if (p->usage != CERTSTORE_SESSION)
		return 0;
	if (h == NULL)
		return err_set(err, E_PARSE,
		    "Cannot upload a session certificate to the cluster: it "
		    "belongs to a holding identity");
	if (!dn_text(name, leaf))
		return err_set(
		    err, E_PARSE, "the subject is empty or too long");
	if (h->name == NULL)
		return 0;
	if (!member_has_name(h, X509_get_subject_name(leaf)))
		return err_set(err, E_PARSE,
		    "The subject of a session certificate must be the member's "
		    "name: it is '%.70s', the member is '%.70s'",
		    name, h->name);
	name[0] = '\0';
	return 0;
}

/* What is said once it is kept. */
struct kept {
	char holder[KEYSTORE_ID_SIZE], alias[CERTSTORE_MAX_ALIAS + 1];
	char usage[16];
};

static void
reply_kept(
    struct rest_request *req, void *data, const struct control_answer *answer)
{
	const struct kept *k = data;

	if (answer->outcome != CONTROL_CHANGED) {
		rest_change_refuse(req, "certificate", answer);
		return;
	}
	log_line(req->core->log, LOG_LEVEL_INFO,
	    "certificate chain uploaded (holder='%s' usage='%s' "
	    "alias='%s' who='%s' from='%s')",
	    k->holder, k->usage, k->alias, req->user, req->address);
	rest_reply_empty(req, 204);
}

/* The chain, and the name that a first session certificate gives. */
static void
keep(struct rest_request *req, const struct place *p, const struct upload *u,
    const char *usage, const char *name)
{
	struct kept *k = calloc(1, sizeof(*k));
	struct rest_change *change =
	    k != NULL ? rest_change_new(req, reply_kept, k, free) : NULL;
	const struct change ch = {.kind = CHANGE_CHAIN,
	    .holder = p->holder,
	    .usage = p->usage,
	    .name = u->alias,
	    .chain = &u->list,
	    .member_name = name[0] != '\0' ? name : NULL,
	    .author = {.who = req->user, .from = req->address}};
	enum control_outcome outcome;
	struct err err;

	if (k == NULL)
		rest_reply_json(req, 500, NULL);
	if (change == NULL)
		return;
	memcpy(k->holder, p->holder, sizeof(k->holder));
	memcpy(k->alias, u->alias, sizeof(k->alias));
	snprintf(k->usage, sizeof(k->usage), "%s", usage);
	outcome = control_change(
	    req->services->control, &ch, rest_change_later(change), &err);
	rest_change_end(change, outcome, &err);
}

static void
upload(struct rest_request *req, const char *id, const char *usage)
{
	struct upload u = {.alias = ""};
	char name[DN_MAX];
	struct place p;
	struct err err;
	int rc;

	if (!place_of(req, &p, id, usage))
		return;
	rc = read_upload(&u, req, &err);
	if (rc == 0)
		rc = check_member(name, req, &p, u.list.v[0], &err);
	if (rc == 0)
		keep(req, &p, &u, usage, name);
	else
		rest_reply_failed(req, "certificate", &err);
	certstore_list_cleanup(&u.list);
}

static void
put_vnode(struct rest_request *req)
{
	upload(req, req->params[0], req->params[1]);
}

static void
put_cluster(struct rest_request *req)
{
	upload(req, NULL, req->params[0]);
}

/* Reading. */

static void
list(struct rest_request *req, const char *id, const char *usage)
{
	struct place p;

	if (place_of(req, &p, id, usage))
		rest_reply_json(req, 200,
		    certstore_aliases(req->services->certs, p.holder, p.usage));
}

static void
get(struct rest_request *req, const char *id, const char *usage,
    const char *alias)
{
	struct place p;
	struct err err;
	char *pem;
	int rc;

	if (!place_of(req, &p, id, usage))
		return;
	rc = certstore_get(
	    req->services->certs, p.holder, p.usage, alias, &pem, &err);
	if (rc == 0)
		rest_reply_text(req, 200, "text/plain", pem);
	else if (rc == E_ARG)
		rest_reply_error(req, 404, "Certificate chain not found.",
		    "alias", alias, NULL);
	else
		rest_reply_failed(req, "certificate", &err);
	free(pem);
}

static void
get_vnode_list(struct rest_request *req)
{
	list(req, req->params[0], req->params[1]);
}

static void
get_cluster_list(struct rest_request *req)
{
	list(req, NULL, req->params[0]);
}

static void
get_vnode(struct rest_request *req)
{
	get(req, req->params[0], req->params[1], req->params[2]);
}

static void
get_cluster(struct rest_request *req)
{
	get(req, NULL, req->params[0], req->params[1]);
}

#define VNODE   "/vnode/{id}/{usage}"
#define CLUSTER "/cluster/{usage}"
#define BOTH(method, path, role, fn)                 \
	{method, "certificates" path, role, fn},     \
	{                                            \
		method, "certificate" path, role, fn \
	}

const struct rest_route rest_certs_routes[] = {
    BOTH(REST_PUT, VNODE, CONF_ROLE_OPERATE, put_vnode),
    BOTH(REST_PUT, CLUSTER, CONF_ROLE_OPERATE, put_cluster),
    BOTH(REST_GET, VNODE, CONF_ROLE_READ, get_vnode_list),
    BOTH(REST_GET, CLUSTER, CONF_ROLE_READ, get_cluster_list),
    BOTH(REST_GET, VNODE "/{alias}", CONF_ROLE_READ, get_vnode),
    BOTH(REST_GET, CLUSTER "/{alias}", CONF_ROLE_READ, get_cluster),
    {.fn = NULL}};
