/*
 * store_facts: what is remembered longer than evidence: floors and known
 * revocations.
 */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "cache/store/store_db.h"

/* Floors. */

static struct span
trimmed(const uint8_t *p, size_t len)
{
	struct span n = span_of(p, len);

	while (n.len > 0 && n.p[0] == 0) {
		n.p++;
		n.len--;
	}
	return n;
}

bool
store_floor_higher(const struct store_floor *is, const struct store_floor *was)
{
	struct span a = trimmed(is->number, is->number_len),
		    b = trimmed(was->number, was->number_len);

	if (is->number_len == 0 || was->number_len == 0)
		return is->this_update > was->this_update;
	if (a.len != b.len)
		return a.len > b.len;
	return a.len > 0 && memcmp(a.p, b.p, a.len) > 0;
}

int
store_db_floor_put(
    struct store_db *db, const struct store_floor *f, struct err *err)
{
	return store_db_run(db, STORE_SQL_FLOOR_PUT, err, "ddbiii", f->scope,
	    f->owner, f->number, f->number_len, (int64_t)f->this_update,
	    (int64_t)f->next_update, (int64_t)f->seen_at);
}

/* What an answer is shown to. */
struct shown {
	union {
		store_floor_fn *floor;
		store_known_fn *known;
	} fn;
	void *arg;
};

static size_t
take_octets(sqlite3_stmt *row, int column, uint8_t out[STORE_SERIAL_MAX])
{
	const void *p = sqlite3_column_blob(row, column);
	size_t len = (size_t)sqlite3_column_bytes(row, column);

	if (p == NULL || len > STORE_SERIAL_MAX)
		return 0;
	memcpy(out, p, len);
	return len;
}

static bool
take_floor(void *arg, sqlite3_stmt *row)
{
	struct store_floor f = {.seen_at = sqlite3_column_int64(row, 5)};
	struct shown *s = arg;

	if (!store_row_id(row, 0, f.scope) || !store_row_id(row, 1, f.owner))
		return true;
	f.number_len = take_octets(row, 2, f.number);
	f.this_update = sqlite3_column_int64(row, 3);
	f.next_update = sqlite3_column_int64(row, 4);
	return s->fn.floor(s->arg, &f);
}

int
store_db_floor_each(
    struct store_db *db, store_floor_fn *fn, void *arg, struct err *err)
{
	struct shown s = {.fn.floor = fn, .arg = arg};

	return store_db_ask(db, STORE_SQL_FLOOR_ALL, take_floor, &s, err, "");
}

/* Known revocations. */

int
store_db_known_put(
    struct store_db *db, const struct store_known *k, struct err *err)
{
	struct span serial = trimmed(k->serial, k->serial_len);

	return store_db_run(db, STORE_SQL_KNOWN_PUT, err, "ddiiiidtbt",
	    k->identity, k->owner, (int64_t)k->reason, (int64_t)k->revoked_at,
	    (int64_t)k->this_update, (int64_t)k->first_seen, k->document,
	    k->url, serial.p, serial.len, k->issuer);
}

int
store_db_known_forget(
    struct store_db *db, const uint8_t identity[32], struct err *err)
{
	int rc = store_db_run(db, STORE_SQL_KNOWN_FORGET, err, "d", identity);

	return rc != 0 ? rc : sqlite3_changes(db->handle);
}

int
store_db_known_forget_serial(struct store_db *db, const uint8_t owner[32],
    struct span serial, struct err *err)
{
	int rc = store_db_run(db, STORE_SQL_KNOWN_FORGET_SERIAL, err, "db",
	    owner, serial.len > 0 ? serial.p : (const uint8_t *)"", serial.len);

	return rc != 0 ? rc : sqlite3_changes(db->handle);
}

static bool
take_known(void *arg, sqlite3_stmt *row)
{
	struct store_known k = {
	    .reason = sqlite3_column_int(row, 2),
	    .revoked_at = sqlite3_column_int64(row, 3),
	    .this_update = sqlite3_column_int64(row, 4),
	    .first_seen = sqlite3_column_int64(row, 5),
	};
	struct shown *s = arg;

	if (!store_row_id(row, 0, k.identity) ||
	    !store_row_id(row, 1, k.owner) || !store_row_id(row, 6, k.document))
		return true;
	store_row_text(row, 7, k.url, sizeof(k.url));
	k.serial_len = take_octets(row, 8, k.serial);
	store_row_text(row, 9, k.issuer, sizeof(k.issuer));
	return s->fn.known(s->arg, &k);
}

