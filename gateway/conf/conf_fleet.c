/*
 * conf_fleet: what concerns several keys of `fleet`: what is secret is neither
 * sent in clear nor kept beside what it protects.
 */
#include "gateway/conf/conf_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
check_endpoints(const struct conf_fleet *f, struct conf_reader *r)
{
	char path[64];

	for (size_t i = 0; i < f->num_endpoints; i++) {
		const char *url = f->endpoints[i];

		snprintf(path, sizeof(path), "$.fleet.endpoints[%zu]", i);
		if (!conf_url_fits(url, false))
			/* It may have a password in it. */
			return conf_fail(r, path,
			    "expected a URL such as "
			    "\"https://etcd-1.example:2379\"");
		if (conf_url_is_open(url))
			return conf_fail(r, path,
			    "is '%.100s': expected https://, or http:// with "
			    "an address of this host (127.0.0.1, [::1])",
			    url);
	}
	return 0;
}

/* Two keys that mean something together alone. */
static int
check_pair(struct conf_reader *r, const char *a, const char *name,
    const char *b, const char *other)
{
	char path[64];

	if (a == NULL || b != NULL)
		return 0;
	snprintf(path, sizeof(path), "$.fleet.%s", name);
	return conf_fail(r, path, "is set: expected $.fleet.%s, too", other);
}

/* Whether path is below dir. One that is not there: as it is written. */
static bool
is_below(const char *path, const char *dir)
{
	char *file = realpath(path, NULL), *root = realpath(dir, NULL);
	const char *p = file != NULL ? file : path;
	const char *d = root != NULL ? root : dir;
	size_t len = strlen(d);
	bool below =
	    strncmp(p, d, len) == 0 && (p[len] == '/' || p[len] == '\0');

	free(file);
	free(root);
	return below;
}

static int
check_secrets(const struct conf *c, struct conf_reader *r)
{
	const struct conf_fleet *f = &c->fleet;

	if (c->state_dir == NULL)
		return conf_fail(r, "$.fleet",
		    "is set: expected $.state_dir, where this machine keeps "
		    "its own copy of what is shared");
	if (is_below(f->secret_file, c->state_dir))
		return conf_fail(r, "$.fleet.secret_file",
		    "is '%.100s': expected a file outside of $.state_dir, "
		    "where it would be kept beside what it seals",
		    f->secret_file);
	if (!(f->share & CONF_SHARE_KEYS))
		return 0;
	if (c->key_secret == NULL || is_below(c->key_secret, c->state_dir))
		return conf_fail(r, "$.fleet.share",
		    "has \"keys\": expected $.key_secret to be a file outside "
		    "of $.state_dir, the same on every machine");
	return 0;
}

static int
check_store(const struct conf_evidence_store *s, struct conf_reader *r)
{
	if (s->url == NULL)
		return 0;
	if (!conf_url_fits(s->url, true))
		return conf_fail(r, "$.fleet.evidence_store.url",
		    "expected a URL that ends with \"/\", such as "
		    "\"https://objects.example/revocation/\"");
	if (s->credentials_file != NULL && conf_url_is_open(s->url))
		return conf_fail(r, "$.fleet.evidence_store.url",
		    "is '%.100s': expected https:// where "
		    "$.fleet.evidence_store.credentials_file is set",
		    s->url);
	if (s->region != NULL && s->credentials_file == NULL)
		return conf_fail(r, "$.fleet.evidence_store.region",
		    "is set: expected "
		    "$.fleet.evidence_store.credentials_file, too");
	return 0;
}

static int
check_readable(const struct conf_fleet *f, struct conf_reader *r)
{
	const struct {
		const char *name, *path;
	} files[] = {{"ca_file", f->ca_file}, {"certificate", f->certificate},
	    {"key", f->key}, {"password_file", f->password_file},
	    {"secret_file", f->secret_file},
	    {"previous_secret_file", f->previous_secret_file},
	    {"evidence_store.ca_file", f->store.ca_file},
	    {"evidence_store.credentials_file", f->store.credentials_file}};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].path == NULL || access(files[i].path, R_OK) == 0)
			continue;
		snprintf(path, sizeof(path), "$.fleet.%s", files[i].name);
		return conf_fail(r, path,
		    "is '%.100s': expected a file that can be read",
		    files[i].path);
	}
	return 0;
}

/* A word of a key in etcd, of a log line, of a header. */
static int
check_word(const char *word, const char *key, struct conf_reader *r)
{
	char path[64];

	if (word == NULL || conf_text_matches("^[A-Za-z0-9._-]{1,64}$", word))
		return 0;
	snprintf(path, sizeof(path), "$.fleet.%s", key);
	return conf_fail(r, path,
	    "is '%.100s': expected 1 to 64 letters, digits, '.', '_' and '-'",
	    word);
}

static int
check_words(struct conf_fleet *f, struct conf_reader *r)
{
	char host[65] = "";
	int rc = check_word(f->name, "name", r);

	if (rc == 0 && f->member == NULL) {
		(void)!gethostname(host, sizeof(host) - 1);
		f->member = strdup(host);
		if (f->member == NULL)
			return conf_no_memory(r);
	}
	if (rc == 0)
		rc = check_word(f->member, "member", r);
	return rc == 0 ? check_word(f->store.region, "evidence_store.region", r)
		       : rc;
}

int
conf_resolve_fleet(struct conf *c, struct conf_reader *r)
{
	struct conf_fleet *f = &c->fleet;
	int rc;

	if (f->name == NULL)
		return 0;
	if (f->share == 0)
		f->share = CONF_SHARE_KEYS - 1;
	rc = check_words(f, r);
	if (rc == 0)
		rc = check_endpoints(f, r);
	if (rc == 0)
		rc =
		    check_pair(r, f->certificate, "certificate", f->key, "key");
	if (rc == 0)
		rc =
		    check_pair(r, f->key, "key", f->certificate, "certificate");
	if (rc == 0)
		rc = check_pair(
		    r, f->user, "user", f->password_file, "password_file");
	if (rc == 0)
		rc = check_pair(
		    r, f->password_file, "password_file", f->user, "user");
	if (rc == 0)
		rc = check_secrets(c, r);
	if (rc == 0)
		rc = check_store(&f->store, r);
	return rc == 0 ? check_readable(f, r) : rc;
}
