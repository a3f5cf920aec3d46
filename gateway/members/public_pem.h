/* public_pem: the public half of a key as text. Pure, any thread. */
#ifndef GATEWAY_MEMBERS_PUBLIC_PEM_H
#define GATEWAY_MEMBERS_PUBLIC_PEM_H

#include <openssl/evp.h>

/* SubjectPublicKeyInfo in PEM; free() it. NULL when out of memory. */
char *public_pem(EVP_PKEY *key);

#endif
