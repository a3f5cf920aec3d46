/*
 * subject: a certificate's subject as people and lists write it (RFC 2253).
 */
#ifndef GATEWAY_SUBJECT_H
#define GATEWAY_SUBJECT_H

#include <stdbool.h>

#include <openssl/x509.h>

#define SUBJECT_MAX 512

/* false, and "?", when it does not fit or cannot be written. */
bool subject_text(char out[SUBJECT_MAX], X509 *cert);

#endif
