/* doorman_report: see the header. */
#include "gateway/rest/doorman_report.h"

#include "gateway/base/json.h"
#include "gateway/doorman/doorman_watch.h"

static void
add_list(cJSON *all, const struct doorman_list *l)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", l->name);
	cJSON_AddNumberToObject(o, "number", (double)l->number);
	cJSON_AddNumberToObject(o, "entries", (double)l->num_entries);
	json_add_time(o, "signedAt", l->signed_at);
	json_add_time(o, "nextUpdate", l->next_update);
	cJSON_AddItemToArray(all, o);
}

static void
add_facts(cJSON *o, const struct doorman_facts *f)
{
	cJSON *list;

	cJSON_AddStringToObject(o, "version", f->version);
	json_add_time(o, "startedAt", f->started_at);
	cJSON_AddBoolToObject(o, "ready", f->ready);
	cJSON_AddBoolToObject(o, "ticketToolUp", f->ticket_tool_up);
	list = cJSON_AddArrayToObject(o, "reasons");
	for (size_t i = 0; i < f->num_reasons; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(f->reasons[i]));
	list = cJSON_AddArrayToObject(o, "lists");
	for (size_t i = 0; i < f->num_lists; i++)
		add_list(list, &f->lists[i]);
	list = cJSON_AddArrayToObject(o, "waiting");
	for (enum doorman_wait w = 0; w < DOORMAN_NUM_WAITS; w++) {
		const struct doorman_queue *q = &f->queues[w];
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "for", doorman_wait_name(w));
		cJSON_AddNumberToObject(
		    row, "certificates", (double)q->certificates);
		cJSON_AddNumberToObject(
		    row, "revocations", (double)q->revocations);
		cJSON_AddNumberToObject(
		    row, "oldestSeconds", (double)q->oldest_sec);
		cJSON_AddItemToArray(list, row);
	}
}

void
doorman_report_add(cJSON *o, struct doorman_watch *w)
{
	struct doorman_state s;
	cJSON *part;

	if (w == NULL)
		return;
	doorman_watch_get(w, &s);
	part = cJSON_AddObjectToObject(o, "doorman");
	cJSON_AddStringToObject(part, "url", doorman_watch_url(w));
	cJSON_AddBoolToObject(
	    part, "answers", s.answered_at != 0 && s.silent_since == 0);
	json_add_time(part, "askedAt", s.asked_at);
	json_add_time(part, "answeredAt", s.answered_at);
	json_add_time(part, "silentSince", s.silent_since);
	if (s.error[0] != '\0')
		cJSON_AddStringToObject(part, "error", s.error);
	if (s.answered_at != 0)
		add_facts(part, &s.facts);
}
