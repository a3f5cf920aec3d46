/* slack: see the header. */
#include "gateway/dataplane/slack.h"

#include <malloc.h>
#include <stdbool.h>

#include <event2/event.h>

#include "gateway/tls/tls_certs.h"
#include "revcheck/revcheck.h"

/* Whoever leaves one after another is waited for, and so is who comes back. */
#define SLACK_MOMENT_SEC 1

static bool
slack_is_due(const struct slack *s)
{
	return s->most >= SLACK_CROWD && s->num < s->most / 4;
}

/* A walk through the free chunks of each arena, once: 3 ms after 600 peers. */
static void
slack_on_moment(evutil_socket_t fd, short what, void *arg)
{
	struct slack *s = arg;

	(void)fd;
	(void)what;
	if (!slack_is_due(s))
		return;
	s->most = s->num;
	revcheck_trim(s->rc, s->since);
	s->since = time(NULL);
	tls_certs_trim();
	(void)malloc_trim(0);
}

int
slack_init(struct slack *s, struct event_base *base, struct revcheck *rc,
    struct err *err)
{
	*s = (struct slack){
	    .ev = evtimer_new(base, slack_on_moment, s), .rc = rc};
	return s->ev != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

void
slack_cleanup(struct slack *s)
{
	if (s->ev != NULL)
		event_free(s->ev);
	s->ev = NULL;
}

void
slack_join(struct slack *s)
{
	/* One crowd after another is one. */
	if (++s->num == SLACK_CALM && s->most < SLACK_CROWD)
		s->since = time(NULL);
	if (s->num > s->most)
		s->most = s->num;
}

void
slack_leave(struct slack *s)
{
	const struct timeval moment = {.tv_sec = SLACK_MOMENT_SEC};

	s->num--;
	if (slack_is_due(s) && !evtimer_pending(s->ev, NULL))
		(void)evtimer_add(s->ev, &moment);
}
