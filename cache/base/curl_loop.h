/*
 * curl_loop: libcurl's multi interface on an event base: its sockets' events
 * and its one timer. On the thread of the base.
 */
#ifndef CACHE_BASE_CURL_LOOP_H
#define CACHE_BASE_CURL_LOOP_H

#include <curl/curl.h>

#include "cache/base/error.h"

struct event_base;
struct curl_loop;

/*
 * ended: a transfer is over, with rc; it may be removed and others added from
 * there, but the loop not be freed.
 */
int curl_loop_new(struct curl_loop **out, struct event_base *base,
    void (*ended)(CURL *easy, CURLcode rc), struct err *err) MUST_USE;
/* Transfers are added to and removed from it. */
CURLM *curl_loop_multi(struct curl_loop *l);
/* After the last transfer was removed. NULL allowed. */
void curl_loop_free(struct curl_loop *l);

#endif
