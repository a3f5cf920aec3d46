/*
 * http_routes: which paths are served, and on which port. Made with a
 * runtime, when the ports of its listeners are known; immutable after.
 */
#ifndef GATEWAY_HTTP1_HTTP_ROUTES_H
#define GATEWAY_HTTP1_HTTP_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

struct http_route {
	const char *path; /* the configuration's */
	uint16_t port;    /* 0: on every listener */
};

/* One that is configured. */
struct http_path {
	const char *path;
	uint16_t port; /* of the listener it is for, if there is one; or 0 */
};

struct http_routes {
	struct http_route *list;
	size_t num;
	bool below; /* what is below a path is served, too */
};

/*
 * What is served of paths, on listeners with these ports. The paths' texts are
 * borrowed and must outlive the routes.
 */
int http_routes_init(struct http_routes *r, const struct http_path *paths,
    size_t num_paths, const uint16_t *ports, size_t num_ports,
    struct err *err) MUST_USE;
void http_routes_cleanup(struct http_routes *r);

/*
 * Whether path[0..len) is served on that port: byte by byte, or as
 * name_pattern_path has it.
 */
bool http_routes_serve(
    const struct http_routes *r, uint16_t port, const char *path, size_t len);

#endif
