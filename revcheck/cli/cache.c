/* cache: `revcheck cache`, the evidence kept in a state directory. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/commands.h"

/* What the callbacks of the library write to. */
struct listing {
	cJSON *json; /* an array, or NULL for text */
	time_t now;
	const char *prefix; /* only keys that begin so; NULL: all */
	size_t num;
	char key[65]; /* the last one shown */
};

static const char *
kind_name(enum revcheck_evidence_kind kind)
{
	return kind == REVCHECK_EVIDENCE_CRL ? "crl" : "ocsp";
}

static void
item_json(cJSON *list, const struct revcheck_cache_item *i)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "key", i->key);
	cJSON_AddStringToObject(o, "kind", kind_name(i->kind));
	cJSON_AddNumberToObject(o, "bytes", (double)i->bytes);
	cJSON_AddNumberToObject(o, "entries", (double)i->num_entries);
	print_json_time(o, "thisUpdate", i->this_update);
	print_json_time(o, "nextUpdate", i->next_update);
	print_json_time(o, "fetchedAt", i->fetched_at);
	print_json_text(o, "number", i->number);
	print_json_text(o, "issuer", i->issuer);
	print_json_text(o, "url", i->url);
	print_json_text(o, "error", i->error);
	if (!cJSON_AddItemToArray(list, o))
		cJSON_Delete(o);
}

static void
item_text(const struct revcheck_cache_item *i, time_t now)
{
	char buf[PRINT_TIME_LEN];

	printf(
	    "%s%s%s\n", tint_on(stdout, TINT_BOLD), i->key, tint_off(stdout));
	print_field(stdout, "kind", TINT_NONE, "%s, %zu bytes, %zu %s",
	    kind_name(i->kind), i->bytes, i->num_entries,
	    i->kind == REVCHECK_EVIDENCE_CRL ? "entries" : "answers");
	print_field(stdout, "from", TINT_NONE, "%s", i->url);
	print_field(stdout, "issuer", TINT_NONE, "%s", i->issuer);
	print_field(stdout, "number", TINT_NONE, "%s", i->number);
	if (i->this_update != 0)
		print_field(stdout, "thisUpdate", TINT_NONE, "%s",
		    print_time(buf, i->this_update, now));
	if (i->next_update != 0)
		print_field(stdout, "nextUpdate",
		    i->next_update < now ? TINT_WARN : TINT_NONE, "%s",
		    print_time(buf, i->next_update, now));
	if (i->fetched_at != 0)
		print_field(stdout, "fetched", TINT_NONE, "%s",
		    print_time(buf, i->fetched_at, now));
	print_field(stdout, "error", TINT_BAD, "%s", i->error);
}

static int
on_item(void *arg, const struct revcheck_cache_item *item)
{
	struct listing *l = arg;

	if (l->prefix != NULL &&
	    strncmp(item->key, l->prefix, strlen(l->prefix)) != 0)
		return 0;
	l->num++;
	memcpy(l->key, item->key, sizeof(l->key));
	if (l->json != NULL)
		item_json(l->json, item);
	else
		item_text(item, l->now);
	return 0;
}

/* What could not be imported or refreshed: on stderr, and the rest goes on. */
static int
on_refused(void *arg, const struct revcheck_cache_item *item)
{
	int *refused = arg;

	++*refused;
	cli_fail(0, "%s %.16s from '%s': %s", kind_name(item->kind), item->key,
	    item->url, item->error);
	return 0;
}

/* list, and show with a prefix. */
static int
run_list(struct opt *table, const char *dir, const char *prefix)
{
	struct listing l = {.now = time(NULL), .prefix = prefix};
	struct revcheck_error err;
	int rc = 0;

	if (opt_given(table, "--json")) {
		l.json = cJSON_CreateArray();
		if (l.json == NULL)
			return cli_fail(EXIT_SOFTWARE, "out of memory");
	}
	if (revcheck_state_list(dir, on_item, &l, &err) < 0)
		rc = cli_fail_library(&err);
	else if (l.json != NULL)
		rc = print_document(l.json);
	else if (l.num == 0 && prefix == NULL)
		puts("nothing is kept");
	if (rc == 0 && prefix != NULL && l.num == 0)
		rc = cli_fail(EXIT_INPUT, "nothing is kept as '%s'", prefix);
	cJSON_Delete(l.json);
	return rc;
}

static int
write_file(const char *path, const unsigned char *data, size_t len)
{
	FILE *f = fopen(path, "wb");
	bool ok = f != NULL && fwrite(data, 1, len, f) == len;

	if (f != NULL && fclose(f) != 0)
		ok = false;
	return ok ? 0 : cli_fail(EXIT_SOFTWARE, "cannot write '%s'", path);
}

