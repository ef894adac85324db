#include "common/ews/version.h"

#include <string.h>

#define TYPES_SPACE        "http://schemas.microsoft.com/exchange/services/2006/types"
#define AUTODISCOVER_SPACE "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define SAFE_VERSION       "Exchange2013_SP1"

/* Oldest first. */
static const char *const versions_known[] = {
    "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
    "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2015_SP1", EXG_EWS_NEWEST_VERSION,
};

/* The first row of a build's major and minor number that is not newer than it. */
static const struct {
    ExgEwsBuild from;
    const char *version;
    const char *product;
} products[] = {
    {{{15, 20, 0, 0}}, "Exchange2016", "Exchange Online"},
    {{{15, 2, 0, 0}}, "Exchange2016", "Exchange 2019 or SE"},
    {{{15, 1, 0, 0}}, "Exchange2016", "Exchange 2016"},
    {{{15, 0, 847, 0}}, "Exchange2013_SP1", "Exchange 2013 SP1"},
    {{{15, 0, 0, 0}}, "Exchange2013", "Exchange 2013"},
    {{{14, 3, 0, 0}}, "Exchange2010_SP2", "Exchange 2010 SP3"},
    {{{14, 2, 0, 0}}, "Exchange2010_SP2", "Exchange 2010 SP2"},
    {{{14, 1, 0, 0}}, "Exchange2010_SP1", "Exchange 2010 SP1"},
    {{{14, 0, 0, 0}}, "Exchange2010", "Exchange 2010"},
    {{{8, 3, 0, 0}}, "Exchange2007_SP1", "Exchange 2007 SP3"},
    {{{8, 2, 0, 0}}, "Exchange2007_SP1", "Exchange 2007 SP2"},
    {{{8, 1, 0, 0}}, "Exchange2007_SP1", "Exchange 2007 SP1"},
    {{{8, 0, 0, 0}}, "Exchange2007", "Exchange 2007"},
};

/* --- builds ----------------------------------------------------------------------------------- */

