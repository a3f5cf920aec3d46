/* ocsp_show: see the header. */
#include "revcheck/cli/ocsp_show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/cli.h"

static const char *
why_of(const struct revcheck_result *r)
{
	return r->why == REVCHECK_WHY_NONE ? "" : revcheck_why_name(r->why);
}

static const char *
reason_of(const struct revcheck_ocsp_answer *a)
{
	return a->reason == REVCHECK_REASON_NONE
	    ? ""
	    : revcheck_reason_name(a->reason);
}

static bool
is_over(const struct revcheck_ocsp_answer *a, time_t at)
{
	return a->next_update != 0 && a->next_update < at;
}

/* signed_by_issuer: what it says is known to be said. */
static void
print_answer(
    const struct revcheck_ocsp_answer *a, time_t at, bool signed_by_issuer)
{
	char buf[PRINT_TIME_LEN];
	bool revoked = a->status == REVCHECK_REVOKED;
	bool good = a->status == REVCHECK_GOOD && signed_by_issuer &&
	    !is_over(a, at) && a->this_update <= at;

	printf("%sanswer%s\n", tint_on(stdout, TINT_BOLD), tint_off(stdout));
	print_field(stdout, "serial", TINT_NONE, "%s",
	    a->serial[0] != '\0' ? a->serial : "it does not parse");
	print_field(stdout, "status",
	    revoked    ? TINT_BAD
		: good ? TINT_GOOD
		       : TINT_WARN,
	    "%s", revcheck_status_name(a->status));
	print_field(stdout, "reason", TINT_NONE, "%s", reason_of(a));
	if (revoked)
		print_field(stdout, "since", TINT_NONE, "%s",
		    print_time(buf, a->revoked_at, at));
	print_field(stdout, "thisUpdate",
	    a->this_update > at ? TINT_WARN : TINT_NONE, "%s",
	    print_time(buf, a->this_update, at));
	print_field(stdout, "nextUpdate",
	    is_over(a, at) ? TINT_WARN : TINT_NONE, "%s%s",
	    print_time(buf, a->next_update, at),
	    is_over(a, at) ? ", it has passed" : "");
	print_field(stdout, "hash", TINT_NONE, "%s", a->hash);
	print_field(stdout, "issuer name", TINT_NONE, "%s", a->issuer_name);
	print_field(stdout, "issuer key", TINT_NONE, "%s", a->issuer_key);
}

static void
print_signature(const struct ocsp_shown *v, const struct revcheck_result *r)
{
	if (v->issuer == NULL)
		print_field(stdout, "signature", TINT_DIM,
		    "not checked: give '--issuer'");
	else if (r->status == REVCHECK_NOT_ASKED)
		print_field(stdout, "signature", TINT_GOOD, "by %s: %s",
		    r->signer, r->text);
	else
		print_field(stdout, "signature", TINT_BAD, "%s, %s", why_of(r),
		    r->text);
}

static void
print_text(const struct ocsp_shown *v, const struct revcheck_ocsp_info *i,
    const struct revcheck_result *r, time_t at)
{
	struct revcheck_ocsp_answer a;
	char buf[PRINT_TIME_LEN];
	size_t pos = 0;

	printf(
	    "%s%s%s\n", tint_on(stdout, TINT_BOLD), v->name, tint_off(stdout));
	print_field(stdout, "response", TINT_NONE, "%s", i->status);
	print_field(stdout, "responder", TINT_NONE, "%s", i->responder);
	if (i->produced_at != 0)
		print_field(stdout, "producedAt", TINT_NONE, "%s",
		    print_time(buf, i->produced_at, at));
	print_field(stdout, "algorithm", TINT_NONE, "%s", i->signature);
	print_field(stdout, "nonce", TINT_NONE, "%s", i->nonce);
	print_field(stdout, "answers", TINT_NONE, "%zu", i->num_answers);
	print_field(stdout, "certificates", TINT_NONE, "%zu", i->num_certs);
	print_field(stdout, "size", TINT_NONE, "%zu bytes", i->bytes);
	print_field(stdout, "remarks", TINT_WARN, "%s", i->flaws);
	print_signature(v, r);
	while (revcheck_ocsp_next(v->response, v->response_len, &pos, &a) == 1)
		print_answer(&a, at,
		    v->issuer != NULL && r->status == REVCHECK_NOT_ASKED);
}