/* show KEY: its lines, and its bytes where --out says so. */
static int
run_show(struct opt *table, const char *dir, const char *key)
{
	const char *out = opt_value(table, "--out");
	enum revcheck_evidence_kind kind;
	struct revcheck_error err;
	unsigned char *data = NULL;
	size_t len;
	int rc;

	if (key == NULL)
		return cli_fail(
		    EXIT_USAGE, "give a key, or the beginning of one");
	rc = run_list(table, dir, key);
	if (rc != 0 || out == NULL)
		return rc;
	rc = revcheck_state_get(&data, &len, &kind, dir, key, &err);
	if (rc < 0)
		return cli_fail_library(&err);
	if (rc == 0)
		return cli_fail(
		    EXIT_INPUT, "nothing is kept as '%s' exactly", key);
	rc = write_file(out, data, len);
	free(data);
	return rc;
}

static int
run_flush(const char *dir, const char *key)
{
	struct revcheck_error err;
	int n = revcheck_state_flush(dir, key, &err);

	if (n < 0)
		return cli_fail_library(&err);
	if (n == 0 && key != NULL)
		return cli_fail(EXIT_INPUT, "nothing is kept as '%s'", key);
	printf("%d forgotten\n", n);
	return 0;
}

/* Known revocations. */

static void
known_json(cJSON *list, const struct revcheck_known *k)
{
	cJSON *o = cJSON_CreateObject();

	print_json_text(o, "issuer", k->issuer);
	cJSON_AddStringToObject(o, "issuerKey", k->issuer_key);
	cJSON_AddStringToObject(o, "serial", k->serial);
	print_json_text(o, "reason", revcheck_reason_name(k->reason));
	print_json_time(o, "revokedAt", k->revoked_at);
	print_json_time(o, "thisUpdate", k->this_update);
	print_json_time(o, "firstSeen", k->first_seen);
	cJSON_AddStringToObject(o, "document", k->document);
	print_json_text(o, "url", k->url);
	if (!cJSON_AddItemToArray(list, o))
		cJSON_Delete(o);
}

static void
known_text(const struct revcheck_known *k, time_t now)
{
	char buf[PRINT_TIME_LEN];

	printf("%s%s%s\n", tint_on(stdout, TINT_BOLD),
	    k->serial[0] != '\0' ? k->serial : "0", tint_off(stdout));
	print_field(stdout, "issuer", TINT_NONE, "%s", k->issuer);
	print_field(stdout, "issuer key", TINT_NONE, "%s", k->issuer_key);
	print_field(
	    stdout, "reason", TINT_NONE, "%s", revcheck_reason_name(k->reason));
	if (k->revoked_at != 0)
		print_field(stdout, "revoked", TINT_NONE, "%s",
		    print_time(buf, k->revoked_at, now));
	if (k->first_seen != 0)
		print_field(stdout, "known since", TINT_NONE, "%s",
		    print_time(buf, k->first_seen, now));
	print_field(stdout, "by", TINT_NONE, "%s", k->url);
}

static int
on_known(void *arg, const struct revcheck_known *k)
{
	struct listing *l = arg;

	l->num++;
	if (l->json != NULL)
		known_json(l->json, k);
	else
		known_text(k, l->now);
	return 0;
}

static int
run_known(struct opt *table, const char *dir)
{
	struct listing l = {.now = time(NULL)};
	struct revcheck_error err;
	int rc = 0;

	if (opt_given(table, "--json")) {
		l.json = cJSON_CreateArray();
		if (l.json == NULL)
			return cli_fail(EXIT_SOFTWARE, "out of memory");
	}
	if (revcheck_state_known(dir, on_known, &l, &err) < 0)
		rc = cli_fail_library(&err);
	else if (l.json != NULL)
		rc = print_document(l.json);
	else if (l.num == 0)
		puts("none is known as revoked");
	cJSON_Delete(l.json);
	return rc;
}

/* The beginning of a key is enough where it begins no other. */
struct matching {
	const char *prefix;
	char key[65];
	bool several;
};

static int
on_match(void *arg, const struct revcheck_known *k)
{
	struct matching *m = arg;

	if (strncasecmp(k->issuer_key, m->prefix, strlen(m->prefix)) != 0)
		return 0;
	m->several = m->several ||
	    (m->key[0] != '\0' && strcmp(m->key, k->issuer_key) != 0);
	memcpy(m->key, k->issuer_key, sizeof(m->key));
	return 0;
}

static int
run_forget(const char *dir, const char *issuer, const char *serial)
{
	struct matching m = {.prefix = issuer};
	struct revcheck_error err;
	int n;

	if (issuer == NULL || serial == NULL)
		return cli_fail(EXIT_USAGE,
		    "give the issuer's key, as 'cache known' shows it, and a "
		    "serial");
	if (revcheck_state_known(dir, on_match, &m, &err) < 0)
		return cli_fail_library(&err);
	if (m.several)
		return cli_fail(EXIT_INPUT,
		    "several issuers' keys begin with '%s'", issuer);
	n = revcheck_state_forget(
	    dir, m.key[0] != '\0' ? m.key : issuer, serial, &err);
	if (n < 0)
		return cli_fail_library(&err);
	if (n == 0)
		return cli_fail(EXIT_INPUT,
		    "serial '%s' of issuer '%s' is not known as revoked",
		    serial, issuer);
	printf("%d forgotten\n", n);
	return 0;
}

