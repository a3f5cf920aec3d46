/* rest_decisions: the last decisions, by whatever they are looked for. */
#include <stdlib.h>
#include <string.h>

#include "gateway/observe/decision_ring.h"
#include "gateway/rest/rest_params.h"
#include "gateway/rest/rest_routes.h"

/* The bit of what rest_param_word found, or none. */
static uint64_t
bit_of(unsigned found)
{
	return found == 0 ? 0 : UINT64_C(1) << (found - 1);
}

/* False after having answered. */
static bool
read_filter(struct rest_request *req, struct decision_filter *f)
{
	unsigned choice, status, way, why;
	uint64_t max;

	*f = (struct decision_filter){0};
	if (!rest_param_number(req, "limit", &max) ||
	    !rest_param_number(req, "after", &f->after) ||
	    !rest_param_number(req, "sequence", &f->sequence) ||
	    !rest_param_time(req, "since", &f->since) ||
	    !rest_param_time(req, "before", &f->before) ||
	    !rest_param_word(req, "outcome", &choice) ||
	    !rest_param_word(req, "status", &status) ||
	    !rest_param_word(req, "way", &way) ||
	    !rest_param_word(req, "why", &why))
		return false;
	f->max = (size_t)max;
	f->choice = (enum decision_choice)(choice > 0 ? choice - 1 : 0);
	f->statuses = (uint32_t)bit_of(status);
	f->ways = (uint32_t)bit_of(way);
	f->whys = bit_of(why);
	return true;
}

static void
get_decisions(struct rest_request *req)
{
	struct decision_filter filter;
	char *peer;

	if (!read_filter(req, &filter))
		return;
	peer = rest_query(req, "peer");
	filter.peer = peer;
	rest_reply_json(req, 200,
	    decision_ring_json(req->services->checker.decisions, &filter));
	free(peer);
}

const struct rest_route rest_decisions_routes[] = {
    {REST_GET, "decisions", CONF_ROLE_READ, get_decisions}, {.fn = NULL}};
