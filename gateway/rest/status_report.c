/* status_report: see the header. */
#include "gateway/rest/status_report.h"

#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "gateway/base/json.h"
#include "gateway/control/control.h"
#include "gateway/control/loose.h"
#include "gateway/dataplane/workers.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/rest/readiness.h"
#include "gateway/rest/rest_internal.h"
#include "gateway/state/denylist.h"

#define MAX_LISTENERS 64

/* The process. */

static void
add_listeners(cJSON *o, const struct rest_services *services)
{
	struct listen_bound bound[MAX_LISTENERS];
	size_t num = workers_get_bound(services->workers, bound, MAX_LISTENERS);
	cJSON *list = cJSON_AddArrayToObject(o, "listeners");

	for (size_t i = 0; i < num && i < MAX_LISTENERS; i++) {
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "name", bound[i].name);
		cJSON_AddStringToObject(row, "address", bound[i].address);
		cJSON_AddItemToArray(list, row);
	}
}

void
status_add_process(cJSON *o, struct rest_request *req)
{
	char host[256] = "";
	cJSON *part;

	cJSON_AddStringToObject(o, "version", REVCHECK_VERSION);
	part = cJSON_AddObjectToObject(o, "libraries");
	cJSON_AddStringToObject(
	    part, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
	cJSON_AddStringToObject(part, "libevent", event_get_version());
	cJSON_AddStringToObject(
	    part, "curl", curl_version_info(CURLVERSION_NOW)->version);
	cJSON_AddStringToObject(part, "sqlite", sqlite3_libversion());
	cJSON_AddStringToObject(part, "cjson", cJSON_Version());
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	cJSON_AddStringToObject(o, "host", host);
	cJSON_AddNumberToObject(o, "pid", getpid());
	json_add_time(o, "startedAt", req->services->started_at);
	cJSON_AddNumberToObject(o, "uptimeSeconds",
	    difftime(time(NULL), req->services->started_at));
	add_listeners(o, req->services);
	cJSON_AddStringToObject(
	    o, "rest", rest_address(rest_job_of(req)->rest));
}

void
status_add_ready(cJSON *o, const struct rest_request *req)
{
	static const char *const names[] = {"ready", "degraded", "reasons"};
	cJSON *ready = cJSON_CreateObject();

	(void)readiness_json(req->core, req->services, ready);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cJSON_AddItemToObject(
		    o, names[i], cJSON_DetachItemFromObject(ready, names[i]));
	cJSON_Delete(ready);
}

/* Modes. */

static void
add_origin(cJSON *o, struct control *control, enum change_fact fact)
{
	const struct change_origin *x = control_origin(control, fact);

	if (x->section == SECTION_NUM) {
		cJSON_AddNullToObject(o, "section");
		cJSON_AddNullToObject(o, "version");
	} else {
		cJSON_AddStringToObject(o, "section", section_name(x->section));
		cJSON_AddNumberToObject(o, "version", (double)x->version);
	}
	json_add_time(o, "since", x->at);
	cJSON_AddStringToObject(o, "by", x->who);
	cJSON_AddStringToObject(o, "from", x->from);
}

void
status_add_modes(cJSON *o, const struct rest_services *services)
{
	struct control *control = services->control;
	const struct loose *l = control_loose(control);
	struct revcheck_policy policy = {.size = sizeof(policy)};
	cJSON *part, *type;

	control_get_policy(control, &policy);
	part = cJSON_AddObjectToObject(o, "tls");
	cJSON_AddStringToObject(
	    part, "type", l->one_way ? "ONE_WAY" : "MUTUAL");
	cJSON_AddStringToObject(part, "mode", revcheck_mode_name(l->tls));
	add_origin(part, control, CHANGE_TLS_MODE);
	type = cJSON_AddObjectToObject(part, "typeSet");
	add_origin(type, control, CHANGE_TLS_TYPE);
	part = cJSON_AddObjectToObject(o, "sessions");
	cJSON_AddStringToObject(part, "mode", revcheck_mode_name(l->sessions));
	add_origin(part, control, CHANGE_SESSIONS_MODE);
	part = cJSON_AddObjectToObject(o, "shadow");
	cJSON_AddBoolToObject(part, "on", policy.shadow_hard);
	add_origin(part, control, CHANGE_SHADOW_MODE);
	part = cJSON_AddObjectToObject(o, "issuers");
	cJSON_AddNumberToObject(part, "rules", (double)l->rules);
	cJSON_AddNumberToObject(part, "exempt", (double)l->exempt);
	add_origin(part, control, CHANGE_ISSUERS);
}

/* Counts. */

/* Where the outcomes of each group go. */
struct groups {
	cJSON *peers, *refused, *sessions, *proxied;
};

static cJSON *
group_of(const struct groups *g, enum outcome outcome)
{
	switch (outcome_group(outcome)) {
	case OUTCOME_REFUSED:
		return g->refused;
	case OUTCOME_SESSIONS:
		return g->sessions;
	case OUTCOME_BY_PROXY:
		return g->proxied;
	case OUTCOME_PEERS:
		break;
	}
	return g->peers;
}

cJSON *
status_summary(struct rest_request *req)
{
	static const struct {
		const char *name;
		enum counter counter;
	} rows[] = {{"connections", COUNTER_ACCEPTED}, {"open", COUNTER_OPEN},
	    {"relaying", COUNTER_RELAYING}, {"pausedNow", COUNTER_PAUSED_NOW},
	    {"bytesIn", COUNTER_BYTES_IN}, {"bytesOut", COUNTER_BYTES_OUT}};
	static const enum counter shed[] = {COUNTER_SHED_PAUSED,
	    COUNTER_SHED_TOTAL, COUNTER_SHED_ADDRESS, COUNTER_SHED_HANDSHAKES,
	    COUNTER_SHED_SLOW, COUNTER_SHED_RATE};
	struct revcheck_stats stats = {.size = sizeof(stats)};
	cJSON *o = cJSON_CreateObject();
	struct groups groups = {.peers = o};
	struct outcome_counts counts;
	struct workers_stats n;
	uint64_t num = 0;

	decision_ring_get_outcomes(req->services->checker.decisions, &counts);
	workers_get_stats(req->services->workers, &n);
	revcheck_get_stats(req->core->engine, &stats);
	cJSON_AddNumberToObject(o, "accepted",
	    (double)(counts.total[OUTCOME_GOOD] + counts.total[OUTCOME_SOFT] +
		counts.total[OUTCOME_NOT_ASKED]));
	groups.refused = cJSON_AddObjectToObject(o, "refused");
	groups.sessions = cJSON_AddObjectToObject(o, "sessions");
	groups.proxied = cJSON_AddObjectToObject(o, "proxied");
	for (enum outcome i = 0; i < OUTCOME_NUM; i++)
		cJSON_AddNumberToObject(group_of(&groups, i), outcome_name(i),
		    (double)counts.total[i]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cJSON_AddNumberToObject(
		    o, rows[i].name, (double)n.n[rows[i].counter]);
	for (size_t i = 0; i < sizeof(shed) / sizeof(shed[0]); i++)
		num += n.n[shed[i]];
	cJSON_AddNumberToObject(o, "shed", (double)num);
	cJSON_AddNumberToObject(
	    o, "hardFailWouldRefuse", (double)stats.shadow_refusals);
	cJSON_AddNumberToObject(o, "knownRevoked", (double)stats.known_revoked);
	cJSON_AddNumberToObject(o, "crossSiteRefused",
	    (double)rest_job_of(req)->rest->counts.foreign);
	cJSON_AddNumberToObject(
	    o, "denied", (double)denylist_num(req->services->denylist));
	return o;
}

cJSON *
status_minutes(const struct rest_services *services)
{
	cJSON *o = cJSON_CreateObject();
	struct groups groups;
	struct outcome_counts counts;
	time_t now = time(NULL);

	decision_ring_get_outcomes(services->checker.decisions, &counts);
	json_add_time(o, "end", now - now % 60);
	groups.peers = cJSON_AddObjectToObject(o, "peers");
	groups.refused = cJSON_AddObjectToObject(groups.peers, "refused");
	groups.sessions = cJSON_AddObjectToObject(o, "sessions");
	groups.proxied = cJSON_AddObjectToObject(o, "proxied");
	for (enum outcome i = 0; i < OUTCOME_NUM; i++) {
		int row[OUTCOME_MINUTES];

		for (unsigned m = 0; m < OUTCOME_MINUTES; m++)
			row[m] = (int)outcome_in_minute(
			    &counts, i, now, OUTCOME_MINUTES - 1 - m);
		cJSON_AddItemToObject(group_of(&groups, i), outcome_name(i),
		    cJSON_CreateIntArray(row, OUTCOME_MINUTES));
	}
	return o;
}

/* Sections. */

cJSON *
status_sections(const struct rest_services *services)
{
	cJSON *list = cJSON_CreateArray();

	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		const struct section_change *c =
		    section_newest(services->sections, id);
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "section", section_name(id));
		cJSON_AddNumberToObject(row, "version",
		    (double)section_version(services->sections, id));
		if (c != NULL) {
			json_add_time(row, "at", c->at);
			cJSON_AddStringToObject(row, "who", c->who);
			cJSON_AddStringToObject(row, "from", c->from);
			cJSON_AddStringToObject(row, "action", c->action);
		}
		cJSON_AddItemToArray(list, row);
	}
	return list;
}
