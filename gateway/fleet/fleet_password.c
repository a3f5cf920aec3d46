/*
 * fleet_password: see fleet_password.h.
 */
#include "gateway/fleet/fleet_password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define MAX_PASSWORD 1024

int
fleet_password_read(char **out, const char *path, struct err *err)
{
	char line[MAX_PASSWORD + 2] = "";
	FILE *f = fopen(path, "re");

	*out = NULL;
	if (f == NULL)
		return err_sys(
		    err, "cannot read the password file '%.150s'", path);
	/* Not through a buffer that stays behind in memory. */
	setvbuf(f, NULL, _IONBF, 0);
	if (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		*out = line[0] != '\0' ? strdup(line) : NULL;
	}
	fclose(f);
	OPENSSL_cleanse(line, sizeof(line));
	if (*out == NULL)
		return err_set(err, E_ARG,
		    "the password file '%.150s' has no first line", path);
	return 0;
}

void
fleet_password_free(char *password)
{
	if (password != NULL)
		OPENSSL_cleanse(password, strlen(password));
	free(password);
}
