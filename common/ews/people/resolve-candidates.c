#include "common/ews/people/resolve-candidates-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/mailbox-private.h"
#include "common/ews/value-private.h"

/* --- memory ----------------------------------------------------------------------------------- */

static const struct {
    const char *element;
    gsize offset;
} texts[] = {
    {"DisplayName", G_STRUCT_OFFSET(ExgEwsContact, display_name)},
    {"GivenName", G_STRUCT_OFFSET(ExgEwsContact, given_name)},
    {"Surname", G_STRUCT_OFFSET(ExgEwsContact, surname)},
    {"Initials", G_STRUCT_OFFSET(ExgEwsContact, initials)},
    {"Alias", G_STRUCT_OFFSET(ExgEwsContact, alias)},
    {"CompanyName", G_STRUCT_OFFSET(ExgEwsContact, company)},
    {"Department", G_STRUCT_OFFSET(ExgEwsContact, department)},
    {"JobTitle", G_STRUCT_OFFSET(ExgEwsContact, job_title)},
    {"OfficeLocation", G_STRUCT_OFFSET(ExgEwsContact, office)},
    {"AssistantName", G_STRUCT_OFFSET(ExgEwsContact, assistant)},
    {"Manager", G_STRUCT_OFFSET(ExgEwsContact, manager)},
    {"ContactSource", G_STRUCT_OFFSET(ExgEwsContact, source)},
};

static void
free_entry(gpointer data)
{
    ExgEwsContactEntry *entry = data;
    g_free(entry->key);
    g_free(entry->value);
    g_free(entry);
}

static void
free_contact(ExgEwsContact *contact)
{
    if (contact == NULL)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(G_STRUCT_MEMBER(char *, contact, texts[i].offset));
    g_ptr_array_unref(contact->addresses);
    g_ptr_array_unref(contact->phone_numbers);
    g_free(contact);
}

static void
free_candidate(gpointer data)
{
    ExgEwsCandidate *candidate = data;
    exg_ews_mailbox_free(candidate->mailbox);
    free_contact(candidate->contact);
    g_free(candidate);
}

static void
free_candidates(gpointer data)
{
    ExgEwsCandidates *candidates = data;
    if (candidates == NULL)
        return;
    g_clear_error(&candidates->error);
    g_clear_pointer(&candidates->candidates, g_ptr_array_unref);
    g_free(candidates);
}

static void
free_options(gpointer data)
{
    ExgEwsResolveOptions *options = data;
    g_free((char *)options->contacts_folder);
    g_free(options);
}

static const ExgEwsBatch batch = {
    .max_portion = 1, .result_size = sizeof(ExgEwsCandidates), .free_result = free_candidates};

/* --- the request ------------------------------------------------------------------------------ */

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    static const char *const scopes[EXG_EWS_N_SEARCH_SCOPES] = {
        [EXG_EWS_SEARCH_DIRECTORY] = "ActiveDirectory",
        [EXG_EWS_SEARCH_DIRECTORY_THEN_CONTACTS] = "ActiveDirectoryContacts",
        [EXG_EWS_SEARCH_CONTACTS] = "Contacts",
        [EXG_EWS_SEARCH_CONTACTS_THEN_DIRECTORY] = "ContactsActiveDirectory",
    };
    static const char *const shapes[EXG_EWS_N_CONTACT_SHAPES] = {
        [EXG_EWS_CONTACT_ID_ONLY] = "IdOnly",
        [EXG_EWS_CONTACT_DEFAULT] = "Default",
        [EXG_EWS_CONTACT_ALL] = "AllProperties",
    };
    const ExgEwsPortion *portion = context;
    const ExgEwsResolveOptions *options = portion->question;
    exg_xml_start(writer, "m:ResolveNames");
    exg_xml_attribute(writer, "ReturnFullContactData",
                      options->contact != EXG_EWS_CONTACT_NONE ? "true" : "false");
    if (scopes[options->scope] != NULL)
        exg_xml_attribute(writer, "SearchScope", scopes[options->scope]);
    if (shapes[options->contact] != NULL)
        exg_xml_attribute(writer, "ContactDataShape", shapes[options->contact]);
    if (options->contacts_folder != NULL) {
        exg_xml_start(writer, "m:ParentFolderIds");
        exg_ews_write_leaf(writer, "t:FolderId", "Id", options->contacts_folder);
        exg_xml_end(writer);
    }
    exg_xml_element(writer, "m:UnresolvedEntry", portion->things[0]);
}

