/*
 * local_crls: CRL files and directories of the operator, read when the engine
 * starts and again whenever they change. If a file can no longer be read as a
 * CRL, what it held before stays in force; if its content changed, the version
 * before stays as evidence, too, so that a forged CRL does not replace a
 * genuine one.
 */
#ifndef REVCHECK_ENGINE_LOCAL_CRLS_H
#define REVCHECK_ENGINE_LOCAL_CRLS_H

#include "revcheck/engine/engine_state.h"

struct local_crls;

/*
 * local_crls_new reads everything once before it returns, and watches from then
 * on (on the service thread). paths is NULL-terminated. E_IO naming a path that
 * does not exist; *out must be stopped and freed even then. Files that are not
 * CRLs are logged and skipped. Not on the service thread.
 */
int local_crls_new(struct local_crls **out, struct revcheck *rc,
    const char *const *paths, struct err *err) MUST_USE;

/* Service thread: ends watching. Before local_crls_free. */
void local_crls_stop(struct local_crls *l);
void local_crls_free(struct local_crls *l);

#endif
