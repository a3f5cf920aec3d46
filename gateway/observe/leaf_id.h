/*
 * leaf_id: which certificate it was, as a denylist wants to know it: issuer and
 * serial number. Borrows their bytes; any thread.
 */
#ifndef GATEWAY_OBSERVE_LEAF_ID_H
#define GATEWAY_OBSERVE_LEAF_ID_H

#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "cache/base/span.h"

struct leaf_id {
	struct span issuer; /* DER */
	struct span serial; /* empty: no certificate that a list could name */
};

/* Borrows from cert, which may be NULL. */
struct leaf_id leaf_id_of(X509 *cert);
/* Adds "leaf": {"issuer": base64 of DER, "serial": hexadecimal}, if any. */
void leaf_id_add(cJSON *o, struct leaf_id id);

#endif
