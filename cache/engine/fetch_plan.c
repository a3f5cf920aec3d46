/* fetch_plan: see the header. Pure, any thread. */
#include "cache/engine/fetch_plan.h"

#include "cache/fetch/url.h"

static void
plan_add(struct fetch_plan *p, size_t url, bool post, bool plain)
{
	p->v[p->num++] = (struct fetch_attempt){
	    .url = (uint8_t)url, .post = post, .plain = plain};
}

/* Every URL with one of the requests. */
static void
plan_add_urls(struct fetch_plan *p, const struct fetch_job *job,
    struct span request, bool post_only, bool plain)
{
	for (size_t i = 0; i < job->num_urls && i < FETCH_PLAN_MAX_URLS; i++) {
		if (request.len == 0 ||
		    (!post_only && url_ocsp_get_fits(job->urls[i], request)))
			plan_add(p, i, false, plain);
		if (request.len > 0)
			plan_add(p, i, true, plain);
	}
}

void
fetch_plan_make(struct fetch_plan *p, const struct fetch_job *job)
{
	*p = (struct fetch_plan){0};
	/*
	 * With a nonce comes a plain request at most, so that there are three
	 * attempts a URL.
	 */
	plan_add_urls(p, job, span_of(job->request, job->request_len),
	    job->force_post || job->request_plain_len > 0, false);
	if (job->request_plain_len > 0)
		plan_add_urls(p, job,
		    span_of(job->request_plain, job->request_plain_len), false,
		    true);
	p->at = p->num;
}

/* What the attempt before tells of the others at its URL. */
static void
plan_learn(struct fetch_plan *p, enum fetch_ended before)
{
	struct fetch_attempt *x;

	if (p->at == p->num)
		return;
	for (uint8_t i = 0; i < p->num; i++) {
		x = &p->v[i];
		if (x->url != p->v[p->at].url)
			continue;
		x->gone = x->gone || before == FETCH_ENDED_DEAD;
		x->later = x->later || before == FETCH_ENDED_LATE;
	}
}

const struct fetch_attempt *
fetch_plan_next(struct fetch_plan *p, enum fetch_ended before)
{
	plan_learn(p, before);
	for (int later = 0; later < 2; later++)
		for (uint8_t i = 0; i < p->num; i++)
			if (!p->v[i].gone && p->v[i].later == (later == 1)) {
				p->v[i].gone = true;
				p->at = i;
				return &p->v[i];
			}
	return NULL;
}
