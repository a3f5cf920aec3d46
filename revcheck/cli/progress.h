/*
 * progress: one line on a terminal's stderr that says how a long download or a
 * long list goes on. Nothing anywhere else, nor before half a second has
 * passed. Thread-safe.
 */
#ifndef REVCHECK_CLI_PROGRESS_H
#define REVCHECK_CLI_PROGRESS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Switches it on where stderr is a terminal. */
void progress_start(void);
/* So many of a list are done; total 0: there is no list. */
void progress_count(size_t done, size_t total);
/*
 * What is asked for now: bytes so far, 0 while nothing came; total 0 where it
 * is not known. url NULL: nothing any more.
 */
void progress_download(const char *url, uint64_t bytes, uint64_t total);
/*
 * pthread_cond_wait that keeps the line up to date: it may return without a
 * signal, as that may.
 */
void progress_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
/* Wipes the line, before something else is written. */
void progress_clear(void);

#endif
