/*
 * path_watch: told by inotify when what a path leads to may have changed: the
 * file, its directory, every directory and every symbolic link on the way. A
 * hint: what a kernel does not tell (network file systems, bind mounts), or
 * what there are no watches left for, has to be looked for. One thread.
 */
#ifndef CACHE_ENGINE_PATH_WATCH_H
#define CACHE_ENGINE_PATH_WATCH_H

#include <stdbool.h>

struct path_watch;

/* NULL: out of memory. Without inotify it tells nothing. */
struct path_watch *path_watch_new(void);
void path_watch_free(struct path_watch *p);

/* Readable when there is something to drain; -1: there is no inotify. */
int path_watch_fd(const struct path_watch *p);

/*
 * All paths are added anew in each round; what was added before it and not in
 * it is not watched any more after the end. The path need not exist: what of it
 * does is watched. whole: of a directory every name in it counts.
 */
void path_watch_begin(struct path_watch *p);
void path_watch_add(struct path_watch *p, const char *path, bool whole);
void path_watch_end(struct path_watch *p);

/* Takes what was told; whether any of it may matter. Does not block. */
bool path_watch_drain(struct path_watch *p);

#endif
