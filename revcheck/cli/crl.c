/*
 * crl: `revcheck crl`, what is in one CRL, and what check would make of it by
 * itself. Its signature is checked where an issuer is given.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/ask.h"
#include "revcheck/cli/commands.h"
#include "revcheck/cli/fetch.h"

#define CRL_MAX_BYTES ((size_t)512 << 20)

struct view {
	const char *name;
	const struct revcheck_crl *crl;
	struct revcheck_crl_info info;
	struct revcheck_result verdict;
	time_t at;
	bool issuer;        /* given: the signature has been checked */
	const char *serial; /* asked for, or NULL */
	int found;
	struct revcheck_crl_entry entry;
	double seconds; /* of loading */
};

static int
load(struct revcheck_crl **out, const char *name, long timeout_ms,
    const char *proxy)
{
	struct fetch f = {
	    .url = name,
	    .max_bytes = CRL_MAX_BYTES,
	    .timeout_ms = timeout_ms,
	    .proxy = proxy,
	};
	struct revcheck_error err;
	int rc;

	if (!fetch_is_url(name)) {
		if (revcheck_crl_load(out, name, &err) != 0)
			return cli_fail_library(&err);
		return 0;
	}
	rc = fetch_run(&f);
	if (rc != 0)
		return rc;
	if (revcheck_crl_parse(out, f.body, f.len, name, &err) != 0)
		rc = cli_fail_library(&err);
	free(f.body);
	return rc;
}

/* Whether who signed it is the issuer that is given. */
static bool
signature_holds(const struct view *v)
{
	return v->verdict.signer[0] != '\0';
}

static void
print_verdict(const struct view *v)
{
	const struct revcheck_result *r = &v->verdict;

	if (!v->issuer)
		print_field(stdout, "signature", TINT_DIM,
		    "not checked: give '--issuer'");
	else if (signature_holds(v))
		print_field(stdout, "signature", TINT_GOOD, "by %s", r->signer);
	else
		print_field(stdout, "signature", TINT_BAD, "%s, %s",
		    revcheck_why_name(r->why), r->text);
	if (v->issuer && !signature_holds(v))
		return;
	if (r->status == REVCHECK_GOOD)
		print_field(stdout, "silence",
		    v->issuer ? TINT_GOOD : TINT_NONE, "counts: %s", r->text);
	else
		print_field(stdout, "silence", TINT_WARN,
		    "proves nothing (%s): %s", revcheck_why_name(r->why),
		    r->text);
}

static void
print_text(const struct view *v)
{
	char buf[PRINT_TIME_LEN];
	time_t now = v->at;
	const struct revcheck_crl_info *i = &v->info;

	printf(
	    "%s%s%s\n", tint_on(stdout, TINT_BOLD), v->name, tint_off(stdout));
	print_field(stdout, "issuer", TINT_NONE, "%s", i->issuer);
	print_field(stdout, "version", TINT_NONE, "%d", i->version);
	print_field(stdout, "number", TINT_NONE, "%s", i->number);
	if (i->delta_base[0] != '\0')
		print_field(stdout, "delta of", TINT_WARN, "%s and later",
		    i->delta_base);
	print_field(stdout, "thisUpdate", TINT_NONE, "%s",
	    print_time(buf, i->this_update, now));
	print_field(stdout, "nextUpdate",
	    i->next_update != 0 && i->next_update < now ? TINT_WARN : TINT_NONE,
	    "%s", print_time(buf, i->next_update, now));
	print_field(stdout, "scope", TINT_NONE, "%s",
	    i->scope[0] != '\0' ? i->scope : "everything of its issuer");
	print_field(stdout, "entries", TINT_NONE, "%zu", i->num_entries);
	print_field(stdout, "size", TINT_NONE,
	    "%zu bytes, index %zu bytes, read in %.0f ms", i->bytes,
	    i->index_bytes, v->seconds * 1000);
	print_field(stdout, "algorithm", TINT_NONE, "%s", i->signature);
	print_field(stdout, "authority", TINT_NONE, "%s", i->authority_key);
	print_field(stdout, "remarks", TINT_WARN, "%s", i->flaws);
	print_verdict(v);
	if (v->serial == NULL)
		return;
	if (!v->found) {
		/* Silence is worth something where it is that of the issuer. */
		print_field(stdout, "serial",
		    v->issuer && v->verdict.status == REVCHECK_GOOD ? TINT_GOOD
								    : TINT_WARN,
		    "%s is not listed", v->serial);
		return;
	}
	print_field(stdout, "serial", TINT_BAD, "%s is listed since %s, %s",
	    v->entry.serial, print_time(buf, v->entry.revoked_at, now),
	    v->entry.reason == REVCHECK_REASON_NONE
		? "no reason given"
		: revcheck_reason_name(v->entry.reason));
}

