/*
 * denied: one entry of the denylist: from its description in JSON, from and to
 * a row, to JSON and to the engine. Pure.
 */
#ifndef GATEWAY_STATE_DENIED_H
#define GATEWAY_STATE_DENIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gateway/state/state_db.h"
#include "revcheck/revcheck.h"

#define DENIED_ID_SIZE    17
#define DENIED_MAX_SERIAL 64 /* octets, a zero before a high bit among them */
/* The last date that RFC 3339 can write: 9999-12-31T23:59:59Z. */
#define DENIED_MAX_UNTIL INT64_C(253402300799)

/* Zeroed is empty and cleanable. */
struct denied {
	char id[DENIED_ID_SIZE]; /* half of a digest of what it denies */
	uint8_t *issuer;         /* DER Name; NULL with spki */
	size_t issuer_len;
	uint8_t serial[DENIED_MAX_SERIAL]; /* content octets, minimal */
	size_t serial_len;
	uint8_t spki[32];
	bool is_spki;
	int64_t until, added_at; /* until 0: for ever */
	char *note, *who;
	char *subject; /* of the certificate that was given, or NULL */
};
void denied_cleanup(struct denied *e);

/*
 * From {"certificate": PEM} or {"issuer": DN in base64 DER, "serial": hex} or
 * {"spkiSha256": hex}, with "reason" and "until" (RFC 3339 or seconds)
 * optional. The id is made of what is denied, so that adding twice is once.
 * E_PARSE when the description is wrong.
 */
int denied_parse(struct denied *e, const cJSON *o, const char *who,
    struct err *err) MUST_USE;
/*
 * What a start does with a row, and what was just written is held against. The
 * id says what is denied, so that a row which was changed by hand shows:
 * E_PARSE naming table and id.
 */
int denied_of_row(
    struct denied *e, const struct state_row *row, struct err *err) MUST_USE;
bool denied_same(const struct denied *a, const struct denied *b);
/* Lends. */
struct revcheck_deny denied_deny(const struct denied *e);
cJSON *denied_json(const struct denied *e);
/* What denied_json made, whole; E_PARSE when its id is that of another. */
int denied_of_json(struct denied *e, const cJSON *o, struct err *err) MUST_USE;

#endif
