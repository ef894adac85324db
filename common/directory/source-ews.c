#include "common/directory/source-ews.h"

#include "common/ews/folders/get-folder.h"
#include "common/ews/people/expand-dl.h"
#include "common/ews/people/get-mail-tips.h"
#include "common/ews/people/resolve-names.h"

typedef struct {
    ExgDirectorySource source;
    ExgAccount *account;
    char *tips_sender;
} EwsSource;

typedef struct {
    ExgAccount *account;
    ExgSourceMailboxFunc mailbox_function;
    ExgSourceKindFunc kind_function;
    ExgSourceTipsFunc tips_function;
    ExgSourceMembersFunc members_function;
    gpointer data;
} Question;

static Question *
question_new(ExgDirectorySource *source, gpointer data)
{
    Question *question = g_new0(Question, 1);
    question->account = exg_account_ref(((EwsSource *)source)->account);
    question->data = data;
    return question;
}

static void
question_free(Question *question)
{
    exg_account_unref(question->account);
    g_free(question);
}

/* --- the store -------------------------------------------------------------------------------- */

static void
opened(GObject *source, GAsyncResult *result, gpointer data)
{
    Question *question = data;
    g_autoptr(ExgEwsFolder) folder = NULL;
    g_autoptr(GError) error = NULL;
    exg_ews_get_folder_finish(exg_account_ews(question->account), result, &folder, &error);
    question->mailbox_function(error, question->data);
    question_free(question);
}

static void
open_mailbox(ExgDirectorySource *source, const char *address, gint64 deadline_us,
             GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    Question *question = question_new(source, data);
    question->mailbox_function = function;
    ExgEwsTarget target = exg_account_target(question->account, address);
    exg_ews_get_folder_async(exg_account_ews(question->account), &target, "inbox", deadline_us,
                             cancellable, opened, question);
}

/* --- the directory ---------------------------------------------------------------------------- */

/* Only what can never be a mailbox is something else: mailboxes elsewhere in a hybrid organisation, mail users and types
 * that are not known yet may become one, or be one that another server reaches. */
static ExgRecipientKind
kind_of(const ExgEwsResolution *resolution)
{
    static const struct {
        const char *type;
        ExgRecipientKind kind;
    } types[] = {
        {"PublicDL", EXG_RECIPIENT_GROUP},
        {"PrivateDL", EXG_RECIPIENT_GROUP},
        {"Contact", EXG_RECIPIENT_CONTACT},
        {"PublicFolder", EXG_RECIPIENT_PUBLIC_FOLDER},
    };
    if (resolution == NULL)
        return EXG_RECIPIENT_NOBODY;
    for (guint i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_strcmp0(resolution->mailbox_type, types[i].type) == 0)
            return types[i].kind;
    return EXG_RECIPIENT_MAILBOX;
}

static void
resolved(GObject *source, GAsyncResult *result, gpointer data)
{
    Question *question = data;
    g_autoptr(ExgEwsResolution) resolution = NULL;
    g_autoptr(GError) error = NULL;
    bool answered = exg_ews_resolve_names_finish(exg_account_ews(question->account), result,
                                                 &resolution, &error);
    question->kind_function(answered ? kind_of(resolution) : EXG_RECIPIENT_UNKNOWN, error,
                            question->data);
    question_free(question);
}

static void
identify(ExgDirectorySource *source, const char *address, gint64 deadline_us,
         GCancellable *cancellable, ExgSourceKindFunc function, gpointer data)
{
    Question *question = question_new(source, data);
    question->kind_function = function;
    exg_ews_resolve_names_async(exg_account_ews(question->account), address, deadline_us,
                                cancellable, resolved, question);
}

/* --- mail tips -------------------------------------------------------------------------------- */

/* The documentation does not agree with itself on the unit. What is less than this may have been
 * meant in kilobytes, and would refuse mail that the mailbox takes. */
#define LEAST_MAX_MESSAGE_BYTES (1024 * 1024)

/* Restrictions are those for the account; what a stranger may do, they do not say. A tip that the
 * server had no time for is not told. */
static ExgDirectoryTips
tips_of(const ExgEwsMailTips *told)
{
    return (ExgDirectoryTips){
        .known = told->invalid_recipient != EXG_EWS_YES,
        .full = told->mailbox_full == EXG_EWS_YES,
        .restricted = told->delivery_restricted == EXG_EWS_YES,
        .moderated = told->moderated == EXG_EWS_YES,
        .out_of_office = told->out_of_office != NULL && told->out_of_office[0] != '\0',
        .max_message_bytes = told->max_message_bytes >= LEAST_MAX_MESSAGE_BYTES
                                 ? told->max_message_bytes
                                 : 0,
        .n_members = MAX(told->total_member_count, 0),
    };
}

