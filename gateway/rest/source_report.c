/* source_report: see the header. The rows to be shown are a heap while the
 * sources pass by, the least urgent of them on top. */
#include "gateway/rest/source_report.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"

#define LEFT_SOON 0.1

const char *
source_state_name(enum source_state state)
{
	static const char *const names[SOURCE_NUM_STATES] = {
	    "ranOut", "failing", "endsSoon", "ok", "notTried"};

	return state < SOURCE_NUM_STATES ? names[state] : "?";
}

bool
source_ends_soon(const struct revcheck_source_item *item, time_t now)
{
	double life = difftime(item->next_update, item->this_update);

	return item->next_update != 0 &&
	    difftime(item->next_update, now) < life * LEFT_SOON;
}

enum source_state
source_state_of(const struct revcheck_source_item *item, time_t now)
{
	if (item->kept > 0 && item->next_update != 0 && item->next_update < now)
		return SOURCE_RAN_OUT;
	if (item->failures > 0)
		return SOURCE_FAILING;
	if (item->kept > 0 && source_ends_soon(item, now))
		return SOURCE_ENDS_SOON;
	if (item->kept == 0 && item->last_try == 0)
		return SOURCE_NOT_TRIED;
	return SOURCE_OK;
}

/* The heap. */

struct row {
	enum source_state state;
	time_t end; /* what has none ends last; nothing held: first */
	struct revcheck_source_item item;
};

struct gathering {
	const struct source_filter *filter;
	struct source_report *out;
	time_t now;
	struct row **rows;
	size_t num;
};

static int
compare(const struct row *a, const struct row *b)
{
	if (a->state != b->state)
		return a->state < b->state ? -1 : 1;
	if (a->end != b->end)
		return a->end < b->end ? -1 : 1;
	return strcmp(a->item.url, b->item.url);
}

static int
compare_rows(const void *a, const void *b)
{
	return compare(
	    *(const struct row *const *)a, *(const struct row *const *)b);
}

static void
swap(struct row **a, struct row **b)
{
	struct row *x = *a;

	*a = *b;
	*b = x;
}

static void
sift_down(struct row **rows, size_t num)
{
	size_t at = 0, next;

	while ((next = 2 * at + 1) < num) {
		if (next + 1 < num && compare(rows[next + 1], rows[next]) > 0)
			next++;
		if (compare(rows[next], rows[at]) <= 0)
			break;
		swap(&rows[next], &rows[at]);
		at = next;
	}
}

static void
sift_up(struct row **rows, size_t at)
{
	while (at > 0 && compare(rows[at], rows[(at - 1) / 2]) > 0) {
		swap(&rows[at], &rows[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static time_t
end_of(const struct revcheck_source_item *item)
{
	if (item->kept == 0)
		return 0;
	return item->next_update != 0 ? item->next_update : INT64_MAX;
}

static void
keep(struct gathering *g, enum source_state state,
    const struct revcheck_source_item *item)
{
	bool full = g->num == g->filter->max;
	time_t end = end_of(item);
	struct row *row;

	if (g->filter->max == 0)
		return;
	row = full ? g->rows[0] : malloc(sizeof(*row));
	/* Most are not worth a copy of their texts. */
	if (row == NULL ||
	    (full &&
		(state > row->state ||
		    (state == row->state && end >= row->end))))
		return;
	row->state = state;
	row->end = end;
	row->item = *item;
	if (full) {
		sift_down(g->rows, g->num);
	} else {
		g->rows[g->num] = row;
		sift_up(g->rows, g->num++);
	}
}

static int
gather(void *arg, const struct revcheck_source_item *item)
{
	struct gathering *g = arg;
	const struct source_filter *f = g->filter;
	enum source_state state = source_state_of(item, g->now);

	g->out->num++;
	g->out->by_state[state]++;
	if ((f->states == 0 || (f->states >> state & 1) != 0) &&
	    (f->kind == 0 || f->kind == (int)item->kind) &&
	    (f->part == NULL || strcasestr(item->url, f->part) != NULL))
		keep(g, state, item);
	return 0;
}

/* Rows. */

static void
add_error(cJSON *o, const struct revcheck_source_item *item)
{
	cJSON *error;

	if (item->failures == 0) {
		cJSON_AddNullToObject(o, "error");
		return;
	}
	error = cJSON_AddObjectToObject(o, "error");
	cJSON_AddStringToObject(error, "why", revcheck_why_name(item->why));
	cJSON_AddStringToObject(error, "text", item->error);
	if (item->http_status != 0)
		cJSON_AddNumberToObject(error, "httpStatus", item->http_status);
}

static int
take_issuer(void *arg, const struct revcheck_cache_item *item,
    const unsigned char *der, size_t der_len)
{
	(void)der, (void)der_len;
	if (item->issuer[0] != '\0')
		cJSON_AddStringToObject(arg, "issuer", item->issuer);
	return 1;
}

static void
add_issuer(cJSON *o, struct revcheck *engine, const char *key)
{
	if (key[0] != '\0')
		(void)!revcheck_archive_get(engine, key, take_issuer, o, NULL);
}

static cJSON *
row_json(const struct row *row, struct revcheck *engine)
{
	const struct revcheck_source_item *i = &row->item;
	cJSON *o = cJSON_CreateObject();

	if (o == NULL)
		return NULL;
	cJSON_AddStringToObject(o, "url", i->url);
	cJSON_AddStringToObject(
	    o, "kind", i->kind == REVCHECK_EVIDENCE_CRL ? "crl" : "ocsp");
	if (i->source == REVCHECK_SOURCE_FILE)
		cJSON_AddTrueToObject(o, "file");
	add_issuer(o, engine, i->key);
	cJSON_AddStringToObject(o, "state", source_state_name(row->state));
	if (i->key[0] != '\0')
		cJSON_AddStringToObject(o, "key", i->key);
	cJSON_AddNumberToObject(o, "kept", (double)i->kept);
	cJSON_AddNumberToObject(o, "keptBytes", (double)i->bytes);
	json_add_time(o, "thisUpdate", i->this_update);
	json_add_time(o, "soonestEnd", i->next_update);
	json_add_time(o, "lastSuccess", i->last_success);
	json_add_time(o, "lastTry", i->last_try);
	add_error(o, i);
	cJSON_AddNumberToObject(o, "failures", i->failures);
	json_add_time(o, "nextTry", i->next_try);
	cJSON_AddNumberToObject(o, "lastBytes", (double)i->last_bytes);
	cJSON_AddNumberToObject(o, "lastMs", i->last_ms);
	return o;
}

void
source_report_make(struct source_report *out, struct revcheck *engine,
    const struct source_filter *filter)
{
	struct gathering g = {.filter = filter, .out = out, .now = time(NULL)};

	*out = (struct source_report){.rows = cJSON_CreateArray()};
	g.rows = calloc(filter->max + 1, sizeof(struct row *));
	if (out->rows == NULL || g.rows == NULL) {
		free(g.rows);
		cJSON_Delete(out->rows);
		out->rows = NULL;
		return;
	}
	(void)revcheck_archive_sources(engine, gather, &g);
	if (g.num > 0)
		qsort(g.rows, g.num, sizeof(struct row *), compare_rows);
	for (size_t i = 0; i < g.num; i++) {
		cJSON_AddItemToArray(out->rows, row_json(g.rows[i], engine));
		free(g.rows[i]);
	}
	free(g.rows);
}
