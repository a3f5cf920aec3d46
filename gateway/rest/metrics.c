/*
 * metrics: gathers counters of the workers, the decisions and the rest at the
 * moment they are asked for; keeps nothing.
 */
#include "gateway/rest/metrics.h"

#include <time.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "gateway/conf/conf_warn.h"
#include "gateway/control/control.h"
#include "gateway/control/loose.h"
#include "gateway/state/denylist.h"
#include "gateway/state/state_db.h"
#include "gateway/dataplane/workers.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/observe/histogram.h"
#include "gateway/observe/prometheus.h"
#include "gateway/certwatch/certwatch_report.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/control/warmup_report.h"
#include "gateway/process/log_sink.h"
#include "gateway/process/process_stats.h"
#include "gateway/rest/engine_report.h"
#include "gateway/rest/fleet_report.h"
#include "gateway/rest/readiness.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/rest_counts.h"
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
	struct histogram_lines l = {.name = "p2p_gateway_verdict_wait_seconds",
	    .label = "",
	    .bounds = decision_buckets,
	    .num_bounds = DECISION_NUM_BUCKETS,
	    .num = waits.num};

	prometheus_head(t, "p2p_gateway_verdicts_total", "counter",
	    "Verdicts by way in, mode, status and reason.");
	decision_ring_each_count(d, put_count, t);
	decision_ring_get_waits(d, &waits);
	prometheus_head(t, "p2p_gateway_verdict_wait_seconds", "histogram",
	    "Time a question waited for evidence, of those that waited.");
	l.sum_sec = (double)waits.sum_ms / 1000;
	histogram_put(t, &l);
}

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

static void
put_handshakes(struct prometheus *t, const struct workers_stats *counts)
{
	static const char name[] = "p2p_gateway_handshake_duration_seconds";

	prometheus_head(t, name, "histogram",
	    "Time from the first step of a handshake that completed until the "
	    "peer was let in, waiting included.");
	histogram_put_sum(
	    t, name, "direction=\"inbound\"", &counts->inbound_handshakes);
	histogram_put_sum(
	    t, name, "direction=\"outbound\"", &counts->outbound_handshakes);
}

/* Everything else that is one number. */

struct facts {
	bool warming, one_way;
	uint64_t warm_ups, warm_allowed, warm_refused, warm_undetermined;
	uint64_t denylist_entries;
	uint64_t exempt_issuers;
	uint64_t log_dropped;
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
	    .log_dropped = log_sink_dropped(services->sink)};
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
	.metric = "p2p_gateway_log_lines_dropped_total",
	.help = "Lines of the log that nobody read in time, or too many.",
	.offset = offsetof(struct facts, log_dropped)},
};
#undef CHAINS

/* The process, by the names that every program's exporter gives these. */
#define PROCESS(member, name, number_type, number_kind, words)              \
	{                                                                   \
		.metric = "process_" name, .help = words,                   \
		.type = NUMBER_##number_type, .kind = NUMBER_##number_kind, \
		.offset = offsetof(struct process_stats, member)            \
	}
static const struct number process_numbers[] = {
    PROCESS(cpu_sec, "cpu_seconds_total", COUNTER, DOUBLE,
	"CPU time of all threads."),
    PROCESS(
	resident_bytes, "resident_memory_bytes", GAUGE, U64, "Memory in RAM."),
    PROCESS(virtual_bytes, "virtual_memory_bytes", GAUGE, U64,
	"Address space in use."),
    PROCESS(open_fds, "open_fds", GAUGE, U64, "File descriptors open now."),
    PROCESS(
	max_fds, "max_fds", GAUGE, U64, "File descriptors that may be open."),
    PROCESS(threads, "threads", GAUGE, U64, "Threads."),
    PROCESS(started_at, "start_time_seconds", GAUGE, DOUBLE,
	"When the process started, seconds since 1970."),
};
#undef PROCESS

static void
put_build(struct prometheus *t)
{
	prometheus_head(t, "p2p_gateway_build_info", "gauge",
	    "1; the labels are versions of the program and of the libraries "
	    "that it runs with.");
	prometheus_put(t,
	    "p2p_gateway_build_info{version=\"%s\",openssl=\"%s\","
	    "libevent=\"%s\",sqlite=\"%s\",libcurl=\"%s\"} 1\n",
	    REVCHECK_VERSION, OpenSSL_version(OPENSSL_VERSION_STRING),
	    event_get_version(), sqlite3_libversion(),
	    curl_version_info(CURLVERSION_NOW)->version);
}

static void
put_readiness(struct prometheus *t, const struct services *core,
    const struct rest_services *services)
{
	struct readiness r;

	readiness_get(&r, core, services);
	prometheus_head(t, "p2p_gateway_ready", "gauge",
	    "1 while traffic should be sent here, as /readyz says.");
	prometheus_put(t, "p2p_gateway_ready %d\n", r.ready);
	prometheus_head(t, "p2p_gateway_degraded_reasons", "gauge",
	    "Reasons for which /readyz says degraded, by what they are about.");
	for (enum readiness_kind k = 0; k < READINESS_NUM; k++)
		prometheus_put(t,
		    "p2p_gateway_degraded_reasons{reason=\"%s\"} %u\n",
		    readiness_kind_name(k), r.num[k]);
	readiness_cleanup(&r);
}

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
metrics_text(const struct services *core, const struct rest_services *services,
    const struct rest_counts *rest, const struct rest_load *load)
{
	struct workers_stats counts;
	struct pkcs11_stats token;
	struct process_stats process;
	struct facts facts;
	struct prometheus t;

	prometheus_init(&t);
	put_build(&t);
	put_readiness(&t, core, services);
	process_stats_get(&process);
	NUMBER_PUT(&t, process_numbers, &process);
	put_decisions(&t, services->checker.decisions);
	engine_report_metrics(&t, core->engine);
	workers_get_stats(services->workers, &counts);
	NUMBER_PUT(&t, counter_numbers, &counts);
	put_handshakes(&t, &counts);
	rest_counts_put(&t, rest, load);
	certwatch_report_metrics(services->certwatch, &t);
	if (services->fleet != NULL)
		fleet_report_metrics(&t, services->fleet);
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
	struct revcheck_policy policy = {.size = sizeof(policy)};
	struct warmup_state warm;
	struct workers_stats counts;
	struct facts facts;
	cJSON *o = cJSON_CreateObject(), *part;

	control_get_policy(services->control, &policy);
	warmup_get(control_warmup(services->control), &warm);
	add_modes(o, control_loose(services->control));
	cJSON_AddBoolToObject(o, "shadowMode", policy.shadow_hard);
	part = cJSON_AddObjectToObject(o, "sections");
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		cJSON_AddNumberToObject(part, section_name(id),
		    (double)section_version(services->sections, id));
	engine_report_add(cJSON_AddObjectToObject(o, "engine"), core->engine);
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
