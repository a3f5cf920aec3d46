/*
 * conf_http: the "http" object of the bootstrap file. That it is there
 * turns HTTP mode on: on listeners of its own, or on all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf_internal.h"

#define MAX_LISTENERS 64
#define MAX_PATHS     1000
#define HOUR_MS       3600000

/* What serversConfiguration[].urlPath may be, and nothing else. */
#define PATH_CHARS \
	"/.-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int
read_listener(struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_listener *l =
	    conf_grow(&c->listeners, &c->num_listeners, sizeof(*l));

	if (l == NULL)
		return conf_no_memory(r);
	l->http = true;
	return conf_read_listen(r, place, &l->address);
}

static int
read_listeners(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;

	c->http.own_listeners = true;
	if (cJSON_IsString(place->item))
		return read_listener(r, place, base);
	return conf_read_array(r, place, MAX_LISTENERS, read_listener, base);
}

static int
read_path(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *text = conf_read_string(r, place);
	struct conf *c = base;
	struct conf_http_path *p;

	if (text == NULL)
		return E_PARSE;
	if (text[0] != '/' || text[strspn(text, PATH_CHARS)] != '\0')
		return conf_read_fail(r, place,
		    "a path: \"/\", then letters, digits, '/', '.' and '-'");
	p = conf_grow(&c->http.paths, &c->http.num_paths, sizeof(*p));
	if (p == NULL || (p->path = strdup(text)) == NULL)
		return conf_no_memory(r);
	return 0;
}

static int
read_paths(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_array(r, place, MAX_PATHS, read_path, base);
}

#define HTTP(k, kd, lo, hi) CONF_NUMBER(#k, kd, struct conf, http.k, lo, hi)

/* clang-format off */
static const struct conf_field http_table[] = {
	CONF_CALL("listen", 0, read_listeners),
	CONF_CALL("paths", 0, read_paths),
	HTTP(max_request_bytes, U64, 0, 1ULL << 40),
	HTTP(max_head_bytes, U32, 1024, 262144),
	HTTP(head_timeout_ms, U32, 10, HOUR_MS),
	HTTP(response_timeout_ms, U32, 10, HOUR_MS),
	HTTP(idle_timeout_ms, U32, 10, 24 * HOUR_MS),
	HTTP(node_idle_timeout_ms, U32, 10, HOUR_MS),
	CONF_FIELD_END};
/* clang-format on */

int
conf_read_http(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;

	c->http.enabled = true;
	return conf_read_object(r, place, http_table, c);
}