/* --- the answer ------------------------------------------------------------------------------- */

static GPtrArray *
read_entries(const ExgXmlNode *contact, const char *name)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func(free_entry);
    const ExgXmlNode *list = exg_xml_node_child(contact, EXG_EWS_TYPES_SPACE, name);
    for (const ExgXmlNode *node = exg_xml_node_child(list, EXG_EWS_TYPES_SPACE, "Entry");
         node != NULL; node = exg_xml_node_next_same(node)) {
        const char *key = exg_xml_node_attribute(node, "Key");
        if (key == NULL || node->text[0] == '\0')
            continue;
        ExgEwsContactEntry *entry = g_new0(ExgEwsContactEntry, 1);
        entry->key = g_strdup(key);
        entry->value = g_strdup(node->text);
        g_ptr_array_add(entries, entry);
    }
    return entries;
}

static ExgEwsContact *
read_contact(const ExgXmlNode *node)
{
    if (node == NULL)
        return NULL;
    ExgEwsContact *contact = g_new0(ExgEwsContact, 1);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        G_STRUCT_MEMBER(char *, contact,
                        texts[i].offset) = g_strdup(exg_ews_child_text(node, texts[i].element));
    contact->addresses = read_entries(node, "EmailAddresses");
    contact->phone_numbers = read_entries(node, "PhoneNumbers");
    return contact;
}

static GPtrArray *
read_set(const ExgXmlNode *set)
{
    GPtrArray *candidates = g_ptr_array_new_with_free_func(free_candidate);
    for (const ExgXmlNode *node = exg_xml_node_child(set, EXG_EWS_TYPES_SPACE, "Resolution");
         node != NULL; node = exg_xml_node_next_same(node)) {
        ExgEwsMailbox *mailbox = exg_ews_mailbox_read(
            exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "Mailbox"));
        if (mailbox == NULL)
            continue;
        ExgEwsCandidate *candidate = g_new0(ExgEwsCandidate, 1);
        candidate->mailbox = mailbox;
        candidate->contact = read_contact(exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "Contact"));
        g_ptr_array_add(candidates, candidate);
    }
    return candidates;
}

static bool
read_one(const ExgEwsOperation *operation, const ExgXmlNode *message, const ExgEwsPortion *portion,
         gpointer result, GError **error)
{
    ExgEwsCandidates *candidates = result;
    if (!exg_ews_message_check_names(operation, message, error))
        return false;
    const ExgXmlNode *set = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "ResolutionSet");
    if (set == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a ResolutionSet");
    candidates->candidates = read_set(set);
    candidates->complete = exg_ews_read_bool(exg_xml_node_attribute(set, "IncludesLastItemInRange"),
                                             true);
    return true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer portion,
       gpointer *ret_result, GError **error)
{
    return exg_ews_batch_read(&batch, operation, message, portion, read_one, ret_result, error);
}

const ExgEwsOperation exg_ews_resolve_candidates_operation = {
    .name = "ResolveNames",
    .own_mailbox = true,
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

const ExgEwsOperation exg_ews_resolve_shaped_candidates_operation = {
    .name = "ResolveNames",
    .own_mailbox = true,
    .n_messages = 1,
    .minimum_version = "Exchange2010_SP2",
    .write = write_request,
    .decode = decode,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

/* --- the call --------------------------------------------------------------------------------- */

void
exg_ews_resolve_candidates_async(ExgEwsService *service, const ExgEwsTarget *target,
                                 const char *const *names, const ExgEwsResolveOptions *options,
                                 gint64 deadline_us, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer data)
{
    bool shaped = options->contact >= EXG_EWS_CONTACT_ID_ONLY;
    const ExgEwsOperation *operation = shaped ? &exg_ews_resolve_shaped_candidates_operation
                                              : &exg_ews_resolve_candidates_operation;
    ExgEwsResolveOptions *copy = g_new0(ExgEwsResolveOptions, 1);
    *copy = *options;
    copy->contacts_folder = g_strdup(options->contacts_folder);
    GPtrArray *entries = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; names[i] != NULL; i++)
        g_ptr_array_add(entries, g_strdup(names[i]));
    exg_ews_batch_start(service, operation, &batch, target, copy, free_options, entries,
                        deadline_us, cancellable, callback, data);
}

bool
exg_ews_resolve_candidates_finish(ExgEwsService *service, GAsyncResult *result,
                                  GPtrArray **ret_candidates, GError **error)
{
    return exg_ews_batch_finish(result, &batch, ret_candidates, error);
}
