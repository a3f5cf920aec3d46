/* rest_routes: see the header. */
#include "gateway/rest/rest_routes.h"

const struct rest_route *const rest_routes[] = {rest_config_routes,
    rest_check_routes, rest_cache_routes, rest_status_routes,
    rest_decisions_routes, rest_connections_routes, rest_sources_routes,
    rest_ui_routes, rest_page_routes, rest_subjects_routes, rest_keys_routes,
    rest_network_routes, rest_certs_routes, rest_fleet_routes, NULL};
