/* forks: how many forks lie between an engine and its caller. */
#ifndef REVCHECK_ENGINE_FORKS_H
#define REVCHECK_ENGINE_FORKS_H

/*
 * So many forks this process has come through since it first asked. An engine
 * made at another number has no service thread here. Thread-safe.
 */
unsigned forks_count(void);

#endif
