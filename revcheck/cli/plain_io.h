/* plain_io: octets and lines on a socket that does not block, bounded. */
#ifndef REVCHECK_CLI_PLAIN_IO_H
#define REVCHECK_CLI_PLAIN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAIN_MAX_LINE 2048
#define PLAIN_MAX_ALL  65536 /* octets of one conversation */

struct plain {
	int fd;
	uint64_t end_mono_ms;
	unsigned char buf[4096]; /* received, not taken yet: from..to */
	size_t from, to, all;
	char text[256]; /* why something failed */
};

/* All return false with text: the end, the time, the bounds. */
bool plain_send(struct plain *p, const void *data, size_t len);
bool plain_take(struct plain *p, void *out, size_t len);
/* A line without its end, of printable text; NUL-terminated. */
bool plain_line(struct plain *p, char out[PLAIN_MAX_LINE]);
bool plain_say(struct plain *p, const char *line);
/* Fails for good, with a sentence. */
bool plain_fail(struct plain *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether there is anything that was not asked for. */
bool plain_has_more(const struct plain *p);

#endif