int
store_db_known_each(
    struct store_db *db, store_known_fn *fn, void *arg, struct err *err)
{
	struct shown s = {.fn.known = fn, .arg = arg};

	return store_db_ask(db, STORE_SQL_KNOWN_ALL, take_known, &s, err, "");
}

/* From a damaged database. */

struct salvaging {
	struct store_db *to;
	uint64_t floors, known;
	struct err *err;
	int rc;
};

static bool
salvage_floor(void *arg, const struct store_floor *f)
{
	struct salvaging *s = arg;

	s->rc = store_db_floor_put(s->to, f, s->err);
	s->floors += s->rc == 0;
	return s->rc == 0;
}

static bool
salvage_known(void *arg, const struct store_known *k)
{
	struct salvaging *s = arg;

	s->rc = store_db_known_put(s->to, k, s->err);
	s->known += s->rc == 0;
	return s->rc == 0;
}

int
store_db_salvage(struct store_db *db, struct store_db *from, uint64_t *floors,
    uint64_t *known, struct err *err)
{
	struct salvaging s = {.to = db, .err = err};
	struct shown shown = {.fn.known = salvage_known, .arg = &s};
	struct err ignored;

	(void)!store_db_ask(
	    from, STORE_SQL_KNOWN_RAW, take_known, &shown, &ignored, "");
	if (s.rc == 0)
		(void)!store_db_floor_each(from, salvage_floor, &s, &ignored);
	*floors = s.floors;
	*known = s.known;
	return s.rc;
}

/* Limits. */

struct most {
	uint8_t owner[32];
	int64_t of_owner, of_all;
};

static bool
take_most(void *arg, sqlite3_stmt *row)
{
	struct most *m = arg;
	int64_t n = sqlite3_column_int64(row, 1);

	m->of_all += n;
	if (n > m->of_owner && store_row_id(row, 0, m->owner))
		m->of_owner = n;
	return true;
}

static int
trim(struct store_db *db, enum store_sql owners, enum store_sql drop,
    int64_t max, int64_t max_owner, const char *what, bool *told,
    struct err *err)
{
	int64_t over;
	struct most m;
	int rc;

	for (;;) {
		m = (struct most){.of_all = 0};
		rc = store_db_ask(db, owners, take_most, &m, err, "");
		if (rc != 0 || m.of_owner == 0)
			return rc;
		over = m.of_owner - max_owner;
		if (over <= 0)
			over = m.of_all - max;
		if (over <= 0)
			return 0;
		if (over > m.of_owner)
			over = m.of_owner;
		if (!*told)
			log_line(db->log, LOG_LEVEL_WARN,
			    "'%s' holds no more than %lld %s, of one issuer "
			    "%lld: the oldest give way",
			    db->path, (long long)max, what,
			    (long long)max_owner);
		*told = true;
		rc = store_db_run(db, drop, err, "di", m.owner, over);
		if (rc != 0)
			return rc;
	}
}

int
store_db_trim(struct store_db *db, struct err *err)
{
	int rc = trim(db, STORE_SQL_FLOOR_OWNERS, STORE_SQL_FLOOR_TRIM,
	    STORE_FLOORS_MAX, STORE_FLOORS_OWNER_MAX, "numbers of CRLs",
	    &db->told_full[0], err);

	if (rc == 0)
		rc = trim(db, STORE_SQL_KNOWN_OWNERS, STORE_SQL_KNOWN_TRIM,
		    STORE_KNOWN_MAX, STORE_KNOWN_OWNER_MAX, "known revocations",
		    &db->told_full[1], err);
	return rc;
}

static bool
take_count(void *arg, sqlite3_stmt *row)
{
	*(uint64_t *)arg = (uint64_t)sqlite3_column_int64(row, 0);
	return false;
}

int
store_db_counts(
    struct store_db *db, uint64_t *floors, uint64_t *known, struct err *err)
{
	int rc = store_db_ask(
	    db, STORE_SQL_FLOOR_COUNT, take_count, floors, err, "");

	if (rc == 0)
		rc = store_db_ask(
		    db, STORE_SQL_KNOWN_COUNT, take_count, known, err, "");
	return rc;
}
