/*
 * page_text: text of strangers as text of HTML, whatever it holds. Pure; any
 * thread.
 */
#ifndef GATEWAY_REST_PAGE_TEXT_H
#define GATEWAY_REST_PAGE_TEXT_H

struct evbuffer;

/*
 * Appends UTF-8 (between tags or within a quoted attribute). Control
 * characters, those that turn the direction of text and those that nobody sees
 * are spelt out: U+202E is "\u{202e}".
 */
void page_text_add(struct evbuffer *out, const char *text);

#endif
