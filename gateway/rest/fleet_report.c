/* fleet_report: see the header. */
#include "gateway/rest/fleet_report.h"

#include <stdio.h>

#include "gateway/base/json.h"
#include "gateway/control/fleet_join.h"
#include "gateway/observe/histogram.h"
#include "gateway/observe/number.h"
#include "gateway/observe/prometheus.h"

#define MAX_REASONS 20

/* JSON. */

struct rows {
	cJSON *list;
	size_t num, max;
};

static void
add_member(void *arg, const char *name, const char *json)
{
	struct rows *rows = arg;
	cJSON *o;

	if (rows->num++ >= rows->max)
		return;
	o = cJSON_Parse(json);
	if (o == NULL)
		o = cJSON_CreateObject();
	cJSON_DeleteItemFromObjectCaseSensitive(o, "name");
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddItemToArray(rows->list, o);
}

static void
add_lag(void *arg, const char *key, const char *why)
{
	struct rows *rows = arg;
	cJSON *o;

	if (rows->num++ >= rows->max)
		return;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "record", key);
	cJSON_AddStringToObject(o, "why", why);
	cJSON_AddItemToArray(rows->list, o);
}

static void
add_error(void *arg, int64_t at, const char *what)
{
	cJSON *o = cJSON_CreateObject();

	json_add_time(o, "at", (time_t)at);
	cJSON_AddStringToObject(o, "what", what);
	cJSON_AddItemToArray(arg, o);
}

static void
add_numbers(cJSON *o, const struct fleet_view *v, int64_t lag_ms)
{
	cJSON *part;

	cJSON_AddNumberToObject(o, "change", (double)v->head);
	if (v->began != 0)
		cJSON_AddNumberToObject(o, "beganWith", (double)v->began);
	cJSON_AddNumberToObject(o, "revision", (double)v->revision);
	cJSON_AddNumberToObject(o, "lagMs", (double)lag_ms);
	cJSON_AddNumberToObject(o, "outbox", (double)v->outbox);
	cJSON_AddNumberToObject(o, "filled", (double)v->filled);
	part = cJSON_AddObjectToObject(o, "records");
	for (enum fleet_kind k = FLEET_CONFIG; k < FLEET_KIND_NUM; k++)
		if (v->num[k] > 0)
			cJSON_AddNumberToObject(
			    part, fleet_kind_rule(k)->word, (double)v->num[k]);
}

cJSON *
fleet_report_json(const struct fleet_join *j, size_t max)
{
	struct rows members = {.max = max}, lags = {.max = max};
	const struct fleet *f = fleet_join_fleet(j);
	const struct conf_fleet *conf = fleet_join_conf(j);
	struct fleet_view v;
	cJSON *o = cJSON_CreateObject();

	fleet_view(f, &v);
	cJSON_AddStringToObject(o, "name", conf->name);
	cJSON_AddStringToObject(o, "member", conf->member);
	cJSON_AddStringToObject(o, "state", fleet_state_word(v.state));
	cJSON_AddStringToObject(o, "why", v.why);
	cJSON_AddStringToObject(o, "endpoint", v.endpoint);
	cJSON_AddStringToObject(o, "id", v.id);
	if (v.state == FLEET_OTHER)
		cJSON_AddStringToObject(o, "otherId", v.other_id);
	add_numbers(o, &v, fleet_join_lag_ms(j));
	members.list = cJSON_AddArrayToObject(o, "members");
	fleet_each_member(f, add_member, &members);
	cJSON_AddNumberToObject(o, "membersNum", (double)members.num);
	lags.list = cJSON_AddArrayToObject(o, "notInForce");
	fleet_each_lag(f, add_lag, &lags);
	fleet_each_error(f, add_error, cJSON_AddArrayToObject(o, "errors"));
	return o;
}

/* Readiness. */

struct reasons {
	void (*fn)(void *arg, const char *reason);
	void *arg;
	unsigned num;
};

