/* cert_urls: the URLs that a certificate names, in its order. */
#ifndef REVCHECK_CLI_CERT_URLS_H
#define REVCHECK_CLI_CERT_URLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

/* Owned texts, zeroed to begin with. */
struct url_list {
	char **v;
	size_t num;
};
bool url_list_add(struct url_list *l, const char *text, size_t len);
bool url_list_has(const struct url_list *l, const char *url);
void url_list_cleanup(struct url_list *l);

/* method: NID_ad_OCSP or NID_ad_ca_issuers (RFC 5280 4.2.2.1). */
void cert_urls_aia(struct url_list *out, X509 *cert, int method);
/* NID_crl_distribution_points or NID_freshest_crl (4.2.1.13, 4.2.1.15). */
void cert_urls_crl(struct url_list *out, X509 *cert, int extension);

#endif
