/*
 * conf_file: what keys of the bootstrap file need beside their row in
 * conf_keys.c. The order of keys in the file does not matter, so nothing here
 * looks at another key; what concerns several is in conf_check.c.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gateway/base/json.h"
#include "gateway/base/password_hash.h"
#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"
#include "gateway/conf/conf_secret.h"

#define MAX_LISTENERS 64
#define MAX_PATHS     1000
#define MAX_SUBJECTS  100000

int
conf_read_schema(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return conf_read_string(r, place) != NULL ? 0 : E_PARSE;
}

/* What it names has been joined to the tree (conf_source.c). */
int
conf_read_include(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return 0;
}

/* Where it listens. */

static int
listener_add(struct conf_reader *r, const struct conf_place *place,
    struct conf *c, bool http)
{
	struct conf_listener *l =
	    conf_grow(&c->listeners, &c->num_listeners, sizeof(*l));

	if (l == NULL)
		return conf_no_memory(r);
	l->http = http;
	return conf_read_listen_on(r, place, "0.0.0.0", &l->address);
}

static int
read_listener(struct conf_reader *r, const struct conf_place *place, void *base)
{
	return listener_add(r, place, base, false);
}

static int
read_http_listener(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	return listener_add(r, place, base, true);
}

/* One address or an array of them. */
int
conf_read_listeners(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	if (!cJSON_IsArray(place->item))
		return read_listener(r, place, base);
	return conf_read_array(r, place, MAX_LISTENERS, read_listener, base);
}

/* HTTP. */

/* That the object is there turns HTTP mode on. */
int
conf_http_present(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;

	c->http.enabled = true;
	return 0;
}

int
conf_read_http_listeners(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;

	c->http.own_listeners = true;
	if (!cJSON_IsArray(place->item))
		return read_http_listener(r, place, base);
	/* Or no listener would read requests, and all relay them unread. */
	if (cJSON_GetArraySize(place->item) == 0)
		return conf_read_fail(r, place, "at least one address");
	return conf_read_array(
	    r, place, MAX_LISTENERS, read_http_listener, base);
}

static int
read_path(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *text = conf_read_string(r, place);
	struct conf_http *h = base;
	struct conf_http_path *p;

	if (text == NULL)
		return E_PARSE;
	if (!conf_text_matches(CONF_URL_PATH, text))
		return conf_read_fail(r, place,
		    "a path: \"/\", then letters, digits, '/', '.' and '-'");
	p = conf_grow(&h->paths, &h->num_paths, sizeof(*p));
	if (p == NULL || (p->path = strdup(text)) == NULL)
		return conf_no_memory(r);
	return 0;
}

int
conf_read_http_paths(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	if (!cJSON_IsArray(place->item))
		return read_path(r, place, base);
	/* Or it would be taken for not set, which serves "/". */
	if (cJSON_GetArraySize(place->item) == 0)
		return conf_read_fail(r, place, "at least one path");
	return conf_read_array(r, place, MAX_PATHS, read_path, base);
}

/* Identities and trust. */

/* What went wrong with the file that key names, at its place. */
static int
file_fail(struct conf_reader *r, const struct conf_place *object,
    const char *key, const struct err *why)
{
	struct conf_place place = {.up = object,
	    .key = key,
	    .item = cJSON_GetObjectItemCaseSensitive(object->item, key)};

	conf_read_fail(r, &place, "a usable file: %.150s", why->msg);
	return why->code;
}

/* The index is where it was, unless something was put in before it. */
static const struct conf_identity *
identity_before(
    const struct conf *before, const struct conf_identity *id, size_t index)
{
	for (size_t i = 0; before != NULL && i <= before->num_identities; i++) {
		/* First at the index, then everywhere. */
		size_t at = i == 0 ? index : i - 1;
		const struct conf_identity *b;

		if (at >= before->num_identities)
			continue;
		b = &before->identities[at];
		if (strcmp(b->certificate_file, id->certificate_file) == 0 &&
		    strcmp(b->key_file, id->key_file) == 0)
			return b;
	}
	return NULL;
}

