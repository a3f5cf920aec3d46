/*
 * metrics: gathers counters of the engine, the workers and the decisions at the
 * moment they are asked for; keeps nothing.
 */
#include "gateway/rest/metrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/conf/conf_warn.h"
#include "gateway/control/control.h"
#include "gateway/control/loose.h"
#include "gateway/state/denylist.h"
#include "gateway/state/state_db.h"
#include "gateway/dataplane/workers.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/observe/prometheus.h"
#include "gateway/certwatch/certwatch_report.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/control/warmup_report.h"
#include "gateway/process/log_sink.h"
#include "gateway/rest/rest.h"
#include "revcheck/revcheck.h"

/* Text. */

static void
put_count(const struct decision_count *c, void *arg)
{
	prometheus_put(arg,
	    "p2p_gateway_verdicts_total{way=\"%s\",mode=\"%s\",status=\"%s\","
	    "why=\"%s\",outcome=\"%s\"} %llu\n",
	    decision_way_name(c->way), revcheck_mode_name(c->found.mode),
	    decision_status_name(c->found.status),
	    revcheck_why_name(c->found.why), c->allowed ? "accept" : "refuse",
	    (unsigned long long)c->num);
}

static void
put_decisions(struct prometheus *t, struct decision_ring *d)
{
	struct decision_waits waits;
	uint64_t sum = 0;

	prometheus_head(t, "p2p_gateway_verdicts_total", "counter",
	    "Verdicts by way in, mode, status and reason.");
	decision_ring_each_count(d, put_count, t);
	decision_ring_get_waits(d, &waits);
	prometheus_head(t, "p2p_gateway_verdict_wait_seconds", "histogram",
	    "Time a question waited for evidence, of those that waited.");
	for (size_t i = 0; i < DECISION_NUM_BUCKETS; i++) {
		sum += waits.num[i];
		prometheus_put(t,
		    "p2p_gateway_verdict_wait_seconds_bucket{le=\"%g\"} "
		    "%llu\n",
		    decision_buckets[i], (unsigned long long)sum);
	}
	sum += waits.num[DECISION_NUM_BUCKETS];
	prometheus_put(t,
	    "p2p_gateway_verdict_wait_seconds_bucket{le=\"+Inf\"} %llu\n"
	    "p2p_gateway_verdict_wait_seconds_sum %g\n"
	    "p2p_gateway_verdict_wait_seconds_count %llu\n",
	    (unsigned long long)sum, (double)waits.sum_ms / 1000,
	    (unsigned long long)sum);
}

/* What the engine counts. */

#define COUNT(member, words)                                             \
	{                                                                \
		.json = #member, .metric = "revcheck_" #member "_total", \
		.help = words,                                           \
		.offset = offsetof(struct revcheck_stats, member)        \
	}
#define GAUGE(member, name, words)                                \
	{                                                         \
		.json = #member, .metric = name, .help = words,   \
		.type = NUMBER_GAUGE,                             \
		.offset = offsetof(struct revcheck_stats, member) \
	}
static const struct number engine_numbers[] = {
    COUNT(checks, "Questions asked."),
    COUNT(checks_cached, "Questions answered without waiting."),
    COUNT(soft_accepts, "Undetermined chains let in by SOFT_FAIL."),
    COUNT(soft_kept,
	"Undetermined chains of who is in already, asked about "
	"again and kept by SOFT_FAIL."),
    COUNT(shadow_refusals, "What HARD_FAIL would have refused."),
    COUNT(hits, "Evidence found in memory."),
    COUNT(misses, "Evidence not found in memory."),
    COUNT(disk_hits, "Evidence found on disk."),
    COUNT(disk_lost, "Writes of evidence to disk that were given up."),
    COUNT(number_restarts, "CRLs that count anew, below one that ran out."),
    GAUGE(known_revoked, "revcheck_known_revoked",
	"Certificates that were found revoked and are remembered."),
    COUNT(fetches, "Fetches started."),
    COUNT(fetches_304, "Fetches answered with 304."),
    COUNT(fetched_bytes, "Bytes fetched."),
    COUNT(joins, "Questions that joined a running fetch."),
    COUNT(evictions, "Evidence dropped for lack of room."),
    COUNT(refreshes, "Evidence refreshed before it ran out."),
    GAUGE(pending, "revcheck_pending", "Questions waiting now."),
    GAUGE(
	entries, "revcheck_evidence_entries", "CRLs and OCSP responses kept."),
    GAUGE(bytes, "revcheck_evidence_bytes", "Bytes of evidence kept."),
    GAUGE(disk_bytes, "revcheck_disk_bytes", "Bytes of evidence on disk."),
};
#undef COUNT
#undef GAUGE

