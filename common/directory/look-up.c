#include "common/directory/look-up-private.h"

#include "common/base/error.h"

typedef struct {
    ExgLookUpPlan plan;
    guint next; /* step of the plan's order */
    char *address;
    gint64 deadline_us;
    GCancellable *cancellable;
    GError *first_witness; /* the store knows no such mailbox */
    guint denials;
    bool is_somebody; /* the tips are those of somebody */
    bool tips_heard;
    ExgRecipientKind kind; /* the directory's word */
    ExgDirectoryVerdict verdict;
    ExgDirectoryOrigin origin;
    ExgDirectoryTips tips;
    ExgLookUpFunc function;
    gpointer data;
} LookUp;

static LookUp *
look_up_new(const ExgLookUpPlan *plan, const char *address, gint64 deadline_us,
            GCancellable *cancellable, ExgLookUpFunc function, gpointer data)
{
    LookUp *self = g_new0(LookUp, 1);
    self->plan = *plan;
    self->address = g_strdup(address);
    self->deadline_us = deadline_us;
    self->cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL;
    self->origin = EXG_DIRECTORY_ASKED;
    self->function = function;
    self->data = data;
    return self;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
conclude(LookUp *self, ExgDirectoryVerdict verdict, ExgRecipientKind kind, const GError *why)
{
    const ExgDirectoryFinding finding = {
        .verdict = verdict,
        .kind = kind,
        .origin = self->origin,
        .why = why,
        .tips = verdict != EXG_DIRECTORY_NO_SUCH ? self->tips : (ExgDirectoryTips){0},
    };
    self->function(&finding, self->data);
    g_clear_error(&self->first_witness);
    g_clear_object(&self->cancellable);
    g_free(self->address);
    g_free(self);
}

static void
conclude_silent(LookUp *self, const GError *why)
{
    conclude(self, EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_UNKNOWN, why);
}

static bool
can_tell_tips(const LookUp *self)
{
    return !self->tips_heard && self->plan.source->class->tell_tips != NULL &&
           exg_directory_order_has(&self->plan.order, EXG_STEP_TIPS);
}

static void
last_tips(ExgSourceWord word, const ExgDirectoryTips *tips, const GError *error, gpointer data)
{
    LookUp *self = data;
    if (error == NULL)
        self->tips = *tips;
    conclude(self, self->verdict, self->kind, self->first_witness);
}

/* Somebody has the address. */
static void
conclude_known(LookUp *self, ExgDirectoryVerdict verdict, ExgRecipientKind kind)
{
    self->verdict = verdict;
    self->kind = kind;
    if (self->plan.wants_tips && can_tell_tips(self))
        self->plan.source->class->tell_tips(self->plan.source, self->address, self->deadline_us,
                                            self->cancellable, last_tips, self);
    else
        conclude(self, verdict, kind, self->first_witness);
}

/* All have been heard, and nobody has opened the mailbox. */
static void
conclude_unopened(LookUp *self)
{
    ExgRecipientKind kind = self->kind;
    if ((kind == EXG_RECIPIENT_NOBODY || kind == EXG_RECIPIENT_UNKNOWN) && self->is_somebody)
        kind = self->tips.n_members > 0 ? EXG_RECIPIENT_GROUP : EXG_RECIPIENT_MAILBOX;
    ExgDirectoryVerdict verdict = exg_directory_verdict_without_mailbox(kind);
    if (verdict == EXG_DIRECTORY_NOT_A_MAILBOX) {
        conclude_known(self, verdict, kind);
    } else if (self->denials >= 2 && !self->is_somebody && kind != EXG_RECIPIENT_MAILBOX) {
        g_autoptr(GError) denied = exg_error_new(EXG_ERROR_NO_MAILBOX, "Nobody has this address");
        conclude(self, EXG_DIRECTORY_NO_SUCH, EXG_RECIPIENT_NOBODY,
                 self->first_witness != NULL ? self->first_witness : denied);
    } else if (kind == EXG_RECIPIENT_MAILBOX) {
        conclude(self, EXG_DIRECTORY_CANNOT_TELL, kind, self->first_witness);
    } else {
        g_autoptr(GError) alone = exg_error_new(
            EXG_ERROR_CONFIG, "It takes two of the sources open, tips and resolve to refuse a "
                              "recipient, and no two of them have answered");
        conclude_silent(self, alone);
    }
}

/* --- the witnesses ---------------------------------------------------------------------------- */

static void hear_next(LookUp *self);

static void
opened(const GError *error, gpointer data)
{
    LookUp *self = data;
    if (error == NULL) {
        conclude_known(self, EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
    } else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX)) {
        self->first_witness = g_error_copy(error);
        self->denials++;
        hear_next(self);
    } else {
        conclude_silent(self, error);
    }
}

