/*
 * leaf_id: which certificate it was, as a denylist wants to know it: issuer and
 * serial number. Counted, immutable; any thread.
 */
#ifndef GATEWAY_OBSERVE_LEAF_ID_H
#define GATEWAY_OBSERVE_LEAF_ID_H

#include <cjson/cJSON.h>
#include <openssl/x509.h>

struct leaf_id;

/* Copies what it needs; NULL without a certificate, and without memory. */
struct leaf_id *leaf_id_new(X509 *cert);
/* NULL is fine for all of these. */
struct leaf_id *leaf_id_up_ref(struct leaf_id *id);
void leaf_id_free(struct leaf_id *id);
/* Adds "leaf": {"issuer": base64 of DER, "serial": hexadecimal}. */
void leaf_id_add(cJSON *o, const struct leaf_id *id);

#endif
