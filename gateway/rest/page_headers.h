/* page_headers: what every answer about the status page says to browsers. */
#ifndef GATEWAY_REST_PAGE_HEADERS_H
#define GATEWAY_REST_PAGE_HEADERS_H

#include "gateway/rest/rest.h"

/* Headers: nothing of other origins, no script but ours, no frame. */
void page_headers_add(struct rest_request *req);

#endif
