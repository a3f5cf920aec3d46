/* conf_secret: read without buffers that keep a copy. Any thread. */
#include "gateway/conf/conf_secret.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
conf_secret_read(char *out, size_t size, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	out[0] = '\0';
	if (fd < 0)
		return err_sys(err, "it cannot be opened");
	do {
		n = read(fd, out + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len < size);
	close(fd);
	if (n < 0)
		return err_sys(err, "it cannot be read");
	while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r'))
		len--;
	if (len < 1 || len >= size || memchr(out, '\0', len) != NULL)
		return err_set(err, E_PARSE,
		    "it has %s: expected a secret of 1 to %zu characters",
		    len < 1           ? "nothing"
			: len >= size ? "more"
				      : "a NUL",
		    size - 1);
	out[len] = '\0';
	return 0;
}
