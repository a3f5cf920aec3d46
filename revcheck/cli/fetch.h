/* fetch: one HTTP exchange, for what the engine does not fetch. */
#ifndef REVCHECK_CLI_FETCH_H
#define REVCHECK_CLI_FETCH_H

#include <stdbool.h>
#include <stddef.h>

struct revcheck_addresses;

struct fetch {
	const char *url;
	const void *post; /* NULL: GET */
	size_t post_len;
	const char *content_type; /* of post */
	size_t max_bytes;
	long timeout_ms;   /* redirects included */
	const char *proxy; /* NULL: none; the environment never counts */
	const char *https_ca_file; /* NULL: the system's */
	/*
	 * NULL: the URL was given by who runs the command, and is fetched as it
	 * is. Else it is a certificate's: where it, what it resolves to and
	 * what it redirects to may not be asked, it is not.
	 */
	const struct revcheck_addresses *addresses;
	bool quiet; /* a failure is told in text alone */
	/* Filled in. */
	unsigned char *body; /* free() */
	size_t len;
	long status;
	double seconds;
	char text[256]; /* why it failed */
};

/* 0 when a status of 200 came with a body; else an exit status, said why. */
int fetch_run(struct fetch *f);

/* "http://" or "https://" in front: not a file name. */
bool fetch_is_url(const char *word);

#endif
