/* page.h - the part of a search's result that the request wants to see.
 *
 * Source:   MS-OXWSSRCH: IndexedPageViewType.
 */
#ifndef EXG_SIM_PAGE_H
#define EXG_SIM_PAGE_H

#include "common/xml/tree.h"
#include "common/xml/writer.h"

/* EWSFindCountLimit of Exchange 2013 and newer. */
#define EXG_SIM_PAGE_MAX 1000

/* Writes the attributes of m:RootFolder. What is to be shown is [from, to) of `total`. `view`:
 * m:IndexedPageItemView and the like, or NULL. */
void exg_sim_page_write(const ExgXmlNode *view, guint total, ExgXmlWriter *writer, guint *ret_from,
                        guint *ret_to);

#endif
