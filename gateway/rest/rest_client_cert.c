/*
 * rest_client_cert: certificates that stand for users of the REST server: who
 * is meant, and whether it is still good. Control thread; never waits. What is
 * not known yet is fetched while the request goes on, so that a revocation
 * counts a moment later, and a dead responder locks no operator out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "gateway/base/dn.h"
#include "gateway/control/control.h"
#include "gateway/rest/rest_internal.h"
#include "revcheck/revcheck.h"

static unsigned
roles_of(const struct conf_rest *rest, X509 *x, char user[REST_AUTH_USER_SIZE])
{
	char *text = dn_dup(X509_get_subject_name(x));
	unsigned roles = 0;

	for (size_t i = 0; text != NULL && i < rest->num_clients; i++)
		if (strcasecmp(rest->clients[i].subject, text) == 0) {
			roles = rest->clients[i].roles;
			snprintf(user, REST_AUTH_USER_SIZE, "%s", text);
		}
	free(text);
	return roles;
}

/* Somebody may ask again when the answer is there. */
static void
on_answer(struct revcheck_report *report, void *arg)
{
	(void)report, (void)arg;
}

static enum revcheck_mode
mode_of(const struct control *control)
{
	struct revcheck_policy p = {.size = sizeof(p)};

	control_get_policy(control, &p);
	return p.mode == REVCHECK_MODE_OFF ? REVCHECK_MODE_OFF
					   : REVCHECK_MODE_SOFT_FAIL;
}

/*
 * The path too: the anchors may be others than when the connection was made.
 */
static bool
is_good(const struct rest_request *req, const struct conf_rest *rest,
    STACK_OF(X509) * sent, const char *user)
{
	struct revcheck_certs *certs = NULL;
	struct revcheck_request *pending = NULL;
	struct revcheck_report *report = NULL;
	struct revcheck_error why = {0};
	struct revcheck_query q = {.size = sizeof(q),
	    .trust = rest->client_trust,
	    .mode = mode_of(req->services->control),
	    .purpose = 1};
	X509 *list[100];
	int num = sk_X509_num(sent), rc = REVCHECK_E_ARG;
	bool good;

	for (int i = 0; i < num && i < 100; i++)
		list[i] = sk_X509_value(sent, i);
	if (num > 0 && num <= 100)
		rc = revcheck_certs_from_x509(&certs, list, (size_t)num, &why);
	if (rc == 0) {
		q.chain = certs;
		rc = revcheck_submit(req->core->engine, &pending, &report, &q,
		    NULL, on_answer, NULL, &why);
	}
	good = rc == REVCHECK_PENDING ||
	    (rc == REVCHECK_DONE && revcheck_report_allows(report) == 1);
	if (!good)
		log_line(req->core->log, LOG_LEVEL_WARN,
		    "a certificate for REST is refused: %s (user='%s')",
		    report != NULL ? revcheck_report_text(report) : why.msg,
		    user);
	revcheck_request_free(pending);
	revcheck_report_free(report);
	revcheck_certs_free(certs);
	return good;
}

unsigned
rest_client_cert_roles(const struct rest_request *req, const struct conf *conf,
    SSL *ssl, char user[REST_AUTH_USER_SIZE])
{
	X509 *x = SSL_get0_peer_certificate(ssl);
	unsigned roles;

	user[0] = '\0';
	if (x == NULL || conf->rest.client_trust == NULL ||
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return 0;
	roles = roles_of(&conf->rest, x, user);
	if (roles != 0 &&
	    !is_good(req, &conf->rest, SSL_get0_verified_chain(ssl), user)) {
		user[0] = '\0';
		return 0;
	}
	return roles;
}
