/* key_files: looks at modes only; a link counts as what it leads to. */
#include "gateway/process/key_files.h"

#include <sys/stat.h>

/* Named one by one; thousands would push other lines out of the log. */
#define MAX_NAMED 10

/* Counts a file that everybody may read, and names the first few. */
static void
check(const struct log *log, const char *path, size_t *num)
{
	struct stat st;

	/* A key in a token has no file. */
	if (path == NULL || stat(path, &st) != 0 || (st.st_mode & S_IROTH) == 0)
		return;
	if (++*num > MAX_NAMED)
		return;
	log_line(log, LOG_LEVEL_WARN,
	    "everybody on this host may read the secret in '%s' "
	    "(file_mode=%03o)",
	    path, (unsigned)st.st_mode & 0777);
}

void
key_files_check(const struct log *log, const struct conf *conf)
{
	size_t num = 0;

	check(log, conf->rest.key_file, &num);
	check(log, conf->rest.password_file, &num);
	check(log, conf->key_secret, &num);
	check(log, conf->pkcs11.pin_file, &num);
	check(log, conf->fleet.secret_file, &num);
	check(log, conf->fleet.previous_secret_file, &num);
	check(log, conf->fleet.key, &num);
	check(log, conf->fleet.password_file, &num);
	check(log, conf->fleet.store.credentials_file, &num);
	for (size_t i = 0; i < conf->rest.num_users; i++)
		check(log, conf->rest.users[i].password_file, &num);
	for (size_t i = 0; i < conf->num_identities; i++) {
		check(log, conf->identities[i].key_file, &num);
		check(log, conf->identities[i].password_file, &num);
	}
	if (num > MAX_NAMED)
		log_line(log, LOG_LEVEL_WARN,
		    "everybody on this host may read the secrets in %zu more "
		    "files",
		    num - MAX_NAMED);
}
