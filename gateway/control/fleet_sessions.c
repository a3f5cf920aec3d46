/*
 * fleet_sessions: a session that one member withdraws is an event on all, with
 * the engine's revision as its number: a node may ask any of them what came
 * after.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/json.h"
#include "gateway/control/fleet_join_internal.h"

#define MAX_REPORT (8 * 1024) /* larger ones are left out */

static int
put(struct fleet_join *j, const struct session_event *e)
{
	cJSON *o = cJSON_CreateObject();
	struct err err;
	char *text;
	int rc = E_NOMEM;

	cJSON_AddNumberToObject(o, "at", (double)e->at);
	cJSON_AddStringToObject(
	    o, "reason", e->reason != NULL ? e->reason : "");
	if (e->report != NULL && strlen(e->report) <= MAX_REPORT)
		cJSON_AddRawToObject(o, "report", e->report);
	cJSON_AddStringToObject(o, "by", j->conf->fleet.member);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (text != NULL)
		rc = fleet_tell_withdrawn(j->fleet, e->leaf, text, &err);
	cJSON_free(text);
	return rc;
}

bool
fleet_sessions_tell(void *arg, const struct session_event *e)
{
	struct fleet_join *j = arg;

	return put(j, e) == 0 && fleet_join_in_step(j);
}

static void
put_again(void *arg, const struct session_event *e)
{
	if (e->at + fleet_kind_rule(FLEET_WITHDRAWN)->lease_sec > time(NULL))
		(void)!put(arg, e);
}

void
fleet_sessions_tell_again(void *arg)
{
	struct fleet_join *j = arg;

	if (j->conf->fleet.share & CONF_SHARE_SESSIONS)
		session_watch_each_event(j->sessions, put_again, j);
}

static void
take_one(struct fleet_join *j, const struct fleet_record *r)
{
	cJSON *o = NULL;
	const cJSON *report;
	struct session_event e = {.leaf = r->name};
	struct err ignored;
	int64_t at = 0;
	char *text = NULL;

	if (json_parse(&o, r->json, r->len, &ignored) != 0)
		return;
	report = json_get(o, "report");
	e.reason = json_get_string(o, "reason");
	if (e.reason == NULL)
		e.reason = "";
	if (cJSON_IsObject(report))
		text = cJSON_PrintUnformatted(report);
	e.report = text;
	if (json_to_int(json_get(o, "at"), 1, INT64_C(253402300799), &at) ==
	    0) {
		e.at = (time_t)at;
		session_watch_add(j->sessions, (uint64_t)r->revision, &e);
	}
	cJSON_free(text);
	cJSON_Delete(o);
}

static int
by_revision(const void *a, const void *b)
{
	const struct fleet_record *const *x = a, *const *y = b;

	return ((*x)->revision > (*y)->revision) -
	    ((*x)->revision < (*y)->revision);
}

/* A page is in the order of its keys; events are in that of time. */
void
fleet_sessions_take(
    struct fleet_join *j, const struct fleet_record *v, size_t num)
{
	const struct fleet_record **list;
	size_t found = 0;

	for (size_t i = 0; i < num; i++)
		found += v[i].kind == FLEET_WITHDRAWN && !v[i].gone;
	if (found == 0 || !(j->conf->fleet.share & CONF_SHARE_SESSIONS))
		return;
	list = calloc(found, sizeof(const struct fleet_record *));
	if (list == NULL)
		return;
	found = 0;
	for (size_t i = 0; i < num; i++)
		if (v[i].kind == FLEET_WITHDRAWN && !v[i].gone)
			list[found++] = &v[i];
	qsort(list, found, sizeof(const struct fleet_record *), by_revision);
	for (size_t i = 0; i < found; i++)
		take_one(j, list[i]);
	free(list);
}
