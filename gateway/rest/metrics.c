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

#include "gateway/control/control.h"
#include "gateway/state/denylist.h"
#include "gateway/state/state_db.h"
#include "gateway/dataplane/workers.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/observe/prometheus.h"
#include "gateway/certwatch/certwatch_report.h"
#include "gateway/pkcs11/pkcs11.h"
#include "gateway/control/warmup_report.h"
#include "gateway/rest/rest.h"
#include "revcheck/revcheck.h"

/* Text. */

static const char *const way_names[DECISION_NUM_WAYS] = {
    "inbound", "outbound", "session", "recheck"};

static void
put_count(const struct decision_count *c, void *arg)
{
	prometheus_put(arg,
	    "p2p_gateway_verdicts_total{way=\"%s\",mode=\"%s\",status=\"%s\","
	    "why=\"%s\",outcome=\"%s\"} %llu\n",
	    way_names[c->way], revcheck_mode_name(c->mode),
	    revcheck_status_name(c->status), revcheck_why_name(c->why),
	    c->allowed ? "accept" : "refuse", (unsigned long long)c->num);
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

/* One row a counter of the engine, so that text and JSON agree. */
#define ENGINE_COUNTERS(X)                                                \
	X(checks, "Questions asked.")                                     \
	X(checks_cached, "Questions answered without waiting.")           \
	X(soft_accepts, "Undetermined certificates let in by SOFT_FAIL.") \
	X(shadow_refusals, "What HARD_FAIL would have refused.")          \
	X(hits, "Evidence found in memory.")                              \
	X(misses, "Evidence not found in memory.")                        \
	X(disk_hits, "Evidence found on disk.")                           \
	X(fetches, "Fetches started.")                                    \
	X(fetches_304, "Fetches answered with 304.")                      \
	X(fetched_bytes, "Bytes fetched.")                                \
	X(joins, "Questions that joined a running fetch.")                \
	X(evictions, "Evidence dropped for lack of room.")                \
	X(refreshes, "Evidence refreshed before it ran out.")

#define ENGINE_FAILURES(X) \
	X(unreachable)     \
	X(deadline)        \
	X(http)            \
	X(malformed)       \
	X(forged)          \
	X(stale)           \
	X(older)           \
	X(too_large)       \
	X(refused)         \
	X(backoff)

static void
put_engine(struct prometheus *t, const struct revcheck_stats *s)
{
#define PUT(name, help)    \
	prometheus_single( \
	    t, "revcheck_" #name "_total", "counter", help, (double)s->name);
	ENGINE_COUNTERS(PUT)
#undef PUT
	prometheus_head(t, "revcheck_fetch_failures_total", "counter",
	    "Fetches that brought nothing usable, by reason.");
#define PUT(name)                                                         \
	prometheus_put(t,                                                 \
	    "revcheck_fetch_failures_total{reason=\"" #name "\"} %llu\n", \
	    (unsigned long long)s->fail_##name);
	ENGINE_FAILURES(PUT)
#undef PUT
	prometheus_single(t, "revcheck_pending", "gauge",
	    "Questions waiting now.", (double)s->pending);
	prometheus_single(t, "revcheck_evidence_entries", "gauge",
	    "CRLs and OCSP responses kept.", (double)s->entries);
	prometheus_single(t, "revcheck_evidence_bytes", "gauge",
	    "Bytes of evidence kept.", (double)s->bytes);
}

static bool
is_gauge(const char *help)
{
	return strstr(help, "(gauge)") != NULL;
}

/* Counters that are one, by a label: what follows the prefix is its value. */
static const struct family {
	const char *prefix, *name, *label, *help;
} workers_families[] = {
    {"http_refused_", "p2p_gateway_http_refused_total", "status",
	"requests the gateway itself answered, by status"},
    {"http_answers_", "p2p_gateway_http_answers_total", "class",
	"answers of the node to requests, by class of status"},
};

static const struct family *
family_of(int counter)
{
	size_t num = sizeof(workers_families) / sizeof(workers_families[0]);

	for (size_t i = 0; i < num && counter >= 0; i++)
		if (strncmp(counter_name(counter), workers_families[i].prefix,
			strlen(workers_families[i].prefix)) == 0)
			return &workers_families[i];
	return NULL;
}

void
metrics_counter_name(char *out, size_t size, enum counter c)
{
	const struct family *f = family_of((int)c);

	if (f != NULL)
		snprintf(out, size, "%s{%s=\"%s\"}", f->name, f->label,
		    counter_name(c) + strlen(f->prefix));
	else
		snprintf(out, size, "p2p_gateway_%s%s", counter_name(c),
		    is_gauge(counter_help(c)) ? "" : "_total");
}

static void
put_workers(struct prometheus *t, struct workers *workers)
{
	struct workers_stats stats;
	char name[128];

	workers_get_stats(workers, &stats);
	for (int i = 0; i < NUM_COUNTERS; i++) {
		const char *help = counter_help(i);
		const struct family *f = family_of(i);

		metrics_counter_name(name, sizeof(name), i);
		if (f == NULL) {
			prometheus_single(t, name,
			    is_gauge(help) ? "gauge" : "counter", help,
			    (double)stats.n[i]);
			continue;
		}
		/* The members of a family are neighbours. */
		if (family_of(i - 1) != f)
			prometheus_head(t, f->name, "counter", f->help);
		prometheus_put(
		    t, "%s %llu\n", name, (unsigned long long)stats.n[i]);
	}
}

static void
put_token(struct prometheus *t)
{
	struct pkcs11 *token = pkcs11_get0();
	struct pkcs11_stats s;

	if (token == NULL)
		return;
	pkcs11_get_stats(token, &s);
	prometheus_single(t, "p2p_gateway_token_up", "gauge",
	    "1 while the PKCS#11 token can be used.", s.up);
	prometheus_single(t, "p2p_gateway_token_waiting", "gauge",
	    "Signatures that wait for a thread of the token's.", s.waiting);
	prometheus_single(t, "p2p_gateway_token_signatures_total", "counter",
	    "Signatures made in the token.", (double)s.signatures);
	prometheus_single(t, "p2p_gateway_token_failures_total", "counter",
	    "Signatures that the token did not make.", (double)s.failures);
	prometheus_single(t, "p2p_gateway_token_logins_total", "counter",
	    "Logins to the token, the first one included.", (double)s.logins);
	prometheus_single(t, "p2p_gateway_token_losses_total", "counter",
	    "Times that the token was lost.", (double)s.losses);
}

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

	if (item->kind != REVCHECK_EVIDENCE_CRL ||
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
	revcheck_kept_list(rc, put_kept, &k);
	k.name = "revcheck_crl_left_seconds";
	k.age = false;
	k.num = 0;
	prometheus_head(
	    t, k.name, "gauge", "Seconds until nextUpdate of a CRL.");
	revcheck_kept_list(rc, put_kept, &k);
}

static void
put_warm_up(struct prometheus *t, const struct control *c)
{
	struct warmup_state s;

	warmup_get(control_warmup(c), &s);
	prometheus_single(t, "p2p_gateway_warming_up", "gauge",
	    "1 while SOFT_FAIL is enforced before a new HARD_FAIL.",
	    s.outcome == WARMUP_RUNNING);
	prometheus_single(t, "p2p_gateway_warm_ups_total", "counter",
	    "Warm-ups before HARD_FAIL.", (double)s.num);
	prometheus_head(t, "p2p_gateway_warm_up_chains", "gauge",
	    "Chains that the running or last warm-up asked about.");
	prometheus_put(t,
	    "p2p_gateway_warm_up_chains{state=\"allowed\"} %zu\n"
	    "p2p_gateway_warm_up_chains{state=\"refused\"} %zu\n"
	    "p2p_gateway_warm_up_chains{state=\"undetermined\"} %zu\n",
	    s.determined - s.refused, s.refused, s.chains - s.determined);
}

char *
metrics_text(const struct services *core, const struct rest_services *services)
{
	struct revcheck_stats stats = {.size = sizeof(stats)};
	struct revcheck_policy policy = {.size = sizeof(policy)};
	struct prometheus t;

	prometheus_init(&t);
	revcheck_get_stats(core->engine, &stats);
	control_get_policy(services->control, &policy);
	put_decisions(&t, services->checker.decisions);
	put_engine(&t, &stats);
	put_crls(&t, core->engine);
	put_workers(&t, services->workers);
	certwatch_report_metrics(services->certwatch, &t);
	put_token(&t);
	prometheus_head(&t, "p2p_gateway_mode", "gauge",
	    "1 for the revocation mode that is set.");
	for (int m = REVCHECK_MODE_OFF; m <= REVCHECK_MODE_HARD_FAIL; m++)
		prometheus_put(&t, "p2p_gateway_mode{mode=\"%s\"} %d\n",
		    revcheck_mode_name(m), policy.mode == (unsigned)m);
	put_warm_up(&t, services->control);
	prometheus_head(&t, "p2p_gateway_config_version", "gauge",
	    "Version of each configuration section.");
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		prometheus_put(&t,
		    "p2p_gateway_config_version{section=\"%s\"} %lld\n",
		    section_name(id),
		    (long long)section_version(services->sections, id));
	prometheus_single(&t, "p2p_gateway_denylist_entries", "gauge",
	    "Entries of the local denylist.",
	    (double)denylist_num(services->denylist));
	prometheus_single(&t, "p2p_gateway_start_time_seconds", "gauge",
	    "When the process started, seconds since 1970.",
	    (double)services->started_at);
	return prometheus_finish(&t);
}

/* JSON. */

static void
add_count(const struct decision_count *c, void *arg)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "way", way_names[c->way]);
	cJSON_AddStringToObject(o, "mode", revcheck_mode_name(c->mode));
	cJSON_AddStringToObject(o, "status", revcheck_status_name(c->status));
	cJSON_AddStringToObject(o, "why", revcheck_why_name(c->why));
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
	cJSON_AddBoolToObject(part, "up", s.up);
	cJSON_AddBoolToObject(part, "pinRefused", s.refused);
	cJSON_AddStringToObject(part, "why", s.up ? "" : s.why);
	cJSON_AddNumberToObject(part, "waiting", s.waiting);
	cJSON_AddNumberToObject(part, "signatures", (double)s.signatures);
	cJSON_AddNumberToObject(part, "failures", (double)s.failures);
	cJSON_AddNumberToObject(part, "logins", (double)s.logins);
	cJSON_AddNumberToObject(part, "losses", (double)s.losses);
}

static void
add_engine(cJSON *o, const struct revcheck_stats *s)
{
	cJSON *failures;

#define ADD(name, help) cJSON_AddNumberToObject(o, #name, (double)s->name);
	ENGINE_COUNTERS(ADD)
#undef ADD
	cJSON_AddNumberToObject(o, "pending", (double)s->pending);
	cJSON_AddNumberToObject(o, "entries", (double)s->entries);
	cJSON_AddNumberToObject(o, "bytes", (double)s->bytes);
	failures = cJSON_AddObjectToObject(o, "fetchFailures");
#define ADD(name) \
	cJSON_AddNumberToObject(failures, #name, (double)s->fail_##name);
	ENGINE_FAILURES(ADD)
#undef ADD
}

cJSON *
metrics_json(const struct services *core, const struct rest_services *services)
{
	struct revcheck_stats stats = {.size = sizeof(stats)};
	struct revcheck_policy policy = {.size = sizeof(policy)};
	struct warmup_state warm;
	struct workers_stats counts;
	cJSON *o = cJSON_CreateObject(), *part;

	revcheck_get_stats(core->engine, &stats);
	control_get_policy(services->control, &policy);
	warmup_get(control_warmup(services->control), &warm);
	cJSON_AddStringToObject(o, "mode", revcheck_mode_name(policy.mode));
	cJSON_AddBoolToObject(o, "shadowMode", policy.shadow_hard);
	cJSON_AddNumberToObject(
	    o, "uptimeSeconds", difftime(time(NULL), services->started_at));
	part = cJSON_AddObjectToObject(o, "sections");
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		cJSON_AddNumberToObject(part, section_name(id),
		    (double)section_version(services->sections, id));
	add_engine(cJSON_AddObjectToObject(o, "engine"), &stats);
	workers_get_stats(services->workers, &counts);
	part = cJSON_AddObjectToObject(o, "door");
	for (int i = 0; i < NUM_COUNTERS; i++)
		cJSON_AddNumberToObject(
		    part, counter_name(i), (double)counts.n[i]);
	part = cJSON_AddArrayToObject(o, "verdicts");
	decision_ring_each_count(services->checker.decisions, add_count, part);
	cJSON_AddItemToObject(
	    o, "waits", waits_json(services->checker.decisions));
	part = warmup_report_json(&warm);
	if (part != NULL)
		cJSON_AddItemToObject(o, "warmUp", part);
	cJSON_AddItemToObject(
	    o, "identities", certwatch_report_json(services->certwatch));
	add_token(o);
	cJSON_AddNumberToObject(
	    o, "denylistEntries", (double)denylist_num(services->denylist));
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
	ready = certwatch_report_reasons(services->certwatch, reasons);
	ready &= token_ready(control_conf(services->control), reasons);
	revcheck_kept_list(core->engine, add_crl_reason, reasons);
	if (state_db_trouble(services->state) != NULL)
		add_reason(reasons, "changes cannot be kept: %s",
		    state_db_trouble(services->state));
	cJSON_AddBoolToObject(out, "ready", ready);
	cJSON_AddBoolToObject(out, "degraded", cJSON_GetArraySize(reasons) > 0);
	cJSON_AddItemToObject(out, "reasons", reasons);
	return ready;
}
