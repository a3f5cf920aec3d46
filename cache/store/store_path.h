/* store_path: names inside a state directory. */
#ifndef CACHE_STORE_STORE_PATH_H
#define CACHE_STORE_STORE_PATH_H

#include "cache/evidence/evidence.h"

#define STORE_PATH_MAX 4096
#define STORE_TEMP     ".tmp"
#define STORE_ASIDE    "aside"

/*
 * store_path: where key is kept, or (sub) where it goes in another directory
 * of the store. False: too long.
 */
bool store_path(char out[STORE_PATH_MAX], const char *dir,
    const struct evidence_key *key, const char *sub);

#endif
