/*
 * conf_derive: a snapshot that differs from another in what pushed sections
 * say. Thousands of parsed anchors and identities are shared, not copied: a
 * list belongs to the derived snapshot where its pointer differs.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"

static int
copy_strings(char ***out, size_t *num, const char *const *list, size_t n)
{
	*num = 0;
	*out = calloc(n > 0 ? n : 1, sizeof(**out));
	if (*out == NULL)
		return E_NOMEM;
	for (; *num < n; (*num)++)
		if (((*out)[*num] = strdup(list[*num])) == NULL)
			return E_NOMEM;
	return 0;
}

static int
copy_paths(struct conf *c, const struct conf_http *from)
{
	struct conf_http_path *list =
	    calloc(from->num_paths + 1, sizeof(*list));

	c->http.paths = list;
	c->http.num_paths = 0;
	if (list == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < from->num_paths; i++) {
		list[i].port = from->paths[i].port;
		list[i].path = strdup(from->paths[i].path);
		if (list[i].path == NULL)
			return E_NOMEM;
		c->http.num_paths++;
	}
	return 0;
}

/* An identity of its own that shares certificates and key by reference. */
static int
copy_identity(struct conf_identity *out, const struct conf_identity *in)
{
	memset(out, 0, sizeof(*out));
	out->name = strdup(in->name);
	out->chain = calloc(in->num_chain, sizeof(*out->chain));
	if (out->name == NULL || out->chain == NULL)
		return E_NOMEM;
	for (; out->num_chain < in->num_chain; out->num_chain++) {
		X509_up_ref(in->chain[out->num_chain]);
		out->chain[out->num_chain] = in->chain[out->num_chain];
	}
	EVP_PKEY_up_ref(in->key);
	out->key = in->key;
	return copy_strings(&out->server_names, &out->num_server_names,
	    (const char *const *)in->server_names, in->num_server_names);
}

static int
derive_identities(struct conf *c, const struct conf_overlay *o)
{
	struct conf_identity *list =
	    calloc(c->num_identities + o->num_identities, sizeof(*list));
	int rc = 0;

	if (list == NULL)
		return E_NOMEM;
	memcpy(list, c->identities, c->num_identities * sizeof(*list));
	c->identities = list;
	for (size_t i = 0; i < o->num_identities && rc == 0; i++) {
		rc = copy_identity(
		    &list[c->num_identities++], &o->identities[i]);
		c->num_own_identities++;
	}
	return rc;
}

static int
derive_trusts(struct conf *c, const struct conf_overlay *o, struct err *err)
{
	struct conf_trust *list =
	    calloc(c->num_trusts + o->num_trusts, sizeof(*list));

	if (list == NULL)
		return E_NOMEM;
	memcpy(list, c->trusts, c->num_trusts * sizeof(*list));
	c->trusts = list;
	c->trust = NULL;
	for (size_t i = 0; i < o->num_trusts; i++) {
		struct conf_trust *t = &list[c->num_trusts++];

		c->num_own_trusts++;
		t->group = strdup(o->trusts[i].group);
		t->trust = revcheck_trust_up_ref(o->trusts[i].trust);
		t->num_anchors = o->trusts[i].num_anchors;
		if (t->group == NULL)
			return E_NOMEM;
	}
	return conf_pki_union(&c->trust, c->trusts, c->num_trusts, err);
}

void
conf_view(struct conf *out, const struct conf *base)
{
	/* All but the count, which other threads change meanwhile. */
	static_assert(offsetof(struct conf, ref) == 0, "the count comes first");
	memset(&out->ref, 0, sizeof(out->ref));
	memcpy((char *)out + sizeof(out->ref),
	    (const char *)base + sizeof(base->ref),
	    sizeof(*out) - sizeof(out->ref));
}

int
conf_derive(struct conf **out, struct conf *base, const struct conf_overlay *o,
    struct err *err)
{
	struct conf *c;
	int rc = 0;

	*out = NULL;
	assert(base->parent == NULL);
	err_set(err, E_NOMEM, "out of memory");
	c = malloc(sizeof(*c));
	if (c == NULL)
		return E_NOMEM;
	conf_view(c, o->values);
	ref_init(&c->ref);
	c->parent = conf_up_ref(base);
	if (c->http.paths != base->http.paths)
		rc = copy_paths(c, &o->values->http);
	if (rc == 0 && o->set_subjects) {
		c->tls.allowed_subjects_enforced = true;
		c->tls.allowed_subjects = name_set_up_ref(o->subjects);
	}
	if (rc == 0 && o->num_identities > 0)
		rc = derive_identities(c, o);
	if (rc == 0 && o->num_trusts > 0)
		rc = derive_trusts(c, o, err);
	if (rc != 0) {
		conf_free(c);
		return rc;
	}
	*out = c;
	return 0;
}
