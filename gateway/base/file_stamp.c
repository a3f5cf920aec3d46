/*
 * file_stamp: compares stat(2). A file written twice within the grain of its
 * system's clock looks the same, so a stamp younger than that proves nothing.
 */
#include "gateway/base/file_stamp.h"

#include <string.h>

#include <sys/stat.h>

#define GRAIN_SEC 2

void
file_stamp_take(struct file_stamp *s, const char *path)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->size = st.st_size;
	s->mtime = st.st_mtim;
	s->ctime = st.st_ctim;
	s->settled = st.st_ctim.tv_sec + GRAIN_SEC < time(NULL);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
file_stamp_same(const struct file_stamp *before, const struct file_stamp *now)
{
	return before->settled && before->dev == now->dev &&
	    before->ino == now->ino && before->size == now->size &&
	    same_time(&before->mtime, &now->mtime) &&
	    same_time(&before->ctime, &now->ctime);
}
