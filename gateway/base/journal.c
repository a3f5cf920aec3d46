/*
 * journal: one file, appended to by the control thread. Line format:
 *   16 hexadecimal digits of the SHA-256 of the JSON, a space, the JSON
 */
#include "gateway/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cache/base/bytes.h"
#include "gateway/base/json.h"

#define SUM_LEN 16

struct journal {
	char *path;
	int fd;
	off_t size;
	off_t before_last; /* size before the last append; -1: none */
};

static void
sum_of(char out[SUM_LEN + 1], const char *text, size_t len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(text, len, md, &n, EVP_sha256(), NULL) != 1)
		memset(md, 0, sizeof(md));
	for (int i = 0; i < SUM_LEN / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", md[i]);
}

static int
write_all(int fd, const char *p, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* So that the name itself survives. */
static int
sync_directory(const char *path, struct err *err)
{
	char *copy = strdup(path);
	int fd, rc = 0;

	if (copy == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = err_sys(err, "cannot sync the directory of '%s'", path);
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

static int
line_make(struct bytes *b, const cJSON *record, struct err *err)
{
	char *text = cJSON_PrintUnformatted(record);
	char sum[SUM_LEN + 1];
	int rc;

	if (text == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	sum_of(sum, text, strlen(text));
	rc = bytes_printf(b, "%s %s\n", sum, text);
	cJSON_free(text);
	return rc == 0 ? 0 : err_set(err, rc, "a journal record is too large");
}

static int
line_parse(cJSON **out, const char *line, size_t len, struct err *err)
{
	char sum[SUM_LEN + 1];

	*out = NULL;
	if (len < SUM_LEN + 2 || line[SUM_LEN] != ' ')
		return err_set(err, E_PARSE, "no checksum");
	sum_of(sum, line + SUM_LEN + 1, len - SUM_LEN - 1);
	if (memcmp(sum, line, SUM_LEN) != 0)
		return err_set(err, E_PARSE, "the checksum does not match");
	return json_parse(out, line + SUM_LEN + 1, len - SUM_LEN - 1, err);
}

/* One line of the replay; *good is set when it was a whole record. */
static int
replay_line(const char *line, size_t len, journal_fn *fn, void *arg, bool *good,
    struct err *err)
{
	cJSON *record;
	int rc = line_parse(&record, line, len, err);

	*good = rc == 0;
	if (rc != 0)
		return rc;
	rc = fn(arg, record, err);
	cJSON_Delete(record);
	return rc;
}

static int
replay(struct journal *j, journal_fn *fn, void *arg, const struct log *log,
    struct err *err)
{
	FILE *f = fopen(j->path, "re");
	char *line = NULL;
	size_t cap = 0, num = 0;
	ssize_t n;
	int rc = 0;

	if (f == NULL)
		return err_sys(err, "cannot open '%s'", j->path);
	while (rc == 0 && (n = getline(&line, &cap, f)) > 0) {
		bool whole = line[n - 1] == '\n', good = false;
		struct err why;

		num++;
		if (whole)
			rc = replay_line(
			    line, (size_t)n - 1, fn, arg, &good, &why);
		if (rc == 0 && whole) {
			j->size += n;
			continue;
		}
		if (good) { /* the reader did not want it */
			rc = err_set(err, rc, "'%s', record %zu: %s", j->path,
			    num, why.msg);
			break;
		}
		if (getc(f) != EOF) {
			rc = err_set(err, E_PARSE,
			    "'%s' is damaged at record %zu (%s), and records "
			    "follow it: move the file away to start anew",
			    j->path, num, why.msg);
			break;
		}
		log_line(log, LOG_LEVEL_WARN,
		    "cut off a torn record at the end of the journal "
		    "(file='%s' record=%zu)",
		    j->path, num);
		rc = ftruncate(j->fd, j->size) == 0
		    ? 0
		    : err_sys(err, "cannot truncate '%s'", j->path);
		break;
	}
	free(line);
	fclose(f);
	return rc;
}

int
journal_open(struct journal **out, const char *path, journal_fn *fn, void *arg,
    const struct log *log, struct err *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int rc = 0;

	*out = NULL;
	if (j == NULL || (j->path = strdup(path)) == NULL) {
		free(j);
		return err_set(err, E_NOMEM, "out of memory");
	}
	j->before_last = -1;
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd < 0)
		rc = err_sys(err, "cannot open '%s'", path);
	else if (flock(j->fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK
		    ? err_set(
			  err, E_IO, "'%s' is in use by another process", path)
		    : err_sys(err, "cannot lock '%s'", path);
	if (rc == 0)
		rc = sync_directory(path, err);
	if (rc == 0)
		rc = replay(j, fn, arg, log, err);
	if (rc != 0) {
		journal_close(j);
		return rc;
	}
	*out = j;
	return 0;
}

int
journal_open_in(struct journal **out, const char *dir, const char *name,
    journal_fn *fn, void *arg, const struct log *log, struct err *err)
{
	char *path;
	int rc;

	*out = NULL;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return err_set(err, E_NOMEM, "out of memory");
	rc = journal_open(out, path, fn, arg, log, err);
	free(path);
	return rc;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j);
}

int
journal_append(struct journal *j, const cJSON *record, struct err *err)
{
	struct bytes b;
	int rc;

	bytes_init(&b, JOURNAL_MAX_RECORD);
	rc = line_make(&b, record, err);
	if (rc == 0 &&
	    (write_all(j->fd, (char *)b.p, b.len, j->size) != 0 ||
		fdatasync(j->fd) != 0)) {
		rc = err_sys(err, "cannot write '%s'", j->path);
		if (ftruncate(j->fd, j->size) != 0)
			err_sys(err,
			    "cannot write '%s', nor cut the torn record off",
			    j->path);
	}
	if (rc == 0) {
		j->before_last = j->size;
		j->size += (off_t)b.len;
	}
	bytes_cleanup(&b);
	return rc;
}

int
journal_undo(struct journal *j, struct err *err)
{
	if (j->before_last < 0)
		return err_set(err, E_ARG, "nothing to undo");
	if (ftruncate(j->fd, j->before_last) != 0 || fdatasync(j->fd) != 0)
		return err_sys(err, "cannot truncate '%s'", j->path);
	j->size = j->before_last;
	j->before_last = -1;
	return 0;
}

int
journal_rewrite(struct journal *j, const cJSON *records, struct err *err)
{
	struct bytes b;
	const cJSON *record;
	char *path = NULL;
	int fd = -1, rc = 0;

	bytes_init(&b, SIZE_MAX / 2);
	cJSON_ArrayForEach(record, records) if (rc == 0) rc =
	    line_make(&b, record, err);
	if (rc != 0)
		goto out;
	if (asprintf(&path, "%s.new", j->path) < 0) {
		path = NULL;
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	fd = open(
	    path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ||
	    write_all(fd, (char *)b.p, b.len, 0) != 0 || fsync(fd) != 0 ||
	    rename(path, j->path) != 0) {
		rc = err_sys(err, "cannot write '%s'", path);
		goto out;
	}
	close(j->fd);
	j->fd = fd;
	fd = -1;
	j->size = (off_t)b.len;
	j->before_last = -1;
	rc = sync_directory(j->path, err);
out:
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	free(path);
	bytes_cleanup(&b);
	return rc;
}

uint64_t
journal_size(const struct journal *j)
{
	return (uint64_t)j->size;
}
