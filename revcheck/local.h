/*
 * local: CRL files and directories that the operator keeps, read when the
 * engine starts and again whenever they change (inotify). A file that cannot
 * be read as a CRL any more leaves what it held before in force; of a file
 * that changed, the version before stays as a second witness, so that a
 * forged one pushes nothing out.
 */
#ifndef REVCHECK_LOCAL_H
#define REVCHECK_LOCAL_H

#include "revcheck/engine.h"

struct local;

/*
 * local_new reads everything once; paths is NULL-terminated. E_IO naming a
 * path that is not there. Files that are no CRLs are logged and passed over.
 */
int local_new(struct local **out, struct revcheck *rc, const char *const *paths,
    struct err *err) MUST_USE;

/* Service thread: begins to watch; ends watching. */
void local_start(struct local *l);
void local_stop(struct local *l);

void local_free(struct local *l);

#endif
