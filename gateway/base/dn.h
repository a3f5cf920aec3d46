/*
 * dn: a certificate's subject as people and lists write it (RFC 2253).
 */
#ifndef GATEWAY_BASE_DN_H
#define GATEWAY_BASE_DN_H

#include <stdbool.h>

#include <openssl/x509.h>

#define DN_MAX 512

/*
 * RFC 2253 text, malloc'ed, to be compared with lists; NULL for the empty name
 * and when it cannot be written. What is shown is subject_show's.
 */
char *dn_dup(const X509_NAME *name);
/* The same; false, and "", when there is none or it does not fit. */
bool dn_text(char out[DN_MAX], X509 *cert);
bool dn_name_text(char out[DN_MAX], const X509_NAME *name);

/* From RFC 2253 text, last RDN first; NULL when it is none. */
X509_NAME *dn_parse(const char *text);

/* The same attributes, in any order: as Corda compares members' names. */
#define DN_MAX_PARTS 32
bool dn_same(const X509_NAME *a, const X509_NAME *b);

#endif
