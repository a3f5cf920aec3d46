/* new_file: O_EXCL, and the mode from the first byte on. */
#include "gateway/command/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int
new_file(const char *dir, const char *name, const void *data, size_t len,
    mode_t mode, struct err *err)
{
	const char *p = data;
	char *path;
	int fd, rc = 0;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		rc = err_sys(err, "cannot make '%s'", path);
	/* Whatever the umask takes away or leaves. */
	else if (fchmod(fd, mode) != 0)
		rc = err_sys(err, "cannot make '%s'", path);
	while (rc == 0 && len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			rc = err_sys(err, "cannot write '%s'", path);
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && fsync(fd) != 0 && rc == 0)
		rc = err_sys(err, "cannot write '%s'", path);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && rc != 0)
		unlink(path);
	free(path);
	return rc;
}

int
new_directory(const char *dir, const char *name, mode_t mode, struct err *err)
{
	char *path;
	int rc = 0;

	if (asprintf(&path, "%s%s%s", dir, name[0] != '\0' ? "/" : "", name) <
	    0)
		return err_set(err, E_NOMEM, "out of memory");
	if (mkdir(path, mode) == 0) {
		if (chmod(path, mode) != 0)
			rc = err_sys(err, "cannot make '%s'", path);
	} else if (errno != EEXIST || name[0] != '\0') {
		rc = err_sys(err, "cannot make the directory '%s'", path);
	}
	free(path);
	return rc;
}
