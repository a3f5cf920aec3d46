/* store_file: see the header. */
#include "cache/store/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include "cache/base/text.h"

#define TEMP         ".tmp"
#define OLD_TEMP_SEC 600
#define MAX_ASIDE    64

void
store_file_path(
    char out[STORE_PATH_MAX], const char *dir, const uint8_t sha256[32])
{
	char hex[65];

	text_hex(hex, sha256, 32);
	snprintf(out, STORE_PATH_MAX, "%s/v2/crl/%.2s/%s.crl", dir, hex, hex);
}

int
store_file_mkdir(const char *path, struct err *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_sys(err, "cannot make '%s'", path);
	return 0;
}

/* Writing. */

static int
write_whole(int fd, struct span bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		n = write(fd, bytes.p, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

static int
write_new(const char *path, struct span bytes)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int saved;

	if (fd < 0)
		return -1;
	if (write_whole(fd, bytes) == 0 && fsync(fd) == 0)
		return close(fd);
	saved = errno;
	close(fd);
	unlink(path);
	errno = saved;
	return -1;
}

/* The directory of path, made if need be; its descriptor. */
static int
parent_open(const char *path)
{
	char dir[STORE_PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return -1;
	*slash = '\0';
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
store_file_write(
    const char *dir, const uint8_t sha256[32], struct span der, struct err *err)
{
	char path[STORE_PATH_MAX], temp[STORE_PATH_MAX + 32];
	struct stat st;
	int parent, rc = 0;

	store_file_path(path, dir, sha256);
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == der.len)
		return 0;
	parent = parent_open(path);
	if (parent < 0)
		return err_sys(err, "cannot open the directory of '%s'", path);
	/* One thread a process writes here: a number names the file. */
	snprintf(temp, sizeof(temp), "%s" TEMP ".%ld", path, (long)getpid());
	if (write_new(temp, der) != 0) {
		rc = err_sys(err, "cannot write '%s'", temp);
	} else if (rename(temp, path) != 0) {
		rc = err_sys(err, "cannot rename to '%s'", path);
		unlink(temp);
	} else if (fsync(parent) != 0) {
		rc = err_sys(err, "cannot sync the directory of '%s'", path);
	}
	close(parent);
	return rc;
}

/* Reading. */

int
store_file_open(int *fd, const char *dir, const uint8_t sha256[32], size_t len,
    struct err *err)
{
	char path[STORE_PATH_MAX];
	struct stat st;
	int rc = 1;

	store_file_path(path, dir, sha256);
	/* A link or a pipe in the directory was not written by this program. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0 && errno == ENOENT)
		return 0;
	if (*fd < 0 && errno == ELOOP)
		return err_set(err, E_PARSE, "'%s' is a link", path);
	if (*fd < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (fstat(*fd, &st) != 0)
		rc = err_sys(err, "cannot look at '%s'", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(err, E_PARSE, "'%s' is no file", path);
	else if ((uint64_t)st.st_size != len)
		rc = err_set(err, E_PARSE,
		    "'%s' is torn: %jd bytes, %zu were written", path,
		    (intmax_t)st.st_size, len);
	if (rc != 1) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

/* Removing. */

void
store_file_remove(const char *dir, const uint8_t sha256[32])
{
	char path[STORE_PATH_MAX];

	store_file_path(path, dir, sha256);
	(void)unlink(path);
}

static unsigned
count_files(const char *path)
{
	DIR *h = opendir(path);
	unsigned n = 0;

	while (h != NULL && readdir(h) != NULL)
		n++;
	if (h != NULL)
		closedir(h);
	return n;
}

bool
store_file_aside(const char *dir, const uint8_t sha256[32], struct span body)
{
	char path[STORE_PATH_MAX], aside[STORE_PATH_MAX], hex[65];
	bool kept = false, room;

	store_file_path(path, dir, sha256);
	text_hex(hex, sha256, 32);
	snprintf(aside, sizeof(aside), "%s/v2/aside", dir);
	room = (mkdir(aside, 0700) == 0 || errno == EEXIST) &&
	    count_files(aside) < MAX_ASIDE + 2;
	snprintf(aside, sizeof(aside), "%s/v2/aside/%s.%s", dir, hex,
	    body.p != NULL ? "ocsp" : "crl");
	if (room && body.p != NULL)
		kept = write_new(aside, body) == 0;
	else if (room)
		kept = rename(path, aside) == 0;
	if (body.p == NULL && !kept)
		(void)unlink(path);
	return kept;
}

static bool
is_old(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_mtime + OLD_TEMP_SEC < time(NULL);
}

/* Whether name, after its 64 digits, goes on so. */
static bool
name_of(uint8_t sha256[32], const char *name, const char *end)
{
	char hex[65];

	if (strlen(name) < 64 || strncmp(name + 64, end, strlen(end)) != 0)
		return false;
	text_copy(hex, sizeof(hex), name);
	return text_unhex(sha256, hex, 32);
}

static DIR *
dir_open(int at, const char *path)
{
	int fd =
	    openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *h = fd >= 0 ? fdopendir(fd) : NULL;

	if (h == NULL && fd >= 0)
		close(fd);
	return h;
}

void
store_file_sweep(const char *dir, unsigned n,
    bool (*unknown)(void *arg, const uint8_t sha256[32]), void *arg)
{
	char path[STORE_PATH_MAX];
	uint8_t sha256[32];
	struct dirent *e;
	DIR *h;

	snprintf(path, sizeof(path), "%s/v2/crl/%02x", dir, n & 0xff);
	h = dir_open(AT_FDCWD, path);
	while (h != NULL && (e = readdir(h)) != NULL) {
		if (!name_of(sha256, e->d_name, ".crl") ||
		    !is_old(dirfd(h), e->d_name))
			continue;
		if (strcmp(e->d_name + 64, ".crl") != 0 || unknown(arg, sha256))
			(void)unlinkat(dirfd(h), e->d_name, 0);
	}
	if (h != NULL)
		closedir(h);
}

/* Version 1: DIR/v1/<two digits or "aside">/<64 digits>[.tmp.X] */

static bool
v1_remove_in(int top, const char *name, unsigned *left, uint64_t *num)
{
	DIR *h = dir_open(top, name);
	uint8_t key[32];
	struct dirent *e;

	while (h != NULL && *left > 0 && (e = readdir(h)) != NULL) {
		if (!name_of(key, e->d_name, "") ||
		    (e->d_name[64] != '\0' && e->d_name[64] != '.') ||
		    unlinkat(dirfd(h), e->d_name, 0) != 0)
			continue;
		--*left;
		++*num;
	}
	if (h != NULL)
		closedir(h);
	if (*left == 0)
		return false;
	(void)unlinkat(top, name, AT_REMOVEDIR);
	return true;
}

bool
store_file_remove_v1(const char *dir, unsigned max, uint64_t *num)
{
	char path[STORE_PATH_MAX], name[8];
	bool all = true;
	DIR *h;

	snprintf(path, sizeof(path), "%s/v1", dir);
	h = dir_open(AT_FDCWD, path);
	if (h == NULL)
		return true;
	for (int i = 0; i < 256 && all; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		all = v1_remove_in(dirfd(h), name, &max, num);
	}
	if (all)
		all = v1_remove_in(dirfd(h), "aside", &max, num);
	closedir(h);
	if (all)
		(void)rmdir(path);
	return all;
}
