/*
 * seal: what a fleet writes into an engine that it need not trust: AES-256-GCM
 * with a key made from the fleet's secret (HKDF-SHA-256, RFC 5869), bound to
 * the fleet, the kind, the key's name and n. So nobody without the secret can
 * read a record, make one, change one, or move one to another name.
 *
 *   which secret (1) | n, big-endian (8) | nonce (12) | text | tag (16)
 *
 * n is in the clear and authenticated. Thread-safe after it was read.
 */
#ifndef GATEWAY_FLEET_SEAL_H
#define GATEWAY_FLEET_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/fleet/record.h"

#define FLEET_SEAL_MORE 37u /* octets beside the text */

struct fleet_seal;

/*
 * Reads a secret of 16 to 255 characters (white space at the end is none of
 * it), and the one of before, which opens and never seals; NULL: none. E_IO,
 * E_PARSE name the file.
 */
int fleet_seal_new(struct fleet_seal **out, const char *file,
    const char *previous_file, struct err *err) MUST_USE;
/* Wipes the keys. */
void fleet_seal_free(struct fleet_seal *s);

/* What a record is bound to. */
struct fleet_seal_place {
	const char *id; /* of the fleet; "" for the record of identity */
	enum fleet_kind kind;
	const char *key;
	int64_t n;
	bool previous; /* opened: with the secret of before */
};

/* *out is to be freed. E_LIMIT beyond FLEET_MAX_JSON, E_NOMEM. */
int fleet_seal_close(const struct fleet_seal *s,
    const struct fleet_seal_place *place, const char *text, size_t len,
    uint8_t **out, size_t *out_len, struct err *err) MUST_USE;

/*
 * Opens what was sealed for this place, whose n and previous are set.
 * *text has a NUL after its len octets and is to be freed. E_PARSE: it was not
 * sealed with one of the secrets for this place, and nothing more is said.
 */
int fleet_seal_open(const struct fleet_seal *s, struct fleet_seal_place *place,
    const uint8_t *sealed, size_t sealed_len, char **text, size_t *len,
    struct err *err) MUST_USE;

/* Looks like a text without a number that another secret has sealed. Anybody
 * can write such a thing. */
bool fleet_seal_is_foreign(
    const struct fleet_seal *s, const uint8_t *sealed, size_t len);

#endif