static void
told(GObject *source, GAsyncResult *result, gpointer data)
{
    static const ExgSourceWord words[] = {
        [EXG_EWS_UNKNOWN] = EXG_SOURCE_SILENT,
        [EXG_EWS_NO] = EXG_SOURCE_SAYS_YES,
        [EXG_EWS_YES] = EXG_SOURCE_SAYS_NO,
    };
    Question *question = data;
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GError) error = NULL;
    const ExgEwsMailTips *about = NULL;
    if (exg_ews_get_mail_tips_finish(exg_account_ews(question->account), result, &all, &error))
        about = g_ptr_array_index(all, 0);
    const GError *why = about != NULL ? about->error : error;
    ExgDirectoryTips tips = {0};
    ExgSourceWord word = EXG_SOURCE_SILENT;
    if (why == NULL) {
        tips = tips_of(about);
        word = words[about->invalid_recipient];
    }
    question->tips_function(word, &tips, why, question->data);
    question_free(question);
}

static void
tell_tips(ExgDirectorySource *source, const char *address, gint64 deadline_us,
          GCancellable *cancellable, ExgSourceTipsFunc function, gpointer data)
{
    Question *question = question_new(source, data);
    question->tips_function = function;
    const char *const addresses[] = {address, NULL};
    exg_ews_get_mail_tips_async(exg_account_ews(question->account),
                                ((EwsSource *)source)->tips_sender, addresses, deadline_us,
                                cancellable, told, question);
}

/* --- groups ----------------------------------------------------------------------------------- */

static bool
has_mailbox(const ExgEwsMailbox *member)
{
    return g_str_equal(member->type, "Mailbox") || g_str_equal(member->type, "GroupMailbox");
}

static void
tell_members(const Question *question, const ExgEwsExpansion *expansion)
{
    g_autoptr(GPtrArray) mailboxes = g_ptr_array_new();
    ExgDirectoryMembers members = {.mailboxes = mailboxes, .complete = expansion->complete};
    for (guint i = 0; i < expansion->members->len; i++) {
        const ExgEwsMailbox *member = g_ptr_array_index(expansion->members, i);
        if (has_mailbox(member))
            g_ptr_array_add(mailboxes, member->address);
        else if (members.outsider == NULL)
            members.outsider = member->address;
    }
    question->members_function(&members, NULL, question->data);
}

static void
expanded(GObject *source, GAsyncResult *result, gpointer data)
{
    Question *question = data;
    g_autoptr(ExgEwsExpansion) expansion = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_expand_dl_recursive_finish(exg_account_ews(question->account), result, &expansion,
                                            &error)) {
        question->members_function(NULL, error, question->data);
    } else if (expansion->failures->len > 0) {
        const ExgEwsExpandFailure *failure = g_ptr_array_index(expansion->failures, 0);
        question->members_function(NULL, failure->error, question->data);
    } else {
        tell_members(question, expansion);
    }
    question_free(question);
}

static void
expand(ExgDirectorySource *source, const char *address, gint64 deadline_us,
       GCancellable *cancellable, ExgSourceMembersFunc function, gpointer data)
{
    Question *question = question_new(source, data);
    question->members_function = function;
    g_autoptr(ExgEwsMailbox) list = exg_ews_mailbox_new(address, "PublicDL");
    exg_ews_expand_dl_recursive_async(exg_account_ews(question->account), list,
                                      EXG_DIRECTORY_MAX_MEMBERS, deadline_us, cancellable, expanded,
                                      question);
}

static void
ews_source_free(ExgDirectorySource *source)
{
    EwsSource *self = (EwsSource *)source;
    exg_account_unref(self->account);
    g_free(self->tips_sender);
    g_free(self);
}

ExgDirectorySource *
exg_directory_source_ews_new(ExgAccount *account, const char *tips_sender)
{
    static const ExgDirectorySourceClass class = {
        .open_mailbox = open_mailbox,
        .identify = identify,
        .tell_tips = tell_tips,
        .expand = expand,
        .free = ews_source_free,
    };
    static const ExgDirectorySourceClass class_without_tips = {
        .open_mailbox = open_mailbox,
        .identify = identify,
        .expand = expand,
        .free = ews_source_free,
    };
    EwsSource *self = g_new0(EwsSource, 1);
    self->source.class = tips_sender != NULL ? &class : &class_without_tips;
    self->account = exg_account_ref(account);
    self->tips_sender = g_strdup(tips_sender);
    return &self->source;
}
