/*
 * bundle_header: what a bundle says about a piece of evidence before its bytes:
 * lines of text, and an empty one at the end. Pure; any thread. What it reads
 * is not authenticated.
 */
#ifndef REVCHECK_API_BUNDLE_HEADER_H
#define REVCHECK_API_BUNDLE_HEADER_H

#include "cache/store/store.h"

#define BUNDLE_HEADER_MAX 4096

/* Returns its length. */
size_t bundle_header_write(
    char text[BUNDLE_HEADER_MAX], const struct store_meta *m, size_t der_len);

/*
 * text: up to the empty line and with it; written to while it is read. False
 * when it is not one.
 */
bool bundle_header_read(char *text, struct store_meta *m, size_t *der_len);

#endif
