/*
 * denylist: certificates and keys the operator has shut out, effective at
 * once and in every mode. Kept in the state directory. Control thread only.
 */
#ifndef GATEWAY_STATE_DENYLIST_H
#define GATEWAY_STATE_DENYLIST_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "revcheck/revcheck.h"

#define DENYLIST_MAX 100000

struct denylist;

int denylist_open(struct denylist **out, const char *dir, const struct log *log,
    struct err *err) MUST_USE;
void denylist_close(struct denylist *d);

/* Gives the whole list to the engine. */
int denylist_apply(
    const struct denylist *d, struct revcheck *rc, struct err *err) MUST_USE;

/*
 * Adds an entry described by JSON: {"certificate": PEM} or {"issuer": DN in
 * RFC 2253 text or base64 DER, "serial": hex} or {"spkiSha256": hex}, with
 * "reason" and "until" (RFC 3339 or seconds) optional. Written, then given to
 * the engine. *id is its name, made of what it denies, so that adding twice
 * is once. E_PARSE when the description is wrong.
 */
#define DENYLIST_ID_SIZE 17
int denylist_add(struct denylist *d, struct revcheck *rc, const cJSON *entry,
    const char *who, char id[DENYLIST_ID_SIZE], struct err *err) MUST_USE;

/* E_ARG when there is no such entry. */
int denylist_remove(struct denylist *d, struct revcheck *rc, const char *id,
    struct err *err) MUST_USE;

/* Array of entries; NULL when out of memory. */
cJSON *denylist_json(const struct denylist *d);
size_t denylist_num(const struct denylist *d);

#endif
