/* ui_files: see the header. The linker makes the names of those of the files.
 */
#include "gateway/ui/ui_files.h"

#ifdef UI_FROM_DISK
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#endif

#define BYTES(name) \
	extern const char _binary_##name##_start[], _binary_##name##_end[]

BYTES(index_html);
BYTES(refused_html);
BYTES(page_css);
BYTES(page_js);
BYTES(icon_svg);

#define ROW(name, file, type)                                            \
	{                                                                \
		_binary_##name##_start, _binary_##name##_end, file, type \
	}

static const struct row {
	const char *start, *end, *file, *type;
} rows[UI_NUM_FILES] = {
    [UI_FILE_INDEX] = ROW(index_html, "index.html", "text/html; charset=utf-8"),
    [UI_FILE_REFUSED] =
	ROW(refused_html, "refused.html", "text/html; charset=utf-8"),
    [UI_FILE_STYLE] = ROW(page_css, "page.css", "text/css; charset=utf-8"),
    [UI_FILE_SCRIPT] =
	ROW(page_js, "page.js", "text/javascript; charset=utf-8"),
    [UI_FILE_ICON] = ROW(icon_svg, "icon.svg", "image/svg+xml"),
};

#ifdef UI_FROM_DISK
#define FILE_MAX (1024 * 1024)

/* As it is in P2P_GATEWAY_UI_DIR now; false: it is not there. */
static bool
read_from_disk(struct ui_bytes *out, enum ui_file file)
{
	static char *kept[UI_NUM_FILES]; /* until it is read again */
	const char *dir = getenv("P2P_GATEWAY_UI_DIR");
	char path[4096];
	FILE *f;

	if (dir == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, rows[file].file);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	free(kept[file]);
	kept[file] = malloc(FILE_MAX);
	if (kept[file] != NULL) {
		out->data = kept[file];
		out->len = fread(kept[file], 1, FILE_MAX, f);
	}
	fclose(f);
	return kept[file] != NULL;
}
#endif

struct ui_bytes
ui_file_get(enum ui_file file)
{
	struct ui_bytes bytes = {.data = rows[file].start,
	    .len = (size_t)(rows[file].end - rows[file].start),
	    .type = rows[file].type};

#ifdef UI_FROM_DISK
	(void)read_from_disk(&bytes, file);
#endif
	return bytes;
}
