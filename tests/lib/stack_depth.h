/*
 * stack_depth: how deep OpenSSL's jobs go. A job's stack is 32 KiB of OpenSSL's
 * heap without a guard page, so its memory is painted when it is allocated, and
 * what has lost its paint was in use.
 */
#ifndef TESTS_LIB_STACK_DEPTH_H
#define TESTS_LIB_STACK_DEPTH_H

#include <stddef.h>

#define STACK_DEPTH_BYTES (32 * 1024) /* OpenSSL's, async_posix.c */
#define STACK_DEPTH_LIMIT (24 * 1024) /* a quarter stays for surprises */

/* Before OpenSSL has allocated anything, or it refuses: 0. */
int stack_depth_begin(void);
/* On a job: this is the stack that is meant. */
void stack_depth_here(void);
/* The deepest so far, of the jobs on that stack; 0: stack_depth_here was not
 * called on one. */
size_t stack_depth_used(void);

#endif
