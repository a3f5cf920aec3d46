/*
 * watch: a CRL file, or a directory of them, as a source: read at once, and
 * again whenever it changes (inotify), on the service thread. Files are read
 * whole, never mapped: they belong to others, who may write into them.
 */
#ifndef CACHE_ENGINE_WATCH_H
#define CACHE_ENGINE_WATCH_H

#include "cache/engine/archive.h"

struct archive_watch;

/*
 * Told on the service thread for every file found, changed or gone. e is a
 * draft that no acceptor has seen (origin FILE, url the path), borrowed; NULL
 * with why when the file cannot be read as a CRL, NULL without when it is
 * gone. After archive_watch_free nothing is told.
 */
typedef void archive_watch_fn(
    void *arg, const char *path, struct evidence *e, const struct err *why);

/*
 * path: a file or a directory that exists (hidden files in it are ignored).
 * Service thread only; what is there already is told soon, not from inside.
 */
int archive_watch_new(struct archive_watch **out, struct archive *a,
    const char *path, archive_watch_fn *fn, void *arg,
    struct err *err) MUST_USE;
void archive_watch_free(struct archive_watch *w);

#endif