static void
say_lag(void *arg, const char *key, const char *why)
{
	struct reasons *r = arg;
	char line[240];

	if (r->num++ >= MAX_REASONS)
		return;
	snprintf(line, sizeof(line),
	    "'%.60s' of the fleet is not in force here: %.100s", key, why);
	r->fn(r->arg, line);
}

bool
fleet_report_reasons(const struct fleet_join *j,
    void (*fn)(void *arg, const char *reason), void *arg)
{
	const struct conf_fleet *conf = fleet_join_conf(j);
	struct reasons r = {.fn = fn, .arg = arg};
	int64_t lag_sec = fleet_join_lag_ms(j) / 1000;
	struct fleet_view v;
	char line[256];

	fleet_view(fleet_join_fleet(j), &v);
	if (lag_sec >= conf->lag_warn_sec) {
		snprintf(line, sizeof(line),
		    "out of touch with the fleet '%.40s' for %lld s: %.100s",
		    conf->name, (long long)lag_sec,
		    v.why[0] != '\0' ? v.why : fleet_state_word(v.state));
		fn(arg, line);
	} else if (v.state == FLEET_OTHER || v.state == FLEET_MISSING ||
	    v.state == FLEET_TOO_OLD || v.state == FLEET_PART ||
	    v.state == FLEET_UNREADABLE) {
		snprintf(line, sizeof(line),
		    "the fleet '%.40s' is not followed: %s", conf->name, v.why);
		fn(arg, line);
	}
	if (fleet_has_twin(fleet_join_fleet(j))) {
		snprintf(line, sizeof(line),
		    "another machine of the fleet '%.40s' is named '%.100s', "
		    "too: each needs a \"member\" of its own",
		    conf->name, conf->member);
		fn(arg, line);
	}
	fleet_each_lag(fleet_join_fleet(j), say_lag, &r);
	return conf->max_lag_sec == 0 || lag_sec < conf->max_lag_sec;
}

/* Metrics. */

struct numbers {
	bool up;
	double lag_sec, apply_sec;
	uint64_t revision, members, outbox, applied;
	uint64_t reconnects, resyncs, written, conflicts, failed;
};

#define GAUGE(member, number_kind, words)                              \
	{                                                              \
		.metric = "p2p_gateway_fleet_" #member, .help = words, \
		.type = NUMBER_GAUGE, .kind = NUMBER_##number_kind,    \
		.offset = offsetof(struct numbers, member)             \
	}
#define COUNTER(member, name, label_, words)                                   \
	{                                                                      \
		.metric = "p2p_gateway_fleet_" name "_total", .label = label_, \
		.help = words, .offset = offsetof(struct numbers, member)      \
	}
#define WRITES                                                            \
	"Changes that this machine asked the fleet for, by what came of " \
	"them."
static const struct number numbers[] = {
    GAUGE(up, BOOL, "1 while this machine is in step with its fleet."),
    {.metric = "p2p_gateway_fleet_lag_seconds",
	.help = "Since this machine last was in step with its fleet.",
	.type = NUMBER_GAUGE,
	.kind = NUMBER_DOUBLE,
	.offset = offsetof(struct numbers, lag_sec)},
    GAUGE(revision, U64, "The engine's revision up to which all is known."),
    GAUGE(members, U64, "Members that the fleet knows of now."),
    {.metric = "p2p_gateway_fleet_outbox_entries",
	.help = "In force here, and not sent to the fleet yet.",
	.type = NUMBER_GAUGE,
	.offset = offsetof(struct numbers, outbox)},
    COUNTER(reconnects, "reconnects", NULL, "Connections that were made anew."),
    COUNTER(resyncs, "resyncs", NULL, "Times that everything was read anew."),
    COUNTER(written, "writes", "result=\"written\"", WRITES),
    COUNTER(conflicts, "writes", "result=\"conflict\"", WRITES),
    COUNTER(failed, "writes", "result=\"failed\"", WRITES),
    COUNTER(applied, "applies", NULL,
	"Times that what came from the fleet was put in force."),
    {.metric = "p2p_gateway_fleet_apply_seconds_total",
	.help = "Time that this took, from the fleet's answer on.",
	.kind = NUMBER_DOUBLE,
	.offset = offsetof(struct numbers, apply_sec)},
};