static void
json_answers(const struct ocsp_shown *v, cJSON *o, time_t at)
{
	cJSON *list = cJSON_AddArrayToObject(o, "answers"), *e;
	struct revcheck_ocsp_answer a;
	size_t pos = 0;

	while (
	    revcheck_ocsp_next(v->response, v->response_len, &pos, &a) == 1) {
		e = cJSON_CreateObject();
		print_json_text(e, "serial", a.serial);
		cJSON_AddStringToObject(
		    e, "status", revcheck_status_name(a.status));
		print_json_text(e, "reason", reason_of(&a));
		print_json_time(e, "revocationDate", a.revoked_at);
		print_json_time(e, "thisUpdate", a.this_update);
		print_json_time(e, "nextUpdate", a.next_update);
		cJSON_AddBoolToObject(e, "expired", is_over(&a, at));
		print_json_text(e, "hash", a.hash);
		print_json_text(e, "issuerNameHash", a.issuer_name);
		print_json_text(e, "issuerKeyHash", a.issuer_key);
		cJSON_AddItemToArray(list, e);
	}
}

static int
print_json(const struct ocsp_shown *v, const struct revcheck_ocsp_info *i,
    const struct revcheck_result *r, time_t at)
{
	cJSON *o = cJSON_CreateObject();
	int rc;

	cJSON_AddStringToObject(o, "response", i->status);
	print_json_text(o, "responder", i->responder);
	print_json_time(o, "producedAt", i->produced_at);
	print_json_text(o, "algorithm", i->signature);
	print_json_text(o, "nonce", i->nonce);
	json_answers(v, o, at);
	cJSON_AddNumberToObject(o, "certificates", (double)i->num_certs);
	cJSON_AddNumberToObject(o, "bytes", (double)i->bytes);
	print_json_text(o, "remarks", i->flaws);
	if (v->issuer == NULL)
		cJSON_AddNullToObject(o, "signature");
	else
		cJSON_AddBoolToObject(
		    o, "signature", r->status == REVCHECK_NOT_ASKED);
	print_json_text(o, "signer", r->signer);
	print_json_text(o, "why", why_of(r));
	print_json_text(o, "text", r->text);
	rc = print_document(o);
	cJSON_Delete(o);
	return rc;
}

int
ocsp_show(const struct ocsp_shown *v)
{
	struct revcheck_ocsp_info info = {.size = sizeof(info)};
	struct revcheck_ocsp_query q = {.size = sizeof(q),
	    .issuer = v->issuer,
	    .signer = v->responder,
	    .response = v->response,
	    .response_len = v->response_len,
	    .at = v->at,
	    .policy = v->policy};
	time_t at = v->at != 0 ? v->at : time(NULL);
	struct revcheck_result r = {0};
	struct revcheck_error err;
	int rc = 0;

	if (revcheck_ocsp_get_info(&info, v->response, v->response_len, &err) !=
	    0)
		return cli_fail(
		    EXIT_INPUT, "cannot read '%s': %s", v->name, err.msg);
	if (v->issuer != NULL && revcheck_ocsp_judge(&r, &q, &err) != 0)
		return cli_fail_library(&err);
	if (v->json)
		rc = print_json(v, &info, &r, at);
	else
		print_text(v, &info, &r, at);
	if (rc == 0 && v->issuer != NULL && r.status != REVCHECK_NOT_ASKED)
		rc = EXIT_UNDETERMINED;
	return rc;
}
