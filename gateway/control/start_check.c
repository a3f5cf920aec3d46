/* start_check: asks each part that a start makes, in the same order. */
#include "gateway/control/start_check.h"

#include "gateway/conf/conf.h"
#include "gateway/control/engine_start.h"
#include "gateway/control/stores.h"
#include "gateway/control/watched_place.h"
#include "gateway/fleet/seal.h"

/* Whether its secrets can be used; nobody is asked. */
static int
fleet_start_check(const struct conf_fleet *f, struct err *err)
{
	struct fleet_seal *seal = NULL;
	int rc = f->name != NULL ? fleet_seal_new(&seal, f->secret_file,
				       f->previous_secret_file, err)
				 : 0;

	fleet_seal_free(seal);
	return rc;
}

int
start_check(const struct conf *conf, const struct section_store *sections,
    struct err *err)
{
	int rc = stores_check(conf, err);

	if (rc == 0)
		rc = engine_check(conf, sections, err);
	if (rc == 0)
		rc = fleet_start_check(&conf->fleet, err);
	if (rc == 0 && conf->watch.path != NULL)
		rc = watched_place_check(conf->watch.path, err);
	return rc;
}
