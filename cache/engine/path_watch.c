/* path_watch: see the header. Owns one inotify descriptor. */
#include "cache/engine/path_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/inotify.h>
#include <sys/stat.h>

/* Names in directories that are looked at; the rest is found by looking. */
#define PLACES_MAX 1024
/* As the kernel's own bound. */
#define LINKS_MAX 40

#define MASK                                                        \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | \
	    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
	    IN_ONLYDIR)

/* A name in a directory that matters, or all of them. */
struct place {
	int wd;
	unsigned round;
	char *dir, *name; /* owned; name NULL: all */
};

struct path_watch {
	int fd;
	unsigned round;
	size_t num;
	struct place v[PLACES_MAX];
};

struct path_watch *
path_watch_new(void)
{
	struct path_watch *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return p;
}

static void
place_cleanup(struct place *at)
{
	free(at->dir);
	free(at->name);
}

void
path_watch_free(struct path_watch *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->num; i++)
		place_cleanup(&p->v[i]);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

int
path_watch_fd(const struct path_watch *p)
{
	return p->fd;
}

void
path_watch_begin(struct path_watch *p)
{
	p->round++;
}

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Each time anew: the directory of that path may be another one by now. */
static void
watch(struct path_watch *p, const char *dir, const char *name)
{
	struct place *at = p->v, *end = p->v + p->num;
	int wd;

	if (p->fd < 0)
		return;
	wd = inotify_add_watch(p->fd, dir, MASK);
	if (wd < 0)
		return;
	while (at < end && (at->wd != wd || !same_name(at->name, name)))
		at++;
	if (at < end) {
		at->round = p->round;
		return;
	}
	if (p->num == PLACES_MAX)
		return;
	*at = (struct place){.wd = wd,
	    .round = p->round,
	    .dir = strdup(dir),
	    .name = name != NULL ? strdup(name) : NULL};
	if (at->dir == NULL || (name != NULL && at->name == NULL))
		place_cleanup(at);
	else
		p->num++;
}

static bool
join(char out[PATH_MAX], const char *dir, const char *name)
{
	const char *sep = strcmp(dir, "/") == 0 ? "" : "/";

	return snprintf(out, PATH_MAX, "%s%s%s", dir, sep, name) < PATH_MAX;
}

/* The next component of rest, cut off; false: there is none. */
static bool
next_name(char name[NAME_MAX + 1], char rest[PATH_MAX])
{
	size_t from = strspn(rest, "/"), len = strcspn(rest + from, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, rest + from, len);
	name[len] = '\0';
	memmove(rest, rest + from + len, strlen(rest + from + len) + 1);
	return true;
}

/* path is a link: rest is what it says, and then what was left. */
static bool
follow(const char *path, char rest[PATH_MAX])
{
	char target[PATH_MAX], left[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len <= 0)
		return false;
	target[len] = '\0';
	memcpy(left, rest, PATH_MAX);
	return snprintf(rest, PATH_MAX, "%s%s", target, left) < PATH_MAX;
}

void
path_watch_add(struct path_watch *p, const char *path, bool whole)
{
	char at[PATH_MAX], to[PATH_MAX], rest[PATH_MAX] = {0};
	char name[NAME_MAX + 1];
	unsigned links = 0;
	struct stat st;

	if (strlen(path) >= sizeof(rest))
		return;
	strcpy(rest, path);
	strcpy(at, path[0] == '/' ? "/" : ".");
	while (next_name(name, rest)) {
		watch(p, at, name);
		if (!join(to, at, name) || lstat(to, &st) != 0)
			return;
		if (!S_ISLNK(st.st_mode)) {
			memcpy(at, to, sizeof(at));
			continue;
		}
		if (++links > LINKS_MAX || !follow(to, rest))
			return;
		if (rest[0] == '/')
			strcpy(at, "/"); /* NOLINT(likewise) */
	}
	if (whole)
		watch(p, at, NULL);
}

static bool
still_watched(const struct path_watch *p, int wd)
{
	for (size_t i = 0; i < p->num; i++)
		if (p->v[i].wd == wd)
			return true;
	return false;
}

void
path_watch_end(struct path_watch *p)
{
	size_t i = 0;

	while (i < p->num) {
		struct place gone = p->v[i];

		if (gone.round == p->round) {
			i++;
			continue;
		}
		p->v[i] = p->v[--p->num];
		if (!still_watched(p, gone.wd))
			(void)inotify_rm_watch(p->fd, gone.wd);
		place_cleanup(&gone);
	}
}

/* A file that somebody begins to write: its end will be told, too. */
static bool
only_begun(const struct place *at, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct stat st;

	return (e->mask & (IN_CREATE | IN_ISDIR)) == IN_CREATE &&
	    join(path, at->dir, e->name) && lstat(path, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static bool
matters(const struct path_watch *p, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < p->num; i++) {
		const struct place *at = &p->v[i];

		if (at->wd != e->wd)
			continue;
		if (e->len == 0)
			return true; /* the directory itself */
		if ((at->name == NULL || strcmp(at->name, e->name) == 0) &&
		    !only_begun(at, e))
			return true;
	}
	return false;
}

bool
path_watch_drain(struct path_watch *p)
{
	_Alignas(struct inotify_event) char buf[16384];
	const struct inotify_event *e;
	bool any = false;
	ssize_t len;

	while (p->fd >= 0 && (len = read(p->fd, buf, sizeof(buf))) > 0) {
		for (char *at = buf; at < buf + len;
		     at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(void *)at;
			any = any || matters(p, e);
		}
	}
	return any;
}
