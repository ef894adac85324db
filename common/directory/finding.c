#include "common/directory/finding.h"

static const struct {
    const char *name, *words;
} kinds[EXG_N_RECIPIENT_KINDS] = {
    [EXG_RECIPIENT_UNKNOWN] = {"unknown", "of unknown kind"},
    [EXG_RECIPIENT_NOBODY] = {"nobody", "nobody's address"},
    [EXG_RECIPIENT_MAILBOX] = {"mailbox", "a mailbox"},
    [EXG_RECIPIENT_GROUP] = {"group", "a distribution group"},
    [EXG_RECIPIENT_CONTACT] = {"contact", "a mail contact"},
    [EXG_RECIPIENT_PUBLIC_FOLDER] = {"public-folder", "a public folder"},
};

const char *
exg_recipient_kind_name(ExgRecipientKind kind)
{
    return kinds[kind].name;
}

ExgRecipientKind
exg_recipient_kind_find(const char *name)
{
    for (guint i = 0; i < EXG_N_RECIPIENT_KINDS; i++)
        if (g_strcmp0(name, kinds[i].name) == 0)
            return (ExgRecipientKind)i;
    return EXG_RECIPIENT_UNKNOWN;
}

const char *
exg_recipient_kind_words(ExgRecipientKind kind)
{
    return kinds[kind].words;
}

const char *
exg_directory_verdict_name(ExgDirectoryVerdict verdict)
{
    static const char *const names[] = {
        [EXG_DIRECTORY_DELIVERABLE] = "deliverable",
        [EXG_DIRECTORY_NO_SUCH] = "no-such",
        [EXG_DIRECTORY_NOT_A_MAILBOX] = "not-a-mailbox",
        [EXG_DIRECTORY_CANNOT_TELL] = "cannot-tell",
    };
    return names[verdict];
}

const char *
exg_directory_origin_name(ExgDirectoryOrigin origin)
{
    static const char *const names[] = {
        [EXG_DIRECTORY_ASKED] = "asked",
        [EXG_DIRECTORY_CACHED] = "cached",
        [EXG_DIRECTORY_STALE] = "stale",
        [EXG_DIRECTORY_LISTED] = "listed",
    };
    return names[origin];
}

ExgDirectoryFinding *
exg_directory_finding_copy(const ExgDirectoryFinding *finding)
{
    if (finding == NULL)
        return NULL;
    ExgDirectoryFinding *copy = g_new(ExgDirectoryFinding, 1);
    *copy = *finding;
    if (finding->why != NULL)
        copy->why = g_error_copy(finding->why);
    return copy;
}

void
exg_directory_finding_free(ExgDirectoryFinding *finding)
{
    if (finding == NULL)
        return;
    if (finding->why != NULL)
        g_error_free((GError *)finding->why);
    g_free(finding);
}

ExgDirectoryVerdict
exg_directory_verdict_without_mailbox(ExgRecipientKind kind)
{
    switch (kind) {
    case EXG_RECIPIENT_NOBODY:
        return EXG_DIRECTORY_NO_SUCH;
    case EXG_RECIPIENT_GROUP:
    case EXG_RECIPIENT_CONTACT:
    case EXG_RECIPIENT_PUBLIC_FOLDER:
        return EXG_DIRECTORY_NOT_A_MAILBOX;
    case EXG_RECIPIENT_UNKNOWN:
    case EXG_RECIPIENT_MAILBOX:
    case EXG_N_RECIPIENT_KINDS:
        break;
    }
    return EXG_DIRECTORY_CANNOT_TELL;
}
