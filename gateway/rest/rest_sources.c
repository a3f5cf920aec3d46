/* rest_sources: where evidence comes from, the most urgent first. */
#include <stdlib.h>

#include "gateway/rest/rest_params.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/rest/source_report.h"

#define ROWS_MAX     10000
#define ROWS_DEFAULT 1000

static void
get_sources(struct rest_request *req)
{
	struct source_filter f = {0};
	struct source_report report;
	unsigned state, kind;
	uint64_t max;
	char *part;

	if (!rest_param_number(req, "limit", &max) ||
	    !rest_param_word(req, "state", &state) ||
	    !rest_param_word(req, "kind", &kind))
		return;
	f.max = max == 0 ? ROWS_DEFAULT : max < ROWS_MAX ? max : ROWS_MAX;
	f.states = state > 0 ? 1U << (state - 1) : 0;
	if (kind > 0)
		f.kind =
		    kind == 1 ? REVCHECK_EVIDENCE_CRL : REVCHECK_EVIDENCE_OCSP;
	f.part = part = rest_query(req, "url");
	source_report_make(&report, req->core->engine, &f);
	free(part);
	rest_reply_json(req, 200, report.rows);
}

const struct rest_route rest_sources_routes[] = {
    {REST_GET, "sources", CONF_ROLE_READ, get_sources}, {.fn = NULL}};
