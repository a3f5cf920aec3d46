/* describe: serial numbers as people read them, cut to fit. Pure. */
#ifndef REVCHECK_X509_DESCRIBE_H
#define REVCHECK_X509_DESCRIBE_H

#include <stddef.h>

#include <openssl/x509.h>

/* Hexadecimal, at least two digits, '-' in front of a negative one. */
void describe_serial(char *out, size_t cap, const ASN1_INTEGER *serial);

#endif
