/* stores: see the header. Opens in order, closes in the opposite one. */
#include "gateway/control/stores.h"

#include <errno.h>
#include <sys/stat.h>

#include "gateway/members/certstore.h"
#include "gateway/members/keystore.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"
#include "gateway/state/section_store.h"

static struct keystore_place
place_of(const struct conf *conf)
{
	return (struct keystore_place){
	    .token = conf->pkcs11.token, .categories = conf->pkcs11.categories};
}

int
stores_open(struct stores *s, const struct conf *conf, const struct log *log,
    struct err *err)
{
	const struct keystore_place place = place_of(conf);
	const char *dir = conf->state_dir;
	int rc;

	*s = (struct stores){.sections = NULL};
	if (dir != NULL && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_sys(
		    err, "cannot make the state directory '%s'", dir);
	rc = section_store_open(&s->sections, dir, log, err);
	if (rc == 0)
		rc = denylist_open(&s->denylist, dir, log, err);
	if (rc == 0)
		rc = allowed_subjects_open(&s->subjects, dir, log, err);
	if (rc == 0)
		rc = keystore_open(
		    &s->keys, dir, conf->key_secret, &place, log, err);
	if (rc == 0)
		rc = certstore_open(&s->certs, dir, log, err);
	if (rc == 0)
		rc = members_open(&s->members, dir, log, err);
	if (rc == 0)
		rc = members_know_keys(s->members, s->keys, err);
	return rc;
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
}

void
stores_set_key_place(struct stores *s, const struct conf *conf)
{
	const struct keystore_place place = place_of(conf);

	keystore_set_place(s->keys, &place);
}