/* Shares chain and key with the snapshot before, if the files are the same. */
static bool
share_pair(const struct conf *before, struct conf_identity *id, size_t index)
{
	const struct conf_identity *b = identity_before(before, id, index);

	if (b == NULL ||
	    !file_stamp_same(&b->certificate_stamp, &id->certificate_stamp) ||
	    !file_stamp_same(&b->key_stamp, &id->key_stamp))
		return false;
	id->chain = calloc(b->num_chain, sizeof(X509 *));
	if (id->chain == NULL)
		return false;
	for (size_t i = 0; i < b->num_chain; i++) {
		X509_up_ref(b->chain[i]);
		id->chain[i] = b->chain[i];
	}
	id->num_chain = b->num_chain;
	EVP_PKEY_up_ref(b->key);
	id->key = b->key;
	/* As young as it was when it was read. */
	id->certificate_stamp = b->certificate_stamp;
	id->key_stamp = b->key_stamp;
	return true;
}

static int
load_pair(struct conf_reader *r, const struct conf_place *place,
    struct conf_identity *id)
{
	struct err why;

	file_stamp_take(&id->certificate_stamp, id->certificate_file);
	file_stamp_take(&id->key_stamp, id->key_file);
	if (share_pair(r->before, id, place->index))
		return 0;
	if (conf_pki_load_chain(&id->chain, &id->num_chain,
		id->certificate_file,
		strcmp(id->certificate_file, id->key_file) == 0, &why) != 0)
		return file_fail(r, place, "certificate", &why);
	if (conf_key_in_token(id->key_file))
		return 0; /* once all keys are read */
	if (conf_pki_load_key(
		&id->key, id->key_file, id->password_file, &why) != 0)
		return file_fail(r, place,
		    json_get(place->item, "key") != NULL ? "key"
							 : "certificate",
		    &why);
	if (conf_pki_check_pair(id->chain, id->num_chain, id->key,
		id->certificate_file, id->key_file, &why) != 0)
		return file_fail(r, place, "certificate", &why);
	return 0;
}

int
conf_identity_read(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_identity *id = &c->identities[c->num_identities - 1];

	for (size_t i = 0; i < id->num_server_names; i++)
		for (char *p = id->server_names[i]; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p | 0x20);
	if (id->key_file == NULL &&
	    (id->key_file = strdup(id->certificate_file)) == NULL)
		return conf_no_memory(r);
	return r->names_only ? 0 : load_pair(r, place, id);
}

static bool
intermediates_same(const struct conf_trust *a, const struct conf_trust *b)
{
	if (a->intermediates_file == NULL || b->intermediates_file == NULL)
		return a->intermediates_file == b->intermediates_file;
	return strcmp(a->intermediates_file, b->intermediates_file) == 0 &&
	    file_stamp_same(&a->intermediates_stamp, &b->intermediates_stamp);
}

static bool
share_anchors(const struct conf *before, struct conf_trust *t, size_t index)
{
	for (size_t i = 0; before != NULL && i <= before->num_trusts; i++) {
		size_t at = i == 0 ? index : i - 1;
		const struct conf_trust *b;

		if (at >= before->num_trusts)
			continue;
		b = &before->trusts[at];
		if (strcmp(b->anchors_file, t->anchors_file) != 0)
			continue;
		if (!file_stamp_same(&b->anchors_stamp, &t->anchors_stamp))
			return false;
		if (!intermediates_same(b, t))
			continue;
		t->trust = revcheck_trust_up_ref(b->trust);
		t->num_anchors = b->num_anchors;
		t->anchors_stamp = b->anchors_stamp;
		t->intermediates_stamp = b->intermediates_stamp;
		return true;
	}
	return false;
}

int
conf_trust_read(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_trust *t = &c->trusts[c->num_trusts - 1];
	struct err why;

	for (size_t i = 0; i + 1 < c->num_trusts; i++)
		if (strcmp(c->trusts[i].group, t->group) == 0)
			return conf_read_fail(
			    r, place, "a group that is not listed before");
	if (r->names_only)
		return 0;
	file_stamp_take(&t->anchors_stamp, t->anchors_file);
	if (t->intermediates_file != NULL)
		file_stamp_take(&t->intermediates_stamp, t->intermediates_file);
	if (share_anchors(r->before, t, place->index))
		return 0;
	if (conf_pki_load_trust(
		&t->trust, &t->num_anchors, t->anchors_file, &why) != 0)
		return file_fail(r, place, "anchors", &why);
	if (t->intermediates_file != NULL &&
	    conf_pki_add_intermediates(
		&t->trust, t->intermediates_file, &why) != 0)
		return file_fail(r, place, "intermediates", &why);
	return 0;
}

