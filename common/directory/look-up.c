#include "common/directory/look-up-private.h"

#include "common/base/error.h"

typedef struct {
    ExgDirectorySource *source;
    char *address;
    gint64 deadline_us;
    GCancellable *cancellable;
    GError *first_witness; /* the store knows no such mailbox */
    ExgLookUpFunc function;
    gpointer data;
} LookUp;

static LookUp *
look_up_new(ExgDirectorySource *source, const char *address, gint64 deadline_us,
            GCancellable *cancellable, ExgLookUpFunc function, gpointer data)
{
    LookUp *self = g_new0(LookUp, 1);
    self->source = source;
    self->address = g_strdup(address);
    self->deadline_us = deadline_us;
    self->cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL;
    self->function = function;
    self->data = data;
    return self;
}

static void
conclude(LookUp *self, ExgDirectoryVerdict verdict, ExgRecipientKind kind, const GError *why)
{
    const ExgDirectoryFinding finding = {
        .verdict = verdict,
        .kind = kind,
        .origin = EXG_DIRECTORY_ASKED,
        .why = why,
    };
    self->function(&finding, self->data);
    g_clear_error(&self->first_witness);
    g_clear_object(&self->cancellable);
    g_free(self->address);
    g_free(self);
}

static void
identified(ExgRecipientKind kind, const GError *error, gpointer data)
{
    LookUp *self = data;
    if (error != NULL)
        conclude(self, EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_UNKNOWN, error);
    else
        conclude(self, exg_directory_verdict_without_mailbox(kind), kind, self->first_witness);
}

static void
hear_second(LookUp *self)
{
    self->source->class->identify(self->source, self->address, self->deadline_us, self->cancellable,
                                  identified, self);
}

static void
opened(const GError *error, gpointer data)
{
    LookUp *self = data;
    if (error == NULL) {
        conclude(self, EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX, NULL);
    } else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX)) {
        self->first_witness = g_error_copy(error);
        hear_second(self);
    } else {
        conclude(self, EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_UNKNOWN, error);
    }
}

void
exg_directory_look_up(ExgDirectorySource *source, const char *address, gint64 deadline_us,
                      GCancellable *cancellable, ExgLookUpFunc function, gpointer data)
{
    LookUp *self = look_up_new(source, address, deadline_us, cancellable, function, data);
    source->class->open_mailbox(source, self->address, deadline_us, self->cancellable, opened,
                                self);
}

void
exg_directory_hear_second(ExgDirectorySource *source, const char *address,
                          const GError *first_witness, gint64 deadline_us,
                          GCancellable *cancellable, ExgLookUpFunc function, gpointer data)
{
    LookUp *self = look_up_new(source, address, deadline_us, cancellable, function, data);
    self->first_witness = g_error_copy(first_witness);
    hear_second(self);
}
