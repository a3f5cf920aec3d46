/* readiness: see the header. Keeps nothing. */
#include "gateway/rest/readiness.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "cache/base/text.h"
#include "gateway/certwatch/certwatch_report.h"
#include "gateway/control/control.h"
#include "gateway/control/loose.h"
#include "gateway/control/warmup_report.h"
#include "gateway/dataplane/workers.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/rest/fleet_report.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/source_report.h"
#include "gateway/state/state_db.h"
#include "revcheck/revcheck.h"

#define MAX_CRL_REASONS 100

const char *
readiness_kind_name(enum readiness_kind kind)
{
	static const char *const names[READINESS_NUM] = {
	    [READINESS_WARMING_UP] = "warming_up",
	    [READINESS_TLS_OFF] = "tls_off",
	    [READINESS_SESSIONS_OFF] = "sessions_off",
	    [READINESS_ONE_WAY] = "one_way",
	    [READINESS_EXEMPT] = "exempt_issuers",
	    [READINESS_OWN_CERTIFICATE] = "own_certificate",
	    [READINESS_TOKEN] = "token",
	    [READINESS_CRL] = "crl",
	    [READINESS_CRL_FILE] = "crl_file",
	    [READINESS_NODE] = "node",
	    [READINESS_STATE] = "state",
	    [READINESS_FLEET] = "fleet",
	};

	return kind < READINESS_NUM ? names[kind] : "?";
}

static void add_reason(struct readiness *r, enum readiness_kind kind,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
add_reason(struct readiness *r, enum readiness_kind kind, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cJSON_AddItemToArray(r->reasons, cJSON_CreateString(line));
	r->num[kind]++;
}

static int
add_crl_reason(void *arg, const struct revcheck_source_item *item)
{
	time_t now = time(NULL);
	double left = difftime(item->next_update, now);
	struct readiness *r = arg;

	if (item->source == REVCHECK_SOURCE_FILE && item->error[0] != '\0')
		add_reason(r, READINESS_CRL_FILE,
		    "the CRL file '%.80s': %.100s", item->url, item->error);
	if (item->kind == REVCHECK_EVIDENCE_CRL && source_ends_soon(item, now))
		add_reason(r, READINESS_CRL,
		    "the CRL from '%.100s' %s %.0f seconds%s", item->url,
		    left > 0 ? "runs out in" : "ran out",
		    left > 0 ? left : -left, left > 0 ? "" : " ago");
	return r->num[READINESS_CRL] + r->num[READINESS_CRL_FILE] <
		MAX_CRL_REASONS
	    ? 0
	    : 1;
}

/*
 * Identities with keys elsewhere go on, so only the one that serves unknown
 * names makes the difference between degraded and not ready.
 */
static bool
token_ready(struct readiness *r, const struct conf *conf)
{
	struct pkcs11 *token = pkcs11_get0();
	struct pkcs11_stats s = {.up = true};

	if (token != NULL)
		pkcs11_get_stats(token, &s);
	if (s.up)
		return true;
	add_reason(r, READINESS_TOKEN,
	    "the token '%.32s' is not available: %.120s",
	    pkcs11_get0_name(token)->token, s.why);
	return conf->num_identities == 0 ||
	    !pkcs11_has(conf->identities[0].key);
}

static void
add_loose(struct readiness *r, const struct loose *l)
{
	static const enum readiness_kind kinds[LOOSE_NUM] = {
	    [LOOSE_TLS_OFF] = READINESS_TLS_OFF,
	    [LOOSE_SESSIONS_OFF] = READINESS_SESSIONS_OFF,
	    [LOOSE_ONE_WAY] = READINESS_ONE_WAY,
	    [LOOSE_EXEMPT] = READINESS_EXEMPT,
	};
	char text[LOOSE_TEXT_SIZE];

	for (enum loose_kind k = 0; k < LOOSE_NUM; k++)
		if (loose_text(l, k, text, sizeof(text)))
			add_reason(r, kinds[k], "%s", text);
}

static void
add_node_reason(struct readiness *r, const struct rest_services *services)
{
	struct workers_stats counts;
	char since[TEXT_TIME_LEN];

	workers_get_stats(services->workers, &counts);
	if (counts.node_silent_since == 0)
		return;
	text_time(since, counts.node_silent_since);
	add_reason(r, READINESS_NODE,
	    "no node can be reached since %s: peers are turned away", since);
}

static void
add_fleet_reason(void *arg, const char *reason)
{
	add_reason(arg, READINESS_FLEET, "%s", reason);
}

void
readiness_get(struct readiness *r, const struct services *core,
    const struct rest_services *services)
{
	struct warmup_state warm;
	int before;

	*r = (struct readiness){.reasons = cJSON_CreateArray()};
	warmup_get(control_warmup(services->control), &warm);
	if (warm.outcome == WARMUP_RUNNING)
		add_reason(r, READINESS_WARMING_UP,
		    "warming up before HARD_FAIL, %zu of %zu: what is not "
		    "determined is let in so long",
		    warm.determined, warm.chains);
	add_loose(r, control_loose(services->control));
	before = cJSON_GetArraySize(r->reasons);
	r->ready = certwatch_report_reasons(services->certwatch, r->reasons);
	r->num[READINESS_OWN_CERTIFICATE] =
	    (unsigned)(cJSON_GetArraySize(r->reasons) - before);
	r->ready &= token_ready(r, control_conf(services->control));
	revcheck_archive_sources(core->engine, add_crl_reason, r);
	add_node_reason(r, services);
	if (state_db_trouble(services->state) != NULL)
		add_reason(r, READINESS_STATE, "changes cannot be kept: %s",
		    state_db_trouble(services->state));
	if (services->fleet != NULL)
		r->ready &=
		    fleet_report_reasons(services->fleet, add_fleet_reason, r);
}

void
readiness_cleanup(struct readiness *r)
{
	cJSON_Delete(r->reasons);
	r->reasons = NULL;
}

bool
readiness_json(const struct services *core,
    const struct rest_services *services, cJSON *out)
{
	struct warmup_state warm;
	struct readiness r;

	readiness_get(&r, core, services);
	warmup_get(control_warmup(services->control), &warm);
	if (warm.outcome == WARMUP_RUNNING)
		cJSON_AddItemToObject(out, "warmUp", warmup_report_json(&warm));
	cJSON_AddBoolToObject(out, "ready", r.ready);
	cJSON_AddBoolToObject(
	    out, "degraded", cJSON_GetArraySize(r.reasons) > 0);
	cJSON_AddItemToObject(out, "reasons", r.reasons);
	return r.ready;
}
