/*
 * api_known: which certificates were found revoked, as a state directory has
 * it, without an engine, and as an engine does. Any thread.
 */
#include <stdio.h>
#include <string.h>

#include "cache/base/text.h"
#include "revcheck/api/api_store.h"
#include "revcheck/engine/engine_state.h"
#include "revcheck/x509/certs.h"

struct showing {
	revcheck_known_fn *fn;
	void *arg;
	int num;
};

static bool
show_known(void *arg, const struct store_known *k)
{
	struct showing *s = arg;
	struct revcheck_known out = {.size = sizeof(out),
	    .reason = k->reason,
	    .revoked_at = k->revoked_at,
	    .this_update = k->this_update,
	    .first_seen = k->first_seen};

	text_hex(out.issuer_key, k->owner, sizeof(k->owner));
	text_hex(out.serial, k->serial, k->serial_len);
	text_hex(out.document, k->document, sizeof(k->document));
	text_copy(out.issuer, sizeof(out.issuer), k->issuer);
	snprintf(out.url, sizeof(out.url), "%.255s", k->url);
	s->num++;
	return s->fn(s->arg, &out) == 0;
}

int
revcheck_state_known(const char *state_dir, revcheck_known_fn *fn, void *arg,
    struct revcheck_error *err)
{
	struct showing s = {.fn = fn, .arg = arg};
	struct store_db *db = NULL;
	struct err e = {0};
	int rc = store_db_open(&db, state_dir, STORE_DB_LOOK, NULL, &e);

	if (rc == 0 && db != NULL)
		rc = store_db_known_each(db, show_known, &s, &e);
	store_db_close(db);
	return rc < 0 ? error_publish(err, &e, rc) : s.num;
}

/* Hexadecimal of any length, as people write serials: "00ab", "0AB", "ab". */
static bool
serial_of(uint8_t out[STORE_SERIAL_MAX], size_t *len, const char *text)
{
	char even[2 * STORE_SERIAL_MAX + 2];

	while (*text == '0')
		text++;
	if (strlen(text) > (size_t)2 * STORE_SERIAL_MAX)
		return false;
	snprintf(even, sizeof(even), "%s%s", strlen(text) % 2 ? "0" : "", text);
	*len = strlen(even) / 2;
	return text_unhex(out, even, *len);
}

static int
which_of(uint8_t owner[32], uint8_t number[STORE_SERIAL_MAX], size_t *len,
    const char *issuer_key, const char *serial, struct err *e)
{
	if (!text_unhex(owner, issuer_key, 32))
		return err_set(e, E_ARG,
		    "issuer key '%.70s' is not 64 hexadecimal digits",
		    issuer_key);
	if (!serial_of(number, len, serial))
		return err_set(e, E_ARG,
		    "serial '%.140s' is not a hexadecimal number of at most "
		    "%d octets",
		    serial, STORE_SERIAL_MAX);
	return 0;
}

int
revcheck_state_forget(const char *state_dir, const char *issuer_key,
    const char *serial, struct revcheck_error *err)
{
	uint8_t owner[32], number[STORE_SERIAL_MAX];
	struct store_db *db = NULL;
	struct err e = {0};
	size_t len = 0;
	int rc = which_of(owner, number, &len, issuer_key, serial, &e);

	if (rc == 0)
		rc = store_db_open(&db, state_dir, STORE_DB_LOOK, NULL, &e);
	if (rc == 0 && db != NULL)
		rc = store_db_known_forget_serial(
		    db, owner, span_of(number, len), &e);
	store_db_close(db);
	return rc < 0 ? error_publish(err, &e, rc) : rc;
}

/* Of an engine. */

static bool
show_remembered(void *arg, const struct known_revocation *k)
{
	struct showing *s = arg;
	struct revcheck_known out = {.size = sizeof(out),
	    .reason = k->reason,
	    .revoked_at = k->revoked_at,
	    .this_update = k->this_update,
	    .first_seen = k->first_seen};

	text_hex(out.issuer_key, k->owner, sizeof(k->owner));
	text_hex(out.serial, k->serial, k->serial_len);
	text_copy(out.issuer, sizeof(out.issuer), k->issuer);
	text_copy(out.url, sizeof(out.url), k->url);
	s->num++;
	return s->fn(s->arg, &out) == 0;
}

int
revcheck_archive_known(struct revcheck *rc, revcheck_known_fn *fn, void *arg)
{
	struct showing s = {.fn = fn, .arg = arg};

	known_revoked_each(rc->known, show_remembered, &s);
	return s.num;
}

int
revcheck_archive_forget(struct revcheck *rc, const char *issuer_key,
    const char *serial, struct revcheck_error *err)
{
	uint8_t owner[32], number[STORE_SERIAL_MAX];
	struct err e = {0};
	size_t len = 0;
	int code = which_of(owner, number, &len, issuer_key, serial, &e);

	if (code < 0)
		return error_publish(err, &e, code);
	return (int)engine_forget_serial(rc, owner, span_of(number, len));
}
