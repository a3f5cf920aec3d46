/* certwatch_list: see the header. Control thread; keeps nothing. */
#include "gateway/certwatch/certwatch_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/members/network_setup.h"

void
certwatch_item_cleanup(struct certwatch_item *item)
{
	free(item->name);
	revcheck_certs_free(item->chain);
	revcheck_trust_free(item->trust);
	*item = (struct certwatch_item){.name = NULL};
}

void
certwatch_list_cleanup(struct certwatch_list *list)
{
	for (size_t i = 0; i < list->num; i++)
		certwatch_item_cleanup(&list->items[i]);
	free(list->items);
	*list = (struct certwatch_list){.items = NULL};
}

/* The group that a network setup registered with, or any that is configured. */
static struct revcheck_trust *
trust_for(const struct conf *conf, size_t identity)
{
	const char *name = conf->identities[identity].name;

	if (identity < conf->num_identities - conf->num_own_identities)
		return conf->trust;
	for (size_t i = 0; i < conf->num_trusts; i++)
		if (strcmp(conf->trusts[i].group, name) == 0)
			return conf->trusts[i].trust;
	return conf->trust;
}

static int
add_identity(struct certwatch_list *list, const struct conf *conf, size_t i)
{
	const struct conf_identity *id = &conf->identities[i];
	struct certwatch_item *item = &list->items[list->num];

	item->use = CERTWATCH_TLS;
	item->name = strdup(id->name);
	if (item->name == NULL ||
	    revcheck_certs_from_x509(
		&item->chain, id->chain, id->num_chain, NULL) != 0) {
		certwatch_item_cleanup(item);
		return E_NOMEM;
	}
	if (trust_for(conf, i) != NULL)
		item->trust = revcheck_trust_up_ref(trust_for(conf, i));
	list->num++;
	return 0;
}

static int
add_session(struct certwatch_list *list, const struct member *h, size_t i,
    struct revcheck_certs *chain, struct revcheck_trust *trust)
{
	const cJSON *session = json_get(h->setup, "session");
	const char *key =
	    json_get_string(cJSON_GetArrayItem(session, (int)i - 1), "key");
	struct certwatch_item *item, *more;

	more = realloc(list->items, (list->num + 1) * sizeof(*more));
	if (more == NULL)
		return E_NOMEM;
	list->items = more;
	item = &more[list->num];
	*item = (struct certwatch_item){.use = CERTWATCH_SESSION};
	if (asprintf(&item->name, "holding-%s/session-%s", h->id,
		key != NULL ? key : "?") < 0) {
		item->name = NULL;
		return E_NOMEM;
	}
	item->chain = chain;
	item->trust = trust;
	list->num++;
	return 0;
}

/* What is stored was checked before; a chain that is not there is passed by. */
static int
add_sessions(struct certwatch_list *list, const struct member *h)
{
	struct revcheck_certs *chain;
	struct revcheck_trust *trust;
	struct err why;
	int rc = 1;

	for (size_t i = 1; rc != 0; i++) {
		rc = network_setup_pair(
		    &chain, &trust, h->registration, h->setup, i, &why);
		if (rc == 1 && add_session(list, h, i, chain, trust) != 0) {
			revcheck_certs_free(chain);
			revcheck_trust_free(trust);
			rc = E_NOMEM;
		}
		if (rc == E_NOMEM)
			return rc;
	}
	return 0;
}

int
certwatch_list_make(struct certwatch_list *out, const struct conf *conf,
    const struct members *members, struct err *err)
{
	int rc = 0;

	*out = (struct certwatch_list){.items = NULL};
	out->items = calloc(conf->num_identities + 1, sizeof(*out->items));
	if (out->items == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < conf->num_identities && rc == 0; i++)
		rc = add_identity(out, conf, i);
	for (size_t i = 0; i < members_num(members) && rc == 0; i++) {
		const struct member *h = members_get(members, i);

		if (h->registration != NULL && h->setup != NULL)
			rc = add_sessions(out, h);
	}
	if (rc != 0) {
		certwatch_list_cleanup(out);
		return err_set(err, rc, "out of memory");
	}
	return 0;
}
