/*
 * file_stamp: what tells one state of a file from the next, so that a reload
 * reads again what has changed and nothing else: three thousand private keys
 * take seconds to decode.
 */
#ifndef GATEWAY_BASE_FILE_STAMP_H
#define GATEWAY_BASE_FILE_STAMP_H

#include <stdbool.h>

#include <sys/types.h>
#include <time.h>

/* All zero: not known, and like no other. */
struct file_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	bool settled; /* old enough: a later change has another time */
};

/* Take it before reading the file. */
void file_stamp_take(struct file_stamp *s, const char *path);

/* Whether what was read after `before` is what `now` would give. */
bool
file_stamp_same(const struct file_stamp *before, const struct file_stamp *now);

#endif
