/* conn_answer: see the header. */
#include "gateway/dataplane/conn_answer.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/conn_query.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/worker.h"

#define FIRST_ROWS 64

static bool
is_in(const struct conn *c)
{
	return c->let_in && c->state != CONN_LINGER && c->state != CONN_GONE;
}

static enum decision_way
way_of(const struct conn *c)
{
	return c->inbound ? DECISION_INBOUND : DECISION_OUTBOUND;
}

static bool
has_bit(uint32_t bits, unsigned which)
{
	return bits == 0 || (bits >> which & 1) != 0;
}

static bool
has_serial(const struct conn *c, const struct conn_question *q)
{
	X509 *leaf = c->certs != NULL ? revcheck_certs_get0(c->certs, 0) : NULL;
	const ASN1_INTEGER *serial;
	const unsigned char *p;
	size_t len;

	if (q->serial_len == 0)
		return true;
	if (leaf == NULL)
		return false;
	serial = X509_get0_serialNumber(leaf);
	p = ASN1_STRING_get0_data(serial);
	for (len = (size_t)ASN1_STRING_length(serial); len > 1 && *p == 0;
	     len--)
		p++;
	return len == q->serial_len && memcmp(p, q->serial, len) == 0;
}

static bool
is_asked_for(const struct conn *c, const struct conn_question *q)
{
	return (q->after == 0 || c->id < q->after) &&
	    has_bit(q->statuses, c->found.status) &&
	    has_bit(q->ways, way_of(c)) && has_serial(c, q);
}

static void
row_of(struct conn_row *row, const struct conn *c)
{
	*row = (struct conn_row){.id = c->id,
	    .way = way_of(c),
	    .since = c->let_in_at,
	    .found = c->found,
	    .tls = c->ssl != NULL ? SSL_get_version(c->ssl) : "",
	    .bytes_in = c->relay.up_bytes,
	    .bytes_out = c->relay.down_bytes};
	address_text(row->peer, c->remote);
	if (c->certs != NULL)
		row->leaf = revcheck_certs_get0(c->certs, 0);
	if (row->leaf != NULL)
		X509_up_ref(row->leaf);
}

/* Room for one more; out of memory, those that follow are left out. */
static bool
has_room(struct conn_answer *a, size_t *cap)
{
	struct conn_row *rows;

	if (a->num < *cap)
		return true;
	rows = realloc(
	    a->rows, (*cap > 0 ? 2 * *cap : FIRST_ROWS) * sizeof(*rows));
	if (rows == NULL)
		return false;
	a->rows = rows;
	*cap = *cap > 0 ? 2 * *cap : FIRST_ROWS;
	return true;
}

static void
cut(struct conn *c, const char *text)
{
	if (c->doomed)
		return;
	decision_log_cut_off(c, text);
	conn_doom(c, 0);
}

static void
answer_part(struct worker *w, struct conn_query_part *p)
{
	const struct conn_question *q = conn_query_get0(p);
	struct conn_answer *a = &p->answer;
	size_t cap = 0;

	for (struct conn *c = w->conns; c != NULL; c = c->next) {
		if (!is_in(c))
			continue;
		a->by_status[c->found.status]++;
		if (q->cut != 0) {
			if (c->id != q->cut)
				continue;
			a->cut = true;
			cut(c, q->cut_text);
		} else if (a->num < q->max && is_asked_for(c, q) &&
		    has_room(a, &cap)) {
			row_of(&a->rows[a->num++], c);
		}
	}
}

void
conn_answer(struct worker *w, struct conn_query_part *parts)
{
	struct conn_query_part *next;

	for (; parts != NULL; parts = next) {
		next = parts->next;
		answer_part(w, parts);
		conn_query_part_done(parts);
	}
}
