/*
 * crl: `revcheck crl`, what is in one CRL. Its signature and dates are not
 * checked.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/fetch.h"

#define CRL_MAX_BYTES ((size_t)512 << 20)

struct view {
	const char *name;
	const struct revcheck_crl *crl;
	struct revcheck_crl_info info;
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

static void
print_text(const struct view *v, time_t now)
{
	char buf[PRINT_TIME_LEN];
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
	if (v->serial == NULL)
		return;
	if (!v->found) {
		print_field(
		    stdout, "serial", TINT_GOOD, "%s is not listed", v->serial);
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

static int
print_json(const struct view *v)
{
	const struct revcheck_crl_info *i = &v->info;
	cJSON *o = cJSON_CreateObject(), *e;
	char *text;

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
	if (v->serial != NULL) {
		e = cJSON_AddObjectToObject(o, "serial");
		cJSON_AddStringToObject(e, "asked", v->serial);
		cJSON_AddBoolToObject(e, "listed", v->found);
		if (v->found) {
			print_json_time(
			    e, "revocationDate", v->entry.revoked_at);
			if (v->entry.reason != REVCHECK_REASON_NONE)
				cJSON_AddStringToObject(e, "reason",
				    revcheck_reason_name(v->entry.reason));
			else
				cJSON_AddNullToObject(e, "reason");
		}
	}
	text =
	    isatty(STDOUT_FILENO) ? cJSON_Print(o) : cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (text == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	puts(text);
	free(text);
	return 0;
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
	struct opt table[] = {{"--serial", true, false, {0}, 0},
	    {"--list", false, false, {0}, 0}, {"--json", false, false, {0}, 0},
	    {"--timeout-ms", true, false, {0}, 0},
	    {"--proxy", true, false, {0}, 0}, {"--help", false, false, {0}, 0},
	    {0}};
	struct revcheck_crl *crl = NULL;
	struct view v = {.info.size = sizeof(v.info)};
	uint64_t timeout = 60000;
	double start;
	int rc, num;

	rc = opt_parse(table, argc, argv, &v.name, 1, &num);
	if (rc == 0)
		rc = opt_number(table, "--timeout-ms", 1, 3600000, &timeout);
	if (rc != 0)
		return rc;
	if (opt_given(table, "--help"))
		return help_print(stdout, "crl");
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
	if (opt_given(table, "--json"))
		rc = print_json(&v);
	else
		print_text(&v, time(NULL));
	if (opt_given(table, "--list"))
		print_list(crl);
	/* As grep does: 0 found, 1 not, for scripts that ask for a serial. */
	if (rc == 0 && v.serial != NULL && !v.found)
		rc = 1;
out:
	revcheck_crl_free(crl);
	return rc;
}