static void
print_list(const struct revcheck_crl *crl)
{
	struct revcheck_crl_entry e;
	char when[PRINT_UTC_LEN];
	size_t pos = 0;

	while (revcheck_crl_next(crl, &pos, &e) == 1) {
		if (!print_utc(when, e.revoked_at))
			snprintf(when, sizeof(when), "-");
		printf("%-42s %s %s%s%s\n", e.serial, when,
		    e.reason == REVCHECK_REASON_NONE
			? "-"
			: revcheck_reason_name(e.reason),
		    e.issuer[0] != '\0' ? " " : "", e.issuer);
	}
}

static void
json_verdict(const struct view *v, cJSON *o)
{
	const struct revcheck_result *r = &v->verdict;

	if (!v->issuer)
		cJSON_AddNullToObject(o, "signature");
	else
		cJSON_AddBoolToObject(o, "signature", signature_holds(v));
	print_json_text(o, "signer", r->signer);
	cJSON_AddBoolToObject(o, "silenceCounts", r->status == REVCHECK_GOOD);
	print_json_text(o, "why",
	    r->why == REVCHECK_WHY_NONE ? "" : revcheck_why_name(r->why));
	print_json_text(o, "text", r->text);
}

static void
json_serial(const struct view *v, cJSON *o)
{
	cJSON *e;

	if (v->serial == NULL)
		return;
	e = cJSON_AddObjectToObject(o, "serial");
	cJSON_AddStringToObject(e, "asked", v->serial);
	cJSON_AddBoolToObject(e, "listed", v->found);
	if (!v->found)
		return;
	print_json_time(e, "revocationDate", v->entry.revoked_at);
	print_json_text(e, "reason",
	    v->entry.reason == REVCHECK_REASON_NONE
		? ""
		: revcheck_reason_name(v->entry.reason));
}

/*
 * The entries as the last member of a document of which text is the rest. One
 * by one: there may be millions.
 */
static int
print_json_list(const struct revcheck_crl *crl, char *text)
{
	struct revcheck_crl_entry e;
	const char *sep = "";
	size_t pos = 0;
	cJSON *o;

	text[strlen(text) - 1] = '\0';
	printf("%s,\"list\":[", text);
	while (revcheck_crl_next(crl, &pos, &e) == 1) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "serial", e.serial);
		print_json_time(o, "revocationDate", e.revoked_at);
		print_json_text(o, "reason",
		    e.reason == REVCHECK_REASON_NONE
			? ""
			: revcheck_reason_name(e.reason));
		print_json_text(o, "issuer", e.issuer);
		text = cJSON_PrintUnformatted(o);
		cJSON_Delete(o);
		if (text == NULL)
			return cli_fail(EXIT_SOFTWARE, "out of memory");
		printf("%s%s", sep, text);
		free(text);
		sep = ",";
	}
	puts("]}");
	return 0;
}