static int
read_subject(struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = conf_read_string(r, place);

	return s != NULL ? name_set_add(base, s, r->err) : E_PARSE;
}

/* The list and the flag that says it is enforced. */
int
conf_read_subjects(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf_tls *tls = base;
	int rc = name_set_new(&tls->allowed_subjects, r->err);

	tls->allowed_subjects_enforced = true;
	if (rc == 0 && !cJSON_IsArray(place->item))
		return read_subject(r, place, tls->allowed_subjects);
	return rc == 0 ? conf_read_array(r, place, MAX_SUBJECTS, read_subject,
			     tls->allowed_subjects)
		       : rc;
}

/* A link while its names are not resolved yet (conf_check.c does that). */
int
conf_link_read(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_link *l = &c->links[c->num_links - 1];

	if (l->num_peers == 0)
		return conf_read_fail(r, place, "at least one peer");
	if (l->server_name == NULL && l->peers[0].host == NULL)
		return conf_read_fail(r, place,
		    "a server_name, since the first peer is a Unix socket");
	if (l->server_name == NULL &&
	    (l->server_name = strdup(l->peers[0].host)) == NULL)
		return conf_no_memory(r);
	return 0;
}

/* Users of REST. */

/*
 * A plain password is hashed at once and forgotten; cheaply, since who reads a
 * file holds up a loop, and who could try hashes of memory can read the file.
 */
static int
hash_plain(struct conf_reader *r, const char *plain, char **out)
{
	char hash[PASSWORD_HASH_SIZE];
	int rc = password_hash(hash, plain, PASSWORD_COST_MIN, r->err);

	if (rc != 0)
		return rc;
	*out = strdup(hash);
	return *out != NULL ? 0 : conf_no_memory(r);
}

int
conf_read_password(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *plain = conf_read_string(r, place);
	char **out = base;

	if (plain == NULL)
		return E_PARSE;
	if (*out != NULL)
		return conf_read_fail(
		    r, place, "either password or password_hash");
	return hash_plain(r, plain, out);
}

int
conf_read_password_hash(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	const char *s = conf_read_string(r, place);
	char **out = base;

	if (s == NULL)
		return E_PARSE;
	if (*out != NULL)
		return conf_read_fail(
		    r, place, "either password or password_hash");
	if (!password_hash_valid(s))
		return conf_read_fail(
		    r, place, "what `p2p-gateway --hash-password` prints");
	*out = strdup(s);
	return *out != NULL ? 0 : conf_no_memory(r);
}

/* A hash or, else, a plain password, in a file of its own. */
static int
password_from_file(
    struct conf_reader *r, const struct conf_place *place, struct conf_user *u)
{
	char text[PASSWORD_MAX_LEN + 1];
	struct err why;
	int rc = conf_secret_read(text, sizeof(text), u->password_file, &why);

	if (rc != 0)
		rc = conf_read_fail(r, place,
		    "a password_file that can be used: %.100s", why.msg);
	else if (password_hash_valid(text))
		rc = (u->password_hash = strdup(text)) != NULL
		    ? 0
		    : conf_no_memory(r);
	else
		rc = hash_plain(r, text, &u->password_hash);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

int
conf_user_read(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	const struct conf_rest *rest = &((struct conf *)base)->rest;
	struct conf_user *u = &rest->users[rest->num_users - 1];
	int rc;

	if ((u->password_hash == NULL) == (u->password_file == NULL))
		return conf_read_fail(r, place,
		    "one of password, password_hash and password_file");
	rc = u->password_file != NULL ? password_from_file(r, place, u) : 0;
	if (rc != 0)
		return rc;
	/* RFC 7617 section 2: a colon would end the name early. */
	if (strchr(u->name, ':') != NULL)
		return conf_read_fail(r, place, "a name without a colon");
	for (size_t i = 0; i + 1 < rest->num_users; i++)
		if (strcmp(rest->users[i].name, u->name) == 0)
			return conf_read_fail(
			    r, place, "a name that is not listed before");
	return 0;
}
