/*
 * subject: how names of certificates are shown to people, in logs, reports and
 * headers. Never empty for a certificate, always printable ASCII, cut where it
 * does not fit. What decides compares names and not this text. Pure; any
 * thread; cannot fail.
 *
 *   O=Alice,L=London,C=GB          as in RFC 2253
 *   O=Alice AAAA...<sha256=5d3c..> cut, and the hash of the encoded name
 *   DNS:alice.example              no subject: the first alternative name
 *   <sha256=5d3c...>               neither: the hash of the certificate
 *
 * In RFC 2253 text '<' is escaped and a type has no colon, so that no subject
 * looks like one of the others.
 */
#ifndef CACHE_BASE_SUBJECT_H
#define CACHE_BASE_SUBJECT_H

#include <stddef.h>

#include <openssl/x509.h>

/* From here on a cut name has room for its hash; below it is cut only. */
#define SUBJECT_ROOM_HASH 160

/* room: bytes at out, at least 1. */
void subject_show(char *out, size_t room, X509 *cert);
/* "" for NULL and for the empty name. */
void subject_show_name(char *out, size_t room, const X509_NAME *name);

#endif
