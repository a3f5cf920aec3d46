/* rest_fleet: how this machine stands with the others. */
#include "gateway/rest/fleet_report.h"
#include "gateway/rest/rest_routes.h"

static void
get_fleet(struct rest_request *req)
{
	cJSON *o;

	if (req->services->fleet != NULL) {
		o = fleet_report_json(req->services->fleet, SIZE_MAX);
	} else {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "state", "none");
	}
	rest_reply_json(req, 200, o);
}

const struct rest_route rest_fleet_routes[] = {
    {REST_GET, "fleet", CONF_ROLE_READ, get_fleet}, {.fn = NULL}};