static void
identified(ExgRecipientKind kind, const GError *error, gpointer data)
{
    LookUp *self = data;
    if (error != NULL) {
        conclude_silent(self, error);
        return;
    }
    self->kind = kind;
    self->denials += kind == EXG_RECIPIENT_NOBODY;
    if (kind == EXG_RECIPIENT_MAILBOX && self->first_witness == NULL)
        conclude_known(self, EXG_DIRECTORY_DELIVERABLE, kind);
    else
        hear_next(self);
}

/* That there are no tips for him, or that nobody can tell them, is no more than that. */
static void
told(ExgSourceWord word, const ExgDirectoryTips *tips, const GError *error, gpointer data)
{
    LookUp *self = data;
    self->tips_heard = true;
    if (error == NULL) {
        self->tips = *tips;
        self->denials += word == EXG_SOURCE_SAYS_NO;
        self->is_somebody = word == EXG_SOURCE_SAYS_YES;
    }
    if (self->is_somebody && self->denials == 0 && self->tips.n_members == 0)
        conclude_known(self, EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
    else
        hear_next(self);
}

static void
look_into_map(LookUp *self)
{
    ExgRecipientKind kind = exg_recipient_map_find(self->plan.map, self->address);
    if (kind == EXG_RECIPIENT_UNKNOWN) {
        hear_next(self);
        return;
    }
    self->origin = EXG_DIRECTORY_LISTED;
    conclude_known(self,
                   kind == EXG_RECIPIENT_MAILBOX ? EXG_DIRECTORY_DELIVERABLE
                                                 : EXG_DIRECTORY_NOT_A_MAILBOX,
                   kind);
}

/* Where nobody wants the tips, they are a witness only if there are too few others. Where they are
 * wanted, they are heard even after the store's denial: they know groups that the address list
 * hides, and that ResolveNames does not find for that. */
static bool
hears_tips(const LookUp *self)
{
    return can_tell_tips(self) &&
           (self->plan.wants_tips || exg_directory_order_witnesses(&self->plan.order) < 3);
}

static void
hear_next(LookUp *self)
{
    const ExgDirectorySourceClass *class = self->plan.source->class;
    ExgDirectoryStep step = self->next < EXG_N_STEPS ? self->plan.order.steps[self->next++]
                                                     : EXG_STEP_NONE;
    switch (step) {
    case EXG_STEP_MAP:
        look_into_map(self);
        return;
    case EXG_STEP_OPEN:
        class->open_mailbox(self->plan.source, self->address, self->deadline_us, self->cancellable,
                            opened, self);
        return;
    case EXG_STEP_TIPS:
        if (hears_tips(self))
            class->tell_tips(self->plan.source, self->address, self->deadline_us, self->cancellable,
                             told, self);
        else
            hear_next(self);
        return;
    case EXG_STEP_RESOLVE:
        class->identify(self->plan.source, self->address, self->deadline_us, self->cancellable,
                        identified, self);
        return;
    case EXG_STEP_NONE:
    case EXG_N_STEPS:
        break;
    }
    conclude_unopened(self);
}

void
exg_directory_look_up(const ExgLookUpPlan *plan, const char *address, gint64 deadline_us,
                      GCancellable *cancellable, ExgLookUpFunc function, gpointer data)
{
    hear_next(look_up_new(plan, address, deadline_us, cancellable, function, data));
}

void
exg_directory_hear_second(ExgDirectorySource *source, const char *address,
                          const GError *first_witness, gint64 deadline_us,
                          GCancellable *cancellable, ExgLookUpFunc function, gpointer data)
{
    const ExgLookUpPlan plan = {.source = source, .order = {{EXG_STEP_RESOLVE}}};
    LookUp *self = look_up_new(&plan, address, deadline_us, cancellable, function, data);
    self->first_witness = g_error_copy(first_witness);
    self->denials = 1;
    hear_next(self);
}
