/*
 * conn_terms: what a configuration asks of a connection's peer.
 */
#ifndef GATEWAY_DATAPLANE_CONN_TERMS_H
#define GATEWAY_DATAPLANE_CONN_TERMS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/tls/admission.h"

struct conn;
struct runtime;

/*
 * By the configuration of runtime, which lends the terms: the connection's
 * own, or a newer one, where *link becomes its link's index. False when there
 * is no place for it there any more.
 */
bool conn_get_terms(const struct conn *c, const struct runtime *runtime,
    struct admission_terms *terms, size_t *link);

#endif
