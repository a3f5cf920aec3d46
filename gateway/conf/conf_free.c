/* conf_free: the end of snapshots. On any thread. */
#include <stdlib.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"

static void
paths_free(struct conf_http_path *list, size_t num)
{
	for (size_t i = 0; i < num; i++)
		free(list[i].path);
	free(list);
}

void
conf_identity_cleanup(struct conf_identity *id)
{
	free(id->name);
	free(id->certificate_file);
	free(id->key_file);
	free(id->password_file);
	conf_pki_free_chain(id->chain, id->num_chain);
	EVP_PKEY_free(id->key);
	for (size_t i = 0; i < id->num_server_names; i++)
		free(id->server_names[i]);
	free(id->server_names);
}

void
conf_trust_cleanup(struct conf_trust *t)
{
	free(t->group);
	free(t->anchors_file);
	free(t->intermediates_file);
	revcheck_trust_free(t->trust);
}

static void table_cleanup(const struct conf_key *table, void *base);

/* The pointer to the elements of a list, and their number after it. */
static void
/* NOLINTNEXTLINE(readability-non-const-parameter) */
list_cleanup(const struct conf_key *k, char *at)
{
	size_t num = *(size_t *)(at + sizeof(void *));
	char *list = *(char **)at;

	for (size_t i = 0; i < num; i++)
		if (k->kind == CONF_KIND_TEXTS)
			free(((char **)list)[i]);
		else if (k->kind == CONF_KIND_PEERS)
			address_cleanup((struct address *)list + i);
		else if (k->kind == CONF_KIND_LIST)
			table_cleanup(k->items, list + i * k->size);
	free(list);
}

/* What the keys of a table have allocated. */
static void
table_cleanup(const struct conf_key *table, void *base)
{
	for (const struct conf_key *k = table; !conf_key_ends(k); k++) {
		char *at = (char *)base + k->offset;

		switch (k->file != NULL ? k->kind : CONF_KIND_CUSTOM) {
		case CONF_KIND_TEXT:
		case CONF_KIND_PATH:
			free(*(char **)at);
			*(char **)at = NULL; /* two keys may have one member */
			break;
		case CONF_KIND_LISTEN:
			address_cleanup((struct address *)at);
			break;
		case CONF_KIND_TEXTS:
		case CONF_KIND_PORTS:
		case CONF_KIND_PEERS:
		case CONF_KIND_LIST:
			list_cleanup(k, at);
			break;
		default:
			break;
		}
	}
}

/* What a loaded snapshot owns: what was made of keys, then the keys. */
static void
free_loaded(struct conf *c)
{
	free(c->file);
	free(c->text);
	for (size_t i = 0; i < c->num_listeners; i++)
		address_cleanup(&c->listeners[i].address);
	free(c->listeners);
	for (size_t i = 0; i < c->num_identities; i++) {
		conf_pki_free_chain(
		    c->identities[i].chain, c->identities[i].num_chain);
		EVP_PKEY_free(c->identities[i].key);
	}
	for (size_t i = 0; i < c->num_trusts; i++)
		revcheck_trust_free(c->trusts[i].trust);
	revcheck_trust_free(c->trust);
	name_set_free(c->tls.allowed_subjects);
	paths_free(c->http.paths, c->http.num_paths);
	conf_pki_free_chain(c->rest.chain, c->rest.num_chain);
	EVP_PKEY_free(c->rest.key);
	revcheck_trust_free(c->rest.client_trust);
	table_cleanup(conf_keys, c);
}

/* What a derived snapshot has and its parent has not. */
static void
free_derived(struct conf *c)
{
	struct conf *p = c->parent;

	if (c->http.paths != p->http.paths)
		paths_free(c->http.paths, c->http.num_paths);
	if (c->tls.allowed_subjects != p->tls.allowed_subjects)
		name_set_free(c->tls.allowed_subjects);
	if (c->identities != p->identities) {
		for (size_t i = c->num_identities - c->num_own_identities;
		     i < c->num_identities; i++)
			conf_identity_cleanup(&c->identities[i]);
		free(c->identities);
	}
	if (c->trusts != p->trusts) {
		for (size_t i = c->num_trusts - c->num_own_trusts;
		     i < c->num_trusts; i++)
			conf_trust_cleanup(&c->trusts[i]);
		free(c->trusts);
		revcheck_trust_free(c->trust);
	}
	conf_free(p);
}

void
conf_free(struct conf *c)
{
	if (c == NULL || !ref_down(&c->ref))
		return;
	if (c->parent != NULL)
		free_derived(c);
	else
		free_loaded(c);
	free(c);
}
