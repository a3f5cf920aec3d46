/*
 * path_memory: the path that was found for a list of certificates, so that
 * asking again about the same list costs no signature checks. Written once for
 * a list, immutable, freed with it; any thread.
 */
#ifndef REVCHECK_X509_PATH_MEMORY_H
#define REVCHECK_X509_PATH_MEMORY_H

#include <stdbool.h>

#include "revcheck/x509/certs.h"
#include "revcheck/x509/trust_path.h"

struct path_memory;

/*
 * True and *out (references) when the list had a path under this trust, by
 * the same order but for its time, and all of its dates hold at order->at.
 */
bool
path_memory_recall(const struct revcheck_certs *certs, struct trust_path *out,
    const struct revcheck_trust *trust, const struct trust_path_order *order);

/* The first path stays. Running out of memory is harmless. */
void path_memory_keep(const struct revcheck_certs *certs,
    const struct trust_path *path, struct revcheck_trust *trust,
    const struct trust_path_order *order);

void path_memory_free(struct path_memory *m);

#endif
