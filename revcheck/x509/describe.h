/* describe: names and serials as people read them, cut to fit. Pure. */
#ifndef REVCHECK_X509_DESCRIBE_H
#define REVCHECK_X509_DESCRIBE_H

#include <stddef.h>

#include <openssl/x509.h>

/* RFC 4514 form, control and non-ASCII octets escaped; NUL-terminated. */
void describe_name(char *out, size_t cap, const X509_NAME *name);

/* Hexadecimal, at least two digits, '-' in front of a negative one. */
void describe_serial(char *out, size_t cap, const ASN1_INTEGER *serial);

#endif