static void
put_kinds(struct prometheus *t, const struct fleet_view *v)
{
	prometheus_head(t, "p2p_gateway_fleet_records", "gauge",
	    "Records of the fleet that are known, by their kind.");
	for (enum fleet_kind k = FLEET_CONFIG; k < FLEET_KIND_NUM; k++)
		prometheus_put(t,
		    "p2p_gateway_fleet_records{kind=\"%s\"} %zu\n",
		    fleet_kind_rule(k)->word, v->num[k]);
	prometheus_head(t, "p2p_gateway_fleet_events_total", "counter",
	    "Changes that came from the fleet, by the kind of record.");
	for (enum fleet_kind k = FLEET_CONFIG; k < FLEET_KIND_NUM; k++)
		prometheus_put(t,
		    "p2p_gateway_fleet_events_total{kind=\"%s\"} %llu\n",
		    fleet_kind_rule(k)->word, (unsigned long long)v->events[k]);
	prometheus_head(t, "p2p_gateway_fleet_refused_total", "counter",
	    "Records that were not believed, by why.");
	for (enum fleet_refusal r = 0; r < FLEET_REFUSAL_NUM; r++)
		prometheus_put(t,
		    "p2p_gateway_fleet_refused_total{reason=\"%s\"} %llu\n",
		    fleet_refusal_word(r), (unsigned long long)v->refused[r]);
}

/* Of the engine: what was asked of it, what became of it, and the time. */
static void
put_requests(struct prometheus *t, const struct fleet_link_stats *s)
{
	static const unsigned bounds_ms[FLEET_NUM_TOOK - 1] = FLEET_TOOK_MS;
	double bounds[FLEET_NUM_TOOK - 1];
	struct histogram_lines l = {.name = "p2p_gateway_fleet_request_seconds",
	    .label = "",
	    .bounds = bounds,
	    .num_bounds = FLEET_NUM_TOOK - 1,
	    .num = s->took,
	    .sum_sec = (double)s->took_ms / 1e3};

	prometheus_head(t, "p2p_gateway_fleet_requests_total", "counter",
	    "Requests to the fleet's engine, by what came of them.");
	for (int op = 0; op < FLEET_NUM_ASKS; op++)
		for (int r = 0; r < ENGINE_NUM_RESULTS; r++)
			prometheus_put(t,
			    "p2p_gateway_fleet_requests_total{op=\"%s\","
			    "result=\"%s\"} %llu\n",
			    fleet_ask_text((enum fleet_ask)op),
			    engine_result_text((enum engine_result)r),
			    (unsigned long long)s->requests[op][r]);
	for (size_t i = 0; i < l.num_bounds; i++)
		bounds[i] = bounds_ms[i] / 1e3;
	prometheus_head(t, l.name, "histogram",
	    "Time of each request to the fleet's engine, waiting for a "
	    "connection included.");
	histogram_put(t, &l);
}

void
fleet_report_metrics(struct prometheus *t, const struct fleet_join *j)
{
	struct fleet_view v;
	struct numbers n;

	fleet_view(fleet_join_fleet(j), &v);
	n = (struct numbers){.up = v.state == FLEET_UP,
	    .lag_sec = (double)fleet_join_lag_ms(j) / 1000,
	    .revision = (uint64_t)v.revision,
	    .members = v.num[FLEET_MEMBER],
	    .outbox = v.outbox,
	    .reconnects = v.reconnects,
	    .resyncs = v.resyncs,
	    .written = v.written,
	    .conflicts = v.conflicts,
	    .failed = v.failed,
	    .applied = v.applied,
	    .apply_sec = (double)v.apply_us / 1e6};
	NUMBER_PUT(t, numbers, &n);
	put_kinds(t, &v);
	put_requests(t, &v.link);
}
