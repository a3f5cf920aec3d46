/*
 * member_identities: from what is kept of members to identities, with the names
 * that they answer to, and trusts. Nothing here is stored or asked. Control
 * thread.
 */
#include "gateway/members/member_identities.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "gateway/members/certstore.h"
#include "gateway/conf/conf_internal.h"
#include "gateway/tls/sni_index.h"
#include "gateway/base/json.h"
#include "gateway/members/network_setup.h"
#include "gateway/base/dn.h"

#define IP_SUFFIX ".cluster.corda.net"

/* Names. */

/* Takes name over, in lower case. */
static int
add_name(struct conf_identity *id, char *name)
{
	char **names;

	if (name == NULL)
		return E_NOMEM;
	names = realloc(
	    id->server_names, (id->num_server_names + 1) * sizeof(*names));
	if (names == NULL) {
		free(name);
		return E_NOMEM;
	}
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	id->server_names = names;
	names[id->num_server_names++] = name;
	return 0;
}

/* Hosts as they are; addresses as Corda 5 writes them into SNI. */
static int
add_alt_names(struct conf_identity *id)
{
	GENERAL_NAMES *all =
	    X509_get_ext_d2i(id->chain[0], NID_subject_alt_name, NULL, NULL);
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		const unsigned char *p;
		char text[INET6_ADDRSTRLEN], *name = NULL;
		int len;

		if (g->type == GEN_DNS) {
			p = ASN1_STRING_get0_data(g->d.dNSName);
			len = ASN1_STRING_length(g->d.dNSName);
			if (memchr(p, '\0', (size_t)len) == NULL)
				rc = add_name(
				    id, strndup((const char *)p, (size_t)len));
		} else if (g->type == GEN_IPADD) {
			p = ASN1_STRING_get0_data(g->d.iPAddress);
			len = ASN1_STRING_length(g->d.iPAddress);
			if ((len == 4 || len == 16) &&
			    inet_ntop(len == 4 ? AF_INET : AF_INET6, p, text,
				sizeof(text)) != NULL)
				rc = asprintf(&name, "%s" IP_SUFFIX, text) < 0
				    ? E_NOMEM
				    : add_name(id, name);
		}
	}
	GENERAL_NAMES_free(all);
	return rc;
}

/* The member's name in the Corda 4 form; the leaf's is added by the index. */
static int
add_member_names(
    struct conf_identity *id, const struct member *h, struct err *err)
{
	static const char *const seps[] = {", ", ","};
	char text[SNI_CORDA4_LEN];
	X509_NAME *name = h->name != NULL ? dn_parse(h->name) : NULL;
	int rc = 0;

	for (size_t i = 0; name != NULL && i < 2 && rc == 0; i++) {
		rc = sni_corda4_name(text, name, seps[i], err);
		if (rc == 0)
			rc = add_name(id, strdup(text));
	}
	X509_NAME_free(name);
	return rc;
}

/* The parts. */

static int
make_identity(struct conf_identity *id, const struct member *h,
    const struct keystore *keys, struct err *err)
{
	const cJSON *tls = json_get(h->setup, "tls");
	const char *pem = json_get_string(tls, "chain");
	const char *tenant = json_get_string(tls, "tenant");
	const char *key_id = json_get_string(tls, "key");
	struct certstore_list list = {.num = 0};
	const struct keystore_key *key;
	int rc;

	if (pem == NULL || tenant == NULL || key_id == NULL ||
	    (key = keystore_find(keys, tenant, key_id)) == NULL)
		return err_set(err, E_PARSE,
		    "setup of %s needs key %.40s, which is not here", h->id,
		    key_id != NULL ? key_id : "?");
	rc = certstore_read(&list, pem, strlen(pem), err);
	if (rc != 0) {
		certstore_list_cleanup(&list);
		return rc;
	}
	assert(id != NULL);
	id->chain = calloc(list.num, sizeof(*id->chain));
	if (id->chain == NULL || asprintf(&id->name, "holding-%s", h->id) < 0) {
		certstore_list_cleanup(&list);
		id->name = NULL;
		return err_set(err, E_NOMEM, "out of memory");
	}
	memcpy(id->chain, list.v, list.num * sizeof(*id->chain));
	id->num_chain = list.num;
	EVP_PKEY_up_ref(key->pkey);
	id->key = key->pkey;
	rc = add_alt_names(id);
	if (rc == 0)
		rc = add_member_names(id, h, err);
	return rc == 0 ? 0 : err_set(err, rc, "out of memory");
}

static int
make_trust(struct conf_trust *t, const struct member *h, struct err *err)
{
	const cJSON *roots = json_get(h->registration, "tls");

	assert(t != NULL);
	t->num_anchors = (size_t)cJSON_GetArraySize(roots);
	if (asprintf(&t->group, "holding-%s", h->id) < 0) {
		t->group = NULL;
		return err_set(err, E_NOMEM, "out of memory");
	}
	return network_setup_trust_new(&t->trust, roots, err);
}

/* One set of anchors out of every group's session roots. */
static int
make_session(struct member_identities *e, const struct members *holdings,
    struct err *err)
{
	struct certstore_list list;
	X509 **all = NULL, **more;
	struct revcheck_error why;
	const cJSON *item;
	size_t num = 0;
	int rc = 0;

	for (size_t i = 0; i < members_num(holdings); i++)
		cJSON_ArrayForEach(item,
		    json_get(members_get(holdings, i)->registration,
			"session")) if (rc == 0)
		{
			list.num = 0;
			rc = certstore_read(&list, item->valuestring,
			    strlen(item->valuestring), err);
			more = realloc(all, (num + 1) * sizeof(*all));
			if (more == NULL)
				rc = err_set(err, E_NOMEM, "out of memory");
			else
				all = more;
			if (rc == 0) {
				assert(all != NULL);
				X509_up_ref(list.v[0]);
				all[num++] = list.v[0];
			}
			certstore_list_cleanup(&list);
		}
	if (rc == 0 && num > 0 &&
	    revcheck_trust_new(&e->session, all, num, &why) != 0)
		rc = err_set(err, why.code, "%s", why.msg);
	for (size_t i = 0; i < num; i++)
		X509_free(all[i]);
	free(all);
	return rc;
}

/* The whole. */

int
member_identities_make(struct member_identities *e,
    const struct members *holdings, const struct keystore *keys,
    struct err *err)
{
	size_t num = members_num(holdings);
	int rc = 0;

	*e = (struct member_identities){0};
	if (num == 0)
		return 0;
	e->identities = calloc(num, sizeof(*e->identities));
	e->trusts = calloc(num, sizeof(*e->trusts));
	if (e->identities == NULL || e->trusts == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < num && rc == 0; i++) {
		const struct member *h = members_get(holdings, i);

		if (h->registration == NULL)
			continue;
		rc = make_trust(&e->trusts[e->num_trusts++], h, err);
		if (rc == 0 && h->setup != NULL)
			rc = make_identity(
			    &e->identities[e->num_identities++], h, keys, err);
	}
	if (rc == 0)
		rc = make_session(e, holdings, err);
	if (rc != 0)
		member_identities_cleanup(e);
	return rc;
}

void
member_identities_cleanup(struct member_identities *e)
{
	for (size_t i = 0; i < e->num_identities; i++)
		conf_identity_cleanup(&e->identities[i]);
	for (size_t i = 0; i < e->num_trusts; i++)
		conf_trust_cleanup(&e->trusts[i]);
	free(e->identities);
	free(e->trusts);
	revcheck_trust_free(e->session);
	*e = (struct member_identities){0};
}
