/* The requests about folders. */
#include "tests/exchange-sim/schema-private.h"

static ONE_OF(folder_traversal, "Shallow", "Deep", "SoftDeleted");
ATTRIBUTES(find_folder_attributes, ATTRIBUTE("Traversal", folder_traversal, true));
static MESSAGE_TYPE(find_folder, find_folder_attributes, REQUIRED("FolderShape", folder_shape),
                    OPTIONAL("IndexedPageFolderView", indexed_view),
                    OR("FractionalPageFolderView", opaque), OPTIONAL("Restriction", restriction),
                    REQUIRED("ParentFolderIds", folder_ids));

const ExgSimSchemaEntry exg_sim_folder_operations[] = {
    ENTRY("FindFolder", find_folder),
    END_OF_ENTRIES,
};
