/*
 * What strangers send before anything of it is understood: the head of a
 * request, a body in chunked coding. The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "fixtures/doorman/service/web/chunks.h"
#include "fixtures/doorman/service/web/head.h"

#define BODY_MAX 64

/* The seeds are written by tests/doorman/seeds.c. */
extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".doorman-http";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool ok)
{
	if (!ok)
		abort();
}

static void
head(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *why = NULL;
	struct head h;
	int status;

	need(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	status = head_parse(&h, text, size, &why);
	need(status == 0 || (status >= 400 && status <= 505 && why != NULL));
	if (status == 0) {
		need(h.method[0] != '\0' && strchr(h.method, ' ') == NULL);
		need(h.path[0] == '/' || strcmp(h.path, "*") == 0 ||
		    strcmp(h.method, "CONNECT") == 0);
		/* One length, said in one way. */
		need(!h.chunked || h.length == 0);
		need(!h.chunked || head_field(&h, "Content-Length") == NULL);
		need(h.http_1_0 || head_field(&h, "Host") != NULL);
		for (size_t i = 0; i < h.num_fields; i++)
			need(strpbrk(h.fields[i].value, "\r\n") == NULL &&
			    h.fields[i].name[0] != '\0');
	}
	free(text);
}

struct taken {
	enum chunks_state state;
	struct buf body;
	size_t used;
};

static struct taken
chunked(const uint8_t *data, size_t size, size_t step)
{
	struct evbuffer *in = evbuffer_new();
	struct taken t = {.state = CHUNKS_MORE};
	struct chunks c = {0};
	size_t at = 0;

	need(in != NULL);
	buf_init(&t.body, BODY_MAX);
	while (t.state == CHUNKS_MORE && at < size) {
		size_t n = size - at < step ? size - at : step;

		evbuffer_add(in, data + at, n);
		at += n;
		t.state = chunks_take(&c, in, &t.body);
	}
	t.used = at - evbuffer_get_length(in);
	evbuffer_free(in);
	return t;
}

/* However it is cut up, it is the same body, and ends at the same byte. */
static void
chunks(const uint8_t *data, size_t size)
{
	struct taken whole = chunked(data, size, size + 1);
	struct taken bytes = chunked(data, size, 1);

	need(whole.state == bytes.state);
	need(whole.body.len <= BODY_MAX);
	if (whole.state == CHUNKS_DONE) {
		need(whole.used == bytes.used);
		need(view_eq(buf_view(&whole.body), buf_view(&bytes.body)));
	}
	buf_free(&whole.body);
	buf_free(&bytes.body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		chunks(data + 1, size - 1);
	else
		head(data + 1, size - 1);
	return 0;
}
