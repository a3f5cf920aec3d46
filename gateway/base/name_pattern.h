/*
 * name_pattern: names of certificates, and paths of requests, against what an
 * operator writes. A wildcard is a whole label or segment, never a part of
 * one. What is no good name matches nothing, were it equal. Pure.
 */
#ifndef GATEWAY_BASE_NAME_PATTERN_H
#define GATEWAY_BASE_NAME_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "host.example", or "*.host.example" for exactly one label more. Case does
 * not matter (RFC 4343), a dot at the end is not allowed.
 */
bool name_pattern_dns_valid(const char *pattern);
bool name_pattern_dns(const char *pattern, const char *name, size_t len);

/*
 * A URI. Between slashes "*" is one segment, at the end "**" one or more. Case
 * does not matter in scheme and authority, and does behind (RFC 3986 6.2.2.1).
 * One with user information is none here.
 */
bool name_pattern_uri_valid(const char *pattern);
bool name_pattern_uri(const char *pattern, const char *name, size_t len);

/*
 * "user@host.example", or "*@host.example" for all of that host. The case of
 * the host does not matter, that of the user does (RFC 5321 2.4).
 */
bool name_pattern_email_valid(const char *pattern);
bool name_pattern_email(const char *pattern, const char *name, size_t len);

/*
 * Whether path is prefix or below it: "/a" has "/a", "/a/" and "/a/b", not
 * "/ab"; "/a/" has what begins so. No decoding: see http_rules.h.
 */
bool name_pattern_path(const char *prefix, const char *path, size_t len);

/*
 * A serial number as nginx and OpenSSL write it, with or without colons, to
 * capitals without zeros in front: malloc'ed. NULL: not one of up to 64
 * octets, or out of memory.
 */
char *name_pattern_serial(const char *text);

#endif