#define FAILURE(name)                                                      \
	{                                                                  \
		.json = #name, .metric = "revcheck_fetch_failures_total",  \
		.label = "reason=\"" #name "\"",                           \
		.help = "Fetches that brought nothing usable, by reason.", \
		.offset = offsetof(struct revcheck_stats, fail_##name)     \
	}
static const struct number failure_numbers[] = {FAILURE(unreachable),
    FAILURE(deadline), FAILURE(http), FAILURE(malformed), FAILURE(forged),
    FAILURE(stale), FAILURE(older), FAILURE(too_large), FAILURE(refused),
    FAILURE(backoff)};
#undef FAILURE

/* The token. */

#define TOKEN(member, number_type, number_kind, name, words)          \
	{                                                             \
		.json = #member, .metric = "p2p_gateway_token_" name, \
		.help = words, .type = NUMBER_##number_type,          \
		.kind = NUMBER_##number_kind,                         \
		.offset = offsetof(struct pkcs11_stats, member)       \
	}
static const struct number token_numbers[] = {
    TOKEN(up, GAUGE, BOOL, "up", "1 while the PKCS#11 token can be used."),
    TOKEN(waiting, GAUGE, UNSIGNED, "waiting",
	"Signatures that wait for a thread of the token's."),
    TOKEN(signatures, COUNTER, U64, "signatures_total",
	"Signatures made in the token."),
    TOKEN(failures, COUNTER, U64, "failures_total",
	"Signatures that the token did not make."),
    TOKEN(logins, COUNTER, U64, "logins_total",
	"Logins to the token, the first one included."),
    TOKEN(
	losses, COUNTER, U64, "losses_total", "Times that the token was lost."),
};
#undef TOKEN

/* CRLs that are kept, gathered in one walk. */
struct kept {
	struct prometheus *t;
	const char *name;
	unsigned num;
	time_t now;
	bool age; /* else: seconds left */
};

#define MAX_KEPT 1000 /* lines of each kind */

static int
put_kept(void *arg, const struct revcheck_cache_item *item)
{
	struct kept *k = arg;
	char url[2 * sizeof(item->url)], issuer[2 * sizeof(item->issuer)];

	/* Without a date: a file that holds no CRL. */
	if (item->kind != REVCHECK_EVIDENCE_CRL || item->this_update == 0 ||
	    (!k->age && item->next_update == 0))
		return 0;
	prometheus_label(url, sizeof(url), item->url);
	prometheus_label(issuer, sizeof(issuer), item->issuer);
	prometheus_put(k->t,
	    "%s{issuer=\"%s\",url=\"%s\",key=\"%.16s\"} %.0f\n", k->name,
	    issuer, url, item->key,
	    k->age ? difftime(k->now, item->this_update)
		   : difftime(item->next_update, k->now));
	return ++k->num < MAX_KEPT ? 0 : 1;
}

static void
put_crls(struct prometheus *t, struct revcheck *rc)
{
	struct kept k = {.t = t, .now = time(NULL), .age = true};

	k.name = "revcheck_crl_age_seconds";
	prometheus_head(
	    t, k.name, "gauge", "Seconds since thisUpdate of a CRL.");
	revcheck_archive_list(rc, put_kept, &k);
	k.name = "revcheck_crl_left_seconds";
	k.age = false;
	k.num = 0;
	prometheus_head(
	    t, k.name, "gauge", "Seconds until nextUpdate of a CRL.");
	revcheck_archive_list(rc, put_kept, &k);
}

/* Everything else that is one number. */

struct facts {
	bool warming, one_way;
	uint64_t warm_ups, warm_allowed, warm_refused, warm_undetermined;
	uint64_t denylist_entries;
	uint64_t exempt_issuers;
	uint64_t log_dropped;
	uint64_t started_at;
};

static void
facts_get(struct facts *f, const struct rest_services *services)
{
	struct warmup_state s;

	warmup_get(control_warmup(services->control), &s);
	*f = (struct facts){.warming = s.outcome == WARMUP_RUNNING,
	    .one_way = control_loose(services->control)->one_way,
	    .exempt_issuers = control_loose(services->control)->exempt,
	    .warm_ups = s.num,
	    .warm_allowed = s.determined - s.refused,
	    .warm_refused = s.refused,
	    .warm_undetermined = s.chains - s.determined,
	    .denylist_entries = denylist_num(services->denylist),
	    .log_dropped = log_sink_dropped(services->sink),
	    .started_at = (uint64_t)services->started_at};
}

#define CHAINS(state)                                                    \
	{                                                                \
		.metric = "p2p_gateway_warm_up_chains",                  \
		.label = "state=\"" #state "\"",                         \
		.help = "Chains that the running or last warm-up asked " \
			"about.",                                        \
		.type = NUMBER_GAUGE,                                    \
		.offset = offsetof(struct facts, warm_##state)           \
	}
static const struct number fact_numbers[] = {
    {.metric = "p2p_gateway_warming_up",
	.help = "1 while SOFT_FAIL is enforced before a new HARD_FAIL.",
	.type = NUMBER_GAUGE,
	.kind = NUMBER_BOOL,
	.offset = offsetof(struct facts, warming)},
    {.json = "oneWay",
	.metric = "p2p_gateway_one_way",
	.help = "1 while peers need no certificate.",
	.type = NUMBER_GAUGE,
	.kind = NUMBER_BOOL,
	.offset = offsetof(struct facts, one_way)},
    {.json = "exemptIssuers",
	.metric = "p2p_gateway_exempt_issuers",
	.help = "Issuers whose certificates nobody asks about.",
	.type = NUMBER_GAUGE,
	.offset = offsetof(struct facts, exempt_issuers)},
    {.metric = "p2p_gateway_warm_ups_total",
	.help = "Warm-ups before HARD_FAIL.",
	.offset = offsetof(struct facts, warm_ups)},
    CHAINS(allowed),
    CHAINS(refused),
    CHAINS(undetermined),
    {.json = "denylistEntries",
	.metric = "p2p_gateway_denylist_entries",
	.help = "Entries of the local denylist.",
	.type = NUMBER_GAUGE,
	.offset = offsetof(struct facts, denylist_entries)},
    {.json = "logDropped",
	.metric = "p2p_gateway_log_dropped_total",
	.help = "Lines of the log that nobody read in time, or too many.",
	.offset = offsetof(struct facts, log_dropped)},
    {.metric = "p2p_gateway_start_time_seconds",
	.help = "When the process started, seconds since 1970.",
	.type = NUMBER_GAUGE,
	.offset = offsetof(struct facts, started_at)},
};
#undef CHAINS

static void
put_modes(struct prometheus *t, const struct loose *l)
{
	const struct {
		const char *scope;
		enum revcheck_mode mode;
	} rows[] = {{"tls", l->tls}, {"sessions", l->sessions}};

	prometheus_head(t, "p2p_gateway_mode", "gauge",
	    "1 for the revocation mode that is set, of TLS peers and of "
	    "session checks.");
	for (size_t i = 0; i < 2; i++)
		for (int m = REVCHECK_MODE_OFF; m <= REVCHECK_MODE_HARD_FAIL;
		     m++)
			prometheus_put(t,
			    "p2p_gateway_mode{scope=\"%s\",mode=\"%s\"} %d\n",
			    rows[i].scope, revcheck_mode_name(m),
			    rows[i].mode == (unsigned)m);
}

char *
metrics_text(const struct services *core, const struct rest_services *services)
{
	struct revcheck_stats stats = {.size = sizeof(stats)};
	struct workers_stats counts;
	struct pkcs11_stats token;
	struct facts facts;
	struct prometheus t;

	prometheus_init(&t);
	revcheck_get_stats(core->engine, &stats);
	put_decisions(&t, services->checker.decisions);
	NUMBER_PUT(&t, engine_numbers, &stats);
	NUMBER_PUT(&t, failure_numbers, &stats);
	put_crls(&t, core->engine);
	workers_get_stats(services->workers, &counts);
	NUMBER_PUT(&t, counter_numbers, &counts);
	certwatch_report_metrics(services->certwatch, &t);
	if (pkcs11_get0() != NULL) {
		pkcs11_get_stats(pkcs11_get0(), &token);
		NUMBER_PUT(&t, token_numbers, &token);
	}
	put_modes(&t, control_loose(services->control));
	facts_get(&facts, services);
	NUMBER_PUT(&t, fact_numbers, &facts);
	prometheus_head(&t, "p2p_gateway_config_version", "gauge",
	    "Version of each configuration section.");
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		prometheus_put(&t,
		    "p2p_gateway_config_version{section=\"%s\"} %lld\n",
		    section_name(id),
		    (long long)section_version(services->sections, id));
	return prometheus_finish(&t);
}

/* JSON. */

static void
add_count(const struct decision_count *c, void *arg)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "way", decision_way_name(c->way));
	cJSON_AddStringToObject(o, "mode", revcheck_mode_name(c->found.mode));
	cJSON_AddStringToObject(
	    o, "status", decision_status_name(c->found.status));
	cJSON_AddStringToObject(o, "why", revcheck_why_name(c->found.why));
	cJSON_AddBoolToObject(o, "allowed", c->allowed);
	cJSON_AddNumberToObject(o, "count", (double)c->num);
	cJSON_AddItemToArray(arg, o);
}

