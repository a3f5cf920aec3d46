/*
 * local_crls: CRL files and directories that the operator keeps, read when the
 * engine starts and again whenever they change. A file that is no CRL any more
 * leaves what it held before in force; of a file that changed, the version
 * before stays as a second witness, so that a forged one pushes nothing out.
 */
#ifndef REVCHECK_ENGINE_LOCAL_CRLS_H
#define REVCHECK_ENGINE_LOCAL_CRLS_H

#include "revcheck/engine/engine_state.h"

struct local_crls;

/*
 * local_crls_new reads everything once before it returns, and watches from then
 * on (on the service thread). paths is NULL-terminated. E_IO naming a path that
 * is not there; *out is to be stopped and freed even then. Files that are no
 * CRLs are logged and passed over. Not on the service thread.
 */
int local_crls_new(struct local_crls **out, struct revcheck *rc,
    const char *const *paths, struct err *err) MUST_USE;

/* Service thread: ends watching. Before local_crls_free. */
void local_crls_stop(struct local_crls *l);
void local_crls_free(struct local_crls *l);

#endif
