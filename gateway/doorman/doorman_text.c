/* doorman_text: see the header. Lines that it does not know are left out. */
#include "gateway/doorman/doorman_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABELS     4
#define MAX_NUMBER 9e15 /* exact in a double, and in JSON */

const char *
doorman_wait_name(enum doorman_wait wait)
{
	static const char *const names[DOORMAN_NUM_WAITS] = {
	    "ticket", "approval", "signature", "operator"};

	return wait < DOORMAN_NUM_WAITS ? names[wait] : "?";
}

/* len bytes as text; what cannot be printed is '?'. */
static void
take_text(char *out, size_t cap, const char *text, size_t len)
{
	size_t n = 0;

	for (; n < len && n + 1 < cap; n++)
		out[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
	out[n] = '\0';
}

/* Samples. */

struct sample {
	char name[64];
	struct {
		char name[32], value[64];
	} labels[LABELS];
	size_t num_labels;
	double value;
};

static const char *
label_of(const struct sample *s, const char *name)
{
	for (size_t i = 0; i < s->num_labels; i++)
		if (strcmp(s->labels[i].name, name) == 0)
			return s->labels[i].value;
	return "";
}

/* Behind the '}'; NULL: it has no form. */
static const char *
read_labels(struct sample *s, const char *p)
{
	while (*p != '}') {
		size_t len = strcspn(p, "=\n"), value;
		const char *text = p + len + 2;

		if (s->num_labels == LABELS || strncmp(p + len, "=\"", 2) != 0)
			return NULL;
		value = strcspn(text, "\"\\\n");
		if (text[value] != '"')
			return NULL;
		take_text(s->labels[s->num_labels].name,
		    sizeof(s->labels[0].name), p, len);
		take_text(s->labels[s->num_labels++].value,
		    sizeof(s->labels[0].value), text, value);
		p = text + value + 1;
		p += *p == ',';
	}
	return p + 1;
}

static bool
read_sample(struct sample *s, const char *line)
{
	size_t len = strcspn(line, "{ \n");
	const char *p = line + len;
	char *end;

	*s = (struct sample){.num_labels = 0};
	take_text(s->name, sizeof(s->name), line, len);
	if (*p == '{')
		p = read_labels(s, p + 1);
	if (p == NULL || *p != ' ')
		return false;
	s->value = strtod(p, &end);
	return end != p && (*end == '\n' || *end == '\0') &&
	    isfinite(s->value) && fabs(s->value) <= MAX_NUMBER;
}

static uint64_t
count_of(const struct sample *s)
{
	return s->value > 0 ? (uint64_t)s->value : 0;
}

/* What they say. */

static struct doorman_list *
list_of(struct doorman_facts *o, const char *name)
{
	struct doorman_list *l = o->lists;

	for (; l < o->lists + o->num_lists; l++)
		if (strcmp(l->name, name) == 0)
			return l;
	if (o->num_lists == DOORMAN_LISTS)
		return NULL;
	o->num_lists++;
	take_text(l->name, sizeof(l->name), name, strlen(name));
	return l;
}

static void
take_list(struct doorman_facts *o, const struct sample *s, const char *what,
    time_t now)
{
	struct doorman_list *l = list_of(o, label_of(s, "list"));

	if (l == NULL)
		return;
	if (strcmp(what, "number") == 0)
		l->number = count_of(s);
	else if (strcmp(what, "entries") == 0)
		l->num_entries = count_of(s);
	else if (strcmp(what, "this_update_timestamp_seconds") == 0)
		l->signed_at = (time_t)count_of(s);
	else if (strcmp(what, "seconds_to_next_update") == 0)
		l->next_update = now + (time_t)s->value;
}

static void
take_queue(struct doorman_facts *o, const struct sample *s, bool age)
{
	static const char *const states[DOORMAN_NUM_WAITS] = {
	    "NEW", "TICKET_CREATED", "APPROVED", "FAILED"};
	const char *state = label_of(s, "state"), *kind = label_of(s, "kind");

	for (size_t i = 0; i < DOORMAN_NUM_WAITS; i++) {
		struct doorman_queue *q = &o->queues[i];

		if (strcmp(state, states[i]) != 0)
			continue;
		if (age && count_of(s) > q->oldest_sec)
			q->oldest_sec = count_of(s);
		else if (!age && strcmp(kind, "certificate") == 0)
			q->certificates = count_of(s);
		else if (!age && strcmp(kind, "revocation") == 0)
			q->revocations = count_of(s);
	}
}

static void
take_sample(struct doorman_facts *o, const struct sample *s, time_t now)
{
	static const char prefix[] = "doorman_", crl[] = "crl_";
	const char *name = s->name;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return;
	name += strlen(prefix);
	if (strcmp(name, "build_info") == 0)
		take_text(o->version, sizeof(o->version),
		    label_of(s, "version"), strlen(label_of(s, "version")));
	else if (strcmp(name, "start_time_seconds") == 0)
		o->started_at = (time_t)count_of(s);
	else if (strcmp(name, "ticket_tool_up") == 0)
		o->ticket_tool_up = s->value != 0;
	else if (strcmp(name, "requests") == 0)
		take_queue(o, s, false);
	else if (strcmp(name, "oldest_request_seconds") == 0)
		take_queue(o, s, true);
	else if (strncmp(name, crl, strlen(crl)) == 0)
		take_list(o, s, name + strlen(crl), now);
}

bool
doorman_read_metrics(struct doorman_facts *out, const char *text, time_t now)
{
	struct sample s;

	while (*text != '\0') {
		if (*text != '#' && read_sample(&s, text))
			take_sample(out, &s, now);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	/* A list that was never signed has no end. */
	for (size_t i = 0; i < out->num_lists; i++)
		if (out->lists[i].number == 0)
			out->lists[i].next_update = 0;
	return out->version[0] != '\0';
}

void
doorman_read_readiness(struct doorman_facts *out, bool ready, const char *text)
{
	out->ready = ready;
	while (*text != '\0' && out->num_reasons < DOORMAN_REASONS) {
		size_t len = strcspn(text, "\n");

		if (len > 0 && !(len == 2 && memcmp(text, "ok", 2) == 0))
			take_text(out->reasons[out->num_reasons++],
			    DOORMAN_LINE, text, len);
		text += len + (text[len] == '\n');
	}
}
