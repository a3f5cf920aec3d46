/* stores: see the header. Opens in order, closes in the opposite one. */
#include "gateway/control/stores.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/members/certstore.h"
#include "gateway/members/key_wrap.h"
#include "gateway/members/keystore.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"
#include "gateway/state/section_store.h"
#include "gateway/state/state_db.h"

static struct keystore_place
place_of(const struct conf *conf)
{
	return (struct keystore_place){
	    .token = conf->pkcs11.token, .categories = conf->pkcs11.categories};
}

/* It is there and may be written, or the one above it may. */
static int
dir_check(const char *dir, struct err *err)
{
	char *copy;
	struct stat st;
	int rc = 0;

	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return err_sys(err, "the state directory '%s'", dir);
	}
	if (access(dir, W_OK | X_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(err, "the state directory '%s'", dir);
	copy = strdup(dir);
	if (copy == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (access(dirname(copy), W_OK | X_OK) != 0)
		rc = err_sys(err, "cannot make the state directory '%s'", dir);
	free(copy);
	return rc;
}

int
stores_check(const struct conf *conf, struct err *err)
{
	struct key_wrap secret = {.len = 0};
	int rc = 0;

	if (conf->state_dir == NULL)
		return 0;
	/* As a user who is not there yet: only the start can tell. */
	if (conf->user == NULL || getuid() != 0)
		rc = dir_check(conf->state_dir, err);
	if (rc == 0 && conf->key_secret != NULL)
		rc = key_wrap_load(
		    &secret, conf->state_dir, conf->key_secret, true, err);
	key_wrap_cleanup(&secret);
	return rc;
}

int
stores_open(struct stores *s, const struct conf *conf, const struct log *log,
    struct err *err)
{
	const struct keystore_place place = place_of(conf);
	const char *dir = conf->state_dir;
	struct err why;
	int rc;

	*s = (struct stores){.db = NULL};
	rc = dir != NULL ? dir_check(dir, err) : 0;
	if (rc != 0)
		return rc;
	if (dir != NULL && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_sys(
		    err, "cannot make the state directory '%s'", dir);
	rc = state_db_open(&s->db, dir, log, err);
	if (rc != 0)
		return rc;
	rc = section_store_open(&s->sections, s->db, &why);
	if (rc == 0)
		rc = denylist_open(&s->denylist, s->db, &why);
	if (rc == 0)
		rc = allowed_subjects_open(&s->subjects, s->db, &why);
	if (rc == 0)
		rc = keystore_open(
		    &s->keys, s->db, dir, conf->key_secret, &place, log, &why);
	if (rc == 0)
		rc = certstore_open(&s->certs, s->db, &why);
	if (rc == 0)
		rc = members_open(&s->members, s->db, &why);
	return rc == 0 ? 0
		       : err_set(err, rc, "the state in '%.100s': %s",
			     dir != NULL ? dir : "memory", why.msg);
}

void
stores_close(struct stores *s)
{
	members_close(s->members);
	certstore_close(s->certs);
	keystore_close(s->keys);
	allowed_subjects_close(s->subjects);
	denylist_close(s->denylist);
	section_store_close(s->sections);
	state_db_close(s->db);
}

void
stores_set_key_place(struct stores *s, const struct conf *conf)
{
	const struct keystore_place place = place_of(conf);

	keystore_set_place(s->keys, &place);
}
