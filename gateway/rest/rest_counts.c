/* rest_counts: see the header. As many rows as there are routes and statuses.
 */
#include "gateway/rest/rest_counts.h"

#include <stdlib.h>

#include "gateway/observe/number.h"

void
rest_counts_cleanup(struct rest_counts *c)
{
	free(c->answers);
	*c = (struct rest_counts){0};
}

void
rest_counts_answer(struct rest_counts *c, enum rest_method method,
    const char *pattern, int status)
{
	struct rest_count *more;

	for (size_t i = 0; i < c->num_answers; i++) {
		struct rest_count *r = &c->answers[i];

		if (r->method == method && r->pattern == pattern &&
		    r->status == status) {
			r->num++;
			return;
		}
	}
	more = realloc(c->answers, (c->num_answers + 1) * sizeof(*more));
	if (more == NULL)
		return;
	c->answers = more;
	c->answers[c->num_answers++] = (struct rest_count){
	    .method = method, .pattern = pattern, .status = status, .num = 1};
}

const char *
rest_method_name(enum rest_method method)
{
	static const char *const names[REST_NUM_METHODS] = {[REST_GET] = "GET",
	    [REST_POST] = "POST",
	    [REST_PUT] = "PUT",
	    [REST_DELETE] = "DELETE"};

	return method < REST_NUM_METHODS ? names[method] : "other";
}

static const struct number load_numbers[] = {
    {.metric = "p2p_gateway_rest_connections",
	.help = "Connections of the REST server open now.",
	.type = NUMBER_GAUGE,
	.kind = NUMBER_UNSIGNED,
	.offset = offsetof(struct rest_load, connections)},
    {.metric = "p2p_gateway_rest_max_connections",
	.help = "Connections that the REST server takes (max_connections).",
	.type = NUMBER_GAUGE,
	.kind = NUMBER_UNSIGNED,
	.offset = offsetof(struct rest_load, max_connections)},
    {.metric = "p2p_gateway_rest_requests_waiting",
	.help = "REST requests that are not answered yet, this one included.",
	.type = NUMBER_GAUGE,
	.kind = NUMBER_UNSIGNED,
	.offset = offsetof(struct rest_load, requests)},
};

#define REFUSED(which, word)                                             \
	{                                                                \
		.metric = "p2p_gateway_rest_logins_refused_total",       \
		.label = "reason=\"" word "\"",                          \
		.help = "REST logins that came to nothing, by reason.",  \
		.offset = offsetof(struct rest_counts, logins_refused) + \
		    (which) * sizeof(uint64_t)                           \
	}
static const struct number count_numbers[] = {
    REFUSED(REST_LOGIN_WRONG, "wrong"),
    REFUSED(REST_LOGIN_THROTTLED, "throttled"),
    REFUSED(REST_LOGIN_BUSY, "busy"),
    {.metric = "p2p_gateway_rest_connections_dropped_total",
	.help = "REST connections that were dropped to make room.",
	.offset = offsetof(struct rest_counts, dropped)},
    {.metric = "p2p_gateway_rest_cross_site_refused_total",
	.help = "REST requests refused: a browser sent them for another site.",
	.offset = offsetof(struct rest_counts, foreign)},
};
#undef REFUSED

void
rest_counts_put(struct prometheus *t, const struct rest_counts *c,
    const struct rest_load *load)
{
	prometheus_head(t, "p2p_gateway_rest_requests_total", "counter",
	    "REST requests answered, by route and status.");
	for (size_t i = 0; i < c->num_answers; i++) {
		const struct rest_count *r = &c->answers[i];

		prometheus_put(t,
		    "p2p_gateway_rest_requests_total{method=\"%s\","
		    "route=\"%s%s\",status=\"%d\"} %llu\n",
		    rest_method_name(r->method), r->pattern != NULL ? "/" : "",
		    r->pattern != NULL ? r->pattern : "none", r->status,
		    (unsigned long long)r->num);
	}
	NUMBER_PUT(t, count_numbers, c);
	NUMBER_PUT(t, load_numbers, load);
}
