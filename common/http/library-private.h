/* library-private.h - libcurl's process-wide part.
 *
 * Threads:  any.
 */
#ifndef EXG_HTTP_LIBRARY_PRIVATE_H
#define EXG_HTTP_LIBRARY_PRIVATE_H

/* Initializes libcurl once. */
void exg_http_library_init(void);

#endif
