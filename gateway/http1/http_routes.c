/*
 * http_routes: see http_routes.h. An entry for a port that no listener has is
 * for all of them: what operators write there is often the port outside, in
 * front of a load balancer.
 */
#include "gateway/http1/http_routes.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/dataplane/listener.h"

/* "127.0.0.1:8080", "[::1]:8080" as bound; 0 for a Unix socket. */
static uint16_t
bound_port(const struct bound *b)
{
	const char *colon = strrchr(b->address, ':');

	if (strncmp(b->address, "unix:", 5) == 0 || colon == NULL)
		return 0;
	return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static bool
is_listened_on(uint16_t port, const struct listen_port *ports, size_t num_ports)
{
	for (size_t i = 0; i < num_ports; i++)
		if (ports[i].http && bound_port(ports[i].bound) == port)
			return true;
	return false;
}

int
http_routes_init(struct http_routes *r, const struct conf_http *conf,
    const struct listen_port *ports, size_t num_ports, struct err *err)
{
	r->num = 0;
	r->list = calloc(conf->num_paths + 1, sizeof(*r->list));
	if (r->list == NULL)
		return err_set(err, E_NOMEM, "cannot set up HTTP paths");
	for (size_t i = 0; i < conf->num_paths && conf->enabled; i++) {
		const struct conf_http_path *p = &conf->paths[i];
		struct http_route *route = &r->list[r->num++];

		route->path = p->path;
		if (is_listened_on(p->port, ports, num_ports))
			route->port = p->port;
	}
	return 0;
}

void
http_routes_cleanup(struct http_routes *r)
{
	free(r->list);
	*r = (struct http_routes){0};
}

bool
http_routes_serve(
    const struct http_routes *r, uint16_t port, const char *path, size_t len)
{
	for (size_t i = 0; i < r->num; i++) {
		const struct http_route *route = &r->list[i];

		if ((route->port == 0 || route->port == port) &&
		    strlen(route->path) == len &&
		    memcmp(route->path, path, len) == 0)
			return true;
	}
	return false;
}
