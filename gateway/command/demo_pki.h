/*
 * demo_pki: a private CA to try a gateway with. root.pem is the anchor,
 * root-key.pem signs more; gateway, good and revoked each have a .pem and a
 * .key; root.crl revokes the last. For trying: nobody renews it.
 */
#ifndef GATEWAY_COMMAND_DEMO_PKI_H
#define GATEWAY_COMMAND_DEMO_PKI_H

#include <time.h>

#include "cache/base/error.h"

#define DEMO_PKI_DAYS 30

/* Into dir, which is there and has none of them. */
int demo_pki_make(const char *dir, time_t now, struct err *err) MUST_USE;

#endif
