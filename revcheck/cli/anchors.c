/* anchors: see the header. */
#include "revcheck/cli/anchors.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where Debian, Fedora, SUSE, Alpine and BSD keep theirs. */
static const char *const system_paths[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
};

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
has_pem(const unsigned char *p, size_t len)
{
	static const char begin[] = "-----BEGIN ";

	return memmem(p, len, begin, sizeof(begin) - 1) != NULL;
}

/*
 * One file of a directory. Notes and keys may lie there, too; what begins like
 * a certificate and is none is said, and trusted less.
 */
static int
load_beside(struct anchors *a, const char *path)
{
	size_t from = a->certs.num, len;
	unsigned char *data;
	struct stat st;
	int rc;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	rc = input_read(&data, &len, path, NULL);
	if (rc == EXIT_INPUT)
		return 0; /* said already */
	if (rc != 0)
		return rc;
	if ((len > 0 && data[0] == 0x30) ||
	    memmem(data, len, "-----BEGIN CERTIFICATE",
		sizeof("-----BEGIN CERTIFICATE") - 1) != NULL ||
	    (has_pem(data, len) &&
		memmem(data, len, "CERTIFICATE-----", 16) != NULL))
		rc = input_parse(&a->certs, data, len, path, NULL);
	free(data);
	if (rc == EXIT_INPUT) {
		while (a->certs.num > from)
			X509_free(a->certs.v[--a->certs.num]);
		return 0;
	}
	return rc;
}

static int
load_directory(struct anchors *a, const char *path)
{
	struct dirent **names = NULL;
	size_t from = a->certs.num;
	char *file;
	int n = scandir(path, &names, NULL, by_name), rc = 0;

	if (n < 0)
		return cli_fail(
		    EXIT_INPUT, "cannot read '%s': %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (rc == 0 && names[i]->d_name[0] != '.') {
			if (asprintf(&file, "%s/%s", path, names[i]->d_name) <
			    0)
				rc = cli_fail(EXIT_SOFTWARE, "out of memory");
			else {
				rc = load_beside(a, file);
				free(file);
			}
		}
		free(names[i]);
	}
	free(names);
	if (rc == 0 && a->certs.num == from)
		rc = cli_fail(EXIT_INPUT,
		    "the directory '%s' holds no certificate: trust anchors "
		    "were expected",
		    path);
	return rc;
}

static int
load_path(struct anchors *a, const char *path, struct input *in)
{
	size_t n = strlen(a->from);

	snprintf(
	    a->from + n, sizeof(a->from) - n, "%s%s", n > 0 ? ", " : "", path);
	return is_directory(path) ? load_directory(a, path)
				  : input_certs(&a->certs, path, in);
}

static int
load_system(struct anchors *a)
{
	const char *own = X509_get_default_cert_file();

	a->system = true;
	for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]);
	     i++)
		if (access(system_paths[i], R_OK) == 0)
			return load_path(a, system_paths[i], NULL);
	if (access(own, R_OK) == 0)
		return load_path(a, own, NULL);
	return cli_fail(EXIT_USAGE,
	    "option '--anchors' is missing, and this system has no anchors of "
	    "its own (%s): give a file or a directory of trust anchors",
	    system_paths[0]);
}

int
anchors_load(struct anchors *a, struct opt *table, struct input *in)
{
	struct opt *o = opt_get(table, "--anchors");
	struct revcheck_error err;
	int rc = 0;

	if (o->count == 0)
		rc = load_system(a);
	for (int i = 0; rc == 0 && i < o->count; i++)
		rc = load_path(a, o->values[i], in);
	if (rc == 0 &&
	    revcheck_trust_new(&a->trust, a->certs.v, a->certs.num, &err) != 0)
		rc = cli_fail_library(&err);
	return rc;
}

void
anchors_cleanup(struct anchors *a)
{
	revcheck_trust_free(a->trust);
	cert_list_cleanup(&a->certs);
	*a = (struct anchors){0};
}
