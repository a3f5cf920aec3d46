/*
 * softtoken: a token of SoftHSM for one test, in a directory of its own, and
 * the test's own look into it.
 */
#ifndef TESTS_LIB_SOFTTOKEN_H
#define TESTS_LIB_SOFTTOKEN_H

#include <stdbool.h>

#define SOFTTOKEN_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTTOKEN_PIN    "48151623"

/* Makes ./tokens and a token with that label; sets SOFTHSM2_CONF. */
void softtoken_make(const char *label);

/* What it says of a private key with that label. */
struct softtoken_key {
	unsigned num;
	bool sensitive, extractable, never_extractable;
	bool gives_value; /* the private value could be read */
};
void
softtoken_look(struct softtoken_key *out, const char *token, const char *label);
/* Deletes the private key with that label. */
void softtoken_delete(const char *token, const char *label);

#endif
