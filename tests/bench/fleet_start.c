/*
 * fleet_start: how long the gateway takes until it is ready with as much in its
 * state.db as there may be. No fleet is needed for that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "gateway/state/denied.h"
#include "gateway/state/state_db.h"
#include "tests/bench/fleet_rig.h"
#include "tests/lib/gateway.h"

#define RUNS 5

static int
add_denied(struct state_db *db, size_t i, struct err *err)
{
	char spki[65];
	struct denied e;
	cJSON *o = cJSON_CreateObject();
	int rc;

	snprintf(spki, sizeof(spki), "%064zx", i);
	cJSON_AddStringToObject(o, "spkiSha256", spki);
	cJSON_AddStringToObject(o, "reason", "reported by telephone");
	rc = denied_parse(&e, o, "operator", err);
	cJSON_Delete(o);
	if (rc != 0)
		return rc;
	rc = state_db_write(db, STATE_SQL_DENIED_PUT, NULL, err, "tbbbitit",
	    e.id, NULL, (size_t)0, NULL, (size_t)0, e.spki, sizeof(e.spki),
	    e.until, e.note, e.added_at, e.who);
	denied_cleanup(&e);
	return rc;
}

static int
add_subject(struct state_db *db, size_t i, struct err *err)
{
	char name[64];

	snprintf(name, sizeof(name), "C=GB,L=London,O=Peer %zu", i);
	return state_db_write(
	    db, STATE_SQL_SUBJECT_PUT, NULL, err, "tt", "0123456789AB", name);
}

static void
fill(const char *dir, size_t num,
    int (*add)(struct state_db *, size_t, struct err *))
{
	struct state_db *db;
	struct err err;
	int rc = state_db_open(&db, dir, NULL, &err);

	if (rc == 0)
		rc = state_db_begin(db, &err);
	for (size_t i = 0; rc == 0 && i < num; i++)
		rc = add(db, i, &err);
	if (rc != 0 || state_db_end(db, rc, &err) != 0)
		rig_die("%s", err.msg);
	state_db_close(db);
}

static void
starts(struct gateway *g, const char *what, size_t num, const char *goal)
{
	struct sample ms = {0};
	char line[64];

	for (int i = 0; i < RUNS; i++) {
		double began = now_sec();

		gateway_start(g);
		sample_add(&ms, (now_sec() - began) * 1000);
		gateway_stop(g);
	}
	snprintf(line, sizeof(line), "start with %zu %s", num, what);
	rig_line(line, &ms, goal);
	sample_free(&ms);
}

void
bench_start(size_t denied, size_t subjects)
{
	struct gateway g;
	struct town town;
	char *dir;

	town_start(&town, "start-net", NULL);
	gateway_prepare(&g, "start", &town);
	starts(&g, "entries", 0, "");
	dir = xstrdup(json_text(g.config, "state_dir"));
	fill(dir, denied, add_denied);
	starts(&g, "denied", denied, "< 2000");
	fill(dir, subjects, add_subject);
	starts(&g, "denied, 50000 subjects allowed", denied, "< 2000");
	free(dir);
	gateway_free(&g);
	town_stop(&town);
}