/* Not cumulative, unlike in the text: one bar each. */
static cJSON *
waits_json(struct decision_ring *d)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "buckets");
	struct decision_waits waits;
	uint64_t sum = 0;

	decision_ring_get_waits(d, &waits);
	for (size_t i = 0; i <= DECISION_NUM_BUCKETS; i++) {
		cJSON *bar = cJSON_CreateObject();

		if (i < DECISION_NUM_BUCKETS)
			cJSON_AddNumberToObject(
			    bar, "upToSeconds", decision_buckets[i]);
		else
			cJSON_AddNullToObject(bar, "upToSeconds");
		cJSON_AddNumberToObject(bar, "count", (double)waits.num[i]);
		cJSON_AddItemToArray(list, bar);
		sum += waits.num[i];
	}
	cJSON_AddNumberToObject(o, "count", (double)sum);
	cJSON_AddNumberToObject(o, "sumSeconds", (double)waits.sum_ms / 1000);
	return o;
}

static void
add_loose(cJSON *list, const struct loose *l)
{
	char text[LOOSE_TEXT_SIZE];

	for (enum loose_kind k = 0; k < LOOSE_NUM; k++)
		if (loose_text(l, k, text, sizeof(text)))
			cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static void
add_token(cJSON *o)
{
	struct pkcs11 *token = pkcs11_get0();
	struct pkcs11_stats s;
	cJSON *part;

	if (token == NULL)
		return;
	pkcs11_get_stats(token, &s);
	part = cJSON_AddObjectToObject(o, "token");
	cJSON_AddStringToObject(part, "label", pkcs11_get0_name(token)->token);
	cJSON_AddBoolToObject(part, "pinRefused", s.refused);
	cJSON_AddStringToObject(part, "why", s.up ? "" : s.why);
	NUMBER_ADD(part, token_numbers, &s);
}

/* `mode` is the laxer one, so that who reads it alone misses nothing. */
static void
add_modes(cJSON *o, const struct loose *l)
{
	cJSON *modes, *list;

	cJSON_AddStringToObject(o, "mode", revcheck_mode_name(loose_mode(l)));
	modes = cJSON_AddObjectToObject(o, "modes");
	cJSON_AddStringToObject(modes, "tls", revcheck_mode_name(l->tls));
	cJSON_AddStringToObject(
	    modes, "sessions", revcheck_mode_name(l->sessions));
	list = cJSON_AddArrayToObject(o, "loose");
	add_loose(list, l);
}

static void
add_warning(void *list, const char *line)
{
	cJSON_AddItemToArray(list, cJSON_CreateString(line));
}

cJSON *
metrics_json(const struct services *core, const struct rest_services *services)
{
	struct revcheck_stats stats = {.size = sizeof(stats)};
	struct revcheck_policy policy = {.size = sizeof(policy)};
	struct warmup_state warm;
	struct workers_stats counts;
	struct facts facts;
	cJSON *o = cJSON_CreateObject(), *part;

	revcheck_get_stats(core->engine, &stats);
	control_get_policy(services->control, &policy);
	warmup_get(control_warmup(services->control), &warm);
	add_modes(o, control_loose(services->control));
	cJSON_AddBoolToObject(o, "shadowMode", policy.shadow_hard);
	cJSON_AddNumberToObject(
	    o, "uptimeSeconds", difftime(time(NULL), services->started_at));
	part = cJSON_AddObjectToObject(o, "sections");
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		cJSON_AddNumberToObject(part, section_name(id),
		    (double)section_version(services->sections, id));
	part = cJSON_AddObjectToObject(o, "engine");
	NUMBER_ADD(part, engine_numbers, &stats);
	part = cJSON_AddObjectToObject(part, "fetchFailures");
	NUMBER_ADD(part, failure_numbers, &stats);
	workers_get_stats(services->workers, &counts);
	part = cJSON_AddObjectToObject(o, "door");
	NUMBER_ADD(part, counter_numbers, &counts);
	part = cJSON_AddArrayToObject(o, "verdicts");
	decision_ring_each_count(services->checker.decisions, add_count, part);
	cJSON_AddItemToObject(
	    o, "waits", waits_json(services->checker.decisions));
	part = warmup_report_json(&warm);
	if (part != NULL)
		cJSON_AddItemToObject(o, "warmUp", part);
	conf_warn(control_conf(services->control), time(NULL), add_warning,
	    cJSON_AddArrayToObject(o, "warnings"));
	cJSON_AddItemToObject(
	    o, "identities", certwatch_report_json(services->certwatch));
	add_token(o);
	facts_get(&facts, services);
	NUMBER_ADD(o, fact_numbers, &facts);
	return o;
}

/* Readiness. */

static void add_reason(cJSON *list, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
add_reason(cJSON *list, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cJSON_AddItemToArray(list, cJSON_CreateString(line));
}

/*
 * A CRL that is refreshed ahead of time never comes this close to its end: if
 * it does, something has been failing for a while.
 */
#define CRL_LEFT_WARN 0.1

static int
add_crl_reason(void *arg, const struct revcheck_cache_item *item)
{
	double life = difftime(item->next_update, item->this_update);
	double left = difftime(item->next_update, time(NULL));

	if (item->source == REVCHECK_SOURCE_FILE && item->error[0] != '\0')
		add_reason(arg, "the CRL file '%.80s': %.100s", item->url,
		    item->error);
	if (item->kind == REVCHECK_EVIDENCE_CRL && item->next_update != 0 &&
	    left < life * CRL_LEFT_WARN)
		add_reason(arg, "the CRL from '%.100s' %s %.0f seconds%s",
		    item->url, left > 0 ? "runs out in" : "ran out",
		    left > 0 ? left : -left, left > 0 ? "" : " ago");
	return cJSON_GetArraySize(arg) < 100 ? 0 : 1;
}

/*
 * Identities with keys elsewhere go on, so only the one that serves unknown
 * names makes the difference between degraded and not ready.
 */
static bool
token_ready(const struct conf *conf, cJSON *reasons)
{
	struct pkcs11 *token = pkcs11_get0();
	struct pkcs11_stats s = {.up = true};

	if (token != NULL)
		pkcs11_get_stats(token, &s);
	if (s.up)
		return true;
	add_reason(reasons, "the token '%.32s' is not available: %.120s",
	    pkcs11_get0_name(token)->token, s.why);
	return conf->num_identities == 0 ||
	    !pkcs11_has(conf->identities[0].key);
}

bool
metrics_ready(const struct services *core, const struct rest_services *services,
    cJSON *out)
{
	cJSON *reasons = cJSON_CreateArray();
	struct warmup_state warm;
	bool ready;

	warmup_get(control_warmup(services->control), &warm);
	if (warm.outcome == WARMUP_RUNNING) {
		add_reason(reasons,
		    "warming up before HARD_FAIL, %zu of %zu: what is not "
		    "determined is let in so long",
		    warm.determined, warm.chains);
		cJSON_AddItemToObject(out, "warmUp", warmup_report_json(&warm));
	}
	add_loose(reasons, control_loose(services->control));
	ready = certwatch_report_reasons(services->certwatch, reasons);
	ready &= token_ready(control_conf(services->control), reasons);
	revcheck_archive_list(core->engine, add_crl_reason, reasons);
	if (state_db_trouble(services->state) != NULL)
		add_reason(reasons, "changes cannot be kept: %s",
		    state_db_trouble(services->state));
	cJSON_AddBoolToObject(out, "ready", ready);
	cJSON_AddBoolToObject(out, "degraded", cJSON_GetArraySize(reasons) > 0);
	cJSON_AddItemToObject(out, "reasons", reasons);
	return ready;
}
