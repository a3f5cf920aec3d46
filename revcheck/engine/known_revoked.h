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
#define KNOWN_BY_MAX     128

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
	/* By another engine's word: whose, and the number of its CRL. */
	char by[KNOWN_BY_MAX];
	uint8_t number[KNOWN_SERIAL_MAX];
	size_t number_len;
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

/*
 * Remembers a word. True when that is news: not known before, or by evidence
 * that is newer.
 */
bool known_revoked_put_newer(
    struct known_revoked *m, const struct known_revocation *k);

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

/* Octets of a hexadecimal number, without leading zeros; 0: it is none. */
size_t known_revoked_number(uint8_t out[KNOWN_SERIAL_MAX], const char *hex);

/*
 * A word counts where what was found is not good, and against a good of
 * evidence that is older than what the word names: by thisUpdate, and in the
 * same second by number.
 */
bool known_revoked_word_counts(
    const struct known_revocation *k, const struct revcheck_result *found);
/* As an answer, in place of what was found. */
void known_revoked_tell_word(
    const struct known_revocation *k, struct revcheck_result *res);

#endif
