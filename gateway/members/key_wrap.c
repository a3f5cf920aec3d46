/*
 * key_wrap: reads the secret, or makes one where there are no keys yet.
 */
#include "gateway/members/key_wrap.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "cache/base/text.h"

#define SECRET_BYTES 32

static int
secret_read(struct key_wrap *s, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_sys(
		    err, "cannot open the secret of keys '%s'", path);
	n = read(fd, s->text, sizeof(s->text));
	close(fd);
	if (n < 0)
		return err_sys(
		    err, "cannot read the secret of keys '%s'", path);
	while (n > 0 && isspace((unsigned char)s->text[n - 1]))
		n--;
	s->len = (size_t)n;
	if (n < 16 || (size_t)n == sizeof(s->text))
		return err_set(err, E_PARSE,
		    "the secret of keys '%s' has %zd characters: expected 16 "
		    "to %zu",
		    path, n, sizeof(s->text) - 1);
	return 0;
}

/* Hexadecimal digits. */
static int
secret_draw(struct key_wrap *s, struct err *err)
{
	unsigned char raw[SECRET_BYTES];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return err_ossl(err, E_INTERNAL, "no random numbers");
	text_hex(s->text, raw, sizeof(raw));
	s->len = 2 * sizeof(raw);
	OPENSSL_cleanse(raw, sizeof(raw));
	return 0;
}

/* Another file first, so that a crash leaves all of it or nothing. */
static int
secret_make(
    struct key_wrap *s, const char *dir, const char *path, struct err *err)
{
	char *fresh = NULL;
	int fd = -1, dir_fd = -1, ok, rc;

	rc = secret_draw(s, err);
	if (rc != 0)
		return rc;
	if (asprintf(&fresh, "%s.new", path) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && dir_fd >= 0 &&
	    write(fd, s->text, s->len) == (ssize_t)s->len &&
	    write(fd, "\n", 1) == 1 && fsync(fd) == 0 &&
	    rename(fresh, path) == 0 && fsync(dir_fd) == 0;
	if (!ok)
		err_sys(err, "cannot write the secret of keys '%s'", path);
	if (fd >= 0)
		close(fd);
	if (dir_fd >= 0)
		close(dir_fd);
	free(fresh);
	return ok ? 0 : E_IO;
}

/*
 * The gateway makes a secret only where it has no keys yet: a new one beside
 * keys of before would hide that theirs is lost.
 */
int
key_wrap_load(struct key_wrap *s, const char *dir, const char *file,
    bool has_keys, struct err *err)
{
	char *path = NULL;
	int rc = 0;

	if (dir == NULL)
		return secret_draw(s, err);
	if (file != NULL)
		return secret_read(s, file, err);
	if (asprintf(&path, "%s/keys.secret", dir) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	if (access(path, F_OK) != 0 && errno == ENOENT && !has_keys)
		rc = secret_make(s, dir, path, err);
	if (rc == 0)
		rc = secret_read(s, path, err);
	free(path);
	return rc;
}

void
key_wrap_cleanup(struct key_wrap *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}
