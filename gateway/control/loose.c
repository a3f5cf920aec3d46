/* loose: see the header. */
#include "gateway/control/loose.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "gateway/base/services.h"
#include "gateway/certwatch/certwatch_rules.h"

#define TICK_SEC 60 /* the clock may have been set meanwhile */

struct loose_watch {
	const struct services *services;
	struct event *turn;
	struct loose now;
	struct certwatch_said said[LOOSE_NUM];
};

/* 0: not so. Another number is news. */
static int
amount(const struct loose *l, enum loose_kind kind)
{
	switch (kind) {
	case LOOSE_TLS_OFF:
		return l->tls == REVCHECK_MODE_OFF;
	case LOOSE_SESSIONS_OFF:
		return l->sessions == REVCHECK_MODE_OFF;
	case LOOSE_ONE_WAY:
		return l->one_way;
	case LOOSE_EXEMPT:
		return (int)l->exempt;
	default:
		return 0;
	}
}

bool
loose_text(const struct loose *l, enum loose_kind kind, char *buf, size_t size)
{
	static const char *const words[LOOSE_NUM] = {
	    [LOOSE_TLS_OFF] = "revocation mode of TLS peers is OFF: revoked "
			      "certificates are let in",
	    [LOOSE_SESSIONS_OFF] = "revocation mode of session checks is OFF: "
				   "revoked certificates are answered as good",
	    [LOOSE_ONE_WAY] = "tlsType is ONE_WAY: peers need no certificate",
	    [LOOSE_EXEMPT] = "issuers whose certificates nobody asks about",
	};
	int num = amount(l, kind);

	if (kind == LOOSE_EXEMPT && num != 0)
		snprintf(buf, size, "%s: %d", words[kind], num);
	else
		snprintf(buf, size, "%s", num != 0 ? words[kind] : "");
	return num != 0;
}

enum revcheck_mode
loose_mode(const struct loose *l)
{
	return l->tls < l->sessions ? l->tls : l->sessions;
}

void
loose_watch_look(struct loose_watch *w)
{
	time_t now = wall_clock_now(w->services->clock);
	char text[LOOSE_TEXT_SIZE];

	for (enum loose_kind k = 0; k < LOOSE_NUM; k++) {
		bool so = loose_text(&w->now, k, text, sizeof(text));

		if (certwatch_say(&w->said[k], amount(&w->now, k), so, now))
			log_event(w->services->log, LOG_LEVEL_WARN,
			    "lets-in-unasked", NULL, 0, "%s", text);
	}
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	loose_watch_look(arg);
}

int
loose_watch_new(
    struct loose_watch **out, const struct services *services, struct err *err)
{
	const struct timeval tick = {.tv_sec = TICK_SEC};
	struct loose_watch *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->services = services;
	w->now.tls = w->now.sessions = REVCHECK_MODE_SOFT_FAIL;
	w->turn = event_new(services->base, -1, EV_PERSIST, on_turn, w);
	if (w->turn == NULL || event_add(w->turn, &tick) != 0) {
		loose_watch_free(w);
		return err_set(err, E_NOMEM, "out of memory");
	}
	*out = w;
	return 0;
}

void
loose_watch_free(struct loose_watch *w)
{
	if (w == NULL)
		return;
	if (w->turn != NULL)
		event_free(w->turn);
	free(w);
}

void
loose_watch_set(struct loose_watch *w, const struct loose *l)
{
	w->now = *l;
	loose_watch_look(w);
}

const struct loose *
loose_watch_get0(const struct loose_watch *w)
{
	return &w->now;
}
