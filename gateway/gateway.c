/* gateway: see the header. Taken down in the opposite order. */
#include "gateway/gateway.h"

#include <event2/event.h>

#include "gateway/certwatch/certwatch.h"
#include "gateway/control/control.h"
#include "gateway/control/engine_start.h"
#include "gateway/control/section_files.h"
#include "gateway/dataplane/workers.h"
#include "gateway/doorman/doorman_watch.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/process/log_sink.h"
#include "gateway/process/sd_listen.h"
#include "gateway/process/sd_notify.h"
#include "gateway/rest/rest_authorize.h"
#include "gateway/sessions/chain_cache.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/tls/staple.h"
#include "revcheck/revcheck.h"

/* From the loop, which runs before there are workers only for a fleet. */
static void
on_staples(void *arg, struct staples *staples)
{
	struct gateway *g = arg;

	staples_free(g->staples);
	g->staples = staples_up_ref(staples);
	if (g->workers != NULL)
		workers_staple(g->workers, staples);
}

/* What the operator keeps, and the engine over it. */
int
gateway_start_state(struct gateway *g, struct err *err)
{
	int rc = stores_open(&g->stores, g->conf, g->log, err);

	if (rc == 0)
		rc = engine_start(
		    &g->engine, g->conf, g->stores.sections, g->log, err);
	g->services = (struct services){.base = g->base,
	    .log = g->log,
	    .strangers = log_sink_get0_strangers(g->sink),
	    .engine = g->engine};
	return rc;
}

/* What is in force, and those who are told when it changes. */
int
gateway_start_control(struct gateway *g, struct err *err)
{
	int rc =
	    decision_ring_new(&g->decisions, g->conf->rest.max_decisions, err);

	if (rc == 0)
		rc = chain_cache_new(&g->chains, err);
	if (rc == 0)
		rc = session_watch_new(&g->sessions, &g->services, err);
	if (rc == 0)
		rc = certwatch_new(
		    &g->certwatch, &g->services, on_staples, g, err);
	if (rc == 0) {
		const struct control_parts parts = {.services = &g->services,
		    .stores = &g->stores,
		    .chains = g->chains,
		    .sessions = g->sessions,
		    .certwatch = g->certwatch};

		rc = control_new(&g->control, &parts, g->conf, err);
	}
	return rc;
}

int
gateway_start_fleet(struct gateway *g, enum fleet_join_how how, struct err *err)
{
	const struct fleet_join_parts parts = {.services = &g->services,
	    .control = g->control,
	    .stores = &g->stores,
	    .sessions = g->sessions,
	    .conf = g->conf,
	    .how = how};

	return g->conf->fleet.name != NULL
	    ? fleet_join_new(&g->fleet, &parts, err)
	    : fleet_join_none(&g->stores, err);
}

void
gateway_stop(struct gateway *g)
{
	watchdog_free(g->watchdog);
	section_files_free(g->files);
	rest_authorize_free(g->authorize);
	rest_free(g->rest);
	doorman_watch_free(g->doorman);
	fleet_join_free(g->fleet);
	if (g->control != NULL)
		control_set_workers(g->control, NULL);
	workers_free(g->workers);
	sd_listen_free(g->passed);
	control_free(g->control);
	session_watch_free(g->sessions);
	certwatch_free(g->certwatch);
	staples_free(g->staples);
	chain_cache_free(g->chains);
	revcheck_free(g->engine);
	stores_close(&g->stores);
	decision_ring_free(g->decisions);
	for (size_t i = 0; i < 3; i++)
		if (g->signals[i] != NULL)
			event_free(g->signals[i]);
	if (g->drained != NULL)
		event_free(g->drained);
	if (g->base != NULL)
		event_base_free(g->base);
}