int
exg_ews_build_compare(const ExgEwsBuild *a, const ExgEwsBuild *b)
{
    for (guint i = 0; i < G_N_ELEMENTS(a->part); i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    return 0;
}

static int
row_of(const ExgEwsBuild *build)
{
    for (guint i = 0; i < G_N_ELEMENTS(products); i++) {
        const ExgEwsBuild *from = &products[i].from;
        if (build->part[0] == from->part[0] && build->part[1] == from->part[1] &&
            exg_ews_build_compare(build, from) >= 0)
            return (int)i;
    }
    return -1;
}

const char *
exg_ews_build_version(const ExgEwsBuild *build)
{
    int row = row_of(build);
    return row >= 0 ? products[row].version : NULL;
}

const char *
exg_ews_build_product(const ExgEwsBuild *build)
{
    int row = row_of(build);
    return row >= 0 ? products[row].product : NULL;
}

/* An attribute of the element, or a child of the same name. */
static const char *
part_of(const ExgXmlNode *node, const char *name)
{
    const char *value = exg_xml_node_attribute(node, name);
    const ExgXmlNode *child = value == NULL ? exg_xml_node_child(node, NULL, name) : NULL;
    return child != NULL ? child->text : value;
}

bool
exg_ews_server_info_read(const ExgXmlNode *envelope, ExgEwsServerInfo *ret_info)
{
    static const char *const names[] = {"MajorVersion", "MinorVersion", "MajorBuildNumber",
                                        "MinorBuildNumber"};
    const ExgXmlNode *header = exg_xml_node_child(envelope, NULL, "Header");
    const ExgXmlNode *node = exg_xml_node_child(header, TYPES_SPACE, "ServerVersionInfo");
    if (node == NULL)
        node = exg_xml_node_child(header, AUTODISCOVER_SPACE, "ServerVersionInfo");
    if (node == NULL)
        return false;
    ExgEwsServerInfo info = {0};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *text = part_of(node, names[i]);
        guint64 number = 0;
        if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &number, NULL))
            return false;
        info.build.part[i] = (guint)number;
    }
    const char *version = part_of(node, "Version");
    if (version != NULL &&
        version[strspn(version, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_")] == '\0')
        g_strlcpy(info.version, version, sizeof info.version);
    *ret_info = info;
    return true;
}

/* --- versions --------------------------------------------------------------------------------- */

static int
rank_of(const char *name)
{
    for (guint i = 0; name != NULL && i < G_N_ELEMENTS(versions_known); i++)
        if (g_str_equal(versions_known[i], name))
            return (int)i;
    return -1;
}

const char *
exg_ews_version_find(const char *name)
{
    int rank = rank_of(name);
    return rank >= 0 ? versions_known[rank] : NULL;
}

int
exg_ews_version_compare(const char *a, const char *b)
{
    return rank_of(a) - rank_of(b);
}

void
exg_ews_versions_init(ExgEwsVersions *self, const char *version)
{
    int rank = rank_of(version != NULL ? version : EXG_EWS_NEWEST_VERSION);
    g_return_if_fail(rank >= 0);
    *self = (ExgEwsVersions){.fixed = version != NULL, .newest = (guint)rank};
    self->older = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
exg_ews_versions_clear(ExgEwsVersions *self)
{
    g_clear_pointer(&self->older, g_hash_table_unref);
}

static guint
rank_for(const ExgEwsVersions *self, const char *mailbox)
{
    if (mailbox == NULL || g_hash_table_size(self->older) == 0)
        return self->newest;
    g_autofree char *key = g_ascii_strdown(mailbox, -1);
    gpointer rank = NULL;
    if (!g_hash_table_lookup_extended(self->older, key, NULL, &rank))
        return self->newest;
    return MIN(GPOINTER_TO_UINT(rank), self->newest);
}

/* For the mailbox, or for all. */
static void
set_rank(ExgEwsVersions *self, const char *mailbox, guint rank)
{
    if (mailbox == NULL) {
        self->newest = rank;
        return;
    }
    char *key = g_ascii_strdown(mailbox, -1);
    if (rank >= self->newest) {
        g_hash_table_remove(self->older, key);
        g_free(key);
        return;
    }
    if (g_hash_table_size(self->older) >= EXG_EWS_MAX_OLDER_MAILBOXES)
        g_hash_table_remove_all(self->older);
    g_hash_table_replace(self->older, key, GUINT_TO_POINTER(rank));
}

static bool
is_known(const ExgEwsBuild *build)
{
    return build->part[0] != 0;
}

const char *
exg_ews_versions_choose(const ExgEwsVersions *self, const char *mailbox, bool once)
{
    guint rank = rank_for(self, mailbox);
    if (once && !self->fixed && !is_known(&self->info.build))
        rank = MIN(rank, (guint)rank_of(SAFE_VERSION));
    return versions_known[rank];
}

void
exg_ews_versions_learn(ExgEwsVersions *self, const char *mailbox, const ExgEwsServerInfo *info)
{
    bool first = !is_known(&self->info.build);
    if (exg_ews_build_compare(&info->build, &self->info.build) >= 0)
        self->info = *info;
    int rank = rank_of(exg_ews_build_version(&info->build));
    if (self->fixed || rank < 0)
        return;
    if (first || rank > (int)self->newest)
        self->newest = (guint)rank;
    if (mailbox != NULL)
        set_rank(self, mailbox, (guint)rank);
}

bool
exg_ews_versions_refused(ExgEwsVersions *self, const char *mailbox, const char *version,
                         const char *code, const char *minimum)
{
    bool for_mailbox = g_strcmp0(code, "ErrorInvalidSchemaVersionForMailboxVersion") == 0 ||
                       g_strcmp0(code, "ErrorIncorrectSchemaVersion") == 0;
    bool for_server = g_strcmp0(code, "ErrorInvalidServerVersion") == 0;
    /* Most often this means that the request is wrong: it is believed to be about the version only
     * where the build says so, too. */
    bool perhaps = g_strcmp0(code, "ErrorInvalidRequest") == 0;
    if (self->fixed || !(for_mailbox || for_server || perhaps))
        return false;
    guint refused = (guint)MAX(rank_of(version), 0);
    guint next = rank_for(self, mailbox);
    if (next >= refused && !perhaps && refused > 0) {
        next = refused - 1;
        set_rank(self, for_mailbox ? mailbox : NULL, next);
    }
    return next < refused && (minimum == NULL || (int)next >= rank_of(minimum));
}
