/* watched_place: see the header. */
#include "gateway/control/watched_place.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
watched_place(char **dir, char **name, const char *path, struct err *err)
{
	struct stat st;
	char *copy;

	*dir = *name = NULL;
	if (stat(path, &st) != 0)
		return err_sys(err, "cannot watch '%s'", path);
	if (S_ISDIR(st.st_mode)) {
		*dir = strdup(path);
		return *dir != NULL ? 0
				    : err_set(err, E_NOMEM, "out of memory");
	}
	copy = strdup(path);
	if (copy != NULL) {
		*name = strdup(basename(copy));
		memcpy(copy, path, strlen(path) + 1);
		*dir = strdup(dirname(copy));
	}
	free(copy);
	return *name != NULL && *dir != NULL
	    ? 0
	    : err_set(err, E_NOMEM, "out of memory");
}

int
watched_place_check(const char *path, struct err *err)
{
	char *dir, *name;
	int rc = watched_place(&dir, &name, path, err);

	if (rc == 0 && access(dir, R_OK) != 0)
		rc = err_sys(err, "cannot watch '%s'", dir);
	free(dir);
	free(name);
	return rc;
}
