/*
 * crl_files: a CRL file, or a directory of them, as a source: read at once, and
 * again whenever it changes (inotify), on the service thread. Files are read
 * whole and not mapped: their owner may write into them.
 */
#ifndef CACHE_ENGINE_CRL_FILES_H
#define CACHE_ENGINE_CRL_FILES_H

#include "cache/engine/archive.h"

struct crl_files;

/*
 * Called on the service thread for every file found, changed or gone. e is a
 * draft that no acceptor has seen (origin FILE, url the path), borrowed; NULL
 * with why when the file cannot be read as a CRL, NULL without when it is gone.
 * Not called after crl_files_free.
 */
typedef void crl_files_fn(
    void *arg, const char *path, struct evidence *e, const struct err *why);

/*
 * path: a file or a directory that exists (hidden files in it are ignored).
 * Service thread only; what is there already is reported soon, not from inside.
 */
int crl_files_new(struct crl_files **out, struct archive *a, const char *path,
    crl_files_fn *fn, void *arg, struct err *err) MUST_USE;
/* Whether there is such a file or directory to watch. */
int crl_files_check(const char *path, struct err *err) MUST_USE;
void crl_files_free(struct crl_files *w);

#endif
