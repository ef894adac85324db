/* A milter that does nothing, for comparison: it takes every recipient.
 *
 *     idle-milter SOCKET         asks for recipients alone; SOCKET in libmilter's form, such as unix:/path
 *     idle-milter SOCKET mail    asks for MAIL as well, as exgate-milter does, which wants to know the size */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>

static bool wants_mail;

static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long unused_1,
             unsigned long unused_2, unsigned long *ret_actions, unsigned long *ret_steps,
             unsigned long *ret_1, unsigned long *ret_2)
{
    *ret_actions = 0;
    *ret_steps = steps & (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NOHDRS |
                          SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN);
    if (wants_mail)
        *ret_steps &= ~(unsigned long)SMFIP_NOMAIL;
    *ret_1 = 0;
    *ret_2 = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_sender(SMFICTX *context, char **arguments)
{
    return SMFIS_CONTINUE;
}

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    return SMFIS_CONTINUE;
}

static sfsistat
on_data(SMFICTX *context)
{
    return SMFIS_ACCEPT;
}

int
main(int argc, char **argv)
{
    struct smfiDesc description = {
        .xxfi_name = (char *)"idle-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_negotiate = on_negotiate,
        .xxfi_envfrom = on_sender,
        .xxfi_envrcpt = on_recipient,
        .xxfi_data = on_data,
    };
    if (argc < 2) {
        fprintf(stderr, "usage: idle-milter SOCKET [mail]\n");
        return 64;
    }
    wants_mail = argc > 2;
    return smfi_setconn(argv[1]) == MI_SUCCESS && smfi_register(description) == MI_SUCCESS &&
                   smfi_main() == MI_SUCCESS
               ? 0
               : 1;
}
