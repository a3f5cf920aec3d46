/*
 * denylist: certificates and keys that are refused in every mode, whatever
 * their CA says. Counted and immutable: any thread may search it.
 */
#ifndef REVCHECK_ENGINE_DENYLIST_H
#define REVCHECK_ENGINE_DENYLIST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cache/base/error.h"
#include "revcheck/revcheck.h"

struct denylist;
struct denylist *denylist_up_ref(struct denylist *d);
void denylist_free(struct denylist *d);
int denylist_new(struct denylist **out, const struct revcheck_deny *list,
    size_t num, struct err *err) MUST_USE;
/* What is denied by d (may be NULL), and the entry in place of its like. */
int denylist_with(struct denylist **out, const struct denylist *d,
    const struct revcheck_deny *entry, struct err *err) MUST_USE;
/* The same without it; 1: there was one, 0: there was none. */
int denylist_without(struct denylist **out, const struct denylist *d,
    const struct revcheck_deny *entry, struct err *err) MUST_USE;
/* The note of the entry that names this certificate, or NULL. */
const char *denylist_find(const struct denylist *d, X509 *cert,
    const uint8_t spki_sha256[32], time_t at);
bool denylist_empty(const struct denylist *d);

#endif
