/* conf_free: the end of snapshots. On any thread. */
#include <stdlib.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"

void
conf_free_strings(char **list, size_t num)
{
	for (size_t i = 0; i < num; i++)
		free(list[i]);
	free(list);
}

void
conf_free_paths(struct conf_http_path *list, size_t num)
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
	conf_pki_free_chain(id->chain, id->num_chain);
	EVP_PKEY_free(id->key);
	conf_free_strings(id->server_names, id->num_server_names);
}

void
conf_trust_cleanup(struct conf_trust *t)
{
	free(t->group);
	free(t->anchors_file);
	revcheck_trust_free(t->trust);
}

static void
link_cleanup(struct conf_link *l)
{
	free(l->name);
	free(l->server_name);
	free(l->identity_name);
	free(l->group);
	address_cleanup(&l->listen);
	for (size_t i = 0; i < l->num_peers; i++)
		address_cleanup(&l->peers[i]);
	free(l->peers);
}

static void
rest_cleanup(struct conf_rest *r)
{
	address_cleanup(&r->listen);
	free(r->certificate_file);
	free(r->key_file);
	free(r->client_anchors_file);
	conf_pki_free_chain(r->chain, r->num_chain);
	EVP_PKEY_free(r->key);
	revcheck_trust_free(r->client_trust);
	for (size_t i = 0; i < r->num_users; i++) {
		free(r->users[i].name);
		free(r->users[i].password_hash);
	}
	free(r->users);
	for (size_t i = 0; i < r->num_clients; i++)
		free(r->clients[i].subject);
	free(r->clients);
}

/* What a loaded snapshot owns. */
static void
free_loaded(struct conf *c)
{
	free(c->file);
	free(c->state_dir);
	free(c->key_secret);
	free(c->user);
	free(c->group);
	free(c->watch.path);
	for (size_t i = 0; i < c->num_listeners; i++)
		address_cleanup(&c->listeners[i].address);
	free(c->listeners);
	for (size_t i = 0; i < c->node.num_addresses; i++)
		address_cleanup(&c->node.addresses[i]);
	free(c->node.addresses);
	for (size_t i = 0; i < c->num_identities; i++)
		conf_identity_cleanup(&c->identities[i]);
	free(c->identities);
	for (size_t i = 0; i < c->num_trusts; i++)
		conf_trust_cleanup(&c->trusts[i]);
	free(c->trusts);
	revcheck_trust_free(c->trust);
	free(c->tls.ciphersuites);
	free(c->tls.ciphers);
	name_set_free(c->tls.allowed_subjects);
	conf_free_paths(c->http.paths, c->http.num_paths);
	for (size_t i = 0; i < c->num_links; i++)
		link_cleanup(&c->links[i]);
	free(c->links);
	address_cleanup(&c->connect.listen);
	conf_free_strings(c->connect.allow, c->connect.num_allow);
	free(c->connect.identity_name);
	rest_cleanup(&c->rest);
	free(c->pkcs11.module);
	free(c->pkcs11.token_text);
	free(c->pkcs11.pin_file);
	conf_free_strings(c->revocation_lists.allow_addresses,
	    c->revocation_lists.num_allow_addresses);
	conf_free_strings(
	    c->revocation_lists.crl_paths, c->revocation_lists.num_crl_paths);
	free(c->revocation_lists.ports);
	free(c->revocation_lists.proxy);
	free(c->revocation_lists.https_ca_file);
}

/* What a derived snapshot has and its parent has not. */
static void
free_derived(struct conf *c)
{
	struct conf *p = c->parent;

	if (c->http.paths != p->http.paths)
		conf_free_paths(c->http.paths, c->http.num_paths);
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
