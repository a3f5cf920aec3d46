/* conf_elements: the keys of what lists of the configuration consist of. */
#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_rows.h"

static const struct conf_word role_words[] = {{"read", CONF_ROLE_READ},
    {"operate", CONF_ROLE_READ | CONF_ROLE_OPERATE}, {"check", CONF_ROLE_CHECK},
    {"authorize", CONF_ROLE_AUTHORIZE}, {NULL, 0}};

/* clang-format off */

#define T struct conf_identity
const struct conf_key conf_identity_keys[] = {
	ROW("name", TEXT, name, "how other keys and the log call it",
	    .flags = CONF_REQUIRED),
	ROW("certificate", PATH, certificate_file,
	    "PEM file with the chain, leaf first", .flags = CONF_REQUIRED),
	ROW("key", PATH, key_file,
	    "PEM file, or the name of a key in the token, such as "
	    "\"pkcs11:object=label\" or \"pkcs11:id=%01%02\" (RFC 7512); the "
	    "file of the certificate, which then holds both, while it is not "
	    "set", .fn = conf_read_key),
	ROW("password_file", PATH, password_file,
	    "file with the password of a key that is encrypted"),
	ROW("server_names", TEXTS, server_names,
	    "names it is shown for: exact ones or \"*.name\"", .max = 10000),
	END};
#undef T

#define T struct conf_trust
const struct conf_key conf_trust_keys[] = {
	ROW("group", TEXT, group, "name of the group", .flags = CONF_REQUIRED),
	ROW("anchors", PATH, anchors_file,
	    "PEM file with the certificates that are trusted: paths end there, "
	    "and they are not asked about", .flags = CONF_REQUIRED),
	ROW("intermediates", PATH, intermediates_file,
	    "PEM file with CA certificates (at most 100 of all groups) that "
	    "complete paths where peers do not send them; they are asked "
	    "about, so a CA that can be revoked belongs here"),
	END};
#undef T

#define T struct conf_allow
#define CONDITION(name, h, ...) \
	ROW(#name, TEXTS, name, h, .min = 1, .max = 10000, ##__VA_ARGS__)
const struct conf_key conf_allow_keys[] = {
	CONDITION(dns, "DNS name of the certificate (subjectAltName), or "
	    "\"*.name\" for one label more; in any case"),
	CONDITION(uri, "URI of the certificate, such as a SPIFFE ID; between "
	    "slashes \"*\" is one segment, and \"**\" behind the last one or "
	    "more; scheme and host in any case"),
	CONDITION(email, "e-mail address of the certificate, or \"*@host\"; "
	    "the host in any case"),
	CONDITION(cn, "common name of the subject, exactly"),
	CONDITION(ou, "organizational unit of the subject, exactly"),
	CONDITION(o, "organization of the subject, exactly"),
	CONDITION(issuer, "subject of the CA that issued the certificate, "
	    "RFC 2253 text"),
	CONDITION(serial, "serial number, hexadecimal; one issuer's, so with "
	    "issuer beside it where there are several"),
	CONDITION(listen, "listener the peer comes to: an address of listen or "
	    "http.listen, its port, or its name, listen, listen-2, ..."),
	CONDITION(path, "path that is asked for, or what is below it; in HTTP "
	    "mode: a peer that comes in by such rules alone gets 403 for "
	    "any other path", .pattern = CONF_URL_PATH),
	END};
#undef CONDITION
#undef T

#define T struct conf_link
const struct conf_key conf_link_keys[] = {
	ROW("name", TEXT, name, "how the log and the metrics call it",
	    .flags = CONF_REQUIRED),
	ROW("listen", LISTEN, listen, "where the node connects",
	    .flags = CONF_REQUIRED),
	ROW("peers", PEERS, peers,
	    "\"HOST:PORT\" of the peers, in order of preference", .max = 64,
	    .flags = CONF_REQUIRED),
	ROW("server_name", TEXT, server_name,
	    "name that is sent (SNI) and verified; the host of the first peer "
	    "while it is not set"),
	FLAG("verify_name", BOOL, verify_name, true,
	    "whether the certificate must be for that name"),
	ROW("identity", TEXT, identity_name,
	    "which of identities is shown; the first while it is not set"),
	ROW("group", TEXT, group,
	    "the group that vouches; any while it is not set"),
	END};
#undef T

#define T struct conf_user
const struct conf_key conf_user_keys[] = {
	ROW("name", TEXT, name, "without a colon", .flags = CONF_REQUIRED),
	ROW("password", TEXT, password_hash, "plain; it is hashed at once",
	    .fn = conf_read_password),
	ROW("password_hash", TEXT, password_hash,
	    "instead of it, what p2p-gateway --hash-password prints",
	    .fn = conf_read_password_hash),
	ROW("password_file", PATH, password_file,
	    "instead of both, a file with one of them"),
	ROW("roles", BITS, roles, "what the user may do", .words = role_words,
	    .min = 1, .max = 100, .flags = CONF_REQUIRED),
	END};
#undef T

#define T struct conf_rest_client
const struct conf_key conf_client_keys[] = {
	ROW("subject", TEXT, subject,
	    "subject of the client certificate, RFC 2253 text",
	    .flags = CONF_REQUIRED),
	ROW("roles", BITS, roles, "what the client may do",
	    .words = role_words, .min = 1, .max = 100, .flags = CONF_REQUIRED),
	END};
#undef T

#define S SECTION_GATEWAY
const struct conf_key conf_server_keys[] = {
	P_ROW("hostAddress", TEXT,
	    "kept; where the gateway listens is in its bootstrap file",
	    .min = 1, .max = 253, .dflt = "\"0.0.0.0\"",
	    .flags = CONF_NO_EFFECT),
	P_ROW("hostPort", U32,
	    "in HTTP mode, the listener that serves urlPath, if one has this "
	    "port; if none has, all do. Where the gateway listens is in its "
	    "bootstrap file", .max = 65535, .dflt = "8080"),
	P_ROW("urlPath", TEXT,
	    "path served in HTTP mode; entries for one listener add up",
	    .pattern = CONF_URL_PATH, .dflt = "\"/\""),
	END};
#undef S

#define S SECTION_REVCHECK
const struct conf_key conf_issuer_keys[] = {
	P_ROW("ski", TEXT, "subjectKeyIdentifier of the issuing CA, "
	    "hexadecimal, of 64 octets at most",
	    .pattern = "^([0-9a-fA-F]{2}:?){1,64}$",
	    .flags = CONF_REQUIRED),
	P_ROW("mode", WORD, "instead of the mode in force",
	    .words = conf_mode_words),
	P_ROW("exempt", FLAG, "certificates of this CA are not asked about",
	    .dflt = "false"),
	P_ROW("ocspUrls", TEXTS,
	    "responders instead of those the certificates name", .min = 1,
	    .max = 16),
	P_ROW("crlUrls", TEXTS, "CRLs besides those the certificates name",
	    .min = 1, .max = 16),
	P_ROW("ocspSigner", TEXT,
	    "PEM of the one certificate that may sign OCSP responses",
	    .min = 1, .max = 65536),
	END};
#undef S
/* clang-format on */