static int
print_json(const struct view *v, bool list)
{
	const struct revcheck_crl_info *i = &v->info;
	cJSON *o = cJSON_CreateObject();
	char *text;
	int rc;

	print_json_text(o, "issuer", i->issuer);
	cJSON_AddNumberToObject(o, "version", i->version);
	print_json_text(o, "number", i->number);
	print_json_text(o, "deltaBase", i->delta_base);
	print_json_time(o, "thisUpdate", i->this_update);
	print_json_time(o, "nextUpdate", i->next_update);
	print_json_text(o, "scope", i->scope);
	cJSON_AddNumberToObject(o, "entries", (double)i->num_entries);
	cJSON_AddNumberToObject(o, "bytes", (double)i->bytes);
	cJSON_AddNumberToObject(o, "indexBytes", (double)i->index_bytes);
	print_json_text(o, "algorithm", i->signature);
	print_json_text(o, "authorityKey", i->authority_key);
	print_json_text(o, "remarks", i->flaws);
	json_verdict(v, o);
	json_serial(v, o);
	if (!list) {
		rc = print_document(o);
	} else if ((text = cJSON_PrintUnformatted(o)) == NULL) {
		rc = cli_fail(EXIT_SOFTWARE, "out of memory");
	} else {
		rc = print_json_list(v->crl, text);
		free(text);
	}
	cJSON_Delete(o);
	return rc;
}

/* What check would make of it. */
static int
judge(struct view *v, struct opt *table)
{
	struct revcheck_policy policy = {.size = sizeof(policy)};
	struct revcheck_crl_query q = {.size = sizeof(q), .policy = &policy};
	const char *path = opt_value(table, "--issuer");
	struct revcheck_certs *issuer = NULL;
	struct input in = {0};
	struct revcheck_error err;
	int rc;

	if (opt_time(table, "--at", &q.at) != 0)
		return EXIT_USAGE;
	v->at = q.at != 0 ? q.at : time(NULL);
	rc = ask_relax(&policy, table);
	if (rc != 0)
		return rc;
	if (path != NULL) {
		rc = input_chain(&issuer, path, &in);
		if (rc != 0)
			return rc;
		q.issuer = revcheck_certs_get0(issuer, 0);
		v->issuer = true;
	}
	if (revcheck_crl_judge(&v->verdict, v->crl, &q, &err) != 0)
		rc = cli_fail_library(&err);
	revcheck_certs_free(issuer);
	return rc;
}

static double
now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
cmd_crl(int argc, char **argv)
{
	struct opt table[] = {OPT_VALUE("--serial", "HEX"),
	    OPT_VALUE("--issuer", "FILE"), OPT_VALUE("--at", "TIME"),
	    OPT_VALUES("--relax", "RULE"), OPT_FLAG("--list"),
	    OPT_FLAG("--json"), OPT_VALUE("--timeout-ms", "N"),
	    OPT_VALUE("--proxy", "URL"), OPT_COMMON, {0}};
	struct revcheck_crl *crl = NULL;
	struct view v = {.info.size = sizeof(v.info)};
	uint64_t timeout = 60000;
	double start;
	int rc, num;

	rc = opt_parse("crl", table, argc, argv, &v.name, 1, &num);
	if (rc == 0)
		rc = opt_number(table, "--timeout-ms", 1, 3600000, &timeout);
	if (rc != 0)
		return rc;
	if (num != 1)
		return cli_fail(EXIT_USAGE, "give a CRL: a file or a URL");
	start = now_seconds();
	rc = load(&crl, v.name, (long)timeout, opt_value(table, "--proxy"));
	if (rc != 0)
		return rc;
	v.seconds = now_seconds() - start;
	v.crl = crl;
	v.serial = opt_value(table, "--serial");
	revcheck_crl_get_info(crl, &v.info);
	if (v.serial != NULL) {
		v.found = revcheck_crl_find(crl, v.serial, &v.entry);
		if (v.found < 0) {
			rc = cli_fail(EXIT_USAGE,
			    "option '--serial' expects hexadecimal, not '%s'",
			    v.serial);
			goto out;
		}
	}
	rc = judge(&v, table);
	if (rc != 0)
		goto out;
	if (opt_given(table, "--json"))
		rc = print_json(&v, opt_given(table, "--list"));
	else {
		print_text(&v);
		if (opt_given(table, "--list"))
			print_list(crl);
	}
	/* As grep does: 0 found, 1 not, for scripts that ask for a serial. */
	if (rc == 0 && v.serial != NULL && !v.found)
		rc = 1;
	if (rc == 0 && v.issuer && !signature_holds(&v))
		rc = EXIT_UNDETERMINED;
out:
	revcheck_crl_free(crl);
	return rc;
}
