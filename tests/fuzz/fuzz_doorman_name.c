/*
 * Names and text of strangers: legal names as text and in DER, hosts, whole
 * certificate requests, and text that is shown. The first byte chooses. What
 * is taken comes back the same; what is shown is plain.
 */
#include <stdlib.h>

#include <openssl/err.h>

#include "fixtures/doorman/base/csr.h"
#include "fixtures/doorman/base/name_rules.h"
#include "fixtures/doorman/base/text.h"

/* The seeds are written by tests/doorman/seeds.c. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".doorman-name";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* A canonical name is its own canonical form, and becomes a certificate's. */
static void
name_holds(const char *text)
{
	char again[NAME_TEXT_MAX], value[NAME_VALUE_MAX];
	struct fault f;
	X509_NAME *name;

	must(text_check("it", view_of(text, strlen(text)), &f) == 0);
	must(name_canonical(again, text, &f) == 0);
	must(strcmp(again, text) == 0);
	name = name_to_x509(text, &f);
	must(name != NULL);
	must(name_of_x509(again, name, &f) == 0);
	must(strcmp(again, text) == 0);
	X509_NAME_free(name);
	if (name_rules_check(NAME_RULES_CORDA, "O,C", text, &f) == 0)
		must(name_value(value, text, "O") &&
		    name_value(value, text, "C") && strlen(value) == 2);
	must(!name_looks_like(text, text));
}

static void
name_as_text(struct view v)
{
	char *text = strndup((const char *)v.p, v.len), out[NAME_TEXT_MAX];
	struct fault f;

	if (name_canonical(out, text, &f) == 0)
		name_holds(out);
	free(text);
}

static void
name_as_der(struct view v)
{
	const uint8_t *p = v.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)v.len);
	char out[NAME_TEXT_MAX];
	struct fault f;

	if (name != NULL && name_of_x509(out, name, &f) == 0)
		name_holds(out);
	X509_NAME_free(name);
}

static void
host(struct view v)
{
	char shown[HOST_SHOW_MAX], look[65];
	struct host_pattern p;
	struct host h, again;
	struct fault f;

	if (host_of_dns(&h, v, &f) != 0)
		return;
	must(host_of_dns(&again, view_of(h.text, strlen(h.text)), &f) == 0);
	must(host_eq(&h, &again) && host_overlaps(&h, &again));
	must(host_pattern_parse(&p, h.text, &f) == 0);
	must(host_pattern_matches(&p, &h));
	host_show(shown, &h);
	must(text_check("it", view_of(shown, strlen(shown)), &f) == 0);
	must(host_look(look, &h, &f) == 0);
}

static void
request(struct view v)
{
	struct host names[CSR_NAMES_MAX];
	struct buf text;
	struct fault f;
	struct csr csr;
	size_t num;

	csr_peek(names, &num, v);
	must(num <= CSR_NAMES_MAX);
	if (csr_read(&csr, v, &f) != 0)
		return;
	name_holds(csr.subject);
	must(csr_names_eq(names, num, csr.names, csr.num_names));
	buf_init(&text, 1 << 20);
	csr_facts(&text, &csr);
	csr_facts_short(&text, &csr);
	must(!text.failed);
	buf_free(&text);
	csr_cleanup(&csr);
}

static void
shown(struct view v)
{
	char *text = strndup((const char *)v.p, v.len), part[64];
	struct buf out;
	struct fault f;
	bool plain = text_check("it", v, &f) == 0;

	for (int mode = TEXT_LINE; mode <= TEXT_QUOTED; mode++) {
		buf_init(&out, TEXT_SHOWN_MAX * v.len + 2);
		text_shown(&out, v, (enum text_mode)mode);
		must(!out.failed);
		must(text_check("shown", buf_view(&out), &f) == 0);
		if (mode == TEXT_LINE && plain)
			must(view_eq(buf_view(&out), v));
		must(mode == TEXT_LINE || out.len == 0 ||
		    memchr(out.p, ';', out.len) == NULL);
		text_shown_in(part, sizeof(part), text, (enum text_mode)mode);
		must(text_check("cut", view_of(part, strlen(part)), &f) == 0);
		buf_free(&out);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(struct view) = {
	    name_as_text, name_as_der, host, request, shown};
	struct view v;

	if (size == 0)
		return 0;
	v = view_of(data + 1, size - 1);
	kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))](v);
	ERR_clear_error();
	return 0;
}
