/* password_prompt: a password from standard input. Main thread. */
#ifndef GATEWAY_PROCESS_PASSWORD_PROMPT_H
#define GATEWAY_PROCESS_PASSWORD_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The first line. On a terminal it is asked for, twice, and not shown. False:
 * there is none, or they differ; that is said.
 */
bool password_prompt(char *out, size_t size);

#endif
