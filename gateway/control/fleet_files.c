/* fleet_files: see the header. */
#include "gateway/control/fleet_files.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"
#include "gateway/fleet/fleet_export.h"
#include "gateway/state/state_db.h"

int
fleet_files_export(
    const struct conf *conf, const char *path, size_t *num, struct err *err)
{
	struct fleet_join j = {.state = NULL};
	struct state_db *db = NULL;
	struct fleet_facts facts;
	int rc = state_db_open_reading(&db, conf->state_dir, err);

	if (rc == 0)
		rc = fleet_state_open(&j.state, db, err);
	if (rc == 0)
		rc = fleet_join_facts(&j, &facts, err);
	if (rc == 0 && facts.id[0] == '\0')
		rc = err_set(err, E_ARG, "'%.100s' has no state of a fleet",
		    conf->state_dir);
	if (rc == 0)
		rc = fleet_export_file(path, conf->fleet.secret_file, &facts,
		    fleet_join_each, &j, num, err);
	fleet_state_close(j.state);
	state_db_close(db);
	return rc;
}

/* The file, gathered before any of it is used. */
struct import {
	struct fleet_facts facts;
	char id[40], tally[FLEET_HEAD_JSON];
	struct fleet_copies copies;
};

static int
begin(void *arg, const struct fleet_facts *facts, struct err *err)
{
	struct import *i = arg;

	if (strlen(facts->id) >= sizeof(i->id))
		return err_set(err, E_PARSE, "the id of the fleet is too long");
	memcpy(i->id, facts->id, strlen(facts->id) + 1);
	i->facts = *facts;
	i->facts.id = i->id;
	snprintf(i->tally, sizeof(i->tally), "%s", facts->tally);
	i->facts.tally = i->tally;
	return 0;
}

static int
gather(void *arg, const struct fleet_held *held, struct err *err)
{
	struct import *i = arg;

	return fleet_copies_add(&i->copies, held, err);
}

int
fleet_files_import(struct control *control, struct stores *stores,
    const struct services *services, struct conf *conf, const char *path,
    size_t *num, struct err *err)
{
	struct fleet_join j = {.services = services,
	    .control = control,
	    .stores = stores,
	    .conf = conf,
	    .kinds = fleet_join_kinds(conf->fleet.share)};
	struct import i = {.copies = {.num = 0}};
	const struct fleet_import_calls calls = {
	    .begin = begin, .take = gather, .arg = &i};
	struct fleet_state_facts facts;
	size_t left_out;
	int rc = fleet_state_open(&j.state, stores->db, err);

	if (rc == 0)
		rc = fleet_state_facts(j.state, &facts, err);
	if (rc == 0 && facts.id[0] != '\0')
		rc = err_set(err, E_ARG,
		    "this machine has state of fleet %.40s already", facts.id);
	if (rc == 0)
		rc = fleet_import_file(path, conf->fleet.secret_file,
		    conf->fleet.previous_secret_file, &calls, num, err);
	if (rc == 0 && i.facts.head < (int64_t)conf->fleet.min_n)
		rc = err_set(err, E_ARG,
		    "the file is of change %lld, and $.fleet.min_n is %llu",
		    (long long)i.facts.head,
		    (unsigned long long)conf->fleet.min_n);
	if (rc == 0)
		rc = fleet_copies_take(
		    &j, &i.copies, &i.facts, true, &left_out, err);
	fleet_copies_cleanup(&i.copies);
	fleet_state_close(j.state);
	return rc;
}