static int
run_export(const char *dir, const char *path)
{
	struct revcheck_error err;
	int n;

	if (path == NULL)
		return cli_fail(EXIT_USAGE, "give a file to write");
	n = revcheck_state_export(dir, path, &err);
	if (n < 0)
		return cli_fail_library(&err);
	printf("%d written to '%s'\n", n, path);
	return 0;
}

/* What import and refresh verify with. */
struct signers {
	struct revcheck_trust *trust;
	struct revcheck_certs *certs;
};

static int
load_signers(struct signers *s, struct opt *table)
{
	const char *anchors = opt_value(table, "--anchors"),
		   *certs = opt_value(table, "--untrusted");
	struct revcheck_error err;

	if (anchors == NULL)
		return cli_fail(EXIT_USAGE,
		    "option '--anchors' is missing: evidence is taken only "
		    "from those whose path ends in an anchor");
	if (revcheck_trust_load(&s->trust, anchors, &err) != 0 ||
	    revcheck_certs_load(
		&s->certs, certs != NULL ? certs : anchors, &err) != 0)
		return cli_fail_library(&err);
	return 0;
}

static int
run_import(const struct signers *s, const char *dir, const char *path)
{
	struct revcheck_error err;
	int n, refused = 0;

	if (path == NULL)
		return cli_fail(EXIT_USAGE, "give a file to read");
	n = revcheck_state_import(
	    dir, path, s->trust, s->certs, on_refused, &refused, &err);
	if (n < 0)
		return cli_fail_library(&err);
	printf("%d taken, %d refused\n", n, refused);
	return refused > 0 ? EXIT_UNDETERMINED : 0;
}

static int
run_refresh(const struct signers *s, struct opt *table, const char *dir,
    const char *key)
{
	struct opt *allow = opt_get(table, "--allow-address");
	const char *addresses[OPT_MAX_VALUES + 1] = {NULL};
	struct revcheck_options o = {
	    .size = sizeof(o),
	    .any_port = opt_given(table, "--any-port"),
	    .proxy = opt_value(table, "--proxy"),
	    .https_ca_file = opt_value(table, "--https-ca-file"),
	};
	struct revcheck_error err;
	int n, failed = 0;

	for (int i = 0; i < allow->count; i++)
		addresses[i] = allow->values[i];
	if (allow->count > 0)
		o.allow_addresses = addresses;
	n = revcheck_state_refresh(
	    dir, key, &o, s->trust, s->certs, on_refused, &failed, &err);
	if (n < 0)
		return cli_fail_library(&err);
	printf("%d refreshed, %d failed\n", n, failed);
	return failed > 0 ? EXIT_UNAVAILABLE : 0;
}

static int
run(struct opt *table, const char *const words[3])
{
	const char *what = words[0], *word = words[1];
	const char *dir = opt_value(table, "--state-dir");
	struct signers s = {NULL, NULL};
	int rc;

	if (dir == NULL)
		return cli_fail(EXIT_USAGE,
		    "option '--state-dir' is missing: give the directory");
	if (strcmp(what, "list") == 0)
		return run_list(table, dir, NULL);
	if (strcmp(what, "show") == 0)
		return run_show(table, dir, word);
	if (strcmp(what, "flush") == 0)
		return run_flush(dir, word);
	if (strcmp(what, "export") == 0)
		return run_export(dir, word);
	if (strcmp(what, "known") == 0)
		return run_known(table, dir);
	if (strcmp(what, "forget") == 0)
		return run_forget(dir, word, words[2]);
	if (strcmp(what, "import") != 0 && strcmp(what, "refresh") != 0)
		return cli_fail(EXIT_USAGE,
		    "unknown command 'cache %s'; expected list, show, flush, "
		    "export, import, refresh, known or forget",
		    what);
	rc = load_signers(&s, table);
	if (rc == 0 && strcmp(what, "import") == 0)
		rc = run_import(&s, dir, word);
	else if (rc == 0)
		rc = run_refresh(&s, table, dir, word);
	revcheck_certs_free(s.certs);
	revcheck_trust_free(s.trust);
	return rc;
}

int
cmd_cache(int argc, char **argv)
{
	struct opt table[] = {OPT_VALUE("--state-dir", "DIR"),
	    OPT_VALUE("--anchors", "FILE"), OPT_VALUE("--untrusted", "FILE"),
	    OPT_VALUE("--out", "FILE"),
	    OPT_VALUES("--allow-address", "ADDRESS"), OPT_FLAG("--any-port"),
	    OPT_VALUE("--proxy", "URL"), OPT_VALUE("--https-ca-file", "FILE"),
	    OPT_FLAG("--json"), OPT_COMMON, {0}};
	const char *words[3] = {NULL, NULL, NULL};
	int rc, num;

	rc = opt_parse("cache", table, argc, argv, words, 3, &num);
	if (rc != 0)
		return rc;
	if (num == 0)
		return cli_fail(EXIT_USAGE,
		    "give one of list, show, flush, export, import, refresh, "
		    "known, forget");
	if (num == 3 && strcmp(words[0], "forget") != 0)
		return cli_fail(
		    EXIT_USAGE, "too many arguments: '%s'", words[2]);
	return run(table, words);
}
