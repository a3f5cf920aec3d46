/* ui_files: see the header. The linker makes the names of those of the files.
 */
#include "gateway/ui/ui_files.h"

#define BYTES(name) \
	extern const char _binary_##name##_start[], _binary_##name##_end[]

BYTES(index_html);
BYTES(refused_html);
BYTES(page_css);
BYTES(page_js);
BYTES(icon_svg);

#define ROW(name, type)                                            \
	{                                                          \
		_binary_##name##_start, _binary_##name##_end, type \
	}

struct ui_bytes
ui_file_get(enum ui_file file)
{
	static const struct {
		const char *start, *end, *type;
	} files[UI_NUM_FILES] = {
	    [UI_FILE_INDEX] = ROW(index_html, "text/html; charset=utf-8"),
	    [UI_FILE_REFUSED] = ROW(refused_html, "text/html; charset=utf-8"),
	    [UI_FILE_STYLE] = ROW(page_css, "text/css; charset=utf-8"),
	    [UI_FILE_SCRIPT] = ROW(page_js, "text/javascript; charset=utf-8"),
	    [UI_FILE_ICON] = ROW(icon_svg, "image/svg+xml"),
	};

	return (struct ui_bytes){.data = files[file].start,
	    .len = (size_t)(files[file].end - files[file].start),
	    .type = files[file].type};
}
