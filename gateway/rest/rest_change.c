/* rest_change: see the header. Freed once, when the answer is there. */
#include "gateway/rest/rest_change.h"

#include <stdlib.h>

struct rest_change {
	struct rest_request *req; /* NULL: its caller has left */
	rest_change_fn *reply;
	void *data;
	void (*data_free)(void *data);
	struct control_later later;
};

static void
change_answer(struct rest_change *ch, const struct control_answer *answer)
{
	if (ch->req != NULL)
		ch->reply(ch->req, ch->data, answer);
	if (ch->data_free != NULL)
		ch->data_free(ch->data);
	free(ch);
}

static void
on_done(void *arg, const struct control_answer *answer)
{
	change_answer(arg, answer);
}

static void
on_left(void *arg)
{
	struct rest_change *ch = arg;

	ch->req = NULL;
}

struct rest_change *
rest_change_new(struct rest_request *req, rest_change_fn *reply, void *data,
    void (*data_free)(void *data))
{
	struct rest_change *ch = calloc(1, sizeof(*ch));

	if (ch == NULL) {
		if (data_free != NULL)
			data_free(data);
		rest_reply_json(req, 500, NULL);
		return NULL;
	}
	*ch = (struct rest_change){.req = req,
	    .reply = reply,
	    .data = data,
	    .data_free = data_free,
	    .later = {.done = on_done, .arg = ch}};
	return ch;
}

struct control_later *
rest_change_later(struct rest_change *ch)
{
	return &ch->later;
}

void
rest_change_end(
    struct rest_change *ch, enum control_outcome outcome, const struct err *err)
{
	struct control_answer answer = {.outcome = outcome};

	if (outcome == CONTROL_LATER) {
		rest_request_defer(ch->req, on_left, ch);
		return;
	}
	if (outcome != CONTROL_CHANGED)
		answer.err = *err;
	change_answer(ch, &answer);
}

void
rest_change_refuse(struct rest_request *req, const char *cause,
    const struct control_answer *answer)
{
	if (answer->outcome == CONTROL_AWAY)
		rest_reply_error(req, 503, "Config Version Error", "cause",
		    cause, "reason", answer->err.msg, NULL);
	else if (answer->outcome == CONTROL_CONFLICT)
		rest_reply_error(req, 409, "Wrong Config Version", "cause",
		    cause, "reason", answer->err.msg, NULL);
	else
		rest_reply_failed(req, cause, &answer->err);
}

void
rest_change_pending(struct rest_request *req, cJSON *o)
{
	if (o == NULL)
		o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "fleet", "pending");
	rest_reply_json(req, 202, o);
}
