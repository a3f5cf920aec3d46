/* fetch: one HTTP exchange, for commands that look at a single URL. */
#ifndef REVCHECK_CLI_FETCH_H
#define REVCHECK_CLI_FETCH_H

#include <stdbool.h>
#include <stddef.h>

struct fetch {
	const char *url;
	const void *post; /* NULL: GET */
	size_t post_len;
	const char *content_type; /* of post */
	size_t max_bytes;
	long timeout_ms;
	const char *proxy; /* NULL: none; the environment never counts */
	/* Filled in. */
	unsigned char *body; /* free() */
	size_t len;
	long status;
	double seconds;
};

/* 0 when a status of 200 came with a body; else an exit status, said why. */
int fetch_run(struct fetch *f);

/* "http://" or "https://" in front: not a file name. */
bool fetch_is_url(const char *word);

#endif
