/* directory-private.h - what a directory is to the files that make its face.
 *
 * Threads:  any.
 */
#ifndef EXG_DIRECTORY_DIRECTORY_PRIVATE_H
#define EXG_DIRECTORY_DIRECTORY_PRIVATE_H

#include "common/directory/directory.h"

ExgEngine *exg_directory_engine(const ExgDirectory *directory);
/* Keeps what a directory consists of, beyond its freeing. */
ExgDirectory *exg_directory_ref(ExgDirectory *directory);
/* On the engine's thread. */
void exg_directory_unref(ExgDirectory *directory);

#endif
