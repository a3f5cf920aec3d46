/*
 * http_routes: see http_routes.h. An entry for a port that no listener has is
 * for all of them: what operators write there is often the port outside, in
 * front of a load balancer.
 */
#include "gateway/http1/http_routes.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/name_pattern.h"

static bool
is_listened_on(uint16_t port, const uint16_t *ports, size_t num_ports)
{
	for (size_t i = 0; i < num_ports; i++)
		if (ports[i] == port)
			return true;
	return false;
}

int
http_routes_init(struct http_routes *r, const struct http_path *paths,
    size_t num_paths, const uint16_t *ports, size_t num_ports, struct err *err)
{
	r->num = 0;
	r->list = calloc(num_paths + 1, sizeof(*r->list));
	if (r->list == NULL)
		return err_set(err, E_NOMEM, "cannot set up HTTP paths");
	for (size_t i = 0; i < num_paths; i++) {
		struct http_route *route = &r->list[r->num++];

		route->path = paths[i].path;
		if (is_listened_on(paths[i].port, ports, num_ports))
			route->port = paths[i].port;
	}
	return 0;
}

void
http_routes_cleanup(struct http_routes *r)
{
	free(r->list);
	*r = (struct http_routes){0};
}

static bool
route_has(const struct http_routes *r, const struct http_route *route,
    const char *path, size_t len)
{
	if (r->below)
		return name_pattern_path(route->path, path, len);
	return strlen(route->path) == len &&
	    memcmp(route->path, path, len) == 0;
}

bool
http_routes_serve(
    const struct http_routes *r, uint16_t port, const char *path, size_t len)
{
	for (size_t i = 0; i < r->num; i++) {
		const struct http_route *route = &r->list[i];

		if ((route->port == 0 || route->port == port) &&
		    route_has(r, route, path, len))
			return true;
	}
	return false;
}
