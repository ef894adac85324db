#include "common/directory/directory.h"

#include "common/ews/resolve-names.h"

struct ExgDirectory {
    ExgAccount *account;
};

typedef struct {
    ExgAccount *account;
    ExgDirectoryFunc function;
    gpointer data;
} Question;

ExgDirectory *
exg_directory_new(ExgAccount *account)
{
    ExgDirectory *directory = g_new0(ExgDirectory, 1);
    directory->account = exg_account_ref(account);
    return directory;
}

void
exg_directory_free(ExgDirectory *directory)
{
    if (directory == NULL)
        return;
    exg_account_unref(directory->account);
    g_free(directory);
}

static void
resolved(GObject *source, GAsyncResult *result, gpointer data)
{
    Question *question = data;
    g_autoptr(ExgEwsResolution) resolution = NULL;
    g_autoptr(GError) error = NULL;
    ExgDirectoryAnswer answer = EXG_DIRECTORY_CANNOT_TELL;
    if (exg_ews_resolve_names_finish(exg_account_ews(question->account), result, &resolution,
                                     &error))
        answer = resolution != NULL ? EXG_DIRECTORY_KNOWN : EXG_DIRECTORY_UNKNOWN;
    question->function(answer, error, question->data);
    exg_account_unref(question->account);
    g_free(question);
}

void
exg_directory_ask(ExgDirectory *directory, const char *address, gint64 deadline_us,
                  GCancellable *cancellable, ExgDirectoryFunc function, gpointer data)
{
    Question *question = g_new(Question, 1);
    *question = (Question){exg_account_ref(directory->account), function, data};
    exg_ews_resolve_names_async(exg_account_ews(directory->account), address, deadline_us,
                                cancellable, resolved, question);
}
