/* store_path: names inside a state directory; for cache/store*.c and disk.c. */
#ifndef CACHE_STORE_STORE_PATH_H
#define CACHE_STORE_STORE_PATH_H

#include "cache/evidence/evidence.h"

#define STORE_PATH_MAX 4096
#define STORE_TEMP     ".tmp"
#define STORE_ASIDE    "aside"

void store_hex(char *out, const uint8_t *p, size_t len);
/* store_unhex reads 2*len digits and then the end of text. */
bool store_unhex(uint8_t *out, const char *text, size_t len);

/*
 * store_path: where key is kept, or (sub) where it goes in another directory
 * of the store. False: too long.
 */
bool store_path(char out[STORE_PATH_MAX], const char *dir,
    const struct evidence_key *key, const char *sub);

#endif
