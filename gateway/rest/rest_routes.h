/*
 * rest_routes: every path that the REST server serves. A table for each file of
 * handlers, ended by fn == NULL.
 */
#ifndef GATEWAY_REST_REST_ROUTES_H
#define GATEWAY_REST_REST_ROUTES_H

#include "gateway/rest/rest.h"

extern const struct rest_route rest_cache_routes[];
extern const struct rest_route rest_certs_routes[];
extern const struct rest_route rest_check_routes[];
extern const struct rest_route rest_config_routes[];
extern const struct rest_route rest_connections_routes[];
extern const struct rest_route rest_decisions_routes[];
extern const struct rest_route rest_fleet_routes[];
extern const struct rest_route rest_keys_routes[];
extern const struct rest_route rest_network_routes[];
extern const struct rest_route rest_sources_routes[];
extern const struct rest_route rest_page_routes[];
extern const struct rest_route rest_status_routes[];
extern const struct rest_route rest_subjects_routes[];
extern const struct rest_route rest_ui_routes[];

/* All of them, ended by NULL. */
extern const struct rest_route *const rest_routes[];

#endif
