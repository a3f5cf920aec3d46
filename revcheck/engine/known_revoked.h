/*
 * known_revoked: certificates that were found revoked. They stay so when the
 * evidence was evicted or cannot be had, and when their CA does not list them
 * any more, until a hold is lifted or an operator says forget. Bounded,
 * thread-safe; who is not in it is told apart without a lock.
 */
#ifndef REVCHECK_ENGINE_KNOWN_REVOKED_H
#define REVCHECK_ENGINE_KNOWN_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "revcheck/revcheck.h"

/* So many at least are kept; the longest known give way beyond. */
#define KNOWN_REVOKED_MAX 262144

#define KNOWN_SERIAL_MAX 64
#define KNOWN_URL_MAX    256
#define KNOWN_ISSUER_MAX 160

struct known_revocation {
	uint8_t identity[32]; /* issuer key, serial, anchor (cert_sources) */
	uint8_t owner[32];    /* SHA-256 of the issuer's key */
	uint8_t serial[KNOWN_SERIAL_MAX]; /* without leading zeros */
	size_t serial_len;
	int reason; /* REVCHECK_REASON_* */
	time_t revoked_at;
	time_t this_update; /* of the evidence */
	time_t first_seen;
	char url[KNOWN_URL_MAX];
	char issuer[KNOWN_ISSUER_MAX]; /* for people */
};

struct known_revoked;

struct known_revoked *known_revoked_new(void);
void known_revoked_free(struct known_revoked *m);

/*
 * Remembers k. True when that is news, and worth storing: not known before, or
 * for another reason, or a hold said again. A revocation that is no hold is not
 * made one. Without memory it is not remembered, and news.
 */
bool
known_revoked_put(struct known_revoked *m, const struct known_revocation *k);

/* False: not known. */
bool known_revoked_get(const struct known_revoked *m,
    const uint8_t identity[32], struct known_revocation *out);

/* Whether it was there. */
bool known_revoked_forget(struct known_revoked *m, const uint8_t identity[32]);

/* All of this issuer key and serial, whatever their anchors; how many. */
size_t known_revoked_forget_serial(struct known_revoked *m,
    const uint8_t owner[32], const uint8_t *serial, size_t serial_len);

size_t known_revoked_num(const struct known_revoked *m);

/* Shows all of them until fn returns false; fn must not call back. */
void known_revoked_each(const struct known_revoked *m,
    bool (*fn)(void *arg, const struct known_revocation *k), void *arg);

/* What is known, as an answer. listed: its CA answers, and does not list it. */
void known_revoked_tell(const struct known_revocation *k, bool unlisted,
    struct revcheck_result *res);

#endif
