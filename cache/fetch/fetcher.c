/*
 * fetcher: what all fetches under way have in common: libcurl on the loop of
 * the service thread, and the rules. What is asked and what is answered is in
 * fetch.c.
 */
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/x509.h>

#include "cache/fetch/fetch_internal.h"
#include "cache/base/clock.h"
#include "cache/base/text.h"

#define MAX_CONNECTIONS      512L
#define MAX_HOST_CONNECTIONS 64L

/* The one place where transfers end. */
static void
transfer_ended(CURL *easy, CURLcode rc)
{
	struct transfer *x = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	if (x != NULL)
		x->answered(x, rc);
}

static uint16_t *
copy_ports(const uint16_t *given)
{
	static const uint16_t usual[] = {80, 443, 0};
	const uint16_t *ports = given != NULL ? given : usual;
	uint16_t *out;
	size_t num = 0;

	while (ports[num] != 0)
		num++;
	out = malloc((num + 1) * sizeof(*ports));
	if (out != NULL)
		memcpy(out, ports, (num + 1) * sizeof(*ports));
	return out;
}

int
fetcher_set_addresses(struct fetcher *f, const struct address_rules *rules,
    const uint16_t *ports, bool any_port)
{
	uint16_t *copy = copy_ports(ports);

	if (copy == NULL)
		return E_NOMEM;
	free(f->ports);
	f->ports = copy;
	f->addresses = rules;
	f->any_port = any_port;
	f->rules_mono_ms = clock_mono_ms();
	return 0;
}

static bool
fetcher_copy(struct fetcher *f, const struct fetcher_options *o)
{
	bool ok = true;

	f->ports = copy_ports(o->ports);
	if (f->ports == NULL)
		return false;
	f->limits = o->limits;
	f->addresses = o->addresses;
	f->any_port = o->any_port;
	f->proxy = text_dup(o->proxy, &ok);
	f->https_ca_file = text_dup(o->https_ca_file, &ok);
	f->user_agent =
	    text_dup(o->user_agent != NULL ? o->user_agent : "revcheck", &ok);
	return ok;
}

/* libcurl's own parser, so that what it would not use is refused. */
static bool
proxy_is_url(const char *proxy)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	bool ok = u != NULL && strstr(proxy, "://") != NULL &&
	    curl_url_set(u, CURLUPART_URL, proxy, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return ok;
}

int
fetcher_check(const struct fetcher_options *o, struct err *err)
{
	X509_STORE *store;
	int rc = 0;

	if (o->proxy != NULL && !proxy_is_url(o->proxy))
		return err_set(err, E_ARG,
		    "the proxy is not a URL: expected http://HOST:PORT");
	if (o->https_ca_file == NULL)
		return 0;
	store = X509_STORE_new();
	if (store == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (X509_STORE_load_file(store, o->https_ca_file) != 1)
		rc = err_ossl(err, E_ARG, "no anchors for https in '%.200s'",
		    o->https_ca_file);
	X509_STORE_free(store);
	return rc;
}

int
fetcher_new(struct fetcher **out, struct event_base *base,
    const struct fetcher_options *o, struct err *err)
{
	struct fetcher *f = calloc(1, sizeof(*f));
	int rc;

	*out = NULL;
	if (f == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = fetcher_check(o, err);
	if (rc != 0) {
		free(f);
		return rc;
	}
	f->base = base;
	f->fetched = fetch_answered;
	f->tend = fetch_tend;
	rc = curl_loop_new(&f->loop, base, transfer_ended, err);
	if (rc != 0) {
		fetcher_free(f);
		return rc;
	}
	f->multi = curl_loop_multi(f->loop);
	if (!fetcher_copy(f, o) ||
	    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
		MAX_CONNECTIONS) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
		MAX_HOST_CONNECTIONS) != CURLM_OK) {
		fetcher_free(f);
		return err_set(err, E_NOMEM, "cannot set libcurl up");
	}
	*out = f;
	return 0;
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	while (f->first != NULL)
		fetch_cancel(f->first);
	curl_loop_free(f->loop);
	free(f->ports);
	free(f->proxy);
	free(f->https_ca_file);
	free(f->user_agent);
	free(f);
}
